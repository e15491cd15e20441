// JSON on one line, as every reply of `/tour/*` is written: `{"hit": true, "fraction": 0.413000}`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "Geometry.h"

namespace openrelic {

/// Writes one value; numbers that are not whole as `%.6f`, text as UTF-8.
class JsonLine {
public:
    JsonLine& Open(char bracket);   // '{' or '['
    JsonLine& Close(char bracket);  // '}' or ']'
    JsonLine& Key(std::string_view name);
    JsonLine& Text(std::string_view text);
    JsonLine& Number(double value);  // one that is not finite is null: JSON has no other word
    JsonLine& Whole(int64_t value);
    JsonLine& Flag(bool value);
    JsonLine& Point(const Vec3& point);

    /// What was written.
    const std::string& Line() const { return line_; }

private:
    void Separate();

    std::string line_;
    std::vector<bool> begun_;  // whether each open bracket holds something
    bool after_key_ = false;
};

}  // namespace openrelic
