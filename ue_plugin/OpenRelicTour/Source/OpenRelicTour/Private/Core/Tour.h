// The commands of `/tour/*`: their templates, what they answer, and what goes on from tick to tick.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "Engine.h"
#include "Playback.h"
#include "PoseRecorder.h"
#include "Readiness.h"
#include "Space.h"

namespace openrelic {

constexpr int kTourProtocol = 1;

using Arguments = std::vector<std::string>;

/// The body of a reply: text, or bytes, or the sentence after `error `.
struct Reply {
    bool good = true;
    std::string text;
    std::vector<uint8_t> bytes;
};

/// What happened in a tick, for who calls it.
struct TickFacts {
    double game_s = 0.0;  // of the game's time; 0 while it is paused
    double real_s = 0.0;
    bool drawn = false;  // every camera in use was drawn, or would have looked the same
    EngineSigns signs;
};

class Tour {
public:
    explicit Tour(Engine& engine, const ReadinessLimits& limits = {}) : engine_(engine), readiness_(limits) {}

    struct Command {
        const char* uri;  // a template of UnrealCV's grammar
        const char* help;
        Reply (Tour::*run)(const Arguments&);
    };

    /// All commands.
    static const std::vector<Command>& Commands();

    /// A level begins.
    void BeginLevel();

    /// Whether cameras must be drawn in this tick though nobody asked for images.
    bool WantsImages() const { return readiness_.WantsImages(); }

    /// An operator's one button: ends the recording that runs, or begins one of 60 rows a second.
    Reply ToggleRecording(const std::string& file);

    /// The world has ticked: draw what is being played, record, and look whether images are final.
    void Tick(const TickFacts& facts);

private:
    Reply Version(const Arguments&);
    Reply Manifest(const Arguments&);
    Reply Ready(const Arguments&);
    Reply WarmUp(const Arguments& args);
    Reply Exposure(const Arguments& args);
    Reply DrawFrame(const Arguments& args);
    Reply Sweep(const Arguments& args);
    Reply NearestSurface(const Arguments& args);
    Reply FreePoints(const Arguments& args);
    Reply Play(const Arguments& args);
    Reply PlayState(const Arguments& args);
    Reply CancelPlay(const Arguments& args);
    Reply StartRecording(const Arguments& args);
    Reply StopRecording(const Arguments&);

    bool ReadPoses(const std::string& path, std::vector<TimedPose>& poses, std::string& error);
    void PlayOn(double game_s);
    void KeepRecording();

    Engine& engine_;
    Readiness readiness_;
    PoseRecorder recorder_;
    Playback playback_;
    FreeSpace free_space_;
    std::map<int64_t, Pose> last_pose_;  // of each camera that was drawn
    bool step_is_set_ = false;           // this tick had the length that the next image needs
};

}  // namespace openrelic
