// What commands are given: checked here, with the sentences that clients get.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "Geometry.h"

namespace openrelic {

/// Where UnrealCV itself has no better word.
constexpr std::string_view kArgumentInvalid = "Argument Invalid";

constexpr double kWorldCm = 1e8;  // farther out, single precision has no centimetres left
constexpr double kMaxEv = 32.0;
constexpr int64_t kMaxWarmUp = 100000;
constexpr int64_t kMaxFreePoints = 100000;

/// A `[float]` of UnrealCV's grammar, of at most 64 characters.
bool ReadFloat(std::string_view text, double& value, std::string& error);

/// A `[uint]`: digits, none at all is 0, as in UnrealCV; `most` where it is more.
bool ReadWhole(std::string_view text, int64_t most, int64_t& value, std::string& error);

/// Three numbers from `first` on, none farther out than the world.
bool ReadLocation(const std::vector<std::string>& args, size_t first, Vec3& location_cm, std::string& error);

/// Six numbers from `first` on: a location, and pitch, yaw, roll.
bool ReadPose(const std::vector<std::string>& args, size_t first, Pose& pose, std::string& error);

/// The passes of a comma-separated list: each of `kPasses`, none twice.
bool ReadPasses(std::string_view list, std::vector<std::string>& passes, std::string& error);

/// The path of a file that a client names. Whoever reaches the port must not be able to write just
/// anywhere: it lies below `folder`, which is absolute and has forward slashes.
bool FileBelow(const std::string& folder, const std::string& name, std::string& path, std::string& error);

}  // namespace openrelic
