// SPDX-License-Identifier: Apache-2.0
// What a world holds: bounds, places to start, mask colours, what its makers say of it.
//
// DefaultGame.ini:  [OpenRelic]  Licence=… Caption=…
// Actors tagged OpenRelicRoam bound where cameras go; those tagged OpenRelicSpawn, and every
// PlayerStart, are places where tours start.
#include "EngineUtils.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
#include "GameFramework/PlayerStart.h"
#include "HAL/IConsoleManager.h"
#include "Misc/App.h"
#include "Misc/ConfigCacheIni.h"
#include "Misc/EngineVersion.h"
#include "NavigationSystem.h"

#include "WorldController.h"

#include "Conversions.h"
#include "UnrealcvShim.h"
#include "WorldQueries.h"

namespace openrelic {
namespace {

constexpr double kEyeCm = 150.0;
constexpr double kLargestCm = 5e5;  // sky spheres are larger than any scene

// What a picture depends on, so that two engines can be compared.
const TCHAR* const kVariables[] = {
    TEXT("r.AntiAliasingMethod"), TEXT("r.DynamicGlobalIlluminationMethod"), TEXT("r.ReflectionMethod"),
    TEXT("r.MotionBlurQuality"),  TEXT("r.Streaming.PoolSize"),              TEXT("r.ScreenPercentage"),
    TEXT("r.DefaultFeature.AutoExposure"), TEXT("r.Lumen.HardwareRayTracing"), TEXT("sg.TextureQuality"),
};

void Widen(FBox& box, const AActor* actor) {
    const FBox own = actor->GetComponentsBoundingBox(true);
    if (own.IsValid && own.GetSize().GetMax() < kLargestCm) box += own;
}

/// A spawn at eye height; over the navigation mesh where the level has one.
Vec3 EyeAbove(UWorld* world, const FVector& place) {
    UNavigationSystemV1* const navigation = UNavigationSystemV1::GetCurrent(world);
    FNavLocation on_mesh;
    const bool found = navigation != nullptr &&
                       navigation->ProjectPointToNavigation(place, on_mesh, FVector(200.0, 200.0, 300.0));
    return found ? FromUnreal(on_mesh.Location) + Vec3{0, 0, kEyeCm} : FromUnreal(place);
}

void ReadMakersWords(SceneFacts& facts) {
    FString licence, caption;
    if (GConfig == nullptr) return;
    GConfig->GetString(TEXT("OpenRelic"), TEXT("Licence"), licence, GGameIni);
    GConfig->GetString(TEXT("OpenRelic"), TEXT("Caption"), caption, GGameIni);
    facts.licence = FromUnreal(licence), facts.caption = FromUnreal(caption);
}

void ReadVariables(SceneFacts& facts) {
    for (const TCHAR* const name : kVariables) {
        const IConsoleVariable* const variable = IConsoleManager::Get().FindConsoleVariable(name);
        if (variable != nullptr) {
            facts.console_variables.emplace_back(FromUnreal(FString(name)), FromUnreal(variable->GetString()));
        }
    }
}

void ReadColours(SceneFacts& facts) {
    FUnrealcvServer& server = FUnrealcvServer::Get();
    const TWeakObjectPtr<AUnrealcvWorldController> controller = shim::Controller(server, 0);
    if (!controller.IsValid()) return;
    for (const auto& named : controller->ObjectAnnotator.GetAnnotationColors()) {
        facts.objects.push_back({FromUnreal(named.Key), {named.Value.R, named.Value.G, named.Value.B}});
    }
}

}  // namespace

SceneFacts FactsOf(UWorld* world) {
    SceneFacts facts;
    facts.engine = "Unreal Engine " + FromUnreal(FEngineVersion::Current().ToString());
    facts.scene = FromUnreal(world->GetMapName());
    FBox bounds(ForceInit), roam(ForceInit);
    for (TActorIterator<AActor> it(world); it; ++it) {
        const AActor* const actor = *it;
        const bool spawns = actor->IsA(APlayerStart::StaticClass()) || actor->ActorHasTag(TEXT("OpenRelicSpawn"));
        if (actor->ActorHasTag(TEXT("OpenRelicRoam"))) Widen(roam, actor);
        if (actor->GetActorEnableCollision() && !actor->IsHidden()) Widen(bounds, actor);
        if (!spawns) continue;
        const Vec3 eye = EyeAbove(world, actor->GetActorLocation());
        facts.spawns.push_back({eye.x, eye.y, eye.z, actor->GetActorRotation().Yaw});
        facts.roam.starts.push_back(eye);
    }
    if (!roam.IsValid) roam = bounds;
    facts.low = FromUnreal(bounds.Min), facts.high = FromUnreal(bounds.Max);
    facts.roam.low = FromUnreal(roam.Min), facts.roam.high = FromUnreal(roam.Max);
    ReadMakersWords(facts);
    ReadVariables(facts);
    ReadColours(facts);
    return facts;
}

}  // namespace openrelic
