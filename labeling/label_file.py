"""Labels of a single pose file, whoever made it."""

import hashlib
import logging
from pathlib import Path

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, Actions, RotationFrame, Thresholds, poses_to_actions
from labeling.formats import PoseFormat, read_poses
from labeling.label_workspace import check_integration
from labeling.store import label_table

log = logging.getLogger(__name__)

# A step this many times the usual one is more likely a cut or a lost frame than a motion.
_JUMP_STEPS = 20.0


def label_pose_file(
    path: Path, form: PoseFormat | None, rotation_frame: RotationFrame, thresholds: Thresholds,
    out: Path | None,
) -> Path:  # fmt: skip
    """Label the poses of a file, frame by frame; returns the path of the labels.

    The labels have the columns and the metadata of a workspace's label files, with the pose file's
    name and SHA-256 in place of a clip's digest.
    """
    poses = read_poses(path, form)
    R, P = poses.R_cam_from_world, poses.position_m
    try:
        actions = poses_to_actions(R, P, rotation_frame=rotation_frame, thresholds=thresholds)
    except OpenRelicError as error:
        raise OpenRelicError(f"{path}: {error}") from error
    check_integration(str(path), actions, R, P)
    target = out or path.with_name(f"{path.name}.actions.parquet")
    origin = {"source": path.name, "source_sha256": digest_of(path)}
    Workspace(target.parent).write_table(target.name, label_table(actions, origin))
    log.info("%s: %s", target, summary(actions))
    if _jumps(actions):
        log.info(
            "%d steps are more than %g times the usual one; see `python -m labeling.doctor %s`",
            _jumps(actions), _JUMP_STEPS, path,
        )  # fmt: skip
    return target


def summary(actions: Actions) -> str:
    """Frames, unit, and the share of frames of each action, in one line."""
    shares = actions.active[1:].mean(axis=0) if len(actions) > 1 else actions.active.mean(axis=0)
    said = ", ".join(
        f"{name} {share:.1%}" for name, share in zip(ACTIONS, shares, strict=True) if share
    )
    return f"{len(actions)} frames, unit {actions.unit_m:.6g} m a frame; {said}"


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the files of a COLMAP model, as hex."""
    files = [path] if path.is_file() else sorted(path.glob("images.*"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _jumps(actions: Actions) -> int:
    return int((actions.values[:, :6].max(axis=1) > _JUMP_STEPS).sum())
