"""Images as UnrealCV sends or saves them: PNG, BMP, npy.

A format is `png`, `bmp` or `npy`, or the name of a file that ends so: then the reply is the name,
and the file lies in the engine's folder. PNG is RGBA; BMP is 32-bit BGRA, top-down.
"""

import io
import os
import struct
from pathlib import Path

import cv2
import numpy as np

from capture.engine.grammar import CommandError

HALF_MAX = 65504.0
IMAGE_FORMATS = ("png", "bmp", "npy")
PNG_LEVEL = 1
FLOW_SCALE = 30.0  # UnrealCV's OpticalFlowScale


def image_reply(image_bgra: np.ndarray, wanted: str, folder: Path) -> bytes:
    """The reply that answers a request for `wanted` with an image (H,W,4) uint8."""
    kind = _format(wanted, IMAGE_FORMATS)
    return _sent_or_saved(encode_image(image_bgra, kind), wanted, folder)


def depth_reply(depth_cm: np.ndarray, wanted: str, folder: Path) -> bytes:
    """The reply with planar depth (H,W) float32, gone through half precision as Unreal's has."""
    _format(wanted, ("npy",))
    half = np.minimum(depth_cm, HALF_MAX).astype(np.float16)
    return _sent_or_saved(npy_bytes(half.astype(np.float32)), wanted, folder)


def flow_reply(flow_px: np.ndarray, wanted: str, folder: Path) -> bytes:
    """The reply with optical flow (H,W,2) float32 in pixels: exact as npy, else as colours."""
    if _format(wanted, IMAGE_FORMATS) == "npy":
        return _sent_or_saved(npy_bytes(flow_px), wanted, folder)
    return image_reply(flow_colours(flow_px), wanted, folder)


def flow_colours(flow_px: np.ndarray) -> np.ndarray:
    """Flow as BGRA (H,W,4) uint8: hue is its direction, brightness its length.

    As bright as can be from 1/30 of the image's width on; black where there is no flow to know.
    """
    x, y = np.nan_to_num(flow_px[..., 0]), np.nan_to_num(flow_px[..., 1])
    hue = np.rad2deg(np.arctan2(y, x)) % 360.0
    length = np.minimum(np.hypot(x, y) * FLOW_SCALE / flow_px.shape[1], 1.0)
    hsv = np.stack([hue, np.ones_like(hue), length], axis=-1).astype(np.float32)
    return bgra(np.round(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255).astype(np.uint8))


def _format(wanted: str, allowed: tuple[str, ...]) -> str:
    kind = wanted.rpartition(".")[2].lower()
    if kind not in allowed:
        raise CommandError(
            f"Invalid filename type, filename {wanted}; allowed are {', '.join(allowed)} "
            "and names of files that end so"
        )
    return kind


def _sent_or_saved(content: bytes, wanted: str, folder: Path) -> bytes:
    if "." not in wanted:
        return content
    path = file_below(folder, wanted)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{wanted} cannot be saved: {error.strerror}") from error
    return wanted.encode()


def file_below(folder: Path, name: str) -> Path:
    """The path of a file that a client names; `CommandError` where it leaves `folder`.

    Whoever reaches the port must not be able to write just anywhere.
    """
    path = Path(os.path.normpath(folder.absolute() / name))
    if "\0" in name or folder.absolute() not in path.parents:
        raise CommandError(f"{name} is not in the engine's folder, {folder.absolute()}")
    return path


def encode_image(image_bgra: np.ndarray, kind: str) -> bytes:
    """An image (H,W,4) uint8 as `png` (RGBA), `bmp` (BGRA, top-down) or `npy` (H,W,4 RGBA)."""
    if kind == "png":
        level = [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]
        return cv2.imencode(".png", image_bgra, level)[1].tobytes()
    if kind == "bmp":
        return bmp_bytes(image_bgra)
    return npy_bytes(image_bgra[..., [2, 1, 0, 3]])


def bmp_bytes(image_bgra: np.ndarray) -> bytes:
    """A 32-bit top-down BMP: 54 + 4 * W * H bytes (a negative height means top-down)."""
    height, width = image_bgra.shape[:2]
    size = 4 * width * height
    header = struct.pack("<2sIHHI", b"BM", 54 + size, 0, 0, 54)
    info = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, 32, 0, size, 2835, 2835, 0, 0)
    return b"".join([header, info, np.ascontiguousarray(image_bgra).data])


def npy_bytes(array: np.ndarray) -> bytes:
    """`array` as a .npy file."""
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array))
    return sink.getvalue()


def bgra(image_rgb: np.ndarray) -> np.ndarray:
    """RGB (H,W,3) uint8 as opaque BGRA (H,W,4)."""
    opaque = np.full((*image_rgb.shape[:2], 4), 255, np.uint8)
    opaque[..., :3] = image_rgb[..., ::-1]
    return opaque
