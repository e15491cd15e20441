"""UnrealCV's own commands, as the embedded engine answers them.

Reply formats are UnrealCV 1.1.0's: vectors `%.3f %.3f %.3f`, fov `%f`, size `%d %d`, colours
`(R=..,G=..,B=..,A=..)`; PNG is RGBA, BMP is 32-bit BGRA, top-down; depth went through half
precision.
"""

import io
import struct

import cv2
import numpy as np

from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import UNREALCV_VERSION, EngineState

HALF_MAX = 65504.0
MAX_SIDE = 8192


def bind_commands(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind every UnrealCV command that this engine offers."""
    _bind_server(dispatcher, engine)
    _bind_cameras(dispatcher, engine)
    _bind_images(dispatcher, engine)
    _bind_objects(dispatcher, engine)
    _bind_game(dispatcher, engine)


def vector_text(vector: tuple[float, ...] | np.ndarray) -> str:
    """Numbers as UnrealCV prints them."""
    return " ".join(f"{value:.3f}" for value in vector)


def _bind_server(dispatcher: Dispatcher, engine: EngineState) -> None:
    bind = dispatcher.bind
    bind(
        "vget /unrealcv/commands",
        lambda _: "\n".join(command.template for command in dispatcher.commands),
        "List all commands, one template a line",
    )
    bind(
        "vget /unrealcv/help",
        lambda _: "\n".join(f"{c.template}\n{c.help}" for c in dispatcher.commands),
        "List all commands with their help",
    )
    bind("vget /unrealcv/version", lambda _: UNREALCV_VERSION, "Protocol version")
    bind(
        "vget /unrealcv/status",
        lambda _: f"Is Listening\nClient Connected\n{engine.size[0]} x {engine.size[1]}",
        "Status of the server",
    )
    bind("vget /unrealcv/echo [str]", lambda args: args[0], "Return the argument")


def _bind_cameras(dispatcher: Dispatcher, engine: EngineState) -> None:
    bind = dispatcher.bind

    def spawn(_: list[str]) -> str:
        return f"Camera_{engine.spawn_camera()}"

    def set_location(args: list[str]) -> str:
        engine.camera(args[0]).location = (float(args[1]), float(args[2]), float(args[3]))
        return "ok"

    def set_rotation(args: list[str]) -> str:
        engine.camera(args[0]).rotation = (float(args[1]), float(args[2]), float(args[3]))
        return "ok"

    def set_pose(args: list[str]) -> str:
        set_location(args[:4])
        return set_rotation([args[0], *args[4:]])

    def set_fov(args: list[str]) -> str:
        camera, fov = engine.camera(args[0]), float(args[1])
        if not 0 < fov < 180:
            raise CommandError("Argument Invalid")
        camera.fov = fov
        return "ok"

    def set_size(args: list[str]) -> str:
        camera, size = engine.camera(args[0]), (int(args[1] or 0), int(args[2] or 0))
        if not all(0 < side <= MAX_SIDE for side in size):
            raise CommandError("Argument Invalid")
        camera.size = size
        return "ok"

    def pose_text(args: list[str]) -> str:
        camera = engine.camera(args[0])
        return vector_text((*camera.location, *camera.rotation))

    numbers = "[float] [float] [float]"
    bind(
        "vget /cameras",
        lambda _: " ".join(f"Camera_{index}" for index in range(len(engine.cameras))),
        "List cameras",
    )
    bind("vset /cameras/spawn", spawn, "Spawn a camera at camera 0's pose")
    bind(
        "vget /camera/[uint]/location",
        lambda args: vector_text(engine.camera(args[0]).location),
        "Location in cm",
    )
    bind(f"vset /camera/[uint]/location {numbers}", set_location, "Set location in cm")
    bind(f"vset /camera/[uint]/moveto {numbers}", set_location, "Set location in cm")
    bind(
        "vget /camera/[uint]/rotation",
        lambda args: vector_text(engine.camera(args[0]).rotation),
        "Pitch, yaw, roll in degrees",
    )
    bind(f"vset /camera/[uint]/rotation {numbers}", set_rotation, "Set pitch, yaw, roll")
    bind("vget /camera/[uint]/pose", pose_text, "Location and rotation")
    bind(f"vset /camera/[uint]/pose {numbers} {numbers}", set_pose, "Set location and rotation")
    bind(
        "vget /camera/[uint]/fov",
        lambda args: f"{engine.camera(args[0]).fov:f}",
        "Horizontal field of view in degrees",
    )
    bind("vset /camera/[uint]/fov [float]", set_fov, "Set the horizontal field of view")
    bind(
        "vget /camera/[uint]/size",
        lambda args: "{} {}".format(*engine.camera(args[0]).size),
        "Width and height of its images",
    )
    bind("vset /camera/[uint]/size [uint] [uint]", set_size, "Set width and height of its images")


def _bind_images(dispatcher: Dispatcher, engine: EngineState) -> None:
    bind = dispatcher.bind

    def lit(args: list[str]) -> bytes:
        image = engine.draw(engine.camera(args[0]), ["lit_bgra"])["lit_bgra"]
        return encode_image(image, args[1] if len(args) > 1 else "png")

    def depth(args: list[str]) -> bytes:
        plane = engine.draw(engine.camera(args[0]), ["depth_f32"])["depth_f32"]
        half = np.minimum(plane, HALF_MAX).astype(np.float16)
        return npy_bytes(half.astype(np.float32))

    bind("vget /camera/[uint]/lit", lit, "The lit view as PNG")
    bind("vget /camera/[uint]/lit [str]", lit, "The lit view as png, bmp or npy")
    bind("vget /camera/[uint]/depth npy", depth, "Planar depth in cm as npy (H, W) float32")


def encode_image(image_bgra: np.ndarray, kind: str) -> bytes:
    """An image (H,W,4) uint8 as `png` (RGBA), `bmp` (BGRA, top-down) or `npy` (H,W,4 RGBA)."""
    if kind == "png":
        return cv2.imencode(".png", image_bgra, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    if kind == "bmp":
        return bmp_bytes(image_bgra)
    if kind == "npy":
        return npy_bytes(image_bgra[..., [2, 1, 0, 3]])
    raise CommandError("Argument Invalid")


def bmp_bytes(image_bgra: np.ndarray) -> bytes:
    """A 32-bit top-down BMP: 54 + 4 * W * H bytes (a negative height means top-down)."""
    height, width = image_bgra.shape[:2]
    size = 4 * width * height
    header = struct.pack("<2sIHHI", b"BM", 54 + size, 0, 0, 54)
    info = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, 32, 0, size, 2835, 2835, 0, 0)
    return header + info + image_bgra.tobytes()


def npy_bytes(array: np.ndarray) -> bytes:
    """`array` as a .npy file."""
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array))
    return sink.getvalue()


def _bind_objects(dispatcher: Dispatcher, engine: EngineState) -> None:
    bind = dispatcher.bind

    def colour(args: list[str]) -> str:
        red, green, blue = engine.colours[engine.object_index(args[0])]
        return f"(R={red},G={green},B={blue},A=255)"

    def location(args: list[str]) -> str:
        points = engine.object_points(engine.object_index(args[0]))
        return vector_text((points.min(0) + points.max(0)) / 2)

    def bounds(args: list[str]) -> str:
        points = engine.object_points(engine.object_index(args[0]))
        return " ".join(f"{value:.2f}" for value in (*points.min(0), *points.max(0)))

    def rotation(args: list[str]) -> str:
        engine.object_index(args[0])
        return vector_text((0.0, 0.0, 0.0))

    bind("vget /objects", lambda _: " ".join(engine.scene.objects), "Names of all objects")
    bind("vget /object/[str]/color", colour, "Colour in the object mask")
    bind("vget /object/[str]/location", location, "Centre of the object's bounds in cm")
    bind("vget /object/[str]/rotation", rotation, "Objects are static: always 0 0 0")
    bind("vget /object/[str]/bounds", bounds, "Lowest and highest corner in cm")


def _bind_game(dispatcher: Dispatcher, engine: EngineState) -> None:
    bind = dispatcher.bind

    def pause(_: list[str]) -> str:
        engine.paused = True
        return "ok"

    def resume(_: list[str]) -> str:
        engine.paused = False
        return "ok"

    bind("vset /action/game/pause", pause, "Pause the game")
    bind("vset /action/game/resume", resume, "Go on")
    bind(
        "vget /action/game/is_paused",
        lambda _: "true" if engine.paused else "false",
        "Whether the game is paused",
    )
    bind("vget /level/name", lambda _: engine.scene.name, "Name of the map")
    bind("vget /scene/name", lambda _: engine.scene.name, "Name of the map")
