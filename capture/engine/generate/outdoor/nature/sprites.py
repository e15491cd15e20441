"""Drawn plants with alpha: twigs of leaves, conifer boughs, fronds, grass, and whole far trees.

Sprites are drawn large and shrunk, so their edges are clean; where they are empty they keep the
plant's mean colour, which is what distant, filtered views blend in. They are dense on purpose:
filtered alpha above one half is drawn, so a sparse sprite would vanish and shimmer far away.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from capture.engine.generate.kit.pictures import Colour, pick

_LARGE = 1024


class Sprite:
    """A canvas of colour and of alpha, with places in 0..1 from the top left."""

    def __init__(self, ground: Colour) -> None:
        self._colour = Image.new("RGB", (_LARGE, _LARGE), ground)
        self._alpha = Image.new("L", (_LARGE, _LARGE), 0)
        self._draw = ImageDraw.Draw(self._colour), ImageDraw.Draw(self._alpha)

    def polygon(self, points: np.ndarray, colour: Colour) -> None:
        """Fill a polygon (N,2)."""
        corners = [tuple(p) for p in (np.asarray(points) * _LARGE).tolist()]
        self._draw[0].polygon(corners, colour)
        self._draw[1].polygon(corners, 255)

    def line(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draw a line through points (N,2)."""
        places = [tuple(p) for p in (np.asarray(points) * _LARGE).tolist()]
        thick = max(1, round(width * _LARGE))
        self._draw[0].line(places, colour, thick, joint="curve")
        self._draw[1].line(places, 255, thick, joint="curve")

    def image(self, size: int = 512) -> np.ndarray:
        """The sprite (size,size,4) uint8."""
        small = [c.resize((size, size), Image.Resampling.BOX) for c in (self._colour, self._alpha)]
        return np.dstack([np.asarray(small[0]), np.asarray(small[1])])


def shaded(colour: Colour, factor: float) -> Colour:
    """The colour, lighter or darker."""
    r, g, b = (min(255, int(c * factor)) for c in colour)
    return r, g, b


def _leaf(at: np.ndarray, turn: float, length: float, width: float) -> np.ndarray:
    """Outline of a pointed leaf that starts at `at`, (8,2)."""
    along = np.array([0, 0.25, 0.55, 0.8, 1, 0.8, 0.55, 0.25])
    across = np.array([0, 0.8, 1, 0.6, 0, -0.6, -1, -0.8]) * width / 2
    c, s = np.cos(turn), np.sin(turn)
    return at + length * along[:, None] * [c, s] + across[:, None] * [-s, c]


