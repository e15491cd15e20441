"""Parks: "park:SEED", formal gardens, landscape parks and playgrounds with trees all around.

The middle is at the origin; the camera roams over 76 m, the park goes on as trees, and behind them
stand hills or the houses of a city in the haze.
"""

import numpy as np
from scipy.spatial import cKDTree

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.kit.shapes import disc
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.nature import garden, grounds, plants, skyline
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.daylight import draw_season
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.garden import PavilionLook
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.scene import Scene

ROAM_CM, FINE_CM, OUTER_CM = 3800.0, 4400.0, 60000.0
HOURS = ("noon", "morning", "evening", "overcast", "mist", "noon")
TREES = ("oak", "beech", "maple", "linden", "birch", "poplar", "willow", "cherry", "pine", "fir")


def generate_park(seed: int) -> Scene:
    """The park of a seed."""
    maker = _Park(np.random.default_rng([seed, 0x9A4C]))
    maker.build()
    return maker.finish(f"park:{seed}", maker.caption(), maker.spawn_places())


class _Park(Country):
    """Builds one park."""

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

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (108, 36))
        self._materials()
        self._lawn()
        getattr(self, f"_{self.style}")()
        self._lay_paths()
        self._along_paths()
        if self.pond:
            self._pond()
        self._trees()
        self._beyond()

    def _materials(self) -> None:
        rng, noise, m = self.rng, self.noise, self.m
        self.stone = m.tiled(tex.plaster(noise, vary(rng, (176, 168, 152), 14), 2.2), 140)
        self.edge = m.tiled(tex.stained_plaster(noise, vary(rng, (150, 146, 138), 10)), 120)
        colour = vary(rng, pick(rng, [(196, 178, 142), (184, 158, 126), (170, 164, 154),
                                      (190, 132, 104)]), 8)  # fmt: skip
        paved = grounds.gravel(noise, colour)
        if rng.random() < 0.35:
            paved = tex.cobbles(noise, pick(rng, [(158, 148, 136), (150, 128, 112)]))
        if self.snow:
            paved = 0.4 * paved + 0.6 * grounds.snow(noise)
        self.paving = m.tiled(paved, 260)
        self.wood = m.tiled(tex.wood(noise, vary(rng, (140, 96, 60), 14)), 120)
        self.metal = m.flat(pick(rng, [(52, 58, 60), (44, 74, 58), (70, 60, 52)]))
        self.water = m.tiled(
            grounds.water(noise, pick(rng, [(52, 74, 66), (58, 82, 88), (66, 76, 60)]), (150, 168, 160)),
            420, gloss=0.6,
        )  # fmt: skip
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

    # The three styles

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
                        away = cKDTree(other).query(points[:, :2])[0]
                        free &= away > self.widths[k] / 2 + 22
                return free

            with self.b.object("path"):
                garden.path(
                    self.b, self.land.height, self.on_land(line), width, self.paving,
                    self.edge, 4 + 1.3 * number, open_,
                )  # fmt: skip

    def _formal(self) -> None:
        rng, far = self.rng, 4300.0
        width = float(rng.uniform(240, 360))
        turn = rng.uniform(0, np.pi / 2)
        self.turn = float(np.degrees(turn))
        c, s = np.cos(turn), np.sin(turn)
        round_ = float(rng.uniform(700, 1000))
        for way in (np.array([c, s]), np.array([-s, c])):
            for sign in (-1, 1):
                share = np.linspace(round_ * 0.94, far, 60)[:, None]
                self._path(sign * way * share, width)
        ring = np.linspace(0, 2 * np.pi, 90)
        radius = float(rng.uniform(2100, 2800))
        self._path(radius * np.column_stack([np.cos(ring), np.sin(ring)]), width * 0.8)
        with self.b.object("place"), self.at(0, 0, 0):
            garden.round_place(self.b, round_, self.paving, self.edge)
        self.ground.claim(0, 0, round_ + 40)
        self.place = round_
        self._centre()
        self._beds(c, s, round_, radius)

    def _centre(self) -> None:
        kind = pick(self.rng, ["fountain", "fountain", "pavilion", "obelisk"])
        with self.b.object(kind), self.at(0, 0, self.turn):
            if kind == "fountain":
                garden.fountain(self.b, self.stone, self.water, float(self.rng.uniform(220, 330)),
                                int(self.rng.integers(1, 3)))  # fmt: skip
            elif kind == "obelisk":
                garden.obelisk(self.b, self.stone, float(self.rng.uniform(480, 800)))
            else:
                self._pavilion_here()
        self.things.append("an obelisk" if kind == "obelisk" else f"a {kind}")

    def _pavilion_here(self) -> None:
        rng, noise, m = self.rng, self.noise, self.m
        white = m.flat(pick(rng, [(226, 222, 210), (206, 196, 176), (96, 122, 104)]))
        tiles = tex.roof_tiles(noise, pick(rng, [(128, 74, 56), (92, 98, 104), (84, 116, 102)]))
        look = PavilionLook(
            post=white, roof=m.tiled(grounds.snow(noise) if self.snow else tiles, 220),
            floor=self.stone, trim=white,
        )  # fmt: skip
        garden.pavilion(self.b, look, float(rng.uniform(260, 360)), pick(rng, [6, 8]),
                        bool(rng.random() < 0.5))  # fmt: skip

    def _beds(self, c: float, s: float, inner: float, outer: float) -> None:
        """In each quarter: hedges and flower beds, the same all around."""
        rng = self.rng
        solid = self.m.tiled(tex.grass(self.noise, (58, 84, 44)), 90)
        leaves = self.flora.leaves("cypress")
        long, high = (outer - inner) * 0.5, float(rng.uniform(70, 130))
        bed, earth = (
            float(rng.uniform(130, 220)),
            self.m.tiled(grounds.soil(self.noise, (92, 72, 54)), 200),
        )
        colours = [(206, 60, 66), (232, 190, 62), (216, 120, 168), (236, 236, 230), (120, 90, 190)]
        heads = [colours[i] for i in rng.permutation(5)[:2]]
        for quarter in range(4):
            angle = np.arctan2(s, c) + quarter * np.pi / 2
            for swing in (-0.42, 0.42):
                mid = (inner + outer) / 2
                x, y = mid * np.cos(angle + 0.785 + swing), mid * np.sin(angle + 0.785 + swing)
                yaw = np.degrees(angle + 0.785 + swing) + 90
                with self.b.object("hedge"), self.at(x, y, yaw):
                    garden.hedge(self.f, rng, solid, leaves, long, high)
                self.ground.claim(x, y, long / 2)
            x, y = (
                (inner + outer) / 2 * np.cos(angle + 0.785),
                (inner + outer) / 2 * np.sin(angle + 0.785),
            )
            self._bed(x, y, bed, earth, heads[quarter % 2])
        self.things.append("clipped hedges and flower beds")

    def _bed(self, x: float, y: float, radius: float, earth: Material, heads) -> None:
        rng = self.rng
        with self.b.object("flower_bed"), self.at(x, y, 0):
            garden.flowerbed(self.b, earth, self.edge, radius)
        self.ground.claim(x, y, radius + 20)
        if self.season in ("winter",):
            return
        angle, away = rng.uniform(0, 6.28, 90), radius * 0.9 * rng.random(90) ** 0.5
        places = np.column_stack([x + away * np.cos(angle), y + away * np.sin(angle)])
        points = self.on_land(places) + [0, 0, 16.0]
        with self.b.object("flowers"):
            plants.tufts(self.f, rng, points, rng.uniform(24, 42, 90),
                         self.flora.grass(((82, 118, 50),), heads))  # fmt: skip

    def _landscape(self) -> None:
        rng = self.rng
        ring = np.linspace(0, 2 * np.pi, 120)
        away = self.pond_size * 1.45 + 250 * np.sin(3 * ring + rng.uniform(0, 6))
        self._path(
            self.pond_at + away[:, None] * np.column_stack([np.cos(ring), np.sin(ring)]), 220.0
        )
        back = np.arctan2(-self.pond_at[1], -self.pond_at[0])
        for swing in (-0.9, 0.3, 1.3):
            start = self.pond_at + self.pond_size * 1.45 * np.array(
                [np.cos(back + swing), np.sin(back + swing)]
            )
            share = np.linspace(0, 1, 80)[:, None]
            way = np.array([np.cos(back + swing * 0.6), np.sin(back + swing * 0.6)])
            bow = np.array([-way[1], way[0]]) * 420 * np.sin(share * 5 + swing * 3) * share
            self._path(start + way * share * 5200 + bow, 200.0)
        if rng.random() < 0.75:
            angle = back + rng.uniform(-0.5, 0.1)
            x, y = self.pond_at + self.pond_size * 2.0 * np.array([np.cos(angle), np.sin(angle)])
            with self.b.object("pavilion"), self.at(x, y):
                self._pavilion_here()
            self.ground.claim(x, y, 480)
            self.things.append("a pavilion")

    def _playground(self) -> None:
        rng, b, m = self.rng, self.b, self.m
        bow, turn = np.linspace(-4900, 4900, 140), rng.uniform(0, 2 * np.pi)
        c, s = np.cos(turn), np.sin(turn)
        for width, high, long in ((260.0, 800, 1500), (220.0, 500, 1100)):
            wave = rng.uniform(0.3, 1) * high * np.sin(bow / (long * rng.uniform(0.8, 1.6)))
            side = wave - rng.uniform(0, 700)
            self._path(np.column_stack([c * bow - s * side, s * bow + c * side]), width)
            c, s = -s + rng.normal(0, 0.2), c + rng.normal(0, 0.2)
        paint = m.flat(pick(rng, [(206, 60, 48), (46, 110, 176), (232, 176, 44), (70, 146, 84)]))
        steel = m.flat((168, 172, 176))
        sand = m.tiled(grounds.sand(self.noise, (212, 190, 148), 0.03), 300)
        spots = [np.array(p) for p in ((0, 0), (700, 60), (120, 720))]
        place = self._clear_place()
        spots = [place + np.array([c * p[0] - s * p[1], s * p[0] + c * p[1]]) for p in spots]
        yaw = float(np.degrees(turn))
        with b.object("swings"), self.at(*spots[0], yaw):
            garden.swings(b, self.metal, paint)
        with b.object("slide"), self.at(*spots[1], yaw + float(rng.uniform(60, 200))):
            garden.slide(b, steel, paint, self.wood)
        with b.object("sandpit"), self.at(*spots[2], yaw):
            garden.sandpit(b, self.wood, sand, 420)
        for (x, y), radius in zip(spots, (330, 420, 340), strict=True):
            self.ground.claim(x, y, radius)
        self.things.append("swings, a slide and a sandpit")

    def _clear_place(self) -> np.ndarray:
        """A place (2,) that is far from paths and from the pond."""
        tries = self.rng.uniform(-2000, 2000, (300, 2))
        away = np.min([cKDTree(line).query(tries)[0] for line in self.lines], axis=0)
        return tries[np.argmax(np.minimum(away, 900) - 3000 * self.wet(*tries.T))]

    # What all have

    def _along_paths(self) -> None:
        rng, b = self.rng, self.b
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
            plants.tufts(self.f, rng, self.on_land(shore), rng.uniform(60, 130, len(shore)),
                         self.flora.grass(((112, 124, 62), (142, 136, 80))))  # fmt: skip
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

    def spawn_places(self) -> np.ndarray:
        """On the paths, spread over the park, looking along them or inwards."""
        line = np.concatenate([path[4:-4] for path in self.lines])
        ahead = np.concatenate([np.gradient(path, axis=0)[4:-4] for path in self.lines])
        inside = np.abs(line).max(1) < ROAM_CM - 300
        line, ahead = line[inside], ahead[inside]
        index = np.linspace(0, len(line) - 1, 8).astype(int)
        along = np.degrees(np.arctan2(ahead[index, 1], ahead[index, 0]))
        inwards = np.degrees(np.arctan2(-line[index, 1], -line[index, 0]))
        yaw = np.where(np.arange(8) % 2 == 0, along, inwards + 15)
        return self.spawns(np.column_stack([line[index], yaw]))

    def caption(self) -> str:
        """One factual sentence."""
        kind = {"formal": "formal garden", "landscape": "landscape park", "playground": "park with a "
                "playground"}[self.style]  # fmt: skip
        parts = [
            "gravel paths" if self.style != "formal" else "straight paths",
            "benches",
            *self.things,
        ]
        season = self.season_word()
        article = "An" if (season or kind)[0] in "aeiou" else "A"
        text = ", ".join(parts) + f" and {', '.join(self.kinds[:-1])} and {self.kinds[-1]} trees"
        return f"{article} {season}{kind} {self.daylight.hour}, with {text}."
