#include <doctest/doctest.h>

#include "Space.h"
#include "tiny_room.h"

using namespace openrelic;

namespace {

Roam RoomWithStarts(TinyRoom& room, std::vector<Vec3> starts) {
    Roam roam = room.Facts().roam;
    roam.starts = std::move(starts);
    return roam;
}

/// Whether a sphere gets from one place to another around the wall, by way of the door.
bool LeadsThroughDoor(TinyRoom& room, const Vec3& from, const Vec3& to, double radius) {
    const Vec3 before = {250, 200, 150}, after = {350, 200, 150};
    return room.CanPass(from, before, radius) && room.CanPass(before, after, radius) && room.CanPass(after, to, radius);
}

}  // namespace

TEST_CASE("clearance is where a growing sphere begins to touch") {
    TinyRoom room;
    Random random(5);
    for (int i = 0; i < 50; ++i) {
        const Vec3 point = {600 * random.Share(), 400 * random.Share(), 300 * random.Share()};
        Vec3 surface;
        CHECK(std::abs(Clearance(room, point, 1e4) - room.Nearest(point, surface)) <= 0.01);
    }
    CHECK(Clearance(room, {300, 200, 150}, 40.0) == 40.0);
}

TEST_CASE("places are clear, the same for a seed, and spread over the room") {
    TinyRoom room;
    FreeSpace space;
    const Roam roam = RoomWithStarts(room, {{100, 200, 150}});
    const std::vector<Vec3> points = space.Points(room, roam, 300, 30.0, 7);
    CHECK(points == space.Points(room, roam, 300, 30.0, 7));
    CHECK_FALSE(points == space.Points(room, roam, 300, 30.0, 8));
    double low = 600, high = 0;
    for (const Vec3& point : points) {
        CHECK_FALSE(room.Touches(point, 30.0));
        low = std::min(low, point.x), high = std::max(high, point.x);
    }
    CHECK(high - low > 450);
}

TEST_CASE("places behind a wall count only where a door is wide enough") {
    TinyRoom room;
    room.AddWall(160, 240);  // 80 cm
    const Roam roam = RoomWithStarts(room, {{100, 200, 150}, {150, 200, 150}, {350, 200, 150}});
    const auto beyond = [&](double radius) {
        int count = 0;
        for (const Vec3& point : FreeSpace().Points(room, roam, 200, radius, 1)) count += point.x > 310;
        return count;
    };
    CHECK(beyond(20.0) > 20);
    CHECK(beyond(45.0) == 0);  // two of three starts are on this side
}

TEST_CASE("every place can be reached from every other") {
    TinyRoom room;
    room.AddWall(120, 280);
    const Roam roam = RoomWithStarts(room, {{100, 200, 150}});
    const std::vector<Vec3> points = FreeSpace().Points(room, roam, 60, 25.0, 3);
    int across = 0;
    for (const Vec3& point : points) {
        if (point.x < 310 || point.y < 160 || point.y > 240) continue;
        CHECK(LeadsThroughDoor(room, {100, 200, 150}, point, 25.0));
        ++across;
    }
    CHECK(across > 3);
}

TEST_CASE("questions are limited, and a start in a wall gives nothing") {
    TinyRoom room;
    FreeSpace space({60000, 200});
    CHECK_FALSE(space.Points(room, RoomWithStarts(room, {{100, 200, 150}}), 1, 10.0, 1).empty());
    CHECK(room.questions < 400);
    CHECK(FreeSpace().Points(room, RoomWithStarts(room, {{5, 200, 150}, {1e9, 0, 0}}), 5, 30.0, 1).empty());
}

TEST_CASE("directions cover the sphere") {
    Vec3 sum;
    for (const Vec3& d : Directions(64)) {
        CHECK(Length(d) == doctest::Approx(1.0));
        sum = sum + d;
    }
    CHECK(Length(sum) < 1.0);
}
