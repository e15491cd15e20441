// Feeds the core what nobody should send: under the sanitizers nothing may happen but an answer.
//
//   fuzz_core RUNS SEED      mutates its own examples, the same for a seed
//
// Built with -DOPENRELIC_LIBFUZZER=ON (clang) it is a libFuzzer target instead.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "Csv.h"
#include "PoseFile.h"
#include "PosePath.h"
#include "Text.h"
#include "Tour.h"
#include "tiny_room.h"

using namespace openrelic;

namespace {

void Must(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz_core: %s\n", what);
    std::abort();
}

bool IsOneSentence(const std::string& text) { return !text.empty() && text.find('\n') == std::string::npos; }

/// A pose file: either poses or a sentence, and what is read can be flown.
void FuzzPoses(const std::string& data) {
    std::vector<TimedPose> poses;
    std::string error;
    if (ReadRecording(data, "walk.csv", poses, error)) {
        const PosePath path(poses);
        for (const double share : {0.0, 0.3, 1.0, 2.0}) {
            const Camera camera = path.At(share * path.DurationS());
            Must(std::isfinite(camera.R_cam_from_world.row[0].x), "a path has a rotation that is none");
        }
        if (path.DurationS() < 60.0) Must(!path.Resampled(16.0).empty(), "a path has no frames");
    } else {
        Must(IsOneSentence(error), "an error is no sentence");
    }
    error.clear();
    Must(ReadPlayable(data, "walk.csv", poses, error) ? !poses.empty() : !error.empty(), "neither poses nor a sentence");
}

/// Commands, one a line: a number, then arguments between spaces.
void FuzzCommands(const std::string& data) {
    TinyRoom room;
    room.files["/saved/walk.csv"] = data;
    Tour tour(room);
    for (size_t at = 0; at < data.size();) {
        const size_t end = std::min(data.find('\n', at), data.size());
        Arguments words;
        for (size_t from = at; from < end;) {
            const size_t to = std::min(data.find(' ', from), end);
            words.push_back(data.substr(from, std::min(to, end) - from));
            from = to + 1;
        }
        at = end + 1;
        if (words.empty() || words[0].empty()) continue;
        const size_t number = static_cast<unsigned char>(words[0][0]) % Tour::Commands().size();
        words.erase(words.begin());
        const Reply reply = (tour.*Tour::Commands()[number].run)(words);
        Must(reply.good ? !reply.text.empty() || !reply.bytes.empty() : IsOneSentence(Quoted(reply.text)), "no reply");
        TickFacts facts;
        facts.game_s = facts.real_s = 1.0 / 60.0, facts.drawn = true;
        tour.Tick(facts);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    FuzzPoses(text);
    FuzzCommands(text);
    return 0;
}

#ifndef OPENRELIC_LIBFUZZER

namespace {

const std::vector<std::string> kExamples = {
    "time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg\n0,0,0,0,0,0,0\n0.1,1,2,3,4,5,6\n0.2,1,2,3,4,5,6\n",
    "\xEF\xBB\xBFtime_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg\r\n0.0,\"1\",2e0,-3.5,89.9,179.9,-180\r\n1,1,2,3,4,-179,6\r\n",
    "roll_deg,time_s,x_cm,more,y_cm,z_cm,pitch_deg,yaw_deg\n1,2,3,4,5,6,7,8\n",
    "A \nB \nC \nD 12\nE -3.5\nF 0 1 2 3 4 5 6 lit_bgra,depth_f32\nG 100 200 150 500 200 150 20\n",
    "H 100 200 150\nI 3 120 7\nJ walk.csv out\nK 1\nL 1\nM track.csv 30\nN \n",
    "F 0 0 0 0 0 0 0 mask_u8,normal_u8\nM a.csv 16\nM b.csv 16\nN\nN\nJ ../walk.csv x\nJ walk.csv /etc\n",
};
const std::vector<std::string> kWords = {"nan", "inf", "-0", "1e999", "\"", "\n", "\r", ",", " ", "..", "/", "99999999999999999999999",
                                         std::string(1, '\0'), "\xff", "\xc3\xa9", "_", "e", "1_0", "lit_bgra", "0.1"};

std::string Mutated(std::string text, Random& random) {
    for (uint64_t changes = 1 + random.Next() % 6; changes > 0; --changes) {
        const size_t at = text.empty() ? 0 : random.Next() % (text.size() + 1);
        const size_t span = std::min<size_t>(random.Next() % 12, text.size() - at);
        switch (random.Next() % 5) {
            case 0: text.erase(at, span); break;
            case 1: text.insert(at, kWords[random.Next() % kWords.size()]); break;
            case 2: text.insert(at, text.substr(at, span)); break;
            case 3: text.insert(at, kExamples[random.Next() % kExamples.size()].substr(0, random.Next() % 60)); break;
            default:
                if (at < text.size()) text[at] = static_cast<char>(random.Next());
        }
    }
    return text;
}

}  // namespace

int main(int count, char** words) {
    const long runs = count > 1 ? std::atol(words[1]) : 20000;
    Random random(count > 2 ? static_cast<uint64_t>(std::atoll(words[2])) : 1);
    for (long run = 0; run < runs; ++run) {
        const std::string text = Mutated(kExamples[random.Next() % kExamples.size()], random);
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    }
    std::printf("%ld inputs, none did harm\n", runs);
}

#endif
