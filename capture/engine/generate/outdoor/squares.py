"""Squares: "square:SEED", a paved place among houses, with a monument, a market, trees and benches.

The middle is at (0, 0) on the ground; house fronts stand on all four sides.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.outdoor import monuments, props
from capture.engine.generate.outdoor.facades import build_house
from capture.engine.generate.outdoor.landmarks import clock_tower
from capture.engine.generate.outdoor.townlook import CAR_PAINTS, PAINTS, TownPalette
from capture.engine.generate.outdoor.townstyle import Town, draw_town
from capture.engine.scene import Scene

EYE_CM = 160.0


def generate_square(seed: int) -> Scene:
    """The square of a seed."""
    rng = np.random.default_rng([seed, 0x5C0A])
    town = draw_town(rng)
    b, palette = town.b, town.palette
    half = float(rng.integers(20, 34) * 100), float(rng.integers(16, 27) * 100)
    # Cars stand at one end and a market or trees on one side; the monument keeps away from both.
    end, side = rng.choice([-1.0, 1.0], 2).tolist()
    middle = -end * rng.uniform(0, 0.3) * half[0], -side * rng.uniform(0, 0.3) * half[1]
    _pavement(b, palette, half, middle[1])
    _houses(town, half)
    centre = pick(rng, ["fountain", "statue", "obelisk"])
    article = "an" if centre == "obelisk" else "a"
    with b.object(centre), b.at(*middle):
        getattr(monuments, centre)(b, palette)
    market = bool(rng.random() < 0.6)
    if market:
        _market(b, palette, half, side)
    else:
        _grove(town, half, side)
    _edges(town, half)
    _column(b, palette, (-end * (half[0] - 520), 0))
    _cars(b, palette, (end * (half[0] - 700), -side * rng.uniform(0, 0.12) * half[1]))
    season = town.season_word()
    first = "An" if (season or "town")[0] in "aeiou" else "A"
    return town.finish(
        f"square:{seed}",
        f"{first} {season}town square {town.daylight.hour} with {article} {centre} in its middle, "
        f"{'market stalls, trees' if market else 'rows of trees'} and benches, surrounded by "
        f"{town.houses()} and a clock tower.",
        _spawns(rng, half),
        np.array([[80 - half[0], 80 - half[1], 40], [half[0] - 80, half[1] - 80, 520]]),
    )


def _grove(town: Town, half: tuple[float, float], side: float) -> None:
    """Two rows of trees with benches between them, where others have a market."""
    b, palette = town.b, town.palette
    for row in (0.36, 0.64):
        for x in np.arange(-half[0] * 0.6, half[0] * 0.61, 560):
            with b.object("tree"), b.at(float(x), side * row * half[1]):
                b.quad((-60, -60, 1.6), (120, 0, 0), (0, 120, 0), palette.hedge, 60)
                town.tree(600, 900)
    for x in np.arange(-half[0] * 0.5, half[0] * 0.51, 560):
        with b.object("bench"), b.at(float(x), side * 0.5 * half[1], 0, -90 * side):
            props.bench(b, palette.wood, palette.flat((72, 78, 84)))


def _spawns(rng: np.random.Generator, half: tuple[float, float]) -> np.ndarray:
    """About the middle and the corners, looking inwards or along the fronts."""
    places = [
        (-0.8, -0.75, 40), (0.8, -0.75, 140), (0.8, 0.75, -140), (-0.8, 0.75, -40),
        (-0.48, 0.06, -4), (0.4, -0.08, 176), (0.1, -0.46, 96), (-0.1, 0.46, -84),
    ]  # fmt: skip
    x, y, yaw = np.array(places, float).T
    x, y = x + rng.uniform(-0.14, 0.14, len(x)), y + rng.uniform(-0.14, 0.14, len(x))
    yaw = yaw + rng.uniform(-30, 30, len(x))
    if rng.random() < 0.5:
        x, yaw = -x, 180 - yaw
    if rng.random() < 0.5:
        y, yaw = -y, -yaw
    spawns = np.column_stack([x * half[0], y * half[1], np.full(len(x), EYE_CM), yaw])
    return rng.permutation(spawns)


def _pavement(
    b: MeshBuilder, palette: TownPalette, half: tuple[float, float], path_y_cm: float
) -> None:
    """Setts, a paler border before the houses, and a paler path to the monument."""
    rng, noise, m = palette.rng, palette.noise, palette.m
    colour = pick(rng, [(164, 146, 124), (146, 140, 134), (172, 130, 104)])
    kinds = [
        (tex.cobbles(noise, colour), 170),
        (tex.cobbles(noise, colour), 170),
        (tex.bricks(noise, colour, tex.darker(colour, 0.75), 8, 4, 0.1, 0.02), 320),
        (tex.tiles(noise, colour, tex.darker(colour, 0.86), 4, tex.darker(colour, 0.7)), 400),
    ]
    image, size = pick(rng, kinds)
    setts = m.tiled(palette.snowed(image, 0.5), size)
    slab = pick(rng, [(196, 188, 172), (180, 178, 176)])
    border = tex.bricks(noise, slab, tex.darker(slab, 0.7), 6, 3, 0.09, 0.014)
    paving = m.tiled(palette.snowed(border, 0.6), 300)
    x, y = half
    with b.object("square"):
        b.quad((-x, -y, 0), (2 * x, 0, 0), (0, 2 * y, 0), setts, 90)
    with b.object("path"), b.using(collides=False, occludes=False):
        for low, high in (((-x, -y), (x, 300 - y)), ((-x, y - 300), (x, y))):
            _flat(b, low, high, paving)
        for low, high in (((-x, 300 - y), (300 - x, y - 300)), ((x - 300, 300 - y), (x, y - 300))):
            _flat(b, low, high, paving)
        _flat(b, (300 - x, path_y_cm - 150), (x - 300, path_y_cm + 150), paving)
    with b.object("land"):
        b.quad((-9000, -9000, -30), (18000, 0, 0), (0, 18000, 0), palette.flat_roof, 1500)


def _flat(
    b: MeshBuilder, low: tuple[float, float], high: tuple[float, float], material: Material
) -> None:
    size = (high[0] - low[0], 0, 0), (0, high[1] - low[1], 0)
    b.quad((*low, 1.0), *size, material, 100)


def _houses(town: Town, half: tuple[float, float]) -> None:
    """A row on each side; the tower stands in the middle of one of them."""
    b, palette = town.b, town.palette
    tower_side = int(palette.rng.integers(4))
    sides = ((0, -1, 90.0), (0, 1, -90.0), (-1, 0, 0.0), (1, 0, 180.0))
    for number, (x, y, yaw) in enumerate(sides):
        length = 2 * (half[0] if y else half[1])
        with b.at(x * half[0], y * half[1], 0, yaw):
            _side(town, length, number == tower_side)


def _side(town: Town, length: float, tower: bool) -> None:
    b, palette = town.b, town.palette
    count = max(3, round(length / 950))
    count += 1 - count % 2 if tower else 0
    widths = palette.rng.uniform(0.85, 1.15, count)
    widths *= length / widths.sum()
    y = -length / 2
    for k, width in enumerate(widths.tolist()):
        with b.at(0, y + width / 2):
            if tower and k == count // 2:
                clock_tower(b, palette, width)
            else:
                house = palette.house(width, town.storeys)
                build_house(b, house, palette.look(house), palette.rng)
        y += width


def _market(b: MeshBuilder, palette: TownPalette, half: tuple[float, float], side: float) -> None:
    """Two rows of stalls on one half of the square."""
    for row in (0.34, 0.62):
        for x in np.arange(-half[0] * 0.55, half[0] * 0.56, 430):
            if palette.rng.random() < 0.78:
                with b.object("stall"), b.at(float(x), side * row * half[1], 0, -90 * side):
                    monuments.stall(b, palette)


def _edges(town: Town, half: tuple[float, float]) -> None:
    """Trees, lamps and benches along the borders."""
    b, palette = town.b, town.palette
    rng, metal = palette.rng, palette.flat((72, 78, 84))
    for side in (-1, 1):
        first = int(rng.integers(4))
        for k, x in enumerate(np.arange(-half[0] + 500, half[0] - 400, rng.integers(420, 620))):
            with b.at(float(x), side * (half[1] - 400), 0, -90 * side):
                _edge_thing(town, first + k, metal)
        for y in (-half[1] * 0.45, half[1] * 0.45):
            with b.at(side * (half[0] - 420), float(y), 0, 90.0 * side + 90):
                _edge_thing(town, int(rng.integers(4)), metal)


def _cars(b: MeshBuilder, palette: TownPalette, middle: tuple[float, float]) -> None:
    """One to three cars side by side."""
    rng = palette.rng
    glass, tyre, rim = (
        palette.flat((66, 80, 92)),
        palette.flat((40, 40, 42)),
        palette.flat((170, 172, 176)),
    )
    lamps = palette.flat((240, 238, 224)), palette.flat((150, 24, 24))
    for k in rng.permutation(3)[: rng.integers(1, 4)]:
        paint = palette.flat(pick(rng, CAR_PAINTS), 12)
        kind = pick(rng, ["hatchback", "saloon", "van"])
        yaw = float(pick(rng, [0, 180]))
        with b.object("car"), b.at(middle[0], middle[1] + (int(k) - 1) * 260.0, 0, yaw):
            props.car(b, kind, paint, glass, tyre, rim, *lamps)


def _column(b: MeshBuilder, palette: TownPalette, place: tuple[float, float]) -> None:
    with b.object("advert_column"), b.at(*place):
        posters = [palette.posters[i] for i in palette.rng.permutation(8)[:4]]
        props.advert_column(b, palette.flat((72, 78, 84)), posters)


def _edge_thing(town: Town, k: int, metal: Material) -> None:
    """A tree, a bench with a bin, a lamp or a planter, by number."""
    b, palette, rng = town.b, town.palette, town.palette.rng
    if k % 4 in (0, 2):
        with b.object("tree"):
            b.quad((-60, -60, 1.6), (120, 0, 0), (0, 120, 0), palette.hedge, 60)
            town.tree()
    elif k % 4 == 1:
        with b.object("bench"):
            props.bench(b, palette.wood, metal)
        with b.object("bin"), b.at(0, 130):
            props.bin_(b, palette.flat(pick(rng, PAINTS), 10), metal)
        with b.object("lamp_post"), b.at(-40, -160):
            props.lamp_post(b, metal, palette.flat((250, 240, 214)), True)
    else:
        with b.object("planter"):
            props.planter(b, rng, palette.wood, pick(rng, palette.leaves), 200)
