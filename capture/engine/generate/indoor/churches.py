"""Churches: "church:SEED", a nave with or without aisles, vaulted or under a timber roof."""

import numpy as np

from capture.engine.generate.indoor import church_parts as part
from capture.engine.generate.indoor import lights, sculpture
from capture.engine.generate.indoor.church_shell import MANNERS, PIER_CM, STEP_CM, ChurchShell
from capture.engine.generate.indoor.daylight import ANY, draw_daylight
from capture.engine.generate.indoor.interior import build_garden
from capture.engine.generate.indoor.palette import Palette
from capture.engine.generate.kit.assemble import finish_scene
from capture.engine.generate.kit.bake import Quality
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder
from capture.engine.scene import Scene


def generate_church(seed: int) -> Scene:
    """The church of a seed."""
    rng = np.random.default_rng([seed, 0xC417])
    manner = MANNERS[int(rng.integers(len(MANNERS)))]
    b, palette = MeshBuilder(), Palette(rng, 8, old=True)
    day = draw_daylight(rng, ANY)
    church = _Church(b, palette, manner, day.name)
    church.shell()
    church.furnish()
    church.lights(day.lamps)
    length, outer = church.length, church.outer
    if manner.clear:
        with b.at(0, -outer):
            build_garden(b, length, 2 * outer, church.outside(), rng)
    aisles = "two aisles behind arches" if manner.aisles else "no aisles"
    windows = "clear" if manner.clear else "coloured"
    roof = "a timber roof" if manner.roof == "timber" else "a vault"
    return finish_scene(
        name=f"church:{seed}",
        caption=f"The inside of a {manner.word} church {day.phrase}: a nave with rows of pews, "
        f"{aisles}, {windows} windows, {roof}, an altar on steps, a pulpit and an organ.",
        builder=b,
        textures=palette.m.textures(),
        lamps=church.lamps,
        sun=day.sun if manner.clear else None,
        sky=day.sky,
        quality=Quality(rays=52, detail_rays=8, smoothing=2, sky_gain=2.6),
        brightness=day.brightness,
        spawns=church.spawns(),
        roam_cm=np.array(
            [[12, 12 - outer, 30], [length - 12, outer - 12, church.height + church.rise * 0.5]]
        ),
    )


