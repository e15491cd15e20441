"""Smoothed edges: the same as FXAA written out pixel by pixel, and nearer to the true picture."""

import numpy as np
from scipy.ndimage import map_coordinates

from capture.engine.smoothing import smooth_edges


def half_plane(size: int, turn_deg: float, samples: int) -> np.ndarray:
    """A bright half plane on a dark one, (size,size,4) uint8, the mean of `samples`**2 points."""
    at = (np.arange(size * samples) + 0.5) / samples - size / 2
    x, y = np.meshgrid(at, at)
    bright = (np.cos(np.deg2rad(turn_deg)) * x + np.sin(np.deg2rad(turn_deg)) * y > 0.3) * 1.0
    share = bright.reshape(size, samples, size, samples).mean((1, 3))
    picture = np.rint(40 + 160 * share[..., None] * [0.6, 1.0, 0.8]).astype(np.uint8)
    return np.concatenate([picture, np.full((size, size, 1), 255, np.uint8)], -1)


def one_by_one(image: np.ndarray) -> np.ndarray:
    """FXAA's console variant in float64, a pixel at a time."""
    values = image[..., :3].astype(np.float64)
    height, width = image.shape[:2]

    def at(x: float, y: float) -> np.ndarray:
        places = [[y], [x]]
        return np.array([map_coordinates(values[..., k], places, order=1, mode="nearest")[0]
                         for k in range(3)])  # fmt: skip

    out = values.copy()
    for y in range(height):
        for x in range(width):
            rows = [min(max(y + k, 0), height - 1) for k in (-1, 1)]
            columns = [min(max(x + k, 0), width - 1) for k in (-1, 1)]
            cross = np.array([values[y, x, 1], *values[rows, x, 1], *values[y, columns, 1]])
            if np.ptp(cross) < max(16, np.rint(0.166 * cross.max())):
                continue
            nw, ne, sw, se = (
                at(x + dx, y + dy)[1]
                for dx, dy in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))
            )
            ne += 255 / 384
            step = np.array([sw + se - nw - ne, nw + sw - ne - se])
            step /= np.linalg.norm(step)
            far = np.clip(step / max(8 * np.abs(step).min(), 1e-4), -2, 2)
            near = (at(*((x, y) - step / 2)) + at(*((x, y) + step / 2))) / 2
            both = near / 2 + (at(*((x, y) - far)) + at(*((x, y) + far))) / 4
            around = [nw, ne, sw, se, values[y, x, 1]]
            out[y, x] = both if min(around) <= both[1] <= max(around) else near
    return out


def test_lists_of_pixels_give_what_every_pixel_by_itself_would():
    random = np.random.default_rng(3)
    turns = (17.0, 62.0, -38.0)
    image = np.maximum.reduce([half_plane(48, turn, 1) // (2 + k) for k, turn in enumerate(turns)])
    image[..., :3] += random.integers(0, 4, (48, 48, 3), np.uint8)
    image[..., 3] = 255
    smoothed = image.copy()
    smooth_edges(smoothed)
    apart = np.abs(smoothed[..., :3] - one_by_one(image)).max(-1)
    # Where both choices of FXAA are as good, a rounding decides.
    assert np.mean(apart > 4) < 0.005
    assert np.mean(apart) < 0.2
    assert (smoothed[..., 3] == 255).all()


def test_edges_come_nearer_to_a_picture_of_many_samples_and_nothing_else_changes():
    for turn_deg in (3.0, 17.0, 30.0, 45.0, 62.0, 85.0):
        drawn, truth = half_plane(64, turn_deg, 1), half_plane(64, turn_deg, 16)
        smoothed = drawn.copy()
        smooth_edges(smoothed)
        before, after = (
            np.square(image.astype(float) - truth).mean() for image in (drawn, smoothed)
        )
        assert after < 0.75 * before
        flat = np.abs(truth.astype(int) - drawn).max(-1) == 0
        far = ~flat
        for _ in range(3):
            far[1:] |= far[:-1].copy()
            far[:-1] |= far[1:].copy()
            far[:, 1:] |= far[:, :-1].copy()
            far[:, :-1] |= far[:, 1:].copy()
        assert (smoothed[~far] == drawn[~far]).all()


def test_a_flat_picture_stays_as_it_is():
    image = np.full((20, 30, 4), 77, np.uint8)
    smooth_edges(image)
    assert (image == 77).all()
