"""Sculptures, plinths and glass cases, in local frames about their foot. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import lathe, soft_box, tube


def sculpture(
    b: MeshBuilder, rng: np.random.Generator, kind: str, m: Material, high: float
) -> None:
    """One of KINDS, `high` cm tall."""
    KINDS[kind](b, rng, m, high)


def _urn(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    belly, neck, foot = rng.uniform(0.22, 0.34), rng.uniform(0.08, 0.16), rng.uniform(0.1, 0.2)
    shape = [(neck * 1.4, 1.0), (neck, 0.9), (neck * 1.1, 0.8), (belly, rng.uniform(0.5, 0.66)),
             (belly * 0.8, 0.3), (foot * 0.7, 0.08), (foot, 0.03), (foot, 0.0)]  # fmt: skip
    lathe(b, (0, 0, 0), [(r * high, z * high) for r, z in shape], m, 20)


def _bust(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A head on shoulders."""
    s = high / 100
    foot = [(12, 24), (9, 14), (16, 4), (18, 0)]
    lathe(b, (0, 0, 0), [(r * s, z * s) for r, z in foot], m, 16)
    soft_box(b, (-16 * s, -32 * s, 20 * s), (16 * s, 32 * s, 54 * s), 14 * s, m, 5)
    neck = [(9, 64), (10, 56), (14, 50)]
    lathe(b, (0, 0, 0), [(r * s, z * s) for r, z in neck], m, 14)
    head = [(0.5, 100), (10, 97), (14.5, 88), (14, 78), (10, 66), (6, 61)]
    lathe(b, (2 * s, 0, 0), [(r * s, z * s) for r, z in head], m, 18)
    soft_box(b, (13 * s, -2.5 * s, 74 * s), (19 * s, 2.5 * s, 84 * s), 2.4 * s, m, 2)
    if rng.random() < 0.6:
        curls = [(0.5, 104), (12, 101), (16.5, 92), (16, 84)]
        lathe(b, (-2 * s, 0, 0), [(r * s, z * s) for r, z in curls], m, 11)


def _figure(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A standing figure in a robe with one arm raised."""
    s = high / 100
    robe = [(5, 82), (11, 78), (12, 66), (9, 54), (12, 40), (15, 12), (18, 2), (18, 0)]
    lathe(b, (0, 0, 0), [(r * s, z * s) for r, z in robe], m, 18)
    head = [(0.3, 100), (4.5, 98), (5.8, 92), (4.6, 86), (2.6, 82)]
    lathe(b, (0, 0, 0), [(r * s, z * s) for r, z in head], m, 14)
    lift = rng.uniform(60, 108) * s
    tube(b, [(0, 9 * s, 76 * s), (8 * s, 18 * s, 66 * s), (22 * s, 20 * s, lift)], 3.4 * s, m, 8)
    tube(b, [(0, -9 * s, 76 * s), (3 * s, -15 * s, 62 * s), (9 * s, -8 * s, 50 * s)], 3.4 * s, m, 8)


def _ring(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A tall ring that twists a little."""
    t = np.linspace(0, 2 * np.pi, 49)
    radius, bend = high * 0.44, rng.uniform(-0.3, 0.3) * high
    line = np.stack(
        [bend * np.sin(2 * t) / 2, radius * np.cos(t), high / 2 + radius * np.sin(t)], 1
    )
    tube(b, list(line), high * rng.uniform(0.04, 0.07), m, 10)


def _knot(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A trefoil knot of a thick pipe."""
    t = np.linspace(0, 2 * np.pi, 97)
    line = np.stack(
        [np.sin(3 * t), np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t)], 1
    )
    line = line * high / 6.6 + [0, 0, high / 2]
    tube(b, list(line), high * rng.uniform(0.05, 0.08), m, 9)


def _twist(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A square column that turns as it rises."""
    rows, turns, corner = 40, rng.uniform(0.2, 0.9), 4
    height = np.linspace(1, 0, rows)
    wide = high * (0.1 + 0.07 * np.sin(height * np.pi * rng.uniform(1, 3)))
    angle = -np.linspace(0, 2 * np.pi, 8 * corner + 1)
    bump = 1 / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle))) ** 0.8
    turn = angle[None] + turns * np.pi * height[:, None]
    radius = wide[:, None] * bump[None]
    points = np.stack(
        [radius * np.cos(turn), radius * np.sin(turn),
         np.broadcast_to(height[:, None] * high, turn.shape)], -1,
    )  # fmt: skip
    b.surface(points, m, closed_u=True)


