// Where a camera can be: clearance from overlap tests, and random free places that can be reached
// from one another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "Geometry.h"

namespace openrelic {

/// What an engine's collision world is asked. Lengths in cm, Unreal's axes.
class CollisionWorld {
public:
    virtual ~CollisionWorld() = default;

    /// Whether a sphere touches anything.
    virtual bool Touches(const Vec3& centre, double radius) = 0;

    /// Whether a sphere can go straight from one place to another.
    virtual bool CanPass(const Vec3& from, const Vec3& to, double radius) = 0;
};

/// Distance to the nearest surface, `most` where none is nearer: the radius at which a sphere
/// begins to touch, to within `tolerance`.
double Clearance(CollisionWorld& world, const Vec3& point, double most, double tolerance = 0.01);

/// `count` directions spread evenly over the sphere.
std::vector<Vec3> Directions(int count);

/// Random numbers that are the same on every machine (SplitMix64).
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t Next();
    double Share() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }  // 0 <= it < 1
    Vec3 InBall();

private:
    uint64_t state_;
};

struct Roam {
    Vec3 low, high;
    std::vector<Vec3> starts;  // spawn points; the part of space that most of them lead to is taken
};

struct SpaceLimits {
    int64_t cells = 60000;      // of the grid over the whole box
    int64_t questions = 20000;  // to the world for one radius: a command must not hold up the game
};

/// Free places: a grid is filled from the starts, from cell to cell that a sphere can pass between.
class FreeSpace {
public:
    explicit FreeSpace(const SpaceLimits& limits = {}) : limits_(limits) {}

    /// Another level: nothing that was found holds any more.
    void Forget() { parts_.clear(); }

    /// `count` places with at least `radius` of clearance, the same for a seed; none if there is none.
    std::vector<Vec3> Points(CollisionWorld& world, const Roam& roam, int64_t count, double radius, uint64_t seed);

private:
    struct Part {
        std::vector<Vec3> cells;
        std::vector<double> spare;  // how far a place may be off its cell's centre
        double most_spare = 0.0;    // farther would be in the next cell
    };

    Part Find(CollisionWorld& world, const Roam& roam, double radius) const;

    SpaceLimits limits_;
    std::map<double, Part> parts_;
};

}  // namespace openrelic
