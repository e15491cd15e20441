"""The command on a tiny workspace: labels, report, second run, and one-line errors."""

import re
import subprocess
import sys

import numpy as np
import pytest

from dataset.clip import VIDEO
from dataset.errors import OpenRelicError, run_command
from dataset.workspace import Workspace
from labeling import label_workspace as label_workspace_module
from labeling import poses_to_actions as command
from labeling.actions import Thresholds
from labeling.camera import ue_to_camera
from labeling.label_workspace import label_workspace
from labeling.section import SAMPLES, eventful_sample, pick_samples
from labeling.store import read_labels
from tests.labeling.paths import commit_clip, printed, smooth_ue

FRAMES = 12


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    workspace = Workspace(tmp_path / "ws")
    for seed, scene in enumerate(["room", "room", "hall"]):
        location_cm, rotation_deg = smooth_ue(FRAMES, seed)
        commit_clip(
            workspace,
            f"tour-{seed}",
            printed(location_cm),
            printed(rotation_deg),
            scene=scene,
            rotation_frame="level" if seed == 2 else "camera",
        )
    return workspace


def run(workspace: Workspace, **options) -> int:
    label_set = options.get("set", "default")
    return label_workspace(workspace, label_set, options.get("thresholds", Thresholds()))


def files(workspace: Workspace) -> dict[str, tuple[int, bytes]]:
    root = workspace.local_root
    assert root is not None
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_labels_and_report_are_written(workspace):
    assert run(workspace) == 3
    actions = read_labels(workspace, "default", "tour-1")
    assert actions.values.shape == (FRAMES, 13) and actions.rotation_frame == "camera"
    level = read_labels(workspace, "default", "tour-2")
    assert level.rotation_frame == "level"
    yaw_deg = printed(smooth_ue(FRAMES, 2)[1])[:, 1]
    np.testing.assert_allclose(
        level.values[1:, 9] - level.values[1:, 8], np.diff(yaw_deg), atol=1e-9
    )
    report = workspace.read_bytes("report/labels.html").decode()
    assert report.count("<video") == 3 and report.count("<svg") == 1
    assert "3 clips, 36 frames" in report and "pedestal_down" in report
    active = np.concatenate(
        [read_labels(workspace, "default", f"tour-{i}").active for i in range(3)]
    )
    row = re.search(r"<td>dolly_in</td><td>w</td><td>([\d.]+) %", report)
    assert row is not None
    assert float(row[1]) == pytest.approx(100 * active[:, 0].mean(), abs=0.05)


def test_only_what_is_stale_is_labelled_again(workspace):
    run(workspace)
    commit_clip(workspace, "tour-0", *smooth_ue(FRAMES, 9), attempt="a0", retries=1)
    workspace.write_bytes("labels/default/tour-1.parquet", b"PAR1 cut short")
    thresholds = Thresholds(rotation_on_deg=1.0)
    assert run(workspace) == 2
    assert run(workspace, thresholds=thresholds) == 3
    assert read_labels(workspace, "default", "tour-1").thresholds == thresholds


def test_sets_stand_side_by_side_and_a_second_run_changes_nothing(workspace):
    run(workspace)
    assert run(workspace, set="loose", thresholds=Thresholds(translation_on=0.5)) == 3
    assert workspace.list_names("labels") == ["default", "loose"]
    assert b"Set <b>loose</b>" in workspace.read_bytes("report/labels.html")
    assert run(workspace) == 0
    assert b"Set <b>default</b>" in workspace.read_bytes("report/labels.html")
    before = files(workspace)
    assert run(workspace) == 0
    assert files(workspace) == before


def test_a_clip_whose_video_is_gone_still_has_labels(workspace):
    root = workspace.local_root
    assert root is not None
    (root / "clips/tour-0/a0" / VIDEO).unlink()
    assert run(workspace) == 3
    assert workspace.read_bytes("report/labels.html").count(b"<video") == 2


def test_no_clips_is_one_line_with_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["label", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        run_command(command.main)
    lines = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 1 and len(lines) == 1
    assert "python -m capture.run" in lines[0]


@pytest.mark.parametrize("arguments", [["--set", "a.b"], ["--sett", "x"], []])
def test_wrong_arguments_are_one_line(workspace, capsys, monkeypatch, arguments):
    place = [workspace.location] if arguments else []
    monkeypatch.setattr(sys, "argv", ["label", *place, *arguments])
    with pytest.raises(SystemExit) as stop:
        run_command(command.main)
    assert stop.value.code == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not workspace.exists("labels")


def test_a_clip_that_level_cannot_label_is_named(workspace):
    location_cm, rotation_deg = smooth_ue(FRAMES, 5)
    rotation_deg[3] = [90.0, 0.0, 0.0]
    commit_clip(workspace, "tour-9", location_cm, rotation_deg, rotation_frame="level")
    with pytest.raises(OpenRelicError, match="clip tour-9: .*frame 3"):
        run(workspace)


def test_labels_that_do_not_integrate_are_never_written(workspace, monkeypatch):
    monkeypatch.setattr(label_workspace_module, "TOLERANCE_M", 0.0)
    with pytest.raises(OpenRelicError, match="clip tour-0: its labels integrate to poses"):
        run(workspace)
    assert not workspace.exists("labels/default/tour-0.parquet")


def test_samples_are_eventful_and_spread_over_scenes(tmp_path):
    workspace = Workspace(tmp_path)
    clips = [commit_clip(workspace, f"t{i}", *smooth_ue(4, i), scene="ab"[i > 5]) for i in range(7)]
    location_cm = np.zeros((400, 3))
    location_cm[200:230, 0] = 10.0 * np.arange(30)
    location_cm[230:, :] = location_cm[229]
    actions = command.poses_to_actions(*ue_to_camera(location_cm, np.zeros((400, 3))))
    sample = eventful_sample(clips[0], actions)
    assert sample.start % 16 == 0 and sample.start <= 200 and sample.start + 128 >= 230
    assert sample.actions_seen == 2  # dolly in, and static
    picked = pick_samples([eventful_sample(clip, actions) for clip in clips])
    assert len(picked) == SAMPLES
    assert [sample.clip.tour_id for sample in picked] == ["t0", "t6", "t1", "t2"]


def test_nothing_heavy_is_imported_before_help():
    heavy = "scipy", "cv2", "av", "matplotlib", "tqdm", "torch", "ray"
    code = f"import sys, labeling.poses_to_actions; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_runs():
    done = subprocess.run(
        [sys.executable, "-m", "labeling.poses_to_actions", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "--thresholds.translation-on" in done.stdout
