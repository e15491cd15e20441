"""Galleries: "gallery:SEED", halls of a museum with pictures, sculptures and glass cases."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.indoor.daylight import DAY, draw_daylight
from capture.engine.generate.indoor.exhibits import Exhibition
from capture.engine.generate.indoor.interior import Finish, Rect, build_roof, build_shell
from capture.engine.generate.indoor.palette import Colour, Palette
from capture.engine.generate.indoor.placing import Floor
from capture.engine.generate.indoor.plan import Room, connect, make_plan
from capture.engine.generate.indoor.views import views_across
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Quality
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.scene import Scene


@dataclass(frozen=True)
class _Manner:
    """What a kind of museum looks like."""

    word: str
    walls: tuple[Colour, ...]
    floor: str
    height: tuple[int, int]
    skylights: float  # share of halls that have them
    kinds: tuple[str, ...]  # of halls, by turns
    trim: Colour
    ceiling: Colour
    brightness: float


_MANNERS = {
    "old": _Manner(
        "of old paintings in heavy frames",
        ((122, 40, 40), (46, 74, 58), (58, 66, 92), (140, 112, 70), (96, 60, 72), (70, 92, 98)),
        "herringbone", (440, 580), 0.6, ("pictures", "pictures", "mixed"),
        (228, 216, 190), (236, 230, 216), 1.0,
    ),
    "modern": _Manner(
        "of modern art with white walls",
        ((238, 238, 236), (234, 234, 230), (240, 238, 232), (226, 228, 230)),
        "concrete", (380, 520), 0.6, ("pictures", "sculpture", "mixed"),
        (236, 236, 234), (240, 240, 238), 1.7,
    ),
    "antique": _Manner(
        "of antiquities with statues and glass cases",
        ((196, 178, 146), (170, 150, 126), (150, 90, 70), (120, 132, 128), (206, 196, 176)),
        "marble", (420, 560), 0.5, ("statues", "cases", "statues"),
        (200, 186, 160), (226, 218, 200), 1.15,
    ),
    "dark": _Manner(
        "with dark halls and lit exhibits",
        ((44, 46, 52), (52, 44, 46), (36, 48, 56), (58, 54, 48)),
        "planks", (340, 460), 0.0, ("cases", "pictures", "sculpture"),
        (40, 40, 42), (30, 30, 32), 0.6,
    ),
}  # fmt: skip


def generate_gallery(seed: int) -> Scene:
    """The gallery of a seed."""
    rng = np.random.default_rng([seed, 0x6A11])
    name = ("old", "modern", "antique", "dark")[int(rng.integers(4))]
    manner = _MANNERS[name]
    b, palette = MeshBuilder(), Palette(rng, 36, old=name in ("old", "antique"))
    width, depth = float(rng.integers(200, 300) * 10), float(rng.integers(140, 210) * 10)
    height = float(rng.integers(*manner.height))
    rooms = make_plan(rng, width, depth, int(rng.integers(4, 7)), 640.0)
    for index, room in enumerate(rooms):
        room.height_cm = height
        room.kind = manner.kinds[index % len(manner.kinds)]
    arch = float(rng.integers(18, 30) * 10), float(rng.integers(250, 330))
    connect(rng, rooms, 0.6, arch)
    day = draw_daylight(rng, DAY)
    floor_material = _floor(palette, manner.floor)
    lamps, spawns, skylights = [], [], []
    for index, room in enumerate(rooms):
        lights = _skylights(rng, room) if rng.random() < manner.skylights else []
        skylights += lights
        finish = _finish(palette, manner, index, floor_material)
        side = ("west", "north", "east", "south")[index % 4]
        build_shell(b, room, finish, side, 26.0, lights)
        for light in lights:
            _lantern(b, light, height, finish.trim)
        floor = Floor(room, rng)
        show = Exhibition(b, floor, palette.style(index % 3), rng, palette.art, [])
        show.take(palette, manner.word, manner.ceiling[0] < 100, bool(lights))
        lamps += show.furnish(room.kind)
        spawns += views_across(floor, 2)
    build_roof(b, width, depth, height, palette.flat((150, 150, 148)), skylights)
    return finish_scene(
        name=f"gallery:{seed}",
        caption=f"A museum {manner.word}: {len(rooms)} connected halls"
        f"{', some under skylights,' if skylights else ''} with benches and "
        f"{_contents(rooms)} on view.",
        builder=b,
        textures=palette.m.textures(),
        lamps=lamps,
        sun=day.sun if skylights else None,
        sky=day.sky,
        quality=Quality(rays=40, detail_rays=10, smoothing=2, sky_gain=2.4),
        brightness=manner.brightness,
        spawns=np.array(spawns),
        roam_cm=np.array([[20, 20, 30], [width - 20, depth - 20, height - 30.0]]),
    )


def _contents(rooms: list[Room]) -> str:
    kinds = {room.kind for room in rooms}
    words = ["framed pictures"] if kinds & {"pictures", "mixed"} else []
    words += ["sculptures"] if kinds & {"sculpture", "statues", "mixed"} else []
    words += ["small objects in glass cases"] if "cases" in kinds else []
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]


def _skylights(rng: np.random.Generator, room: Room) -> list[Rect]:
    """One large or several narrow openings in a hall's ceiling."""
    x0, y0, x1, y1 = room.inner()
    cx, cy = room.centre
    if rng.random() < 0.5:
        wide, deep = (x1 - x0) * rng.uniform(0.3, 0.5), (y1 - y0) * rng.uniform(0.3, 0.5)
        return [(cx - wide / 2, cy - deep / 2, cx + wide / 2, cy + deep / 2)]
    count = int(rng.integers(2, 4))
    step, wide = (x1 - x0) / count, float(rng.uniform(80, 130))
    return [
        (x0 + (k + 0.5) * step - wide / 2, y0 + 150, x0 + (k + 0.5) * step + wide / 2, y1 - 150)
        for k in range(count)
    ]


