"""Videos of which everything is known: pictures, cameras, actions, and which frames come back.

Public: `KnownVideo`.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class KnownVideo:
    """A camera's way out and its return; T frames."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 RGB"""
    camera_from_world: np.ndarray
    """(T, 3, 4) world-to-camera [R | t], metres"""
    actions: np.ndarray
    """(T, 13), row 0 static"""
    intrinsics: np.ndarray
    """(4,) fx, fy, cx, cy of the frames, in pixels"""
    unit_m: float
    """metres of a unit of translation"""
    pivot: int = 0
    """last frame of the way out: what an exam gives to a memory ends there at the latest"""
    mirror: np.ndarray | None = None
    """(T,) the frame of the way out with the same camera, -1 where there is none; None: the video
    is a palindrome about `pivot`"""
    depth_m: np.ndarray | None = None
    """(T, h, w) planar depth, at the frames' size or a whole fraction of it, inf for the sky; None:
    not known"""
    name: str = ""
    kind: str = "palindrome"
    """what its path is like: videos of one kind have the same actions"""
    place: str = ""
    """where it was filmed; figures of one place are not independent of each other"""
    scene: str = ""
    caption: str = ""
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    """of the first camera against the horizon"""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames."""
        return self.frames.shape[2], self.frames.shape[1]

    def mirror_of(self, frame: int) -> int:
        """The frame of the way out that shows what `frame` shows, or -1."""
        if self.mirror is not None:
            return int(self.mirror[frame])
        back = 2 * self.pivot - frame
        return back if frame > self.pivot and back >= 0 else -1
