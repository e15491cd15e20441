"""One `capture.run` at a time on a local workspace."""

import contextlib
import fcntl
from collections.abc import Iterator

from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import Workspace


@contextlib.contextmanager
def capture_lock(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace's lock; the kernel frees it however this process ends.

    On object storage there is no lock: attempts have folders of their own, and the commit record
    names the winner.
    """
    root = workspace.local_root
    if root is None:
        yield
        return
    try:
        file = (root / ".capture.lock").open("w")
    except OSError as error:
        raise StorageError.of(error, workspace.location) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OpenRelicError(
                f"another capture.run is at work on {workspace.location}; wait for it or stop it"
            ) from None
        yield
