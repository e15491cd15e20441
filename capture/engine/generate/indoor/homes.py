"""Homes: "home:SEED", 80 to 160 square metres of connected, furnished rooms on one floor."""

from math import atan2, degrees

import numpy as np

from capture.engine.generate.indoor.furniture import Style
from capture.engine.generate.indoor.interior import Finish, build_outside, build_shell
from capture.engine.generate.indoor.placing import Floor
from capture.engine.generate.indoor.plan import (
    HEIGHT_CM,
    Room,
    add_windows,
    connect,
    make_plan,
    shared_wall,
)
from capture.engine.generate.indoor.rooms import Furnisher
from capture.engine.generate.kit import pictures as pic
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Lamp, Quality
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.scene import Scene, Sky, Sun

EYE_CM = 160.0

WALLS = [
    (226, 220, 206), (206, 214, 204), (200, 212, 222),
    (228, 206, 190), (220, 214, 226), (232, 222, 188),
    (190, 204, 196), (214, 196, 184), (236, 232, 226),
]  # fmt: skip
ACCENTS = [
    (150, 74, 62), (58, 96, 112), (92, 116, 84), (204, 158, 78), (112, 84, 122), (64, 72, 96),
    (184, 116, 92), (70, 120, 118), (164, 132, 98), (198, 130, 140),
]  # fmt: skip
WOODS = [
    (176, 128, 82),
    (134, 92, 58),
    (206, 170, 124),
    (96, 64, 44),
    (188, 148, 104),
    (150, 112, 84),
]
FLOORS = [(182, 138, 92), (150, 106, 68), (206, 172, 130), (118, 82, 56), (168, 146, 122)]


