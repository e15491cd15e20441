// Stand-ins for the parts of Unreal Engine's interface that the plugin uses, so that its sources can
// be parsed and type-checked without the engine (`g++ -fsyntax-only`). Written from Epic's public
// documentation (dev.epicgames.com); nothing is copied from the engine's source, and nothing here
// does anything. A signature that is wrong here is a mistake that only a build with Unreal can find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

using uint8 = std::uint8_t;
using int32 = std::int32_t;
using uint32 = std::uint32_t;
using int64 = std::int64_t;
using uint64 = std::uint64_t;
using TCHAR = char16_t;

#define TEXT(literal) u##literal
#define UCLASS(...)
#define USTRUCT(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
#define GENERATED_BODY() \
public:                  \
    static class UClass* StaticClass();
#define UE_LOG(category, level, format, ...) ((void)sizeof(category), (void)sizeof(format))
#define DEFINE_LOG_CATEGORY_STATIC(name, level, most) struct FStubLog##name { } name
#define IMPLEMENT_MODULE(type, name) IModuleInterface* StubModule##name() { return new type; }
#define SCENE_QUERY_STAT(name) FName(TEXT(#name))
#define DECLARE_DELEGATE_RetVal_OneParam(result, name, argument) using name = TStubDelegate<result(argument)>
#define UTF8_TO_TCHAR(text) StubTo16(text)
#define TCHAR_TO_UTF8(text) StubTo8(text)
#ifndef WITH_EDITOR
#define WITH_EDITOR 1
#endif
#ifndef UNREALCV_API
#define UNREALCV_API
#endif

enum EForceInit { ForceInit };
enum EObjectFlags { RF_Transient = 1 };
enum ELevelTick { LEVELTICK_All };

const TCHAR* StubTo16(const char* text);
const char* StubTo8(const TCHAR* text);

template <typename T> class TArray {
public:
    TArray() = default;
    TArray(std::initializer_list<T>);
    int32 Num() const;
    T* GetData();
    const T* GetData() const;
    void Append(const T* data, int32 count);
    void Add(const T& item);
    T* begin();
    T* end();
    const T* begin() const;
    const T* end() const;
};
template <typename T> class TArray64 {
public:
    int64 Num() const;
    const T* GetData() const;
};
template <typename K, typename V> struct TPair { K Key; V Value; };
template <typename K, typename V> class TMap {
public:
    TPair<K, V>* begin();
    TPair<K, V>* end();
    const TPair<K, V>* begin() const;
    const TPair<K, V>* end() const;
};
template <typename T> class TSharedPtr {
public:
    T* operator->() const;
    bool IsValid() const;
};
template <typename T> class TSharedRef {
public:
    T& operator*() const;
};
template <typename T> TSharedRef<T> MakeShared(T value);
template <typename T> class TWeakObjectPtr {
public:
    TWeakObjectPtr() = default;
    TWeakObjectPtr& operator=(T* object);
    bool IsValid() const;
    T* Get() const;
    T* operator->() const;
};
template <typename T> struct TNumericLimits { static T Max(); };

class FString {
public:
    FString() = default;
    FString(const TCHAR* text);
    const TCHAR* operator*() const;
    bool IsEmpty() const;
    FString operator+(const TCHAR* text) const;
    FString operator+(const FString& text) const;
};
struct FDateTime {
    static FDateTime Now();
    FString ToString(const TCHAR* format) const;
};
class FName {
public:
    FName(const TCHAR* name);
};

struct FVector {
    double X, Y, Z;
    static const FVector ZeroVector;
    FVector() = default;
    FVector(double x, double y, double z);
    bool Equals(const FVector& other, double tolerance) const;
    double GetMax() const;
};
struct FVector_NetQuantize : FVector { };
struct FRotator {
    double Pitch, Yaw, Roll;
    static const FRotator ZeroRotator;
    FRotator() = default;
    FRotator(double pitch, double yaw, double roll);
};
struct FQuat { static const FQuat Identity; };
struct FBox {
    FVector Min, Max;
    uint8 IsValid;
    explicit FBox(EForceInit);
    FBox& operator+=(const FBox& other);
    FVector GetSize() const;
};
struct FColor {
    uint8 B, G, R, A;
    static const FColor Green, Red;
};
struct FLinearColor { float R, G, B, A; };
struct FMath {
    template <typename T> static T Max(T a, T b);
    template <typename T> static T Min(T a, T b);
    template <typename T> static T Abs(T a);
};

