"""The shore of a coast: sea bed, cliffs or beach, land behind, and the sea itself."""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.outdoor.nature import grounds
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.fields import smoothstep

ROAM_CM, FINE_CM, OUTER_CM, SEA_CM = 4000.0, 4700.0, 90000.0, 160000.0
HOURS = ("noon", "morning", "evening", "sunset", "overcast", "noon")


class CoastLand(Country):
    """Land and sea; see coasts."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.style = pick(rng, ["cliffs", "beach", "cliffs", "cove"])
        season = pick(rng, ["spring", "summer", "summer", "autumn"])
        super().__init__(rng, season, HOURS, ROAM_CM, 2.0, snow=False)
        self.seaward = float(rng.uniform(0, 2 * np.pi))
        self.tropical = self.style == "beach" and bool(rng.random() < 0.5)
        self.high = float(rng.uniform(900, 2600)) if self.style == "cliffs" else 420.0
        self.shore = {"cliffs": 2300.0, "beach": 600.0, "cove": 900.0}[self.style]
        self.things: list[str] = []

    def inland(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the shore: positive on land, negative in the sea."""
        c, s = np.cos(self.seaward), np.sin(self.seaward)
        out, side = c * x + s * y, c * y - s * x
        bays = {"cliffs": 1000.0, "beach": 380.0, "cove": 700.0}[self.style]
        wave = bays * self.fields.fractal(side, out * 0.25, 5200, 3, 20)
        far = (
            5200
            * self.fields.noise(side, 0 * side, 32000, 26)
            * smoothstep(5000, 30000, np.abs(side))
        )
        return self.shore - out + wave + far

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Sea bed, shore and land; z = 0 is the sea's level."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        inland = self.inland(x, y)
        down = 150 * self.fields.fractal(x, y, 3400, 3) + 12 * self.fields.noise(x, y, 380, 7)
        hills = (
            9000 * smoothstep(9000, 70000, inland) * (0.4 + self.fields.ridges(x, y, 36000, 4, 8))
        )
        bed = np.clip(inland * 0.22, -500, 0)
        if self.style == "cliffs":
            ragged = inland + 190 * self.fields.fractal(x, y, 620, 3, 40)
            wall = self.high * (
                0.72 * smoothstep(-80, 260, ragged) + 0.28 * smoothstep(260, 2400, ragged)
            )
            return bed + wall + down * smoothstep(250, 1200, inland) + hills
        beach = 190 * smoothstep(0, 2600, inland) + 0.04 * np.clip(inland, 0, 4000)
        dunes = 260 * smoothstep(1900, 3600, inland) * (1 + self.fields.fractal(x, y, 1500, 2, 50))
        if self.style == "cove":
            rocky = smoothstep(0.15, 0.5, self.fields.fractal(x, y, 4200, 3, 60))
            beach = beach + 620 * rocky * smoothstep(-900, 900, inland)
        return bed - 30 + beach + dunes + 0.35 * down * smoothstep(200, 2000, inland) + hills

    def _paint(self) -> None:
        noise, m, rng = self.noise, self.m, self.rng
        green = {"spring": (98, 130, 54), "autumn": (134, 124, 66)}.get(self.season, (92, 118, 50))
        grass = grounds.meadow(noise, vary(rng, green, 8), (156, 146, 88), 0.2)
        pale = pick(rng, [(222, 202, 160), (206, 184, 142), (196, 182, 158), (232, 220, 192)])
        sand = grounds.sand(noise, vary(rng, pale, 6), 0.035)
        wet = grounds.sand(noise, tex.darker(pale, 0.66), 0.02)
        self.stone_colour = pick(
            rng, [(132, 126, 118), (206, 200, 186), (104, 100, 100), (156, 122, 98)]
        )
        stone = grounds.rock(noise, self.stone_colour)
        first = stone if self.style == "cliffs" else sand
        turf = grounds.blend(m, noise, first, grass, 8)
        wash = grounds.blend(m, noise, sand, wet, 5)
        path = grounds.blend(m, noise, grass, grounds.soil(noise, (150, 132, 104), 0.4), 7)
        cliff = m.tiled(
            grounds.strata(
                noise, [self.stone_colour, tex.darker(self.stone_colour, 0.84), self.stone_colour]
            ),
            700,
            620,
        )
        self.stones = [m.tiled(stone, 300), turf[-2]]
        x, y, z = self.land.middles().T
        inland, rough = self.inland(x, y), self.fields.fractal(x, y, 900, 3, 45)
        start = (250, 900) if self.style == "cliffs" else (1700, 3300)
        share = smoothstep(*start, inland + 420 * rough)
        choice = grounds.step_of(share, turf)
        low = smoothstep(75, 5, z + 14 * rough)
        choice = np.where(
            (low > 0.1) & (share < 0.2), len(turf) + grounds.step_of(low, wash), choice
        )
        wear = 1 - np.clip((self.off_path(x, y) + 30 * rough) / 210, 0, 1)
        if self.style == "cliffs":
            worn = (wear > 0.05) & (share > 0.8) & (np.abs(x) + np.abs(y) < 16000)
            choice = np.where(
                worn, len(turf) + len(wash) + grounds.step_of(wear * 1.2, path), choice
            )
        sets = [*turf, *wash, *path]
        choice = choice + len(sets) * (np.hypot(x, y) > 12000)
        steep = self.land.upness() < 0.7 + 0.08 * rough
        choice = np.where(steep & (z > -60), 2 * len(sets), choice)
        far = [s.scaled(2600, 2600) for s in sets]
        with self.b.object("land"):
            self.land.add_to(self.b, [*sets, *far, cliff], choice)

    def off_path(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from a path that follows the shore."""
        return np.abs(self.inland(x, y) - 1500)

    def _sea(self) -> None:
        rng, noise = self.rng, self.noise
        colour = pick(rng, [(30, 74, 96), (34, 92, 110), (44, 82, 92)])
        if self.tropical:
            colour = (40, 128, 138)
        water = self.m.tiled(grounds.water(noise, colour, (126, 166, 178)), 780, gloss=0.6)
        foam = self.m.tiled(_foam(noise), 620)
        line = np.concatenate(
            [
                -np.geomspace(SEA_CM, 1200, 26),
                np.linspace(-1000, 1000, 5),
                np.geomspace(1200, SEA_CM, 26),
            ]
        )
        x, y = np.meshgrid(line, line)
        share = (line + SEA_CM) / (2 * SEA_CM)
        with self.b.object("sea"), self.b.using(collides=True):
            self.b.patch(
                np.array([-SEA_CM, -SEA_CM, 0]),
                np.array([2 * SEA_CM, 0, 0]),
                np.array([0, 2 * SEA_CM, 0]),
                share,
                share,
                water,
            )
        points = self._shoreline()
        if len(points) > 3:
            with self.b.object("surf"), self.b.using(collides=False, occludes=False):
                c, s = np.cos(self.seaward), np.sin(self.seaward)
                out = np.array([c, s, 0.0])
                rows = [points + out * d + [0, 0, z] for d, z in ((260, 2), (60, 4.5), (-70, 5))]
                self.b.surface(np.stack(rows)[:, :, :], foam)

    def _shoreline(self) -> np.ndarray:
        """Where land meets sea in front of the camera's ground, (N,3) along the shore."""
        c, s = np.cos(self.seaward), np.sin(self.seaward)
        side = np.linspace(-9000, 9000, 181)
        out = np.linspace(-4000, 9000, 520)
        u, v = np.meshgrid(out, side)
        z = self.height(c * u - s * v, s * u + c * v)
        first = np.argmax(z < 2, axis=1)
        u = np.convolve(np.pad(out[first], 3, mode="edge"), np.ones(7) / 7, "valid")
        return np.column_stack([c * u - s * side, s * u + c * side, 0 * side])

    def _dry(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where one can build and walk."""
        start = 600 if self.style == "cliffs" else 500
        return (self.inland(x, y) > start) * (self.land.slope(x, y) < 0.35) * 1.0


def _foam(noise) -> np.ndarray:
    """Broken foam with alpha, denser towards the land (v = 1)."""
    _, v = np.meshgrid(np.linspace(0, 1, 512, False), np.linspace(0, 1, 512, False))
    image = np.ones((512, 512, 4), np.float32) * [0.9, 0.94, 0.95, 1]
    lace = np.abs(noise("cloud") + 0.5 * noise("rough")) < 0.1 + 0.06 * noise("fine")
    image[..., 3] = lace
    return image