def leaves(
    rng: np.random.Generator,
    colours: Sequence[Colour],
    length: float = 0.11,
    count: int = 420,
    slender: float = 0.5,
    blossom: Colour | None = None,
) -> np.ndarray:
    """A clump of twigs with leaves, lighter towards its top and its front."""
    sprite = Sprite(shaded(colours[0], 0.72))
    for _ in range(14):
        turn = rng.uniform(0, 2 * np.pi)
        end = 0.5 + 0.4 * np.array([np.cos(turn), np.sin(turn)])
        sprite.line(np.array([[0.5, 0.5], end]), (70, 54, 40), 0.009)
    for k in range(count):
        radius, angle = 0.42 * rng.random() ** 0.55, rng.uniform(0, 2 * np.pi)
        at = 0.5 + radius * np.array([np.cos(angle), np.sin(angle)])
        turn = angle + rng.normal(0, 0.9)
        light = (0.58 + 0.5 * k / count) * rng.uniform(0.8, 1.2) * (1.12 - 0.24 * at[1])
        long = length * rng.uniform(0.7, 1.15)
        at = at - 0.5 * long * np.array([np.cos(turn), np.sin(turn)])
        sprite.polygon(_leaf(at, turn, long, long * slender), shaded(pick(rng, colours), light))
    if blossom is not None:
        for _ in range(count // 2):
            radius, angle = 0.4 * rng.random() ** 0.6, rng.uniform(0, 2 * np.pi)
            at = 0.5 + radius * np.array([np.cos(angle), np.sin(angle)])
            for petal in range(5):
                outline = _leaf(at, petal * 1.257, 0.028, 0.026)
                sprite.polygon(outline, shaded(blossom, rng.uniform(0.85, 1.08)))
    return sprite.image()


def bough(
    rng: np.random.Generator, colour: Colour, tip: Colour, sweep: float = 0.75, snow: bool = False
) -> np.ndarray:
    """A conifer's bough from the left edge to the right: side twigs full of needles."""
    sprite = Sprite(shaded(colour, 0.8))
    for k, u in enumerate(np.linspace(0.02, 0.93, 26)):
        reach = 0.47 * (1 - u) ** 0.7 * min(1.0, 0.55 + 2.4 * u) * rng.uniform(0.82, 1.08) + 0.03
        for side in (-1, 1):
            turn = side * (sweep + rng.normal(0, 0.08))
            start = np.array([u, 0.5])
            end = start + reach * np.array([np.cos(turn), np.sin(turn)])
            shade = rng.uniform(0.75, 1.15)
            sprite.line(np.array([start, end]), shaded(colour, 0.7 * shade), 0.03)
            for t in np.linspace(0.05, 1, max(3, int(reach * 44))):
                at = start + t * (end - start)
                tone = shaded(colour if t < 0.75 else tip, shade * rng.uniform(0.8, 1.2))
                for lean in (-0.7, 0.7):
                    needle = turn + lean + rng.normal(0, 0.15)
                    step = 0.042 * np.array([np.cos(needle), np.sin(needle)])
                    sprite.line(np.array([at, at + step]), tone, 0.009)
            if snow and k % 2 == 0:
                sprite.line(np.array([start, end - 0.1 * (end - start)]), (206, 216, 224), 0.012)
    sprite.line(np.array([[0, 0.5], [0.96, 0.5]]), (82, 64, 48), 0.016)
    return sprite.image()


def frond(rng: np.random.Generator, colour: Colour, leaflets: int = 30) -> np.ndarray:
    """A fern's or palm's frond from the left edge to the right."""
    sprite = Sprite(shaded(colour, 0.85))
    for u in np.linspace(0.04, 0.95, leaflets):
        reach = 0.46 * np.sin(np.pi * min(1, 0.18 + 0.86 * u)) ** 0.8 + 0.02
        for side in (-1, 1):
            turn = side * (1.05 - 0.35 * u) + rng.normal(0, 0.05)
            tone = shaded(colour, rng.uniform(0.75, 1.2))
            sprite.polygon(_leaf(np.array([u - 0.03, 0.5]), turn, reach, 0.042), tone)
    sprite.line(np.array([[0, 0.5], [0.98, 0.5]]), shaded(colour, 0.6), 0.014)
    return sprite.image()


def blades(
    rng: np.random.Generator,
    colours: Sequence[Colour],
    count: int = 130,
    heads: Colour | None = None,
    tall: float = 0.95,
) -> np.ndarray:
    """A tuft of grass that grows from the lower edge; with `heads`, flowers on some stalks."""
    sprite = Sprite(shaded(colours[0], 0.8))
    tops = []
    for k in range(count):
        x, lean = rng.uniform(0.12, 0.88), rng.normal(0, 0.16)
        height = tall * rng.uniform(0.35, 1.0) * (1 - 1.1 * (x - 0.5) ** 2)
        middle = np.array([x + lean * 0.35, 1 - 0.55 * height])
        top = np.array([np.clip(x + lean, 0.03, 0.97), 1 - height])
        half = np.array([rng.uniform(0.007, 0.016), 0])
        foot = np.array([x, 1.0])
        tone = shaded(pick(rng, colours), (0.6 + 0.5 * k / count) * rng.uniform(0.85, 1.2))
        outline = [foot - half, middle - half * 0.8, top, middle + half * 0.8, foot + half]
        sprite.polygon(np.array(outline), tone)
        tops.append(top)
    if heads is not None:
        for top in [tops[i] for i in rng.permutation(len(tops))[:26]]:
            for petal in range(6):
                tone = shaded(heads, rng.uniform(0.85, 1.1))
                sprite.polygon(_leaf(top, petal * 1.047, 0.05, 0.04), tone)
    return sprite.image()


def twigs(rng: np.random.Generator, colour: Colour, snow: bool = False) -> np.ndarray:
    """Bare twigs that branch from the middle of the lower edge."""
    sprite = Sprite(shaded(colour, 0.9))
    reaches = [(np.array([0.5, 1.0]), -np.pi / 2 + rng.normal(0, 0.1), 0.3, 0.03)]
    while reaches:
        at, turn, length, width = reaches.pop()
        end = at + length * np.array([np.cos(turn), np.sin(turn)])
        sprite.line(np.array([at, end]), shaded(colour, rng.uniform(0.8, 1.15)), width)
        if snow and width < 0.02:
            sprite.line(np.array([at, end]) - [0, 0.006], (230, 236, 244), width * 0.6)
        if length > 0.045:
            for lean in (-0.5, 0.05, 0.5):
                along = at + (end - at) * rng.uniform(0.55, 1.0)
                bend = turn + lean + rng.normal(0, 0.2)
                reaches.append(
                    (along, bend, length * rng.uniform(0.58, 0.8), max(width * 0.62, 0.008))
                )
    return sprite.image()


def far_conifer(rng: np.random.Generator, colour: Colour, snow: bool = False) -> np.ndarray:
    """A whole spruce or fir as seen from afar."""
    sprite = Sprite(shaded(colour, 0.8))
    sprite.line(np.array([[0.5, 0.06], [0.5, 1]]), (74, 58, 46), 0.02)
    broad = rng.uniform(0.26, 0.38)
    for t in np.linspace(0, 1, 40) ** 0.9:
        y, half = 0.03 + 0.9 * t, broad * (0.04 + 0.96 * t) * rng.uniform(0.82, 1.08)
        for _ in range(4 + int(22 * t)):
            x = rng.uniform(-1, 1)
            at = np.array([0.5 + x * half, y + 0.03 * abs(x) + rng.normal(0, 0.008)])
            tone = shaded(colour, rng.uniform(0.6, 1.25) * (0.8 + 0.3 * abs(x)))
            if snow and rng.random() < 0.38:
                tone = (224, 231, 240)
            sprite.polygon(_leaf(at, np.pi / 2 + x * 0.9, 0.07, 0.034), tone)
    return sprite.image()


def far_broadleaf(rng: np.random.Generator, colours: Sequence[Colour]) -> np.ndarray:
    """A whole broad-leaved tree as seen from afar: round clumps, lit from above."""
    sprite = Sprite(shaded(colours[0], 0.75))
    sprite.line(np.array([[0.5, 0.5], [0.5, 1]]), (78, 64, 52), 0.035)
    tall = rng.uniform(0.3, 0.4)
    clumps = []
    for _ in range(30):
        angle, radius = rng.uniform(0, 2 * np.pi), rng.random() ** 0.5
        clumps.append(
            [0.5 + 0.33 * radius * np.cos(angle), 0.42 + tall * 0.9 * radius * np.sin(angle)]
        )
    for x, y in sorted(clumps, key=lambda p: -p[1]):
        for k in range(70):
            angle, radius = rng.uniform(0, 2 * np.pi), 0.12 * rng.random() ** 0.5
            at = np.array([x + radius * np.cos(angle), y + radius * np.sin(angle)])
            light = 0.98 - 3.2 * (at[1] - y) - 0.35 * (y - 0.4) + 0.1 * k / 70
            tone = shaded(pick(rng, colours), light * rng.uniform(0.82, 1.15))
            sprite.polygon(_leaf(at, rng.uniform(0, 6.28), 0.034, 0.026), tone)
    return sprite.image()
