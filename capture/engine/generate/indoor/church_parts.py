"""Parts of churches: arcades, coloured windows, pews, altar, organ. Local frames, cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import INKS, vary
from capture.engine.generate.kit.shapes import (
    Hole,
    arch_curve,
    arch_head,
    cylinder,
    lathe,
    soft_box,
    tube,
    wall,
)


def stained_glass(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """Coloured pieces between dark leads; pieces are flat, for windows are tall."""
    count = int(rng.integers(50, 110))
    seeds = rng.random((count, 2)) * [1.0, 3.0]
    colours = np.array([vary(rng, INKS[int(rng.integers(len(INKS)))], 40) for _ in range(count)])
    border = vary(rng, INKS[int(rng.integers(7))], 30)
    line = (np.arange(size) + 0.5) / size
    u, v = np.meshgrid(np.abs(line - 0.5) + 0.5, line * 3)
    points = np.stack([u, v], -1).reshape(-1, 1, 2)
    distance = ((points - seeds) ** 2).sum(-1)
    order = np.argpartition(distance, 1, axis=1)
    near = np.sqrt(np.take_along_axis(distance, order[:, :2], 1))
    image = colours[order[:, 0]].reshape(size, size, 3).astype(float)
    lead = (np.abs(near[:, 1] - near[:, 0]) < 0.018).reshape(size, size)
    edge = (np.abs(line - 0.5) > 0.43)[None] | (np.abs(line - 0.5) > 0.475)[:, None]
    image[edge] = border
    image *= rng.uniform(0.75, 1.1, (size, size, 1))
    image[lead] = (18, 18, 20)
    image[::32, :] = (22, 22, 24)
    return np.clip(image, 0, 255).astype(np.uint8)


def arched_hole(
    b: MeshBuilder, hole: Hole, rise: float, kind: str, deep: float, m: Material
) -> None:
    """The head, jambs and sill of an arched hole in the wall x = 0."""
    y0, z0, y1, z1 = hole
    spring = z1 - rise
    arch_head(b, hole, rise, kind, deep, m)
    b.quad((0, y1, spring), (-deep, 0, 0), (0, 0, z0 - spring), m, 60)
    b.quad((-deep, y0, spring), (deep, 0, 0), (0, 0, z0 - spring), m, 60)
    if z0 > 5:
        b.quad((-deep, y0, z0), (deep, 0, 0), (0, y1 - y0, 0), m, 60)


def arched_window(
    b: MeshBuilder, hole: Hole, rise: float, kind: str, stone: Material, glass: Material,
    glow: float, clear: bool,
) -> None:  # fmt: skip
    """A window with coloured glass, or clear with bars, in a deep arched hole."""
    y0, z0, y1, z1 = hole
    with b.object("window"):
        arched_hole(b, hole, rise, kind, 46, stone)
        with b.using(occludes=False):
            middle = (y0 + y1) / 2
            tube(b, [(-38, middle, z0), (-38, middle, z1)], 3.5, stone, 6)
            for z in np.arange(z0 + 60, z1, 80):
                b.box((-40, y0, z), (-36, y1, z + 3), stone)
    with b.object("glass"), b.using(emission=glow, drawn=not clear, occludes=not clear):
        b.quad((-40, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), glass, 70)


def arcade(
    b: MeshBuilder, length: float, height: float, holes: list[Hole], rise: float, kind: str,
    thick: float, stone: Material, plaster: Material,
) -> None:  # fmt: skip
    """A wall on arches along y, `thick` about x = 0, open between its piers."""
    for x, yaw in ((thick / 2, 0.0), (-thick / 2, 180.0)):
        with b.object("arcade"), b.at(x, 0, 0, yaw):
            own = holes if yaw == 0 else [(-c[2], c[1], -c[0], c[3]) for c in holes]
            wall(b, length, height, own, plaster, 38)
            for hole in own:
                arch_head(b, hole, rise, kind, thick / 2, stone)
    with b.object("pier"):
        for y0, _, y1, z1 in holes:
            spring = z1 - rise
            b.quad((thick / 2, y1, spring), (-thick, 0, 0), (0, 0, -spring), stone, 60)
            b.quad((-thick / 2, y0, spring), (thick, 0, 0), (0, 0, -spring), stone, 60)
    ends = sorted({round(y, 1) for h in holes for y in (h[0], h[2])})
    for a, c in zip(ends[1:-1:2], ends[2:-1:2], strict=True):
        middle, half = (a + c) / 2, (c - a) / 2
        spring = holes[0][3] - rise
        with b.object("capital"):
            for lift, low, high in ((7, spring - 26, spring), (9, 0, 34)):
                x = thick / 2 + lift
                b.box((-x, middle - half - lift, low), (x, middle + half + lift, high), stone)


def rib(
    b: MeshBuilder, x: float, half: float, spring: float, rise: float, kind: str, m: Material,
    foot: float,
) -> None:  # fmt: skip
    """A transverse arch under a vault with shafts down to height `foot`."""
    curve = arch_curve(half - 6, rise - 4, kind, 20)
    with b.object("rib"), b.using(collides=False):
        tube(b, [(x, y, spring + z) for y, z in curve], 13, m, 6)
        for y in (half - 6, 6 - half):
            tube(b, [(x, y, foot), (x, y, spring)], 11, m, 8)


def pew(b: MeshBuilder, wood: Material, end: Material, width: float) -> None:
    """A bench along y whose sitters look towards +x."""
    y = width / 2
    b.box((-20, -y, 42), (20, y, 46), wood, 80)
    b.box((-24, -y, 46), (-20, y, 92), wood, 80)
    b.box((-30, -y, 78), (-24, y, 81), wood, 80)
    for edge in (-y - 3, y - 2):
        b.box((-26, edge, 0), (22, edge + 5, 66), end)
        b.box((-28, edge - 0.5, 66), (-14, edge + 5.5, 98), end)


def altar(
    b: MeshBuilder, stone: Material, cloth: Material, gold: Material, flame: Material
) -> None:
    """A table with a cloth, candles and a cross behind it."""
    b.box((-50, -120, 0), (50, 120, 92), stone, 60)
    b.box((-58, -130, 92), (58, 130, 102), stone, 60)
    b.box((-40, -60, 102), (59.5, 60, 103), cloth, 60)
    b.box((58.2, -60, 40), (59.6, 60, 103), cloth, 60)
    for y in (-96, -78, 78, 96):
        lathe(b, (0, y, 102), [(2, 26), (2, 8), (7, 2), (7, 0)], gold, 10)
        cylinder(b, (0, y, 128), 2, 24, cloth, 8)
        with b.using(emission=4.0, occludes=False):
            lathe(b, (0, y, 152), [(0.3, 8), (1.8, 3), (0.6, 0)], flame, 6)
    b.box((-6, -4, 102), (2, 4, 260), gold, 60)
    b.box((-6, -48, 200), (2, 48, 208), gold, 60)


def pulpit(b: MeshBuilder, wood: Material, dark: Material) -> None:
    """A raised stand with steps, about the frame's origin."""
    cylinder(b, (0, 0, 0), 22, 120, dark, 8, caps=False)
    lathe(b, (0, 0, 0), [(74, 236), (70, 236), (70, 130), (20, 118)], wood, 8)
    for k in range(6):
        b.box((-70 - k * 26, -36, 0), (-44 - k * 26, 36, 126 - k * 21), wood, 80)


