// SPDX-License-Identifier: Apache-2.0
#include "OpenRelicPawn.h"

#include "Camera/CameraComponent.h"
#include "Engine/World.h"
#include "GameFramework/PlayerController.h"
#include "HAL/IConsoleManager.h"
#include "InputCoreTypes.h"

#include "Conversions.h"
#include "WorldQueries.h"

namespace {

constexpr double kClearanceCm = 20.0;
constexpr double kStepS = 1.0 / openrelic::kStepsPerSecond;
constexpr double kMostOwedS = 0.25;  // a stall is not caught up with
constexpr double kFaster = 3.0;
constexpr float kDeadZone = 0.12f;

/// As in the browser's pilot, which has its keys from labeling/actions.py.
struct FKeyOfAction {
    const char* Action;
    FKey Key;
};

const TArray<FKeyOfAction>& Keys() {
    static const TArray<FKeyOfAction> All = {
        {"dolly_in", EKeys::W},     {"dolly_out", EKeys::S},      {"truck_left", EKeys::A},  {"truck_right", EKeys::D},
        {"pedestal_up", EKeys::R},  {"pedestal_down", EKeys::F},  {"tilt_up", EKeys::Up},    {"tilt_down", EKeys::Down},
        {"pan_left", EKeys::Left},  {"pan_right", EKeys::Right},  {"roll_cw", EKeys::C},     {"roll_ccw", EKeys::Z},
    };
    return All;
}

double Stick(const APlayerController& Player, const FKey& Key) {
    const float Value = Player.GetInputAnalogKeyState(Key);
    return FMath::Abs(Value) < kDeadZone ? 0.0 : static_cast<double>(Value);
}

double Buttons(const APlayerController& Player, const FKey& More, const FKey& Less) {
    return (Player.IsInputKeyDown(More) ? 1.0 : 0.0) - (Player.IsInputKeyDown(Less) ? 1.0 : 0.0);
}

FAutoConsoleCommandWithWorld FlyCommand(TEXT("OpenRelic.Fly"), TEXT("Steer a camera that does not pass through walls"),
                                        FConsoleCommandWithWorldDelegate::CreateStatic(&AOpenRelicPawn::Fly));

}  // namespace

AOpenRelicPawn::AOpenRelicPawn() {
    PrimaryActorTick.bCanEverTick = true;
    Camera = CreateDefaultSubobject<UCameraComponent>(TEXT("Camera"));
    Camera->bUsePawnControlRotation = false;
    RootComponent = Camera;
}

void AOpenRelicPawn::Fly(UWorld* World) {
    APlayerController* const Player = World != nullptr ? World->GetFirstPlayerController() : nullptr;
    if (Player == nullptr) return;
    FVector Location;
    FRotator Rotation;
    Player->GetPlayerViewPoint(Location, Rotation);
    FActorSpawnParameters How;
    How.SpawnCollisionHandlingOverride = ESpawnActorCollisionHandlingMethod::AlwaysSpawn;
    AOpenRelicPawn* const Pawn = World->SpawnActor<AOpenRelicPawn>(How);
    if (Pawn == nullptr) return;
    Pawn->SetActorLocationAndRotation(Location, Rotation, false, nullptr, ETeleportType::TeleportPhysics);
    Player->Possess(Pawn);
    Pawn->Begin();
}

void AOpenRelicPawn::Begin() {
    const auto IsClear = [this](const openrelic::Vec3& FromM, const openrelic::Vec3& ToM) {
        // The core thinks in metres with Y mirrored.
        const openrelic::Vec3 From = {FromM.x * 100.0, FromM.y * -100.0, FromM.z * 100.0};
        const openrelic::Vec3 To = {ToM.x * 100.0, ToM.y * -100.0, ToM.z * 100.0};
        return openrelic::WorldQueries(GetWorld(), this).CanPass(From, To, kClearanceCm);
    };
    const openrelic::Pose Start = openrelic::PoseOf(GetActorLocation(), GetActorRotation());
    Pilot = std::make_unique<openrelic::Pilot>(openrelic::CameraOf(Start), Style, IsClear);
    OwedS = 0.0;
}

void AOpenRelicPawn::ToggleWalk() {
    Style.walk = !Style.walk;
    if (Pilot) Pilot->Steer(Style);
}

void AOpenRelicPawn::ReadButtons(APlayerController& Player) {
    if (Player.WasInputKeyJustPressed(EKeys::V)) ToggleWalk();
    const bool bRecord = Player.WasInputKeyJustPressed(EKeys::Enter) ||
                         Player.WasInputKeyJustPressed(EKeys::Gamepad_FaceButton_Bottom);
    if (bRecord) Player.ConsoleCommand(kRecordCommand);
}

openrelic::Held AOpenRelicPawn::Read(const APlayerController& Player) const {
    openrelic::Held Held;
    for (const FKeyOfAction& Pair : Keys()) {
        for (size_t Index = 0; Index < openrelic::kActions.size(); ++Index) {
            if (openrelic::kActions[Index].name == Pair.Action) Held.actions[Index] = Player.IsInputKeyDown(Pair.Key);
        }
    }
    Held.sticks = {Stick(Player, EKeys::Gamepad_LeftY),
                   Stick(Player, EKeys::Gamepad_LeftX),
                   Stick(Player, EKeys::Gamepad_RightTriggerAxis) - Stick(Player, EKeys::Gamepad_LeftTriggerAxis),
                   Stick(Player, EKeys::Gamepad_RightY),
                   Stick(Player, EKeys::Gamepad_RightX),
                   Buttons(Player, EKeys::Gamepad_RightShoulder, EKeys::Gamepad_LeftShoulder)};
    if (Player.IsInputKeyDown(EKeys::LeftShift)) Held.speed_m_s *= kFaster;
    return Held;
}

void AOpenRelicPawn::Tick(float DeltaSeconds) {
    Super::Tick(DeltaSeconds);
    APlayerController* const Player = Cast<APlayerController>(GetController());
    if (!Pilot || Player == nullptr) return;
    ReadButtons(*Player);
    // Somebody else may have moved it: /camera/0/location does.
    const openrelic::Pose Shown = openrelic::PoseOf(Pilot->Shown(OwedS / kStepS));
    if (!GetActorLocation().Equals(openrelic::LocationOf(Shown), 0.01)) Begin();
    OwedS = FMath::Min(OwedS + DeltaSeconds, kMostOwedS);
    while (OwedS >= kStepS) {
        Pilot->Step(Read(*Player));
        OwedS -= kStepS;
    }
    const openrelic::Pose Next = openrelic::PoseOf(Pilot->Shown(OwedS / kStepS));
    SetActorLocationAndRotation(openrelic::LocationOf(Next), openrelic::RotationOf(Next), false, nullptr,
                                ETeleportType::TeleportPhysics);
    GetController()->SetControlRotation(openrelic::RotationOf(Next));
}
