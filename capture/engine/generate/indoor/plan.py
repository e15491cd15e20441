"""Floor plans: a rectangle cut into rooms, with doors between them and windows to the outside.

Rooms are cells between the middle lines of their walls, in cm; x and y as in the world.
"""

from dataclasses import dataclass, field

import numpy as np

from capture.engine.generate.kit.shapes import Hole

WALL_CM = 16.0  # thickness between rooms
HEIGHT_CM = 262.0
DOOR_HEIGHT_CM = 212.0
_CORNER_CM = 32.0  # no door nearer to a corner

# Side of a room: its name, the inward normal, and the yaw that turns local +x into it.
SIDES = {"west": 0.0, "east": 180.0, "south": 90.0, "north": -90.0}


@dataclass(frozen=True)
class Opening:
    """A hole in one wall of a room, in that wall's frame (+y to the left of who faces it)."""

    hole: Hole
    kind: str  # "door", "arch" (a wide doorway), "window", "glass" (into another room), "gate"

    @property
    def centre(self) -> float:
        """Its middle along the wall."""
        return (self.hole[0] + self.hole[2]) / 2

    @property
    def width(self) -> float:
        """Its width along the wall."""
        return self.hole[2] - self.hole[0]


@dataclass
class Room:
    """A cell of the plan; `openings` by side."""

    x0: float
    y0: float
    x1: float
    y1: float
    kind: str = ""
    height_cm: float = HEIGHT_CM
    openings: dict[str, list[Opening]] = field(default_factory=lambda: {s: [] for s in SIDES})

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def area_m2(self) -> float:
        """Floor area between wall middles."""
        return (self.x1 - self.x0) * (self.y1 - self.y0) / 1e4

    def inner(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the floor between the walls."""
        half = WALL_CM / 2
        return self.x0 + half, self.y0 + half, self.x1 - half, self.y1 - half

    def side(self, name: str) -> tuple[float, float, float, float]:
        """Middle (x, y) of a wall's inner face on the floor, its yaw, and its length."""
        x0, y0, x1, y1 = self.inner()
        x, y = {"west": (x0, 0), "east": (x1, 0), "south": (0, y0), "north": (0, y1)}[name]
        if name in ("west", "east"):
            return x, (y0 + y1) / 2, SIDES[name], y1 - y0
        return (x0 + x1) / 2, y, SIDES[name], x1 - x0

    def along(self, name: str, world: float) -> float:
        """A world x or y (whichever runs along the wall) as that wall's local y."""
        cx, cy = self.centre
        return {"west": world - cy, "east": cy - world, "south": cx - world, "north": world - cx}[
            name
        ]


def make_plan(
    rng: np.random.Generator, width: float, depth: float, count: int, smallest: float
) -> list[Room]:
    """Cut a rectangle into `count` rooms of at least `smallest` cm a side."""
    rooms = [Room(0, 0, width, depth)]
    while len(rooms) < count:
        rooms.sort(key=lambda r: -r.area_m2)
        splittable = [r for r in rooms if max(r.x1 - r.x0, r.y1 - r.y0) >= 2 * smallest + 20]
        if not splittable:
            break
        room = splittable[0]
        rooms.remove(room)
        rooms += _split(rng, room, smallest)
    return rooms


def _split(rng: np.random.Generator, room: Room, smallest: float) -> list[Room]:
    """Two rooms out of one, across its longer side."""
    wide, deep = room.x1 - room.x0, room.y1 - room.y0
    length = max(wide, deep)
    cut = np.clip(length * rng.uniform(0.38, 0.62), smallest, length - smallest)
    cut = float(np.round(cut / 10) * 10)
    if wide >= deep:
        x = room.x0 + cut
        return [Room(room.x0, room.y0, x, room.y1), Room(x, room.y0, room.x1, room.y1)]
    y = room.y0 + cut
    return [Room(room.x0, room.y0, room.x1, y), Room(room.x0, y, room.x1, room.y1)]


def shared_wall(a: Room, b: Room) -> tuple[str, str, float, float] | None:
    """The sides of a and b that touch and the stretch (low, high) they share, if any."""
    for first, second, edge, other in (("east", "west", a.x1, b.x0), ("west", "east", a.x0, b.x1)):
        if abs(edge - other) < 1 and min(a.y1, b.y1) > max(a.y0, b.y0):
            return first, second, max(a.y0, b.y0), min(a.y1, b.y1)
    for first, second, edge, other in (
        ("north", "south", a.y1, b.y0),
        ("south", "north", a.y0, b.y1),
    ):
        if abs(edge - other) < 1 and min(a.x1, b.x1) > max(a.x0, b.x0):
            return first, second, max(a.x0, b.x0), min(a.x1, b.x1)
    return None


def connect(
    rng: np.random.Generator,
    rooms: list[Room],
    loops: float,
    arch: tuple[float, float] | None = None,
) -> None:
    """Join all rooms by doors, and some neighbours more (`loops`: their share), for round walks.

    With an `arch` (width, height) all doorways are such arches.
    """
    edges = [(i, j) for i in range(len(rooms)) for j in range(i) if _fits(rooms[i], rooms[j])]
    order = [edges[k] for k in rng.permutation(len(edges))]
    group = list(range(len(rooms)))
    for i, j in sorted(order, key=lambda e: -_openness(rooms[e[0]], rooms[e[1]])):
        if group[i] != group[j]:
            group = [group[i] if g == group[j] else g for g in group]
            add_door(rng, rooms[i], rooms[j], arch)
        elif rng.random() < loops and "bath" not in (rooms[i].kind, rooms[j].kind):
            add_door(rng, rooms[i], rooms[j], arch)


def _fits(a: Room, b: Room) -> bool:
    shared = shared_wall(a, b)
    return shared is not None and shared[3] - shared[2] > 116 + 2 * _CORNER_CM


def _openness(a: Room, b: Room) -> int:
    """Doors are cut first between rooms that people pass through."""
    public = {"living": 2, "hall": 2, "kitchen": 1, "dining": 1, "open": 2}
    return public.get(a.kind, 0) + public.get(b.kind, 0)


def add_door(
    rng: np.random.Generator, a: Room, b: Room, arch: tuple[float, float] | None = None
) -> None:
    """Cut a doorway into the wall between two rooms; a wide one between day rooms, or an arch."""
    shared = shared_wall(a, b)
    if shared is None:
        return
    first, second, low, high = shared
    day = {"living", "kitchen", "dining", "hall"}
    wide = a.kind in day and b.kind in day and high - low > 330
    width = float(rng.integers(17, 24) * 10) if wide else 110.0
    top = 228.0 if wide else DOOR_HEIGHT_CM
    if arch is not None:
        wide, width, top = True, min(arch[0], high - low - 2 * _CORNER_CM), arch[1]
    low, high = low + _CORNER_CM + width / 2, high - _CORNER_CM - width / 2
    middle = float(np.round(rng.choice([low, high, (low + high) / 2, rng.uniform(low, high)])))
    for room, side in ((a, first), (b, second)):
        y = room.along(side, middle)
        hole = (y - width / 2, 0.0, y + width / 2, top)
        room.openings[side].append(Opening(hole, "arch" if wide else "door"))


def outer_sides(room: Room, width: float, depth: float) -> list[str]:
    """The sides of a room that are outer walls of a house of `width` (X) by `depth` (Y) cm."""
    outer = {
        "west": room.x0 < 1,
        "east": room.x1 > width - 1,
        "south": room.y0 < 1,
        "north": room.y1 > depth - 1,
    }
    return [side for side, is_outer in outer.items() if is_outer]


def add_windows(rng: np.random.Generator, rooms: list[Room], width: float, depth: float) -> None:
    """Windows in every outer wall, sized by the room's kind."""
    for room in rooms:
        for side in outer_sides(room, width, depth):
            length = room.side(side)[3]
            wide, sill, top = _window_size(rng, room.kind)
            count = max(1, int(length // (wide + 130)))
            wide = min(wide, length - 90)
            for k in range(count):
                y = (k + 0.5) / count * length - length / 2
                room.openings[side].append(
                    Opening((y - wide / 2, sill, y + wide / 2, top), "window")
                )


def _window_size(rng: np.random.Generator, kind: str) -> tuple[float, float, float]:
    """Width, sill and top of a room's windows."""
    if kind == "bath":
        return 80.0, 120.0, 218.0
    if kind == "living" or rng.random() < 0.2:
        return float(rng.integers(18, 27) * 10), float(rng.choice([8, 30])), 228.0
    if kind in ("kitchen", "study"):
        return float(rng.integers(12, 18) * 10), 104.0, 222.0
    return float(rng.integers(11, 19) * 10), float(rng.choice([70, 86])), 222.0
