"""Files and images of a Quake 3 game folder: paks and textures.

A pak (.pk3) is a zip file; of two paks that hold the same path, the one whose name sorts last
counts. Names in levels and scripts carry no extension or the wrong one, so an image is looked up as
said, then as .tga, .jpg and .png.
"""

import difflib
import io
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from capture.engine.quake3.shader import WHITE_IMAGE, Cut, Picture, Shader, parse_shaders
from dataset.errors import OpenRelicError

logger = logging.getLogger(__name__)

_EXTENSIONS = (".tga", ".jpg", ".jpeg", ".png")
_ALIKE = 0.6  # how like names must be for one image to stand for another that is missing


class Paks:
    """Read-only view of several paks as one folder of lower-case paths."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Index the paks at `paths`; later ones override earlier ones."""
        self._where: dict[str, tuple[zipfile.ZipFile, str]] = {}
        for path in paths:
            try:
                pak = zipfile.ZipFile(path)
            except (OSError, zipfile.BadZipFile) as error:
                raise OpenRelicError(f"{path} cannot be read as a pak: {error}") from None
            self._where.update({name.lower(): (pak, name) for name in pak.namelist()})

    def names(self, folder: str, extension: str) -> list[str]:
        """Sorted paths of the files right in `folder` whose names end with `extension`."""
        return sorted(
            name
            for name in self._where
            if name.endswith(extension) and name.rpartition("/")[0] == folder
        )

    def read(self, name: str) -> bytes | None:
        """A file's content, or None if no pak has it."""
        found = self._where.get(name.lower())
        return found[0].read(found[1]) if found else None

    def image(self, name: str) -> Image.Image | None:
        """An image by its name in a script, or None if it is missing or cannot be decoded."""
        stem = name[: -len(Path(name).suffix)] if Path(name).suffix in _EXTENSIONS else name
        for candidate in (name, *(stem + extension for extension in _EXTENSIONS)):
            content = self.read(candidate)
            if content is None:
                continue
            try:
                return _decode(content)
            except (OSError, UnidentifiedImageError, SyntaxError):
                logger.debug("%s cannot be decoded", candidate)
        return None

    def image_like(self, name: str) -> Image.Image | None:
        """The image with the name most like that of a missing one, or None if none is alike."""
        stems = {
            Path(path).stem: path
            for path in sorted(self._where)
            if path.startswith("textures/") and path.endswith(_EXTENSIONS)
        }
        near = difflib.get_close_matches(Path(name).stem, list(stems), n=1, cutoff=_ALIKE)
        return self.image(stems[near[0]]) if near else None

    def shaders(self) -> dict[str, Shader]:
        """All scripts' shaders by name."""
        shaders: dict[str, Shader] = {}
        for name in self.names("scripts", ".shader"):
            shaders.update(parse_shaders((self.read(name) or b"").decode("latin-1")))
        return shaders


def _decode(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    return image.convert("RGBA" if "A" in image.getbands() or image.mode == "P" else "RGB")


def texture_array(
    paks: Paks, pictures: Sequence[Picture], size: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Textures (L,size,size,4) uint8, how much of each shines (L,), how many images are missing.

    For a missing one stands that with the name most like it, else grey tiles.
    """
    textures = np.empty((max(len(pictures), 1), size, size, 4), np.uint8)
    shine = np.zeros(len(textures), np.float32)
    missing = 0
    for layer, picture in enumerate(pictures):
        pixels = _pixels(paks, picture.image, size)
        if pixels is None:
            missing += 1
            like = paks.image_like(picture.image)
            pixels = neutral_texture(size) if like is None else _of_image(like, size)
        if picture.glow and (glow := _pixels(paks, picture.glow, size)) is not None:
            lit = np.minimum(pixels[..., :3].astype(np.uint16) + glow[..., :3], 255)
            pixels[..., :3] = lit.astype(np.uint8)
            shine[layer] = glow[..., :3].mean() / 255
        if picture.tint != (1.0, 1.0, 1.0):
            pixels[..., :3] = pixels[..., :3] * np.clip(np.array(picture.tint), 0, 1)
        pixels[..., 3] = _holes(pixels[..., 3], picture.cut)
        textures[layer] = pixels
    return textures, shine, missing


def _pixels(paks: Paks, name: str, size: int) -> np.ndarray | None:
    """An image as (size,size,4) uint8, or None."""
    if name == WHITE_IMAGE:
        return np.full((size, size, 4), 255, np.uint8)
    image = paks.image(name)
    return None if image is None else _of_image(image, size)


def _of_image(image: Image.Image, size: int) -> np.ndarray:
    # Colour and alpha apart: resized together, colour would turn black where alpha is 0, and many
    # images use alpha for something else than holes.
    pixels = np.full((size, size, 4), 255, np.uint8)
    pixels[..., :3] = _resized(image.convert("RGB"), size)
    if "A" in image.getbands():
        pixels[..., 3] = _resized(image.getchannel("A"), size)
    return pixels


def _resized(image: Image.Image, size: int) -> np.ndarray:
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _holes(alpha: np.ndarray, cut: Cut) -> np.ndarray | int:
    """Alpha such that below 128 is a hole."""
    if cut is Cut.BELOW_HALF:
        return alpha
    if cut is Cut.ABOVE_HALF:
        return 255 - alpha
    if cut is Cut.ZERO:
        return np.where(alpha > 0, 255, 0).astype(np.uint8)
    return 255


def neutral_texture(size: int) -> np.ndarray:
    """Grey tiles (size,size,4) uint8, in place of an image that is missing."""
    step = np.arange(size) * 4 // size % 2
    tiles = np.where(step[:, None] ^ step[None, :], 118, 132)
    texture = np.full((size, size, 4), 255, np.uint8)
    texture[..., :3] = tiles[..., None]
    return texture


def srgb_to_linear(colour: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values, both 0..1 (IEC 61966-2-1)."""
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
