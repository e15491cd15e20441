"""Camera paths and tiny workspaces for the label tests."""

import dataclasses
from pathlib import Path

import numpy as np

from dataset.clip import (
    CAMERA,
    RECORD,
    VIDEO,
    CameraTrack,
    Clip,
    FileRecord,
    track_to_table,
)
from dataset.video import VideoWriter
from dataset.workspace import Workspace, sha256_file
from labeling.camera import ue_to_camera

FPS, WIDTH, HEIGHT = 16, 160, 96


def smooth_ue(frames: int, seed: int, pitch_limit_deg: float = 80.0) -> tuple[np.ndarray, ...]:
    """A smooth random 6-DoF path in Unreal's terms: location_cm (T,3), rotation_deg (T,3)."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / FPS
    speed, phase = rng.uniform(0.2, 3.0, (4, 1, 6)), rng.uniform(0.0, 6.0, (4, 1, 6))
    waves = (rng.uniform(0.3, 1.0, (4, 1, 6)) * np.sin(time * speed + phase)).sum(axis=0)
    location_cm = rng.uniform(-5e4, 5e4, 3) + 150.0 * waves[:, :3] + 60.0 * time
    rotation_deg = waves[:, 3:] * [pitch_limit_deg / 4.0, 120.0, 60.0]
    return location_cm, rotation_deg


def smooth_poses(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return ue_to_camera(*smooth_ue(frames, seed))


def printed(values: np.ndarray) -> np.ndarray:
    """As UnrealCV prints them: 0.001 cm, 0.001 degrees."""
    return np.round(values, 3)


def commit_clip(
    workspace: Workspace,
    tour_id: str,
    location_cm: np.ndarray,
    rotation_deg: np.ndarray,
    **changes: object,
) -> Clip:
    """Write a clip with a real little video, and its commit record."""
    frames = len(location_cm)
    track = CameraTrack(
        time_s=np.arange(frames) / FPS,
        location_cm=location_cm,
        rotation_deg=rotation_deg,
        fov_deg=np.full(frames, 90.0),
    )
    folder = f"clips/{tour_id}/a0"
    workspace.write_table(f"{folder}/{CAMERA}", track_to_table(track))
    with workspace.writing(f"{folder}/{VIDEO}") as path:
        _write_video(path, frames)
    clip = dataclasses.replace(_record(workspace, tour_id, frames), **changes)  # type: ignore[arg-type]
    workspace.write_bytes(f"clips/{tour_id}/{RECORD}", clip.to_json())
    return clip


def _write_video(path: Path, frames: int) -> None:
    picture = np.full((HEIGHT, WIDTH, 4), 90, np.uint8)
    picture[:, :, 0] = np.arange(WIDTH)
    with VideoWriter(path, WIDTH, HEIGHT) as writer:
        for frame in range(frames):
            writer.write(np.roll(picture, 3 * frame, axis=1))


def _record(workspace: Workspace, tour_id: str, frames: int) -> Clip:
    names, root = (VIDEO, CAMERA), workspace.local_root
    assert root is not None
    paths = {name: root / f"clips/{tour_id}/a0/{name}" for name in names}
    return Clip(
        tour_id=tour_id, row_hash="0" * 8, attempt="a0", scene="room", asset="room",
        licence="CC0-1.0", frames=frames, fps=FPS, width=WIDTH, height=HEIGHT, fov_deg=90.0,
        engine="test 1", pose_proof="per_frame", rotation_frame="camera", kind="mixed",
        motion="fly", retries=0, warmup_frames=0, encoding_psnr_db=40.0, clearance_cm=30.0,
        collision="sweep",
        files={
            name: FileRecord(bytes=path.stat().st_size, sha256=sha256_file(path))
            for name, path in paths.items()
        },
    )  # fmt: skip
