"""Small buildings of the country: houses, towers, ruins, fences, piers; they face +x. cm."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import lathe, wall
from capture.engine.generate.outdoor.nature.trees import tube

_SUNK = 90.0  # walls reach this far below the frame, for sloping ground


@dataclass(frozen=True, kw_only=True)
class Skin:
    """The materials of a building."""

    wall: Material
    base: Material
    roof: Material
    trim: Material
    door: Material
    pane: Material


def house(
    b: MeshBuilder,
    skin: Skin,
    size: tuple[float, float, float, float],
    windows: int = 2,
    storeys: int = 1,
    door: bool = True,
) -> None:
    """A house with a gabled roof; `size` is depth (x), length (y), height of the eaves and rise.

    The front faces +x; the ridge runs along y.
    """
    depth, length, eaves, rise = size
    front, storey = depth / 2, eaves / storeys
    holes, opening = [], min(95.0, length / (windows + 1.5) * 0.7)
    middles = (np.arange(windows + 1) - windows / 2) * length / (windows + 1)
    door_at = int(windows // 2) if door else -1
    for level in range(storeys):
        for k, y in enumerate(middles):
            z = level * storey
            if level == 0 and k == door_at:
                holes.append((y - 48, 0.0, y + 48, 205.0))
            else:
                holes.append(
                    (y - opening / 2, z + 85, y + opening / 2, z + 85 + min(120, storey - 130))
                )
    with b.at(front, 0):
        wall(b, length, eaves, holes, skin.wall, 140)
        _fill(b, holes, skin)
    with b.at(-front, 0, 0, 180):
        back = [hole for hole in holes if hole[1] > 1]
        wall(b, length, eaves, back, skin.wall, 140)
        _fill(b, back, skin)
    for side in (1, -1):
        with b.at(0, side * length / 2, 0, 90 * side):
            _gable(b, skin, depth, eaves, rise)
    b.box(
        (-front - 4, -length / 2 - 4, -_SUNK), (front + 4, length / 2 + 4, 22), skin.base, 150, "-z"
    )
    _roof(b, skin, depth, length, eaves, rise)


def _fill(b: MeshBuilder, holes: list, skin: Skin) -> None:
    """Doors and windows, a little set back, with frames."""
    for y0, z0, y1, z1 in holes:
        material = skin.door if z0 < 1 else skin.pane
        b.quad((-14, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), material)
        for y in (y0 - 9, y1):
            b.box((-15, y, z0), (4, y + 9, z1), skin.trim)
        b.box((-15, y0 - 12, z1), (6, y1 + 12, z1 + 11), skin.trim)
        if z0 > 1:
            b.box((-15, y0 - 12, z0 - 9), (9, y1 + 12, z0), skin.trim)
            b.box((-14, (y0 + y1) / 2 - 2.5, z0), (-10, (y0 + y1) / 2 + 2.5, z1), skin.trim)


def _gable(b: MeshBuilder, skin: Skin, depth: float, eaves: float, rise: float) -> None:
    """An end wall with its triangle, and a window in it."""
    hole = (-40.0, eaves * 0.4, 40.0, eaves * 0.4 + 95)
    wall(b, depth, eaves, [hole], skin.wall, 140)
    _fill(b, [hole], skin)
    points = np.array([[0, depth / 2, eaves], [0, -depth / 2, eaves], [0, 0, eaves + rise]])
    uv = np.array([[0, 0], [depth, 0], [depth / 2, -rise]]) / skin.wall.size_cm
    b.add(points, np.tile([1.0, 0, 0], (3, 1)), uv, skin.wall.layer, np.array([[0, 1, 2]]))


def _roof(
    b: MeshBuilder, skin: Skin, depth: float, length: float, eaves: float, rise: float
) -> None:
    over, thick = 42.0, 16.0
    slope = rise / (depth / 2)
    for yaw in (0, 180):
        with b.at(0, 0, 0, yaw):
            ridge = np.array([0, length / 2 + over, eaves + rise + thick])
            down = np.array([depth / 2 + over, 0, -(depth / 2 + over) * slope])
            across = np.array([0, -(length + 2 * over), 0])
            b.quad(ridge, across, down, skin.roof, 200)
            b.quad(ridge - [0, 0, thick] + across, -across, down, skin.trim, 300)
            b.quad(ridge + down, across, (0, 0, -thick), skin.trim)
            for at, way in ((ridge, -1), (ridge + across, 1)):
                edge = [at, at + down, at - [0, 0, thick], at + down - [0, 0, thick]]
                points = np.array(edge)
                normal = np.tile([0, -float(way), 0], (4, 1))
                u, v = skin.trim.rect[:2] if skin.trim.rect else (0.0, 0.0)
                b.add(
                    points,
                    normal,
                    np.tile([u, v], (4, 1)),
                    skin.trim.layer,
                    np.array([[0, 1, 3], [0, 3, 2]]),
                )


def chimney(b: MeshBuilder, skin: Skin, x: float, y: float, top: float) -> None:
    """A chimney through the roof."""
    b.box((x - 32, y - 32, 0), (x + 32, y + 32, top), skin.base, 200)
    b.box((x - 38, y - 38, top), (x + 38, y + 38, top + 12), skin.base)


def tower(
    b: MeshBuilder,
    skin: Skin,
    width: float,
    height: float,
    spire: float,
    windows: int = 3,
) -> None:
    """A square tower with a pointed roof, as of a church."""
    half = width / 2
    for yaw in (0, 90, 180, 270):
        holes = [(-28.0, z, 28.0, z + 110) for z in np.linspace(260, height - 190, windows)]
        with b.at(0, 0, 0, yaw), b.at(half, 0):
            wall(b, width, height, holes, skin.wall, 160)
            _fill(b, holes, skin)
    b.box((-half - 6, -half - 6, -_SUNK), (half + 6, half + 6, 40), skin.base, 200, "-z")
    b.box(
        (-half - 14, -half - 14, height - 10), (half + 14, half + 14, height + 10), skin.trim, 200
    )
    lathe(
        b,
        (0, 0, height + 10),
        [(3, spire), (half * 0.6, spire * 0.42), (half * 1.5, 0)],
        skin.roof,
        4,
    )
    tube(
        b,
        np.array([[0, 0, height + spire - 10], [0, 0, height + spire + 120]]),
        np.array([5, 5]),
        skin.trim,
        6,
    )
    b.box((-4, -30, height + spire + 74), (4, 30, height + spire + 84), skin.trim)


def ruin_wall(
    b: MeshBuilder,
    rng: np.random.Generator,
    stone: Material,
    length: float,
    height: float,
    thick: float = 80.0,
    gate: bool = False,
) -> None:
    """A broken wall along y: a row of columns of stone whose tops fall and rise."""
    step = 62.0
    count = max(3, int(length / step))
    tops = np.interp(
        np.arange(count), np.linspace(0, count - 1, 6), height * rng.uniform(0.35, 1.0, 6)
    )
    tops = tops + rng.uniform(-0.1, 0.1, count) * height
    y = -length / 2 + np.arange(count) * step
    low = np.column_stack([np.full(count, -thick / 2), y, np.full(count, -_SUNK)])
    high = np.column_stack([np.full(count, thick / 2), y + step + 0.5, tops])
    if gate:
        middle = np.abs(y + step / 2) < 130
        low[middle, 2] = 300
        high[middle, 2] = np.maximum(high[middle, 2], 380)
    b.boxes(low, high, [stone] * count)
    loose = rng.integers(0, count, count // 2)
    size = rng.uniform(14, 30, (len(loose), 3))
    at = np.column_stack(
        [rng.uniform(-thick, thick, len(loose)) * 1.6, y[loose], np.full(len(loose), -6)]
    )
    b.boxes(at, at + size, [stone] * len(loose))


def fence(
    b: MeshBuilder, points: np.ndarray, wood: Material, rails: int = 2, height: float = 110.0
) -> None:
    """A rail fence through world points (N,3); posts on all of them."""
    for x, y, z in points:
        b.box((x - 6, y - 6, z - 40), (x + 6, y + 6, z + height), wood, 120)
    for a, c in zip(points[:-1], points[1:], strict=True):
        for share in np.linspace(0.45, 0.88, rails):
            lift = np.array([0, 0, height * share])
            tube(b, np.stack([a + lift, c + lift]), np.array([4.5, 4.5]), wood, 5)


def pier(b: MeshBuilder, wood: Material, length: float, width: float, height: float) -> None:
    """A landing stage from the origin along +x, its deck `height` above the frame."""
    b.box((0, -width / 2, height - 9), (length, width / 2, height), wood, 150)
    for x in np.arange(40, length, 240):
        for y in (-width / 2 + 10, width / 2 - 10):
            tube(b, np.array([[x, y, -260], [x, y, height + 42]]), np.array([11, 10]), wood, 7)


def signpost(b: MeshBuilder, wood: Material, boards: list[tuple[float, Material]]) -> None:
    """A post with pointing boards at the given yaws."""
    b.box((-5, -5, -30), (5, 5, 235), wood, 100)
    for k, (yaw, board) in enumerate(boards):
        with b.at(0, 0, 205 - 30 * k, yaw):
            b.quad((6, 0, 12), (95, 0, 0), (0, 0, -24), board)
            b.quad((101, 1.5, 12), (-95, 0, 0), (0, 0, -24), board)


def well(b: MeshBuilder, stone: Material, wood: Material, dark: Material) -> None:
    """A round well under a small roof."""
    lathe(b, (0, 0, 0), [(62, 20), (64, 82), (92, 82), (94, 0), (94, -50)], stone, 20)
    for y in (-84.0, 84.0):
        b.box((-7, y - 7, 60), (7, y + 7, 230), wood, 100)
    for yaw in (0, 180):
        with b.at(0, 0, 0, yaw):
            b.quad((0, 120, 285), (0, -240, 0), (110, 0, -80), wood, 150)
    lathe(b, (0, 0, 0), [(0.5, 30), (62, 30)], dark, 20)


def firewood(b: MeshBuilder, bark: Material) -> None:
    """A stack of logs along y."""
    for row in range(5):
        for k in range(9 - row % 2):
            with b.at(0, -110 + 25.0 * k + 12 * (row % 2), 12 + 21.5 * row):
                tube(b, np.array([[-45, 0, 0], [45, 0, 0]]), np.array([12, 12]), bark, 6)
                for x, way in ((45, 1), (-45, -1)):
                    cap = np.array([[x, 0, 0], [x + way * 0.5, 0, 0]])
                    tube(b, cap, np.array([12, 0.2]), bark, 6)
