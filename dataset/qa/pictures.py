"""What is measured of a clip's pictures: each frame is decoded once, looked at small, forgotten.

`observe(source)` returns arrays with a row a frame. Luma and colour are in levels of 0 to 255
(limited range stretched to full); the flow is in degrees of the camera's view, so that nothing
here depends on a picture's size. Row 0 of what compares two frames is NaN.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset.decoding import VideoSource, decoded_from, opened
from dataset.errors import OpenRelicError

FLOW_WIDTH = 256  # pixels of the picture that flow is measured in
BLOCK = 8  # pixels of a side of the blocks that popping is looked for in
GRID = (16, 9)  # places, across and down, whose flow is kept
EDGE_EVERY = 4  # the width of edges is measured in every fourth frame, at full size
EDGE_REACH = 4  # pixels on either side of an edge over which it rises
EDGE_CONTRAST = 40.0  # levels that an edge must rise by
EDGES_NEEDED = 200
WHITE, BLACK = 250.0, 4.0  # levels from which a pixel counts as blown or crushed
# Where flow can be told: the structure tensor's least eigenvalue, and its roundness (Förstner and
# Gülch, 1987), 1 where texture has no direction, 0 on a line, along which any flow seems to fit.
TEXTURE, ROUND = 2e-4, 0.5
SQRT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Per-frame signals of T frames; NaN where a frame does not tell."""

    brightness: np.ndarray  # (T,) mean luma as a share of white
    spread: np.ndarray  # (T,) standard deviation of luma, levels
    detail: np.ndarray  # (T,) mean absolute difference of neighbouring pixels, levels
    blown_share: np.ndarray  # (T,)
    crushed_share: np.ndarray  # (T,)
    magenta_share: np.ndarray  # (T,)
    blur_px: np.ndarray  # (T,) of the sharpest edges, in pixels of the video
    change: np.ndarray  # (T,) mean absolute difference from the frame before, levels
    light_change: np.ndarray  # (T,) median change of the same surfaces' luma, levels
    residue: np.ndarray  # (T,B) a block's largest change that no motion explains, levels
    flow: np.ndarray  # (T,G,2) float32 pixels of the flow picture, from the frame before
    flow_known: np.ndarray  # (T,G) bool: whether there is texture that the flow follows
    places: np.ndarray  # (G,2) where on the flow picture, from its corner
    flow_size: tuple[int, int]  # width and height of the flow picture
    size: tuple[int, int]  # width and height of the video

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.brightness)


def observe(
    source: VideoSource, progress: Callable[[int], object] = lambda _: None
) -> tuple[Pictures | None, str | None]:
    """The signals of all frames that can be decoded, and what stopped the decoder, if anything."""
    eye, trouble = None, None
    try:
        with opened(source) as (container, stream):
            for number, picture in decoded_from(container, stream, 0):
                if eye is None:
                    eye = _Eye(picture.width, picture.height)
                if number != eye.frames:
                    raise OpenRelicError(f"frame {eye.frames} cannot be decoded")
                eye.look(picture)
                progress(1)
    except OpenRelicError as error:
        trouble = str(error)
    return (None if eye is None else eye.pictures()), trouble


