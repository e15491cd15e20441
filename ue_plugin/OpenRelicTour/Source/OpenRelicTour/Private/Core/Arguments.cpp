#include "Arguments.h"

#include <algorithm>
#include <cmath>

#include "Frame.h"
#include "Text.h"

namespace openrelic {
namespace {

constexpr size_t kMaxDigits = 64;

bool Invalid(std::string& error) {
    error = kArgumentInvalid;
    return false;
}

bool IsDigits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// `[-+]?\d*[.]?\d+`
bool IsFloat(std::string_view text) {
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
    const size_t point = text.find('.');
    const std::string_view last = point == std::string_view::npos ? text : text.substr(point + 1);
    return !last.empty() && IsDigits(last) && (point == std::string_view::npos || IsDigits(text.substr(0, point)));
}

/// `.` and `..` resolved; false where `..` leads above the root.
std::string Normalised(const std::string& path) {
    std::vector<std::string> parts;
    size_t at = 0;
    while (at <= path.size()) {
        const size_t slash = std::min(path.find('/', at), path.size());
        const std::string part = path.substr(at, slash - at);
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        at = slash + 1;
    }
    std::string text;
    for (const std::string& part : parts) text += "/" + part;
    return text;
}

}  // namespace

bool ReadFloat(std::string_view text, double& value, std::string& error) {
    if (text.size() > kMaxDigits || !IsFloat(text) || !ParseNumber(text, value)) return Invalid(error);
    return true;
}

bool ReadWhole(std::string_view text, int64_t most, int64_t& value, std::string& error) {
    if (text.size() > kMaxDigits || !IsDigits(text)) return Invalid(error);
    value = 0;
    for (const char digit : text) {
        value = std::min(most, value > (most - 9) / 10 ? most : value * 10 + (digit - '0'));
    }
    return true;
}

bool ReadLocation(const std::vector<std::string>& args, size_t first, Vec3& location_cm, std::string& error) {
    double v[3];
    for (size_t i = 0; i < 3; ++i) {
        if (first + i >= args.size()) return Invalid(error);
        if (!ReadFloat(args[first + i], v[i], error)) return false;
        if (std::abs(v[i]) > kWorldCm) return Invalid(error);
    }
    location_cm = {v[0], v[1], v[2]};
    return true;
}

bool ReadPose(const std::vector<std::string>& args, size_t first, Pose& pose, std::string& error) {
    Vec3 location;
    if (!ReadLocation(args, first, location, error)) return false;
    pose.x_cm = location.x, pose.y_cm = location.y, pose.z_cm = location.z;
    if (args.size() < first + 6) return Invalid(error);
    return ReadFloat(args[first + 3], pose.pitch_deg, error) && ReadFloat(args[first + 4], pose.yaw_deg, error) &&
           ReadFloat(args[first + 5], pose.roll_deg, error);
}

bool ReadPasses(std::string_view list, std::vector<std::string>& passes, std::string& error) {
    passes.clear();
    bool good = true;
    for (size_t at = 0; good && at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        const std::string name(list.substr(at, comma - at));
        good = FindPass(name) != nullptr && std::find(passes.begin(), passes.end(), name) == passes.end();
        passes.push_back(name);
        at = comma + 1;
    }
    if (!good) error = "unknown or repeated pass in " + Quoted(list) + "; allowed: " + PassList();
    return good;
}

bool FileBelow(const std::string& folder, const std::string& name, std::string& path, std::string& error) {
    const std::string root = Normalised(folder);
    const bool absolute = !name.empty() && (name[0] == '/' || name.find(':') != std::string::npos);
    std::string slashes = name;
    std::replace(slashes.begin(), slashes.end(), '\\', '/');
    path = absolute ? Normalised(slashes) : Normalised(root + "/" + slashes);
    const bool below = path.size() > root.size() + 1 && path.compare(0, root.size() + 1, root + "/") == 0;
    if (below && name.find('\0') == std::string::npos) return true;
    error = name + " is not in the engine's folder, " + root;
    return false;
}

}  // namespace openrelic
