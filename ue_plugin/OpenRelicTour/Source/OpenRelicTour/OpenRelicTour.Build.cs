// SPDX-License-Identifier: Apache-2.0
using UnrealBuildTool;

public class OpenRelicTour : ModuleRules
{
    public OpenRelicTour(ReadOnlyTargetRules Target) : base(Target)
    {
        // Private/Core is plain C++: it is built without Unreal's headers, file by file.
        PCHUsage = PCHUsageMode.NoPCHs;
        bUseUnity = false;

        PrivateDependencyModuleNames.AddRange(new string[]
        {
            "Core",
            "CoreUObject",
            "Engine",
            "ImageWrapper",
            "InputCore",
            "NavigationSystem",
            "Projects",
            "RenderCore",
            "RHI",
            "UnrealCV",
        });

        // UnrealCV's headers include one another by these folders.
        string UnrealCvPublic = System.IO.Path.Combine(GetModuleDirectory("UnrealCV"), "Public");
        foreach (string Folder in new string[] { "BPFunctionLib", "Component", "Controller", "Sensor", "Server", "Utils" })
        {
            PrivateIncludePaths.Add(System.IO.Path.Combine(UnrealCvPublic, Folder));
        }
        PrivateIncludePaths.Add(System.IO.Path.Combine(UnrealCvPublic, "Sensor", "CameraSensor"));
    }
}
