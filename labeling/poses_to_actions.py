"""Turn camera poses into 13 actions a frame: of a workspace's clips, or of one pose file.

    python -m labeling.poses_to_actions WORKSPACE
    python -m labeling.poses_to_actions FILE [--format tum] [--out FILE.parquet]

A workspace gets labels/<set>/<tour_id>.parquet and report/labels.html; clips whose labels are up to
date are skipped, so the command can be run again at any time. A pose file may be a clip's
camera.parquet, TUM, KITTI, nerfstudio's transforms.json, the folder of a COLMAP model,
RealEstate10K, or CSV of Unreal poses.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dataset.errors import OpenRelicError, parse_settings, run_command
from labeling.actions import (
    RotationFrame,
    Thresholds,
    actions_to_poses,
    poses_to_actions,
    window_actions,
)

__all__ = ["actions_to_poses", "poses_to_actions", "window_actions"]

DEFAULT_SET = "default"  # as labeling.store's, which needs pyarrow


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line sets."""

    source: Positional[Annotated[str, arg(metavar="WORKSPACE|FILE")]]
    """Folder or URI of a workspace, or a pose file (for COLMAP, the model's folder)."""
    set: str = DEFAULT_SET
    """Workspace: name of the label set; no dots."""
    format: str | None = None
    """Pose file: tum, kitti, nerfstudio, colmap, colmap-bin, realestate10k, csv or camera-parquet;
    guessed if not given."""
    rotation_frame: RotationFrame = "camera"
    """Pose file: axes of pan, tilt and roll. A workspace's clips say their own."""
    out: Path | None = None
    """Pose file: where the labels go; FILE.actions.parquet if not given."""
    thresholds: Thresholds = field(default_factory=Thresholds)


def main() -> None:
    """The command."""
    settings = parse_settings(Settings, __doc__)
    source = Path(settings.source)
    if "://" not in settings.source and _is_pose_file(source):
        from labeling.formats import named_format
        from labeling.label_file import label_pose_file

        form = named_format(settings.format) if settings.format else None
        label_pose_file(source, form, settings.rotation_frame, settings.thresholds, settings.out)
        return
    if settings.format is not None or settings.out is not None:
        raise OpenRelicError(
            f"{settings.source} is no pose file, so --format and --out do not apply; "
            "give a file, or the folder of a COLMAP model"
        )
    from dataset.workspace import Workspace
    from labeling.label_workspace import label_workspace

    label_workspace(Workspace(settings.source), settings.set, settings.thresholds)


def _is_pose_file(path: Path) -> bool:
    return path.is_file() or any((path / f"images.{kind}").is_file() for kind in ("txt", "bin"))


if __name__ == "__main__":
    run_command(main)
