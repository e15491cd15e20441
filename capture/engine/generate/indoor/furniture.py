"""Furniture in local frames: its back is on x = 0, it faces +x, and y = 0 is its middle. cm."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, disc, lathe, leaf_cards, soft_box


@dataclass(frozen=True)
class Style:
    """The materials of one room's furniture."""

    wood: Material
    second_wood: Material
    cloth: Material
    second_cloth: Material
    linen: Material
    metal: Material
    white: Material
    dark: Material
    counter: Material
    front: Material  # kitchen and wardrobe doors
    leaves: Material
    pot: Material
    shade: Material
    books: list[Material]
    screen: Material


def legs(
    b: MeshBuilder,
    x: tuple[float, float],
    y: tuple[float, float],
    height: float,
    half: float,
    m: Material,
) -> None:
    """Four square legs around the points (x, y)."""
    points = np.array([(px, py, 0) for px in x for py in y], float)
    b.boxes(points - [half, half, 0], points + [half, half, height], [m] * 4)


def sofa(b: MeshBuilder, s: Style, width: float, depth: float) -> None:
    """A sofa or, if narrow, an armchair."""
    legs(b, (8, depth - 8), (-width / 2 + 8, width / 2 - 8), 12, 2.5, s.wood)
    soft_box(b, (0, -width / 2, 11), (depth - 2, width / 2, 30), 5, s.cloth)
    soft_box(b, (0, -width / 2, 12), (22, width / 2, 80), 8, s.cloth, 6)
    for y in (-width / 2, width / 2 - 18):
        soft_box(b, (0, y, 12), (depth, y + 18, 60), 7, s.cloth, 5)
    seats = max(1, round((width - 36) / 72))
    step = (width - 36) / seats
    for k in range(seats):
        y = -width / 2 + 18 + k * step
        soft_box(b, (18, y + 0.5, 28), (depth + 1, y + step - 0.5, 44), 6, s.cloth, 6, puff=3)
        soft_box(b, (17, y + 1, 43), (36, y + step - 1, 82), 8, s.cloth, 6, puff=4)
    for y in (-width / 2 + 42, width / 2 - 42) if seats > 1 else (0,):
        soft_box(b, (35, y - 21, 45), (47, y + 21, 84), 6, s.second_cloth, 6, puff=5)


def table(
    b: MeshBuilder, top: Material, leg: Material, length: float, width: float, height: float
) -> None:
    """A table centred on the frame's origin, long along y."""
    x, y = width / 2, length / 2
    b.box((-x, -y, height - 4), (x, y, height), top, 30)
    b.box((-x + 6, -y + 6, height - 11), (x - 6, y - 6, height - 4), leg, 60)
    legs(b, (-x + 7, x - 7), (-y + 7, y - 7), height - 4, 3, leg)


def round_table(b: MeshBuilder, top: Material, leg: Material, radius: float, height: float) -> None:
    """A pedestal table about the frame's origin."""
    lathe(
        b,
        (0, 0, 0),
        [
            (radius, height),
            (radius, height - 3.5),
            (8, height - 5),
            (5, height * 0.6),
            (5, 12),
            (radius * 0.5, 3),
            (radius * 0.5, 0),
        ],
        leg,
        24,
    )
    disc(b, (0, 0, height + 0.1), radius, top, 24)


def chair(b: MeshBuilder, s: Style, soft: bool) -> None:
    """A chair around the frame's origin that faces +x."""
    legs(b, (-18, 18), (-18, 18), 44, 1.8, s.second_wood)
    if soft:
        soft_box(b, (-21, -22, 42), (22, 22, 50), 4, s.second_cloth, 4, puff=1.5)
        soft_box(b, (-24, -21, 50), (-17, 21, 92), 3.5, s.second_cloth, 4)
    else:
        b.box((-21, -21, 43), (21, 21, 46.5), s.second_wood)
        rails = [((-21, -20, 46), (-18, -16, 92)), ((-21, 16, 46), (-18, 20, 92))]
        rails += [((-20.5, -16, z), (-18.5, 16, z + 8)) for z in (58, 71, 84)]
        low, high = np.array(rails, float).transpose(1, 0, 2)
        b.boxes(low, high, [s.second_wood] * len(rails))