class _Church(ChurchShell):
    """A church with all that stands in it."""

    def furnish(self) -> None:
        """Steps and altar, pews, organ, pulpit, font, statues, candles."""
        b, rng = self.b, self.rng
        self.chancel = self.length - self.bay * 1.4
        for k in range(3):
            x = self.chancel + k * 34
            with b.object("step"):
                side, z = self.half - 2, k * STEP_CM
                high = (self.length - 1, side, z + STEP_CM)
                b.box((x, -side, z), high, self.stone, 46, skip="-z")
        with b.object("altar"), b.at(self.length - 190, 0, 3 * STEP_CM, 180):
            part.altar(b, self.stone, self.white, self.gold, self.flame)
        self._pews()
        with b.object("carpet"), b.using(collides=False, occludes=False):
            wide = float(rng.integers(90, 130)) if rng.random() < 0.7 else 0.5
            b.quad((60, -wide / 2, 1), (self.chancel - 64, 0, 0), (0, wide, 0), self.carpet, 60)
        side = float(rng.choice([-1.0, 1.0]))
        with b.object("pulpit"), b.at(self.chancel - 60, side * (self.half - 130)):
            part.pulpit(b, self.wood, self.dark_wood)
        # Fonts stand opposite, or in the middle of the way in.
        font = (self.chancel - 50, side * (120 - self.half))
        if rng.random() < 0.4:
            font = (self.bay * 0.9 + 20, 0.0)
        with b.object("font"), b.at(*font):
            part.font(b, self.stone)
        self._organ()
        self._statues()

    def _pews(self) -> None:
        first, last, step = (
            self.bay * 0.9 + 150,
            self.chancel - 230,
            float(self.rng.integers(92, 120)),
        )
        passage = float(self.rng.integers(75, 110))
        width = self.half - passage - 95
        for x in np.arange(first, last, step):
            for side in (-1, 1):
                with self.b.object("pew"), self.b.at(float(x), side * (passage + width / 2)):
                    part.pew(self.b, self.wood, self.pew_paint, width)

    def _organ(self) -> None:
        """An organ on a loft over the door, or on the floor beside the altar."""
        b = self.b
        if self.height > 600:
            deep, z = self.bay * 0.8, 390.0
            with b.object("loft"):
                b.box((2, -self.half + 2, z), (deep, self.half - 2, z + 26), self.wood, 70)
                b.box(
                    (deep - 10, -self.half + 2, z + 26),
                    (deep, self.half - 2, z + 120),
                    self.wood,
                    70,
                )
            for y in (-self.half * 0.5, self.half * 0.5):
                with b.object("column"):
                    cylinder(b, (deep - 40, y, 0), 17, z, self.stone, 14)
            with b.object("organ"), b.at(4, 0, z + 26):
                part.organ(b, self.dark_wood, self.white, min(2 * self.half - 200, 560),
                           min(self.height - z - 60, 420))  # fmt: skip
            return
        with b.object("organ"), b.at(self.bay * 0.4, -self.half + 4, 0, 90):
            part.organ(b, self.dark_wood, self.white, 300, min(self.height - 60, 380))

    def _statues(self) -> None:
        rng, b = self.rng, self.b
        for k in range(1, self.bays - 1):
            for side in (-1, 1):
                if rng.random() < 0.5:
                    continue
                x, y = k * self.bay, side * (self.outer - 3)
                with b.at(x, y, 0, -90.0 * side):
                    if rng.random() < 0.4:
                        with b.object("candle_stand"), b.at(34, 0):
                            part.candle_stand(b, self.iron, self.white, self.flame)
                        self.lamps.append(
                            lights.lamp_at(b, (34, 0, 110), 0.35, "warm", reach_cm=500)
                        )
                    elif rng.random() < 0.5:
                        with b.object("banner"):
                            part.banner(b, self.carpet, self.gold, 330)
                    else:
                        with b.object("plinth"), b.at(44, 0):
                            sculpture.plinth(b, self.stone, 30, 100)
                        with b.object("statue"), b.at(44, 0, 100):
                            m = self.p.pick([self.white, self.gold, self.stone])
                            sculpture.sculpture(b, rng, "figure", m, 150)

    def lights(self, power: float) -> None:
        """Chandeliers along the nave, lamps in the aisles, a spot on the altar."""
        b, ceiling = self.b, self.height + self.rise * (0.9 if self.manner.roof == "vault" else 0.1)
        hang = float(self.rng.uniform(330, 420))
        arms = int(self.rng.integers(6, 13))
        for k in range(1, self.bays, 1 if self.bays < 7 else 2):
            with b.at((k + 0.5) * self.bay, 0):
                self.lamps.append(
                    lights.chandelier(b, ceiling, ceiling - hang, 70, arms, self.iron, self.flame,
                                      6.5 * power)
                )  # fmt: skip
        if self.manner.aisles:
            for k in range(self.bays):
                for side in (-1, 1):
                    y = side * (self.half + PIER_CM + self.aisle / 2)
                    with b.object("lamp"), b.at((k + 0.5) * self.bay, y):
                        self.lamps.append(
                            lights.globe(b, 290, 13, self.flame, "warm", 1.4 * power, 10)
                        )
        with b.object("spotlight"), b.at(self.length - 420, 0):
            target = (230.0, 0.0, 150.0)
            self.lamps.append(lights.spot(b, (0, 0, self.height * 0.9), target, self.iron, "warm",
                                          30 * power, 5))  # fmt: skip

    def spawns(self) -> np.ndarray:
        """About the nave, before the altar, in the aisles."""
        places = [
            (self.bay * 1.05, 0, 0), (self.length * 0.5, 0, 0), (self.chancel - 100, 0, 0),
            (self.length - 320, 0, 180), (self.length * 0.35, 0, 175),
            (self.chancel - 120, -self.half * 0.5, 120), (self.chancel - 130, 20, -150),
        ]  # fmt: skip
        if self.manner.aisles:
            y = self.half + PIER_CM + self.aisle / 2
            places += [
                (self.bay * 1.5, y, -25),
                (self.length * 0.6, -y, 35),
                (self.length * 0.4, y, -160),
            ]
        else:
            y = self.half - 48
            places += [(self.bay * 1.5, y, -20), (self.length * 0.6, -y, 30)]
        rng = self.rng
        x, y, yaw = np.array(places, float).T
        x = x + rng.uniform(-0.4, 0.4, len(x)) * self.bay * (x < self.chancel)
        y, yaw = y + rng.uniform(-25, 25, len(y)), yaw + rng.uniform(-25, 25, len(yaw))
        if rng.random() < 0.5:
            y, yaw = -y, -yaw
        z = 160 + 3 * STEP_CM * (x > self.chancel + 70)
        return rng.permutation(np.column_stack([x, y, z, yaw]))
