"""Seamless noise: the raw material of the procedural textures."""

import numpy as np

SIZE = 512  # texels along a texture's side


def spectral_noise(
    rng: np.random.Generator, beta: float, stretch: float = 1.0, low_cut: float = 0.0
) -> np.ndarray:
    """Periodic noise (SIZE,SIZE) float32 in 0..1 whose amplitude falls as frequency**-beta.

    `stretch` > 1 draws the noise out along u (wood grain); frequencies below `low_cut` are removed.
    """
    white = np.fft.rfft2(rng.standard_normal((SIZE, SIZE)).astype(np.float32))
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = np.fft.rfftfreq(SIZE)[None] * SIZE * stretch
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    gain = frequency**-beta
    gain[frequency < low_cut] = 0
    noise = np.fft.irfft2(white * gain, (SIZE, SIZE))
    deviation = noise.std()
    return np.clip(0.5 + noise / (deviation * 6), 0, 1).astype(np.float32)


class NoiseBank:
    """A few noise fields made once; textures take them shifted, which costs nothing."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._fields = {
            "cloud": spectral_noise(rng, 1.6),
            "rough": spectral_noise(rng, 1.0, low_cut=4),
            "fine": spectral_noise(rng, 0.4, low_cut=20),
            "grain": spectral_noise(rng, 1.0, stretch=10, low_cut=5),
        }

    def __call__(self, kind: str) -> np.ndarray:
        """A randomly shifted field, (SIZE,SIZE) in -1..1."""
        dy, dx = self._rng.integers(0, SIZE, 2)
        return np.roll(self._fields[kind], (int(dy), int(dx)), (0, 1)) * 2 - 1

    def per_cell(self, cells: np.ndarray) -> np.ndarray:
        """One random number in -1..1 for each integer cell number, in the shape of `cells`."""
        values = self._rng.uniform(-1, 1, int(cells.max()) + 1).astype(np.float32)
        return values[cells]


def texel_grid() -> tuple[np.ndarray, np.ndarray]:
    """U and v of all texel centres, each (SIZE,SIZE) float32 in 0..1."""
    line = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
    return np.broadcast_to(line[None], (SIZE, SIZE)), np.broadcast_to(line[:, None], (SIZE, SIZE))
