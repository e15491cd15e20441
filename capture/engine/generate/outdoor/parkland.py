"""The ground of a park: lawns, paths with what stands along them, a pond, trees."""

import numpy as np
from scipy.spatial import KDTree

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.kit.shapes import disc
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.nature import garden, grounds, plants, skyline
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.daylight import draw_season
from capture.engine.generate.outdoor.nature.fields import smoothstep

ROAM_CM, FINE_CM, OUTER_CM = 3800.0, 4400.0, 60000.0
HOURS = ("noon", "morning", "evening", "overcast", "mist", "noon")
TREES = ("oak", "beech", "maple", "linden", "birch", "poplar", "willow", "cherry", "pine", "fir")


class ParkLand(Country):
    """Lawns, paths, pond and trees; see parks."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, draw_season(rng), HOURS, ROAM_CM, 0.9)
        self.style = pick(rng, ["formal", "landscape", "landscape", "playground", "formal"])
        self.relief = float(rng.uniform(30, 130)) * (0.3 if self.style == "formal" else 1.0)
        self.pond = self.style == "landscape" or bool(rng.random() < 0.25)
        angle = rng.uniform(0, 6.28)
        away = 1500 if self.style == "landscape" else 3300
        self.pond_at = away * np.array([np.cos(angle), np.sin(angle)])
        self.pond_size = float(rng.uniform(1100, 1700))
        self.kinds = tuple(TREES[i] for i in rng.permutation(len(TREES))[: int(rng.integers(2, 5))])
        self.city = bool(rng.random() < 0.5)
        self.things: list[str] = []
        self.lines: list[np.ndarray] = []
        self.widths: list[float] = []
        self.place = 0.0  # radius of the paved place in the middle

    def wet(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 in the pond, 0 out of it."""
        if not self.pond:
            return np.zeros(np.shape(x))
        far = np.hypot(x - self.pond_at[0], y - self.pond_at[1])
        far = far + 320 * self.fields.fractal(x, y, 1900, 2, 70)
        return 1 - smoothstep(0.6 * self.pond_size, 0.95 * self.pond_size, far)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Lawns in soft waves; hills far away unless a city is there."""
        far = np.hypot(x, y)
        lawn = self.relief * self.fields.fractal(x, y, 2800, 2)
        hills = (300 if self.city else 5200) * smoothstep(9000, 48000, far)
        hills = hills * (0.5 + 0.8 * np.abs(self.fields.fractal(x, y, 16000, 3, 5)))
        wet = self.wet(x, y)
        return (lawn + hills) * (1 - wet) - 170 * wet

    def _materials(self) -> None:
        rng, noise, m = self.rng, self.noise, self.m
        self.stone = m.tiled(tex.plaster(noise, vary(rng, (176, 168, 152), 14), 2.2), 140)
        self.edge = m.tiled(tex.stained_plaster(noise, vary(rng, (150, 146, 138), 10)), 120)
        colour = vary(
            rng, pick(rng, [(196, 178, 142), (184, 158, 126), (170, 164, 154), (190, 132, 104)]), 8
        )
        paved = grounds.gravel(noise, colour)
        if rng.random() < 0.35:
            paved = tex.cobbles(noise, pick(rng, [(158, 148, 136), (150, 128, 112)]))
        if self.snow:
            paved = 0.4 * paved + 0.6 * grounds.snow(noise)
        self.paving = m.tiled(paved, 260)
        self.wood = m.tiled(tex.wood(noise, vary(rng, (140, 96, 60), 14)), 120)
        self.metal = m.flat(pick(rng, [(52, 58, 60), (44, 74, 58), (70, 60, 52)]))
        self.water = m.tiled(
            grounds.water(
                noise, pick(rng, [(52, 74, 66), (58, 82, 88), (66, 76, 60)]), (150, 168, 160)
            ),
            420,
            gloss=0.6,
        )
        if self.snow:
            self.water = m.tiled(grounds.snow(noise, (176, 192, 204)), 420, gloss=0.3)

    def _lawn(self) -> None:
        noise, rng = self.noise, self.rng
        green = {"spring": (98, 134, 52), "autumn": (122, 122, 56), "winter": (116, 112, 68)}.get(
            self.season, (84, 118, 46)
        )
        lawn = grounds.meadow(noise, vary(rng, green, 8), (132, 136, 76), 0.12)
        other = grounds.meadow(noise, vary(rng, tex.darker(green, 0.86), 6), (148, 138, 84), 0.3)
        if self.season == "autumn":
            other = grounds.litter(noise, [(198, 124, 50), (182, 92, 42), (206, 164, 70)], green)
        if self.snow:
            lawn, other = grounds.snow(noise), 0.5 * other + 0.5 * grounds.snow(noise)
        blend = grounds.blend(self.m, noise, lawn, other, 7)
        shore = grounds.blend(self.m, noise, lawn, grounds.soil(noise, (112, 98, 74), 0.6), 5)
        x, y, _ = self.land.middles().T
        share = smoothstep(-0.25, 0.85, self.fields.fractal(x, y, 1700, 3, 40))
        choice = grounds.step_of(share * (0.7 if self.snow else 1.0), blend)
        wet = self.wet(x, y)
        choice = np.where(wet > 0.03, len(blend) + grounds.step_of(wet * 3, shore), choice)
        with self.b.object("lawn"):
            self.land.add_to(self.b, [*blend, *shore], choice)

    def _path(self, points: np.ndarray, width: float) -> None:
        """A path through (N,2), smooth; remembered for what stands along it."""
        steps = np.append(0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum())
        at = np.linspace(0, steps[-1], max(2, int(steps[-1] / 70)))
        line = np.column_stack([np.interp(at, steps, points[:, k]) for k in (0, 1)])
        self.lines.append(line)
        self.widths.append(width)
        for x, y in line[::2]:
            self.ground.claim(x, y, width / 2 + 30)

    def _lay_paths(self) -> None:
        """Pave the paths; edging stones stop where another path or the round place begins."""
        for number, (line, width) in enumerate(zip(self.lines, self.widths, strict=True)):

            def open_(points: np.ndarray, number: int = number) -> np.ndarray:
                free = np.hypot(*points[:, :2].T) > self.place + 5
                for k, other in enumerate(self.lines):
                    if k != number:
                        away = KDTree(other).query(points[:, :2])[0]
                        free &= away > self.widths[k] / 2 + 22
                return free

            with self.b.object("path"):
                garden.path(
                    self.b,
                    self.land.height,
                    self.on_land(line),
                    width,
                    self.paving,
                    self.edge,
                    4 + 1.3 * number,
                    open_,
                )

    def _along_paths(self) -> None:
        rng = self.rng
        old, glass = bool(rng.random() < 0.6), self.m.flat((250, 240, 214))
        number = 0
        for line in self.lines:
            ahead = np.gradient(line, axis=0)
            for k in range(6, len(line) - 6, 7):
                x, y = line[k]
                yaw = np.degrees(np.arctan2(ahead[k, 1], ahead[k, 0]))
                side = 1 if number % 2 else -1
                out = 215.0 * side
                px = x - out * np.sin(np.radians(yaw))
                py = y + out * np.cos(np.radians(yaw))
                number += 1
                spot = np.array([[px, py]])
                if not self.ground.free(spot, -60)[0] or self.wet(px, py) > 0.02:
                    continue
                self.ground.claim(px, py, 110)
                with self.at(px, py, yaw - 90 * side):
                    self._bench_or_lamp(number, old, glass)

    def _bench_or_lamp(self, number: int, old: bool, glass: Material) -> None:
        b = self.b
        if number % 3 == 0:
            with b.object("lamp_post"):
                props.lamp_post(b, self.metal, glass, old)
        elif number % 3 == 1:
            with b.object("bench"):
                props.bench(b, self.wood, self.metal)
        elif number % 2:
            with b.object("bin"):
                props.bin_(b, self.metal, self.metal)

    def _pond(self) -> None:
        rng, b = self.rng, self.b
        reach, level = self.pond_size * 1.25, -46.0 - 0.3 * self.relief
        with b.object("pond"):
            corner = (self.pond_at[0] - reach, self.pond_at[1] - reach, level)
            b.quad(corner, (2 * reach, 0, 0), (0, 2 * reach, 0), self.water, 400)
        places = self.pond_at + rng.uniform(-reach, reach, (900, 2))
        wet = self.wet(places[:, 0], places[:, 1])
        shore = places[(wet > 0.12) & (wet < 0.42)][:170]
        with b.object("reeds"):
            plants.tufts(
                self.f,
                rng,
                self.on_land(shore),
                rng.uniform(60, 130, len(shore)),
                self.flora.grass(((112, 124, 62), (142, 136, 80))),
            )
        if self.season != "winter":
            pad = self.m.flat((84, 118, 58))
            with b.object("lily_pads"), b.using(collides=False, occludes=False):
                for x, y in places[wet > 0.9][:40]:
                    disc(b, (x, y, level + 2), float(rng.uniform(12, 26)), pad, 9)
        self.things.append("a pond")

    def _trees(self) -> None:
        rng = self.rng

        def dry(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            open_ = smoothstep(-0.5, 0.3, self.fields.noise(x, y, 2300, 33))
            return (self.wet(x, y) < 0.02) * (0.1 + 0.9 * open_)

        count = int(rng.integers(34, 60))
        for x, y in self.ground.scatter(count, 5600, 480, dry, 60, 90):
            self.tree(x, y, pick(rng, self.kinds), float(rng.uniform(600, 1300)))
        leaves = (
            None if self.season == "winter" else self.flora.leaves(pick(rng, ["linden", "cherry"]))
        )
        if leaves is not None:
            for x, y in self.ground.scatter(20, 4200, 300, dry, 90, 90):
                size = float(rng.uniform(70, 140))
                with self.b.object("bush"), self.at(x, y):
                    plants.bush(self.f, rng, leaves, size, size, 30)
        material = self.flora.grass(self.grass_colours())
        self.tufts("grass", 300 if self.snow else 1500, 4200, material, (9, 22), dry, 50)

    def _beyond(self) -> None:
        rings = (((5400, 7600), 170, 380), ((7600, 11500), 240, 480), ((11500, 26000), 260, 800))
        self.far_trees(self.kinds[:4], rings, (800, 1500), broad=0.85)
        if self.city:
            skyline.skyline(self.b, self.rng, self.m, self.noise, 15000, 34000, 46)
