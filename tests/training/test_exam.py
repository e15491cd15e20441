"""The memory exam held to a known world: the scene itself must pass, what forgets must not."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, integrate
from labeling.camera import poses_from_extrinsics
from tests.capture.tiny_scene import CRATES, ROOM
from tests.training.exam_world import FOV_DEG, HEIGHT, STARTS, WIDTH, PaintedRoom
from tests.training.tiny_player import tiny_player
from training.evaluate.films import cached_truth
from training.evaluate.rendering import View
from training.exam.__main__ import Settings
from training.exam.command import run_exam
from training.exam.exams import Examiner, Sitting
from training.exam.filming import MEASURED, Films
from training.exam.memories import changed_memory, past_frames_of, whole_memory
from training.exam.scores import (
    FrameScore,
    error_ratio,
    mean_agreement,
    mean_error,
    score_frame,
)
from training.exam.subjects import coder
from training.exam.summary import summarise
from training.exam.tours import LEAD, TOURS, make_tour
from training.exam.videos import KnownVideo
from training.exam.visibility import Views, cell_rays, cell_side, past_frames, to_pixels
from training.exam.worlds import Forgetful, WorldModel
from training.learning.calibration import Calibration, calibrate
from training.learning.motion import CELL, GAP
from training.memory.schedule import MemoryConfig, kept_latents
from training.streaming.model import StudentModel

KINDS = ("palindrome", "turn", "walk")
PAST = 16
MEAN = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaintedRoom]:
    painted = PaintedRoom(tmp_path_factory.mktemp("room"))
    yield painted
    painted.close()


@pytest.fixture(scope="module")
def videos(room: PaintedRoom) -> dict[str, list[KnownVideo]]:
    return {kind: [room.video(kind, place) for place in STARTS] for kind in KINDS}


@pytest.fixture(scope="module")
def calibration(videos: dict[str, list[KnownVideo]]) -> Calibration:
    usual = GAP * np.array([1.0] * 3 + [2.0] * 3)
    return calibrate([video for some in videos.values() for video in some], usual)


def figures(sitting: Sitting, contender: str) -> tuple[float, float, int]:
    """Mean squared error, correlation and frames of those that move."""
    own = [one for one in sitting.scores if one.contender == contender and one.moved]
    return mean_error(own).value, mean_agreement(own).value, len(own)


@pytest.mark.parametrize("name", TOURS)
def test_a_tour_comes_back_where_it_says(name: str) -> None:
    tour = make_tour(name)
    R, position = integrate(tour.rows, np.eye(3), np.zeros(3), unit_m=0.05, rotation_frame="camera")
    back = np.flatnonzero(tour.mirror >= 0)
    assert len(back) and back.min() > tour.pivot and tour.mirror.max() <= tour.pivot
    np.testing.assert_allclose(R[back], R[tour.mirror[back]], atol=1e-9)
    np.testing.assert_allclose(position[back], position[tour.mirror[back]], atol=1e-9)
    assert tour.rows[0, ACTIONS.index("static")] == 1 and len(tour.rows) <= 317
    # No step holds opposite keys, nor walks and turns at once, so that its way back is exact.
    assert (np.count_nonzero(tour.rows[:, :12], axis=1) <= 1).all()
    if name.startswith("loop"):
        assert tour.mirror[LEAD + 16 * int(name[5:-1])] == LEAD
    with pytest.raises(OpenRelicError, match="palindrome"):
        make_tour("loop-3s")


@pytest.mark.parametrize("kind", KINDS)
def test_the_scene_itself_is_perfect_and_its_controls_are_not(
    kind: str, room: PaintedRoom, videos: dict[str, list[KnownVideo]], calibration: Calibration
) -> None:
    video, other = videos[kind]
    world = WorldModel([room.place_of(video), room.place_of(other)])
    for sitting in Examiner(world, calibration, past=PAST).examine(video, other, MEAN):
        error, agreement, frames = figures(sitting, "model")
        assert (error, agreement) == (0, pytest.approx(1)) and frames > 20
        assert figures(sitting, "random memory")[0] > 1000
        assert figures(sitting, "random memory")[1] < 0.4
        for control in ("frozen", "mean"):
            error, agreement, frames = figures(sitting, control)
            if sitting.exam == "context":
                assert error > 500 and not agreement >= 0.5
            else:
                assert frames == 0


def test_what_forgets_where_it_was_fails(
    room: PaintedRoom, videos: dict[str, list[KnownVideo]], calibration: Calibration
) -> None:
    video, other = videos["palindrome"]
    here, there = room.place_of(video), room.place_of(other)
    lost = WorldModel([replace(there, picture=here.picture), replace(here, picture=there.picture)])
    model = Forgetful(WorldModel([here, there]), lost, video.pivot + 1)
    for sitting in Examiner(model, calibration, past=PAST).examine(video, other, MEAN):
        error, agreement, frames = figures(sitting, "model")
        assert error > 500 and agreement < 0.45 and frames > 20


def test_what_the_window_still_shows_does_not_count(videos: dict[str, list[KnownVideo]]) -> None:
    video = videos["palindrome"][0]
    views, sums, latest = Views(video), [], []
    for past in (0, PAST, 4 * PAST, 1000):
        found = [
            views.counted(frame, past_frames(frame - 8, past), range(video.pivot + 1))
            for frame in range(video.pivot + 9, len(video), 4)
        ]
        sums.append(sum(0 if one is None else int(one.cells.sum()) for one in found))
        latest += [past for one in found if one is not None and one.since >= len(video) - 8 - past]
    assert sums[0] > sums[1] > sums[2] > sums[3] == 0 and not latest


def sees(camera_34: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points (N, 3) in metres a camera in the room sees: geometry, no picture."""
    R, centre = poses_from_extrinsics(camera_34[None])
    local = (points - centre[0]) @ R[0].T
    focal = WIDTH / 2 / np.tan(np.deg2rad(FOV_DEG) / 2)
    x = focal * local[:, 0] / local[:, 2] + WIDTH / 2
    y = focal * local[:, 1] / local[:, 2] + HEIGHT / 2
    inside = (local[:, 2] > 0) & (x >= 0) & (x <= WIDTH) & (y >= 0) & (y <= HEIGHT)
    ways = points - centre[0]
    for low, high in CRATES.values():
        # Unreal's Y is mirrored and its unit is a centimetre.
        a, b = np.array(low) * [1, -1, 1] / 100, np.array(high) * [1, -1, 1] / 100
        with np.errstate(divide="ignore", invalid="ignore"):
            first, second = (a - centre[0]) / ways, (b - centre[0]) / ways
        enters = np.minimum(first, second).max(axis=1)
        leaves = np.maximum(first, second).min(axis=1)
        inside &= ~((enters < leaves) & (leaves > 0) & (enters < 0.97))
    return inside


