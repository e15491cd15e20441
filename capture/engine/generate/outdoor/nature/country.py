"""Open country in the making: what the archetypes out of town share.

A subclass gives `height` and builds; places are in cm about the origin, where the camera roams.
"""

from collections.abc import Sequence

import numpy as np

from capture.engine.generate.kit.bake import Lamp
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.outdoor.nature import plants
from capture.engine.generate.outdoor.nature.daylight import draw_daylight
from capture.engine.generate.outdoor.nature.fields import Fields
from capture.engine.generate.outdoor.nature.finish import EYE_CM, Outdoors, finish_outdoors
from capture.engine.generate.outdoor.nature.flora import Flora
from capture.engine.generate.outdoor.nature.foliage import Foliage
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.rocks import rock
from capture.engine.generate.outdoor.nature.scatter import Ground, Wanted
from capture.engine.scene import Scene


class Country:
    """Builds one scene."""

    land: Land

    def __init__(
        self,
        rng: np.random.Generator,
        season: str,
        hours: tuple[str, ...],
        roam_cm: float,
        sight_factor: float = 1.0,
        snow: bool | None = None,
    ) -> None:
        self.rng, self.season, self.roam = rng, season, roam_cm
        self.snow = bool(season == "winter" and rng.random() < 0.7) if snow is None else snow
        self.daylight = draw_daylight(rng, hours, sight_factor)
        self.m, self.noise, self.fields = Materials(), NoiseBank(rng), Fields(rng)
        self.b = MeshBuilder()
        self.f, self.ground = Foliage(self.b), Ground(rng)
        self.flora = Flora(self.m, self.noise, rng, season, self.snow)
        self.lamps: list[Lamp] = []

    def on_land(self, places: np.ndarray) -> np.ndarray:
        """Places (N,2) with the land's height, (N,3)."""
        return np.column_stack([places, self.land.height(*places.T)])

    def at(self, x: float, y: float, yaw_deg: float | None = None, sunk: float = 0.0):
        """The builder's frame on the land, turned at random unless told."""
        yaw = float(self.rng.uniform(0, 360)) if yaw_deg is None else float(yaw_deg)
        return self.b.at(float(x), float(y), float(self.land.height(x, y)[0]) - sunk, yaw)

    def tree(self, x: float, y: float, kind: str, height: float) -> None:
        """A tree on the land."""
        with self.b.object(f"{kind}_tree"), self.at(x, y):
            self.flora.tree(self.f, kind, height)

    def rocks(
        self,
        count: int,
        reach: float | tuple[float, float],
        materials: list[Material],
        size: tuple[float, float],
        wanted: Wanted | None = None,
        cap: float = 0.3,
        name: str = "rock",
    ) -> None:
        """Rocks of many sizes: `size` is the lognormal's median in cm and its deviation."""
        for x, y in self.ground.scatter(count, reach, size[0] * 1.6, wanted, size[0], size[0]):
            wide = float(self.rng.lognormal(np.log(size[0]), size[1]))
            shape = self.rng.uniform(0.7, 1.3, 2) * wide
            radii = float(shape[0]), float(shape[1]), wide * float(self.rng.uniform(0.55, 0.9))
            with self.b.object(name), self.at(x, y):
                rock(self.b, self.rng, radii, materials, cap, splits=3 if wide > 110 else 2)

    def tufts(
        self,
        name: str,
        count: int,
        reach: float,
        material: Material,
        size: tuple[float, float],
        wanted: Wanted | None = None,
        apart: float = 45.0,
    ) -> None:
        """Grass or flowers all over, one object."""
        places = self.on_land(self.ground.scatter(count, reach, apart, wanted, 8))
        with self.b.object(name):
            plants.tufts(self.f, self.rng, places, self.rng.uniform(*size, len(places)), material)

    def far_trees(
        self,
        kinds: tuple[str, ...],
        rings: Sequence[tuple[tuple[float, float], int, float]],
        height: tuple[float, float],
        wanted: Wanted | None = None,
        broad: float = 0.75,
    ) -> None:
        """Pictures of trees in rings of ((low, high) cm, count, apart cm)."""
        sprites = self.flora.far(kinds)
        for reach, count, apart in rings:
            points = self.on_land(self.ground.scatter(count, reach, apart, wanted))
            tall = self.rng.uniform(*height, len(points))
            with self.b.object("far_trees"):
                plants.far_trees(self.f, self.rng, points, tall, sprites, broad)

    def grass_colours(self) -> tuple[tuple[int, int, int], ...]:
        """Colours of the blades of grass in this season."""
        return {
            "spring": ((96, 128, 48), (122, 146, 62)),
            "autumn": ((146, 134, 70), (124, 126, 62)),
            "winter": ((156, 138, 92), (134, 122, 84)),
        }.get(self.season, ((88, 112, 46), (116, 128, 60)))

    def season_word(self) -> str:
        """For captions: "snowy ", "autumn " or nothing."""
        if self.snow:
            return "snowy "
        return "" if self.season == "summer" else f"{self.season} "

    def spawns(self, places: np.ndarray) -> np.ndarray:
        """Spawns (N,4) at eye height from (N,3) places x, y, yaw."""
        z = self.land.height(places[:, 0], places[:, 1]) + EYE_CM
        return np.column_stack([places[:, :2], z, places[:, 2]])

    def roam_cm(self, above: float = 480.0) -> np.ndarray:
        """The box over the middle of the land, from just above its lowest point."""
        inside = np.abs(self.land.points[:, :2]).max(1) < self.roam
        z, reach = self.land.points[inside, 2], self.roam
        return np.array([[-reach, -reach, z.min() + 30], [reach, reach, z.max() + above]])

    def finish(
        self, name: str, caption: str, spawns: np.ndarray, roam_cm: np.ndarray | None = None
    ) -> Scene:
        """The finished scene."""
        made = Outdoors(
            name=name,
            caption=caption,
            b=self.b,
            foliage=self.f,
            m=self.m,
            daylight=self.daylight,
            spawns=spawns,
            roam_cm=self.roam_cm() if roam_cm is None else roam_cm,
            lamps=tuple(self.lamps),
        )
        return finish_outdoors(made)

    def pick(self, choices: Sequence):
        """One of `choices`."""
        return pick(self.rng, choices)
