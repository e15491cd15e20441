"""Materials of towns: houses that all differ, streets, and what stands in them."""

import numpy as np

from capture.engine.generate.kit import pictures as pic
from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.generate.outdoor.facades import House, Look
from capture.engine.generate.outdoor.nature.grounds import snow

SHOPS = [
    "BAKERY", "BOOKS & MAPS", "CAFE LUNA", "FLORIST", "PHARMACY", "HARDWARE", "FISH MARKET",
    "BARBER", "TOYS", "WINE CELLAR", "OPTICIAN", "TAILOR", "RECORDS", "BICYCLES", "ANTIQUES",
    "TEA HOUSE", "PIZZERIA", "SHOES", "CAMERAS", "BUTCHER", "HOTEL ROMA", "PAPERS & INK",
    "CLOCKMAKER", "GREENGROCER", "MUSIC SHOP", "LOCKSMITH", "LAUNDRY", "GALLERY 21", "CHEESE & CO",
    "THE OLD FOX", "NOODLE BAR", "PRINT WORKS",
]  # fmt: skip
EVENTS = [
    ("OPERA", "SATURDAY AT 8"), ("CIRCUS", "ON THE GREEN"),
    ("JAZZ", "ALL NIGHT"), ("MARKET", "EVERY FRIDAY"),
    ("MUSEUM", "OPEN DAILY"), ("RACE DAY", "RIVER ROAD"),
    ("CINEMA", "NEW FILMS"), ("VOTE", "ON SUNDAY"),
]  # fmt: skip
BRICKS = [
    (150, 78, 62),
    (176, 112, 82),
    (122, 70, 60),
    (196, 158, 112),
    (142, 98, 88),
    (110, 84, 78),
]
RENDERS = [
    (226, 206, 168), (214, 164, 134), (184, 202, 206),
    (226, 220, 208), (200, 176, 120), (188, 202, 172),
    (216, 182, 180), (168, 186, 176), (232, 214, 150),
    (176, 160, 176), (150, 176, 196), (206, 130, 104),
]  # fmt: skip
PAINTS = [
    (44, 68, 84),
    (120, 44, 40),
    (46, 84, 62),
    (36, 38, 44),
    (150, 104, 56),
    (84, 56, 88),
    (34, 92, 120),
    (178, 142, 60),
]
CAR_PAINTS = [
    (176, 30, 32), (32, 70, 132), (226, 226, 224),
    (62, 66, 72), (150, 154, 158), (52, 104, 78), (214, 158, 40),
    (118, 160, 184), (140, 60, 84), (206, 190, 160),
]  # fmt: skip


WALLS = ("mixed", "mixed", "brick", "render", "stone")  # what a town's houses are built of


