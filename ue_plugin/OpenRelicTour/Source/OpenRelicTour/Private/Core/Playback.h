// Jobs of `/tour/play`: every pose of a pose file is drawn into a folder, one a tick, in the time
// steps that the file has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "PoseFile.h"

namespace openrelic {

constexpr size_t kMaxJobs = 1000;

/// The next image that is to be drawn.
struct PlayStep {
    int64_t job = 0;
    int64_t row = 0;
    Pose pose;
    double step_s = 0.0;  // of the game's time since the image before
    std::string file;     // the image's name in the job's folder
};

class Playback {
public:
    /// Whether another job may be started; false with a sentence.
    bool MayStart(std::string& error) const;

    /// Queues a job; its id, from 1 on. `poses` is not empty.
    int64_t Start(std::vector<TimedPose> poses, const std::string& folder);

    /// The reply of `vget /tour/play [uint]`; `id` as it was given.
    bool Report(const std::string& id, std::string& reply, std::string& error) const;

    /// Stops a job that is not over; what it drew stays.
    bool Cancel(const std::string& id, std::string& error);

    /// The next image of the first job that has one left; false if there is none.
    bool Next(PlayStep& step) const;

    /// That image is on the disk. When it was the job's last, `poses_csv` is what must be written
    /// into the job's folder; then call `Finish`.
    void Drawn(const PlayStep& step, std::string& poses_csv);
    void Finish(int64_t job);
    void Fail(int64_t job, const std::string& why);

    const std::string& Folder(int64_t job) const;

private:
    enum class State { kPlaying, kDone, kCancelled, kFailed };
    struct Job {
        std::vector<TimedPose> poses;
        std::string folder, error;
        State state = State::kPlaying;
        size_t done = 0;
    };

    static const char* Word(State state);
    const Job* Find(const std::string& id, std::string& error) const;

    std::vector<Job> jobs_;
};

}  // namespace openrelic
