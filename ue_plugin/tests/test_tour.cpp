#include <doctest/doctest.h>

#include "Tour.h"
#include "tiny_room.h"

using namespace openrelic;

namespace {

const char* const kWalk =
    "time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg\n"
    "0.000000,1.000000,0.000000,0.000000,0.000000,0.000000,0.000000\n"
    "0.050000,2.000000,0.000000,0.000000,0.000000,0.000000,0.000000\n"
    "0.150000,3.000000,0.000000,0.000000,0.000000,0.000000,0.000000\n";

struct Game {
    TinyRoom room;
    Tour tour{room};

    Game() { room.files["/saved/walk.csv"] = kWalk; }

    std::string Ask(const std::string& uri, const Arguments& arguments) {
        for (const auto& command : Tour::Commands()) {
            if (uri != command.uri) continue;
            const Reply reply = (tour.*command.run)(arguments);
            return reply.good ? reply.text : "error " + reply.text;
        }
        return "no such command";
    }

    void Tick(double game_s = 1.0 / 60.0) {
        ++room.frame;
        TickFacts facts;
        facts.game_s = game_s, facts.real_s = 1.0 / 60.0, facts.drawn = true;
        tour.Tick(facts);
    }
};

}  // namespace

TEST_CASE("a job is drawn with the time steps of its file") {
    Game game;
    REQUIRE(game.Ask("vset /tour/play [str] [str]", {"walk.csv", "out"}) == "1");
    game.Tick();
    CHECK(game.room.files.count("/saved/out/000000.png") == 0);  // this tick was not yet of the right length
    CHECK(game.room.step_s == doctest::Approx(0.05));
    game.Tick();
    game.Tick(0.0);  // the game is paused
    CHECK(game.room.files.count("/saved/out/000001.png") == 0);
    game.Tick();
    CHECK(game.room.step_s == doctest::Approx(0.1));
    CHECK(game.Ask("vget /tour/play [uint]", {"1"}) ==
          R"({"state": "playing", "frames_done": 2, "frames": 3, "folder": "/saved/out", "error": ""})");
    CHECK(game.room.files.count("/saved/out/poses.csv") == 0);
    game.Tick();
    CHECK(game.room.files["/saved/out/poses.csv"] == kWalk);
    CHECK(game.room.files["/saved/out/000002.png"] == "3.000000");
    CHECK(game.room.step_s == 0.0);
}

TEST_CASE("a cancelled job stops, and the next one is played") {
    Game game;
    game.Ask("vset /tour/play [str] [str]", {"walk.csv", "one"});
    game.Ask("vset /tour/play [str] [str]", {"walk.csv", "two"});
    game.Tick();
    game.Tick();
    CHECK(game.Ask("vset /tour/cancel [uint]", {"1"}) == "ok");
    CHECK(game.Ask("vset /tour/cancel [uint]", {"1"}) == "error job 1 is cancelled");
    for (int i = 0; i < 5; ++i) game.Tick();
    CHECK(game.room.files.count("/saved/one/000001.png") == 0);
    CHECK(game.room.files.count("/saved/two/poses.csv") == 1);
    CHECK(game.room.step_s == 0.0);
}

TEST_CASE("a full disk fails the job and the recording, and says so") {
    Game game;
    game.Ask("vset /tour/play [str] [str]", {"walk.csv", "out"});
    game.Ask("vset /tour/record/start [str] [float]", {"track.csv", "30.0"});
    game.room.disk_is_full = true;
    for (int i = 0; i < 4; ++i) game.Tick();
    CHECK(game.Ask("vget /tour/play [uint]", {"1"}).find("No space left on device") != std::string::npos);
    CHECK(game.Ask("vset /tour/record/stop", {}).find("error no recording runs") == 0);
    CHECK(game.Ask("vset /tour/record/start [str] [float]", {"t.csv", "30.0"}) ==
          "error /saved/t.csv cannot be written: No space left on device");
}

TEST_CASE("a frame that jumps makes the engine unready, one beside it does not") {
    Game game;
    const std::string uri = "vget /tour/frame [uint] [float] [float] [float] [float] [float] [float] [str]";
    game.Ask(uri, {"0", "100", "200", "150", "0", "0", "0", "lit_bgra"});
    for (int i = 0; i < 40; ++i) game.Tick();
    game.Ask(uri, {"0", "110", "200", "150", "0", "5", "0", "lit_bgra"});
    CHECK(game.Ask("vget /tour/ready", {}).find("\"ready\": true") != std::string::npos);
    game.Ask(uri, {"0", "500", "200", "150", "0", "5", "0", "lit_bgra"});
    CHECK(game.Ask("vget /tour/ready", {}).find("\"textures\", \"exposure\"") != std::string::npos);
}

TEST_CASE("one button begins and ends a recording") {
    Game game;
    CHECK(game.tour.ToggleRecording("walk-1.csv").text == "recording /saved/walk-1.csv");
    game.Tick(0.5);
    const Reply ended = game.tour.ToggleRecording("walk-2.csv");
    CHECK(ended.good);
    CHECK(ended.text.find("/saved/walk-1.csv") != std::string::npos);
    CHECK(game.room.files.count("/saved/walk-2.csv") == 0);
    const std::string& text = game.room.files["/saved/walk-1.csv"];
    CHECK(std::count(text.begin(), text.end(), '\n') == 32);  // a header, and 31 rows of half a second
    game.room.disk_is_full = true;
    CHECK_FALSE(game.tour.ToggleRecording("walk-3.csv").good);
}

TEST_CASE("an image of the wrong size is an error, not a reply") {
    std::vector<uint8_t> reply;
    std::string error;
    const FrameFacts facts = {1, {}, 90.0, 4, 3};
    CHECK_FALSE(PackFrame(facts, {"depth_f32"}, {std::vector<uint8_t>(47)}, reply, error));
    CHECK(error == "the engine drew 47 bytes for depth_f32, not 48");
    REQUIRE(PackFrame(facts, {"depth_f32"}, {std::vector<uint8_t>(48, 7)}, reply, error));
    const size_t header = reply[0] + 256u * reply[1];
    CHECK(reply.size() == 4 + header + 48);
    CHECK(reply[4] == '{');
    CHECK(reply[4 + header] == 7);
}

TEST_CASE("an hour of recording ends by itself") {
    PoseRecorder recorder;
    std::string reply, error;
    REQUIRE(recorder.Start("/saved/a.csv", 1.0, {}, error));
    for (int i = 0; i < 3601; ++i) recorder.Tick(1.0, {});
    CHECK_FALSE(recorder.IsRunning());
    const std::string text = recorder.TakeText();
    CHECK(std::count(text.begin(), text.end(), '\n') == 3602);
}
