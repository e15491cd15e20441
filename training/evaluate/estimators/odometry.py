"""Monocular visual odometry: OpenCV's corners and tracks, inverse depths, bundle adjustment.

1. Points are followed through the video (`estimators.tracks`). Where fewer than `LEAST_COMMON` go
   on from one frame to the next the camera is lost, and the video falls into pieces.
2. Keyframes are taken whenever points have moved enough. Each is located against the points known
   so far; its new points get the inverse depth of their neighbours, which keeps the scale while the
   camera turns; the last keyframes are adjusted together, in the end all of them
   (`estimators.bundle`). While little is known of depths, and now and then, they are also adjusted
   from what their essential matrix says (`estimators.parallax`), and the better result is kept.
3. A video that turning alone explains as well has turned only: its translation is exactly zero.
4. The frames between are located against the points.

The longest piece counts as tracked, since pieces have no common scale, and of it the longest run
of frames whose points agree from each to the next. The unit is the median depth of what the first
picture shows.

Public: `OpenCvOdometry`.
"""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from training.evaluate.estimators.bundle import (
    Problem,
    adjust,
    adjust_turning,
    locate,
    residuals,
)
from training.evaluate.estimators.interface import Path
from training.evaluate.estimators.parallax import View, is_mature, settle
from training.evaluate.estimators.tracks import Tracks, follow

log = logging.getLogger(__name__)

ODOMETRY_VERSION = 1
"""Raise it when a video may get another path, by any module of `estimators` or their constants:
what was scored before is then scored again."""
LEAST_COMMON = 12
"""Points that two frames in a row must share,"""
LEAST_CONTINUED = 0.25
"""and this share of the earlier one's: after a cut some seem to go on by chance."""
LEAST_FRAMES = 8
"""Of a piece; a shorter one says nothing."""
NOISE_PX = 0.35
"""Of a tracked point, in working pixels."""
KEYFRAME_MOVED = 0.03
"""A keyframe comes when points have moved this share of the picture's width in the median,"""
KEYFRAME_LOST = 0.35
"""or this share of them is gone,"""
KEYFRAME_GAP = 10
"""or after so many frames."""
WINDOW = 8
"""Keyframes that are adjusted as each comes."""
SETTLING_ITERATIONS = 12
CLEARLY = 0.9
"""Of the cost: what a new start from parallax must come below to be taken."""
FINAL_ITERATIONS = 40
TURNING_ITERATIONS = 6
TURNING_ONLY = 6.0
"""Turning alone explains a video if it leaves at most this many times the squared residuals, in
the worst keyframe's median,"""
LEAST_PARALLAX_SIGMAS = 2.0
"""or no more than this."""
AGREEING_SIGMAS = 6.0
LEAST_AGREEING = 0.4
"""Share of the points common to two frames in a row that must move as they should."""
UNIT = "median depths of the first view"


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Frames first..end-1, through which points can be followed."""

    first: int
    end: int


class OpenCvOdometry:
    """Finds the camera's path by following points."""

    name = "opencv"

    def stamp(self, name: str) -> str:
        """See `PathEstimator`."""
        return f"{self.name} {ODOMETRY_VERSION}"

    def estimate(self, frames: np.ndarray, intrinsics: np.ndarray, *, name: str = "") -> Path:
        """See `PathEstimator`."""
        tracks = follow(frames, intrinsics)
        R = np.tile(np.eye(3), (len(frames), 1, 1))
        position = np.zeros((len(frames), 3))
        tracked = np.zeros(len(frames), bool)
        piece = max(_pieces(tracks), key=lambda one: one.end - one.first)
        if piece.end - piece.first >= max(2, min(LEAST_FRAMES, len(frames))):
            found, centres, agree = _solve(tracks, piece)
            span = slice(piece.first, piece.end)
            R[span], position[span], tracked[span] = found, centres, agree
        _hold(R, position, tracked)
        log.debug("%s: %d of %d frames tracked", name or "video", tracked.sum(), len(frames))
        return Path(R_cam_from_world=R, position=position, tracked=tracked, unit=UNIT)


def _hold(R: np.ndarray, position: np.ndarray, tracked: np.ndarray) -> None:
    """Give frames that were lost the last pose that was found, in place."""
    if tracked.any():
        last = np.maximum.accumulate(np.where(tracked, np.arange(len(tracked)), -1))
        last[last < 0] = int(tracked.argmax())
        R[:], position[:] = R[last], position[last]


