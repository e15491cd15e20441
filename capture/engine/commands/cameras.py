"""`/cameras` and `/camera/N/*`: poses, sizes and settings of cameras."""

import numpy as np

from capture.engine.camera import Camera, checked_location, checked_rotation, checked_size
from capture.engine.commands.replies import POINT, vector_text
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import EngineState

PAWN_RADIUS_CM = 34.0  # Unreal's default pawn
SKIN_CM = 1.0  # kept from what stopped it
MAX_BIAS_EV = 32.0

# Setters of Unreal's post processing that do not change this renderer's picture: by command, what
# words it takes, or which numbers.
METHODS = {
    "exposure_method": ("auto exposure mode", ("histogram", "basic", "manual")),
    "reflection": ("reflection method", ("none", "lumen", "screen_space")),
    "illumination": (
        "global illumination method", ("none", "lumen", "screen_space", "plugin"),
    ),
}  # fmt: skip
NUMBERS = {
    "auto_speed": "[float] [float]",
    "auto_brightness": "[float] [float]",
    "physical_exposure": "[uint]",
    "motion_blur": "[float] [float] [float] [uint]",
    "focal": "[float] [float]",
}


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""
    _bind_poses(dispatcher, engine)
    _bind_optics(dispatcher, engine)
    _bind_settings(dispatcher, engine)


def _bind_poses(dispatcher: Dispatcher, engine: EngineState) -> None:
    def set_location(args: list[str]) -> str:
        engine.camera(args[0]).location = checked_location(args[1:4])
        return "ok"

    def set_rotation(args: list[str]) -> str:
        engine.camera(args[0]).rotation = checked_rotation(args[1:4])
        return "ok"

    def set_pose(args: list[str]) -> str:
        set_location(args[:4])
        return set_rotation([args[0], *args[4:]])

    def move_to(args: list[str]) -> str:
        if int(args[0] or 0) != 0:
            raise CommandError("MoveTo only supports the player camera with id 0")
        move_pawn(engine, np.array(checked_location(args[1:])))
        return "ok"

    dispatcher.bind(
        "vget /cameras",
        lambda _: " ".join(f"Camera_{index}" for index in range(len(engine.cameras))),
        "List cameras",
    )
    dispatcher.bind(
        "vset /cameras/spawn",
        lambda _: f"Camera_{engine.spawn_camera()}",
        "Spawn a camera at camera 0's pose",
    )
    one = "/camera/[uint]"
    for name, help in (
        ("location", "Location in cm"),
        ("rotation", "Pitch, yaw, roll in degrees"),
        ("pose", "Location and rotation"),
    ):
        dispatcher.bind(
            f"vget {one}/{name}",
            lambda args, name=name: vector_text(getattr(engine.camera(args[0]), name)),
            help,
        )
    dispatcher.bind(f"vset {one}/location {POINT}", set_location, "Set location in cm")
    dispatcher.bind(f"vset {one}/rotation {POINT}", set_rotation, "Set pitch, yaw, roll")
    dispatcher.bind(f"vset {one}/pose {POINT} {POINT}", set_pose, "Set location and rotation")
    dispatcher.bind(
        f"vset {one}/moveto {POINT}",
        move_to,
        "Move camera 0 until something is in the way",
    )


def move_pawn(engine: EngineState, to_cm: np.ndarray) -> None:
    """Move camera 0 straight towards a point until something stops it."""
    player = engine.cameras[0]
    start = np.array(player.location)
    hit = engine.world.collision.sweep(start, to_cm, PAWN_RADIUS_CM)
    end = to_cm
    if hit is not None:
        # Off the surface again, or it would hold the pawn whichever way it goes next.
        end = start + (to_cm - start) * hit.fraction + hit.normal * SKIN_CM
    x, y, z = end
    player.location = float(x), float(y), float(z)


def _bind_optics(dispatcher: Dispatcher, engine: EngineState) -> None:
    def set_fov(args: list[str]) -> str:
        camera, fov = _camera(engine, args), float(args[1])
        if not 0 < fov < 180:
            raise CommandError("Argument Invalid")
        camera.fov_deg = fov
        return "ok"

    def set_size(args: list[str]) -> str:
        _camera(engine, args).size = checked_size(int(args[1] or 0), int(args[2] or 0))
        return "ok"

    dispatcher.bind(
        "vget /camera/[uint]/fov",
        lambda args: f"{_camera(engine, args).fov_deg:f}",
        "Horizontal field of view in degrees",
    )
    dispatcher.bind("vset /camera/[uint]/fov [float]", set_fov, "Set the horizontal field of view")
    dispatcher.bind(
        "vget /camera/[uint]/size",
        lambda args: "{} {}".format(*_camera(engine, args).size),
        "Width and height of its images",
    )
    dispatcher.bind(
        "vset /camera/[uint]/size [uint] [uint]", set_size, "Set width and height of its images"
    )


def _bind_settings(dispatcher: Dispatcher, engine: EngineState) -> None:
    def set_bias(args: list[str]) -> str:
        camera, bias = _camera(engine, args), float(args[1])
        if abs(bias) > MAX_BIAS_EV:
            raise CommandError("Argument Invalid")
        camera.exposure_bias_ev = bias
        return "ok"

    def set_method(args: list[str], name: str) -> str:
        what, allowed = METHODS[name]
        camera, method = _camera(engine, args), args[1].lower()
        if method not in allowed:
            raise CommandError(
                f"Can not support {what} {args[1]}, available options are {', '.join(allowed)}"
            )
        camera.settings[name] = (method,)
        return "ok"

    def set_numbers(args: list[str], name: str) -> str:
        _camera(engine, args).settings[name] = tuple(args[1:])
        return "ok"

    dispatcher.bind(
        "vset /camera/[uint]/exposure_bias [float]", set_bias, "Brighten its lit images, in EV"
    )
    for name, (what, _) in METHODS.items():
        dispatcher.bind(
            f"vset /camera/[uint]/{name} [str]",
            lambda args, name=name: set_method(args, name),
            f"Choose the {what} (remembered; the picture stays as it is)",
        )
    for name, template in NUMBERS.items():
        dispatcher.bind(
            f"vset /camera/[uint]/{name} {template}",
            lambda args, name=name: set_numbers(args, name),
            "Remembered; the picture stays as it is",
        )


def _camera(engine: EngineState, args: list[str]) -> Camera:
    """The camera of a command whose answer to a wrong number is `Argument Invalid`."""
    try:
        return engine.camera(args[0])
    except CommandError:
        raise CommandError("Argument Invalid") from None
