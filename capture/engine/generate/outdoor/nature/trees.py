"""Trees at their frame's origin: trunks and branches that collide, crowns of cards. cm."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.outdoor.nature.foliage import Foliage


@dataclass(frozen=True, kw_only=True)
class Crown:
    """How a broad-leaved tree is built, in shares of its height."""

    wide: float = 0.3  # half the crown's width
    tall: float = 0.3  # half the crown's height
    middle: float = 0.66  # height of the crown's middle
    clumps: int = 12
    cards: int = 15  # a clump
    card: float = 0.13  # a card's side
    droop: float = 0.0  # how far cards hang down
    stout: float = 0.024  # the trunk's radius


ROUND = Crown()
SPREADING = Crown(wide=0.42, tall=0.24, middle=0.66, clumps=16, stout=0.034)
OVAL = Crown(wide=0.23, tall=0.34, middle=0.62, clumps=11, card=0.115)
COLUMN = Crown(wide=0.1, tall=0.44, middle=0.54, clumps=12, cards=12, card=0.1, stout=0.016)
SLENDER = Crown(wide=0.19, tall=0.3, middle=0.66, clumps=10, cards=13, card=0.1, stout=0.011)
WEEPING = Crown(
    wide=0.4, tall=0.3, middle=0.62, clumps=16, cards=13, card=0.15, droop=1.6, stout=0.03
)
PINE = Crown(wide=0.23, tall=0.17, middle=0.8, clumps=10, cards=15, card=0.095, stout=0.018)


def tube(
    b: MeshBuilder, points: np.ndarray, radii: np.ndarray, material: Material, sides: int = 7
) -> None:
    """A round, bent bar through points (N,3) from its foot to its tip."""
    points = np.asarray(points, float)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    other = np.where(np.abs(along[:, 2:]) > 0.9, [[1.0, 0.2, 0]], [[0.1, 0.2, 1.0]])
    side = np.cross(along, other)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    third = np.cross(along, side)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    ring = np.cos(angle) * side[:, None] + np.sin(angle) * third[:, None]
    rings = points[:, None] + ring * np.asarray(radii, float)[:, None, None]
    b.surface(rings, material, closed_u=True)


def trunk(
    b: MeshBuilder, rng: np.random.Generator, bark: Material, height: float, radius: float,
    bend: float = 0.03, sides: int = 9,
) -> np.ndarray:  # fmt: skip
    """A trunk with a flared foot that reaches below the ground; its middle line (6,3)."""
    z = np.array([-40, 25, 0.12 * height + 30, 0.4 * height, 0.72 * height, height])
    sway = rng.normal(0, bend * height, (2, 2))
    share = np.clip(z / height, 0, 1)[:, None]
    line = np.column_stack([sway[0] * share + sway[1] * (share**2 - share) * 2, z])
    radii = radius * np.array([1.75, 1.3, 1.0, 0.78, 0.5, 0.14])
    with b.using(occludes=True):
        tube(b, line, radii, bark, sides)
    return line


def along(line: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Points at shares 0..1 of a trunk's height, (...,3)."""
    z = np.asarray(share) * line[-1, 2]
    return np.stack([np.interp(z, line[:, 2], line[:, k]) for k in range(3)], -1)


def broadleaf(
    f: Foliage, rng: np.random.Generator, bark: Material, leaves: Material, height: float,
    crown: Crown = ROUND,
) -> None:  # fmt: skip
    """A tree with a crown of clumps of leaves."""
    line = trunk(f.b, rng, bark, height * (crown.middle + 0.5 * crown.tall), height * crown.stout)
    radii = np.array([crown.wide, crown.wide, crown.tall]) * height
    middle = along(line, 1.0) * [1, 1, 0] + [0, 0, crown.middle * height]
    clumps = _spread(rng, crown.clumps)
    clumps = middle + clumps * radii * rng.uniform(0.5, 0.82, (crown.clumps, 1))
    for clump in clumps[::2]:
        share = np.clip((clump[2] / line[-1, 2]) * rng.uniform(0.5, 0.75), 0.25, 0.9)
        start = along(line, share)
        bow = (start + clump) / 2 + [0, 0, 0.04 * height]
        radius = height * crown.stout
        tube(f.b, np.stack([start, bow, clump]), radius * np.array([0.42, 0.25, 0.1]), bark, 5)
    _clump_cards(f, rng, leaves, clumps, middle, radii, height, crown)
    f.shade(middle, radii * 0.92, rng)


