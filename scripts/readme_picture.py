"""Redraw the README's picture from a workspace: one frame a clip, with the keys that were held.

Run as `python scripts/readme_picture.py demo docs/demo.jpg`.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from dataset.clip import VIDEO, Clip, committed_clips
from dataset.video import read_frame_indices
from dataset.workspace import Workspace
from labeling.actions import STATIC
from labeling.drawing.keys import draw_overlay
from labeling.store import read_labels

SIZE = (640, 360)
SHOWN = 4
STEP = 4
MARGIN = 32  # frames at both ends that are not shown


def picture_of(workspace: Workspace, clip: Clip) -> np.ndarray:
    """Of the frames with at least two keys held, the one that shows most, drawn over (H,W,3)."""
    actions = read_labels(workspace, "default", clip.tour_id)
    held = actions.active[:, :STATIC].sum(axis=1)
    frames = [f for f in range(MARGIN, len(held) - MARGIN, STEP) if held[f] >= 2]
    with workspace.reading(clip.path(VIDEO)) as path:
        small = [cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
                 for image in read_frame_indices(path, frames)]  # fmt: skip
    best = int(np.argmax([variety(image) for image in small]))
    frame = frames[best]
    return draw_overlay(small[best], actions.values[frame], actions.active[frame])


def variety(image_rgb: np.ndarray) -> int:
    """How many coarse colours a picture has: few where it shows little but one wall."""
    coarse = cv2.resize(image_rgb, (80, 45), interpolation=cv2.INTER_AREA) // 24
    return len(np.unique(coarse.reshape(-1, 3), axis=0))


def main() -> None:
    """Write the picture."""
    workspace, out = Workspace(sys.argv[1]), Path(sys.argv[2])
    by_kind = {clip.scene.partition(":")[0]: clip for clip in committed_clips(workspace)}
    pictures = [picture_of(workspace, clip) for clip in list(by_kind.values())[:SHOWN]]
    rows = [np.hstack(pictures[i : i + 2]) for i in range(0, len(pictures), 2)]
    cv2.imwrite(str(out), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
