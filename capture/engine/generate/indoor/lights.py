"""Light fittings: each builds its body and returns the lamp that the bake takes. cm."""

import numpy as np

from capture.engine.generate.kit.bake import Lamp
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, disc, lathe, tube

DOWN = (0.0, 0.0, -1.0)
TINTS = {"warm": (1.0, 0.82, 0.6), "neutral": (1.0, 0.94, 0.84), "cool": (0.88, 0.96, 1.0)}


def lamp_at(
    b: MeshBuilder, place: tuple[float, float, float], power: float, tint: str, **more
) -> Lamp:
    """A lamp at a place of the present frame."""
    x, y, z = b.to_world(np.array([place], float))[0].tolist()
    red, green, blue = (power * c for c in TINTS[tint])
    return Lamp((x, y, z), (red, green, blue), **more)


def panel(
    b: MeshBuilder,
    ceiling: float,
    size: tuple[float, float],
    glass: Material,
    frame: Material,
    tint: str,
    power: float,
) -> Lamp:
    """A flat panel of size (x, y) under the frame's origin at the ceiling."""
    x, y = size[0] / 2, size[1] / 2
    with b.object("ceiling_light"), b.using(occludes=False, collides=False):
        b.box((-x - 2, -y - 2, ceiling - 4), (x + 2, y + 2, ceiling - 0.2), frame, skip="-z+z")
        with b.using(emission=2.2):
            b.quad((-x, y, ceiling - 3), (size[0], 0, 0), (0, -size[1], 0), glass)
    wide = max(size) / 3
    return lamp_at(b, (0, 0, ceiling - 6), power, tint, reach_cm=1300, aim=DOWN, size_cm=wide)


def bar(
    b: MeshBuilder,
    ceiling: float,
    drop: float,
    length: float,
    glass: Material,
    body: Material,
    tint: str,
    power: float,
) -> Lamp:
    """A long suspended lamp along x."""
    z, x = ceiling - drop, length / 2
    with b.object("ceiling_light"), b.using(occludes=False, collides=False):
        b.box((-x, -5, z), (x, 5, z + 6), body)
        for end in (-x + 15, x - 15):
            tube(b, [(end, 0, z + 5), (end, 0, ceiling)], 0.5, body, 4)
        with b.using(emission=2.4):
            b.quad((-x + 1, 4.4, z - 0.3), (length - 2, 0, 0), (0, -8.8, 0), glass)
    return lamp_at(b, (0, 0, z - 4), power, tint, reach_cm=1300, aim=DOWN, size_cm=length / 3)


def dome(
    b: MeshBuilder,
    ceiling: float,
    drop: float,
    radius: float,
    glass: Material,
    body: Material,
    tint: str,
    power: float,
    reach_cm: float = 1600,
) -> Lamp:
    """A hanging lamp under a metal dome."""
    z = ceiling - drop
    profile = [(2, 0.9), (0.3, 0.8), (0.55, 0.62), (0.85, 0.3), (1.0, 0.0)]
    with b.object("hanging_lamp"), b.using(occludes=False, collides=False):
        tube(b, [(0, 0, z + radius * 0.8), (0, 0, ceiling)], 0.8, body, 4)
        rings = [(max(2.0, r * radius) if r < 2 else 2.0, h * radius) for r, h in profile]
        lathe(b, (0, 0, z), rings, body, 16)
        with b.using(emission=2.6):
            lathe(b, (0, 0, z), [(radius * 0.3, -2), (radius * 0.55, 4)][::-1], glass, 12)
            disc(b, (0, 0, z + 2), radius * 0.55, glass, 12)
    return lamp_at(b, (0, 0, z - 3), power, tint, reach_cm=reach_cm, aim=DOWN, size_cm=radius / 2)


def globe(
    b: MeshBuilder, z: float, radius: float, glass: Material, tint: str, power: float, sides=14
) -> Lamp:
    """A glowing ball at height z."""
    angle = np.linspace(0.02, np.pi - 0.02, 8)
    with b.using(emission=1.8, occludes=False):
        lathe(b, (0, 0, z), [(radius * np.sin(a), radius * np.cos(a)) for a in angle], glass, sides)
    return lamp_at(b, (0, 0, z), power, tint, reach_cm=1100, size_cm=radius)


def spot(
    b: MeshBuilder,
    place: tuple[float, float, float],
    target: tuple[float, float, float],
    body: Material,
    tint: str,
    power: float,
    focus: float = 8.0,
    ceiling: float | None = None,
) -> Lamp:
    """A spotlight at a place that shines on a target, both in the present frame.

    With a `ceiling` it hangs from there on a rod.
    """
    way = np.asarray(target, float) - place
    way /= np.linalg.norm(way)
    start = np.asarray(place, float)
    with b.using(occludes=False, collides=False):
        tube(b, [start - way * 9, start + way * 9], 4.5, body, 8)
        if ceiling is not None:
            tube(b, [start, (*start[:2], ceiling)], 0.8, body, 4)
    x, y, z = b.to_world(way[None], True)[0].tolist()
    return lamp_at(
        b, tuple((start + way * 12).tolist()), power, tint,
        reach_cm=1400, aim=(x, y, z), focus=focus,
    )  # fmt: skip


def chandelier(
    b: MeshBuilder,
    ceiling: float,
    drop: float,
    radius: float,
    arms: int,
    metal: Material,
    glass: Material,
    power: float,
) -> Lamp:
    """A ring of candle lamps on a chain."""
    z = ceiling - drop
    with b.object("chandelier"), b.using(occludes=False, collides=False):
        tube(b, [(0, 0, z + radius * 0.7), (0, 0, ceiling)], 1.2, metal, 4)
        turn = np.linspace(0, 2 * np.pi, 25)
        ring = np.stack([np.cos(turn) * radius, np.sin(turn) * radius, 0 * turn + z], 1)
        tube(b, list(ring), 2.2, metal, 5)
        for angle in np.arange(arms) * 2 * np.pi / arms:
            x, y = radius * np.cos(angle), radius * np.sin(angle)
            tube(b, [(x, y, z), (0, 0, z + radius * 0.7)], 0.9, metal, 4)
            cylinder(b, (x, y, z), 2.0, 9, metal, 6)
            with b.using(emission=2.6):
                lathe(b, (x, y, z + 9), [(0.4, 13), (3.0, 6), (2.2, 0)], glass, 7)
    return lamp_at(b, (0, 0, z + 6), power, "warm", reach_cm=1800, size_cm=radius)
