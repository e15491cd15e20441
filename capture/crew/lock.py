"""One `capture.run` at a time on a local workspace, one `dataset.build`, and so on."""

import contextlib
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator

from capture.crew.journal import read_progress
from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

FRESH_S = 30.0  # a run tells every few seconds how far it is


@contextlib.contextmanager
def capture_lock(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock; the kernel frees it however this process ends.

    On object storage there is no lock: attempts have folders of their own, and the commit record
    names the winner. Two runs at once would only do work twice; a second one is told.
    """
    if workspace.local_root is None:
        _warn_of_another_run(workspace)
    with local_lock(workspace, "capture", "capture.run"):
        yield


@contextlib.contextmanager
def local_lock(workspace: Workspace, name: str, command: str) -> Iterator[None]:
    """Hold `.<name>.lock` of a local workspace; whoever comes second gets one line.

    `command` is what takes this lock. On object storage nothing is held, nor where nothing is yet.
    """
    root = workspace.local_root
    if root is None or not root.exists():
        yield
        return
    try:
        file = (root / f".{name}.lock").open("w")
    except OSError as error:
        raise StorageError.of(error, workspace.location) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OpenRelicError(
                f"another {command} is at work on {workspace.location}; wait for it or stop it"
            ) from None
        yield


def _warn_of_another_run(workspace: Workspace) -> None:
    seen = read_progress(workspace)
    if seen is None or seen.state == "ended" or time.time() - seen.time_s > FRESH_S:
        return
    if (seen.host, seen.pid) != (socket.gethostname(), os.getpid()):
        log.warning(
            "process %d on %s said %.0f s ago that it captures into %s: if it still runs, stop one "
            "of the two",
            seen.pid, seen.host, time.time() - seen.time_s, workspace.location,
        )  # fmt: skip
