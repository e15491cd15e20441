// SPDX-License-Identifier: Apache-2.0
// Offers the commands of `/tour/*` beside UnrealCV's own, and ticks what goes on behind them.
#include "CoreMinimal.h"
#include "Engine/Engine.h"
#include "Engine/World.h"
#include "HAL/IConsoleManager.h"
#include "Misc/DateTime.h"
#include "Misc/App.h"
#include "Misc/CoreDelegates.h"
#include "Modules/ModuleManager.h"
#include "UObject/UObjectGlobals.h"

#include "Conversions.h"
#include "Core/Tour.h"
#include "OpenRelicPawn.h"
#include "UnrealGame.h"
#include "UnrealcvShim.h"

DEFINE_LOG_CATEGORY_STATIC(LogOpenRelic, Log, All);

/// All of it runs on the game thread, and no command waits for more than the GPU.
class FOpenRelicTourModule : public IModuleInterface {
public:
    virtual void StartupModule() override {
        // While cooking there is neither a game nor UnrealCV's server.
        if (IsRunningCommandlet() || IsRunningDedicatedServer()) return;
        BindCommands();
        LevelLoaded = FCoreUObjectDelegates::PostLoadMapWithWorld.AddRaw(this, &FOpenRelicTourModule::OnLevelLoaded);
        Record = IConsoleManager::Get().RegisterConsoleCommand(
            kRecordCommand, TEXT("Begin or end a recording of the player's camera, in Saved/OpenRelic"),
            FConsoleCommandDelegate::CreateRaw(this, &FOpenRelicTourModule::ToggleRecording));
        WorldTicked = FWorldDelegates::OnWorldPostActorTick.AddRaw(this, &FOpenRelicTourModule::OnWorldTicked);
    }

    virtual void ShutdownModule() override {
        // UnrealCV's dispatcher cannot unbind: what is bound looks whether we are still there.
        *Alive = false;
        FCoreUObjectDelegates::PostLoadMapWithWorld.Remove(LevelLoaded);
        FWorldDelegates::OnWorldPostActorTick.Remove(WorldTicked);
        if (Record != nullptr) IConsoleManager::Get().UnregisterConsoleObject(Record);
    }

private:
    void BindCommands() {
        FUnrealcvServer& Server = FUnrealcvServer::Get();
        const TSharedPtr<FCommandDispatcher> Dispatcher = openrelic::shim::Dispatcher(Server, 0);
        if (!Dispatcher.IsValid()) {
            UE_LOG(LogOpenRelic, Error, TEXT("UnrealCV has no command dispatcher: /tour commands are not offered"));
            return;
        }
        for (const openrelic::Tour::Command& Command : openrelic::Tour::Commands()) {
            const auto Run = Command.run;
            const auto Handler = [this, Run, Here = Alive](const TArray<FString>& Words) -> FExecStatus {
                return *Here ? Answer(Run, Words) : FExecStatus::Error(TEXT("the plugin was unloaded"));
            };
            Dispatcher->BindCommand(openrelic::ToUnreal(std::string(Command.uri)), FDispatcherDelegate::CreateLambda(Handler),
                                    openrelic::ToUnreal(std::string(Command.help)));
        }
    }

    template <typename RunType>
    FExecStatus Answer(RunType Run, const TArray<FString>& Words) {
        openrelic::Arguments Arguments;
        for (const FString& Word : Words) Arguments.push_back(openrelic::FromUnreal(Word));
        return openrelic::shim::StatusOf((Tour.*Run)(Arguments));
    }

    void ToggleRecording() {
        const FString File = FString(TEXT("walk-")) + FDateTime::Now().ToString(TEXT("%Y%m%d-%H%M%S")) + TEXT(".csv");
        const openrelic::Reply Reply = Tour.ToggleRecording(openrelic::FromUnreal(File));
        const FString Said = openrelic::ToUnreal(Reply.text);
        UE_LOG(LogOpenRelic, Display, TEXT("%s"), *Said);
        if (GEngine != nullptr) GEngine->AddOnScreenDebugMessage(-1, 5.0f, Reply.good ? FColor::Green : FColor::Red, Said);
    }

    void OnLevelLoaded(UWorld*) {
        Game.BeginLevel();
        Tour.BeginLevel();
    }

    void OnWorldTicked(UWorld* World, ELevelTick, float DeltaSeconds) {
        if (World == nullptr || World != Game.World()) return;  // an editor's or a preview's
        openrelic::TickFacts Facts;
        Facts.game_s = World->IsPaused() ? 0.0 : DeltaSeconds;
        Facts.real_s = FApp::GetDeltaTime();
        Facts.signs = Game.Signs();
        Facts.drawn = Tour.WantsImages() && Game.Refresh();
        Tour.Tick(Facts);
    }

    openrelic::UnrealGame Game;
    openrelic::Tour Tour{Game};
    TSharedRef<bool> Alive = MakeShared<bool>(true);
    IConsoleObject* Record = nullptr;
    FDelegateHandle LevelLoaded, WorldTicked;
};

IMPLEMENT_MODULE(FOpenRelicTourModule, OpenRelicTour)
