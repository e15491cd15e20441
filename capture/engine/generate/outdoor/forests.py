"""Forests: "forest:SEED", dense and mixed, with a trail through it, logs, rocks and undergrowth.

The trail winds along x through the middle; trees stand dense in a square of 110 m and, farther
out, as pictures on rising ground that ends in haze.
"""

from dataclasses import dataclass, replace

import numpy as np

from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.outdoor.nature import grounds, plants, trees
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.daylight import draw_season
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.flora import BROAD, NEEDLES
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.rocks import rock
from capture.engine.scene import Scene

ROAM_CM, FINE_CM, DENSE_CM, OUTER_CM = 3600.0, 4200.0, 6200.0, 40000.0
CANOPY_CM = 10200.0  # from here on the forest is a roof of leaves seen from outside


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A kind of forest."""

    words: str
    trees: tuple[str, ...]
    height: tuple[float, float]
    count: int
    soil: Colour
    litter: tuple[Colour, ...]
    undergrowth: tuple[str, ...]
    moss: float


_KINDS = {
    "spruce": _Kind(
        words="spruce and fir forest",
        trees=("spruce", "spruce", "fir"),
        height=(900, 1900),
        count=230,
        soil=(74, 60, 46),
        litter=((106, 80, 54), (88, 96, 50)),
        undergrowth=("fern", "moss", "grass"),
        moss=0.5,
    ),
    "beech": _Kind(
        words="beech forest",
        trees=("beech", "beech", "oak", "beech"),
        height=(1100, 1900),
        count=150,
        soil=(92, 70, 50),
        litter=((158, 104, 62), (128, 82, 48)),
        undergrowth=("fern", "sapling"),
        moss=0.3,
    ),
    "birch": _Kind(
        words="birch wood",
        trees=("birch", "birch", "birch", "pine"),
        height=(900, 1500),
        count=200,
        soil=(96, 92, 60),
        litter=((126, 122, 66), (104, 116, 58)),
        undergrowth=("grass", "grass", "flower", "fern"),
        moss=0.2,
    ),
    "pine": _Kind(
        words="pine wood",
        trees=("pine", "pine", "pine", "birch"),
        height=(1200, 2000),
        count=165,
        soil=(128, 104, 74),
        litter=((150, 112, 74), (116, 104, 66)),
        undergrowth=("grass", "bush", "moss"),
        moss=0.15,
    ),
    "mixed": _Kind(
        words="mixed forest",
        trees=("oak", "spruce", "beech", "birch", "maple", "pine"),
        height=(900, 1800),
        count=165,
        soil=(88, 70, 50),
        litter=((140, 98, 58), (96, 96, 50)),
        undergrowth=("fern", "bush", "grass"),
        moss=0.4,
    ),
}


def generate_forest(seed: int) -> Scene:
    """The forest of a seed."""
    rng = np.random.default_rng([seed, 0xF0E5])
    maker = _Forest(rng)
    maker.build()
    return maker.finish(f"forest:{seed}", maker.caption(), maker.spawn_places())


class _Forest(Country):
    """Builds one forest."""

    def __init__(self, rng: np.random.Generator) -> None:
        hours = ("noon", "morning", "morning", "evening", "overcast", "mist")
        super().__init__(rng, draw_season(rng), hours, ROAM_CM, 0.7)
        self.kind = _grown(rng, _KINDS[pick(rng, list(_KINDS))])
        self.bend = rng.uniform(150, 1000), rng.uniform(2600, 4200), rng.uniform(0, 6.28)
        self.relief = float(rng.uniform(40, 420))
        self.trodden = float(rng.uniform(0.0, 0.8))  # of the snow on the trail
        # The sky between the trunks is brighter than what the metering looks at; so is mist.
        dimmed = 0.7 if self.daylight.fog[3] > 1 / 20_000 else 0.84
        self.daylight = replace(self.daylight, brightness=dimmed * self.daylight.brightness)

    def trail(self, x: np.ndarray) -> np.ndarray:
        """The trail's y at x."""
        high, long, phase = self.bend
        return high * np.sin(x / long * 2 + phase) + 0.3 * high * np.sin(x / long * 5 + 2 * phase)

    def off_trail(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the trail's middle."""
        slope = (self.trail(x + 20) - self.trail(x - 20)) / 40
        return np.abs(y - self.trail(x)) / np.sqrt(1 + slope**2)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The ground: soft humps, flatter on the trail, rising far away."""
        humps = self.relief * self.fields.fractal(x, y, 2600, 3)
        bumps = 14 * self.fields.noise(x, y, 380, 9)
        far = np.hypot(x, y)
        rise = 2600 * smoothstep(7000, 30000, far) * (0.7 + 0.5 * self.fields.noise(x, y, 9000, 5))
        bed = smoothstep(40, 320, self.off_trail(x, y))
        crowns = 0.75 + 0.16 * self.fields.fractal(x, y, 1500, 2, 11)
        roof = np.mean(self.kind.height) * smoothstep(CANOPY_CM, CANOPY_CM + 500, far) * crowns
        return humps + bumps * bed - 16 * (1 - bed) + rise + roof

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (132, 38))
        self._paint()
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
        path = grounds.soil(noise, vary(self.rng, (126, 104, 78), 12), 0.25)
        if self.snow:
            path = self.trodden * floor + (1 - self.trodden) * grounds.snow(noise, (186, 190, 198))
            floor, green = grounds.snow(noise), grounds.litter(noise, [(202, 208, 218)], kind.soil)
        moss = grounds.blend(m, noise, floor, green, 7)
        worn = grounds.blend(m, noise, floor, path, 8)
        roof = m.tiled(self._canopy(), 600)
        middle = self.land.middles()
        x, y = middle[:, 0], middle[:, 1]
        patches = smoothstep(0.05, 0.75, self.fields.fractal(x, y, 1400, 3, 20) + kind.moss - 0.25)
        patches *= smoothstep(180, 500, self.off_trail(x, y))
        wear = 1 - np.clip(
            (self.off_trail(x, y) + 50 * self.fields.noise(x, y, 300, 3)) / 260, 0, 1
        )
        choice = grounds.step_of(patches, moss)
        choice = np.where(wear > 0.02, len(moss) + grounds.step_of(wear * 1.25, worn), choice)
        choice = np.where(np.hypot(x, y) > CANOPY_CM, len(moss) + len(worn), choice)
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
        """Where trees may stand: not on the trail, fewer in clearings."""
        clearing = smoothstep(-0.75, -0.2, self.fields.noise(x, y, 3000, 30))
        return (self.off_trail(x, y) > 210) * (0.12 + 0.88 * clearing)

    def _big_trees(self) -> None:
        rng, kind = self.rng, self.kind
        places = self.ground.scatter(kind.count, DENSE_CM - 200, 260, self._chance, claim=60)
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
            places = self.ground.scatter(count, reach, apart)
            tall = self.rng.uniform(0.85, 1.1, len(places)) * np.mean(self.kind.height)
            points = np.column_stack([places, self.land.height(*places.T)])
            with self.b.object("far_trees"):
                plants.far_trees(self.f, self.rng, points, tall, sprites, cards=2)

    def _lying(self) -> None:
        """Logs, stumps and rocks."""
        rng = self.rng
        stone = grounds.rock(self.noise, vary(rng, (122, 120, 114), 14), (112, 118, 78))
        cover = grounds.snow(self.noise) if self.snow else _moss(self.noise)
        stones = grounds.blend(self.m, self.noise, stone, cover, 3, 260)
        off = lambda x, y: (self.off_trail(x, y) > 230).astype(float)  # noqa: E731
        for x, y in self.ground.scatter(int(rng.integers(8, 26)), 4600, 300, off, 80, 120):
            size = float(rng.lognormal(4.1, 0.5))
            radii = size * rng.uniform(0.7, 1.3), size * rng.uniform(0.7, 1.3), size * 0.75
            with self.b.object("rock"), self.b.at(x, y, self.land.height(x, y)[0]):
                rock(self.b, rng, radii, stones, 0.35, splits=3 if size > 90 else 2)
        bark = self.flora.bark((92, 78, 64))
        for x, y in self.ground.scatter(int(rng.integers(4, 10)), 4200, 600, off, 150, 180):
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
                return patch * (self.off_trail(x, y) > 120)

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
        """Along the trail, looking along it and into the trees."""
        x = np.linspace(-ROAM_CM * 0.86, ROAM_CM * 0.86, 8)
        y = np.clip(self.trail(x), -ROAM_CM * 0.8, ROAM_CM * 0.8)
        ahead = np.degrees(np.arctan2(self.trail(x + 600) - self.trail(x), 600))
        yaw = ahead + np.array([0, 35, -30, 180, 0, 140, -150, 180])
        return self.spawns(np.column_stack([x, y, yaw]))

    def caption(self) -> str:
        """One factual sentence."""
        plain = self.season == "winter" and not self.snow
        when = "snowy " if self.snow else "bare winter " if plain else f"{self.season} "
        when = "" if self.season == "summer" else when
        article = "An" if (when or self.kind.words)[0] in "aeiou" else "A"
        return (
            f"{article} {when}{self.kind.words} {self.daylight.hour}, with a winding trail, "
            "fallen logs, stumps and rocks."
        )


def _grown(rng: np.random.Generator, kind: _Kind) -> _Kind:
    """A kind of forest, young or old, thick or thinned."""
    age, density = float(rng.uniform(0.65, 1.2)), float(rng.uniform(0.5, 1.25))
    low, high = kind.height
    some = rng.permutation(len(kind.trees))[: int(rng.integers(2, len(kind.trees) + 1))]
    return replace(
        kind,
        height=(low * age, high * age),
        count=int(kind.count * density),
        trees=tuple(kind.trees[k] for k in sorted(some)),
        moss=float(kind.moss * rng.uniform(0.3, 1.5)),
    )


def _moss(noise: NoiseBank) -> np.ndarray:
    """Moss on stone."""
    return grounds.meadow(noise, (86, 106, 42), (112, 116, 58))
