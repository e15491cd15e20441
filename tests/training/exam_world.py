"""The engine in this process, showing a room whose walls differ, for tests of the memory exam."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from capture.engine.game import Game
from capture.engine.options import Ini, Options
from capture.engine.request_queue import Request
from capture.engine.state import EngineState
from capture.sessions.frame import read_frame
from labeling.actions import integrate
from labeling.camera import camera_to_ue, extrinsics, intrinsics, level_turned, ue_to_camera
from tests.capture.tiny_scene import tiny_scene
from training.evaluate.films import EngineTruth
from training.exam.filming import UNIT_M
from training.exam.tours import make_tour
from training.exam.videos import KnownVideo
from training.exam.worlds import WorldPlace

WIDTH, HEIGHT, FOV_DEG = 64, 32, 90.0
STARTS = {"tiny-0": ([150.0, 200.0, 150.0], 0.0), "tiny-1": ([330.0, 240.0, 160.0], 180.0)}
"""Places in cm with yaws, from which the exam's tours touch nothing."""


class PaintedRoom:
    """The real renderer without a socket."""

    def __init__(self, folder: Path) -> None:
        ini = Ini(path=folder / "unrealcv.ini", width=WIDTH, height=HEIGHT)
        scene = tiny_scene()
        tints = np.random.default_rng(2).uniform(0.1, 1.2, scene.geometry.irradiance.shape)
        scene = replace(
            scene, geometry=replace(scene.geometry, irradiance=tints.astype(np.float32))
        )
        self._state = EngineState(Options(map="tiny", ini=ini, saved=folder), scene, None)
        self._game, self._asked = Game(self._state), 0

    def film(self, R: np.ndarray, position_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (N, H, W, 3) and depth (N, H, W) in cm."""
        location, rotation = camera_to_ue(R, position_m)
        frames = [self._frame(*pose) for pose in zip(location, rotation, strict=True)]
        pictures, depth = zip(*frames, strict=True)
        return np.stack(pictures), np.stack(depth)

    def draw(self, R: np.ndarray, position_m: np.ndarray) -> np.ndarray:
        return self.film(R, position_m)[0]

    def _frame(self, location: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers = " ".join(f"{value:.6f}" for value in (*location, *rotation))
        self._asked += 1
        self._game.tick()
        command = f"vget /tour/frame 0 {numbers} lit_bgra,depth_f32"
        frame = read_frame(self._game.answer(Request(identifier=self._asked, command=command)))
        lit, depth = frame.passes["lit_bgra"], frame.passes["depth_f32"]
        return lit[..., 2::-1].copy(), depth.copy()

    def truth(self, tour: str, place: str) -> EngineTruth:
        """A tour's film as the renderer of evaluation gives it."""
        location_cm, yaw_deg = STARTS[place]
        _, start_m = ue_to_camera(np.array([location_cm]), np.zeros((1, 3)))
        R, position = integrate(
            make_tour(tour, FOV_DEG).rows, level_turned(np.array([yaw_deg, 0.0, 0.0])), start_m[0],
            unit_m=UNIT_M, rotation_frame="camera",
        )  # fmt: skip
        frames, depth = self.film(R, position)
        return EngineTruth(
            frames=frames, depth_cm=depth, camera_from_world=extrinsics(R, position),
            intrinsics=np.array(intrinsics(FOV_DEG, WIDTH, HEIGHT)), unit_m=UNIT_M, scene="tiny",
            caption="a room", clear=True,
        )  # fmt: skip

    def video(self, tour: str, place: str) -> KnownVideo:
        """A tour as the exam takes it."""
        made, truth = make_tour(tour, FOV_DEG), self.truth(tour, place)
        assert truth.depth_cm is not None
        return KnownVideo(
            frames=truth.frames, camera_from_world=truth.camera_from_world,
            actions=made.rows.astype(np.float32), intrinsics=truth.intrinsics, unit_m=UNIT_M,
            pivot=made.pivot, mirror=made.mirror, depth_m=truth.depth_cm / 100,
            name=f"{place}-{tour}", kind=tour, place=place, scene="tiny", caption=truth.caption,
        )  # fmt: skip

    def place_of(self, video: KnownVideo) -> WorldPlace:
        """Where a video begins, for a model that draws."""
        camera = video.camera_from_world[0]
        return WorldPlace(
            picture=video.frames[0], R_cam_from_world=camera[:, :3],
            position_m=-camera[:, :3].T @ camera[:, 3], unit_m=video.unit_m, draw=self.draw,
        )  # fmt: skip

    def close(self) -> None:
        self._state.world.release()
