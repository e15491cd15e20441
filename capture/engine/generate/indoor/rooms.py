"""Furnishes a room of each kind."""

import numpy as np

from capture.engine.generate.indoor import fittings as fit
from capture.engine.generate.indoor import furniture as fur
from capture.engine.generate.indoor.decorate import Decorator
from capture.engine.generate.indoor.placing import Spot
from capture.engine.generate.kit.bake import Lamp


class Furnisher(Decorator):
    """Fills one room; a method for each kind of room returns the lamps it has placed."""

    def furnish(self, kind: str) -> list[Lamp]:
        """Fill the room with what its kind needs, then pictures, plants and lamps."""
        lamps = getattr(self, f"_{kind}", self._study)()
        lamps += self.ceiling_lamp()
        self.pictures()
        return lamps

    def _living(self) -> list[Lamp]:
        wide = float(self.rng.choice([190, 215, 245]))
        spot = self.floor.on_wall(wide, 96, reserve=100, middle=True) or self.floor.on_wall(
            170, 96, reserve=60
        )
        lamps = []
        if self.put("sofa", spot, fur.sofa, self.style, wide, 94) and spot:
            self.rug_before(spot, 150, wide + 40, 170)
            place = self.floor.in_front(spot, 165, 110, 60)
            if place:
                self.put(
                    "coffee_table",
                    Spot(*place, spot.yaw_deg, ""),
                    fit.coffee_table,
                    self.style,
                    self.rng,
                    110,
                )
            opposite = {"west": "east", "east": "west", "north": "south", "south": "north"}[
                spot.side
            ]
            self.wall_piece("media_unit", 150, 44, fit.media_unit, self.style, 150, sides=opposite)
        self._bookcases(2)
        for _ in range(2):
            self.wall_piece("armchair", 88, 88, fur.sofa, self.style, 84, 86)
        lamps += self.floor_lamps(2)
        self.wall_piece("sideboard", 160, 44, fur.cabinet, self.style, 150, 42, 82, 3)
        self.plants(3)
        return lamps

    def _kitchen(self) -> list[Lamp]:
        length = min(max(self.floor.room.side(s)[3] for s in self.floor.room.openings), 430) - 80
        for width in (length, 260, 200, 150):
            spot = self.floor.on_wall(width, 62, reserve=60)
            if spot:
                self.no_art.add(spot.side)
                self.put(
                    "kitchen_units",
                    spot,
                    fur.kitchen_row,
                    self.style,
                    width,
                    self._clear_wall(spot, width),
                )
                break
        self.wall_piece("fridge", 66, 66, fur.fridge, self.style.metal, self.style, tall=True)
        second = self.floor.on_wall(150, 62, reserve=40)
        self.put("kitchen_units", second, fur.kitchen_row, self.style, 150, None)
        self._dining_set(round_one=True)
        self.plants(1)
        return []

    def _dining(self) -> list[Lamp]:
        self._dining_set(round_one=False)
        self.wall_piece("sideboard", 170, 44, fur.cabinet, self.style, 165, 42, 86, 3)
        self.wall_piece("cabinet", 100, 42, fur.cabinet, self.style, 96, 40, 196, 2, tall=True)
        self._bookcases(1)
        self.plants(2)
        return self.floor_lamps(1)

    def _bedroom(self) -> list[Lamp]:
        width = float(self.rng.choice([140, 160, 180]))
        spot = self.floor.on_wall(width + 110, 212, middle=True) or self.floor.on_wall(
            width + 20, 212
        )
        lamps = []
        if spot:
            self.rug_before(spot, 150, width + 120, 170)
            self.put("bed", spot, fur.bed, self.style, width)
            lamps = self._nightstands(spot, width)
        for wide in (200, 150, 100):
            if self.wall_piece(
                "wardrobe", wide, 62, fur.cabinet, self.style, wide, 58, 215, wide // 50, tall=True
            ):
                break
        self.wall_piece("dresser", 110, 48, fur.cabinet, self.style, 105, 44, 84, 2)
        self.wall_piece("armchair", 86, 86, fur.sofa, self.style, 80, 82)
        self.plants(1)
        return lamps

    def _child(self) -> list[Lamp]:
        self.put("bed", self.floor.on_wall(100, 212), fur.bed, self.style, 92)
        self.wall_piece("toy_shelf", 122, 40, fit.toy_shelf, self.style, self.rng)
        self.wall_piece("wardrobe", 100, 60, fur.cabinet, self.style, 100, 56, 190, 2, tall=True)
        self._desk(110)
        self._bookcases(1)
        self.centre_rug(170, 170)
        return self.floor_lamps(1)

    def _study(self) -> list[Lamp]:
        self._desk(150)
        self._bookcases(3)
        self.wall_piece("armchair", 88, 88, fur.sofa, self.style, 84, 86)
        self.wall_piece("sideboard", 130, 44, fur.cabinet, self.style, 125, 42, 76, 2)
        self.centre_rug(200, 150)
        self.plants(2)
        return self.floor_lamps(1)

    def _bath(self) -> list[Lamp]:
        self.wall_piece("bathtub", 174, 76, fit.bathtub, self.style)
        self.wall_piece("washbasin", 90, 52, fit.washbasin, self.style, tall=True)
        self.wall_piece("toilet", 44, 64, fit.toilet, self.style)
        self.wall_piece("cabinet", 62, 36, fur.cabinet, self.style, 60, 34, 180, 1, tall=True)
        self.centre_rug(90, 60)
        self.plants(1)
        return []

    def _hall(self) -> list[Lamp]:
        self.wall_piece("wardrobe", 120, 46, fur.cabinet, self.style, 118, 42, 205, 2, tall=True)
        self.wall_piece("sideboard", 100, 36, fur.cabinet, self.style, 96, 34, 80, 2)
        self.wall_piece("bench", 110, 44, fur.sofa, self.style, 105, 42)
        self.centre_rug(220, 110)
        self.plants(2)
        return []

    def _clear_wall(self, spot: Spot, width: float) -> tuple[float, float] | None:
        """The longest stretch of wall above a piece, in its frame, that no window interrupts."""
        room = self.floor.room
        middle = room.along(spot.side, spot.y if spot.side in ("west", "east") else spot.x)
        low, cuts = -width / 2, []
        for o in room.openings[spot.side]:
            if o.hole[0] - middle < width / 2 and o.hole[2] - middle > -width / 2:
                cuts.append((o.hole[0] - middle - 32, o.hole[2] - middle + 32))
        spans = []
        for start, end in [*sorted(cuts), (width / 2, width)]:
            spans.append((start - low, low, start))
            low = max(low, end)
        best = max(spans)
        return (best[1], best[2]) if best[0] > 55 else None

    def _bookcases(self, count: int) -> None:
        for _ in range(count):
            width, height = (
                float(self.rng.choice([80, 100, 120])),
                float(self.rng.choice([150, 185, 210])),
            )
            self.wall_piece(
                "bookcase", width, 33, fur.bookcase, self.style, self.rng, width, height, tall=True
            )

    def _nightstands(self, spot: Spot, width: float) -> list[Lamp]:
        lamps = []
        for y in (-width / 2 - 30, width / 2 + 30):
            with self.b.at(spot.x, spot.y, 0, spot.yaw_deg):
                x, wy = self.b.to_world(np.array([[19.0, y, 0]]))[0][:2]
                size = (38, 44) if spot.side in ("west", "east") else (44, 38)
            rect = (x - size[0] / 2, wy - size[1] / 2, x + size[0] / 2, wy + size[1] / 2)
            x0, y0, x1, y1 = self.floor.room.inner()
            if (
                rect[0] < x0
                or rect[1] < y0
                or rect[2] > x1
                or rect[3] > y1
                or not self._inside_claim(spot, y, width)
            ):
                continue
            with self.b.at(spot.x, spot.y, 0, spot.yaw_deg), self.b.at(0, y):
                with self.b.object("nightstand"):
                    fur.nightstand(self.b, self.style)
                with self.b.object("table_lamp"):
                    fit.table_lamp(self.b, self.style, 18, 0, 48)
                lamps.append(self.lamp((18, 0, 78), 0.22))
        return lamps

    def _inside_claim(self, spot: Spot, y: float, width: float) -> bool:
        """Whether the place claimed for the bed is wide enough for what stands beside it."""
        with self.b.at(spot.x, spot.y, 0, spot.yaw_deg):
            x, wy = self.b.to_world(np.array([[19.0, y * 1.15, 0]]))[0][:2]
        return any(r[0] < x < r[2] and r[1] < wy < r[3] for r, _ in self.floor.taken)

    def _desk(self, width: float) -> None:
        spot = self.floor.on_wall(width, 122)
        if self.put("desk", spot, fit.desk, self.style, self.rng, width) and spot:
            y, turn = self.rng.uniform(-10, 10), self.rng.uniform(150, 210)
            seat = self.b.at(88, float(y), 0, float(turn))
            with self.b.object("desk_chair"), self.b.at(spot.x, spot.y, 0, spot.yaw_deg), seat:
                fit.desk_chair(self.b, self.style)

    def _dining_set(self, round_one: bool) -> None:
        x, y = self.floor.room.centre
        along_x = self.floor.room.x1 - self.floor.room.x0 > self.floor.room.y1 - self.floor.room.y0
        size = (150.0, 150.0) if round_one else ((250.0, 190.0) if along_x else (190.0, 250.0))
        for dx, dy in (
            (0, 0),
            (50, 0),
            (-50, 0),
            (0, 50),
            (0, -50),
            (70, 70),
            (-70, 70),
            (70, -70),
            (-70, -70),
        ):
            if self.floor.at(x + dx, y + dy, *size):
                with self.b.at(x + dx, y + dy, 0, 90.0 if along_x else 0.0):
                    self._table_and_chairs(round_one)
                return

    def _table_and_chairs(self, round_one: bool) -> None:
        places = [(62, 0, 180), (-62, 0, 0), (0, 62, -90), (0, -62, 90)]
        with self.b.object("table"):
            if round_one:
                fur.round_table(self.b, self.style.second_wood, self.style.wood, 48, 75)
            else:
                fur.table(self.b, self.style.second_wood, self.style.wood, 180, 90, 75)
                places = [(s * 62, y, 180 if s > 0 else 0) for s in (1, -1) for y in (-55, 0, 55)]
            fit.vase(self.b, self.style.pot, (4, 10, 75), 8)
        for px, py, yaw in places:
            with self.b.object("chair"), self.b.at(px, py, 0, yaw + float(self.rng.uniform(-8, 8))):
                fur.chair(self.b, self.style, soft=not round_one)
