"""Tiny real clips for the tests: a textured picture that scrolls, encoded as the pipeline does."""

import hashlib
import shutil
import sys
from pathlib import Path
from unittest import mock

import numpy as np

from dataset.build import main
from dataset.clip import (
    CAMERA,
    FPS,
    RECORD,
    SCENE_MANIFEST,
    VIDEO,
    CameraTrack,
    Clip,
    FileRecord,
    track_to_table,
)
from dataset.video import VideoWriter
from dataset.workspace import CLIPS, Workspace
from labeling.actions import RotationFrame, poses_to_actions
from labeling.camera import ue_to_camera
from labeling.store import write_labels

WIDTH, HEIGHT = 160, 96


def moving_frames(count: int, seed: int = 0) -> list[np.ndarray]:
    """`count` BGRA frames, (96, 160, 4) uint8, that all differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (40, 80, 3), np.uint8)
    texture = coarse.repeat(8, 0).repeat(8, 1)
    frames = []
    for number in range(count):
        frame = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        frame[..., :3] = np.roll(texture, (-number, -2 * number), (0, 1))[:HEIGHT, :WIDTH]
        frames.append(frame)
    return frames


def write_video(path: Path, count: int, seed: int = 0) -> Path:
    with VideoWriter(path, WIDTH, HEIGHT) as writer:
        for frame in moving_frames(count, seed):
            writer.write(frame)
    return path


def camera_track(frames: int, seed: int) -> CameraTrack:
    """A path that moves and turns about all axes, rests at times, and is rounded as Unreal's."""
    rng = np.random.default_rng(seed)
    speed = np.repeat(rng.uniform(-1, 1, (frames // 12 + 1, 6)), 12, axis=0)[:frames]
    speed[frames // 3 : frames // 3 + 10] = 0
    path = np.cumsum(speed * [6, 6, 3, 0.6, 1.5, 0.3], axis=0).round(3)
    return CameraTrack(
        time_s=np.arange(frames) / FPS,
        location_cm=path[:, :3],
        rotation_deg=path[:, 3:],
        fov_deg=np.full(frames, 90.0),
    )


def add_clip(
    workspace: Workspace,
    tour_id: str,
    frames: int,
    *,
    asset: str,
    caption: str | None = None,
    rotation_frame: RotationFrame = "camera",
    video: Path | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Clip:
    """Capture nothing, but commit a real clip: encoded video, track, record and labels.

    `video` is one of `size` with as many frames; else a small one is made.
    """
    seed = len(tour_id) + frames
    folder = f"{CLIPS}/{tour_id}/a1"
    with workspace.writing(f"{folder}/{VIDEO}") as path:
        if video is None:
            write_video(path, frames, seed)
        else:
            shutil.copyfile(video, path)
    track = camera_track(frames, seed)
    workspace.write_table(f"{folder}/{CAMERA}", track_to_table(track))
    names = [VIDEO, CAMERA]
    if caption is not None:
        workspace.write_json(f"{folder}/{SCENE_MANIFEST}", {"caption": caption})
        names.append(SCENE_MANIFEST)
    files = {name: file_record(workspace, f"{folder}/{name}") for name in names}
    clip = Clip(
        tour_id=tour_id, row_hash="0" * 64, attempt="a1", scene=f"{asset}-room", asset=asset,
        licence="CC0-1.0", frames=frames, fps=FPS, width=size[0], height=size[1], fov_deg=90.0,
        engine="test 1", files=files, pose_proof="per_frame", rotation_frame=rotation_frame,
        kind="mixed", motion="fly", retries=0, warmup_frames=0, encoding_psnr_db=40.0,
        clearance_cm=10.0, collision="sweep",
    )  # fmt: skip
    workspace.write_bytes(f"{CLIPS}/{tour_id}/{RECORD}", clip.to_json())
    R, P = ue_to_camera(track.location_cm, track.rotation_deg)
    actions = poses_to_actions(R, P, rotation_frame=rotation_frame)
    write_labels(workspace, "default", clip, actions)
    return clip


def file_record(workspace: Workspace, path: str) -> FileRecord:
    data = workspace.read_bytes(path)
    return FileRecord(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def make_workspace(root: Path) -> Workspace:
    """Two assets with three clips that are long enough, and one clip that is too short."""
    workspace = Workspace(root)
    add_clip(workspace, "alpha-one-0a", 200, asset="alpha", caption="A room with a lamp.")
    add_clip(workspace, "alpha-two-0b", 97, asset="alpha", rotation_frame="level")
    add_clip(workspace, "beta-0c", 180, asset="beta")
    add_clip(workspace, "beta-short-0d", 60, asset="beta")
    return workspace


def build(workspace: Workspace, *arguments: str) -> None:
    """Run the command in this process."""
    argv = ["build", workspace.location, *arguments]
    with mock.patch.object(sys, "argv", argv):
        main()


def tree(workspace: Workspace, folder: str = "shards") -> dict[str, bytes]:
    """Every file below a folder of the workspace."""
    root = Path(workspace.location) / folder
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
