// SPDX-License-Identifier: Apache-2.0
// What stands in the way of a camera, by the world's own queries. Whatever blocks pawns counts, and
// complex collision where a mesh has it; the player's pawn does not.
#pragma once

#include <string>

#include "CoreMinimal.h"
#include "CollisionQueryParams.h"

#include "Core/Engine.h"

class AActor;
class UWorld;

namespace openrelic {

class WorldQueries {
public:
    WorldQueries(UWorld* world, const AActor* ignored) : world_(world), ignored_(ignored) {}

    bool Touches(const Vec3& centre, double radius) const;
    bool CanPass(const Vec3& from, const Vec3& to, double radius) const;
    bool Sweep(const Vec3& from, const Vec3& to, double radius, Hit& hit) const;

    /// The nearest point on a surface that is `distance` away.
    Vec3 SurfaceAt(const Vec3& point, double distance, std::string& object) const;

private:
    FCollisionQueryParams Params() const;

    UWorld* world_;
    const AActor* ignored_;
};

/// What `vget /tour/manifest` says of a world; slow, so ask once a level.
SceneFacts FactsOf(UWorld* world);

}  // namespace openrelic
