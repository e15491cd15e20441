"""The ground of a village: its lane, fields and hills, and the skins of its houses."""

import numpy as np
from numpy.typing import ArrayLike

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import Colour, pick, vary
from capture.engine.generate.outdoor.nature import garden, grounds
from capture.engine.generate.outdoor.nature.buildings import Skin
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.daylight import draw_season
from capture.engine.generate.outdoor.nature.fields import smoothstep

ROAM_CM, FINE_CM, OUTER_CM = 4200.0, 5000.0, 90000.0
HOURS = ("noon", "morning", "evening", "overcast", "sunset", "mist", "noon")
# Walls and roofs of a region's houses.
_REGIONS: dict[str, tuple[list[Colour], list[Colour], str]] = {
    "whitewashed": ([(232, 228, 218), (226, 218, 200)], [(168, 92, 64), (150, 84, 60)], "render"),
    "stone": ([(176, 162, 138), (158, 150, 138)], [(96, 96, 102), (112, 100, 92)], "stone"),
    "brick": ([(156, 84, 66), (176, 108, 80)], [(98, 92, 92), (140, 74, 56)], "brick"),
    "timber": (
        [(146, 60, 48), (92, 110, 96), (206, 180, 120)],
        [(74, 74, 78), (104, 82, 68)],
        "boards",
    ),
    "pastel": (
        [(226, 196, 150), (206, 214, 200), (222, 178, 160), (196, 208, 222)],
        [(170, 98, 70), (146, 86, 64)],
        "render",
    ),
}


class VillageLand(Country):
    """Lane, fields and hills; see villages."""

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
        self.clipped = self.m.tiled(tex.grass(self.noise, (62, 88, 46)), 90)  # of hedges
        self.kinds = pick(
            rng,
            [
                ("oak", "linden"),
                ("birch", "maple"),
                ("cherry", "linden"),
                ("poplar", "willow"),
                ("cypress", "olive"),
                ("spruce", "birch"),
            ],
        )

    def lane(self, x: ArrayLike) -> np.ndarray:
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
        plot = (
            np.floor((x + 900 * self.fields.noise(x, y, 9000, 31)) / 5200) * 7
            + np.floor((y + 900 * self.fields.noise(x, y, 9000, 32)) / 3800) * 13
        )
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
        image = pick(
            rng,
            [
                lambda: tex.cobbles(noise, pick(rng, [(150, 142, 132), (158, 136, 118)])),
                lambda: grounds.gravel(noise, (186, 168, 136)),
                lambda: tex.asphalt(noise, (112, 110, 108)),
            ],
        )()
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
            "stone": lambda: m.tiled(
                tex.bricks(noise, colour, tex.darker(colour, 0.72), 9, 4, 0.2, 0.05), 280, 240
            ),
            "brick": lambda: m.tiled(tex.bricks(noise, colour, rows=14), 100, 104),
            "boards": lambda: m.tiled(tex.boards(noise, colour), 240, 180),
        }
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
            Skin(
                wall=self._wall(vary(rng, colour, 10)),
                base=base,
                roof=made[k % 2],
                trim=m.flat(pick(rng, [(236, 232, 222), (104, 78, 56), (206, 196, 176)])),
                door=m.flat(
                    vary(
                        rng,
                        pick(rng, [(52, 84, 110), (120, 48, 42), (58, 92, 70), (96, 66, 44)]),
                        10,
                    )
                ),
                pane=m.flat((54, 64, 74)),
            )
            for k, colour in enumerate([*walls, *walls])
        ]
