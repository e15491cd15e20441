// A room of six by four metres with two crates: the scene of tests/capture/tiny_scene.py, with exact
// distances, and files that are kept in memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "Engine.h"

class TinyRoom : public openrelic::Engine {
public:
    struct Box {
        openrelic::Vec3 low, high;
        std::string name;
    };

    int64_t frame = 0;
    double step_s = 0.0;
    double exposure = 0.0;
    bool disk_is_full = false;
    openrelic::Pose player = {100, 200, 150, 0, 0, 0};
    std::string folder = "/saved";
    std::map<std::string, std::string> files;
    int questions = 0;

    int64_t Frame() const override { return frame; }

    openrelic::SceneFacts Facts() override {
        openrelic::SceneFacts facts;
        facts.engine = "tiny 1.0";
        facts.scene = "tiny";
        facts.licence = "Apache-2.0";
        facts.caption = "A room with two crates.";
        facts.low = room_.low, facts.high = room_.high;
        facts.roam = {room_.low, room_.high, {{100, 200, 150}}};
        facts.spawns = {{100.0, 200.0, 150.0, 0.0}};
        return facts;
    }

    bool HasCamera(int64_t camera) override { return camera == 0; }
    openrelic::Pose PlayerPose() override { return player; }

    bool Draw(int64_t, const openrelic::Pose& pose, const std::vector<std::string>& passes, openrelic::Drawn& drawn,
              std::string&) override {
        player = pose;
        drawn.facts = {frame, pose, 90.0, 4, 3};
        for (const std::string& pass : passes) {
            drawn.images.emplace_back(openrelic::PassBytes(*openrelic::FindPass(pass), 4, 3));
            for (size_t i = 0; i < drawn.images.back().size(); ++i) drawn.images.back()[i] = static_cast<uint8_t>(i);
        }
        return true;
    }

    bool DrawFile(const openrelic::Pose& pose, const std::string& path, std::string& error) override {
        return Save(path, std::to_string(pose.x_cm), error);
    }

    void FixExposure(double ev) override { exposure = ev; }

    bool Sweep(const openrelic::Vec3& from, const openrelic::Vec3& to, double radius, openrelic::Hit& hit) override {
        const openrelic::Vec3 way = to - from;
        const double length = openrelic::Length(way);
        for (double travelled = 0.0;;) {
            const openrelic::Vec3 at = from + way * (length > 0.0 ? travelled / length : 0.0);
            openrelic::Vec3 surface;
            const double clearance = Distance(at, surface, hit.object) - radius;
            if (clearance <= 0.05) {
                const double away = openrelic::Length(at - surface);
                hit.fraction = length > 0.0 ? travelled / length : 0.0;
                hit.normal = away > 0.0 ? (at - surface) * (1.0 / away) : openrelic::Vec3{0, 0, 1};
                return true;
            }
            if (travelled >= length) return false;
            travelled = std::min(length, travelled + clearance);
        }
    }

    double Nearest(const openrelic::Vec3& point, openrelic::Vec3& surface) override {
        std::string name;
        return Distance(point, surface, name);
    }

    bool Touches(const openrelic::Vec3& centre, double radius) override {
        openrelic::Vec3 surface;
        ++questions;
        return Nearest(centre, surface) <= radius;
    }

    bool CanPass(const openrelic::Vec3& from, const openrelic::Vec3& to, double radius) override {
        openrelic::Hit hit;
        ++questions;
        return !Sweep(from, to, radius, hit);
    }

    void FixTimeStep(double s) override { step_s = s; }
    std::string SavedFolder() override { return folder; }

    bool Load(const std::string& path, std::string& data, std::string& error) override {
        if (files.count(path) == 0) {
            error = path + " cannot be opened";
            return false;
        }
        data = files[path];
        return true;
    }

    bool MakeEmptyFolder(const std::string& path, std::string& error) override {
        const auto inside = [&](const auto& file) { return file.first.compare(0, path.size() + 1, path + "/") == 0; };
        if (std::none_of(files.begin(), files.end(), inside)) return true;
        error = path + " is not empty; play into a new folder";
        return false;
    }

    bool Save(const std::string& path, const std::string& text, std::string& error) override {
        if (disk_is_full) {
            error = "No space left on device";
            return false;
        }
        files[path] = text;
        return true;
    }

    bool Append(const std::string& path, const std::string& text) override {
        if (disk_is_full) return false;
        files[path] += text;
        return true;
    }

    /// Splits the room in two along x; with a door where y is within its range.
    void AddWall(double door_low, double door_high) {
        boxes_.push_back({{290, 0, 0}, {310, door_low, 300}, "wall"});
        boxes_.push_back({{290, door_high, 0}, {310, 400, 300}, "wall"});
    }

private:
    /// To the surface of a box, from inside or outside.
    static double ToBox(const Box& box, const openrelic::Vec3& p, openrelic::Vec3& surface) {
        const openrelic::Vec3 &a = box.low, &b = box.high;
        surface = {std::clamp(p.x, a.x, b.x), std::clamp(p.y, a.y, b.y), std::clamp(p.z, a.z, b.z)};
        if (!(surface == p)) return openrelic::Length(p - surface);
        const double rooms[] = {p.x - a.x, p.y - a.y, p.z - a.z, b.x - p.x, b.y - p.y, b.z - p.z};
        const int side = static_cast<int>(std::min_element(rooms, rooms + 6) - rooms);
        double* const axis[] = {&surface.x, &surface.y, &surface.z};
        const double ends[] = {a.x, a.y, a.z, b.x, b.y, b.z};
        *axis[side % 3] = ends[side];
        return rooms[side];
    }

    double Distance(const openrelic::Vec3& point, openrelic::Vec3& surface, std::string& name) const {
        double best = ToBox(room_, point, surface);
        name = room_.name;
        for (const Box& box : boxes_) {
            openrelic::Vec3 on;
            const double distance = ToBox(box, point, on);
            if (distance >= best) continue;
            best = distance, surface = on, name = box.name;
        }
        return best;
    }

    Box room_ = {{0, 0, 0}, {600, 400, 300}, "room"};
    std::vector<Box> boxes_ = {{{400, 50, 0}, {500, 150, 100}, "crate_1"}, {{400, 250, 0}, {460, 310, 200}, "crate_2"}};
};