def bed(b: MeshBuilder, s: Style, width: float) -> None:
    """A bed with its head at x = 0."""
    x = width / 2
    b.box((0, -x - 4, 0), (6, x + 4, 105), s.wood, 40)
    b.box((6, -x - 2, 8), (206, x + 2, 30), s.wood, 60)
    legs(b, (12, 200), (-x + 4, x - 4), 8, 4, s.wood)
    soft_box(b, (6, -x, 28), (203, x, 50), 8, s.linen, 6, puff=2)
    soft_box(b, (62, -x - 4, 34), (207, x + 4, 56), 7, s.cloth, 10, puff=4)
    soft_box(b, (55, -x - 4.5, 36), (84, x + 4.5, 59), 6, s.second_cloth, 6, puff=2)
    for y in (-x / 2, x / 2) if width > 120 else (0,):
        soft_box(b, (10, y - 33, 48), (52, y + 33, 62), 6, s.linen, 7, puff=6)


def nightstand(b: MeshBuilder, s: Style) -> None:
    """A small cupboard with two drawers."""
    b.box((0, -22, 0), (38, 22, 48), s.wood, 30)
    for z in (6, 27):
        b.box((38, -20, z), (39.5, 20, z + 18), s.second_wood)
        b.box((39.5, -5, z + 11), (41, 5, z + 13), s.metal)


def cabinet(
    b: MeshBuilder, s: Style, width: float, depth: float, height: float, doors: int, base: float = 6
) -> None:
    """A cupboard, wardrobe or sideboard with door fronts."""
    b.box((0, -width / 2, base), (depth, width / 2, height), s.wood, 40)
    b.box((3, -width / 2 + 3, 0), (depth - 4, width / 2 - 3, base), s.dark)
    step = width / doors
    for k in range(doors):
        y = -width / 2 + k * step
        b.box(
            (depth, y + 0.6, base + 1),
            (depth + 1.8, y + step - 0.6, height - 2),
            s.front,
            40,
            skip="-x",
        )
        handle = y + (step - 6 if k % 2 == 0 else 4)
        middle = base + (height - base) * 0.55
        b.box((depth + 1.8, handle, middle - 8), (depth + 4, handle + 2, middle + 8), s.metal)


def bookcase(
    b: MeshBuilder, s: Style, rng: np.random.Generator, width: float, height: float
) -> None:
    """Shelves full of coloured books, with gaps and a few vases."""
    depth, board = 30.0, 2.4
    b.box((0, -width / 2, 0), (1.2, width / 2, height), s.wood, 40)
    for y in (-width / 2, width / 2 - board):
        b.box((1.2, y, 0), (depth, y + board, height), s.wood, 40)
    count = max(2, round(height / 36))
    step = (height - board) / count
    for k in range(count + 1):
        z = k * step
        b.box((1.2, -width / 2 + board, z), (depth, width / 2 - board, z + board), s.wood, 40)
        if k < count:
            with b.at(0, 0, z + board):
                _books(b, s, rng, -width / 2 + board + 0.5, width / 2 - board - 0.5, step - board)


def _books(
    b: MeshBuilder, s: Style, rng: np.random.Generator, y: float, end: float, room: float
) -> None:
    lows, highs, covers = [], [], []
    while y < end - 5:
        if rng.random() < 0.06:
            y += rng.uniform(6, 22)
            continue
        thick, tall, deep = (
            rng.uniform(2.2, 5.2),
            room * rng.uniform(0.62, 0.93),
            rng.uniform(17, 23),
        )
        if y + thick > end:
            break
        lows.append((3, y, 0))
        highs.append((3 + deep, y + thick - 0.15, tall))
        covers.append(s.books[int(rng.integers(len(s.books)))])
        y += thick
    if lows:
        with b.using(collides=False):
            b.boxes(np.array(lows), np.array(highs), covers)


