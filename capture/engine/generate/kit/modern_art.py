"""More kinds of pictures: each draws onto a square of `size` pixels."""

import numpy as np
from PIL import ImageDraw

Colour = tuple[int, int, int]


def _shade(rng: np.random.Generator, low: int = 20, high: int = 245) -> Colour:
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue


def colour_field(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Two or three soft-edged blocks over a ground."""
    draw.rectangle([0, 0, size, size], _shade(rng))
    y, count = size * 0.06, int(rng.integers(2, 4))
    for _ in range(count):
        high = size * 0.88 / count * rng.uniform(0.7, 0.95)
        tone = np.array(_shade(rng))
        for k in range(6):
            inset = size * 0.05 + k
            shade = tuple((tone * (0.86 + 0.028 * k)).astype(int).tolist())
            draw.rectangle([inset, y + k, size - inset, y + high - k], shade)
        y += size * 0.9 / count


def grid(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Black bars and a few bright fields."""
    draw.rectangle([0, 0, size, size], (240, 238, 230))
    xs = [0, *sorted(rng.integers(20, size - 20, 3).tolist()), size]
    ys = [0, *sorted(rng.integers(20, size - 20, 3).tolist()), size]
    bright: list[Colour] = [(200, 30, 30), (30, 60, 150), (240, 200, 40), (20, 20, 24)]
    for i in range(4):
        for j in range(4):
            if rng.random() < 0.35:
                colour = bright[int(rng.integers(4))]
                draw.rectangle([xs[i], ys[j], xs[i + 1], ys[j + 1]], colour)
    for x in xs:
        draw.line([(x, 0), (x, size)], (20, 20, 22), 7)
    for y in ys:
        draw.line([(0, y), (size, y)], (20, 20, 22), 7)


def seascape(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Sea, sky and perhaps a boat."""
    horizon = int(size * rng.uniform(0.35, 0.65))
    sky, sea = np.array(_shade(rng, 120, 240)), np.array(_shade(rng, 20, 130))
    for y in range(size):
        tone = sky * (0.8 + 0.2 * y / horizon) if y < horizon else sea * (1.4 - 0.6 * y / size)
        draw.line([(0, y), (size, y)], tuple(np.clip(tone, 0, 255).astype(int).tolist()))
    crest = tuple(np.clip(sea * 1.6, 0, 255).astype(int).tolist())
    for _ in range(60):
        y = int(rng.integers(horizon + 2, size))
        x, wide = int(rng.integers(0, size)), int((y - horizon) * 0.3 + 4)
        draw.line([(x, y), (x + wide, y)], crest, 2)
    x, s = int(rng.integers(50, size - 70)), size / 256
    draw.polygon([(x, horizon - 60 * s), (x, horizon), (x + 40 * s, horizon)], (236, 230, 214))
    draw.polygon(
        [(x - 26 * s, horizon), (x + 50 * s, horizon), (x + 34 * s, horizon + 14 * s),
         (x - 16 * s, horizon + 14 * s)], _shade(rng, 20, 110),
    )  # fmt: skip


def strokes(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Broad brush strokes on paper."""
    paper, ink = (236, 230, 216), _shade(rng, 10, 90)
    draw.rectangle([0, 0, size, size], paper)
    for _ in range(int(rng.integers(3, 8))):
        start, way = rng.uniform(0.15, 0.85, 2) * size, rng.normal(size=2) * size * 0.3
        bend = rng.normal(size=2) * size * 0.15
        for t in np.linspace(0, 1, 40):
            x, y = start + way * t + bend * np.sin(t * np.pi)
            radius = size * 0.03 * (1.2 - t)
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], ink)
    draw.rectangle([size * 0.8, size * 0.84, size * 0.88, size * 0.92], (180, 40, 36))


def skyline(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Towers in grey, like a photograph."""
    for y in range(size):
        tone = int(150 + 90 * y / size)
        draw.line([(0, y), (size, y)], (tone, tone, tone))
    for layer, tone in enumerate((170, 120, 66, 30)):
        x = 0
        while x < size:
            wide = int(rng.integers(14, 44))
            top = int(size * (0.25 + 0.15 * layer) + rng.integers(0, size // 4))
            draw.rectangle([x, top, x + wide, size], (tone, tone, tone))
            for wy in range(top + 6, size - 4, 9):
                draw.line([(x + 4, wy), (x + wide - 4, wy)], (tone + 26,) * 3, 2)
            x += wide + int(rng.integers(0, 8))


def tree_study(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """A bare or leafy tree that forks."""
    ground, ink = _shade(rng, 190, 245), _shade(rng, 20, 100)
    leaf = _shade(rng, 60, 220)
    draw.rectangle([0, 0, size, size], ground)
    stack = [(size / 2, size * 0.95, -np.pi / 2, size * 0.24, 9.0)]
    while stack:
        x, y, angle, length, width = stack.pop()
        ex, ey = x + np.cos(angle) * length, y + np.sin(angle) * length
        draw.line([(x, y), (ex, ey)], ink, max(1, int(width)))
        if length < size * 0.06:
            draw.ellipse([ex - 7, ey - 7, ex + 7, ey + 7], leaf)
            continue
        for turn in (-1, 1):
            bend = turn * rng.uniform(0.25, 0.6)
            stack.append((ex, ey, angle + bend, length * rng.uniform(0.66, 0.8), width * 0.7))


def dots(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    """Rows of spots on a ground, some of another colour."""
    ground, first, second = _shade(rng), _shade(rng), _shade(rng)
    draw.rectangle([0, 0, size, size], ground)
    count = int(rng.integers(5, 12))
    step = size / count
    for i in range(count):
        for j in range(count):
            radius = step * rng.uniform(0.18, 0.44)
            x, y = (i + 0.5) * step, (j + 0.5) * step
            colour = second if rng.random() < 0.2 else first
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], colour)


MODERN = (colour_field, grid, seascape, strokes, skyline, tree_study, dots)