template <typename Signature> class TStubDelegate;
template <typename Result, typename... Arguments> class TStubDelegate<Result(Arguments...)> {
public:
    template <typename Lambda> static TStubDelegate CreateLambda(Lambda lambda) {
        Result (*const called)(const Lambda&, Arguments...) =
            [](const Lambda& run, Arguments... arguments) -> Result { return run(arguments...); };
        return (void)lambda, (void)called, TStubDelegate();
    }
    static TStubDelegate CreateStatic(Result (*function)(Arguments...));
    template <typename Object> static TStubDelegate CreateRaw(Object* object, Result (Object::*method)(Arguments...));
};
class FDelegateHandle { };
template <typename... Arguments> class TStubMulticast {
public:
    template <typename Object> FDelegateHandle AddRaw(Object* object, void (Object::*method)(Arguments...));
    bool Remove(FDelegateHandle handle);
};

class UClass { };
class UObject {
public:
    FString GetName() const;
    bool IsA(const UClass* type) const;
};
bool IsValid(const UObject* object);
template <typename T> T* NewObject(UObject* outer);
template <typename T, typename From> T* Cast(From* object);
int32 GetNumAsyncPackages();
bool IsRunningCommandlet();
bool IsRunningDedicatedServer();
extern uint64 GFrameCounter;
extern FString GGameIni;

class UWorld;
class AActor;
class APawn;
class AController;
class APlayerController;

class UActorComponent : public UObject { };
class USceneComponent : public UActorComponent {
public:
    void SetupAttachment(USceneComponent* parent);
};
class UPrimitiveComponent : public USceneComponent {
public:
    float GetClosestPointOnCollision(const FVector& point, FVector& closest, FName bone = FName(nullptr)) const;
};
enum class ETeleportType { None, TeleportPhysics };
struct FHitResult {
    float Time, Distance;
    FVector_NetQuantize ImpactPoint, Normal;
    AActor* GetActor() const;
};
struct FOverlapResult {
    UPrimitiveComponent* GetComponent() const;
    AActor* GetActor() const;
};
struct FStubTick { bool bCanEverTick; };
class AActor : public UObject {
public:
    using Super = AActor;
    virtual ~AActor() = default;
    virtual void Tick(float delta_s);
    FStubTick PrimaryActorTick;
    USceneComponent* RootComponent;
    template <typename T> T* CreateDefaultSubobject(const TCHAR* name);
    bool SetActorLocation(const FVector& to, bool sweep, FHitResult* hit, ETeleportType how);
    bool SetActorLocationAndRotation(FVector to, FRotator rotation, bool sweep, FHitResult* hit, ETeleportType how);
    FVector GetActorLocation() const;
    FRotator GetActorRotation() const;
    FBox GetComponentsBoundingBox(bool with_non_colliding) const;
    bool ActorHasTag(FName tag) const;
    bool GetActorEnableCollision() const;
    bool IsHidden() const;
    UWorld* GetWorld() const;
};
class APlayerStart : public AActor { GENERATED_BODY() };
class AController : public AActor {
public:
    void SetControlRotation(const FRotator& rotation);
    APawn* GetPawn() const;
};
class APawn : public AActor {
public:
    using Super = AActor;
    AController* GetController() const;
};
struct FKey { };
struct EKeys {
    static const FKey W, A, S, D, R, F, C, Z, V, Up, Down, Left, Right, LeftShift, Enter, Gamepad_LeftX, Gamepad_LeftY,
        Gamepad_RightX, Gamepad_RightY, Gamepad_LeftTriggerAxis, Gamepad_RightTriggerAxis, Gamepad_LeftShoulder,
        Gamepad_RightShoulder, Gamepad_FaceButton_Bottom;
};
class APlayerController : public AController {
public:
    void GetPlayerViewPoint(FVector& location, FRotator& rotation) const;
    void Possess(APawn* pawn);
    bool IsInputKeyDown(FKey key) const;
    bool WasInputKeyJustPressed(FKey key) const;
    float GetInputAnalogKeyState(FKey key) const;
    FString ConsoleCommand(const FString& command, bool write_to_log = true);
};

