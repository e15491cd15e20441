"""The shell of rooms: floors, ceilings, pierced walls, skirting, windows, and the garden."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.engine.generate.indoor.plan import WALL_CM, Opening, Room, outer_sides
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import curtain, grid_lines, leaf_cards, wall

Rect = tuple[float, float, float, float]
_CELL = 24.0  # wall and floor cells: fine enough for baked light
OUTER_CM = 20.0  # outer walls reach this far beyond the plan


@dataclass(frozen=True)
class Finish:
    """What a room's surfaces are made of."""

    floor: Material
    wall: Material
    accent: Material  # one of the walls
    ceiling: Material
    trim: Material
    curtain: Material | None
    frame: Material | None = None  # of windows; the trim where None
    pane_cm: float = 75.0  # widest pane between two bars
    transoms: tuple[float, ...] | None = None  # cross bars at these parts of a window's height
    skirting: bool = True
    cornice: bool = True


def build_shell(
    b: MeshBuilder,
    room: Room,
    finish: Finish,
    accent_side: str,
    cell: float = _CELL,
    skylights: Sequence[Rect] = (),
    ceiling: bool = True,
) -> None:
    """Floor, ceiling and the four walls of a room; `skylights` (x0, y0, x1, y1) are left open."""
    x0, y0, x1, y1 = room.inner()
    height = room.height_cm
    with b.object("floor"):
        b.quad((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), finish.floor, cell)
    if ceiling:
        with b.object("ceiling"), b.at((x0 + x1) / 2, (y0 + y1) / 2, height):
            ceiling_slab(b, (x1 - x0, y1 - y0), room, skylights, finish.ceiling, cell * 1.5)
    for side, openings in room.openings.items():
        x, y, yaw, length = room.side(side)
        paint = finish.accent if side == accent_side else finish.wall
        with b.at(x, y, 0, yaw):
            with b.object("wall"):
                wall(b, length, height, [o.hole for o in openings], paint, cell)
            if finish.skirting:
                _skirting(b, length, openings, finish.trim)
            if finish.cornice:
                with (
                    b.object("cornice"),
                    b.using(occludes=False, collides=False),
                    b.at(0, 0, height),
                ):
                    b.box((0, -length / 2, -6), (5, length / 2, 0), finish.trim, 40, skip="-x+z")
            for opening in openings:
                _fit_opening(b, room, side, opening, finish)


def ceiling_slab(
    b: MeshBuilder,
    size: tuple[float, float],
    room: Room,
    skylights: Sequence[Rect],
    material: Material,
    cell: float,
) -> None:
    """The ceiling about the frame's origin, facing down, with holes."""
    (wide, deep), (cx, cy) = size, room.centre
    s = grid_lines(wide, cell, [x - cx + wide / 2 for r in skylights for x in (r[0], r[2])])
    t = grid_lines(deep, cell, [cy + deep / 2 - y for r in skylights for y in (r[1], r[3])])
    holes = [
        (
            (r[0] - cx) / wide + 0.5,
            (cy - r[3]) / deep + 0.5,
            (r[2] - cx) / wide + 0.5,
            (cy - r[1]) / deep + 0.5,
        )
        for r in skylights
    ]
    origin = np.array([-wide / 2, deep / 2, 0])
    u, v = np.array([wide, 0, 0]), np.array([0, -deep, 0])
    b.patch(origin, u, v, s / wide, t / deep, material, holes)


def _skirting(b: MeshBuilder, length: float, openings: list[Opening], trim: Material) -> None:
    """Skirting board, which stops at doors."""
    cuts = sorted((o.hole[0] - 9, o.hole[2] + 9) for o in openings if o.hole[1] < 12)
    edges = [-length / 2, *(e for cut in cuts for e in cut), length / 2]
    with b.object("skirting"), b.using(occludes=False, collides=False):
        for low, high in zip(edges[::2], edges[1::2], strict=True):
            if high - low > 2:
                b.box((0, low, 0), (1.6, high, 10), trim, 40, skip="-x-z")


