"""What a pilot recorded: a pose file in the workspace, and from there a tour of the plan."""

import re
from collections.abc import Callable
from datetime import datetime

import numpy as np

from capture.plan import Settings as PlanSettings
from capture.tours.commands import add_recordings
from capture.tours.plan_file import read_stored_plan
from capture.tours.pose_files import HEADER, poses_path, read_pose_file
from dataset.errors import OpenRelicError
from dataset.workspace import PLAN, Workspace
from labeling.actions import RotationFrame

FOLDER = "recordings"


def save_recording(workspace: Workspace, scene: str, poses: np.ndarray) -> str:
    """Write poses (N,7) as CSV; returns its path in the workspace, named by scene and time."""
    place = re.sub(r"[^A-Za-z0-9]+", "-", scene).strip("-") or "scene"
    path = f"{FOLDER}/{place}-{datetime.now():%Y%m%d-%H%M%S-%f}.csv"
    workspace.write_bytes(path, pose_csv(poses).encode())
    return path


def pose_csv(poses: np.ndarray) -> str:
    """Poses (N,7) as a pose file: to a nanometre, and to a billionth of a degree."""
    rows = [f"{row[0]:.4f}," + ",".join(f"{value:.9f}" for value in row[1:]) for row in poses]
    return "\n".join([HEADER, *rows]) + "\n"


def rotation_frame_of(workspace: Workspace, wanted: RotationFrame | None) -> RotationFrame:
    """That of the plan that is there: a workspace has one. Else the one that is wanted."""
    if not workspace.exists(PLAN):
        return wanted or "camera"
    planned = read_stored_plan(workspace).wish.rotation_frame
    if wanted not in (None, planned):
        raise OpenRelicError(
            f"--rotation-frame is {wanted}, but the plan in {workspace.location} has {planned}; "
            "leave the option out, or use another workspace"
        )
    return planned


def planner(
    workspace: Workspace, scene: str, scenes: str | None, fov_deg: float,
    rotation_frame: RotationFrame,
) -> Callable[[str], str]:  # fmt: skip
    """What puts the recording of a path into the plan, as `capture.plan --poses` does, and answers
    its tour id."""

    def put(path: str) -> str:
        with workspace.reading(path) as file:
            add_recordings(
                workspace,
                PlanSettings(
                    workspace=workspace.location, poses=str(file), scene=scene, scenes=scenes,
                    fov_deg=fov_deg, rotation_frame=rotation_frame,
                ),
            )  # fmt: skip
            kept_at = poses_path(read_pose_file(file))
        rows = read_stored_plan(workspace).rows
        return next(r.tour_id for r in rows if (r.pose_file, r.scene) == (kept_at, scene))

    return put
