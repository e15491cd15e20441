// SPDX-License-Identifier: Apache-2.0
// Between Unreal's types and the core's; nothing else converts.
#pragma once

#include <string>

#include "CoreMinimal.h"

#include "Core/Geometry.h"

namespace openrelic {

inline FVector ToUnreal(const Vec3& v) { return FVector(v.x, v.y, v.z); }
inline Vec3 FromUnreal(const FVector& v) { return {v.X, v.Y, v.Z}; }

inline FString ToUnreal(const std::string& text) { return FString(UTF8_TO_TCHAR(text.c_str())); }
inline std::string FromUnreal(const FString& text) { return std::string(TCHAR_TO_UTF8(*text)); }

inline FVector LocationOf(const Pose& pose) { return FVector(pose.x_cm, pose.y_cm, pose.z_cm); }
inline FRotator RotationOf(const Pose& pose) { return FRotator(pose.pitch_deg, pose.yaw_deg, pose.roll_deg); }

inline Pose PoseOf(const FVector& location, const FRotator& rotation) {
    return {location.X, location.Y, location.Z, rotation.Pitch, rotation.Yaw, rotation.Roll};
}

}  // namespace openrelic
