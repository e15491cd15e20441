"""Streets: "street:SEED", 120 m of road between two rows of houses, closed at both ends.

The road runs along x; its middle is y = 0, the kerbs stand at +-400 cm, the house fronts at +-800.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.facades import build_house
from capture.engine.generate.outdoor.landmarks import clock_tower, hoarding
from capture.engine.generate.outdoor.townlook import CAR_PAINTS, PAINTS, TownPalette
from capture.engine.generate.outdoor.townstyle import Town, draw_town
from capture.engine.scene import Scene

LENGTH_CM, ROAD_CM, FRONT_CM, KERB_CM = 12000.0, 400.0, 800.0, 14.0
EYE_CM = 160.0 + KERB_CM


def generate_street(seed: int) -> Scene:
    """The street of a seed."""
    rng = np.random.default_rng([seed, 0x57EE])
    town = draw_town(rng)
    b, palette = town.b, town.palette
    crossings = [float(rng.uniform(2400, 4200)), float(rng.uniform(7600, 9600))]
    cars = float(pick(rng, [0.0, 0.3, 0.72, 0.72, 0.9]))
    _ground(b, palette, crossings, paved=cars == 0)
    for side in (-1.0, 1.0):
        _row(town, side)
        _pavement_things(town, side, crossings)
        _parked_cars(b, palette, side, crossings, cars)
    _ends(town)
    season = town.season_word()
    article = "An" if (season or "town")[0] in "aeiou" else "A"
    what = "parked cars, trees" if cars else "no cars, trees"
    return town.finish(
        f"street:{seed}",
        f"{article} {season}town street {town.daylight.hour} between two rows of {town.houses()}, "
        f"with {what}, lamp posts, benches and crossings.",
        _spawns(),
        np.array([[150.0, -FRONT_CM + 60, 40], [LENGTH_CM - 150, FRONT_CM - 60, 520]]),
    )


def _spawns() -> np.ndarray:
    """Along both pavements' kerb sides and on the road, looking along and across the street."""
    rows = [
        (600, 0, 0),
        (2000, -620, 20),
        (3600, 0, 180),
        (5200, 620, -30),
        (6400, 0, 0),
        (7900, -620, 170),
        (9300, 620, 200),
        (11200, 0, 180),
    ]
    return np.array([(x, y, EYE_CM if y else EYE_CM - KERB_CM, yaw) for x, y, yaw in rows], float)


def _ground(b: MeshBuilder, palette: TownPalette, crossings: list[float], paved: bool) -> None:
    """Carriageway, gutters, kerbs, pavements, markings, and land under and beyond the houses."""
    noise, m = palette.noise, palette.m
    setts = pick(palette.rng, [(150, 142, 134), (164, 140, 118), (136, 136, 140)])
    image, size = (tex.cobbles(noise, setts), 190) if paved else (tex.asphalt(noise), 400)
    road = m.tiled(palette.snowed(image, 0.3), size)
    colour = pick(palette.rng, [(178, 172, 162), (160, 150, 140), (186, 170, 150)])
    paving = m.tiled(
        palette.snowed(tex.bricks(noise, colour, tex.darker(colour, 0.72), 6, 3, 0.09, 0.014), 0.6),
        300,
    )
    stone, white = (
        m.tiled(tex.plaster(noise, (150, 148, 146), 2.0), 90),
        m.tiled(tex.stained_plaster(noise, (226, 226, 222)), 200),
    )
    with b.object("road"):
        b.quad((0, -ROAD_CM, 0), (LENGTH_CM, 0, 0), (0, 2 * ROAD_CM, 0), road, 100)
    for side in (-1, 1):
        y0, y1 = sorted((side * ROAD_CM, side * FRONT_CM))
        with b.object("pavement"):
            b.quad((0, y0, KERB_CM), (LENGTH_CM, 0, 0), (0, y1 - y0, 0), paving, 80)
        with b.object("kerb"):
            k0, k1 = sorted((side * (ROAD_CM - 4), side * (ROAD_CM + 16)))
            b.box((0, k0, 0), (LENGTH_CM, k1, KERB_CM + 0.8), stone, 160, skip="-z-x+x")
    with b.object("land"):
        b.quad((-9000, -9000, -30), (30000, 0, 0), (0, 18000, 0), palette.flat_roof, 1500)
    with b.object("marking"), b.using(collides=False, occludes=False):
        for x in np.arange(350, LENGTH_CM - 300, 600):
            if all(abs(x + 100 - c) > 450 for c in crossings):
                b.quad((x, -6, 1), (220, 0, 0), (0, 12, 0), white, 120)
    for c in crossings:
        with b.object("crossing"), b.using(collides=False, occludes=False):
            for y in range(-370, 371, 92):
                b.quad((c - 150, y - 24, 1), (300, 0, 0), (0, 48, 0), white, 100)


def _row(town: Town, side: float) -> None:
    """Houses of differing widths that together fill one side."""
    b, palette = town.b, town.palette
    widths = palette.rng.uniform(760, 1320, 12)
    widths = np.round(widths * (LENGTH_CM / widths.sum()))
    widths[-1] += LENGTH_CM - widths.sum()
    x = 0.0
    for width in widths:
        house = palette.house(float(width), town.storeys)
        with b.at(x + width / 2, side * FRONT_CM, KERB_CM, -90 * side):
            build_house(b, house, palette.look(house), palette.rng)
        x += float(width)


