"""Homes: "home:SEED", 80 to 160 square metres of connected, furnished rooms on one floor."""

from dataclasses import replace
from math import atan2, degrees

import numpy as np

from capture.engine.generate.indoor.city import build_city
from capture.engine.generate.indoor.daylight import ANY, draw_daylight
from capture.engine.generate.indoor.home_palette import MOODS, HomePalette
from capture.engine.generate.indoor.interior import build_outside, build_shell
from capture.engine.generate.indoor.placing import Floor
from capture.engine.generate.indoor.plan import (
    Room,
    add_windows,
    connect,
    make_plan,
    shared_wall,
)
from capture.engine.generate.indoor.rooms import Furnisher
from capture.engine.generate.kit import pictures as pic
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Lamp, Quality
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.scene import Scene

EYE_CM = 160.0


def generate_home(seed: int) -> Scene:
    """The home of a seed."""
    rng = np.random.default_rng([seed, 0x401E])
    mood, day = pic.pick(rng, MOODS), draw_daylight(rng, ANY)
    width, depth = float(rng.integers(104, 138) * 10), float(rng.integers(86, 110) * 10)
    rooms = make_plan(rng, width, depth, int(rng.integers(6, 8)), 290.0)
    height = float(rng.integers(*mood.height))
    for room in rooms:
        room.height_cm = height
    assign_kinds(rng, rooms)
    connect(rng, rooms, 0.5)
    add_windows(rng, rooms, width, depth)
    b, palette = MeshBuilder(), HomePalette(rng, mood)
    lamps, spawns = [], []
    for index, room in enumerate(rooms):
        room_lamps, spawn = _build_room(b, palette, room, index)
        lamps += [replace(lamp, power=_times(lamp.power, day.lamps * 1.4)) for lamp in room_lamps]
        spawns.append(spawn)
    spawns += [_doorway_spawn(room) for room in rooms[: max(0, 8 - len(spawns))]]
    garden = bool(rng.random() < 0.65)
    build_outside(b, rooms, width, depth, palette.outside(), rng, garden)
    if not garden:
        build_city(b, palette.m, palette.noise, rng, (width, depth),
                   float(rng.integers(4, 30) * 100), day.name in ("night", "dusk"))  # fmt: skip
    kinds = ", ".join(sorted({_WORDS[r.kind] for r in rooms}))
    beams = " under wooden beams" if mood.beams else ""
    return finish_scene(
        name=f"home:{seed}",
        caption=f"A {mood.word} furnished home {day.phrase} with {kinds}, joined by open "
        f"doorways{beams}; its windows look onto a {'garden' if garden else 'town'}.",
        builder=b,
        textures=palette.m.textures(),
        lamps=lamps,
        sun=day.sun,
        sky=day.sky,
        quality=Quality(rays=64, smoothing=3, sky_gain=3.4),
        brightness=day.brightness,
        spawns=np.array(spawns),
        roam_cm=np.array([[20, 20, 30], [width - 20, depth - 20, height - 30]]),
    )


def _times(power: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return power[0] * factor, power[1] * factor, power[2] * factor


_WORDS = {
    "living": "a living room", "kitchen": "a kitchen", "bedroom": "bedrooms", "bath": "a bathroom",
    "study": "a study", "dining": "a dining room", "child": "a child's room", "hall": "a hall",
}  # fmt: skip


def assign_kinds(rng: np.random.Generator, rooms: list[Room]) -> None:
    """The largest room is for living, a neighbour of it the kitchen, the smallest the bath."""
    rooms.sort(key=lambda r: -r.area_m2)
    rooms[0].kind, rooms[-1].kind = "living", "bath"
    rest = rooms[1:-1]
    near = [r for r in rest if shared_wall(rooms[0], r)] or rest
    near[int(rng.integers(len(near)))].kind = "kitchen"
    order = ["bedroom", "dining", "child", "study", "hall"]
    free = [r for r in rest if not r.kind]
    wanted = ["bedroom", *[order[1:][i] for i in rng.permutation(4)]]
    for room, kind in zip(free, wanted, strict=False):
        room.kind = kind


def _build_room(
    b: MeshBuilder, palette: HomePalette, room: Room, index: int
) -> tuple[list[Lamp], list[float]]:
    sides = [
        s for s, openings in room.openings.items() if not any(o.kind == "arch" for o in openings)
    ]
    build_shell(
        b,
        room,
        palette.finish(room.kind, index),
        (sides or ["west"])[int(palette.rng.integers(max(1, len(sides))))],
    )
    if palette.mood.beams:
        _beams(b, palette, room)
    floor = Floor(room, palette.rng)
    lamps = Furnisher(
        b, floor, palette.style(index), palette.rng, palette.art, palette.rugs
    ).furnish(room.kind)
    x, y = floor.open_point()
    cx, cy = _farthest_corner(room, x, y)
    return lamps, [x, y, EYE_CM, degrees(atan2(cy - y, cx - x))]


def _beams(b: MeshBuilder, palette: HomePalette, room: Room) -> None:
    """Beams under the ceiling, across the room."""
    x0, y0, x1, y1 = room.inner()
    for x in np.linspace(x0, x1, max(3, round((x1 - x0) / 95)) + 1)[1:-1]:
        with b.object("beam"), b.using(collides=False):
            low, high = (x - 8, y0, room.height_cm - 17), (x + 8, y1, room.height_cm - 0.5)
            b.box(low, high, palette.beam, 40, skip="-y+y+z")


def _farthest_corner(room: Room, x: float, y: float) -> tuple[float, float]:
    x0, y0, x1, y1 = room.inner()
    return max(
        ((cx, cy) for cx in (x0, x1) for cy in (y0, y1)),
        key=lambda c: (c[0] - x) ** 2 + (c[1] - y) ** 2,
    )


def _doorway_spawn(room: Room) -> list[float]:
    """In the middle of a room's first doorway, looking into the room."""
    for side, openings in room.openings.items():
        for opening in openings:
            if opening.kind != "window":
                x, y, yaw, _ = room.side(side)
                c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
                return [float(x - s * opening.centre), float(y + c * opening.centre), EYE_CM, yaw]
    raise ValueError("room without a door")
