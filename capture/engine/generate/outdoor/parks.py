"""Parks: "park:SEED", formal gardens, landscape parks and playgrounds with trees all around.

The middle is at the origin; the camera roams over 76 m, the park goes on as trees, and behind them
stand hills or the houses of a city in the haze.
"""

import numpy as np
from scipy.spatial import KDTree

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.outdoor.nature import garden, grounds, plants
from capture.engine.generate.outdoor.nature.garden import PavilionLook
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.parkland import (
    FINE_CM,
    OUTER_CM,
    ROAM_CM,
    ParkLand,
)
from capture.engine.scene import Scene


def generate_park(seed: int) -> Scene:
    """The park of a seed."""
    maker = _Park(np.random.default_rng([seed, 0x9A4C]))
    maker.build()
    return maker.finish(f"park:{seed}", maker.caption(), maker.spawn_places())


class _Park(ParkLand):
    """Builds one park."""

    def build(self) -> None:
        """Everything."""
        self.land = Land(self.height, FINE_CM, OUTER_CM, (108, 36))
        self._materials()
        self._lawn()
        getattr(self, f"_{self.style}")()
        self._lay_paths()
        self._along_paths()
        if self.pond:
            self._pond()
        self._trees()
        self._beyond()

    # The three styles

    def _formal(self) -> None:
        rng, far = self.rng, 4300.0
        width = float(rng.uniform(240, 360))
        turn = rng.uniform(0, np.pi / 2)
        self.turn = float(np.degrees(turn))
        c, s = np.cos(turn), np.sin(turn)
        round_ = float(rng.uniform(700, 1000))
        for way in (np.array([c, s]), np.array([-s, c])):
            for sign in (-1, 1):
                share = np.linspace(round_ * 0.94, far, 60)[:, None]
                self._path(sign * way * share, width)
        ring = np.linspace(0, 2 * np.pi, 90)
        radius = float(rng.uniform(2100, 2800))
        self._path(radius * np.column_stack([np.cos(ring), np.sin(ring)]), width * 0.8)
        with self.b.object("place"), self.at(0, 0, 0):
            garden.round_place(self.b, round_, self.paving, self.edge)
        self.ground.claim(0, 0, round_ + 40)
        self.place = round_
        self._centre()
        self._beds(c, s, round_, radius)

    def _centre(self) -> None:
        kind = pick(self.rng, ["fountain", "fountain", "pavilion", "obelisk"])
        with self.b.object(kind), self.at(0, 0, self.turn):
            if kind == "fountain":
                garden.fountain(
                    self.b,
                    self.stone,
                    self.water,
                    float(self.rng.uniform(220, 330)),
                    int(self.rng.integers(1, 3)),
                )
            elif kind == "obelisk":
                garden.obelisk(self.b, self.stone, float(self.rng.uniform(480, 800)))
            else:
                self._pavilion_here()
        self.things.append("an obelisk" if kind == "obelisk" else f"a {kind}")

    def _pavilion_here(self) -> None:
        rng, noise, m = self.rng, self.noise, self.m
        white = m.flat(pick(rng, [(226, 222, 210), (206, 196, 176), (96, 122, 104)]))
        tiles = tex.roof_tiles(noise, pick(rng, [(128, 74, 56), (92, 98, 104), (84, 116, 102)]))
        look = PavilionLook(
            post=white,
            roof=m.tiled(grounds.snow(noise) if self.snow else tiles, 220),
            floor=self.stone,
            trim=white,
        )
        garden.pavilion(
            self.b, look, float(rng.uniform(260, 360)), pick(rng, [6, 8]), bool(rng.random() < 0.5)
        )

    def _beds(self, c: float, s: float, inner: float, outer: float) -> None:
        """In each quarter: hedges and flower beds, the same all around."""
        rng = self.rng
        solid = self.m.tiled(tex.grass(self.noise, (58, 84, 44)), 90)
        leaves = self.flora.leaves("cypress")
        long, high = (outer - inner) * 0.5, float(rng.uniform(70, 130))
        bed, earth = (
            float(rng.uniform(130, 220)),
            self.m.tiled(grounds.soil(self.noise, (92, 72, 54)), 200),
        )
        colours = [(206, 60, 66), (232, 190, 62), (216, 120, 168), (236, 236, 230), (120, 90, 190)]
        heads = [colours[i] for i in rng.permutation(5)[:2]]
        for quarter in range(4):
            angle = np.arctan2(s, c) + quarter * np.pi / 2
            for swing in (-0.42, 0.42):
                mid = (inner + outer) / 2
                x, y = mid * np.cos(angle + 0.785 + swing), mid * np.sin(angle + 0.785 + swing)
                yaw = np.degrees(angle + 0.785 + swing) + 90
                with self.b.object("hedge"), self.at(x, y, yaw):
                    garden.hedge(self.f, rng, solid, leaves, long, high)
                self.ground.claim(x, y, long / 2)
            x, y = (
                (inner + outer) / 2 * np.cos(angle + 0.785),
                (inner + outer) / 2 * np.sin(angle + 0.785),
            )
            self._bed(x, y, bed, earth, heads[quarter % 2])
        self.things.append("clipped hedges and flower beds")

    def _bed(self, x: float, y: float, radius: float, earth: Material, heads) -> None:
        rng = self.rng
        with self.b.object("flower_bed"), self.at(x, y, 0):
            garden.flowerbed(self.b, earth, self.edge, radius)
        self.ground.claim(x, y, radius + 20)
        if self.season in ("winter",):
            return
        angle, away = rng.uniform(0, 6.28, 90), radius * 0.9 * rng.random(90) ** 0.5
        places = np.column_stack([x + away * np.cos(angle), y + away * np.sin(angle)])
        points = self.on_land(places) + [0, 0, 16.0]
        with self.b.object("flowers"):
            plants.tufts(
                self.f,
                rng,
                points,
                rng.uniform(24, 42, 90),
                self.flora.grass(((82, 118, 50),), heads),
            )

    def _landscape(self) -> None:
        rng = self.rng
        ring = np.linspace(0, 2 * np.pi, 120)
        away = self.pond_size * 1.45 + 250 * np.sin(3 * ring + rng.uniform(0, 6))
        self._path(
            self.pond_at + away[:, None] * np.column_stack([np.cos(ring), np.sin(ring)]), 220.0
        )
        back = np.arctan2(-self.pond_at[1], -self.pond_at[0])
        for swing in (-0.9, 0.3, 1.3):
            start = self.pond_at + self.pond_size * 1.45 * np.array(
                [np.cos(back + swing), np.sin(back + swing)]
            )
            share = np.linspace(0, 1, 80)[:, None]
            way = np.array([np.cos(back + swing * 0.6), np.sin(back + swing * 0.6)])
            bow = np.array([-way[1], way[0]]) * 420 * np.sin(share * 5 + swing * 3) * share
            self._path(start + way * share * 5200 + bow, 200.0)
        if rng.random() < 0.75:
            angle = back + rng.uniform(-0.5, 0.1)
            x, y = self.pond_at + self.pond_size * 2.0 * np.array([np.cos(angle), np.sin(angle)])
            with self.b.object("pavilion"), self.at(x, y):
                self._pavilion_here()
            self.ground.claim(x, y, 480)
            self.things.append("a pavilion")

    def _playground(self) -> None:
        rng, b, m = self.rng, self.b, self.m
        bow, turn = np.linspace(-4900, 4900, 140), rng.uniform(0, 2 * np.pi)
        c, s = np.cos(turn), np.sin(turn)
        for width, high, long in ((260.0, 800, 1500), (220.0, 500, 1100)):
            wave = rng.uniform(0.3, 1) * high * np.sin(bow / (long * rng.uniform(0.8, 1.6)))
            side = wave - rng.uniform(0, 700)
            self._path(np.column_stack([c * bow - s * side, s * bow + c * side]), width)
            c, s = -s + rng.normal(0, 0.2), c + rng.normal(0, 0.2)
        paint = m.flat(pick(rng, [(206, 60, 48), (46, 110, 176), (232, 176, 44), (70, 146, 84)]))
        steel = m.flat((168, 172, 176))
        sand = m.tiled(grounds.sand(self.noise, (212, 190, 148), 0.03), 300)
        spots = [np.array(p) for p in ((0, 0), (700, 60), (120, 720))]
        place = self._clear_place()
        spots = [place + np.array([c * p[0] - s * p[1], s * p[0] + c * p[1]]) for p in spots]
        yaw = float(np.degrees(turn))
        with b.object("swings"), self.at(spots[0][0], spots[0][1], yaw):
            garden.swings(b, self.metal, paint)
        with (
            b.object("slide"),
            self.at(spots[1][0], spots[1][1], yaw + float(rng.uniform(60, 200))),
        ):
            garden.slide(b, steel, paint, self.wood)
        with b.object("sandpit"), self.at(spots[2][0], spots[2][1], yaw):
            garden.sandpit(b, self.wood, sand, 420)
        for (x, y), radius in zip(spots, (330, 420, 340), strict=True):
            self.ground.claim(x, y, radius)
        self.things.append("swings, a slide and a sandpit")

    def _clear_place(self) -> np.ndarray:
        """A place (2,) that is far from paths and from the pond."""
        tries = self.rng.uniform(-2000, 2000, (300, 2))
        away = np.min([KDTree(line).query(tries)[0] for line in self.lines], axis=0)
        return tries[np.argmax(np.minimum(away, 900) - 3000 * self.wet(*tries.T))]

    # What all have

    def spawn_places(self) -> np.ndarray:
        """On the paths, spread over the park, looking along them or inwards."""
        line = np.concatenate([path[4:-4] for path in self.lines])
        ahead = np.concatenate([np.gradient(path, axis=0)[4:-4] for path in self.lines])
        inside = np.abs(line).max(1) < ROAM_CM - 300
        line, ahead = line[inside], ahead[inside]
        index = np.linspace(0, len(line) - 1, 8).astype(int)
        along = np.degrees(np.arctan2(ahead[index, 1], ahead[index, 0]))
        inwards = np.degrees(np.arctan2(-line[index, 1], -line[index, 0]))
        yaw = np.where(np.arange(8) % 2 == 0, along, inwards + 15)
        return self.spawns(np.column_stack([line[index], yaw]))

    def caption(self) -> str:
        """One factual sentence."""
        kind = {
            "formal": "formal garden",
            "landscape": "landscape park",
            "playground": "park with a playground",
        }[self.style]
        parts = [
            "gravel paths" if self.style != "formal" else "straight paths",
            "benches",
            *self.things,
        ]
        season = self.season_word()
        article = "An" if (season or kind)[0] in "aeiou" else "A"
        text = ", ".join(parts) + f" and {', '.join(self.kinds[:-1])} and {self.kinds[-1]} trees"
        return f"{article} {season}{kind} {self.daylight.hour}, with {text}."
