"""Plans: durations as in the paper, whole and repeatable; wrong wishes are answered in a line."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.tours.expectation import expected_shares
from capture.tours.planning import (
    ACTIONS_AT_ONCE,
    KINDS,
    MIN_TOUR_S,
    PAPER_MAX_S,
    WANTED_SHARES,
    PlanWish,
    make_plan,
    tour_durations_s,
)
from capture.tours.rows import (
    PlanRow,
    read_plan,
    rows_from_table,
    rows_to_table,
)
from capture.tours.scene_lists import SceneChoice
from capture.tours.starts import StartArea
from dataset.clip import FPS
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import PLAN, Workspace
from labeling.actions import ACTIONS

ROOT = Path(__file__).resolve().parents[2]
WISH = PlanWish(
    minutes=1750.0, seed=3, motion="both", rotation_frame="camera", clearance_cm=25.0, fov_deg=90.0
)


def scenes(count: int) -> list[SceneChoice]:
    return [
        SceneChoice(scene=f"/Game/Maps/v1.{number}", asset=f"pack-{number}", licence="CC0-1.0")
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def big_plan() -> list[PlanRow]:
    return make_plan(scenes(350), WISH)


def test_durations_have_the_shape_of_the_paper(big_plan: list[PlanRow]):
    seconds = np.array([row.frames for row in big_plan]) / FPS
    assert len(seconds) == 1400
    assert np.mean(seconds) == pytest.approx(75, abs=1)
    assert np.median(seconds) == pytest.approx(63, abs=2)
    assert PAPER_MAX_S - 2 < seconds.max() <= PAPER_MAX_S
    assert seconds.min() >= MIN_TOUR_S


@pytest.mark.parametrize(
    ("count", "minutes"), [(350, 1750.0), (5, 4.5), (1, 0.1), (3, 0.3), (2, 60.0), (4, 100.0)]
)
def test_the_minutes_asked_for_within_a_frame_a_tour(count: int, minutes: float):
    rows = make_plan(scenes(count), dataclasses.replace(WISH, minutes=minutes))
    frames = np.array([row.frames for row in rows])
    assert 0 <= frames.sum() - minutes * 60 * FPS <= len(rows)
    assert frames.min() >= MIN_TOUR_S * FPS and frames.max() <= np.ceil(PAPER_MAX_S * FPS)
    assert {row.scene for row in rows} == {scene.scene for scene in scenes(count)}


def test_tours_are_shared_out_evenly(big_plan: list[PlanRow]):
    _, tours = np.unique([row.scene for row in big_plan], return_counts=True)
    assert tours.min() == tours.max() == 4
    manners, counts = np.unique(
        [f"{row.kind} {row.motion}" for row in big_plan], return_counts=True
    )
    assert len(manners) == 2 * len(KINDS) and counts.max() - counts.min() <= 1
    # A scene does not get the same kind of tour every time, however many scenes there are.
    for count in (1, 2, 3, 4, 6):
        rows = make_plan(scenes(count), dataclasses.replace(WISH, minutes=count * 15.0))
        for scene in scenes(count):
            mine = [row for row in rows if row.scene == scene.scene]
            assert len({row.kind for row in mine}) > 1
            assert len({row.motion for row in mine}) > 1


def test_one_motion_only():
    rows = make_plan(scenes(2), dataclasses.replace(WISH, minutes=20.0, motion="walk"))
    assert {row.motion for row in rows} == {"walk"}
    assert {row.kind for row in rows} == set(KINDS)


def test_expected_shares_are_the_wanted_ones(big_plan: list[PlanRow]):
    wanted = np.array([WANTED_SHARES[action] for action in ACTIONS])
    assert expected_shares(big_plan) == pytest.approx(wanted, rel=0.05)
    for row in big_plan:
        assert row.kind != "recorded"
        assert sum(row.mix) == pytest.approx(ACTIONS_AT_ONCE[row.kind], abs=1e-3)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        rows = make_plan(scenes(7), dataclasses.replace(WISH, minutes=20.0, seed=seed))
        Workspace(tmp_path / name).write_table(PLAN, rows_to_table(rows))
    a, b, c = ((tmp_path / name / PLAN).read_bytes() for name in "abc")
    assert a == b != c


def test_tour_ids_are_unique_and_fit_to_be_keys(big_plan: list[PlanRow]):
    ids = [row.tour_id for row in big_plan]
    assert len(set(ids)) == len(ids)
    assert all(set(tour) <= set("abcdefghijklmnopqrstuvwxyzGM0123456789-") for tour in ids)
    assert ids[0].startswith("Game-Maps-v1-")


OTHER_VALUES = {
    "game": "x", "scene": "x", "asset": "x", "licence": "x", "seed": 1, "frames": 1,
    "kind": "?", "motion": "?",
    "rotation_frame": "level", "mix": (0.0,) * 13, "translation_m_s": 0.1, "rotation_deg_s": 0.1,
    "clearance_cm": 30.0, "fov_deg": 80.0, "pose_file": "poses/0.parquet",
    "starts": (StartArea(low_cm=(0.0, 0.0, 0.0), high_cm=(1.0, 1.0, 1.0), yaw_deg=None),),
}  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(PlanRow)])
def test_every_field_is_in_the_hash(big_plan: list[PlanRow], field: str):
    row = big_plan[0]
    other = dataclasses.replace(row, **{field: OTHER_VALUES[field]})
    assert other.row_hash != row.row_hash and other.tour_id != row.tour_id


def test_a_plan_is_read_as_it_was_written(big_plan: list[PlanRow], tmp_path: Path):
    workspace = Workspace(tmp_path)
    workspace.write_table(PLAN, rows_to_table(big_plan))
    assert read_plan(workspace) == big_plan


def test_an_edited_plan_is_refused(big_plan: list[PlanRow]):
    table = rows_to_table(big_plan[:3])
    at = table.column_names.index("clearance_cm")
    edited = table.set_column(at, "clearance_cm", pa.array([25.0, 5.0, 25.0]))
    with pytest.raises(OpenRelicError, match="not edited by hand.*capture.plan"):
        rows_from_table(edited, "plan.parquet")
    with pytest.raises(OpenRelicError, match="lacks the columns fov_deg"):
        rows_from_table(table.drop_columns(["fov_deg"]), "plan.parquet")


def test_a_missing_plan_names_the_command(tmp_path: Path):
    with pytest.raises(MissingInputError, match="python -m capture.plan"):
        read_plan(Workspace(tmp_path))


def test_too_few_minutes_say_how_many_are_needed():
    with pytest.raises(OpenRelicError, match="give --minutes 1.0 or more"):
        tour_durations_s(10, 0.5)
    assert len(tour_durations_s(10, 1.0)) == 10


SCENE_LIST = """
- scene: /Game/Maps/Flat
  asset: flat
  licence: CC0-1.0
  ai_training: true
