"""The land of a desert: canyon, mesas, pillars, badlands, dunes, an oasis or a salt pan."""

import numpy as np

from capture.engine.generate.kit.pictures import Colour, pick
from capture.engine.generate.outdoor.nature.country import Country
from capture.engine.generate.outdoor.nature.fields import smoothstep

ROAM_CM, FINE_CM, OUTER_CM = 4000.0, 4700.0, 120000.0
# What follows the seed in turns of coprime lengths: no two of many seeds share all of it.
STYLES = ("canyon", "oasis", "hoodoos", "salt", "mesas", "dunes", "badlands")
BUILT = ("hut", "nothing", "ruin")
HOURS = ("noon", "evening", "morning", "sunset")
# Of the rock: its layers, and the sand that it becomes.
ROCKS: list[tuple[list[Colour], Colour]] = [
    (
        [(178, 92, 58), (200, 118, 74), (156, 76, 50), (214, 150, 104), (186, 100, 62)],
        (206, 138, 92),
    ),
    ([(206, 176, 132), (188, 152, 108), (220, 196, 156), (170, 134, 96)], (220, 194, 148)),
    (
        [(150, 108, 84), (176, 134, 104), (132, 92, 76), (196, 160, 128), (146, 112, 98)],
        (192, 158, 122),
    ),
    ([(190, 128, 70), (216, 162, 98), (168, 104, 58), (228, 186, 128)], (222, 176, 116)),
    (
        [(104, 96, 100), (128, 116, 112), (86, 80, 86), (150, 136, 126), (110, 92, 98)],
        (158, 144, 130),
    ),
]


def traits(seed: int) -> tuple[str, tuple[list[Colour], Colour], str, str]:
    """Style, rock, building and hour of the desert of a seed."""
    return (
        STYLES[seed % len(STYLES)],
        ROCKS[seed % len(ROCKS)],
        BUILT[seed % len(BUILT)],
        HOURS[seed % len(HOURS)],
    )


class DesertLand(Country):
    """The land of one desert; see deserts."""

    def __init__(self, rng: np.random.Generator, seed: int) -> None:
        """Style, rock and what stands there follow the seed; the rest is drawn."""
        self.style, (self.layers, self.sand_colour), self.built, hour = traits(seed)
        super().__init__(rng, "summer", (hour,), ROAM_CM, 2.2, snow=False)
        self.way = float(rng.uniform(0, np.pi))
        self.wide = float(rng.uniform(1200, 4200))
        self.tall = float(rng.uniform(900, 4400))
        self.steps = float(rng.uniform(2.2, 6.5))  # ledges of a cliff
        self.bend = float(rng.uniform(400, 1500)), float(rng.uniform(0, 6.28))
        self.pond_size = float(rng.uniform(900, 1500))
        bare = self.style in ("oasis", "dunes", "salt")
        self.cacti = 0 if bare else int(pick(rng, [0, 6, 20, 50]))
        self.growth = float(rng.uniform(0.1, 1.6))  # of scrub and grass
        self.growth *= {"salt": 0.1, "dunes": 0.15}.get(self.style, 1.0)
        self.things: list[str] = []

    def turned(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places along and across the valley."""
        c, s = np.cos(self.way), np.sin(self.way)
        u = c * x + s * y
        return u, c * y - s * x - self.bend[0] * np.sin(u / 3200 + self.bend[1])

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The ground of the style."""
        return getattr(self, f"_{self.style}_height")(np.asarray(x, float), np.asarray(y, float))

    def _floor(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 130 * self.fields.fractal(x, y, 2600, 3) + 10 * self.fields.noise(x, y, 330, 7)

    def _terraced(self, rise: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cliffs with ledges where `rise` goes from 0 to 1."""
        steps = self.steps
        place = rise * steps
        ledge = np.floor(place) + smoothstep(0.25, 0.8, place % 1)
        shape = 0.82 * ledge / steps + 0.18 * rise
        rough = 1 + 0.13 * self.fields.noise(x, y, 2400, 17)
        return self.tall * shape * rough

    def _canyon_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        _, v = self.turned(x, y)
        edge = np.abs(v) + 620 * self.fields.fractal(x, y, 2300, 4, 20)
        rise = np.clip((edge - self.wide) / 1150, 0, 1)
        far = np.hypot(x, y)
        plateau = 5200 * smoothstep(9000, 60000, far) * self.fields.ridges(x, y, 30000, 4, 8)
        return self._floor(x, y) * (1 - 0.6 * rise) + self._terraced(rise, x, y) + plateau

    def _mesas_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        far = np.hypot(x, y)
        field = self.fields.fractal(x, y, 17000, 3, 20) + 0.25 * self.fields.noise(x, y, 2600, 25)
        rise = np.clip((field - 0.28) / 0.16, 0, 1) * smoothstep(4200, 7000, far)
        skirt = smoothstep(0.0, 0.3, field) * smoothstep(4200, 8000, far)
        return self._floor(x, y) + 900 * skirt + 2.4 * self._terraced(rise, x, y)

    def _hoodoos_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self._mesas_height(x, y) - 0.4 * self._floor(x, y)

    def _salt_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        far = np.hypot(x, y)
        hills = 7000 * smoothstep(14000, 50000, far) * self.fields.ridges(x, y, 26000, 4, 8)
        return 0.16 * self._floor(x, y) + 40 * smoothstep(4600, 7000, far) + hills

    def _badlands_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        _, v = self.turned(x, y)
        rise = smoothstep(0.1 * self.wide, 0.9 * self.wide + 900, np.abs(v))
        hills = self.fields.ridges(x, y, 2900, 4, 12)
        far = 4200 * smoothstep(9000, 60000, np.hypot(x, y)) * self.fields.ridges(x, y, 21000, 4, 8)
        return 0.5 * self._floor(x, y) + rise * hills * (500 + 0.35 * self.tall) + far

    def _dunes_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = self.turned(x, y)
        crest = 1 - _rounded(self.fields.fractal(u, v * 0.5, 4300, 2, 20))
        near = 0.25 + 0.75 * smoothstep(900, 5000, np.hypot(x, y))
        return 0.3 * self._floor(x, y) + crest**3 * (700 + 0.4 * self.tall) * near

    def _oasis_height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = self.turned(x, y)
        far = np.hypot(x, y)
        dune = 1 - _rounded(self.fields.fractal(u, v * 0.5, 5200, 2, 20))
        dunes = dune**3 * 1500 * smoothstep(2200, 7500, far)
        big = 5200 * smoothstep(15000, 60000, far) * self.fields.ridges(x, y, 30000, 3, 8)
        return 0.5 * self._floor(x, y) + dunes + big - 190 * self.wet(x, y)

    def wet(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 in the oasis's pond."""
        far = np.hypot(x - 600, y + 300) + 330 * self.fields.fractal(x, y, 1900, 2, 70)
        return 1 - smoothstep(0.55 * self.pond_size, self.pond_size, far)


def _rounded(value: np.ndarray) -> np.ndarray:
    """The amount of a value, without the kink at 0 that cells of land would show as teeth."""
    return np.sqrt(value**2 + 0.006)
