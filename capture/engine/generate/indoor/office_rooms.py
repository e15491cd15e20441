"""Furnishes the rooms of an office."""

import numpy as np

from capture.engine.generate.indoor import furniture as fur
from capture.engine.generate.indoor import lights, workplace
from capture.engine.generate.indoor.decorate import Decorator
from capture.engine.generate.indoor.palette import Palette
from capture.engine.generate.indoor.plan import Room
from capture.engine.generate.kit.bake import Lamp
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import tube


class OfficeLook:
    """Desks, chairs, screens and lamps that are the same all over an office."""

    def __init__(self, palette: Palette) -> None:
        """Draw them."""
        p, rng, m = palette, palette.rng, palette.m
        style = p.style(0)
        self.screens = m.atlas([workplace.screen_picture(rng) for _ in range(16)], 4, 4)
        boards = [workplace.board_picture(rng, (240, 242, 240)) for _ in range(4)]
        self.boards = m.atlas(boards, 2, 2)
        self.top: Material = p.pick([*p.woods, p.flat((236, 234, 230))])
        self.cloth: Material = p.pick([style.cloth, style.dark, style.second_cloth])
        self.arms, self.screened = bool(rng.random() < 0.6), bool(rng.random() < 0.5)
        self.desk_cm = float(rng.choice([140, 160, 180]))
        self.tint: str = p.pick(["neutral", "cool", "warm"])