- scene: /Game/Maps/Yard
  asset: yard
  licence: CC0-1.0
  ai_training: true
"""


def plan(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "capture.plan", str(workspace), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.fixture
def scene_list(tmp_path: Path) -> Path:
    path = tmp_path / "scenes.yaml"
    path.write_text(SCENE_LIST)
    return path


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (None, ["--minutes", "0.1"], "0.1 minutes are too few for 2 scenes"),
        (None, ["--minutes", "-1"], "--minutes is -1"),
        (None, ["--minutes", "nan"], "--minutes is nan"),
        (None, ["--minutes", "1", "--fov-deg", "180"], "5 to 170"),
        (None, ["--minutes", "1", "--clearance-cm", "0"], "1 to 1000"),
        (None, ["--minutes", "many"], "minutes"),
        (("ai_training: true", "ai_training: false"), ["--minutes", "1"], "does not allow AI"),
        (("licence: CC0-1.0", "license: CC0-1.0"), ["--minutes", "1"], "licence, scene are needed"),
        ((SCENE_LIST, "{}"), ["--minutes", "1"], "must be a list of scenes"),
        ((SCENE_LIST, "[}"), ["--minutes", "1"], "neither a number nor a readable YAML"),
        (("/Game/Maps/Yard", "/Game/Maps/Flat"), ["--minutes", "1"], "/Game/Maps/Flat twice"),
    ],
)
def test_wrong_wishes_are_answered_in_one_line(
    tmp_path: Path, scene_list: Path, change: tuple[str, str] | None, arguments: list[str],
    message: str,
):  # fmt: skip
    if change is not None:
        scene_list.write_text(SCENE_LIST.replace(*change))
    ended = plan(tmp_path / "ws", "--scenes", str(scene_list), *arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1
    assert message in ended.stderr
    assert not (tmp_path / "ws" / PLAN).exists()


@pytest.mark.parametrize("wanted", ["several", "0", "-3", "2.5", "999999"])
def test_scenes_are_a_number_or_a_file(tmp_path: Path, wanted: str):
    ended = plan(tmp_path / "ws", f"--scenes={wanted}", "--minutes", "5")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "--scenes" in ended.stderr


def test_a_second_plan_never_replaces_the_first_unasked(tmp_path: Path, scene_list: Path):
    workspace = tmp_path / "ws"
    wish = ["--scenes", str(scene_list), "--minutes", "2"]
    assert plan(workspace, *wish).returncode == 0
    assert (workspace / "report" / "plan.html").exists()
    first = (workspace / PLAN).read_bytes()
    assert plan(workspace, *wish).returncode == 0
    refused = plan(workspace, *wish, "--seed", "1")
    assert refused.returncode == 1 and "--replace" in refused.stderr
    assert (workspace / PLAN).read_bytes() == first
    assert plan(workspace, *wish, "--seed", "1", "--replace").returncode == 0
    assert (workspace / PLAN).read_bytes() != first
    table = pq.read_table(workspace / PLAN)
    assert sum(table["frames"].to_pylist()) >= 2 * 60 * FPS
