"""Coasts: "coast:SEED", cliffs with a lighthouse, sandy beaches and rocky coves by an open sea.

The camera roams over 80 m about the origin; the sea lies on one side and reaches to the horizon.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.kit.shapes import cylinder, lathe
from capture.engine.generate.outdoor.coastland import (
    FINE_CM,
    OUTER_CM,
    ROAM_CM,
    CoastLand,
)
from capture.engine.generate.outdoor.nature import boats, buildings
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.scene import Scene


def generate_coast(seed: int) -> Scene:
    """The coast of a seed."""
    maker = _Coast(np.random.default_rng([seed, 0xC0A5]))
    maker.build()
    return maker.finish(f"coast:{seed}", maker.caption(), maker.spawn_places())


class _Coast(CoastLand):
    """Builds one coast."""

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (120, 44))
        self._paint()
        self._sea()
        if self.style == "cliffs" or self.rng.random() < 0.35:
            self._lighthouse()
        self._shore_things()
        self._rocks()
        self._plants()
        self._boats()

    def _lighthouse(self) -> None:
        rng, m = self.rng, self.m
        c, s = np.cos(self.seaward), np.sin(self.seaward)
        side = float(rng.uniform(-2600, 2600))
        out = np.linspace(4500, -3500, 161)
        x, y = c * out - s * side, s * out + c * side
        index = int(np.argmax(self.inland(x, y) > 950))
        x, y = float(x[index]), float(y[index])
        self.ground.claim(x, y, 520)
        paint = pick(rng, [(186, 44, 40), (40, 66, 112), (52, 52, 56), (206, 150, 50)])
        white, band, dark = m.flat((232, 230, 222)), m.flat(paint), m.flat((46, 50, 56))
        tall, foot = float(rng.uniform(1300, 2200)), float(rng.uniform(230, 310))
        bands = int(rng.integers(3, 7))
        with self.b.object("lighthouse"), self.at(x, y, float(rng.uniform(0, 360))):
            cylinder(
                self.b,
                (0, 0, -120),
                foot + 60,
                150,
                m.tiled(tex.plaster(self.noise, (168, 160, 148)), 150),
                24,
            )
            for k in range(bands):
                z0, z1 = tall * k / bands + 30, tall * (k + 1) / bands + 30
                r0, r1 = (foot * (1 - 0.42 * t / (tall + 30)) for t in (z0, z1))
                lathe(self.b, (0, 0, 0), [(r1, z1), (r0, z0)], band if k % 2 else white, 24)
            top = tall + 30
            lathe(
                self.b,
                (0, 0, top),
                [(foot * 0.3, 18), (foot * 0.85, 18), (foot * 0.85, 0), (foot * 0.5, -30)],
                dark,
                24,
            )
            for angle in np.arange(16) * np.pi / 8:
                px, py = foot * 0.8 * np.cos(angle), foot * 0.8 * np.sin(angle)
                self.b.box((px - 3, py - 3, top + 18), (px + 3, py + 3, top + 110), dark)
            lathe(
                self.b,
                (0, 0, top),
                [(foot * 0.83, 112), (foot * 0.83, 104), (foot * 0.78, 104)],
                dark,
                24,
            )
            with self.b.using(emission=0.3):
                lathe(
                    self.b,
                    (0, 0, top),
                    [(foot * 0.42, 210), (foot * 0.42, 18)],
                    m.flat((226, 222, 190)),
                    12,
                )
            lathe(
                self.b,
                (0, 0, top),
                [(2, 350), (9, 330), (foot * 0.16, 300), (foot * 0.56, 210)],
                band,
                20,
            )
            self.b.box((foot * 0.86, -50, 30), (foot * 1.02, 50, 240), dark)
        self.things.append("a lighthouse")

    def _skin(self, roof: tuple[int, int, int]) -> Skin:
        m, noise, rng = self.m, self.noise, self.rng
        paint = vary(
            rng, pick(rng, [(226, 222, 210), (196, 80, 64), (92, 132, 150), (216, 190, 130)]), 10
        )
        wall = (
            tex.boards(noise, paint, 12)
            if rng.random() < 0.5
            else tex.stained_plaster(noise, paint)
        )
        return Skin(
            wall=m.tiled(wall, 240),
            base=m.tiled(tex.bricks(noise, self.stone_colour, rows=8), 260),
            roof=m.tiled(tex.roof_tiles(noise, roof), 240),
            trim=m.flat((236, 232, 222)),
            door=m.flat(pick(rng, [(52, 84, 110), (120, 48, 42), (58, 92, 70)])),
            pane=m.flat((58, 72, 84)),
        )

    def _shore_things(self) -> None:
        rng = self.rng
        count = int(rng.integers(0, 3)) if self.style == "cliffs" else int(rng.integers(1, 4))
        up = lambda x, y: self._dry(x, y) * (self.inland(x, y) > 1900)  # noqa: E731
        roof = pick(rng, [(150, 76, 58), (92, 96, 104), (120, 92, 70)])
        places = self.ground.scatter(count, 3600, 1300, up, 480, 560)
        for x, y in places:
            yaw = np.degrees(self.seaward) + rng.uniform(-25, 25)
            size = (
                float(rng.uniform(480, 620)),
                float(rng.uniform(600, 980)),
                270.0,
                float(rng.uniform(170, 280)),
            )
            with self.b.object("cottage"), self.at(x, y, yaw):
                buildings.house(self.b, skin := self._skin(roof), size, int(rng.integers(2, 5)))
                buildings.chimney(self.b, skin, -40, size[1] * 0.3, 500)
        if len(places):
            self.things.append("a cottage" if len(places) == 1 else "cottages")
        if self.style == "cliffs":
            return
        wood = self.flora.bark((140, 116, 90))
        points = self._shoreline()[60:120]
        x, y, _ = points[int(rng.integers(len(points)))]
        c, s = np.cos(self.seaward), np.sin(self.seaward)
        with (
            self.b.object("jetty"),
            self.b.at(x - 260 * c, y - 260 * s, 0, float(np.degrees(self.seaward))),
        ):
            buildings.pier(self.b, wood, float(rng.uniform(1200, 2200)), 200, 95)
        self.things.append("a wooden jetty")

    def _rocks(self) -> None:
        rng = self.rng
        sea = lambda x, y: ((i := self.inland(x, y)) < 350) * (i > -1800) * 1.0  # noqa: E731
        self.rocks(int(rng.integers(20, 50)), 8000, self.stones[:1], (110, 0.7), sea, 0.0)
        few = 10 if self.style == "beach" else 26
        self.rocks(few, 4300, self.stones, (50, 0.5), self._dry, 0.25)
        if self.style == "cliffs":
            stack = lambda x, y: ((i := self.inland(x, y)) < -900) * (i > -6000) * 1.0  # noqa: E731
            self.rocks(7, (3000, 12000), self.stones, (950, 0.25), stack, 0.2, "sea_stack")

    def _plants(self) -> None:
        rng = self.rng
        turf = lambda x, y: (self.inland(x, y) > (700 if self.style == "cliffs" else 1900)) * 1.0  # noqa: E731
        self.tufts("grass", 1900, 4400, self.flora.grass(self.grass_colours()), (18, 46), turf)
        if self.season != "autumn":
            heads = pick(rng, [(220, 110, 160), (236, 236, 230), (232, 200, 70)])
            self.tufts(
                "flowers",
                420,
                4300,
                self.flora.grass(self.grass_colours()[:1], heads),
                (18, 32),
                turf,
            )
        kinds = (
            ("palm",)
            if self.tropical
            else pick(rng, [("pine",), ("olive", "cypress"), ("birch", "pine")])
        )
        inner = (
            (lambda x, y: self._dry(x, y) * (self.inland(x, y) > 1500))
            if self.tropical
            else (lambda x, y: self._dry(x, y) * (self.inland(x, y) > 2600))
        )
        for x, y in self.ground.scatter(int(rng.integers(8, 26)), 5200, 360, inner, 80, 90):
            self.tree(x, y, pick(rng, kinds), float(rng.uniform(450, 900)))

        def far(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            grove = smoothstep(-0.2, 0.3, self.fields.noise(x, y, 5000, 63))
            return (self.inland(x, y) > 2600) * grove

        shown = ("olive", "pine") if self.tropical else kinds
        self.far_trees(
            shown, (((5200, 14000), 240, 420), ((14000, 40000), 420, 800)), (600, 1000), far
        )

    def _boats(self) -> None:
        rng, m = self.rng, self.m
        c, s = np.cos(self.seaward), np.sin(self.seaward)
        wood, metal, cloth = (
            self.flora.bark((150, 120, 88)),
            m.flat((206, 208, 210)),
            m.flat((226, 220, 206)),
        )
        paints = [m.flat(p) for p in ((226, 226, 222), (44, 78, 118), (170, 52, 44), (58, 104, 84))]
        for k in range(int(rng.integers(2, 6))):
            out, side = float(rng.uniform(1600, 9000)), float(rng.uniform(-9000, 9000))
            x, y = c * out - s * side, s * out + c * side
            if self.inland(np.array(x), np.array(y)) > -700:
                continue
            with self.b.object("sailing_boat"), self.b.at(x, y, 0, float(rng.uniform(0, 360))):
                boats.sailing_boat(
                    self.b, float(rng.uniform(700, 1100)), paints[k % 4], wood, metal, cloth
                )
        if self.style == "cliffs":
            return
        points = self._shoreline()
        for k in range(int(rng.integers(1, 4))):
            x, y, _ = points[int(rng.integers(40, 140))]
            x, y = x - c * 380, y - s * 380
            if not self.ground.free(np.array([[x, y]]), 260)[0]:
                continue
            self.ground.claim(x, y, 300)
            with (
                self.b.object("rowing_boat"),
                self.b.at(x, y, float(self.land.height(x, y)[0]) + 16, float(rng.uniform(0, 360))),
            ):
                boats.rowing_boat(self.b, paints[(k + 1) % 4], wood)

    def spawn_places(self) -> np.ndarray:
        """On land, spread along the shore, looking along it and out to sea."""
        rng, sea = self.rng, np.degrees(self.seaward)
        tries = rng.uniform(-ROAM_CM + 400, ROAM_CM - 400, (900, 2))
        tries = tries[(self._dry(*tries.T) > 0) & self.ground.free(tries, 150)]
        c, s = np.cos(self.seaward), np.sin(self.seaward)
        side = c * tries[:, 1] - s * tries[:, 0]
        wanted = np.linspace(side.min(), side.max(), 8)
        chosen = tries[np.abs(side[:, None] - wanted).argmin(0)]
        yaw = sea + np.array([75, 50, 0, -80, 90, -45, 190, -90])
        return self.spawns(np.column_stack([chosen, yaw]))

    def caption(self) -> str:
        """One factual sentence."""
        place = {
            "cliffs": "Grassy cliffs above the sea",
            "beach": "A tropical sandy beach with palms"
            if self.tropical
            else "A sandy beach with dunes",
            "cove": "A rocky cove with a beach",
        }[self.style]
        text = ", ".join([*self.things, "rocks"])
        return f"{place} {self.daylight.hour}, with {text} and grass."
