"""`/tour/record`: write the player's camera, as it moves, into a pose file at a fixed rate.

Rows are exactly 1 / rate apart in the game's time. Between two steps of the game the camera is
taken to have moved and turned evenly, the shorter way round.
"""

from pathlib import Path

import numpy as np

from capture.engine.camera import Pose
from capture.engine.clock import STEP_S
from capture.engine.commands.replies import one_line
from capture.engine.encoding import file_below
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.pose_files import PARQUET, PoseWriter
from capture.engine.state import EngineState

MAX_RATE_HZ = 1 / STEP_S
LONGEST_S = 3600.0


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""
    recorder = PoseRecorder(engine)
    engine.every_tick.append(recorder.tick)

    def start(args: list[str]) -> str:
        if not args[0] or args[0].endswith(PARQUET):
            raise CommandError(f"{args[0]!r} is no name of a CSV file")
        recorder.start(file_below(engine.options.saved, args[0]), float(args[1]))
        return "ok"

    dispatcher.bind(
        "vset /tour/record/start [str] [float]", start,
        "File, rate in Hz: record camera 0 as it moves",
    )  # fmt: skip
    dispatcher.bind("vset /tour/record/stop", lambda _: recorder.stop(), "End the recording")


class PoseRecorder:
    """Samples camera 0 while a recording runs."""

    def __init__(self, engine: EngineState) -> None:
        """Record camera 0 of `engine`."""
        self._engine = engine
        self._writer: PoseWriter | None = None
        self._path = Path()
        self._rate_hz = 0.0
        self._steps = 0  # of game time since the start
        self._last: Pose = engine.cameras[0].pose

    def start(self, path: Path, rate_hz: float) -> None:
        """Begin with the camera's pose now as the first row."""
        if self._writer is not None:
            raise CommandError(f"a recording into {self._path} runs; vset /tour/record/stop it")
        if not 0 < rate_hz <= MAX_RATE_HZ:
            raise CommandError(f"the rate must be above 0 and at most {MAX_RATE_HZ:.0f} Hz")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = PoseWriter(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        self._path, self._rate_hz, self._steps = path, rate_hz, 0
        self._last = self._engine.cameras[0].pose
        self._writer.write(0.0, self._last)

    def stop(self) -> str:
        """End the recording; where it is and how many rows it has, as JSON."""
        if self._writer is None:
            raise CommandError("no recording runs; vset /tour/record/start FILE RATE starts one")
        self._writer.close()
        rows, self._writer = self._writer.rows, None
        return one_line({"file": str(self._path), "rows": rows})

    def tick(self, steps: int) -> bool:
        """Write the rows that fall into the steps that have passed."""
        if self._writer is None or not steps:
            return False
        now = self._engine.cameras[0].pose
        before_s = self._steps * STEP_S
        self._steps += steps
        while (due_s := self._writer.rows / self._rate_hz) <= self._steps * STEP_S + 1e-9:
            share = min(1.0, (due_s - before_s) / (steps * STEP_S))
            self._writer.write(due_s, between(self._last, now, share))
        self._last = now
        if self._steps * STEP_S >= LONGEST_S:
            self.stop()
        return False


def between(first: Pose, second: Pose, share: float) -> Pose:
    """The pose at `share` (0..1) of the way, each angle turning the shorter way round."""
    start, way = np.array(first), np.array(second) - np.array(first)
    way[3:] = (way[3:] + 180.0) % 360.0 - 180.0
    x, y, z, pitch, yaw, roll = (start + share * way).tolist()
    return x, y, z, pitch, yaw, roll
