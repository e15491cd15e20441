"""Where furniture may stand: free rectangles of a room that leave all its doors connected."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from capture.engine.generate.indoor.plan import Room

_STEP_CM = 10.0  # cells of the occupancy grid
_PERSON_CM = 32.0  # half the width of a free passage
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spot:
    """A place for a piece of furniture: its frame in the world."""

    x: float
    y: float
    yaw_deg: float
    side: str


@dataclass
class Floor:
    """Tracks what stands in a room."""

    room: Room
    rng: np.random.Generator
    taken: list[tuple[Rect, bool]] = field(default_factory=list)  # rectangle, is it tall
    hung: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # used wall, by side

    def on_wall(
        self,
        width: float,
        depth: float,
        tall: bool = False,
        reserve: float = 0.0,
        sides: str = "",
        middle: bool = False,
    ) -> Spot | None:
        """A spot with its back on a wall for a piece of width x depth, or None.

        Tall pieces keep off windows. `reserve` cm in front are left free of other pieces.
        """
        names = sides.split() or list(self.room.openings)
        candidates = [(s, y) for s in names for y in self._positions(s, width, middle)]
        for index in self.rng.permutation(len(candidates)):
            side, y = candidates[index]
            if self._free_wall(side, y, width, tall):
                spot = self._spot(side, y)
                if self._claim(
                    self._rect(spot, width, depth), self._rect(spot, width, depth + reserve), tall
                ):
                    self.hung.setdefault(side, []).append((y - width / 2, y + width / 2))
                    return spot
        return None

    def at(self, x: float, y: float, width: float, depth: float) -> bool:
        """Claim a rectangle centred on (x, y): width along world x, depth along y."""
        rect = (x - width / 2, y - depth / 2, x + width / 2, y + depth / 2)
        return self._claim(rect, rect, False)

    def in_front(
        self, spot: Spot, distance: float, width: float, depth: float
    ) -> tuple[float, float] | None:
        """Claim a rectangle centred `distance` in front of a spot, `width` along its wall."""
        c, s = round(np.cos(np.radians(spot.yaw_deg))), round(np.sin(np.radians(spot.yaw_deg)))
        x, y = spot.x + c * distance, spot.y + s * distance
        along_x, along_y = (depth, width) if c else (width, depth)
        return (x, y) if self.at(x, y, along_x, along_y) else None

    def free_stretches(self, least: float) -> list[tuple[str, float, float]]:
        """Stretches of wall without openings and tall pieces: side, middle and length."""
        found = []
        for side, openings in self.room.openings.items():
            length = self.room.side(side)[3]
            cuts = [(o.hole[0] - 14, o.hole[2] + 14) for o in openings]
            cuts += [(y0 - 4, y1 + 4) for y0, y1 in self._tall_on(side)]
            start = -length / 2 + 12
            for low, high in [*sorted(cuts), (length / 2 - 12, length)]:
                if low - start >= least:
                    found.append((side, (start + low) / 2, low - start))
                start = max(start, high)
        return found

    def open_point(self) -> tuple[float, float]:
        """The free point farthest from all furniture and walls."""
        free = ~self._occupied([rect for rect, _ in self.taken])
        distance = np.asarray(ndimage.distance_transform_edt(np.pad(free, 1)))[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(distance)), distance.shape)
        x0, y0, _, _ = self.room.inner()
        return x0 + (column + 0.5) * _STEP_CM, y0 + (row + 0.5) * _STEP_CM

    def open_points(self, count: int) -> list[tuple[float, float]]:
        """`count` points far from furniture, from walls and from each other."""
        free = ~self._occupied([rect for rect, _ in self.taken])
        x0, y0, _, _ = self.room.inner()
        points = []
        for _ in range(count):
            distance = np.asarray(ndimage.distance_transform_edt(np.pad(free, 1)))[1:-1, 1:-1]
            row, column = np.unravel_index(int(np.argmax(distance)), distance.shape)
            points.append((x0 + (column + 0.5) * _STEP_CM, y0 + (row + 0.5) * _STEP_CM))
            free[max(0, row - 25) : row + 25, max(0, column - 25) : column + 25] = False
        return points

    def _tall_on(self, side: str) -> list[tuple[float, float]]:
        x, y, yaw, _ = self.room.side(side)
        spans = []
        for rect, tall in self.taken:
            gap = {
                "west": rect[0] - x,
                "east": x - rect[2],
                "south": rect[1] - y,
                "north": y - rect[3],
            }[side]
            if tall and gap < 40:
                a, b = (rect[1], rect[3]) if side in ("west", "east") else (rect[0], rect[2])
                ends = sorted((self.room.along(side, a), self.room.along(side, b)))
                spans.append((ends[0], ends[1]))
        return spans

    def _positions(self, side: str, width: float, middle: bool) -> list[float]:
        slack = (self.room.side(side)[3] - width) / 2 - 2
        if slack < 0:
            return []
        if middle:
            return [0.0, *self.rng.uniform(-slack * 0.3, slack * 0.3, 2)]
        return [-slack, slack, *self.rng.uniform(-slack, slack, 4)]

    def _free_wall(self, side: str, y: float, width: float, tall: bool) -> bool:
        for opening in self.room.openings[side]:
            blocks = opening.kind != "window" or tall or opening.hole[1] < 40
            margin = 14 if opening.kind == "window" else 22
            if blocks and abs(opening.centre - y) < (opening.width + width) / 2 + margin:
                return False
        return True

    def _spot(self, side: str, y: float) -> Spot:
        x, cy, yaw, _ = self.room.side(side)
        c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
        gap = 1.8  # clears the skirting
        return Spot(x - s * y + c * gap, cy + c * y + s * gap, yaw, side)

    def _rect(self, spot: Spot, width: float, depth: float) -> Rect:
        c, s = np.cos(np.radians(spot.yaw_deg)), np.sin(np.radians(spot.yaw_deg))
        xs = sorted(
            (
                spot.x + s * width / 2,
                spot.x - s * width / 2 + c * depth,
                spot.x + c * depth + s * width / 2,
                spot.x - s * width / 2,
            )
        )
        ys = sorted(
            (
                spot.y + c * width / 2,
                spot.y - c * width / 2 + s * depth,
                spot.y + s * depth + c * width / 2,
                spot.y - c * width / 2,
            )
        )
        return xs[0], ys[0], xs[-1], ys[-1]

    def _claim(self, rect: Rect, reserved: Rect, tall: bool) -> bool:
        x0, y0, x1, y1 = self.room.inner()
        inside = (
            reserved[0] > x0 - 3
            and reserved[1] > y0 - 3
            and reserved[2] < x1 + 3
            and reserved[3] < y1 + 3
        )
        clear = all(not _overlap(reserved, other) for other, _ in self.taken)
        if inside and clear and self._passable([*(r for r, _ in self.taken), rect]):
            self.taken.append((rect, tall))
            return True
        return False

    def _passable(self, rects: list[Rect]) -> bool:
        """Whether a person can still walk between all doors and the room's largest free place."""
        x0, y0, x1, y1 = self.room.inner()
        free = ~self._occupied([_grow(r, _PERSON_CM) for r in rects])
        edge = int(np.ceil(_PERSON_CM / _STEP_CM))
        free[:edge], free[-edge:], free[:, :edge], free[:, -edge:] = False, False, False, False
        labels = np.zeros(free.shape, np.int32)
        if ndimage.label(free, output=labels) == 0:
            return False
        largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
        for x, y in self._door_points():
            row, column = int((y - y0) / _STEP_CM), int((x - x0) / _STEP_CM)
            if labels[min(row, free.shape[0] - 1), min(column, free.shape[1] - 1)] != largest:
                return False
        return True

    def _door_points(self) -> list[tuple[float, float]]:
        points = []
        for side, openings in self.room.openings.items():
            x, y, yaw, _ = self.room.side(side)
            c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
            for o in openings:
                if o.kind != "window":
                    points.append((x - s * o.centre + c * 50, y + c * o.centre + s * 50))
        return points

    def _occupied(self, rects: list[Rect]) -> np.ndarray:
        x0, y0, x1, y1 = self.room.inner()
        grid = np.zeros((int((y1 - y0) / _STEP_CM), int((x1 - x0) / _STEP_CM)), bool)
        for a, c, d, e in rects:
            i0, i1 = int(max(0, (a - x0) / _STEP_CM)), int(np.ceil(max(0, (d - x0) / _STEP_CM)))
            j0, j1 = int(max(0, (c - y0) / _STEP_CM)), int(np.ceil(max(0, (e - y0) / _STEP_CM)))
            grid[j0:j1, i0:i1] = True
        return grid


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 1 and b[1] < a[3] - 1


def _grow(rect: Rect, by: float) -> Rect:
    return rect[0] - by, rect[1] - by, rect[2] + by, rect[3] + by
