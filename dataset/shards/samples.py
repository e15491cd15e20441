"""A sample: a window of a clip with its camera path, actions and facts, as bytes by member name.

Members, exactly and in this order:

    mp4           the window's frames, cut without re-encoding; of a palindrome only the way out
    index.npy     int64 (T,): frame t of the sample is frame index[t] of the video
    camera.npy    float64 (T,3,4): world-to-camera [R | -R P] in metres, OpenCV camera axes
    actions.npy   float32 (T,13), columns as `labeling.actions.ACTIONS`; row 0 is static
    json          units, rotation frame, intrinsics, caption, scene, licence, source, pivot

Camera and actions are already unfolded: row t belongs to the sample's frame t.
"""

import dataclasses
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataset.clip import VIDEO, Clip, open_clip_file
from dataset.shards.windows import Window
from dataset.video import cut_packets
from dataset.workspace import Workspace, json_bytes
from labeling.actions import ACTIONS, STATIC, Actions, window_actions
from labeling.camera import extrinsics, intrinsics
from labeling.store import clip_poses, require_labels

MEMBERS = ("mp4", "index.npy", "camera.npy", "actions.npy", "json")
SAMPLE_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class ClipSource:
    """What the samples of a clip are made from: `R_cam_from_world` (N,3,3), `position_m` (N,3),
    the labels of all N frames, and a local file with the video."""

    clip: Clip
    R_cam_from_world: np.ndarray
    position_m: np.ndarray
    actions: Actions
    video: Path


@contextmanager
def open_source(workspace: Workspace, label_set: str, clip: Clip) -> Iterator[ClipSource]:
    """Read a clip and its labels; files that are not what the clip's record says are refused."""
    actions = require_labels(workspace, label_set, clip)
    R_cam_from_world, position_m = clip_poses(workspace, clip)
    with open_clip_file(workspace, clip, VIDEO) as video:
        yield ClipSource(
            clip=clip,
            R_cam_from_world=R_cam_from_world,
            position_m=position_m,
            actions=actions,
            video=video,
        )


def sample_members(source: ClipSource, window: Window, caption: str) -> dict[str, bytes]:
    """The sample's members by name, in the order of `MEMBERS`; same input, same bytes."""
    frames = window.first_frame + window.indices
    camera = extrinsics(source.R_cam_from_world[frames], source.position_m[frames])
    return {
        "mp4": _cut_video(source.video, window),
        "index.npy": _npy(window.indices),
        "camera.npy": _npy(camera),
        "actions.npy": _npy(sample_values(source, window).astype(np.float32)),
        "json": json_bytes(sample_facts(source, window, caption)),
    }


def sample_values(source: ClipSource, window: Window) -> np.ndarray:
    """Action rows (T,13) float64: the clip's own, or computed again along a palindrome."""
    frames = window.first_frame + window.indices
    if window.pivot is None:
        values = source.actions.values[frames].copy()
        values[0] = np.eye(len(ACTIONS))[STATIC]
        return values
    return window_actions(
        source.R_cam_from_world[frames],
        source.position_m[frames],
        source.actions.unit_m,
        source.actions.rotation_frame,
        source.actions.thresholds,
    ).values


def sample_facts(source: ClipSource, window: Window, caption: str) -> dict[str, Any]:
    """What `json` holds."""
    clip, actions = source.clip, source.actions
    fx, fy, cx, cy = intrinsics(clip.fov_deg, clip.width, clip.height)
    return {
        "schema": SAMPLE_SCHEMA,
        "key": window.key,
        "actions": list(ACTIONS),
        "units": {
            "camera": "metre",
            "translation_m": actions.unit_m,
            "rotation_deg": actions.unit_deg,
        },
        "rotation_frame": actions.rotation_frame,
        "thresholds": dataclasses.asdict(actions.thresholds),
        "intrinsics": {
            "fx": fx, "fy": fy, "cx": cx, "cy": cy, "width": clip.width, "height": clip.height,
        },
        "fps": clip.fps,
        "caption": caption,
        "scene": clip.scene,
        "asset": clip.asset,
        "licence": clip.licence,
        "clip": {"tour_id": clip.tour_id, "digest": clip.digest},
        "first_frame": window.first_frame,
        "length": window.length,
        "pivot": window.pivot,
    }  # fmt: skip


def _cut_video(video: Path, window: Window) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        cut = Path(scratch) / "cut.mp4"
        cut_packets(video, cut, window.first_frame, window.stored_frames)
        return cut.read_bytes()


def _npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.lib.format.write_array(sink, np.ascontiguousarray(array), version=(1, 0))
    return sink.getvalue()
