"""Label every committed clip of a workspace; clips whose labels are up to date are skipped."""

import logging

import numpy as np

from dataset.clip import Clip, require_clips
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import Actions, Thresholds, integration_error, poses_to_actions
from labeling.store import check_set_name, clip_poses, labels_current, read_labels, write_labels

logger = logging.getLogger(__name__)

# Labels that do not integrate back to the clip's poses this closely are never written.
TOLERANCE_M = 1e-6
TOLERANCE_RAD = 1e-6


def label_workspace(workspace: Workspace, label_set: str, thresholds: Thresholds) -> int:
    """Label what is not up to date, write the report's section; returns how many were labelled."""
    from tqdm import tqdm

    from labeling.section import write_label_section

    check_set_name(label_set)
    clips = require_clips(workspace)
    stale = [clip for clip in clips if not labels_current(workspace, label_set, clip, thresholds)]
    for clip in tqdm(stale, desc="labels", unit="clip", disable=not stale):
        label_clip(workspace, label_set, clip, thresholds)
    write_label_section(workspace, label_set, clips, thresholds)
    logger.info(
        "labels/%s: %d clips labelled, %d were up to date",
        label_set, len(stale), len(clips) - len(stale),
    )  # fmt: skip
    return len(stale)


def label_clip(workspace: Workspace, label_set: str, clip: Clip, thresholds: Thresholds) -> None:
    """Label one clip; the labels are proven to give its poses back, then written and read back."""
    R, P = clip_poses(workspace, clip)
    try:
        actions = poses_to_actions(R, P, rotation_frame=clip.rotation_frame, thresholds=thresholds)
    except OpenRelicError as error:
        raise OpenRelicError(f"clip {clip.tour_id}: {error}") from error
    check_integration(f"clip {clip.tour_id}", actions, R, P)
    write_labels(workspace, label_set, clip, actions)
    stored = read_labels(workspace, label_set, clip.tour_id)
    if not np.array_equal(stored.values, actions.values):
        raise OpenRelicError(
            f"clip {clip.tour_id}: its labels read back differently than they were written; "
            "check the disk and run again"
        )


def check_integration(what: str, actions: Actions, R: np.ndarray, P: np.ndarray) -> None:
    """Raise `OpenRelicError` unless the labels of `what` give its poses back."""
    error_m, error_rad = integration_error(actions, R, P)
    if not (error_m <= TOLERANCE_M and error_rad <= TOLERANCE_RAD):
        raise OpenRelicError(
            f"{what}: its labels integrate to poses that are off by {error_m:.1e} m "
            f"and {error_rad:.1e} rad; {TOLERANCE_M:.0e} of each is allowed"
        )
