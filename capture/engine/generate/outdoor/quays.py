"""The ground of a harbour: quay, water, the hills around, and what every quay has."""

from dataclasses import replace

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.kit.shapes import cylinder, lathe
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.nature import grounds
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.rocks import rock
from capture.engine.generate.outdoor.nature.trees import tube

ROAM_CM, FINE_CM, OUTER_CM, SEA_CM = 4200.0, 4600.0, 90000.0, 150000.0
QUAY_LONG_CM, QUAY_DEEP_CM, WATER_CM = 8200.0, 6200.0, 190.0
HOURS = ("noon", "morning", "evening", "sunset", "overcast", "mist")
_BOXES: list[Colour] = [
    (164, 58, 46),
    (44, 84, 134),
    (58, 112, 84),
    (206, 132, 48),
    (150, 152, 154),
    (92, 62, 88),
    (206, 200, 190),
    (40, 66, 78),
]


class Quay(Country):
    """Quay and water; see harbours."""

    def __init__(self, rng: np.random.Generator) -> None:
        season = pick(rng, ["spring", "summer", "autumn"])
        super().__init__(rng, season, HOURS, ROAM_CM, 1.2, snow=False)
        self.style = pick(rng, ["container", "fishing", "fishing", "marina"])
        if self.style == "container":  # dark hulls fill the views: do not let them set the exposure
            self.daylight = replace(self.daylight, brightness=0.68 * self.daylight.brightness)
        self.things: list[str] = []
        m, noise = self.m, self.noise
        self.metal = m.flat(pick(rng, [(58, 62, 66), (92, 76, 60), (70, 84, 92)]))
        self.wood = self.flora.bark((142, 116, 88))
        self.dark = m.flat((42, 46, 52))
        self.white = m.flat((230, 230, 226))
        self.paints = [
            m.flat(vary(rng, c, 10))
            for c in ((176, 52, 44), (44, 84, 128), (58, 108, 84), (224, 222, 214), (206, 150, 56))
        ]
        self.rust = m.tiled(tex.stained_plaster(noise, (128, 84, 62)), 200)
        self.houses_y = -float(rng.uniform(2500, 5000))
        self.across = pick(rng, [0.0, 0.35, 0.6, 1.0])  # how high the land across the water is
        self.hills = float(rng.uniform(0.2, 1.3))

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Below the quay and the water; hills behind and across."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        quay = (np.abs(x) < QUAY_LONG_CM + 300) & (y > -QUAY_DEEP_CM - 300)
        inland = smoothstep(-300, -2200, y + 700 * self.fields.fractal(x, y, 5200, 3, 20))
        far = np.hypot(x, y)
        hills = 9000 * smoothstep(9000, 60000, far) * (0.2 + self.fields.ridges(x, y, 30000, 4, 8))
        across = smoothstep(22000, 40000, y + 9000 * self.fields.noise(x, y, 26000, 9))
        land = -560 + 540 * inland + (self.hills * hills + 120) * inland
        land = land + (hills + 560) * across * self.across
        return np.where(quay, np.where(y < -400, -60.0, -560.0), land)

    def _paint(self) -> None:
        noise, m = self.noise, self.m
        green = (134, 124, 66) if self.season == "autumn" else (92, 118, 54)
        turf = grounds.blend(
            m,
            noise,
            grounds.meadow(noise, green, (150, 142, 90)),
            grounds.rock(noise, (124, 120, 112)),
            5,
        )
        x, y, _ = self.land.middles().T
        share = smoothstep(0.85, 0.6, self.land.upness()) + 0.3 * self.fields.fractal(
            x, y, 6000, 2, 33
        )
        choice = grounds.step_of(share, turf) + len(turf) * (np.hypot(x, y) > 12000)
        with self.b.object("land"):
            self.land.add_to(self.b, [*turf, *(t.scaled(2600, 2600) for t in turf)], choice)

    def _quay(self) -> None:
        rng, noise, b, m = self.rng, self.noise, self.b, self.m
        grey = pick(rng, [(138, 135, 128), (122, 122, 120), (148, 140, 126)])
        images = {
            "container": lambda: tex.bricks(noise, grey, tex.darker(grey, 0.75), 2, 2, 0.06, 0.006),
            "fishing": lambda: self._fishing_ground(grey),
            "marina": lambda: tex.planks(noise, vary(rng, (164, 132, 98), 10), 10, 0.8),
        }
        size = {"container": 560, "fishing": 190, "marina": 260}[self.style]
        ground = m.tiled(images[self.style](), size)
        stone = m.tiled(tex.bricks(noise, (132, 126, 116), (88, 84, 78), 8, 4, 0.2, 0.04), 320, 300)
        long, deep = QUAY_LONG_CM, QUAY_DEEP_CM
        with b.object("quay"):
            b.quad((-long, -deep, 0), (2 * long, 0, 0), (0, deep, 0), ground, 170)
            b.quad((long, 0, 0), (-2 * long, 0, 0), (0, 0, -560), stone, 400)
            b.box((-long, -44, -6), (long, 6, 16), stone, 300)
            for x, yaw in ((-long, 90.0), (long, -90.0)):
                with b.at(x, -deep / 2, 0, 180 + yaw):
                    b.quad((0, deep / 2, 0), (0, -deep, 0), (0, 0, -560), stone, 500)

    def _fishing_ground(self, grey: Colour) -> np.ndarray:
        """Cobbles, clinker laid in rows, or slabs."""
        rng, noise = self.rng, self.noise
        kind = int(rng.integers(3))
        if kind == 0:
            return tex.cobbles(noise, vary(rng, (146, 138, 128), 10))
        if kind == 1:
            clinker = vary(rng, (134, 106, 92), 12)
            return tex.bricks(noise, clinker, tex.darker(clinker, 0.7), 20, 8, 0.16, 0.05)
        return tex.bricks(noise, vary(rng, grey, 12), tex.darker(grey, 0.7), 4, 3, 0.12, 0.02)

    def _water(self) -> None:
        rng = self.rng
        colour = pick(rng, [(38, 70, 78), (46, 78, 74), (36, 62, 80)])
        water = self.m.tiled(grounds.water(self.noise, colour, (130, 158, 162)), 700, gloss=0.6)
        line = np.concatenate(
            [
                -np.geomspace(SEA_CM, 1200, 24),
                np.linspace(-900, 900, 5),
                np.geomspace(1200, SEA_CM, 24),
            ]
        )
        s = (line + SEA_CM) / (2 * SEA_CM)
        # Only where there may be water: from the quay's edge outwards, and beside the quay.
        t = np.append(0, np.geomspace(400, SEA_CM, 26)) / SEA_CM
        with self.b.object("sea"):
            self.b.patch(
                np.array([-SEA_CM, 0, -WATER_CM]),
                np.array([2 * SEA_CM, 0, 0]),
                np.array([0, SEA_CM, 0]),
                s,
                t,
                water,
            )
            for x in (-SEA_CM, QUAY_LONG_CM):
                self.b.quad(
                    (x, -6000, -WATER_CM), (SEA_CM - QUAY_LONG_CM, 0, 0), (0, 6000, 0), water, 9000
                )

    def _mole(self) -> None:
        """A breakwater of boulders with a small light at its end."""
        rng = self.rng
        stone = [self.m.tiled(grounds.rock(self.noise, (128, 124, 116)), 300)]
        side = float(rng.choice([-1.0, 1.0]))
        for k in range(54):
            share = k / 53
            x = side * (6800 - 2600 * share) + rng.uniform(-160, 160)
            y = 1200 + 5600 * share + rng.uniform(-130, 130)
            with (
                self.b.object("breakwater"),
                self.b.at(x, y, -WATER_CM - 60, float(rng.uniform(0, 360))),
            ):
                size = float(rng.uniform(170, 290))
                rock(self.b, rng, (size, size * 0.8, size * 0.95), stone)
        with self.b.object("beacon"), self.b.at(side * 4150, 6900, -WATER_CM):
            paint = self.paints[0 if side > 0 else 2]
            cylinder(self.b, (0, 0, 0), 260, 190, stone[0], 18)
            lathe(self.b, (0, 0, 190), [(60, 560), (60, 540), (95, 0)], paint, 16)
            lathe(self.b, (0, 0, 750), [(2, 170), (62, 120), (62, 110), (46, 110)], paint, 16)
            with self.b.using(emission=0.3):
                lathe(self.b, (0, 0, 750), [(44, 110), (44, 0)], self.m.flat((226, 222, 190)), 12)

    def _along_the_edge(self) -> None:
        b, iron = self.b, self.m.flat((56, 54, 54))
        glass = self.m.flat((250, 240, 214))
        for x in np.arange(-6000, 6001, 750.0):
            with b.object("mooring_bollard"), b.at(x, -90):
                lathe(
                    b,
                    (0, 0, 0),
                    [(2, 52), (24, 48), (26, 38), (15, 30), (16, 8), (26, 0)],
                    iron,
                    14,
                )
        for k, x in enumerate(np.arange(-5600, 5700, 1400.0)):
            with b.object("lamp_post"), b.at(x, -1480, 0, 90):
                props.lamp_post(b, self.metal, glass, self.style != "container")
            self.ground.claim(x, -1480, 60)
            if self.style != "container" and k % 2:
                with b.object("bench"), b.at(x + 500, -1480, 0, 90):
                    props.bench(b, self.wood, self.metal)
        tyre = self.m.flat((40, 40, 42))
        with b.object("fenders"):
            for x in np.arange(-6000, 6001, 375.0):
                angle = np.linspace(0, 2 * np.pi, 13)
                ring = np.column_stack(
                    [x + 38 * np.cos(angle), np.full(13, 14.0), -70 + 38 * np.sin(angle)]
                )
                tube(b, ring, np.full(13, 11.0), tyre, 6)
