"""Materials of a glTF file as texture layers of a Scene.

A layer is one image with its own holes and gloss; a material's colour goes to the vertices as their
tint, so that plain materials share one white layer.

- Base colour: texture times factor times vertex colour, as glTF says.
- Alpha: OPAQUE ignores it, MASK cuts at its cut-off, BLEND is cut at a half; a BLEND material that
  is clearer than that all over is not drawn, but collides (window panes).
- Emission: the brighter of base colour and emissive colour, shining.
- Metal and roughness: one gloss; see `scene`. Normal and occlusion maps are left out.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

SIZES = (1024, 512, 256, 128, 64, 32)
TEXTURE_BYTES = 100e6
_BLEND_CUTOFF = 0.5


@dataclass(frozen=True)
class Surface:
    """What a material makes of triangles."""

    layer: int
    tint: np.ndarray  # (3,) linear
    emission: float
    drawn: bool


@dataclass
class _Layer:
    image: Image.Image | None  # sRGB base colour; None is white
    glow: Image.Image | None
    cutoff: float | None  # alpha below is a hole
    alpha: float  # factor of the image's alpha
    gloss: float


@dataclass
class Materials:
    """Collects layers while materials are looked at."""

    _layers: dict[tuple, _Layer] = field(default_factory=dict)

    def surface(self, material: Any) -> Surface:
        """Of a trimesh PBRMaterial, or None for glTF's default material."""
        colour = _get(material, "baseColorFactor", np.full(4, 255)) / 255.0
        image, glow = _get(material, "baseColorTexture"), _get(material, "emissiveTexture")
        emissive = np.asarray(_get(material, "emissiveFactor", np.zeros(3)), np.float64)
        mode = _get(material, "alphaMode", "OPAQUE")
        cutoff = {"MASK": _get(material, "alphaCutoff", 0.5), "BLEND": _BLEND_CUTOFF}.get(mode)
        clear = mode == "BLEND" and colour[3] < _BLEND_CUTOFF
        shines = float(emissive.max()) if emissive.max() > 0 else 0.0
        tint = colour[:3]
        if shines and image is None and glow is None:
            tint = np.maximum(tint, emissive / shines)
        layer = _Layer(image, glow if shines else None, cutoff, float(colour[3]), _gloss(material))
        key = (id(image), id(layer.glow), cutoff, layer.alpha if cutoff else 1.0, layer.gloss)
        self._layers.setdefault(key, layer)
        number = list(self._layers).index(key)
        return Surface(number, tint, shines, not clear)

    def arrays(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Textures (L,S,S,4) uint8 as in Scene, and the layers' gloss (L,) or None."""
        layers = list(self._layers.values())
        images = [i for layer in layers for i in (layer.image, layer.glow) if i is not None]
        largest = max((max(image.size) for image in images), default=SIZES[-1])
        fits = (s for s in SIZES if len(layers) * s * s * 4 <= TEXTURE_BYTES and s < 2 * largest)
        size = next(fits, SIZES[-1])
        gloss = np.array([layer.gloss for layer in layers], np.float32)
        textures = np.stack([_pixels(layer, size) for layer in layers])
        return textures, gloss if gloss.any() else None


def _get(material: Any, name: str, otherwise: Any = None) -> Any:
    value = getattr(material, name, None)
    return otherwise if value is None else value


def _gloss(material: Any) -> float:
    """Smoothness, more for metals; in steps, so that like materials share a layer."""
    if material is None:
        return 0.0
    metal, rough = _get(material, "metallicFactor", 1.0), _get(material, "roughnessFactor", 1.0)
    both = _get(material, "metallicRoughnessTexture")
    if both is not None:
        mean = np.asarray(both.convert("RGB").resize((8, 8), Image.Resampling.BOX)).mean((0, 1))
        rough, metal = rough * mean[1] / 255, metal * mean[2] / 255
    gloss = (1.0 - rough) ** 2 * (0.35 + 0.65 * metal)
    return float(np.round(gloss * 20) / 20)


def _pixels(layer: _Layer, size: int) -> np.ndarray:
    pixels = np.full((size, size, 4), 255, np.uint8)
    if layer.image is not None:
        # Colour and alpha apart: resized together, colour would turn black where alpha is 0.
        pixels[..., :3] = _resized(layer.image.convert("RGB"), size)
        if "A" in layer.image.convert("RGBA").getbands() and layer.cutoff:
            pixels[..., 3] = _resized(layer.image.convert("RGBA").getchannel("A"), size)
    if layer.glow is not None:
        base = pixels[..., :3] if layer.image is not None else 0
        pixels[..., :3] = np.maximum(base, _resized(layer.glow.convert("RGB"), size))
    if layer.cutoff:
        alpha = pixels[..., 3] * (layer.alpha * 128.0 / (255.0 * layer.cutoff))
        pixels[..., 3] = np.minimum(np.ceil(alpha * 255.0 / 255.0), 255)
    return pixels


def _resized(image: Image.Image, size: int) -> np.ndarray:
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)
