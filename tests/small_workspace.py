"""A workspace with tiny shards: a camera that pans before a textured wall, as true samples."""

import hashlib
from pathlib import Path

import numpy as np
from blake3 import blake3

from augment.palindrome import palindrome_indices
from dataset.shards.manifest import SampleRow, Split
from dataset.shards.samples import _npy
from dataset.shards.writing import tar_entries, write_manifest
from dataset.video import VideoWriter
from dataset.workspace import SHARDS, Workspace, json_bytes
from labeling.actions import poses_to_actions
from labeling.camera import extrinsics, ue_to_camera

WIDTH, HEIGHT, PIXELS_A_DEGREE = 160, 96, 2
FOCAL = float(np.rad2deg(PIXELS_A_DEGREE))  # of the picture's middle


def make_shards(
    folder: Path, train: int = 4, val: int = 2, length: int = 81, rotation_frame: str = "camera"
) -> Workspace:
    """Write `shards/` of `train` + `val` samples; the second of each split is a palindrome."""
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(folder)
    rows: list[SampleRow] = []
    splits: list[tuple[Split, int]] = [("train", train), ("val", val)]
    for split, count in splits:
        data = b""
        for number in range(count):
            pivot = length - 21 if number == 1 else None
            key = f"{split}-{number}"
            entries = tar_entries(key, members(folder, key, length, pivot, rotation_frame))
            rows.append(sample_row(key, split, len(data), entries, length, pivot))
            data += entries
        if count:
            workspace.write_bytes(f"{SHARDS}/{split}-000000.tar", data + bytes(1024))
    write_manifest(workspace, rows)
    return workspace


def sample_row(
    key: str, split: Split, offset: int, entries: bytes, length: int, pivot: int | None
) -> SampleRow:
    return SampleRow(
        key=key, split=split, shard=f"{split}-000000.tar", offset=offset, size=len(entries),
        blake3=blake3(entries).hexdigest(), tour=key, clip_digest="0" * 64, scene="wall",
        asset=f"wall-{split}", licence="CC0-1.0", kind="single", motion="fly", first_frame=0,
        length=length, pivot=pivot, fps=16,
    )  # fmt: skip


def members(
    folder: Path, key: str, length: int, pivot: int | None, rotation_frame: str
) -> dict[str, bytes]:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
    index = np.arange(length) if pivot is None else palindrome_indices(length, pivot)
    yaw_deg = pan_path(length, seed)
    rotation_deg = np.stack([np.full(length, 5.0), yaw_deg, np.zeros(length)], axis=-1)
    R, P = ue_to_camera(np.zeros((length, 3)), rotation_deg[index])
    frame = "level" if rotation_frame == "level" else "camera"
    actions = poses_to_actions(R, P, rotation_frame=frame, unit_m=1.0)
    facts = {
        "units": {"translation_m": 1.0, "rotation_deg": 1.0},
        "rotation_frame": rotation_frame,
        "caption": "a wall with coloured tiles",
        "scene": "wall",
        "intrinsics": {
            "fx": FOCAL, "fy": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2,
            "width": WIDTH, "height": HEIGHT,
        },
    }  # fmt: skip
    return {
        "mp4": video(folder / f"{key}.mp4", yaw_deg[: int(index.max()) + 1], seed),
        "index.npy": _npy(index),
        "camera.npy": _npy(extrinsics(R, P)),
        "actions.npy": _npy(actions.values.astype(np.float32)),
        "json": json_bytes(facts),
    }


def pan_path(length: int, seed: int) -> np.ndarray:
    """Whole degrees of yaw: holds of panning left, right, or resting."""
    holds = np.random.default_rng(seed).integers(-1, 2, length // 8 + 1)
    return np.concatenate([[0], np.repeat(holds, 8)[: length - 1].cumsum()]).astype(float)


def video(path: Path, yaw_deg: np.ndarray, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (HEIGHT // 16, 3 * WIDTH // 16, 3), np.uint8)
    wall = coarse.repeat(16, 0).repeat(16, 1)
    with VideoWriter(path, WIDTH, HEIGHT, pixels="rgb24") as writer:
        for yaw in yaw_deg:
            shifted = np.roll(wall, -int(PIXELS_A_DEGREE * yaw), axis=1)
            writer.write(np.ascontiguousarray(shifted[:, :WIDTH]))
    data = path.read_bytes()
    path.unlink()
    return data
