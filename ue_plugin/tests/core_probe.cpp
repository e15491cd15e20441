// The core as a filter, so that Python can compare it with its own functions: one command a line,
// one reply a line. Text and bytes are in hexadecimal, numbers as C writes them with %.17g.
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "Arguments.h"
#include "Frame.h"
#include "Pawn.h"
#include "PoseFile.h"
#include "PosePath.h"
#include "PoseRecorder.h"
#include "Text.h"
#include "Tour.h"
#include "tiny_room.h"

using namespace openrelic;

namespace {

using Words = std::vector<std::string>;

std::string FromHex(const std::string& hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

template <typename Bytes>
std::string ToHex(const Bytes& bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string hex = "=";  // so that no bytes are a word, too
    for (const auto byte : bytes) {
        hex += digits[static_cast<unsigned char>(byte) >> 4];
        hex += digits[static_cast<unsigned char>(byte) & 15];
    }
    return hex;
}

std::string Failed(const std::string& error) { return "error " + ToHex(error); }

double Number(const std::string& word) { return std::stod(word); }

Pose PoseAt(const Words& w, size_t at) {
    return {Number(w[at]), Number(w[at + 1]), Number(w[at + 2]), Number(w[at + 3]), Number(w[at + 4]), Number(w[at + 5])};
}

std::string Shown(const Pose& p) {
    std::string text;
    for (const double v : {p.x_cm, p.y_cm, p.z_cm, p.pitch_deg, p.yaw_deg, p.roll_deg}) text += " " + General(v, 17);
    return text;
}

std::string ReadFile(const Words& w, bool strict) {
    std::vector<TimedPose> poses;
    std::string error;
    const std::string data = FromHex(w[2].substr(1)), where = FromHex(w[1].substr(1));
    const bool good = strict ? ReadRecording(data, where, poses, error) : ReadPlayable(data, where, poses, error);
    if (!good) return Failed(error);
    std::string reply = "ok";
    for (const TimedPose& row : poses) reply += " " + General(row.time_s, 17) + Shown(row.pose);
    return reply;
}

std::string Resample(const Words& w) {
    std::vector<TimedPose> poses;
    std::string error;
    if (!ReadRecording(FromHex(w[2].substr(1)), "the file", poses, error)) return Failed(error);
    std::string reply = "ok";
    for (const Camera& camera : PosePath(poses).Resampled(Number(w[1]))) reply += Shown(PoseOf(camera));
    return reply;
}

/// record RATE, then of each tick its length and the pose; the first length is not read.
std::string Record(const Words& w) {
    PoseRecorder recorder;
    std::string error, reply;
    for (size_t at = 2; at + 7 <= w.size(); at += 7) {
        if (at > 2) {
            recorder.Tick(Number(w[at]), PoseAt(w, at + 1));
        } else if (!recorder.Start("/saved/walk.csv", Number(w[1]), PoseAt(w, at + 1), error)) {
            return Failed(error);
        }
    }
    const std::string text = recorder.TakeText();
    return "ok " + ToHex(text);
}

/// fly WALK LEVEL, then of what is solid its kind and four numbers (beyond a `plane`: normal and
/// offset; in a `ball`: centre and radius), x y z yaw of the start, speed, turn, and of each step a
/// mask of the held actions and six sticks.
std::string Fly(const Words& w) {
    const Vec3 where = {Number(w[4]), Number(w[5]), Number(w[6])};
    const double size_m = Number(w[7]);
    const bool plane = w[3] == "plane";
    const Camera start = CameraOf({Number(w[8]), Number(w[9]), Number(w[10]), 0, Number(w[11]), 0});
    const auto clear = [&](const Vec3&, const Vec3& to) {
        return (plane ? Dot(where, to) : Length(to - where)) >= size_m;
    };
    Pilot pilot(start, {w[1] == "1", w[2] == "1"}, clear);
    std::string reply = "ok";
    for (size_t at = 14; at + 7 <= w.size(); at += 7) {
        Held held;
        held.speed_m_s = Number(w[12]), held.turn_deg_s = Number(w[13]);
        for (size_t i = 0; i < kActions.size(); ++i) held.actions[i] = (std::stoi(w[at]) >> i & 1) != 0;
        for (size_t i = 0; i < kChannels; ++i) held.sticks[i] = Number(w[at + 1 + i]);
        pilot.Step(held);
        reply += Shown(PoseOf(pilot.Now())) + " " + std::to_string(static_cast<int>(pilot.Touching()));
    }
    return reply;
}

std::string Header(const Words& w) {
    std::vector<std::string> passes;
    std::string error;
    if (!ReadPasses(FromHex(w[11].substr(1)), passes, error)) return Failed(error);
    const FrameFacts facts = {std::stoll(w[1]), PoseAt(w, 5), Number(w[2]), std::stoi(w[3]), std::stoi(w[4])};
    return "ok " + ToHex(FrameHeader(facts, passes));
}

std::string Pack(const Words& w) {
    const std::string data = FromHex(w[3].substr(1));
    const size_t stride = static_cast<size_t>(std::stoi(w[2])), count = data.size() / (stride * (w[1] == "lit" || w[1] == "mask" ? 1 : 4));
    const auto* const bytes = reinterpret_cast<const uint8_t*>(data.data());
    if (w[1] == "lit") return "ok " + ToHex(PackLit(bytes, count));
    if (w[1] == "mask") return "ok " + ToHex(PackMask(bytes, count));
    std::vector<float> values(data.size() / 4);
    std::memcpy(values.data(), data.data(), 4 * values.size());
    return "ok " + ToHex(w[1] == "depth" ? PackDepth(values.data(), count, stride, 65504.0F) : PackNormal(values.data(), count, stride));
}

/// A game of the tiny room, for the commands themselves.
class Game {
public:
    /// tour TEMPLATE-NUMBER arguments…
    std::string Run(const Words& w) {
        Arguments arguments;
        for (size_t i = 2; i < w.size(); ++i) arguments.push_back(FromHex(w[i].substr(1)));
        const Reply reply = (tour_.*Tour::Commands()[static_cast<size_t>(std::stoi(w[1]))].run)(arguments);
        if (!reply.good) return Failed(reply.text);
        return "ok " + (reply.bytes.empty() ? ToHex(reply.text) : ToHex(reply.bytes));
    }

    std::string Tick(const Words& w) {
        for (int i = std::stoi(w[1]); i > 0; --i) {
            ++room_.frame;
            TickFacts facts;
            facts.game_s = room_.step_s > 0.0 ? room_.step_s : 1.0 / 60.0;
            facts.real_s = facts.game_s, facts.drawn = true;
            tour_.Tick(facts);
        }
        return "ok";
    }

    std::string Put(const Words& w) {
        room_.files[FromHex(w[1].substr(1))] = FromHex(w[2].substr(1));
        return "ok";
    }

    std::string Get(const Words& w) { return "ok " + ToHex(room_.files[FromHex(w[1].substr(1))]); }

    std::string Folder(const Words& w) {
        room_.folder = FromHex(w[1].substr(1));
        return "ok";
    }

private:
    TinyRoom room_;
    Tour tour_{room_};
};

std::string Commands() {
    std::string list;
    for (const auto& command : Tour::Commands()) list += std::string(command.uri) + "\n";
    return "ok " + ToHex(list);
}

std::string Answer(const Words& w, Game& game) {
    if (w[0] == "recording" || w[0] == "playable") return ReadFile(w, w[0] == "recording");
    if (w[0] == "resample") return Resample(w);
    if (w[0] == "record") return Record(w);
    if (w[0] == "fly") return Fly(w);
    if (w[0] == "header") return Header(w);
    if (w[0] == "pack") return Pack(w);
    if (w[0] == "commands") return Commands();
    if (w[0] == "tour") return game.Run(w);
    if (w[0] == "tick") return game.Tick(w);
    if (w[0] == "put") return game.Put(w);
    if (w[0] == "get") return game.Get(w);
    if (w[0] == "folder") return game.Folder(w);
    if (w[0] == "quoted") return "ok " + ToHex(Quoted(FromHex(w[1].substr(1))));
    if (w[0] == "number") {
        double value = 0.0;
        return ParseNumber(FromHex(w[1].substr(1)), value) ? "ok " + General(value, 17) : "error =";
    }
    if (w[0] == "fixed") return "ok " + Fixed(Number(w[1]));
    if (w[0] == "turn") return "ok" + Shown(PoseOf(CameraOf(PoseAt(w, 1))));
    return "unknown";
}

}  // namespace

int main() {
    std::string line;
    Game game;
    while (std::getline(std::cin, line)) {
        std::istringstream stream(line);
        Words words;
        for (std::string word; stream >> word;) words.push_back(word);
        if (!words.empty()) std::cout << Answer(words, game) << std::endl;
    }
}
