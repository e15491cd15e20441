"""Everything that is measured of one clip, without judging it: a value a second and check.

The values do not depend on thresholds, so that changing a threshold measures nothing again.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from dataset.clip import CAMERA, VIDEO, CameraTrack, Clip, track_from_table
from dataset.errors import OpenRelicError
from dataset.qa.agreement import (
    flow_error_deg,
    lag_frames,
    motion_of_labels,
    motion_of_poses,
)
from dataset.qa.appearance import measure_pictures
from dataset.qa.checks import CHECKS
from dataset.qa.motion import measure_path
from dataset.qa.pictures import Pictures, observe, seconds_of
from dataset.workspace import Workspace, sha256_file
from labeling.actions import Actions, integration_error
from labeling.camera import check_poses, ue_to_camera
from labeling.store import label_path, require_labels

Progress = Callable[[int], object]  # is told of frames seen

TIME_TOLERANCE_S = 1e-6
DEPTH_FRAMES_A_SECOND = 2
NEAREST_SHARE = 0.1  # percent of the depth picture that may be nearer
UNKNOWN_ERROR = float(np.finfo(np.float32).max)  # labels of other poses: no finite distance

# How the frames of a second become its value; the greatest one, if not named here.
MEANS = {"blown_share", "crushed_share", "brightness", "flow_error_deg"}
SUMS = {"frozen_frames", "blank_frames"}
MEDIANS = {"blur_px"}
ROOT_MEAN_SQUARES = {"flicker"}
LEAST = {"clearance_cm"}
SECOND_CHECKS = tuple(check for check in CHECKS if check.scope == "second")
CLIP_CHECKS = tuple(check for check in CHECKS if check.scope == "clip")


@dataclass(kw_only=True)
class Measured:
    """What was found of a clip.

    `seconds` and `worst_frame` have an entry a check of scope `second`: (S,) float32, NaN where it
    was not measured, and (S,) int32, the frame of that second which shows it best. `clip` has those
    of scope `clip`, `clip_frame` a frame that shows them. `notes` are lines for people.
    """

    seconds: dict[str, np.ndarray] = field(default_factory=dict)
    worst_frame: dict[str, np.ndarray] = field(default_factory=dict)
    clip: dict[str, float | None] = field(default_factory=dict)
    clip_frame: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def measure_clip(
    workspace: Workspace, clip: Clip, label_set: str, progress: Progress = lambda _: None
) -> Measured:
    """Measure a committed clip; damage of its files is a finding, not an error."""
    found = Measured(clip=dict.fromkeys(check.name for check in CLIP_CHECKS))
    pictures = _pictures(workspace, clip, found, progress)
    poses = _poses(workspace, clip, found)
    _other_files(workspace, clip, found)
    actions = _labels(workspace, clip, label_set, found, poses)
    frames: dict[str, np.ndarray] = {}
    if poses is not None:
        frames |= measure_path(*poses, clip.fps)
    if poses is not None and pictures is not None:
        frames |= measure_pictures(pictures, *poses, clip.fov_deg)
        frames |= _agreement(pictures, clip, actions, poses, found)
    frames["clearance_cm"] = clearance(workspace, clip)
    _by_second(frames, clip, found)
    return found


def _pictures(
    workspace: Workspace, clip: Clip, found: Measured, progress: Progress
) -> Pictures | None:
    """The signals of the video's frames; None if the file is not to be trusted."""
    found.clip["damaged_files"] = 0.0
    if not _present(workspace, clip, VIDEO, found):
        return None
    with workspace.reading(clip.path(VIDEO)) as local:
        if sha256_file(local) != clip.files[VIDEO].sha256:
            _damaged(found, VIDEO, "is not the file that was committed")
            return None
        pictures, trouble = observe(local, progress)
    there = 0 if pictures is None else len(pictures)
    found.clip["undecodable_frames"] = float(abs(clip.frames - there))
    found.clip_frame["undecodable_frames"] = min(there, clip.frames - 1)
    if there != clip.frames:
        found.notes.append(
            f"{VIDEO} gives {there} of {clip.frames} frames; {trouble or 'no error'}"
        )
    return pictures


def _poses(
    workspace: Workspace, clip: Clip, found: Measured
) -> tuple[np.ndarray, np.ndarray] | None:
    """`R_cam_from_world` and `position_m` of every frame; None if any is missing."""
    if not _present(workspace, clip, CAMERA, found):
        return None
    path = clip.path(CAMERA)
    with workspace.reading(path) as local:
        if sha256_file(local) != clip.files[CAMERA].sha256:
            _damaged(found, CAMERA, "is not the file that was committed")
            return None
    try:
        table = workspace.read_table(path)
        track = track_from_table(table, path)
        improper = track_gaps(table, track, clip)
        found.clip["track_gaps"] = float(improper.sum())
        found.clip_frame["track_gaps"] = int(np.argmax(improper)) if improper.any() else 0
        if improper.any():
            found.notes.append(f"{CAMERA} lacks proper rows for {int(improper.sum())} frames")
            return None
        return check_poses(*ue_to_camera(track.location_cm, track.rotation_deg))
    except (OpenRelicError, pa.ArrowException, ValueError, TypeError) as error:
        found.clip["track_gaps"] = float(clip.frames)
        found.notes.append(str(error))
        return None


