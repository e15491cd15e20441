// SPDX-License-Identifier: Apache-2.0
// The scene captures behind one camera of UnrealCV: lit, depth and normals, all drawn at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "CoreMinimal.h"
#include "GameFramework/Actor.h"

#include "CaptureRig.generated.h"

class USceneCaptureComponent2D;
class UTextureRenderTarget2D;

/// How a rig looks at the scene.
struct FRigView {
    FVector Location = FVector::ZeroVector;
    FRotator Rotation = FRotator::ZeroRotator;
    float FovDeg = 90.0f;
    int32 Width = 640;
    int32 Height = 480;
};

UCLASS(NotPlaceable, Transient)
class AOpenRelicRig : public AActor {
    GENERATED_BODY()

public:
    AOpenRelicRig();

    /// Puts the captures there; what they draw from now on is seen from there.
    void Look(const FRigView& View);

    /// Draws the lit image and reads nothing back: Lumen, exposure and temporal filters move on.
    void Refresh();

    /// Draws one pass (not `mask_u8`) in this tick and waits for its pixels.
    bool Draw(const std::string& Pass, std::vector<uint8_t>& Pixels, std::string& Error);

    /// Manual exposure: the image is 2^Ev as bright as the light that falls in.
    void FixExposure(float Ev);

    const FRigView& View() const { return Seen; }

private:
    USceneCaptureComponent2D* NewCapture(const TCHAR* Name);
    static UTextureRenderTarget2D* Target(USceneCaptureComponent2D* Capture, const FRigView& View, bool bFloats);
    bool DrawFloats(USceneCaptureComponent2D* Capture, bool bDepth, std::vector<uint8_t>& Pixels, std::string& Error);

    UPROPERTY()
    USceneCaptureComponent2D* Lit = nullptr;

    UPROPERTY()
    USceneCaptureComponent2D* Depth = nullptr;

    UPROPERTY()
    USceneCaptureComponent2D* Normal = nullptr;

    FRigView Seen;
};