def test_visibility_is_that_of_rays_among_boxes(videos: dict[str, list[KnownVideo]]) -> None:
    agreed = missed = 0
    for kind in ("walk", "turn"):
        for video in videos[kind]:
            views = Views(video)
            for frame in range(video.pivot + 8, len(video), 9):
                window, known = range(frame - 20, frame - 4), range(video.pivot + 1)
                points = points_of(video, frame)
                assert ((points > ROOM[0] * 0 - 7) & (points < 7)).all()
                cameras = video.camera_from_world
                in_window = np.any([sees(cameras[t], points) for t in window], axis=0)
                before = np.any(
                    [sees(cameras[t], points) for t in known if t < window.start], axis=0
                )
                true = (before & ~in_window).reshape(HEIGHT // CELL, WIDTH // CELL)
                counted = views.counted(frame, window, known)
                found = np.zeros_like(true) if counted is None else counted.cells
                # A cell counts that should not only where a ray grazes a picture's border.
                assert (found & ~true).sum() <= 1
                agreed, missed = agreed + (found & true).sum(), missed + (true & ~found).sum()
    assert agreed > 500 and missed < 0.1 * agreed


def points_of(video: KnownVideo, frame: int) -> np.ndarray:
    """Scene points (N, 3) in metres behind the middles of a frame's cells."""
    assert video.depth_m is not None
    middle = slice(CELL // 2, None, CELL)
    rays = cell_rays(video.intrinsics, WIDTH, HEIGHT)
    local = rays * video.depth_m[frame][middle, middle][..., None].astype(float)
    R, centre = poses_from_extrinsics(video.camera_from_world[[frame]])
    return local.reshape(-1, 3) @ R[0] + centre[0]


def test_without_depth_less_counts_and_nothing_else(videos: dict[str, list[KnownVideo]]) -> None:
    for kind in ("palindrome", "walk"):
        video = videos[kind][0]
        exact, strict = Views(video), Views(replace(video, depth_m=None))
        total = np.zeros(2, int)
        for frame in range(video.pivot + 1, len(video), 3):
            window, known = range(frame - 20, frame - 4), range(video.pivot - 10)
            one, other = (views.counted(frame, window, known) for views in (exact, strict))
            if other is not None:
                assert one is not None and not (other.cells & ~one.cells).any()
                assert other.since == video.mirror_of(frame)
            total += [0 if one is None else one.cells.sum() for one in (one, other)]
        assert total[0] >= total[1] > 0


def test_the_sky_is_as_far_in_every_direction(videos: dict[str, list[KnownVideo]]) -> None:
    video = videos["palindrome"][0]
    sky = Views(replace(video, depth_m=np.full((len(video), HEIGHT, WIDTH), np.inf)))
    strict = Views(replace(video, depth_m=None))
    for frame in range(video.pivot + 1, len(video), 5):
        window, known = range(frame - 20, frame - 4), range(video.pivot - 10)
        one, other = (views.counted(frame, window, known) for views in (sky, strict))
        # A camera that only turns sees by angles alone.
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            np.testing.assert_array_equal(one.cells, other.cells)


def test_memories_as_words() -> None:
    own = MemoryConfig()
    assert changed_memory(own, "recipe") == own
    changed = changed_memory(own, "window=16+schedule=1")
    assert (changed.window, changed.schedule) == (16, (1,))
    assert changed_memory(own, "schedule=1,2").schedule == (1, 2)
    for memory in (own, changed, changed_memory(own, "window=16")):
        kept = kept_latents(whole_memory(memory), 80)
        assert [one.latent for one in kept] == list(range(76))
        assert kept == kept_latents(memory, 80)
    assert (
        changed_memory(own, "newest=26").newest
        == whole_memory(changed_memory(own, "newest=26")).newest
    )
    for wrong in ("window=7", "window=x", "older=keep", "chunk=4", "newest=9", "window"):
        with pytest.raises(OpenRelicError):
            changed_memory(own, wrong)


ALBUM = Path(__file__).parents[2] / "docs/memory_exam.md"
DIES = """
import os, signal
def dying():
    model = load()
    def start(image, **_):
        if started.append(0) or len(started) > 4:  # in the second video
            os.kill(os.getpid(), signal.SIGKILL)
        return Album.start(model, image)
    started, model.start = [], start
    model.fingerprint = __file__ + ":load"
    return model
"""


@pytest.fixture
def folder(tmp_path: Path, room: PaintedRoom) -> Path:
    """Films of two tours, and the adapter that the documentation shows, as it stands there."""
    films = films_of(tmp_path)
    for name in {*films.tours, *MEASURED}:
        for place in range(2):
            tour = make_tour(name)
            make = partial(room.truth, name, f"tiny-{place}")
            cached_truth(
                films.path_of("tiny", place, tour), films.made_of("tiny", place, tour), make
            )
    code = ALBUM.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "adapter.py").write_text(code + DIES)
    return tmp_path


def films_of(folder: Path) -> Films:
    return Films(
        folder=folder / "films", view=View(width=WIDTH, height=HEIGHT), scenes=("tiny",), places=2,
        tours=("palindrome", "walk"),
    )  # fmt: skip


def test_the_documented_model_is_examined_and_a_killed_exam_goes_on(folder: Path) -> None:
    def settings(function: str) -> Settings:
        return Settings(
            system=(f"album={folder}/adapter.py:{function}",), scenes=("tiny",),
            tours=("palindrome", "walk"), films=f"{folder}/films", out=f"{folder}/out",
        )  # fmt: skip

    arguments = ["--tours", "palindrome", "--scenes", "tiny", "--films", f"{folder}/films"]
    command = [sys.executable, "-m", "training.exam", *arguments, "--out", f"{folder}/out"]
    killed = subprocess.run(
        [*command, "--system", f"album={folder}/adapter.py:dying"], capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (folder / "out/exam.parquet").exists()
    (kept,) = (folder / "out/records").iterdir()
    before = kept.stat().st_mtime_ns

    rows = run_exam(settings("load"))
    records = list((folder / "out/records").iterdir())
    assert len(records) == 4 and not list((folder / "out").rglob("*.part*"))
    assert kept.stat().st_mtime_ns == before
    by_key = {(row.exam, row.contender, row.group): row for row in rows if row.by != "metres"}
    # It shows what it was given: exactly, wherever a pan comes by the same degrees again.
    given = by_key["context", "model", "all"]
    assert given.mse == 0 and given.correlation == pytest.approx(1) and given.gain_db == np.inf
    assert by_key["context", "random memory", "all"].correlation < 0.4
    assert by_key["own", "frozen", "all"].moved == 0
    assert {row.group for row in rows if row.by == "tour"} == {"palindrome", "walk"}
    page = (folder / "out/exam.html").read_text()
    assert page.count("<img") == 4 and "perfect" in page and "palindrome" in page
    assert (folder / "out/exam.png").read_bytes().startswith(b"\x89PNG")
    frames = pq.read_table(folder / "out/frames.parquet")
    assert frames.num_rows == sum(row.returning for row in rows if row.by == "all")
    # And what it made itself, whether a slid picture passes for a pan or not.
    own = [one for one in frames.to_pylist() if (one["exam"], one["contender"]) == ("own", "model")]
    assert own and sum(one["squared"] for one in own) == 0

    with pytest.raises(OpenRelicError, match="two places are needed"):
        replace(films_of(folder), places=1).complete()
    with pytest.raises(OpenRelicError, match="one name"):
        run_exam(replace(settings("load"), system=settings("load").system * 2))


def test_a_student_is_examined_as_it_plays(
    tmp_path: Path, videos: dict[str, list[KnownVideo]], calibration: Calibration
) -> None:
    player = tiny_player(tmp_path)
    model, (video, other) = StudentModel(player=player, name="random"), videos["palindrome"]
    examiner = Examiner(
        model, calibration, past=past_frames_of(player.recipe.memory), coded=coder(player)
    )
    context, own = examiner.examine(video, other, MEAN, seed=3)
    assert context.given == 61 and len(context.shown["coded"]) == len(video)
    assert set(context.shown) - set(own.shown) == {"coded"}
    # Two models of the same weights and noise are one, and its noise is the seed's.
    stream = model.start(video.frames[0], caption=video.caption, seed=3)
    stream.remember(video.actions[:61], video.frames[:61])
    step = stream.step(video.actions[61:77])
    np.testing.assert_array_equal(step, context.shown["model"][61:77])
    assert (step != context.shown["random memory"][61:77]).mean() > 0.05
    assert (own.shown["model"][0] == video.frames[0]).all()
    assert not any(score.moved for score in own.scores if score.contender == "mean")


@pytest.mark.parametrize(("size", "side"), [((64, 32), 4), ((416, 240), 8), ((832, 480), 16)])
def test_cells_fill_the_picture(size: tuple[int, int], side: int) -> None:
    width, height = size
    assert cell_side(width, height) == side
    rays = cell_rays(np.array([50.0, 50.0, width / 2, height / 2]), width, height)
    assert rays.shape == (height // side, width // side, 3)
    np.testing.assert_allclose(rays[..., :2].mean((0, 1)), 0, atol=1e-12)
    assert to_pixels(np.ones(rays.shape[:2], bool), height).shape == (height, width)


def score(place: str, squared: float, frame: int = 0, contender: str = "model") -> FrameScore:
    return FrameScore(
        model="m", exam="context", contender=contender, kind="k", video=place, place=place,
        scene="s", frame=frame, moved=True, values=30, squared=squared, correlation=0.5,
        seconds_away=1.0, degrees_away=2.0, metres_away=0.0,
    )  # fmt: skip


def test_means_are_over_values_and_intervals_over_places() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(60):
        errors = rng.gamma(4.0, 25.0, 12)  # of places; their mean is 100 a value
        scores = [score(f"p{i}", 30 * error, n) for i, error in enumerate(errors) for n in (0, 1)]
        mean = mean_error(scores)
        assert mean.value == pytest.approx(errors.mean()) and (mean.places, mean.frames) == (12, 24)
        covered += mean.low <= 100 <= mean.high
    assert 48 <= covered <= 60
    assert np.isnan(mean_error([score("p", 3.0)]).low) and np.isnan(mean_error([]).value)
    own = [score("p", 100.0), score("q", 300.0), score("q", 7.0, frame=1)]
    strange = [score("p", 400.0), score("q", 1200.0)]
    assert error_ratio(strange, own).value == pytest.approx(4)
    rows = summarise([*own, *(replace(one, contender="random memory") for one in strange)])
    assert rows[0].gain_db == pytest.approx(10 * np.log10(4))
    assert rows[0].psnr_db == pytest.approx(10 * np.log10(255**2 / (407 / 90)))


def test_pictures_are_compared_where_it_counts() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.integers(0, 200, (8, 12, 3), np.uint8)
    counted = np.zeros((8, 12), bool)
    counted[:, :6] = True
    made = wanted + np.array([10, 20, 30], np.uint8)
    made[:, 6:] = 0
    found = score_frame(made, wanted, counted)
    assert (found.values, found.squared) == (144, 48 * (100 + 400 + 900))
    assert found.correlation == pytest.approx(1)
    noise = score_frame(rng.integers(0, 200, wanted.shape, np.uint8), wanted, counted)
    a, b = (np.concatenate([c - c.mean(0)]) for c in (made[counted] * 1.0, wanted[counted] * 1.0))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] == pytest.approx(1)
    assert abs(noise.correlation) < 0.3
    assert np.isnan(score_frame(made * 0, wanted, counted).correlation)


@pytest.mark.slow
def test_the_running_engine_is_perfect_and_forgetting_is_found_out(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.exam", "--check", "--scenes", "home:0"]
    subprocess.run([*command, "--tours", "palindrome", "--out", str(tmp_path)], check=True)
    rows = pq.read_table(tmp_path / "exam.parquet").to_pylist()
    found = {
        (row["model"], row["exam"]): row
        for row in rows
        if row["by"] == "all" and row["contender"] == "model"
    }
    for exam in ("context", "own"):
        perfect, lost = found["engine", exam], found["engine, forgetful", exam]
        assert perfect["mse"] == 0 and perfect["moved"] > 60
        assert lost["mse"] > 500 and lost["correlation"] < 0.6 and lost["gain_db"] < 0
