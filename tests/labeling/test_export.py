"""Pose files through the two commands, as a user runs them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataset.workspace import Workspace
from labeling.actions import ACTIONS, Thresholds
from labeling.camera import ue_to_camera
from labeling.formats import read_poses
from labeling.label_workspace import label_workspace
from labeling.store import actions_from_table, read_labels
from tests.labeling.paths import commit_clip, printed, smooth_ue

FRAMES = 30


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("ws"))
    for seed in range(2):
        location_cm, rotation_deg = smooth_ue(FRAMES, seed)
        commit_clip(made, f"tour-{seed}", printed(location_cm), printed(rotation_deg))
    label_workspace(made, "default", Thresholds())
    return made


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_labels_of_an_exported_clip_are_the_clips_labels(workspace: Workspace, tmp_path: Path):
    out = tmp_path / "transforms.json"
    done = run("labeling.export", workspace.location, "tour-1", "--format", "nerfstudio", "--out",
               out)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    done = run("labeling.poses_to_actions", out)
    assert done.returncode == 0 and "30 frames" in done.stderr, done.stderr
    labels = tmp_path / "transforms.json.actions.parquet"
    actions, metadata = actions_from_table(pq.read_table(labels), str(labels), "")
    assert metadata["source"] == "transforms.json" and len(metadata["source_sha256"]) == 64
    clip = read_labels(workspace, "default", "tour-1")
    np.testing.assert_allclose(actions.values, clip.values, atol=1e-9)
    assert actions.unit_m == pytest.approx(clip.unit_m, rel=1e-12)


def test_all_clips_into_models_and_one_of_them_labelled(workspace: Workspace, tmp_path: Path):
    done = run(
        "labeling.export", workspace.location, "all", "--format", "colmap", "--out", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tour-0", "tour-1"]
    location_cm, rotation_deg = smooth_ue(FRAMES, 0)
    _, P = ue_to_camera(printed(location_cm), printed(rotation_deg))
    found = read_poses(tmp_path / "tour-0")
    np.testing.assert_allclose(found.position_m, P, atol=1e-9)
    assert found.intrinsics is not None
    out = tmp_path / "out.parquet"
    done = run("labeling.poses_to_actions", tmp_path / "tour-0", "--out", out)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(out).column_names == list(ACTIONS)


def test_one_format_becomes_another(tmp_path: Path):
    source = tmp_path / "path.kitti"
    source.write_text("1 0 0 0 0 1 0 0 0 0 1 0\n0 0 1 0 0 1 0 0 -1 0 0 0.5\n")
    out = tmp_path / "path.tum"
    done = run("labeling.export", source, "--format", "tum", "--fps", "8", "--out", out)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(read_poses(out).time_s, [0, 0.125])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{w}", "--format", "tum"], "name a clip's tour id"),
        (["{w}", "tour-9", "--format", "tum"], "no committed clip 'tour-9'"),
        (["{w}", "tour-0", "--format", "blender"], "allowed are tum, kitti"),
        (["{w}/nothing", "--format", "tum"], "does not exist"),
        (["{w}/plan.txt", "--format", "tum", "--fps", "0"], "--fps is 0"),
    ],
)
def test_a_mistake_is_one_line(
    workspace: Workspace, tmp_path: Path, arguments: list[str], says: str
):
    out = tmp_path / "out"
    filled = [argument.format(w=workspace.location) for argument in arguments]
    done = run("labeling.export", *filled, "--out", out)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ") and says in done.stderr
    assert not out.exists()


def test_format_of_a_workspace_is_refused(workspace: Workspace):
    done = run("labeling.poses_to_actions", workspace.location, "--format", "tum")
    assert done.returncode == 1 and "no pose file" in done.stderr
