"""Whether pictures move as the labels say: measured flow against what the motion allows.

A pixel p of a frame sees a point at an unknown depth Z. With the step `d` and the turn `dR` of the
frame's label (`labeling.actions`), that point was in the frame before at the projection of
`dRᵀ p + d / Z`: on a ray that begins where the turn alone puts it (Z = ∞) and leads along the
step's parallax (the epipolar line). Depth may be anything; so the distance of the measured place
from that ray is an error whatever the scene looks like. A still camera, and one that only turns,
has a point for a ray.

The same error of labels shifted by some frames tells a lag: labels that fit better when shifted
are late or early.
"""

import numpy as np

from dataset.qa.pictures import Pictures
from labeling.actions import Actions, integrate
from labeling.camera import intrinsics

NEAREST_M = 0.1  # nothing is nearer to the camera: its parallax has an end
POINTS_NEEDED = 10
LAGS = np.arange(-7, 8)
LAG_WINDOW_S = 6.0
# A lag counts if its error is below this share of the unshifted one, and by this many degrees, and
# is one that measured flow can have. The longest shift of all is no best one: where flow fails,
# errors may fall towards either end.
LAG_SHARE, LAG_MARGIN_DEG, LAG_FITS_DEG = 0.8, 0.006, 0.15
LAG_CAP_DEG = 2.0  # what a single frame may add: one wild frame is no lag


def motion_of_labels(actions: Actions, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps `d` (T,3) in metres, in the axes of the camera before, and turns `dR` (T,3,3), as the
    labels say; `R` (T,3,3) are the clip's own rotations, which only level labels need."""
    turned, position_m = integrate(
        actions.values, R[0], np.zeros(3), unit_m=actions.unit_m, unit_deg=actions.unit_deg,
        rotation_frame=actions.rotation_frame,
    )  # fmt: skip
    return motion_of_poses(turned, position_m)


def motion_of_poses(R: np.ndarray, position_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `motion_of_labels`, of poses; row 0 does not move."""
    steps = (R[:-1] @ np.diff(position_m, axis=0)[..., None])[..., 0]
    turns = R[1:] @ np.swapaxes(R[:-1], 1, 2)
    return np.concatenate([np.zeros((1, 3)), steps]), np.concatenate([np.eye(3)[None], turns])


def flow_error_deg(
    pictures: Pictures, fov_deg: float, steps: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    """Median distance (T,) in degrees of the measured flow from what each frame's motion allows;
    NaN for frame 0, and where too little of the picture has texture."""
    return _errors(*_rays(pictures, fov_deg), pictures.flow_known, steps, turns)


def lag_frames(
    pictures: Pictures, fov_deg: float, fps: int, steps: np.ndarray, turns: np.ndarray
) -> tuple[float | None, int]:
    """The shift of the labels, in frames, that fits the pictures clearly better in some window
    than none, 0 if there is none, None if nothing moves; and the window's middle frame.

    Positive: the labels are late, each belongs to an earlier frame than it is written for.
    """
    now, before = _rays(pictures, fov_deg)
    count = len(pictures)
    errors = np.full((len(LAGS), count), np.nan)
    for row, lag in enumerate(LAGS):
        first, last = max(0, -lag), min(count, count - lag)
        here = slice(first, last)
        shifted = slice(first + lag, last + lag)
        errors[row, here] = _errors(
            now, before[here], pictures.flow_known[here], steps[shifted], turns[shifted]
        )
    # Only frames that every shift has: otherwise shifts are compared on different frames.
    whole = np.isfinite(errors).all(axis=0)
    if whole.sum() < fps:
        return None, 0
    return _clearest(np.where(whole, np.minimum(errors, LAG_CAP_DEG), np.nan), fps)


def _clearest(errors: np.ndarray, fps: int) -> tuple[float, int]:
    """The lag by which labels fit best, by its advantage in degrees over none.

    Two windows in a row must say the same, where there are two: in one alone that hardly moves, or
    whose flow fails, any shift may seem better.
    """
    window = round(LAG_WINDOW_S * fps)
    found = [
        (first, *_lag_of(errors[:, first : first + window], fps))
        for first in range(0, max(1, errors.shape[1] - window // 2), window // 2)
    ]
    pairs = list(zip(found, found[1:], strict=False)) or [(found[0], found[0])]
    best, best_gain, best_frame = 0.0, 0.0, 0
    for (first, lag, gain), (_, next_lag, next_gain) in pairs:
        if lag == next_lag != 0 and gain + next_gain > best_gain:
            best, best_gain = float(lag), gain + next_gain
            best_frame = min(first + window // 2, errors.shape[1] - 1)
    return best, best_frame


def _lag_of(errors: np.ndarray, fps: int) -> tuple[int, float]:
    """The lag of a window, 0 if none is clear, and its advantage in degrees."""
    if np.isfinite(errors[0]).sum() < fps:
        return 0, 0.0
    mean = np.nanmean(errors, axis=1)
    found = int(np.argmin(mean))
    unshifted = mean[int(np.flatnonzero(LAGS == 0)[0])]
    gain = float(unshifted - mean[found])
    clear = mean[found] < LAG_SHARE * unshifted and gain > LAG_MARGIN_DEG
    fits = mean[found] < LAG_FITS_DEG and 0 < found < len(LAGS) - 1
    return (int(LAGS[found]), gain) if clear and fits else (0, 0.0)


def _rays(pictures: Pictures, fov_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the places of the flow are now (G,2), and where they were (T,G,2), both at Z = 1."""
    width, height = pictures.flow_size
    f, _, cx, cy = intrinsics(fov_deg, width, height)
    centre = np.array([cx, cy]) - 0.5  # of the flow's pixels, whose centres are whole numbers
    pixel = np.floor(pictures.places)
    return (pixel - centre) / f, (pixel - pictures.flow - centre) / f


def _errors(
    now: np.ndarray, before: np.ndarray, known: np.ndarray, steps: np.ndarray, turns: np.ndarray
) -> np.ndarray:
    """Median over the known places (T,) of the distance between measurement and ray."""
    ray = np.concatenate([now, np.ones((len(now), 1))], axis=1)
    was = ray @ turns  # dRᵀ p for every frame: (T,G,3)
    infinitely_far = was[..., :2] / was[..., 2:]
    parallax = (steps[:, None, :2] - steps[:, None, 2:] * infinitely_far) / was[..., 2:]
    off = before - infinitely_far
    length = np.maximum((parallax**2).sum(-1), 1e-18)
    along = np.clip((off * parallax).sum(-1) / length, 0.0, 1.0 / NEAREST_M)
    miss = np.rad2deg(np.linalg.norm(off - along[..., None] * parallax, axis=-1))
    enough = known.sum(axis=1) >= POINTS_NEEDED
    out = np.full(len(miss), np.nan)
    if enough.any():
        out[enough] = np.nanmedian(np.where(known, miss, np.nan)[enough], axis=1)
    return out
