"""A camera made ready in a running engine: what tours are recorded with."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from capture.recording.cameras import SpawnedCameras
from capture.recording.depth_cube import RESOLUTION, Draw
from capture.recording.depth_space import DepthSpace
from capture.recording.engine_space import COMMANDS as SWEEP_COMMANDS
from capture.recording.engine_space import EngineSpace
from capture.recording.frames import DEPTH, LIT, FrameSource, make_source
from capture.recording.places import PlacedSpace
from capture.recording.warm_up import FIRST_FRAMES, WarmUp, warm_up
from capture.sessions.client import UnrealCVClient
from dataset.clip import HEIGHT, TRACK_PASSES, WIDTH
from dataset.errors import OpenRelicError

PLAIN_DEPTH = "vget /camera/0/depth npy"


@dataclass(kw_only=True)
class Station:
    """A camera made ready in a running engine."""

    client: UnrealCVClient
    source: FrameSource
    size: tuple[int, int]  # width, height
    fov_deg: float
    engine: str  # name and version
    manifest: dict[str, Any]
    exposure_ev: float | None  # fixed, or left to the engine
    first_warm_up: WarmUp | None  # until the first tour has counted it
    cameras: SpawnedCameras
    _looking: FrameSource | None = None  # a second camera, for depth all around

    def space(self, clearance_cm: float) -> PlacedSpace:
        """How a tour that keeps `clearance_cm` feels the world: exactly, or by depth images."""
        if all(self.client.offers(command) for command in SWEEP_COMMANDS):
            return EngineSpace(self.client, clearance_cm)
        if not self.has_depth:
            raise OpenRelicError(
                "the engine offers neither /tour/sweep nor depth images, so no tour can be kept "
                "away from walls; plan tours with pose files, or use another engine"
            )
        return DepthSpace(self.depth_views(), clearance_cm)

    def depth_views(self) -> Draw:
        """A second camera that looks all around: what `DepthSpace` sees with."""
        if self._looking is None:
            size = (RESOLUTION, RESOLUTION)
            self._looking = make_source(self.client, size, 90.0, [DEPTH], self.cameras)
        source = self._looking
        return lambda location_cm, rotation_deg: source.views(location_cm, rotation_deg, DEPTH)

    @property
    def has_depth(self) -> bool:
        """Whether depth images can be had."""
        return self.client.offers("vget /tour/frame") or self.client.takes(PLAIN_DEPTH)

    def still(self, location_cm: np.ndarray, rotation_deg: np.ndarray) -> np.ndarray:
        """The image (H,W,4) of one pose."""
        poses = location_cm[None], rotation_deg[None]
        (image,) = [
            frame.passes[LIT].copy() for frame in self.source.stream(*poses, lambda _: (LIT,))
        ]
        return image


def make_station(
    client: UnrealCVClient, scene: str, fov_deg: float, *, size: tuple[int, int] = (WIDTH, HEIGHT),
    tracks: tuple[str, ...] = (), exposure_ev: float | None = None,
    cameras: SpawnedCameras | None = None,
) -> Station:  # fmt: skip
    """Spawn a camera of that fov and image size, fix the exposure if asked to, and warm up.

    `cameras` are those that earlier connections to this engine have spawned.

    `tracks` are those that tours will be recorded with (`dataset.clip.TRACK_PASSES`): a pass that
    the engine cannot draw is refused here.
    """
    engine = _identify(client, scene)
    if exposure_ev is not None:
        _fix_exposure(client, exposure_ev)
    passes = [LIT, *(TRACK_PASSES[track] for track in tracks)]
    if DEPTH not in passes and client.takes(PLAIN_DEPTH):
        passes.append(DEPTH)
    manifest: dict[str, Any] = {}
    if client.offers("vget /tour/manifest"):
        manifest = client.json("vget /tour/manifest")
    cameras = cameras or SpawnedCameras()
    cameras.connected(client)
    station = Station(
        client=client, source=make_source(client, size, fov_deg, passes, cameras), size=size,
        fov_deg=fov_deg, engine=engine, manifest=manifest, exposure_ev=exposure_ev,
        first_warm_up=None, cameras=cameras,
    )  # fmt: skip
    location_cm, rotation_deg = player_pose(client)
    station.first_warm_up = warm_up(
        client, lambda: station.still(location_cm, rotation_deg), FIRST_FRAMES
    )
    return station


def _identify(client: UnrealCVClient, scene: str) -> str:
    """The engine's name; one that shows another map than planned is refused."""
    if client.offers("vget /tour/version"):
        version = client.json("vget /tour/version")
        shown, name = version["scene"], version["engine"]
    else:
        level = "vget /level/name"
        shown = client.text(level) if client.offers(level) else scene
        project = client.greeting.removeprefix("connected to").strip() or "an engine"
        name = f"{project}, UnrealCV {client.text('vget /unrealcv/version')}"
    if not _same_map(shown, scene):
        raise OpenRelicError(
            f"the engine shows {shown}, but the tour is planned in {scene}; start the "
            "engine with that map, or let capture.run start it"
        )
    return name


def _same_map(shown: str, planned: str) -> bool:
    """Unreal takes `/Game/Maps/Flat` and `Flat` for the same map, and may report either."""
    return shown.rpartition("/")[2] == planned.rpartition("/")[2]


def _fix_exposure(client: UnrealCVClient, exposure_ev: float) -> None:
    if not client.offers("vset /tour/exposure"):
        raise OpenRelicError(
            "the engine does not offer /tour/exposure: leave the exposure to it, or fix it in the "
            "project's settings (manual metering)"
        )
    client.text(f"vset /tour/exposure {exposure_ev:.6f}")


def player_pose(client: UnrealCVClient) -> tuple[np.ndarray, np.ndarray]:
    """Location (3,) in cm and level rotation (3,) of camera 0, the player's."""
    location = np.array(client.text("vget /camera/0/location").split(), dtype=np.float64)
    rotation = np.array(client.text("vget /camera/0/rotation").split(), dtype=np.float64)
    return location, rotation * [0.0, 1.0, 0.0]
