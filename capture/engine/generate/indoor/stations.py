"""Underground stations: "station:SEED", platforms beside sunken tracks under a vault or slab.

Tracks run along x; z = 0 is the platform, y = 0 the station's middle.
"""

import numpy as np

from capture.engine.generate.indoor import lights
from capture.engine.generate.indoor import station_parts as part
from capture.engine.generate.indoor.palette import Palette
from capture.engine.generate.indoor.station_looks import StationLook
from capture.engine.generate.kit import pictures as pic
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Lamp, Quality
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, lathe, tube, vault, wall
from capture.engine.scene import Scene, Sky

_TRACK_CM, _DROP_CM = 400.0, 110.0
_NAMES = [
    "OLD TOWN", "HARBOUR", "UNIVERSITY", "CITY HALL", "NORTH GATE", "OPERA", "BOTANIC GARDEN",
    "CASTLE HILL", "RIVERSIDE", "MARKET SQUARE", "CENTRAL", "MUSEUM", "LINDEN STREET", "STADIUM",
    "FORT PARK", "MILL LANE", "OBSERVATORY", "SOUTH BANK", "TEMPLE ROAD", "GLASSWORKS",
]  # fmt: skip
_TRAINS = [(222, 222, 218), (196, 60, 48), (60, 100, 150), (230, 180, 50), (120, 124, 130)]
_ADS = [
    ("CONCERT", "TONIGHT"), ("FRESH TEA", "SINCE 1890"), ("FLY SOUTH", "FROM 49"),
    ("BOOK FAIR", "HALL 3"), ("NEW SHOES", "GO FAR"), ("ISLANDS", "BY FERRY"), ("CHEESE", "DAILY"),
    ("THE FILM", "IN CINEMAS"),
]  # fmt: skip

_WALLS = {
    "tiled": "tiled walls", "rock": "painted rock walls", "marble": "marble walls",
    "concrete": "concrete walls", "panelled": "enamel panels on the walls",
}  # fmt: skip


def generate_station(seed: int) -> Scene:
    """The station of a seed."""
    rng = np.random.default_rng([seed, 0x57A7])
    b, palette = MeshBuilder(), Palette(rng, 4)
    station = _Station(b, palette)
    station.shell()
    station.equip()
    layout = (
        "an island platform between two tracks"
        if station.island
        else ("two platforms on both sides of two tracks")
    )
    roof = {"vault": "a vaulted ceiling", "slab": "a flat ceiling"}[station.roof]
    train = ", a waiting train" if station.train else ""
    columns = ", rows of columns" if station.columns else ""
    return finish_scene(
        name=f"station:{seed}",
        caption=f"An underground station called {station.name.title()} with {layout}, "
        f"{_WALLS[station.cladding]}, "
        f"{roof}{columns}{train}, seats, posters and stairs.",
        builder=b,
        textures=palette.m.textures(),
        lamps=station.lamps,
        sun=None,
        sky=Sky(zenith=(0.01, 0.01, 0.01), horizon=(0.01, 0.01, 0.01), ground=(0.01, 0.01, 0.01),
                cloud_cover=0.0),
        quality=Quality(rays=56, detail_rays=10, smoothing=3),
        brightness=station.brightness,
        spawns=station.spawns(),
        roam_cm=np.array([[40, 20 - station.outer, -_DROP_CM + 40],
                          [station.length - 40, station.outer - 20, station.height - 25]]),
    )  # fmt: skip


