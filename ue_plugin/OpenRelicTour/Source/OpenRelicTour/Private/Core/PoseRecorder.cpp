#include "PoseRecorder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "Json.h"
#include "Text.h"

namespace openrelic {
namespace {

constexpr double kClockErrorS = 1e-9;

double TurnedTowards(double from_deg, double to_deg, double share) {
    double way = std::fmod(to_deg - from_deg + 180.0, 360.0);
    if (way < 0.0) way += 360.0;
    return from_deg + share * (way - 180.0);
}

}  // namespace

Pose Between(const Pose& first, const Pose& second, double share) {
    return {first.x_cm + share * (second.x_cm - first.x_cm),
            first.y_cm + share * (second.y_cm - first.y_cm),
            first.z_cm + share * (second.z_cm - first.z_cm),
            TurnedTowards(first.pitch_deg, second.pitch_deg, share),
            TurnedTowards(first.yaw_deg, second.yaw_deg, share),
            TurnedTowards(first.roll_deg, second.roll_deg, share)};
}

bool PoseRecorder::Start(const std::string& file, double rate_hz, const Pose& pose, std::string& error) {
    if (running_) {
        error = "a recording into " + file_ + " runs; vset /tour/record/stop it";
        return false;
    }
    if (!(rate_hz > 0.0 && rate_hz <= kMaxRateHz)) {
        error = "the rate must be above 0 and at most " + Fixed(kMaxRateHz, 0) + " Hz";
        return false;
    }
    file_ = file, text_ = std::string(kPoseHeader) + "\n";
    rate_hz_ = rate_hz, elapsed_s_ = 0.0, rows_ = 0, last_ = pose, running_ = true;
    Write(0.0, pose);
    return true;
}

void PoseRecorder::Tick(double dt_s, const Pose& pose) {
    if (!running_ || !(dt_s > 0.0) || !std::isfinite(dt_s)) return;
    const double before_s = elapsed_s_;
    // A stall is recorded, but not past the longest recording.
    elapsed_s_ = std::min(elapsed_s_ + dt_s, kLongestRecordingS);
    for (;;) {
        const double due_s = static_cast<double>(rows_) / rate_hz_;
        if (due_s > elapsed_s_ + kClockErrorS) break;
        Write(due_s, Between(last_, pose, std::min(1.0, (due_s - before_s) / dt_s)));
    }
    last_ = pose;
    if (elapsed_s_ >= kLongestRecordingS) running_ = false;
}

bool PoseRecorder::Stop(std::string& reply, std::string& error) {
    if (!running_) {
        error = "no recording runs; vset /tour/record/start FILE RATE starts one";
        return false;
    }
    running_ = false;
    JsonLine json;
    reply = json.Open('{').Key("file").Text(file_).Key("rows").Whole(rows_).Close('}').Line();
    return true;
}

std::string PoseRecorder::TakeText() { return std::exchange(text_, std::string()); }

void PoseRecorder::Write(double time_s, const Pose& pose) {
    text_ += PoseLine({time_s, pose});
    ++rows_;
}

}  // namespace openrelic