def kitchen_row(
    b: MeshBuilder, s: Style, width: float, wall_units: tuple[float, float] | None
) -> None:
    """Base units with a worktop, sink and hob; wall units over the given stretch of y."""
    units = max(2, round(width / 60))
    step = width / units
    b.box((0, -width / 2, 8), (56, width / 2, 86), s.white, 40)
    b.box((2, -width / 2 + 1, 0), (50, width / 2 - 1, 8), s.dark)
    b.box((0, -width / 2 - 1, 86), (61, width / 2 + 1, 90), s.counter, 25)
    for k in range(units):
        y = -width / 2 + k * step
        drawers = (9, 35, 61, 84) if k % 3 == 1 else (9, 84)
        for low, high in zip(drawers[:-1], drawers[1:], strict=True):
            b.box((56, y + 0.5, low), (58, y + step - 0.5, high - 1), s.front, 40, skip="-x")
            b.box((58, y + step * 0.25, high - 6), (60.5, y + step * 0.75, high - 4.5), s.metal)
    hob, sink = -width / 2 + step * 0.5, width / 2 - step * 1.1
    b.box((6, hob - 27, 90), (54, hob + 27, 90.8), s.dark)
    for x, y in ((19, -13), (19, 13), (41, -13), (41, 13)):
        disc(b, (x, hob + y, 90.9), 8, s.metal, 14)
    b.box((10, sink - 28, 90), (50, sink + 28, 90.6), s.metal)
    b.box((14, sink - 22, 90), (46, sink + 22, 90.8), s.dark)
    cylinder(b, (8, sink, 90), 1.6, 26, s.metal, 8)
    b.box((6, sink - 1.4, 115), (26, sink + 1.4, 117.5), s.metal)
    if wall_units:
        _wall_units(b, s, *wall_units)


def _wall_units(b: MeshBuilder, s: Style, low: float, high: float) -> None:
    count = max(1, round((high - low) / 55))
    step = (high - low) / count
    b.box((0, low, 146), (34, high, 218), s.white, 40)
    for k in range(count):
        y = low + k * step
        b.box((34, y + 0.5, 146), (36, y + step - 0.5, 217), s.front, 40, skip="-x")
        b.box((36, y + step * 0.4, 149), (38, y + step * 0.6, 150.5), s.metal)


def fridge(b: MeshBuilder, body: Material, s: Style) -> None:
    """A tall fridge."""
    soft_box(b, (0, -32, 2), (62, 32, 188), 3, body)
    b.box((61, -32, 118), (62.4, 32, 119.2), s.dark)
    for z in (70, 128):
        b.box((62, 22, z), (66, 25, z + 40), s.metal)


def plant(b: MeshBuilder, s: Style, rng: np.random.Generator, height: float) -> None:
    """A pot plant about the frame's origin."""
    pot = height * 0.26
    lathe(b, (0, 0, 0), [(pot * 0.52, pot), (pot * 0.62, pot), (pot * 0.44, 0)], s.pot, 14)
    disc(b, (0, 0, pot * 0.94), pot * 0.54, s.dark, 12)
    cylinder(b, (0, 0, pot * 0.9), 1.4, height * 0.5, s.wood, 6, caps=False)
    count = 34
    middle = np.array([0, 0, height * 0.7])
    spread = rng.normal(size=(count, 3)) * [0.13, 0.13, 0.14] * height
    leaf_cards(
        b,
        middle + np.clip(spread, -0.24 * height, 0.24 * height),
        rng.uniform(0.14, 0.24, count) * height,
        middle,
        s.leaves,
        rng,
    )


def floor_lamp(b: MeshBuilder, s: Style) -> None:
    """A standing lamp about the frame's origin; its bulb is at z = 150."""
    cylinder(b, (0, 0, 0), 13, 2.5, s.metal, 16)
    cylinder(b, (0, 0, 2), 1.2, 140, s.metal, 8)
    lampshade(b, s, 132, 19, 13, 30)


def lampshade(b: MeshBuilder, s: Style, z: float, low: float, top: float, height: float) -> None:
    """A glowing shade that lets the bulb's light out."""
    with b.using(emission=1.6, occludes=False):
        lathe(b, (0, 0, z), [(top, height), (low, 0)], s.shade, 18)


def pendant(b: MeshBuilder, s: Style, ceiling: float, drop: float, round_shade: bool) -> None:
    """A hanging lamp below the frame's origin on the floor; its bulb is at ceiling - drop."""
    with b.using(occludes=False, collides=False):
        cylinder(b, (0, 0, ceiling - drop), 0.5, drop, s.dark, 6, caps=False)
        z = ceiling - drop
        if round_shade:
            angle = np.linspace(0.05, np.pi - 0.05, 9)
            with b.using(emission=1.4):
                lathe(b, (0, 0, z), [(16 * np.sin(a), 16 * np.cos(a)) for a in angle], s.shade, 18)
        else:
            lampshade(b, s, z - 12, 24, 9, 22)
