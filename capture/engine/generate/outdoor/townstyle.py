"""What tells one town from another: its walls, heights, trees, season, hour, and its ground."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.outdoor.nature.daylight import Daylight, draw_daylight, draw_season
from capture.engine.generate.outdoor.nature.finish import Outdoors, finish_outdoors
from capture.engine.generate.outdoor.nature.flora import Flora
from capture.engine.generate.outdoor.nature.foliage import Foliage
from capture.engine.generate.outdoor.townlook import WALLS, TownPalette
from capture.engine.scene import Scene

_HOURS = ("noon", "noon", "morning", "evening", "overcast", "sunset", "mist")
_TREES = ("linden", "maple", "poplar", "cherry", "birch", "beech", "olive")
_WORDS = {"brick": "brick houses", "render": "painted houses", "stone": "stone houses"}


@dataclass(frozen=True, kw_only=True)
class Town:
    """A town in the making."""

    b: MeshBuilder
    palette: TownPalette
    foliage: Foliage
    flora: Flora
    daylight: Daylight
    season: str
    snow: bool
    storeys: tuple[int, int]
    trees: tuple[str, ...]
    walls: str

    def tree(self, low: float = 560, high: float = 820) -> None:
        """A street tree at the builder's frame."""
        rng = self.palette.rng
        self.flora.tree(self.foliage, pick(rng, self.trees), float(rng.uniform(low, high)))

    def season_word(self) -> str:
        """For captions: "snowy ", "autumn " or nothing."""
        if self.snow:
            return "snowy "
        return f"{self.season} " if self.season in ("autumn", "winter") else ""

    def houses(self) -> str:
        """What its houses are, for captions."""
        tall = {1: "low", 4: "tall"}.get(self.storeys[0], "")
        return f"{tall} {_WORDS.get(self.walls, 'differing houses')} and shops".strip()

    def finish(self, name: str, caption: str, spawns: np.ndarray, roam_cm: np.ndarray) -> Scene:
        """The finished scene."""
        return finish_outdoors(
            Outdoors(
                name=name,
                caption=caption,
                b=self.b,
                foliage=self.foliage,
                m=self.palette.m,
                daylight=self.daylight,
                spawns=spawns,
                roam_cm=roam_cm,
            )
        )


def draw_town(rng: np.random.Generator) -> Town:
    """A town of some style, at some time of the year and of the day."""
    season = draw_season(rng)
    snow = season == "winter" and bool(rng.random() < 0.6)
    walls = pick(rng, WALLS)
    palette, b = TownPalette(rng, walls, snow), MeshBuilder()
    foliage = Foliage(b)
    kinds = tuple(_TREES[i] for i in rng.permutation(len(_TREES))[: int(rng.integers(1, 3))])
    return Town(
        b=b,
        palette=palette,
        foliage=foliage,
        flora=Flora(palette.m, palette.noise, rng, season, snow),
        daylight=draw_daylight(rng, _HOURS, 0.8),
        season=season,
        snow=snow,
        storeys=pick(rng, [(1, 2), (1, 3), (2, 3), (2, 4), (4, 5)]),
        trees=kinds,
        walls=walls,
    )
