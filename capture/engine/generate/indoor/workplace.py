"""Furniture of offices and schools, in local frames as in furniture.py. cm."""

import numpy as np
from PIL import Image, ImageDraw

from capture.engine.generate.indoor.furniture import Style, legs
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import INKS, pick, vary
from capture.engine.generate.kit.shapes import cylinder, soft_box, tube


def screen_picture(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """What a computer shows: text, a table, a chart or a picture with panels."""
    dark = bool(rng.random() < 0.5)
    ground = (30, 34, 42) if dark else (238, 240, 242)
    image = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 0, size, 9], vary(rng, pick(rng, INKS)))
    kind = int(rng.integers(3))
    if kind == 0:
        for y in range(16, size - 6, 7):
            x = 8 + 6 * int(rng.integers(4))
            while x < size * rng.uniform(0.4, 0.95):
                step = int(rng.integers(6, 26))
                draw.rectangle([x, y, x + step, y + 3], vary(rng, pick(rng, INKS), 30))
                x += step + 4
    elif kind == 1:
        for x in range(10, size - 14, 14):
            top = int(rng.integers(24, size - 16))
            draw.rectangle([x, top, x + 9, size - 12], pick(rng, INKS[:6]))
    else:
        for y in range(14, size, 12):
            for x in range(4, size, 20):
                shade = vary(rng, (210, 214, 220) if not dark else (62, 68, 80), 14)
                draw.rectangle([x, y, x + 18, y + 10], shade)
    return np.asarray(image)


def workstation(
    b: MeshBuilder,
    s: Style,
    rng: np.random.Generator,
    width: float,
    top: Material,
    screens: list[Material],
) -> None:
    """A desk 75 cm deep against x = 0, whose user sits at +x and looks towards -x."""
    half = width / 2
    b.box((0, -half + 1, 71), (75, half - 1, 74), top, 45)
    legs(b, (6, 69), (-half + 6, half - 6), 71, 2.2, s.metal)
    count = 2 if rng.random() < 0.4 else 1
    for k in range(count):
        y = (k - (count - 1) / 2) * 58 + float(rng.uniform(-6, 6))
        b.box((14, y - 12, 74), (28, y + 12, 75.2), s.dark)
        b.box((18, y - 2, 75), (20, y + 2, 96), s.dark)
        b.box((20, y - 28, 86), (22.5, y + 28, 120), s.dark)
        with b.using(emission=0.55, occludes=False):
            b.quad((22.8, y + 27, 119), (0, -54, 0), (0, 0, -32), pick(rng, screens))
    lows: list[tuple[float, ...]] = [(44, -22, 74), (46, 26, 74)]
    highs: list[tuple[float, ...]] = [(57, 20, 75.6), (55, 32, 76.5)]
    things = [s.dark, s.dark]
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(8, 46), float(rng.choice([-1, 1])) * rng.uniform(42, half - 26)
        lows.append((x, y - 10, 74))
        highs.append((x + 21, y + 5, 74.6 + rng.uniform(0.3, 5)))
        things.append(s.books[int(rng.integers(len(s.books)))])
    b.boxes(np.array(lows), np.array(highs), things)
    if rng.random() < 0.6:
        cylinder(b, (50, -36, 74), 4, 9.5, s.books[int(rng.integers(len(s.books)))], 8)
    if rng.random() < 0.6:
        b.box((20, half - 46, 0), (70, half - 6, 58), s.front, 60)


def task_chair(b: MeshBuilder, s: Style, cloth: Material, arms: bool) -> None:
    """A light swivel chair around the frame's origin that faces +x."""
    for k in range(5):
        with b.at(0, 0, 0, k * 72.0):
            b.box((0, -2, 3), (30, 2, 7), s.dark)
            b.box((26, -2.5, 0), (31, 2.5, 4), s.dark)
    cylinder(b, (0, 0, 6), 2.5, 36, s.metal, 6, caps=False)
    soft_box(b, (-23, -24, 42), (24, 24, 49), 3.4, cloth, 2)
    soft_box(b, (-27, -21, 58), (-22, 21, 100), 2.4, cloth, 2)
    b.box((-26, -2.5, 43), (-23, 2.5, 70), s.dark)
    if arms:
        for y in (-29, 25):
            b.box((-14, y, 64), (12, y + 4, 67), s.dark)
            b.box((-3, y + 1, 45), (1, y + 3, 64), s.dark)