def organ(b: MeshBuilder, wood: Material, pipe: Material, width: float, high: float) -> None:
    """A case with rows of pipes, its back on x = 0."""
    y = width / 2
    b.box((0, -y, 0), (110, y, high * 0.34), wood, 80)
    b.box((0, -y, high * 0.34), (40, y, high * 0.9), wood, 80)
    for edge in (-y, y - 16, -8):
        b.box((0, edge, 0), (116, edge + 16, high), wood, 80)
    b.box((0, -y - 12, high), (124, y + 12, high + 22), wood, 80)
    count = max(5, int((y - 30) // 15))
    for side in (-1, 1):
        for k in range(count):
            place = side * (16 + (k + 0.5) * (y - 34) / count)
            lift = high * (0.44 + 0.4 * abs(k / (count - 1) - 0.5) * 2)
            with b.using(collides=False):
                lathe(b, (88, place, high * 0.34), [(6, lift * 0.9), (6, 22), (1.5, 0)], pipe, 10)
    b.box((110, -50, 70), (150, 50, 78), wood)


def font(b: MeshBuilder, stone: Material) -> None:
    """A basin on a foot."""
    profile = [(34, 96), (44, 98), (46, 84), (30, 66), (16, 56), (16, 24), (36, 6), (36, 0)]
    lathe(b, (0, 0, 0), profile, stone, 8)


def candle_stand(b: MeshBuilder, metal: Material, wax: Material, flame: Material) -> None:
    """Rows of small candles."""
    b.box((-20, -60, 80), (20, 60, 84), metal, 60)
    for y in (-54, 50):
        b.box((-16, y, 0), (16, y + 4, 80), metal)
    for x in (-10, 8):
        for y in (-50.0, -30.0, -10.0, 10.0, 30.0, 50.0):
            cylinder(b, (x, y, 84), 2.2, 9, wax, 6)
            with b.using(emission=4.0, occludes=False, collides=False):
                lathe(b, (x, y, 93), [(0.2, 5), (1.2, 2), (0.4, 0)], flame, 5)


def banner(b: MeshBuilder, cloth: Material, trim: Material, high: float) -> None:
    """A cloth on a pole across it, hanging before the wall x = 0."""
    with b.using(collides=False):
        tube(b, [(8, -52, high), (8, 52, high)], 2, trim, 6)
        b.box((6, -45, high - 210), (8, 45, high - 2), cloth, 60)
        soft_box(b, (5, -47, high - 222), (9, 47, high - 208), 2, trim, 2)
