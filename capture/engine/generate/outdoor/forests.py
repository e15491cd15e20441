"""Forests: "forest:SEED", of seven kinds and thirteen layouts, with logs, rocks and undergrowth.

Trees stand dense in a square of 110 m and, farther out, as pictures on rising ground that ends in
haze. What lies in the middle is the layout's: see forest_trails.py and forest_glades.py.
"""

from dataclasses import replace

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.outdoor import forest_glades as glades
from capture.engine.generate.outdoor import forest_trails as trails
from capture.engine.generate.outdoor.forest_kinds import KINDS, Kind, grown
from capture.engine.generate.outdoor.nature import grounds, plants, trees
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.flora import BROAD, NEEDLES
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.rocks import rock
from capture.engine.scene import Scene

ROAM_CM, FINE_CM, DENSE_CM, OUTER_CM = 3600.0, 4200.0, 5600.0, 40000.0
CANOPY_CM = 10200.0  # from here on the forest is a roof of leaves seen from outside


# What follows the seed in turns of coprime lengths: no two of many seeds share all of it.
LAYOUTS: tuple[type[trails.Layout], ...] = (
    trails.Stream,
    glades.Hut,
    trails.Layout,
    glades.Boulders,
    trails.Ride,
    glades.Pond,
    trails.Slope,
    glades.Stones,
    trails.Burnt,
    glades.Camp,
    trails.Edge,
    glades.Ruin,
    trails.Hollow,
)
SEASONS = ("summer", "autumn", "snow", "spring", "summer", "autumn", "winter", "spring")


def traits(seed: int) -> tuple[type[trails.Layout], Kind, str]:
    """Layout, kind and season of a forest."""
    return (
        LAYOUTS[seed % len(LAYOUTS)],
        KINDS[(3 * seed) % len(KINDS)],
        SEASONS[seed % len(SEASONS)],
    )


def generate_forest(seed: int) -> Scene:
    """The forest of a seed."""
    rng = np.random.default_rng([seed, 0xF0E5])
    maker = Forest(rng, *traits(seed))
    maker.build()
    return maker.finish(f"forest:{seed}", maker.caption(), maker.spawn_places())