def _fit_opening(b: MeshBuilder, room: Room, side: str, opening: Opening, finish: Finish) -> None:
    if opening.kind == "window":
        fit_window(b, opening, finish)
        return
    if opening.kind == "glass":
        _partition(b, opening, finish)
        return
    y0, _, y1, top = opening.hole
    with b.object("doorway"):
        _reveal(b, opening, -WALL_CM / 2, finish.trim, floor=finish.floor)
        with b.using(collides=False, occludes=False):
            b.box((0, y0 - 9, 0), (2.2, y0, top + 9), finish.trim, 60, skip="-x-z")
            b.box((0, y1, 0), (2.2, y1 + 9, top + 9), finish.trim, 60, skip="-x-z")
            b.box((0, y0, top), (2.2, y1, top + 9), finish.trim, 60, skip="-x")


def _reveal(
    b: MeshBuilder, opening: Opening, back: float, material: Material, floor: Material | None = None
) -> None:
    """The four inner faces of a hole, from the wall's face to x = back (negative)."""
    y0, z0, y1, z1 = opening.hole
    b.quad((0, y1, z1), (back, 0, 0), (0, 0, z0 - z1), material, 30)
    b.quad((back, y0, z1), (-back, 0, 0), (0, 0, z0 - z1), material, 30)
    b.quad((back, y1, z1), (-back, 0, 0), (0, y0 - y1, 0), material, 30)
    b.quad((back, y0, z0), (-back, 0, 0), (0, y1 - y0, 0), floor or material, 30)


def fit_window(b: MeshBuilder, opening: Opening, finish: Finish) -> None:
    """Reveal, frame with bars, sill, a pane that only collides, and curtains."""
    y0, z0, y1, z1 = opening.hole
    depth = WALL_CM / 2 + OUTER_CM
    with b.object("window"):
        _reveal(b, opening, -depth, finish.trim)
        _window_frame(b, opening, finish)
        if z0 > 40:
            b.box((-depth + 10, y0 - 4, z0 - 3), (7, y1 + 4, z0), finish.trim, 40)
    with b.object("pane"), b.using(drawn=False, occludes=False):
        b.quad((-6, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), finish.trim)
    if finish.curtain is not None:
        width = min(52.0, (y1 - y0) * 0.24)
        with b.object("curtain"), b.using(collides=False):
            for left in (y0 - 12 + width, y1 + 12):
                curtain(
                    b,
                    (13, left, z1 + 14),
                    width,
                    z1 + 8 if z0 < 60 else z1 - z0 + 40,
                    finish.curtain,
                )
            b.box((11.6, y0 - 24, z1 + 14), (14.4, y1 + 24, z1 + 16.5), finish.trim)


def _partition(b: MeshBuilder, opening: Opening, finish: Finish) -> None:
    """A glazed hole between two rooms; each of them builds half of its frame."""
    y0, z0, y1, z1 = opening.hole
    with b.object("glass_wall"):
        _reveal(b, opening, -WALL_CM / 2, finish.frame or finish.trim)
        with b.at(5, 0):
            _window_frame(b, opening, finish)
    with b.object("pane"), b.using(drawn=False, occludes=False):
        b.quad((-4, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), finish.trim)


def _window_frame(b: MeshBuilder, opening: Opening, finish: Finish) -> None:
    y0, z0, y1, z1 = opening.hole
    x0, x1, w, trim = -15.0, -9.0, 6.0, finish.frame or finish.trim
    bars = [(y0, z0, y0 + w, z1), (y1 - w, z0, y1, z1), (y0, z0, y1, z0 + w), (y0, z1 - w, y1, z1)]
    panes = max(1, round((y1 - y0) / finish.pane_cm))
    for k in range(1, panes):
        y = y0 + (y1 - y0) * k / panes
        bars.append((y - 3.5, z0, y + 3.5, z1))
    bars += [
        (y0, z - 2.5, y1, z + 2.5)
        for z in (z0 + (z1 - z0) * part for part in finish.transoms or ())
    ]
    if z1 - z0 > 150 and finish.transoms is None:
        bars.append((y0, z1 - 52, y1, z1 - 47))
    with b.using(occludes=False):
        lows, highs = [(x0, a, c) for a, c, _, _ in bars], [(x1, d, e) for _, _, d, e in bars]
        b.boxes(np.array(lows), np.array(highs), [trim] * len(bars))


