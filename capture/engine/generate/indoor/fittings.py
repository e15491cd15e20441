"""More furniture: desks, media, bathrooms, small things. Frames as in furniture.py. cm."""

import numpy as np

from capture.engine.generate.indoor.furniture import Style, cabinet, lampshade, legs
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, disc, lathe, soft_box


def desk(
    b: MeshBuilder, s: Style, rng: np.random.Generator, width: float = 140, screens: int = 1
) -> None:
    """A desk with drawers, screen, keyboard and papers; who works there looks towards -x."""
    b.box((0, -width / 2, 71), (70, width / 2, 74.5), s.wood, 30)
    legs(b, (5, 65), (-width / 2 + 5, width / 2 - 5), 71, 2.5, s.metal)
    b.box((8, width / 2 - 52, 12), (62, width / 2 - 10, 66), s.front, 30)
    for z in (30, 48):
        b.box((62, width / 2 - 40, z), (63.6, width / 2 - 22, z + 1.6), s.metal)
    for k in range(screens):
        y = (k - (screens - 1) / 2) * 62
        cylinder(b, (18, y, 74.5), 10, 1, s.dark, 12)
        b.box((16, y - 2, 75), (18, y + 2, 95), s.dark)
        b.box((18, y - 29, 86), (20, y + 29, 121), s.dark)
        with b.using(emission=0.7, occludes=False):
            b.quad((20.2, y + 27.5, 119.5), (0, -55, 0), (0, 0, -31), s.screen)
    b.box((40, -22, 74.5), (54, 20, 76), s.dark)
    for _ in range(3):
        x, y = rng.uniform(10, 40), rng.uniform(24, width / 2 - 20)
        b.box(
            (x, -y, 74.5),
            (x + 21, -y + 15, 75 + rng.uniform(0.5, 4)),
            s.books[int(rng.integers(64))],
        )


def desk_chair(b: MeshBuilder, s: Style) -> None:
    """A swivel chair around the frame's origin that faces +x."""
    for k in range(5):
        angle = k * 2 * np.pi / 5
        with b.at(0, 0, 0, np.degrees(angle)):
            b.box((0, -2, 4), (30, 2, 8), s.dark)
            soft_box(b, (26, -3, 0), (32, 3, 6), 3, s.dark, 2)
    cylinder(b, (0, 0, 6), 2.5, 36, s.metal, 8)
    soft_box(b, (-24, -24, 42), (24, 24, 51), 4, s.second_cloth, 4, puff=1.5)
    soft_box(b, (-28, -21, 56), (-21, 21, 106), 4, s.second_cloth, 5, puff=1)
    b.box((-27, -3, 44), (-23, 3, 60), s.dark)


def media_unit(b: MeshBuilder, s: Style, width: float) -> None:
    """A low cupboard with a television."""
    cabinet(b, s, width, 40, 46, max(2, round(width / 60)))
    b.box((14, -30, 46), (26, 30, 48), s.dark)
    b.box((18, -5, 48), (21, 5, 58), s.dark)
    b.box((18, -62, 56), (22, 62, 128), s.dark)
    with b.using(emission=0.35, occludes=False):
        b.quad((22.3, 60, 126), (0, -120, 0), (0, 0, -68), s.screen)


def coffee_table(b: MeshBuilder, s: Style, rng: np.random.Generator, length: float) -> None:
    """A low table with a book and a bowl, centred on the origin, long along y."""
    b.box((-30, -length / 2, 36), (30, length / 2, 40), s.second_wood, 25)
    b.box((-26, -length / 2 + 4, 12), (26, length / 2 - 4, 14), s.second_wood, 30)
    legs(b, (-26, 26), (-length / 2 + 4, length / 2 - 4), 36, 2.2, s.second_wood)
    for k in range(3):
        x, y = -20 + k * 2, -length / 4 + rng.uniform(-4, 4)
        b.box((x, y - 12, 40 + 3 * k), (x + 28, y + 10, 43 + 3 * k), s.books[int(rng.integers(64))])
    vase(b, s.pot, (6, length / 4, 40), 7)


