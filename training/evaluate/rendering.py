"""What the engine itself shows under given actions: the truth that generated videos are held to.

An engine is started (or reached) and driven as capture does it, over UnrealCV's wire protocol. A
path is integrated from action rows, from a start that has clearance along it; pictures come at the
model's size and with its crop of the captured lens, with depth where the engine draws it.

    with SceneRenderer.open("home:3", View(width=128, height=64)) as renderer:
        start = renderer.fitting_start([rows], unit_m=0.05, seed=1)
        truth = renderer.film(rows, start)

`training.evaluate.films` keeps films.

Public: `View`, `Start`, `SceneRenderer`.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset.clip import HEIGHT, WIDTH
from dataset.errors import OpenRelicError
from dataset.resize import centre_crop, resize_frame
from labeling.actions import RotationFrame, integrate
from labeling.camera import camera_to_ue, extrinsics, intrinsics, level_turned, ue_to_camera
from training.evaluate.films import EngineTruth

if TYPE_CHECKING:
    from capture.recording.places import PlacedSpace
    from capture.recording.station import Station

log = logging.getLogger(__name__)

CLEARANCE_CM = 20.0
YAWS = 8
CANDIDATES = 24
"""Places looked at for a start; each with `YAWS` headings."""
OPEN_VIEW_M = 1.5
"""A start should look at least so far."""
SHORTER = (1.0, 0.7, 0.5, 0.35, 0.25)
"""Of the wanted step: the first that fits is taken where a path may be made smaller."""
DRAWN_WIDTH = 512
"""Smaller pictures are drawn a whole number of times larger and averaged, as training's were."""


