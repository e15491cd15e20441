"""The lanes of `benchmarks.capture`: processes with an engine each that measure when asked."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dataset.clip import HEIGHT, WIDTH

SCENE = "home:0"
SIZE = WIDTH, HEIGHT
FOV_DEG = 90.0

Poses = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measurement."""

    frames: int
    wall_s: float
    cpu_s: float  # of this process
    extra: dict[str, float]

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.frames / self.wall_s


def timed(frames: int, work: Callable[[], dict[str, float] | None]) -> Measured:
    """Run and time."""
    wall, cpu = time.perf_counter(), time.process_time()
    extra = work() or {}
    return Measured(
        frames=frames, wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu,
        extra=extra,
    )  # fmt: skip


class RecorderLane:
    """A worker with its engine: the recorder with and without encoding."""

    def __init__(self, folder: Path) -> None:
        """Start an engine and make its station."""
        from capture.recording.station import make_station
        from capture.sessions.launcher import start_engine

        self._folder = folder
        self._engine = start_engine("embedded", SCENE, folder, size=SIZE)
        self._station = make_station(self._engine.client, SCENE, FOV_DEG, size=SIZE)

    def path(self, frames: int) -> Poses:
        """The tour that all lanes draw."""
        from capture.recording.path import compute_path, rounded_pose
        from capture.tours.planning import WANTED_SHARES
        from capture.tours.rows import PlanRow
        from labeling.actions import ACTIONS
        from labeling.camera import camera_to_ue

        row = PlanRow(
            scene=SCENE, asset=SCENE, licence="", seed=1, frames=frames, kind="mixed",
            motion="walk", rotation_frame="camera", mix=tuple(WANTED_SHARES[a] for a in ACTIONS),
            translation_m_s=1.3, rotation_deg_s=32.0, clearance_cm=25.0, fov_deg=FOV_DEG,
        )  # fmt: skip
        path = compute_path(self._station, row)
        return rounded_pose(*camera_to_ue(path.R, path.position_m))

    def unencoded(self, poses: Poses) -> Measured:
        """Frames received and checked, and dropped."""
        from capture.recording.frames import LIT
        from capture.recording.recorder import film

        class Dropped:
            passes: tuple[str, ...] = (LIT,)

            def add(self, number: int, frame: Any) -> None:
                """Nothing is kept."""

        def work() -> None:
            film(self._station.source, *poses, Dropped())

        return timed(len(poses[0]), work)

    def recorded(self, poses: Poses) -> Measured:
        """Frames received, checked, converted, encoded."""
        from capture.recording.recorder import film
        from capture.recording.store import ClipStore

        def work() -> dict[str, float]:
            before = _family_cpu_s()
            with ClipStore(self._folder, SIZE, (), frames=len(poses[0])) as store:
                film(self._station.source, *poses, store)
            return {"cpu_s_a_frame": (_family_cpu_s() - before) / len(poses[0])}

        return timed(len(poses[0]), work)

    def memory(self, _: Poses) -> dict[str, float]:
        """Megabytes of this process and of its engine; shared pages are counted once."""
        import psutil

        own = psutil.Process().memory_full_info().pss
        return {"worker": own / 1e6, "engine": self._engine.memory_bytes() / 1e6}

    def close(self) -> None:
        """End the engine."""
        self._engine.close()


def _family_cpu_s() -> float:
    """CPU seconds so far of this process and of what it has started."""
    import psutil

    own = psutil.Process()
    return sum(
        process.cpu_times().user + process.cpu_times().system
        for process in (own, *own.children(recursive=True))
    )


