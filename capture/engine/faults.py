"""Scripted faults, and the log that says what was really drawn: for tests of whoever captures.

A script is a JSON object; every key may be left out. Images are counted from 0, over all that are
drawn for clients since the engine started:

    {"stale": [10, 25],     images that show the camera's view of an earlier tick
     "stale_from": 100,     from this image on every image does: one tick late for good
     "stale_passes": ["lit_bgra"],  the passes that are stale (all, if left out)
     "dark": 8,             the first 8 images come out dark, each brighter than the last
     "crash": 40,           the engine kills itself (SIGKILL) instead of drawing image 40
     "hang": 60,            it never answers again instead of drawing image 60
     "exit_at_load": 3}     it ends with this exit code instead of loading its scene

An earlier tick is the last one before this in which the camera drew an image. Poses are reported
as if nothing was wrong: in `vget /camera/N/pose` and in the header of `/tour/frame`. Only the
private log tells.
"""

import dataclasses
import hashlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.engine.camera import Pose
from dataset.errors import OpenRelicError

DARKEST = 0.15
DIGEST_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong, and when; by default nothing does."""

    stale: frozenset[int] = frozenset()
    stale_from: int | None = None
    stale_passes: frozenset[str] | None = None  # all of them
    dark: int = 0
    crash: int | None = None
    hang: int | None = None
    exit_at_load: int | None = None

    def strike(self, image: int) -> None:
        """Crash or hang if that is this image's fate."""
        if image == self.crash:
            os.kill(os.getpid(), signal.SIGKILL)
        if image == self.hang:
            parent = os.getppid()
            while os.getppid() == parent:  # not beyond the end of who started it
                time.sleep(0.2)
            sys.exit(1)

    def is_stale(self, image: int) -> bool:
        """Whether this image shows an earlier tick."""
        return image in self.stale or (self.stale_from is not None and image >= self.stale_from)

    def spoils(self, pass_name: str) -> bool:
        """Whether this pass of a stale image is stale."""
        return self.stale_passes is None or pass_name in self.stale_passes

    def brightness(self, image: int) -> float:
        """What this image's light is multiplied by."""
        return DARKEST + (1 - DARKEST) * image / self.dark if image < self.dark else 1.0


def read_faults(path: Path | None) -> Faults:
    """The script at `path`; `OpenRelicError` says what is wrong with it."""
    if path is None:
        return Faults()
    try:
        script = json.loads(path.read_text())
        names = {field.name for field in dataclasses.fields(Faults)}
        if not isinstance(script, dict) or not set(script) <= names:
            raise ValueError(f"allowed are the keys {', '.join(sorted(names))}")
        for name, value in script.items():
            wanted = list if name in ("stale", "stale_passes") else int
            if type(value) is not wanted:
                raise ValueError(f"{name} must be a {wanted.__name__}, not {value!r}")
        for name in set(script) & {"stale", "stale_passes"}:
            script[name] = frozenset(script[name])
        return Faults(**script)
    except (OSError, ValueError, TypeError) as error:
        raise OpenRelicError(f"-faults={path} cannot be used: {error}") from error


class PrivateLog:
    """One JSON line an image, in a file that no command of the engine reads or names."""

    def __init__(self, path: Path) -> None:
        """Append to `path`; `OpenRelicError` if that cannot be done."""
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise OpenRelicError(f"-privatelog={path} cannot be written: {error}") from error

    def write(self, number: int, drawn: dict[str, np.ndarray], **facts: object) -> None:
        """Log an image: `drawn` is what goes to the client, `facts` what is true of it."""
        digests = {
            name: hashlib.blake2b(image.tobytes(), digest_size=DIGEST_BYTES).hexdigest()
            for name, image in drawn.items()
        }
        line = {"pid": os.getpid(), "image": number, **facts, "digest": digests}
        # One write, so that a killed engine leaves whole lines.
        os.write(self._file, (json.dumps(line) + "\n").encode())


def rounded(pose: Pose) -> list[float]:
    """A pose for the log, to a millionth."""
    return [round(value, 6) for value in pose]
