#include "PoseFile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "Csv.h"
#include "Text.h"

namespace openrelic {
namespace {

constexpr size_t kColumns = 7;
constexpr std::array<std::string_view, kColumns> kNames = {"time_s",    "x_cm",    "y_cm",    "z_cm",
                                                           "pitch_deg", "yaw_deg", "roll_deg"};
constexpr std::string_view kColumnList = "time_s, x_cm, y_cm, z_cm, pitch_deg, yaw_deg, roll_deg";

// Between rows further apart than this the way is a guess.
constexpr double kMaxGapS = 1.0, kMaxTurnDeg = 90.0;

using Values = std::array<double, kColumns>;

TimedPose RowOf(const Values& v) { return {v[0], {v[1], v[2], v[3], v[4], v[5], v[6]}}; }

Values ValuesOf(const TimedPose& row) {
    const Pose& p = row.pose;
    return {row.time_s, p.x_cm, p.y_cm, p.z_cm, p.pitch_deg, p.yaw_deg, p.roll_deg};
}

bool IsFinite(const TimedPose& row) {
    const Values values = ValuesOf(row);
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

std::string Joined(const CsvRow& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) text += (i == 0 ? "" : ",") + cells[i];
    return text;
}

bool Refuse(std::string& error, std::string sentence) {
    error = std::move(sentence);
    return false;
}

/// What breaks a rule, and where.
class Rules {
public:
    Rules(const std::vector<TimedPose>& poses, const std::string& where) : poses_(poses), where_(where) {}

    /// False with a sentence if `broken(row, row before)` holds for any row from `first` on.
    template <typename Broken>
    bool Hold(size_t first, const std::string& rule, std::string& error, Broken broken) const {
        for (size_t i = first; i < poses_.size(); ++i) {
            if (broken(poses_[i], poses_[i == 0 ? 0 : i - 1])) {
                return Refuse(error, where_ + ", line " + std::to_string(i + 2) + " (" + Shown(poses_[i]) + "): " + rule);
            }
        }
        return true;
    }

private:
    static std::string Shown(const TimedPose& row) {
        std::string text;
        for (const double value : ValuesOf(row)) text += (text.empty() ? "" : ",") + General(value);
        return text;
    }

