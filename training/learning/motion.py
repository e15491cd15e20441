"""How a camera moved, from pictures alone: six motion fields fitted to optical flow.

To first order the flow of a static scene is a sum of six fields, three of rotation, which depend on
the pixel only, and three of translation, which are divided by depth. With normalised coordinates
u, v (right, down), inverse depth r, a turn w and a step d in OpenCV camera axes:

    du = -wy (1 + u^2) + wx u v + wz v + r (u dz - dx)
    dv =  wx (1 + v^2) - wy u v - wz u + r (v dz - dy)

A picture does not tell depth, so r is an average over scenes, a number a cell, fitted to rendered
pictures whose poses are known (`training.learning.calibration`). Coefficients are the six signed
motions of `labeling.actions.signed_motion`: dolly in, truck right, pedestal up in `unit_m`, pan
right, tilt up, roll clockwise in degrees, over `GAP` frames.

All six fitted together tell a mixture, but a pan's flow differs from a truck's only in its bend and
in what depth does to it, so noise trades one for the other. Where one motion alone is asked for,
each field is fitted alone, counting flow as far as texture tells it, and the one that leaves least
is what moved.

Public: `GAP`, `MotionFields`, `optical_flow`, `smoothed`, `flow_certainty`, `fit_motion`,
`fit_each_alone`.
"""

from dataclasses import dataclass

import numpy as np

GAP = 4
"""Frames between the two pictures of a flow: single steps are below a pixel at small sizes."""
CELL = 4
"""Pixels a side of a cell, which has one flow vector."""
LARGER = 3
"""Pictures are enlarged this much for the flow, whose patches are 8 pixels wide."""
ROUNDS = 8
PLAIN = 4.0
"""Squared grey levels a pixel: of a texture weaker than that less than half of the flow counts.
Between 1 and 64 the reading of training scenes changes by less than 3 %."""
STILL = 0.001
"""Of the picture is taken to stand still, so that nothing is read where nothing can be seen."""
SMOOTH_PX = 3.0
"""Standard deviation of the smoothing before a motion is read alone: borders of 8-pixel patches
would hold the flow. Between 2 and 4 the reading of training scenes changes by less than 2 %."""
LEAST_CERTAINTY = 0.1
"""Of two directions together; of cells below it no typical error is taken."""
TURNS = slice(3, 6)
MOVES = slice(0, 3)


