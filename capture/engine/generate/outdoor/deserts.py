"""Deserts: "desert:SEED", canyons with rock arches, mesas, pillars, dunes, oases, salt pans.

The camera roams over 80 m of open ground about the origin.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.kit.shapes import lathe
from capture.engine.generate.outdoor.desertland import FINE_CM, OUTER_CM, DesertLand
from capture.engine.generate.outdoor.nature import buildings, grounds, plants
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.trees import tube
from capture.engine.scene import Scene


def generate_desert(seed: int) -> Scene:
    """The desert of a seed."""
    maker = _Desert(np.random.default_rng([seed, 0xDE5E]), seed)
    maker.build()
    return maker.finish(f"desert:{seed}", maker.caption(), maker.starts, maker.roam_cm(700))


class _Desert(DesertLand):
    """Builds one desert."""

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (124, 44))
        self._paint()
        self.starts = self.spawn_places()
        for x, y, _, _ in self.starts:
            self.ground.claim(x, y, 220)  # no trunk in the view
        if self.style in ("oasis", "salt", "hoodoos"):
            getattr(self, f"_{self.style}")()
        if self.style == "canyon" and self.rng.random() < 0.7:
            self._arches()
        if self.built != "nothing":
            getattr(self, f"_{self.built}")()
        many = {"salt": 0.15, "dunes": 0.1}.get(self.style, 1.0)
        count = int(many * self.rng.integers(20, 50))
        self.rocks(count, 4400, self.stones, (55, 0.6), self._low, 0.0)
        far = int(26 * many)
        self.rocks(far, (4600, 9000), self.stones, (170, 0.5), self._low, 0.0, "boulder")
        self._plants()

    def _paint(self) -> None:
        noise, m, rng = self.noise, self.m, self.rng
        colour = vary(rng, self.sand_colour, 8)
        sandy = self.style in ("oasis", "dunes")
        sand = grounds.sand(noise, colour, 0.1 if sandy else 0.03)
        stony = grounds.soil(noise, tex.darker(colour, 0.86), 0.9)
        if self.style == "salt":
            sand, stony = grounds.rock(noise, (226, 221, 210)), grounds.sand(noise, colour, 0.02)
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
        share = share * (0.35 if sandy or self.style == "salt" else 1.0)
        if self.style == "salt":
            share = np.maximum(share, smoothstep(5000, 12000, np.hypot(x, y)))
        choice = grounds.step_of(share, ground)
        if self.style == "oasis":
            wet = self.wet(x, y) * smoothstep(-0.5, 0.2, self.fields.noise(x, y, 700, 44))
            choice = np.where(wet > 0.03, len(ground) + grounds.step_of(wet * 2, shore), choice)
        sets = [*ground, *shore]
        choice = choice + len(sets) * (np.hypot(x, y) > 12000)
        far = [s.scaled(2600, 2600) for s in sets]
        wall = up < (0.5 if sandy else 0.9 if self.style == "badlands" else 0.78)
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

    def _ruin(self) -> None:
        """Walls of mud brick that have melted in the rain of centuries."""
        rng, colour = self.rng, tex.darker(self.sand_colour, 0.88)
        look = tex.bricks(self.noise, colour, tex.darker(colour, 0.8), 12, 6, 0.1, 0.03)
        clay = self.m.tiled(look, 260, 200)
        for x, y in self.ground.scatter(1, 2300, 0, self._low, 600, 800):
            with self.at(x, y):
                for k in range(int(rng.integers(4, 7))):
                    place = rng.uniform(-520, 520, 2)
                    long, high = float(rng.uniform(350, 760)), float(rng.uniform(200, 420))
                    turn = 90.0 * (k % 2) + rng.normal(0, 3)
                    with self.b.object("ruin_wall"), self.b.at(place[0], place[1], 0, turn):
                        buildings.ruin_wall(self.b, rng, clay, long, high, 50, gate=k == 0)
            self.things.append("ruined walls of mud brick")

    def _salt(self) -> None:
        """Shallow pools that mirror the sky."""
        water = grounds.water(self.noise, (128, 140, 142), (176, 186, 190))
        with self.b.object("pools"):
            material = self.m.tiled(water, 700, gloss=0.85)
            self.b.quad((-6500, -6500, -7), (13000, 0, 0), (0, 13000, 0), material, 500)

    def _hoodoos(self) -> None:
        """Pillars of layered rock, thin where it is soft, some with a cap."""
        rng = self.rng

        def aside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return self._low(x, y) * (np.abs(self.turned(x, y)[1]) > 380)

        for x, y in self.ground.scatter(46, 6500, 480, aside, 150, 190):
            wide, tall = float(rng.uniform(60, 170)), float(rng.uniform(0.25, 1.0)) * 1500
            z = np.linspace(tall, -120, 24)
            radius = wide * (1.1 - 0.45 * z / tall)
            radius *= 1 + 0.14 * np.sin(z / 95 + rng.uniform(0, 6)) + rng.normal(0, 0.02, 24)
            cap = 0.45 * np.exp(-(((z / tall - 0.84) / 0.09) ** 2))
            radius *= 1 + cap * (rng.random() < 0.4)
            profile = [(0.5, tall + 20), *zip(radius, z, strict=True)]
            with self.b.object("pillar"), self.at(x, y):
                lathe(self.b, (0, 0, 0), profile, self.strata.scaled(900, 620), 18)

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
            "hoodoos": "A desert with tall pillars of layered rock",
            "salt": "A white salt pan with shallow pools in a desert",
            "badlands": "A desert valley between furrowed, striped hills",
            "dunes": "A sea of sand dunes",
            "oasis": "An oasis with palms around a pond among sand dunes",
        }[self.style]
        plants_ = "cacti and dry scrub" if self.cacti else "scrub and dead trees"
        rocks = [] if self.style == "dunes" else ["rocks"]
        text = ", ".join([*self.things, *rocks, plants_])
        return f"{place} {self.daylight.hour}, with {text}."


def _cactus(noise) -> np.ndarray:
    """Green skin with ribs along v and pale thorns."""
    u, v = np.meshgrid(np.linspace(0, 1, 512, False), np.linspace(0, 1, 512, False))
    rib = 0.62 + 0.38 * np.abs(np.sin(u * np.pi * 6))
    image = tex.tint((98, 128, 74), rib * (1 + 0.12 * noise("rough")))
    thorn = (np.abs(u * 6 % 1 - 0.5) < 0.07) & (v * 14 % 1 < 0.3)
    return np.where(thorn[..., None], tex.rgb((206, 200, 160)), image)
