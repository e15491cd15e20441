"""Scenes that a plan may use: the embedded engine's own, or a YAML list of a game's maps."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from capture.tours.planning import SceneChoice
from dataset.errors import OpenRelicError

KEYS = {"scene", "asset", "licence", "ai_training"}


def choose_scenes(wanted: str) -> list[SceneChoice]:
    """Scenes for `--scenes`: a number takes that many embedded ones, else a YAML file is read."""
    if not wanted.isdigit():
        return scenes_from_yaml(Path(wanted))
    available = embedded_scenes()
    if not 1 <= int(wanted) <= len(available):
        raise OpenRelicError(
            f"--scenes is {wanted}; 1 to {len(available)} embedded scenes are available"
        )
    return available[: int(wanted)]


def embedded_scenes() -> list[SceneChoice]:
    """What the embedded engine offers, asked of the program itself."""
    command = [sys.executable, "-m", "capture.engine", "--list-scenes"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["no output"])[-1]
        raise OpenRelicError(f"the embedded engine does not list its scenes: {last}")
    return [SceneChoice(**entry) for entry in json.loads(answer.stdout)]


def scenes_from_yaml(path: Path) -> list[SceneChoice]:
    """A list of mappings with `scene`, `asset`, `licence` and `ai_training: true`."""
    try:
        entries = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise OpenRelicError(
            f"--scenes {path} is neither a number nor a readable YAML file ({error})"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise OpenRelicError(f"{path} must be a list of scenes with {', '.join(sorted(KEYS))}")
    choices = [_scene(path, number, entry) for number, entry in enumerate(entries, 1)]
    names = [choice.scene for choice in choices]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OpenRelicError(f"{path} lists {', '.join(twice)} twice; name each scene once")
    return choices


def _scene(path: Path, number: int, entry: object) -> SceneChoice:
    if not isinstance(entry, dict) or set(entry) != KEYS:
        found = sorted(entry) if isinstance(entry, dict) else entry
        raise OpenRelicError(
            f"{path}, scene {number} has {found}; exactly {', '.join(sorted(KEYS))} are needed"
        )
    if entry["ai_training"] is not True:
        raise OpenRelicError(
            f"{path}, scene {number} ({entry['scene']}): its licence does not allow AI training "
            "(ai_training is not true); take it out of the list"
        )
    return SceneChoice(
        scene=str(entry["scene"]), asset=str(entry["asset"]), licence=str(entry["licence"])
    )