class HomePalette:
    """Makes the materials of a home; no two rooms get the same walls."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.m, self.noise = rng, Materials(), NoiseBank(rng)
        self.walls = [WALLS[i] for i in rng.permutation(len(WALLS))]
        self.accents = [ACCENTS[i] for i in rng.permutation(len(ACCENTS))]
        self.woods = [
            self.m.tiled(tex.wood(self.noise, pic.vary(rng, WOODS[i], 8)), 140)
            for i in rng.permutation(len(WOODS))[:4]
        ]
        self.books = self.m.atlas(pic.spines(rng), 8, 8)
        self.art = self.m.atlas([pic.painting(rng) for _ in range(32)], 2, 2)
        self.screens = [self.art.pop() for _ in range(8)]
        self.rugs = self.m.atlas([pic.rug(rng) for _ in range(8)], 2, 2)
        self.leaves = self.m.tiled(tex.foliage(rng, (72, 128, 58), 80, 0.12), 100)
        self.ceiling = self.m.tiled(tex.plaster(self.noise, (240, 238, 233), 0.6), 300)
        self.counters = self.m.tiled(
            tex.stained_plaster(
                self.noise, pic.pick(rng, [(70, 70, 74), (196, 192, 184), (124, 104, 86)])
            ),
            90,
        )
        self.base_floor = pic.pick(rng, FLOORS)

    def finish(self, kind: str, index: int) -> Finish:
        """Walls, floor and curtains of the room number `index`."""
        colour, accent = self.walls[index % len(WALLS)], self.accents[index % len(ACCENTS)]
        plain = self.m.tiled(tex.plaster(self.noise, colour), 220)
        special = plain
        if kind == "bath":
            plain = self.m.tiled(
                tex.tiles(
                    self.noise, colour, pic.vary(self.rng, accent, 10) if index % 2 else colour, 6
                ),
                120,
            )
            special = self.m.tiled(tex.tiles(self.noise, accent, accent, 6), 90)
        elif index % 3 == 0:
            special = self.m.tiled(tex.plaster(self.noise, accent), 220)
        else:
            ink = pic.mix(colour, accent)
            special = self.m.tiled(
                tex.wallpaper(self.noise, colour, ink, int(self.rng.integers(6))), 110
            )
            plain = special if kind in ("bedroom", "dining") and index % 2 else plain
        cloth = (
            tex.striped_fabric(self.noise, accent, colour)
            if index % 2
            else tex.fabric(self.noise, pic.vary(self.rng, accent, 30))
        )
        hanging = None if kind in ("bath", "kitchen") else self.m.tiled(cloth, 80)
        return Finish(
            self._floor(kind), plain, special, self.ceiling, self.m.flat((236, 234, 228)), hanging
        )

    def _floor(self, kind: str) -> Material:
        if kind in ("kitchen", "bath"):
            a, c = (
                pic.vary(self.rng, (214, 208, 198), 14),
                pic.vary(
                    self.rng, pic.pick(self.rng, [(90, 90, 94), (150, 110, 88), (96, 118, 126)]), 14
                ),
            )
            make = pic.pick(self.rng, [tex.tiles, tex.diamond_tiles])
            return self.m.tiled(make(self.noise, a, c), 132)
        if kind in ("bedroom", "child") and self.rng.random() < 0.5:
            return self.m.tiled(
                tex.carpet(
                    self.noise,
                    pic.vary(
                        self.rng,
                        pic.pick(self.rng, [(168, 158, 144), (120, 130, 142), (150, 126, 112)]),
                    ),
                ),
                120,
            )
        colour = pic.vary(self.rng, self.base_floor, 12)
        if kind in ("dining", "study", "hall") and self.rng.random() < 0.5:
            return self.m.tiled(tex.herringbone(self.noise, colour), 160)
        return self.m.tiled(tex.planks(self.noise, colour), 240, 120)

    def style(self, index: int) -> Style:
        """Furniture materials of the room number `index`."""
        rng, flat = self.rng, self.m.flat
        cloth = self.accents[(index + 3) % len(ACCENTS)]
        first, second = self.woods[index % 4], self.woods[(index + 1 + index // 4) % 4]
        front = (
            first
            if rng.random() < 0.5
            else flat(
                pic.vary(
                    rng,
                    pic.pick(
                        rng,
                        [
                            (232, 230, 224),
                            (86, 112, 118),
                            (112, 128, 104),
                            (196, 186, 170),
                            (60, 72, 92),
                        ],
                    ),
                )
            )
        )
        return Style(
            wood=first,
            second_wood=second,
            front=front,
            counter=self.counters,
            leaves=self.leaves,
            cloth=self.m.tiled(tex.fabric(self.noise, pic.vary(rng, cloth, 20)), 60),
            second_cloth=self.m.tiled(
                tex.striped_fabric(self.noise, self.accents[(index + 5) % 10], (228, 222, 208)), 50
            ),
            linen=flat((230, 228, 222)),
            metal=flat((150, 152, 156)),
            white=flat((238, 238, 236)),
            dark=flat((38, 36, 38)),
            pot=flat(
                pic.vary(
                    rng,
                    pic.pick(rng, [(186, 104, 74), (222, 218, 210), (60, 84, 110), (104, 120, 92)]),
                )
            ),
            shade=flat((246, 226, 190)),
            books=self.books,
            screen=self.screens[index % 8],
        )

    def outside(self) -> dict[str, Material]:
        """What is seen through the windows."""
        return {
            "facade": self.m.flat((206, 198, 184)),
            "lawn": self.m.tiled(tex.grass(self.noise), 260),
            "fence": self.m.tiled(
                tex.boards(self.noise, pic.vary(self.rng, (140, 108, 80), 16)), 160
            ),
            "hedge": self.m.tiled(tex.grass(self.noise, (56, 92, 42)), 110),
            "brick": self.m.tiled(
                tex.bricks(self.noise, pic.vary(self.rng, (158, 90, 70), 14)), 100, 90
            ),
            "leaves": self.m.tiled(
                tex.foliage(self.rng, pic.vary(self.rng, (84, 124, 56), 16)), 100
            ),
        }


def generate_home(seed: int) -> Scene:
    """The home of a seed."""
    rng = np.random.default_rng([seed, 0x401E])
    width, depth = float(rng.integers(104, 138) * 10), float(rng.integers(86, 110) * 10)
    rooms = make_plan(rng, width, depth, int(rng.integers(6, 8)), 290.0)
    assign_kinds(rng, rooms)
    connect(rng, rooms, 0.5)
    add_windows(rng, rooms, width, depth)
    b, palette = MeshBuilder(), HomePalette(rng)
    lamps, spawns = [], []
    for index, room in enumerate(rooms):
        room_lamps, spawn = _build_room(b, palette, room, index)
        lamps += room_lamps
        spawns.append(spawn)
    spawns += [_doorway_spawn(room) for room in rooms[: max(0, 8 - len(spawns))]]
    build_outside(b, rooms, width, depth, palette.outside(), rng)
    azimuth, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(28, 46))
    direction = (
        float(np.cos(azimuth) * np.cos(height)),
        float(np.sin(azimuth) * np.cos(height)),
        float(np.sin(height)),
    )
    kinds = ", ".join(sorted({_WORDS[r.kind] for r in rooms}))
    return finish_scene(
        name=f"home:{seed}",
        caption=f"A furnished home by day with {kinds}, joined by open doorways; "
        "its windows look onto a garden.",
        indoor=True,
        builder=b,
        textures=palette.m.textures(),
        lamps=lamps,
        sun=Sun(direction=direction, colour=(2.2, 2.0, 1.7)),
        sky=Sky(cloud_cover=0.35),
        quality=Quality(rays=64, smoothing=3, sky_gain=3.4),
        spawns=np.array(spawns),
        roam_cm=np.array([[20, 20, 30], [width - 20, depth - 20, HEIGHT_CM - 30]]),
    )


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
    floor = Floor(room, palette.rng)
    lamps = Furnisher(
        b, floor, palette.style(index), palette.rng, palette.art, palette.rugs
    ).furnish(room.kind)
    x, y = floor.open_point()
    cx, cy = _farthest_corner(room, x, y)
    return lamps, [x, y, EYE_CM, degrees(atan2(cy - y, cx - x))]


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
