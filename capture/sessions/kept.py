"""Processes and folders that cannot outlive us: see `capture.sessions.keeper`.

`Kept` runs a command under a keeper. `ScratchFolder` is a temporary folder that is removed when
this process ends, even by kill -9.
"""

import contextlib
import ctypes
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

log = logging.getLogger(__name__)

KEEPER = Path(__file__).with_name("keeper.py")
ENDING_S = 10.0
PR_SET_CHILD_SUBREAPER = 36


class Kept:
    """A command, all processes below it, and files to remove after it, under a keeper."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: IO[bytes] | int = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
        user: Mapping[str, Any] | None = None,
        remove: Sequence[Path] = (),
        family: bool = False,
    ) -> None:
        """Start `command` (if it is not empty) with `user` as `Popen` takes user, group and groups.

        When it and all that it started have ended, or this process has, the files and folders of
        `remove` are removed. `family`: when this process ends, so does all that it has started.
        """
        settings = {
            "owner": os.getpid(),
            "command": list(command),
            "env": dict(environment or {}),
            "user": dict(user or {}),
            "remove": [str(path) for path in remove],
            "family": family,
        }
        # A session of its own: Ctrl-C is for us, and who kills our group does not get the keeper.
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._keeper.pid

    def poll(self) -> int | None:
        """The command's exit code once it and everything below it have ended, else None."""
        return self._keeper.poll()

    def end(self) -> None:
        """Kill the command and everything below it, and wait until that is done."""
        if self._keeper.stdin is not None:
            with contextlib.suppress(OSError):
                self._keeper.stdin.close()
        try:
            self._keeper.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            # A process that hangs in the kernel; the keeper goes on trying.
            log.warning("process %d has not ended in %g s", self.pid, ENDING_S)

    def memory_bytes(self) -> int:
        """Memory of the command and everything below it; pages they share are counted once."""
        return sum(_memory_bytes(pid) for pid in self._descendants())

    def listens_on(self, port: int) -> bool | None:
        """Whether one of its processes listens on a TCP port; None if that cannot be seen."""
        import psutil

        try:
            return any(
                connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
                for pid in self._descendants()
                for connection in psutil.Process(pid).net_connections("tcp")
            )
        except psutil.Error:
            return None

    def _descendants(self) -> list[int]:
        import psutil

        try:
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        except psutil.Error:
            return []


def _memory_bytes(pid: int) -> int:
    """Proportional set size, or resident set size where the kernel does not show that."""
    with contextlib.suppress(OSError, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


_guards: list[Kept] = []  # a guard whose pipe is collected as garbage would think that we ended


def take_all_along() -> None:
    """From now on, when this process ends in any way, everything that it has started ends too.

    What other keepers keep is left to them. Call it before the first process is started: from now
    on, what is orphaned below this process becomes its own child, and so stays in sight.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _guards.append(Kept([], family=True))


class ScratchFolder:
    """A temporary folder that is removed by `close`, or when this process ends in any way."""

    def __init__(self, prefix: str = "openrelic-") -> None:
        """Make the folder where temporary files go."""
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._kept = Kept([], remove=[self.path])

    def close(self) -> None:
        """Remove the folder."""
        self._kept.end()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()
