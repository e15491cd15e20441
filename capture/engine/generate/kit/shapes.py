"""Rounder shapes on top of MeshBuilder: turned, soft, pierced and leafy ones. Lengths in cm."""

from collections.abc import Sequence

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder, Vector, surface_uv

Hole = tuple[float, float, float, float]
BEHIND_CM = 8.0


def lathe(
    b: MeshBuilder,
    base: Vector,
    profile: Sequence[tuple[float, float]],
    material: Material,
    sides: int = 16,
) -> None:
    """A surface of revolution about z; `profile` is (radius, height) from top to bottom."""
    angle = -np.linspace(0, 2 * np.pi, sides + 1)
    radius, height = np.array(profile, float).T
    points = np.empty((len(radius), sides + 1, 3))
    points[..., 0] = base[0] + radius[:, None] * np.cos(angle)
    points[..., 1] = base[1] + radius[:, None] * np.sin(angle)
    points[..., 2] = base[2] + height[:, None]
    b.surface(points, material, closed_u=True)


def cylinder(
    b: MeshBuilder,
    base: Vector,
    radius: float,
    height: float,
    material: Material,
    sides: int = 12,
    top_radius: float | None = None,
    caps: bool = True,
) -> None:
    """An upright cylinder or cone."""
    top = radius if top_radius is None else top_radius
    lathe(b, base, [(top, height), (radius, 0)], material, sides)
    if caps:
        disc(b, (base[0], base[1], base[2] + height), top, material, sides)


def disc(
    b: MeshBuilder, centre: Vector, radius: float, material: Material, sides: int = 16
) -> None:
    """A level disc facing up."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], 1)
    points = np.concatenate([np.zeros((1, 3)), ring]) * radius + centre
    unit = np.concatenate([np.zeros((1, 2)), ring[:, :2]]) / 2 + 0.5
    uv = surface_uv(unit[:, 0], unit[:, 1], (2 * radius, 2 * radius), material)
    faces = [(0, 1 + i, 1 + (i + 1) % sides) for i in range(sides)]
    b.add(points, np.tile([0, 0, 1.0], (sides + 1, 1)), uv, material.layer, np.array(faces))


def wheel(
    b: MeshBuilder, centre: Vector, radius: float, width: float, tyre: Material, rim: Material
) -> None:
    """A wheel whose axle runs along local y; both faces are closed."""
    angle = np.linspace(0, 2 * np.pi, 17)
    for side in (-1.0, 1.0):
        for r0, r1, out, material in (
            (radius, radius * 0.62, 0.0, tyre),
            (radius * 0.62, 0.01, 0.8, rim),
        ):
            points = np.empty((2, 17, 3))
            for row, r in enumerate((r0, r1)):
                points[row, :, 0] = centre[0] + r * np.cos(angle * side)
                points[row, :, 2] = centre[2] + r * np.sin(angle * side)
                points[row, :, 1] = centre[1] + side * (width / 2 + out * row)
            b.surface(points, material, closed_u=True)
    tread = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1) * radius + centre
    half = np.array([0, width / 2, 0])
    b.surface(np.stack([tread - half, tread + half]), tyre, closed_u=True)


def soft_box(
    b: MeshBuilder,
    low: Vector,
    high: Vector,
    radius: float,
    material: Material,
    cells: int = 4,
    puff: float = 0.0,
) -> None:
    """A box with rounded edges; `puff` cm of bulge makes it a cushion."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    size, centre = high - low, (low + high) / 2
    radius = min(radius, float(size.min()) / 2)
    inner = size / 2 - radius
    line = np.concatenate([[-1], np.linspace(-0.82, 0.82, cells), [1]])
    axes = np.eye(3)
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1)):
        normal = axes[axis] * sign
        u = np.cross(normal, axes[2]) if axis < 2 else axes[0]
        v = np.cross(normal, u)
        cube = normal + line[None, :, None] * u + line[:, None, None] * v
        _soft_face(b, cube, size, inner, radius, centre, puff, normal, material)


