"""Which samples a workspace makes, settled before anything is written, and what is left out.

Windows tile the usable parts of each clip; those of the training split are balanced by action
(`dataset.shards.balance`); a share of all windows becomes a palindrome as well.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from dataset.clip import GOP_FRAMES, Clip, require_clips
from dataset.errors import OpenRelicError
from dataset.qa.usable import Policy, Verdicts
from dataset.shards.balance import Counted, action_shares, further_windows
from dataset.shards.inputs import ClipInput, read_inputs
from dataset.shards.layout import PlannedSample, split_assets
from dataset.shards.manifest import Split
from dataset.shards.windows import Window, window_starts, with_palindromes
from dataset.workspace import Workspace
from labeling.actions import ACTIONS

SHOWN = 10
NO_WINDOW = "ends of usable parts, too short for a window"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides which samples there are."""

    lengths: tuple[int, ...] = (81,)
    palindromes: float = 0.5
    label_set: str = "default"
    caption_set: str = "default"
    qa: Policy | None = None
    val_share: float = 0.1
    test_share: float = 0.1
    balance: float = 0.05
    balance_limit: float = 0.25
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Footage that no sample shows, by the reason."""

    reason: str
    clips: int
    minutes: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every sample, the split of each asset, what is left out, and remarks for people."""

    samples: list[PlannedSample]
    splits: dict[str, Split]
    left_out: list[LeftOut]
    remarks: list[str]


def plan_samples(workspace: Workspace, recipe: Recipe) -> Plan:
    """Plan the samples of all clips.

    Raises `MissingInputError` where clips, labels, captions or decisions are missing, and
    `OpenRelicError` where no usable part is long enough.
    """
    clips = require_clips(workspace)
    verdicts = Verdicts(workspace, recipe.qa, clips)
    inputs = read_inputs(workspace, clips, recipe.label_set, recipe.caption_set, verdicts)
    tiling = {i.clip.tour_id: tiling_windows(i, recipe.lengths) for i in inputs}
    left_out = list(_left_out(inputs, tiling))
    remarks = _short_remarks(inputs, tiling, recipe.lengths) + _qa_remarks(inputs)
    remarks += _caption_remarks(inputs)
    if not any(tiling.values()):
        reasons = "; ".join(
            f"{entry.reason}: {entry.clips} clips, {entry.minutes:.1f} min" for entry in left_out
        )
        raise OpenRelicError(
            f"{workspace.location} makes no sample. {' '.join(remarks)} Left out: {reasons}"
        )
    used = [i.clip.asset for i in inputs if tiling[i.clip.tour_id]]
    splits = split_assets(used, recipe.val_share, recipe.test_share)
    training = [i for i in inputs if splits.get(i.clip.asset) == "train"]
    further, balanced = _balance(training, tiling, recipe)
    samples: list[PlannedSample] = []
    for clip_input in inputs:
        tour = clip_input.clip.tour_id
        windows = sorted(tiling[tour] + further.get(tour, []), key=lambda w: w.key)
        samples += _planned(clip_input, with_palindromes(windows, recipe.palindromes, recipe.seed))
    return Plan(samples=samples, splits=splits, left_out=left_out, remarks=remarks + balanced)


def tiling_windows(clip_input: ClipInput, lengths: Iterable[int]) -> list[Window]:
    """Windows of every length that tile the usable parts of a clip."""
    return _windows(clip_input, lengths, stride=None)


def _windows(clip_input: ClipInput, lengths: Iterable[int], stride: int | None) -> list[Window]:
    return [
        Window(tour_id=clip_input.clip.tour_id, first_frame=start, length=length)
        for length in sorted(set(lengths))
        for part in clip_input.usable.segments
        for start in window_starts(part.frames, length, part.first_frame, stride)
    ]


def _planned(clip_input: ClipInput, windows: Sequence[Window]) -> list[PlannedSample]:
    return [
        PlannedSample(
            window=window,
            clip=clip_input.clip,
            label_digest=clip_input.label_digest,
            caption=clip_input.caption(window.first_frame),
        )
        for window in windows
    ]


