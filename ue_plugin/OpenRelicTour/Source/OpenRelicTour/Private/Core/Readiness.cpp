#include "Readiness.h"

#include <algorithm>

#include "Json.h"

namespace openrelic {
namespace {

constexpr std::array<Wait, kWaits> kAll = {Wait::kShaders, Wait::kTextures, Wait::kExposure, Wait::kLumen};

size_t Index(Wait wait) { return static_cast<size_t>(wait); }

void WriteNames(JsonLine& json, std::string_view key, const std::vector<std::string>& names) {
    json.Key(key).Open('[');
    for (const std::string& name : names) json.Text(name);
    json.Close(']');
}

}  // namespace

bool IsJump(const Pose& from, const Pose& to) {
    const Camera a = CameraOf(from), b = CameraOf(to);
    return Length(b.position_m - a.position_m) * 100.0 > kJumpCm ||
           AngleBetweenDeg(a.R_cam_from_world, b.R_cam_from_world) > kJumpDeg;
}

void Readiness::BeginLevel() {
    progress_ = {};
    signs_ = {};
    warm_up_left_ = 0;
}

void Readiness::Jump() {
    for (const Wait wait : kAll) {
        // What was given up once would be waited for in vain after every jump.
        if (wait != Wait::kShaders && !progress_[Index(wait)].given_up) progress_[Index(wait)] = {};
    }
}

int Readiness::Needed(Wait wait) const {
    switch (wait) {
        case Wait::kExposure: return signs_.exposure_fixed ? 0 : limits_.exposure_images;
        case Wait::kLumen: return signs_.lumen ? limits_.lumen_images : 0;
        default: return limits_.quiet_ticks;
    }
}

bool Readiness::IsWaiting(Wait wait) const {
    const Progress& progress = progress_[Index(wait)];
    return !progress.given_up && progress.done < Needed(wait);
}

void Readiness::Tick(const EngineSigns& signs, double real_s, bool drawn) {
    signs_ = signs;
    for (const Wait wait : kAll) {
        Progress& progress = progress_[Index(wait)];
        const bool busy = (wait == Wait::kShaders && signs.shaders_left > 0) ||
                          (wait == Wait::kTextures && signs.textures_pending);
        const bool counts_images = wait == Wait::kExposure || wait == Wait::kLumen;
        if (busy) {
            progress.done = 0;
        } else if ((drawn || !counts_images) && progress.done < Needed(wait)) {
            ++progress.done;
        }
        progress.waited_s = IsWaiting(wait) ? progress.waited_s + real_s : 0.0;
        if (progress.waited_s > limits_.give_up_s[Index(wait)]) progress.given_up = true;
    }
    if (drawn && warm_up_left_ > 0) --warm_up_left_;
}

bool Readiness::WantsImages() const {
    return warm_up_left_ > 0 || IsWaiting(Wait::kExposure) || IsWaiting(Wait::kLumen);
}

std::vector<std::string> Readiness::WaitingFor() const {
    std::vector<std::string> names;
    for (const Wait wait : kAll) {
        if (IsWaiting(wait)) names.emplace_back(kWaitNames[Index(wait)]);
    }
    if (warm_up_left_ > 0) names.emplace_back("warmup");
    return names;
}

std::vector<std::string> Readiness::GivenUp() const {
    std::vector<std::string> names;
    for (const Wait wait : kAll) {
        if (progress_[Index(wait)].given_up) names.emplace_back(kWaitNames[Index(wait)]);
    }
    return names;
}

std::string Readiness::Reply(int64_t frame) const {
    const std::vector<std::string> waiting = WaitingFor(), given_up = GivenUp();
    JsonLine json;
    json.Open('{').Key("ready").Flag(waiting.empty());
    WriteNames(json, "waiting_for", waiting);
    json.Key("frame").Whole(frame);
    if (!given_up.empty()) WriteNames(json, "given_up", given_up);
    return json.Close('}').Line();
}

}  // namespace openrelic