class OfficeRoom(Decorator):
    """Fills one room; a method for each kind of room."""

    def take(self, palette: Palette, look: OfficeLook, ceiling: str, power: float) -> None:
        """What all rooms of one office share."""
        self.palette, self.ceiling, self.power = palette, ceiling, power
        self.top, self.cloth, self.arms, self.desk_cm = (
            look.top, look.cloth, look.arms, look.desk_cm,
        )  # fmt: skip
        self.screened, self.tint = look.screened, look.tint
        self.screens, self.boards = look.screens, look.boards

    def furnish(self, kind: str) -> list[Lamp]:
        """Fill the room with what its kind needs; returns its lamps."""
        getattr(self, f"_{kind}")()
        self.pictures()
        return self._lights(kind)

    def _open(self) -> None:
        room, rng = self.floor.room, self.rng
        self._columns()
        x0, y0, x1, y1 = room.inner()
        along_x = (x1 - x0 > y1 - y0) == (rng.random() < 0.7)
        seats = int(rng.integers(2, 5))
        size = (seats * self.desk_cm, 345.0)
        size = size if along_x else (size[1], size[0])
        gap = float(rng.integers(9, 14) * 10)
        nx, ny = int((x1 - x0 - gap) // (size[0] + gap)), int((y1 - y0 - 40) // (size[1] + 12))
        for i in range(nx):
            for j in range(ny):
                x = x0 + (i + 0.5) / nx * (x1 - x0)
                y = y0 + (j + 0.5) / ny * (y1 - y0)
                if rng.random() < 0.9 and (place := self._near(x, y, size)):
                    x, y = place
                    with self.b.at(x, y, 0, 90.0 if along_x else 0.0):
                        self._island(seats)
                elif rng.random() < 0.5 and self.floor.at(x, y, 240, 240):
                    self._sofa_group(x, y)
        for _ in range(3):
            self.wall_piece("cabinet", 120, 44, fur.cabinet, self.style, 118, 42, 112, 3)
        self.wall_piece("printer", 72, 66, workplace.printer, self.style)
        self.wall_piece("bookcase", 120, 33, fur.bookcase, self.style, rng, 120, 185, tall=True)
        self._boards(2)
        self.plants(5)

    def _near(self, x: float, y: float, size: tuple[float, float]) -> tuple[float, float] | None:
        """Claim a rectangle at or near (x, y)."""
        for dx, dy in ((0, 0), (60, 0), (-60, 0), (0, 60), (0, -60), (90, 90), (-90, -90)):
            if self.floor.at(x + dx, y + dy, *size):
                return x + dx, y + dy
        return None

    def _columns(self) -> None:
        """Round or square columns on a wide grid, where no door is near."""
        x0, y0, x1, y1 = self.floor.room.inner()
        material, thick = self.palette.concrete((176, 174, 170)), float(self.rng.integers(38, 56))
        nx, ny = round((x1 - x0) / 760), round((y1 - y0) / 620)
        for i in range(1, nx):
            for j in range(1, max(ny, 2)):
                x, y = x0 + i / nx * (x1 - x0), y0 + j / max(ny, 2) * (y1 - y0)
                if self.floor.at(x, y, thick + 10, thick + 10):
                    with self.b.object("column"), self.b.at(x, y):
                        half, high = thick / 2, self.floor.room.height_cm
                        self.b.box((-half, -half, 0), (half, half, high), material, 45, "-z+z")

    def _island(self, seats: int) -> None:
        """Desks face to face in two rows along the frame's y, with chairs."""
        b, rng = self.b, self.rng
        for side in (0.0, 180.0):
            for k in range(seats):
                y = (k - (seats - 1) / 2) * self.desk_cm
                with b.at(0, 0, 0, side), b.at(1.5, y):
                    with b.object("desk"):
                        workplace.workstation(
                            b, self.style, rng, self.desk_cm, self.top, self.screens
                        )
                    turn = 180 + float(rng.uniform(-35, 35))
                    with b.object("chair"), b.at(96 + float(rng.uniform(-8, 14)), 0, 0, turn):
                        workplace.task_chair(b, self.style, self.cloth, self.arms)
        if self.screened:
            with b.object("screen_wall"):
                half = seats * self.desk_cm / 2
                b.box((-1.4, -half, 60), (1.4, half, 112), self.style.second_cloth, 60)

    def _sofa_group(self, x: float, y: float) -> None:
        for yaw in (0.0, 180.0):
            with self.b.object("sofa"), self.b.at(x, y, 0, yaw), self.b.at(-118, 0):
                fur.sofa(self.b, self.style, 160, 80)
        with self.b.object("coffee_table"), self.b.at(x, y):
            fur.round_table(self.b, self.style.wood, self.style.dark, 34, 42)

    def _meeting(self) -> None:
        room = self.floor.room
        x0, y0, x1, y1 = room.inner()
        long_x = x1 - x0 > y1 - y0
        length = float(np.clip(max(x1 - x0, y1 - y0) - 280, 150, 420))
        for cut in (0, 60, 120):
            size = (length - cut + 130, 240.0)
            if self.floor.at(*room.centre, *(size if long_x else size[::-1])):
                with self.b.at(*room.centre, 0, 90.0 if long_x else 0.0):
                    self._table_with_chairs(length - cut)
                break
        self._boards(1)
        self.wall_piece("sideboard", 160, 44, fur.cabinet, self.style, 155, 42, 80, 3)
        self.plants(1)

    def _table_with_chairs(self, length: float) -> None:
        b = self.b
        with b.object("table"):
            workplace.meeting_table(b, self.top, self.style.dark, length, 110)
        count = max(1, int(length // 70))
        for side in (0.0, 180.0):
            for k in range(count):
                y = (k - (count - 1) / 2) * 70
                turn = 180 + float(self.rng.uniform(-14, 14))
                with b.at(0, 0, 0, side), b.object("chair"), b.at(82, y, 0, turn):
                    workplace.shell_chair(b, self.cloth, self.style.metal)

    def _kitchen(self) -> None:
        for width in (360, 300, 240, 180):
            spot = self.floor.on_wall(width, 62, tall=True, reserve=50)
            if spot:
                self.no_art.add(spot.side)
                span = (-width / 2, width / 2)
                self.put("kitchen_units", spot, fur.kitchen_row, self.style, width, span)
                break
        self.wall_piece("fridge", 66, 66, fur.fridge, self.style.metal, self.style, tall=True)
        x, y = self.floor.room.centre
        for dx, dy in ((0, 0), (90, 60), (-90, -60), (90, -60), (-90, 60)):
            if self.floor.at(x + dx, y + dy, 190, 190):
                with self.b.at(x + dx, y + dy):
                    with self.b.object("table"):
                        fur.round_table(self.b, self.top, self.style.metal, 45, 75)
                    for yaw in (0.0, 90.0, 180.0, 270.0):
                        with self.b.object("chair"), self.b.at(0, 0, 0, yaw), self.b.at(-66, 0):
                            workplace.shell_chair(self.b, self.cloth, self.style.metal)
                break
        self.plants(1)

    def _lounge(self) -> None:
        for width in (215, 160):
            self.wall_piece("sofa", width, 96, fur.sofa, self.style, width, 90)
        for _ in range(2):
            self.wall_piece("armchair", 88, 88, fur.sofa, self.style, 84, 86)
        x, y = self.floor.room.centre
        if self.floor.at(x, y, 110, 110):
            with self.b.object("coffee_table"), self.b.at(x, y):
                fur.round_table(self.b, self.top, self.style.dark, 48, 40)
        self.wall_piece(
            "bookcase", 120, 33, fur.bookcase, self.style, self.rng, 120, 185, tall=True
        )
        self.plants(3)

    def _copy(self) -> None:
        for _ in range(2):
            self.wall_piece("printer", 72, 66, workplace.printer, self.style)
        for _ in range(4):
            self.wall_piece("cabinet", 100, 46, fur.cabinet, self.style, 98, 44, 190, 2, tall=True)
        self.wall_piece("lockers", 196, 46, workplace.lockers, [self.style.front], self.style.dark,
                        6, tall=True)  # fmt: skip

    def _cell(self) -> None:
        room = self.floor.room
        self.wall_piece(
            "bookcase", 120, 33, fur.bookcase, self.style, self.rng, 120, 185, tall=True
        )
        x, y = room.centre
        if self.floor.at(x, y, 220, 240):
            with self.b.at(x - 30, y):
                with self.b.object("desk"):
                    workplace.workstation(self.b, self.style, self.rng, 180, self.top, self.screens)
                with self.b.object("chair"), self.b.at(104, 0, 0, 170):
                    workplace.task_chair(self.b, self.style, self.cloth, True)
        self.wall_piece("armchair", 88, 88, fur.sofa, self.style, 84, 86)
        self._boards(1)
        self.plants(2)

    def _boards(self, count: int) -> None:
        """Whiteboards on free stretches of wall, which no picture then takes."""
        for side, y, length in self.floor.free_stretches(200)[:count]:
            x, wy, yaw, _ = self.floor.room.side(side)
            width = min(length - 40, 240.0)
            with self.b.object("whiteboard"), self.b.at(x, wy, 0, yaw), self.b.at(0, y):
                board = self.boards[int(self.rng.integers(len(self.boards)))]
                workplace.whiteboard(self.b, board, self.style.metal, width)
            self.no_art.add(side)

    def _lights(self, kind: str) -> list[Lamp]:
        """A grid of lamps as the office's ceiling has them."""
        room, lamps = self.floor.room, []
        x0, y0, x1, y1 = room.inner()
        step = 330.0 if kind == "open" else 260.0
        nx, ny = max(1, round((x1 - x0) / step)), max(1, round((y1 - y0) / step))
        white, body = self.palette.flat((252, 250, 244)), self.palette.flat((46, 46, 50))
        power = 7.5 * self.power
        for i in range(nx):
            for j in range(ny):
                x, y = x0 + (i + 0.5) / nx * (x1 - x0), y0 + (j + 0.5) / ny * (y1 - y0)
                with self.b.at(x, y):
                    args = white, body, self.tint, power
                    if self.ceiling in ("tiles", "plaster"):
                        size = (118.0, 28.0) if self.ceiling == "plaster" else (60.0, 60.0)
                        lamps.append(lights.panel(self.b, room.height_cm, size, *args))
                    elif self.ceiling == "exposed":
                        lamps.append(lights.bar(self.b, room.height_cm, 46, 150, *args))
                    else:
                        lamps.append(lights.dome(self.b, room.height_cm, 60, 24, *args))
        return lamps


def ceiling_services(b: MeshBuilder, palette: Palette, room: Room, ceiling: str) -> None:
    """Air ducts and pipes under an exposed ceiling."""
    if ceiling != "exposed":
        return
    x0, y0, x1, y1 = room.inner()
    steel, paint = palette.flat((168, 172, 176)), palette.flat(palette.accents[2])
    z = room.height_cm
    for part in (0.28, 0.72):
        y = y0 + part * (y1 - y0)
        with b.object("duct"), b.using(collides=False):
            tube(b, [(x0 + 2, y, z - 24), (x1 - 2, y, z - 24)], 19, steel, 12)
            for x in np.arange(x0 + 150, x1 - 100, 300):
                tube(b, [(x, y, z - 24), (x + 4, y, z - 24)], 20.5, steel, 12)
    with b.object("pipe"), b.using(collides=False, occludes=False):
        for k in range(3):
            y = y0 + 0.5 * (y1 - y0) + k * 14
            tube(b, [(x0 + 2, y, z - 14), (x1 - 2, y, z - 14)], 3, paint, 8)