class DrawingLane:
    """The renderer in this process: what drawing, conversion and encoding cost by themselves."""

    def __init__(self, folder: Path) -> None:
        """Load the scene."""
        from capture.engine.renderer import Renderer
        from capture.engine.scenes import load_scene

        self._folder = folder
        self._renderer = Renderer(load_scene(SCENE))
        self._drawn: list[np.ndarray] = []

    def _draw(self, location_cm: np.ndarray, rotation_deg: np.ndarray) -> np.ndarray:
        return self._renderer.render(location_cm, rotation_deg, FOV_DEG, SIZE, ["lit_bgra"])[
            "lit_bgra"
        ]

    def drawn(self, poses: Poses) -> Measured:
        """Draw the tour and drop the images."""

        def work() -> None:
            for pose in zip(*poses, strict=True):
                self._draw(*pose)

        self._draw(poses[0][0], poses[1][0])
        return timed(len(poses[0]), work)

    def stages(self, poses: Poses) -> Measured:
        """CPU seconds a frame of drawing, conversion and encoding, one after another."""
        from dataset.video import VideoWriter

        spent = {"draw": 0.0, "convert": 0.0, "encode": 0.0}

        def clocked(stage: str, work: Callable[[], Any]) -> Any:
            began = time.process_time()
            result = work()
            spent[stage] += time.process_time() - began
            return result

        def work() -> dict[str, float]:
            with VideoWriter(self._folder / "stages.mp4", *SIZE) as writer:
                for pose in zip(*poses, strict=True):
                    image = clocked("draw", lambda pose=pose: self._draw(*pose))
                    picture = clocked("convert", lambda image=image: writer.convert(image))
                    clocked("encode", lambda picture=picture: writer.encode(picture))
            return {stage: seconds / len(poses[0]) for stage, seconds in spent.items()}

        return timed(len(poses[0]), work)

    def close(self) -> None:
        """Close OpenGL."""
        self._renderer.release()


class OfficialLane:
    """The official client with an engine of its own."""

    def __init__(self, folder: Path) -> None:
        """Start the engine, leave it, and connect with `unrealcv`."""
        import unrealcv

        from capture.sessions.launcher import start_engine

        self._folder = folder
        self._engine = start_engine("embedded", SCENE, folder, size=SIZE)
        self._engine.client.close()
        port = self._engine.client.address.port
        self._client: Any = unrealcv.Client(("127.0.0.1", port))
        self._client.connect()
        self._client.request("vset /cameras/spawn")
        self._client.request(f"vset /camera/1/size {WIDTH} {HEIGHT}")

    def png(self, poses: Poses) -> Measured:
        """As the tutorials do it."""
        return self._record(poses, "png")

    def bmp(self, poses: Poses) -> Measured:
        """The same with raw images."""
        return self._record(poses, "bmp")

    def _record(self, poses: Poses, kind: str) -> Measured:
        import cv2

        path = str(self._folder / f"{kind}.mp4")

        def work() -> None:
            fourcc = cv2.VideoWriter.fourcc(*"mp4v")
            writer = cv2.VideoWriter(path, fourcc, 16.0, SIZE)
            for location, rotation in zip(*poses, strict=True):
                self._client.request(f"vset /camera/1/location {_text(location)}")
                self._client.request(f"vset /camera/1/rotation {_text(rotation)}")
                reply = self._client.request(f"vget /camera/1/lit {kind}")
                image = cv2.imdecode(np.frombuffer(reply, np.uint8), cv2.IMREAD_COLOR)
                if image is None:
                    raise RuntimeError(f"{reply[:60]!r} is no image")
                writer.write(image)
            writer.release()

        return timed(len(poses[0]), work)

    def close(self) -> None:
        """End the engine."""
        self._client.disconnect()
        self._engine.close()


def _text(vector: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)


LANES = {"recorder": RecorderLane, "drawing": DrawingLane, "official": OfficialLane}


def _serve(kind: str, core: int | None, pipe: Connection) -> None:
    """A lane's process: pinned to a core if one is given, as `capture.run` shares cores out."""
    if core is not None:
        os.sched_setaffinity(0, {core})
        os.environ |= {"LP_NUM_THREADS": "0", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        lane = LANES[kind](Path(folder))
        pipe.send("ready")
        while (asked := pipe.recv()) is not None:
            name, argument = asked
            pipe.send(getattr(lane, name)(argument))
        lane.close()


class Lane:
    """A handle to a lane's process."""

    def __init__(self, kind: str, core: int | None = None) -> None:
        """Start it and wait until it is ready."""
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(kind, core, other))
        self._process.start()
        other.close()
        self._pipe.recv()

    def begin(self, name: str, argument: Any) -> None:
        """Start a measurement."""
        self._pipe.send((name, argument))

    def end(self) -> Any:
        """Its result."""
        return self._pipe.recv()

    def run(self, name: str, argument: Any) -> Any:
        """Start and wait."""
        self.begin(name, argument)
        return self.end()

    def close(self) -> None:
        """End the process and its engine."""
        self._pipe.send(None)
        self._process.join()