def _spread(rng: np.random.Generator, count: int) -> np.ndarray:
    """Directions (N,3) spread evenly over the sphere, turned at random."""
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    angle = index * 2.39996 + rng.uniform(0, 6.28)
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], 1) + rng.normal(
        0, 0.12, (count, 3)
    )


def _clump_cards(f, rng, leaves, clumps, middle, radii, height, crown) -> None:
    count = len(clumps) * crown.cards
    outward = rng.normal(size=(count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    home = np.repeat(clumps, crown.cards, 0)
    centre = home + outward * radii * 0.34 * rng.uniform(0.35, 1.0, (count, 1))
    from_middle = (centre - middle) / radii
    facing = outward * 0.6 + from_middle * 0.7 + rng.normal(0, 0.45, (count, 3))
    if crown.droop:
        facing[:, 2] *= 0.15  # hanging twigs
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    u = np.cross(facing, rng.normal(size=(count, 3)) if not crown.droop else [[0, 0, 1.0]])
    u /= np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-6)
    v = np.cross(facing, u)
    half = height * crown.card * rng.uniform(0.36, 0.6, (count, 1))
    tall = half * (1 + crown.droop)
    if crown.droop:
        v = np.where(v[:, 2:] > 0, -v, v)
        centre = centre + v * (tall - half)
    corners = np.stack(
        [centre + half * a * u + tall * c * v for a, c in ((-1, -1), (1, -1), (-1, 1), (1, 1))], 1
    )
    spread = (corners - middle) / radii
    depth = np.linalg.norm(spread, axis=-1)
    normals = spread / np.maximum(depth[..., None], 0.05) + [0, 0, 0.25]
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    open_ = np.clip(0.3 + 0.55 * depth + 0.22 * spread[..., 2], 0.28, 1.0)
    f.add(corners, normals, leaves, open_, flip=rng.random(count) < 0.5)


def conifer(
    f: Foliage, rng: np.random.Generator, bark: Material, boughs: Material, height: float,
    wide: float = 0.24, bare: float = 0.1, thick: int = 6,
) -> None:  # fmt: skip
    """A spruce or fir: whorls of hanging boughs, each folded along its middle."""
    line = trunk(f.b, rng, bark, height, height * 0.018, bend=0.006)
    whorls = max(9, int(8 + height * (1 - bare) / 90))
    share = np.repeat(np.linspace(0, 1, whorls) ** 0.92, thick)
    count = len(share)
    share = np.clip(share + rng.normal(0, 0.012, count), 0, 1)
    angle = rng.uniform(0, 6.28) + np.arange(count) * (2 * np.pi / thick + 0.37)
    angle += rng.normal(0, 0.16, count)
    length = height * wide * ((1 - share) ** 0.85 * rng.uniform(0.8, 1.12, count) + 0.1)
    foot = along(line, bare + (0.985 - bare) * share)
    out = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
    fall = (0.62 - 0.75 * share + rng.normal(0, 0.07, count))[:, None]
    stem = out - fall * [0, 0, 1.0]
    stem /= np.linalg.norm(stem, axis=1, keepdims=True)
    side = np.stack([-out[:, 1], out[:, 0], np.zeros(count)], 1)
    tip = foot + stem * length[:, None]
    u0, v0, u1, v1 = boughs.rect or (0.0, 0.0, 1.0, 1.0)
    for sign, rows in ((1.0, (v0, (v0 + v1) / 2)), (-1.0, (v1, (v0 + v1) / 2))):
        hang = (sign * side * 0.9 - [0, 0, 0.5]) * (length * 0.5)[:, None]
        corners = np.stack([foot + hang, tip + hang, foot, tip], 1)
        normals = out * 0.75 + sign * side * 0.4 + [0, 0, 0.55]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        deep = np.stack(
            [0.45 + 0.2 * share, 0.8 + 0.2 * share, 0.4 + 0.3 * share, 0.95 + 0 * share], 1
        )
        half = Material(boughs.layer, rect=(u0, rows[0], u1, rows[1]))
        f.add(corners, np.repeat(normals[:, None], 4, 1), half, np.clip(deep, 0, 1))
    top = along(line, 0.5 + bare / 2)
    f.shade(top, np.array([wide * 0.55, wide * 0.55, 0.42]) * height, rng, 0.75)


def bare_tree(
    f: Foliage, rng: np.random.Generator, bark: Material, twigs: Material, height: float,
    crown: Crown = ROUND,
) -> None:  # fmt: skip
    """A tree without leaves: branches that fork, and twigs at their ends."""
    line = trunk(f.b, rng, bark, height * 0.86, height * crown.stout)
    feet, tips = [], []
    for k, share in enumerate(np.linspace(0.32, 0.98, 10)):
        start = along(line, share)
        angle = k * 2.4 + rng.normal(0, 0.3)
        reach = height * crown.wide * (1.25 - 0.8 * share) * rng.uniform(0.8, 1.1)
        end = start + [reach * np.cos(angle), reach * np.sin(angle), reach * rng.uniform(0.4, 0.9)]
        bow = (start + end) / 2 + [0, 0, -0.08 * reach]
        radius = height * crown.stout * (1.1 - share)
        tube(f.b, np.stack([start, bow, end]), radius * np.array([0.55, 0.36, 0.14]), bark, 5)
        for t in (0.45, 0.75, 1.0):
            feet.append(start + (end - start) * t)
            tips.append(end - start + rng.normal(0, reach * 0.35, 3) + [0, 0, 0.25 * reach])
    foot, way = np.array(feet), np.array(tips)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    long = height * 0.2 * rng.uniform(0.8, 1.25, (len(foot), 1))
    for turn in (0.0, np.pi / 2):
        side = np.cross(way, [0.31, 0.2, 0.93])
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        side = side * np.cos(turn) + np.cross(way, side) * np.sin(turn)
        half = side * long * 0.5
        top = foot + way * long
        corners = np.stack([top - half, top + half, foot - half, foot + half], 1)
        normals = np.repeat((way * 0.5 + [0, 0, 0.5])[:, None], 4, 1)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        f.add(corners, normals, twigs, 0.7, flip=rng.random(len(foot)) < 0.5)
    f.shade(along(line, 0.8), np.array([0.28, 0.28, 0.25]) * height, rng, 0.25)


def palm(
    f: Foliage, rng: np.random.Generator, bark: Material, fronds: Material, height: float
) -> None:
    """A palm: a bent trunk and a head of fronds, each bent once and folded along its rib."""
    lean = rng.normal(0, 0.12 * height, 2)
    share = np.linspace(-0.06, 1, 8)
    line = np.column_stack([np.outer(share**2, lean), share * height])
    tube(f.b, line, np.interp(share, [-0.06, 0.06, 1], [26, 16, 11]), bark, 9)
    count = 18
    angle = np.arange(count) * 2.4 + rng.normal(0, 0.15, count)
    rise = np.linspace(1.0, -0.5, count)[:, None]
    out = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
    side = np.stack([-out[:, 1], out[:, 0], np.zeros(count)], 1)
    long = rng.uniform(210, 270, (count, 1))
    first = line[-1] + (out + rise * [0, 0, 0.75]) * long * 0.48
    last = first + (out * 0.85 + (rise - 1.05) * [0, 0, 0.62]) * long * 0.52
    spine = np.stack([np.broadcast_to(line[-1], first.shape), first, last], 1)
    for part in (0, 1):
        start, end = spine[:, part], spine[:, part + 1]
        for sign, rows in ((1.0, (0.0, 0.5)), (-1.0, (1.0, 0.5))):
            hang = sign * side * long * 0.24 - [0, 0, 14.0]
            corners = np.stack([start + hang, end + hang, start, end], 1)
            normals = np.repeat((out * 0.3 + sign * side * 0.35 + [0, 0, 0.8])[:, None], 4, 1)
            normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
            half = Material(fronds.layer, rect=(part * 0.5, rows[0], part * 0.5 + 0.5, rows[1]))
            f.add(corners, normals, half, 0.85)
    f.shade(line[-1], np.array([220, 220, 70.0]), rng, 0.5)