@dataclass(frozen=True, kw_only=True)
class View:
    """Pictures at the model's size, cropped from the captured lens."""

    width: int
    height: int
    fov_deg: float = 90.0
    """horizontal, of the captured 16:9 picture"""

    @property
    def cropped_fov_deg(self) -> float:
        """Horizontal, of what the model's centre crop keeps."""
        kept = centre_crop(WIDTH, HEIGHT, self.width, self.height).width / WIDTH
        return float(2 * np.rad2deg(np.arctan(kept * np.tan(np.deg2rad(self.fov_deg) / 2))))

    @property
    def intrinsics(self) -> np.ndarray:
        """(4,) fx, fy, cx, cy in pixels of the model's size."""
        return np.array(intrinsics(self.cropped_fov_deg, self.width, self.height))

    @property
    def drawn(self) -> int:
        """How many times larger pictures are drawn."""
        return max(1, -(-DRAWN_WIDTH // self.width))


@dataclass(frozen=True, kw_only=True)
class Start:
    """A first camera, level."""

    R_cam_from_world: np.ndarray
    position_m: np.ndarray
    unit_m: float
    """metres of a usual step on the paths from here"""
    clear: bool
    """whether all paths that it was chosen for keep their distance from everything"""


class SceneRenderer:
    """An engine that shows one scene; make it with `open`."""

    def __init__(self, station: "Station", scene: str, view: View) -> None:
        """Own nothing: `open` ends the engine."""
        self.scene, self.view = scene, view
        self._station = station
        self._space: PlacedSpace = station.space(CLEARANCE_CM)
        self._warm = False

    @classmethod
    @contextmanager
    def open(
        cls, scene: str, view: View, *, engine: str = "embedded"
    ) -> Iterator["SceneRenderer"]:  # fmt: skip
        """Start or reach an engine with that scene, and end it."""
        from capture.recording.station import make_station
        from capture.sessions.launcher import start_engine

        size = (view.width * view.drawn, view.height * view.drawn)
        with tempfile.TemporaryDirectory(prefix="openrelic-") as folder:
            running = start_engine(engine, scene, Path(folder), size=size)
            try:
                station = make_station(running.client, scene, view.cropped_fov_deg, size=size)
                yield cls(station, scene, view)
            finally:
                running.close()

    @property
    def caption(self) -> str:
        """What the scene shows, in the engine's words."""
        return str(self._station.manifest.get("caption", ""))

    def fitting_start(
        self,
        paths: Sequence[np.ndarray],
        *,
        unit_m: float,
        seed: int,
        rotation_frame: RotationFrame = "camera",
    ) -> Start:
        """A start from which all `paths` are clear, with steps as long as the scene has room for.

        Steps are `unit_m` or a share of it from `SHORTER`. If even the shortest finds no clear
        start, it is the one that `choose_start` gives for that, marked so.
        """
        start = None
        for share in SHORTER:
            shorter_m = round(unit_m * share, 6)
            start = self.choose_start(
                paths, unit_m=shorter_m, seed=seed, rotation_frame=rotation_frame
            )
            if start.clear:
                break
        assert start is not None
        return start

    def choose_start(
        self,
        paths: Sequence[np.ndarray],
        *,
        unit_m: float,
        seed: int,
        rotation_frame: RotationFrame = "camera",
        apart_from: Sequence[Start] = (),
    ) -> Start:
        """The first place and heading from which all `paths` (T, 13) of actions are clear.

        If none is, the one that goes farthest, marked so. `apart_from` are starts already taken:
        places within a metre of them come last.
        """
        best: tuple[float, Start] | None = None
        for R, position in self._candidates(seed, apart_from):
            share = np.mean([
                self._clear_share(rows, R, position, unit_m, rotation_frame) for rows in paths
            ])  # fmt: skip
            open_view = self._space.view_distance_m(position, R[2]) >= OPEN_VIEW_M
            if share == 1 and open_view:
                return Start(R_cam_from_world=R, position_m=position, unit_m=unit_m, clear=True)
            value = float(share) - (0.0 if open_view else 0.01)
            if best is None or value > best[0]:
                best = (
                    value,
                    Start(R_cam_from_world=R, position_m=position, unit_m=unit_m, clear=share == 1),
                )
        if best is None:
            raise OpenRelicError(
                f"scene {self.scene} has no place with {CLEARANCE_CM:g} cm of clearance to start "
                "from; choose another scene"
            )
        return best[1]

    def film(
        self,
        rows: np.ndarray,
        start: Start,
        *,
        rotation_frame: RotationFrame = "camera",
        progress: Callable[[int], object] = lambda _: None,
    ) -> EngineTruth:
        """Film action rows (T, 13), whose first is static, from a start, with its steps."""
        R, position = integrate(
            rows, start.R_cam_from_world, start.position_m,
            unit_m=start.unit_m, rotation_frame=rotation_frame,
        )  # fmt: skip
        frames, depth_cm, cameras = self.draw(R, position, progress)
        return EngineTruth(
            frames=frames,
            depth_cm=depth_cm,
            camera_from_world=cameras,
            intrinsics=self.view.intrinsics,
            unit_m=start.unit_m,
            scene=self.scene,
            caption=self.caption,
            clear=self._space.clear_steps(position) == len(position) - 1,
        )

    def draw(
        self,
        R_cam_from_world: np.ndarray,
        position_m: np.ndarray,
        progress: Callable[[int], object] = lambda _: None,
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Pictures (N, H, W, 3), depth (N, H, W) in cm or None, cameras (N, 3, 4) as drawn."""
        from capture.recording.frames import DEPTH, LIT
        from capture.recording.path import rounded_pose
        from capture.recording.proof import check_pose

        location_cm, rotation_deg = rounded_pose(*camera_to_ue(R_cam_from_world, position_m))
        self._warm_up(location_cm[0], rotation_deg[0])
        passes = (LIT, DEPTH) if self._station.client.offers("vget /tour/frame") else (LIT,)
        frames, depth, poses = [], [], []
        stream = self._station.source.stream(location_cm, rotation_deg, lambda _: passes)
        for number, frame in enumerate(stream):
            check_pose(frame, location_cm[number], rotation_deg[number])
            frames.append(self._picture(frame.passes[LIT]))
            if DEPTH in passes:
                depth.append(self._depth(frame.passes[DEPTH]))
            poses.append(np.concatenate([frame.location_cm, frame.rotation_deg]))
            progress(number + 1)
        drawn = np.stack(poses)
        cameras = extrinsics(*ue_to_camera(drawn[:, :3], drawn[:, 3:]))
        return np.stack(frames), np.stack(depth) if depth else None, cameras

    def _picture(self, lit_bgra: np.ndarray) -> np.ndarray:
        rgb = np.ascontiguousarray(lit_bgra[..., 2::-1])
        return resize_frame(rgb, self.view.width, self.view.height)

    def _depth(self, depth_cm: np.ndarray) -> np.ndarray:
        """At the middle of each pixel; a mean of two surfaces' depths would be neither's."""
        step = self.view.drawn
        return depth_cm[step // 2 :: step, step // 2 :: step].astype(np.float16)

    def _warm_up(self, location_cm: np.ndarray, rotation_deg: np.ndarray) -> None:
        from capture.recording.warm_up import warm_up

        if not self._warm:
            warm_up(self._station.client, lambda: self._station.still(location_cm, rotation_deg))
            self._warm = True

    def _candidates(
        self, seed: int, taken: Sequence[Start]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Free places with headings, in an order that the seed draws."""
        random = np.random.default_rng(seed)
        places = [one for one in self._places(seed) if self._space.is_free(one)]
        _, positions = ue_to_camera(np.reshape(places, (-1, 3)), np.zeros((len(places), 3)))
        near = [any(np.linalg.norm(p - s.position_m) < 1.0 for s in taken) for p in positions]
        for place in np.argsort(near, kind="stable"):
            first = random.uniform(-180, 180)
            for turn in range(YAWS):
                yaw_deg = first + turn * 360 / YAWS
                yield level_turned(np.array([yaw_deg, 0.0, 0.0])), positions[place]

    def _places(self, seed: int) -> np.ndarray:
        """Locations (N, 3) in cm: what the engine finds free, else the scene's spawns."""
        client = self._station.client
        if client.offers("vget /tour/freespace"):
            reply = client.json(f"vget /tour/freespace {CANDIDATES} {CLEARANCE_CM:.6f} {seed}")
            return np.array(reply["points"], np.float64).reshape(-1, 3)
        spawns = np.array(self._station.manifest.get("spawns", []), np.float64).reshape(-1, 4)
        return np.random.default_rng(seed).permutation(spawns[:, :3])

    def _clear_share(
        self,
        rows: np.ndarray,
        R: np.ndarray,
        position: np.ndarray,
        unit_m: float,
        rotation_frame: RotationFrame,
    ) -> float:
        _, way = integrate(rows, R, position, unit_m=unit_m, rotation_frame=rotation_frame)
        return self._space.clear_steps(way) / max(1, len(way) - 1)
