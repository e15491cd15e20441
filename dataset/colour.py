"""Colours between 8-bit RGB pictures and the BT.709, limited-range 4:2:0 planes of our videos.

swscale's defaults would use BT.601 and a fast chroma path, which shifts saturated colours by tens
of levels: matrix, ranges, accurate rounding and full chroma are asked for by name.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter

PSNR_CEILING_DB = 100.0  # stands for "identical", which has no finite PSNR

PixelFormat = Literal["bgra", "rgb24"]
CHANNELS: dict[PixelFormat, int] = {"bgra": 4, "rgb24": 3}


def to_yuv(
    reformatter: "VideoReformatter", pixels: np.ndarray, layout: PixelFormat = "bgra"
) -> "VideoFrame":
    """A picture (H, W, 4 or 3) uint8 as a yuv420p frame."""
    from av import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    return reformatter.reformat(
        # A view: the conversion has read all of it when it returns.
        VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), format=layout),
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        dst_colorspace=Colorspace.ITU709,
        interpolation=Interpolation.BICUBIC
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.FULL_CHR_H_INP,
        threads=1,
    )


def to_rgb(
    reformatter: "VideoReformatter", picture: "VideoFrame", size: tuple[int, int] | None = None
) -> np.ndarray:
    """A decoded frame as RGB (H, W, 3) uint8; to another `size` (width, height) by averaging."""
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    width, height = size or (None, None)
    converted = reformatter.reformat(
        picture,
        width,
        height,
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=(Interpolation.AREA if size else Interpolation.BICUBIC)
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT,
        threads=1,
    )
    return converted.to_ndarray()


def planes(picture: "VideoFrame") -> np.ndarray:
    """The planes of a yuv420p frame as one (3H/2, W) uint8 array: luma, then both chromas."""
    return picture.to_ndarray(format="yuv420p")


def plane_psnr_db(before: np.ndarray, after: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB between two uint8 arrays of one shape."""
    error = float(np.mean((before.astype(np.float64) - after) ** 2))
    return (
        min(PSNR_CEILING_DB, 10 * float(np.log10(255.0**2 / error))) if error else PSNR_CEILING_DB
    )


def psnr_db(source_bgra: np.ndarray, decoded_rgb: np.ndarray) -> float:
    """PSNR in dB of a decoded RGB frame against its BGRA source, over the three channels.

    Counts all that is lost on the way, also by 4:2:0.
    """
    return plane_psnr_db(source_bgra[..., 2::-1], decoded_rgb)
