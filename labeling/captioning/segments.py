"""Captions the segments of clips by a source, keeps what is there, and lists what failed."""

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dataset.clip import VIDEO, Clip, open_clip_file
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.captioning.rules import objection
from labeling.captioning.sources import CaptionSource
from labeling.captioning.store import (
    ClipCaptions,
    Segment,
    check_set_name,
    read_captions,
    segment_borders,
    write_captions,
)

log = logging.getLogger(__name__)

SAVE_EVERY_S = 10.0


def caption_clips(
    workspace: Workspace, clips: Sequence[Clip], caption_set: str, source: CaptionSource, *,
    images: int, attempts: int, replace: bool = False,
) -> list[tuple[str, Segment]]:  # fmt: skip
    """Caption every clip that is not complete; the failed segments of all, with their tour ids."""
    from tqdm import tqdm

    check_set_name(caption_set)
    failures: list[tuple[str, Segment]] = []
    done = 0
    total = sum(len(segment_borders(clip.frames)) for clip in clips)
    with tqdm(total=total, unit="segment", desc="captions") as bar:
        for clip in clips:
            there = read_captions(workspace, caption_set, clip)
            _check_source(workspace, caption_set, there, source, replace)
            if there is None or there.failures or there.source != source.name:
                kept = there if there is not None and there.source == source.name else None
                save = partial(write_captions, workspace, caption_set, clip.tour_id)
                there = _caption_clip(workspace, clip, source, kept, images, attempts, save)
                save(there)
                done += 1
            failures += [(clip.tour_id, segment) for segment in there.failures]
            bar.update(len(there.segments))
    log.info("captions/%s: %d clips captioned, %d were complete", caption_set, done,
             len(clips) - done)  # fmt: skip
    return failures


def _check_source(
    workspace: Workspace, caption_set: str, there: ClipCaptions | None, source: CaptionSource,
    replace: bool,
) -> None:  # fmt: skip
    if there is not None and there.source != source.name and not replace:
        raise OpenRelicError(
            f"{workspace.location}/captions/{caption_set} was made by {there.source}; add "
            "--replace to make it anew, or give another --set"
        )


def _caption_clip(
    workspace: Workspace, clip: Clip, source: CaptionSource, kept: ClipCaptions | None,
    images: int, attempts: int, save: Callable[[ClipCaptions], None],
) -> ClipCaptions:  # fmt: skip
    """Captions of a clip; segments that `kept` has a caption for stay. `save` gets what there is
    every few seconds, so that little is lost where a model takes its time."""
    captions = kept or _empty(clip, source)
    saved = time.monotonic()
    with open_clip_file(workspace, clip, VIDEO) as video:
        for index, segment in enumerate(captions.segments):
            if segment.caption is not None:
                continue
            border = segment.first_frame, segment.frames
            shown = _frames(video, *border, images) if source.needs_images else []
            made = _segment(workspace, clip, source, border, shown, attempts)
            segments = [*captions.segments]
            segments[index] = made
            captions = dataclasses.replace(captions, segments=tuple(segments))
            if time.monotonic() - saved > SAVE_EVERY_S:
                save(captions)
                saved = time.monotonic()
    return captions


def _empty(clip: Clip, source: CaptionSource) -> ClipCaptions:
    segments = [
        Segment(first_frame=first, frames=frames, caption=None, failure="not asked for yet")
        for first, frames in segment_borders(clip.frames)
    ]
    return ClipCaptions(clip_digest=clip.digest, source=source.name, segments=tuple(segments))


def _frames(video: Path, first: int, frames: int, count: int) -> list[np.ndarray]:
    """`count` frames (H,W,3), evenly spread over the segment, without its ends."""
    from dataset.video import read_frame_indices

    spread = first + (np.arange(count) + 0.5) * frames / count
    return list(read_frame_indices(video, np.unique(spread.astype(np.int64))))


def _segment(
    workspace: Workspace, clip: Clip, source: CaptionSource, border: tuple[int, int],
    images: Sequence[np.ndarray], attempts: int,
) -> Segment:  # fmt: skip
    """One segment's caption: asked for until one is taken, `attempts` times at most."""
    failure = ""
    for attempt in range(attempts):
        try:
            caption = source.caption(workspace, clip, images, attempt)
        except OpenRelicError as error:
            failure = str(error)
            continue
        failure = objection(caption) or ""
        if not failure:
            return Segment(first_frame=border[0], frames=border[1], caption=caption)
        failure = f"{failure}, in {caption!r}"
    return Segment(first_frame=border[0], frames=border[1], caption=None, failure=failure)
