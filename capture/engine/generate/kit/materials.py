"""Materials: which texture layer a surface shows and how large one repeat of it is.

All textures of a scene are layers of one array. Plain colours share palette layers (a cell each,
sampled at its centre, so it never blurs into its neighbours); pictures share atlas layers.
"""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.noise import SIZE

_PALETTE_CELLS = 16


@dataclass(frozen=True)
class Material:
    """A texture layer with its scale, or with the part of it that fills a surface."""

    layer: int
    size_cm: tuple[float, float] = (100.0, 100.0)  # one repeat, along u and v
    rect: tuple[float, float, float, float] | None = None  # u0, v0, u1, v1: stretched over a face

    def scaled(self, u_cm: float, v_cm: float) -> "Material":
        """The same texture with another size of its repeat."""
        return Material(self.layer, (u_cm, v_cm), self.rect)


class Materials:
    """Collects the texture layers of a scene."""

    def __init__(self) -> None:
        self._layers: list[np.ndarray] = []
        self._colours: dict[tuple[int, int, int], Material] = {}
        self._palette_layer = -1
        self._gloss: dict[int, float] = {}

    def tiled(
        self, image: np.ndarray, u_cm: float, v_cm: float | None = None, gloss: float = 0.0
    ) -> Material:
        """Add a seamless texture: `image` (SIZE,SIZE,3 or 4), float in 0..1, or uint8.

        `gloss` as in scene.py: how strongly it mirrors.
        """
        material = Material(self._add(image), (u_cm, v_cm or u_cm))
        self._gloss[material.layer] = gloss
        return material

    def flat(self, rgb: tuple[int, int, int]) -> Material:
        """A plain sRGB colour (0..255)."""
        rgb = (int(rgb[0]), int(rgb[1]), int(rgb[2]))
        if rgb not in self._colours:
            self._colours[rgb] = self._new_colour(rgb)
        return self._colours[rgb]

    def atlas(self, images: list[np.ndarray], columns: int, rows: int) -> list[Material]:
        """Put pictures of equal size into the cells of as few layers as they need."""
        materials: list[Material] = []
        for start in range(0, len(images), columns * rows):
            materials += self._atlas_layer(images[start : start + columns * rows], columns, rows)
        return materials

    def textures(self) -> np.ndarray:
        """All layers, (L,SIZE,SIZE,4) uint8."""
        return np.stack(self._layers)

    def gloss(self) -> np.ndarray | None:
        """The gloss of all layers, (L,) float32; None where all is matt."""
        values = [self._gloss.get(layer, 0.0) for layer in range(len(self._layers))]
        return np.array(values, np.float32) if any(values) else None

    def _atlas_layer(self, images: list[np.ndarray], columns: int, rows: int) -> list[Material]:
        sheet = np.zeros((SIZE, SIZE, images[0].shape[2]), images[0].dtype)
        height, width = SIZE // rows, SIZE // columns
        cells = []
        for index, image in enumerate(images):
            row, column = divmod(index, columns)
            y, x = row * height, column * width
            sheet[y : y + height, x : x + width] = image
            cells.append((x + 1.0, y + 1.0, x + width - 1.0, y + height - 1.0))
        layer = self._add(sheet)
        return [
            Material(layer, rect=(a / SIZE, b / SIZE, c / SIZE, d / SIZE)) for a, b, c, d in cells
        ]

    def _new_colour(self, rgb: tuple[int, int, int]) -> Material:
        index = len(self._colours) % _PALETTE_CELLS**2
        if index == 0:
            self._palette_layer = self._add(np.zeros((SIZE, SIZE, 3), np.uint8))
        row, column = divmod(index, _PALETTE_CELLS)
        step = SIZE // _PALETTE_CELLS
        y, x = row * step, column * step
        self._layers[self._palette_layer][y : y + step, x : x + step, :3] = rgb
        u, v = (column + 0.5) / _PALETTE_CELLS, (row + 0.5) / _PALETTE_CELLS
        return Material(self._palette_layer, rect=(u, v, u, v))

    def _add(self, image: np.ndarray) -> int:
        if image.dtype != np.uint8:
            image = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        layer = np.full((SIZE, SIZE, 4), 255, np.uint8)
        layer[..., : image.shape[2]] = image
        self._layers.append(layer)
        return len(self._layers) - 1