def _lantern(b: MeshBuilder, hole: Rect, height: float, trim: Material) -> None:
    """The sides and bars of a skylight, and its pane, which only collides."""
    x0, y0, x1, y1 = hole
    rise = 26.0
    with b.object("skylight"):
        b.quad((x0, y0, height + rise), (x1 - x0, 0, 0), (0, 0, -rise), trim, 60)
        b.quad((x1, y1, height + rise), (x0 - x1, 0, 0), (0, 0, -rise), trim, 60)
        b.quad((x1, y0, height + rise), (0, y1 - y0, 0), (0, 0, -rise), trim, 60)
        b.quad((x0, y1, height + rise), (0, y0 - y1, 0), (0, 0, -rise), trim, 60)
        bars = [(x, y0, x + 4, y1) for x in np.linspace(x0, x1, max(2, round((x1 - x0) / 110)) + 1)]
        bars += [
            (x0, y, x1, y + 4) for y in np.linspace(y0, y1, max(2, round((y1 - y0) / 110)) + 1)
        ]
        with b.using(occludes=False):
            low = np.array([(a, c, height + rise - 8) for a, c, _, _ in bars])
            high = np.array([(d, e, height + rise) for _, _, d, e in bars])
            b.boxes(low, high, [trim] * len(bars))
    with b.object("pane"), b.using(drawn=False, occludes=False):
        b.quad((x0, y1, height), (x1 - x0, 0, 0), (0, y0 - y1, 0), trim)


def _finish(palette: Palette, manner: _Manner, index: int, floor: Material) -> Finish:
    p = palette
    wall = p.plaster(manner.walls[index % len(manner.walls)], 6)
    accent = wall
    if manner.word.startswith("of old") and p.rng.random() < 0.5:
        colour = manner.walls[index % len(manner.walls)]
        motif = tex.wallpaper(p.noise, colour, vary(p.rng, colour, 22), int(p.rng.integers(6)))
        wall = accent = p.m.tiled(motif, 130)
    elif p.rng.random() < 0.4:
        accent = p.plaster(pick(p.rng, manner.walls), 10)
    trim = p.flat(manner.trim)
    return Finish(floor, wall, accent, p.plaster(manner.ceiling), trim, None)


def _floor(palette: Palette, kind: str) -> Material:
    p, m, noise = palette, palette.m, palette.noise
    if kind == "herringbone":
        wood = p.pick([(150, 106, 68), (118, 82, 56), (176, 132, 88)])
        return m.tiled(tex.herringbone(noise, wood), 180)
    if kind == "planks":
        wood = p.pick([(72, 60, 52), (54, 50, 50), (96, 74, 58)])
        return m.tiled(tex.planks(noise, wood), 260, 130)
    if kind == "concrete":
        if p.rng.random() < 0.5:
            return p.concrete(p.pick([(164, 162, 158), (128, 128, 128), (188, 184, 176)]))
        return m.tiled(tex.planks(noise, p.pick([(206, 172, 130), (190, 150, 108)])), 260, 130)
    first, second = p.pick([((206, 198, 184), (92, 84, 78)), ((190, 180, 160), (132, 90, 72)),
                            ((214, 212, 206), (60, 66, 70))])  # fmt: skip
    make = p.pick([tex.tiles, tex.diamond_tiles])
    return m.tiled(make(noise, first, second), 280)
