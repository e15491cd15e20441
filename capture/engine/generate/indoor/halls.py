"""Large halls: walls on four sides, a flat, gabled or saw-tooth roof on trusses, gates. cm."""

import numpy as np

from capture.engine.generate.indoor.plan import Opening, Room
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import tube, wall


def gable_roof(
    b: MeshBuilder,
    room: Room,
    rise: float,
    sheet: Material,
    end_wall: Material,
    glazed: tuple[float, float] | None = None,
) -> None:
    """Two slopes with the ridge along x, their end walls; `glazed` parts of a slope are left open.

    A second sheet above keeps the sun out of the seams.
    """
    x0, y0, x1, y1 = room.inner()
    middle, eaves = (y0 + y1) / 2, room.height_cm
    for side in (-1.0, 1.0):
        edge = y0 if side < 0 else y1
        foot = np.array([x0 if side > 0 else x1, edge, eaves])
        along = np.array([x1 - x0, 0, 0]) * side
        up = np.array([0, middle - edge, rise])
        for lift, over in ((0.0, 0.0), (26.0, 40.0)):
            low = foot - [side * over, 0, 0] + [0, 0, lift] - up * (over / 600)
            reach = along + [side * 2 * over, 0, 0]
            slope = up * (1 + over / 600)
            _slope(b, low, reach, slope, sheet, glazed, over)
    with b.object("gable"):
        for x, face in ((x0, 1), (x1, -1)):
            ys = np.linspace(y0, y1, 25)[::-face]
            top = eaves + rise * (1 - np.abs(ys - middle) / ((y1 - y0) / 2))
            rows = [
                np.column_stack([np.full(25, x), ys, eaves + (top - eaves) * part])
                for part in (1.0, 0.5, 0.0)
            ]
            b.surface(np.stack(rows), end_wall)


def _slope(b, low, along, up, sheet, glazed, over) -> None:
    """One sheet of a roof, seen from below, with a strip left out for glass."""
    length = float(np.linalg.norm(along))
    s = np.linspace(0, 1, max(2, round(length / 90)) + 1)
    holes = []
    t = np.linspace(0, 1, max(2, round(float(np.linalg.norm(up)) / 90)) + 1)
    if glazed is not None:
        t = np.unique(np.concatenate([t, glazed]))
        holes = [(0.06, glazed[0], 0.94, glazed[1])]
        s = np.unique(np.concatenate([s, [0.06, 0.94]]))
    with b.object("roof"), b.using(collides=over == 0):
        b.patch(low + along, -along, up, s, t, sheet, holes)
    if glazed is not None and over == 0:
        with b.object("pane"), b.using(drawn=False, occludes=False):
            part = up * (glazed[1] - glazed[0])
            b.quad(low + along * 0.94 + up * glazed[0], -along * 0.88, part, sheet)
        with b.object("glazing_bar"), b.using(occludes=False, collides=False):
            for k in np.linspace(0.06, 0.94, max(2, round(length / 160))):
                start = low + along * k + up * glazed[0]
                tube(b, [start, start + up * (glazed[1] - glazed[0])], 3, sheet, 4)


def trusses(b: MeshBuilder, room: Room, rise: float, steel: Material, step: float) -> None:
    """Triangular trusses across y under a gable roof."""
    x0, y0, x1, y1 = room.inner()
    middle, eaves, half = (y0 + y1) / 2, room.height_cm, (y1 - y0) / 2
    for x in np.linspace(x0, x1, max(2, round((x1 - x0) / step)) + 1)[1:-1]:
        with b.object("truss"):
            low = eaves - 6
            tube(b, [(x, y0, low), (x, y1, low)], 7, steel, 4)
            for side in (-1, 1):
                tube(b, [(x, middle + side * half, low), (x, middle, low + rise - 6)], 7, steel, 4)
                cuts = np.linspace(0, 1, 5)[1:-1]
                for a, c in zip([0.0, *cuts[:-1]], cuts, strict=False):
                    foot = (x, middle + side * half * (1 - a), low)
                    top = (x, middle + side * half * (1 - c), low + rise * c - 6)
                    tube(b, [foot, top], 4, steel, 4)
                    tube(b, [top, (x, top[1], low)], 4, steel, 4)
            tube(b, [(x, middle, low), (x, middle, low + rise - 6)], 4, steel, 4)


def flat_trusses(b: MeshBuilder, room: Room, deep: float, steel: Material, step: float) -> None:
    """Lattice girders across y under a flat ceiling."""
    x0, y0, x1, y1 = room.inner()
    top = room.height_cm - 4
    count = max(4, round((y1 - y0) / deep / 1.2))
    ys = np.linspace(y0, y1, count + 1)
    for x in np.linspace(x0, x1, max(2, round((x1 - x0) / step)) + 1)[1:-1]:
        with b.object("girder"):
            for z in (top - 6, top - deep):
                tube(b, [(x, y0, z), (x, y1, z)], 7, steel, 4)
            for k in range(count):
                ends = (top - 6, top - deep) if k % 2 else (top - deep, top - 6)
                tube(b, [(x, ys[k], ends[0]), (x, ys[k + 1], ends[1])], 4, steel, 4)


def gate(
    b: MeshBuilder, opening: Opening, panel: Material, frame: Material, yellow: Material
) -> None:
    """A closed sectional door in a hole of the wall x = 0."""
    y0, z0, y1, z1 = opening.hole
    with b.object("gate"):
        b.quad((-12, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), panel, 60)
        for z in np.arange(z0 + 50, z1 - 10, 52):
            b.box((-13, y0, z), (-10.5, y1, z + 2), frame)
        for low, high in (((y0 - 10, z0), (y0, z1 + 10)), ((y1, z0), (y1 + 10, z1 + 10)),
                          ((y0, z1), (y1, z1 + 10))):  # fmt: skip
            b.box((-14, *low), (4, *high), frame, 120)
        for y in (y0 - 26, y1 + 16):
            b.box((6, y, 0), (16, y + 10, 100), yellow, 60)


def hall_walls(
    b: MeshBuilder, room: Room, materials: dict[str, Material], build_opening, cell: float
) -> None:
    """The four walls; `build_opening(opening)` fills each hole in its wall's frame."""
    for side, openings in room.openings.items():
        x, y, yaw, length = room.side(side)
        with b.at(x, y, 0, yaw):
            with b.object("wall"):
                holes = [o.hole for o in openings]
                wall(b, length, room.height_cm, holes, materials[side], cell)
            for opening in openings:
                build_opening(opening)
