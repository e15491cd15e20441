// SPDX-License-Identifier: Apache-2.0
#include "UnrealGame.h"

#include "ContentStreaming.h"
#include "CoreGlobals.h"
#include "Engine/World.h"
#include "FusionCamSensor.h"
#include "GameFramework/Pawn.h"
#include "GameFramework/PlayerController.h"
#include "HAL/IConsoleManager.h"
#include "Misc/App.h"
#include "SensorBPLib.h"
#include "ShaderPipelineCache.h"
#include "UObject/UObjectGlobals.h"
#if WITH_EDITOR
#include "ShaderCompiler.h"
#endif

#include "Conversions.h"
#include "UnrealcvShim.h"

namespace openrelic {
namespace {

constexpr double kFarthestCm = 20000.0;  // clearance beyond is said to be this
constexpr int32 kLumen = 1;              // of r.DynamicGlobalIlluminationMethod

const std::string kNoWorld = "no level is loaded";

int32 ConsoleNumber(const TCHAR* name) {
    const IConsoleVariable* const variable = IConsoleManager::Get().FindConsoleVariable(name);
    return variable != nullptr ? variable->GetInt() : 0;
}

}  // namespace

void UnrealGame::BeginLevel() {
    rigs_.clear();
    facts_known_ = false;
}

UWorld* UnrealGame::World() const { return FUnrealcvServer::Get().GetGameWorld(); }

WorldQueries UnrealGame::Queries() const { return WorldQueries(World(), Player()); }

APawn* UnrealGame::Player() const {
    UWorld* const world = World();
    APlayerController* const controller = world != nullptr ? world->GetFirstPlayerController() : nullptr;
    return controller != nullptr ? controller->GetPawn() : nullptr;
}

EngineSigns UnrealGame::Signs() const {
    EngineSigns signs;
    signs.shaders_left = FShaderPipelineCache::NumPrecompilesRemaining();
#if WITH_EDITOR
    if (GShaderCompilingManager != nullptr) signs.shaders_left += GShaderCompilingManager->GetNumRemainingJobs();
#endif
    signs.textures_pending = IStreamingManager::Get().GetNumWantingResources() > 0 || GetNumAsyncPackages() > 0;
    signs.exposure_fixed = exposure_fixed_;
    signs.lumen = ConsoleNumber(TEXT("r.DynamicGlobalIlluminationMethod")) == kLumen;
    return signs;
}

int64_t UnrealGame::Frame() const { return static_cast<int64_t>(GFrameCounter); }

SceneFacts UnrealGame::Facts() {
    if (World() == nullptr) return {};
    if (!facts_known_) facts_ = FactsOf(World());
    facts_known_ = true;
    return facts_;
}

UFusionCamSensor* UnrealGame::SensorOf(int64_t camera) const {
    return USensorBPLib::GetSensorById(static_cast<int>(camera));
}

bool UnrealGame::HasCamera(int64_t camera) { return World() != nullptr && IsValid(SensorOf(camera)); }

Pose UnrealGame::PlayerPose() {
    UWorld* const world = World();
    APlayerController* const controller = world != nullptr ? world->GetFirstPlayerController() : nullptr;
    if (controller == nullptr) return {};
    FVector location;
    FRotator rotation;
    controller->GetPlayerViewPoint(location, rotation);
    return PoseOf(location, rotation);
}

AOpenRelicRig* UnrealGame::RigOf(int64_t camera) {
    TWeakObjectPtr<AOpenRelicRig>& rig = rigs_[camera];
    if (!rig.IsValid()) {
        FActorSpawnParameters how;
        how.ObjectFlags = RF_Transient;
        how.SpawnCollisionHandlingOverride = ESpawnActorCollisionHandlingMethod::AlwaysSpawn;
        rig = World()->SpawnActor<AOpenRelicRig>(how);
        if (rig.IsValid() && exposure_fixed_) rig->FixExposure(static_cast<float>(ev_));
    }
    return rig.Get();
}

FRigView UnrealGame::ViewOf(int64_t camera, const Pose& pose) const {
    FRigView view;
    FUnrealcvServer& server = FUnrealcvServer::Get();
    const auto& config = shim::Config(server, 0);
    view.Location = LocationOf(pose), view.Rotation = RotationOf(pose);
    view.FovDeg = config.FOV, view.Width = config.Width, view.Height = config.Height;
    UFusionCamSensor* const sensor = SensorOf(FMath::Max<int64_t>(camera, 0));
    if (!IsValid(sensor)) return view;
    view.FovDeg = sensor->GetSensorFOV();
    const int32 width = static_cast<int32>(sensor->GetFilmWidth()), height = static_cast<int32>(sensor->GetFilmHeight());
    if (width > 0 && height > 0) view.Width = width, view.Height = height;
    return view;
}

/// So that `vget /camera/N/pose` answers what was drawn.
void UnrealGame::MoveCamera(int64_t camera, const Pose& pose) const {
    if (camera > 0) {
        UFusionCamSensor* const sensor = SensorOf(camera);
        sensor->SetSensorLocation(LocationOf(pose));
        sensor->SetSensorRotation(RotationOf(pose));
    } else if (APawn* const pawn = Player()) {
        pawn->SetActorLocation(LocationOf(pose), false, nullptr, ETeleportType::TeleportPhysics);
        if (AController* const controller = pawn->GetController()) controller->SetControlRotation(RotationOf(pose));
    }
}

bool UnrealGame::Draw(int64_t camera, const Pose& pose, const std::vector<std::string>& passes, Drawn& drawn,
                        std::string& error) {
    error = kNoWorld;
    AOpenRelicRig* const rig = World() != nullptr ? RigOf(camera) : nullptr;
    if (rig == nullptr) return false;
    MoveCamera(camera, pose);
    const FRigView view = ViewOf(camera, pose);
    rig->Look(view);
    for (const std::string& pass : passes) {
        drawn.images.emplace_back();
        const bool good = pass == "mask_u8" ? DrawMask(camera, view, drawn.images.back(), error)
                                            : rig->Draw(pass, drawn.images.back(), error);
        if (!good) return false;
    }
    // Of the rig itself: what the engine made of the pose, not what it was asked for.
    drawn.facts = {Frame(), PoseOf(rig->GetActorLocation(), rig->GetActorRotation()), view.FovDeg, view.Width, view.Height};
    return true;
}

/// UnrealCV's own sensor: its annotation is what `/object/X/color` speaks of.
bool UnrealGame::DrawMask(int64_t camera, const FRigView& view, std::vector<uint8_t>& pixels, std::string& error) const {
    UFusionCamSensor* const sensor = SensorOf(camera);
    sensor->SetSensorLocation(view.Location);  // camera 0's is moved by its pawn only in the next tick
    sensor->SetSensorRotation(view.Rotation);
    TArray<FColor> colours;
    int width = 0, height = 0;
    sensor->GetSeg(colours, width, height);
    if (width != view.Width || height != view.Height) {
        error = "the mask is " + std::to_string(width) + " x " + std::to_string(height) + " pixels, not those of the camera";
        return false;
    }
    pixels = PackMask(reinterpret_cast<const uint8_t*>(colours.GetData()), static_cast<size_t>(colours.Num()));
    return true;
}

bool UnrealGame::Refresh() {
    if (World() == nullptr) return false;
    if (rigs_.empty() && HasCamera(0)) RigOf(0)->Look(ViewOf(0, PlayerPose()));
    bool any = false;
    for (auto& [camera, rig] : rigs_) {
        if (!rig.IsValid()) continue;
        rig->Refresh();
        any = true;
    }
    return any;
}

void UnrealGame::FixExposure(double ev) {
    exposure_fixed_ = true, ev_ = ev;
    for (auto& [camera, rig] : rigs_) {
        if (rig.IsValid()) rig->FixExposure(static_cast<float>(ev));
    }
}

bool UnrealGame::Touches(const Vec3& centre, double radius) {
    return World() != nullptr && Queries().Touches(centre, radius);
}

bool UnrealGame::CanPass(const Vec3& from, const Vec3& to, double radius) {
    return World() != nullptr && Queries().CanPass(from, to, radius);
}

bool UnrealGame::Sweep(const Vec3& from, const Vec3& to, double radius, Hit& hit) {
    return World() != nullptr && Queries().Sweep(from, to, radius, hit);
}

double UnrealGame::Nearest(const Vec3& point, Vec3& surface) {
    std::string object;
    const double distance = Clearance(*this, point, kFarthestCm);
    surface = World() != nullptr ? Queries().SurfaceAt(point, distance, object) : point;
    return distance;
}

void UnrealGame::FixTimeStep(double step_s) {
    FApp::SetUseFixedTimeStep(step_s > 0.0);
    if (step_s > 0.0) FApp::SetFixedDeltaTime(step_s);
}

}  // namespace openrelic
