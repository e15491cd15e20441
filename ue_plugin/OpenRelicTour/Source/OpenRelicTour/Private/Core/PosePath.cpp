#include "PosePath.h"

#include <algorithm>
#include <cmath>

namespace openrelic {
namespace {

int Sign(double value) { return value > 0.0 ? 1 : value < 0.0 ? -1 : 0; }

/// Fritsch and Butland's weighted harmonic mean: the slope at a row between two others.
double InnerSlope(double h0, double h1, double m0, double m1) {
    if (Sign(m0) * Sign(m1) <= 0) return 0.0;
    const double w1 = 2.0 * h1 + h0, w2 = h1 + 2.0 * h0;
    return (w1 + w2) / (w1 / m0 + w2 / m1);
}

/// One-sided three-point slope at an end, kept from overshooting.
double EndSlope(double h0, double h1, double m0, double m1) {
    const double slope = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1);
    if (Sign(slope) != Sign(m0)) return 0.0;
    if (Sign(m0) != Sign(m1) && std::abs(slope) > 3.0 * std::abs(m0)) return 3.0 * m0;
    return slope;
}

std::vector<double> Slopes(const std::vector<double>& x, const std::vector<double>& y) {
    const size_t n = x.size();
    std::vector<double> h(n - 1), m(n - 1), d(n);
    for (size_t i = 0; i + 1 < n; ++i) {
        h[i] = x[i + 1] - x[i];
        m[i] = (y[i + 1] - y[i]) / h[i];
    }
    if (n == 2) return {m[0], m[0]};
    for (size_t i = 1; i + 1 < n; ++i) d[i] = InnerSlope(h[i - 1], h[i], m[i - 1], m[i]);
    d[0] = EndSlope(h[0], h[1], m[0], m[1]);
    d[n - 1] = EndSlope(h[n - 2], h[n - 3], m[n - 2], m[n - 3]);
    return d;
}

/// Cubic Hermite polynomial between two rows.
Vec3 Between(const Vec3& p0, const Vec3& v0, const Vec3& p1, const Vec3& v1, double h, double u) {
    const double u2 = u * u, u3 = u2 * u;
    return p0 * (2 * u3 - 3 * u2 + 1) + v0 * (h * (u3 - 2 * u2 + u)) + p1 * (3 * u2 - 2 * u3) + v1 * (h * (u3 - u2));
}

}  // namespace

PosePath::PosePath(const std::vector<TimedPose>& rows) {
    for (const TimedPose& row : rows) {
        const Camera camera = CameraOf(row.pose);
        time_s_.push_back(row.time_s - rows.front().time_s);
        position_m_.push_back(camera.position_m);
        rotation_.push_back(QuatOf(camera.R_cam_from_world));
    }
    const auto slopes = [this](double Vec3::*axis) {
        std::vector<double> values;
        for (const Vec3& p : position_m_) values.push_back(p.*axis);
        return Slopes(time_s_, values);
    };
    const std::vector<double> x = slopes(&Vec3::x), y = slopes(&Vec3::y), z = slopes(&Vec3::z);
    for (size_t i = 0; i < x.size(); ++i) velocity_m_s_.push_back({x[i], y[i], z[i]});
}

Camera PosePath::At(double time_s) const {
    time_s = std::clamp(time_s, 0.0, DurationS());
    const auto later = std::upper_bound(time_s_.begin() + 1, time_s_.end() - 1, time_s);
    const size_t i = static_cast<size_t>(later - time_s_.begin()) - 1;
    const double h = time_s_[i + 1] - time_s_[i];
    const double u = (time_s - time_s_[i]) / h;
    return {MatrixOf(Slerp(rotation_[i], rotation_[i + 1], u)),
            Between(position_m_[i], velocity_m_s_[i], position_m_[i + 1], velocity_m_s_[i + 1], h, u)};
}

std::vector<Camera> PosePath::Resampled(double fps) const {
    // The last row may be a rounding error short of a whole frame.
    const double frames = std::floor(DurationS() * fps + 1e-6) + 1.0;
    std::vector<Camera> cameras;
    for (double i = 0.0; i < frames; i += 1.0) cameras.push_back(At(i / fps));
    return cameras;
}

}  // namespace openrelic
