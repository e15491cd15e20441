"""Mountains: "mountains:SEED", a high valley with rocks and a lake below peaks with snow.

The camera roams over a meadow of 90 m; ridges rise around it to a kilometre and a half away.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.pictures import pick, vary
from capture.engine.generate.outdoor.mountain_covers import COVERS, Cover, dry_stone_wall
from capture.engine.generate.outdoor.nature import buildings, grounds
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.fields import smoothstep
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.scene import Scene

ROAM_CM, FINE_CM, OUTER_CM = 4000.0, 4600.0, 150000.0
FAR_CM = 11000.0  # from here on textures are larger
# What follows the seed in turns of coprime lengths: no two of many seeds share all of it.
STONES = ((128, 128, 122), (178, 168, 148), (84, 82, 84), (158, 108, 84), (164, 138, 100))
SEASONS = ("summer", "autumn", "snow", "spring")
CRESTS = ("ridges", "domes", "tables")
HOURS = ("noon", "morning", "evening", "evening", "sunset", "overcast")


def traits(seed: int) -> tuple[Cover, str, str, tuple[int, int, int]]:
    """Cover, season, shape and stone of the mountains of a seed."""
    return (
        COVERS[seed % len(COVERS)],
        SEASONS[seed % len(SEASONS)],
        CRESTS[seed % len(CRESTS)],
        STONES[seed % len(STONES)],
    )


def generate_mountains(seed: int) -> Scene:
    """The mountains of a seed."""
    rng = np.random.default_rng([seed, 0x40A7])
    maker = _Mountains(rng, seed)
    maker.build()
    return maker.finish(f"mountains:{seed}", maker.caption(), maker.spawn_places())


class _Mountains(Country):
    """Builds one scene."""

    def __init__(self, rng: np.random.Generator, seed: int) -> None:
        self.cover, season, self.crest, stone = traits(seed)
        snow = season == "snow"
        super().__init__(rng, "winter" if snow else season, HOURS, ROAM_CM, 2.6, snow)
        self.valley = float(rng.uniform(0, np.pi))  # the way the valley runs
        self.peak = float(rng.uniform(26000, 62000))
        self.relief = float(rng.uniform(120, 420))
        self.stone = vary(rng, stone, 6)
        self.lake = bool(rng.random() < 0.6)
        angle = self.valley + rng.normal(0, 0.5)
        self.lake_at = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(3800, 5600)
        self.lake_size = float(rng.uniform(2200, 4200))
        self.lake_z = -float(rng.uniform(140, 260))
        self.building = pick(rng, ["hut", "hut", "chapel", "ruin", "none"])
        angle += np.pi * rng.uniform(0.6, 1.4)
        self.building_at = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(1300, 2300)
        self.trail_bend = rng.uniform(0, 6.28), rng.uniform(300, 900)

    def lake_depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 in the lake's middle, 0 at its ragged shore and outside."""
        far = np.hypot(x - self.lake_at[0], (y - self.lake_at[1]) * 1.2)
        far = far + 700 * self.fields.fractal(x, y, 2600, 3, 70)
        return 1 - smoothstep(0.45 * self.lake_size, 1.15 * self.lake_size, far)

    def off_trail(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the trail, which follows the valley."""
        c, s = np.cos(self.valley), np.sin(self.valley)
        u, v = c * x + s * y, c * y - s * x
        phase, high = self.trail_bend
        return np.abs(v - high * np.sin(u / 1500 + phase))

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A rolling meadow; ridges rise away from the valley's axis."""
        far = np.hypot(x, y)
        meadow = self.relief * self.fields.fractal(x, y, 3600, 3)
        meadow = meadow + 16 * self.fields.noise(x, y, 420, 8)
        meadow *= 0.35 + 0.65 * smoothstep(30, 900, self.off_trail(x, y))
        flat = self.building_at
        near = 1 - smoothstep(380, 1100, np.hypot(x - flat[0], y - flat[1]))
        meadow = meadow * (1 - near) + 40 * near
        side = np.abs(np.sin(np.arctan2(y, x) - self.valley))
        rise = smoothstep(5200, 95000, far) ** 1.15 * (0.3 + 0.7 * side)
        ridge = self._crests(x, y)
        foot = 1500 * smoothstep(4600, 16000, far) * side
        land = meadow + foot + self.peak * rise * (0.25 + 0.95 * ridge)
        if self.lake:
            depth = self.lake_depth(x, y)
            land = land * (1 - depth) + (self.lake_z - 350 * depth) * depth
        return land

    def _crests(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How high the mountains are, about 0..1: sharp, rounded, or flat with cliffs."""
        if self.crest == "ridges":
            return self.fields.ridges(x, y, 62000, 6, 30)
        round_ = 0.5 + 0.55 * self.fields.fractal(x, y, 50000, 5, 30, 0.4)
        if self.crest == "domes":
            return 0.75 * round_
        ledge = round_ * 3.2
        step = np.floor(ledge) + smoothstep(0.62, 0.9, ledge % 1)
        return 0.3 * step + 0.05 * self.fields.fractal(x, y, 7000, 3, 36)

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (112, 48))
        self._materials()
        self._paint()
        if self.lake:
            self._water()
        self._building()
        for x, y, _, _ in self.spawn_places():
            self.ground.claim(x, y, 240)  # no boughs in the face
        self._stones()
        self._plants()

    def _materials(self) -> None:
        noise, m, rng = self.noise, self.m, self.rng
        cover = self.cover
        green = cover.green.get(self.season, cover.green[""])
        grass = grounds.meadow(noise, vary(rng, green, 8), cover.dry, cover.flowers)
        stone = grounds.rock(noise, self.stone, (128, 124, 92))
        snow = grounds.snow(noise)
        path = grounds.soil(noise, (140, 122, 96), 0.5)
        floor = snow if self.snow else grass
        self.rocky = grounds.blend(m, noise, floor, stone, 7)
        self.worn = grounds.blend(m, noise, floor, path, 7)
        self.white = grounds.blend(m, noise, stone, snow, 6)
        self.stones = (
            [self.rocky[-1], self.white[-1]]
            if self.snow
            else [self.rocky[-1], *grounds.blend(m, noise, stone, grass, 3)[1:]]
        )

    def _paint(self) -> None:
        middle, up = self.land.middles(), self.land.upness()
        x, y, z = middle.T
        far = np.hypot(x, y)
        rough = self.fields.fractal(x, y, 3000 + 0.12 * far, 3, 50)
        stony = smoothstep(0.88, 0.66, up + 0.1 * rough) + smoothstep(0.5, 0.9, rough) * 0.4
        stony += smoothstep(0.35, 0.6, z / self.peak + 0.12 * rough)
        stony += self.cover.stony * smoothstep(-0.5, 0.4, rough)
        line = (0.16 if self.snow else 0.42) * self.peak * (1 + 0.3 * rough)
        white = smoothstep(0.9, 1.25, z / line) * smoothstep(0.42, 0.66, up)
        if self.snow:
            white = smoothstep(0.5, 0.8, up + 0.12 * rough)
        if self.lake:
            shore = smoothstep(self.lake_z + 120, self.lake_z + 10, z + 40 * rough)
            stony = np.maximum(stony, shore * (far < 14000))
        wear = (1 - np.clip((self.off_trail(x, y) + 30 * rough) / 200, 0, 1)) * (far < 9000)
        sets = [*self.rocky, *self.worn, *self.white]
        first, second = len(self.rocky), len(self.rocky) + len(self.worn)
        choice = grounds.step_of(stony, self.rocky)
        choice = np.where(
            (wear > 0.05) & (stony < 0.5), first + grounds.step_of(wear * 1.2, self.worn), choice
        )
        snowy = second + grounds.step_of(white, self.white)
        if self.snow:
            steep = (up < 0.72) & (far > 6000)
            choice = np.where(steep, snowy, choice)
        else:
            choice = np.where(white > 0.05, snowy, choice)
        choice = choice + len(sets) * (far > FAR_CM)
        with self.b.object("land"):
            self.land.add_to(self.b, [*sets, *(s.scaled(3900, 3900) for s in sets)], choice)

    def _water(self) -> None:
        colour, light = pick(
            self.rng,
            [
                ((38, 78, 88), (120, 160, 170)),
                ((34, 96, 104), (130, 180, 180)),
                ((48, 66, 78), (140, 156, 170)),
            ],
        )
        if self.snow:
            image = grounds.snow(self.noise, (172, 192, 206))
            material = self.m.tiled(image, 500, gloss=0.3)
        else:
            material = self.m.tiled(grounds.water(self.noise, colour, light), 560, gloss=0.6)
        reach = self.lake_size * 1.7
        with self.b.object("ice" if self.snow else "lake"):
            corner = (self.lake_at[0] - reach, self.lake_at[1] - reach, self.lake_z)
            self.b.quad(corner, (2 * reach, 0, 0), (0, 2 * reach, 0), material, 500)

    def _skin(self) -> Skin:
        rng, noise, m = self.rng, self.noise, self.m
        stone = m.tiled(
            tex.bricks(noise, self.stone, tex.darker(self.stone, 0.7), 9, 4, 0.22, 0.05), 300, 260
        )
        wood = m.tiled(tex.boards(noise, vary(rng, (112, 82, 58), 14), 9), 200, 200)
        pale = m.tiled(tex.stained_plaster(noise, (226, 220, 206)), 300)
        roof = pick(rng, [(104, 78, 62), (92, 92, 98), (128, 72, 54)])
        top = grounds.snow(noise) if self.snow else tex.roof_tiles(noise, roof)
        wall = wood if self.building == "hut" else pale
        return Skin(
            wall=wall,
            base=stone,
            roof=m.tiled(top, 240),
            trim=m.flat((86, 64, 48)),
            door=m.tiled(tex.boards(noise, (92, 66, 46), 12).transpose(1, 0, 2), 100),
            pane=m.flat((52, 62, 72)),
        )

    def _building(self) -> None:
        if self.building == "none":
            return
        rng, b, (x, y) = self.rng, self.b, self.building_at
        self.ground.claim(x, y, 620)
        yaw = float(np.degrees(np.arctan2(-y, -x)) + rng.uniform(-40, 40))
        skin = self._skin()
        with self.at(x, y, yaw):
            if self.building == "hut":
                with b.object("hut"):
                    buildings.house(
                        b, skin, (rng.uniform(420, 560), rng.uniform(560, 800), 250, 190)
                    )
                    buildings.chimney(b, skin, -70, 150, 520)
            elif self.building == "chapel":
                with b.object("chapel"):
                    buildings.house(b, skin, (430, 640, 330, 260), 2)
                with b.object("chapel_tower"), b.at(0, 400):
                    buildings.tower(b, skin, 230, 620, 330)
            else:
                for k, (dx, dy, turn) in enumerate(((0, 0, 0), (-330, 330, 90), (-640, 0, 0))):
                    with b.object("ruin_wall"), b.at(dx, dy, 0, turn):
                        buildings.ruin_wall(b, rng, skin.base, 640, 520 - 90 * k, gate=k == 0)
        if self.building == "hut":
            angle = np.linspace(0.6, 3.6, 9) + np.radians(yaw)
            places = np.column_stack([x + 800 * np.cos(angle), y + 800 * np.sin(angle)])
            with b.object("fence"):
                buildings.fence(b, self.on_land(places), self.flora.bark((132, 112, 90)))

    def _dry(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        free = (self.off_trail(x, y) > 160).astype(float)
        return free * (self.lake_depth(x, y) < 0.12) if self.lake else free

    def _stones(self) -> None:
        rng, many = self.rng, self.cover.rocks
        count = int(many * rng.integers(14, 34))
        self.rocks(count, 4400, self.stones, (70, 0.55), self._dry, 0.2)
        self.rocks(30, (4600, 9000), self.stones, (170, 0.6), self._dry, 0.2, "boulder")
        self.rocks(int(40 * many), 4200, self.stones[:1], (20, 0.4), self._dry, 0.0, "stone")
        if self.cover.walls:
            self._walls()

    def _walls(self) -> None:
        """Dry-stone walls across the pasture, open where the trail and water are."""
        look = tex.bricks(self.noise, self.stone, tex.darker(self.stone, 0.5), 14, 6, 0.3, 0.09)
        stone = self.m.tiled(look, 200, 170)
        c, s = np.cos(self.valley), np.sin(self.valley)
        for k in range(3):
            v = np.linspace(-4300, 4300, 60)
            u = (-2600, 200, 2900)[k] + 240 * np.sin(v / 1900 + k * 2)
            if k == 1:
                u, v = v, np.full(60, 1500.0) + 150 * np.sin(v / 1300)
            places = np.column_stack([c * u - s * v, s * u + c * v])
            clear = np.hypot(*(places - self.building_at).T) > 950
            open_ = (self._dry(*places.T) > 0) & clear
            for run in np.split(np.arange(60), np.flatnonzero(np.diff(open_)) + 1):
                if open_[run[0]] and len(run) > 2:
                    with self.b.object("stone_wall"):
                        dry_stone_wall(self.b, self.rng, self.on_land(places[run]), stone)

    def _plants(self) -> None:
        rng = self.rng
        kinds = pick(
            rng, [("spruce", "fir"), ("larch", "spruce"), ("pine", "spruce"), ("fir", "pine")]
        )

        def groves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return self._dry(x, y) * smoothstep(0.0, 0.5, self.fields.noise(x, y, 2800, 60))

        count = int(self.cover.trees * rng.integers(14, 30))
        wood = self._dry if self.cover.trees > 1 else groves
        for x, y in self.ground.scatter(count, 6000, 320, wood, 60, 70):
            self.tree(x, y, pick(rng, kinds), float(rng.uniform(500, 1300)))

        def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            low = self.land.height(x, y) < 0.24 * self.peak
            gentle = self.land.slope(x, y, 300) < 0.75
            wood = smoothstep(-0.1, 0.35, self.fields.fractal(x, y, 9000, 3, 62))
            return self._dry(x, y) * low * gentle * wood

        rings = (((6000, 14000), 330, 330), ((14000, 46000), 900, 600))
        self.far_trees(kinds, rings, (900, 1500), slopes, 0.6)
        self._low_plants()

    def _low_plants(self) -> None:
        rng = self.rng
        self.tufts(
            "grass",
            int(self.cover.grass * (500 if self.snow else 2400)),
            4300,
            self.flora.grass(self.grass_colours()),
            (16, 36),
            self._dry,
        )
        if self.season in ("spring", "summer"):
            for heads in self.cover.heads[: int(rng.integers(1, 5))]:
                salt = int(rng.integers(80, 99))

                def patch(x: np.ndarray, y: np.ndarray, salt: int = salt) -> np.ndarray:
                    return self._dry(x, y) * smoothstep(
                        0.1, 0.5, self.fields.noise(x, y, 1500, salt)
                    )

                material = self.flora.grass(self.grass_colours()[:1], heads)
                self.tufts("flowers", int(320 * self.cover.blooms), 4000, material, (18, 34), patch)

    def spawn_places(self) -> np.ndarray:
        """Along the trail and around, looking up to the peaks and over the lake."""
        c, s = np.cos(self.valley), np.sin(self.valley)
        u = np.linspace(-3300, 3300, 8)
        phase, high = self.trail_bend
        v = high * np.sin(u / 1500 + phase) + np.array([0, 500, 0, -600, 300, 0, -400, 0])
        yaw = np.degrees(self.valley) + np.array([0, 60, -30, 180, 10, 120, 215, 180])
        places = np.column_stack([c * u - s * v, s * u + c * v, yaw])
        places[:, :2] = np.clip(places[:, :2], -3700, 3700)
        if self.lake:  # not in the water
            wet = self.lake_depth(places[:, 0], places[:, 1]) > 0.15
            places[wet, :2] *= -0.6
        if self.building != "none":  # nor in the house
            away = places[:, :2] - self.building_at
            far = np.linalg.norm(away, axis=1, keepdims=True)
            near = far[:, 0] < 800
            places[near, :2] = (self.building_at + away * 800 / np.maximum(far, 1))[near]
        return self.spawns(places)

    def caption(self) -> str:
        """One factual sentence."""
        things = {"hut": "a wooden hut", "chapel": "a small chapel", "ruin": "ruined stone walls"}
        parts = [things[self.building]] if self.building in things else []
        if self.lake:
            parts.append("a frozen lake" if self.snow else "a lake")
        text = ", ".join([*parts, "rocks"]) + " and conifers"
        ground = "snow-covered" if self.snow else f"{self.season_word()}alpine"
        article = "An" if ground[0] in "aeiou" else "A"
        heights = {"ridges": "mountain ridges", "domes": "rounded mountains",
                   "tables": "flat-topped mountains"}[self.crest]  # fmt: skip
        place = f"{article} {ground} {self.cover.words} below {heights}"
        return f"{place} {self.daylight.hour}, with {text}."
