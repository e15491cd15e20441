// Whether captures are final: what the engine still waits for, tick by tick.
//
// Shaders and textures count as done when nothing was pending for some ticks in a row, exposure and
// Lumen after so many drawn images since the level began or the camera jumped, a warm-up after as
// many frames as were asked for. What takes longer than its limit is given up, named in the reply
// and waited for no more: a scene with one broken texture shall not hang a cluster.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "Geometry.h"

namespace openrelic {

enum class Wait { kShaders, kTextures, kExposure, kLumen };
constexpr size_t kWaits = 4;
constexpr std::array<std::string_view, kWaits> kWaitNames = {"shaders", "textures", "exposure", "lumen"};

/// What the engine says in one tick.
struct EngineSigns {
    int64_t shaders_left = 0;
    bool textures_pending = false;
    bool exposure_fixed = false;  // nothing adapts
    bool lumen = false;           // it lights the scene
};

struct ReadinessLimits {
    int quiet_ticks = 3;
    int exposure_images = 24;
    int lumen_images = 32;
    std::array<double, kWaits> give_up_s = {900.0, 180.0, 60.0, 60.0};
};

/// A jump: temporal history and streamed textures of the old place are worth nothing.
constexpr double kJumpCm = 200.0, kJumpDeg = 45.0;
bool IsJump(const Pose& from, const Pose& to);

class Readiness {
public:
    explicit Readiness(const ReadinessLimits& limits = {}) : limits_(limits) {}

    /// Everything begins anew.
    void BeginLevel();

    /// A camera was put somewhere else: all but shaders, and what was given up, begins anew.
    void Jump();

    /// Be unready until `frames` more were drawn.
    void WarmUp(int64_t frames) { warm_up_left_ = frames; }

    /// A tick of `real_s` seconds has passed; `drawn` says whether captures were drawn in it.
    void Tick(const EngineSigns& signs, double real_s, bool drawn);

    /// Whether images must be drawn for it to go on, though nobody asks for any.
    bool WantsImages() const;

    /// What is waited for, in the order of `kWaitNames`, then `warmup`.
    std::vector<std::string> WaitingFor() const;

    /// What was given up.
    std::vector<std::string> GivenUp() const;

    /// The reply of `vget /tour/ready`.
    std::string Reply(int64_t frame) const;

private:
    struct Progress {
        int done = 0;  // quiet ticks, or drawn images
        double waited_s = 0.0;
        bool given_up = false;
    };

    int Needed(Wait wait) const;
    bool IsWaiting(Wait wait) const;

    ReadinessLimits limits_;
    std::array<Progress, kWaits> progress_;
    EngineSigns signs_;
    int64_t warm_up_left_ = 0;
};

}  // namespace openrelic
