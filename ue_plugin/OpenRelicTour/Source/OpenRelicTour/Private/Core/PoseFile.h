// Pose files: CSV with the columns time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "Geometry.h"

namespace openrelic {

constexpr std::string_view kPoseHeader = "time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg";

struct TimedPose {
    double time_s = 0.0;
    Pose pose;
};

/// As a recording to be flown again, strictly: the header as it stands above, at least two rows,
/// gaps of a second at most. The sentence in `error` names the line of `where` and its rule; it is
/// that of capture/tours/pose_files.py.
bool ReadRecording(std::string_view data, const std::string& where, std::vector<TimedPose>& poses,
                   std::string& error);

/// As `/tour/play` takes it: columns in any order, others beside them, one row is enough. The
/// sentence is that of capture/engine/pose_files.py.
bool ReadPlayable(std::string_view data, const std::string& where, std::vector<TimedPose>& poses,
                  std::string& error);

/// A row of a pose file, with its end of line.
std::string PoseLine(const TimedPose& row);

}  // namespace openrelic
