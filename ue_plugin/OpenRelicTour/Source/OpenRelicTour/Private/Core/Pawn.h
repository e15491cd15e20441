// The operator's camera: twelve motions, 16 steps a second, that slides along walls.
//
// capture/piloting/session.py and walls.py in C++: the same keys in the same world give the same
// poses, so a flight in Unreal is what a flight in the browser's pilot is. Lengths in metres, the
// project's world.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>

#include "Geometry.h"

namespace openrelic {

constexpr int kStepsPerSecond = 16;
constexpr size_t kChannels = 6;  // dolly, truck, pedestal, tilt, pan, roll
using Channels = std::array<double, kChannels>;

/// An action's channel, and its direction there.
struct Action {
    std::string_view name;
    size_t channel;
    double sign;
};

constexpr std::array<Action, 12> kActions = {{{"dolly_in", 0, 1}, {"dolly_out", 0, -1},
                                              {"truck_left", 1, -1}, {"truck_right", 1, 1},
                                              {"pedestal_up", 2, 1}, {"pedestal_down", 2, -1},
                                              {"tilt_up", 3, 1}, {"tilt_down", 3, -1},
                                              {"pan_left", 4, -1}, {"pan_right", 4, 1},
                                              {"roll_cw", 5, 1}, {"roll_ccw", 5, -1}}};

/// What the operator holds.
struct Held {
    std::array<bool, kActions.size()> actions{};
    Channels sticks{};  // -1 to 1
    double speed_m_s = 1.4;
    double turn_deg_s = 35.0;

    /// Metres and degrees a step.
    Channels Command() const;
};

struct Style {
    bool walk = false;         // translations stay level; else they go along the camera's axes
    bool level_turns = false;  // pan about the world's up; else about the camera's own axes
};

enum class Contact { kClear, kSliding, kBlocked };

/// Whether the camera can go straight from one place to another.
using ClearStep = std::function<bool(const Vec3& from_m, const Vec3& to_m)>;

/// Comes close to walls, slides along them, or stops.
class Walls {
public:
    explicit Walls(ClearStep clear) : clear_(std::move(clear)) {}

    /// Where a step from a free place leads.
    Vec3 Moved(const Vec3& from_m, const Vec3& step_m, Contact& contact);

private:
    bool Try(const Vec3& from_m, const Vec3& way_m, Vec3& to_m) const;
    bool WasRefused(const Vec3& from_m, const Vec3& step_m) const;

    ClearStep clear_;
    std::optional<double> aside_deg_;  // how the last slide went, the likely next one
    std::optional<std::array<Vec3, 2>> refused_;
};

class Pilot {
public:
    Pilot(const Camera& start, const Style& style, ClearStep clear)
        : style_(style), walls_(std::move(clear)), camera_(start), before_(start) {}

    /// Moves by 1/16 s.
    void Step(const Held& held);

    /// Puts the camera somewhere else, at rest.
    void Place(const Camera& camera);

    void Steer(const Style& style) { style_ = style; }
    const Camera& Now() const { return camera_; }
    Contact Touching() const { return contact_; }
    double SpeedMS() const { return speed_m_s_; }

    /// The camera between the last two steps, for a view that is smoother than the steps.
    Camera Shown(double share) const;

private:
    static constexpr size_t kMemory = 7;  // steps after which a released key has no effect any more

    Channels Smoothed(const Channels& command);

    Style style_;
    Walls walls_;
    Camera camera_, before_;
    std::array<Channels, kMemory> history_{};
    Contact contact_ = Contact::kClear;
    double speed_m_s_ = 0.0;
};

}  // namespace openrelic
