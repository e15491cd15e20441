"""Where a tour begins: the start areas of its plan row, else the spawn points of the scene.

The worker calls `choose_start` with what the engine's manifest says and a question to the engine;
only if that gives nothing and the row names no area may it look for a place of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError

BOX_DRAWS = 64  # places tried in a box

Place = tuple[np.ndarray, float]  # location (3,) in Unreal cm, yaw in degrees


@dataclass(frozen=True, kw_only=True)
class StartArea:
    """A box that tours may start in, in Unreal's axes; a single place has both corners there."""

    low_cm: tuple[float, float, float]
    high_cm: tuple[float, float, float]
    yaw_deg: float | None  # None: any


def choose_start(
    seed: int, areas: tuple[StartArea, ...], spawns: np.ndarray,
    is_free: Callable[[np.ndarray], bool],
) -> Place | None:  # fmt: skip
    """The first free place of `areas` in their order, or without any of `spawns` in random order.

    `spawns` is (N,4): x, y, z in cm and yaw in degrees, as `/tour/manifest` lists them. `is_free`
    answers whether a camera may stand at a location (3,) in cm. None: no spawn is free. Raises
    `OpenRelicError` if the areas hold no free place, since whoever gave them meant them.
    """
    random = np.random.default_rng(seed)
    for location_cm, yaw_deg in _candidates(random, areas, spawns):
        if is_free(location_cm):
            return location_cm, yaw_deg
    if areas:
        raise OpenRelicError(
            f"none of the {len(areas)} start areas in the plan has a free place for the camera; "
            "correct `starts` in the list of scenes, or plan with a smaller --clearance-cm"
        )
    return None


def _candidates(
    random: np.random.Generator, areas: tuple[StartArea, ...], spawns: np.ndarray
) -> Iterator[Place]:
    if not areas:
        for spawn in random.permutation(np.asarray(spawns, np.float64).reshape(-1, 4)):
            yield spawn[:3], float(spawn[3])
    for area in areas:
        low, high = np.array(area.low_cm), np.array(area.high_cm)
        for _ in range(BOX_DRAWS if (low < high).any() else 1):
            yaw_deg = float(random.uniform(-180, 180)) if area.yaw_deg is None else area.yaw_deg
            yield random.uniform(low, high), yaw_deg


def rotated(areas: tuple[StartArea, ...], tour: int) -> tuple[StartArea, ...]:
    """The areas with another one first for each tour of a scene, so that tours share them out."""
    first = tour % len(areas) if areas else 0
    return areas[first:] + areas[:first]


def parse_area(entry: object, where: str) -> StartArea:
    """An area of a scene list: `[x, y, z]`, `[x, y, z, yaw]`, or a mapping with `box` and perhaps
    `yaw`; `where` names it in errors."""
    box, yaw = entry, None
    if isinstance(entry, dict) and set(entry) <= {"box", "yaw"}:
        box, yaw = entry.get("box"), entry.get("yaw")
    elif isinstance(entry, list) and len(entry) in (3, 4):
        box, yaw = [entry[:3], entry[:3]], entry[3] if len(entry) == 4 else None
    try:
        corners = np.array(box, dtype=np.float64)
        yaw_deg = None if yaw is None else float(yaw)
    except (TypeError, ValueError):
        corners, yaw_deg = np.empty(0), None
    if corners.shape != (2, 3) or not np.isfinite([*corners.flat, yaw_deg or 0.0]).all():
        raise OpenRelicError(
            f"{where} has the start {entry}; allowed are [x, y, z, yaw] (yaw may be left out) and "
            "{box: [[x, y, z], [x, y, z]], yaw: DEGREES} in cm and degrees"
        )
    return StartArea(
        low_cm=_triple(corners.min(axis=0)), high_cm=_triple(corners.max(axis=0)), yaw_deg=yaw_deg
    )


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
