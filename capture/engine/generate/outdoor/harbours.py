"""Harbours: "harbour:SEED", container quays, fishing harbours and marinas.

The quay's edge runs along x at y = 0; ground is at z = 0 for y below, water at -WATER_CM above it.
"""

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.kit.shapes import lathe
from capture.engine.generate.outdoor import props
from capture.engine.generate.outdoor.nature import boats, buildings, skyline
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.trees import tube
from capture.engine.generate.outdoor.quays import (
    _BOXES,
    FINE_CM,
    OUTER_CM,
    QUAY_DEEP_CM,
    QUAY_LONG_CM,
    ROAM_CM,
    WATER_CM,
    Quay,
)
from capture.engine.scene import Scene


def generate_harbour(seed: int) -> Scene:
    """The harbour of a seed."""
    maker = _Harbour(np.random.default_rng([seed, 0x4A2B]))
    maker.build()
    roam_cm = np.array([[-ROAM_CM, -QUAY_DEEP_CM * 0.86, 40], [ROAM_CM, 900, 620]])
    return maker.finish(f"harbour:{seed}", maker.caption(), maker.spawn_places(), roam_cm)


class _Harbour(Quay):
    """Builds one harbour."""

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (64, 44))
        self._paint()
        self._quay()
        self._water()
        getattr(self, f"_{self.style}")()
        self._along_the_edge()
        self._behind()

    # The three styles

    def _container(self) -> None:
        rng, b = self.rng, self.b
        ribs = [
            self.m.tiled(_container_side(self.noise, vary(rng, c, 10)), 240, 259)
            for c in [_BOXES[i] for i in rng.permutation(len(_BOXES))[:6]]
        ]
        for row in np.arange(-3400, -1600, 900.0):
            for x in np.arange(-5600, 5600, 690.0):
                if rng.random() < 0.3 or abs(x) < 500:
                    continue
                for level in range(int(rng.integers(1, 4))):
                    dx, dy = rng.uniform(-14, 14), rng.uniform(-5, 5)
                    with b.object("container"), b.at(x + dx, row + dy, 259.0 * level):
                        self._one_container(pick(rng, ribs))
                self.ground.claim(x, row, 420)
        for x in (float(rng.uniform(-3600, -1200)), float(rng.uniform(1200, 3800))):
            with b.object("gantry_crane"), b.at(x, -330):
                self._gantry(pick(rng, self.paints))
        self._rails()
        with (
            b.object("container_ship"),
            b.at(float(rng.uniform(-1500, 1500)), 1650, -WATER_CM, 180),
        ):
            boats.freighter(
                b,
                rng,
                9800,
                self.paints[int(rng.integers(3))],
                self.rust,
                self.white,
                self.dark,
                ribs,
            )
        self.things += ["stacked containers", "gantry cranes", "a container ship"]

    def _one_container(self, side: Material) -> None:
        b = self.b
        b.box((-303, -122, 6), (303, 122, 259), side, 1e9)
        for x in (-303.0, 295.0):
            for y in (-124.0, 116.0):
                b.box((x, y, 0), (x + 8, y + 8, 261), self.dark)
        for y in (-60, -20, 20, 60):
            b.box((303, y, 14), (307, y + 4, 252), self.metal)

    def _gantry(self, paint: Material) -> None:
        b, tall = self.b, 2300.0
        for x in (-620.0, 560.0):
            for y in (-900.0, 60.0):
                b.box((x, y, 60), (x + 60, y + 60, tall), paint, 400)
                b.box((x - 90, y + 6, 0), (x + 150, y + 54, 66), self.dark)
            b.box((x, -900, 900), (x + 60, 120, 960), paint, 400)
            tube(
                b, np.array([[x + 30, -860, 960], [x + 30, 90, tall]]), np.array([20, 20]), paint, 6
            )
        for y in (-900.0, 60.0):
            b.box((-620, y, tall), (620, y + 60, tall + 90), paint, 400)
        for x in (-200.0, 130.0):
            b.box((x, -1500, tall + 90), (x + 70, 3300, tall + 190), paint, 500)
        b.box((-320, -1300, tall + 190), (330, -500, tall + 560), self.white, 400)
        b.box((-160, 700, tall - 170), (160, 960, tall + 60), self.white, 300)
        for x, y in ((-120, 1200), (120, 1200)):
            tube(b, np.array([[x, y, 900], [x, y, tall + 100]]), np.array([4, 4]), self.dark, 5)
        b.box((-303, 1080, 860), (303, 1320, 905), self.paints[4])
        for y in (60.0, 3200.0):
            tube(
                b,
                np.array([[0, 90, tall + 1150], [0, y, tall + 190]]),
                np.array([14, 14]),
                paint,
                6,
            )
        b.box((-60, 60, tall + 90), (60, 120, tall + 1160), paint, 400)

    def _rails(self) -> None:
        steel = self.m.flat((96, 92, 90))
        with self.b.object("crane_rail"):
            for y in (-1200.0, -240.0):
                self.b.box((-QUAY_LONG_CM, y - 6, 0), (QUAY_LONG_CM, y + 6, 5), steel, 600)

    def _fishing(self) -> None:
        rng, b = self.rng, self.b
        self._row_of_houses(self.houses_y)
        if rng.random() < 0.5:
            self._trees()
        apart = float(rng.uniform(1250, 2600))
        for x in np.arange(-5200, 5200, apart) + rng.uniform(-400, 400):
            length = float(rng.uniform(900, 1500))
            with b.object("fishing_boat"), b.at(x, 330, -WATER_CM, float(rng.choice([0, 180]))):
                boats.fishing_boat(
                    b, length, pick(rng, self.paints), self.wood, self.white, self.dark
                )
        for x in rng.uniform(-4000, 4000, 4):
            with (
                b.object("rowing_boat"),
                b.at(float(x), 1150, -WATER_CM, float(rng.uniform(0, 360))),
            ):
                boats.rowing_boat(b, pick(rng, self.paints), self.wood)
        self._crates()
        self._mole()
        self.things += ["fishing boats", "fish crates and barrels", "a row of painted houses"]

    def _marina(self) -> None:
        rng, b = self.rng, self.b
        self._row_of_houses(self.houses_y)
        cloth = [self.m.flat(c) for c in ((40, 66, 110), (226, 222, 210), (150, 40, 44))]
        for x in np.arange(-4200, 4300, 2100.0):
            with b.object("jetty"), b.at(x, 0, -WATER_CM, 90):
                buildings.pier(b, self.wood, 3200, 210, 85)
            for y in np.arange(520, 3100, 520.0):
                for side in (-1, 1):
                    if rng.random() < 0.25:
                        continue
                    with (
                        b.object("sailing_boat"),
                        b.at(x + side * 560, y, -WATER_CM, 90.0 - 90 * side),
                    ):
                        boats.sailing_boat(
                            b,
                            float(rng.uniform(720, 980)),
                            pick(rng, [self.white, *self.paints]),
                            self.wood,
                            self.white,
                            pick(rng, cloth),
                        )
        self._mole()
        for x in np.arange(-5600, 5700, 1120.0):
            with b.object("planter"), b.at(x, -900, 0):
                props.planter(b, rng, self.wood, self.flora.leaves("linden"), 200)
            self.ground.claim(x, -900, 150)
        self.things += ["sailing boats at jetties", "planters", "a row of painted houses"]

    def _row_of_houses(self, y: float) -> None:
        rng, m, noise = self.rng, self.m, self.noise
        walls = [
            (226, 196, 150),
            (196, 92, 70),
            (150, 176, 190),
            (230, 226, 214),
            (206, 168, 90),
            (132, 152, 124),
        ]
        base = m.tiled(tex.bricks(noise, (140, 132, 122), rows=8), 240)
        roofs = [m.tiled(tex.roof_tiles(noise, c), 240) for c in ((158, 84, 62), (92, 92, 98))]
        skins = [
            Skin(
                wall=m.tiled(
                    (tex.boards if k % 2 else tex.stained_plaster)(noise, vary(rng, walls[k], 10)),
                    260,
                ),
                base=base,
                roof=roofs[k % 2],
                trim=m.flat((234, 230, 220)),
                door=m.flat(pick(rng, [(52, 84, 110), (120, 48, 42), (58, 92, 70)])),
                pane=m.flat((56, 70, 82)),
            )
            for k in rng.permutation(len(walls))
        ]
        x = -6800.0
        k = 0
        while x < 6600:
            wide, storeys = float(rng.uniform(760, 1200)), int(rng.integers(2, 4))
            eaves = 285.0 * storeys
            with self.b.object("house"), self.b.at(x + wide / 2, y, 0, 90):
                buildings.house(
                    self.b,
                    skins[k % len(skins)],
                    (760, wide - 20, eaves, 330),
                    int(rng.integers(2, 5)),
                    storeys,
                )
                buildings.chimney(self.b, skins[k % len(skins)], -80, wide * 0.25, eaves + 420)
            x += wide + (float(rng.uniform(200, 500)) if rng.random() < 0.2 else 30.0)
            k += 1

    def _trees(self) -> None:
        """A row of trees before the houses."""
        kind = pick(self.rng, ["linden", "birch", "olive", "pine"])
        y, apart = 0.5 * (self.houses_y - 1480), float(self.rng.uniform(700, 1500))
        for x in np.arange(-5600, 5700, apart):
            self.tree(float(x), y, kind, float(self.rng.uniform(420, 780)))
            self.ground.claim(float(x), y, 120)
        self.things.append("a row of trees")

    def _crates(self) -> None:
        rng, b, m = self.rng, self.b, self.m
        crate = m.tiled(tex.boards(self.noise, (164, 128, 86), 5), 60, 60)
        blue = m.flat((52, 96, 146))
        for x in rng.uniform(-4200, 4200, int(rng.integers(4, 26))):
            y = float(rng.uniform(-900, -220))
            if not self.ground.free(np.array([[x, y]]), 110)[0]:
                continue
            self.ground.claim(float(x), y, 130)
            with b.at(float(x), y, 0, float(rng.uniform(0, 90))):
                if rng.random() < 0.6:
                    with b.object("crates"):
                        for k in range(int(rng.integers(2, 7))):
                            dx, dy, z = (k % 2) * 66.0, (k // 2 % 2) * 66.0, (k // 4) * 38.0
                            b.box((dx, dy, z), (dx + 60, dy + 58, z + 36), crate if k % 3 else blue)
                else:
                    with b.object("barrels"):
                        for dx, dy in ((0, 0), (62, 14), (20, 60)):
                            lathe(
                                b,
                                (dx, dy, 0),
                                [(0.5, 84), (25, 84), (28, 58), (28, 26), (25, 0)],
                                blue,
                                14,
                            )

    # What all have

    def _behind(self) -> None:
        rng = self.rng
        if self.style == "container":
            with self.b.object("warehouse"):
                sheet = self.m.tiled(_container_side(self.noise, (150, 156, 160)), 300, 300)
                skin = Skin(
                    wall=sheet,
                    base=self.rust,
                    roof=sheet,
                    trim=self.metal,
                    door=self.dark,
                    pane=self.dark,
                )
                for x in (-4600.0, 0.0, 4600.0):
                    with self.b.at(x, -5300, 0, 90):
                        buildings.house(self.b, skin, (1500, 4100, 900, 260), 4)
            skyline.skyline(self.b, rng, self.m, self.noise, 16000, 36000, 18)
        inland = lambda x, y: ((y < -7600) | (np.abs(x) > 9800)) * (self.height(x, y) > 30) * 1.0  # noqa: E731
        kinds = pick(
            rng, [("pine",), ("linden", "birch"), ("olive", "cypress"), ("spruce", "birch")]
        )
        self.far_trees(
            kinds, (((6600, 14000), 260, 380), ((14000, 42000), 420, 800)), (700, 1200), inland
        )

    def spawn_places(self) -> np.ndarray:
        """Along the quay, looking along it, over the water and back at the houses."""
        rng = self.rng
        x = np.linspace(-3500, 3500, 8) + rng.uniform(-400, 400, 8)
        y = rng.permutation(np.linspace(-1500, -530, 8)) + rng.uniform(-100, 100, 8)
        over = rng.uniform(5, 175, 8)
        back = -rng.uniform(20, 160, 8)
        yaw = np.where(rng.permutation(np.arange(8) < 3), back, over)
        return self.spawns(np.column_stack([x, y, yaw])) + [0, 0, 60.0, 0]

    def caption(self) -> str:
        """One factual sentence."""
        place = {
            "container": "A container quay",
            "fishing": "A fishing harbour",
            "marina": "A marina",
        }
        return (
            f"{place[self.style]} {self.daylight.hour}, with {', '.join(self.things)}, "
            "mooring bollards and lamp posts beside the water."
        )


def _container_side(noise, colour: Colour) -> np.ndarray:
    """Corrugated steel with stains."""
    u, _ = np.meshgrid(np.linspace(0, 1, 512, False), np.linspace(0, 1, 512, False))
    wave = 0.86 + 0.16 * np.clip(np.sin(u * 2 * np.pi * 12) * 3, -1, 1)
    rust = np.clip((noise("cloud") + noise("grain").T - 0.5) * 3, 0, 1)[..., None]
    image = tex.tint(colour, wave * (1 + 0.06 * noise("rough")))
    return image + (tex.tint((120, 76, 54), wave) - image) * 0.6 * rust
