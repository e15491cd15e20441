"""Churches: "church:SEED", a nave with or without aisles, vaulted or under a timber roof.

The nave runs along x, its altar stands at the high end; y = 0 is its middle.
"""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.indoor import church_parts as part
from capture.engine.generate.indoor import halls, lights, sculpture
from capture.engine.generate.indoor.daylight import ANY, draw_daylight
from capture.engine.generate.indoor.interior import build_garden
from capture.engine.generate.indoor.palette import Colour, Palette
from capture.engine.generate.indoor.plan import Opening, Room
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Lamp, Quality
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, lunette, vault, wall
from capture.engine.scene import Scene

_STEP_CM = 16.0
_ROOF_WOODS = [(120, 84, 56), (150, 112, 78), (86, 62, 46)]
_FLOORS = [
    ((196, 188, 174), (96, 88, 82)),
    ((176, 166, 150), (140, 96, 76)),
    ((206, 202, 194), (120, 122, 124)),
]
_CARPETS = [(140, 30, 34), (40, 60, 110), (60, 90, 60)]
_VAULTS = [(226, 218, 202), (206, 214, 224), (232, 222, 196), (96, 120, 160)]
_PIER_CM = 76.0


@dataclass(frozen=True)
class _Manner:
    """How a kind of church is built."""

    word: str
    arch: str
    roof: str  # "vault" or "timber"
    aisles: bool
    clear: bool  # glass that one sees through
    walls: tuple[Colour, ...]
    height: tuple[int, int]  # of the nave's walls


_MANNERS = (
    _Manner("Gothic", "pointed", "vault", True, False,
            ((176, 170, 160), (196, 184, 162), (150, 146, 142)), (700, 950)),
    _Manner("Romanesque", "round", "vault", True, False,
            ((196, 172, 138), (168, 120, 96), (188, 180, 168)), (560, 720)),
    _Manner("whitewashed", "round", "timber", False, True,
            ((236, 234, 228), (232, 228, 214), (226, 232, 236)), (420, 560)),
    _Manner("basilica-like", "round", "timber", True, False,
            ((214, 190, 150), (224, 206, 184), (198, 150, 116)), (640, 820)),
    _Manner("Baroque", "round", "vault", False, True,
            ((238, 232, 218), (236, 222, 206), (214, 224, 222)), (640, 820)),
)  # fmt: skip


def generate_church(seed: int) -> Scene:
    """The church of a seed."""
    rng = np.random.default_rng([seed, 0xC417])
    manner = _MANNERS[int(rng.integers(len(_MANNERS)))]
    b, palette = MeshBuilder(), Palette(rng, 8, old=True)
    day = draw_daylight(rng, ANY)
    church = _Church(b, palette, manner, day.name)
    church.shell()
    church.furnish()
    church.lights(day.lamps)
    length, outer = church.length, church.outer
    if manner.clear:
        with b.at(0, -outer):
            build_garden(b, length, 2 * outer, church.outside(), rng)
    aisles = "two aisles behind arches" if manner.aisles else "no aisles"
    windows = "clear" if manner.clear else "coloured"
    roof = "a timber roof" if manner.roof == "timber" else "a vault"
    return finish_scene(
        name=f"church:{seed}",
        caption=f"The inside of a {manner.word} church {day.phrase}: a nave with rows of pews, "
        f"{aisles}, {windows} windows, {roof}, an altar on steps, a pulpit and an organ.",
        indoor=True,
        builder=b,
        textures=palette.m.textures(),
        lamps=church.lamps,
        sun=day.sun if manner.clear else None,
        sky=day.sky,
        quality=Quality(rays=52, detail_rays=8, smoothing=2, sky_gain=2.6),
        brightness=day.brightness,
        spawns=church.spawns(),
        roam_cm=np.array(
            [[12, 12 - outer, 30], [length - 12, outer - 12, church.height + church.rise * 0.5]]
        ),
    )


