"""A city far behind: blocks of houses with rows of windows, for the haze to soften. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.noise import NoiseBank, texel_grid
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.kit.textures import rgb, tint

_FRONTS: list[Colour] = [
    (196, 184, 164), (172, 120, 96), (154, 158, 162), (214, 206, 190), (132, 138, 146),
]  # fmt: skip


def windows(noise: NoiseBank, colour: Colour, rows: int = 8, columns: int = 8) -> np.ndarray:
    """A front of 8 by 8 windows."""
    u, v = texel_grid()
    cells = np.floor(v * rows).astype(int) * columns + np.floor(u * columns).astype(int)
    inside = (np.abs(u * columns % 1 - 0.5) < 0.27) & (np.abs(v * rows % 1 - 0.5) < 0.33)
    glass = rgb((74, 88, 104)) * (1 + 0.5 * noise.per_cell(cells))[..., None]
    front = tint(colour, 1 + 0.06 * noise("cloud") + 0.05 * noise("fine"))
    return np.where(inside[..., None], glass, front)


def fronts(m: Materials, noise: NoiseBank, rng: np.random.Generator) -> list[Material]:
    """Three fronts; a repeat is eight storeys."""
    kinds = [_FRONTS[i] for i in rng.permutation(len(_FRONTS))[:3]]
    return [m.tiled(windows(noise, vary(rng, c, 10)), 2400, 2600) for c in kinds]


def skyline(
    b: MeshBuilder,
    rng: np.random.Generator,
    m: Materials,
    noise: NoiseBank,
    near_cm: float,
    far_cm: float,
    count: int,
) -> None:
    """Blocks all around the origin between two distances."""
    choices = fronts(m, noise, rng)
    for _ in range(count):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(near_cm, far_cm)
        wide, deep = rng.uniform(1600, 3800), rng.uniform(1400, 2400)
        tall = float(rng.lognormal(7.9, 0.45)) + 900
        with b.object("building"), b.at(away * np.cos(angle), away * np.sin(angle), 0,
                                        float(rng.uniform(0, 90))):  # fmt: skip
            front = pick(rng, choices)
            b.box((-deep / 2, -wide / 2, -900), (deep / 2, wide / 2, tall), front, 1e9)
