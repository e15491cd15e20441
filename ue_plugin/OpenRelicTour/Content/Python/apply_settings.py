"""Sets a project up for capturing: exposure, blur, streaming, Vulkan; lists what it changed.

In the editor (its Python plugin enabled), in the console at the bottom::

    py apply_settings.py --licence "Fab Standard License" --caption "A harbour at dusk."

or without opening it, with any Python 3.9 or newer::

    python apply_settings.py --project /path/to/Project

Only the ini files in the project's Config folder are changed; each is kept as
`*.ini.before_openrelic` the first time. Running it again changes nothing. Why each setting:
docs/unreal.md.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    import unreal  # only there inside the editor
except ImportError:
    unreal = None

log = logging.getLogger(__name__)

KEPT = ".before_openrelic"


class ProjectError(Exception):
    """One line: what is wrong, and what to do."""


@dataclass(frozen=True)
class Setting:
    """A line of an ini file. A `key` with a leading + adds `value` to a list."""

    file: str
    section: str
    key: str
    value: str


ENGINE, GAME = "DefaultEngine.ini", "DefaultGame.ini"
RENDERER = "/Script/Engine.RendererSettings"

SETTINGS = (
    # One exposure for all frames; vset /tour/exposure chooses it.
    Setting(ENGINE, RENDERER, "r.DefaultFeature.AutoExposure", "False"),
    Setting(ENGINE, RENDERER, "r.DefaultFeature.MotionBlur", "False"),
    Setting(ENGINE, RENDERER, "r.DefaultFeature.LensFlare", "False"),
    Setting(ENGINE, RENDERER, "r.AntiAliasingMethod", "2"),
    Setting(ENGINE, "SystemSettings", "r.MotionBlurQuality", "0"),
    Setting(ENGINE, "SystemSettings", "r.DepthOfFieldQuality", "0"),
    Setting(ENGINE, "SystemSettings", "r.SceneColorFringeQuality", "0"),
    Setting(ENGINE, "SystemSettings", "r.FilmGrain", "0"),
    # Textures are there before they are seen, as far as the memory goes.
    Setting(ENGINE, "SystemSettings", "r.Streaming.PoolSize", "4000"),
    Setting(ENGINE, "SystemSettings", "r.Streaming.LimitPoolSizeToVRAM", "1"),
    Setting(ENGINE, "SystemSettings", "r.Streaming.FullyLoadUsedTextures", "1"),
    # As many frames as there are requests for.
    Setting(ENGINE, "SystemSettings", "r.VSync", "0"),
    Setting(ENGINE, "SystemSettings", "t.MaxFPS", "0"),
    Setting(ENGINE, "/Script/Engine.Engine", "bSmoothFrameRate", "False"),
    Setting(ENGINE, "/Script/Engine.Engine", "bUseFixedFrameRate", "False"),
    Setting(
        ENGINE, "/Script/LinuxTargetPlatform.LinuxTargetSettings", "+TargetedRHIs", "SF_VULKAN_SM6"
    ),
    # A shipping build has no console, which UnrealCV's vrun and vcmd need.
    Setting(
        GAME, "/Script/UnrealEd.ProjectPackagingSettings", "BuildConfiguration", "PPBC_Development"
    ),
    Setting(GAME, "/Script/UnrealEd.ProjectPackagingSettings", "bShareMaterialShaderCode", "True"),
)


def changed(text: str, setting: Setting) -> tuple[str, str | None]:
    """The ini text with the setting in it, and what stood there before (None: nothing)."""
    lines = text.splitlines()
    wanted = f"{setting.key}={setting.value}"
    adds = setting.key.startswith("+")
    at = end = None
    for number, line in _section(lines, setting.section):
        end = number + 1 if line.strip() else end
        name, _, value = line.partition("=")
        if name.strip().lower() == setting.key.lower() and (not adds or value == setting.value):
            at = number
    before = lines[at].partition("=")[2] if at is not None else None
    if at is not None:
        lines[at] = wanted
    elif end is not None:
        lines.insert(end, wanted)
    else:
        lines += [*([""] if lines and lines[-1].strip() else []), f"[{setting.section}]", wanted]
    return "\n".join(lines) + "\n", before


def _section(lines: list[str], name: str) -> Iterator[tuple[int, str]]:
    """The lines of a section with their numbers, its header included; it may come several times."""
    inside = False
    for number, line in enumerate(lines):
        if line.strip().startswith("["):
            inside = line.strip().lower() == f"[{name.lower()}]"
        if inside:
            yield number, line


def apply(project: Path, settings: tuple[Setting, ...]) -> list[str]:
    """Change a project's ini files; one line for each change."""
    if not any(project.glob("*.uproject")):
        raise ProjectError(f"{project} has no .uproject file; give the project's folder")
    changes = []
    for name in dict.fromkeys(setting.file for setting in settings):
        path = project / "Config" / name
        original = text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        for setting in settings:
            if setting.file != name:
                continue
            text, before = changed(text, setting)
            if before != setting.value:
                was = "not set" if before is None else before
                changes.append(
                    f"{name} [{setting.section}] {setting.key}: {was} -> {setting.value}"
                )
        if text.split() != original.split():
            _save(path, original, text)
    return changes


def _save(path: Path, original: str, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    kept = path.with_name(path.name + KEPT)
    if original and not kept.exists():
        kept.write_text(original, encoding="utf-8")
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def makers_words(licence: str | None, caption: str | None) -> tuple[Setting, ...]:
    """What the manifest says of the scene: under which licence, and what is in it."""
    words = {"Licence": licence, "Caption": caption}
    for key, value in words.items():
        if value and ("\n" in value or '"' in value):
            raise ProjectError(f'{key} must be one line without ", not {value!r}')
    return tuple(
        Setting(GAME, "OpenRelic", key, f'"{value}"') for key, value in words.items() if value
    )


def project_folder(given: str | None) -> Path:
    """The folder of the project that is open, or the one that was given."""
    if given:
        return Path(given)
    if unreal is None:
        raise ProjectError("outside the editor say which project: --project FOLDER")
    return Path(unreal.Paths.convert_relative_path_to_full(unreal.Paths.project_dir()))


def say(line: str, *, wrong: bool = False) -> None:
    """To the editor's log, or to the terminal."""
    if unreal is not None:
        (unreal.log_error if wrong else unreal.log)(line)
    else:
        log.log(logging.ERROR if wrong else logging.INFO, line)


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="apply_settings.py", description=__doc__)
    parser.add_argument("--project", help="the project's folder; in the editor, the open one")
    parser.add_argument("--licence", help="licence of the scene, as its page names it")
    parser.add_argument("--caption", help="one sentence about what the scene shows")
    given = parser.parse_args(arguments)
    try:
        settings = SETTINGS + makers_words(given.licence, given.caption)
        changes = apply(project_folder(given.project), settings)
    except (ProjectError, OSError, UnicodeDecodeError) as error:
        say(f"error: {error}", wrong=True)
        return 1
    for line in changes:
        say(line)
    say(f"{len(changes)} settings changed" + ("; restart the editor" if changes else ""))
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    code = main(sys.argv[1:])
    if unreal is None:  # ending the interpreter would end the editor
        sys.exit(code)