def _blocks(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """Boxes balanced on each other."""
    z = 0.0
    while z < high * 0.9:
        size = rng.uniform(0.12, 0.3, 3) * high
        x, y = rng.uniform(-0.06, 0.06, 2) * high
        with b.at(float(x), float(y), z, float(rng.uniform(0, 90))):
            b.box(-size / 2 + [0, 0, size[2] / 2], size / 2 + [0, 0, size[2] / 2], m, 40)
        z += float(size[2])


def _balls(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A pile of balls that grow smaller."""
    z, radius = 0.0, high * 0.24
    angle = np.linspace(0.02, np.pi - 0.02, 12)
    while radius > high * 0.05 and z + 2 * radius < high * 1.05:
        x, y = rng.uniform(-0.2, 0.2, 2) * radius
        profile = [(radius * np.sin(a), radius * np.cos(a)) for a in angle]
        lathe(b, (x, y, z + radius), profile, m, 22)
        z += radius * 1.9
        radius *= rng.uniform(0.6, 0.8)


def _slab(b: MeshBuilder, rng: np.random.Generator, m: Material, high: float) -> None:
    """A carved standing stone."""
    rows, columns = 16, 25
    v, angle = np.linspace(1, 0, rows)[:, None], -np.linspace(0, 2 * np.pi, columns)[None]
    radius = 0.24 - 0.1 * v**2 + 0.02 * np.sin(angle * 3 + v * rng.uniform(3, 9))
    points = np.stack(
        [0.5 * radius * np.cos(angle) * high, radius * np.sin(angle) * high,
         np.broadcast_to(v * high, radius.shape)], -1,
    )  # fmt: skip
    b.surface(points, m, closed_u=True)
    b.surface(points[:1] * [[[1, 1, 1]], [[0.01, 0.01, 1]]][::-1], m, closed_u=True)


KINDS = {
    "urn": _urn, "bust": _bust, "figure": _figure, "ring": _ring, "knot": _knot,
    "column": _twist, "blocks": _blocks, "spheres": _balls, "standing_stone": _slab,
}  # fmt: skip
CLASSIC = ("urn", "bust", "figure", "standing_stone", "bust", "figure")
MODERN = ("ring", "knot", "column", "blocks", "spheres", "standing_stone")


def plinth(b: MeshBuilder, m: Material, half: float, high: float) -> None:
    """A block to stand things on."""
    b.box((-half, -half, 0), (half, half, high), m, 40, skip="-z")
    b.box((-half - 1, -half - 1, 0), (half + 1, half + 1, 5), m, skip="-z")


def glass_case(
    b: MeshBuilder,
    rng: np.random.Generator,
    body: Material,
    metal: Material,
    things: list[Material],
    length: float,
) -> None:
    """A case long along y with small things on its floor; the glass itself is not drawn."""
    x, y, top = 34.0, length / 2, 150.0
    b.box((-x, -y, 0), (x, y, 88), body, 60)
    bars = [((sx * x - 1, sy * y - 1, 88), (sx * x + 1, sy * y + 1, top)) for sx in (-1, 1)
            for sy in (-1, 1)]  # fmt: skip
    bars += [((-x - 1, sy * y - 1, top), (x + 1, sy * y + 1, top + 2)) for sy in (-1, 1)]
    bars += [((sx * x - 1, -y, top), (sx * x + 1, y, top + 2)) for sx in (-1, 1)]
    low, high = np.array(bars, float).transpose(1, 0, 2)
    with b.using(occludes=False):
        b.boxes(low, high, [metal] * len(bars))
    with b.using(drawn=False, occludes=False):
        b.box((-x, -y, 88), (x, y, top), metal)
    count = max(2, int(length / 34))
    with b.using(collides=False):
        for k in range(count):
            place = (float(rng.uniform(-12, 12)), (k + 0.5) / count * 2 * y - y, 88.5)
            kind = ("urn", "urn", "bust", "standing_stone", "figure")[int(rng.integers(5))]
            with b.at(*place, float(rng.uniform(0, 360))):
                thing = things[int(rng.integers(len(things)))]
                sculpture(b, rng, kind, thing, float(rng.uniform(16, 40)))
