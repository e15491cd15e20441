"""The driver with real Ray actors that fail as told: every tour ends once, and it is said how."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import ray

from capture.crew.driver import Driver
from capture.crew.journal import read_progress, read_quarantine
from capture.crew.nodes import Token, check_nodes, written_token
from capture.crew.ray_start import Shares, start_ray
from capture.crew.recruiting import crew_of
from capture.crew.resume import find_work
from capture.crew.schedule import RetryPolicy
from capture.tours.rows import PlanRow
from dataset.clip import RECORD, read_clip
from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import CLIPS, Workspace
from tests.capture.scripted_worker import Script, ScriptedWorker
from tests.capture.small_tours import small_tour

SHARES = Shares(cpus=0.5)
ENGINES = 3
POLICY = RetryPolicy(attempts=3, backoff_s=0.01)
MB = 2**20


@pytest.fixture(scope="module")
def session() -> Iterator[int]:
    engines = start_ray(None, ENGINES, SHARES)
    yield engines
    ray.shutdown()


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="script-"))
    yield path
    shutil.rmtree(path)


def driven(
    folder: Path, rows: list[PlanRow], attempts: dict[str, list[str]], retry: bool = False
) -> tuple[Workspace, Driver]:
    """A run over the rows, to its end."""
    location = folder / "workspace"
    workspace = Workspace(location)
    script = Script(location=str(location), folder=folder, attempts=attempts)
    with written_token(workspace) as token:
        crew = crew_of(ScriptedWorker, (script,), token, SHARES, stall_s=3.0)
        crew.grace_s = 3.0
        work = find_work(workspace, rows, retry)
        driver = Driver(workspace, work, crew, engines=ENGINES, policy=POLICY)
        try:
            driver.run()
        finally:
            crew.close()
    return workspace, driver


def retries_of(workspace: Workspace, rows: list[PlanRow]) -> list[int | None]:
    """What the record of each committed tour says, None where there is none."""
    found = [read_clip(workspace, row.tour_id) for row in rows]
    return [clip.retries if clip else None for clip in found]


def test_whatever_workers_do_every_tour_ends_once(session: int, folder: Path):
    rows = [small_tour(f"home:{number % 3}", number, 16 + number) for number in range(12)]
    lost = [small_tour("nowhere:0", number, 16) for number in range(3)]
    wants = dict(zip((row.tour_id for row in rows), (
        ["attempt"], ["die"], ["hang"], ["deaf"], ["attempt", "die"], ["attempt"] * 3, ["tour"],
    ), strict=False))  # fmt: skip
    wants |= {row.tour_id: ["scene"] for row in lost}
    workspace, driver = driven(folder, [*rows, *lost], wants)
    assert retries_of(workspace, rows) == [
        *[1] * 4, 2, None, None, *[0] * 5
    ]  # fmt: skip
    given_up = {tour.tour_id: tour for tour in read_quarantine(workspace)}
    assert set(given_up) == {row.tour_id for row in (rows[5], rows[6], *lost)}
    assert [one.reason for one in given_up[rows[5].tour_id].attempts] == ["attempt it was"] * 3
    assert [one.reason for one in given_up[rows[6].tour_id].attempts] == ["tour it was"]
    # The scene that could not be loaded was not loaded for each of its tours.
    assert len(list(folder.glob("nowhere-*"))) < len(lost) + 1
    progress = read_progress(workspace)
    assert progress is not None and progress.state == "ended"
    assert (progress.tours_done, progress.tours_failed, progress.tours_planned) == (10, 5, 15)
    assert driver.tally.retries == 8
    assert progress.minutes_done == pytest.approx(
        sum(row.frames for row in rows if row.tour_id not in given_up) / 960
    )
    assert workspace.list_names("capture") == ["progress.json", "quarantine"]

    again = find_work(workspace, [*rows, *lost], retry_quarantined=False)
    assert (len(again.todo), len(again.committed), len(again.quarantined)) == (0, 10, 5)
    workspace, _ = driven(folder, [*rows, *lost], {rows[6].tour_id: ["", "tour"]}, retry=True)
    (still,) = read_quarantine(workspace)
    assert still.tour_id == rows[6].tour_id
    assert [one.reason for one in still.attempts] == ["tour it was"] * 2


def test_what_stops_the_run_is_said(session: int, folder: Path):
    row = small_tour("home:0", 1, 16)
    with pytest.raises(StorageError, match="machine it was"):
        driven(folder, [row], {row.tour_id: ["machine"]})
    assert read_quarantine(Workspace(folder / "workspace")) == []


def test_scenes_that_all_fail_alike_stop_the_run(session: int, folder: Path):
    rows = [small_tour(f"home:{number}", number, 16) for number in range(40)]
    with pytest.raises(OpenRelicError, match="scene it was"):
        driven(folder, rows, {row.tour_id: ["scene"] for row in rows})
    assert len(read_quarantine(Workspace(folder / "workspace"))) < 10


def test_a_machine_without_the_workspace_is_named(session: int, folder: Path):
    workspace = Workspace(folder)
    with written_token(workspace) as token:
        check_nodes(str(folder), token, "embedded")
        elsewhere = Token(path=token.path, value="another")
        with pytest.raises(OpenRelicError, match=r"machine \S+ does not see the driver's workspa"):
            check_nodes(str(folder), elsewhere, "embedded")
        with pytest.raises(OpenRelicError, match=r"machine \S+: engine '/nowhere' is not one we"):
            check_nodes(str(folder), token, "/nowhere")
        crew = crew_of(
            ScriptedWorker, (Script(location=str(folder), folder=folder),), elsewhere, SHARES, 9.0
        )
        work = find_work(workspace, [small_tour("home:0", 1, 16)], False)
        with pytest.raises(OpenRelicError, match="does not see the driver's workspace"):
            Driver(workspace, work, crew, engines=1, policy=POLICY).run()
        crew.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_drivers_memory_stays_flat_over_1400_tours(session: int, folder: Path):
    rows = [small_tour(f"home:{number % 350}", number, 1200) for number in range(1400)]
    wants = {row.tour_id: ["attempt"] for row in rows[::10]}
    samples: list[tuple[int, int]] = []  # committed tours, bytes
    ended = threading.Event()

    def watch() -> None:
        clips = folder / "workspace" / CLIPS
        while not ended.wait(1.0):
            done = sum(1 for _ in clips.glob("*")) if clips.exists() else 0
            samples.append((done, psutil.Process().memory_info().rss))

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.process_time()
    try:
        workspace, driver = driven(folder, rows, wants)
    finally:
        ended.set()
        thread.join()
    assert driver.tally.captured == 1400 and len(retries_of(workspace, rows)) == 1400
    early = next(used for done, used in samples if done >= 280)
    grown = (samples[-1][1] - early) / MB
    print(f"driver: {samples[-1][1] / MB:.0f} MB, {grown:+.1f} MB over the last 1,120 tours, "
          f"{(time.process_time() - began) / 1.4:.1f} ms of CPU time a tour")  # fmt: skip
    assert grown < 8.0


def test_a_plan_without_work_left_is_found_done(folder: Path):
    workspace = Workspace(folder)
    row = small_tour("home:0", 1, 16)
    workspace.claim_bytes(f"{CLIPS}/{row.tour_id}/{RECORD}", b"{}")
    work = find_work(workspace, [row, replace(row, seed=2)], False)
    assert [len(found) for found in (work.todo, work.committed)] == [1, 1]
