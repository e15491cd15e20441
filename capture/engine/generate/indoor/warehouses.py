"""Warehouses: "warehouse:SEED", a hall with racks and crates, or a factory with machines."""

import numpy as np

from capture.engine.generate.indoor import halls, lights, storage
from capture.engine.generate.indoor.daylight import ANY, draw_daylight
from capture.engine.generate.indoor.interior import OUTER_CM, Finish, fit_window
from capture.engine.generate.indoor.palette import Palette
from capture.engine.generate.indoor.placing import Floor, Spot
from capture.engine.generate.indoor.plan import Opening, Room
from capture.engine.generate.indoor.views import views_across
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Lamp, Quality
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.scene import Scene

_PAINTS = [
    (40, 84, 140), (200, 90, 30), (60, 110, 70), (170, 40, 40), (110, 116, 122), (220, 170, 40),
]  # fmt: skip
_CARTON = [(178, 136, 92), (196, 158, 112), (160, 122, 84), (206, 196, 178)]


def generate_warehouse(seed: int) -> Scene:
    """The warehouse of a seed."""
    rng = np.random.default_rng([seed, 0x3A6E])
    b, palette = MeshBuilder(), Palette(rng, 4)
    room = Room(0, 0, float(rng.integers(280, 460) * 10), float(rng.integers(190, 300) * 10))
    room.height_cm = float(rng.integers(560, 860))
    kind = ("racks", "racks", "crates", "factory")[int(rng.integers(4))]
    day = draw_daylight(rng, ANY)
    roof = "gable" if rng.random() < 0.6 else "flat"
    rise = float(rng.uniform(0.1, 0.24)) * room.y1 if roof == "gable" else 0.0
    hall = _Hall(b, palette, room, rise, day.lamps)
    hall.shell(roof)
    floor = Floor(room, rng)
    hall.fill(kind, floor)
    contents = {
        "racks": "high racks of pallets and boxes, a forklift",
        "crates": "stacks of wooden crates and loaded pallets",
        "factory": "rows of machines, tanks and a conveyor",
    }[kind]
    return finish_scene(
        name=f"warehouse:{seed}",
        caption=f"A {'factory hall' if kind == 'factory' else 'warehouse'} {day.phrase} with "
        f"{contents}, closed gates, {hall.walls} walls and a {roof} roof on steel girders.",
        builder=b,
        textures=palette.m.textures(),
        lamps=hall.lamps,
        sun=day.sun,
        sky=day.sky,
        quality=Quality(rays=40, detail_rays=8, smoothing=2, sky_gain=3.0),
        brightness=day.brightness,
        spawns=np.array(views_across(floor, 10)),
        roam_cm=np.array([[20, 20, 30], [room.x1 - 20, room.y1 - 20, room.height_cm - 90]]),
    )


