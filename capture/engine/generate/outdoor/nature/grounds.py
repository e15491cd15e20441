"""Textures of open ground, and blends between them.

A blend of two textures is a row of textures with more and more of the second; where it is, is the
same in all of them. Triangles of land with neighbouring steps of a blend therefore meet without a
line, though each triangle has one texture only.
"""

import numpy as np

from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.noise import SIZE, NoiseBank, texel_grid
from capture.engine.generate.kit.textures import Colour, rgb, tint

GROUND_CM = 430.0  # one repeat of a ground texture


def blend(
    m: Materials,
    noise: NoiseBank,
    first: np.ndarray,
    second: np.ndarray,
    steps: int = 6,
    size_cm: float = GROUND_CM,
) -> list[Material]:
    """Materials from `first` to `second`, both (SIZE,SIZE,3); both ends are included."""
    field = noise("cloud") + 0.7 * noise("rough") + 0.25 * noise("fine")
    rank = np.empty(SIZE * SIZE, np.float32)
    rank[np.argsort(field, axis=None)] = np.linspace(0, 1, SIZE * SIZE, dtype=np.float32)
    rank = rank.reshape(SIZE, SIZE)
    made = []
    for share in np.linspace(0, 1, steps):
        # A soft edge of a few texels; all of the first at 0 and of the second at 1.
        cover = np.clip((share * 1.08 - 0.04 - rank) / 0.06 + 0.5, 0, 1)[..., None]
        made.append(m.tiled(first * (1 - cover) + second * cover, size_cm))
    return made


def step_of(share: np.ndarray, blend_: list[Material]) -> np.ndarray:
    """Which step of a blend shows a share 0..1 of its second texture."""
    return np.rint(np.clip(share, 0, 1) * (len(blend_) - 1)).astype(int)


def meadow(noise: NoiseBank, colour: Colour, dry: Colour, flowers: float = 0.0) -> np.ndarray:
    """Grass as seen from above: tufts, some dry, and here and there a flower."""
    tufts = 0.5 * noise("rough") + 0.5 * noise("fine")
    image = tint(colour, 1 + 0.42 * tufts + 0.22 * noise("cloud"))
    withered = np.clip(noise("rough") * 2 + noise("cloud") - 0.35, 0, 1)[..., None]
    image += (tint(dry, 1 + 0.3 * tufts) - image) * 0.5 * withered
    if flowers:
        for petal in ((236, 232, 214), (226, 198, 70), (170, 120, 190)):
            dots = noise("fine") * noise("fine") > 1.0 - flowers * 0.35
            image[dots] = rgb(petal)
    return image


def litter(noise: NoiseBank, colours: list[Colour], soil: Colour) -> np.ndarray:
    """A forest floor: soil strewn with leaves or needles of several colours."""
    image = tint(soil, 1 + 0.35 * noise("rough") + 0.3 * noise("fine"))
    for colour in colours:
        leaf = np.clip((noise("rough") + 0.6 * noise("fine") - 0.12) * 4, 0, 1)[..., None]
        image += (tint(colour, 0.9 + 0.4 * noise("fine")) - image) * leaf * 0.75
    return image


def soil(noise: NoiseBank, colour: Colour, stones: float = 0.3) -> np.ndarray:
    """Bare earth with pebbles."""
    image = tint(colour, 1 + 0.2 * noise("cloud") + 0.22 * noise("rough") + 0.16 * noise("fine"))
    pebble = np.clip((noise("rough") - 0.55 + 0.3 * stones) * 7, 0, 1)[..., None]
    return image + (tint((158, 150, 140), 0.8 + 0.5 * noise("fine")) - image) * pebble * stones


def gravel(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """A path of fine stones."""
    return tint(colour, 1 + 0.1 * noise("cloud") + 0.14 * noise("rough") + 0.24 * noise("fine"))


def sand(noise: NoiseBank, colour: Colour, ripples: float = 0.08) -> np.ndarray:
    """Sand with ripples across v."""
    _, v = texel_grid()
    wave = np.sin(v * 2 * np.pi * 22 + 5 * noise("cloud") + 1.2 * noise("rough"))
    return tint(colour, 1 + ripples * wave + 0.07 * noise("cloud") + 0.1 * noise("fine"))


def rock(noise: NoiseBank, colour: Colour, lichen: Colour | None = None) -> np.ndarray:
    """Weathered stone with cracks."""
    shade = 1 + 0.3 * noise("cloud") + 0.26 * noise("rough") + 0.12 * noise("fine")
    cracks = np.abs(noise("rough") + 0.5 * noise("cloud")) < 0.035
    image = tint(colour, np.where(cracks, shade * 0.62, shade))
    if lichen is not None:
        spots = np.clip((noise("rough") + noise("cloud") - 0.55) * 5, 0, 1)[..., None]
        image += (tint(lichen, 1 + 0.3 * noise("fine")) - image) * spots * 0.7
    return image


def strata(noise: NoiseBank, colours: list[Colour]) -> np.ndarray:
    """Layered rock: bands along u, one texture is the whole sequence of layers."""
    _, v = texel_grid()
    place = (v + 0.02 * noise("cloud") + 0.006 * noise("rough")) % 1 * len(colours)
    index = np.floor(place).astype(int) % len(colours)
    palette = np.array([rgb(c) for c in colours], np.float32)
    palette += (palette.mean(0) - palette) * 0.35
    edge = np.clip((place % 1 - 0.8) / 0.2, 0, 1)[..., None]
    body = palette[index] * (1 - edge) + palette[(index + 1) % len(colours)] * edge
    fine = np.sin(v * 2 * np.pi * 70 + 4 * noise("cloud"))
    shade = 1 + 0.07 * fine + 0.22 * noise("grain") + 0.12 * noise("rough") + 0.08 * noise("fine")
    return body * shade[..., None]


def snow(noise: NoiseBank, colour: Colour = (206, 213, 226)) -> np.ndarray:
    """Wind-blown snow."""
    return tint(colour, 1 + 0.07 * noise("cloud") + 0.06 * noise("rough") + 0.03 * noise("fine"))


def water(noise: NoiseBank, colour: Colour, light: Colour) -> np.ndarray:
    """A rippled surface: the deep colour, with light on the slopes of small waves."""
    wave = np.clip(0.5 + 0.8 * noise("grain") + 0.4 * noise("rough"), 0, 1)[..., None] ** 2
    return rgb(colour) * (1 - 0.4 * wave) + rgb(light) * 0.4 * wave
