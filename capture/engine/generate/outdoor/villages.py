"""Villages: "village:SEED", a lane between cottages with gardens, a church, fields and hills.

The lane runs along x through the origin; the camera roams over 84 m.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.kit.shapes import lathe
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.nature import buildings, garden, grounds, plants
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.daylight import draw_season
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.scene import Scene

ROAM_CM, FINE_CM, OUTER_CM = 4200.0, 5000.0, 90000.0
HOURS = ("noon", "morning", "evening", "overcast", "sunset", "mist", "noon")
# Walls and roofs of a region's houses.
_REGIONS: dict[str, tuple[list[Colour], list[Colour], str]] = {
    "whitewashed": ([(232, 228, 218), (226, 218, 200)], [(168, 92, 64), (150, 84, 60)], "render"),
    "stone": ([(176, 162, 138), (158, 150, 138)], [(96, 96, 102), (112, 100, 92)], "stone"),
    "brick": ([(156, 84, 66), (176, 108, 80)], [(98, 92, 92), (140, 74, 56)], "brick"),
    "timber": ([(146, 60, 48), (92, 110, 96), (206, 180, 120)], [(74, 74, 78), (104, 82, 68)], "boards"),
    "pastel": ([(226, 196, 150), (206, 214, 200), (222, 178, 160), (196, 208, 222)],
               [(170, 98, 70), (146, 86, 64)], "render"),
}  # fmt: skip


def generate_village(seed: int) -> Scene:
    """The village of a seed."""
    maker = _Village(np.random.default_rng([seed, 0x711A]))
    maker.build()
    return maker.finish(
        f"village:{seed}", maker.caption(), maker.spawn_places(), maker.roam_cm(420)
    )


class _Village(Country):
    """Builds one village."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, draw_season(rng), HOURS, ROAM_CM, 1.3)
        self.region = pick(rng, list(_REGIONS))
        self.bend = (
            float(rng.uniform(250, 900)),
            float(rng.uniform(1900, 3200)),
            float(rng.uniform(0, 6.28)),
        )
        self.relief = float(rng.uniform(60, 240))
        self.width = float(rng.uniform(380, 520))
        self.things: list[str] = []
        self.kinds = pick(rng, [("oak", "linden"), ("birch", "maple"), ("cherry", "linden"),
                                ("poplar", "willow"), ("cypress", "olive"), ("spruce", "birch")])  # fmt: skip

    def lane(self, x: np.ndarray) -> np.ndarray:
        """The lane's y at x."""
        high, long, phase = self.bend
        return high * np.sin(np.asarray(x) / long + phase)

    def off_lane(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the lane's middle."""
        slope = (self.lane(x + 20) - self.lane(x - 20)) / 40
        return np.abs(y - self.lane(x)) / np.sqrt(1 + slope**2)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Gentle ground, level under the houses, hills around."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        far = np.hypot(x, y)
        soft = self.relief * self.fields.fractal(x, 0.35 * y, 4200, 2)
        humps = (
            90 * self.fields.fractal(x, y, 1700, 3, 9) * smoothstep(1500, 4200, self.off_lane(x, y))
        )
        hills = 9000 * smoothstep(6500, 70000, far) * (0.25 + self.fields.ridges(x, y, 34000, 4, 8))
        return soft + humps + hills

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (112, 40))
        self._paint()
        self._lane()
        self._church()
        self._houses()
        self._green()
        self._plants()

    def _paint(self) -> None:
        noise, m, rng = self.noise, self.m, self.rng
        green = {"spring": (100, 134, 54), "autumn": (130, 122, 60), "winter": (118, 112, 70)}.get(
            self.season, (88, 118, 48)
        )
        crop = {"autumn": (126, 98, 70), "winter": (116, 96, 74), "spring": (214, 190, 60)}.get(
            self.season, (206, 176, 96)
        )
        grass = grounds.meadow(noise, vary(rng, green, 8), (150, 142, 84), 0.18)
        field = grounds.meadow(noise, vary(rng, crop, 8), tex.darker(crop, 0.8))
        other = grounds.meadow(noise, tex.darker(green, 0.8), (132, 128, 72))
        earth = grounds.soil(noise, (142, 122, 94), 0.5)
        if self.snow:
            grass, field = grounds.snow(noise), 0.75 * grounds.snow(noise) + 0.25 * earth
            other, earth = 0.9 * grass, 0.6 * grass + 0.4 * earth
        verge = grounds.blend(m, noise, grass, earth, 7)
        flat = [m.tiled(image, 430) for image in (field, other)]
        x, y, _ = self.land.middles().T
        far = np.hypot(x, y)
        wear = 1 - np.clip(
            (self.off_lane(x, y) + 60 * self.fields.noise(x, y, 420, 3) - 150) / 320, 0, 1
        )
        choice = grounds.step_of(wear * (far < 7000), verge)
        # Fields: a patchwork of plots, each of one kind.
        plot = np.floor((x + 900 * self.fields.noise(x, y, 9000, 31)) / 5200) * 7 + np.floor(
            (y + 900 * self.fields.noise(x, y, 9000, 32)) / 3800
        ) * 13  # fmt: skip
        kind = (np.abs(np.sin(plot * 12.9898)) * 43758.5453) % 1
        ploughed = (far > 6500) & (kind > 0.35)
        choice = np.where(ploughed, len(verge) + (kind > 0.7), choice)
        sets = [*verge, *flat]
        choice = choice + len(sets) * (far > 12000)
        with self.b.object("land"):
            self.land.add_to(self.b, [*sets, *(s.scaled(2400, 2400) for s in sets)], choice)

    def _lane(self) -> None:
        rng, noise = self.rng, self.noise
        x = np.linspace(-6200, 6200, 200)
        image = pick(rng, [
            lambda: tex.cobbles(noise, pick(rng, [(150, 142, 132), (158, 136, 118)])),
            lambda: grounds.gravel(noise, (186, 168, 136)), lambda: tex.asphalt(noise, (112, 110, 108)),
        ])()  # fmt: skip
        if self.snow:
            image = 0.5 * image + 0.5 * grounds.snow(noise)
        edge = self.m.tiled(tex.plaster(noise, (150, 144, 134), 2.0), 130)
        line = np.column_stack([x, self.lane(x), self.land.height(x, self.lane(x))])
        with self.b.object("lane"):
            garden.path(
                self.b, self.land.height, line, self.width, self.m.tiled(image, 300), edge, 6.0
            )
        for px, py in zip(x[::3], self.lane(x[::3]), strict=True):
            self.ground.claim(float(px), float(py), self.width / 2 + 40)

    def _wall(self, colour: Colour) -> Material:
        noise, m = self.noise, self.m
        made = {
            "render": lambda: m.tiled(tex.stained_plaster(noise, colour), 360),
            "stone": lambda: m.tiled(tex.bricks(noise, colour, tex.darker(colour, 0.72), 9, 4, 0.2, 0.05), 280, 240),
            "brick": lambda: m.tiled(tex.bricks(noise, colour, rows=14), 100, 104),
            "boards": lambda: m.tiled(tex.boards(noise, colour), 240, 180),
        }  # fmt: skip
        return made[_REGIONS[self.region][2]]()

    def _skins(self) -> list[Skin]:
        rng, noise, m = self.rng, self.noise, self.m
        walls, roofs, _ = _REGIONS[self.region]
        base = m.tiled(tex.bricks(noise, (146, 138, 126), (112, 104, 96), 7, 3, 0.2, 0.06), 240)
        tops = [tex.roof_tiles(noise, vary(rng, c, 10)) for c in roofs]
        if self.snow:
            tops = [0.2 * top + 0.8 * grounds.snow(noise) for top in tops]
        made = [m.tiled(top, 240) for top in tops]
        return [
            Skin(wall=self._wall(vary(rng, colour, 10)), base=base, roof=made[k % 2],
                 trim=m.flat(pick(rng, [(236, 232, 222), (104, 78, 56), (206, 196, 176)])),
                 door=m.flat(vary(rng, pick(rng, [(52, 84, 110), (120, 48, 42), (58, 92, 70), (96, 66, 44)]), 10)),
                 pane=m.flat((54, 64, 74)))
            for k, colour in enumerate([*walls, *walls])
        ]  # fmt: skip

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
        skin = Skin(wall=wall, base=wall, roof=m.tiled(roof, 260), trim=m.flat((206, 198, 182)),
                    door=m.flat((86, 60, 44)), pane=m.flat((52, 62, 84)))  # fmt: skip
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
        """A fence or a hedge along the lane before a house, with a gap at the door; flowers behind."""
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
            solid = (
                self.m.tiled(tex.grass(self.noise, (62, 88, 46)), 90)
                if not hasattr(self, "_hedge")
                else self._hedge
            )
            self._hedge = solid
            for part in (points[:3], points[3:]):
                middle, way = part.mean(0), part[2] - part[0]
                turn = float(np.degrees(np.arctan2(way[1], way[0]))) - 90
                with self.b.object("hedge"), self.b.at(*middle, turn):
                    garden.hedge(self.f, rng, solid, self.flora.leaves("cypress"), float(np.hypot(*way[:2])),
                                 float(rng.uniform(70, 120)), 55)  # fmt: skip
        if self.season in ("spring", "summer"):
            spots = np.column_stack([rng.uniform(px[0], px[-1], 22), np.zeros(22)])
            spots[:, 1] = self.lane(spots[:, 0]) + side * (
                self.width / 2 + rng.uniform(90, 150, 22)
            )
            heads = pick(rng, [(214, 64, 80), (232, 196, 70), (240, 236, 230), (150, 100, 190)])
            with self.b.object("flowers"):
                plants.tufts(self.f, rng, self.on_land(spots), rng.uniform(26, 48, 22),
                             self.flora.grass(((84, 118, 50),), heads))  # fmt: skip

    def _green(self) -> None:
        """What stands along the lane: a well, benches, lamps, a cart, firewood."""
        rng, b, m = self.rng, self.b, self.m
        stone = m.tiled(
            tex.bricks(self.noise, (150, 144, 134), (108, 102, 96), 8, 5, 0.2, 0.06), 200
        )
        wood = m.tiled(tex.wood(self.noise, (134, 98, 64)), 120)
        metal, glass = m.flat((50, 54, 56)), m.flat((250, 240, 214))
        skin = Skin(wall=stone, base=stone, roof=wood, trim=wood, door=wood, pane=metal)
        beside = lambda x, y: (
            ((d := self.off_lane(x, y)) > self.width / 2 + 110) * (d < self.width / 2 + 420) * 1.0
        )  # noqa: E731
        for x, y in self.ground.scatter(1, 2800, 0, beside, 140, 220):
            with b.object("well"), self.at(x, y):
                self._well(stone, wood, skin)
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
                self._firewood()

    def _well(self, stone: Material, wood: Material, skin: Skin) -> None:
        b = self.b
        lathe(b, (0, 0, 0), [(62, 20), (64, 82), (92, 82), (94, 0), (94, -50)], stone, 20)
        for y in (-84.0, 84.0):
            b.box((-7, y - 7, 60), (7, y + 7, 230), wood, 100)
        for yaw in (0, 180):
            with b.at(0, 0, 0, yaw):
                b.quad((0, 120, 285), (0, -240, 0), (110, 0, -80), wood, 150)
        lathe(b, (0, 0, 0), [(0.5, 30), (62, 30)], skin.pane, 20)

    def _firewood(self) -> None:
        bark = self.flora.bark((150, 118, 84))
        for row in range(5):
            for k in range(9 - row % 2):
                y, z = -110 + 25.0 * k + 12 * (row % 2), 12 + 21.5 * row
                lathe(self.b, (0, y, z), [(0.3, 0.5), (11.5, 0.4)], bark, 6)
                with self.b.at(0, y, z):
                    buildings.tube(
                        self.b, np.array([[-45, 0, 0], [45, 0, 0]]), np.array([12, 12]), bark, 6
                    )
                    for x, way in ((45, 1), (-45, -1)):
                        cap = np.array([[x, 0, 0], [x + way * 0.5, 0, 0]])
                        buildings.tube(self.b, cap, np.array([12, 0.2]), bark, 6)

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
        kind = {"timber": "wooden", "brick": "brick", "stone": "stone"}.get(
            self.region, self.region
        )
        season = self.season_word()
        article = "An" if (season or kind)[0] in "aeiou" else "A"
        return (
            f"{article} {season}village of {kind} houses {self.daylight.hour}, with a lane, a church, "
            f"{', '.join(self.things)} and {' and '.join(self.kinds)} trees."
        )
