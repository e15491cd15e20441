// What the commands of `/tour/*` need of an engine: all that is not plain C++ stands behind this.
//
// Lengths in cm, angles in degrees, Unreal's axes. Everything is called on the game's thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "Frame.h"
#include "Geometry.h"
#include "Space.h"

namespace openrelic {

struct Hit {
    double fraction = 1.0;  // of the way
    Vec3 normal;            // away from the surface
    std::string object;
};

struct SceneFacts {
    std::string engine, scene, licence, caption;
    Vec3 low, high;                                                      // bounds of what is drawn
    Roam roam;                                                           // where cameras may be
    std::vector<std::array<double, 4>> spawns;                           // x, y, z, yaw
    std::vector<std::pair<std::string, std::array<int, 3>>> objects;     // mask colours, RGB
    std::vector<std::pair<std::string, std::string>> console_variables;  // that matter to the picture
};

/// Images of one camera in one tick.
struct Drawn {
    FrameFacts facts;                          // the pose is the one that they were drawn with
    std::vector<std::vector<uint8_t>> images;  // in the order in which they were asked for
};

class Engine : public CollisionWorld {
public:
    virtual int64_t Frame() const = 0;  // ticks since the start
    virtual SceneFacts Facts() = 0;

    virtual bool HasCamera(int64_t camera) = 0;
    virtual Pose PlayerPose() = 0;

    /// Puts a camera there and draws it, in this tick.
    virtual bool Draw(int64_t camera, const Pose& pose, const std::vector<std::string>& passes, Drawn& drawn,
                      std::string& error) = 0;

    /// Draws what the player's camera would see from there into a PNG file.
    virtual bool DrawFile(const Pose& pose, const std::string& path, std::string& error) = 0;

    virtual void FixExposure(double ev) = 0;

    /// The first contact of a sphere on its way; false if there is none.
    virtual bool Sweep(const Vec3& from, const Vec3& to, double radius, Hit& hit) = 0;

    /// Distance to the nearest surface, and the point on it.
    virtual double Nearest(const Vec3& point, Vec3& surface) = 0;

    /// From now on every tick advances the game by that much; 0: by real time.
    virtual void FixTimeStep(double step_s) = 0;

    /// The folder that files which clients name must lie in; absolute, forward slashes.
    virtual std::string SavedFolder() = 0;
    virtual bool Load(const std::string& path, std::string& data, std::string& error) = 0;
    virtual bool MakeEmptyFolder(const std::string& path, std::string& error) = 0;
    virtual bool Save(const std::string& path, const std::string& text, std::string& error) = 0;
    virtual bool Append(const std::string& path, const std::string& text) = 0;
};

}  // namespace openrelic
