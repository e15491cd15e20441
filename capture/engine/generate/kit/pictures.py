"""Drawn pictures: paintings, posters, rugs, book spines, signs and what stands behind windows.

Each function returns an sRGB image (height, width, 3) uint8 for a cell of a texture atlas.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from capture.engine.generate.kit.modern_art import MODERN, seascape, tree_study

Colour = tuple[int, int, int]

INKS: list[Colour] = [
    (196, 62, 48), (226, 148, 42), (238, 204, 92), (62, 122, 78), (38, 86, 140), (108, 66, 132),
    (34, 44, 66), (236, 230, 214), (188, 108, 130), (96, 168, 172), (120, 82, 52), (58, 58, 62),
]  # fmt: skip


def pick(rng: np.random.Generator, choices: Sequence):
    """One of `choices`."""
    return choices[int(rng.integers(len(choices)))]


def vary(rng: np.random.Generator, colour: Colour, amount: int = 18) -> Colour:
    """A colour near the given one."""
    return tuple(np.clip(np.array(colour) + rng.integers(-amount, amount + 1, 3), 0, 255).tolist())


def mix(a: Colour, b: Colour) -> Colour:
    """The colour half way between two."""
    return (a[0] + b[0]) // 2, (a[1] + b[1]) // 2, (a[2] + b[2]) // 2


def painting(rng: np.random.Generator, size: int = 256, old: bool = False) -> np.ndarray:
    """One of many kinds of picture for a wall; only of things where it is `old`."""
    kinds = (_landscape, _abstract, _circles, _portrait, _stripes, _still_life, *MODERN)
    if old:
        kinds = (_landscape, _landscape, _portrait, _portrait, _still_life, seascape, tree_study)
    image = Image.new("RGB", (size, size), pick(rng, INKS))
    pick(rng, kinds)(ImageDraw.Draw(image), rng, size)
    return _grained(image, rng)


def _landscape(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    top, low = vary(rng, (120, 170, 210), 50), vary(rng, (240, 214, 170), 30)
    for y in range(size):
        mix = y / size
        draw.line(
            [(0, y), (size, y)],
            tuple(int(a + (c - a) * mix) for a, c in zip(top, low, strict=True)),
        )
    x, r = int(rng.integers(40, size - 40)), int(rng.integers(12, 30))
    draw.ellipse([x - r, 60 - r, x + r, 60 + r], vary(rng, (250, 230, 180)))
    base = vary(rng, (70, 110, 90), 50)
    for layer in range(4):
        heights = size * (0.45 + 0.13 * layer) + np.cumsum(rng.normal(0, 7, 17))
        ridge = [(i * size // 16, int(h)) for i, h in enumerate(heights)]
        shade = tuple(int(c * (1.25 - 0.25 * layer)) for c in base)
        draw.polygon([(0, size), *ridge, (size, size)], shade)


def _abstract(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    for _ in range(9):
        points = [tuple(p) for p in rng.integers(-30, size + 30, (4, 2)).tolist()]
        draw.polygon(points, pick(rng, INKS))
    for _ in range(4):
        draw.line([tuple(p) for p in rng.integers(0, size, (2, 2)).tolist()], (24, 24, 28), 5)


def _circles(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    count = int(rng.integers(1, 5))
    step, inks = size // count, [INKS[i] for i in rng.permutation(len(INKS))[:5]]
    for cell in range(count * count):
        x, y = cell % count * step, cell // count * step
        draw.rectangle([x, y, x + step, y + step], pick(rng, inks))
        for inset in (0.1, 0.25, 0.38):
            low, high = step * inset, step * (1 - inset)
            draw.ellipse([x + low, y + low, x + high, y + high], pick(rng, inks))


def _portrait(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    skin, hair, coat = (
        pick(rng, [(222, 180, 150), (150, 104, 76), (96, 66, 50)]),
        pick(rng, INKS),
        pick(rng, INKS),
    )
    s = size / 256
    draw.ellipse([70 * s, 34 * s, 186 * s, 180 * s], hair)
    draw.polygon([(30 * s, size), (70 * s, 176 * s), (186 * s, 176 * s), (226 * s, size)], coat)
    draw.rectangle([112 * s, 140 * s, 144 * s, 190 * s], skin)
    draw.ellipse([86 * s, 56 * s, 170 * s, 166 * s], skin)
    for x in (110, 146):
        draw.ellipse([(x - 6) * s, 100 * s, (x + 6) * s, 108 * s], (30, 26, 26))
    draw.arc([112 * s, 124 * s, 144 * s, 146 * s], 20, 160, (140, 50, 50), 4)


def _still_life(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    s = size / 256
    draw.rectangle([0, 170 * s, size, size], vary(rng, (128, 92, 64), 30))
    for _ in range(16):
        x, y, r = rng.uniform(70, 190) * s, rng.uniform(24, 110) * s, rng.uniform(10, 22) * s
        draw.line([128 * s, 150 * s, x, y], (58, 92, 50), 3)
        draw.ellipse([x - r, y - r, x + r, y + r], pick(rng, INKS[:6]))
        draw.ellipse([x - r / 3, y - r / 3, x + r / 3, y + r / 3], INKS[2])
    draw.polygon(
        [(104 * s, 130 * s), (152 * s, 130 * s), (166 * s, 200 * s), (90 * s, 200 * s)],
        pick(rng, INKS),
    )
    for x in (50, 196, 222):
        draw.ellipse([(x - 17) * s, 176 * s, (x + 17) * s, 210 * s], pick(rng, INKS[:4]))


def _stripes(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    y = 0
    while y < size:
        step = int(rng.integers(12, 60))
        draw.rectangle([0, y, size, y + step], pick(rng, INKS))
        y += step
    x, r = int(rng.integers(70, 180)), int(rng.integers(26, 62))
    draw.ellipse([x - r, x - r, x + r, x + r], pick(rng, INKS))


def rug(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """A patterned rug with borders."""
    ground, ink, third = (vary(rng, pick(rng, INKS)) for _ in range(3))
    image = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(image)
    for inset, colour in ((6, ink), (16, third), (26, ground), (30, ink), (36, ground)):
        draw.rectangle([inset, inset, size - 1 - inset, size - 1 - inset], colour)
    count = int(rng.integers(2, 5))
    step = (size - 84) / count
    for i in range(count * count):
        x, y = 42 + step * (i % count + 0.5), 42 + step * (i // count + 0.5)
        for scale, colour in ((0.46, ink), (0.32, third), (0.17, ground)):
            r = step * scale
            draw.polygon([(x - r, y), (x, y - r), (x + r, y), (x, y + r)], colour)
    return _grained(image, rng, 14)


def spines(rng: np.random.Generator, count: int = 64, size: int = 64) -> list[np.ndarray]:
    """Book spines with bands and a title."""
    images = []
    for _ in range(count):
        ground, ink = (
            vary(rng, pick(rng, INKS)),
            vary(rng, pick(rng, [(230, 210, 150), (240, 240, 235), (30, 30, 34)])),
        )
        image = Image.new("RGB", (size, size), ground)
        draw = ImageDraw.Draw(image)
        for y in rng.integers(3, 58, 2).tolist():
            draw.rectangle([0, y, size, y + int(rng.integers(1, 5))], ink)
        top = int(rng.integers(12, 24))
        draw.rectangle([22, top, 42, top + int(rng.integers(10, 28))], ink)
        images.append(np.asarray(image))
    return images


def sign(text: str, ground: Colour, ink: Colour, width: int = 512, height: int = 64) -> np.ndarray:
    """A shop sign with a border and the text as large as it fits."""
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle([3, 3, width - 4, height - 4], outline=ink, width=2)
    size = height * 0.74
    while draw.textlength(text, _font(size)) > width - 36:
        size -= 2
    draw.text((width / 2, height / 2), text, ink, _font(size), anchor="mm")
    return np.asarray(image)


def poster(rng: np.random.Generator, words: Sequence[str], size: int = 256) -> np.ndarray:
    """A placard: a picture with large words above and below."""
    image = Image.fromarray(painting(rng, size))
    draw = ImageDraw.Draw(image)
    ground, ink = (24, 24, 30), (244, 240, 228)
    if rng.random() < 0.5:
        ground, ink = ink, pick(rng, INKS[:6])
    for top, word, height in ((0, words[0], 58), (size - 34, words[1], 34)):
        draw.rectangle([0, top, size, top + height], ground)
        font_size = height * 0.8
        while draw.textlength(word, _font(font_size)) > size - 16:
            font_size -= 2
        draw.text((size / 2, top + height / 2), word, ink, _font(font_size), anchor="mm")
    return np.asarray(image)


def house_window(rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """A dark room behind glass: curtains, blinds or plants, and the sky's reflection."""
    image = Image.new("RGB", (size, size), vary(rng, (44, 52, 62), 14))
    draw = ImageDraw.Draw(image)
    cloth = vary(
        rng,
        pick(
            rng, [(214, 206, 190), (168, 84, 70), (120, 140, 160), (196, 176, 110), (150, 160, 130)]
        ),
    )
    kind = int(rng.integers(5))
    if kind in (0, 1):
        for x in range(0, size // (4 if kind else 3), 4):
            shade = tuple(int(c * (0.62 + 0.2 * np.sin(x))) for c in cloth)
            draw.rectangle([x, 0, x + 3, size], shade)
            draw.rectangle([size - x - 4, 0, size - x, size], shade)
    elif kind == 2:
        for y in range(0, int(size * rng.uniform(0.3, 1.0)), 5):
            draw.rectangle([0, y, size, y + 3], tuple(int(c * 0.75) for c in cloth))
    elif kind == 3:
        for x in rng.integers(10, size - 10, 5).tolist():
            draw.ellipse([x - 14, size - 40, x + 14, size - 8], vary(rng, (58, 96, 50), 16))
            draw.rectangle([x - 8, size - 18, x + 8, size], (150, 90, 60))
    elif rng.random() < 0.6:
        draw.rectangle([0, 0, size, size], vary(rng, (196, 164, 104), 16))
        draw.rectangle([size * 0.2, size * 0.5, size * 0.8, size], (120, 88, 60))
    return _reflection(np.asarray(image), rng)


def shop_window(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """A lit shop: shelves of goods, or figures, behind glass."""
    image = Image.new("RGB", (size, size), vary(rng, (150, 132, 104), 30))
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, size * 0.8, size, size], vary(rng, (96, 74, 58), 20))
    if rng.random() < 0.65:
        for y in range(50, size, 52):
            draw.rectangle([0, y + 36, size, y + 40], (84, 62, 44))
            x = 4
            while x < size - 24:
                w, h = int(rng.integers(10, 26)), int(rng.integers(12, 34))
                shape = draw.ellipse if rng.random() < 0.3 else draw.rectangle
                shape([x, y + 36 - h, x + w, y + 36], pick(rng, INKS))
                x += w + 4
    else:
        for x in range(30, size, 64):
            draw.ellipse([x + 8, 60, x + 28, 86], (222, 196, 172))
            draw.polygon([(x, 96), (x + 36, 96), (x + 46, 190), (x - 10, 190)], pick(rng, INKS))
            draw.rectangle([x + 14, 190, x + 22, 232], (60, 50, 46))
    return _reflection(np.asarray(image), rng)


def _reflection(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Glass over an image: a slanted band of sky."""
    size = image.shape[0]
    x, y = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size))
    band = np.clip(np.sin((x + y * 0.6 + rng.random()) * 5), 0, 1) ** 3 * 0.22 + 0.1 * (1 - y)
    sky = np.array([176, 200, 222.0])
    return np.rint(image + (sky - image) * band[..., None]).astype(np.uint8)


def _grained(image: Image.Image, rng: np.random.Generator, amount: int = 9) -> np.ndarray:
    pixels = np.asarray(image).astype(np.int16)
    grain = rng.integers(-amount, amount + 1, pixels.shape[:2], dtype=np.int16)
    return np.clip(pixels + grain[..., None], 0, 255).astype(np.uint8)


def _font(size: float):
    return ImageFont.load_default(max(8.0, size))