class _Hall:
    """Builds one hall."""

    def __init__(
        self, b: MeshBuilder, palette: Palette, room: Room, rise: float, lamp_power: float
    ) -> None:
        self.b, self.p, self.room, self.rise = b, palette, room, rise
        self.rng, self.lamp_power = palette.rng, lamp_power
        self.lamps: list[Lamp] = []
        p, m, noise = palette, palette.m, palette.noise
        self.walls = p.pick(["brick", "sheet-metal", "concrete", "painted"])
        sheet = p.pick([(190, 194, 198), (150, 166, 178), (206, 200, 186), (120, 140, 130)])
        self.wall = {
            "brick": lambda: p.brick(),
            "sheet-metal": lambda: m.tiled(tex.boards(noise, sheet, 16).transpose(1, 0, 2), 320),
            "concrete": lambda: p.concrete((168, 166, 162)),
            "painted": lambda: p.plaster(p.pick([(224, 222, 214), (196, 206, 204)]), 6),
        }[self.walls]()
        self.roof = m.tiled(
            tex.boards(noise, p.pick([(176, 178, 180), (120, 100, 84), (90, 94, 98)]), 14), 280
        )
        self.steel = p.flat(p.pick([(92, 98, 104), (150, 60, 40), (60, 80, 100), (176, 176, 172)]))
        self.dark, self.yellow = p.flat((44, 44, 46)), p.flat((222, 178, 40))
        self.grey = p.flat((168, 172, 176))
        self.paint = p.flat(p.pick(_PAINTS), 10)
        self.beam = p.flat(p.pick([(216, 96, 30), (230, 160, 30), (60, 90, 150)]), 8)
        self.pallet = m.tiled(tex.planks(noise, (172, 140, 100)), 90)
        self.crate = m.tiled(tex.planks(noise, (186, 150, 104)), 140)
        self.batten = m.tiled(tex.wood(noise, (150, 114, 74)), 90)
        self.goods = [p.flat(c, 10) for c in (*_CARTON, *_CARTON, p.accents[0], p.accents[1])]

    def shell(self, roof: str) -> None:
        """Floor with markings, walls with gates and windows, roof with girders and lamps."""
        b, room, rng, p = self.b, self.room, self.rng, self.p
        x0, y0, x1, y1 = room.inner()
        tone = p.pick([(150, 148, 144), (128, 128, 126), (116, 126, 120), (166, 158, 146)])
        with b.object("floor"):
            b.quad((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), p.concrete(tone, 420), 38)
        self._openings()
        frame = Finish(self.roof, self.wall, self.wall, self.roof, self.grey, None, self.steel,
                       90, (0.5,), False, False)  # fmt: skip

        def fill(opening: Opening) -> None:
            if opening.kind == "gate":
                halls.gate(b, opening, self.paint, self.grey, self.yellow)
            else:
                fit_window(b, opening, frame)

        halls.hall_walls(b, room, dict.fromkeys(room.openings, self.wall), fill, 42)
        if roof == "gable":
            glazed = (0.3, 0.55) if rng.random() < 0.7 else None
            halls.gable_roof(b, room, self.rise, self.roof, self.wall, glazed)
            halls.trusses(b, room, self.rise, self.steel, 560)
        else:
            with b.object("roof"):
                for lift, over in ((0.0, 0.0), (26.0, OUTER_CM + 30)):
                    corner = x0 - over, y1 + over, room.height_cm + lift
                    across = (0, y0 - y1 - 2 * over, 0)
                    b.quad(corner, (x1 - x0 + 2 * over, 0, 0), across, self.roof, 60)
            halls.flat_trusses(b, room, 90, self.steel, 560)
        self._lights()

    def _openings(self) -> None:
        """Gates in the end walls, a band of windows high up along both sides."""
        room, rng = self.room, self.rng
        for side in ("west", "east"):
            length = room.side(side)[3]
            count = int(rng.integers(1, max(2, int(length // 700))))
            for k in range(count):
                y = (k + 0.5) / count * length - length / 2
                hole = (y - 190, 0.0, y + 190, float(rng.choice([380, 430])))
                room.openings[side].append(Opening(hole, "gate"))
        top = room.height_cm - 60
        sill = top - float(rng.integers(90, 190))
        wide = float(rng.integers(20, 44) * 10)
        for side in ("south", "north"):
            if rng.random() < 0.12:
                continue
            length = room.side(side)[3]
            count = int(length // (wide + 110))
            for k in range(count):
                y = (k + 0.5) / count * length - length / 2
                room.openings[side].append(
                    Opening((y - wide / 2, sill, y + wide / 2, top), "window")
                )

    def _lights(self) -> None:
        """High-bay lamps in rows."""
        x0, y0, x1, y1 = self.room.inner()
        nx, ny = max(2, round((x1 - x0) / 620)), max(2, round((y1 - y0) / 640))
        white, tint = self.p.flat((252, 250, 244)), self.p.pick(["neutral", "cool", "warm"])
        ceiling = self.room.height_cm - 10
        power = 34 * self.lamp_power
        for i in range(nx):
            for j in range(ny):
                place = x0 + (i + 0.5) / nx * (x1 - x0), y0 + (j + 0.5) / ny * (y1 - y0)
                with self.b.at(*place):
                    self.lamps.append(
                        lights.dome(self.b, ceiling, 110, 36, white, self.dark, tint, power, 1900)
                    )

    def fill(self, kind: str, floor: Floor) -> None:
        """What stands in the hall."""
        getattr(self, f"_{kind}")(floor)
        self._loose(floor, 12)
        self._markings()

    def _racks(self, floor: Floor) -> None:
        x0, y0, x1, y1 = self.room.inner()
        levels = int(min(4, (self.room.height_cm - 200) // 190))
        aisle = float(self.rng.integers(28, 40) * 10)
        along_x = self.rng.random() < 0.6
        length = (x1 - x0 if along_x else y1 - y0) - 900
        bays, deep = max(2, int(length // 270)), 125.0
        room_across = (y1 - y0 if along_x else x1 - x0) - 300
        rows = max(2, int(room_across // (deep + aisle)))
        if along_x is False and rows > 6:
            rows = 6
        for k in range(rows):
            offset = (k + 0.5) / rows * room_across - room_across / 2
            x, y = (x0 + x1) / 2, (y0 + y1) / 2
            x, y = (x, y + offset) if along_x else (x + offset, y)
            size = (bays * 270 + 40.0, deep) if along_x else (deep, bays * 270 + 40.0)
            if floor.at(x, y, *size):
                with self.b.object("rack"), self.b.at(x, y, 0, 90 if along_x else 0):
                    storage.rack(self.b, self.rng, self.steel, self.beam, self.goods, self.pallet,
                                 bays, levels, float(self.rng.uniform(0.6, 0.9)))  # fmt: skip
        self._forklift(floor)

    def _crates(self, floor: Floor) -> None:
        x0, y0, x1, y1 = self.room.inner()
        for _ in range(46):
            size = [float(v) for v in self.rng.uniform(90, 240, 3)]
            x = float(self.rng.uniform(x0 + 150, x1 - 150))
            y = float(self.rng.uniform(y0 + 150, y1 - 150))
            if not floor.at(x, y, size[0] + 60, size[1] + 60):
                continue
            with self.b.at(x, y, 0, float(self.rng.choice([0, 0, 90, self.rng.uniform(-9, 9)]))):
                with self.b.object("crate"):
                    storage.crate(self.b, self.crate, self.batten, (size[0], size[1], size[2]))
                if self.rng.random() < 0.4:
                    with self.b.object("crate"), self.b.at(0, 0, size[2] + 0.5, 5.0):
                        top = (size[0] * 0.7, size[1] * 0.7, size[2] * 0.6)
                        storage.crate(self.b, self.crate, self.batten, top)
        self._loose(floor, 26)
        self._forklift(floor)

    def _factory(self, floor: Floor) -> None:
        x0, y0, x1, y1 = self.room.inner()
        length = (x1 - x0) * 0.6
        middle = (x0 + x1) / 2, (y0 + y1) / 2 + float(self.rng.uniform(-150, 150))
        if floor.at(*middle, length + 20, 100):
            with self.b.object("conveyor"), self.b.at(*middle, 0, 90):
                storage.conveyor(self.b, self.dark, self.grey, length)
        nx, ny = int((x1 - x0) // 560), int((y1 - y0) // 520)
        for i in range(nx):
            for j in range(ny):
                x, y = x0 + (i + 0.5) / nx * (x1 - x0), y0 + (j + 0.5) / ny * (y1 - y0)
                if self.rng.random() < 0.82 and floor.at(x, y, 300, 360):
                    with (
                        self.b.object("machine"),
                        self.b.at(x, y, 0, float(self.rng.choice([0, 180]))),
                    ):
                        paint = self.p.flat(self.p.pick(_PAINTS), 6)
                        storage.machine(self.b, self.rng, paint, self.dark, self.grey)
        self._pipes()

    def _pipes(self) -> None:
        """Pipes along the long walls."""
        x0, y0, x1, y1 = self.room.inner()
        for y, side in ((y0, 1), (y1, -1)):
            with self.b.object("pipe"), self.b.using(collides=False):
                from_z = self.room.height_cm - 290
                for k, radius in enumerate((9, 6, 12)):
                    z = from_z - k * 34
                    m = (self.grey, self.yellow, self.paint)[k]
                    halls.tube(self.b, [(x0 + 2, y + side * 20, z), (x1 - 2, y + side * 20, z)],
                               radius, m, 10)  # fmt: skip

    def _forklift(self, floor: Floor) -> None:
        x0, y0, x1, y1 = self.room.inner()
        for _ in range(12):
            x = float(self.rng.uniform(x0 + 250, x1 - 250))
            y = float(self.rng.uniform(y0 + 250, y1 - 250))
            if floor.at(x, y, 330, 330):
                turn = float(self.rng.uniform(0, 360))
                with self.b.object("forklift"), self.b.at(x, y, 0, turn):
                    storage.forklift(self.b, self.yellow, self.dark, self.grey)
                return

    def _loose(self, floor: Floor, count: int) -> None:
        """Pallets, drums and shelves along the walls."""
        for _ in range(count):
            spot = floor.on_wall(124, 110)
            if spot:
                self._pallet(spot)

    def _pallet(self, spot: Spot) -> None:
        at = self.b.at(spot.x, spot.y, 0, spot.yaw_deg)
        with self.b.object("pallet"), at, self.b.at(56, 0):
            high = float(self.rng.uniform(50, 170))
            storage.load(self.b, self.rng, self.goods, self.pallet, high)

    def _markings(self) -> None:
        """Yellow lines along the walls."""
        x0, y0, x1, y1 = self.room.inner()
        inset = 165.0
        with self.b.object("marking"), self.b.using(collides=False, occludes=False):
            for y in (y0 + inset, y1 - inset):
                self.b.quad(
                    (x0 + inset, y - 5, 0.8),
                    (x1 - x0 - 2 * inset, 0, 0),
                    (0, 10, 0),
                    self.yellow,
                    60,
                )
            for x in (x0 + inset, x1 - inset):
                self.b.quad(
                    (x - 5, y0 + inset + 5, 0.8),
                    (10, 0, 0),
                    (0, y1 - y0 - 2 * inset - 10, 0),
                    self.yellow,
                    60,
                )
