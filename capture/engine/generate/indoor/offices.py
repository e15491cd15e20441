"""Offices: "office:SEED", a floor high above a town, with desks and meeting rooms."""

import numpy as np

from capture.engine.generate.indoor.city import build_city
from capture.engine.generate.indoor.daylight import ANY, draw_daylight
from capture.engine.generate.indoor.interior import Finish, build_roof, build_shell
from capture.engine.generate.indoor.office_rooms import OfficeLook, OfficeRoom, ceiling_services
from capture.engine.generate.indoor.palette import Palette
from capture.engine.generate.indoor.placing import Floor
from capture.engine.generate.indoor.plan import (
    Opening,
    Room,
    add_door,
    outer_sides,
    shared_wall,
)
from capture.engine.generate.indoor.views import views_across
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Quality
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import vary
from capture.engine.scene import Scene

_WORDS = {
    "meeting": "meeting rooms", "kitchen": "a kitchenette", "lounge": "a lounge",
    "copy": "a copy room", "cell": "single offices",
}  # fmt: skip
_BOARDS = [(182, 138, 92), (206, 172, 130), (128, 92, 64)]
_CEILINGS = ("tiles", "exposed", "slats", "plaster")


def generate_office(seed: int) -> Scene:
    """The office of a seed."""
    rng = np.random.default_rng([seed, 0x0FF1])
    b, palette = MeshBuilder(), Palette(rng)
    width, depth = float(rng.integers(175, 260) * 10), float(rng.integers(120, 165) * 10)
    rooms = _plan(rng, width, depth, float(rng.integers(270, 350)))
    ceiling, day = _CEILINGS[int(rng.integers(4))], draw_daylight(rng, ANY)
    _glaze(rng, rooms, width, depth)
    finishes, look = _finishes(palette, ceiling), OfficeLook(palette)
    lamps, spawns = [], []
    for index, room in enumerate(rooms):
        finish = finishes[0 if room.kind == "open" else 1 + index % 2]
        build_shell(b, room, finish, ("west", "east", "north", "south")[index % 4], 28.0)
        floor = Floor(room, rng)
        maker = OfficeRoom(b, floor, palette.style(index % 3), rng, palette.art, [])
        maker.take(palette, look, ceiling, day.lamps)
        lamps += maker.furnish(room.kind)
        spawns += views_across(floor, 5 if room.kind == "open" else 1)
    ceiling_services(b, palette, rooms[0], ceiling)
    build_roof(b, width, depth, rooms[0].height_cm, palette.flat((120, 118, 114)))
    build_city(b, palette.m, palette.noise, rng, (width, depth),
               float(rng.integers(8, 60) * 100), day.name in ("night", "dusk"))  # fmt: skip
    kinds = sorted({_WORDS[r.kind] for r in rooms if r.kind in _WORDS})
    return finish_scene(
        name=f"office:{seed}",
        caption=f"An open-plan office {day.phrase} with rows of desks and screens, "
        f"{', '.join(kinds)} behind glazed walls, and windows onto a town.",
        builder=b,
        textures=palette.m.textures(),
        lamps=lamps,
        sun=day.sun,
        sky=day.sky,
        quality=Quality(rays=40, detail_rays=8, smoothing=2, sky_gain=2.0),
        brightness=day.brightness,
        spawns=np.array(spawns),
        roam_cm=np.array([[20, 20, 30], [width - 20, depth - 20, rooms[0].height_cm - 30.0]]),
    )


def _plan(rng: np.random.Generator, width: float, depth: float, height: float) -> list[Room]:
    """One large room and smaller ones along one side, at both ends, or on both long sides."""
    strip = float(rng.integers(38, 52) * 10)
    layout = int(rng.integers(3))
    if layout == 0:
        rooms = [Room(0, 0, width, depth - strip)]
        rooms += _row(rng, 0, width, depth - strip, depth, int(rng.integers(3, 6)))
    elif layout == 1:
        rooms = [Room(strip, 0, width - strip, depth)]
        rooms += _column(0, strip, depth, int(rng.integers(2, 4)))
        rooms += _column(width - strip, width, depth, int(rng.integers(2, 4)))
    else:
        cut = width * float(rng.uniform(0.62, 0.72))
        rooms = [Room(0, 0, cut, depth)]
        rooms += _column(cut, width, depth, int(rng.integers(2, 5)))
    kinds = ["meeting", "kitchen", "cell", "lounge", "meeting", "copy", "cell", "meeting"]
    order = [kinds[0], kinds[1], *(kinds[2:][i] for i in rng.permutation(6))]
    rooms[0].kind = "open"
    for room, kind in zip(rooms[1:], order, strict=False):
        room.kind = kind
    for room in rooms:
        room.height_cm = height
        if room.kind != "open":
            add_door(rng, rooms[0], room)
            _glass_between(rng, rooms[0], room)
    return rooms