class _Eye:
    """Looks at one frame after another; holds no more than two of them."""

    def __init__(self, width: int, height: int) -> None:
        import cv2

        self._cv2: Any = cv2
        self._cv2.setNumThreads(1)
        self._size = (width, height)
        flow_width = min(FLOW_WIDTH, width)
        self._small = (flow_width, max(16, round(flow_width * height / width)))
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._places = _grid(*self._small)
        self._rows: list[dict[str, Any]] = []
        self._before: np.ndarray | None = None
        u, v = np.meshgrid(np.arange(self._small[0]), np.arange(self._small[1]))
        self._pixels = np.stack([u, v], axis=-1).astype(np.float32)

    @property
    def frames(self) -> int:
        """Frames seen so far."""
        return len(self._rows)

    def look(self, picture: Any) -> None:
        """Measure one decoded picture, yuv420p of limited range."""
        planes = [_plane(plane) for plane in picture.planes]
        luma = self._shrunk(planes[0])
        small = np.clip((luma.astype(np.float32) - 16.0) * (255.0 / 219.0), 0.0, 255.0)
        row: dict[str, Any] = {
            "brightness": float(small.mean()) / 255.0,
            "spread": float(small.std()),
            "detail": _detail(small),
            "blown_share": float(np.mean(small >= WHITE)),
            "crushed_share": float(np.mean(small <= BLACK)),
            "magenta_share": magenta_share(small, *(self._shrunk(plane) for plane in planes[1:])),
            "blur_px": np.nan,
        }
        if self.frames % EDGE_EVERY == 0:
            row["blur_px"] = edge_width_px(planes[0])
        grey = small.astype(np.uint8)
        row |= self._compare(small, grey)
        self._before, self._before_grey = small, grey
        self._rows.append(row)

    def pictures(self) -> Pictures:
        """What was seen."""
        names = [field.name for field in dataclasses.fields(Pictures)]
        seen = {
            name: np.array([row[name] for row in self._rows])
            for name in names
            if name in self._rows[0]
        }
        return Pictures(places=self._places, flow_size=self._small, size=self._size, **seen)

    def _shrunk(self, plane: np.ndarray) -> np.ndarray:
        return self._cv2.resize(plane, self._small, interpolation=self._cv2.INTER_AREA)

    def _compare(self, small: np.ndarray, grey: np.ndarray) -> dict[str, Any]:
        if self._before is None:
            return self._nothing()
        # Backwards: for each pixel of this frame, where it was in the one before.
        back = self._flow.calc(grey, self._before_grey, None)
        was = self._cv2.remap(
            self._before, self._pixels + back, None, self._cv2.INTER_LINEAR,
            borderMode=self._cv2.BORDER_CONSTANT, borderValue=float("nan"),
        )  # fmt: skip
        seen = np.isfinite(was)
        off = np.where(seen, small - np.where(seen, was, 0.0), 0.0)
        change = float(np.mean(np.abs(small - self._before)))
        x, y = self._places[:, 0].astype(int), self._places[:, 1].astype(int)
        return {
            "change": change,
            "light_change": float(np.median(off[seen])) if seen.any() else np.nan,
            "residue": _blocks(np.abs(off)),
            "flow": -back[y, x].astype(np.float32),
            "flow_known": self._texture(grey)[y, x] & seen[y, x] & (np.abs(off[y, x]) < 12.0),
        }

    def _texture(self, grey: np.ndarray) -> np.ndarray:
        tensor = self._cv2.cornerEigenValsAndVecs(grey, 7, ksize=3)
        one, other = tensor[..., 0], tensor[..., 1]
        roundness = 4.0 * one * other / np.maximum((one + other) ** 2, 1e-12)
        return (np.minimum(one, other) > TEXTURE) & (roundness > ROUND)

    def _nothing(self) -> dict[str, Any]:
        width, height = self._small
        blocks = (height // BLOCK) * (width // BLOCK)
        return {
            "change": np.nan, "light_change": np.nan,
            "residue": np.full(blocks, np.nan, np.float32),
            "flow": np.full((len(self._places), 2), np.nan, np.float32),
            "flow_known": np.zeros(len(self._places), bool),
        }  # fmt: skip


def edge_width_px(luma: np.ndarray) -> float:
    """Width of the sharpest edges of a picture (H,W) uint8, as the standard deviation in pixels of
    the blur that would make a perfect step rise as they do; NaN without edges to tell by.

    Where the luma rises by a contrast C within a few pixels, a step that was blurred by s rises by
    at most C / (s √2π) a pixel. Whether a scene is busy or bare does not matter: only how its
    strongest edges rise.
    """
    import cv2

    reach = np.ones((1, 2 * EDGE_REACH + 1), np.uint8)
    values = luma[::2]  # every other row has edges enough
    contrast = cv2.dilate(values, reach).astype(np.float32) - cv2.erode(values, reach)
    step = np.abs(np.diff(values.astype(np.float32), axis=1))
    steepest = cv2.dilate(step, reach)[:, :]
    edge = contrast[:, :-1] >= EDGE_CONTRAST
    # Only where the edge itself is, not all around it.
    edge &= step >= steepest
    if edge.sum() < EDGES_NEEDED * luma.shape[1] / 1280.0:
        return float("nan")
    width = contrast[:, :-1][edge] / (np.maximum(step[edge], 0.5) * SQRT_2PI)
    return float(np.percentile(width, 10))


def magenta_share(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> float:
    """Share of pixels of pure magenta, however bright: (H,W) each, luma full range."""
    blue, red = cb.astype(np.float32) - 128.0, cr.astype(np.float32) - 128.0
    scale = 255.0 / 224.0
    r = luma + 1.5748 * scale * red
    g = luma - (0.1873 * blue + 0.4681 * red) * scale
    b = luma + 1.8556 * scale * blue
    high = np.minimum(r, b)
    pure = (high > 60.0) & (g < 0.25 * high) & (np.abs(r - b) < 0.2 * high)
    return float(np.mean(pure))


def _detail(luma: np.ndarray) -> float:
    across, down = np.abs(np.diff(luma, axis=1)), np.abs(np.diff(luma, axis=0))
    return float((across.mean() + down.mean()) / 2.0)


def _plane(plane: Any) -> np.ndarray:
    """A plane (H,W) uint8 of a decoded picture, without a copy."""
    values = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return values[:, : plane.width]


def _blocks(values: np.ndarray) -> np.ndarray:
    """Mean (B,) over blocks of `BLOCK` pixels; a rest at the right and below is left out."""
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    whole = values[: rows * BLOCK, : columns * BLOCK]
    return whole.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3)).ravel().astype(np.float32)


def _grid(width: int, height: int) -> np.ndarray:
    across = (np.arange(GRID[0]) + 0.5) * width / GRID[0]
    down = (np.arange(GRID[1]) + 0.5) * height / GRID[1]
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)


def seconds_of(frames: int, fps: int) -> Iterator[slice]:
    """The frames of each second; the last may be short."""
    return (slice(first, min(first + fps, frames)) for first in range(0, frames, fps))
