// A recorded path at any time, and at a fixed rate: capture/tours/pose_files.py in C++.
#pragma once

#include <vector>

#include "Geometry.h"
#include "PoseFile.h"

namespace openrelic {

/// Positions follow a monotone cubic (PCHIP), rotations the shortest turn at constant speed.
class PosePath {
public:
    /// Of at least two rows whose times grow; the first has time 0 here.
    explicit PosePath(const std::vector<TimedPose>& rows);

    double DurationS() const { return time_s_.back(); }

    /// The camera at a time; before the start and after the end it rests.
    Camera At(double time_s) const;

    /// One camera every 1/fps s, from the first time on.
    std::vector<Camera> Resampled(double fps) const;

private:
    std::vector<double> time_s_;
    std::vector<Vec3> position_m_, velocity_m_s_;
    std::vector<Quat> rotation_;
};

}  // namespace openrelic
