"""`capture.run` end to end with real engines and real Ray: killed, repeated, and checked."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import igl
import numpy as np
import psutil
import pytest

from capture.engine.options import read_ini
from capture.engine.scenes import load_scene
from capture.recording.recorder import compute_path, make_station, rounded_pose
from capture.sessions.client import UnrealCVClient
from capture.sessions.launcher import start_engine
from capture.tours.camera_operator import TourKind
from capture.tours.planning import WANTED_SHARES
from capture.tours.rows import PlanRow, rows_to_table
from capture.tours.steering import Motion
from dataset.clip import CAMERA, RECORD, VIDEO, Clip, committed_clips, read_track
from dataset.decoding import read_frames
from dataset.workspace import CLIPS, PLAN, Workspace, sha256_file
from labeling.actions import ACTIONS, integration_error, poses_to_actions
from labeling.camera import camera_to_ue, ue_to_camera

ROOT = Path(__file__).resolve().parents[2]
SCENES = ("home:0", "home:1")
FRAMES = 40
SIZE = (320, 180)
CLEARANCE_CM = 25.0


def tour(
    scene: str, seed: int, kind: TourKind = "mixed", motion: Motion = "fly", frames: int = FRAMES
) -> PlanRow:
    return PlanRow(
        scene=scene, asset=scene, licence="Apache-2.0", seed=seed, frames=frames, kind=kind,
        motion=motion, rotation_frame="camera", mix=tuple(WANTED_SHARES[a] for a in ACTIONS),
        translation_m_s=1.8, rotation_deg_s=40.0, clearance_cm=CLEARANCE_CM, fov_deg=90.0,
    )  # fmt: skip


ROWS = [
    tour(SCENES[0], 1), tour(SCENES[0], 2, "single", "walk"),
    tour(SCENES[1], 3, "revisit", "walk"), tour(SCENES[1], 4),
]  # fmt: skip


def planned(folder: Path, rows: list[PlanRow]) -> Workspace:
    workspace = Workspace(folder)
    workspace.write_table(PLAN, rows_to_table(rows))
    return workspace


def command(workspace: Workspace, *options: str) -> list[str]:
    size = [str(side) for side in SIZE]
    location = str(workspace.local_root)
    return [sys.executable, "-m", "capture.run", location, "--size", *size, *options]


@contextlib.contextmanager
def running(
    workspace: Workspace, scratch: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A capture.run in the background; killed at the end if it still runs."""
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(
            command(workspace, *options), cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)},
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], object], process: subprocess.Popen[bytes], seconds: float = 100):
    """Poll `what` until it is true, while the process runs."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return found


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """All processes that a capture.run has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def engines(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found = []
    for child in family(process):
        with contextlib.suppress(psutil.Error):
            if "capture.engine" in child.cmdline():
                found.append(child)
    return found


def records(workspace: Workspace) -> dict[str, bytes]:
    paths = (Path(str(workspace.local_root)) / CLIPS).glob(f"*/{RECORD}")
    return {path.parent.name: path.read_bytes() for path in paths}


def videos_in_work(scratch: Path) -> list[Path]:
    """Videos that are being written: proof that their engines draw frames."""
    found = []
    for path in scratch.glob(f"openrelic-*/**/*{VIDEO}*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > 0:
                found.append(path)
    return found


@dataclass(frozen=True, kw_only=True)
class Story:
    """What was seen while a capture was killed, repeated and disturbed."""

    workspace: Workspace
    second_run: subprocess.CompletedProcess[str]
    outlived: list[str]
    committed_early: dict[str, bytes]
    scratch_left: list[str]


@pytest.fixture(scope="module")
def short_tmp() -> Iterator[Path]:
    """A temporary folder whose path is short enough for the sockets that Ray makes in it."""
    folder = Path(tempfile.mkdtemp(prefix="or-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, short_tmp: Path) -> Story:
    workspace = planned(tmp_path_factory.mktemp("killed"), ROWS)
    with running(workspace, short_tmp) as driver:
        wait_for(lambda: engines(driver), driver)
        second_run = subprocess.run(
            command(workspace), cwd=ROOT, capture_output=True, text=True, check=False
        )
        wait_for(lambda: records(workspace), driver)
        wait_for(lambda: videos_in_work(short_tmp), driver)
        # Ray's two monitoring agents end by themselves a minute later.
        started = [child for child in family(driver) if "Agent" not in child.name()]
        driver.kill()
        driver.wait()
        _, alive = psutil.wait_procs(started, timeout=20)
        outlived = [" ".join(process.cmdline()) for process in alive]
    committed_early = records(workspace)
    leave_debris(workspace, committed_early)
    for leftover in short_tmp.glob("openrelic-*"):
        shutil.rmtree(leftover)

    with running(workspace, short_tmp) as driver:
        wait_for(lambda: videos_in_work(short_tmp), driver)
        for engine in engines(driver):
            engine.kill()
        assert driver.wait(timeout=100) == 0
    return Story(
        workspace=workspace,
        second_run=second_run,
        outlived=outlived,
        committed_early=committed_early,
        scratch_left=[path.name for path in short_tmp.glob("openrelic-*")],
    )


def leave_debris(workspace: Workspace, committed: dict[str, bytes]) -> None:
    """What killed attempts may leave: in a tour that is open, and in one that is committed."""
    open_tour = next(row.tour_id for row in ROWS if row.tour_id not in committed)
    for name in (open_tour, *committed):
        workspace.write_bytes(f"{CLIPS}/{name}/0123456789ab/{VIDEO}", b"half a video")


def clips_of(story: Story) -> list[Clip]:
    return committed_clips(story.workspace)


def test_a_killed_driver_takes_engines_and_workers_with_it(story: Story):
    assert story.outlived == []


def test_a_second_run_at_the_same_time_is_refused_in_one_line(story: Story):
    assert story.second_run.returncode == 1
    assert story.second_run.stderr.startswith("error: another capture.run is at work on ")
    assert story.second_run.stderr.count("\n") == 1


def test_every_tour_is_committed_exactly_once(story: Story):
    assert 0 < len(story.committed_early) < len(ROWS)
    clips = {clip.tour_id: clip for clip in clips_of(story)}
    assert set(clips) == {row.tour_id for row in ROWS}
    after = records(story.workspace)
    for tour_id, record in story.committed_early.items():
        assert after[tour_id] == record
    for tour_id, clip in clips.items():
        assert story.workspace.list_names(f"{CLIPS}/{tour_id}") == sorted([clip.attempt, RECORD])


def test_a_killed_engine_is_started_again(story: Story):
    retries = sorted(clip.retries for clip in clips_of(story))
    assert retries[-1] >= 1 and sum(retries) <= 2


def test_a_finished_run_leaves_no_scratch_behind(story: Story):
    assert story.scratch_left == []


def test_clips_hold_what_their_records_say(story: Story):
    rows = {row.tour_id: row for row in ROWS}
    for clip in clips_of(story):
        row = rows[clip.tour_id]
        assert (clip.row_hash, clip.scene, clip.frames) == (row.row_hash, row.scene, FRAMES)
        assert (clip.pose_proof, clip.clearance_cm) == ("per_frame", CLEARANCE_CM)
        assert clip.encoding_psnr_db > 30
        for name, file in clip.files.items():
            path = Path(str(story.workspace.local_root)) / clip.path(name)
            assert (path.stat().st_size, sha256_file(path)) == (file.bytes, file.sha256)
        with story.workspace.reading(clip.path(VIDEO)) as path:
            frames = list(read_frames(path))
        assert len(frames) == FRAMES
        assert frames[0].shape == (SIZE[1], SIZE[0], 3)
        assert len(story.workspace.read_table(clip.path(CAMERA))) == FRAMES


def test_the_clearance_measured_again_on_the_scene(story: Story):
    for name in SCENES:
        geometry = load_scene(name).geometry
        vertices = np.asarray(geometry.position_cm, np.float64)
        triangles = np.asarray(geometry.triangles[geometry.collides], np.int64)
        for clip in (clip for clip in clips_of(story) if clip.scene == name):
            points = read_track(story.workspace, clip).location_cm
            between = (points[1:] + points[:-1]) / 2
            dense = np.concatenate([points, between])
            squared = np.asarray(igl.point_mesh_squared_distance(dense, vertices, triangles)[0])
            assert np.sqrt(squared.min()) >= CLEARANCE_CM


def test_labels_integrate_back_to_the_poses(story: Story):
    for clip in clips_of(story):
        track = read_track(story.workspace, clip)
        assert np.array_equal(track.time_s, np.arange(FRAMES) / 16)
        assert (track.fov_deg == 90.0).all()
        R, position = ue_to_camera(track.location_cm, track.rotation_deg)
        actions = poses_to_actions(R, position)
        error_m, error_rad = integration_error(actions, R, position)
        assert error_m < 1e-9 and error_rad < 1e-7
        assert actions.active[:, :-1].any()


@pytest.fixture(scope="module")
def own_engine(short_tmp: Path) -> Iterator[int]:
    """The port of an engine that capture.run has not started, and that nobody is connected to."""
    engine = start_engine("embedded", SCENES[0], short_tmp / "own", size=(64, 36))
    engine.client.close()
    assert engine.log is not None
    yield read_ini(engine.log.with_name("unrealcv.ini")).port
    engine.close()


def connected(port: int) -> UnrealCVClient:
    return UnrealCVClient("127.0.0.1", port, boot_timeout_s=30, timeout_s=30)


def test_the_track_is_the_path_that_was_asked_for(story: Story, own_engine: int):
    client = connected(own_engine)
    station = make_station(client, SCENES[0], fov_deg=90.0)
    for row in ROWS[:2]:
        clip = next(clip for clip in clips_of(story) if clip.tour_id == row.tour_id)
        track = read_track(story.workspace, clip)
        path = compute_path(station, row)
        location_cm, rotation_deg = rounded_pose(*camera_to_ue(path.R, path.position_m))
        assert np.abs(track.location_cm - location_cm).max() < 1e-9
        assert np.abs(track.rotation_deg - rotation_deg).max() < 1e-9
    client.close()


def test_an_engine_that_runs_already_is_used(own_engine: int, tmp_path: Path):
    rows = [tour(SCENES[0], 9, frames=17), tour(SCENES[1], 9, frames=17)]
    workspace = planned(tmp_path, rows)
    ended = subprocess.run(
        command(workspace, "--engine", f"127.0.0.1:{own_engine}", "--workers", "1"),
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    # The tour of the map that it shows is captured, the other one is not captured in a wrong map.
    assert ended.returncode == 1
    assert f"the engine shows {SCENES[0]}, but the tour is planned in {SCENES[1]}" in ended.stderr
    assert [clip.scene for clip in committed_clips(workspace)] == [SCENES[0]]
    client = connected(own_engine)  # it is not ours to end
    assert client.text("vget /unrealcv/version")
    client.close()


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_missing_plan_names_the_command(tmp_path: Path):
    ended = run_in(ROOT, "-m", "capture.run", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"run `python -m capture.plan {tmp_path} --scenes N --minutes M` first" in ended.stderr


def test_it_runs_as_a_script_from_elsewhere(tmp_path: Path):
    """`ray submit` copies the one file and runs it as a script."""
    shutil.copy(ROOT / "capture" / "run.py", tmp_path)
    for script in (str(ROOT / "capture" / "run.py"), "run.py"):
        ended = run_in(tmp_path, script, "--help")
        assert ended.returncode == 0
        assert "--reply-timeout-s" in ended.stdout


def test_no_module_hides_one_of_the_standard_library():
    """As a script, a module's folder comes first on the path."""
    for package in ("capture", "labeling", "augment", "dataset", "training"):
        names = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
        assert not names & sys.stdlib_module_names
