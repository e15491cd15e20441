"""A pilot's visit to an engine: from its start to its end."""

import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.piloting.cockpit import Cockpit
from capture.piloting.recordings import planner, rotation_frame_of
from capture.piloting.server import serve
from capture.piloting.walls import Nothing
from capture.recording.places import PlacedSpace
from capture.recording.station import Station, make_station
from capture.sessions.client import UnrealCVClient
from capture.sessions.kept import ScratchFolder
from capture.sessions.launcher import EMBEDDED, Engine, running_address, start_engine
from capture.tours.planning import MIN_TOUR_S
from capture.tours.steering import Style
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import KEYS, RotationFrame

if TYPE_CHECKING:
    from capture.pilot import Settings

log = logging.getLogger(__name__)

FIRST_SCENE = "home:0"


def fly(settings: "Settings") -> None:
    """Have the engine ready, serve the page until it is interrupted, and end the engine."""
    workspace = Workspace(settings.workspace)
    rotation_frame = rotation_frame_of(workspace, settings.rotation_frame)
    with ScratchFolder("openrelic-pilot-") as folder:
        log.info("waiting for the engine (%s)", settings.engine)
        engine = _engine(settings, folder)
        try:
            _visit(settings, engine, workspace, rotation_frame)
        finally:
            engine.close()


def _engine(settings: "Settings", folder: Path) -> Engine:
    scene = settings.scene or (FIRST_SCENE if settings.engine == EMBEDDED else None)
    if scene is None and running_address(settings.engine) is None:
        raise OpenRelicError("missing: --scene; name the map that the engine shall load")
    return start_engine(
        settings.engine, scene or "", folder, size=settings.size, user=settings.engine_user,
        boot_timeout_s=settings.boot_timeout_s, timeout_s=settings.reply_timeout_s,
        arguments=tuple(shlex.split(settings.engine_arguments)),
    )  # fmt: skip


def _visit(
    settings: "Settings", engine: Engine, workspace: Workspace, rotation_frame: RotationFrame
) -> None:
    scene = settings.scene or _shown_scene(engine.client)
    station = make_station(engine.client, scene, settings.fov_deg, size=settings.size)
    space = _space(station, settings.clearance_cm)
    cockpit = Cockpit(
        station, space, scene=scene, clearance_cm=settings.clearance_cm, workspace=workspace,
        style=Style(motion=settings.motion, rotation_frame=rotation_frame),
    )  # fmt: skip
    facts: dict[str, Any] = {
        "scene": scene, "engine": station.engine, "workspace": workspace.location,
        "collision": space.collision if settings.clearance_cm else "off",
        "clearance_cm": settings.clearance_cm,
        "fov_deg": settings.fov_deg, "size": settings.size, "rotation_frame": rotation_frame,
        "keys": KEYS, "least_s": MIN_TOUR_S,
    }  # fmt: skip
    put = planner(workspace, scene, settings.scenes, settings.fov_deg, rotation_frame)
    serve(cockpit, facts, put, settings.host, settings.port)


def _shown_scene(client: UnrealCVClient) -> str:
    """The scene that a running engine shows."""
    if client.offers("vget /tour/version"):
        return client.json("vget /tour/version")["scene"]
    if client.offers("vget /level/name"):
        return client.text("vget /level/name")
    raise OpenRelicError("missing: --scene; this engine does not say which map it shows")


def _space(station: Station, clearance_cm: float) -> PlacedSpace:
    if clearance_cm == 0.0:
        return Nothing()
    try:
        return station.space(clearance_cm)
    except OpenRelicError as error:
        raise OpenRelicError(
            "the engine offers neither /tour/sweep nor depth images, so nothing keeps the camera "
            "from walls; give --clearance-cm 0 to pass through them"
        ) from error