def _soft_face(b, cube, size, inner, radius, centre, puff, normal, material) -> None:
    """One face of a soft box; its normals come from the rounding itself, so edges have no seam."""
    position = cube * size / 2
    core = np.clip(position, -inner, inner)
    direction = position - core
    direction /= np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-9)
    bulge = np.prod(np.where(np.abs(normal) > 0.5, 1, np.cos(cube * np.pi / 2)), -1)
    points = core + direction * radius + normal * (puff * bulge)[..., None] + centre
    rows, columns = cube.shape[:2]
    line_u = np.linalg.norm(np.diff(points, axis=1), axis=2).mean(0).cumsum()
    line_v = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(1).cumsum()
    s, t = np.append(0, line_u) / line_u[-1], np.append(0, line_v) / line_v[-1]
    tt, ss = np.meshgrid(t, s, indexing="ij")
    uv = surface_uv(ss.ravel(), tt.ravel(), (line_u[-1], line_v[-1]), material)
    index = np.arange(rows * columns).reshape(rows, columns)
    corners = np.stack(
        [index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]], -1
    ).reshape(-1, 4)
    faces = corners[:, [0, 1, 3, 0, 3, 2]].reshape(-1, 3)
    b.add(points.reshape(-1, 3), direction.reshape(-1, 3), uv, material.layer, faces)


def wall(
    b: MeshBuilder,
    length: float,
    height: float,
    holes: Sequence[Hole],
    material: Material,
    cell: float,
    z0: float = 0.0,
) -> None:
    """An upright wall through the frame's origin that faces local +x, centred on y.

    A hole is (y0, z0, y1, z1) in the local frame. Grid lines run through all of it: no T-joints.
    """
    s = grid_lines(length, cell, [length / 2 - y for hole in holes for y in (hole[0], hole[2])])
    t = grid_lines(height, cell, [z0 + height - z for hole in holes for z in (hole[1], hole[3])])
    cut = [
        (
            (length / 2 - y1) / length,
            (z0 + height - z1) / height,
            (length / 2 - y0) / length,
            (z0 + height - z) / height,
        )
        for y0, z, y1, z1 in holes
    ]
    origin, u, v = (
        np.array([0, length / 2, z0 + height]),
        np.array([0, -length, 0]),
        np.array([0, 0, -height]),
    )
    b.patch(origin, u, v, s / length, t / height, material, cut)


def grid_lines(length: float, cell: float, extra: Sequence[float]) -> np.ndarray:
    """Positions of grid lines over 0..length: the extra ones, and more where gaps exceed `cell`."""
    fixed = np.unique(np.round(np.clip([0.0, length, *extra], 0, length), 3))
    spans = zip(fixed[:-1], fixed[1:], strict=True)
    parts = [np.linspace(a, c, max(1, int(np.ceil((c - a) / cell))) + 1)[:-1] for a, c in spans]
    return np.append(np.concatenate(parts), length)


