"""The binary reply to `/tour/frame`: images and the pose that they were drawn with."""

import json
import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A reply to `/tour/frame`: the pose that the image was drawn with, and the passes."""

    number: int
    location_cm: np.ndarray  # (3,)
    rotation_deg: np.ndarray  # (3,) pitch, yaw, roll
    fov_deg: float
    passes: dict[str, np.ndarray]


class FrameFormatError(ValueError):
    """The reply is not what `/tour/frame` answers."""


def read_frame(body: bytes | memoryview) -> Frame:
    """Read u32 header length, JSON header, then the passes, which are views of `body`.

    Raises `FrameFormatError`.
    """
    try:
        return _read(body)
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise FrameFormatError(f"a frame reply cannot be read: {error!r}") from error


def _read(body: bytes | memoryview) -> Frame:
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(bytes(body[4 : 4 + length]))
    offset, passes = 4 + length, {}
    for entry in header["passes"]:
        flat = np.frombuffer(body, entry["dtype"], int(np.prod(entry["shape"])), offset)
        if flat.nbytes != entry["bytes"]:
            raise ValueError(f"{entry['name']} has {flat.nbytes} bytes, not {entry['bytes']}")
        passes[entry["name"]] = flat.reshape(entry["shape"])
        offset += entry["bytes"]
    if offset != len(body):
        raise ValueError(f"the reply has {len(body)} bytes, its header says {offset}")
    pose = np.array(header["pose"], dtype=np.float64)
    if pose.shape != (6,) or not np.isfinite(pose).all():
        raise ValueError(f"the pose is {header['pose']}")
    return Frame(
        number=int(header["frame"]),
        location_cm=pose[:3],
        rotation_deg=pose[3:],
        fov_deg=float(header["fov"]),
        passes=passes,
    )
