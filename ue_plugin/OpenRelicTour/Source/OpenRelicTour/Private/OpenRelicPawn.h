// SPDX-License-Identifier: Apache-2.0
// The operator's pawn: the twelve motions on keys and gamepad, kept out of walls, recorded.
//
// `OpenRelic.Fly` in the console takes the player's view; see the plugin's README for the keys.
#pragma once

#include <memory>

#include "CoreMinimal.h"
#include "GameFramework/Pawn.h"

#include "Core/Pawn.h"

#include "OpenRelicPawn.generated.h"

/// The console's name of what the operator's record button does; the module answers it.
inline constexpr const TCHAR* kRecordCommand = TEXT("OpenRelic.Record");

class APlayerController;
class UCameraComponent;

UCLASS(Transient)
class AOpenRelicPawn : public APawn {
    GENERATED_BODY()

public:
    AOpenRelicPawn();

    /// Puts a pawn where the player looks from, and lets the player steer it.
    static void Fly(UWorld* World);

    /// Fly along the view, or walk on the level.
    void ToggleWalk();

    virtual void Tick(float DeltaSeconds) override;

private:
    void Begin();
    void ReadButtons(APlayerController& Player);
    openrelic::Held Read(const APlayerController& Player) const;

    UPROPERTY()
    UCameraComponent* Camera = nullptr;

    std::unique_ptr<openrelic::Pilot> Pilot;
    openrelic::Style Style;
    double OwedS = 0.0;  // of game time that no step was made of yet
};
