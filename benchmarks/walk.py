"""How steady the embedded engine's picture is on a walk, beside the same walk with four samples.

    python -m benchmarks.walk

60 consecutive frames at 16 a second: a person's pace and a slow turn of the head. The previous
frame is taken to the present one with the true depth and poses (the flow pass), and what is left is
the mean absolute difference in 8-bit levels over surface points seen in both; noise, shimmer and
popping show there, and so does what really changes: reflections, and texture that comes nearer. The
reference is the same walk drawn at twice the width and height and averaged. `worst` is the 99.9th
percentile of pixels, `jump` the largest mean of a frame over the median: popping shows there.
About 3 minutes; --pictures keeps each scene's largest change, beside the frame.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.results import write_results

SCENES = ("home:3", "office:5", "street:2", "forest:6")
FRAMES, SIZE, FOV_DEG = 60, (640, 360), 90.0
STEP_CM, TURN_DEG = 8.0, 0.5  # a frame
SAME_SURFACE = 0.01  # of the depth


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scenes", nargs="+", default=SCENES)
    parser.add_argument("--pictures", type=Path)
    settings = parser.parse_args()
    os.environ.setdefault("LP_NUM_THREADS", "0")
    figures = {name: measure(name, settings.pictures) for name in settings.scenes}
    if list(figures) == list(SCENES):
        write_results("walk", figures, ["moderngl", "numpy"])
    print("| scene | drawn: mean | worst | jump | four samples: mean | worst | jump |")
    print("|---|---|---|---|---|---|---|")
    for name, found in figures.items():
        cells = [f"{found[kind][what]:.2f}" for kind in found for what in ("mean", "worst", "jump")]
        print(f"| {name} | {' | '.join(cells)} |")


def measure(name: str, pictures: Path | None) -> dict[str, dict[str, float]]:
    """Changes of surface points on a walk through a scene, drawn plainly and with four samples."""
    from capture.engine.collision import Collision
    from capture.engine.renderer import Renderer
    from capture.engine.scenes import load_scene

    scene = load_scene(name)
    renderer = Renderer(scene)
    poses = walk(Collision(scene), scene.spawns)
    figures = {}
    for kind, samples in (("drawn", 1), ("four samples", 2)):
        means, pixels = [], []
        before: tuple[Any, ...] | None = None
        largest = (0.0, np.zeros((0, 0, 3)), np.zeros((0, 0)))
        for pose in poses:
            shown, depth = draw(renderer, pose, samples)
            if before is not None:
                flow = renderer.render(*pose, FOV_DEG, SIZE, ["flow_f32"], before[2])["flow_f32"]
                change, seen = changes(before[0], before[1], shown, depth, flow)
                means.append(float(change[seen].mean()))
                pixels.append(change[seen])
                if means[-1] > largest[0]:
                    largest = means[-1], shown, change * seen
            before = shown, depth, pose
        if pictures is not None:
            pictures.mkdir(exist_ok=True)
            side = np.repeat(np.clip(largest[2] * 4, 0, 255)[..., None], 3, 2)
            path = pictures / f"{name.replace(':', '-')}-{samples}.png"
            cv2.imwrite(str(path), np.hstack([largest[1], side]).astype(np.uint8))
        figures[kind] = {
            "mean": round(float(np.mean(means)), 3),
            "worst": round(float(np.percentile(np.concatenate(pixels), 99.9)), 1),
            "jump": round(max(means) / float(np.median(means)), 2),
        }
    renderer.release()
    return figures


def walk(collision: Any, spawns: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Poses (location, rotation) of a walk that keeps clear of things, from the freest start."""
    walks = []
    for x, y, z, yaw in spawns:
        at, turn, poses = np.array([x, y, z]), float(yaw), []
        for frame in range(FRAMES):
            poses.append((at.copy(), np.array([-4.0, turn, 0.0])))
            ahead = np.radians(turn)
            step = STEP_CM * np.array([np.cos(ahead), np.sin(ahead), 0])
            if float(collision.nearest((at + step)[None])[0][0]) > 40:
                at = at + step
            turn += TURN_DEG * (1 if frame < FRAMES // 2 else -1)
        walks.append((float(np.linalg.norm(at - spawns[len(walks), :3])), poses))
    return max(walks, key=lambda walked: walked[0])[1]


def draw(renderer: Any, pose: tuple, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture (H,W,3) float32 and depth (H,W) of a pose."""
    size = SIZE[0] * samples, SIZE[1] * samples
    image = renderer.render(*pose, FOV_DEG, size, ["lit_bgra"])["lit_bgra"][..., :3]
    depth = renderer.render(*pose, FOV_DEG, SIZE, ["depth_f32"])["depth_f32"]
    small = cv2.resize(image.astype(np.float32), SIZE, interpolation=cv2.INTER_AREA)
    return small, depth


def changes(
    before: np.ndarray, far: np.ndarray, shown: np.ndarray, depth: np.ndarray, flow: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Change (H,W) of each pixel's surface point, and where it was seen before (H,W) bool."""
    columns, rows = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in SIZE))
    x, y = columns - flow[..., 0], rows - flow[..., 1]
    warped = cv2.remap(before, x, y, cv2.INTER_CUBIC)
    # Depth as it was there, nearest and farthest of the four texels: edges do not count.
    at = [cv2.remap(far, x + a, y + b, cv2.INTER_NEAREST) for a in (-0.5, 0.5) for b in (-0.5, 0.5)]
    steady = np.max(at, 0) < np.min(at, 0) * (1 + SAME_SURFACE) + 4
    same = np.abs(at[0] - depth) < 0.03 * depth + 20
    inside = (x > 2) & (y > 2) & (x < SIZE[0] - 3) & (y < SIZE[1] - 3)
    return np.abs(warped - shown).mean(2), steady & same & inside & (depth < 60000)


if __name__ == "__main__":
    main()
