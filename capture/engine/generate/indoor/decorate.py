"""What rooms of every kind have: pieces along the walls, rugs, pictures, plants and lamps."""

from dataclasses import dataclass, field

import numpy as np

from capture.engine.generate.indoor import fittings as fit
from capture.engine.generate.indoor import furniture as fur
from capture.engine.generate.indoor.furniture import Style
from capture.engine.generate.indoor.placing import Floor, Spot
from capture.engine.generate.kit.bake import Lamp
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder

_WARM = np.array([1.0, 0.86, 0.68]) * 1.9


@dataclass
class Decorator:
    """Places and builds things in one room."""

    b: MeshBuilder
    floor: Floor
    style: Style
    rng: np.random.Generator
    art: list[Material]  # used up from the end, so that no picture hangs twice
    rugs: list[Material]
    no_art: set[str] = field(default_factory=set)  # sides whose walls are taken up by units

    def put(self, kind: str, spot: Spot | None, build, *arguments) -> Spot | None:
        """Build a named piece at a spot, if there is one."""
        if spot is not None:
            with self.b.object(kind), self.b.at(spot.x, spot.y, 0, spot.yaw_deg):
                build(self.b, *arguments)
        return spot

    def wall_piece(
        self,
        kind: str,
        width: float,
        depth: float,
        build,
        *arguments,
        tall: bool = False,
        sides: str = "",
    ) -> Spot | None:
        """A piece against a free wall, if one is left."""
        return self.put(
            kind, self.floor.on_wall(width, depth, tall, sides=sides), build, *arguments
        )

    def plants(self, count: int) -> None:
        """Pot plants along the walls."""
        for _ in range(count):
            spot = self.floor.on_wall(46, 48)
            if spot:
                with (
                    self.b.object("plant"),
                    self.b.at(spot.x, spot.y, 0, spot.yaw_deg),
                    self.b.at(24, 0),
                ):
                    fur.plant(self.b, self.style, self.rng, float(self.rng.uniform(80, 150)))

    def floor_lamps(self, count: int) -> list[Lamp]:
        """Standing lamps along the walls."""
        lamps = []
        for _ in range(count):
            spot = self.floor.on_wall(42, 44)
            if spot:
                with (
                    self.b.object("floor_lamp"),
                    self.b.at(spot.x, spot.y, 0, spot.yaw_deg),
                    self.b.at(22, 0),
                ):
                    fur.floor_lamp(self.b, self.style)
                    lamps.append(self.lamp((0, 0, 150), 0.5))
        return lamps

    def rug_before(self, spot: Spot, distance: float, width: float, depth: float) -> None:
        """A rug before a piece of furniture."""
        with self.b.at(spot.x, spot.y, 0, spot.yaw_deg), self.b.at(distance, 0):
            self._rug(width, depth)

    def centre_rug(self, width: float, depth: float) -> None:
        """A rug in the middle of the room, along it."""
        room = self.floor.room
        with self.b.at(*room.centre, 0, 90.0 if room.x1 - room.x0 > room.y1 - room.y0 else 0.0):
            self._rug(width, depth)

    def _rug(self, width: float, depth: float) -> None:
        corners = self.b.to_world(
            np.array([[-depth / 2, -width / 2, 0], [depth / 2, width / 2, 0.0]])
        )
        x0, y0, x1, y1 = self.floor.room.inner()
        low, high = corners[:, :2].min(0), corners[:, :2].max(0)
        if (
            self.rugs
            and low[0] > x0 + 4
            and low[1] > y0 + 4
            and high[0] < x1 - 4
            and high[1] < y1 - 4
        ):
            with self.b.object("rug"), self.b.using(occludes=False, collides=False):
                art = self.rugs.pop()
                self.b.quad((-depth / 2, -width / 2, 0.9), (depth, 0, 0), (0, width, 0), art, 24)

    def pictures(self) -> None:
        """Pictures on free stretches of wall."""
        for side, y, length in self.floor.free_stretches(60):
            if self.rng.random() < 0.22 or not self.art or side in self.no_art:
                continue
            x, wy, yaw, _ = self.floor.room.side(side)
            size = float(min(self.rng.uniform(46, 110), length - 12))
            count = 1 if length < 2.6 * size or length < 200 else 2
            for k in range(min(count, len(self.art))):
                offset = y + (k - (count - 1) / 2) * (size + 24)
                with self.b.object("picture"), self.b.at(x, wy, 0, yaw), self.b.at(0, offset):
                    frame = (self.style.dark, self.style.wood, self.style.white)[
                        int(self.rng.integers(3))
                    ]
                    ratio = float(self.rng.uniform(0.75, 1.15))
                    fit.picture(self.b, self.art.pop(), frame, size, min(size * ratio, 105), 152)

    def ceiling_lamp(self) -> list[Lamp]:
        """A hanging lamp in the middle."""
        x, y = self.floor.room.centre
        with self.b.object("ceiling_lamp"), self.b.at(x, y):
            height = self.floor.room.height_cm
            fur.pendant(self.b, self.style, height, 44, bool(self.rng.random() < 0.5))
            return [self.lamp((0, 0, height - 44), 0.62)]

    def lamp(self, place: tuple[float, float, float], power: float) -> Lamp:
        """A warm lamp at a place in the present frame."""
        x, y, z = self.b.to_world(np.array([place]))[0].tolist()
        light = _WARM * power * self.rng.uniform(0.85, 1.15)
        return Lamp((x, y, z), tuple(light.tolist()))
