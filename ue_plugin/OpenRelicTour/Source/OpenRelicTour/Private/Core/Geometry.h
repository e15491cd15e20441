// Rotations and poses. Two worlds meet here, as in labeling/camera.py, and nowhere else:
//
// - Unreal's: left-handed, X forward, Y right, Z up, cm; pitch, yaw, roll in degrees.
// - the project's: Unreal's with Y mirrored, metres; a camera is the rotation that takes world
//   directions to OpenCV camera axes (x right, y down, z forward).
#pragma once

#include <array>

namespace openrelic {

constexpr double kPi = 3.14159265358979323846;

struct Vec3 {
    double x = 0.0, y = 0.0, z = 0.0;

    Vec3 operator+(const Vec3& o) const { return {x + o.x, y + o.y, z + o.z}; }
    Vec3 operator-(const Vec3& o) const { return {x - o.x, y - o.y, z - o.z}; }
    Vec3 operator*(double k) const { return {x * k, y * k, z * k}; }
    bool operator==(const Vec3& o) const { return x == o.x && y == o.y && z == o.z; }
};

double Dot(const Vec3& a, const Vec3& b);
Vec3 Cross(const Vec3& a, const Vec3& b);
double Length(const Vec3& v);

/// Rows.
struct Mat3 {
    std::array<Vec3, 3> row = {Vec3{1, 0, 0}, Vec3{0, 1, 0}, Vec3{0, 0, 1}};

    Mat3 Transposed() const;
    Mat3 operator*(const Mat3& o) const;
    Vec3 operator*(const Vec3& v) const;
};

struct Quat {
    double w = 1.0, x = 0.0, y = 0.0, z = 0.0;

    Quat operator*(const Quat& o) const;
    Quat Inverse() const { return {w, -x, -y, -z}; }
};

Quat QuatOf(const Mat3& rotation);
Mat3 MatrixOf(const Quat& q);

/// The shortest turn from `a` (share 0) to `b` (share 1) at constant speed.
Quat Slerp(const Quat& a, const Quat& b, double share);

/// Unreal's pose: location in cm, rotation in degrees.
struct Pose {
    double x_cm = 0.0, y_cm = 0.0, z_cm = 0.0, pitch_deg = 0.0, yaw_deg = 0.0, roll_deg = 0.0;
};

/// The project's pose.
struct Camera {
    Mat3 R_cam_from_world;
    Vec3 position_m;
};

Camera CameraOf(const Pose& pose);
Pose PoseOf(const Camera& camera);

/// Pan, tilt and roll in degrees; `Ry(pan) Rx(tilt) Rz(roll)` in OpenCV axes.
struct Turn {
    double pan_deg = 0.0, tilt_deg = 0.0, roll_deg = 0.0;
};

Mat3 MatrixOf(const Turn& turn);
Turn TurnOf(const Mat3& matrix);

/// What turns the level camera that looks along X into this one: Unreal's yaw, pitch, roll.
Turn LevelAngles(const Mat3& R_cam_from_world);
Mat3 LevelTurned(const Turn& angles);

/// Angle between two rotations in degrees; exact for tiny ones too.
double AngleBetweenDeg(const Mat3& a, const Mat3& b);

}  // namespace openrelic