class _Station:
    """Builds one station."""

    def __init__(self, b: MeshBuilder, palette: Palette) -> None:
        self.b, self.p, self.rng = b, palette, palette.rng
        rng, p, m = self.rng, palette, palette.m
        self.length = float(rng.integers(48, 72) * 100)
        self.island = bool(rng.random() < 0.55)
        self.platform = (
            float(rng.integers(60, 100) * 10) if self.island else float(rng.integers(36, 56) * 10)
        )
        self.outer = self.platform / 2 + _TRACK_CM if self.island else self.platform + _TRACK_CM
        self.roof = "vault" if rng.random() < 0.5 else "slab"
        self.height = (
            float(rng.integers(340, 480)) if self.roof == "slab" else float(rng.integers(230, 300))
        )
        self.rise = 0.0 if self.roof == "slab" else float(rng.uniform(0.42, 0.62)) * self.outer
        self.columns = self.roof == "slab" or (self.island and rng.random() < 0.3)
        self.train = bool(rng.random() < 0.6)
        self.name = p.pick(_NAMES)
        self.brightness = float(rng.uniform(0.8, 1.15))
        look = StationLook(palette)
        self.tiles, self.band, self.floor, self.ceiling = (
            look.tiles, look.band, look.floor, look.ceiling,
        )  # fmt: skip
        self.accent, self.pit, self.steel, self.dark = look.accent, look.pit, look.steel, look.dark
        self.white, self.edge, self.stone, second = look.white, look.edge, look.stone, look.second
        self.cladding = look.cladding
        self.sign = m.atlas(
            [
                pic.sign(self.name, second, (244, 244, 240)),
                pic.sign("WAY OUT", (30, 32, 36), (250, 210, 70)),
            ],
            1, 8,
        )  # fmt: skip
        order = rng.permutation(len(_ADS))
        self.ads = m.atlas([pic.poster(rng, _ADS[i]) for i in order], 2, 2)
        self.goods = m.atlas([pic.shop_window(rng) for _ in range(4)], 2, 2)
        self.train_paint = p.flat(p.pick(_TRAINS))
        self.inside = m.atlas([part.carriage_inside(rng) for _ in range(2)], 1, 2)[0]
        self.lamps: list[Lamp] = []

    def _platforms(self) -> list[tuple[float, float]]:
        half = self.platform / 2
        if self.island:
            return [(-half, half)]
        return [(-self.outer, -_TRACK_CM), (_TRACK_CM, self.outer)]

    def _tracks(self) -> list[float]:
        """Middle lines of the two tracks."""
        middle = self.platform / 2 + _TRACK_CM / 2 if self.island else _TRACK_CM / 2
        return [-middle, middle]

    def shell(self) -> None:
        """Platforms, pits, walls, ends and ceiling."""
        b, length = self.b, self.length
        for y0, y1 in self._platforms():
            self._platform(y0, y1)
        for y in self._tracks():
            y0, y1 = y - _TRACK_CM / 2, y + _TRACK_CM / 2
            with b.object("track_bed"):
                b.quad((-1600, y0, -_DROP_CM), (length + 3200, 0, 0), (0, y1 - y0, 0), self.pit, 60)
            with b.object("track"), b.at(-1600, y, -_DROP_CM):
                part.track(b, length + 3200, self.steel, self.pit)
        for side in (-1, 1):
            with b.at(length / 2, side * self.outer, 0, -90 * side):
                self._side_wall()
        self._ends()
        with b.object("ceiling"):
            if self.roof == "slab":
                b.quad(
                    (0, self.outer, self.height),
                    (length, 0, 0),
                    (0, -2 * self.outer, 0),
                    self.ceiling,
                    70,
                )
            else:
                vault(b, (0, length), self.outer, self.height, self.rise, "round", self.ceiling, 46)
        if self.columns:
            self._columns()

    def _platform(self, y0: float, y1: float) -> None:
        b, length = self.b, self.length
        with b.object("platform"):
            b.quad((0, y0, 0), (length, 0, 0), (0, y1 - y0, 0), self.floor, 42)
        edges = [(y0, -1)] * (y0 > -self.outer + 1) + [(y1, 1)] * (y1 < self.outer - 1)
        for y, side in edges:
            with b.object("platform_edge"):
                if side > 0:
                    b.quad((0, y, 0), (length, 0, 0), (0, 0, -_DROP_CM), self.stone, 110)
                else:
                    b.quad((length, y, 0), (-length, 0, 0), (0, 0, -_DROP_CM), self.stone, 110)
            with b.object("edge_line"), b.using(collides=False, occludes=False):
                for offset, wide, m in ((4, 12, self.white), (46, 34, self.edge)):
                    low = min(y - side * offset, y - side * (offset + wide))
                    b.quad((0, low, 0.8), (length, 0, 0), (0, wide, 0), m, 90)

    def _side_wall(self) -> None:
        """Tiles with a coloured band, name plates and posters; behind a track it goes lower."""
        b, low = self.b, -_DROP_CM if self.island else 0.0
        cuts = [low, 0.0, 90.0, 120.0, self.height] if self.island else [0.0, 90, 120, self.height]
        with b.object("wall"):
            for a, c in zip(cuts[:-1], cuts[1:], strict=True):
                m = self.band if a == 90 else (self.pit if a < 0 else self.tiles)
                wall(b, self.length, c - a, [], m, 46, a)
        step = float(self.rng.integers(50, 80) * 10)
        for k, y in enumerate(np.arange(-self.length / 2 + 350, self.length / 2 - 300, step)):
            with b.at(0.8, float(y)), b.using(collides=False, occludes=False):
                if k % 3 == 0:
                    self._name_plate()
                elif self.rng.random() < 0.8:
                    self._poster(float(self.rng.choice([120, 180])))

    def _name_plate(self) -> None:
        with self.b.object("name_plate"):
            self.b.box((0, -152, 168), (3, 152, 208), self.dark, skip="-x")
            with self.b.using(emission=0.25):
                self.b.quad((3.4, 150, 206), (0, -300, 0), (0, 0, -36), self.sign[0])

    def _poster(self, wide: float) -> None:
        half, top = wide / 2, 130 + wide
        with self.b.object("poster"):
            self.b.box((0, -half - 5, 125), (3, half + 5, top + 5), self.steel, skip="-x")
            with self.b.using(emission=0.15):
                ad = self.ads[int(self.rng.integers(len(self.ads)))]
                self.b.quad((3.4, half, top), (0, -wide, 0), (0, 0, -wide), ad)

    def _ends(self) -> None:
        """Walls with tunnel mouths over the tracks and a passage with stairs over the platform."""
        b, top = self.b, self.height
        for x, yaw in ((0.0, 0.0), (self.length, 180.0)):
            mouths = [(y - 170, -_DROP_CM, y + 170, 235.0) for y in self._tracks()]
            with b.at(x, 0, 0, yaw):
                with b.object("wall"):
                    full = top + self.rise
                    base = -_DROP_CM
                    wall(b, 2 * self.outer, full - base, mouths, self.tiles, 50, base)
                for mouth in mouths:
                    self._tunnel(mouth)
                for y0, y1 in self._platforms():
                    with b.at(0, (y0 + y1) / 2 * (1 if yaw == 0 else -1)):
                        self._exit(min(y1 - y0 - 200, 420.0))

    def _tunnel(self, mouth) -> None:
        b = self.b
        y0, z0, y1, z1 = mouth
        deep = 1600.0
        with b.object("tunnel"):
            b.quad((0, y1, z1), (-deep, 0, 0), (0, 0, z0 - z1), self.pit, 160)
            b.quad((-deep, y0, z1), (deep, 0, 0), (0, 0, z0 - z1), self.pit, 160)
            b.quad((-deep, y1, z1), (deep, 0, 0), (0, y0 - y1, 0), self.pit, 160)
            b.quad((-deep, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), self.dark, 160)

    def _exit(self, wide: float) -> None:
        """A closed shutter with a sign, or stairs up to a lit landing in front of the wall."""
        b = self.b
        steps = 14
        run = steps * 30.0
        with b.object("stairs"), b.at(run + 4, 0):
            part.stairs(b, self.stone, self.steel, wide, steps)
        with b.object("exit"), b.using(occludes=False, collides=False):
            z = min(self.height - 8.0, steps * 16 + 240)
            low = steps * 16.0
            b.box((0.4, -wide / 2, low), (1.2, wide / 2, z), self.dark, skip="-x")
            with b.using(emission=0.4):
                b.quad((1.5, 120, z - 6), (0, -240, 0), (0, 0, -30), self.sign[1])

    def _columns(self) -> None:
        """Columns along the platforms, round or square, some with a coloured collar."""
        rng, b = self.rng, self.b
        step, round_ = float(rng.integers(45, 80) * 10), bool(rng.random() < 0.5)
        half = float(rng.uniform(24, 40))
        rows = []
        for y0, y1 in self._platforms():
            if self.island:
                inset = 170.0 if y1 - y0 > 640 else (y1 - y0) / 2
                rows += sorted({y0 + inset, y1 - inset})
            else:
                rows.append(y0 + 150 if y0 > 0 else y1 - 150)
        for y in rows:
            for x in np.arange(900, self.length - 850, step):
                with b.object("column"), b.at(float(x), y):
                    if self.roof == "slab":
                        top = self.height
                    else:
                        top = self.height + self.rise * (1 - (y / self.outer) ** 2) ** 0.5
                    if round_:
                        cylinder(b, (0, 0, 0), half, top, self.tiles, 18, caps=False)
                        lathe(b, (0, 0, 0), [(half + 2, 120), (half + 2, 90)], self.band, 18)
                        flare = [(half * 2.2, top), (half, top - 50)]
                        lathe(b, (0, 0, 0), flare, self.ceiling, 18)
                    else:
                        b.box((-half, -half, 0), (half, half, top), self.tiles, 60, "-z+z")
                        b.box((-half - 2, -half - 2, 90), (half + 2, half + 2, 120), self.band)

    def equip(self) -> None:
        """Lamps, signs, seats, machines, bins and perhaps a train."""
        rng, b = self.rng, self.b
        for y0, y1 in self._platforms():
            self._platform_things(y0, y1)
            self._lights(y0, y1)
        if self.train:
            y = self._tracks()[int(rng.integers(2))]
            start = 700.0 + float(rng.uniform(-200, 200))
            for k in range(int((self.length - start - 500) // 1640)):
                with b.object("train"), b.at(start + k * 1640, y, -_DROP_CM + 26):
                    part.carriage(b, self.train_paint, self.accent, self.dark, self.inside, 1600)

    def _platform_things(self, y0: float, y1: float) -> None:
        rng, b, middle = self.rng, self.b, (y0 + y1) / 2
        top = self.height + (self.rise * 0.8 if self.island else self.rise * 0.3)
        for x in (1100.0, self.length / 2, self.length - 1100):
            with b.object("sign"), b.at(x, middle):
                part.hanging_sign(b, self.sign[int(rng.integers(2))], self.dark, 236, top)
        things = ["seats", "bin", "seats", "machine", "seats", "bin"]
        for k, x in enumerate(np.arange(760, self.length - 700, float(rng.integers(38, 60) * 10))):
            kind = things[k % len(things)]
            if self.island:
                place, yaw = middle, 90.0 if k % 2 else -90.0
            else:
                place, yaw = (y1 - 6, -90.0) if y0 > 0 else (y0 + 6, 90.0)
            with b.at(float(x), place, 0, yaw):
                if kind == "seats":
                    with b.object("seats"), b.at(34, 0):
                        part.seat_row(b, self.accent, self.steel, int(rng.integers(3, 6)))
                elif kind == "bin":
                    with b.object("bin"), b.at(34, 0):
                        part.litter_bin(b, self.steel)
                else:
                    with b.object("vending_machine"):
                        goods = self.goods[int(rng.integers(len(self.goods)))]
                        part.vending_machine(b, self.accent, goods, self.dark)

    def _lights(self, y0: float, y1: float) -> None:
        """Lines of bars over the platform, or globes."""
        rng, b, middle = self.rng, self.b, (y0 + y1) / 2
        tint = self.p.pick(["neutral", "cool", "warm"])
        globes = bool(rng.random() < 0.35)
        rows = [middle - 120, middle + 120] if y1 - y0 > 600 else [middle]
        edge = abs(middle) / self.outer
        high = self.height + (self.rise * (1 - edge**2) ** 0.5 if self.rise else 0) - 12
        for y in rows:
            for x in np.arange(300, self.length - 200, 420.0):
                with b.at(float(x), y):
                    if globes:
                        with b.object("lamp"), b.using(collides=False):
                            tube(b, [(0, 0, 314), (0, 0, high + 12)], 1.2, self.dark, 6)
                            self.lamps.append(lights.globe(b, 300, 16, self.white, tint, 4.0, 12))
                    else:
                        drop = max(20.0, high - 330)
                        self.lamps.append(
                            lights.bar(b, high, drop, 240, self.white, self.dark, tint, 9.0)
                        )
        for y in self._tracks():
            for x in np.arange(400, self.length, 900.0):
                with b.at(float(x), y):
                    self.lamps.append(lights.lamp_at(b, (0, 0, self.height - 30), 1.0, tint))

    def spawns(self) -> np.ndarray:
        """Along the platforms, looking along and across."""
        places = []
        for y0, y1 in self._platforms():
            low, high = max(y0, 100 - self.outer) + 95, min(y1, self.outer - 100) - 95
            for k in range(8 if self.island else 4):
                x = 620 + (self.length - 1240) * (k + float(self.rng.uniform(0.2, 0.8))) / 8
                yaw = float(self.rng.uniform(-50, 50)) + (180 if k % 2 else 0)
                places.append((x, float(self.rng.uniform(low, high)), 160.0, yaw))
        return np.array(places, float)
