"""Write a clip's video with its labels drawn on it, to check by eye that they match the pixels.

    python -m labeling.overlay WORKSPACE TOUR_ID [--out OUT.mp4]

Shows the pressed keys, the magnitudes of all six motions, the path from above and a compass.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from dataset.clip import Clip
    from dataset.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line sets."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace."""
    tour: Positional[Annotated[str, arg(metavar="TOUR_ID")]]
    """The clip's tour id: a folder below clips/."""
    set: str = "default"
    """Label set."""
    out: Path | None = None
    """Video to write; TOUR_ID.overlay.mp4 if not given."""


def main() -> None:
    """Write the video."""
    settings = parse_settings(Settings, __doc__)
    from dataset.clip import read_clip
    from dataset.workspace import Workspace

    workspace = Workspace(settings.workspace)
    clip = read_clip(workspace, settings.tour)
    if clip is None:
        raise OpenRelicError(
            f"{workspace.location} has no committed clip {settings.tour!r}; give the name of a "
            "folder below its clips/"
        )
    out = settings.out or Path(f"{clip.tour_id}.overlay.mp4")
    write_overlay(workspace, clip, settings.set, out)
    log.info("%s: %d frames", out, clip.frames)


def write_overlay(workspace: "Workspace", clip: "Clip", label_set: str, out: Path) -> None:
    """Write `out`, the clip's video with labels, map and compass on every frame."""
    from tqdm import tqdm

    from dataset.clip import VIDEO, open_clip_file
    from dataset.video import VideoWriter, read_frames
    from labeling.drawing.keys import draw_overlay
    from labeling.drawing.track import TrackMap
    from labeling.store import clip_poses, require_labels

    actions = require_labels(workspace, label_set, clip)
    track = TrackMap(*clip_poses(workspace, clip))
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        open_clip_file(workspace, clip, VIDEO) as video,
        VideoWriter(out, clip.width, clip.height, clip.fps, pixels="rgb24") as writer,
    ):
        frames = read_frames(video, 0, clip.frames)
        for index, frame in enumerate(tqdm(frames, total=clip.frames, unit="frame")):
            drawn = draw_overlay(
                frame, actions.values[index], actions.active[index], unit_deg=actions.unit_deg
            )
            writer.write(track.draw(drawn, index))


if __name__ == "__main__":
    run_command(main)
