// SPDX-License-Identifier: Apache-2.0
#include "WorldQueries.h"

#include "Components/PrimitiveComponent.h"
#include "Engine/EngineTypes.h"
#include "Engine/HitResult.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
// Its place of its own is newer than the type.
#if __has_include("Engine/OverlapResult.h")
#include "Engine/OverlapResult.h"
#endif

#include "Conversions.h"

namespace openrelic {
namespace {

constexpr ECollisionChannel kChannel = ECC_Pawn;
constexpr double kSmallestRadiusCm = 0.01;
constexpr int kRays = 64;

std::string NameOf(const AActor* actor) { return actor != nullptr ? FromUnreal(actor->GetName()) : std::string("world"); }

FCollisionShape Sphere(double radius) {
    return FCollisionShape::MakeSphere(static_cast<float>(FMath::Max(radius, kSmallestRadiusCm)));
}

}  // namespace

FCollisionQueryParams WorldQueries::Params() const {
    return FCollisionQueryParams(SCENE_QUERY_STAT(OpenRelicTour), true, ignored_);
}

bool WorldQueries::Touches(const Vec3& centre, double radius) const {
    return world_->OverlapBlockingTestByChannel(ToUnreal(centre), FQuat::Identity, kChannel, Sphere(radius), Params());
}

bool WorldQueries::CanPass(const Vec3& from, const Vec3& to, double radius) const {
    Hit hit;
    return !Sweep(from, to, radius, hit);
}

bool WorldQueries::Sweep(const Vec3& from, const Vec3& to, double radius, Hit& hit) const {
    // A sweep that begins in contact, or has no length, says nothing reliable: ask for overlap.
    if (Touches(from, radius)) {
        const Vec3 away = from - SurfaceAt(from, radius, hit.object);
        const double length = Length(away);
        hit.fraction = 0.0;
        hit.normal = length > 0.0 ? away * (1.0 / length) : Vec3{0, 0, 1};
        return true;
    }
    FHitResult found;
    const bool blocked = !(from == to) && world_->SweepSingleByChannel(found, ToUnreal(from), ToUnreal(to), FQuat::Identity,
                                                                       kChannel, Sphere(radius), Params());
    if (!blocked) return false;
    hit.fraction = found.Time;
    hit.normal = FromUnreal(FVector(found.Normal));
    hit.object = NameOf(found.GetActor());
    return true;
}

Vec3 WorldQueries::SurfaceAt(const Vec3& point, double distance, std::string& object) const {
    const FVector place = ToUnreal(point);
    double best = TNumericLimits<double>::Max();
    Vec3 surface = point + Vec3{0, 0, -distance};
    TArray<FOverlapResult> near;
    world_->OverlapMultiByChannel(near, place, FQuat::Identity, kChannel, Sphere(distance + 0.1), Params());
    for (const FOverlapResult& overlap : near) {
        const UPrimitiveComponent* const component = overlap.GetComponent();
        FVector closest;
        // 0 is inside, less is a shape that cannot say (landscapes, complex meshes).
        const double away = component != nullptr ? component->GetClosestPointOnCollision(place, closest) : -1.0;
        if (away <= 0.0 || away >= best) continue;
        best = away, surface = FromUnreal(closest), object = NameOf(overlap.GetActor());
    }
    for (const Vec3& direction : Directions(kRays)) {
        FHitResult ray;
        const FVector end = ToUnreal(point + direction * (2.0 * distance + 1.0));
        if (!world_->LineTraceSingleByChannel(ray, place, end, kChannel, Params()) || ray.Distance >= best) continue;
        best = ray.Distance, surface = FromUnreal(FVector(ray.ImpactPoint)), object = NameOf(ray.GetActor());
    }
    return surface;
}

}  // namespace openrelic