def shell_chair(b: MeshBuilder, shell: Material, leg: Material) -> None:
    """A stacking chair around the frame's origin that faces +x."""
    soft_box(b, (-20, -21, 43), (22, 21, 46), 1.5, shell, 2)
    soft_box(b, (-23, -20, 56), (-20, 20, 84), 1.5, shell, 2)
    for y in (-18, 18):
        tube(b, [(-22, y, 60), (-20, y, 43), (-24, y, 0)], 1.2, leg, 4)
        tube(b, [(18, y, 43), (22, y, 0)], 1.2, leg, 4)


def meeting_table(
    b: MeshBuilder, top: Material, leg: Material, length: float, width: float
) -> None:
    """A table about the frame's origin, long along y, on two plates."""
    soft_box(b, (-width / 2, -length / 2, 71), (width / 2, length / 2, 75), 2, top, 3)
    for y in (-length * 0.32, length * 0.32):
        b.box((-width * 0.3, y - 3, 2), (width * 0.3, y + 3, 71), leg, 80)
        b.box((-width * 0.38, y - 5, 0), (width * 0.38, y + 5, 2), leg)


def whiteboard(b: MeshBuilder, board: Material, frame: Material, width: float) -> None:
    """A board with writing on the wall x = 0."""
    y = width / 2
    with b.using(occludes=False, collides=False):
        b.box((0, -y - 2, 88), (2, y + 2, 202), frame, skip="-x")
        b.quad((2.3, y, 200), (0, -width, 0), (0, 0, -110), board, 60)
        b.box((0, -y, 84), (9, y, 87), frame)


def board_picture(rng: np.random.Generator, ground, size: int = 256) -> np.ndarray:
    """Writing and sketches on a board."""
    image = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(image)
    light = sum(ground) > 380
    inks = [(30, 60, 150), (170, 40, 40), (30, 110, 60), (40, 40, 44)]
    inks = inks if light else [(236, 236, 228), (240, 220, 140), (170, 210, 230)]
    for _ in range(3):
        x, y = int(rng.integers(10, size // 2)), int(rng.integers(10, size - 70))
        ink = pick(rng, inks)
        if rng.random() < 0.4:
            points = [(x + 9 * k, y + 60 - int(rng.integers(0, 50))) for k in range(12)]
            draw.line(points, ink, 2)
            draw.line([(x, y), (x, y + 62), (x + 108, y + 62)], ink, 2)
            continue
        for line in range(4):
            end = x + int(rng.integers(50, 110))
            wave = [(p, y + line * 13 + int(rng.integers(-3, 4))) for p in range(x, end, 4)]
            draw.line(wave, ink, 2)
    return np.asarray(image)


def lockers(b: MeshBuilder, fronts: list[Material], dark: Material, count: int) -> None:
    """A row of `count` lockers 32 cm wide with its back on x = 0."""
    half = count * 16
    b.box((0, -half, 6), (44, half, 186), fronts[0], 60, skip="+x")
    b.box((2, -half + 2, 0), (40, half - 2, 6), dark)
    for k in range(count):
        y = -half + k * 32
        for low, high in ((8, 94), (97, 184)):
            b.quad((44, y + 31.2, high), (0, -30.4, 0), (0, 0, low - high), fronts[k % len(fronts)])
            b.box((44, y + 3, (low + high) / 2), (45.5, y + 5, (low + high) / 2 + 9), dark)
    b.quad((43.6, half, 186), (0, -2 * half, 0), (0, 0, -180), dark)


def printer(b: MeshBuilder, s: Style) -> None:
    """A copying machine with its back on x = 0."""
    b.box((2, -32, 0), (60, 32, 78), s.white, 60)
    b.box((0, -34, 78), (64, 34, 104), s.linen, 60)
    b.box((6, -30, 104), (58, 30, 110), s.dark)
    for z in (12, 36, 58):
        b.box((60, -28, z), (61.5, 28, z + 16), s.linen)
    b.box((50, 12, 106), (66, 30, 116), s.dark)
