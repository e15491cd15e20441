"""From scenes and minutes to plan rows that aim at targets for the dataset as a whole.

Durations follow a lognormal with the paper's median (63 s) and mean (75 s), cut at its maximum
(545 s). Its quantiles are taken rather than random draws, so a plan of a few tours already has the
shape; they are then scaled to the minutes asked for. Kinds of tours are shared out likewise.

What operators aim at is drawn for each tour, and then corrected for all: where the model of
`capture.tours.expectation` says that an action would come out short of its wanted share, every
tour aims at more of it.
"""

import dataclasses
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from capture.tours.camera_operator import TourKind
from capture.tours.expectation import shares_of
from capture.tours.rows import PlanRow
from capture.tours.scene_lists import SceneChoice
from capture.tours.starts import rotated
from capture.tours.steering import Motion
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, RotationFrame

PAPER_MEAN_S, PAPER_MEDIAN_S, PAPER_MAX_S = 75.0, 63.0, 545.0
PAPER_TOURS = 1400
MIN_TOUR_S = 6.0  # long enough for one training window of 81 frames
KINDS: tuple[TourKind, ...] = ("mixed", "revisit", "single")

# Each action should have a share of the dataset's frames between these (the paper's bars: 6.2 to
# 30.6 %).
LOWEST_SHARE, HIGHEST_SHARE = 0.05, 0.31
# Within them: symmetric left and right; forward leads without dominating (the fault of real video
# that the paper avoids). They sum to more than 1, since several are held at once.
WANTED_SHARES = {
    "dolly_in": 0.24, "dolly_out": 0.12, "truck_left": 0.13, "truck_right": 0.13,
    "pedestal_up": 0.125, "pedestal_down": 0.125, "tilt_up": 0.115, "tilt_down": 0.115,
    "pan_left": 0.19, "pan_right": 0.19, "roll_cw": 0.10, "roll_ccw": 0.10, "static": 0.075,
}  # fmt: skip
WANTED = np.array([WANTED_SHARES[action] for action in ACTIONS])
# How many actions an operator has at once, on average, with `static` as one.
ACTIONS_AT_ONCE: dict[TourKind, float] = {"single": 1.2, "mixed": 2.0, "revisit": 1.9}

MIX_SPREAD = 0.25  # of the logarithm of a tour's aims
AIM_LIMITS = (0.4, 2.5)  # of the factor by which all tours' aims are corrected
AIM_ROUNDS = 30


@dataclass(frozen=True, kw_only=True)
class PlanWish:
    """What is asked of a plan."""

    minutes: float
    seed: int
    motion: Literal["fly", "walk", "both"]
    rotation_frame: RotationFrame
    clearance_cm: float
    fov_deg: float
    single_share: float = 1 / 3  # of the tours; the rest is mixed
    revisit_share: float = 1 / 3
    speed_m_s: tuple[float, float] = (0.8, 1.8)  # usual speeds are drawn from these ranges
    turn_deg_s: tuple[float, float] = (20.0, 45.0)


def make_plan(
    scenes: list[SceneChoice],
    wish: PlanWish,
    wanted: np.ndarray = WANTED,
    seed: list[int] | None = None,
) -> list[PlanRow]:
    """Tours of `wish.minutes` in all, at least one a scene, the same for the same seed.

    `wanted` (13,) are the shares of frames that all tours together should have; `seed` stands for
    `wish.seed`.
    """
    durations = tour_durations_s(len(scenes), wish.minutes)
    random = np.random.default_rng(wish.seed if seed is None else seed)
    random.shuffle(durations)
    manners = _manners(len(durations), wish)
    random.shuffle(manners)
    rows = [
        _row(scenes[index % len(scenes)], index // len(scenes), manner, float(duration), wish,
             wanted, random)
        for index, (duration, manner) in enumerate(zip(durations, manners, strict=True))
    ]  # fmt: skip
    return _aimed(rows, wanted)


def _manners(count: int, wish: PlanWish) -> list[tuple[TourKind, Motion]]:
    """Kind and motion of `count` tours: kinds by their shares, motions equally often in each."""
    motions: tuple[Motion, ...] = ("walk", "fly") if wish.motion == "both" else (wish.motion,)
    shares = (1 - wish.single_share - wish.revisit_share, wish.revisit_share, wish.single_share)
    had = dict.fromkeys(KINDS, 0)
    manners = []
    for number in range(1, count + 1):
        lacking = [share * number - had[kind] for kind, share in zip(KINDS, shares, strict=True)]
        kind = KINDS[int(np.argmax(np.round(lacking, 9)))]
        # A kind's second tour has the other motion; the kinds do not all begin with the same.
        manners.append((kind, motions[(had[kind] + KINDS.index(kind)) % len(motions)]))
        had[kind] += 1
    return manners


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
    if count >= PAPER_TOURS:
        durations[-1] = PAPER_MAX_S  # longer than the longest of so many of its lognormal
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


def drawn_mix(
    wanted: np.ndarray, kind: TourKind, random: np.random.Generator, spread: float = MIX_SPREAD
) -> np.ndarray:
    """Shares (13,) for a tour to aim at, around `wanted`."""
    return _scaled_mix(wanted * np.exp(spread * random.normal(size=len(wanted))), kind)


def _scaled_mix(mix: np.ndarray, kind: TourKind) -> np.ndarray:
    """A mix with as many actions at once as the kind has."""
    return mix * ACTIONS_AT_ONCE[kind] / mix.sum()


def _row(
    scene: SceneChoice, tour: int, manner: tuple[TourKind, Motion], duration_s: float,
    wish: PlanWish, wanted: np.ndarray, random: np.random.Generator,
) -> PlanRow:  # fmt: skip
    kind, motion = manner
    mix = drawn_mix(wanted, kind, random)
    return PlanRow(
        game=scene.game,
        scene=scene.scene,
        asset=scene.asset,
        licence=scene.licence,
        seed=int(random.integers(2**31)),
        frames=int(np.ceil(duration_s * FPS)),
        kind=kind,
        motion=motion,
        rotation_frame=wish.rotation_frame,
        mix=tuple(mix.tolist()),
        translation_m_s=round(float(random.uniform(*wish.speed_m_s)), 3),
        rotation_deg_s=round(float(random.uniform(*wish.turn_deg_s)), 3),
        clearance_cm=wish.clearance_cm,
        fov_deg=wish.fov_deg,
        starts=rotated(scene.starts, tour),
    )


def _aimed(rows: list[PlanRow], wanted: np.ndarray) -> list[PlanRow]:
    """The rows with mixes that bring the expected shares of all of them to `wanted` (13,)."""
    drawn = np.array([row.mix for row in rows])
    frames = np.array([row.frames for row in rows], dtype=float)
    at_once = drawn.sum(axis=1, keepdims=True)
    factor, mixes = np.ones(len(ACTIONS)), drawn
    for _ in range(AIM_ROUNDS):
        expected = frames @ shares_of(rows, mixes) / frames.sum()
        # All of them cannot be had by aiming at more of all: their proportions count.
        short = wanted / wanted.sum() * expected.sum() / np.maximum(expected, 1e-3)
        factor = np.clip(factor * np.sqrt(short), *AIM_LIMITS)
        mixes = drawn * factor
        mixes *= at_once / mixes.sum(axis=1, keepdims=True)
    return [
        dataclasses.replace(row, mix=tuple(round(float(share), 4) for share in mix))
        for row, mix in zip(rows, mixes, strict=True)
    ]
