"""Shells of churches: the nave runs along x, the altar is at its high end, y = 0 its middle."""

from dataclasses import dataclass

from capture.engine.generate.indoor import church_parts as part
from capture.engine.generate.indoor import halls
from capture.engine.generate.indoor.palette import Colour, Palette
from capture.engine.generate.indoor.plan import Opening, Room
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.bake import Lamp
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import lunette, vault, wall

STEP_CM = 16.0
_ROOF_WOODS = [(120, 84, 56), (150, 112, 78), (86, 62, 46)]
_FLOORS = [
    ((196, 188, 174), (96, 88, 82)),
    ((176, 166, 150), (140, 96, 76)),
    ((206, 202, 194), (120, 122, 124)),
]
_CARPETS = [
    (140, 30, 34), (40, 60, 110), (60, 90, 60), (96, 52, 104), (168, 122, 48), (78, 70, 66),
    (52, 104, 112), (196, 176, 146),
]  # fmt: skip
_VAULTS = [
    (226, 218, 202), (206, 214, 224), (232, 222, 196), (96, 120, 160), (196, 208, 180),
    (222, 188, 168), (214, 176, 112), (132, 84, 70), (240, 240, 236), (52, 66, 104),
]  # fmt: skip
_PEWS = [(84, 108, 120), (228, 222, 206), (72, 96, 74), (110, 44, 40), (58, 54, 52)]
PIER_CM = 76.0


@dataclass(frozen=True)
class Manner:
    """How a kind of church is built."""

    word: str
    arch: str
    roof: str  # "vault" or "timber"
    aisles: bool
    clear: bool  # glass that one sees through
    walls: tuple[Colour, ...]
    height: tuple[int, int]  # of the nave's walls


MANNERS = (
    Manner("Gothic", "pointed", "vault", True, False,
            ((176, 170, 160), (196, 184, 162), (150, 146, 142)), (700, 950)),
    Manner("Romanesque", "round", "vault", True, False,
            ((196, 172, 138), (168, 120, 96), (188, 180, 168)), (560, 720)),
    Manner("whitewashed", "round", "timber", False, True,
            ((236, 234, 228), (232, 228, 214), (226, 232, 236)), (420, 560)),
    Manner("basilica-like", "round", "timber", True, False,
            ((214, 190, 150), (224, 206, 184), (198, 150, 116)), (640, 820)),
    Manner("Baroque", "round", "vault", False, True,
            ((238, 232, 218), (242, 214, 188), (206, 222, 206), (244, 226, 160), (232, 196, 196),
             (196, 212, 230)), (640, 900)),
)  # fmt: skip


class ChurchShell:
    """A church's floor, walls, arcades and roof."""

    def __init__(self, b: MeshBuilder, palette: Palette, manner: Manner, time: str) -> None:
        self.b, self.p, self.manner, self.rng = b, palette, manner, palette.rng
        rng, p = self.rng, palette
        self.bay = float(rng.integers(42, 58) * 10)
        self.bays = int(rng.integers(4, 10))
        self.length = self.bay * self.bays
        self.half = float(rng.integers(36, 62) * 10)
        self.aisle = float(rng.integers(26, 40) * 10) if manner.aisles else 0.0
        self.outer = self.half + (self.aisle + PIER_CM if manner.aisles else 0.0)
        self.height = float(rng.integers(*manner.height))
        tall = 1.15 if manner.arch == "pointed" else 1.0
        self.rise = self.half * (tall if manner.roof == "vault" else float(rng.uniform(0.5, 0.9)))
        colour = p.pick(manner.walls)
        self.wall = p.plaster(colour, 6)
        self.stone = p.stone(tex.darker(colour, 0.9), 5, 3, 260)
        if manner.word in ("Gothic", "Romanesque") and rng.random() < 0.6:
            self.wall = self.stone
        self.wood, self.dark_wood = p.woods[0], p.woods[1]
        self.pew_paint = p.pick([self.wood, self.dark_wood, p.flat(p.pick(_PEWS))])
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
            b.quad((0, -outer, 0), (self.length, 0, 0), (0, 2 * outer, 0), floor, 32)
            b.quad((-30, -115, 0), (30, 0, 0), (0, 230, 0), floor, 32)
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
        wide = self.bay - PIER_CM
        rise = self._arch_rise(wide)
        top = min(side_height - 20, float(self.rng.uniform(300, 380)) + rise)
        holes = []
        for k in range(self.bays):
            y = (k + 0.5) * self.bay - self.length / 2
            holes.append((y - wide / 2, 0.0, y + wide / 2, top))
        for side in (-1, 1):
            with b.at(self.length / 2, side * (self.half + PIER_CM / 2), 0, -90 * side):
                part.arcade(b, self.length, side_height, holes, rise, self.manner.arch,
                            PIER_CM, self.stone, self.wall)  # fmt: skip
                with b.at(PIER_CM / 2, 0):
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
                wall(self.b, self.length, high, holes, self.wall, 36)
            for hole in holes:
                self._window(hole)

    def _window(self, hole) -> None:
        rise = min(self._arch_rise(hole[2] - hole[0]), (hole[3] - hole[1]) * 0.5)
        glass = self.glass[int(self.rng.integers(4))]
        glow = 0.0 if self.manner.clear else self.glow
        part.arched_window(self.b, hole, rise, self.manner.arch, self.stone, glass, glow,
                           self.manner.clear)  # fmt: skip

    def _aisle_ceilings(self, height: float) -> None:
        b, inner = self.b, self.half + PIER_CM
        for side in (-1, 1):
            y0, y1 = sorted((side * inner, side * self.outer))
            with b.object("ceiling"):
                b.quad((0, y1, height), (self.length, 0, 0), (0, y0 - y1, 0), self.wall, 38)
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
                    wall(self.b, self.length, height, holes, self.wall, 36)
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
                    wall(b, 2 * self.half, self.height, holes, self.wall, 36)
                if yaw:
                    for hole in holes:
                        self._window(hole)
                else:
                    self._door(holes[0])
                if self.manner.aisles:
                    width = self.outer - self.half
                    for side in (-1, 1):
                        with b.object("wall"), b.at(0, side * (self.half + width / 2)):
                            wall(b, width, side_height, [], self.wall, 36)

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
            reach = (-4, self.length + 4)  # through the end walls
            vault(b, reach, self.half, self.height, self.rise, kind, paint, 36)
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
