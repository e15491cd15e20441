"""What mountain meadows are covered with: grass, heather, moor, scree, wood, walled pasture."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import Colour


@dataclass(frozen=True, kw_only=True)
class Cover:
    """What grows and lies on the valley's floor."""

    words: str  # of the ground, for the caption
    green: dict[str, Colour]  # of a season; "" for the others
    dry: Colour = (150, 138, 82)
    flowers: float = 0.25  # in the grass's texture
    heads: tuple[Colour, ...] = ((232, 206, 70), (196, 92, 140), (238, 238, 232))
    blooms: float = 1.0  # times the flowers that stand up
    stony: float = 0.0  # more bare stone
    rocks: float = 1.0  # times as many
    trees: float = 1.0  # times as many near the camera
    grass: float = 1.0
    walls: bool = False  # dry-stone walls


_GRASS = {"spring": (98, 128, 52), "autumn": (150, 118, 62), "winter": (128, 116, 70),
          "": (88, 114, 46)}  # fmt: skip
COVERS = (
    Cover(words="meadow", green=_GRASS),
    Cover(
        words="heath of heather",
        green={"spring": (98, 92, 64), "autumn": (118, 88, 72), "": (106, 82, 96)},
        dry=(112, 104, 62),
        flowers=0.0,
        heads=((150, 84, 140), (172, 104, 150)),
        blooms=4.0,
        trees=0.3,
    ),
    Cover(
        words="field of scree",
        green={"": (104, 104, 84)},
        dry=(136, 128, 112),
        flowers=0.0,
        blooms=0.2,
        stony=0.55,
        rocks=3.2,
        trees=0.15,
        grass=0.25,
    ),
    Cover(
        words="open wood",
        green={"autumn": (126, 104, 58), "": (78, 98, 48)},
        dry=(112, 92, 60),
        flowers=0.0,
        blooms=0.3,
        trees=5.0,
        grass=0.7,
    ),
    Cover(
        words="moor",
        green={"spring": (108, 112, 58), "autumn": (140, 104, 60), "": (112, 104, 58)},
        dry=(94, 78, 52),
        flowers=0.0,
        heads=((238, 238, 232),),  # cotton grass
        blooms=3.0,
        trees=0.0,
        grass=1.3,
    ),
    Cover(
        words="meadow full of flowers",
        green={**_GRASS, "": (96, 122, 50)},
        flowers=0.9,
        heads=((232, 206, 70), (206, 60, 70), (106, 108, 196), (238, 238, 232)),
        blooms=3.0,
        rocks=0.4,
    ),
    Cover(
        words="pasture between dry-stone walls",
        green={**_GRASS, "": (104, 126, 58)},
        rocks=0.7,
        trees=0.5,
        walls=True,
    ),
)


def dry_stone_wall(
    b: MeshBuilder, rng: np.random.Generator, line: np.ndarray, stone: Material
) -> None:
    """A wall of loose stones along points (N,3) of the ground, about 95 high."""
    for start, end in zip(line[:-1], line[1:], strict=True):
        way = end - start
        count = max(1, int(np.linalg.norm(way[:2]) // 48))
        yaw = float(np.degrees(np.arctan2(way[1], way[0])))
        step = float(np.linalg.norm(way[:2])) / count
        for k in range(count):
            x, y, z = start + way * (k + 0.5) / count
            with b.at(x, y, z, yaw + rng.normal(0, 2)):
                high = 88 + rng.normal(0, 8)
                b.box((-step / 2 - 1, -24, -50), (step / 2 + 1, 24, high), stone, 200, "-z")