@dataclass(frozen=True, kw_only=True)
class MotionFields:
    """The fields of one picture size and its intrinsics."""

    rotations_N23: np.ndarray
    """flow in pixels of one degree of pan right, tilt up, roll clockwise; (cells, 2, 3)"""
    translations_N23: np.ndarray
    """flow of one unit of dolly in, truck right, pedestal up at inverse depth 1; (cells, 2, 3)"""

    @staticmethod
    def of(intrinsics: np.ndarray, width: int, height: int) -> "MotionFields":
        """Fields at the centres of cells; `intrinsics` are fx, fy, cx, cy in pixels."""
        fx, fy, cx, cy = intrinsics
        rows, cols = np.mgrid[0 : height // CELL, 0 : width // CELL] * CELL + CELL / 2
        u, v = ((cols - cx) / fx).ravel(), ((rows - cy) / fy).ravel()
        zero, one = np.zeros_like(u), np.ones_like(u)
        focal = np.array([fx, fy])[None, :, None]
        turns = np.stack(
            [
                np.stack([-(1 + u * u), u * v, v], axis=-1),
                np.stack([-u * v, 1 + v * v, -u], axis=-1),
            ],
            axis=1,
        )
        # Pedestal up is a step along -y.
        moves = np.stack(
            [np.stack([u, -one, zero], axis=-1), np.stack([v, zero, one], axis=-1)], axis=1
        )
        return MotionFields(rotations_N23=focal * np.deg2rad(turns), translations_N23=focal * moves)

    def basis(self, inverse_depth_N: np.ndarray) -> np.ndarray:
        """All six fields (cells, 2, 6) at an inverse depth a cell, in units."""
        moves = self.translations_N23 * inverse_depth_N[:, None, None]
        return np.concatenate([moves, self.rotations_N23], axis=2)


def optical_flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Flow (cells, 2) in pixels, right and down, between RGB pictures (H, W, 3) uint8."""
    import cv2

    height, width, _ = before.shape
    size = (width * LARGER, height * LARGER)
    grey = [
        cv2.resize(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_CUBIC)
        for one in (before, after)
    ]
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dense = method.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32)) / LARGER
    side = CELL * LARGER
    cells = dense.reshape(height // CELL, side, width // CELL, side, 2)
    # The median: at a border between near and far a mean is the motion of neither.
    return np.median(cells, axis=(1, 3)).reshape(-1, 2)


def fit_motion(basis_N26: np.ndarray, flow_N2: np.ndarray) -> np.ndarray:
    """The six coefficients (6,) by least squares with Cauchy weights, so that outliers drop out."""
    x, y = basis_N26.reshape(-1, 6), flow_N2.ravel()
    found = np.linalg.lstsq(x, y, rcond=None)[0]
    for _ in range(ROUNDS):
        off = np.linalg.norm((y - x @ found).reshape(-1, 2), axis=1)
        scale = max(0.1, 1.5 * float(np.median(off)))
        weight = np.sqrt(1 / (1 + (off / scale) ** 2)).repeat(2)
        found = np.linalg.lstsq(x * weight[:, None], y * weight, rcond=None)[0]
    return found


def smoothed(picture: np.ndarray) -> np.ndarray:
    """A picture without what is finer than motion is read from."""
    import cv2

    return cv2.GaussianBlur(picture, (0, 0), SMOOTH_PX)


def flow_certainty(picture: np.ndarray) -> np.ndarray:
    """How far a picture's texture tells each cell's flow, (cells, 2, 2): 0 nothing, identity all.

    S (S + `PLAIN` I)^-1 of the structure tensor S: nothing in a plain sky, only across a horizon.
    """
    import cv2

    height, width, _ = picture.shape
    size, side = (width * LARGER, height * LARGER), CELL * LARGER
    grey = cv2.resize(
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_CUBIC
    )
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
    # Over two cells, as far as the flow's own patches reach.
    means = [
        cv2.boxFilter(product, -1, (2 * side + 1,) * 2)[
            side // 2 :: side, side // 2 :: side
        ].ravel()
        for product in (dx * dx, dx * dy, dx * dy, dy * dy)
    ]
    tensor_N22 = np.stack(means, axis=-1).reshape(-1, 2, 2).astype(np.float64)
    return tensor_N22 @ np.linalg.inv(tensor_N22 + PLAIN * np.eye(2))


def fit_each_alone(
    basis_N26: np.ndarray,
    flow_N2: np.ndarray,
    certainty_N22: np.ndarray,
    most_6: np.ndarray | float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Every field fitted as if it were the only one: coefficients (6,) and what each leaves (6,).

    No coefficient is larger than `most_6` allows: four steps aside would explain one turn. What is
    left is the Cauchy loss over all cells, at the scale of the field that fits best.
    """
    fields_6N2 = basis_N26.transpose(2, 0, 1)
    known_6N2 = np.einsum("nab,knb->kna", certainty_N22, fields_6N2)
    size_6N = (known_6N2 * fields_6N2).sum(-1)
    along_6N = (known_6N2 * flow_N2).sum(-1)
    still_6 = STILL * (fields_6N2**2).sum((1, 2))
    counts = np.trace(certainty_N22, axis1=1, axis2=2) > LEAST_CERTAINTY
    weight_6N = np.ones_like(size_6N)
    for _ in range(ROUNDS):
        found = (weight_6N * along_6N).sum(1) / ((weight_6N * size_6N).sum(1) + still_6)
        found = np.clip(found, -np.asarray(most_6), most_6)
        off_6N2 = flow_N2 - found[:, None, None] * fields_6N2
        off_6N = np.einsum("kna,nab,knb->kn", off_6N2, certainty_N22, off_6N2).clip(0) ** 0.5
        typical = np.median(off_6N[:, counts], axis=1) if counts.any() else np.zeros(6)
        scale_6 = np.maximum(0.1, 1.5 * typical)
        weight_6N = 1 / (1 + (off_6N / scale_6[:, None]) ** 2)
    return found, np.log1p((off_6N / scale_6.min()) ** 2).sum(1)
