#include "Pawn.h"

#include <algorithm>
#include <cmath>

namespace openrelic {
namespace {

// Past this the horizon is out of sight, and "level" turns lose their meaning at 90 degrees.
constexpr double kMaxTiltDeg = 85.0;

// Two boxes in a row, of 5 and of 4 steps: ramps without corners, and the sum is 1.
constexpr std::array<double, 8> kKernel = {0.05, 0.1, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05};

constexpr double kApproaches[] = {0.5, 0.25};  // shares of a step, tried before turning aside
// Further aside, a camera that faces a wall would creep.
constexpr double kAsideDeg[] = {15.0, -15.0, 30.0, -30.0, 45.0, -45.0, 60.0, -60.0};

bool IsZero(const Vec3& v) { return v == Vec3{}; }

/// The part of the step's level motion that goes `angle_deg` aside.
Vec3 Aside(const Vec3& step_m, double angle_deg) {
    const double c = std::cos(angle_deg * kPi / 180.0), s = std::sin(angle_deg * kPi / 180.0);
    const double x = step_m.x * c, y = step_m.y * c;
    return {c * x - s * y, s * x + c * y, 0.0};
}

/// The same heading, but no tilt and no roll.
Mat3 Levelled(const Mat3& R_cam_from_world) {
    return LevelTurned({LevelAngles(R_cam_from_world).pan_deg, 0.0, 0.0});
}

}  // namespace

Channels Held::Command() const {
    Channels share = sticks;
    for (size_t i = 0; i < kActions.size(); ++i) {
        if (actions[i]) share[kActions[i].channel] += kActions[i].sign;
    }
    for (size_t i = 0; i < kChannels; ++i) {
        share[i] = std::clamp(share[i], -1.0, 1.0) * ((i < 3 ? speed_m_s : turn_deg_s) / kStepsPerSecond);
    }
    return share;
}

bool Walls::Try(const Vec3& from_m, const Vec3& way_m, Vec3& to_m) const {
    to_m = from_m + way_m;
    return clear_(from_m, to_m);
}

bool Walls::WasRefused(const Vec3& from_m, const Vec3& step_m) const {
    if (!refused_ || !((*refused_)[0] == from_m)) return false;
    const Vec3 apart = (*refused_)[1] - step_m;
    return std::max({std::abs(apart.x), std::abs(apart.y), std::abs(apart.z)}) <= 1e-4;
}

Vec3 Walls::Moved(const Vec3& from_m, const Vec3& step_m, Contact& contact) {
    Vec3 to_m;
    contact = Contact::kClear;
    if (IsZero(step_m)) return from_m;
    if (Try(from_m, step_m, to_m)) {
        aside_deg_.reset();
        return to_m;
    }
    contact = Contact::kBlocked;
    if (WasRefused(from_m, step_m)) return from_m;
    contact = Contact::kSliding;
    if (aside_deg_ && Try(from_m, Aside(step_m, *aside_deg_), to_m)) return to_m;
    for (const double share : kApproaches) {
        if (Try(from_m, step_m * share, to_m)) return to_m;
    }
    const Vec3 level_m = {step_m.x, step_m.y, 0.0};
    if (!IsZero(level_m)) {
        if (step_m.z != 0.0 && Try(from_m, level_m, to_m)) return to_m;
        for (const double angle_deg : kAsideDeg) {
            aside_deg_ = angle_deg;
            if (Try(from_m, Aside(step_m, angle_deg), to_m)) return to_m;
        }
    }
    aside_deg_.reset();
    refused_ = {from_m, step_m};
    contact = Contact::kBlocked;
    return from_m;
}

Channels Pilot::Smoothed(const Channels& command) {
    Channels speeds{};
    for (size_t channel = 0; channel < kChannels; ++channel) {
        double sum = kKernel[kMemory] * command[channel];
        for (size_t i = 0; i < kMemory; ++i) sum += kKernel[i] * history_[i][channel];
        // A camera at rest must rest exactly.
        speeds[channel] = std::abs(sum) < 1e-12 ? 0.0 : sum;
    }
    std::rotate(history_.begin(), history_.begin() + 1, history_.end());
    history_.back() = command;
    return speeds;
}

void Pilot::Step(const Held& held) {
    before_ = camera_;
    const Channels v = Smoothed(held.Command());
    const Turn turn = {v[4], v[3], v[5]};
    const Mat3& R = camera_.R_cam_from_world;
    Mat3 turned;
    if (style_.level_turns) {
        const Turn now = LevelAngles(R);
        turned = LevelTurned({now.pan_deg + turn.pan_deg, now.tilt_deg + turn.tilt_deg, now.roll_deg + turn.roll_deg});
    } else {
        turned = MatrixOf(turn).Transposed() * R;
    }
    const Mat3 axes = style_.walk ? Levelled(R) : R;
    const Vec3 step_m = axes.Transposed() * Vec3{v[1], -v[2], v[0]};
    camera_.position_m = walls_.Moved(before_.position_m, step_m, contact_);
    speed_m_s_ = Length(camera_.position_m - before_.position_m) * kStepsPerSecond;
    const double before = std::abs(LevelAngles(R).tilt_deg), after = std::abs(LevelAngles(turned).tilt_deg);
    if (!(after > kMaxTiltDeg && after > before)) camera_.R_cam_from_world = turned;
}

void Pilot::Place(const Camera& camera) {
    camera_ = before_ = camera;
    history_ = {};
    contact_ = Contact::kClear;
    speed_m_s_ = 0.0;
}

Camera Pilot::Shown(double share) const {
    const Quat from = QuatOf(before_.R_cam_from_world), to = QuatOf(camera_.R_cam_from_world);
    return {MatrixOf(Slerp(from, to, share)), before_.position_m + (camera_.position_m - before_.position_m) * share};
}

}  // namespace openrelic
