"""A tiny process between us and what we start: when we end, however we end, nothing is left.

    python -I -S keeper.py '{"owner": PID, "command": [...], "env": {}, "user": {}, "remove": [],
                              "family": false}'

It starts the engine and makes itself the foster parent of everything below it (Linux's child
subreaper), so that scripts which fork, helpers of the engine and processes with a session of their
own stay its descendants when their parents end. It ends

- when the last of them has ended, with the exit code of the command;
- when its standard input is closed or its parent is gone: then it kills all of them, again and
  again until none is left.

Either way it removes the files and folders of `remove` at last. Without a command it only waits for
its owner to end; with `family` it notes all along which processes are below its owner, and kills
what is left of them then, apart from other keepers and what these keep. It reads nothing of this
project and runs on the standard library alone, so that it starts in some 20 ms and needs little
memory.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.5
LOOKING_S = 1.0
KILLING_S = 30.0  # a process that waits for a disk or a GPU dies late
REMOVING_S = 5.0


def main() -> int:
    """Keep what the one argument describes; the exit code."""
    settings = json.loads(sys.argv[1])
    owner = int(settings["owner"])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    ended = _watch_for_children()
    try:
        command = _start(settings, libc) if settings["command"] else None
        family = _Family(owner) if settings["family"] else None
        return _keep(owner, command, ended, family)
    except OSError as error:
        sys.stderr.write(f"error: {settings['command'][0]} cannot be started: {error}\n")
        return 1
    finally:
        _kill_all()
        for path in settings["remove"]:
            _remove(path)


def _watch_for_children() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _start(settings: dict, libc: ctypes.CDLL) -> int:
    """Start the command in a session of its own; its pid."""

    def die_with_the_keeper() -> None:
        # Asked for after the change of user, which would take it back.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    process = subprocess.Popen(
        settings["command"], env={**os.environ, **settings["env"]}, stdin=subprocess.DEVNULL,
        start_new_session=True, preexec_fn=die_with_the_keeper, **settings["user"],
    )  # fmt: skip
    process.returncode = 0  # reaped below, not by Popen
    return process.pid


class _Family:
    """The owner's other processes: those below it now, or at any time before."""

    def __init__(self, owner: int) -> None:
        self._owner = owner
        self._known: dict[int, int] = {}  # pid -> when it was started, since pids come again
        self._keepers = {os.getpid()}
        self._next_look = 0.0

    def look_now_and_then(self) -> None:
        """Note who is there, when it is time to: it costs some milliseconds."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOKING_S
            self._look()

    def _look(self) -> None:
        people = _everybody()
        self._known = {p: s for p, s in self._known.items() if people.get(p, (0, -1))[1] == s}
        for pid in _below([self._owner, *self._known], people, self._keepers):
            if pid not in self._known and _is_keeper(pid):
                self._keepers.add(pid)
            elif pid not in self._keepers:
                self._known[pid] = people[pid][1]
        for pid in _below(list(self._keepers), people, set()):
            self._known.pop(pid, None)

    def kill(self) -> None:
        """Kill who is left."""
        self._look()
        for pid in self._known:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _is_keeper(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return os.path.abspath(__file__).encode() in file.read().split(b"\0")
    return False


def _keep(owner: int, command: int | None, ended: int, family: _Family | None) -> int:
    """Wait until the owner or the last descendant has ended; the command's exit code."""
    code = 0
    while True:
        readable = select.select([sys.stdin.fileno(), ended], [], [], POLL_S)[0]
        if ended in readable:
            os.read(ended, 4096)
        for pid, status in _reap():
            if pid == command:
                code = os.waitstatus_to_exitcode(status)
        if command is not None and not _has_children():
            return max(code, 0) if code >= 0 else 128 - code
        closed = sys.stdin.fileno() in readable and not os.read(sys.stdin.fileno(), 4096)
        if closed or os.getppid() != owner:
            if family is not None:
                family.kill()
            return 0
        if family is not None:
            family.look_now_and_then()


def _reap() -> list[tuple[int, int]]:
    """The (pid, status) of every child that has ended."""
    ended = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _kill_all() -> None:
    """Kill all descendants until none is left: they may go on forking meanwhile."""
    until, pause = time.monotonic() + KILLING_S, 0.002
    while _has_children() and time.monotonic() < until:
        for pid in _below([os.getpid()], _everybody(), set()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(pause)
        pause = min(2 * pause, 0.25)


def _everybody() -> dict[int, tuple[int, int]]:
    """The parent and the time of start of every process, from /proc."""
    return {int(name): _parent_and_start(name) for name in os.listdir("/proc") if name.isdigit()}


def _parent_and_start(pid: str) -> tuple[int, int]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # pid (name) state parent …; the name may hold spaces and brackets
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[1]), int(fields[19])
    except (OSError, IndexError, ValueError):
        return -1, -1


def _below(roots: list[int], people: dict[int, tuple[int, int]], skipped: set[int]) -> list[int]:
    """All descendants of `roots`, without `skipped` and their descendants."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in people.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], list(roots)
    while waiting:
        for pid in children.get(waiting.pop(), []):
            if pid not in skipped:
                found.append(pid)
                waiting.append(pid)
    return found


def _remove(path: str) -> None:
    """Remove a file or a folder, into which a process that is being killed may still write."""
    until = time.monotonic() + REMOVING_S
    while os.path.lexists(path) and time.monotonic() < until:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)
        if os.path.lexists(path):
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
