"""What stands in streets and squares, in local frames about their foot. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, disc, lathe, leaf_cards, soft_box, wheel

# A car's sides from nose to tail: x, half width, sill, belt line, roof (the belt line again: none).
_CARS = {
    "hatchback": [
        (198, 58, 34, 58, 58), (192, 76, 24, 72, 72), (150, 84, 20, 84, 84),
        (92, 87, 20, 92, 93), (30, 88, 20, 95, 140), (-30, 88, 20, 96, 147),
        (-100, 88, 20, 97, 144), (-165, 86, 20, 98, 128), (-192, 82, 24, 98, 99),
        (-200, 72, 34, 76, 76),
    ],
    "saloon": [
        (228, 60, 36, 58, 58), (220, 78, 25, 72, 72), (160, 86, 20, 84, 84),
        (84, 89, 20, 92, 93), (10, 90, 20, 94, 136), (-50, 90, 20, 95, 141),
        (-110, 90, 20, 96, 134), (-164, 88, 20, 97, 99), (-218, 84, 24, 94, 94),
        (-230, 70, 36, 72, 72),
    ],
    "van": [
        (232, 70, 34, 62, 62), (226, 84, 25, 88, 88), (190, 92, 20, 108, 109),
        (150, 95, 20, 116, 172), (110, 96, 20, 118, 196), (20, 96, 20, 120, 201),
        (-120, 96, 20, 120, 201), (-220, 95, 22, 120, 196), (-232, 90, 30, 112, 186),
        (-234, 84, 34, 110, 184),
    ],
}  # fmt: skip


def car(
    b: MeshBuilder,
    kind: str,
    paint: Material,
    glass: Material,
    tyre: Material,
    rim: Material,
    light: Material,
    plate: Material,
) -> None:
    """A parked car, nose towards +x."""
    stations = np.array(_CARS[kind], float)
    if kind == "van":
        _body(b, stations, paint, glass, windows=(2, 4))
    else:
        _body(b, stations, paint, glass, windows=(3, 8))
    nose, tail = stations[0, 0], stations[-1, 0]
    for x in (nose * 0.64, tail * 0.66):
        for side in (-1, 1):
            y = side * (stations[4, 1] - 8)
            disc_dark = (x, side * (stations[4, 1] - 10), 33)
            wheel(b, disc_dark, 38, 20.8, tyre, tyre)
            wheel(b, (x, y, 32), 31, 20, tyre, rim)
    width = stations[1, 1]
    for side in (-1, 1):
        y0, y1 = sorted((side * (width - 30), side * (width - 4)))
        b.box((nose - 12, y0, 58), (nose - 3, y1, 70), light)
        b.box((tail + 2, y0, 72), (tail + 10, y1, 88), plate)
        y0, y1 = sorted((side * 88, side * 104))
        b.box((76, y0, 94), (86, y1, 106), paint)
    b.box((nose - 8, -34, 36), (nose + 1, 34, 48), tyre)
    b.box((nose - 6, -24, 50), (nose + 1.5, 24, 58), rim)
    b.box((tail - 1, -24, 50), (tail + 8, 24, 60), light)


def _body(
    b: MeshBuilder, stations: np.ndarray, paint: Material, glass: Material, windows: tuple[int, int]
) -> None:
    """Lower body, glass house and roof through the stations."""
    x, half, sill, belt, roof = stations.T
    top = half - np.where(roof - belt > 2, 6 + (roof - belt) * 0.26, 6)
    for side in (1.0, -1.0):
        low = np.stack([x, side * half * 0.94, sill], 1)
        middle = np.stack([x, side * half, (sill + belt) / 2 + 6], 1)
        line = np.stack([x, side * (half - 2), belt], 1)
        crown = np.stack([x, side * top, np.maximum(roof, belt + 0.5)], 1)
        rows = np.stack([line, middle, low])
        upper = np.stack([crown, line])
        flip = slice(None) if side > 0 else slice(None, None, -1)
        b.surface(rows[:, ::-1][:, flip], paint)
        b.surface(upper[:, ::-1][:, flip], paint)
        _side_glass(b, upper, glass, windows, side)
    across = np.array([[1.0, 0.0], [0.5, 3.0], [0.0, 4.0], [-0.5, 3.0], [-1.0, 0.0]])
    cover = np.stack(
        [
            np.stack([x, a * top, np.maximum(roof, belt + 0.5) + lift * (top > 30)], 1)
            for a, lift in across
        ]
    )
    b.surface(cover, paint)
    for first, second in (
        ((windows[0], windows[0] + 1), (windows[1], windows[1] - 1))
        if windows[1] > 5
        else ((2, 3),)
    ):
        _screen(b, cover, first, second, glass)
    for end in (0, -1):
        outline = np.array(
            [[x[end], half[end] * s, z] for z in (roof[end], sill[end]) for s in (1, -1)]
        )
        if end == -1:
            outline = outline[[1, 0, 3, 2]]
        b.surface(outline.reshape(2, 2, 3), paint)


def _side_glass(
    b: MeshBuilder, upper: np.ndarray, glass: Material, windows: tuple[int, int], side: float
) -> None:
    """Panes a little outside the cabin's sides, with pillars left between them."""
    for k in range(windows[0], windows[1]):
        a, c = upper[:, k], upper[:, k + 1]
        t, v = np.array([0.06, 0.94])[None, :, None], np.array([0.14, 0.94])[:, None, None]
        strip = a[:, None] + (c - a)[:, None] * t
        pane = strip[0] + (strip[1] - strip[0]) * v
        if np.linalg.norm(pane[0, 0] - pane[1, 0]) + np.linalg.norm(pane[0, 1] - pane[1, 1]) < 12:
            continue
        pane = pane + [0, side * 0.9, 0.2]
        b.surface(pane[:, ::-1] if side > 0 else pane, glass)