def track_gaps(table: pa.Table, track: CameraTrack, clip: Clip) -> np.ndarray:
    """Which frames (N,) bool have no proper row: in its place, at its time, all of it finite. N is
    the clip's frames, or the rows if they are more."""
    frames = max(clip.frames, len(track))
    number = np.arange(len(track))
    proper = np.abs(track.time_s - number / clip.fps) <= TIME_TOLERANCE_S
    if "frame" in table.column_names:
        proper &= table["frame"].to_numpy(zero_copy_only=False) == number
    values = np.concatenate([track.location_cm, track.rotation_deg, track.fov_deg[:, None]], axis=1)
    proper &= np.isfinite(values).all(axis=1) & (number < clip.frames)
    out = np.ones(frames, bool)
    out[: len(track)] = ~proper
    return out


def _other_files(workspace: Workspace, clip: Clip, found: Measured) -> None:
    for name, record in clip.files.items():
        if name in (VIDEO, CAMERA) or not _present(workspace, clip, name, found):
            continue
        with workspace.reading(clip.path(name)) as local:
            if sha256_file(local) != record.sha256:
                _damaged(found, name, "is not the file that was committed")


def _present(workspace: Workspace, clip: Clip, name: str, found: Measured) -> bool:
    if name in clip.files and workspace.exists(clip.path(name)):
        return True
    _damaged(found, name, "is missing")
    return False


def _damaged(found: Measured, name: str, why: str) -> None:
    found.clip["damaged_files"] = (found.clip["damaged_files"] or 0.0) + 1.0
    found.notes.append(f"{name} {why}")


def _labels(
    workspace: Workspace, clip: Clip, label_set: str, found: Measured,
    poses: tuple[np.ndarray, np.ndarray] | None,
) -> Actions | None:  # fmt: skip
    """The clip's labels, if there are any that can be read; how far they are from its poses."""
    if poses is None or not workspace.exists(label_path(label_set, clip.tour_id)):
        return None
    try:
        actions = require_labels(workspace, label_set, clip)
    except (OpenRelicError, OSError, ValueError, KeyError, TypeError) as error:
        found.clip["label_pose_error"] = UNKNOWN_ERROR
        found.notes.append(f"labels: {error}")
        return None
    found.clip["label_pose_error"] = max(integration_error(actions, *poses))
    return actions


def _agreement(
    pictures: Pictures, clip: Clip, actions: Actions | None,
    poses: tuple[np.ndarray, np.ndarray], found: Measured,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Flow against the labels, or against the poses where there are none."""
    if len(pictures) != len(poses[0]):
        return {}
    motion = motion_of_poses(*poses) if actions is None else motion_of_labels(actions, poses[0])
    lag, frame = lag_frames(pictures, clip.fov_deg, clip.fps, *motion)
    found.clip["label_lag_frames"] = None if lag is None else abs(lag)
    found.clip_frame["label_lag_frames"] = frame
    if lag:
        late = "late" if lag > 0 else "early"
        found.notes.append(f"labels seem {abs(lag):.0f} frames too {late} around frame {frame}")
    return {"flow_error_deg": flow_error_deg(pictures, clip.fov_deg, *motion)}


def clearance(workspace: Workspace, clip: Clip) -> np.ndarray:
    """Distance (T,) in cm to the nearest surface: seen in the depth track where there is one, else
    what the capture promised, NaN where nobody did."""
    promised = np.nan if clip.collision == "recorded" else clip.clearance_cm
    out = np.full(clip.frames, promised)
    if "depth" not in clip.tracks:
        return out
    from dataset.tracks import read_track_images

    frames = np.arange(0, clip.frames, max(1, clip.fps // DEPTH_FRAMES_A_SECOND))
    out[:] = np.nan
    with contextlib.suppress(OpenRelicError):  # damage is `damaged_files`
        images = read_track_images(workspace, clip, "depth", frames.tolist())
        for frame, depth in zip(frames, images, strict=True):
            near = depth[np.isfinite(depth) & (depth > 0.0)]
            out[frame] = np.percentile(near, NEAREST_SHARE) if near.size else np.nan
    return out


def _by_second(frames: dict[str, np.ndarray], clip: Clip, found: Measured) -> None:
    seconds = list(seconds_of(clip.frames, clip.fps))
    for check in SECOND_CHECKS:
        values = np.full(clip.frames, np.nan)
        measured = frames.get(check.name, values)[: clip.frames]
        values[: len(measured)] = measured
        below = check.direction == "below"
        found.seconds[check.name] = np.array(
            [second_value(check.name, values[part]) for part in seconds], np.float32
        )
        found.worst_frame[check.name] = np.array(
            [part.start + _worst(values[part], below) for part in seconds], np.int32
        )


def second_value(name: str, values: np.ndarray) -> float:
    """A second's value of a check from its frames' (n,); NaN if none was measured."""
    values = values[np.isfinite(values)]
    if not values.size:
        return float("nan")
    if name in MEANS:
        return float(values.mean())
    if name in SUMS:
        return float(values.sum())
    if name in MEDIANS:
        return float(np.median(values))
    if name in ROOT_MEAN_SQUARES:
        return float(np.sqrt(np.mean(values**2)))
    return float(values.min() if name in LEAST else values.max())


def _worst(values: np.ndarray, below: bool) -> int:
    told = np.where(np.isfinite(values), values, np.inf if below else -np.inf)
    return int(np.argmin(told) if below else np.argmax(told))