enum ECollisionChannel { ECC_WorldStatic, ECC_Pawn };
struct FCollisionShape { static FCollisionShape MakeSphere(float radius); };
struct FCollisionQueryParams { FCollisionQueryParams(FName tag, bool complex, const AActor* ignored); };
enum class ESpawnActorCollisionHandlingMethod { AlwaysSpawn };
struct FActorSpawnParameters {
    EObjectFlags ObjectFlags;
    ESpawnActorCollisionHandlingMethod SpawnCollisionHandlingOverride;
};
class UWorld : public UObject {
public:
    bool OverlapBlockingTestByChannel(const FVector&, const FQuat&, ECollisionChannel, const FCollisionShape&, const FCollisionQueryParams&) const;
    bool OverlapMultiByChannel(TArray<FOverlapResult>&, const FVector&, const FQuat&, ECollisionChannel, const FCollisionShape&, const FCollisionQueryParams&) const;
    bool SweepSingleByChannel(FHitResult&, const FVector&, const FVector&, const FQuat&, ECollisionChannel, const FCollisionShape&, const FCollisionQueryParams&) const;
    bool LineTraceSingleByChannel(FHitResult&, const FVector&, const FVector&, ECollisionChannel, const FCollisionQueryParams&) const;
    APlayerController* GetFirstPlayerController() const;
    template <typename T> T* SpawnActor(const FActorSpawnParameters& how);
    FString GetMapName() const;
    bool IsPaused() const;
};
template <typename T> class TActorIterator {
public:
    explicit TActorIterator(const UWorld* world);
    explicit operator bool() const;
    TActorIterator& operator++();
    T* operator*() const;
};

enum EPixelFormat : uint8 { PF_A32B32G32R32F };
enum ETextureRenderTargetFormat { RTF_RGBA8 };
enum ERangeCompressionMode { RCM_UNorm, RCM_MinMax };
enum class ESceneCapturePrimitiveRenderMode : uint8 { PRM_RenderScenePrimitives };
enum ESceneCaptureSource { SCS_FinalColorLDR, SCS_SceneDepth, SCS_Normal };
enum EAutoExposureMethod { AEM_Manual };
struct FReadSurfaceDataFlags {
    FReadSurfaceDataFlags(ERangeCompressionMode mode = RCM_UNorm);
    void SetLinearToGamma(bool on);
};
class FTextureRenderTargetResource {
public:
    bool ReadPixels(TArray<FColor>& pixels, FReadSurfaceDataFlags flags);
    bool ReadLinearColorPixels(TArray<FLinearColor>& pixels, FReadSurfaceDataFlags flags);
};
class UTextureRenderTarget2D : public UObject {
public:
    int32 SizeX, SizeY;
    float TargetGamma;
    ETextureRenderTargetFormat RenderTargetFormat;
    void InitCustomFormat(uint32 width, uint32 height, EPixelFormat format, bool linear_gamma);
    void InitAutoFormat(uint32 width, uint32 height);
    FTextureRenderTargetResource* GameThread_GetRenderTargetResource();
};
struct FPostProcessSettings {
    uint8 bOverride_MotionBlurAmount : 1, bOverride_AutoExposureMethod : 1, bOverride_AutoExposureBias : 1,
        bOverride_AutoExposureApplyPhysicalCameraExposure : 1, AutoExposureApplyPhysicalCameraExposure : 1;
    float MotionBlurAmount, AutoExposureBias;
    EAutoExposureMethod AutoExposureMethod;
};
class USceneCaptureComponent2D : public USceneComponent {
public:
    bool bCaptureEveryFrame, bCaptureOnMovement, bAlwaysPersistRenderingState, bUseRayTracingIfEnabled;
    ESceneCapturePrimitiveRenderMode PrimitiveRenderMode;
    ESceneCaptureSource CaptureSource;
    float FOVAngle, PostProcessBlendWeight;
    FPostProcessSettings PostProcessSettings;
    UTextureRenderTarget2D* TextureTarget;
    void CaptureScene();
};
class UCameraComponent : public USceneComponent {
public:
    bool bUsePawnControlRotation;
};
class UEngine : public UObject {
public:
    float GetDisplayGamma() const;
    void AddOnScreenDebugMessage(int32 key, float seconds, struct FColor colour, const FString& text);
};
extern UEngine* GEngine;

