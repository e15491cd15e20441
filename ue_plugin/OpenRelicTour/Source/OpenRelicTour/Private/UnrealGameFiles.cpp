// SPDX-License-Identifier: Apache-2.0
// Files of the game: all below Saved/OpenRelic of the project.
#include "HAL/FileManager.h"
#include "IImageWrapper.h"
#include "IImageWrapperModule.h"
#include "Misc/FileHelper.h"
#include "Misc/Paths.h"
#include "Modules/ModuleManager.h"

#include "Conversions.h"
#include "UnrealGame.h"

namespace openrelic {
namespace {

constexpr int64 kLargestFile = 256 << 20;

/// Under a temporary name first: what has its name is whole.
bool SaveWhole(const FString& path, const uint8* data, int64 size, std::string& error) {
    const FString part = path + TEXT(".part");
    IFileManager& files = IFileManager::Get();
    TArray<uint8> bytes;
    bytes.Append(data, static_cast<int32>(size));
    const bool saved = files.MakeDirectory(*FPaths::GetPath(path), true) && FFileHelper::SaveArrayToFile(bytes, *part) &&
                       files.Move(*path, *part, true);
    if (!saved) error = FromUnreal(path) + " cannot be saved";
    return saved;
}

}  // namespace

std::string UnrealGame::SavedFolder() {
    const FString folder = FPaths::ConvertRelativePathToFull(FPaths::Combine(FPaths::ProjectSavedDir(), TEXT("OpenRelic")));
    return FromUnreal(folder);
}

bool UnrealGame::Load(const std::string& path, std::string& data, std::string& error) {
    const FString file = ToUnreal(path);
    const int64 size = IFileManager::Get().FileSize(*file);
    TArray<uint8> bytes;
    if (size < 0 || size > kLargestFile || !FFileHelper::LoadFileToArray(bytes, *file)) {
        error = path + (size < 0 ? " does not exist" : size > kLargestFile ? " is larger than 256 MiB" : " cannot be read");
        return false;
    }
    data.assign(reinterpret_cast<const char*>(bytes.GetData()), static_cast<size_t>(bytes.Num()));
    return true;
}

bool UnrealGame::MakeEmptyFolder(const std::string& path, std::string& error) {
    const FString folder = ToUnreal(path);
    IFileManager& files = IFileManager::Get();
    TArray<FString> inside;
    files.FindFiles(inside, *FPaths::Combine(folder, TEXT("*")), true, true);
    if (inside.Num() > 0) {
        error = path + " is not empty; play into a new folder";
        return false;
    }
    if (files.MakeDirectory(*folder, true)) return true;
    error = path + " cannot be made";
    return false;
}

bool UnrealGame::Save(const std::string& path, const std::string& text, std::string& error) {
    return SaveWhole(ToUnreal(path), reinterpret_cast<const uint8*>(text.data()), static_cast<int64>(text.size()), error);
}

bool UnrealGame::Append(const std::string& path, const std::string& text) {
    return FFileHelper::SaveStringToFile(ToUnreal(text), *ToUnreal(path), FFileHelper::EEncodingOptions::ForceUTF8WithoutBOM,
                                         &IFileManager::Get(), FILEWRITE_Append);
}

bool UnrealGame::DrawFile(const Pose& pose, const std::string& path, std::string& error) {
    AOpenRelicRig* const rig = World() != nullptr ? RigOf(kPlayer) : nullptr;
    std::vector<uint8_t> bgra;
    if (rig == nullptr) {
        error = "no level is loaded";
        return false;
    }
    rig->Look(ViewOf(kPlayer, pose));
    if (!rig->Draw("lit_bgra", bgra, error)) return false;
    IImageWrapperModule& images = FModuleManager::LoadModuleChecked<IImageWrapperModule>(TEXT("ImageWrapper"));
    const TSharedPtr<IImageWrapper> png = images.CreateImageWrapper(EImageFormat::PNG);
    const FRigView& view = rig->View();
    if (!png.IsValid() || !png->SetRaw(bgra.data(), static_cast<int64>(bgra.size()), view.Width, view.Height, ERGBFormat::BGRA, 8)) {
        error = "the image cannot be encoded as PNG";
        return false;
    }
    const TArray64<uint8> encoded = png->GetCompressed();
    return SaveWhole(ToUnreal(path), encoded.GetData(), encoded.Num(), error);
}

}  // namespace openrelic
