"""`/tour/frame`: images of one tick, and the pose that they were drawn with.

The reply is a little-endian u32 header length, a JSON header (`frame`, `pose` as drawn, `fov`,
`passes` with name, dtype, shape, bytes) and the passes one after another, uncompressed, C order.
"""

import struct

import numpy as np

from capture.engine.camera import checked_location, checked_rotation
from capture.engine.commands.replies import POINT, one_line
from capture.engine.drawing import Drawn
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import EngineState
from capture.engine.targets import PASSES


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the command."""
    dispatcher.bind(
        f"vget /tour/frame [uint] {POINT} {POINT} [str]",
        lambda args: frame_reply(engine, args),
        "Camera id, x y z pitch yaw roll, comma-separated passes: binary, from one tick",
    )


def frame_reply(engine: EngineState, args: list[str]) -> bytes:
    """Set the pose and draw it in the same tick."""
    index = engine.camera_index(args[0])
    location, rotation = checked_location(args[1:4]), checked_rotation(args[4:7])
    names = args[7].split(",")
    if not set(names) <= set(PASSES) or len(set(names)) != len(names):
        raise CommandError(f"unknown or repeated pass in {args[7]!r}; allowed: {','.join(PASSES)}")
    camera = engine.cameras[index]
    camera.location, camera.rotation = location, rotation
    drawn = engine.draw(index, names)
    header = one_line(_header(engine.frame, camera.fov_deg, names, drawn)).encode()
    images = [np.ascontiguousarray(drawn.passes[name]).data for name in names]
    return b"".join([struct.pack("<I", len(header)), header, *images])


def _header(frame: int, fov_deg: float, names: list[str], drawn: Drawn) -> dict[str, object]:
    passes = [
        {
            "name": name,
            "dtype": str(drawn.passes[name].dtype),
            "shape": list(drawn.passes[name].shape),
            "bytes": drawn.passes[name].nbytes,
        }
        for name in names
    ]
    return {"frame": frame, "pose": drawn.pose, "fov": fov_deg, "passes": passes}