def _screen(b: MeshBuilder, cover: np.ndarray, first: int, second: int, glass: Material) -> None:
    """Wind or rear screen: over the slope between two stations."""
    a, c = cover[:, first], cover[:, second]
    rows = np.stack([a + (c - a) * t for t in (0.08, 0.92)])
    rows[..., 1] *= 0.9
    rows[..., 2] += 0.9
    rows[..., 0] += 0.7 if first < second else -0.7
    b.surface(rows if first > second else rows[:, ::-1], glass)


def tree(
    b: MeshBuilder, rng: np.random.Generator, bark: Material, leaves: Material, height: float
) -> None:
    """A street tree: trunk, a few branches and a crown of leaf cards."""
    fork = height * 0.42
    lathe(b, (0, 0, 0), [(8, fork + 40), (11, fork * 0.5), (14, 40), (21, 0)], bark, 10)
    middle = np.array([0, 0, height * 0.7])
    clumps = rng.normal(size=(9, 3))
    clumps *= (
        (rng.uniform(0.4, 0.75, (9, 1)) / np.linalg.norm(clumps, axis=1, keepdims=True))
        * height
        * 0.3
    )
    clumps[:, 2] = np.abs(clumps[:, 2]) * 1.1 - height * 0.08
    for clump in clumps[:6]:
        _branch(b, np.array([0, 0, fork]), middle + clump * 0.8, bark)
    around = rng.normal(size=(9, 34, 3))
    around *= (
        rng.uniform(0.5, 1, (9, 34, 1))
        / np.linalg.norm(around, axis=2, keepdims=True)
        * height
        * 0.16
    )
    centres = (middle + clumps[:, None] + around).reshape(-1, 3)
    leaf_cards(b, centres, rng.uniform(65, 115, len(centres)), middle, leaves, rng)


def _branch(b: MeshBuilder, start: np.ndarray, end: np.ndarray, bark: Material) -> None:
    axis = end - start
    side = np.cross(axis, [0.3, 1, 0.1])
    side /= np.linalg.norm(side)
    other = np.cross(axis / np.linalg.norm(axis), side)
    angle = np.linspace(0, 2 * np.pi, 6)
    ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other
    b.surface(np.stack([end + ring * 2, start + ring * 7]), bark, closed_u=True)


def lamp_post(b: MeshBuilder, metal: Material, glass: Material, old: bool) -> None:
    """An old lantern, or a modern mast whose arm reaches over +x."""
    if old:
        lathe(b, (0, 0, 0), [(4, 330), (4, 120), (7, 110), (8, 40), (14, 30), (16, 0)], metal, 12)
        with b.using(emission=0.6):
            lathe(b, (0, 0, 330), [(17, 46), (10, 0)], glass, 6)
        lathe(b, (0, 0, 330), [(1, 74), (4, 62), (22, 46)], metal, 6)
        return
    lathe(b, (0, 0, 0), [(5, 640), (8, 120), (11, 110), (11, 0)], metal, 10)
    b.box((0, -4, 632), (150, 4, 642), metal)
    b.box((90, -14, 626), (160, 14, 638), metal)
    b.quad((95, 11, 625.5), (60, 0, 0), (0, -22, 0), glass)


def bench(b: MeshBuilder, wood: Material, metal: Material) -> None:
    """A slatted bench that faces +x."""
    slats = np.array(
        [(x, -85, 42) for x in (-20, -7, 6)] + [(-26, -85, z) for z in (56, 70, 84)], float
    )
    size = np.array([(11, 170, 4)] * 3 + [(3, 170, 10)] * 3, float)
    b.boxes(slats, slats + size, [wood] * 6)
    for y in (-72, 66):
        b.box((-22, y, 0), (-16, y + 6, 42), metal)
        b.box((12, y, 0), (18, y + 6, 42), metal)
        b.box((-29, y, 36), (-26, y + 6, 92), metal)
        b.box((-22, y, 36), (18, y + 6, 41), metal)


