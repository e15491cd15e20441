"""Forests that one goes about in: glades with a pond, a hut, a ruin, a camp or standing stones."""

from typing import TYPE_CHECKING

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.kit.shapes import lathe, soft_box
from capture.engine.generate.outdoor.forest_trails import Layout
from capture.engine.generate.outdoor.nature import buildings, grounds, trees
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.rocks import rock

if TYPE_CHECKING:
    from capture.engine.generate.outdoor.forests import Forest


class Glade(Layout):
    """An opening around the middle; a trail leads through."""

    open_cm = (1100.0, 1700.0)  # of the opening's radius
    seen_from = 0.85  # start points, in shares of it
    logs = (2, 6)

    def __init__(self, forest: "Forest") -> None:
        """Draws from the forest's random numbers."""
        super().__init__(forest)
        rng = forest.rng
        self.high *= 0.4
        self.radius = float(rng.uniform(*self.open_cm))
        self.turn = float(rng.uniform(0, 360))

    def middle(self) -> np.ndarray:
        """Of the opening, beside the trail."""
        return np.array([0.0, float(self.way(np.zeros(1))[0]) + 0.45 * self.radius])

    def from_middle(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the opening's ragged middle."""
        a, c = self.middle()
        return np.hypot(x - a, y - c) + 260 * self.f.fields.noise(x, y, 1300, 31)

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """Level in the middle."""
        level = smoothstep(0.5, 1.3, self.from_middle(x, y) / self.radius)
        return super().shaped(x, y, humps * (0.12 + 0.88 * level))

    def chance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Not in the opening."""
        return super().chance(x, y) * (self.from_middle(x, y) > self.radius)

    def spawns(self) -> np.ndarray:
        """Around the opening, looking across it, along the trail and into the trees."""
        angle = np.radians(self.turn + np.arange(8) * 45.0)
        reach = self.radius * np.array([1, 0.8, 1.15, 0.7, 1, 1.3, 0.8, 1.1]) * self.seen_from
        a, c = self.middle()
        inward = np.degrees(angle) + 180
        yaw = inward + [0, 20, -25, 150, 10, -15, 100, 0]
        return np.column_stack([a + reach * np.cos(angle), c + reach * np.sin(angle), yaw])


class Pond(Glade):
    """A dark pond with reeds."""

    words = "a dark pond with reeds and a landing stage"
    open_cm = (1500.0, 2100.0)
    seen_from = 0.95
    water_z = -70.0

    def wet(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 in the pond's middle, 0 on dry land."""
        return 1 - smoothstep(0.5, 0.82, self.from_middle(x, y) / self.radius)

    def middle(self) -> np.ndarray:
        """The trail passes by."""
        return np.array([0.0, float(self.way(np.zeros(1))[0]) + 1.0 * self.radius])

    def shaped(self, x: np.ndarray, y: np.ndarray, humps: np.ndarray) -> np.ndarray:
        """Down to the water."""
        return super().shaped(x, y, np.maximum(humps, -40)) - 190 * self.wet(x, y)

    def build(self) -> None:
        """Water, reeds and a landing stage."""
        forest, (x, y), reach = self.f, self.middle(), self.radius * 1.05
        with forest.b.object("ice" if forest.snow else "pond"):
            corner = (x - reach, y - reach, self.water_z)
            forest.b.quad(corner, (2 * reach, 0, 0), (0, 2 * reach, 0), forest.water(), 400)

        def shore(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            wet = self.wet(x, y)
            return ((wet > 0.12) & (wet < 0.6)).astype(float)

        reeds = forest.flora.grass(((112, 128, 62), (138, 140, 78)))
        forest.tufts("reeds", 420, 4200, reeds, (60, 130), shore)
        with forest.b.object("landing_stage"), forest.b.at(x, y - 0.86 * self.radius, 0, 90):
            buildings.pier(forest.b, forest.flora.bark((132, 108, 84)), 560, 150, -16)

    def chance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Trees stand nearer to a pond than to a hut."""
        return Layout.chance(self, x, y) * (self.from_middle(x, y) > 0.95 * self.radius)


class Hut(Glade):
    """A glade with a forester's hut."""

    words = "a glade with a wooden hut, a well, a woodpile and a fence"
    open_cm = (1400.0, 1900.0)

    def build(self) -> None:
        """Hut, well, wood and fence."""
        forest, b, rng, (x, y) = self.f, self.f.b, self.f.rng, self.middle()
        skin = self._skin()
        forest.ground.claim(x, y, 700)
        yaw, left, depth = float(rng.uniform(0, 360)), pick(rng, [-1, 1]), rng.uniform(380, 560)
        with forest.at(x, y, yaw):
            with b.object("hut"):
                length, rise = rng.uniform(480, 920), rng.uniform(150, 380)
                buildings.house(b, skin, (depth, length, 250, rise), pick(rng, [1, 2, 3]))
                buildings.chimney(b, skin, -70, left * 150, 290 + rise)
            with b.object("firewood"), b.at(40, left * 640):
                buildings.firewood(b, forest.flora.bark((118, 92, 66)))
        angle = np.radians(yaw) - left * rng.uniform(0.5, 1.1)
        with b.object("well"), forest.at(x + 760 * np.cos(angle), y + 760 * np.sin(angle)):
            buildings.well(b, skin.base, skin.trim, skin.pane)
        around = np.linspace(0.0, rng.uniform(2.0, 4.4), 13) + np.radians(yaw) + rng.uniform(0.9, 2)
        posts = np.column_stack([x + 980 * np.cos(around), y + 980 * np.sin(around)])
        with b.object("fence"):
            buildings.fence(b, forest.on_land(posts), forest.flora.bark((132, 112, 90)))

    def _skin(self) -> Skin:
        forest, noise, m = self.f, self.f.noise, self.f.m
        paint = pick(forest.rng, [(112, 82, 58), (142, 58, 44), (84, 96, 84), (168, 142, 104)])
        stone = tex.bricks(noise, (138, 132, 122), (98, 92, 84), 9, 4, 0.22, 0.05)
        roof = pick(forest.rng, [(104, 78, 62), (92, 92, 98), (86, 98, 66)])
        top = grounds.snow(noise) if forest.snow else tex.roof_tiles(noise, roof)
        return Skin(
            wall=m.tiled(tex.boards(noise, vary(forest.rng, paint, 10), 9), 200),
            base=m.tiled(stone, 300, 260),
            roof=m.tiled(top, 240),
            trim=m.flat((86, 64, 48)),
            door=m.tiled(tex.boards(noise, (92, 66, 46), 12).transpose(1, 0, 2), 100),
            pane=m.flat((52, 62, 72)),
        )


class Ruin(Glade):
    """A ruined castle that the forest has taken."""

    words = "the ruin of a castle: broken walls, a gate and the stump of a tower"
    open_cm = (900.0, 1300.0)
    seen_from = 1.0

    def build(self) -> None:
        """Walls about a yard, and a hollow tower."""
        forest, b, rng, (x, y) = self.f, self.f.b, self.f.rng, self.middle()
        colour = pick(rng, [(146, 138, 122), (164, 120, 92), (112, 114, 116)])
        stone = forest.m.tiled(
            tex.bricks(forest.noise, colour, tex.darker(colour, 0.66), 9, 4, 0.24, 0.06), 300, 260
        )
        half, tall = self.radius * 0.62, float(rng.uniform(420, 760))
        with forest.at(x, y, self.turn):
            for k in range(4):
                with b.at(0, 0, 0, 90 * k), b.object("ruin_wall"), b.at(half, 0):
                    high = tall * (1 - 0.2 * (k % 3))
                    buildings.ruin_wall(b, rng, stone, 2 * half - 160, high, gate=k == 0)
            with b.object("tower"), b.at(half, half):
                wide, top = float(rng.uniform(170, 230)), tall * 1.5
                rim = [(wide - 60, -20), (wide - 60, top), (wide, top), (wide + 14, 0), (wide, -90)]
                lathe(b, (0, 0, 0), rim, stone, 18)
        for side in (-1, 1):
            for other in (-1, 1):
                a = np.radians(self.turn)
                u, v = side * half, other * half
                forest.ground.claim(x + u * np.cos(a) - v * np.sin(a),
                                    y + u * np.sin(a) + v * np.cos(a), 300)  # fmt: skip


class Boulders(Glade):
    """Rocks as large as houses."""

    words = "towering boulders with moss between the trunks"
    open_cm = (300.0, 500.0)
    seen_from = 4.0
    rocks = (20, 36)

    def build(self) -> None:
        """Boulders and towers of stone."""
        forest, rng = self.f, self.f.rng
        stones = [s.scaled(520, 520) for s in forest.stones()]
        free = super().chance
        for x, y in forest.ground.scatter(17, 4300, 620, free, 200, 300):
            wide = float(rng.uniform(130, 330))
            tall = wide * float(rng.uniform(0.7, 2.2))
            with forest.b.object("boulder"), forest.at(x, y):
                rock(forest.b, rng, (wide, wide * rng.uniform(0.6, 1), tall), stones, 0.32,
                     splits=3)  # fmt: skip


class Stones(Glade):
    """A ring of standing stones."""

    words = "a ring of standing stones in a glade"
    open_cm = (1300.0, 1800.0)

    def build(self) -> None:
        """Uprights, lintels on some, and a flat stone in the middle."""
        forest, b, rng, (x, y) = self.f, self.f.b, self.f.rng, self.middle()
        stone = forest.stones()[0].scaled(300, 300)
        count, ring = int(rng.integers(8, 14)), self.radius * float(rng.uniform(0.42, 0.6))
        tall, wide = float(rng.uniform(220, 420)), float(rng.uniform(45, 75))
        forest.ground.claim(x, y, ring + 150)
        for k in range(count):
            yaw = self.turn + 360 * k / count
            a = np.radians(yaw)
            high = tall * float(rng.uniform(0.8, 1.15)) * (0.4 if rng.random() < 0.15 else 1)
            place = x + ring * np.cos(a), y + ring * np.sin(a)
            with b.object("standing_stone"), forest.at(*place, yaw + rng.normal(0, 6)):
                soft_box(b, (-32, -wide, -70), (32, wide, high), 30, stone, 3, 9)
        with b.object("altar_stone"), forest.at(x, y, self.turn + 20):
            soft_box(b, (-95, -150, -40), (95, 150, 62), 26, stone, 3, 8)


class Camp(Glade):
    """Tents around a fireplace."""

    words = "tents of several colours around a fireplace with log benches"
    open_cm = (1100.0, 1500.0)

    def build(self) -> None:
        """Tents, fireplace and benches."""
        forest, b, rng, (x, y) = self.f, self.f.b, self.f.rng, self.middle()
        colours = [(196, 92, 44), (52, 104, 148), (222, 190, 74), (92, 128, 72), (150, 48, 60)]
        cloths = [forest.m.tiled(tex.fabric(forest.noise, colours[k]), 90) for k in range(5)]
        cloths = [cloths[k] for k in rng.permutation(5)]
        count, ring = int(rng.integers(3, 6)), 0.55 * self.radius
        forest.ground.claim(x, y, ring + 260)
        for k, cloth in zip(range(count), cloths, strict=False):
            angle = np.radians(self.turn + 300 / count * k)
            place = x + ring * np.cos(angle), y + ring * np.sin(angle)
            with b.object("tent"), forest.at(*place, np.degrees(angle) + 180 + rng.normal(0, 12)):
                _tent(b, cloth, forest.m.flat((44, 42, 40)), float(rng.uniform(0.85, 1.3)))
        stones, bark = forest.stones(), forest.flora.bark((110, 88, 66))
        with b.object("fireplace"), forest.at(x, y):
            lathe(b, (0, 0, 0), [(0.5, 9), (62, 5), (70, -20)], forest.m.flat((46, 42, 40)), 16)
            for angle in np.arange(11) * 2 * np.pi / 11:
                with b.at(72 * np.cos(angle), 72 * np.sin(angle)):
                    rock(b, rng, (17, 15, 15), stones[:1])
        for k in range(3):
            with b.object("bench"), forest.at(x, y, self.turn + 40 + 110 * k), b.at(210, 0, 24):
                line = np.array([[0, -120, 0], [0, 120, 0]])
                trees.tube(b, line, np.array([24, 21]), bark, 9)
                for end, way, r in ((0, -1, 24), (1, 1, 21)):
                    cap = line[[end, end]] + [[0, 0, 0], [0, 0.6 * way, 0]]
                    trees.tube(b, cap, np.array([r, 0.3]), bark, 9)


def _tent(b, cloth, dark, size: float) -> None:
    """A ridge tent whose door faces +x."""
    long, half, high = 150 * size, 105 * size, 150 * size
    for yaw in (0, 180):
        with b.at(0, 0, 0, yaw):
            b.quad((long, half, -5), (-2 * long, 0, 0), (0, -half, high), cloth, 80)
            points = np.array([[long, -half, -5], [long, half, -5], [long, 0, high - 5]])
            normal = np.tile([1.0, 0, 0], (3, 1))
            b.add(points, normal, points[:, 1:] / 90, cloth.layer, np.array([[0, 1, 2]]))
    door = np.array([[long, -half * 0.5, 0], [long, half * 0.5, 0], [long, 0, high * 0.85]])
    u, v = dark.rect[:2]
    b.add(door + [2, 0, 0], np.tile([1.0, 0, 0], (3, 1)), np.tile([u, v], (3, 1)), dark.layer,
          np.array([[0, 1, 2]]))  # fmt: skip
