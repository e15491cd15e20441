"""Write a clip's camera path as a pose file of another tool.

    python -m labeling.export WORKSPACE TOUR_ID --format tum --out poses.tum
    python -m labeling.export WORKSPACE all --format colmap --out models
    python -m labeling.export poses.tum --format nerfstudio --out transforms.json

The source is a committed clip, every clip (`all`: OUT is then a folder with an entry a clip), or a
pose file in any format that is read.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from dataset.clip import Clip
    from dataset.workspace import Workspace
    from labeling.formats import PoseFormat, Trajectory

log = logging.getLogger(__name__)

ALL = "all"
SUFFIXES: "dict[PoseFormat, str]" = {
    "tum": ".tum", "kitti": ".kitti", "nerfstudio": ".json", "colmap": "", "colmap-bin": "",
    "realestate10k": ".txt", "csv": ".csv", "camera-parquet": ".parquet",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line sets."""

    source: Positional[Annotated[str, arg(metavar="WORKSPACE|FILE")]]
    """Folder or URI of a workspace, or a pose file."""
    tour: Positional[Annotated[str, arg(metavar="TOUR_ID")]] = ""
    """Workspace: the clip's tour id, or all."""
    format: str
    """tum, kitti, nerfstudio, colmap, colmap-bin, realestate10k, csv or camera-parquet."""
    out: Path
    """File to write; a folder for COLMAP and for all clips."""
    source_format: str | None = None
    """Pose file: its format, guessed if not given."""
    fps: float = 16.0
    """Pose file: frames a second where it holds no times."""


def main() -> None:
    """The command."""
    settings = parse_settings(Settings, __doc__)
    if not 0 < settings.fps < float("inf"):
        raise OpenRelicError(f"--fps is {settings.fps:g}; give a number above 0")
    from labeling.formats import named_format

    form = named_format(settings.format)
    if settings.tour:
        _export_clips(settings, form)
    else:
        _export_file(settings, form)


def _export_file(settings: Settings, form: "PoseFormat") -> None:
    from labeling.formats import named_format, read_poses, write_poses

    source_form = named_format(settings.source_format) if settings.source_format else None
    source = Path(settings.source)
    if (source / "clips").is_dir():
        raise OpenRelicError(
            f"{source} is a workspace: name a clip's tour id after it, or all (the folders below "
            f"{source}/clips)"
        )
    poses = read_poses(source, source_form)
    write_poses(settings.out, poses, form, fps=settings.fps)
    log.info("%s: %d poses", settings.out, len(poses))


def _export_clips(settings: Settings, form: "PoseFormat") -> None:
    from dataset.workspace import Workspace
    from labeling.formats import write_poses

    workspace = Workspace(settings.source)
    clips = _chosen(workspace, settings.tour)
    for clip in clips:
        target = settings.out
        if settings.tour == ALL:
            target = settings.out / f"{clip.tour_id}{SUFFIXES[form]}"
        write_poses(target, clip_trajectory(workspace, clip), form)
    log.info("%s: %d clips", settings.out, len(clips))


def _chosen(workspace: "Workspace", tour: str) -> "list[Clip]":
    from dataset.clip import read_clip, require_clips

    if tour == ALL:
        return require_clips(workspace)
    clip = read_clip(workspace, tour)
    if clip is None:
        raise OpenRelicError(
            f"{workspace.location} has no committed clip {tour!r}; give the name of a folder below "
            "its clips/, or all"
        )
    return [clip]


def clip_trajectory(workspace: "Workspace", clip: "Clip") -> "Trajectory":
    """The camera path of a committed clip, with its intrinsics and times."""
    from dataset.clip import read_track
    from labeling.camera import intrinsics
    from labeling.formats import Intrinsics, Trajectory
    from labeling.store import clip_poses

    R, P = clip_poses(workspace, clip)
    fx, fy, cx, cy = intrinsics(clip.fov_deg, clip.width, clip.height)
    return Trajectory(
        R_cam_from_world=R,
        position_m=P,
        time_s=read_track(workspace, clip).time_s,
        intrinsics=Intrinsics(fx=fx, fy=fy, cx=cx, cy=cy, width=clip.width, height=clip.height),
    )


if __name__ == "__main__":
    run_command(main)
