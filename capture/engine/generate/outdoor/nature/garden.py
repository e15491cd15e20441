"""What gardens and parks are furnished with, in local frames. cm."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, disc, lathe
from capture.engine.generate.outdoor.nature.foliage import Foliage
from capture.engine.generate.outdoor.nature.trees import tube


def path(
    b: MeshBuilder,
    height: Callable[[np.ndarray, np.ndarray], np.ndarray],
    line: np.ndarray,
    width: float,
    surface: Material,
    edge: Material | None = None,
    lift: float = 5.0,
    open_: Callable[[np.ndarray], np.ndarray] | None = None,
) -> None:
    """A path along a middle line (N,3) in the world, `lift` above the ground's `height`.

    Edging stones stand where `open_` of their places (N,3) is true.
    """
    ahead = np.gradient(line[:, :2], axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    left = np.column_stack([-ahead[:, 1], ahead[:, 0], np.zeros(len(line))])
    across = np.array([0.5, 0.5, 0.17, -0.17, -0.5, -0.5])
    rows = line + across[:, None, None] * width * left
    lifts = np.array([-25.0, lift, lift + 1, lift + 1, lift, -25.0])
    rows[..., 2] = height(rows[..., 0].ravel(), rows[..., 1].ravel()).reshape(rows.shape[:2])
    rows[..., 2] += lifts[:, None]
    b.surface(rows, surface)
    if edge is None:
        return
    for side in (0.5, -0.5):
        shape = np.array([(-9, -20), (-9, lift + 4), (9, lift + 4), (9, -20)])
        kerb = line + side * width * left
        kerb[:, 2] = height(kerb[:, 0], kerb[:, 1])
        free = np.ones(len(line), bool) if open_ is None else open_(kerb)
        for run in np.split(np.arange(len(line)), np.flatnonzero(np.diff(free)) + 1):
            if free[run[0]] and len(run) > 1:
                rows = [kerb[run] + x * left[run] + [0, 0, z] for x, z in shape]
                b.surface(np.stack(rows), edge)


def round_place(
    b: MeshBuilder, radius: float, surface: Material, edge: Material | None = None
) -> None:
    """A round paved place at the frame's origin, 8 above it."""
    rings = [(radius * r, 8.0) for r in (0.02, 0.34, 0.67, 1.0)]
    points = [(*rings[0],), *rings[1:], (radius, -25.0)]
    lathe(b, (0, 0, 0), points, surface, 48)
    if edge is not None:
        lathe(
            b,
            (0, 0, 0),
            [(radius - 9, 8), (radius - 9, 13), (radius + 9, 13), (radius + 9, -20)],
            edge,
            48,
        )


def fountain(
    b: MeshBuilder, stone: Material, water: Material, radius: float, tiers: int = 2
) -> None:
    """A basin with bowls above one another."""
    lathe(
        b,
        (0, 0, 0),
        [(radius - 26, 8), (radius - 24, 58), (radius, 62), (radius + 6, 50), (radius, 0)],
        stone,
        32,
    )
    disc(b, (0, 0, 42), radius - 22, water, 32)
    lathe(b, (0, 0, 0), [(12, 130), (18, 110), (14, 80), (34, 44)], stone, 16)
    for tier in range(tiers):
        z, wide = 125 + 85 * tier, radius * (0.42 - 0.16 * tier)
        lathe(b, (0, 0, z), [(wide - 7, 12), (wide, 22), (wide * 0.94, 10), (14, -8)], stone, 24)
        disc(b, (0, 0, z + 15), wide - 6, water, 24)
        lathe(b, (0, 0, z), [(6, 90), (11, 60), (8, 12)], stone, 12)
    lathe(b, (0, 0, 125 + 85 * tiers), [(1, 40), (14, 22), (12, 8), (5, 0)], stone, 12)


@dataclass(frozen=True, kw_only=True)
class PavilionLook:
    """A pavilion's materials."""

    post: Material
    roof: Material
    floor: Material
    trim: Material