def build_outside(
    b: MeshBuilder,
    rooms: list[Room],
    width: float,
    depth: float,
    outside: dict[str, Material],
    rng,
    garden: bool = True,
) -> None:
    """Roof slab and outer faces, which keep the sun out, and a fenced garden to look at."""
    build_roof(b, width, depth, max(room.height_cm for room in rooms), outside["facade"])
    for room in rooms:
        for side in outer_sides(room, width, depth):
            _outer_face(b, room, side, outside["facade"])
    if garden:
        build_garden(b, width, depth, outside, rng)


def build_roof(
    b: MeshBuilder,
    width: float,
    depth: float,
    height: float,
    material: Material,
    skylights: Sequence[Rect] = (),
) -> None:
    """A sheet over a plan that keeps the sun out of the seams, but lets it into `skylights`.

    It lies so high that the shadow map's tolerance is not seen under it.
    """
    over, top = OUTER_CM + 30.0, height + 26
    low, size = np.array([-over, -over, top]), (width + 2 * over, depth + 2 * over)
    s = grid_lines(size[0], 400, [x + over for r in skylights for x in (r[0], r[2])])
    t = grid_lines(size[1], 400, [y + over for r in skylights for y in (r[1], r[3])])
    holes = [
        (
            (r[0] + over) / size[0],
            (r[1] + over) / size[1],
            (r[2] + over) / size[0],
            (r[3] + over) / size[1],
        )
        for r in skylights
    ]
    u, v = np.array([size[0], 0, 0]), np.array([0, size[1], 0])
    with b.object("roof"):
        b.patch(low, u, v, s / size[0], t / size[1], material, holes)
        for x0, y0, x1, y1 in (
            (-over, -over, width + over, 10 - over),
            (-over, depth + over - 10, width + over, depth + over),
            (-over, -over, 10 - over, depth + over),
            (width + over - 10, -over, width + over, depth + over),
        ):
            b.box((x0, y0, height - 8), (x1, y1, top), material, 400, skip="+z")


def _outer_face(b: MeshBuilder, room: Room, side: str, material: Material) -> None:
    x, y, yaw, length = room.side(side)
    with b.object("facade"), b.at(x, y, 0, yaw), b.at(-OUTER_CM - WALL_CM / 2, 0, 0, 180):
        holes = [
            (-o.hole[2], o.hole[1], -o.hole[0], o.hole[3])
            for o in room.openings[side]
            if o.kind == "window"
        ]
        wall(b, length + 2 * WALL_CM + 2 * OUTER_CM, room.height_cm, holes, material, 150)


def build_garden(
    b: MeshBuilder, width: float, depth: float, outside: dict[str, Material], rng
) -> None:
    """Lawn, a hedge or fence around it, trees and neighbours' walls behind."""
    margin = 650.0
    x0, y0, x1, y1 = -margin, -margin, width + margin, depth + margin
    with b.object("lawn"):
        far = 500
        b.quad(
            (x0 - far, y0 - far, -22),
            (x1 - x0 + 2 * far, 0, 0),
            (0, y1 - y0 + 2 * far, 0),
            outside["lawn"],
            140,
        )
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    for x, y, yaw, length in (
        (x0, cy, 0, y1 - y0),
        (x1, cy, 180, y1 - y0),
        (cx, y0, 90, x1 - x0),
        (cx, y1, -90, x1 - x0),
    ):
        material = outside[("fence", "hedge", "brick")[int(rng.integers(3))]]
        high = float(rng.integers(15, 22) * 10)
        with b.object("fence"), b.at(x, y, -22, yaw):
            b.box((-12, -length / 2, 0), (0, length / 2, high), material, 150)
            for k in range(int(length // 420)):
                _garden_tree(
                    b,
                    rng,
                    (-150 - rng.uniform(0, 180), (k + rng.uniform(0.2, 0.8)) * 420 - length / 2),
                    outside,
                )


def _garden_tree(b: MeshBuilder, rng, place, outside: dict[str, Material]) -> None:
    """A crown of leaves; trunks are hidden by the fence."""
    height, radius = rng.uniform(230, 420), rng.uniform(110, 210)
    middle = np.array([place[0], place[1], height])
    count = 130
    shell = rng.normal(size=(count, 3))
    shell *= (
        rng.uniform(0.55, 1, (count, 1)) / np.linalg.norm(shell, axis=1, keepdims=True)
    ) * radius
    with b.object("tree"):
        leaf_cards(
            b,
            middle + shell * [1, 1, 1.15],
            rng.uniform(60, 105, count),
            middle,
            outside["leaves"],
            rng,
        )
