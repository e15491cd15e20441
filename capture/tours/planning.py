"""From scenes and minutes to plan rows.

Durations follow a lognormal with the paper's median (63 s) and mean (75 s), cut at its maximum
(545 s). Its quantiles are taken rather than random draws, so a plan of a few tours already has the
shape; they are then scaled to the minutes asked for.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from capture.tours.camera_operator import TourKind
from capture.tours.rows import PlanRow
from capture.tours.steering import Motion
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, RotationFrame

PAPER_MEAN_S, PAPER_MEDIAN_S, PAPER_MAX_S = 75.0, 63.0, 545.0
MIN_TOUR_S = 6.0  # long enough for one training window of 81 frames
KINDS: tuple[TourKind, ...] = ("mixed", "revisit", "single")

# Wanted share of frames with each action: symmetric left and right, forward leads without
# dominating (the fault of real video that the paper avoids). They sum to more than 1, since
# several are held at once.
WANTED_SHARES = {
    "dolly_in": 0.26, "dolly_out": 0.14, "truck_left": 0.16, "truck_right": 0.16,
    "pedestal_up": 0.10, "pedestal_down": 0.10, "tilt_up": 0.13, "tilt_down": 0.13,
    "pan_left": 0.22, "pan_right": 0.22, "roll_cw": 0.10, "roll_ccw": 0.10, "static": 0.08,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SceneChoice:
    """A scene that tours can be planned in."""

    scene: str
    asset: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class PlanWish:
    """What is asked of a plan."""

    minutes: float
    seed: int
    motion: Literal["fly", "walk", "both"]
    rotation_frame: RotationFrame
    clearance_cm: float
    fov_deg: float


def make_plan(scenes: list[SceneChoice], wish: PlanWish) -> list[PlanRow]:
    """Tours of `wish.minutes` in all, at least one a scene, the same for the same seed."""
    durations = tour_durations_s(len(scenes), wish.minutes)
    random = np.random.default_rng(wish.seed)
    random.shuffle(durations)
    manners = _manners(len(durations), wish)
    random.shuffle(manners)
    return [
        _row(scenes[index % len(scenes)], manner, float(duration), wish, random)
        for index, (duration, manner) in enumerate(zip(durations, manners, strict=True))
    ]


def _manners(count: int, wish: PlanWish) -> list[tuple[TourKind, Motion]]:
    """Kind and motion of `count` tours, every pair equally often."""
    motions: tuple[Motion, ...] = ("walk", "fly") if wish.motion == "both" else (wish.motion,)
    # Three kinds and two motions have no common factor: six tours have all six pairs.
    return [(KINDS[i % len(KINDS)], motions[i % len(motions)]) for i in range(count)]


def tour_durations_s(scenes: int, minutes: float) -> np.ndarray:
    """Durations (N,) in seconds that sum to `minutes`, N at least `scenes`."""
    total = minutes * 60.0
    if total < scenes * MIN_TOUR_S:
        raise OpenRelicError(
            f"{minutes:g} minutes are too few for {scenes} scenes: a tour takes at least "
            f"{MIN_TOUR_S:g} s, so give --minutes {scenes * MIN_TOUR_S / 60:.1f} or more"
        )
    count = max(scenes, round(total / PAPER_MEAN_S))
    normal = NormalDist(np.log(PAPER_MEDIAN_S), np.sqrt(2 * np.log(PAPER_MEAN_S / PAPER_MEDIAN_S)))
    quantiles = (np.arange(count) + 0.5) / count
    durations = np.exp([normal.inv_cdf(float(quantile)) for quantile in quantiles])
    return _scaled_to(np.minimum(durations, PAPER_MAX_S), total)


def _scaled_to(durations: np.ndarray, total: float) -> np.ndarray:
    """Scale to a sum of `total` within the shortest and longest duration (bisection)."""
    low, high = 0.0, 1e3
    for _ in range(100):
        factor = (low + high) / 2
        if np.clip(durations * factor, MIN_TOUR_S, PAPER_MAX_S).sum() < total:
            low = factor
        else:
            high = factor
    return np.clip(durations * high, MIN_TOUR_S, PAPER_MAX_S)


def _row(
    scene: SceneChoice, manner: tuple[TourKind, Motion], duration_s: float, wish: PlanWish,
    random: np.random.Generator,
) -> PlanRow:  # fmt: skip
    kind, motion = manner
    wanted = np.array([WANTED_SHARES[name] for name in ACTIONS])
    mix = wanted * np.exp(0.25 * random.normal(size=len(wanted)))
    return PlanRow(
        scene=scene.scene,
        asset=scene.asset,
        licence=scene.licence,
        seed=int(random.integers(2**31)),
        frames=int(np.ceil(duration_s * FPS)),
        kind=kind,
        motion=motion,
        rotation_frame=wish.rotation_frame,
        mix=tuple(round(float(share), 4) for share in mix * wanted.sum() / mix.sum()),
        translation_m_s=round(float(random.uniform(0.8, 1.8)), 3),
        rotation_deg_s=round(float(random.uniform(20.0, 45.0)), 3),
        clearance_cm=wish.clearance_cm,
        fov_deg=wish.fov_deg,
    )