def _pieces(tracks: Tracks) -> list[_Piece]:
    breaks = [
        frame for frame in range(1, tracks.frames) if tracks.common(frame - 1, frame) < LEAST_COMMON
    ]
    edges = [0, *breaks, tracks.frames]
    return [_Piece(first=a, end=b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _needed(tracks: Tracks, frame: int) -> float:
    seen = tracks.at(frame)
    return max(LEAST_COMMON, LEAST_CONTINUED * (seen.stop - seen.start))


def _keyframes(tracks: Tracks, piece: _Piece) -> np.ndarray:
    """Frame numbers, the first and the last of the piece among them."""
    chosen, width = [piece.first], 2 * np.abs(tracks.xy[:, 0]).max()
    for frame in range(piece.first + 1, piece.end):
        a, b = tracks.at(chosen[-1]), tracks.at(frame)
        _, in_a, in_b = np.intersect1d(tracks.point[a], tracks.point[b], return_indices=True)
        ways = np.linalg.norm(tracks.xy[a][in_a] - tracks.xy[b][in_b], axis=1)
        moved = np.median(ways) if len(ways) else np.inf
        lost = 1.0 - len(in_a) / max(1, a.stop - a.start)
        if (
            moved > KEYFRAME_MOVED * width
            or lost > KEYFRAME_LOST
            or frame - chosen[-1] >= KEYFRAME_GAP
            or frame == piece.end - 1
        ):
            # Points can be lost all at once: the frame before still has them.
            if len(in_a) < LEAST_COMMON and chosen[-1] < frame - 1:
                chosen.append(frame - 1)
            chosen.append(frame)
    return np.unique(chosen)


def _solve(tracks: Tracks, piece: _Piece) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3), centres (n, 3) and whether they hang together (n,), of a piece."""
    keyframes = _keyframes(tracks, piece)
    problem, number = _problem(tracks, keyframes)
    _grow(problem, _views(tracks, keyframes, number), tracks.pixel)
    everyone = np.arange(len(keyframes)) > 0
    adjust(problem, everyone, FINAL_ITERATIONS)
    problem = _turning_only(problem, everyone) or problem
    return _between(tracks, piece, keyframes, problem, number)


def _problem(tracks: Tracks, keyframes: np.ndarray) -> tuple[Problem, np.ndarray]:
    """Points seen by two keyframes or more, anchored where they were seen first; and the number
    (points of the tracks,) of each, -1 for the others."""
    seen = [tracks.at(frame) for frame in keyframes]
    pose = np.repeat(np.arange(len(keyframes)), [one.stop - one.start for one in seen])
    point = np.concatenate([tracks.point[one] for one in seen])
    xy = np.concatenate([tracks.xy[one] for one in seen])
    ids, first, count = np.unique(point, return_index=True, return_counts=True)
    kept = count >= 2
    number = np.full(tracks.point.max() + 1, -1)
    number[ids[kept]] = np.arange(kept.sum())
    rays = np.concatenate([xy[first[kept]], np.ones((kept.sum(), 1))], axis=1)
    known = number[point] >= 0
    known[first] = False  # an anchor's own observation is the ray itself
    one = np.ones(int(kept.sum()))
    problem = Problem(
        R=np.tile(np.eye(3), (len(keyframes), 1, 1)),
        t=np.zeros((len(keyframes), 3)),
        inverse=one.copy(),
        prior=one.copy(),
        anchor=pose[first[kept]],
        ray=rays,
        pose=pose[known],
        point=number[point[known]],
        xy=xy[known],
        sigma=NOISE_PX * tracks.pixel,
    )
    return problem, number


def _views(tracks: Tracks, keyframes: np.ndarray, number: np.ndarray) -> list[View]:
    """What each keyframe sees, by the problem's numbers of points."""
    views = []
    for frame in keyframes:
        seen = tracks.at(frame)
        point = number[tracks.point[seen]]
        views.append(View(point=point[point >= 0], xy=tracks.xy[seen][point >= 0]))
    return views


def _grow(problem: Problem, views: list[View], pixel: float) -> None:
    """Locate one keyframe after another and adjust the last ones, in place."""
    for latest in range(1, len(views)):
        _start(problem, latest)
        _give_depths(problem, latest)
        earlier = max(0, latest - WINDOW)
        known = _until(problem, latest)
        recent = (np.arange(len(views)) > earlier) & (np.arange(len(views)) <= latest)
        cost = adjust(known, recent, 3)
        if latest % WINDOW == 0 or not is_mature(known, latest, pixel):
            other = _until(known, latest)
            if settle(other, views, earlier, latest, pixel):
                better = adjust(other, recent, SETTLING_ITERATIONS) < CLEARLY * cost
                known = other if better else known
        problem.R, problem.t, problem.inverse = known.R, known.t, known.inverse


def _until(problem: Problem, latest: int) -> Problem:
    """A copy with what keyframes up to `latest` have seen."""
    known = problem.pose <= latest
    return Problem(**{
        **vars(problem),
        **{name: getattr(problem, name).copy() for name in ("R", "t", "inverse")},
        **{name: getattr(problem, name)[known] for name in ("pose", "point", "xy")},
    })  # fmt: skip


def _start(problem: Problem, latest: int) -> None:
    """A first pose of a keyframe, from where the one before was."""
    seen = np.flatnonzero(problem.pose == latest)
    pose = np.zeros(len(seen), int)
    world = _world(problem, problem.point[seen])
    R, t = problem.R[latest - 1][None], problem.t[latest - 1][None]
    # Wide at first: the start is far off in sigmas.
    for wider in (20.0, 4.0, 1.0):
        R, t, _ = locate(R, t, pose, world, problem.xy[seen], wider * problem.sigma, 4)
    problem.R[latest], problem.t[latest] = R[0], t[0]


def _world(problem: Problem, points: np.ndarray) -> np.ndarray:
    """Homogeneous points (n, 4) in the world: X and r, at X / r."""
    anchor = problem.anchor[points]
    R, t, r = problem.R[anchor], problem.t[anchor], problem.inverse[points]
    X = (np.swapaxes(R, 1, 2) @ (problem.ray[points] - r[:, None] * t)[..., None])[..., 0]
    return np.concatenate([X, r[:, None]], axis=1)


def _give_depths(problem: Problem, latest: int) -> None:
    """Inverse depths of the points anchored at a keyframe: the median of its known ones."""
    new = problem.anchor == latest
    seen = problem.point[problem.pose == latest]
    if not new.any() or not len(seen):
        return
    world = _world(problem, seen)
    depth = world[:, :3] @ problem.R[latest][2] + world[:, 3] * problem.t[latest][2]
    inverse = world[:, 3] / np.maximum(depth, 0.05)
    problem.inverse[new] = problem.prior[new] = np.clip(np.median(inverse), 0.05, 20.0)


def _turning_only(problem: Problem, everyone: np.ndarray) -> Problem | None:
    """The same video by turning alone, if that explains it as well."""
    turning = Problem(**vars(problem))
    adjust_turning(turning, everyone, TURNING_ITERATIONS)
    own, without = _worst(problem), _worst(turning)
    log.debug("median squared residuals up to %.3f, by turning alone up to %.3f", own, without)
    return turning if without <= max(TURNING_ONLY * own, LEAST_PARALLAX_SIGMAS**2) else None


def _worst(problem: Problem) -> float:
    """Median squared residual of the keyframe that has the largest: a few steps in a video that
    mostly turns count too."""
    squared = (residuals(problem, np.arange(len(problem.pose))) ** 2).sum(1)
    medians = [
        float(np.median(squared[problem.pose == pose]))
        for pose in np.unique(problem.pose)
        if (problem.pose == pose).sum() >= LEAST_COMMON
    ]
    return max(medians, default=0.0)


def _between(
    tracks: Tracks, piece: _Piece, keyframes: np.ndarray, problem: Problem, number: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses of all frames of the piece from the points of its keyframes."""
    frames = np.arange(piece.first, piece.end)
    turned = Slerp(keyframes, Rotation.from_matrix(problem.R))
    R = turned(frames).as_matrix()
    t = np.stack([np.interp(frames, keyframes, column) for column in problem.t.T], axis=1)
    span = slice(tracks.at(piece.first).start, tracks.at(piece.end - 1).stop)
    known = number[tracks.point[span]] >= 0
    point = number[tracks.point[span][known]]
    pose = tracks.frame[span][known] - piece.first
    world = _world(problem, point)
    R, t, off = locate(R, t, pose, world, tracks.xy[span][known], problem.sigma)
    if not problem.t.any():
        t = np.zeros_like(t)
    first = problem.anchor == 0
    depth = 1.0 / np.median(problem.inverse[first]) if first.any() and problem.t.any() else 1.0
    centres = -(np.swapaxes(R, 1, 2) @ t[..., None])[..., 0] / depth
    return R, centres, _agreeing(pose, point, off, len(frames))


def _agreeing(pose: np.ndarray, point: np.ndarray, off: np.ndarray, frames: int) -> np.ndarray:
    """The longest run (frames,) bool in which every frame agrees with the one before it.

    Two frames agree if enough of the points that both see moved from one to the other as the poses
    say, by their residuals `off` (n, 2) in sigmas: else nothing holds the later poses to the
    earlier ones, even if each part agrees in itself.
    """
    points = int(point.max(initial=0)) + 1
    number = pose * points + point
    _, here, there = np.intersect1d(number - points, number, return_indices=True)
    off = np.clip(off, -1e6, 1e6)
    near = ((off[here] - off[there]) ** 2).sum(1) < AGREEING_SIGMAS**2
    good = np.bincount(pose[here], near, frames)
    count = np.bincount(pose[here], minlength=frames)
    linked = (good >= LEAST_COMMON) & (good >= LEAST_AGREEING * count)
    breaks = np.flatnonzero(~linked[1:]) + 1
    edges = np.concatenate([[0], breaks, [frames]])
    longest = int(np.diff(edges).argmax())
    run = np.zeros(frames, bool)
    run[edges[longest] : edges[longest + 1]] = edges[longest + 1] - edges[longest] > 1
    return run