class Forest(Country):
    """Builds one forest."""

    def __init__(
        self, rng: np.random.Generator, layout: type[trails.Layout], kind: Kind, season: str
    ) -> None:
        snow = season == "snow" and not kind.mild
        season = "winter" if snow else "spring" if season == "snow" else season
        hours = ("noon", "morning", "morning", "evening", "sunset", "overcast", "mist")
        super().__init__(rng, season, hours, ROAM_CM, 0.7, snow)
        self.kind = grown(rng, kind)
        self.layout = layout(self)
        self.relief = float(rng.uniform(*layout.relief))
        self._stones: list[Material] = []
        self.trodden = float(rng.uniform(0.0, 0.8))  # of the snow on the trail
        # The sky between dark trunks, mist and clearings are brighter than what is metered.
        dimmed = 0.7 if self.daylight.brightness >= 1.0 else 0.84
        self.daylight = replace(self.daylight, brightness=dimmed * self.daylight.brightness)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The ground: soft humps, shaped by the layout, rising far away."""
        humps = self.relief * self.fields.fractal(x, y, 2600, 3)
        far = np.hypot(x, y)
        rise = 2600 * smoothstep(7000, 30000, far) * (0.7 + 0.5 * self.fields.noise(x, y, 9000, 5))
        crowns = 0.75 + 0.16 * self.fields.fractal(x, y, 1500, 2, 11)
        roof = np.mean(self.kind.height) * smoothstep(CANOPY_CM, CANOPY_CM + 500, far) * crowns
        return self.layout.shaped(x, y, humps) + rise + roof * self.layout.roof(x, y)

    def water(self) -> Material:
        """Dark water, or ice."""
        if self.snow:
            return self.m.tiled(grounds.snow(self.noise, (172, 192, 206)), 500, gloss=0.3)
        deep, light = self.pick([((34, 44, 36), (108, 124, 104)), ((52, 46, 32), (126, 116, 86)),
                                 ((40, 62, 66), (120, 146, 142))])  # fmt: skip
        return self.m.tiled(grounds.water(self.noise, deep, light), 420, gloss=0.6)

    def stones(self) -> list[Material]:
        """From bare stone to what lies on it."""
        if not self._stones:
            stone = grounds.rock(self.noise, vary(self.rng, (122, 120, 114), 14), (112, 118, 78))
            cover = grounds.snow(self.noise) if self.snow else _moss(self.noise)
            self._stones = grounds.blend(self.m, self.noise, stone, cover, 3, 260)
        return self._stones

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (132, 38))
        self._paint()
        for x, y, _ in self.layout.spawns():
            self.ground.claim(x, y, 240)  # no boughs in the face
        self.layout.build()
        self._big_trees()
        self._far_trees()
        self._lying()
        self._undergrowth()

    def _paint(self) -> None:
        kind, noise, m = self.kind, self.noise, self.m
        colours = [vary(self.rng, c, 8) for c in kind.litter]
        if self.season == "autumn":
            colours += [(196, 120, 50), (178, 84, 44)]
        floor = grounds.litter(noise, colours, vary(self.rng, kind.soil, 8))
        green = grounds.meadow(noise, (82, 104, 44), (132, 116, 66))
        burnt = isinstance(self.layout, trails.Burnt) and not self.snow
        if burnt:
            floor = grounds.litter(noise, [(72, 68, 64), (104, 100, 96)], (46, 42, 40))
        path = grounds.soil(noise, vary(self.rng, self.layout.path, 12), 0.25)
        if self.snow:
            path = self.trodden * floor + (1 - self.trodden) * grounds.snow(noise, (186, 190, 198))
            floor, green = grounds.snow(noise), grounds.litter(noise, [(202, 208, 218)], kind.soil)
        moss = grounds.blend(m, noise, floor, green, 7)
        worn = grounds.blend(m, noise, floor, path, 8)
        roof = m.tiled(self._canopy(), 600)
        middle = self.land.middles()
        x, y = middle[:, 0], middle[:, 1]
        patches = smoothstep(0.05, 0.75, self.fields.fractal(x, y, 1400, 3, 20) + kind.moss - 0.25)
        patches *= smoothstep(180, 500, self.layout.off_way(x, y))
        if isinstance(self.layout, trails.Edge) and not self.snow:
            patches = np.maximum(patches, smoothstep(-60, 260, self.layout.meadow(x, y)))
        wear = self.layout.wear(x, y)
        choice = grounds.step_of(patches, moss)
        choice = np.where(wear > 0.02, len(moss) + grounds.step_of(wear * 1.25, worn), choice)
        crowns = (np.hypot(x, y) > CANOPY_CM) & (self.layout.roof(x, y) > 0.3)
        choice = np.where(crowns, len(moss) + len(worn), choice)
        with self.b.object("ground"):
            self.land.add_to(self.b, [*moss, *worn, roof], choice)

    def _canopy(self) -> np.ndarray:
        """The roof of the forest from outside: light tops over dark gaps."""
        image = np.zeros((512, 512, 3), np.float32)
        for kind in self.kind.trees:
            if kind in NEEDLES:
                colour = NEEDLES[kind][0]
            elif self.season == "winter" and not BROAD[kind].evergreen:
                colour = (128, 118, 108)
            else:
                colour = BROAD[kind].autumn[0] if self.season == "autumn" else BROAD[kind].summer[0]
            image += grounds.meadow(self.noise, colour, colour) / len(self.kind.trees)
        if self.snow:
            image = 0.65 * image + 0.35 * grounds.snow(self.noise)
        return image * 0.85

    def _chance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where trees may stand: fewer in clearings."""
        clearing = smoothstep(-0.75, -0.2, self.fields.noise(x, y, 3000, 30))
        return self.layout.chance(x, y) * (0.12 + 0.88 * clearing)

    def _big_trees(self) -> None:
        rng, kind = self.rng, self.kind
        count = kind.count // 5 if isinstance(self.layout, trails.Burnt) else kind.count
        places = self.ground.scatter(count, DENSE_CM - 200, 230, self._chance, 40, 60)
        tall = rng.uniform(*kind.height, len(places)) * rng.choice([0.45, 0.7, 1, 1], len(places))
        for (x, y), z, height in zip(places, self.land.height(*places.T), tall, strict=True):
            name = "dead" if rng.random() < 0.04 else pick(rng, kind.trees)
            yaw = float(rng.uniform(0, 360))
            with self.b.object(f"{name}_tree"), self.b.at(x, y, z, yaw):
                self.flora.tree(self.f, name, float(height))

    def _far_trees(self) -> None:
        """Pictures of trees around, so dense that no end of the forest is seen."""
        kinds = tuple(dict.fromkeys(self.kind.trees))[:4]
        sprites = self.flora.far(kinds)
        for reach, count, apart in (((DENSE_CM, 8200), 200, 300), ((8200, 9700), 120, 380)):
            wood = None if reach[0] > DENSE_CM else self.layout.chance
            places = self.ground.scatter(count, reach, apart, wood)
            tall = self.rng.uniform(0.85, 1.1, len(places)) * np.mean(self.kind.height)
            points = np.column_stack([places, self.land.height(*places.T)])
            with self.b.object("far_trees"):
                plants.far_trees(self.f, self.rng, points, tall, sprites, cards=2)

    def _lying(self) -> None:
        """Logs, stumps and rocks."""
        rng = self.rng
        stones, off = self.stones(), self.layout.chance
        for x, y in self.ground.scatter(
            int(rng.integers(*self.layout.rocks)), 4600, 300, off, 80, 120
        ):
            size = float(rng.lognormal(4.1, 0.5))
            radii = size * rng.uniform(0.7, 1.3), size * rng.uniform(0.7, 1.3), size * 0.75
            with self.b.object("rock"), self.b.at(x, y, self.land.height(x, y)[0]):
                rock(self.b, rng, radii, stones, 0.35, splits=3 if size > 90 else 2)
        bark = self.flora.bark((92, 78, 64))
        for x, y in self.ground.scatter(
            int(rng.integers(*self.layout.logs)), 4200, 600, off, 150, 180
        ):
            self._log(x, y, bark)
        wood = self.flora.bark((150, 120, 86))
        for x, y in self.ground.scatter(int(rng.integers(3, 9)), 4200, 500, off, 60, 70):
            radius, z = float(rng.uniform(18, 34)), self.land.height(x, y)[0]
            with self.b.object("stump"), self.b.at(x, y, z):
                line = np.array([[0, 0, -30], [0, 0, 10], [0, 0, 45]])
                trees.tube(self.b, line, np.array([1.5, 1.1, 1.0]) * radius, bark, 9)
                trees.tube(
                    self.b,
                    line[2:] + [[0, 0, 0], [0, 0, 0.6]],
                    np.array([1.0, 0.02]) * radius,
                    wood,
                    9,
                )

    def _log(self, x: float, y: float, bark) -> None:
        rng = self.rng
        radius, long = float(rng.uniform(15, 30)), float(rng.uniform(250, 620))
        angle = float(rng.uniform(0, 3.14))
        share = np.linspace(-0.5, 0.5, 7)
        px, py = x + share * long * np.cos(angle), y + share * long * np.sin(angle)
        z = self.land.height(px, py) + radius * 0.7
        z = np.polyval(np.polyfit(share, z, 1), share)
        line = np.column_stack([px, py, z])
        with self.b.object("log"):
            trees.tube(self.b, line, radius * (1.05 - 0.3 * (share + 0.5)), bark, 9)
            for end, way in ((0, -1), (-1, 1)):
                cap = line[[end, end]] + [[0, 0, 0], (line[-1] - line[0]) / long * way]
                rim = radius * (1.05 if end == 0 else 0.75)
                trees.tube(self.b, cap, np.array([rim, 0.3]), self.flora.bark((150, 120, 86)), 9)

    def _undergrowth(self) -> None:
        rng, season = self.rng, self.season
        for number, kind in enumerate(dict.fromkeys(self.kind.undergrowth)):

            def wanted(x: np.ndarray, y: np.ndarray, number: int = number) -> np.ndarray:
                patch = smoothstep(-0.15, 0.5, self.fields.noise(x, y, 900, 40 + number))
                return patch * (self.layout.off_way(x, y) > self.layout.half_way - 90)

            sparse = 0.3 if self.snow else 1.0
            if kind == "fern":
                places = self.on_land(self.ground.scatter(int(260 * sparse), 4300, 110, wanted, 20))
                colour = {"autumn": (164, 124, 58), "winter": (128, 100, 62)}.get(
                    season, (84, 118, 52)
                )
                with self.b.object("ferns"):
                    plants.ferns(
                        self.f,
                        rng,
                        places,
                        rng.uniform(60, 115, len(places)),
                        self.flora.frond(colour),
                    )
            elif kind in ("grass", "flower", "moss"):
                colours = self.grass_colours()
                heads = pick(rng, [(226, 196, 80), (150, 110, 180), (236, 236, 230)])
                grown = kind == "flower" and season in ("spring", "summer")
                material = self.flora.grass(colours, heads if grown else None)
                count = {"grass": 1700, "flower": 600, "moss": 700}[kind] * sparse
                places = self.on_land(self.ground.scatter(int(count), 4300, 55, wanted, 10))
                with self.b.object("flowers" if grown else "grass"):
                    plants.tufts(self.f, rng, places, rng.uniform(16, 42, len(places)), material)
            else:
                self._bushes(wanted, kind)

    def _bushes(self, wanted, kind: str) -> None:
        rng = self.rng
        if self.season == "winter":
            return
        leaves = self.flora.leaves("beech" if kind == "sapling" else "linden", 1)
        for x, y in self.ground.scatter(34, 4300, 260, wanted, 60, 50):
            size = float(rng.uniform(60, 120))
            with self.b.object("bush"), self.b.at(x, y, self.land.height(x, y)[0]):
                plants.bush(self.f, rng, leaves, size, size * rng.uniform(0.9, 1.6), 26)

    def spawn_places(self) -> np.ndarray:
        """As the layout has them."""
        return self.spawns(self.layout.spawns())

    def caption(self) -> str:
        """One factual sentence."""
        plain = self.season == "winter" and not self.snow
        when = "snowy " if self.snow else "bare winter " if plain else f"{self.season} "
        when = "" if self.season == "summer" else when
        article = "An" if (when or self.kind.words)[0] in "aeiou" else "A"
        return f"{article} {when}{self.kind.words} {self.daylight.hour}, with {self.layout.words}."


def _moss(noise: NoiseBank) -> np.ndarray:
    """Moss on stone."""
    return grounds.meadow(noise, (86, 106, 42), (112, 116, 58))
