"""A town seen from a high window: blocks with lit or dark windows, far below and around. cm."""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.noise import NoiseBank, texel_grid
from capture.engine.generate.kit.pictures import pick, vary

_WALLS = [
    (150, 140, 128), (120, 124, 132), (176, 166, 150), (128, 96, 80), (96, 108, 120),
    (188, 184, 178), (140, 116, 96),
]  # fmt: skip


def front_texture(noise: NoiseBank, rng: np.random.Generator, lit: float) -> np.ndarray:
    """A front of 8 x 8 windows, of which the share `lit` is bright and the wall then dark."""
    u, v = texel_grid()
    wall = vary(rng, pick(rng, _WALLS))
    wide, high = rng.uniform(0.28, 0.46), rng.uniform(0.26, 0.42)
    column, row = np.floor(u * 8).astype(int), np.floor(v * 8).astype(int)
    pane = (np.abs(u * 8 % 1 - 0.5) < wide) & (np.abs(v * 8 % 1 - 0.5) < high)
    chance = noise.per_cell(row * 8 + column) * 0.5 + 0.5
    shade = 1 + 0.08 * noise("rough") + 0.1 * noise.per_cell(row)
    body = tex.tint(wall, shade * (1.0 if lit < 0.1 else 0.22))
    glass = tex.tint((86, 108, 128), 0.75 + 0.5 * chance)
    glow = tex.tint((255, 222, 160), 0.6 + 0.4 * chance)
    window = np.where((chance < lit)[..., None], glow, glass * (1 if lit < 0.1 else 0.25))
    return np.where(pane[..., None], window, body)


def build_city(
    b: MeshBuilder,
    m: Materials,
    noise: NoiseBank,
    rng: np.random.Generator,
    size: tuple[float, float],
    floor_cm: float,
    night: bool,
) -> None:
    """Blocks around a plan of `size`, with the ground `floor_cm` below it."""
    lit = float(rng.uniform(0.35, 0.6)) if night else 0.0
    fronts = [m.tiled(front_texture(noise, rng, lit), 2600, 2800) for _ in range(4)]
    ground = m.tiled(tex.asphalt(noise, (88, 88, 90)), 900)
    roof = m.flat((110, 106, 102) if not night else (40, 40, 44))
    x0, y0 = -14000.0, -14000.0
    with b.object("ground"), b.using(collides=False):
        b.quad((x0, y0, -floor_cm), (28000 + size[0], 0, 0), (0, 28000 + size[1], 0), ground, 3000)
    with b.using(collides=False, emission=0.55 if night else 0.0):
        for place, extent, height in _blocks(rng, size):
            _block(b, place, extent, -floor_cm, height, pick(rng, fronts), roof)


def _blocks(rng: np.random.Generator, size: tuple[float, float]):
    """Places, extents and heights of blocks on a grid of streets that spares the plan."""
    step = float(rng.uniform(3200, 4200))
    tall = float(rng.uniform(1500, 6000))
    for i in range(-3, 4):
        for j in range(-3, 4):
            if i == j == 0:
                continue
            x, y = size[0] / 2 + i * step, size[1] / 2 + j * step
            wide, deep = (step * rng.uniform(0.5, 0.74, 2)).tolist()
            gap_x, gap_y = abs(x - size[0] / 2) - wide / 2, abs(y - size[1] / 2) - deep / 2
            if gap_x < size[0] / 2 + 500 and gap_y < size[1] / 2 + 500:
                continue
            yield (x, y), (wide, deep), float(rng.uniform(0.35, 1.0) ** 1.5 * tall + 900)


def _block(
    b: MeshBuilder,
    place: tuple[float, float],
    extent: tuple[float, float],
    base: float,
    height: float,
    front: Material,
    roof: Material,
) -> None:
    (x, y), (wide, deep) = place, (extent[0] / 2, extent[1] / 2)
    with b.object("building"), b.at(x, y, base):
        b.box((-wide, -deep, 0), (wide, deep, height), front, 1e9, skip="-z+z")
        b.quad((-wide, -deep, height), (2 * wide, 0, 0), (0, 2 * deep, 0), roof)
        b.box((-wide * 0.4, -deep * 0.4, height), (wide * 0.2, deep * 0.1, height + 350), roof)