def _row(rng, x0: float, x1: float, y0: float, y1: float, count: int) -> list[Room]:
    cuts = np.linspace(x0, x1, count + 1)
    cuts[1:-1] += rng.uniform(-40, 40, count - 1)
    return [Room(a, y0, c, y1) for a, c in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)]


def _column(x0: float, x1: float, depth: float, count: int) -> list[Room]:
    cuts = np.linspace(0, depth, count + 1).tolist()
    return [Room(x0, a, x1, c) for a, c in zip(cuts[:-1], cuts[1:], strict=True)]


def _glass_between(rng: np.random.Generator, main: Room, room: Room) -> None:
    """Glaze what the door leaves of the wall between two rooms."""
    shared = shared_wall(main, room)
    if shared is None or rng.random() < 0.15:
        return
    sides, low, high = shared[:2], shared[2] + 26, shared[3] - 26
    door = room.openings[sides[1]][-1]
    sill, top = float(rng.choice([8, 8, 84])), door.hole[3]
    middle = _world(room, sides[1], door.centre)
    for a, c in ((low, middle - door.width / 2 - 16), (middle + door.width / 2 + 16, high)):
        if c - a < 70:
            continue
        for place, side in ((main, sides[0]), (room, sides[1])):
            ends = sorted((place.along(side, a), place.along(side, c)))
            place.openings[side].append(Opening((ends[0], sill, ends[1], top), "glass"))


def _world(room: Room, side: str, along: float) -> float:
    """The world coordinate that runs along a wall at that wall's local y."""
    zero, one = room.along(side, 0.0), room.along(side, 1.0)
    return (along - zero) / (one - zero)


def _glaze(rng: np.random.Generator, rooms: list[Room], width: float, depth: float) -> None:
    """Windows of one kind in the outer walls; one long wall may be closed."""
    closed = {0: "none", 1: "north", 2: "south"}[int(rng.integers(3))]
    kind, top = int(rng.integers(3)), rooms[0].height_cm - float(rng.integers(24, 44))
    sill = {0: 8.0, 1: 78.0, 2: 84.0}[kind]
    wide, gap = ((1e9, 40.0), (1e9, 30.0), (float(rng.integers(13, 20) * 10), 70.0))[kind]
    for room in rooms:
        for side in outer_sides(room, width, depth):
            if side == closed:
                continue
            length = room.side(side)[3]
            count = max(1, int((length - gap) // (min(wide, length - 2 * gap) + gap)))
            size = min(wide, (length - gap * (count + 1)) / count)
            for k in range(count):
                y = (k + 0.5) / count * length - length / 2
                hole = (y - size / 2, sill, y + size / 2, top)
                room.openings[side].append(Opening(hole, "window"))


def _finishes(palette: Palette, ceiling: str) -> list[Finish]:
    """Of the open room and, by turns, the small ones."""
    p, m, noise, rng = palette, palette.m, palette.noise, palette.rng
    top = {
        "tiles": lambda: m.tiled(
            tex.tiles(noise, (234, 234, 230), (230, 230, 226), 4, (196, 196, 192)), 240
        ),
        "exposed": lambda: p.concrete(p.pick([(120, 118, 114), (70, 70, 72), (200, 198, 194)])),
        "slats": lambda: m.tiled(
            tex.boards(noise, p.pick([(176, 128, 82), (120, 84, 56)]), 16), 180
        ),
        "plaster": lambda: p.plaster((238, 236, 230)),
    }[ceiling]()
    frame = p.flat(p.pick([(44, 46, 50), (232, 232, 230), (110, 112, 116), (120, 84, 56)]))
    trim = p.flat(p.pick([(236, 234, 228), (60, 60, 62), (176, 130, 86)]))
    pane = float(rng.integers(10, 19) * 10)
    white = p.pick([(232, 230, 224), (216, 214, 208), (206, 212, 210), (226, 216, 200)])
    result = []
    for k in range(3):
        accent = p.brick() if rng.random() < 0.3 else p.plaster(p.accents[k], 10)
        floor = _floor(palette, p.accents[(k + 4) % 8])
        wall = p.plaster(white)
        result.append(Finish(floor, wall, accent, top, trim, None, frame, pane, (), cornice=False))
    return result


def _floor(palette: Palette, accent):
    p, m, noise = palette, palette.m, palette.noise
    grey = p.pick([(92, 96, 102), (118, 114, 108), (70, 78, 92), (136, 128, 116)])
    makers = [
        lambda: m.tiled(tex.carpet(noise, vary(p.rng, grey, 10)), 120),
        lambda: m.tiled(
            0.5 * tex.carpet(noise, grey)
            + 0.5 * tex.tiles(noise, grey, tex.darker(grey, 0.84), 4, grey),
            200,
        ),
        lambda: m.tiled(tex.planks(noise, p.pick(_BOARDS)), 240, 120),
        lambda: p.concrete((142, 140, 136)),
        lambda: m.tiled(tex.carpet(noise, tex.darker(accent, 0.8)), 120),
    ]  # fmt: skip
    return p.pick(makers)()
