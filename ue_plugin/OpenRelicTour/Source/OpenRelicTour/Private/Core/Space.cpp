#include "Space.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <set>
#include <tuple>

namespace openrelic {
namespace {

// A sweep of the wanted radius from a free place must not begin in contact.
constexpr double kContactCm = 0.1;
constexpr double kStepShare = 0.8;  // of the radius
constexpr double kNotAsked = -1.0;

using Cell = std::tuple<int, int, int>;

/// Fills the grid from one start after another.
class Flood {
public:
    Flood(CollisionWorld& world, const Roam& roam, double radius, const SpaceLimits& limits)
        : world_(world), roam_(roam), radius_(radius), questions_left_(limits.questions) {
        const Vec3 size = roam.high - roam.low;
        const double volume = std::max(0.0, size.x) * std::max(0.0, size.y) * std::max(0.0, size.z);
        step_ = std::max({radius * kStepShare, std::cbrt(volume / static_cast<double>(limits.cells)), 1e-3});
    }

    double Step() const { return step_; }

    /// The cells that a start leads to; empty if it is not free, `old` if an earlier one got there.
    std::vector<Vec3> From(const Vec3& start, int& old) {
        old = -1;
        const Cell first = CellOf(start);
        if (!Inside(first) || !Free(start) || !Passable(start, Centre(first))) return {};
        const auto known = part_of_.find(first);
        if (known != part_of_.end()) {
            old = known->second;
            return {};
        }
        return Fill(first, parts_++);
    }

private:
    std::vector<Vec3> Fill(const Cell& first, int part) {
        std::vector<Vec3> found;
        std::deque<Cell> open = {first};
        part_of_[first] = part;
        while (!open.empty() && questions_left_ > 0) {
            const Cell cell = open.front();
            open.pop_front();
            found.push_back(Centre(cell));
            for (const auto& [dx, dy, dz] : {Cell{1, 0, 0}, Cell{-1, 0, 0}, Cell{0, 1, 0}, Cell{0, -1, 0},
                                             Cell{0, 0, 1}, Cell{0, 0, -1}}) {
                const auto& [x, y, z] = cell;
                const Cell next = {x + dx, y + dy, z + dz};
                if (!Inside(next) || part_of_.count(next) != 0 || !Passable(Centre(cell), Centre(next))) continue;
                part_of_[next] = part;
                open.push_back(next);
            }
        }
        return found;
    }

    bool Free(const Vec3& place) { return --questions_left_ >= 0 && !world_.Touches(place, radius_); }
    bool Passable(const Vec3& from, const Vec3& to) {
        return --questions_left_ >= 0 && world_.CanPass(from, to, radius_);
    }

    Cell CellOf(const Vec3& p) const {
        const auto index = [this](double at, double low) {
            return static_cast<int>(std::clamp(std::floor((at - low) / step_), -1e9, 1e9));
        };
        return {index(p.x, roam_.low.x), index(p.y, roam_.low.y), index(p.z, roam_.low.z)};
    }

    Vec3 Centre(const Cell& cell) const {
        const auto& [x, y, z] = cell;
        return roam_.low + Vec3{x + 0.5, y + 0.5, z + 0.5} * step_;
    }

    bool Inside(const Cell& cell) const {
        const Vec3 c = Centre(cell);
        const Vec3 &a = roam_.low, &b = roam_.high;
        return c.x >= a.x && c.y >= a.y && c.z >= a.z && c.x <= b.x && c.y <= b.y && c.z <= b.z;
    }

    CollisionWorld& world_;
    const Roam& roam_;
    double radius_, step_ = 1.0;
    int64_t questions_left_;
    std::map<Cell, int> part_of_;
    int parts_ = 0;
};

}  // namespace

double Clearance(CollisionWorld& world, const Vec3& point, double most, double tolerance) {
    double free = 0.0, touching = std::min(16.0, most);
    while (!world.Touches(point, touching)) {
        if (touching >= most) return most;
        free = touching;
        touching = std::min(2.0 * touching, most);
    }
    while (touching - free > tolerance) {
        const double middle = 0.5 * (free + touching);
        (world.Touches(point, middle) ? touching : free) = middle;
    }
    return free;
}

std::vector<Vec3> Directions(int count) {
    std::vector<Vec3> found;
    for (int i = 0; i < count; ++i) {
        const double at = i + 0.5, z = 1.0 - 2.0 * at / count, turn = at * kPi * (3.0 - std::sqrt(5.0));
        const double ring = std::sqrt(std::max(0.0, 1.0 - z * z));
        found.push_back({ring * std::cos(turn), ring * std::sin(turn), z});
    }
    return found;
}

uint64_t Random::Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

Vec3 Random::InBall() {
    for (;;) {
        const double x = 2.0 * Share() - 1.0, y = 2.0 * Share() - 1.0, z = 2.0 * Share() - 1.0;
        if (x * x + y * y + z * z < 1.0) return {x, y, z};
    }
}

FreeSpace::Part FreeSpace::Find(CollisionWorld& world, const Roam& roam, double radius) const {
    Flood flood(world, roam, radius, limits_);
    std::vector<std::vector<Vec3>> parts;
    std::vector<int> starts;  // that lead to each part
    for (const Vec3& start : roam.starts) {
        int old = -1;
        std::vector<Vec3> cells = flood.From(start, old);
        if (old >= 0) ++starts[static_cast<size_t>(old)];
        if (cells.empty()) continue;
        parts.push_back(std::move(cells));
        starts.push_back(1);
    }
    Part best;
    int most = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (starts[i] < most || (starts[i] == most && parts[i].size() <= best.cells.size())) continue;
        most = starts[i];
        best.cells = parts[i];
    }
    best.spare.assign(best.cells.size(), kNotAsked);
    best.most_spare = flood.Step() / 2.0;
    return best;
}

std::vector<Vec3> FreeSpace::Points(CollisionWorld& world, const Roam& roam, int64_t count, double radius,
                                    uint64_t seed) {
    radius += kContactCm;
    if (parts_.find(radius) == parts_.end()) parts_[radius] = Find(world, roam, radius);
    Part& part = parts_[radius];
    std::vector<Vec3> points;
    if (part.cells.empty()) return points;
    Random random(seed);
    for (int64_t i = 0; i < count; ++i) {
        const size_t cell = static_cast<size_t>(random.Share() * static_cast<double>(part.cells.size()));
        double& spare = part.spare[cell];
        // Within its spare clearance a place may be off the centre and stays reachable. It is asked
        // for when a cell is first drawn: few are, of a large scene.
        if (spare == kNotAsked) {
            spare = std::max(0.0, Clearance(world, part.cells[cell], radius + part.most_spare) - radius);
        }
        points.push_back(part.cells[cell] + random.InBall() * spare);
    }
    return points;
}

}  // namespace openrelic
