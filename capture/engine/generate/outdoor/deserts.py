"""Deserts: "desert:SEED", canyons with rock arches, valleys of mesas, and oases among dunes.

The camera roams over 80 m of open ground about the origin.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.outdoor.nature import buildings, grounds, plants
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.trees import tube
from capture.engine.scene import Scene

ROAM_CM, FINE_CM, OUTER_CM = 4000.0, 4700.0, 120000.0
HOURS = ("noon", "noon", "morning", "evening", "evening", "sunset")
# Of the rock: its layers, and the sand that it becomes.
_ROCKS: list[tuple[list[Colour], Colour]] = [
    (
        [(178, 92, 58), (200, 118, 74), (156, 76, 50), (214, 150, 104), (186, 100, 62)],
        (206, 138, 92),
    ),
    ([(206, 176, 132), (188, 152, 108), (220, 196, 156), (170, 134, 96)], (220, 194, 148)),
    (
        [(150, 108, 84), (176, 134, 104), (132, 92, 76), (196, 160, 128), (146, 112, 98)],
        (192, 158, 122),
    ),
    ([(190, 128, 70), (216, 162, 98), (168, 104, 58), (228, 186, 128)], (222, 176, 116)),
]


def generate_desert(seed: int) -> Scene:
    """The desert of a seed."""
    maker = _Desert(np.random.default_rng([seed, 0xDE5E]))
    maker.build()
    return maker.finish(f"desert:{seed}", maker.caption(), maker.spawn_places(), maker.roam_cm(700))


class _Desert(Country):
    """Builds one desert."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, "summer", HOURS, ROAM_CM, 2.2, snow=False)
        self.style = pick(rng, ["canyon", "canyon", "mesas", "oasis"])
        self.layers, self.sand_colour = pick(rng, _ROCKS)
        self.way = float(rng.uniform(0, np.pi))
        self.wide = float(rng.uniform(1200, 4200))
        self.tall = float(rng.uniform(900, 4400))
        self.steps = float(rng.uniform(2.2, 6.5))  # ledges of a cliff
        self.bend = float(rng.uniform(400, 1500)), float(rng.uniform(0, 6.28))
        self.pond_size = float(rng.uniform(900, 1500))
        self.cacti = 0 if self.style == "oasis" else int(pick(rng, [0, 6, 20, 50]))
        self.growth = float(rng.uniform(0.1, 1.6))  # of scrub and grass
        self.things: list[str] = []

    def turned(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places along and across the valley."""
        c, s = np.cos(self.way), np.sin(self.way)
        u = c * x + s * y
        return u, c * y - s * x - self.bend[0] * np.sin(u / 3200 + self.bend[1])

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The ground of the style."""
        return getattr(self, f"_{self.style}_height")(np.asarray(x, float), np.asarray(y, float))

    def _floor(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 130 * self.fields.fractal(x, y, 2600, 3) + 10 * self.fields.noise(x, y, 330, 7)

    def _terraced(self, rise: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cliffs with ledges where `rise` goes from 0 to 1."""
        steps = self.steps
        place = rise * steps
        ledge = np.floor(place) + smoothstep(0.25, 0.8, place % 1)
        shape = 0.82 * ledge / steps + 0.18 * rise
        rough = 1 + 0.13 * self.fields.noise(x, y, 2400, 17)
        return self.tall * shape * rough

    def _canyon_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        _, v = self.turned(x, y)
        edge = np.abs(v) + 620 * self.fields.fractal(x, y, 2300, 4, 20)
        rise = np.clip((edge - self.wide) / 1150, 0, 1)
        far = np.hypot(x, y)
        plateau = 5200 * smoothstep(9000, 60000, far) * self.fields.ridges(x, y, 30000, 4, 8)
        return self._floor(x, y) * (1 - 0.6 * rise) + self._terraced(rise, x, y) + plateau

    def _mesas_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        far = np.hypot(x, y)
        field = self.fields.fractal(x, y, 17000, 3, 20) + 0.25 * self.fields.noise(x, y, 2600, 25)
        rise = np.clip((field - 0.28) / 0.16, 0, 1) * smoothstep(4200, 7000, far)
        skirt = smoothstep(0.0, 0.3, field) * smoothstep(4200, 8000, far)
        return self._floor(x, y) + 900 * skirt + 2.4 * self._terraced(rise, x, y)

    def _oasis_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = self.turned(x, y)
        far = np.hypot(x, y)
        dune = 1 - np.abs(self.fields.fractal(u, v * 0.5, 5200, 2, 20))
        dunes = dune**3 * 1500 * smoothstep(2200, 7500, far)
        big = 5200 * smoothstep(15000, 60000, far) * self.fields.ridges(x, y, 30000, 3, 8)
        return 0.5 * self._floor(x, y) + dunes + big - 190 * self.wet(x, y)

    def wet(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 in the oasis's pond."""
        far = np.hypot(x - 600, y + 300) + 330 * self.fields.fractal(x, y, 1900, 2, 70)
        return 1 - smoothstep(0.55 * self.pond_size, self.pond_size, far)

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (124, 44))
        self._paint()
        if self.style == "oasis":
            self._oasis()
        if self.style == "canyon" and self.rng.random() < 0.6:
            self._arches()
        if self.rng.random() < 0.4:
            self._hut()
        self.rocks(int(self.rng.integers(20, 50)), 4400, self.stones, (55, 0.6), self._low, 0.0)
        self.rocks(26, (4600, 9000), self.stones, (170, 0.5), self._low, 0.0, "boulder")
        self._plants()

    def _paint(self) -> None:
        noise, m, rng = self.noise, self.m, self.rng
        colour = vary(rng, self.sand_colour, 8)
        sand = grounds.sand(noise, colour, 0.1 if self.style == "oasis" else 0.03)
        stony = grounds.soil(noise, tex.darker(colour, 0.86), 0.9)
        green = grounds.meadow(noise, (112, 124, 62), colour)
        # The sequence of layers is as high as one repeat: it must not repeat too often.
        strata = m.tiled(grounds.strata(noise, self.layers * 2), 900, 1250)
        self.strata = strata
        self.stones = [m.tiled(grounds.rock(noise, self.layers[0]), 300)]
        ground = grounds.blend(m, noise, sand, stony, 7)
        shore = grounds.blend(m, noise, sand, green, 5)
        x, y, _ = self.land.middles().T
        up = self.land.upness()
        share = smoothstep(-0.3, 0.7, self.fields.fractal(x, y, 1900, 3, 40))
        share = share * (0.35 if self.style == "oasis" else 1.0)
        choice = grounds.step_of(share, ground)
        if self.style == "oasis":
            wet = self.wet(x, y) * smoothstep(-0.5, 0.2, self.fields.noise(x, y, 700, 44))
            choice = np.where(wet > 0.03, len(ground) + grounds.step_of(wet * 2, shore), choice)
        sets = [*ground, *shore]
        choice = choice + len(sets) * (np.hypot(x, y) > 12000)
        far = [s.scaled(2600, 2600) for s in sets]
        wall = up < (0.5 if self.style == "oasis" else 0.78)
        choice = np.where(wall, 2 * len(sets), choice)
        with self.b.object("ground"):
            self.land.add_to(self.b, [*sets, *far, strata], choice)

    def _low(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where the ground is gentle and dry."""
        dry = self.wet(x, y) < 0.05 if self.style == "oasis" else np.ones(np.shape(x), bool)
        return (self.land.slope(x, y) < 0.5) * dry.astype(float)

    def _arches(self) -> None:
        """One or two arches of rock that span part of the valley, on the camera's way or beside."""
        rng = self.rng
        for k in range(int(rng.integers(1, 3))):
            u = float(rng.uniform(700, 2600)) * (1 if k == 0 else -1)
            v = self.bend[0] * np.sin(u / 3200 + self.bend[1]) + rng.uniform(-300, 300)
            c, s = np.cos(self.way), np.sin(self.way)
            x, y = c * u - s * v, s * u + c * v
            span, high = float(rng.uniform(700, 1200)), float(rng.uniform(620, 1100))
            angle = np.linspace(0, np.pi, 27)
            line = np.column_stack(
                [40 * np.sin(angle * 3), -span * np.cos(angle), high * np.sin(angle) ** 0.8 - 60]
            )
            line += rng.normal(0, 16, line.shape)
            slim = float(rng.uniform(110, 200))
            thick = slim + 150 * np.cos(angle) ** 2 + rng.normal(0, 0.14 * slim, len(angle))
            turn = np.degrees(self.way) + rng.uniform(-35, 35)
            with self.b.object("rock_arch"), self.at(x, y, turn):
                tube(self.b, line, thick, self.stones[0].scaled(420, 420), 14)
            self.ground.claim(x - span * -s, y - span * c, 330)
            self.ground.claim(x + span * -s, y + span * c, 330)
        self.things.append("rock arches" if k else "a rock arch")

    def _hut(self) -> None:
        noise, m, rng = self.noise, self.m, self.rng
        clay = m.tiled(tex.stained_plaster(noise, tex.darker(self.sand_colour, 0.92)), 320)
        wood = self.flora.bark((126, 98, 72))
        skin = Skin(
            wall=clay,
            base=clay,
            roof=m.tiled(tex.boards(noise, (136, 108, 80), 14), 200),
            trim=m.flat((104, 76, 54)),
            door=m.flat((84, 108, 116)),
            pane=m.flat((46, 44, 44)),
        )
        places = self.ground.scatter(1, 2600, 0, self._low, 400, 520)
        for x, y in places:
            with self.b.object("hut"), self.at(x, y):
                buildings.house(self.b, skin, (430, float(rng.uniform(520, 760)), 250, 70))
            angle = np.linspace(0.4, 2.4, 6) + rng.uniform(0, 6)
            posts = np.column_stack([x + 760 * np.cos(angle), y + 760 * np.sin(angle)])
            with self.b.object("fence"):
                buildings.fence(self.b, self.on_land(posts), wood)
            self.things.append("a clay hut with a fence")

    def _oasis(self) -> None:
        rng, reach = self.rng, self.pond_size * 1.2
        water = grounds.water(self.noise, (50, 92, 88), (150, 176, 166))
        with self.b.object("pond"):
            self.b.quad(
                (600 - reach, -300 - reach, -55),
                (2 * reach, 0, 0),
                (0, 2 * reach, 0),
                self.m.tiled(water, 420, gloss=0.6),
                400,
            )

        def shore(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            far = np.hypot(x - 600, y + 300)
            return self._low(x, y) * smoothstep(self.pond_size * 2.4, self.pond_size * 1.1, far)

        for x, y in self.ground.scatter(int(rng.integers(16, 30)), 3400, 190, shore, 60, 70):
            self.tree(x, y, "palm", float(rng.uniform(420, 850)))
        self.tufts(
            "reeds",
            260,
            2600,
            self.flora.grass(((112, 128, 62), (138, 140, 78))),
            (50, 110),
            lambda x, y: ((w := self.wet(x, y)) > 0.02) * (w < 0.5) * 1.0,
        )

    def _plants(self) -> None:
        rng = self.rng
        straw = self.flora.grass(((176, 152, 98), (152, 138, 86)))
        self.tufts("dry_grass", int(700 * self.growth), 4300, straw, (16, 44), self._low, 70)
        green = self.flora.grass(
            ((104, 112, 74),), pick(rng, [None, (226, 190, 70), (206, 90, 60)])
        )
        self.tufts("scrub", int(220 * self.growth), 4300, green, (30, 60), self._low, 160)
        if self.cacti:
            self._cacti()
        places = self.on_land(self.ground.scatter(260, (4300, 12000), 200, self._low))
        with self.b.object("far_scrub"):
            plants.far_trees(self.f, rng, places, rng.uniform(80, 170, len(places)), [green], 1.3)
        for x, y in self.ground.scatter(int(rng.integers(1, 6)), 4000, 700, self._low, 80, 80):
            self.tree(x, y, "dead", float(rng.uniform(350, 620)))

    def _cacti(self) -> None:
        rng = self.rng
        ribs = self.m.tiled(_cactus(self.noise), 46, 120)
        for x, y in self.ground.scatter(self.cacti, 4400, 300, self._low, 60, 70):
            tall, radius = float(rng.uniform(160, 430)), float(rng.uniform(14, 22))
            with self.b.object("cactus"), self.at(x, y):
                z = np.array([-20, 0, tall * 0.5, tall * 0.92, tall * 0.98, tall])
                self._stem(np.column_stack([0 * z, 0 * z, z]), radius, ribs)
                for arm in range(int(rng.integers(0, 4))):
                    angle = arm * 2.2 + rng.uniform(0, 1)
                    foot, reach = tall * rng.uniform(0.3, 0.55), 3.0 * radius
                    top = foot + tall * rng.uniform(0.25, 0.42)
                    r = np.array([0, 0.75, 1, 1, 1, 1]) * reach
                    z = np.array([foot, foot, foot + 0.6 * radius, (foot + top) / 2, top - 4, top])
                    line = np.column_stack([r * np.cos(angle), r * np.sin(angle), z])
                    self._stem(line, radius * 0.72, ribs)

    def _stem(self, line: np.ndarray, radius: float, material: Material) -> None:
        tube(self.b, line, radius * np.array([0.95, 1, 1, 0.9, 0.6, 0.1]), material, 10)

    def spawn_places(self) -> np.ndarray:
        """Along the valley, looking along it and at its walls."""
        u = np.linspace(-3500, 3500, 8)
        v = self.bend[0] * np.sin(u / 3200 + self.bend[1]) + np.array([0, 200, -200, 0] * 2)
        c, s = np.cos(self.way), np.sin(self.way)
        yaw = np.degrees(self.way) + np.array([0, 35, -30, 0, 180, 150, 215, 180])
        yaw = yaw + self.rng.uniform(-30, 30, 8)
        places = np.column_stack([c * u - s * v, s * u + c * v, yaw])
        places[:, :2] = np.clip(places[:, :2], -3700, 3700)
        if self.style == "oasis":
            wet = self.wet(places[:, 0], places[:, 1]) > 0.1
            places[wet, 1] += self.pond_size * 2.2
        return self.spawns(places)

    def caption(self) -> str:
        """One factual sentence."""
        place = {
            "canyon": "A desert canyon between layered rock walls",
            "mesas": "A desert plain with layered mesas in the distance",
            "oasis": "An oasis with palms around a pond among sand dunes",
        }[self.style]
        plants_ = "cacti and dry scrub" if self.cacti else "scrub and dead trees"
        text = ", ".join([*self.things, "rocks"]) + f", {plants_}"
        return f"{place} {self.daylight.hour}, with {text}."


def _cactus(noise) -> np.ndarray:
    """Green skin with ribs along v and pale thorns."""
    u, v = np.meshgrid(np.linspace(0, 1, 512, False), np.linspace(0, 1, 512, False))
    rib = 0.62 + 0.38 * np.abs(np.sin(u * np.pi * 6))
    image = tex.tint((98, 128, 74), rib * (1 + 0.12 * noise("rough")))
    thorn = (np.abs(u * 6 % 1 - 0.5) < 0.07) & (v * 14 % 1 < 0.3)
    return np.where(thorn[..., None], tex.rgb((206, 200, 160)), image)
