// A camera that moves, as rows of a pose file exactly 1 / rate apart in the game's time.
//
// Between two ticks the camera is taken to have moved and turned evenly, the shorter way round. The
// text is taken from time to time and appended to a file: whole rows only, so a kill loses little.
#pragma once

#include <cstdint>
#include <string>

#include "PoseFile.h"

namespace openrelic {

constexpr double kMaxRateHz = 60.0;
constexpr double kLongestRecordingS = 3600.0;

/// The pose at `share` (0..1) of the way, each angle turning the shorter way round.
Pose Between(const Pose& first, const Pose& second, double share);

class PoseRecorder {
public:
    /// Begins with `pose` as the first row; false with a sentence if one runs or the rate is wrong.
    bool Start(const std::string& file, double rate_hz, const Pose& pose, std::string& error);

    /// `dt_s` of the game's time have passed; pauses are 0.
    void Tick(double dt_s, const Pose& pose);

    /// Ends the recording; `reply` is where it is and how many rows it has, as JSON.
    bool Stop(std::string& reply, std::string& error);

    bool IsRunning() const { return running_; }
    const std::string& File() const { return file_; }

    /// The text that came since the last call; the first begins with the header.
    std::string TakeText();

private:
    void Write(double time_s, const Pose& pose);

    std::string file_, text_;
    double rate_hz_ = 0.0, elapsed_s_ = 0.0;
    int64_t rows_ = 0;
    Pose last_;
    bool running_ = false;
};

}  // namespace openrelic
