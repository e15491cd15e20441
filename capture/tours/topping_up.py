"""Further tours for a plan that would come out short: of minutes, or of frames of some action.

Old rows stay as they are. What the plan will have in the end is what its clips have, and for tours
yet to capture what the model expects, corrected by how the clips so far compare with it.
"""

import dataclasses

import numpy as np

from capture.tours.achieved import Standing, minutes_of
from capture.tours.expectation import expected_shares
from capture.tours.plan_file import StoredPlan
from capture.tours.planning import (
    LOWEST_SHARE,
    MIN_TOUR_S,
    PAPER_MEAN_S,
    WANTED,
    PlanWish,
    make_plan,
)
from capture.tours.rows import PlanRow
from capture.tours.scene_lists import SceneChoice
from capture.tours.text import percent
from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS

LEAST_MINUTES = MIN_TOUR_S / 60.0
CORRECTION_LIMITS = (0.3, 2.0)
AIM_LIMITS = (0.02, 0.4)
GROWTH, LARGEST = 1.3, 0.5  # a top-up for rare actions grows by steps, up to half of the footage


def topped_up(plan: StoredPlan, standing: Standing, where: str) -> tuple[StoredPlan, str]:
    """The plan with tours for what is short, and a line that says what was; refuses if nothing
    is."""
    kept = standing.committed_rows + standing.open_rows
    short_minutes = plan.wish.minutes - minutes_of(kept)
    projected = projected_shares(standing)
    lacking = np.flatnonzero(projected < LOWEST_SHARE) if kept else np.empty(0, int)
    if short_minutes < LEAST_MINUTES and not lacking.size:
        lowest = int(projected.argmin())
        raise OpenRelicError(
            f"nothing is short in {where}: {minutes_of(kept):.1f} of {plan.wish.minutes:.1f} "
            f"minutes are captured or still to capture, and the rarest action, {ACTIONS[lowest]}, "
            f"comes to {percent(projected[lowest])} of the frames; give --minutes for more"
        )
    new = _further_rows(plan, standing, short_minutes, projected, minutes_of(kept))
    what = [f"{ACTIONS[action]} at {percent(projected[action])}" for action in lacking]
    if short_minutes >= LEAST_MINUTES:
        what.insert(0, f"{short_minutes:.1f} minutes")
    after = _together(standing, projected, new)
    lines = [
        f"short: {', '.join(what)}",
        f"added: {len(new)} tours of {minutes_of(new):.1f} minutes",
    ]
    lines += [
        f"{ACTIONS[action]} is expected to come to {percent(after[action])} then: "
        "top up again when they are captured"
        for action in np.flatnonzero(after < LOWEST_SHARE)
    ]
    topped = dataclasses.replace(plan, rows=plan.rows + new, top_ups=plan.top_ups + 1)
    return topped, "\n".join(lines) + "\n\n"


def _together(standing: Standing, projected: np.ndarray, new: list[PlanRow]) -> np.ndarray:
    """Shares (13,) that the footage of `projected` and new tours will have together."""
    kept, more = minutes_of(standing.committed_rows + standing.open_rows), minutes_of(new)
    shares = expected_shares(new) * correction(standing)
    return (projected * kept + shares * more) / (kept + more)


def projected_shares(standing: Standing) -> np.ndarray:
    """Shares (13,) that captured and open tours will have together."""
    done, waiting = standing.committed_rows, standing.open_rows
    shares = np.zeros((2, len(ACTIONS)))
    if done:
        shares[0] = standing.shares
    if waiting:
        shares[1] = expected_shares(waiting) * correction(standing)
    minutes = np.array([minutes_of(done), minutes_of(waiting)])
    return minutes @ shares / max(minutes.sum(), 1e-9)


def correction(standing: Standing) -> np.ndarray:
    """By what factors (13,) the clips' shares differ from those that were expected of them."""
    done = standing.committed_rows
    if not done:
        return np.ones(len(ACTIONS))
    ratio = standing.shares / np.maximum(expected_shares(done), 1e-3)
    return np.clip(ratio, *CORRECTION_LIMITS)


def scenes_of(rows: list[PlanRow]) -> list[SceneChoice]:
    """The scenes of a plan, in its order."""
    named = {
        (row.game, row.scene): SceneChoice(
            game=row.game, scene=row.scene, asset=row.asset, licence=row.licence,
            starts=row.starts,
        )
        for row in reversed(rows)
    }  # fmt: skip
    return [named[key] for key in dict.fromkeys((row.game, row.scene) for row in rows)]


def sound_scenes(standing: Standing) -> list[SceneChoice]:
    """Scenes for further tours, those with the least footage first; a scene of which every tour so
    far was given up is no use, unless there is no other."""
    minutes: dict[tuple[str, str], float] = {}
    for row in standing.committed_rows + standing.open_rows:
        key = (row.game, row.scene)
        minutes[key] = minutes.get(key, 0.0) + row.frames
    scenes = scenes_of(standing.rows)
    sound = [scene for scene in scenes if (scene.game, scene.scene) in minutes] or scenes
    return sorted(sound, key=lambda scene: minutes.get((scene.game, scene.scene), 0.0))


def _further_rows(
    plan: StoredPlan, standing: Standing, minutes: float, projected: np.ndarray, kept: float
) -> list[PlanRow]:
    """Tours of at least `minutes`, and of as many more as the rarest actions need."""
    scenes = sound_scenes(standing)
    minutes = max(minutes, LEAST_MINUTES)
    longest = max(minutes, LARGEST * kept)
    bias = correction(standing)
    while True:
        rows = _rows(plan, scenes, minutes, _aims(projected, bias, minutes, kept))
        shares = _together(standing, projected, rows)
        if shares.min() >= LOWEST_SHARE or minutes >= longest:
            return rows
        minutes = min(minutes * GROWTH, longest)


def _aims(projected: np.ndarray, bias: np.ndarray, minutes: float, kept: float) -> np.ndarray:
    """The shares (13,) that bring all footage together to the wanted ones."""
    needed = (WANTED * (kept + minutes) - projected * kept) / minutes
    return np.clip(needed / bias, *AIM_LIMITS)


def _rows(
    plan: StoredPlan, scenes: list[SceneChoice], minutes: float, aims: np.ndarray
) -> list[PlanRow]:
    """Rows that are in no plan yet: the seed says which top-up it is."""
    most = max(1, round(minutes * 60.0 / PAPER_MEAN_S))  # scenes: one tour each of usual length
    seed = [plan.wish.seed, 1 + plan.top_ups]
    wish: PlanWish = dataclasses.replace(plan.wish, minutes=minutes)
    return make_plan(scenes[:most], wish, aims, seed)