class IConsoleVariable {
public:
    int32 GetInt() const;
    FString GetString() const;
};
class IConsoleObject { };
class IConsoleCommand : public IConsoleObject { };
using FConsoleCommandDelegate = TStubDelegate<void()>;
class IConsoleManager {
public:
    static IConsoleManager& Get();
    IConsoleCommand* RegisterConsoleCommand(const TCHAR* name, const TCHAR* help, const FConsoleCommandDelegate& run, uint32 flags = 0);
    void UnregisterConsoleObject(IConsoleObject* object, bool keep_state = true);
    IConsoleVariable* FindConsoleVariable(const TCHAR* name) const;
};
using FConsoleCommandWithWorldDelegate = TStubDelegate<void(UWorld*)>;
class FAutoConsoleCommandWithWorld {
public:
    FAutoConsoleCommandWithWorld(const TCHAR* name, const TCHAR* help, const FConsoleCommandWithWorldDelegate& run);
};
class FApp {
public:
    static void SetUseFixedTimeStep(bool on);
    static void SetFixedDeltaTime(double seconds);
    static double GetDeltaTime();
};
class FEngineVersion {
public:
    static const FEngineVersion& Current();
    FString ToString() const;
};
class FConfigCacheIni {
public:
    bool GetString(const TCHAR* section, const TCHAR* key, FString& value, const FString& file) const;
};
extern FConfigCacheIni* GConfig;
class FShaderPipelineCache {
public:
    static uint32 NumPrecompilesRemaining();
};
class FShaderCompilingManager {
public:
    int32 GetNumRemainingJobs() const;
};
extern FShaderCompilingManager* GShaderCompilingManager;
class IStreamingManager {
public:
    static IStreamingManager& Get();
    int32 GetNumWantingResources() const;
};
struct FNavLocation { FVector Location; };
class UNavigationSystemV1 : public UObject {
public:
    static UNavigationSystemV1* GetCurrent(UWorld* world);
    bool ProjectPointToNavigation(const FVector& point, FNavLocation& found, const FVector& extent) const;
};
struct FCoreUObjectDelegates { static TStubMulticast<UWorld*> PostLoadMapWithWorld; };
struct FWorldDelegates { static TStubMulticast<UWorld*, ELevelTick, float> OnWorldPostActorTick; };
class IModuleInterface {
public:
    virtual ~IModuleInterface() = default;
    virtual void StartupModule() { }
    virtual void ShutdownModule() { }
};
struct FModuleManager {
    template <typename T> static T& LoadModuleChecked(const TCHAR* name);
};
enum class EImageFormat { PNG };
enum class ERGBFormat { BGRA };
class IImageWrapper {
public:
    bool SetRaw(const void* data, int64 size, int32 width, int32 height, ERGBFormat format, int32 bits);
    TArray64<uint8> GetCompressed(int32 quality = 0);
};
class IImageWrapperModule : public IModuleInterface {
public:
    TSharedPtr<IImageWrapper> CreateImageWrapper(EImageFormat format);
};
enum EFileWrite { FILEWRITE_Append = 8 };
class IFileManager {
public:
    static IFileManager& Get();
    bool MakeDirectory(const TCHAR* path, bool tree);
    bool Move(const TCHAR* to, const TCHAR* from, bool replace);
    int64 FileSize(const TCHAR* path);
    void FindFiles(TArray<FString>& found, const TCHAR* pattern, bool files, bool folders);
};
struct FFileHelper {
    enum class EEncodingOptions { ForceUTF8WithoutBOM };
    static bool LoadFileToArray(TArray<uint8>& data, const TCHAR* path, uint32 flags = 0);
    static bool SaveArrayToFile(const TArray<uint8>& data, const TCHAR* path);
    static bool SaveStringToFile(const FString& text, const TCHAR* path, EEncodingOptions encoding, IFileManager* files, uint32 flags);
};
struct FPaths {
    static FString ProjectSavedDir();
    static FString ConvertRelativePathToFull(const FString& path);
    static FString GetPath(const FString& path);
    template <typename A, typename B> static FString Combine(const A& a, const B& b);
};
