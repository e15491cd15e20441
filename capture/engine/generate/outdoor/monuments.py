"""What stands in the middle of a square, and market stalls; frames at their foot. cm."""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import INKS, pick
from capture.engine.generate.kit.shapes import cylinder, disc, lathe, soft_box
from capture.engine.generate.outdoor.townlook import PAINTS, TownPalette


def _stone(palette: TownPalette) -> Material:
    colour = pick(palette.rng, [(206, 198, 182), (176, 174, 172), (198, 170, 146)])
    return palette.m.tiled(tex.stained_plaster(palette.noise, colour), 200)


def _steps(b: MeshBuilder, stone: Material, radius: float, count: int) -> float:
    """Round steps; returns their height."""
    for k in range(count):
        cylinder(b, (0, 0, k * 16), radius - 45 * k, 16, stone, 28)
    return count * 16.0


def fountain(b: MeshBuilder, palette: TownPalette) -> None:
    """A basin with water, a bowl on a shaft, and falling water."""
    stone, water = (
        _stone(palette),
        palette.m.tiled(tex.stained_plaster(palette.noise, (96, 150, 176)), 240),
    )
    z = _steps(b, stone, 340, 1)
    lathe(b, (0, 0, z), [(250, 8), (250, 62), (290, 66), (290, 52), (272, 46), (268, 0)], stone, 32)
    disc(b, (0, 0, z + 40), 252, water, 32)
    lathe(b, (0, 0, z), [(20, 190), (26, 120), (44, 90), (30, 70), (60, 40), (60, 0)], stone, 18)
    lathe(b, (0, 0, z), [(104, 212), (122, 214), (118, 200), (60, 182), (18, 176)], stone, 26)
    disc(b, (0, 0, z + 206), 108, water, 26)
    lathe(b, (0, 0, z), [(3, 330), (16, 310), (9, 296), (20, 270), (12, 240), (22, 206)], stone, 14)
    spray = palette.flat((206, 226, 236))
    with b.using(collides=False, occludes=False):
        for angle in np.linspace(0, 360, 14, endpoint=False):
            with b.at(0, 0, z, float(angle)), b.at(114, 0):
                t = np.linspace(0, 1, 6)
                middle = np.stack([54 * t, 0 * t, 208 + 22 * t - 190 * t**2], 1)
                side = np.array([0, 2.5, 0]) * (1 + t[:, None])
                b.surface(np.stack([middle + side, middle - side], 1), spray)


def statue(b: MeshBuilder, palette: TownPalette) -> None:
    """A figure in a long coat on a pedestal."""
    stone = _stone(palette)
    bronze = palette.flat(pick(palette.rng, [(86, 128, 112), (112, 88, 60), (70, 72, 76)]))
    z = _steps(b, stone, 320, 3)
    b.box((-80, -80, z), (80, 80, z + 40), stone, 60)
    b.box((-62, -62, z + 40), (62, 62, z + 230), stone, 60)
    b.box((-74, -74, z + 230), (74, 74, z + 250), stone, 60)
    z += 250
    coat = [(14, 150), (30, 138), (36, 120), (30, 84), (38, 40), (48, 6), (48, 0)]
    lathe(b, (0, 0, z), coat, bronze, 18)
    lathe(b, (0, 0, z + 146), [(1, 44), (12, 40), (17, 26), (14, 10), (9, 0)], bronze, 16)
    lathe(b, (0, 0, z + 182), [(13, 14), (13, 2), (26, 0)], bronze, 16)
    soft_box(b, (-10, 30, z + 66), (10, 50, z + 138), 8, bronze, 3)
    with b.at(0, 0, z, -20):
        soft_box(b, (0, -50, z + 112 - z), (96, -32, 130), 8, bronze, 3)
        b.box((88, -46, 100), (94, -36, 190), bronze)


def obelisk(b: MeshBuilder, palette: TownPalette) -> None:
    """A tapering pillar on steps, with chains of bollards around."""
    stone, rng = _stone(palette), palette.rng
    z = _steps(b, stone, 340, 4)
    b.box((-110, -110, z), (110, 110, z + 130), stone, 70)
    b.box((-124, -124, z + 130), (124, 124, z + 152), stone, 70)
    z, height = z + 152, float(rng.integers(8, 13) * 100)
    corners = [(1, 1), (1, -1), (-1, -1), (-1, 1), (1, 1)]
    for k in range(4):
        a, c = np.array(corners[k], float), np.array(corners[k + 1], float)
        rows = [
            [[*(p * r), h] for p in (a, c)]
            for r, h in ((46, z + height), (60, z + height / 2), (76, z))
        ]
        b.surface(np.array(rows), stone)
        top = [
            [[*(p * r), h] for p in (a, c)] for r, h in ((0.5, z + height + 110), (46, z + height))
        ]
        b.surface(np.array(top), palette.flat((214, 176, 84)))
    for angle in np.linspace(0, 360, 8, endpoint=False):
        with b.at(0, 0, 0, float(angle)):
            lathe(b, (400, 0, 0), [(1, 84), (14, 74), (14, 60), (9, 56), (13, 0)], stone, 10)


def stall(b: MeshBuilder, palette: TownPalette) -> None:
    """A market stall that sells over +x, under a striped roof."""
    rng, wood = palette.rng, palette.wood
    cloth = pick(rng, palette.awnings)
    posts = np.array([(x, y, 0) for x in (-90, 84) for y in (-150, 144)], float)
    tall = np.array([[6, 6, 250], [6, 6, 250], [6, 6, 225], [6, 6, 225]])
    b.boxes(posts, posts + tall, [wood] * 4)
    b.quad((-110, 165, 258), (0, -330, 0), (240, 0, -40), cloth, 80)
    b.quad((130, 165, 218), (0, -330, 0), (0, 0, -26), cloth, 110)
    b.box((10, -150, 0), (90, 150, 84), palette.flat(pick(rng, PAINTS), 14), 60)
    b.box((-86, -146, 0), (-82, 146, 200), palette.flat((190, 176, 150)), 80)
    for k in range(5):
        _crate(b, palette, -142 + k * 58.0)


def _crate(b: MeshBuilder, palette: TownPalette, y: float) -> None:
    """A box of fruit or the like on the counter."""
    rng = palette.rng
    b.box((16, y, 84), (84, y + 52, 96), palette.wood)
    colour = palette.flat(pick(rng, INKS), 24)
    spots = np.array([(i, j) for i in range(4) for j in range(3)], float)
    low = np.column_stack([20 + spots[:, 0] * 16, y + 4 + spots[:, 1] * 16, np.full(12, 94.0)])
    low += rng.uniform(-1.5, 1.5, low.shape)
    with b.using(collides=False):
        for corner in low:
            lathe(
                b,
                (corner[0] + 7, corner[1] + 7, corner[2]),
                [(0.5, 13), (6, 10), (7, 6), (4, 0)],
                colour,
                7,
            )
