"""Materials of homes: moods, walls, floors, furniture, what is seen outside."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.indoor.furniture import Style
from capture.engine.generate.indoor.interior import Finish
from capture.engine.generate.kit import pictures as pic
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.noise import NoiseBank

WALLS = [
    (226, 220, 206), (206, 214, 204), (200, 212, 222),
    (228, 206, 190), (220, 214, 226), (232, 222, 188),
    (190, 204, 196), (214, 196, 184), (236, 232, 226),
]  # fmt: skip
ACCENTS = [
    (150, 74, 62), (58, 96, 112), (92, 116, 84), (204, 158, 78), (112, 84, 122), (64, 72, 96),
    (184, 116, 92), (70, 120, 118), (164, 132, 98), (198, 130, 140),
]  # fmt: skip
WOODS = [
    (176, 128, 82),
    (134, 92, 58),
    (206, 170, 124),
    (96, 64, 44),
    (188, 148, 104),
    (150, 112, 84),
]
FLOORS = [(182, 138, 92), (150, 106, 68), (206, 172, 130), (118, 82, 56), (168, 146, 122)]


@dataclass(frozen=True)
class Mood:
    """What all rooms of a home have in common."""

    word: str
    tone: float  # of the walls: 1 as they are, less is darker, more is paler
    accent: str  # of one wall a room: "paint", "paper", "brick", "planks" or "plain"
    ceiling: tuple[int, int, int]
    trim: tuple[int, int, int]
    frame: tuple[int, int, int]
    pane_cm: float
    beams: bool
    height: tuple[int, int]


MOODS = (
    Mood("colourful", 1.0, "paint", (240, 238, 233), (236, 234, 228), (236, 234, 228), 75, False,
         (250, 272)),
    Mood("pale", 1.6, "plain", (244, 243, 240), (242, 241, 238), (206, 178, 140), 110, False,
         (254, 290)),
    Mood("dark-walled", 0.55, "paint", (214, 208, 198), (70, 66, 62), (48, 48, 50), 95, False,
         (260, 310)),
    Mood("loft-like", 1.1, "brick", (168, 166, 162), (90, 90, 92), (44, 46, 48), 60, False,
         (300, 350)),
    Mood("rustic", 1.15, "planks", (206, 184, 150), (134, 96, 64), (120, 84, 54), 50, True,
         (246, 268)),
    Mood("papered", 1.0, "paper", (236, 230, 216), (228, 218, 196), (238, 234, 224), 60, False,
         (290, 330)),
)  # fmt: skip


def toned(colour: tuple[int, int, int], tone: float) -> tuple[int, int, int]:
    """A colour made darker (tone below 1) or paler (above)."""
    if tone <= 1:
        return tex.darker(colour, tone)
    red, green, blue = (int(255 - (255 - c) / tone**2) for c in colour)
    return red, green, blue


class HomePalette:
    """Makes the materials of a home; no two rooms get the same walls."""

    def __init__(self, rng: np.random.Generator, mood: Mood) -> None:
        self.mood = mood
        self.rng, self.m, self.noise = rng, Materials(), NoiseBank(rng)
        self.walls = [toned(WALLS[i], mood.tone) for i in rng.permutation(len(WALLS))]
        self.accents = [ACCENTS[i] for i in rng.permutation(len(ACCENTS))]
        self.woods = [
            self.m.tiled(tex.wood(self.noise, pic.vary(rng, WOODS[i], 8)), 140)
            for i in rng.permutation(len(WOODS))[:4]
        ]
        self.books = self.m.atlas(pic.spines(rng), 8, 8)
        self.art = self.m.atlas([pic.painting(rng) for _ in range(32)], 2, 2)
        self.screens = [self.art.pop() for _ in range(8)]
        self.rugs = self.m.atlas([pic.rug(rng) for _ in range(8)], 2, 2)
        self.leaves = self.m.tiled(tex.foliage(rng, (72, 128, 58), 80, 0.12), 100)
        ceiling = tex.plaster(self.noise, mood.ceiling, 0.6)
        if mood.accent == "planks":
            ceiling = tex.planks(self.noise, mood.ceiling)
        self.ceiling = self.m.tiled(ceiling, 300)
        self.beam = self.m.tiled(tex.wood(self.noise, (96, 66, 44)), 140)
        self.counters = self.m.tiled(
            tex.stained_plaster(
                self.noise, pic.pick(rng, [(70, 70, 74), (196, 192, 184), (124, 104, 86)])
            ),
            90,
        )
        self.base_floor = pic.pick(rng, FLOORS)

    def finish(self, kind: str, index: int) -> Finish:
        """Walls, floor and curtains of the room number `index`."""
        colour, accent = self.walls[index % len(WALLS)], self.accents[index % len(ACCENTS)]
        plain = self.m.tiled(tex.plaster(self.noise, colour), 220)
        special = plain
        if kind == "bath":
            plain = self.m.tiled(
                tex.tiles(
                    self.noise, colour, pic.vary(self.rng, accent, 10) if index % 2 else colour, 6
                ),
                120,
            )
            special = self.m.tiled(tex.tiles(self.noise, accent, accent, 6), 90)
        else:
            special, papered = self._accent(colour, accent, index)
            day = kind in ("bedroom", "dining") or self.mood.accent == "paper"
            plain = special if papered and day and index % 2 else plain
        cloth = (
            tex.striped_fabric(self.noise, accent, colour)
            if index % 2
            else tex.fabric(self.noise, pic.vary(self.rng, accent, 30))
        )
        hanging = None if kind in ("bath", "kitchen") else self.m.tiled(cloth, 80)
        trim, frame = self.m.flat(self.mood.trim), self.m.flat(self.mood.frame)
        return Finish(self._floor(kind), plain, special, self.ceiling, trim, hanging, frame,
                      self.mood.pane_cm)  # fmt: skip

    def _accent(self, colour, accent, index: int) -> tuple[Material, bool]:
        """One wall of a room, and whether it is papered."""
        kind = self.mood.accent
        if kind == "brick" and index % 2 == 0:
            bricks = pic.pick(self.rng, [(158, 90, 70), (186, 130, 100), (206, 200, 190)])
            return self.m.tiled(tex.bricks(self.noise, bricks, rows=14), 100), False
        if kind == "planks" and index % 2 == 0:
            wood = pic.vary(self.rng, (168, 124, 82), 16)
            return self.m.tiled(tex.boards(self.noise, wood), 160), False
        if kind == "plain" and index % 4:
            return self.m.tiled(tex.plaster(self.noise, colour), 220), False
        if kind == "paint" and index % 3 == 0:
            return self.m.tiled(tex.plaster(self.noise, accent), 220), False
        ink = pic.mix(colour, accent)
        paper = tex.wallpaper(self.noise, colour, ink, int(self.rng.integers(6)))
        return self.m.tiled(paper, 110), True

    def _floor(self, kind: str) -> Material:
        if kind in ("kitchen", "bath"):
            a, c = (
                pic.vary(self.rng, (214, 208, 198), 14),
                pic.vary(
                    self.rng, pic.pick(self.rng, [(90, 90, 94), (150, 110, 88), (96, 118, 126)]), 14
                ),
            )
            make = pic.pick(self.rng, [tex.tiles, tex.diamond_tiles])
            return self.m.tiled(make(self.noise, a, c), 132)
        if kind in ("bedroom", "child") and self.rng.random() < 0.5:
            return self.m.tiled(
                tex.carpet(
                    self.noise,
                    pic.vary(
                        self.rng,
                        pic.pick(self.rng, [(168, 158, 144), (120, 130, 142), (150, 126, 112)]),
                    ),
                ),
                120,
            )
        colour = pic.vary(self.rng, self.base_floor, 12)
        if kind in ("dining", "study", "hall") and self.rng.random() < 0.5:
            return self.m.tiled(tex.herringbone(self.noise, colour), 160)
        return self.m.tiled(tex.planks(self.noise, colour), 240, 120)

    def style(self, index: int) -> Style:
        """Furniture materials of the room number `index`."""
        rng, flat = self.rng, self.m.flat
        cloth = self.accents[(index + 3) % len(ACCENTS)]
        first, second = self.woods[index % 4], self.woods[(index + 1 + index // 4) % 4]
        front = (
            first
            if rng.random() < 0.5
            else flat(
                pic.vary(
                    rng,
                    pic.pick(
                        rng,
                        [
                            (232, 230, 224),
                            (86, 112, 118),
                            (112, 128, 104),
                            (196, 186, 170),
                            (60, 72, 92),
                        ],
                    ),
                )
            )
        )
        return Style(
            wood=first,
            second_wood=second,
            front=front,
            counter=self.counters,
            leaves=self.leaves,
            cloth=self.m.tiled(tex.fabric(self.noise, pic.vary(rng, cloth, 20)), 60),
            second_cloth=self.m.tiled(
                tex.striped_fabric(self.noise, self.accents[(index + 5) % 10], (228, 222, 208)), 50
            ),
            linen=flat((230, 228, 222)),
            metal=flat((150, 152, 156)),
            white=flat((238, 238, 236)),
            dark=flat((38, 36, 38)),
            pot=flat(
                pic.vary(
                    rng,
                    pic.pick(rng, [(186, 104, 74), (222, 218, 210), (60, 84, 110), (104, 120, 92)]),
                )
            ),
            shade=flat((246, 226, 190)),
            books=self.books,
            screen=self.screens[index % 8],
        )

    def outside(self) -> dict[str, Material]:
        """What is seen through the windows."""
        return {
            "facade": self.m.flat((206, 198, 184)),
            "lawn": self.m.tiled(tex.grass(self.noise), 260),
            "fence": self.m.tiled(
                tex.boards(self.noise, pic.vary(self.rng, (140, 108, 80), 16)), 160
            ),
            "hedge": self.m.tiled(tex.grass(self.noise, (56, 92, 42)), 110),
            "brick": self.m.tiled(
                tex.bricks(self.noise, pic.vary(self.rng, (158, 90, 70), 14)), 100, 90
            ),
            "leaves": self.m.tiled(
                tex.foliage(self.rng, pic.vary(self.rng, (84, 124, 56), 16)), 100
            ),
        }