    const std::vector<TimedPose>& poses_;
    const std::string& where_;
};

bool Obeys(const std::vector<TimedPose>& poses, const std::string& where, std::string& error) {
    const Rules rules(poses, where);
    if (!rules.Hold(0, "every value must be a finite number", error,
                    [](const TimedPose& row, const TimedPose&) { return !IsFinite(row); })) {
        return false;
    }
    if (poses.size() < 2) {
        return Refuse(error, where + " has " + std::to_string(poses.size()) + " poses; at least 2 are needed");
    }
    return rules.Hold(0, "pitch_deg must be within -90 to 90", error,
                      [](const TimedPose& row, const TimedPose&) { return std::abs(row.pose.pitch_deg) > 90.0; }) &&
           rules.Hold(1, "time_s must be later than in the row before", error,
                      [](const TimedPose& row, const TimedPose& before) { return row.time_s - before.time_s <= 0.0; }) &&
           rules.Hold(1, "it is more than " + General(kMaxGapS) + " s after the row before, and the way between is unknown",
                      error,
                      [](const TimedPose& row, const TimedPose& before) { return row.time_s - before.time_s > kMaxGapS; }) &&
           rules.Hold(1, "it turns by more than " + General(kMaxTurnDeg) + "\xC2\xB0 from the row before, and which way is unknown",
                      error, [](const TimedPose& row, const TimedPose& before) {
                          return AngleBetweenDeg(CameraOf(row.pose).R_cam_from_world,
                                                 CameraOf(before.pose).R_cam_from_world) > kMaxTurnDeg;
                      });
}

/// Where each column of a pose file stands in the header; false names those that are missing.
bool FindColumns(const CsvRow& header, std::array<size_t, kColumns>& at, std::string& error) {
    std::vector<std::string> missing;
    for (size_t i = 0; i < kColumns; ++i) {
        // Of two columns with one name the last counts, as in Python's DictReader.
        const auto found = std::find(header.rbegin(), header.rend(), kNames[i]);
        at[i] = static_cast<size_t>(header.rend() - found) - 1;
        if (found == header.rend()) missing.emplace_back(kNames[i]);
    }
    if (missing.empty()) return true;
    std::sort(missing.begin(), missing.end());
    error = "no column ";
    for (size_t i = 0; i < missing.size(); ++i) error += (i == 0 ? "" : ", ") + missing[i];
    return false;
}

bool ReadColumns(const std::vector<CsvRow>& rows, std::vector<TimedPose>& poses, std::string& error) {
    size_t first = 0;
    while (first < rows.size() && rows[first].empty()) ++first;
    std::array<size_t, kColumns> at{};
    if (!FindColumns(first < rows.size() ? rows[first] : CsvRow{}, at, error)) return false;
    for (size_t i = first + 1; i < rows.size(); ++i) {
        if (rows[i].empty()) continue;
        Values values{};
        for (size_t column = 0; column < kColumns; ++column) {
            const bool there = at[column] < rows[i].size() && !rows[i][at[column]].empty();
            const std::string cell = there ? rows[i][at[column]] : "nan";
            if (!ParseNumber(cell, values[column])) {
                return Refuse(error, "could not convert string to float: " + Quoted(cell));
            }
        }
        poses.push_back(RowOf(values));
    }
    return true;
}

}  // namespace

bool ReadRecording(std::string_view data, const std::string& where, std::vector<TimedPose>& poses,
                   std::string& error) {
    std::vector<CsvRow> rows;
    poses.clear();
    if (!SplitCsv(data, rows, error)) return Refuse(error, where + " is not CSV in UTF-8: " + error);
    const std::string header(kPoseHeader);
    if (rows.empty() || !std::equal(rows[0].begin(), rows[0].end(), kNames.begin(), kNames.end())) {
        const std::string found = rows.empty() ? "nothing" : Joined(rows[0]);
        return Refuse(error, where + ", line 1 is " + Quoted(FirstCharacters(found, 120)) + "; it must be " + header);
    }
    for (size_t i = 1; i < rows.size(); ++i) {
        const std::string line = where + ", line " + std::to_string(i + 1);
        if (rows[i].size() != kColumns) {
            return Refuse(error, line + " has " + std::to_string(rows[i].size()) + " values; " + std::to_string(kColumns) + " are needed: " + header);
        }
        Values values{};
        for (size_t column = 0; column < kColumns; ++column) {
            if (!ParseNumber(rows[i][column], values[column])) {
                return Refuse(error, line + ": " + std::string(kNames[column]) + " is " + Quoted(rows[i][column]) + "; a number is needed");
            }
        }
        poses.push_back(RowOf(values));
    }
    return Obeys(poses, where, error);
}

bool ReadPlayable(std::string_view data, const std::string& where, std::vector<TimedPose>& poses,
                  std::string& error) {
    std::vector<CsvRow> rows;
    poses.clear();
    if (!SplitCsv(data, rows, error) || !ReadColumns(rows, poses, error)) {
        return Refuse(error, where + " cannot be read as a pose file (" + error + "); it needs the columns " + std::string(kColumnList));
    }
    if (poses.empty()) return Refuse(error, where + " has no poses");
    for (size_t i = 0; i < poses.size(); ++i) {
        if (!IsFinite(poses[i]) || (i > 0 && poses[i].time_s <= poses[i - 1].time_s)) {
            return Refuse(error, where + ": numbers must be finite and time_s must grow");
        }
    }
    return true;
}

std::string PoseLine(const TimedPose& row) {
    std::string line;
    for (const double value : ValuesOf(row)) line += (line.empty() ? "" : ",") + Fixed(value);
    return line + "\n";
}

}  // namespace openrelic
