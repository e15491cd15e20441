#include "Tour.h"

#include <cmath>
#include <utility>

#include "Arguments.h"
#include "Json.h"
#include "Text.h"

namespace openrelic {
namespace {

constexpr std::string_view kParquet = ".parquet";

Reply Text(std::string text) { return {true, std::move(text), {}}; }
Reply Error(std::string sentence) { return {false, std::move(sentence), {}}; }
Reply Ok() { return Text("ok"); }
Reply Invalid() { return Error(std::string(kArgumentInvalid)); }

bool EndsWith(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool ReadFloats(const Arguments& args, std::vector<double>& values, std::string& error) {
    for (const std::string& text : args) {
        values.push_back(0.0);
        if (!ReadFloat(text, values.back(), error)) return false;
    }
    return true;
}

void WriteBox(JsonLine& json, const char* key, const Vec3& low, const Vec3& high) {
    json.Key(key).Open('[').Point(low).Point(high).Close(']');
}

}  // namespace

const std::vector<Tour::Command>& Tour::Commands() {
    static const std::vector<Command> commands = {
        {"vget /tour/version", "Protocol, engine, scene and licence", &Tour::Version},
        {"vget /tour/manifest", "What is in the scene", &Tour::Manifest},
        {"vget /tour/ready", "Whether captures are final, and what is missing", &Tour::Ready},
        {"vset /tour/warmup [uint]", "Be unready until that many frames", &Tour::WarmUp},
        {"vset /tour/exposure [float]", "Fixed exposure in EV", &Tour::Exposure},
        {"vget /tour/frame [uint] [float] [float] [float] [float] [float] [float] [str]",
         "Camera id, x y z pitch yaw roll, comma-separated passes: binary, from one tick", &Tour::DrawFrame},
        {"vget /tour/sweep [float] [float] [float] [float] [float] [float] [float]",
         "Sphere from point to point, radius", &Tour::Sweep},
        {"vget /tour/clearance [float] [float] [float]", "Distance to the nearest surface", &Tour::NearestSurface},
        {"vget /tour/freespace [uint] [float] [uint]",
         "n, radius, seed: random points with that clearance, reachable from one another", &Tour::FreePoints},
        {"vset /tour/play [str] [str]", "Pose file, folder: draw its poses into PNG files; the job's id", &Tour::Play},
        {"vget /tour/play [uint]", "A job's progress", &Tour::PlayState},
        {"vset /tour/cancel [uint]", "Stop a job", &Tour::CancelPlay},
        {"vset /tour/record/start [str] [float]", "File, rate in Hz: record camera 0 as it moves", &Tour::StartRecording},
        {"vset /tour/record/stop", "End the recording", &Tour::StopRecording},
    };
    return commands;
}

void Tour::BeginLevel() {
    readiness_.BeginLevel();
    free_space_.Forget();
    last_pose_.clear();
}

void Tour::Tick(const TickFacts& facts) {
    readiness_.Tick(facts.signs, facts.real_s, facts.drawn);
    PlayOn(facts.game_s);
    if (recorder_.IsRunning()) {
        recorder_.Tick(facts.game_s, engine_.PlayerPose());
        KeepRecording();
    }
}

Reply Tour::Version(const Arguments&) {
    const SceneFacts facts = engine_.Facts();
    JsonLine json;
    json.Open('{').Key("protocol").Whole(kTourProtocol).Key("engine").Text(facts.engine);
    return Text(json.Key("scene").Text(facts.scene).Key("licence").Text(facts.licence).Close('}').Line());
}

Reply Tour::Manifest(const Arguments&) {
    const SceneFacts facts = engine_.Facts();
    JsonLine json;
    json.Open('{').Key("scene").Text(facts.scene);
    WriteBox(json, "bounds_cm", facts.low, facts.high);
    WriteBox(json, "roam_cm", facts.roam.low, facts.roam.high);
    json.Key("objects").Open('{');
    for (const auto& [name, colour] : facts.objects) {
        json.Key(name).Open('[');
        for (const int level : colour) json.Whole(level);
        json.Close(']');
    }
    json.Close('}').Key("spawns").Open('[');
    for (const auto& spawn : facts.spawns) {
        json.Open('[');
        for (const double value : spawn) json.Number(value);
        json.Close(']');
    }
    json.Close(']').Key("caption").Text(facts.caption).Key("console_variables").Open('{');
    for (const auto& [name, value] : facts.console_variables) json.Key(name).Text(value);
    return Text(json.Close('}').Close('}').Line());
}

Reply Tour::Ready(const Arguments&) { return Text(readiness_.Reply(engine_.Frame())); }

Reply Tour::WarmUp(const Arguments& args) {
    int64_t frames = 0;
    std::string error;
    if (args.size() != 1 || !ReadWhole(args[0], kMaxWarmUp, frames, error)) return Invalid();
    readiness_.WarmUp(frames);
    return Ok();
}

Reply Tour::Exposure(const Arguments& args) {
    double ev = 0.0;
    std::string error;
    if (args.size() != 1 || !ReadFloat(args[0], ev, error) || std::abs(ev) > kMaxEv) return Invalid();
    engine_.FixExposure(ev);
    return Ok();
}

Reply Tour::DrawFrame(const Arguments& args) {
    int64_t camera = 0;
    Pose pose;
    std::vector<std::string> passes;
    std::string error;
    if (args.size() != 8 || !ReadWhole(args[0], 1 << 20, camera, error)) return Invalid();
    if (!engine_.HasCamera(camera)) return Error("Invalid sensor id");
    if (!ReadPose(args, 1, pose, error) || !ReadPasses(args[7], passes, error)) return Error(error);
    const auto last = last_pose_.find(camera);
    if (last != last_pose_.end() && IsJump(last->second, pose)) readiness_.Jump();
    last_pose_[camera] = pose;
    Drawn drawn;
    Reply reply;
    reply.good = engine_.Draw(camera, pose, passes, drawn, reply.text) &&
                 PackFrame(drawn.facts, passes, drawn.images, reply.bytes, reply.text);
    return reply;
}

Reply Tour::Sweep(const Arguments& args) {
    std::vector<double> v;
    std::string error;
    if (!ReadFloats(args, v, error) || v.size() != 7 || v[6] < 0.0) return Invalid();
    Hit hit;
    JsonLine json;
    json.Open('{').Key("hit");
    if (!engine_.Sweep({v[0], v[1], v[2]}, {v[3], v[4], v[5]}, v[6], hit)) {
        return Text(json.Flag(false).Key("fraction").Number(1.0).Close('}').Line());
    }
    json.Flag(true).Key("fraction").Number(hit.fraction).Key("normal").Point(hit.normal);
    return Text(json.Key("object").Text(hit.object).Close('}').Line());
}

Reply Tour::NearestSurface(const Arguments& args) {
    std::vector<double> v;
    std::string error;
    if (!ReadFloats(args, v, error) || v.size() != 3) return Invalid();
    Vec3 surface;
    const double distance = engine_.Nearest({v[0], v[1], v[2]}, surface);
    JsonLine json;
    return Text(json.Open('{').Key("distance").Number(distance).Key("point").Point(surface).Close('}').Line());
}

Reply Tour::FreePoints(const Arguments& args) {
    int64_t count = 0, seed = 0;
    double radius = 0.0;
    std::string error;
    if (args.size() != 3 || !ReadWhole(args[0], kMaxFreePoints + 1, count, error) ||
        !ReadFloat(args[1], radius, error) || !ReadWhole(args[2], INT64_MAX, seed, error)) {
        return Invalid();
    }
    if (count < 1 || count > kMaxFreePoints || radius <= 0.0) return Invalid();
    JsonLine json;
    json.Open('{').Key("points").Open('[');
    const Roam roam = engine_.Facts().roam;
    for (const Vec3& point : free_space_.Points(engine_, roam, count, radius, static_cast<uint64_t>(seed))) {
        json.Point(point);
    }
    return Text(json.Close(']').Close('}').Line());
}

bool Tour::ReadPoses(const std::string& path, std::vector<TimedPose>& poses, std::string& error) {
    if (EndsWith(path, kParquet)) {
        error = path + " is parquet; this engine plays CSV: python -m labeling.export writes it";
        return false;
    }
    std::string data;
    return engine_.Load(path, data, error) && ReadPlayable(data, path, poses, error);
}

Reply Tour::Play(const Arguments& args) {
    std::string poses_path, folder, error;
    std::vector<TimedPose> poses;
    if (args.size() != 2) return Invalid();
    const bool good = playback_.MayStart(error) &&
                      FileBelow(engine_.SavedFolder(), args[1], folder, error) &&
                      FileBelow(engine_.SavedFolder(), args[0], poses_path, error) &&
                      ReadPoses(poses_path, poses, error) && engine_.MakeEmptyFolder(folder, error);
    if (!good) return Error(error);
    return Text(std::to_string(playback_.Start(std::move(poses), folder)));
}

Reply Tour::PlayState(const Arguments& args) {
    Reply reply;
    std::string error;
    if (args.size() != 1) return Invalid();
    reply.good = playback_.Report(args[0], reply.text, error);
    return reply.good ? reply : Error(error);
}

Reply Tour::CancelPlay(const Arguments& args) {
    std::string error;
    if (args.size() != 1) return Invalid();
    return playback_.Cancel(args[0], error) ? Ok() : Error(error);
}

void Tour::PlayOn(double game_s) {
    PlayStep step;
    if (game_s <= 0.0) return;  // paused
    if (step_is_set_ && playback_.Next(step)) {
        const std::string folder = playback_.Folder(step.job);
        std::string error, poses_csv;
        if (!engine_.DrawFile(step.pose, folder + "/" + step.file, error)) {
            playback_.Fail(step.job, error);
        } else {
            playback_.Drawn(step, poses_csv);
            // The folder is complete when this file is there.
            const bool saved = poses_csv.empty() || engine_.Save(folder + "/poses.csv", poses_csv, error);
            if (!saved) playback_.Fail(step.job, error);
            if (saved && !poses_csv.empty()) playback_.Finish(step.job);
        }
    }
    const bool more = playback_.Next(step);
    if (more || step_is_set_) engine_.FixTimeStep(more ? step.step_s : 0.0);
    step_is_set_ = more;
}

Reply Tour::StartRecording(const Arguments& args) {
    std::string path, error;
    double rate_hz = 0.0;
    if (args.size() != 2 || !ReadFloat(args[1], rate_hz, error)) return Invalid();
    if (args[0].empty() || EndsWith(args[0], kParquet)) return Error(Quoted(args[0]) + " is no name of a CSV file");
    if (!FileBelow(engine_.SavedFolder(), args[0], path, error)) return Error(error);
    if (!recorder_.Start(path, rate_hz, engine_.PlayerPose(), error)) return Error(error);
    if (engine_.Save(path, recorder_.TakeText(), error)) return Ok();
    std::string reply, none;
    recorder_.Stop(reply, none);
    return Error(path + " cannot be written: " + error);
}

Reply Tour::ToggleRecording(const std::string& file) {
    if (recorder_.IsRunning()) return StopRecording({});
    const Reply started = StartRecording({file, Fixed(kMaxRateHz)});
    return started.good ? Text("recording " + recorder_.File()) : started;
}

Reply Tour::StopRecording(const Arguments&) {
    std::string reply, error;
    if (!recorder_.Stop(reply, error)) return Error(error);
    KeepRecording();
    return Text(reply);
}

void Tour::KeepRecording() {
    const std::string text = recorder_.TakeText();
    if (text.empty() || engine_.Append(recorder_.File(), text)) return;
    std::string reply, error;
    recorder_.Stop(reply, error);  // the disk is full: what is written stays
}

}  // namespace openrelic