def vase(b: MeshBuilder, material: Material, base: tuple[float, float, float], size: float) -> None:
    """A turned vase."""
    profile = [(0.5, 3.0), (0.4, 2.6), (0.9, 1.6), (1.0, 1.0), (0.6, 0.1), (0.5, 0)]
    lathe(b, base, [(r * size, z * size) for r, z in profile], material, 14)


def table_lamp(b: MeshBuilder, s: Style, x: float, y: float, z: float) -> None:
    """A lamp on a table top; its bulb is 30 cm above it."""
    with b.at(x, y, z):
        vase(b, s.pot, (0, 0, 0), 6)
        lampshade(b, s, 19, 15, 10, 20)


def picture(
    b: MeshBuilder, art: Material, frame: Material, width: float, height: float, z: float
) -> None:
    """A framed picture on the wall x = 0, its middle at height z."""
    y, low, high = width / 2, z - height / 2, z + height / 2
    with b.using(occludes=False, collides=False):
        b.box((0, -y - 3, low - 3), (2.6, y + 3, high + 3), frame, 40, skip="-x")
        b.quad((2.8, y, high), (0, -width, 0), (0, 0, -height), art, 40)


def bathtub(b: MeshBuilder, s: Style) -> None:
    """A tub along y with its long side on the wall."""
    b.box((0, -85, 0), (74, 85, 54), s.white, 30, skip="+z")
    for low, high in (
        ((0, -85), (9, 85)),
        ((65, -85), (74, 85)),
        ((9, -85), (65, -75)),
        ((9, 75), (65, 85)),
    ):
        b.box((*low, 52), (*high, 56), s.white, 30)
    b.quad((9, -75, 22), (56, 0, 0), (0, 150, 0), s.white, 25)
    for origin, u in (
        ((9, 75, 54), (0, -150, 0)),
        ((65, -75, 54), (0, 150, 0)),
        ((65, 75, 54), (-56, 0, 0)),
        ((9, -75, 54), (56, 0, 0)),
    ):
        b.quad(origin, u, (0, 0, -32), s.white, 30)
    cylinder(b, (5, 0, 56), 1.5, 16, s.metal, 8)
    b.box((4, -1.2, 70), (18, 1.2, 72), s.metal)


def washbasin(b: MeshBuilder, s: Style) -> None:
    """A basin on a cupboard with a mirror over it."""
    cabinet(b, s, 84, 44, 78, 2)
    soft_box(b, (0, -44, 78), (50, 44, 92), 4, s.white)
    disc(b, (27, 0, 92.3), 17, s.metal, 18)
    cylinder(b, (7, 0, 92), 1.5, 16, s.metal, 8)
    b.box((6, -1.3, 107), (22, 1.3, 109), s.metal)
    with b.using(occludes=False, collides=False):
        b.box((0, -36, 112), (3, 36, 192), s.metal, skip="-x")
        b.quad((3.2, 33, 189), (0, -66, 0), (0, 0, -74), s.linen)


def toilet(b: MeshBuilder, s: Style) -> None:
    """A toilet with its cistern on the wall."""
    soft_box(b, (0, -20, 36), (18, 20, 84), 4, s.white)
    lathe(b, (42, 0, 0), [(19, 42), (20, 38), (12, 20), (13, 0)], s.white, 18)
    lathe(b, (42, 0, 0), [(0.5, 45), (20, 45), (20.5, 42)], s.white, 18)
    b.box((10, -12, 0), (44, 12, 38), s.white)


def toy_shelf(b: MeshBuilder, s: Style, rng: np.random.Generator) -> None:
    """Open boxes with coloured toys."""
    b.box((0, -60, 0), (36, 60, 4), s.wood)
    b.box((0, -60, 40), (36, 60, 44), s.wood)
    b.box((0, -60, 4), (2, 60, 40), s.wood)
    for y in (-60, -21, 18, 57):
        b.box((0, y, 4), (36, y + 3, 40), s.wood)
    for k in range(9):
        y, size = rng.uniform(-54, 44), rng.uniform(8, 15)
        z = 44 if k % 2 else 4
        soft_box(
            b,
            (10, y, z),
            (10 + size, y + size, z + size),
            3 if k % 3 else size / 2,
            s.books[int(rng.integers(64))],
            3,
        )
