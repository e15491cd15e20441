"""Forests that one goes through: along trails, streams, hollow ways, roads and slopes.

A `Layout` says how the ground is shaped, where trees may stand and the ground is worn, what is
built, and where the camera starts. Its way runs along x through the middle. Lengths in cm.
"""

from typing import TYPE_CHECKING

import numpy as np

from capture.engine.generate.kit.pictures import Colour, pick
from capture.engine.generate.outdoor.nature import buildings, grounds, trees
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.rocks import rock

if TYPE_CHECKING:
    from capture.engine.generate.outdoor.forests import Forest

REACH_CM = 3100.0  # of the start points


class Layout:
    """A winding trail; the others are changes of it."""

    words = "a winding trail, fallen logs, stumps and rocks"
    relief = (40.0, 420.0)
    logs = (4, 10)
    rocks = (8, 26)
    path: Colour = (126, 104, 78)
    half_way = 210.0  # no trunk is nearer to the way's middle

    def __init__(self, forest: "Forest") -> None:
        """Draws from the forest's random numbers."""
        self.f = forest
        rng = forest.rng
        self.high = float(rng.uniform(150, 1000))
        self.long, self.phase = float(rng.uniform(2600, 4200)), float(rng.uniform(0, 6.28))

    def way(self, x: np.ndarray) -> np.ndarray:
        """The way's y at x."""
        turn = x / self.long
        bends = np.sin(turn * 2 + self.phase) + 0.3 * np.sin(turn * 5 + 2 * self.phase)
        return self.high * bends

    def off_way(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the way's middle."""
        slope = (self.way(x + 20) - self.way(x - 20)) / 40
        return np.abs(y - self.way(x)) / np.sqrt(1 + slope**2)

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """The ground, made of soft humps."""
        bed = smoothstep(40, 320, self.off_way(x, y))
        return humps + 14 * self.f.fields.noise(x, y, 380, 9) * bed - 16 * (1 - bed)

    def chance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where things may stand, 0..1."""
        return (self.off_way(x, y) > self.half_way).astype(float)

    def wear(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How worn the ground is, 0..1."""
        ragged = self.off_way(x, y) + 50 * self.f.fields.noise(x, y, 300, 3)
        return 1 - np.clip((ragged + 10) / 260, 0, 1)

    def roof(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where the forest goes on to the horizon, 0..1."""
        return np.ones(np.shape(x))

    def build(self) -> None:
        """What this place has that others have not."""

    def spawns(self) -> np.ndarray:
        """Start points (8,3) x, y, yaw: along the way, looking along it and into the trees."""
        x = np.linspace(-REACH_CM, REACH_CM, 8)
        y = np.clip(self.way(x), -REACH_CM, REACH_CM)
        ahead = np.degrees(np.arctan2(self.way(x + 600) - self.way(x), 600))
        return np.column_stack([x, y, ahead + [0, 35, -30, 180, 0, 140, -150, 180]])


class Stream(Layout):
    """A stream between stones, with a footbridge."""

    words = "a stream between mossy stones, a plank bridge and fallen logs"
    water_z = -36.0
    half_way = 290.0
    path = (116, 104, 84)

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """A bed between banks."""
        off = self.off_way(x, y) + 36 * self.f.fields.noise(x, y, 420, 3)
        bank = smoothstep(210, 800, off)
        return (humps + 60) * bank - 84 * (1 - smoothstep(70, 200, off))

    def wear(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Gravel along the water."""
        off = self.off_way(x, y) + 60 * self.f.fields.noise(x, y, 260, 5)
        return 1 - smoothstep(170, 270, off)

    def build(self) -> None:
        """Water, stones and a bridge."""
        forest, b, rng = self.f, self.f.b, self.f.rng
        x = np.linspace(-6000, 6000, 121)
        line = np.column_stack([x, self.way(x), np.full(x.size, self.water_z)])
        ahead = np.gradient(line[:, :2], axis=0)
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        left = np.column_stack([-ahead[:, 1], ahead[:, 0], np.zeros(x.size)])
        with b.object("ice" if forest.snow else "stream"):
            b.surface(line + np.array([-1, -0.33, 0.33, 1])[:, None, None] * 205 * left,
                      forest.water())  # fmt: skip
        stones = forest.stones()
        for k in rng.choice(np.arange(24, 97), 34, replace=False):
            place = line[k] + left[k] * rng.uniform(-1, 1) * 190
            size = float(rng.uniform(14, 52))
            with b.object("stone"), b.at(place[0], place[1], self.water_z - 22):
                rock(b, rng, (size * 1.3, size, size * 0.8), stones, 0.3)
        middle = int(rng.integers(50, 71))
        self._bridge(line[middle], float(np.degrees(np.arctan2(left[middle, 1], left[middle, 0]))))

    def _bridge(self, place: np.ndarray, yaw: float) -> None:
        b, wood = self.f.b, self.f.flora.bark((138, 112, 84))
        self.f.ground.claim(place[0], place[1], 420)
        with b.object("bridge"), b.at(place[0], place[1], 26, yaw):
            for x in range(-340, 340, 34):
                b.box((x, -75, -7), (x + 30, 75, 0), wood, 120)
            for y in (-82, 82):
                b.box((-345, y - 7, -26), (345, y + 7, -5), wood, 200)
                for x in (-300, -100, 100, 300):
                    b.box((x - 5, y - 5, -60), (x + 5, y + 5, 96), wood, 120)
                b.box((-310, y - 5, 88), (310, y + 5, 97), wood, 200)

    def spawns(self) -> np.ndarray:
        """On the banks."""
        places = super().spawns()
        places[:, 1] += np.array([1, -1, 1, -1, -1, 1, -1, 1]) * 330
        return places


class Hollow(Layout):
    """A way worn deep into the ground between banks."""

    words = "a sunken way between steep banks, roots and fallen logs"
    half_way = 330.0

    def __init__(self, forest: "Forest") -> None:
        super().__init__(forest)
        self.deep, self.flank = (float(forest.rng.uniform(*r)) for r in ((260, 430), (330, 560)))

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """Banks on both sides."""
        off = self.off_way(x, y) + 70 * self.f.fields.noise(x, y, 500, 3)
        bank = smoothstep(110, self.flank, off)
        return 0.5 * humps * bank + self.deep * bank * (1 + 0.2 * self.f.fields.noise(x, y, 900, 4))


class Ride(Layout):
    """A straight forest road through a plantation in rows, with stacked timber."""

    words = "trees in straight rows along a forest road with stacks of timber"
    relief = (20.0, 120.0)
    path = (156, 146, 128)
    half_way = 420.0
    rows_cm = 390.0

    def __init__(self, forest: "Forest") -> None:
        super().__init__(forest)
        self.high *= 0.04

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """Ditches beside the road."""
        off = self.off_way(x, y)
        ditch = np.exp(-(((off - 300) / 60) ** 2))
        return humps * smoothstep(150, 700, off) - 55 * ditch + 12 * (off < 200)

    def wear(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Two ruts."""
        off = self.off_way(x, y) + 24 * self.f.fields.noise(x, y, 240, 3)
        grassy = 0.45 * np.exp(-((off / 45) ** 2))  # between the ruts
        return (1 - smoothstep(150, 235, off)) * (1 - grassy)

    def chance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """In rows."""
        row = np.abs((y / self.rows_cm) % 1 - 0.5) * self.rows_cm
        return super().chance(x, y) * (row < 45)

    def build(self) -> None:
        """Stacks of timber."""
        rng, b = self.f.rng, self.f.b
        bark, cut = self.f.flora.bark((112, 90, 68)), self.f.flora.bark((196, 160, 112))
        for k in range(int(rng.integers(3, 6))):
            x = float(rng.uniform(-3000, 3000))
            y = float(self.way(np.array(x))) + (1 if k % 2 else -1) * 520
            if not self.f.ground.free(np.array([[x, y]]), 260)[0]:
                continue
            self.f.ground.claim(x, y, 300)
            with b.object("timber"), self.f.at(x, y, rng.normal(0, 4)):
                _timber(b, rng, bark, cut)


def _timber(b, rng: np.random.Generator, bark, cut) -> None:
    """Logs along x, stacked."""
    for row in range(3):
        for k in range(5 - row):
            y, z, radius = 46.0 * (k - (4 - row) / 2), 20 + 38.0 * row, float(rng.uniform(18, 23))
            low, high = -230 + rng.normal(0, 9), 230 + rng.normal(0, 9)
            line = np.array([[low, y, z], [high, y, z]])
            trees.tube(b, line, np.array([radius, radius * 0.9]), bark, 9)
            for x, way, r in ((low, -1, radius), (high, 1, radius * 0.9)):
                cap = np.array([[x, y, z], [x + 0.6 * way, y, z]])
                trees.tube(b, cap, np.array([r, 0.3]), cut, 9)


class Slope(Layout):
    """A hillside with a path across it."""

    words = "a path along a steep hillside, fallen logs and boulders"
    rocks = (20, 40)

    def __init__(self, forest: "Forest") -> None:
        super().__init__(forest)
        self.high *= 0.6
        self.steep = float(forest.rng.uniform(0.24, 0.4)) * pick(forest.rng, [-1, 1])

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """A hillside into which the path is cut."""

        def hill(v: np.ndarray) -> np.ndarray:
            return self.steep * 9000 * np.tanh(v / 9000)

        cut = 1 - smoothstep(120, 420, self.off_way(x, y))
        level = hill(self.way(x))
        return hill(y) + 0.5 * humps * (1 - cut) + cut * (level - hill(y))


class Burnt(Layout):
    """Where a fire was: black trunks over ash and fresh green."""

    words = "charred trunks, ash and fresh green after a fire"
    logs = (16, 26)
    path = (98, 86, 70)
    charred: Colour = (44, 40, 38)

    def build(self) -> None:
        """Charred trees."""
        forest, rng = self.f, self.f.rng
        black, twigs = forest.flora.bark(self.charred), forest.flora.twigs()
        places = forest.ground.scatter(130, 5600, 230, self.chance, claim=50)
        for (x, y), z in zip(places, forest.land.height(*places.T), strict=True):
            height = float(rng.uniform(0.3, 1.0) * forest.kind.height[1])
            with forest.b.object("burnt_tree"), forest.b.at(x, y, z, rng.uniform(0, 360)):
                if height < 700:
                    trees.trunk(forest.b, rng, black, height, height * 0.03, 0.02)
                else:
                    trees.bare_tree(forest.f, rng, black, twigs, height, trees.SLENDER)


class Edge(Layout):
    """The edge of the wood, with a meadow beside it."""

    words = "its edge on an open meadow with a fence"
    relief = (120.0, 420.0)
    path = (140, 120, 88)

    def meadow(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far out in the meadow, negative in the wood."""
        return y - self.way(x) - 300 + 200 * self.f.fields.noise(x, y, 1500, 3)

    def chance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Not in the meadow."""
        return super().chance(x, y) * (self.meadow(x, y) < 0)

    def roof(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Fields beyond the meadow."""
        return smoothstep(300, -900, self.meadow(x, y))

    def build(self) -> None:
        """A fence, bales of hay and grass."""
        forest, rng = self.f, self.f.rng
        x = np.linspace(-4200, 4200, 29)
        posts = forest.on_land(np.column_stack([x, self.way(x) + 290]))
        with forest.b.object("fence"):
            buildings.fence(forest.b, posts, forest.flora.bark((132, 112, 90)))
        if forest.season in ("summer", "autumn"):
            straw = forest.m.tiled(
                grounds.meadow(forest.noise, (206, 178, 108), (176, 146, 84)), 150
            )
            out = lambda x, y: (self.meadow(x, y) > 700).astype(float)  # noqa: E731
            for x, y in forest.ground.scatter(9, 4600, 900, out, 90, 120):
                with forest.b.object("hay_bale"), forest.at(x, y, rng.uniform(0, 180), -64):
                    _bale(forest.b, straw)

        def grassy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return (self.meadow(x, y) > 60).astype(float)

        blades = forest.flora.grass(forest.grass_colours())
        count = 500 if forest.snow else 1500
        forest.tufts("meadow_grass", count, 4600, blades, (16, 40), grassy)


def _bale(b, straw) -> None:
    """A round bale of hay about the frame's origin, lying along y."""
    trees.tube(b, np.array([[0, -60, 0], [0, 60, 0]]), np.array([66, 66]), straw, 18)
    for y in (-60.0, 60.0):
        cap = np.array([[0, y, 0], [0, y * 1.01, 0]])
        trees.tube(b, cap, np.array([66, 0.5]), straw, 18)
