"""Materials that public interiors share: woods, cloths, pictures, leaves, and furniture styles."""

from functools import cached_property

import numpy as np

from capture.engine.generate.indoor.furniture import Style
from capture.engine.generate.kit import pictures as pic
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.noise import NoiseBank

Colour = tuple[int, int, int]

ACCENTS: list[Colour] = [
    (150, 74, 62), (58, 96, 112), (92, 116, 84), (204, 158, 78), (112, 84, 122), (64, 72, 96),
    (184, 116, 92), (70, 120, 118), (164, 132, 98), (198, 130, 140), (196, 84, 52), (44, 92, 140),
    (60, 60, 64), (122, 146, 110),
]  # fmt: skip
WOODS: list[Colour] = [
    (176, 128, 82), (134, 92, 58), (206, 170, 124), (96, 64, 44), (188, 148, 104), (150, 112, 84),
    (214, 190, 156), (72, 52, 40),
]  # fmt: skip
BRICKS: list[Colour] = [
    (158, 90, 70), (176, 112, 86), (128, 78, 66), (196, 170, 140), (216, 210, 200), (96, 84, 80),
]  # fmt: skip


class Palette:
    """Makes the materials of one building from its seed's random numbers, those that are used."""

    def __init__(self, rng: np.random.Generator, pictures: int = 16, old: bool = False) -> None:
        """`pictures` paintings can be hung; only old-fashioned ones where `old`."""
        self.rng, self.m, self.noise = rng, Materials(), NoiseBank(rng)
        self.accents = [ACCENTS[i] for i in rng.permutation(len(ACCENTS))]
        self._pictures, self._old = pictures, old

    @cached_property
    def woods(self) -> list[Material]:
        """Three furniture woods."""
        chosen = [WOODS[i] for i in self.rng.permutation(len(WOODS))[:3]]
        grains = [tex.wood(self.noise, pic.vary(self.rng, colour, 8)) for colour in chosen]
        return [self.m.tiled(grain, 140) for grain in grains]

    @cached_property
    def books(self) -> list[Material]:
        """Spines of books."""
        return self.m.atlas(pic.spines(self.rng), 8, 8)

    @cached_property
    def art(self) -> list[Material]:
        """Paintings, square."""
        made = [pic.painting(self.rng, old=self._old) for _ in range(self._pictures)]
        return self.m.atlas(made, 2, 2)

    @cached_property
    def screen(self) -> Material:
        """What televisions show: a picture, also when all the others have been hung."""
        return self.art[0]

    @cached_property
    def leaves(self) -> Material:
        """A clump of leaves with holes."""
        colour = pic.vary(self.rng, (72, 124, 58), 14)
        return self.m.tiled(tex.foliage(self.rng, colour, 80, 0.12), 100)

    def flat(self, colour: Colour, amount: int = 0) -> Material:
        """A plain colour, varied by `amount`."""
        return self.m.flat(pic.vary(self.rng, colour, amount) if amount else colour)

    def pick(self, choices):
        """One of `choices`."""
        return pic.pick(self.rng, choices)

    def plaster(self, colour: Colour, amount: int = 6, size_cm: float = 240) -> Material:
        """A painted wall."""
        return self.m.tiled(tex.plaster(self.noise, pic.vary(self.rng, colour, amount)), size_cm)

    def brick(self, colour: Colour | None = None) -> Material:
        """A brick wall."""
        colour = colour or self.pick(BRICKS)
        return self.m.tiled(tex.bricks(self.noise, pic.vary(self.rng, colour, 10), rows=14), 100)

    def concrete(self, colour: Colour = (150, 148, 144), size_cm: float = 300) -> Material:
        """Cast concrete with clouds."""
        image = tex.stained_plaster(self.noise, pic.vary(self.rng, colour, 6))
        return self.m.tiled(0.5 * image + 0.5 * image.mean((0, 1)), size_cm)

    def stone(self, colour: Colour, rows: int = 6, columns: int = 3, size_cm=240.0) -> Material:
        """Coursed ashlar."""
        image = tex.bricks(
            self.noise, pic.vary(self.rng, colour, 8), tex.darker(colour, 0.78), rows, columns,
            0.08, 0.02,
        )  # fmt: skip
        return self.m.tiled(image, size_cm)

    def style(self, index: int = 0) -> Style:
        """Furniture materials; another number, other cloths."""
        rng, flat = self.rng, self.m.flat
        cloth = self.accents[(index + 3) % len(ACCENTS)]
        second = self.accents[(index + 5) % len(ACCENTS)]
        front = self.pick([(232, 230, 224), (86, 112, 118), (112, 128, 104), (60, 72, 92)])
        return Style(
            wood=self.woods[index % 3],
            second_wood=self.woods[(index + 1) % 3],
            front=self.woods[index % 3] if rng.random() < 0.4 else self.flat(front, 14),
            counter=self.flat(self.pick([(70, 70, 74), (196, 192, 184), (124, 104, 86)])),
            leaves=self.leaves,
            cloth=self.m.tiled(tex.fabric(self.noise, pic.vary(rng, cloth, 20)), 60),
            second_cloth=self.m.tiled(tex.fabric(self.noise, pic.vary(rng, second, 20)), 50),
            linen=flat((230, 228, 222)),
            metal=flat((150, 152, 156)),
            white=flat((238, 238, 236)),
            dark=flat((38, 36, 38)),
            pot=self.flat(self.pick([(186, 104, 74), (222, 218, 210), (60, 84, 110)]), 12),
            shade=flat((246, 226, 190)),
            books=self.books,
            screen=self.screen,
        )
