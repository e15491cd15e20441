"""Points followed through a video: corners, and Lucas-Kanade forward and backward.

Pictures are brought to a working width between 384 and 640 pixels: smaller ones leave too little
room for a patch of 11 pixels, larger ones gain nothing for their time. Coordinates are normalised,
x = X/Z and y = Y/Z in OpenCV camera axes, so that nothing later asks how large pictures were.

Public: `Tracks`, `follow`.
"""

from dataclasses import dataclass

import numpy as np

WIDTHS = (384, 640)
POINTS = 180
"""As many are followed at a time."""
PATCH = (11, 11)
LEVELS = 3
THERE_AND_BACK_PX = 0.5
"""A point that does not come back nearer than this to where it was is dropped."""
QUALITY = 0.01
"""Of the strongest corner's smaller eigenvalue."""
LEAST_EIGENVALUE = 1e-4
MARGIN_PX = 4


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Observations of points, by frame: N of them."""

    frame: np.ndarray
    """(N,) int, not decreasing"""
    point: np.ndarray
    """(N,) int, one number a point"""
    xy: np.ndarray
    """(N, 2) normalised"""
    frames: int
    pixel: float
    """What a pixel of the working size is in normalised coordinates."""

    def at(self, frame: int) -> slice:
        """The observations of a frame."""
        first, end = np.searchsorted(self.frame, [frame, frame + 1])
        return slice(int(first), int(end))

    def common(self, a: int, b: int) -> int:
        """How many points two frames share."""
        return len(np.intersect1d(self.point[self.at(a)], self.point[self.at(b)]))


def follow(frames: np.ndarray, intrinsics: np.ndarray) -> Tracks:
    """Follow points through (T, H, W, 3) uint8 with (4,) fx, fy, cx, cy in pixels."""
    height, width = frames.shape[1:3]
    working = int(np.clip(width, *WIDTHS)) / width
    follower = _Follower(round(width * working), round(height * working))
    seen = [follower.next(frame) for frame in frames]
    fx, fy, cx, cy = intrinsics
    xy = np.concatenate([where for _, where in seen])
    # OpenCV counts pixel centres, the intrinsics pixel corners.
    xy = ((xy + 0.5) / working - [cx, cy]) / [fx, fy]
    return Tracks(
        frame=np.repeat(np.arange(len(frames)), [len(ids) for ids, _ in seen]),
        point=np.concatenate([ids for ids, _ in seen]),
        xy=xy.astype(np.float64),
        frames=len(frames),
        pixel=1.0 / (working * fx),
    )


class _Follower:
    """Takes one frame after another."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._apart = max(6, width // 50)
        self._ids = np.empty(0, np.int64)
        self._xy = np.empty((0, 2), np.float32)
        self._before: np.ndarray | None = None
        self._next_id = 0

    def next(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids (n,) and pixels (n, 2) of the points in this frame."""
        import cv2

        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if self._size != (frame.shape[1], frame.shape[0]):
            larger = self._size[0] > frame.shape[1]
            method = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
            grey = cv2.resize(grey, self._size, interpolation=method)
        if self._before is not None and len(self._ids):
            self._move(self._before, grey)
        self._before = grey
        self._add(grey)
        return self._ids.copy(), self._xy.copy()

    def _move(self, before: np.ndarray, after: np.ndarray) -> None:
        import cv2

        settings = {
            "winSize": PATCH,
            "maxLevel": LEVELS,
            "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.005),
            "minEigThreshold": LEAST_EIGENVALUE,
        }
        here, unset = self._xy, np.zeros_like(self._xy)
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, here, unset, **settings)
        unset = np.zeros_like(there)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, there, unset, **settings)
        off = np.linalg.norm(back - self._xy, axis=1)
        inside = (there >= MARGIN_PX).all(1) & (there < np.array(self._size) - MARGIN_PX).all(1)
        kept = (found[:, 0] == 1) & (returned[:, 0] == 1) & (off < THERE_AND_BACK_PX) & inside
        self._ids, self._xy = self._ids[kept], there[kept]

    def _add(self, grey: np.ndarray) -> None:
        """New corners where there are none."""
        import cv2

        missing = POINTS - len(self._ids)
        if missing < POINTS // 10:
            return
        free = np.full(grey.shape, 255, np.uint8)
        for x, y in self._xy:
            cv2.circle(free, (round(float(x)), round(float(y))), self._apart, 0, -1)
        free[:MARGIN_PX], free[-MARGIN_PX:] = 0, 0
        free[:, :MARGIN_PX], free[:, -MARGIN_PX:] = 0, 0
        corners = cv2.goodFeaturesToTrack(grey, missing, QUALITY, self._apart, mask=free)
        if corners is None:
            return
        ids = self._next_id + np.arange(len(corners))
        self._next_id += len(corners)
        self._ids = np.concatenate([self._ids, ids])
        self._xy = np.concatenate([self._xy, corners.reshape(-1, 2)])
