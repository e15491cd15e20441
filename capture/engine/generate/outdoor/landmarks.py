"""Large things that a place is known by, in the frame of a house front: they face +x. cm."""

import numpy as np
from PIL import Image, ImageDraw

from capture.engine.generate.kit import textures as tex
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import pick
from capture.engine.generate.kit.shapes import lathe, wall
from capture.engine.generate.outdoor.props import tree
from capture.engine.generate.outdoor.townlook import PAINTS, TownPalette


def clock_face(rng: np.random.Generator, size: int = 512) -> np.ndarray:
    """A clock's dial, (size,size,4) with alpha outside."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    ground, ink = pick(rng, [((236, 230, 214), (30, 30, 36)), ((36, 50, 84), (230, 196, 110))])
    draw.ellipse([4, 4, size - 4, size - 4], (*ground, 255), (*ink, 255), 18)
    middle = size / 2
    for hour in range(12):
        angle, inner = hour * np.pi / 6, 0.36 if hour % 3 else 0.33
        ends = [
            (middle + size * r * np.sin(angle), middle - size * r * np.cos(angle))
            for r in (inner, 0.44)
        ]
        draw.line([*ends[0], *ends[1]], (*ink, 255), 22 if hour % 3 == 0 else 10)
    for length, thick, angle in (
        (0.22, 20, rng.uniform(0, 6.28)),
        (0.36, 12, rng.uniform(0, 6.28)),
    ):
        end = (middle + size * length * np.sin(angle), middle - size * length * np.cos(angle))
        draw.line([middle, middle, *end], (*ink, 255), thick)
    return np.asarray(image)


def clock_tower(b: MeshBuilder, palette: TownPalette, width: float) -> None:
    """A stone tower with a gate painted shut, a clock on its front and a pointed roof."""
    rng = palette.rng
    colour = pick(rng, [(198, 184, 156), (168, 112, 92), (176, 176, 178)])
    stone = palette.m.tiled(
        tex.bricks(palette.noise, colour, tex.darker(colour, 0.75), 8, 4, 0.14, 0.03),
        280,
        260,
    )
    trim, half = palette.flat((214, 206, 190), 10), width / 2
    height = float(rng.integers(17, 24) * 100)
    gate = (-130.0, 0.0, 130.0, 330.0)
    slits = [(-22.0, z, 22.0, z + 150) for z in np.arange(600, height - 700, 330)]
    with b.object("tower"):
        wall(b, width, height, [gate, *slits], stone, 130)
        for y0, z0, y1, z1 in slits:
            b.quad((-30, y1, z1), (0, y0 - y1, 0), (0, 0, z0 - z1), palette.panes[0])
            b.box((-4, y0 - 14, z1), (8, y1 + 14, z1 + 18), trim)
        b.quad((-width, half, height), (width, 0, 0), (0, 0, -height), stone, 200)
        b.quad((0, -half, height), (-width, 0, 0), (0, 0, -height), stone, 200)
        b.quad((-width, -half, height), (0, width, 0), (0, 0, -height), stone, 400)
        for z in (420.0, height - 560, height - 40):
            b.box((-width - 16, -half - 16, z), (16, half + 16, z + 34), trim, 150)
        for y in (-half, half - 50):
            b.box((0, y, 0), (26, y + 50, 420), trim, 150)
    with b.object("gate"):
        _gate(b, palette, gate, trim)
    with b.object("clock"):
        face = Material(palette.m.tiled(clock_face(rng), 100).layer, rect=(0.0, 0.0, 1.0, 1.0))
        size = min(width * 0.62, 380.0)
        b.quad((3, size / 2, height - 90), (0, -size, 0), (0, 0, -size), face)
    with b.object("spire"):
        _spire(b, palette, width, height)


def _gate(
    b: MeshBuilder, palette: TownPalette, gate: tuple[float, float, float, float], trim: Material
) -> None:
    y0, _, y1, z1 = gate
    door = palette.flat(pick(palette.rng, PAINTS), 10)
    b.box((-44, y0, 0), (-38, y1, z1), palette.wood, 100)
    for y in np.arange(y0 + 20, y1, 44):
        b.box((-38, y, 10), (-35, y + 6, z1 - 10), door)
    for y in (y0 - 26, y1):
        b.box((-44, y, 0), (14, y + 26, z1 + 30), trim, 120)
    b.box((-44, y0, z1), (20, y1, z1 + 30), trim, 120)


def _spire(b: MeshBuilder, palette: TownPalette, width: float, height: float) -> None:
    half = width / 2 + 30
    apex = np.array([-width / 2, 0, height + float(palette.rng.integers(5, 10) * 100)])
    base = np.array([(30, half), (30, -half), (-width - 30, -half), (-width - 30, half)], float)
    roof = pick(palette.rng, palette.roofs)
    for k in range(4):
        a, c = np.append(base[k], height), np.append(base[(k + 1) % 4], height)
        points = np.stack([apex, c, a])
        normal = np.cross(c - apex, a - apex)
        normal /= np.linalg.norm(normal)
        uv = np.array([[width / 2, 0], [width, 800], [0, 800]]) / roof.size_cm
        b.add(points, np.tile(normal, (3, 1)), uv, roof.layer, np.array([[0, 1, 2]]))
    lathe(
        b,
        (apex[0], 0, apex[2] - 10),
        [(1, 160), (4, 60), (16, 40), (16, 20), (4, 0)],
        palette.flat((206, 168, 70)),
        8,
    )


def hoarding(b: MeshBuilder, palette: TownPalette, length: float) -> None:
    """A painted fence with posters across the street; trees look over it."""
    rng = palette.rng
    paint = palette.m.tiled(
        tex.boards(
            palette.noise, pick(rng, [(70, 110, 130), (196, 150, 70), (110, 130, 90)]), 6
        ).transpose(1, 0, 2),
        180,
    )
    with b.object("hoarding"):
        b.box((-12, -length / 2, 0), (0, length / 2, 310), paint, 120)
        b.box((-16, -length / 2, 310), (6, length / 2, 322), palette.flat((220, 214, 200)), 160)
    for k, art in enumerate(palette.posters[:5]):
        y = length / 2 - 140 - k * (length - 280) / 4
        with b.object("poster"), b.using(collides=False, occludes=False):
            b.quad((1.5, y + 90, 285), (0, -180, 0), (0, 0, -230), art, 80)
    for k in range(6):
        with b.object("tree"), b.at(-300 - float(rng.uniform(0, 300)), (k - 2.5) * 300, -20):
            tree(b, rng, palette.bark, pick(rng, palette.leaves), float(rng.uniform(700, 950)))
