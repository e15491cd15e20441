"""Kinds of forest: which trees, how tall and how dense, on what soil and under what leaves."""

from dataclasses import dataclass, replace

import numpy as np

from capture.engine.generate.kit.pictures import Colour


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of forest."""

    words: str
    trees: tuple[str, ...]
    height: tuple[float, float]
    count: int
    soil: Colour
    litter: tuple[Colour, ...]
    undergrowth: tuple[str, ...]
    moss: float
    mild: bool = False  # it knows no snow


KINDS = (
    Kind(
        words="spruce and fir forest",
        trees=("spruce", "spruce", "fir"),
        height=(900, 1900),
        count=230,
        soil=(74, 60, 46),
        litter=((106, 80, 54), (88, 96, 50)),
        undergrowth=("fern", "moss", "grass"),
        moss=0.5,
    ),
    Kind(
        words="beech forest",
        trees=("beech", "beech", "oak", "beech"),
        height=(1100, 1900),
        count=150,
        soil=(92, 70, 50),
        litter=((158, 104, 62), (128, 82, 48)),
        undergrowth=("fern", "sapling"),
        moss=0.3,
    ),
    Kind(
        words="birch wood",
        trees=("birch", "birch", "birch", "pine"),
        height=(900, 1500),
        count=210,
        soil=(96, 92, 60),
        litter=((126, 122, 66), (104, 116, 58)),
        undergrowth=("grass", "grass", "flower", "fern"),
        moss=0.35,
    ),
    Kind(
        words="pine wood",
        trees=("pine", "pine", "pine", "birch"),
        height=(1200, 2000),
        count=165,
        soil=(128, 104, 74),
        litter=((150, 112, 74), (116, 104, 66)),
        undergrowth=("grass", "bush", "moss"),
        moss=0.15,
    ),
    Kind(
        words="mixed forest",
        trees=("oak", "spruce", "maple", "linden", "fir", "maple"),
        height=(900, 1800),
        count=165,
        soil=(88, 70, 50),
        litter=((140, 98, 58), (96, 96, 50)),
        undergrowth=("fern", "bush", "grass"),
        moss=0.4,
    ),
    Kind(
        words="larch forest",
        trees=("larch", "larch", "larch", "spruce"),
        height=(1000, 1800),
        count=190,
        soil=(108, 92, 60),
        litter=((168, 138, 78), (120, 124, 66)),
        undergrowth=("grass", "moss", "flower"),
        moss=0.55,
    ),
    Kind(
        words="Mediterranean wood of olives and cypresses",
        trees=("olive", "cypress", "olive", "pine"),
        height=(520, 1000),
        count=150,
        soil=(168, 132, 96),
        litter=((186, 156, 112), (150, 138, 92)),
        undergrowth=("grass", "bush", "flower"),
        moss=0.1,
        mild=True,
    ),
)


def grown(rng: np.random.Generator, kind: Kind) -> Kind:
    """A kind of forest, young or old, thick or thinned."""
    age, density = float(rng.uniform(0.7, 1.2)), float(rng.uniform(0.7, 1.3))
    low, high = kind.height
    some = rng.permutation(len(kind.trees))[: int(rng.integers(2, len(kind.trees) + 1))]
    return replace(
        kind,
        height=(low * age, high * age),
        count=int(kind.count * density),
        trees=tuple(kind.trees[k] for k in sorted(some)),
        moss=float(kind.moss * rng.uniform(0.3, 1.5)),
    )
