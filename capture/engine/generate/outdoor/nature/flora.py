"""Species and seasons: a tree's bark, leaves and shape; materials are made when first used."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.generate.kit.pictures import Colour, vary
from capture.engine.generate.outdoor.nature import sprites, trees
from capture.engine.generate.outdoor.nature.foliage import Foliage
from capture.engine.generate.outdoor.nature.trees import Crown


@dataclass(frozen=True, kw_only=True)
class Species:
    """A broad-leaved species; colours by season, none in `winter` but for evergreens."""

    crown: Crown
    bark: Colour
    summer: tuple[Colour, ...]
    autumn: tuple[Colour, ...]
    spring: tuple[Colour, ...] = ((122, 156, 64), (140, 168, 78))
    leaf: tuple[float, int, float] = (0.11, 420, 0.5)  # length, count, slenderness
    blossom: Colour | None = None  # in spring
    evergreen: bool = False


BROAD = {
    "oak": Species(
        crown=trees.SPREADING, bark=(94, 82, 68), summer=((72, 104, 44), (92, 120, 52)),
        autumn=((168, 108, 48), (146, 84, 40), (186, 138, 60)),
    ),
    "beech": Species(
        crown=trees.ROUND, bark=(132, 128, 120), summer=((84, 122, 50), (104, 136, 58)),
        autumn=((196, 122, 44), (212, 150, 60), (168, 92, 40)),
    ),
    "maple": Species(
        crown=trees.ROUND, bark=(108, 96, 84), summer=((88, 126, 56), (108, 140, 66)),
        autumn=((204, 66, 36), (222, 108, 40), (226, 156, 50)), leaf=(0.13, 360, 0.72),
    ),
    "linden": Species(
        crown=trees.OVAL, bark=(104, 94, 84), summer=((90, 128, 58), (114, 144, 70)),
        autumn=((222, 182, 62), (206, 160, 52), (176, 150, 60)), leaf=(0.12, 400, 0.7),
    ),
    "birch": Species(
        crown=trees.SLENDER, bark=(216, 212, 204), summer=((108, 140, 62), (128, 154, 74)),
        autumn=((230, 190, 60), (216, 170, 48)), leaf=(0.075, 640, 0.6),
    ),
    "poplar": Species(
        crown=trees.COLUMN, bark=(120, 112, 98), summer=((86, 122, 54), (104, 134, 62)),
        autumn=((224, 186, 58), (204, 162, 50)), leaf=(0.09, 520, 0.7),
    ),
    "willow": Species(
        crown=trees.WEEPING, bark=(104, 92, 74), summer=((124, 150, 72), (142, 164, 84)),
        autumn=((214, 190, 80), (188, 170, 76)), leaf=(0.13, 460, 0.22),
    ),
    "cherry": Species(
        crown=trees.ROUND, bark=(92, 66, 58), summer=((84, 116, 56), (98, 128, 62)),
        autumn=((204, 92, 50), (224, 138, 62)), blossom=(246, 206, 218),
    ),
    "olive": Species(
        crown=trees.ROUND, bark=(120, 110, 98), summer=((112, 126, 92), (134, 144, 110)),
        autumn=((112, 126, 92), (134, 144, 110)), spring=((112, 126, 92), (134, 144, 110)),
        leaf=(0.1, 440, 0.26), evergreen=True,
    ),
    "cypress": Species(
        crown=trees.COLUMN, bark=(104, 86, 72), summer=((48, 78, 46), (60, 90, 54)),
        autumn=((48, 78, 46), (60, 90, 54)), spring=((52, 84, 48), (64, 96, 56)),
        leaf=(0.07, 760, 0.4), evergreen=True,
    ),
    "pine": Species(
        crown=trees.PINE, bark=(146, 100, 70), summer=((58, 88, 54), (74, 102, 62)),
        autumn=((58, 88, 54), (74, 102, 62)), spring=((64, 96, 56), (82, 112, 66)),
        leaf=(0.15, 620, 0.09), evergreen=True,
    ),
}  # fmt: skip
NEEDLES: dict[str, tuple[Colour, Colour, float, float]] = {  # colour, tips, half width, bare foot
    "spruce": ((38, 66, 42), (66, 98, 52), 0.22, 0.07),
    "fir": ((40, 74, 58), (76, 112, 84), 0.17, 0.05),
    "larch": ((96, 128, 58), (122, 150, 74), 0.17, 0.2),
}


class Flora:
    """Plants trees of a season; all of one species share their materials."""

    def __init__(
        self, m: Materials, noise: NoiseBank, rng: np.random.Generator, season: str, snow: bool
    ) -> None:
        self.m, self.noise, self.rng, self.season, self.snow = m, noise, rng, season, snow
        self._made: dict[str, Material] = {}

    def tree(self, f: Foliage, kind: str, height: float) -> None:
        """A tree of a kind in BROAD or NEEDLES, `dead` or `palm`, at the frame's origin."""
        rng = self.rng
        if kind in NEEDLES:
            self._conifer(f, kind, height)
        elif kind == "palm":
            trees.palm(f, rng, self.bark((140, 116, 88)), self.frond((86, 122, 56)), height)
        elif kind == "dead":
            trees.bare_tree(f, rng, self.bark((128, 122, 114)), self.twigs(), height)
        else:
            self._broad(f, kind, height)

    def _conifer(self, f: Foliage, kind: str, height: float) -> None:
        _, _, wide, bare = NEEDLES[kind]
        wide *= float(self.rng.uniform(0.85, 1.15))
        trees.conifer(f, self.rng, self.bark((98, 78, 62)), self.boughs(kind), height, wide, bare)

    def _broad(self, f: Foliage, kind: str, height: float) -> None:
        species = BROAD[kind]
        bark = self.bark(species.bark)
        if self.season == "winter" and not species.evergreen:
            trees.bare_tree(f, self.rng, bark, self.twigs(), height, species.crown)
            return
        leaves = self.leaves(kind, int(self.rng.integers(2)))
        trees.broadleaf(f, self.rng, bark, leaves, height, species.crown)

    def leaves(self, kind: str, variant: int = 0) -> Material:
        """A twig's material of a broad-leaved species in this season."""
        species = BROAD[kind]
        colours = {"spring": species.spring, "autumn": species.autumn}.get(
            self.season, species.summer
        )
        colours = tuple(colours[(i + variant) % len(colours)] for i in range(len(colours)))
        blossom = species.blossom if self.season == "spring" else None
        return self._once(
            f"{kind}{variant}",
            lambda: sprites.leaves(
                self.rng, [vary(self.rng, c, 8) for c in colours], *species.leaf, blossom
            ),
        )

    def boughs(self, kind: str) -> Material:
        """A conifer's bough."""
        colour, tip, _, _ = NEEDLES[kind]
        if kind == "larch" and self.season in ("autumn", "winter"):
            colour, tip = (178, 140, 58), (206, 170, 80)
        return self._once(
            kind, lambda: sprites.bough(self.rng, vary(self.rng, colour, 6), tip, snow=self.snow)
        )

    def twigs(self) -> Material:
        """Bare twigs."""
        return self._once("twigs", lambda: sprites.twigs(self.rng, (104, 90, 76), self.snow))

    def frond(self, colour: Colour) -> Material:
        """A fern's or palm's frond."""
        return self._once(f"frond{colour}", lambda: sprites.frond(self.rng, colour))

    def bark(self, colour: Colour) -> Material:
        """Bark; pale bark has a birch's dark marks."""
        name = f"bark{colour}"
        if name not in self._made:
            self._made[name] = self.m.tiled(_bark(self.noise, colour), 60, 150)
        return self._made[name]

    def grass(self, colours: tuple[Colour, ...], heads: Colour | None = None) -> Material:
        """A tuft of grass, or of flowers."""
        return self._once(
            f"grass{colours}{heads}", lambda: sprites.blades(self.rng, colours, heads=heads)
        )

    def far(self, kinds: tuple[str, ...]) -> list[Material]:
        """Pictures of whole trees of some kinds, two of each."""
        images = []
        for kind in kinds * 2:
            if kind in NEEDLES:
                images.append(sprites.far_conifer(self.rng, NEEDLES[kind][0], self.snow))
            elif self.season == "winter" and not BROAD[kind].evergreen:
                images.append(sprites.twigs(self.rng, (110, 98, 86), self.snow))
            else:
                species = BROAD[kind]
                by_season = {"spring": species.spring, "autumn": species.autumn}
                colours = by_season.get(self.season, species.summer)
                images.append(sprites.far_broadleaf(self.rng, colours))
        return self.m.atlas([image[::2, ::2] for image in images], 2, 2)

    def _once(self, name: str, draw) -> Material:
        if name not in self._made:
            self._made[name] = self.m.tiled(draw(), 100)
        return self._made[name]


def _bark(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Furrowed bark, v along the trunk; a birch's is smooth with dark bands."""
    furrows = noise("grain").T
    if min(colour) > 180:
        marks = (noise("grain") > 0.52)[..., None]
        image = tex.tint(colour, 1 + 0.06 * noise("cloud") + 0.05 * noise("fine"))
        return np.where(marks, tex.rgb((58, 54, 52)), image)
    shade = 0.95 + 0.6 * furrows + 0.15 * noise("rough") + 0.12 * noise("fine")
    return tex.tint(colour, np.clip(shade, 0.35, 1.5))