def bin_(b: MeshBuilder, paint: Material, dark: Material) -> None:
    """A litter bin."""
    lathe(b, (0, 0, 0), [(6, 102), (26, 92), (28, 84), (24, 82), (24, 0)], paint, 14)
    for angle in (0, 180):
        with b.at(0, 0, 0, angle):
            b.box((22, -14, 66), (25, 14, 78), dark)


def planter(
    b: MeshBuilder, rng: np.random.Generator, pot: Material, leaves: Material, length: float
) -> None:
    """A box with a bush."""
    b.box((-35, -length / 2, 0), (35, length / 2, 55), pot, 60)
    count = int(length / 4)
    centres = rng.uniform(-1, 1, (count, 3)) * [30, length / 2 - 12, 24] + [0, 0, 76]
    leaf_cards(b, centres, rng.uniform(34, 56, count), np.array([0, 0, 60.0]), leaves, rng)


def advert_column(b: MeshBuilder, metal: Material, posters: list[Material]) -> None:
    """A round column with posters all around."""
    cylinder(b, (0, 0, 0), 66, 40, metal, 24)
    angle = -np.linspace(0, 2 * np.pi, 25)
    for k, art in enumerate(posters[:4]):
        part = angle[k * 6 : k * 6 + 7]
        ring = np.stack([62 * np.cos(part), 62 * np.sin(part)], 1)
        points = np.stack([np.c_[ring, np.full(7, z)] for z in (262.0, 150, 40)])
        b.surface(points, art)
    lathe(b, (0, 0, 262), [(2, 76), (8, 60), (60, 22), (74, 12), (74, 0), (60, -2)], metal, 24)


def bus_shelter(
    b: MeshBuilder, metal: Material, roof: Material, poster: Material, wood: Material
) -> None:
    """A shelter open to +x with a bench and a placard."""
    posts = np.array([(x, y, 0) for x in (-60, 55) for y in (-190, 184)], float)
    b.boxes(posts, posts + [6, 6, 240], [metal] * 4)
    b.box((-70, -200, 240), (80, 200, 252), roof, 100)
    for k in range(4):
        y = -188 + k * 94
        b.box((-58, y, 20), (-55, y + 4, 240), metal)
    b.box((-58, -188, 20), (-55, 188, 26), metal)
    b.box((-58, -188, 100), (-55, 188, 106), metal)
    b.box((-48, -120, 44), (-10, 80, 49), wood)
    for y in (-100, 60):
        b.box((-34, y, 0), (-28, y + 6, 44), metal)
    b.box((-60, 178, 25), (60, 188, 215), metal)
    b.quad((55, 177.4, 208), (-110, 0, 0), (0, 0, -176), poster)


def post_box(b: MeshBuilder, paint: Material, dark: Material) -> None:
    """A pillar box."""
    lathe(
        b,
        (0, 0, 0),
        [(2, 156), (20, 150), (27, 138), (27, 132), (23, 130), (23, 12), (26, 10), (26, 0)],
        paint,
        18,
    )
    b.box((20, -11, 112), (24, 11, 116), dark)


def cafe_set(b: MeshBuilder, wood: Material, metal: Material, cloth: Material) -> None:
    """A table with a parasol and three chairs."""
    cylinder(b, (0, 0, 0), 20, 3, metal, 12)
    cylinder(b, (0, 0, 0), 2.5, 240, metal, 8, caps=False)
    lathe(b, (0, 0, 0), [(36, 75), (36, 72), (3, 70)], wood, 18)
    disc(b, (0, 0, 75.2), 36, wood, 18)
    with b.using(collides=False):
        lathe(b, (0, 0, 0), [(2, 252), (70, 232), (135, 205), (135, 190)], cloth, 8)
    for yaw in (20, 140, 260):
        with b.at(0, 0, 0, yaw), b.at(-62, 0):
            soft_box(b, (-20, -20, 42), (20, 20, 46), 2, wood, 2)
            soft_box(b, (-22, -19, 58), (-18, 19, 86), 2, wood, 2)
            points = np.array([(x, y, 0) for x in (-19, 16) for y in (-19, 16)], float)
            b.boxes(points, points + [3, 3, 44], [metal] * 4)


def bollards(b: MeshBuilder, points: np.ndarray, metal: Material) -> None:
    """A bollard on each point (N,2)."""
    for x, y in points:
        lathe(b, (x, y, 0), [(1, 92), (7, 88), (8, 80), (6, 76), (7, 10), (10, 0)], metal, 8)