class _Church:
    """Builds one church."""

    def __init__(self, b: MeshBuilder, palette: Palette, manner: _Manner, time: str) -> None:
        self.b, self.p, self.manner, self.rng = b, palette, manner, palette.rng
        rng, p = self.rng, palette
        self.bay = float(rng.integers(42, 58) * 10)
        self.bays = int(rng.integers(5, 9))
        self.length = self.bay * self.bays
        self.half = float(rng.integers(38, 56) * 10)
        self.aisle = float(rng.integers(26, 40) * 10) if manner.aisles else 0.0
        self.outer = self.half + (self.aisle + _PIER_CM if manner.aisles else 0.0)
        self.height = float(rng.integers(*manner.height))
        tall = 1.15 if manner.arch == "pointed" else 1.0
        self.rise = self.half * (tall if manner.roof == "vault" else float(rng.uniform(0.5, 0.9)))
        colour = p.pick(manner.walls)
        self.wall = p.plaster(colour, 6)
        self.stone = p.stone(tex.darker(colour, 0.9), 5, 3, 260)
        if manner.word in ("Gothic", "Romanesque") and rng.random() < 0.6:
            self.wall = self.stone
        self.wood, self.dark_wood = p.woods[0], p.woods[1]
        self.pew_paint = p.pick([self.wood, self.dark_wood, p.flat((84, 108, 120)), self.wood])
        self.gold, self.white = p.flat((196, 156, 70)), p.flat((240, 236, 226))
        self.iron, self.flame = p.flat((40, 38, 38)), p.flat((255, 220, 150))
        self.carpet = p.m.tiled(tex.fabric(p.noise, p.pick(_CARPETS)), 80)
        self.glass = p.m.atlas([part.stained_glass(rng) for _ in range(4)], 2, 2)
        glow = {"sunset": 1.5, "dusk": 0.35, "night": 0.05, "overcast": 1.6}
        self.glow = glow.get(time, 2.6)
        self.lamps: list[Lamp] = []

    def outside(self):
        """What is seen through clear windows."""
        p = self.p
        hedge = p.m.tiled(tex.grass(p.noise, (60, 96, 46)), 110)
        return {
            "facade": p.flat((200, 196, 186)), "lawn": p.m.tiled(tex.grass(p.noise), 260),
            "fence": hedge, "hedge": hedge, "brick": p.stone((150, 144, 134)), "leaves": p.leaves,
        }  # fmt: skip

    def shell(self) -> None:
        """Floor, walls, arcades and the roof."""
        b, outer = self.b, self.outer
        make = self.p.pick([tex.tiles, tex.diamond_tiles])
        first, second = self.p.pick(_FLOORS)
        floor = self.p.m.tiled(make(self.p.noise, first, second), 260)
        with b.object("floor"):
            b.quad((0, -outer, 0), (self.length, 0, 0), (0, 2 * outer, 0), floor, 44)
            b.quad((-30, -115, 0), (30, 0, 0), (0, 230, 0), floor, 44)
        side_height = self.height
        if self.manner.aisles:
            side_height = self.height * float(self.rng.uniform(0.5, 0.6))
            self._arcades(side_height)
            self._aisle_ceilings(side_height)
        self._side_walls(side_height)
        self._ends(side_height)
        if self.manner.roof == "vault":
            self._vault()
        else:
            self._timber()

    def _arch_rise(self, wide: float) -> float:
        return wide / 2 * (1.2 if self.manner.arch == "pointed" else 1.0)

    def _arcades(self, side_height: float) -> None:
        b = self.b
        wide = self.bay - _PIER_CM
        rise = self._arch_rise(wide)
        top = min(side_height - 20, float(self.rng.uniform(300, 380)) + rise)
        holes = []
        for k in range(self.bays):
            y = (k + 0.5) * self.bay - self.length / 2
            holes.append((y - wide / 2, 0.0, y + wide / 2, top))
        for side in (-1, 1):
            with b.at(self.length / 2, side * (self.half + _PIER_CM / 2), 0, -90 * side):
                part.arcade(b, self.length, side_height, holes, rise, self.manner.arch,
                            _PIER_CM, self.stone, self.wall)  # fmt: skip
                with b.at(_PIER_CM / 2, 0):
                    self._clerestory(side_height)

    def _clerestory(self, base: float) -> None:
        """The nave's wall over an aisle, with a window in each bay."""
        high = self.height - base
        wide, tall = self.bay * 0.34, high * 0.7
        holes = []
        for k in range(self.bays):
            y = (k + 0.5) * self.bay - self.length / 2
            holes.append((y - wide / 2, high * 0.16, y + wide / 2, high * 0.16 + tall))
        with self.b.at(0, 0, base):
            with self.b.object("wall"):
                wall(self.b, self.length, high, holes, self.wall, 46)
            for hole in holes:
                self._window(hole)

    def _window(self, hole) -> None:
        rise = min(self._arch_rise(hole[2] - hole[0]), (hole[3] - hole[1]) * 0.5)
        glass = self.glass[int(self.rng.integers(4))]
        glow = 0.0 if self.manner.clear else self.glow
        part.arched_window(self.b, hole, rise, self.manner.arch, self.stone, glass, glow,
                           self.manner.clear)  # fmt: skip

    def _aisle_ceilings(self, height: float) -> None:
        b, inner = self.b, self.half + _PIER_CM
        for side in (-1, 1):
            y0, y1 = sorted((side * inner, side * self.outer))
            with b.object("ceiling"):
                b.quad((0, y1, height), (self.length, 0, 0), (0, y0 - y1, 0), self.wall, 50)
            with b.object("rib"), b.using(collides=False):
                for k in range(1, self.bays):
                    x = k * self.bay
                    b.box((x - 14, y0, height - 24), (x + 14, y1, height), self.stone, 80, "+z")

    def _side_walls(self, height: float) -> None:
        tall = height * (0.5 if self.manner.aisles else 0.56)
        wide = min(self.bay * 0.42, tall * 0.5)
        sill = height * 0.3
        holes = []
        for k in range(self.bays):
            y = (k + 0.5) * self.bay - self.length / 2
            holes.append((y - wide / 2, sill, y + wide / 2, sill + tall))
        for side in (-1, 1):
            with self.b.at(self.length / 2, side * self.outer, 0, -90 * side):
                with self.b.object("wall"):
                    wall(self.b, self.length, height, holes, self.wall, 46)
                for hole in holes:
                    self._window(hole)

    def _ends(self, side_height: float) -> None:
        """West wall with its door, east wall with three windows."""
        b = self.b
        for x, yaw in ((0.0, 0.0), (self.length, 180.0)):
            with b.at(x, 0, 0, yaw):
                holes = [(-110.0, 0.0, 110.0, 330.0)]
                if yaw:
                    top = self.height * 0.92
                    low = self.height * 0.36
                    holes = [(y - 50.0, low, y + 50.0, top - abs(y) * 0.5) for y in (-150, 0, 150)]
                with b.object("wall"):
                    wall(b, 2 * self.half, self.height, holes, self.wall, 46)
                if yaw:
                    for hole in holes:
                        self._window(hole)
                else:
                    self._door(holes[0])
                if self.manner.aisles:
                    width = self.outer - self.half
                    for side in (-1, 1):
                        with b.object("wall"), b.at(0, side * (self.half + width / 2)):
                            wall(b, width, side_height, [], self.wall, 46)

    def _door(self, hole) -> None:
        b = self.b
        opening = Opening(hole, "gate")
        with b.object("portal"):
            part.arched_hole(b, hole, 110, self.manner.arch, 24, self.stone)
        y0, _, y1, z1 = opening.hole
        with b.object("door"):
            b.quad((-22, y1, z1), (0, y0 - y1, 0), (0, 0, -z1), self.dark_wood, 60)
            b.box((-23, -2, 0), (-20, 2, z1), self.iron)
            for z in (60, 170):
                b.box((-23, y0, z), (-20, y1, z + 6), self.iron)

    def _vault(self) -> None:
        b, kind = self.b, self.manner.arch
        paint = self.p.plaster(self.p.pick(_VAULTS))
        with b.object("vault"):
            vault(b, (0, self.length), self.half, self.height, self.rise, kind, paint, 46)
        with b.object("roof"), b.using(collides=False):
            over, top = self.outer + 60, self.height + self.rise
            b.box((-60, -over, top + 8), (self.length + 60, over, top + 30), self.stone, 600)
        for x, yaw in ((0.0, 0.0), (self.length, 180.0)):
            with b.object("wall"), b.at(x, 0, 0, yaw):
                lunette(b, self.half, self.height, self.rise, kind, self.wall)
        foot = self.height * 0.56 if self.manner.aisles else 0.0
        for k in range(1, self.bays):
            part.rib(b, k * self.bay, self.half, self.height, self.rise, kind, self.stone, foot)

    def _timber(self) -> None:
        b = self.b
        sheet = self.p.m.tiled(
            tex.planks(self.p.noise, self.p.pick(_ROOF_WOODS)),
            240,
        )
        room = Room(-8, -self.half - 8, self.length + 8, self.half + 8)
        room.height_cm = self.height
        halls.gable_roof(b, room, self.rise, sheet, self.wall)
        halls.trusses(b, room, self.rise, self.dark_wood, self.bay)

    def furnish(self) -> None:
        """Steps and altar, pews, organ, pulpit, font, statues, candles."""
        b, rng = self.b, self.rng
        self.chancel = self.length - self.bay * 1.4
        for k in range(3):
            x = self.chancel + k * 34
            with b.object("step"):
                side, z = self.half - 2, k * _STEP_CM
                high = (self.length - 1, side, z + _STEP_CM)
                b.box((x, -side, z), high, self.stone, 46, skip="-z")
        with b.object("altar"), b.at(self.length - 190, 0, 3 * _STEP_CM, 180):
            part.altar(b, self.stone, self.white, self.gold, self.flame)
        self._pews()
        with b.object("carpet"), b.using(collides=False, occludes=False):
            wide = float(rng.integers(90, 130)) if rng.random() < 0.7 else 0.5
            b.quad((60, -wide / 2, 1), (self.chancel - 64, 0, 0), (0, wide, 0), self.carpet, 60)
        with b.object("pulpit"), b.at(self.chancel - 60, self.half - 130):
            part.pulpit(b, self.wood, self.dark_wood)
        with b.object("font"), b.at(self.chancel - 50, -self.half + 120):
            part.font(b, self.stone)
        self._organ()
        self._statues()

    def _pews(self) -> None:
        first, last, step = (
            self.bay * 0.9 + 150,
            self.chancel - 230,
            float(self.rng.integers(92, 120)),
        )
        passage = float(self.rng.integers(75, 110))
        width = self.half - passage - 95
        for x in np.arange(first, last, step):
            for side in (-1, 1):
                with self.b.object("pew"), self.b.at(float(x), side * (passage + width / 2)):
                    part.pew(self.b, self.wood, self.pew_paint, width)

    def _organ(self) -> None:
        """An organ on a loft over the door, or on the floor beside the altar."""
        b = self.b
        if self.height > 600:
            deep, z = self.bay * 0.8, 390.0
            with b.object("loft"):
                b.box((2, -self.half + 2, z), (deep, self.half - 2, z + 26), self.wood, 70)
                b.box(
                    (deep - 10, -self.half + 2, z + 26),
                    (deep, self.half - 2, z + 120),
                    self.wood,
                    70,
                )
            for y in (-self.half * 0.5, self.half * 0.5):
                with b.object("column"):
                    cylinder(b, (deep - 40, y, 0), 17, z, self.stone, 14)
            with b.object("organ"), b.at(4, 0, z + 26):
                part.organ(b, self.dark_wood, self.white, min(2 * self.half - 200, 560),
                           min(self.height - z - 60, 420))  # fmt: skip
            return
        with b.object("organ"), b.at(self.bay * 0.4, -self.half + 4, 0, 90):
            part.organ(b, self.dark_wood, self.white, 300, min(self.height - 60, 380))

    def _statues(self) -> None:
        rng, b = self.rng, self.b
        for k in range(1, self.bays - 1):
            for side in (-1, 1):
                if rng.random() < 0.5:
                    continue
                x, y = k * self.bay, side * (self.outer - 3)
                with b.at(x, y, 0, -90.0 * side):
                    if rng.random() < 0.4:
                        with b.object("candle_stand"), b.at(34, 0):
                            part.candle_stand(b, self.iron, self.white, self.flame)
                        self.lamps.append(
                            lights.lamp_at(b, (34, 0, 110), 0.35, "warm", reach_cm=500)
                        )
                    elif rng.random() < 0.5:
                        with b.object("banner"):
                            part.banner(b, self.carpet, self.gold, 330)
                    else:
                        with b.object("plinth"), b.at(44, 0):
                            sculpture.plinth(b, self.stone, 30, 100)
                        with b.object("statue"), b.at(44, 0, 100):
                            m = self.p.pick([self.white, self.gold, self.stone])
                            sculpture.sculpture(b, rng, "figure", m, 150)

    def lights(self, power: float) -> None:
        """Chandeliers along the nave, lamps in the aisles, a spot on the altar."""
        b, ceiling = self.b, self.height + self.rise * (0.9 if self.manner.roof == "vault" else 0.1)
        hang = float(self.rng.uniform(330, 420))
        arms = int(self.rng.integers(6, 13))
        for k in range(1, self.bays, 1 if self.bays < 7 else 2):
            with b.at((k + 0.5) * self.bay, 0):
                self.lamps.append(
                    lights.chandelier(b, ceiling, ceiling - hang, 70, arms, self.iron, self.flame,
                                      6.5 * power)
                )  # fmt: skip
        if self.manner.aisles:
            for k in range(self.bays):
                for side in (-1, 1):
                    y = side * (self.half + _PIER_CM + self.aisle / 2)
                    with b.object("lamp"), b.at((k + 0.5) * self.bay, y):
                        self.lamps.append(
                            lights.globe(b, 290, 13, self.flame, "warm", 1.4 * power, 10)
                        )
        with b.at(self.length - 420, 0):
            target = (230.0, 0.0, 150.0)
            self.lamps.append(lights.spot(b, (0, 0, self.height * 0.9), target, self.iron, "warm",
                                          30 * power, 5))  # fmt: skip

    def spawns(self) -> np.ndarray:
        """Along the nave, before the altar, in the aisles."""
        places = [
            (self.bay * 1.05, 0, 0), (self.length * 0.5, 0, 0), (self.chancel - 100, 0, 0),
            (self.length - 320, 0, 180), (self.length * 0.35, 0, 175),
            (self.chancel - 120, -self.half * 0.5, 120), (self.chancel - 130, 20, -150),
        ]  # fmt: skip
        if self.manner.aisles:
            y = self.half + _PIER_CM + self.aisle / 2
            places += [
                (self.bay * 1.5, y, -25),
                (self.length * 0.6, -y, 35),
                (self.length * 0.4, y, -160),
            ]
        else:
            y = self.half - 48
            places += [(self.bay * 1.5, y, -20), (self.length * 0.6, -y, 30)]
        raised = 3 * _STEP_CM
        return np.array([
            [x, y, 160 + (raised if x > self.chancel + 70 else 0), yaw] for x, y, yaw in places
        ], float)  # fmt: skip
