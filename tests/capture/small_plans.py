"""Plans and clips made without an engine: records and pose tracks as capture writes them."""

from pathlib import Path

import numpy as np

from capture.tours.planning import PlanWish, make_plan
from capture.tours.rows import PlanRow
from capture.tours.scene_lists import SceneChoice
from dataset.clip import (
    CAMERA,
    CLIPS,
    FPS,
    RECORD,
    VIDEO,
    CameraTrack,
    Clip,
    FileRecord,
    track_to_table,
)
from dataset.workspace import Workspace, sha256_file
from labeling.actions import ACTIONS, RotationFrame, integrate
from labeling.camera import camera_to_ue

WISH = PlanWish(
    minutes=20.0, seed=3, motion="both", rotation_frame="camera", clearance_cm=25.0, fov_deg=90.0
)
VIDEO_BYTES = 1000


def scenes(count: int) -> list[SceneChoice]:
    return [
        SceneChoice(scene=f"/Game/Maps/v1.{number}", asset=f"pack-{number}", licence="CC0-1.0")
        for number in range(count)
    ]


def small_plan(count: int = 3, minutes: float = 20.0) -> list[PlanRow]:
    wish = PlanWish(**{**WISH.__dict__, "minutes": minutes})
    return make_plan(scenes(count), wish)


def keys_of(row: PlanRow, held: dict[str, float], seed: int = 0) -> np.ndarray:
    """Which action (frames,) each frame has, each for its share in `held`; frame 0 is static."""
    names = list(held)
    counts = np.floor(np.cumsum(list(held.values())) * (row.frames - 1)).astype(int)
    action = np.full(row.frames, ACTIONS.index("static"))
    for name, low, high in zip(names, [0, *counts[:-1]], counts, strict=True):
        action[1 + low : 1 + high] = ACTIONS.index(name)
    return action


def commit(
    workspace: Workspace, row: PlanRow, action: np.ndarray, frame: RotationFrame = "camera"
) -> Clip:
    """A clip whose frames have just the actions `action` (frames,): 0.1 m or 1 degree each."""
    values = np.zeros((row.frames, len(ACTIONS)))
    values[np.arange(row.frames), action] = 1.0
    R, position_m = integrate(
        values, np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]]), np.zeros(3), unit_m=0.1,
        rotation_frame=frame,
    )  # fmt: skip
    location_cm, rotation_deg = camera_to_ue(R, position_m)
    track = CameraTrack(
        time_s=np.arange(row.frames) / FPS,
        location_cm=location_cm,
        rotation_deg=rotation_deg,
        fov_deg=np.full(row.frames, row.fov_deg),
    )
    attempt = f"{CLIPS}/{row.tour_id}/one"
    workspace.write_table(f"{attempt}/{CAMERA}", track_to_table(track))
    root = workspace.local_root or Path()
    camera = root / attempt / CAMERA
    clip = Clip(
        tour_id=row.tour_id, row_hash=row.row_hash, attempt="one", scene=row.scene, asset=row.asset,
        licence=row.licence, frames=row.frames, fps=FPS, width=1280, height=720,
        fov_deg=row.fov_deg, engine="none",
        files={
            CAMERA: FileRecord(bytes=camera.stat().st_size, sha256=sha256_file(camera)),
            VIDEO: FileRecord(bytes=VIDEO_BYTES * row.frames, sha256="0" * 64),
        },
        pose_proof="per_frame", rotation_frame=row.rotation_frame, kind=row.kind,
        motion=row.motion, retries=0, warmup_frames=1, encoding_psnr_db=40.0,
        clearance_cm=row.clearance_cm, collision="sweep",
    )  # fmt: skip
    workspace.write_bytes(f"{CLIPS}/{row.tour_id}/{RECORD}", clip.to_json())
    return clip
