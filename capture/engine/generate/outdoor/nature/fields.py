"""Smooth random fields over the plane: what hills, meadows and clearings are drawn from.

Gradient noise on a wrapped lattice of random directions. Places are in cm, values about -1..1.
"""

import numpy as np

_LATTICE = 256
_ROTATION = np.array([[0.8, 0.6], [-0.6, 0.8]])  # each octave is turned, so that no axes show


class Fields:
    """Random fields of one scene; a field's `salt` tells it from others of equal wavelength."""

    def __init__(self, rng: np.random.Generator) -> None:
        angle = rng.uniform(0, 2 * np.pi, (_LATTICE, _LATTICE))
        self._x, self._y = np.cos(angle), np.sin(angle)

    def noise(
        self, x: np.ndarray, y: np.ndarray, wavelength_cm: float, salt: int = 0
    ) -> np.ndarray:
        """One octave, in the shape of x and y."""
        u, v = x / wavelength_cm + 37.7 * salt, y / wavelength_cm + 91.3 * salt
        column, row = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        s, t = u - column, v - row
        corner = [self._corner(column + i, row + j, s - i, t - j) for j in (0, 1) for i in (0, 1)]
        fade_s, fade_t = (f**3 * (f * (f * 6 - 15) + 10) for f in (s, t))
        low = corner[0] + fade_s * (corner[1] - corner[0])
        high = corner[2] + fade_s * (corner[3] - corner[2])
        return 1.4 * (low + fade_t * (high - low))

    def _corner(self, column, row, s, t) -> np.ndarray:
        i, j = row % _LATTICE, column % _LATTICE
        return self._x[i, j] * s + self._y[i, j] * t

    def fractal(
        self,
        x: np.ndarray,
        y: np.ndarray,
        wavelength_cm: float,
        octaves: int = 4,
        salt: int = 0,
        gain: float = 0.5,
    ) -> np.ndarray:
        """Octaves of noise, each of half the wavelength and `gain` times the height."""
        total, height = np.zeros(np.shape(x)), 1.0
        for octave in range(octaves):
            total += height * self.noise(x, y, wavelength_cm, salt + octave)
            x, y = _ROTATION @ np.stack([np.ravel(x), np.ravel(y)])
            x, y = x.reshape(total.shape), y.reshape(total.shape)
            wavelength_cm, height = wavelength_cm / 2, height * gain
        return total

    def ridges(
        self, x: np.ndarray, y: np.ndarray, wavelength_cm: float, octaves: int = 5, salt: int = 0
    ) -> np.ndarray:
        """Mountain ridges, 0..1: sharp crests, finer ones only where the coarse ones are high."""
        total, height, weight = np.zeros(np.shape(x)), 0.55, np.ones(np.shape(x))
        for octave in range(octaves):
            crest = (1 - np.abs(self.noise(x, y, wavelength_cm, salt + octave))) ** 2
            total += height * weight * crest
            weight = np.clip(crest * 1.6, 0, 1)
            x, y = _ROTATION @ np.stack([np.ravel(x), np.ravel(y)])
            x, y = x.reshape(total.shape), y.reshape(total.shape)
            wavelength_cm, height = wavelength_cm / 2.1, height * 0.5
        return total


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger one."""
    t = np.clip((np.asarray(value) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
