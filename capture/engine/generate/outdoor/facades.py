"""House fronts: the wall is x = 0, the street is on +x, y = 0 is its middle. cm."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import Hole, cylinder, wall

GROUND_CM = 380.0  # height of the ground floor


@dataclass(frozen=True)
class Look:
    """What one house is made of; no two in a scene are alike."""

    wall: Material
    base: Material  # ground floor
    trim: Material
    frame: Material
    door: Material
    roof: Material
    shutter: Material
    awning: Material
    sign: Material
    panes: list[Material]
    shop: list[Material]
    metal: Material
    plant: Material


@dataclass(frozen=True)
class House:
    """The shape of one house."""

    width: float
    depth: float
    storeys: int  # above the ground floor
    storey_cm: float
    columns: int  # windows in a row
    window: tuple[float, float]  # width, height
    shop: bool
    gable: bool
    feature: str  # "shutters", "balconies", "bays", "lintels" or "plain"

    @property
    def height(self) -> float:
        """Of the wall up to the eaves."""
        return GROUND_CM + self.storeys * self.storey_cm


def build_house(b: MeshBuilder, house: House, look: Look, rng: np.random.Generator) -> None:
    """The whole house: front, sides, roof."""
    upper, ground = _upper_holes(house), _ground_holes(house, rng)
    with b.object("house"):
        wall(b, house.width, GROUND_CM, ground, look.base, 110)
        with b.at(0, 0, GROUND_CM):
            shifted = [(y0, z0 - GROUND_CM, y1, z1 - GROUND_CM) for y0, z0, y1, z1 in upper]
            wall(b, house.width, house.height - GROUND_CM, shifted, look.wall, 110)
        _sides(b, house, look)
        _bands(b, house, look)
    for hole in upper:
        with b.object("window"):
            _window(b, hole, look, rng, house.feature)
    _ground_floor(b, house, look, ground, rng)
    with b.object("roof"):
        (_gable_roof if house.gable else _flat_roof)(b, house, look, rng)


def _upper_holes(house: House) -> list[Hole]:
    wide, high = house.window
    step = (house.width - 60) / house.columns
    holes = []
    for floor in range(house.storeys):
        z = GROUND_CM + floor * house.storey_cm + (house.storey_cm - high) * 0.42
        for k in range(house.columns):
            y = -house.width / 2 + 30 + (k + 0.5) * step
            holes.append((y - wide / 2, z, y + wide / 2, z + high))
    return holes


def _ground_holes(house: House, rng: np.random.Generator) -> list[Hole]:
    """Door first; then shop windows or ordinary ones in what is left."""
    half, door = house.width / 2, 55.0
    left = rng.random() < 0.5
    y = (-half + 110) if left else (half - 110)
    low, high = (y + 100, half - 45) if left else (-half + 45, y - 100)
    holes = [(y - door, 0.0, y + door, 250.0)]
    if house.shop:
        panes = max(1, round((high - low) / 300))
        step = (high - low) / panes
        return holes + [
            (low + k * step + 8, 62.0, low + (k + 1) * step - 8, 278.0) for k in range(panes)
        ]
    count = max(1, int((high - low) // 210))
    step, wide = (high - low) / count, house.window[0]
    middles = [low + (k + 0.5) * step for k in range(count)]
    return holes + [(m - wide / 2, 105.0, m + wide / 2, 275.0) for m in middles]


def _reveal(b: MeshBuilder, hole: Hole, depth: float, material: Material) -> None:
    y0, z0, y1, z1 = hole
    b.quad((0, y1, z1), (-depth, 0, 0), (0, 0, z0 - z1), material)
    b.quad((-depth, y0, z1), (depth, 0, 0), (0, 0, z0 - z1), material)
    b.quad((-depth, y1, z1), (depth, 0, 0), (0, y0 - y1, 0), material)
    b.quad((-depth, y0, z0), (depth, 0, 0), (0, y1 - y0, 0), material)


def _window(b: MeshBuilder, hole: Hole, look: Look, rng: np.random.Generator, feature: str) -> None:
    """Recessed glass with a frame, a sill, and what the house has as its feature."""
    y0, z0, y1, z1 = hole
    _reveal(b, hole, 20, look.trim)
    pane = look.panes[int(rng.integers(len(look.panes)))]
    b.quad((-18, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), pane)
    w, middle, transom = 6.0, (y0 + y1) / 2, z0 + (z1 - z0) * 0.68
    bars = [(y0, z0, y0 + w, z1), (y1 - w, z0, y1, z1), (y0, z0, y1, z0 + w), (y0, z1 - w, y1, z1)]
    bars += [(middle - 3, z0, middle + 3, z1), (y0, transom - 3, y1, transom + 3)]
    lows, highs = [(-19, a, c) for a, c, _, _ in bars], [(-13, d, e) for _, _, d, e in bars]
    with b.using(occludes=False):  # too small to be worth a shadow in the bake
        b.boxes(np.array(lows, float), np.array(highs, float), [look.frame] * len(bars))
        b.box((-3, y0 - 10, z0 - 10), (14, y1 + 10, z0), look.trim)
        _window_feature(b, hole, look, rng, feature)


def _window_feature(
    b: MeshBuilder, hole: Hole, look: Look, rng: np.random.Generator, feature: str
) -> None:
    y0, z0, y1, z1 = hole
    if feature == "shutters":
        wide = (y1 - y0) / 2
        b.box((0.5, y0 - wide - 2, z0), (5, y0 - 2, z1), look.shutter)
        b.box((0.5, y1 + 2, z0), (5, y1 + wide + 2, z1), look.shutter)
    elif feature == "lintels":
        b.box((-2, y0 - 14, z1), (9, y1 + 14, z1 + 24), look.trim)
        b.box((-2, y0 - 18, z1 + 24), (15, y1 + 18, z1 + 32), look.trim)
    elif feature == "surrounds":
        for low, high in (
            ((y0 - 16, z0), (y0, z1 + 16)),
            ((y1, z0), (y1 + 16, z1 + 16)),
            ((y0, z1), (y1, z1 + 16)),
        ):
            b.box((-1, *low), (6, *high), look.trim)
    elif feature == "balconies":
        _balcony(b, hole, look)
    if feature != "balconies" and rng.random() < 0.22:
        b.box((3, y0 + 4, z0), (24, y1 - 4, z0 + 17), look.door)
        b.box((4, y0 + 6, z0 + 17), (25, y1 - 6, z0 + 32), look.plant)


def _balcony(b: MeshBuilder, hole: Hole, look: Look) -> None:
    y0, z0, y1, _ = hole
    y0, y1, z = y0 - 30, y1 + 30, z0 - 24
    b.box((0, y0, z - 14), (85, y1, z), look.trim, 110)
    posts = np.array(
        [(82, y, z) for y in np.arange(y0 + 1, y1 - 1, 14)]
        + [(x, y, z) for x in (20, 40, 60) for y in (y0 + 1, y1 - 4)],
        float,
    )
    b.boxes(posts, posts + [2, 2, 92], [look.metal] * len(posts))
    b.box((80, y0, z + 92), (86, y1, z + 97), look.metal)
    for y in (y0, y1 - 5):
        b.box((0, y, z + 92), (86, y + 5, z + 97), look.metal)


def _sides(b: MeshBuilder, house: House, look: Look) -> None:
    half, height = house.width / 2, house.height
    b.quad((-house.depth, half, height), (house.depth, 0, 0), (0, 0, -height), look.wall, 250)
    b.quad((0, -half, height), (-house.depth, 0, 0), (0, 0, -height), look.wall, 250)
    b.quad((-house.depth, -half, height), (0, house.width, 0), (0, 0, -height), look.wall, 400)


def _bands(b: MeshBuilder, house: House, look: Look) -> None:
    """Plinth, string course and eaves cornice."""
    half = house.width / 2
    b.box((0, -half, GROUND_CM - 12), (12, half, GROUND_CM + 10), look.trim, 150)
    b.box((0, -half, house.height - 30), (18, half, house.height - 12), look.trim, 150)
    b.box((0, -half, house.height - 12), (34, half, house.height + 6), look.trim, 150)


def _ground_floor(
    b: MeshBuilder, house: House, look: Look, holes: list[Hole], rng: np.random.Generator
) -> None:
    with b.object("door"):
        _door(b, holes[0], look)
    for k, hole in enumerate(holes[1:]):
        if not house.shop:
            with b.object("window"):
                _window(b, hole, look, rng, "plain")
            continue
        with b.object("shop_window"):
            _reveal(b, hole, 26, look.frame)
            y0, z0, y1, z1 = hole
            with b.using(emission=0.25):
                b.quad(
                    (-24, y1, z1),
                    (0, y0 - y1, 0),
                    (0, 0, z0 - z1),
                    look.shop[k % len(look.shop)],
                    120,
                )
            b.box((-2, y0 - 8, z0 - 8), (8, y1 + 8, z0), look.frame)
    if house.shop:
        _shop_front(b, house, look, holes, rng)


def _door(b: MeshBuilder, hole: Hole, look: Look) -> None:
    y0, z0, y1, z1 = hole
    _reveal(b, hole, 30, look.trim)
    b.box((-30, y0, z0 + 14), (-24, y1, z1 - 40), look.door, skip="-x")
    for low, high in ((30, 95), (110, 190)):
        for a, c in ((y0 + 14, (y0 + y1) / 2 - 5), ((y0 + y1) / 2 + 5, y1 - 14)):
            b.box((-24, a, low), (-22, c, high), look.frame if low > 100 else look.door, skip="-x")
    b.quad((-25, y1, z1), (0, y0 - y1, 0), (0, 0, -40), look.panes[0])
    b.box((-26, y1 - 18, 112), (-17, y1 - 12, 126), look.metal)
    b.box((-30, y0, 0), (18, y1, 14), look.trim)
    b.box((-2, y0 - 14, 0), (6, y0, z1 + 14), look.trim)
    b.box((-2, y1, 0), (6, y1 + 14, z1 + 14), look.trim)
    b.box((-2, y0, z1), (10, y1, z1 + 14), look.trim)


def _shop_front(
    b: MeshBuilder, house: House, look: Look, holes: list[Hole], rng: np.random.Generator
) -> None:
    low, high = min(h[0] for h in holes[1:]), max(h[2] for h in holes[1:])
    with b.object("shop_sign"):
        middle, half = (low + high) / 2, min((high - low) / 2, 290.0)
        b.box((0, middle - half - 6, 292), (10, middle + half + 6, 360), look.frame, 100)
        b.quad((10.6, middle + half, 357), (0, -2 * half, 0), (0, 0, -62), look.sign, 100)
    if rng.random() < 0.6:
        with b.object("awning"), b.using(collides=False):
            b.quad((10, high, 290), (0, low - high, 0), (120, 0, -48), look.awning, 100)
            b.quad((130, high, 242), (0, low - high, 0), (0, 0, -20), look.awning, 100)
    elif rng.random() < 0.7:
        with b.object("hanging_sign"), b.at(0, low - 20, 0):
            b.box((0, -1.5, 340), (70, 1.5, 344), look.metal)
            cylinder(b, (40, 0, 290), 3, 48, look.metal, 6)
            b.box((14, -3, 268), (66, 3, 332), look.door)


def _flat_roof(b: MeshBuilder, house: House, look: Look, rng: np.random.Generator) -> None:
    half, h = house.width / 2, house.height
    b.box((-24, -half, h), (4, half, h + 70), look.wall, 200, skip="-z")
    b.box((-28, -half, h + 70), (10, half, h + 80), look.trim, 200)
    b.quad((-house.depth, -half, h + 20), (house.depth, 0, 0), (0, house.width, 0), look.roof, 400)
    y = float(rng.uniform(-half + 150, half - 150))
    b.box((-420, y - 120, h), (-200, y + 120, h + 230), look.base, 200)


def _gable_roof(b: MeshBuilder, house: House, look: Look, rng: np.random.Generator) -> None:
    """A ridge along the street, with chimneys and dormers."""
    half, h, over = house.width / 2, house.height, 40.0
    rise = house.depth * 0.36
    ridge = np.array([-house.depth / 2, 0, h + rise])
    front = np.array([-house.depth / 2 - over, 0, -rise - over * 0.72])
    b.quad(ridge + [0, half, 0], (0, -house.width, 0), (-front[0], 0, front[2]), look.roof, 200)
    b.quad(ridge + [0, -half, 0], (0, house.width, 0), front, look.roof, 400)
    for side in (-1.0, 1.0):
        points = np.array(
            [
                [0, side * half, h],
                [-house.depth, side * half, h],
                [-house.depth / 2, side * half, h + rise],
            ]
        )
        uv = points[:, [0, 2]] / -np.array(look.wall.size_cm)
        b.add(points, np.tile([0, side, 0.0], (3, 1)), uv, look.wall.layer, np.array([[0, 1, 2]]))
    y = half - 90 if rng.random() < 0.5 else -half + 90
    b.box(
        (-house.depth / 2 - 50, y - 45, h + rise * 0.5),
        (-house.depth / 2 + 50, y + 45, h + rise + 120),
        look.base,
        150,
    )
    for k in range(house.columns // 2):
        _dormer(b, house, look, (k + 0.5) / (house.columns // 2) * house.width - half, rng)


def _dormer(b: MeshBuilder, house: House, look: Look, y: float, rng: np.random.Generator) -> None:
    z = house.height + 40
    with b.at(-70, y, z):
        b.box((-240, -65, 0), (0, 65, 150), look.wall, 150, skip="+z-x")
        b.box((-245, -78, 150), (14, 78, 162), look.trim)
        b.quad(
            (0.8, 48, 132),
            (0, -96, 0),
            (0, 0, -108),
            look.panes[int(rng.integers(len(look.panes)))],
        )
        bars = np.array(
            [[1, -52, 20], [1, 46, 20], [1, -3, 20], [1, -52, 130], [1, -52, 18]], float
        )
        size = np.array([[4, 6, 114], [4, 6, 114], [4, 6, 114], [4, 104, 6], [4, 104, 6]], float)
        b.boxes(bars, bars + size, [look.frame] * 5)
