#include <doctest/doctest.h>

#include "Readiness.h"

using namespace openrelic;

namespace {

using Names = std::vector<std::string>;

constexpr double kTickS = 1.0 / 60.0;

EngineSigns Quiet() { return {0, false, true, false}; }

}  // namespace

TEST_CASE("shaders and textures must be quiet for some ticks in a row") {
    Readiness ready;
    EngineSigns signs = Quiet();
    signs.shaders_left = 5;
    ready.Tick(signs, kTickS, false);
    CHECK(ready.WaitingFor() == Names{"shaders", "textures"});
    signs.shaders_left = 0;
    ready.Tick(signs, kTickS, false);
    ready.Tick(signs, kTickS, false);
    signs.shaders_left = 1;  // another one came
    ready.Tick(signs, kTickS, false);
    CHECK(ready.WaitingFor() == Names{"shaders"});
    for (int i = 0; i < 3; ++i) ready.Tick(Quiet(), kTickS, false);
    CHECK(ready.WaitingFor().empty());
    CHECK(ready.Reply(812) == R"({"ready": true, "waiting_for": [], "frame": 812})");
}

TEST_CASE("exposure and Lumen need drawn images, and ask for them") {
    Readiness ready;
    const EngineSigns signs = {0, false, false, true};
    for (int i = 0; i < 100; ++i) ready.Tick(signs, kTickS, false);
    CHECK(ready.WaitingFor() == Names{"exposure", "lumen"});
    CHECK(ready.WantsImages());
    for (int i = 0; i < 24; ++i) ready.Tick(signs, kTickS, true);
    CHECK(ready.WaitingFor() == Names{"lumen"});
    for (int i = 0; i < 8; ++i) ready.Tick(signs, kTickS, true);
    CHECK(ready.WaitingFor().empty());
    CHECK_FALSE(ready.WantsImages());
}

TEST_CASE("a warm-up ends after exactly so many drawn frames") {
    Readiness ready;
    for (int i = 0; i < 3; ++i) ready.Tick(Quiet(), kTickS, false);
    ready.WarmUp(4);
    ready.Tick(Quiet(), kTickS, false);  // nothing was drawn
    for (int left = 4; left > 0; --left) {
        CHECK(ready.WaitingFor() == Names{"warmup"});
        ready.Tick(Quiet(), kTickS, true);
    }
    CHECK(ready.WaitingFor().empty());
}

TEST_CASE("a jump begins anew all but the shaders") {
    Readiness ready;
    const EngineSigns signs = {0, false, false, false};
    for (int i = 0; i < 30; ++i) ready.Tick(signs, kTickS, true);
    REQUIRE(ready.WaitingFor().empty());
    ready.Jump();
    CHECK(ready.WaitingFor() == Names{"textures", "exposure"});
    CHECK(IsJump({0, 0, 0, 0, 0, 0}, {0, 201, 0, 0, 0, 0}));
    CHECK(IsJump({0, 0, 0, 0, -179, 0}, {0, 0, 0, 0, 130, 0}));
    CHECK_FALSE(IsJump({0, 0, 0, 0, -179, 0}, {0, 0, 0, 0, 179, 0}));
}

TEST_CASE("what never ends is given up, and said so") {
    Readiness ready;
    EngineSigns signs = Quiet();
    signs.textures_pending = true;
    for (double waited_s = 0.0; waited_s < 179.0; waited_s += 1.0) ready.Tick(signs, 1.0, false);
    CHECK(ready.WaitingFor() == Names{"textures"});
    for (int i = 0; i < 3; ++i) ready.Tick(signs, 1.0, false);
    REQUIRE(ready.WaitingFor().empty());
    CHECK(ready.Reply(7) == R"({"ready": true, "waiting_for": [], "frame": 7, "given_up": ["textures"]})");
    ready.Jump();
    CHECK(ready.WaitingFor() == Names{});
    ready.BeginLevel();
    CHECK(ready.WaitingFor() == Names{"shaders", "textures", "exposure"});
}
