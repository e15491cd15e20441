// SPDX-License-Identifier: Apache-2.0
// The core's `Engine`, as a running Unreal game. Everything is called on the game thread.
#pragma once

#include <map>

#include "CoreMinimal.h"
#include "UObject/WeakObjectPtr.h"

#include "CaptureRig.h"
#include "Core/Engine.h"
#include "Core/Readiness.h"
#include "WorldQueries.h"

class APawn;
class UFusionCamSensor;
class UWorld;

namespace openrelic {

class UnrealGame : public Engine {
public:
    /// A level begins: cameras of the old one are gone.
    void BeginLevel();

    /// Draws every camera in use, so that what converges does; whether there was any.
    bool Refresh();

    /// What the engine waits for now.
    EngineSigns Signs() const;

    /// The world that runs, null between levels.
    UWorld* World() const;

    int64_t Frame() const override;
    SceneFacts Facts() override;
    bool HasCamera(int64_t camera) override;
    Pose PlayerPose() override;
    bool Draw(int64_t camera, const Pose& pose, const std::vector<std::string>& passes, Drawn& drawn,
              std::string& error) override;
    bool DrawFile(const Pose& pose, const std::string& path, std::string& error) override;
    void FixExposure(double ev) override;
    bool Touches(const Vec3& centre, double radius) override;
    bool CanPass(const Vec3& from, const Vec3& to, double radius) override;
    bool Sweep(const Vec3& from, const Vec3& to, double radius, Hit& hit) override;
    double Nearest(const Vec3& point, Vec3& surface) override;
    void FixTimeStep(double step_s) override;
    std::string SavedFolder() override;
    bool Load(const std::string& path, std::string& data, std::string& error) override;
    bool MakeEmptyFolder(const std::string& path, std::string& error) override;
    bool Save(const std::string& path, const std::string& text, std::string& error) override;
    bool Append(const std::string& path, const std::string& text) override;

private:
    static constexpr int64_t kPlayer = -1;  // the rig that files are played with

    AOpenRelicRig* RigOf(int64_t camera);
    UFusionCamSensor* SensorOf(int64_t camera) const;
    FRigView ViewOf(int64_t camera, const Pose& pose) const;
    void MoveCamera(int64_t camera, const Pose& pose) const;
    bool DrawMask(int64_t camera, const FRigView& view, std::vector<uint8_t>& pixels, std::string& error) const;
    APawn* Player() const;
    WorldQueries Queries() const;

    std::map<int64_t, TWeakObjectPtr<AOpenRelicRig>> rigs_;
    SceneFacts facts_;
    bool facts_known_ = false;
    bool exposure_fixed_ = false;
    double ev_ = 0.0;
};

}  // namespace openrelic
