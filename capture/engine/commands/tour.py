"""`/tour/{version,manifest,ready,warmup,exposure}`: what a tour must know before it starts."""

import numpy as np

from capture.engine.commands.replies import one_line
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import ENGINE_NAME, ENGINE_VERSION, EngineState

TOUR_PROTOCOL = 1
MAX_EV = 32.0
MAX_WARMUP = 100_000
FIRST_DRAW_SIZE = 64, 36


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""

    def version(_: list[str]) -> str:
        return one_line(
            {
                "protocol": TOUR_PROTOCOL,
                "engine": f"{ENGINE_NAME} {ENGINE_VERSION}",
                "scene": engine.scene.name,
                "licence": engine.scene.licence,
            }
        )

    def ready(_: list[str]) -> str:
        waiting = engine.drawing.waiting_for()
        if engine.frame < engine.ready_at_frame:
            waiting.append("warmup")
        return one_line({"ready": not waiting, "waiting_for": waiting, "frame": engine.frame})

    def warmup(args: list[str]) -> str:
        _draw_once(engine)
        engine.ready_at_frame = engine.frame + min(int(args[0] or 0), MAX_WARMUP)
        engine.drawing.warm_up(engine.ready_at_frame)
        return "ok"

    def exposure(args: list[str]) -> str:
        if abs(float(args[0])) > MAX_EV:
            raise CommandError("Argument Invalid")
        engine.exposure_ev = float(args[0])
        return "ok"

    dispatcher.bind("vget /tour/version", version, "Protocol, engine, scene and licence")
    dispatcher.bind("vget /tour/manifest", lambda _: manifest(engine), "What is in the scene")
    dispatcher.bind("vget /tour/ready", ready, "Whether captures are final, and what is missing")
    dispatcher.bind("vset /tour/warmup [uint]", warmup, "Be unready until that many frames")
    dispatcher.bind("vset /tour/exposure [float]", exposure, "Fixed exposure in EV")


def manifest(engine: EngineState) -> str:
    """JSON of what is in the scene: bounds, objects and their mask colours, spawns, caption."""
    scene, geometry = engine.scene, engine.world.geometry
    points = geometry.position_cm[geometry.triangles]
    objects = engine.world.objects
    return one_line(
        {
            "scene": scene.name,
            "bounds_cm": [points.min((0, 1)).tolist(), points.max((0, 1)).tolist()],
            "roam_cm": np.asarray(scene.roam_cm).tolist(),
            "objects": {name: objects[name].colour for name in objects},
            "spawns": np.asarray(scene.spawns).tolist(),
            "caption": scene.caption,
            "console_variables": engine.console_variables,
        }
    )


def _draw_once(engine: EngineState) -> None:
    """Textures are uploaded and shaders compiled when they are first drawn."""
    player = engine.cameras[0]
    engine.world.renderer.render(
        np.array(player.location), np.array(player.rotation), player.fov_deg,
        FIRST_DRAW_SIZE, ["lit_bgra"],
    )  # fmt: skip