def _pavement_things(town: Town, side: float, crossings: list[float]) -> None:
    """Trees and lamps by turns along the kerb; benches, bins and others between them."""
    b, palette = town.b, town.palette
    rng, metal = (
        palette.rng,
        palette.flat(pick(palette.rng, [(72, 78, 84), (66, 96, 84), (92, 84, 76)])),
    )
    old = bool(rng.random() < 0.5)
    wanted = [_bench, _bin, _column, _planter, _post_box, _bench, _cafe, _shelter, _planter, _bin]
    things = [wanted[i] for i in rng.permutation(len(wanted))]
    for k, x in enumerate(np.arange(500 + 200 * (side > 0), LENGTH_CM - 400, 560)):
        if any(abs(x - c) < 240 for c in crossings):
            continue
        with b.at(float(x), side * (ROAD_CM + 62), KERB_CM, 90 * side):
            if k % 2 == 0:
                _street_tree(town)
            else:
                with b.object("lamp_post"), b.at(0, 0, 0, 180):
                    props.lamp_post(b, metal, palette.flat((250, 240, 214)), old)
        if k % 2 == 0 and things and all(abs(x + 280 - c) > 330 for c in crossings):
            with b.at(float(x) + 280, side * (ROAD_CM + 95), KERB_CM, 90 * side):
                things.pop()(b, palette, metal)
    for c in crossings:
        for offset in (-190, 190):
            with b.object("bollard"), b.at(c + offset, side * (ROAD_CM + 40), KERB_CM):
                props.bollards(b, np.array([[0, 0]]), metal)


def _street_tree(town: Town) -> None:
    with town.b.object("tree"):
        town.b.quad((-50, -50, 0.8), (100, 0, 0), (0, 100, 0), town.palette.hedge, 50)
        town.tree()


def _bench(b: MeshBuilder, palette: TownPalette, metal) -> None:
    with b.object("bench"):
        props.bench(b, palette.wood, metal)


def _bin(b: MeshBuilder, palette: TownPalette, metal) -> None:
    with b.object("bin"):
        props.bin_(b, palette.flat(pick(palette.rng, PAINTS), 10), metal)


def _column(b: MeshBuilder, palette: TownPalette, metal) -> None:
    with b.object("advert_column"):
        props.advert_column(b, metal, [palette.posters[i] for i in palette.rng.permutation(8)[:4]])


def _planter(b: MeshBuilder, palette: TownPalette, metal) -> None:
    with b.object("planter"):
        props.planter(
            b,
            palette.rng,
            palette.wood if palette.rng.random() < 0.5 else palette.flat((150, 146, 140)),
            pick(palette.rng, palette.leaves),
            180,
        )


def _post_box(b: MeshBuilder, palette: TownPalette, metal) -> None:
    with b.object("post_box"):
        props.post_box(
            b,
            palette.flat(pick(palette.rng, [(180, 32, 30), (222, 178, 36), (40, 84, 150)])),
            metal,
        )


def _cafe(b: MeshBuilder, palette: TownPalette, metal) -> None:
    cloth = palette.flat(
        pick(palette.rng, [(196, 60, 48), (236, 226, 200), (58, 110, 84), (232, 170, 60)])
    )
    for y in (-110, 110):
        with b.object("cafe_table"), b.at(10, 0, 0, 90), b.at(y, 0):
            props.cafe_set(b, palette.wood, metal, cloth)


def _shelter(b: MeshBuilder, palette: TownPalette, metal) -> None:
    with b.object("bus_shelter"), b.at(20, 0, 0, 180):
        props.bus_shelter(b, metal, metal, pick(palette.rng, palette.posters), palette.wood)


def _parked_cars(
    b: MeshBuilder, palette: TownPalette, side: float, crossings: list[float], share: float
) -> None:
    rng, flat = palette.rng, palette.flat
    x = float(rng.uniform(700, 1200))
    glass, tyre, rim = flat((66, 80, 92)), flat((40, 40, 42)), flat((170, 172, 176))
    while x < LENGTH_CM - 700:
        if all(abs(x - c) > 520 for c in crossings) and rng.random() < share:
            kind, paint = (
                pick(rng, ["hatchback", "saloon", "hatchback", "saloon", "van"]),
                flat(pick(rng, CAR_PAINTS), 12),
            )
            yaw = (180 if side > 0 else 0) + float(rng.uniform(-1.5, 1.5))
            with b.object("car"), b.at(x, side * (ROAD_CM - 112), 0, yaw):
                props.car(
                    b, kind, paint, glass, tyre, rim, flat((240, 238, 224)), flat((150, 24, 24))
                )
        x += float(rng.uniform(560, 800))


def _ends(town: Town) -> None:
    """West: a tower between two houses. East: houses, or a hoarding with trees before them."""
    b, palette = town.b, town.palette
    _facing(b, palette, 0.0, 0.0, [500.0, 600.0, 500.0], tower=1)
    if palette.rng.random() < 0.5:
        _facing(b, palette, LENGTH_CM, 180.0, [860.0, 740.0], tower=-1)
        return
    with b.at(LENGTH_CM, 0, 0, 180):
        hoarding(b, palette, 2 * FRONT_CM)
    _facing(b, palette, LENGTH_CM + 1500, 180.0, [1000.0] * 4, tower=-1)


def _facing(
    b: MeshBuilder, palette: TownPalette, x: float, yaw: float, widths: list[float], tower: int
) -> None:
    """A row across the street at x, with a tower in place number `tower`."""
    y = -sum(widths) / 2
    for k, width in enumerate(widths):
        with b.at(x, 0, 0, yaw), b.at(0, y + width / 2, 0):
            if k == tower:
                clock_tower(b, palette, width)
            else:
                house = palette.house(width, (2, 3))
                build_house(b, house, palette.look(house), palette.rng)
        y += width
