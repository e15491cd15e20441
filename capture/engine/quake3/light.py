"""The baked light of a Quake 3 level, in the renderer's linear terms.

A level's compiler adds up linear light and stores a fraction of it; the engine of 1999 then
multiplied it with gamma-encoded textures. Here the stored bytes are taken as the linear light that
they came from, times a gain that `exposure_gain` chooses such that levels as dark as a cellar and
as bright as a desert both come out well. What would exceed the lightmaps' range is bent below it,
all three channels alike, so that lamps keep their colour.
"""

import numpy as np

from capture.engine.quake3.image import srgb_to_linear
from capture.engine.scene import LIGHTMAP_SCALE

AMBIENT = 0.012  # so that nothing is pitch black
# Lightmaps hold light up to LIGHTMAP_SCALE; sunlit spots on dark textures want more.
EXPOSURE_EV = 1.25
_TARGET = 0.055  # what surfaces are to send to the eye, in the area-weighted geometric mean
_BRIGHT_SHARE, _BRIGHT_LIMIT = 0.8, 0.14  # of the area, this much is to send less than this
_CONTRAST = 1.3  # the game multiplied light with gamma-encoded textures: pools of light stand out
_GAIN = (0.5, 20.0)
_KNEE = 0.6  # of the range, from where on light is bent


def amplified(stored: np.ndarray, gain: float) -> np.ndarray:
    """Light (..., 3) 0..255 times `gain`, bent to stay in that range; float32."""
    peak = gain * (np.arange(256) / 255) ** _CONTRAST
    over = np.maximum(peak - _KNEE, 0)
    bent = _KNEE + (1 - _KNEE) * np.tanh(over / (1 - _KNEE))
    factor = 255 * np.where(over > 0, bent, peak) / np.maximum(np.arange(256), 1)
    loudest = stored.max(-1, keepdims=True).astype(np.uint8)
    return stored * factor.astype(np.float32)[loudest]


def vertex_light(colour: np.ndarray, gain: float) -> np.ndarray:
    """Linear light (V,3) float32 of vertex colours (V,3) 0..255."""
    return amplified(colour, gain) * np.float32(LIGHTMAP_SCALE / 255)


def used_lightmaps(
    lightmaps: np.ndarray, face_lightmap: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """Pages that faces use, (M,128,128,3) or None, and each face's page in it, -1 for none.

    Levels may hold light directions as well, which no face refers to.
    """
    lit = (face_lightmap >= 0) & (face_lightmap < len(lightmaps))
    pages, position = np.unique(face_lightmap[lit], return_inverse=True)
    layer = np.full(len(face_lightmap), -1, np.int64)
    layer[lit] = position
    return (np.ascontiguousarray(lightmaps[pages]) if len(pages) else None), layer


def exposure_gain(
    area: np.ndarray, light: np.ndarray, layer: np.ndarray, textures: np.ndarray
) -> float:
    """The gain for triangles of `area` (F,), stored `light` (F,3) and texture `layer` (F,)."""
    small = textures[:, ::8, ::8, :3].reshape(len(textures), -1, 3) / np.float32(255)
    albedo = srgb_to_linear(small).mean(1)
    seen = (albedo[layer] * light).mean(1) + 1e-3
    weight = float(area.sum())
    if weight <= 0:
        return 1.0
    typical = np.exp((np.log(seen) * area).sum() / weight)
    order = np.argsort(seen)
    bright = seen[order][np.searchsorted(np.cumsum(area[order]), _BRIGHT_SHARE * weight)]
    return float(np.clip(min(_TARGET / typical, _BRIGHT_LIMIT / bright), *_GAIN))


def triangle_light(
    irradiance: np.ndarray,
    lightmap_uvl: np.ndarray,
    lightmaps: np.ndarray | None,
    triangles: np.ndarray,
) -> np.ndarray:
    """Stored linear light (F,3) in the middle of triangles (F,3)."""
    light = irradiance[triangles].mean(1)
    if lightmaps is None:
        return light
    u, v, page = lightmap_uvl[triangles].mean(1).T
    size = lightmaps.shape[1]
    column, row = ((np.clip(c, 0, 1) * size).astype(int).clip(0, size - 1) for c in (u, v))
    texel = lightmaps[np.maximum(page.round().astype(int), 0), row, column]
    return light + np.where(page[:, None] >= 0, vertex_light(texel, 1.0), 0)
