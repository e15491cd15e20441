// Stand-ins for the public interface of UnrealCV (MIT, github.com/unrealcv/unrealcv): the members that
// the plugin calls, declared as its headers declare them. STUB_OLD_UNREALCV is the server before March
// 2026, with public members instead of accessors.
#pragma once

#include "UnrealStub.h"

class FExecStatus {
public:
#ifdef STUB_OLD_UNREALCV
    static FExecStatus OK(FString Message = TEXT(""));
    static FExecStatus Error(FString ErrorMessage);
    static FExecStatus Binary(TArray<uint8>& InBinaryData);
#else
    [[nodiscard]] static FExecStatus OK(const FString& Message = TEXT(""));
    [[nodiscard]] static FExecStatus Error(const FString& ErrorMessage);
    [[nodiscard]] static FExecStatus Binary(const TArray<uint8>& InBinaryData);
#endif
};

DECLARE_DELEGATE_RetVal_OneParam(FExecStatus, FDispatcherDelegate, const TArray<FString>&);

class FCommandDispatcher {
public:
    bool BindCommand(const FString& UriTemplate, const FDispatcherDelegate& Command, const FString& Description);
};

class FServerConfig {
public:
    int32 Port, Width, Height;
    float FOV;
};

class FObjectAnnotator {
public:
    TMap<FString, FColor> GetAnnotationColors();
};

class AUnrealcvWorldController : public AActor {
public:
    FObjectAnnotator ObjectAnnotator;
};

class FUnrealcvServer {
public:
    static FUnrealcvServer& Get();
    APawn* GetPawn();
#ifdef STUB_OLD_UNREALCV
    UWorld* GetGameWorld();
    TSharedPtr<FCommandDispatcher> CommandDispatcher;
    FServerConfig Config;
    TWeakObjectPtr<AUnrealcvWorldController> WorldController;
#else
    [[nodiscard]] UWorld* GetGameWorld() const;
    [[nodiscard]] TSharedPtr<FCommandDispatcher> GetCommandDispatcher() const;
    [[nodiscard]] const FServerConfig& GetConfig() const;
    [[nodiscard]] TWeakObjectPtr<AUnrealcvWorldController> GetWorldController() const;

private:
    TSharedPtr<FCommandDispatcher> CommandDispatcher;
    FServerConfig Config;
    TWeakObjectPtr<AUnrealcvWorldController> WorldController;
#endif
};

class UFusionCamSensor : public UPrimitiveComponent {
public:
    void GetSeg(TArray<FColor>& ObjMaskData, int& InOutWidth, int& InOutHeight);
    void SetSensorLocation(FVector Location);
    void SetSensorRotation(FRotator Rotator);
    float GetFilmWidth();
    float GetFilmHeight();
    float GetSensorFOV();
};

class USensorBPLib : public UObject {
public:
    static UFusionCamSensor* GetSensorById(int SensorId);
};