def leaf_cards(
    b: MeshBuilder,
    centres: np.ndarray,
    sizes: np.ndarray,
    middle: np.ndarray,
    material: Material,
    rng: np.random.Generator,
) -> None:
    """Square cards (N) at random tilts, lit as if they covered a ball about `middle`."""
    count = len(centres)
    normal = rng.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    u = np.cross(normal, rng.normal(size=(count, 3)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normal, u)
    half = sizes[:, None] / 2
    corners = [centres + half * (a * u + c * v) for a, c in ((-1, -1), (1, -1), (-1, 1), (1, 1))]
    points = np.stack(corners, 1).reshape(-1, 3)
    outward = points - middle + [0, 0, 25.0]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    u0, v0, u1, v1 = material.rect or (0, 0, 1, 1)
    uv = np.tile([[u0, v0], [u1, v0], [u0, v1], [u1, v1]], (count, 1))
    faces = np.arange(count)[:, None, None] * 4 + [[0, 1, 3], [0, 3, 2]]
    faces = faces.reshape(-1, 3)
    shading = 2 * (count // 3)  # a third of the leaves shades enough, and rays stay cheap
    with b.using(collides=False):
        split = np.repeat(np.arange(count) < count // 3, 4)
        b.add(points[split], outward[split], uv[split], material.layer, faces[:shading])
        with b.using(occludes=False):
            rest = faces[shading:] - 2 * shading
            b.add(points[~split], outward[~split], uv[~split], material.layer, rest)


def curtain(
    b: MeshBuilder,
    start: Vector,
    width: float,
    drop: float,
    material: Material,
    folds: int = 6,
    depth: float = 4.0,
) -> None:
    """Cloth hanging in folds, from `start` (its upper left corner) along -y and down."""
    u = np.linspace(0, 1, folds * 6 + 1)
    rows = np.linspace(0, 1, 7)
    points = np.empty((7, len(u), 3))
    points[..., 0] = start[0] + depth * np.sin(u * folds * 2 * np.pi) * (0.6 + 0.4 * rows[:, None])
    points[..., 1] = start[1] - width * u
    points[..., 2] = start[2] - drop * rows[:, None]
    b.surface(points, material)


def tube(
    b: MeshBuilder, line: Sequence[Vector], radius: float, material: Material, sides: int = 6
) -> None:
    """A pipe, strut or cable along a line of points; four sides make a square bar."""
    points = np.asarray(line, float)
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    upright = np.abs(along[:, 2:]) > 0.9
    side = np.cross(along, np.where(upright, [1.0, 0, 0], [0, 0, 1.0]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(along, side)
    turn = np.linspace(0, 2 * np.pi, sides + 1) + np.pi / sides
    ring = (
        np.cos(turn)[None, :, None] * side[:, None] + np.sin(turn)[None, :, None] * other[:, None]
    )
    b.surface(points[:, None] + ring * radius, material, closed_u=True)


def arch_curve(half: float, rise: float, kind: str = "round", steps: int = 12) -> np.ndarray:
    """Points (y, z) of an arch over -half..half with its apex at `rise`; "round" or "pointed"."""
    if kind == "round":
        angle = np.linspace(np.pi, 0, steps + 1)
        return np.stack([half * np.cos(angle), rise * np.sin(angle)], 1)
    angle = np.linspace(0, np.pi / 3, steps // 2 + 1)
    left = np.stack([half - 2 * half * np.cos(angle), np.sin(angle) / np.sin(np.pi / 3) * rise], 1)
    return np.concatenate([left, (left * [-1, 1])[-2::-1]])


def arch_head(
    b: MeshBuilder, hole: Hole, rise: float, kind: str, depth: float, material: Material
) -> None:
    """Rounds the head of a hole in the wall x = 0: what fills its upper corners, and the soffit."""
    y0, _, y1, top = hole
    curve = arch_curve((y1 - y0) / 2, rise, kind)[::-1] + [(y0 + y1) / 2, top - rise]
    low = np.column_stack([np.zeros(len(curve)), curve])
    high = low.copy()
    high[:, 2] = top
    b.surface(np.stack([high, low]), material)
    back = low - [depth, 0, 0]
    b.surface(np.stack([low, back]), material)


def vault(
    b: MeshBuilder,
    x: tuple[float, float],
    half: float,
    spring: float,
    rise: float,
    kind: str,
    material: Material,
    cell: float = 60.0,
) -> None:
    """A barrel vault along x over y = -half..half, seen from below."""
    steps = max(10, 2 * round(half * 1.6 / cell))
    curve = arch_curve(half, rise, kind, steps)
    lines = np.linspace(*x, max(1, round((x[1] - x[0]) / cell)) + 1)
    points = np.empty((len(curve), len(lines), 3))
    points[..., 0] = lines
    points[..., 1] = curve[:, :1]
    points[..., 2] = spring + curve[:, 1:]
    b.surface(points[::-1], material)


def lunette(
    b: MeshBuilder, half: float, spring: float, rise: float, kind: str, material: Material
) -> None:
    """The wall x = 0 under a vault's end, above its springing, facing +x.

    It reaches a little behind the vault, whose curve has other corners, so that no gap is left.
    """
    curve = arch_curve(half + BEHIND_CM, rise + BEHIND_CM, kind, 16)[::-1]
    top = np.column_stack([np.zeros(len(curve)), curve + [0, spring]])
    low = top.copy()
    low[:, 2] = spring
    middle = (top + low) / 2
    b.surface(np.stack([top, middle, low]), material)
