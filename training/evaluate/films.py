"""Films of the engine with all that is known of them, and the files that keep them.

`cached_truth` keeps a film under what it was made of, so that a killed command goes on where it
was and a changed one films anew. A film's digest tells scores whether it is still the one that
they were computed with.

Public: `EngineTruth`, `FILM_VERSION`, `SKY_M`, `depth_in_metres`, `cached_truth`,
`cached_opening`, `read_truth`, `is_film`.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

FILM_VERSION = 1
"""Of how films are made. Raise it when the same settings give another film: other starts, poses,
pictures or depths, by `training.evaluate.rendering` or by the engine. All are then made again, and
what was scored with them is scored again."""

SKY_CM = 65504.0
"""What is that far is sky: engines say infinite, or the largest half-precision number."""
SKY_M = 1e6
"""Where the sky is put if it must be somewhere: so far that no walk shifts it."""


@dataclass(frozen=True, kw_only=True)
class EngineTruth:
    """A film of T frames with all that is known of it."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB"""
    depth_cm: np.ndarray | None
    """(T, H, W) float16, planar; the sky is as far as half precision goes. None: no depth"""
    camera_from_world: np.ndarray
    """(T, 3, 4), metres, as drawn"""
    intrinsics: np.ndarray
    """(4,) of the frames"""
    unit_m: float
    scene: str
    caption: str
    clear: bool
    """whether the path kept its distance from everything"""
    digest: str = ""
    """of all pictures, depths and cameras, of a film that was kept"""


def depth_in_metres(depth_cm: np.ndarray) -> np.ndarray:
    """A film's depth as float32 metres: inf for the sky, and for what has no depth."""
    depth = depth_cm.astype(np.float32)
    return np.where(depth < SKY_CM, depth / 100, np.inf).astype(np.float32)


def cached_truth(
    path: Path, made_of: dict[str, Any], make: Callable[[], EngineTruth]
) -> EngineTruth:
    """The film in the file `path` if it was made of the same things, else made now and kept."""
    stored = read_truth(path, made_of)
    return _kept(path, made_of, make()) if stored is None else stored


def cached_opening(
    path: Path, made_of: dict[str, Any], make: Callable[[], EngineTruth]
) -> EngineTruth:
    """As `cached_truth`, with the first picture only, and no depth: reading it costs little."""
    if not is_film(path, made_of):
        _kept(path, made_of, make())
    with np.load(path) as stored:
        first = stored["first"] if "first" in stored else stored["frames"][0]
        return _loaded(stored, frames=first[None], depth_cm=None)


def _kept(path: Path, made_of: dict[str, Any], truth: EngineTruth) -> EngineTruth:
    truth = replace(truth, digest=_digest(truth))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        facts = {name: value for name, value in vars(truth).items() if value is not None}
        said = np.array(json.dumps(_full(made_of)))
        np.savez(file, made_of=said, first=truth.frames[0], **facts)
    part.replace(path)
    return truth


def read_truth(path: Path, made_of: dict[str, Any]) -> EngineTruth | None:
    """The film in the file `path`; None if there is none, or one of other things."""
    if not is_film(path, made_of):
        return None
    with np.load(path) as stored:
        return _loaded(stored, frames=stored["frames"], depth_cm=stored.get("depth_cm"))


def is_film(path: Path, made_of: dict[str, Any]) -> bool:
    """Whether the file `path` is a film of these things; its pictures are not read."""
    try:
        with np.load(path) as stored:
            said = json.loads(str(stored["made_of"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return False
    # Films that name no version are older than the first.
    return {"film_version": 1, **said} == _full(made_of)


def _full(made_of: dict[str, Any]) -> dict[str, Any]:
    """As a file gives it back."""
    return json.loads(json.dumps({**made_of, "film_version": FILM_VERSION}))


def _digest(truth: EngineTruth) -> str:
    found = hashlib.sha256(f"{truth.scene} {truth.unit_m!r}".encode())
    for array in (truth.frames, truth.depth_cm, truth.camera_from_world, truth.intrinsics):
        if array is not None:
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:16]


def _loaded(stored: Any, *, frames: np.ndarray, depth_cm: np.ndarray | None) -> EngineTruth:
    return EngineTruth(
        frames=frames,
        depth_cm=depth_cm,
        camera_from_world=stored["camera_from_world"],
        intrinsics=stored["intrinsics"],
        unit_m=float(stored["unit_m"]),
        scene=str(stored["scene"]),
        caption=str(stored["caption"]),
        clear=bool(stored["clear"]),
        digest=str(stored.get("digest", "")),
    )