def _balance(
    training: Sequence[ClipInput], tiling: dict[str, list[Window]], recipe: Recipe
) -> tuple[dict[str, list[Window]], list[str]]:
    """Further training windows by tour, and a remark on what they change."""
    taken = _counted(training, lambda i: tiling[i.clip.tour_id])
    candidates = _counted(training, lambda i: _windows(i, recipe.lengths, stride=GOP_FRAMES))
    chosen = further_windows(taken, candidates, recipe.balance, recipe.balance_limit)
    by_tour: dict[str, list[Window]] = {}
    for window in chosen:
        by_tour.setdefault(window.tour_id, []).append(window)
    if recipe.balance <= 0:
        return by_tour, []
    picked = set(chosen)
    before = action_shares(taken)
    after = action_shares([*taken, *(c for c in candidates if c.window in picked)])
    return by_tour, [_balance_remark(before, after, len(chosen), recipe.balance)]


def _counted(
    inputs: Iterable[ClipInput], windows: Callable[[ClipInput], Iterable[Window]]
) -> list[Counted]:
    return [
        Counted(window=w, counts=i.action_counts(w.first_frame, w.length))
        for i in inputs
        for w in windows(i)
    ]


def _balance_remark(before: np.ndarray, after: np.ndarray, count: int, floor: float) -> str:
    rare = np.flatnonzero((before < floor) | (after < floor))
    if not len(rare):
        return f"Balance: every action has {floor:.0%} or more of the training frames by itself."
    moved = ", ".join(f"{ACTIONS[a]} {before[a]:.1%} → {after[a]:.1%}" for a in rare)
    return f"Balance: {count} further training windows, for a floor of {floor:.0%}: {moved}."


def _left_out(inputs: Sequence[ClipInput], tiling: dict[str, list[Window]]) -> Iterable[LeftOut]:
    """Footage in no window, by the reason, the largest first."""
    found: list[tuple[str, float]] = []
    for clip_input in inputs:
        clip, usable = clip_input.clip, clip_input.usable
        if usable.reason is not None:
            found.append((usable.reason, (clip.frames - usable.frames) / clip.fps / 60))
        shown = np.zeros(clip.frames, bool)
        for window in tiling[clip.tour_id]:
            shown[window.first_frame : window.first_frame + window.length] = True
        rest = usable.frames - int(shown.sum())
        if rest > 0:
            found.append((NO_WINDOW, rest / clip.fps / 60))
    found.sort(key=lambda entry: entry[0])
    summed = [
        LeftOut(reason=reason, clips=len(minutes), minutes=sum(minutes))
        for reason, entries in groupby(found, key=lambda entry: entry[0])
        if (minutes := [entry[1] for entry in entries])
    ]
    return sorted(summed, key=lambda entry: (-entry.minutes, entry.reason))


def _short_remarks(
    inputs: Sequence[ClipInput], tiling: dict[str, list[Window]], lengths: Iterable[int]
) -> list[str]:
    short = [
        i.clip for i in inputs if not tiling[i.clip.tour_id] and i.usable.frames == i.clip.frames
    ]
    if not short:
        return []
    named = _named(f"{clip.tour_id} ({clip.frames} frames)" for clip in short)
    return [f"Clips left out, shorter than {min(lengths)} frames: {named}."]


def _qa_remarks(inputs: Sequence[ClipInput]) -> list[str]:
    unseen = [i.clip.tour_id for i in inputs if not i.usable.measured]
    if not unseen:
        return []
    return [f"QA has not seen these clips, which are taken whole: {_named(unseen)}."]


def _caption_remarks(inputs: Sequence[ClipInput]) -> list[str]:
    failed = [(i.clip.tour_id, len(i.captions.failures)) for i in inputs if i.captions]
    segments = sum(count for _, count in failed)
    if not segments:
        return []
    named = _named(tour for tour, count in failed if count)
    return [f"{segments} segments have no caption and get their scene's, in {named}."]


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def clips_of(plan: Plan) -> list[Clip]:
    """The clips that some sample shows, in the order of their tours."""
    found = {sample.clip.tour_id: sample.clip for sample in plan.samples}
    return [found[tour] for tour in sorted(found)]
