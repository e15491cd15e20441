"""What evaluation keeps: a mere restart finds it, and whatever it depends on makes it anew."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset.errors import OpenRelicError
from labeling.camera import extrinsics
from labeling.formats import Trajectory, write_poses
from training.evaluate.estimators import make_estimator
from training.evaluate.films import EngineTruth, cached_opening, cached_truth, is_film
from training.evaluate.planning import _check_room
from training.evaluate.scoring import Scorer
from training.evaluate.scripts import script_of
from training.evaluate.tasks import Task

FRAMES = np.random.default_rng(0).integers(0, 256, (9, 32, 48, 3), np.uint8)
TASK = Task(
    name="walk", picture="p", script=script_of("walk", "W*8"), image=FRAMES[0], film="one"
)  # fmt: skip
POSES = np.tile(np.eye(3), (9, 1, 1)), np.linspace([0.0, 0, 0], [1.0, 0, 0], 9)


def scorer(folder: Path, estimator: str = "opencv") -> Scorer:
    return Scorer(
        estimator_of=lambda _: make_estimator(estimator), rotation_frame="camera", fov_deg=90.0,
        folder=folder,
    )  # fmt: skip


@pytest.mark.parametrize(
    "version",
    [
        "estimators.odometry.ODOMETRY_VERSION", "scoring.PATHS_VERSION", "scoring.SEEN_VERSION",
        "scoring.QUALITY_VERSION", "scoring.SCORES_VERSION",
    ],
)  # fmt: skip
def test_a_score_is_kept_until_what_computed_it_changes(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = scorer(tmp_path).score("x", TASK, FRAMES, None, "video")
    again = scorer(tmp_path)
    assert again.kept("x", TASK, "video") == score
    monkeypatch.setattr(f"training.evaluate.{version}", 99)
    assert again.kept("x", TASK, "video") is None
    monkeypatch.undo()
    assert again.kept("x", TASK, "video") == score
    assert again.kept("x", TASK, "another video") is None
    assert again.kept("x", replace(TASK, film="two"), "video") is None
    assert replace(again, lpips=lambda a, b: a).kept("x", TASK, "video") is None


def write(path: Path, scale: float) -> None:
    R, position = POSES
    write_poses(path, Trajectory(R_cam_from_world=R, position_m=scale * position), "kitti")


def test_another_trajectory_file_is_scored_again(tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    write(tmp_path / "found/walk.kitti", 1.0)
    one = scorer(tmp_path / "scores", f"trajectories:{tmp_path / 'found'}")
    score = one.score("x", TASK, FRAMES, None, "video")
    assert one.kept("x", TASK, "video") == score
    write(tmp_path / "found/walk.kitti", 2.0)
    assert one.kept("x", TASK, "video") is None
    write(tmp_path / "found/walk.kitti", 1.0)
    assert one.kept("x", TASK, "video") == score


def film(unit_m: float = 0.1, depth_cm: float = 100.0) -> EngineTruth:
    return EngineTruth(
        frames=FRAMES, depth_cm=np.full(FRAMES.shape[:3], depth_cm, np.float16),
        camera_from_world=extrinsics(*POSES), intrinsics=np.array([24.0, 24, 24, 16]),
        unit_m=unit_m, scene="s", caption="", clear=True,
    )  # fmt: skip


def test_a_film_is_kept_until_films_are_made_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, made_of = tmp_path / "film.npz", {"scene": "s", "size": (48, 32)}
    kept = cached_truth(path, made_of, film)
    assert cached_truth(path, made_of, pytest.fail).digest == kept.digest != ""
    np.testing.assert_array_equal(cached_truth(path, made_of, pytest.fail).frames, FRAMES)
    opening = cached_opening(path, made_of, pytest.fail)
    np.testing.assert_array_equal(opening.frames, FRAMES[:1])
    assert opening.depth_cm is None and opening.digest == kept.digest
    assert not is_film(path, {**made_of, "size": (48, 30)})
    monkeypatch.setattr("training.evaluate.films.FILM_VERSION", 99)
    assert not is_film(path, made_of)
    # The pictures are the same, and yet it is another film to whoever scores with it.
    others = [cached_truth(tmp_path / f"{n}.npz", {}, make).digest for n, make in enumerate(
        (film, lambda: film(unit_m=0.07), lambda: film(depth_cm=90.0))
    )]  # fmt: skip
    assert others[0] == kept.digest and len(set(others)) == 3


def test_a_film_of_before_versions_is_of_the_first_and_a_broken_one_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.npz"
    facts = {name: value for name, value in vars(film()).items() if name != "digest"}
    np.savez(path, made_of=np.array(json.dumps({"scene": "s"})), **facts)
    assert is_film(path, {"scene": "s"})
    for read in (cached_truth, cached_opening):
        found = read(path, {"scene": "s"}, pytest.fail)
        assert found.digest == "" and (found.frames[0] == FRAMES[0]).all()
    monkeypatch.setattr("training.evaluate.films.FILM_VERSION", 2)
    assert not is_film(path, {"scene": "s"})
    path.write_bytes(path.read_bytes()[:1000])
    assert not is_film(path, {"scene": "s"})


def test_films_that_the_disk_cannot_hold_are_refused_before_they_are_made(tmp_path: Path) -> None:
    _check_room(tmp_path / "truth", 1000)
    with pytest.raises(OpenRelicError, match="need 1000000000.0 GB"):
        _check_room(tmp_path / "truth", 10**18)