class TownPalette:
    """Makes a town's materials; walls, signs and posters are used once.

    `walls` is one of WALLS; with `snow`, roofs and what is on the ground are white.
    """

    def __init__(self, rng: np.random.Generator, walls: str = "mixed", snow: bool = False) -> None:
        self.rng, self.m, self.noise, self.snow = rng, Materials(), NoiseBank(rng), snow
        m, noise = self.m, self.noise
        names = [SHOPS[i] for i in rng.permutation(len(SHOPS))]
        self.signs = m.atlas([self._sign(name) for name in names[:24]], 1, 8)
        self.panes = m.atlas([pic.house_window(rng) for _ in range(32)], 4, 4)
        self.shops = m.atlas([pic.shop_window(rng) for _ in range(16)], 2, 2)
        self.posters = m.atlas(
            [pic.poster(rng, EVENTS[i]) for i in rng.permutation(len(EVENTS))], 2, 2
        )
        self.roofs = [
            m.tiled(self.snowed(tex.roof_tiles(noise, pic.vary(rng, c, 12)), 0.8), 260)
            for c in ((158, 84, 62), (92, 92, 100), (120, 78, 66))
        ]
        self.flat_roof = m.tiled(self.snowed(tex.asphalt(noise, (128, 124, 118)), 0.8), 300)
        self.bases = [
            m.tiled(
                tex.bricks(noise, pic.vary(rng, c, 12), tex.darker(c, 0.8), 6, 3, 0.07, 0.03),
                240,
                260,
            )
            for c in ((196, 186, 168), (160, 156, 152), (206, 178, 148))
        ]
        self.bases += [m.tiled(tex.plaster(noise, pic.pick(rng, PAINTS)), 240) for _ in range(4)]
        self.awnings = [
            m.tiled(tex.striped_fabric(noise, pic.vary(rng, PAINTS[i]), (232, 226, 212), 4), 160)
            for i in rng.permutation(8)[:5]
        ]
        self.leaves = [
            m.tiled(tex.foliage(rng, pic.vary(rng, c, 12), 300, 0.07), 100)
            for c in ((88, 128, 54), (112, 138, 60), (70, 108, 58))
        ]
        self.bark = m.tiled(
            tex.bricks(noise, (104, 88, 72), (66, 54, 44), 3, 9, 0.2, 0.06), 50, 180
        )
        self.wood = m.tiled(tex.wood(noise, (150, 104, 66)), 120)
        self.hedge = m.tiled(self.snowed(tex.grass(noise, (66, 100, 48)), 0.5), 80)
        self._walls = self._wall_choices(walls)

    def snowed(self, image: np.ndarray, share: float) -> np.ndarray:
        """The texture under snow, where there is any; `share` says how much covers it."""
        return image * (1 - share) + snow(self.noise) * share if self.snow else image

    def flat(self, colour: tuple[int, int, int], amount: int = 0) -> Material:
        """A plain colour, varied by `amount`."""
        return self.m.flat(pic.vary(self.rng, colour, amount) if amount else colour)

    def house(self, width: float, storeys: tuple[int, int]) -> House:
        """A random house shape."""
        rng = self.rng
        columns = max(2, int(width // rng.uniform(210, 290)))
        gable = bool(rng.random() < 0.6)
        size = float(rng.integers(90, 126)), float(rng.integers(150, 200))
        feature = pic.pick(
            rng, ["shutters", "balconies", "lintels", "surrounds", "plain", "lintels", "shutters"]
        )
        room = (width - 60) / columns
        if feature == "shutters" and room < 2 * size[0] + 14:
            feature = "surrounds"
        if feature == "balconies" and room < size[0] + 90:
            feature = "lintels"
        count = int(rng.integers(storeys[0], storeys[1] + 1))
        return House(
            width,
            1000.0,
            count,
            float(rng.integers(300, 350)),
            columns,
            size,
            bool(rng.random() < 0.68),
            gable,
            feature,
        )

    def look(self, house: House) -> Look:
        """Materials of a house that no other house has in this combination."""
        rng = self.rng
        trim = self.flat(
            pic.pick(rng, [(232, 226, 214), (206, 196, 178), (176, 170, 162), (120, 84, 70)]), 10
        )
        door = self.flat(pic.pick(rng, PAINTS), 16)
        wall = self._walls.pop() if self._walls else self.bases[0]
        return Look(
            wall=wall,
            base=pic.pick(rng, self.bases) if house.shop or rng.random() < 0.4 else wall,
            trim=trim,
            frame=self.flat(
                pic.pick(
                    rng,
                    [(238, 236, 230), (238, 236, 230), (60, 56, 54), (110, 74, 52), (70, 92, 88)],
                ),
                6,
            ),
            door=door,
            roof=pic.pick(rng, self.roofs) if house.gable else self.flat_roof,
            shutter=self.flat(pic.pick(rng, PAINTS), 20),
            awning=pic.pick(rng, self.awnings),
            sign=self.signs.pop() if self.signs else door,
            panes=self.panes,
            shop=[self.shops[i] for i in rng.permutation(len(self.shops))[:5]],
            metal=self.flat((44, 46, 50)),
            plant=self.hedge,
        )

    def _sign(self, name: str) -> np.ndarray:
        ground, ink = (
            pic.pick(self.rng, PAINTS),
            pic.pick(self.rng, [(240, 226, 180), (244, 244, 240), (236, 190, 90)]),
        )
        if self.rng.random() < 0.3:
            ground, ink = (238, 230, 210), ground
        return pic.sign(name, ground, ink)

    def _wall_choices(self, kind: str) -> list[Material]:
        """About twenty-six different walls in random order."""
        rng, noise, m = self.rng, self.noise, self.m
        stones = [(206, 190, 160), (172, 170, 166)]
        if kind == "stone":
            stones = [(206, 190, 160), (172, 170, 166), (190, 172, 146), (150, 144, 136)] * 4
        bricks, renders = BRICKS, RENDERS
        if kind != "mixed":
            bricks = BRICKS * 3 if kind == "brick" else BRICKS[:2]
            renders = RENDERS * 2 if kind == "render" else RENDERS[:4]
        walls = [
            m.tiled(tex.bricks(noise, pic.vary(rng, c, 14), rows=14), 100, 104) for c in bricks
        ]
        walls += [m.tiled(tex.stained_plaster(noise, pic.vary(rng, c, 14)), 420) for c in renders]
        walls += [
            m.tiled(
                tex.bricks(noise, pic.vary(rng, c, 10), tex.darker(c, 0.82), 8, 4, 0.1, 0.03),
                300,
                260,
            )
            for c in stones
        ]
        if kind in ("mixed", "render"):
            walls += [
                m.tiled(tex.boards(noise, pic.vary(rng, c, 10)), 220, 180)
                for c in ((188, 200, 206), (206, 186, 150))
            ]
        return [walls[i] for i in rng.permutation(len(walls))]