def pavilion(b: MeshBuilder, look: PavilionLook, radius: float, sides: int, domed: bool) -> None:
    """An open pavilion on a step, with a pointed or domed roof."""
    lathe(b, (0, 0, 0), [(0.5, 38), (radius + 30, 38), (radius + 30, 0)], look.floor, sides * 2)
    lathe(
        b,
        (0, 0, 0),
        [(radius + 30, 19), (radius + 75, 19), (radius + 75, -40)],
        look.floor,
        sides * 2,
    )
    for k in range(sides):
        angle = (k + 0.5) * 2 * np.pi / sides
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        lathe(b, (x, y, 36), [(17, 262), (11, 250), (11, 14), (17, 0)], look.post, 10)
        if k != sides // 2:
            with b.at(0, 0, 0, float(np.degrees(angle + np.pi / sides))):
                half = radius * np.sin(np.pi / sides) - 8
                at = radius * np.cos(np.pi / sides)
                for z in (66.0, 124.0):
                    b.box((at - 4, -half, z), (at + 4, half, z + 8), look.post, 150)
    lathe(
        b,
        (0, 0, 296),
        [(radius - 16, 0), (radius - 16, 34), (radius + 20, 34), (radius + 20, 0)],
        look.trim,
        sides * 2,
    )
    rise = radius * (0.8 if domed else 0.62)
    share = np.linspace(0, 1, 7)
    curve = np.cos(share * np.pi / 2) if domed else 1 - share
    profile = [
        ((radius + 52) * max(float(c), 0.01), rise * float(s))
        for s, c in zip(share, curve, strict=True)
    ]
    lathe(b, (0, 0, 322), profile[::-1], look.roof, sides if not domed else 24)
    lathe(b, (0, 0, 322), [(radius + 52, 0), (radius - 20, 4)], look.trim, sides * 2)
    lathe(b, (0, 0, 318 + rise), [(1, 60), (8, 40), (8, 28), (3, 0)], look.trim, 10)


