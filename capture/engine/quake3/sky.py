"""A Quake 3 level's sky as the six sides of a cube map: its painted box, and clouds over it.

The game hangs six images around the camera (`_rt` towards its +X, `_bk` towards +Y, `_up` ...) and
draws layers of clouds on a dome upon them, blended like any surface. Both are computed here once,
for the axes of Unreal's world, as bytes that are shown as they are.
"""

import numpy as np
from PIL import Image

from capture.engine.quake3.image import Paks, srgb_to_linear
from capture.engine.quake3.shader import ADD, WHITE_IMAGE, Shader, Stage
from capture.engine.scene import Sky
from capture.engine.sky import CUBE_FACES

SIDE_PIXELS = 512
_WORLD_RADIUS = 4096.0  # of the game's dome, in its units
_NIGHT_SKY = (0.006, 0.008, 0.014)  # the darkest that a sky is, linear
# Suffix, then where the image's s (to the right), t (up) and its middle point: axis and sign.
_BOX = {
    "_rt": ((1, -1), (2, 1), (0, 1)),
    "_lf": ((1, 1), (2, 1), (0, -1)),
    "_bk": ((0, 1), (2, 1), (1, 1)),
    "_ft": ((0, -1), (2, 1), (1, -1)),
    "_up": ((1, -1), (0, -1), (2, 1)),
    "_dn": ((1, 1), (0, -1), (2, -1)),
}


def sky_of(paks: Paks, shader: Shader | None) -> Sky:
    """The sky of a shader; the ordinary one where there is none."""
    if shader is None:
        return Sky()
    painted = _painted(paks, shader)
    if painted is None:
        return Sky()
    linear = srgb_to_linear(painted / 255.0)
    sides = linear[:4].mean((0, 2))  # by row: from the top to the bottom
    middle = SIDE_PIXELS // 2
    return Sky(
        zenith=_colour(linear[4].mean((0, 1))),
        horizon=_colour(sides[middle - middle // 4 : middle].mean(0)),
        ground=_colour(sides[-middle // 2 :].mean(0)),
        cloud_cover=0.0,
        painted=painted,
    )


def _painted(paks: Paks, shader: Shader) -> np.ndarray | None:
    """The cube's sides (6,S,S,3) uint8, or None where no image is found."""
    rays = cube_rays(SIDE_PIXELS) * np.array([1, -1, 1], np.float32)  # its Y points to the left
    sky = _box(paks, shader, rays)
    for stage in shader.stages:
        clouds = _clouds(paks, stage, rays, shader.cloud_height)
        if clouds is not None:
            sky = _blended(np.zeros_like(rays) if sky is None else sky, clouds, stage)
    return None if sky is None else (sky.clip(0, 1) * 255).round().astype(np.uint8)


def cube_rays(pixels: int) -> np.ndarray:
    """Unit directions (6,pixels,pixels,3) float32 of a cube map's texels, in Unreal's world."""
    at = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    s, t = np.meshgrid(at, at)
    faces = np.array(CUBE_FACES, np.float64)
    rays = s[..., None] * faces[:, None, None, 0] + t[..., None] * faces[:, None, None, 1]
    rays += faces[:, None, None, 2]
    return (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).astype(np.float32)


def _box(paks: Paks, shader: Shader, rays: np.ndarray) -> np.ndarray | None:
    """What the painted box shows along `rays`, 0..1; None without one."""
    images = {suffix: paks.image(shader.sky_box + suffix) for suffix in _BOX}
    if not shader.sky_box or images["_up"] is None:
        return None
    shown = np.zeros_like(rays)
    reach = np.abs(rays).max(-1)
    for suffix, ((s_axis, s_sign), (t_axis, t_sign), (axis, sign)) in _BOX.items():
        image = images[suffix] or images["_up"]
        here = rays[..., axis] * sign >= reach
        ray = rays[here] / reach[here, None]
        u, v = (1 + s_sign * ray[:, s_axis]) / 2, (1 - t_sign * ray[:, t_axis]) / 2
        shown[here] = _sampled(image, u, v, wrap=False)[:, :3]
    return shown


def _clouds(paks: Paks, stage: Stage, rays: np.ndarray, height: float) -> np.ndarray | None:
    """A stage's colours and alpha (..., 4) along `rays`, 0..1."""
    if stage.image == WHITE_IMAGE:
        return np.concatenate(
            [np.ones(rays.shape) * stage.tint, np.ones((*rays.shape[:-1], 1))], -1
        )
    image = paks.image(stage.image)
    if image is None:
        return None
    # Where a ray from the ground meets a dome `height` above a ball; the game's own formula.
    x, y, z = np.moveaxis(rays, -1, 0)
    z = np.maximum(z, 0.02)
    over = 2 * _WORLD_RADIUS * height + height**2
    length = -z * _WORLD_RADIUS + np.sqrt((z * _WORLD_RADIUS) ** 2 + over)
    met = np.stack([x * length, y * length, z * length + _WORLD_RADIUS], -1)
    met /= np.linalg.norm(met, axis=-1, keepdims=True)
    u, v = (np.arccos(met[..., axis]) * stage.scale[axis] for axis in (0, 1))
    found = _sampled(image, u.ravel(), v.ravel(), wrap=True).reshape(*rays.shape[:-1], 4)
    found[..., :3] *= np.clip(stage.tint, 0, 1)
    return found


def _sampled(image: Image.Image, u: np.ndarray, v: np.ndarray, *, wrap: bool) -> np.ndarray:
    """Colours and alpha (N,4), 0..1, between the pixels of an image at u, v (N,)."""
    pixels = np.asarray(image.convert("RGBA"), np.float32) / 255
    height, width = pixels.shape[:2]
    x, y = u * width - 0.5, v * height - 0.5
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = (x - column)[:, None], (y - row)[:, None]

    def at(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        if wrap:
            return pixels[i % height, j % width]
        return pixels[i.clip(0, height - 1), j.clip(0, width - 1)]

    above = at(row, column) * (1 - right) + at(row, column + 1) * right
    below = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right
    return above * (1 - down) + below * down


def _blended(sky: np.ndarray, clouds: np.ndarray, stage: Stage) -> np.ndarray:
    """What a stage makes of the sky beneath it."""
    colour, alpha = clouds[..., :3], clouds[..., 3:]
    if stage.blend is None:
        return colour
    if stage.blend == ADD:
        return sky + colour
    if "gl_one_minus_src_alpha" in stage.blend:
        return sky * (1 - alpha) + colour * alpha
    return sky * colour


def _colour(rgb: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = np.clip(rgb, _NIGHT_SKY, 1.0).tolist()
    return red, green, blue
