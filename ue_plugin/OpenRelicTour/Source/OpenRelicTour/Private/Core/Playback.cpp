#include "Playback.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "Arguments.h"
#include "Json.h"

namespace openrelic {
namespace {

// What a game can make a tick of.
constexpr double kShortestStepS = 1e-4, kLongestStepS = 1.0;
constexpr double kOnlyStepS = 1.0 / 16.0;

double StepBefore(const std::vector<TimedPose>& poses, size_t row) {
    if (poses.size() < 2) return kOnlyStepS;
    const size_t later = std::max<size_t>(row, 1);
    return std::clamp(poses[later].time_s - poses[later - 1].time_s, kShortestStepS, kLongestStepS);
}

}  // namespace

const char* Playback::Word(State state) {
    switch (state) {
        case State::kPlaying: return "playing";
        case State::kDone: return "done";
        case State::kCancelled: return "cancelled";
        default: return "failed";
    }
}

bool Playback::MayStart(std::string& error) const {
    if (jobs_.size() < kMaxJobs) return true;
    error = std::to_string(kMaxJobs) + " jobs were started already";
    return false;
}

int64_t Playback::Start(std::vector<TimedPose> poses, const std::string& folder) {
    jobs_.push_back({std::move(poses), folder, {}, State::kPlaying, 0});
    return static_cast<int64_t>(jobs_.size());
}

const Playback::Job* Playback::Find(const std::string& id, std::string& error) const {
    int64_t number = 0;
    const int64_t beyond = static_cast<int64_t>(jobs_.size()) + 1;
    if (!ReadWhole(id, beyond, number, error)) return nullptr;
    if (number >= 1 && number < beyond) return &jobs_[static_cast<size_t>(number - 1)];
    error = "there is no job " + id + "; vset /tour/play starts one";
    return nullptr;
}

bool Playback::Report(const std::string& id, std::string& reply, std::string& error) const {
    const Job* const job = Find(id, error);
    if (job == nullptr) return false;
    JsonLine json;
    json.Open('{').Key("state").Text(Word(job->state)).Key("frames_done").Whole(static_cast<int64_t>(job->done));
    json.Key("frames").Whole(static_cast<int64_t>(job->poses.size()));
    reply = json.Key("folder").Text(job->folder).Key("error").Text(job->error).Close('}').Line();
    return true;
}

bool Playback::Cancel(const std::string& id, std::string& error) {
    const Job* const job = Find(id, error);
    if (job == nullptr) return false;
    if (job->state != State::kPlaying) {
        error = "job " + id + " is " + Word(job->state);
        return false;
    }
    jobs_[static_cast<size_t>(job - jobs_.data())].state = State::kCancelled;
    return true;
}

bool Playback::Next(PlayStep& step) const {
    for (size_t i = 0; i < jobs_.size(); ++i) {
        const Job& job = jobs_[i];
        if (job.state != State::kPlaying || job.done >= job.poses.size()) continue;
        char name[32];
        std::snprintf(name, sizeof name, "%06zu.png", job.done);
        step = {static_cast<int64_t>(i) + 1, static_cast<int64_t>(job.done), job.poses[job.done].pose,
                StepBefore(job.poses, job.done), name};
        return true;
    }
    return false;
}

void Playback::Drawn(const PlayStep& step, std::string& poses_csv) {
    Job& job = jobs_[static_cast<size_t>(step.job - 1)];
    poses_csv.clear();
    if (++job.done < job.poses.size()) return;
    poses_csv = std::string(kPoseHeader) + "\n";
    for (const TimedPose& row : job.poses) poses_csv += PoseLine(row);
}

void Playback::Finish(int64_t job) { jobs_[static_cast<size_t>(job - 1)].state = State::kDone; }

void Playback::Fail(int64_t job, const std::string& why) {
    jobs_[static_cast<size_t>(job - 1)].state = State::kFailed;
    jobs_[static_cast<size_t>(job - 1)].error = why;
}

const std::string& Playback::Folder(int64_t job) const { return jobs_[static_cast<size_t>(job - 1)].folder; }

}  // namespace openrelic
