"""Boats: lofted hulls with what stands on them; bow to +x, waterline at z = 0. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import lathe
from capture.engine.generate.outdoor.nature.trees import tube


def hull(
    b: MeshBuilder,
    length: float,
    beam: float,
    board: float,
    paint: Material,
    deck: Material,
    open_: bool = False,
) -> None:
    """A hull with its deck `board` above the water; an `open_` one is a rowing boat inside."""
    share = np.linspace(0, 1, 15)
    x = length * (share - 0.5)
    half = beam / 2 * np.clip(np.sin(np.pi * (0.16 + 0.84 * share) ** 0.9) ** 0.55, 0.02, 1)
    half[-1] = 1.0
    sheer = board * (1 + 0.45 * (2 * share - 0.9) ** 2)
    keel = -board * 0.6 * np.sin(np.pi * np.clip(share, 0.06, 0.98)) ** 0.4
    for side in (1.0, -1.0):
        rows = np.stack(
            [
                np.column_stack([x, side * half, sheer]),
                np.column_stack([x, side * half * 0.93, sheer * 0.35]),
                np.column_stack([x, side * half * 0.55, keel * 0.7]),
                np.column_stack([x, 0 * x, keel]),
            ]
        )
        b.surface(rows[:, ::-1] if side > 0 else rows, paint)
    drop = board * 0.55 if open_ else board * 0.12
    floor = [np.column_stack([x, s * half * 0.95, sheer - drop]) for s in (1.0, 0.0, -1.0)]
    b.surface(np.stack(floor), deck)
    for side in (1.0, -1.0):
        inner = [np.column_stack([x, side * half * 0.95, sheer - d]) for d in (0.0, drop)]
        rail = np.stack(inner)
        b.surface(rail if side > 0 else rail[:, ::-1], deck)
        tube(
            b,
            np.column_stack([x, side * half, sheer])[:-1],
            np.full(14, max(2.0, beam * 0.014)),
            deck,
            5,
        )
    stern = np.array(
        [
            [[x[0], half[0], sheer[0]], [x[0], -half[0], sheer[0]]],
            [[x[0], half[0] * 0.55, keel[0]], [x[0], -half[0] * 0.55, keel[0]]],
        ]
    )
    b.surface(stern[:, ::-1], paint)


def rowing_boat(b: MeshBuilder, paint: Material, wood: Material) -> None:
    """A small open boat with thwarts."""
    hull(b, 420, 150, 46, paint, wood, open_=True)
    for x in (-110.0, 0.0, 100.0):
        b.box((x - 14, -62, 30), (x + 14, 62, 35), wood)


def fishing_boat(
    b: MeshBuilder, length: float, paint: Material, wood: Material, cabin: Material, dark: Material
) -> None:
    """A cutter with a wheelhouse, a mast and a winch."""
    beam, board = length * 0.3, length * 0.085 + 20
    hull(b, length, beam, board, paint, wood)
    x0, wide, high = -length * 0.22, beam * 0.3, 205.0
    b.box(
        (x0 - length * 0.1, -wide, board * 0.85),
        (x0 + length * 0.1, wide, board + high),
        cabin,
        150,
    )
    b.box(
        (x0 - length * 0.1 - 14, -wide - 14, board + high),
        (x0 + length * 0.1 + 14, wide + 14, board + high + 12),
        paint,
    )
    for side in (-1, 1):
        y0, y1 = sorted((side * wide, side * (wide + 1.2)))
        b.box((x0 - length * 0.08, y0, board + 110), (x0 + length * 0.08, y1, board + 175), dark)
    b.box(
        (x0 + length * 0.1, -wide * 0.8, board + 110),
        (x0 + length * 0.1 + 1.2, wide * 0.8, board + 175),
        dark,
    )
    mast = length * 0.12
    tube(
        b,
        np.array([[mast, 0, board * 0.8], [mast, 0, board + length * 0.62]]),
        np.array([9, 5]),
        wood,
        8,
    )
    tube(
        b,
        np.array([[mast, 0, board + 120], [mast - length * 0.27, 0, board + length * 0.4]]),
        np.array([6, 4]),
        wood,
        7,
    )
    for x in (-length * 0.46, length * 0.46):
        tube(
            b,
            np.array([[mast, 0, board + length * 0.6], [x, 0, board + 20]]),
            np.array([3.0, 3.0]),
            dark,
            4,
        )
    with b.at(length * 0.27, 0, board * 0.9):
        lathe(b, (0, 0, 0), [(18, 50), (24, 40), (14, 34), (14, 12), (24, 6), (26, 0)], dark, 12)


def sailing_boat(
    b: MeshBuilder, length: float, paint: Material, wood: Material, metal: Material, cloth: Material
) -> None:
    """A yacht with its sail furled on the boom."""
    board = length * 0.1
    hull(b, length, length * 0.3, board, paint, wood)
    b.box(
        (-length * 0.12, -length * 0.07, board * 0.8),
        (length * 0.17, length * 0.07, board + 48),
        paint,
        200,
    )
    tall, mast = length * 1.25, length * 0.08
    tube(b, np.array([[mast, 0, board * 0.7], [mast, 0, tall]]), np.array([7, 4]), metal, 8)
    boom = np.array([[mast - 8, 0, board + 110], [-length * 0.42, 0, board + 100]])
    tube(b, boom, np.array([5, 5]), metal, 7)
    tube(b, boom + [0, 0, 14], np.array([13, 8]), cloth, 8)
    for x, y in (
        (length * 0.47, 0),
        (-length * 0.47, 0),
        (mast, length * 0.14),
        (mast, -length * 0.14),
    ):
        tube(b, np.array([[mast, 0, tall - 10], [x, y, board + 8]]), np.array([2.4, 2.4]), metal, 4)


def freighter(
    b: MeshBuilder,
    rng: np.random.Generator,
    length: float,
    paint: Material,
    deck: Material,
    house: Material,
    dark: Material,
    boxes: list[Material],
) -> None:
    """A container ship with its bridge aft and stacks of boxes."""
    beam, board = length * 0.16, length * 0.05 + 120
    hull(b, length, beam, board, paint, deck)
    x, half = -length * 0.36, beam * 0.4
    b.box((x - 350, -half, board * 0.9), (x + 350, half, board + 900), house, 300)
    for z in (330.0, 560.0, 780.0):
        b.box((x + 350, -half * 0.9, board + z), (x + 353, half * 0.9, board + z + 90), dark)
    b.box((x - 250, -half - 180, board + 900), (x + 250, half + 180, board + 1150), house, 300)
    b.box((x + 250, -half - 150, board + 1000), (x + 253, half + 150, board + 1090), dark)
    b.box((x - 330, -120, board + 1150), (x - 90, 120, board + 1500), paint, 300)
    lows, highs, kinds = [], [], []
    for row in np.arange(x + 520, length * 0.36, 640):
        for y in np.arange(-half + 20, half - 220, 250):
            for level in range(int(rng.integers(1, 5))):
                lows.append((row, y, board + 262 * level))
                highs.append((row + 606, y + 244, board + 262 * level + 259))
                kinds.append(boxes[int(rng.integers(len(boxes)))])
    b.boxes(np.array(lows, float), np.array(highs, float), kinds)
