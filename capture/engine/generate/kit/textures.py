"""Procedural textures: every function returns a seamless sRGB image (SIZE,SIZE,3) in 0..1.

Colours are sRGB triples 0..255. How many centimetres one repeat covers is the caller's choice.
"""

import numpy as np

from capture.engine.generate.kit.noise import SIZE, NoiseBank, texel_grid

Colour = tuple[int, int, int]


def rgb(colour: Colour) -> np.ndarray:
    """An sRGB triple 0..255 as float32 (3,) in 0..1."""
    return np.asarray(colour, np.float32) / 255


def darker(colour: Colour, factor: float) -> Colour:
    """The colour times a factor below 1."""
    r, g, b = (int(c * factor) for c in colour)
    return r, g, b


def tint(colour: Colour, brightness: np.ndarray) -> np.ndarray:
    """A colour times a brightness field, (SIZE,SIZE,3)."""
    return brightness[..., None] * rgb(colour)


def plaster(noise: NoiseBank, colour: Colour, roughness: float = 1.0) -> np.ndarray:
    """Painted plaster: faint clouds and a fine grain."""
    shade = 1 + 0.05 * noise("cloud") + roughness * (0.035 * noise("fine") + 0.03 * noise("rough"))
    return tint(colour, shade)


def stained_plaster(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Old outdoor render with blotches."""
    shade = 1 + 0.16 * noise("cloud") + 0.07 * noise("rough") + 0.05 * noise("fine")
    return tint(colour, shade)


def planks(noise: NoiseBank, colour: Colour, rows: int = 8, contrast: float = 1.0) -> np.ndarray:
    """Floor boards along u, staggered, each with its own shade and grain."""
    u, v = texel_grid()
    row = np.floor(v * rows).astype(int)
    shift = (row * 0.381966) % 1
    column = np.floor((u + shift) % 1 * 2).astype(int)
    cells = row * 2 + column
    edge_v = np.abs(v * rows % 1 - 0.5) > 0.5 - 0.012 * rows / 2
    edge_u = np.abs((u + shift) % 1 * 2 % 1 - 0.5) > 0.4955
    grain = noise("grain") + 0.35 * noise("fine")
    shade = 1 + contrast * (0.16 * noise.per_cell(cells) + 0.2 * grain)
    shade = np.where(edge_v | edge_u, shade * 0.55, shade)
    warm = np.stack([np.zeros_like(shade), -0.05 * grain, -0.09 * grain], -1)
    return tint(colour, shade) + warm * contrast


def herringbone(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Parquet of small square panels with the boards turned by turns."""
    u, v = texel_grid()
    panel = (np.floor(u * 4) + np.floor(v * 4)).astype(int) % 2
    along = np.where(panel == 0, u, v) * 4 % 1
    across = np.where(panel == 0, v, u) * 4
    cells = np.floor(u * 4) * 4 + np.floor(v * 4)
    board = (cells * 5 + np.floor(across % 1 * 5)).astype(int)
    grain = noise("grain")
    grain = np.where(panel == 0, grain, grain.T)
    seam = (np.abs(across * 5 % 1 - 0.5) > 0.46) | (np.abs(along - 0.5) > 0.492)
    shade = 1 + 0.14 * noise.per_cell(board) + 0.18 * grain
    return tint(colour, np.where(seam, shade * 0.6, shade))


def wood(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Plain furniture wood with the grain along u."""
    grain = noise("grain")
    rings = np.sin(grain * 14 + noise("cloud") * 3)
    return tint(colour, 1 + 0.1 * grain + 0.035 * rings + 0.02 * noise("fine"))


def bricks(
    noise: NoiseBank,
    colour: Colour,
    mortar: Colour = (190, 182, 170),
    rows: int = 12,
    columns: int = 4,
    variety: float = 0.18,
    joint: float = 0.08,
) -> np.ndarray:
    """Running bond; with few rows and columns it is ashlar or paving."""
    u, v = texel_grid()
    row = np.floor(v * rows).astype(int)
    along = (u * columns + 0.5 * (row % 2)) % columns
    cells = row * columns + np.floor(along).astype(int)
    gap_v = np.abs(v * rows % 1 - 0.5) > 0.5 - joint
    gap_u = np.abs(along % 1 - 0.5) > 0.5 - joint * columns / rows
    shade = 1 + variety * noise.per_cell(cells) + 0.1 * noise("rough") + 0.08 * noise("fine")
    body = tint(colour, shade)
    body[..., 0] += 0.03 * noise.per_cell(cells)
    seam = tint(mortar, 1 + 0.08 * noise("fine"))
    return np.where((gap_v | gap_u)[..., None], seam, body)


def tiles(
    noise: NoiseBank, first: Colour, second: Colour, count: int = 4, grout: Colour = (205, 203, 198)
) -> np.ndarray:
    """Square tiles in a checkerboard of two colours."""
    u, v = texel_grid()
    column, row = np.floor(u * count).astype(int), np.floor(v * count).astype(int)
    shade = 1 + 0.05 * noise.per_cell(row * count + column) + 0.05 * noise("cloud")
    even = ((column + row) % 2 == 0)[..., None]
    body = np.where(even, rgb(first), rgb(second)) * shade[..., None]
    edge = (
        np.maximum(np.abs(u * count % 1 - 0.5), np.abs(v * count % 1 - 0.5)) > 0.5 - 0.006 * count
    )
    return np.where(edge[..., None], rgb(grout), body)


def diamond_tiles(noise: NoiseBank, first: Colour, second: Colour) -> np.ndarray:
    """Large pale tiles with small dark squares on their corners."""
    u, v = texel_grid()
    body = tiles(noise, first, first, 4)
    near = np.abs((u * 4 + 0.5) % 1 - 0.5) + np.abs((v * 4 + 0.5) % 1 - 0.5)
    return np.where((near < 0.2)[..., None], rgb(second), body)


def wallpaper(noise: NoiseBank, base: Colour, ink: Colour, motif: int) -> np.ndarray:
    """One of six printed patterns on a plain ground."""
    u, v = texel_grid()
    a, b = u * 2 * np.pi, v * 2 * np.pi
    fields = [
        lambda: np.sin(a * 6) - 0.3,
        lambda: (
            0.55
            - np.hypot((u * 8 % 1) - 0.5, ((v * 8 + 0.5 * (np.floor(u * 8) % 2)) % 1) - 0.5) * 2.6
        ),
        lambda: np.cos(a * 4) * np.cos(b * 4) + 0.4 * np.cos(a * 12) * np.cos(b * 8) - 0.35,
        lambda: 0.16 - np.abs((v * 6 + 0.3 * np.abs((u * 6 % 1) * 2 - 1) * 2) % 1 - 0.5),
        lambda: np.sin(a * 3 + 1.6 * np.sin(b * 3)) * np.sin(b * 6 + np.sin(a * 3)) - 0.25,
        lambda: np.maximum(np.cos(a * 5), np.cos(b * 5)) - 0.86,
    ]
    cover = np.clip(fields[motif % len(fields)]() * 6 + 0.5, 0, 1)[..., None].astype(np.float32)
    shade = (1 + 0.04 * noise("cloud") + 0.03 * noise("fine"))[..., None]
    return (rgb(base) * (1 - cover) + rgb(ink) * cover) * shade


def fabric(noise: NoiseBank, colour: Colour, weave: float = 0.06) -> np.ndarray:
    """Woven cloth."""
    u, v = texel_grid()
    threads = np.sin(u * 2 * np.pi * 64) * np.sin(v * 2 * np.pi * 64)
    return tint(colour, 1 + weave * threads + 0.07 * noise("rough") + 0.06 * noise("fine"))


def striped_fabric(noise: NoiseBank, first: Colour, second: Colour, count: int = 6) -> np.ndarray:
    """Cloth with stripes across u."""
    u, _ = texel_grid()
    stripe = (np.sin(u * 2 * np.pi * count) > 0.2)[..., None]
    shade = 1 + 0.06 * noise("rough") + 0.06 * noise("fine")
    return np.where(stripe, rgb(first), rgb(second)) * shade[..., None]


def carpet(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Deep pile."""
    return tint(colour, 1 + 0.17 * noise("fine") + 0.1 * noise("rough") + 0.05 * noise("cloud"))


def asphalt(noise: NoiseBank, colour: Colour = (92, 92, 95)) -> np.ndarray:
    """Road surface with patches and grit."""
    cracks = np.abs(noise("cloud") + 0.35 * noise("rough")) < 0.006
    shade = 1 + 0.14 * noise("cloud") + 0.1 * noise("rough") + 0.16 * noise("fine")
    return tint(colour, np.where(cracks, shade * 0.72, shade))


def grass(noise: NoiseBank, colour: Colour = (92, 122, 52)) -> np.ndarray:
    """Lawn."""
    blades = 0.3 * noise("fine") + 0.2 * noise("rough")
    image = tint(colour, 1 + blades + 0.12 * noise("cloud"))
    image[..., 0] += 0.06 * noise("cloud")
    return image


def cobbles(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Rounded setts in rows."""
    u, v = texel_grid()
    rows = 12
    row = np.floor(v * rows).astype(int)
    along = (u * rows + 0.5 * (row % 2)) % rows
    cells = row * rows + np.floor(along).astype(int)
    x, y = along % 1 - 0.5, v * rows % 1 - 0.5
    dome = np.clip(1.15 - (np.abs(x * 2) ** 4 + np.abs(y * 2) ** 4), 0, 1) ** 0.5
    shade = (0.55 + 0.45 * dome) * (1 + 0.2 * noise.per_cell(cells) + 0.12 * noise("fine"))
    return tint(colour, shade)


def roof_tiles(noise: NoiseBank, colour: Colour) -> np.ndarray:
    """Rows of pantiles, each row shading the next."""
    u, v = texel_grid()
    rows, columns = 10, 12
    row, column = np.floor(v * rows).astype(int), np.floor(u * columns).astype(int)
    curve = 0.78 + 0.22 * np.sin((u * columns % 1) * np.pi)
    drop = np.clip((1 - v * rows % 1) * 5, 0.45, 1)
    shade = (
        curve * drop * (1 + 0.15 * noise.per_cell(row * columns + column) + 0.1 * noise("rough"))
    )
    return tint(colour, shade * 1.1)


def boards(noise: NoiseBank, colour: Colour, count: int = 10) -> np.ndarray:
    """Weatherboards: horizontal laps with a shadow under each."""
    _, v = texel_grid()
    lap = v * count % 1
    row = np.floor(v * count).astype(int)
    shade = (0.9 + 0.12 * lap) * np.where(lap < 0.08, 0.6, 1.0)
    return tint(colour, shade * (1 + 0.05 * noise.per_cell(row) + 0.08 * noise("grain")))


def foliage(
    rng: np.random.Generator, colour: Colour, leaves: int = 260, length: float = 0.085
) -> np.ndarray:
    """A clump of leaves with alpha, (SIZE,SIZE,4): not seamless, fills a card."""
    image = np.zeros((SIZE, SIZE, 4), np.float32)
    image[..., :3] = rgb(colour) * 0.7
    u, v = texel_grid()
    for _ in range(leaves):
        radius, angle = 0.42 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        _leaf(
            image,
            u,
            v,
            (0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)),
            rng,
            colour,
            length,
        )
    return image


def _leaf(image, u, v, centre, rng, colour, length) -> None:
    """Draw one pointed leaf into its bounding box."""
    reach = int(length * SIZE) + 1
    x, y = int(centre[0] * SIZE), int(centre[1] * SIZE)
    box = np.s_[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    turn = rng.uniform(0, 2 * np.pi)
    dx, dy = u[box] - centre[0], v[box] - centre[1]
    along = (dx * np.cos(turn) + dy * np.sin(turn)) / length
    across = (dy * np.cos(turn) - dx * np.sin(turn)) / length
    inside = np.abs(across) < 0.36 * (1 - along**2) * (np.abs(along) < 1)
    shade = rng.uniform(0.65, 1.25) * (1 - 0.25 * (np.abs(across) < 0.03))
    image[box][inside, :3] = (np.clip(rgb(colour) * shade[..., None], 0, 1))[inside]
    image[box][inside, 3] = 1
