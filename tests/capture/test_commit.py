"""A commit killed at every step, and attempts that come late: one clip is there, and is whole."""

import functools
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.crew.journal import Attempt, Quarantined, read_quarantine, write_quarantine
from capture.crew.resume import find_work, remove_lost_attempts
from dataset.clip import (
    RECORD,
    commit_clip,
    committed_clips,
    read_clip,
)
from dataset.workspace import CLIPS, Workspace
from tests.capture.small_tours import attempt_of, open_clip_files, small_tour
from tests.s3 import Application, s3_server, workspace_uri

ROOT = Path(__file__).resolve().parents[2]
ROW = small_tour("home:0", 1, 16)


def commit(workspace: Workspace, name: str, folder: Path) -> bool:
    return commit_clip(workspace, attempt_of(ROW, name, folder), folder)


def finish(workspace: Workspace, scratch: Path) -> str:
    """What a run does that finds this workspace; the attempt that has won."""
    work = find_work(workspace, [ROW], False)
    if work.todo:
        assert commit(workspace, "late", scratch / "late")
        find_work(workspace, [ROW], False)
    (clip,) = committed_clips(workspace)
    open_clip_files(workspace, [clip])
    assert workspace.list_tree(CLIPS) == {ROW.tour_id: {clip.attempt, RECORD}}
    return clip.attempt


def killed_at_step(step: int, root: Path, work: Callable[[], object]) -> bool:
    """Whether a process that does `work` was killed before its `step`-th operation on files below
    `root`, and not done before."""
    child = os.fork()
    if child == 0:
        steps = 0

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal steps
            names = [str(one) for one in arguments if isinstance(one, (str, os.PathLike))]
            if any(name.startswith(str(root)) for name in names):
                steps += 1
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_at_every_step_of_a_commit(tmp_path: Path):
    outcomes = Counter[str]()
    for step in range(1, 200):
        workspace = Workspace(tmp_path / f"at-{step}")
        work = functools.partial(commit, workspace, "early", tmp_path / "early")
        killed = killed_at_step(step, tmp_path / f"at-{step}", work)
        clip = read_clip(workspace, ROW.tour_id)
        if clip is not None:
            open_clip_files(workspace, [clip])  # already, before anybody mends anything
        outcomes[finish(workspace, tmp_path)] += 1
        if not killed:
            break
    # Folders, three files with a temporary name each, flushes, renames and a link.
    assert outcomes["late"] >= 10 and outcomes["early"] >= 2, outcomes


class Killer:
    """An S3 server that kills its client at the n-th request that writes."""

    def __init__(self) -> None:
        self.at, self.writes, self.requests, self.first = 0, 0, 0, True
        self.client: subprocess.Popen[bytes] | None = None

    def wrap(self, application: Application) -> Application:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            self.requests += 1
            if environ["REQUEST_METHOD"] == "PUT":
                self.writes += 1
            strikes = self.client is not None and self.writes == self.at
            if strikes and self.first:
                self._kill()
                start_response("500 Never Done", [])
                return [b""]
            answered = list(application(environ, start_response))
            if strikes:
                self._kill()
            return answered

        return answer

    def _kill(self) -> None:
        if self.client is not None:
            self.client.kill()
            self.client.wait()


@pytest.fixture(scope="module")
def killer() -> Killer:
    return Killer()


@pytest.fixture(scope="module")
def endpoint(killer: Killer) -> Iterator[str]:
    with s3_server(killer.wrap) as address:
        yield address


COMMIT = """
import sys
from pathlib import Path
from dataset.workspace import Workspace
from tests.capture.test_commit import commit
commit(Workspace(sys.argv[1]), "early", Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", [True, False], ids=["unwritten", "written"])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_killed_at_every_request_of_a_commit(
    killer: Killer, endpoint: str, tmp_path: Path, write: int, first: bool
):
    uri = workspace_uri(endpoint, f"{write}-{first}")
    killer.at, killer.writes, killer.first = write, 0, first
    command = [sys.executable, "-c", COMMIT, uri, str(tmp_path / "early")]
    killer.client = subprocess.Popen(command, cwd=ROOT)
    assert killer.client.wait(timeout=200) == -signal.SIGKILL
    killer.client = None
    won = finish(Workspace(uri), tmp_path)
    assert won == ("early" if write == 3 and not first else "late")


@pytest.mark.parametrize("storage", ["folder", "s3"])
def test_an_attempt_that_comes_back_from_the_dead_loses(
    storage: str, endpoint: str, tmp_path: Path
):
    location = tmp_path / "w" if storage == "folder" else workspace_uri(endpoint, "dead")
    workspace = Workspace(location)
    video_is_there, go_on = threading.Event(), threading.Event()
    won: dict[str, bool] = {}

    class Paused(Workspace):
        """Falls asleep after its first file."""

        def put_file(self, local: Path, path: str) -> None:
            super().put_file(local, path)
            video_is_there.set()
            assert go_on.wait(60)

    def sleeper() -> None:
        won["sleeper"] = commit(Paused(location), "sleeper", tmp_path / "sleeper")

    thread = threading.Thread(target=sleeper)
    thread.start()
    assert video_is_there.wait(60)
    # Another run finds the tour open and captures it; what the sleeper has written stays.
    assert find_work(workspace, [ROW], False).todo == [ROW]
    assert "sleeper" in workspace.list_names(f"{CLIPS}/{ROW.tour_id}")
    won["heir"] = commit(workspace, "heir", tmp_path / "heir")
    record = workspace.read_bytes(f"{CLIPS}/{ROW.tour_id}/{RECORD}")
    go_on.set()
    thread.join()
    assert won == {"sleeper": False, "heir": True}
    assert workspace.read_bytes(f"{CLIPS}/{ROW.tour_id}/{RECORD}") == record
    remove_lost_attempts(workspace, ROW.tour_id)
    assert finish(workspace, tmp_path) == "heir"


@pytest.mark.parametrize("storage", ["folder", "s3"])
def test_the_search_for_work_reads_no_clip(
    storage: str, endpoint: str, killer: Killer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    location = tmp_path / "w" if storage == "folder" else workspace_uri(endpoint, "many")
    workspace, rows = Workspace(location), [small_tour("home:0", seed, 16) for seed in range(60)]
    for row in rows[:40]:
        for name in ("a/video.mp4", "a/camera.parquet", RECORD):
            workspace.write_bytes(f"{CLIPS}/{row.tour_id}/{name}", b"x")
    reason = Attempt(time_s=1.0, host="here", reason="broken")
    for row in rows[38:43]:
        write_quarantine(
            workspace, Quarantined(tour_id=row.tour_id, scene=row.scene, attempts=(reason,))
        )
    read: list[str] = []
    original = Workspace.read_bytes
    monkeypatch.setattr(
        Workspace, "read_bytes", lambda self, path: read.append(path) or original(self, path)
    )
    killer.requests = 0
    work = find_work(workspace, rows, False)
    assert [row.seed for row in work.committed] == list(range(40))
    assert [row.seed for row in work.quarantined] == [40, 41, 42]
    assert [row.seed for row in work.todo] == list(range(43, 60))
    assert not any(path.startswith(CLIPS) for path in read)
    assert killer.requests <= 20  # two listings, five tours in quarantine, two of them lifted
    # What is committed is forgiven; the others are tried again on demand, with their past.
    assert {tour.tour_id for tour in read_quarantine(workspace)} == {
        row.tour_id for row in rows[40:43]
    }
    again = find_work(workspace, rows, True)
    assert len(again.todo) == 20 and set(again.failures) == {row.tour_id for row in rows[40:43]}
