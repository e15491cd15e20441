"""`/tour/play`: draw every pose of a pose file into a folder, one a tick.

A job has a camera of its own, with the player's field of view and size. Row i of the pose file
becomes `FOLDER/%06d.png` (i), whatever real time that takes: the file's times are the fixed time
step. When all are drawn, `FOLDER/poses.csv` is written with the poses that they were drawn with; a
folder without it is not complete. Other requests are answered between two images.
"""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.engine.camera import Camera
from capture.engine.commands.replies import one_line
from capture.engine.encoding import encode_image, file_below
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.pose_files import PoseWriter, read_poses
from capture.engine.state import EngineState
from dataset.errors import OpenRelicError

log = logging.getLogger(__name__)

MAX_JOBS_KEPT = 1000
POSES = "poses.csv"


@dataclass
class Job:
    """A pose file being played."""

    number: int
    poses: np.ndarray  # (N,7): time in s, then the pose
    folder: Path
    camera: Camera
    state: str = "playing"  # then done, cancelled or failed
    frames_done: int = 0
    error: str = ""

    def report(self) -> str:
        """Progress as JSON."""
        return one_line(
            {
                "state": self.state,
                "frames_done": self.frames_done,
                "frames": len(self.poses),
                "folder": str(self.folder),
                "error": self.error,
            }
        )


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""
    player = Player(engine)
    engine.every_tick.append(player.tick)
    dispatcher.bind(
        "vset /tour/play [str] [str]",
        lambda args: str(player.start(args[0], args[1])),
        "Pose file, folder: draw its poses into PNG files; the job's id",
    )
    dispatcher.bind(
        "vget /tour/play [uint]", lambda args: player.job(args[0]).report(), "A job's progress"
    )
    dispatcher.bind("vset /tour/cancel [uint]", player.cancel, "Stop a job")


class Player:
    """Plays jobs one after another."""

    def __init__(self, engine: EngineState) -> None:
        """Draw with `engine`."""
        self._engine = engine
        self._jobs: dict[int, Job] = {}

    def start(self, poses_name: str, folder_name: str) -> int:
        """Queue a job; its id. A client's wrong names raise `CommandError`."""
        if len(self._jobs) >= MAX_JOBS_KEPT:
            raise CommandError(f"{MAX_JOBS_KEPT} jobs were started already")
        saved = self._engine.options.saved
        folder = file_below(saved, folder_name)
        try:
            poses = read_poses(file_below(saved, poses_name))
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise CommandError(f"{folder} is not empty; play into a new folder")
        except (OSError, OpenRelicError) as error:
            raise CommandError(str(error)) from error
        first = self._engine.cameras[0]
        camera = dataclasses.replace(first, settings={})
        number = len(self._jobs) + 1
        self._jobs[number] = Job(number=number, poses=poses, folder=folder, camera=camera)
        return number

    def job(self, number: str) -> Job:
        """The job with that id."""
        found = self._jobs.get(int(number or 0))
        if found is None:
            raise CommandError(f"there is no job {number}; vset /tour/play starts one")
        return found

    def cancel(self, args: list[str]) -> str:
        """Stop a job that is not over; what it drew stays."""
        job = self.job(args[0])
        if job.state != "playing":
            raise CommandError(f"job {args[0]} is {job.state}")
        job.state = "cancelled"
        return "ok"

    def tick(self, _: int) -> bool:
        """Draw the next image of the first job that has one left."""
        if self._engine.clock.paused:
            return False
        playing = next((job for job in self._jobs.values() if job.state == "playing"), None)
        if playing is None:
            return False
        try:
            self._draw(playing)
        except (OSError, CommandError, OpenRelicError) as error:
            playing.state, playing.error = "failed", str(error)
            log.warning("playing into %s failed: %s", playing.folder, error)
        return True

    def _draw(self, job: Job) -> None:
        number = job.frames_done
        x, y, z, pitch, yaw, roll = job.poses[number, 1:].tolist()
        job.camera.location, job.camera.rotation = (x, y, z), (pitch, yaw, roll)
        drawn = self._engine.draw_with(job.camera, -job.number, ["lit_bgra"])
        png = encode_image(drawn.passes["lit_bgra"], "png")
        (job.folder / f"{number:06d}.png").write_bytes(png)
        job.frames_done += 1
        if job.frames_done == len(job.poses):
            self._write_poses(job)
            job.state = "done"

    def _write_poses(self, job: Job) -> None:
        part = job.folder / f"{POSES}.part"
        writer = PoseWriter(part)
        for time_s, *pose in job.poses.tolist():
            writer.write(time_s, tuple(pose))
        writer.close()
        part.rename(job.folder / POSES)
