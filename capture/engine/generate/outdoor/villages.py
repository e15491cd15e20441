"""Villages: "village:SEED", a lane between cottages with gardens, a church, fields and hills.

The lane runs along x through the origin; the camera roams over 84 m.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.nature import buildings, garden, grounds, plants
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.villageland import (
    FINE_CM,
    OUTER_CM,
    ROAM_CM,
    VillageLand,
)
from capture.engine.scene import Scene


def generate_village(seed: int) -> Scene:
    """The village of a seed."""
    maker = _Village(np.random.default_rng([seed, 0x711A]))
    maker.build()
    return maker.finish(
        f"village:{seed}", maker.caption(), maker.spawn_places(), maker.roam_cm(420)
    )


class _Village(VillageLand):
    """Builds one village."""

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (112, 40))
        self._paint()
        self._lane()
        self._church()
        self._houses()
        self._green()
        self._plants()

    def _church(self) -> None:
        rng, b = self.rng, self.b
        side = float(rng.choice([-1.0, 1.0]))
        x = float(rng.uniform(-1500, 1500))
        y = float(self.lane(x)) + side * float(rng.uniform(1700, 2100))
        colour = pick(rng, [(226, 220, 206), (178, 166, 144), (160, 92, 72), (150, 146, 142)])
        noise, m = self.noise, self.m
        wall = m.tiled(
            tex.bricks(noise, colour, tex.darker(colour, 0.82), 10, 4, 0.12, 0.04), 300, 260
        )
        roof = (
            grounds.snow(noise)
            if self.snow
            else tex.roof_tiles(noise, pick(rng, [(92, 96, 104), (122, 70, 54), (84, 112, 100)]))
        )
        skin = Skin(
            wall=wall,
            base=wall,
            roof=m.tiled(roof, 260),
            trim=m.flat((206, 198, 182)),
            door=m.flat((86, 60, 44)),
            pane=m.flat((52, 62, 84)),
        )
        self.ground.claim(x, y, 1050)
        with self.at(x, y, -90 * side):
            with b.object("church"):
                buildings.house(b, skin, (800, 1300, 560, 480), 4)
            with b.object("church_tower"), b.at(60, 820):
                buildings.tower(
                    b, skin, 420, float(rng.uniform(1300, 1900)), float(rng.uniform(500, 1100)), 4
                )
        self.church = x, y

    def _houses(self) -> None:
        rng, skins = self.rng, self._skins()
        count = 0
        for side in (-1.0, 1.0):
            x = -5200.0 + float(rng.uniform(0, 600))
            while x < 5200:
                length = float(rng.uniform(720, 1250))
                slope = np.degrees(np.arctan(float(self.lane(x + 50) - self.lane(x - 50)) / 100))
                depth = float(rng.uniform(560, 760))
                back = self.width / 2 + depth / 2 + float(rng.uniform(260, 760))
                y = float(self.lane(x)) + side * back
                if self.ground.free(np.array([[x, y]]), length * 0.55)[0] or (
                    np.hypot(x - self.church[0], y - self.church[1]) > 1050 + length * 0.6
                ):
                    self._house(x, y, slope - 90 * side, (depth, length), pick(rng, skins), side)
                    count += 1
                x += length + float(rng.uniform(120, 700))
        self.things.append("cottages with gardens")

    def _house(self, x, y, yaw, size, skin: Skin, side: float) -> None:
        rng, b = self.rng, self.b
        storeys = int(rng.integers(1, 3))
        eaves = 270.0 * storeys
        with b.object("house"), self.at(x, y, yaw):
            buildings.house(
                b,
                skin,
                (*size, eaves, float(rng.uniform(0.36, 0.6)) * size[0]),
                int(rng.integers(2, 5)),
                storeys,
            )
            buildings.chimney(b, skin, -60, size[1] * 0.28, eaves + size[0] * 0.42 + 60)
        self.ground.claim(x, y, size[1] * 0.6)
        if rng.random() < 0.75:
            self._front_garden(x, y, yaw, size, side)

    def _front_garden(self, x, y, yaw, size, side: float) -> None:
        """A fence or a hedge along the lane, with a gap at the door; flowers behind."""
        rng = self.rng
        share = np.array([-0.5, -0.32, -0.14, 0.14, 0.32, 0.5]) * (size[1] + 60)
        px = x + share
        py = self.lane(px) + side * (self.width / 2 + 60)
        points = self.on_land(np.column_stack([px, py]))
        wood = self.flora.bark((206, 200, 188) if rng.random() < 0.4 else (130, 106, 80))
        if rng.random() < 0.6:
            for part in (points[:3], points[3:]):
                with self.b.object("fence"):
                    buildings.fence(self.b, part, wood, 3, 90.0)
        else:
            for part in (points[:3], points[3:]):
                middle, way = part.mean(0), part[2] - part[0]
                turn = float(np.degrees(np.arctan2(way[1], way[0]))) - 90
                with self.b.object("hedge"), self.b.at(middle[0], middle[1], middle[2], turn):
                    garden.hedge(
                        self.f,
                        rng,
                        self.clipped,
                        self.flora.leaves("cypress"),
                        float(np.hypot(*way[:2])),
                        float(rng.uniform(70, 120)),
                        55,
                    )
        if self.season in ("spring", "summer"):
            spots = np.column_stack([rng.uniform(px[0], px[-1], 22), np.zeros(22)])
            spots[:, 1] = self.lane(spots[:, 0]) + side * (
                self.width / 2 + rng.uniform(90, 150, 22)
            )
            heads = pick(rng, [(214, 64, 80), (232, 196, 70), (240, 236, 230), (150, 100, 190)])
            with self.b.object("flowers"):
                plants.tufts(
                    self.f,
                    rng,
                    self.on_land(spots),
                    rng.uniform(26, 48, 22),
                    self.flora.grass(((84, 118, 50),), heads),
                )

    def _green(self) -> None:
        """What stands along the lane: a well, benches, lamps, a cart, firewood."""
        rng, b, m = self.rng, self.b, self.m
        stone = m.tiled(
            tex.bricks(self.noise, (150, 144, 134), (108, 102, 96), 8, 5, 0.2, 0.06), 200
        )
        wood = m.tiled(tex.wood(self.noise, (134, 98, 64)), 120)
        metal, glass = m.flat((50, 54, 56)), m.flat((250, 240, 214))

        def beside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            off = self.off_lane(x, y) - self.width / 2
            return ((off > 110) & (off < 420)).astype(float)

        for x, y in self.ground.scatter(1, 2800, 0, beside, 140, 220):
            with b.object("well"), self.at(x, y):
                buildings.well(b, stone, wood, metal)
            self.things.append("a well")
        for k, (x, y) in enumerate(self.ground.scatter(9, 4000, 500, beside, 60, 90)):
            yaw = -90.0 if y > self.lane(x) else 90.0
            with self.at(x, y, yaw):
                if k % 2:
                    with b.object("bench"):
                        props.bench(b, wood, metal)
                else:
                    with b.object("lamp_post"):
                        props.lamp_post(b, metal, glass, True)
        for x, y in self.ground.scatter(int(rng.integers(1, 4)), 4000, 600, beside, 130, 150):
            with b.object("firewood"), self.at(x, y):
                buildings.firewood(b, self.flora.bark((150, 118, 84)))

    def _plants(self) -> None:
        rng = self.rng
        free = lambda x, y: (self.off_lane(x, y) > self.width / 2 + 130) * 1.0  # noqa: E731
        for x, y in self.ground.scatter(int(rng.integers(22, 40)), 5600, 420, free, 130, 90):
            self.tree(x, y, pick(rng, self.kinds), float(rng.uniform(480, 1050)))
        if self.season != "winter":
            leaves = self.flora.leaves(pick(rng, ["linden", "cherry", "beech"]))
            for x, y in self.ground.scatter(22, 4800, 300, free, 90, 80):
                size = float(rng.uniform(55, 110))
                with self.b.object("bush"), self.at(x, y):
                    plants.bush(self.f, rng, leaves, size, size, 28)
        self.tufts(
            "grass",
            400 if self.snow else 1800,
            4700,
            self.flora.grass(self.grass_colours()),
            (12, 34),
            free,
        )
        wood = lambda x, y: smoothstep(-0.1, 0.25, self.fields.fractal(x, y, 7000, 3, 63))  # noqa: E731
        shown = self.kinds
        self.far_trees(
            shown, (((6000, 13000), 300, 420), ((13000, 42000), 640, 700)), (700, 1200), wood
        )

    def spawn_places(self) -> np.ndarray:
        """On the lane and beside it, looking along it and at the church."""
        x = np.linspace(-3700, 3700, 8)
        y = self.lane(x) + np.array([0, 120, -120, 0, 60, -60, 130, 0])
        along = np.degrees(np.arctan2(self.lane(x + 300) - self.lane(x), 300))
        church = np.degrees(np.arctan2(self.church[1] - y, self.church[0] - x))
        yaw = np.where(np.arange(8) % 3 == 2, church, along + np.where(x > 0, 180, 0))
        return self.spawns(np.column_stack([x, np.clip(y, -ROAM_CM + 200, ROAM_CM - 200), yaw]))

    def caption(self) -> str:
        """One factual sentence."""
        named = {"timber": "wooden", "brick": "brick", "stone": "stone"}
        kind = named[self.region] if self.region in named else str(self.region)
        season = self.season_word()
        article = "An" if (season or kind)[0] in "aeiou" else "A"
        return (
            f"{article} {season}village of {kind} houses {self.daylight.hour}, with a lane, "
            f"a church, {', '.join(self.things)} and {' and '.join(self.kinds)} trees."
        )
