"""A camera before an endless textured wall: pictures by ray casting, apart from the project's flow.

The wall stands 4 m ahead of the origin, across the world's X axis. `clean_path` flies about before
it as an operator does: keys held for a while, with ramps between.
"""

import numpy as np

from capture.tours.steering import KERNEL, Style, integrate, looking_along
from dataset.clip import (
    CAMERA,
    CLIPS,
    FPS,
    RECORD,
    VIDEO,
    CameraTrack,
    Clip,
    track_to_table,
)
from dataset.video import VideoWriter
from dataset.workspace import Workspace
from labeling.camera import camera_to_ue, intrinsics
from tests.dataset.scenes import file_record

SIZE = (256, 144)
FOV_DEG = 90.0
WALL_M = 4.0


def texture(seed: int = 0) -> np.ndarray:
    """Sharp tiles under smooth shapes, (512, 512, 3) uint8; it repeats without seams."""
    import cv2

    random = np.random.default_rng(seed)
    total = np.zeros((512, 512, 3), np.float32)
    for size, weight in ((8, 1.0), (16, 1.0), (64, 0.6), (128, 0.4)):
        grid = random.uniform(-1, 1, (size, size, 1)) + random.uniform(-0.3, 0.3, (size, size, 3))
        grid = grid.astype(np.float32)
        total += weight * cv2.resize(np.tile(grid, (2, 2, 1)), (1024, 1024))[256:768, 256:768]
    tiles = random.uniform(-50, 50, (16, 16, 1)).repeat(32, 0).repeat(32, 1)
    return np.clip(128 + 35 * total + tiles, 10, 245).astype(np.uint8)


def picture(R: np.ndarray, position_m: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """What a camera sees, (H,W,3) uint8; one pixel of `wall` is 2 cm."""
    import cv2

    f, _, cx, cy = intrinsics(FOV_DEG, *SIZE)
    u, v = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    ray = np.stack([(u - cx) / f, (v - cy) / f, np.ones_like(u)], axis=-1) @ R
    reach = (WALL_M - position_m[0]) / ray[..., 0]
    hit = position_m + reach[..., None] * ray
    at = (hit[..., 1:] / 0.02 % 512).astype(np.float32)
    return cv2.remap(wall, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def clean_path(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses of held keys: half a second to two each, all motions, within a small room."""
    random = np.random.default_rng(seed)
    commands = np.zeros((frames, 6))
    first = 4
    while first < frames:
        hold = int(random.integers(12, 28))
        motion = int(random.integers(0, 6))
        commands[first : first + hold, motion] = random.choice([-1, 1])
        first += hold
    commands *= np.array([0.04, 0.05, 0.03, 0.8, 1.2, 0.8])
    speeds = np.stack([np.convolve(column, KERNEL)[:frames] for column in commands.T], axis=1)
    style = Style(motion="fly", rotation_frame="camera")
    path = integrate(looking_along(0.0), np.zeros(3), speeds, style)
    return path.R, path.position_m


def pictures(R: np.ndarray, position_m: np.ndarray, seed: int = 0) -> np.ndarray:
    """What the camera sees in every frame, (T,H,W,3) uint8."""
    wall = texture(seed)
    return np.stack([picture(R[t], position_m[t], wall) for t in range(len(R))])


def add_clip(
    workspace: Workspace, tour_id: str, frames: np.ndarray, R: np.ndarray, position_m: np.ndarray
) -> Clip:
    """Commit a clip of these pictures and poses; no labels."""
    folder = f"{CLIPS}/{tour_id}/a1"
    with (
        workspace.writing(f"{folder}/{VIDEO}") as path,
        VideoWriter(path, *SIZE, pixels="rgb24") as writer,
    ):
        for frame in frames:
            writer.write(frame)
    location_cm, rotation_deg = camera_to_ue(R, position_m)
    track = CameraTrack(
        time_s=np.arange(len(R)) / FPS, location_cm=location_cm.round(3),
        rotation_deg=rotation_deg.round(3), fov_deg=np.full(len(R), FOV_DEG),
    )  # fmt: skip
    workspace.write_table(f"{folder}/{CAMERA}", track_to_table(track))
    files = {name: file_record(workspace, f"{folder}/{name}") for name in (VIDEO, CAMERA)}
    clip = Clip(
        tour_id=tour_id, row_hash="0" * 64, attempt="a1", scene="wall", asset="wall",
        licence="CC0-1.0", frames=len(R), fps=FPS, width=SIZE[0], height=SIZE[1],
        fov_deg=FOV_DEG, engine="test 1", files=files, pose_proof="per_frame",
        rotation_frame="camera", kind="mixed", motion="fly", retries=0, warmup_frames=0,
        encoding_psnr_db=40.0, clearance_cm=25.0, collision="sweep",
    )  # fmt: skip
    workspace.write_bytes(f"{CLIPS}/{tour_id}/{RECORD}", clip.to_json())
    return clip
