"""Scenes that a plan may use: the embedded engine's own, or a YAML list of packaged games' maps.

The YAML holds scenes, or games with their maps; what a game says holds for its maps unless a map
says otherwise. `configs/packaged_game.yaml` shows both.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from capture.tours.starts import StartArea, parse_area
from dataset.errors import OpenRelicError

NEEDED = ("scene", "asset", "licence", "ai_training")
OPTIONAL = ("starts",)


@dataclass(frozen=True, kw_only=True)
class SceneChoice:
    """A scene that tours can be planned in."""

    scene: str
    asset: str
    licence: str
    game: str = ""  # where a list names several
    starts: tuple[StartArea, ...] = ()


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
    return [
        SceneChoice(scene=entry["scene"], asset=entry["asset"], licence=entry["licence"])
        for entry in json.loads(answer.stdout)
    ]


def scenes_from_yaml(path: Path) -> list[SceneChoice]:
    """The scenes of a YAML list; every mistake in it is an `OpenRelicError` that names the place.

    A scene whose licence does not allow AI training is refused, not skipped: nobody should believe
    that it was captured.
    """
    try:
        entries = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OpenRelicError(
            f"--scenes {path} is neither a number nor a readable YAML file ({error})"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise OpenRelicError(
            f"{path} must be a list of scenes with {', '.join(sorted(NEEDED))}, or of games with "
            "`game` and `maps`; see configs/packaged_game.yaml"
        )
    choices = [
        choice
        for number, entry in enumerate(entries, 1)
        for choice in _scenes_of(f"{path}, entry {number}", entry)
    ]
    names = [(choice.game, choice.scene) for choice in choices]
    twice = sorted({" ".join(name).strip() for name in names if names.count(name) > 1})
    if twice:
        raise OpenRelicError(f"{path} lists {', '.join(twice)} twice; name each scene once")
    return choices


def _scenes_of(where: str, entry: object) -> list[SceneChoice]:
    """The scene that an entry is, or those of the game that it is."""
    if not isinstance(entry, dict) or "maps" not in entry:
        return [_scene(where, "", entry)]
    game, maps = entry.get("game"), entry["maps"]
    if not isinstance(game, str) or not game or not isinstance(maps, list) or not maps:
        raise OpenRelicError(f"{where}: a game needs a name as `game` and a list of `maps`")
    shared = {key: value for key, value in entry.items() if key not in ("game", "maps")}
    scenes = []
    for number, one in enumerate(maps, 1):
        named = {"scene": one} if isinstance(one, str) else one
        merged = {**shared, **named} if isinstance(named, dict) else named
        scenes.append(_scene(f"{where} ({game}), map {number}", game, merged))
    return scenes


def _scene(where: str, game: str, entry: object) -> SceneChoice:
    if not isinstance(entry, dict) or not set(NEEDED) <= set(entry) <= {*NEEDED, *OPTIONAL}:
        found = ", ".join(map(str, entry)) if isinstance(entry, dict) else entry
        raise OpenRelicError(
            f"{where} has {found}; {', '.join(sorted(NEEDED))} are needed, and "
            f"{', '.join(OPTIONAL)} may be given"
        )
    if entry["ai_training"] is not True:
        raise OpenRelicError(
            f"{where} ({entry['scene']}): its licence does not allow AI training "
            "(ai_training is not true); take it out of the list"
        )
    return SceneChoice(
        game=game,
        scene=_text(where, entry, "scene"),
        asset=_text(where, entry, "asset"),
        licence=_text(where, entry, "licence"),
        starts=_starts(where, entry.get("starts", [])),
    )


def _text(where: str, entry: dict[str, Any], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str | int) or not str(value).strip():
        raise OpenRelicError(f"{where} has the {key} {value!r}; a name is needed")
    return str(value)


def _starts(where: str, entries: object) -> tuple[StartArea, ...]:
    if not isinstance(entries, list):
        raise OpenRelicError(f"{where}: starts is {entries!r}; a list of places is needed")
    return tuple(parse_area(entry, where) for entry in entries)
