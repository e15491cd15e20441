"""The `/tour/*` commands: image and pose from one tick, collision queries, readiness.

JSON replies are one line, numbers in them `%.6f`. `/tour/frame` answers a little-endian u32 header
length, a JSON header (`frame`, `pose` as drawn, `fov`, `passes` with name, dtype, shape, bytes) and
the passes one after another, uncompressed, C order.
"""

import json
import struct

import numpy as np

from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import ENGINE_NAME, ENGINE_VERSION, Camera, EngineState

TOUR_PROTOCOL = 1
PASSES = ("lit_bgra", "depth_f32", "normal_u8", "mask_u8")
MAX_FREE_POINTS = 100_000
POINT = "[float] [float] [float]"


def bind_tour_commands(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the `/tour/*` commands that this engine offers."""
    _bind_description(dispatcher, engine)
    _bind_readiness(dispatcher, engine)
    _bind_collision(dispatcher, engine)
    dispatcher.bind(
        f"vget /tour/frame [uint] {POINT} {POINT} [str]",
        lambda args: frame_reply(engine, args),
        "Camera id, x y z pitch yaw roll, comma-separated passes: binary, from one tick",
    )


def one_line(value: object) -> str:
    """`value` as one line of JSON, numbers that are not whole as `%.6f`."""
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{one_line(k)}: {one_line(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(one_line, value))}]"
    return json.dumps(value, ensure_ascii=False)


def frame_reply(engine: EngineState, args: list[str]) -> bytes:
    """Set the pose and draw it in the same tick."""
    camera = engine.camera(args[0])
    x, y, z, pitch, yaw, roll = (float(text) for text in args[1:7])
    names = args[7].split(",")
    unknown = [name for name in names if name not in PASSES]
    if unknown or len(set(names)) != len(names):
        raise CommandError(f"unknown or repeated pass in {args[7]!r}; allowed: {','.join(PASSES)}")
    camera.location, camera.rotation = (x, y, z), (pitch, yaw, roll)
    drawn = engine.draw(camera, names)
    header = _frame_header(engine, camera, names, drawn)
    images = [np.ascontiguousarray(drawn[name]).data for name in names]
    return b"".join([struct.pack("<I", len(header)), header, *images])


def _frame_header(
    engine: EngineState, camera: Camera, names: list[str], drawn: dict[str, np.ndarray]
) -> bytes:
    passes = [
        {
            "name": name,
            "dtype": str(drawn[name].dtype),
            "shape": list(drawn[name].shape),
            "bytes": drawn[name].nbytes,
        }
        for name in names
    ]
    pose = [*camera.location, *camera.rotation]
    header = {"frame": engine.frame, "pose": pose, "fov": camera.fov, "passes": passes}
    return one_line(header).encode()


def _bind_description(dispatcher: Dispatcher, engine: EngineState) -> None:
    scene = engine.scene

    def version(_: list[str]) -> str:
        name = f"{ENGINE_NAME} {ENGINE_VERSION}"
        return one_line(
            {
                "protocol": TOUR_PROTOCOL, "engine": name, "scene": scene.name,
                "licence": scene.licence,
            }
        )  # fmt: skip

    def manifest(_: list[str]) -> str:
        used = scene.geometry.triangles
        points = scene.geometry.position_cm[used]
        colours = zip(scene.objects, engine.colours.tolist(), strict=True)
        return one_line(
            {
                "scene": scene.name,
                "bounds_cm": [points.min((0, 1)).tolist(), points.max((0, 1)).tolist()],
                "roam_cm": np.asarray(scene.roam_cm).tolist(),
                "objects": dict(colours),
                "spawns": np.asarray(scene.spawns).tolist(),
                "caption": scene.caption,
                "console_variables": {},
            }
        )

    dispatcher.bind("vget /tour/version", version, "Protocol, engine, scene and licence")
    dispatcher.bind("vget /tour/manifest", manifest, "What is in the scene")


def _bind_readiness(dispatcher: Dispatcher, engine: EngineState) -> None:
    def ready(_: list[str]) -> str:
        waiting = ["warmup"] if engine.frame < engine.ready_at_frame else []
        return one_line({"ready": not waiting, "waiting_for": waiting, "frame": engine.frame})

    def warmup(args: list[str]) -> str:
        # The driver uploads textures and compiles shaders when they are first drawn.
        engine.draw(engine.cameras[0], ["lit_bgra"])
        engine.ready_at_frame = engine.frame + int(args[0] or 0)
        return "ok"

    def exposure(args: list[str]) -> str:
        engine.renderer.exposure_ev = float(args[0])
        return "ok"

    dispatcher.bind("vget /tour/ready", ready, "Whether captures are final, and what is missing")
    dispatcher.bind("vset /tour/warmup [uint]", warmup, "Be unready until that many frames")
    dispatcher.bind("vset /tour/exposure [float]", exposure, "Fixed exposure in EV")


def _bind_collision(dispatcher: Dispatcher, engine: EngineState) -> None:
    collision = engine.collision

    def sweep(args: list[str]) -> str:
        numbers = np.array([float(text) for text in args])
        if numbers[6] < 0:
            raise CommandError("Argument Invalid")
        hit = collision.sweep(numbers[:3], numbers[3:6], float(numbers[6]))
        if hit is None:
            return one_line({"hit": False, "fraction": 1.0})
        normal = [float(value) for value in hit.normal]
        found = {"fraction": float(hit.fraction), "normal": normal, "object": hit.object}
        return one_line({"hit": True, **found})

    def clearance(args: list[str]) -> str:
        distance, point, _ = collision.nearest(np.array([[float(text) for text in args]]))
        where = [float(value) for value in point[0]]
        return one_line({"distance": float(distance[0]), "point": where})

    def freespace(args: list[str]) -> str:
        count, radius, seed = int(args[0] or 0), float(args[1]), int(args[2] or 0)
        if not 0 < count <= MAX_FREE_POINTS or radius <= 0:
            raise CommandError("Argument Invalid")
        points = collision.free_points(count, radius, seed)
        return one_line({"points": points.tolist()})

    dispatcher.bind(
        f"vget /tour/sweep {POINT} {POINT} [float]", sweep, "Sphere from point to point, radius"
    )
    dispatcher.bind(f"vget /tour/clearance {POINT}", clearance, "Distance to the nearest surface")
    dispatcher.bind(
        "vget /tour/freespace [uint] [float] [uint]", freespace,
        "n, radius, seed: random points with that clearance, reachable from one another",
    )  # fmt: skip