def hedge(
    f: Foliage,
    rng: np.random.Generator,
    solid: Material,
    leaves: Material,
    length: float,
    height: float,
    thick: float = 70.0,
) -> None:
    """A clipped hedge along local y: a block with leaves standing out of it."""
    b, half = f.b, np.array([thick / 2, length / 2])
    b.box((-half[0], -half[1], -30), (half[0], half[1], height), solid, 90, "-z")
    count = int((length * (2 * height + thick)) / 1500)
    side = rng.integers(0, 3, count)
    x = np.where(
        side == 0, -half[0], np.where(side == 1, half[0], rng.uniform(-1, 1, count) * half[0])
    )
    z = np.where(side == 2, height, rng.uniform(0.1, 1, count) * height)
    centre = np.column_stack([x, rng.uniform(-half[1], half[1], count), z])
    facing = np.array([[-1.0, 0, 0], [1.0, 0, 0], [0, 0, 1.0]])[side]
    normal = facing + rng.normal(0, 0.35, (count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    u = np.cross(normal, rng.normal(size=(count, 3)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v, size = np.cross(normal, u), rng.uniform(17, 27, (count, 1))
    centre = centre - normal * 3
    corners = np.stack(
        [centre + size * (a * u + c * v) for a, c in ((-1, -1), (1, -1), (-1, 1), (1, 1))], 1
    )
    lit = facing * 0.8 + [0, 0, 0.5]
    lit = lit / np.linalg.norm(lit, axis=1, keepdims=True)
    f.add(
        corners,
        np.repeat(lit[:, None], 4, 1),
        leaves,
        np.repeat((0.55 + 0.45 * z / height)[:, None], 4, 1),
    )


def swings(b: MeshBuilder, metal: Material, seat: Material) -> None:
    """A swing frame with two seats, along y."""
    for y in (-190.0, 190.0):
        for x in (-75.0, 75.0):
            tube(b, np.array([[x, y, -20], [0, y * 0.97, 235]]), np.array([5, 5]), metal, 8)
    tube(b, np.array([[0, -190, 232], [0, 190, 232]]), np.array([5, 5]), metal, 8)
    for y in (-85.0, 85.0):
        for dy in (-22.0, 22.0):
            tube(b, np.array([[0, y + dy, 52], [0, y + dy, 230]]), np.array([1.2, 1.2]), metal, 5)
        b.box((-10, y - 24, 48), (10, y + 24, 52), seat)


def slide(b: MeshBuilder, metal: Material, paint: Material, wood: Material) -> None:
    """A climbing tower with a slide towards +x and a ladder behind."""
    for x in (-55.0, 55.0):
        for y in (-55.0, 55.0):
            b.box((x - 6, y - 6, -30), (x + 6, y + 6, 270), wood, 120)
    b.box((-61, -61, 142), (61, 61, 150), wood, 120)
    for y in (-58.0, 54.0):
        b.box((-55, y, 175), (55, y + 4, 225), paint)
    lathe(b, (0, 0, 268), [(1, 90), (98, 0)], paint, 4)
    share = np.linspace(0, 1, 9)
    x = 58 + 250 * share
    z = 148 - 125 * share**0.9 - 8 * np.sin(share * np.pi)
    rows = [
        np.column_stack([x, np.full(9, y), z + up])
        for y, up in ((32, 18), (28, 2), (0, 0), (-28, 2), (-32, 18))
    ]
    b.surface(np.stack(rows), metal)
    tube(b, np.array([[290, 0, -20], [290, 0, 22]]), np.array([6, 6]), metal, 8)
    for y in (-30.0, 30.0):
        tube(b, np.array([[-110, y, -10], [-60, y, 160]]), np.array([3.5, 3.5]), metal, 6)
    for k in range(6):
        x0, z0 = -106 + 8.2 * k, 16 + 25 * k
        tube(b, np.array([[x0, -30, z0], [x0, 30, z0]]), np.array([2.5, 2.5]), metal, 6)


def sandpit(b: MeshBuilder, wood: Material, sand: Material, size: float) -> None:
    """A square sandpit with a wooden frame."""
    half = size / 2
    b.quad((-half, -half, 12), (size, 0, 0), (0, size, 0), sand, 120)
    for yaw in (0, 90, 180, 270):
        with b.at(0, 0, 0, yaw):
            b.box((half - 12, -half - 12, -20), (half + 12, half + 12, 30), wood, 120)


def flowerbed(b: MeshBuilder, earth: Material, stone: Material, radius: float) -> None:
    """A round bed with an edge; its flowers are planted by the caller."""
    lathe(b, (0, 0, 0), [(0.5, 26), (radius * 0.6, 22), (radius, 12)], earth, 24)
    lathe(
        b,
        (0, 0, 0),
        [(radius - 8, 12), (radius - 6, 19), (radius + 8, 17), (radius + 10, -20)],
        stone,
        24,
    )


def urn(b: MeshBuilder, stone: Material) -> None:
    """A stone urn on a pedestal."""
    b.box((-26, -26, -20), (26, 26, 70), stone, 200)
    b.box((-31, -31, 70), (31, 31, 80), stone)
    lathe(b, (0, 0, 80), [(24, 58), (34, 60), (28, 46), (30, 30), (10, 8), (18, 0)], stone, 18)


def obelisk(b: MeshBuilder, stone: Material, height: float) -> None:
    """An obelisk on two steps."""
    for k in range(2):
        half = 150 - 45 * k
        b.box((-half, -half, -30 + 30 * k), (half, half, 30 * (k + 1)), stone, 150)
    cylinder(b, (0, 0, 60), 62, height, stone, 4, top_radius=38, caps=False)
    cylinder(b, (0, 0, 60 + height), 38, 46, stone, 4, top_radius=1, caps=False)
