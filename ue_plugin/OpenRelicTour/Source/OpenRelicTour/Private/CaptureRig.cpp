// SPDX-License-Identifier: Apache-2.0
#include "CaptureRig.h"

#include "Components/SceneCaptureComponent2D.h"
#include "Components/SceneComponent.h"
#include "Engine/Engine.h"
#include "Engine/TextureRenderTarget2D.h"
#include "TextureResource.h"

#include "Core/Frame.h"

namespace {

constexpr float kSkyDepthCm = 65504.0f;  // the largest half-precision number: as everywhere in the project
constexpr size_t kFloatsAPixel = 4;

}  // namespace

AOpenRelicRig::AOpenRelicRig() {
    PrimaryActorTick.bCanEverTick = false;
    RootComponent = CreateDefaultSubobject<USceneComponent>(TEXT("Root"));
    Lit = NewCapture(TEXT("Lit"));
    Depth = NewCapture(TEXT("Depth"));
    Normal = NewCapture(TEXT("Normal"));
    Lit->CaptureSource = ESceneCaptureSource::SCS_FinalColorLDR;
    Depth->CaptureSource = ESceneCaptureSource::SCS_SceneDepth;
    Normal->CaptureSource = ESceneCaptureSource::SCS_Normal;
    // Without a state of its own a capture has no history: no Lumen, no exposure, no temporal filters.
    Lit->bAlwaysPersistRenderingState = true;
    Lit->PostProcessSettings.bOverride_MotionBlurAmount = true;
    Lit->PostProcessSettings.MotionBlurAmount = 0.0f;  // what moves is the camera
}

USceneCaptureComponent2D* AOpenRelicRig::NewCapture(const TCHAR* Name) {
    USceneCaptureComponent2D* const Capture = CreateDefaultSubobject<USceneCaptureComponent2D>(Name);
    Capture->SetupAttachment(RootComponent);
    Capture->bCaptureEveryFrame = false;
    Capture->bCaptureOnMovement = false;
    Capture->PrimitiveRenderMode = ESceneCapturePrimitiveRenderMode::PRM_RenderScenePrimitives;
    Capture->bUseRayTracingIfEnabled = true;
    return Capture;
}

void AOpenRelicRig::Look(const FRigView& View) {
    Seen = View;
    SetActorLocationAndRotation(View.Location, View.Rotation, false, nullptr, ETeleportType::TeleportPhysics);
    for (USceneCaptureComponent2D* const Capture : {Lit, Depth, Normal}) Capture->FOVAngle = View.FovDeg;
}

UTextureRenderTarget2D* AOpenRelicRig::Target(USceneCaptureComponent2D* Capture, const FRigView& View, bool bFloats) {
    UTextureRenderTarget2D* Texture = Capture->TextureTarget;
    if (IsValid(Texture) && Texture->SizeX == View.Width && Texture->SizeY == View.Height) return Texture;
    Texture = NewObject<UTextureRenderTarget2D>(Capture);
    if (bFloats) {
        // Single precision in all four channels: half precision has no centimetres left beyond 20 m.
        Texture->InitCustomFormat(View.Width, View.Height, EPixelFormat::PF_A32B32G32R32F, true);
    } else {
        Texture->RenderTargetFormat = ETextureRenderTargetFormat::RTF_RGBA8;
        Texture->InitAutoFormat(View.Width, View.Height);
        Texture->TargetGamma = GEngine != nullptr ? GEngine->GetDisplayGamma() : 2.2f;
    }
    Capture->TextureTarget = Texture;
    return Texture;
}

void AOpenRelicRig::Refresh() {
    Target(Lit, Seen, false);
    Lit->CaptureScene();
}

bool AOpenRelicRig::Draw(const std::string& Pass, std::vector<uint8_t>& Pixels, std::string& Error) {
    if (Pass == "depth_f32") return DrawFloats(Depth, true, Pixels, Error);
    if (Pass == "normal_u8") return DrawFloats(Normal, false, Pixels, Error);
    UTextureRenderTarget2D* const Texture = Target(Lit, Seen, false);
    Lit->CaptureScene();
    TArray<FColor> Colours;
    FReadSurfaceDataFlags Flags;
    Flags.SetLinearToGamma(false);  // the capture was tone-mapped for a display already
    FTextureRenderTargetResource* const Resource = Texture->GameThread_GetRenderTargetResource();
    if (Resource == nullptr || !Resource->ReadPixels(Colours, Flags)) {
        Error = "the lit image could not be read back";
        return false;
    }
    // FColor lies in memory as blue, green, red, alpha.
    Pixels = openrelic::PackLit(reinterpret_cast<const uint8_t*>(Colours.GetData()), static_cast<size_t>(Colours.Num()));
    return true;
}

bool AOpenRelicRig::DrawFloats(USceneCaptureComponent2D* Capture, bool bDepth, std::vector<uint8_t>& Pixels,
                               std::string& Error) {
    UTextureRenderTarget2D* const Texture = Target(Capture, Seen, true);
    Capture->CaptureScene();
    TArray<FLinearColor> Values;
    FTextureRenderTargetResource* const Resource = Texture->GameThread_GetRenderTargetResource();
    // RCM_MinMax leaves values as they are; the other modes squeeze them into 0 to 1.
    if (Resource == nullptr || !Resource->ReadLinearColorPixels(Values, FReadSurfaceDataFlags(RCM_MinMax))) {
        Error = bDepth ? "the depth could not be read back" : "the normals could not be read back";
        return false;
    }
    const float* const Floats = reinterpret_cast<const float*>(Values.GetData());
    const size_t Count = static_cast<size_t>(Values.Num());
    Pixels = bDepth ? openrelic::PackDepth(Floats, Count, kFloatsAPixel, kSkyDepthCm)
                    : openrelic::PackNormal(Floats, Count, kFloatsAPixel);
    return true;
}

void AOpenRelicRig::FixExposure(float Ev) {
    FPostProcessSettings& Settings = Lit->PostProcessSettings;
    Settings.bOverride_AutoExposureMethod = true;
    Settings.AutoExposureMethod = EAutoExposureMethod::AEM_Manual;
    Settings.bOverride_AutoExposureApplyPhysicalCameraExposure = true;
    Settings.AutoExposureApplyPhysicalCameraExposure = false;
    Settings.bOverride_AutoExposureBias = true;
    Settings.AutoExposureBias = Ev;
    Lit->PostProcessBlendWeight = 1.0f;
}
