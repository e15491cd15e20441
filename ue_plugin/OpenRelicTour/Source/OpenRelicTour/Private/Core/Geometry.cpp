// Formulas: labeling/camera.py, which says where they come from.
#include "Geometry.h"

#include <algorithm>
#include <cmath>

namespace openrelic {
namespace {

constexpr double kDegree = kPi / 180.0;
constexpr double kPoleCosine = 1e-12;  // below it pan and roll turn about the same axis
constexpr double kCmPerM = 100.0;

const Mat3 kLevel = {{Vec3{0, -1, 0}, Vec3{0, 0, -1}, Vec3{1, 0, 0}}};

double Wrapped(double angle_deg) {
    if (std::abs(angle_deg) > 180.0) {
        angle_deg = std::fmod(angle_deg, 360.0);
        if (angle_deg < 0.0) angle_deg += 360.0;
    }
    if (angle_deg > 180.0) angle_deg -= 360.0;
    return angle_deg == -180.0 ? 180.0 : angle_deg;
}

Vec3 MirroredY(const Vec3& v) { return {v.x, -v.y, v.z}; }

}  // namespace

double Dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

Vec3 Cross(const Vec3& a, const Vec3& b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

double Length(const Vec3& v) { return std::sqrt(Dot(v, v)); }

Mat3 Mat3::Transposed() const {
    const auto& [a, b, c] = row;
    return {{Vec3{a.x, b.x, c.x}, Vec3{a.y, b.y, c.y}, Vec3{a.z, b.z, c.z}}};
}

Vec3 Mat3::operator*(const Vec3& v) const { return {Dot(row[0], v), Dot(row[1], v), Dot(row[2], v)}; }

Mat3 Mat3::operator*(const Mat3& o) const {
    const Mat3 columns = o.Transposed();
    return {{columns * row[0], columns * row[1], columns * row[2]}};
}

Quat Quat::operator*(const Quat& o) const {
    return {w * o.w - x * o.x - y * o.y - z * o.z, w * o.x + x * o.w + y * o.z - z * o.y,
            w * o.y - x * o.z + y * o.w + z * o.x, w * o.z + x * o.y - y * o.x + z * o.w};
}

Quat QuatOf(const Mat3& rotation) {
    // Shepperd: divide by the largest of the four.
    const auto& [a, b, c] = rotation.row;
    const double trace = a.x + b.y + c.z;
    Quat q;
    if (trace >= std::max({a.x, b.y, c.z})) {
        q = {1.0 + trace, c.y - b.z, a.z - c.x, b.x - a.y};
    } else if (a.x >= std::max(b.y, c.z)) {
        q = {c.y - b.z, 1.0 + a.x - b.y - c.z, a.y + b.x, a.z + c.x};
    } else if (b.y >= c.z) {
        q = {a.z - c.x, a.y + b.x, 1.0 - a.x + b.y - c.z, b.z + c.y};
    } else {
        q = {b.x - a.y, a.z + c.x, b.z + c.y, 1.0 - a.x - b.y + c.z};
    }
    const double norm = std::sqrt(q.w * q.w + q.x * q.x + q.y * q.y + q.z * q.z);
    return {q.w / norm, q.x / norm, q.y / norm, q.z / norm};
}

Mat3 MatrixOf(const Quat& q) {
    const double xx = q.x * q.x, yy = q.y * q.y, zz = q.z * q.z;
    const double xy = q.x * q.y, xz = q.x * q.z, yz = q.y * q.z;
    const double wx = q.w * q.x, wy = q.w * q.y, wz = q.w * q.z;
    return {{Vec3{1 - 2 * (yy + zz), 2 * (xy - wz), 2 * (xz + wy)},
             Vec3{2 * (xy + wz), 1 - 2 * (xx + zz), 2 * (yz - wx)},
             Vec3{2 * (xz - wy), 2 * (yz + wx), 1 - 2 * (xx + yy)}}};
}

Quat Slerp(const Quat& a, const Quat& b, double share) {
    Quat way = a.Inverse() * b;
    if (way.w < 0.0) way = {-way.w, -way.x, -way.y, -way.z};  // the shorter way round
    const double sine = std::sqrt(way.x * way.x + way.y * way.y + way.z * way.z);
    const double half = std::atan2(sine, way.w);
    const double scale = sine > 0.0 ? std::sin(share * half) / sine : 0.0;
    return a * Quat{std::cos(share * half), way.x * scale, way.y * scale, way.z * scale};
}

Camera CameraOf(const Pose& pose) {
    const Turn angles = {pose.yaw_deg, pose.pitch_deg, pose.roll_deg};
    const Vec3 location = {pose.x_cm, pose.y_cm, pose.z_cm};
    return {LevelTurned(angles), MirroredY(location) * (1.0 / kCmPerM)};
}

Pose PoseOf(const Camera& camera) {
    const Turn angles = LevelAngles(camera.R_cam_from_world);
    const Vec3 location = MirroredY(camera.position_m) * kCmPerM;
    return {location.x, location.y, location.z, angles.tilt_deg, angles.pan_deg, angles.roll_deg};
}

Mat3 MatrixOf(const Turn& turn) {
    const double sp = std::sin(turn.pan_deg * kDegree), cp = std::cos(turn.pan_deg * kDegree);
    const double st = std::sin(turn.tilt_deg * kDegree), ct = std::cos(turn.tilt_deg * kDegree);
    const double sr = std::sin(turn.roll_deg * kDegree), cr = std::cos(turn.roll_deg * kDegree);
    return {{Vec3{cp * cr + sp * st * sr, -cp * sr + sp * st * cr, sp * ct},
             Vec3{ct * sr, ct * cr, -st},
             Vec3{-sp * cr + cp * st * sr, sp * sr + cp * st * cr, cp * ct}}};
}

Turn TurnOf(const Mat3& matrix) {
    const auto& [a, b, c] = matrix.row;
    const double cos_tilt = std::hypot(a.z, c.z);
    const bool at_pole = cos_tilt < kPoleCosine;
    const double pan = at_pole ? std::atan2(-c.x, a.x) : std::atan2(a.z, c.z);
    const double tilt = std::atan2(-b.z, cos_tilt);
    // Roll is what is left once the pan is undone: the three together stay exact as a rotation.
    const double sp = std::sin(pan), cp = std::cos(pan);
    const double roll = at_pole ? 0.0 : std::atan2(sp * c.y - cp * a.y, cp * a.x - sp * c.x);
    return {Wrapped(pan / kDegree), Wrapped(tilt / kDegree), Wrapped(roll / kDegree)};
}

Turn LevelAngles(const Mat3& R_cam_from_world) { return TurnOf(kLevel * R_cam_from_world.Transposed()); }

Mat3 LevelTurned(const Turn& angles) { return MatrixOf(angles).Transposed() * kLevel; }

double AngleBetweenDeg(const Mat3& a, const Mat3& b) {
    double chord2 = 0.0;
    for (int i = 0; i < 3; ++i) {
        const Vec3 apart = a.row[i] - b.row[i];
        chord2 += Dot(apart, apart);
    }
    return 2.0 * std::asin(std::min(1.0, std::sqrt(chord2 / 8.0))) / kDegree;
}

}  // namespace openrelic
