"""Tiny real clips for the tests: a textured picture that scrolls, encoded as the pipeline does."""

from pathlib import Path

import numpy as np

from dataset.video import VideoWriter

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
