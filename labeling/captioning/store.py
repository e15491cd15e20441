"""Caption files of a workspace: `captions/<set>/<tour_id>.json`.

    {"schema": 1, "clip_digest": …, "source": "manifest", "segments": [
        {"first_frame": 0, "frames": 80, "caption": "A living room with …"},
        {"first_frame": 80, "frames": 43, "caption": null, "failure": "it speaks of …"}]}

A segment is 5 s of the clip, the last one what is left. A failed segment says why, and is tried
again by the next run.
"""

import dataclasses
from dataclasses import dataclass

from dataset.clip import FPS, Clip
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.store import check_set_name

CAPTIONS = "captions"
CAPTION_SCHEMA = 1
SEGMENT_FRAMES = 5 * FPS


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Frames of a clip and their caption, or why there is none."""

    first_frame: int
    frames: int
    caption: str | None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClipCaptions:
    """The captions of a clip, in the order of its frames."""

    clip_digest: str
    source: str
    segments: tuple[Segment, ...]

    @property
    def failures(self) -> list[Segment]:
        """Segments without a caption."""
        return [segment for segment in self.segments if segment.caption is None]

    def at(self, frame: int) -> str | None:
        """The caption of the segment that holds `frame`."""
        for segment in self.segments:
            if segment.first_frame <= frame < segment.first_frame + segment.frames:
                return segment.caption
        raise OpenRelicError(f"frame {frame} lies in no captioned segment")


def segment_borders(frames: int) -> list[tuple[int, int]]:
    """First frame and length of the 5 s segments of a clip; the last one may be shorter."""
    return [
        (start, min(SEGMENT_FRAMES, frames - start)) for start in range(0, frames, SEGMENT_FRAMES)
    ]


def caption_path(caption_set: str, tour_id: str) -> str:
    """Workspace path of a clip's captions."""
    return f"{CAPTIONS}/{check_set_name(caption_set)}/{tour_id}.json"


def write_captions(
    workspace: Workspace, caption_set: str, tour_id: str, captions: ClipCaptions
) -> None:
    """Write a clip's captions, replacing those that are there."""
    record = {"schema": CAPTION_SCHEMA, **dataclasses.asdict(captions)}
    workspace.write_json(caption_path(caption_set, tour_id), record)


def read_captions(workspace: Workspace, caption_set: str, clip: Clip) -> ClipCaptions | None:
    """The captions of this very clip, or None; a damaged file raises `OpenRelicError`."""
    path = caption_path(caption_set, clip.tour_id)
    if not workspace.exists(path):
        return None
    record = workspace.read_json(path)
    try:
        if record["schema"] != CAPTION_SCHEMA or record["clip_digest"] != clip.digest:
            return None
        segments = tuple(Segment(**entry) for entry in record["segments"])
        found = ClipCaptions(
            clip_digest=record["clip_digest"], source=record["source"], segments=segments
        )
    except (KeyError, TypeError) as error:
        raise OpenRelicError(
            f"{workspace.location}/{path} is not a caption file ({error}); delete it and run "
            f"`python -m labeling.captions {workspace.location} --set {caption_set}` again"
        ) from error
    borders = [(segment.first_frame, segment.frames) for segment in found.segments]
    return found if borders == segment_borders(clip.frames) else None
