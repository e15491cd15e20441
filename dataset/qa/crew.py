"""Measuring many clips at once: Ray tasks, one a clip, or one after another in this process.

A task gets names and leaves its result in `qa/parts/`; no frame passes through Ray. A task that
is run twice writes the same part twice, so that Ray may try again what it lost.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dataset.clip import Clip, read_clip
from dataset.errors import OpenRelicError
from dataset.qa.measure import measure_clip
from dataset.qa.parts import part_key, write_part
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

RETRIES = 2  # of a task whose worker or machine died


@dataclass(frozen=True, kw_only=True)
class Done:
    """A clip whose task has ended; `trouble` says why it could not be measured."""

    tour_id: str
    trouble: str | None = None


def measure_all(
    workspace: Workspace, clips: list[Clip], label_set: str, *,
    workers: int, ray_address: str | None, progress: Callable[[int], object],
) -> Iterator[Done]:  # fmt: skip
    """Measure the clips in any order; `progress` is told of frames."""
    if workers == 1 and ray_address is None:
        for clip in clips:
            yield _measure(workspace, clip, label_set, progress)
        return
    yield from _with_ray(workspace, clips, label_set, workers, ray_address, progress)


def measure_one(location: str, tour_id: str, label_set: str) -> Done:
    """What a Ray worker does."""
    workspace = Workspace(location)
    clip = read_clip(workspace, tour_id)
    if clip is None:
        return Done(tour_id=tour_id, trouble="its record is gone")
    return _measure(workspace, clip, label_set, lambda _: None)


def _measure(
    workspace: Workspace, clip: Clip, label_set: str, progress: Callable[[int], object]
) -> Done:
    try:
        key = part_key(workspace, clip, label_set)
        measured = measure_clip(workspace, clip, label_set, progress)
        write_part(workspace, clip, key, measured)
    except OpenRelicError as error:
        return Done(tour_id=clip.tour_id, trouble=str(error))
    return Done(tour_id=clip.tour_id)


def _with_ray(
    workspace: Workspace, clips: list[Clip], label_set: str, workers: int, address: str | None,
    progress: Callable[[int], object],
) -> Iterator[Done]:  # fmt: skip
    from capture.crew.ray_start import Shares, start_ray

    room = start_ray(address, workers or None, Shares())
    import ray

    task = ray.remote(num_cpus=1, max_retries=RETRIES)(measure_one)
    location = str(workspace.local_root or workspace.location)
    # Long clips first: the last ones to end are short then.
    waiting = sorted(clips, key=lambda clip: (clip.frames, clip.tour_id))
    pending: dict[object, Clip] = {}
    try:
        while waiting or pending:
            while waiting and len(pending) < 2 * room:
                clip = waiting.pop()
                pending[task.remote(location, clip.tour_id, label_set)] = clip
            (ready, *_), _ = ray.wait(list(pending), num_returns=1)
            clip = pending.pop(ready)
            yield _result(ray, ready, clip)
            progress(clip.frames)
    finally:
        ray.shutdown()


def _result(ray: object, reference: object, clip: Clip) -> Done:
    try:
        return ray.get(reference)  # type: ignore[attr-defined]
    except ray.exceptions.RayTaskError:  # type: ignore[attr-defined]
        raise  # a bug, with its traceback
    except ray.exceptions.RayError as error:  # type: ignore[attr-defined]
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Done(tour_id=clip.tour_id, trouble=f"its worker died: {lines[0]}")
