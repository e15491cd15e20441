"""Parts of the evaluation: tasks, intervals, control, and what other packages are asked."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS
from labeling.camera import poses_from_extrinsics
from tests.capture.serving import Served
from training.evaluate import perceptual
from training.evaluate import vbench_scores as vbench
from training.evaluate.control import Control, Reading, axis_of, control_groups, read_motion
from training.evaluate.control_page import control_html
from training.evaluate.estimators import Path as FoundPath
from training.evaluate.planning import _grouped
from training.evaluate.rendering import SHORTER, SceneRenderer, View
from training.evaluate.scoring import Score, commanded_path
from training.evaluate.scripts import SCRIPTS, script_of, scripts_of
from training.evaluate.table import failures, interval, summaries
from training.evaluate.tasks import Task, paired, play_rows, script_keys, write_task
from training.evaluate.trajectory import score_path
from training.evaluate.truths import Filming, Films
from training.evaluate.videos import write_picture


def test_scripts_for_other_systems_are_the_scripts(tmp_path: Path) -> None:
    for script in SCRIPTS:
        task = Task(name=script.name, picture="p", script=script, image=None)
        write_task(task, tmp_path)
        text = (tmp_path / f"{script.name}.yaml").read_text()
        (tmp_path / "all.yaml").write_text(f"{script.name}:\n  " + text.replace("\n", "\n  "))
        (back,) = scripts_of(tmp_path / "all.yaml")
        np.testing.assert_allclose(back.rows, script.rows, atol=1e-6)
    assert script_keys(SCRIPTS[3].rows).startswith("pan_right*144,static*14,pan_left*144")


def test_rows_beyond_a_script_are_static() -> None:
    rows = play_rows(SCRIPTS[3], 2.0, 400)
    assert rows.shape == (400, 13) and (rows[317:, 12] == 1).all() and not rows[317:, :12].any()
    np.testing.assert_allclose(rows[1, 9], 1.25 / 2)


def test_pictures_fall_into_as_many_groups_as_there_are_scripts(tmp_path: Path) -> None:
    for number in range(7):
        write_picture(tmp_path / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    (tmp_path / "3.txt").write_text("a kitchen\n")
    scripts = SCRIPTS[:3]
    tasks = paired(tmp_path, scripts, 9, every=False)
    assert [task.script.name for task in tasks] == [scripts[n % 3].name for n in range(7)]
    assert [task.caption for task in tasks] == ["", "", "", "a kitchen", "", "", ""]
    assert tasks[5].image is not None and (tasks[5].image == 5).all()
    assert len(paired(tmp_path, scripts, 2, every=False)) == 6
    assert len(paired(tmp_path, scripts, 9, every=True)) == 21
    assert len({task.digest for task in paired(tmp_path, scripts, 9, every=True)}) == 21
    write_picture(tmp_path / "3.jpg.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "3.jpg.png").rename(tmp_path / "3.jpg")
    with pytest.raises(OpenRelicError, match="two pictures named '3'"):
        paired(tmp_path, scripts, 9, every=False)


def test_scripts_of_equal_rows_are_one_and_equal_names_are_told_apart() -> None:
    def task(name: str, keys: str) -> Task:
        return Task(name=name, picture=name, script=script_of(name, keys), image=None)

    known = [script_of("dolly", "W*8"), script_of("pan", "left*8")]
    own = {
        "a": [task("dolly", "S*8"), task("forth", "W*8"), task("back", "S*8")],
        "b": [task("dolly", "R*8"), task("dolly-a", "F*8")],
    }
    found = _grouped(own, known)
    assert [one.script.name for one in found["a"]] == ["dolly-a", "dolly", "dolly-a"]
    assert [one.script.name for one in found["b"]] == ["dolly-b", "dolly-a-b"]
    for system, tasks in own.items():
        for before, after in zip(tasks, found[system], strict=True):
            np.testing.assert_array_equal(before.script.rows, after.script.rows)
            assert before.name == after.name


def a_score(system: str, picture: str, script: str, value: float | None) -> Score:
    values: dict[str, float | None] = {"psnr_db": value, "failed": float(value is None)}
    return Score(
        system=system, task=f"{picture}--{script}", picture=picture, script=script, frames=9,
        width=8, height=8, unit_m=None, values=values, psnr_curve_db=[],
    )  # fmt: skip


def test_means_are_over_pictures_and_intervals_are_the_bootstrap_s() -> None:
    random = np.random.default_rng(0)
    values = random.gamma(2.0, 3.0, 24)
    scores = [a_score("x", f"{n}", "pan", float(v)) for n, v in enumerate(values)]
    # A picture with two videos is one picture: its mean counts once.
    scores += [a_score("x", "0", "tilt", float(values[0]) + 8), a_score("x", "9", "tilt", None)]
    pan, both = (
        next(one for one in summaries(scores) if (one.script, one.metric) == (script, "psnr_db"))
        for script in ("pan", "all")
    )
    assert (pan.mean, pan.pictures) == (pytest.approx(values.mean()), 24)
    assert (both.mean, both.videos) == (pytest.approx((values.sum() + 4) / 24), 25)
    plain = values.mean() + stats.sem(values) * stats.t.ppf([0.025, 0.975], 23)
    assert pan.low is not None and pan.low == pytest.approx(plain[0], abs=0.6)
    # A long tail to the right: the interval is not symmetric, as a normal one would be.
    assert pan.high is not None and pan.high - pan.mean > pan.mean - pan.low > 0
    assert failures(scores, "x") == (1, 26) and failures(scores, "x", "pan") == (0, 24)
    assert interval([1.0, 2.0]) == (None, None) and interval([2.0] * 5) == (2.0, 2.0)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(60):
        low, high = interval(random.normal(5.0, 2.0, 20).tolist())
        assert low is not None and high is not None
        hits += low <= 5.0 <= high
    assert 50 <= hits <= 60


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("engine"))
    filming = Filming(
        view=View(width=128, height=64), unit_m=0.01, rotation_frame="camera",
        engine=f"127.0.0.1:{served.port}",
    )  # fmt: skip
    yield Films(folder=tmp_path_factory.mktemp("films"), filming=filming)
    served.stop()


def test_speed_and_pairs_are_read_from_the_engine_s_own_films(films) -> None:
    groups = control_groups(frozenset({"dolly_in", "pan_right"}))
    assert [[one.name for one in group] for group in groups] == [
        ["dolly_in x1", "dolly_in x2", "dolly_in x3"],
        ["pan_right x1", "pan_right x2", "pan_right x3"],
        ["dolly_in+pan_right x1"],
    ]
    tasks = films.control_tasks(films.control_shots(groups, ["tiny"]))
    assert {task.picture for task in tasks} == {"tiny"} and len(tasks) == 7
    readings = []
    for task in tasks:
        truth = films.truth(task)
        still = np.repeat(truth.frames[:1], len(truth.frames), axis=0)
        for system, frames in (("engine", truth.frames), ("still", still)):
            motion = read_motion(frames, truth, task.script.gamma)
            unit = np.array([1, 1, 1, 1.25, 1.25, 1.25])
            shares = tuple(float((motion / unit)[axis_of(one)]) for one in task.script.held)
            readings.append(
                Reading(
                    system=system, picture=task.picture, held=task.script.held,
                    gamma=task.script.gamma, shares=shares,
                )
            )  # fmt: skip
    control = Control(readings=readings)
    assert control.systems == ["still", "engine"]
    for motion in ("dolly_in", "pan_right"):
        slope, still = control.slope("engine", [motion]), control.slope("still", [motion])
        assert slope is not None and slope[0] == pytest.approx(1.0, abs=0.2)
        assert still is not None and abs(still[0]) < 0.02
    assert control.both("engine") == (1, 1) and control.both("still") == (0, 1)
    pairs = control.pairs("engine")
    at = ACTIONS.index("dolly_in"), ACTIONS.index("pan_right")
    assert pairs[at] == pairs[at[::-1]] > 0.5 and np.isfinite(pairs).sum() == 4
    page = control_html(control)
    assert page.count("<svg") == 3 and "both followed in 1 of 1 videos" in page


@pytest.mark.parametrize("frame", ["camera", "level"])
def test_the_commanded_path_is_the_one_that_the_engine_filmed(films, frame) -> None:
    filming = replace(films.filming, rotation_frame=frame)
    there = Films(folder=films.folder / frame, filming=filming)
    script = script_of("winding", "down*12,W+right*10,D+left+C*8,R*4")
    (task,) = there.tasks(there.shots([script], ["tiny"], 1))
    camera = there.truth(task).camera_from_world
    R, position = poses_from_extrinsics(camera)
    known = FoundPath(R_cam_from_world=R, position=position, tracked=np.ones(len(R), bool))
    scores = score_path(known, *commanded_path(task, len(R), frame))
    # What is left is the rounding of poses to 0.001 cm and degrees.
    assert scores.rpe_translation is not None and scores.rpe_translation < 0.01
    assert scores.rpe_rotation_deg is not None and scores.rpe_rotation_deg < 0.003
    other = commanded_path(task, len(R), "level" if frame == "camera" else "camera")
    assert (score_path(known, *other).rpe_rotation_deg or 0) > 0.03


def test_steps_are_shorter_where_the_scene_has_no_room(films, tmp_path) -> None:
    wide = Films(folder=tmp_path, filming=replace(films.filming, unit_m=0.5))
    scripts = [script_of("far", "W*12,D*8"), script_of("near", "W*3")]
    far, near = wide.tasks(wide.shots(scripts, ["tiny"], 1))
    assert near.unit_m == 0.5 and far.unit_m in (0.35, 0.25, 0.175, 0.125)
    assert not wide.close
    truth = wide.truth(far)
    R, position = poses_from_extrinsics(truth.camera_from_world)
    steps_m = np.linalg.norm(np.diff(position, axis=0), axis=1)
    np.testing.assert_allclose(steps_m, far.unit_m, atol=2e-5)  # poses are rounded to 0.001 cm
    # No start had room for the next longer step: the whole way is not clear from any.
    longer = SHORTER[SHORTER.index(round(far.unit_m / 0.5, 6)) - 1] * 0.5
    with SceneRenderer.open("tiny", films.filming.view, engine=films.filming.engine) as renderer:
        start = renderer.choose_start([scripts[0].rows], unit_m=longer, seed=1)
    assert truth.clear and not start.clear
    # Errors are in steps of the film's own.
    known = FoundPath(R_cam_from_world=R, position=position, tracked=np.ones(len(R), bool))
    scores = score_path(known, *commanded_path(far, len(R), "camera"))
    assert scores.scale == pytest.approx(1 / far.unit_m, rel=1e-4)
    assert scores.rpe_translation is not None and scores.rpe_translation < 1e-3
    write_task(far, tmp_path)
    assert f"{far.unit_m:g} m" in (tmp_path / f"{far.name}.yaml").read_text()


def test_axes_of_motions_are_those_of_signed_motion() -> None:
    names = ("dolly_in", "truck_left", "pedestal_up", "pan_left", "tilt_down", "roll_cw")
    assert [axis_of(name) for name in names] == [0, 1, 2, 3, 4, 5]


def test_what_vbench_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE_DIR", str(tmp_path))
    assert "--vbench names the Python" in str(vbench.vbench_problem(""))
    assert "weights are not there" in str(vbench.vbench_problem(sys.executable))
    for name in vbench.WEIGHTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert "cannot be started" in str(vbench.vbench_problem(str(tmp_path / "python")))
    assert "cannot import vbench" in str(vbench.vbench_problem(sys.executable))


# Writes what vbench 0.1.5 writes: a stand-in, as the real one needs its weights.
STAND_IN = """
import json
class VBench:
    def __init__(self, device, full_info, out): self.out = out
    def evaluate(self, videos_path, name, dimension_list, local, mode):
        assert (mode, local) == ("custom_input", True)
        rows = lambda k: [{"video_path": f"{videos_path}/{v}.mp4", "video_results": x * k}
                          for v, x in (("a", 0.5), ("b", True))]
        found = {d: [0.75, rows(100 if d == "imaging_quality" else 1)] for d in dimension_list}
        json.dump(found, open(f"{self.out}/{name}_eval_results.json", "w"))
"""


def test_vbench_runs_in_its_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vbench").mkdir()
    (tmp_path / "vbench/__init__.py").write_text(STAND_IN)
    (tmp_path / "torch.py").write_text(
        "class cuda:\n    is_available = staticmethod(lambda: False)\ndevice = str\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = vbench.vbench_scores(sys.executable, tmp_path / "videos", tmp_path / "out")
    assert set(found) == {*vbench.DIMENSIONS, "average"}
    assert found["average"] == {"a": 0.5, "b": 1.0} == found["imaging_quality"]
    assert json.loads((tmp_path / "out/scores.json").read_text())["imaging_quality"]["b"] == 100
    (tmp_path / "vbench/__init__.py").write_text("raise RuntimeError('broken')")
    again = vbench.vbench_scores(sys.executable, tmp_path / "videos", tmp_path / "out")
    assert again == found  # videos that have not changed are not scored again
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/c.mp4").touch()
    with pytest.raises(OpenRelicError, match="exit code 1"):
        vbench.vbench_scores(sys.executable, tmp_path / "videos", tmp_path / "out")


def test_lpips_asks_for_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert "lpips" in str(perceptual.lpips_problem()) or "AlexNet" in str(
        perceptual.lpips_problem()
    )
