"""Hangs and places what a museum's hall shows."""

from capture.engine.generate.indoor import lights
from capture.engine.generate.indoor import sculpture as sculpt
from capture.engine.generate.indoor.decorate import Decorator
from capture.engine.generate.indoor.palette import Palette
from capture.engine.generate.kit.bake import Lamp
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import soft_box


class Exhibition(Decorator):
    """Fills one hall; a method for each kind."""

    def take(self, palette: Palette, manner: str, dark: bool, skylit: bool) -> None:
        """What all halls of a museum share."""
        p = self.palette = palette
        self.old = manner.startswith("of old") or manner.startswith("of anti")
        self.power = 1.0 if dark else (0.5 if skylit else 0.8)
        self.soft = 0.25 if dark else 1.0
        self.gold, self.black = p.flat((176, 136, 66), 10), p.flat((32, 30, 30))
        self.label, self.plinth = (
            p.flat((242, 242, 240)),
            p.flat(p.pick([(232, 230, 226), (120, 118, 114), (200, 190, 172), (60, 60, 62)]), 6),
        )
        self.stones = [
            p.concrete(c, 160)
            for c in ((224, 220, 210), (126, 108, 90), (92, 98, 92), (190, 168, 140))
        ] + [p.flat(c, 10) for c in ((86, 128, 112), (150, 104, 56), (180, 40, 36), (40, 70, 130))]
        self.lamps: list[Lamp] = []

    def furnish(self, kind: str) -> list[Lamp]:
        """Fill the hall; returns its lamps."""
        getattr(self, f"_{kind}")()
        self._bench()
        self._general_light()
        return self.lamps

    def _pictures(self) -> None:
        self._hang(2.6 if self.old else 3.6)

    def _mixed(self) -> None:
        self._stand(3, sculpt.CLASSIC if self.old else sculpt.MODERN)
        self._hang(3.2)

    def _sculpture(self) -> None:
        self._stand(6, sculpt.MODERN)
        self._hang(6.0)

    def _statues(self) -> None:
        self._stand(8, sculpt.CLASSIC)
        for _ in range(5):
            spot = self.floor.on_wall(80, 80)
            if spot:
                with self.b.at(spot.x, spot.y, 0, spot.yaw_deg), self.b.at(40, 0):
                    self._piece("figure", 180.0, 40.0)
        self._hang(7.0)

    def _cases(self) -> None:
        room = self.floor.room
        x0, y0, x1, y1 = room.inner()
        for _ in range(7):
            length = float(self.rng.choice([140, 200, 260]))
            x, y = (
                float(self.rng.uniform(x0 + 180, x1 - 180)),
                float(self.rng.uniform(y0 + 180, y1 - 180)),
            )
            along_x = self.rng.random() < 0.5
            size = (length + 40, 110.0) if along_x else (110.0, length + 40)
            if self.floor.at(x, y, *size):
                with self.b.at(x, y, 0, 90.0 if along_x else 0.0):
                    self._case(length)
        self._stand(2, sculpt.CLASSIC)
        self._hang(6.0)

    def _case(self, length: float) -> None:
        with self.b.object("glass_case"):
            sculpt.glass_case(self.b, self.rng, self.plinth, self.black, self.stones, length)
        high = self.floor.room.height_cm
        with self.b.object("spotlight"):
            self.lamps.append(
                lights.spot(self.b, (60, 0, min(high - 20, 420)), (0, 0, 90), self.black, "warm",
                            9.0 * self.power, 6.0, high)
            )  # fmt: skip

    def _stand(self, count: int, kinds: tuple[str, ...]) -> None:
        """Sculptures on plinths or on the floor, anywhere in the hall."""
        x0, y0, x1, y1 = self.floor.room.inner()
        for _ in range(count * 3):
            large = self.rng.random() < 0.35
            size = 230.0 if large else 150.0
            x = float(self.rng.uniform(x0 + size / 2 + 60, x1 - size / 2 - 60))
            y = float(self.rng.uniform(y0 + size / 2 + 60, y1 - size / 2 - 60))
            if self.floor.at(x, y, size, size):
                with self.b.at(x, y, 0, float(self.rng.uniform(0, 360))):
                    kind = kinds[int(self.rng.integers(len(kinds)))]
                    if large and kind not in ("bust", "urn"):
                        self._piece(kind, float(self.rng.uniform(170, 270)), 12.0)
                    else:
                        self._piece(kind, float(self.rng.uniform(60, 110)), 95.0)
                count -= 1
            if count == 0:
                return

    def _piece(self, kind: str, high: float, foot: float) -> None:
        """A sculpture on a plinth `foot` cm high, with its spotlight and label."""
        half = 30.0 if foot > 60 else max(34.0, high * 0.22)
        with self.b.object("plinth"):
            sculpt.plinth(self.b, self.plinth, half, foot)
            with self.b.using(occludes=False, collides=False):
                self.b.quad((half + 0.4, 7, min(foot, 90) - 2), (0, -14, 0), (0, 0, -8), self.label)
        with self.b.object(kind), self.b.at(0, 0, foot):
            stone = self.stones[int(self.rng.integers(8 if not self.old else 5))]
            sculpt.sculpture(self.b, self.rng, kind, stone, high)
        top = min(self.floor.room.height_cm - 20, 460.0)
        with self.b.object("spotlight"):
            self.lamps.append(
                lights.spot(self.b, (150, 60, top), (0, 0, foot + high / 2), self.black, "warm",
                            11.0 * self.power, 10.0, self.floor.room.height_cm)
            )  # fmt: skip

    def _hang(self, gap: float) -> None:
        """Pictures along all free stretches; `gap` is the mean distance in picture widths / 2."""
        for side, y, length in self.floor.free_stretches(110):
            x, wy, yaw, _ = self.floor.room.side(side)
            with self.b.at(x, wy, 0, yaw):
                position = -length / 2 + float(self.rng.uniform(30, 70))
                while True:
                    wide = float(self.rng.uniform(60, 200 if length > 500 else 110))
                    if position + wide > length / 2 - 20 or not self.art:
                        break
                    if self.rng.random() < 0.9:
                        self._picture(y + position + wide / 2, wide)
                    position += wide + float(self.rng.uniform(14, 26)) * gap

    def _picture(self, y: float, wide: float) -> None:
        """A picture with its label and lamp; small ones hang two over each other at times."""
        rng, b = self.rng, self.b
        ratio = float(rng.uniform(0.7, 1.3))
        high = min(wide * ratio, 230.0, self.floor.room.height_cm - 190)
        tall_room = self.floor.room.height_cm > 430
        middle = 158.0 if high < 150 else 60 + high / 2 + 30
        art = self.art[int(rng.integers(len(self.art)))]
        rows = 2 if self.old and tall_room and high < 110 and rng.random() < 0.6 else 1
        for row in range(rows):
            with b.object("picture"), b.at(0, y):
                z = middle + row * (high + 34)
                _frame(b, art, self.gold if self.old else self.black, wide, high, z, self.old)
            art = self.art[int(rng.integers(len(self.art)))]
        with b.object("label"), b.using(occludes=False, collides=False):
            b.quad((0.6, y + wide / 2 + 26, 132), (0, -13, 0), (0, 0, -9), self.label)
        top = min(self.floor.room.height_cm - 12, 470.0)
        with b.object("spotlight"):
            self.lamps.append(
                lights.spot(b, (170, y, top), (0, y, middle + (rows - 1) * high / 2), self.black,
                            "warm", 7.0 * self.power, 9.0, self.floor.room.height_cm)
            )  # fmt: skip

    def _bench(self) -> None:
        room = self.floor.room
        leather = self.black if self.rng.random() < 0.5 else self.style.wood
        for dx, dy in ((0, 0), (120, 80), (-120, -80), (150, -120), (-150, 120)):
            x, y = room.centre[0] + dx, room.centre[1] + dy
            if self.floor.at(x, y, 200, 110):
                with self.b.object("bench"), self.b.at(x, y, 0, 90):
                    soft_box(self.b, (-24, -90, 38), (24, 90, 46), 3, leather, 3)
                    for end in (-70.0, 64.0):
                        self.b.box((-20, end, 0), (20, end + 6, 38), self.style.metal)
                return

    def _general_light(self) -> None:
        """Soft light from above, so that no hall is black between its spots."""
        x0, y0, x1, y1 = self.floor.room.inner()
        nx, ny = max(1, round((x1 - x0) / 480)), max(1, round((y1 - y0) / 480))
        high = self.floor.room.height_cm
        for i in range(nx):
            for j in range(ny):
                place = x0 + (i + 0.5) / nx * (x1 - x0), y0 + (j + 0.5) / ny * (y1 - y0)
                with self.b.at(*place):
                    power = 1.2 * self.soft * (high / 400) ** 2
                    lamp = lights.lamp_at(self.b, (0, 0, high - 8), power, "neutral",
                                          reach_cm=1200, size_cm=60, aim=lights.DOWN)  # fmt: skip
                    self.lamps.append(lamp)


def _frame(
    b: MeshBuilder, art: Material, frame: Material, wide: float, high: float, z: float, heavy: bool
) -> None:
    """A picture at height z on the wall x = 0 in a heavy or a thin frame."""
    y, low, top = wide / 2, z - high / 2, z + high / 2
    edge = 4 + min(wide, high) * 0.07 if heavy else 1.6
    with b.using(occludes=False, collides=False):
        b.box((0, -y - edge, low - edge), (3, y + edge, top + edge), frame, 40, skip="-x")
        if heavy:
            sides = [((-y - edge, low - edge), (-y, top + edge))]
            sides += [((y, low - edge), (y + edge, top + edge))]
            sides += [((-y, low - edge), (y, low)), ((-y, top), (y, top + edge))]
            for a, c in sides:
                b.box((3, *a), (6, *c), frame, 60, skip="-x")
        b.quad((3.3, y, top), (0, -wide, 0), (0, 0, -high), art, 40)
