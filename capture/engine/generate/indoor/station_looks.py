"""What underground stations are clad with: tiles, rock, marble, concrete or enamel panels."""

import numpy as np

from capture.engine.generate.indoor.palette import Colour, Palette
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.noise import NoiseBank

CLADDINGS = ("tiled", "rock", "marble", "concrete", "panelled")
_COLOURS: list[Colour] = [
    (196, 60, 48), (44, 92, 140), (60, 120, 84), (226, 168, 50), (110, 70, 120), (70, 130, 136),
    (206, 190, 160), (226, 120, 60), (90, 94, 100), (150, 40, 60), (120, 160, 190), (150, 170, 90),
]  # fmt: skip
_PALE: list[Colour] = [(236, 234, 226), (214, 220, 222), (230, 216, 186), (206, 222, 204)]
_MARBLES: list[Colour] = [
    (214, 206, 192), (190, 150, 130), (150, 160, 150), (226, 222, 214), (120, 100, 92),
]  # fmt: skip
_FLOORS: list[Colour] = [
    (150, 148, 144), (96, 98, 104), (176, 168, 156), (128, 92, 80), (70, 76, 84), (196, 190, 178),
]  # fmt: skip


class StationLook:
    """Materials of one station."""

    def __init__(self, palette: Palette) -> None:
        """Draw a cladding and its colours."""
        p, rng = palette, palette.rng
        self.cladding = p.pick(CLADDINGS)
        first, second = (_COLOURS[i] for i in rng.permutation(len(_COLOURS))[:2])
        self.second = second
        m, noise = p.m, p.noise
        wall, wall_cm, ceiling = getattr(self, f"_{self.cladding}")(palette, first)
        self.tiles: Material = m.tiled(wall, wall_cm)
        self.ceiling: Material = ceiling
        self.accent = p.flat(second)
        band = tex.bricks(noise, second, tex.darker(second, 0.7), 12, 6, 0.06, 0.02)
        self.band = self.tiles if rng.random() < 0.35 else m.tiled(band, 120)
        self.floor = m.tiled(self._floor(palette), 240)
        self.pit = p.concrete((64, 62, 60), 260)
        self.steel, self.dark = p.flat((150, 154, 158)), p.flat((30, 30, 32))
        self.white = p.flat((250, 248, 240))
        self.edge = p.flat(p.pick([(230, 190, 50), (230, 190, 50), (236, 234, 228), (190, 50, 40)]))
        self.stone = p.concrete((160, 156, 150), 200)

    def _tiled(self, p: Palette, first: Colour) -> tuple[np.ndarray, float, Material]:
        colour = p.pick([*_PALE, first, first, first])
        dark = tex.darker(colour, 0.8)
        images = [
            lambda: tex.tiles(p.noise, colour, colour, 8, dark),
            lambda: tex.bricks(p.noise, colour, dark, 12, 6, 0.05, 0.02),
            lambda: tex.tiles(p.noise, colour, tex.darker(colour, 0.86), 6),
            lambda: tex.tiles(p.noise, colour, self.second, 6),
        ]
        top = p.pick([(226, 224, 218), (150, 148, 144), (70, 72, 76), self.second, colour])
        return p.pick(images)(), 160.0, p.concrete(top, 320)

    def _rock(self, p: Palette, first: Colour) -> tuple[np.ndarray, float, Material]:
        """Blasted rock, painted; the ceiling is of the same."""
        image = rock_face(p.noise, first)
        return image, 420.0, p.m.tiled(image, 420)

    def _marble(self, p: Palette, first: Colour) -> tuple[np.ndarray, float, Material]:
        colour = p.pick(_MARBLES)
        veins = np.abs(p.noise("cloud") + 0.4 * p.noise("rough")) < 0.02
        image = tex.bricks(p.noise, colour, tex.darker(colour, 0.7), 4, 2, 0.08, 0.008)
        image = np.where(veins[..., None], image * 0.8, image)
        return image, 300.0, p.plaster(p.pick([(240, 236, 226), (232, 220, 196), (206, 216, 224)]))

    def _concrete(self, p: Palette, first: Colour) -> tuple[np.ndarray, float, Material]:
        tone = p.pick([(150, 148, 144), (120, 118, 116), (176, 170, 160)])
        image = tex.bricks(p.noise, tone, tex.darker(tone, 0.8), 3, 2, 0.05, 0.006)
        return image, 380.0, p.concrete(p.pick([tone, (60, 60, 62)]), 320)

    def _panelled(self, p: Palette, first: Colour) -> tuple[np.ndarray, float, Material]:
        image = tex.tiles(p.noise, first, p.pick([first, tex.darker(first, 0.8)]), 2, (40, 40, 44))
        slats = tex.boards(p.noise, p.pick([(190, 192, 194), (70, 72, 76), (214, 206, 190)]), 16)
        return image, 240.0, p.m.tiled(slats, 240)

    def _floor(self, p: Palette) -> np.ndarray:
        colour = p.pick(_FLOORS)
        images = [
            lambda: tex.tiles(
                p.noise, colour, tex.darker(colour, 0.92), 4, tex.darker(colour, 0.8)
            ),
            lambda: tex.stained_plaster(p.noise, colour),
            lambda: tex.diamond_tiles(p.noise, colour, self.second),
            lambda: tex.tiles(p.noise, colour, tex.darker(colour, 0.6), 4, colour),
            lambda: tex.bricks(p.noise, colour, tex.darker(colour, 0.8), 6, 3, 0.1, 0.02),
        ]
        return p.pick(images)()


def rock_face(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Rough rock under paint, with dark clefts."""
    ridges = np.abs(noise("cloud")) + 0.5 * np.abs(noise("rough"))
    clefts = np.clip(ridges * 5, 0.45, 1)
    shade = clefts * (1 + 0.28 * noise("cloud") + 0.2 * noise("rough") + 0.1 * noise("fine"))
    return tex.tint(colour, shade)
