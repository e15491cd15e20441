"""The LeRobot export: by its own words, and read by LeRobot where that is installed."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dataset.clip import VIDEO, read_clip
from dataset.errors import MissingInputError, OpenRelicError
from dataset.export_lerobot import main
from dataset.lerobot.episodes import covered_runs
from dataset.shards.manifest import read_manifest
from dataset.video import probe, read_frames
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, integrate
from labeling.camera import poses_from_extrinsics
from tests.dataset.scenes import tree

CAMERA = "observation.images.camera"


def export(workspace: Workspace, out: Path) -> None:
    with mock.patch.object(sys, "argv", ["export", workspace.location, str(out)]):
        main()


@pytest.fixture(scope="module")
def exported(built: Workspace, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("lerobot") / "out"
    export(built, out)
    return out


def tables(out: Path) -> list[dict[str, np.ndarray]]:
    found = []
    for path in sorted(out.glob("data/*/*.parquet")):
        table = pq.read_table(path)
        found.append({name: np.array(table[name].to_pylist()) for name in table.column_names})
    return found


def test_info_and_episodes_agree_with_the_files(built: Workspace, exported: Path) -> None:
    info = json.loads((exported / "meta/info.json").read_text())
    episodes = pq.read_table(exported / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert (info["codebase_version"], info["fps"]) == ("v3.0", 16)
    assert info["total_episodes"] == len(episodes) == 3
    assert info["total_frames"] == sum(episode["length"] for episode in episodes)
    split_of = {row.asset: row.split for row in read_manifest(built)}
    index = 0
    for number, episode in enumerate(episodes):
        place = {"chunk_index": episode["data/chunk_index"], "file_index": number}
        table = pq.read_table(exported / info["data_path"].format(**place))
        video = exported / info["video_path"].format(video_key=CAMERA, **place)
        found = probe(video)
        assert (found.frames, found.fps) == (episode["length"], 16)
        assert len(table) == episode["length"]
        assert table["index"].to_pylist() == list(range(index, index + len(table)))
        assert (episode["dataset_from_index"], episode["dataset_to_index"]) == (
            index, index + len(table),
        )  # fmt: skip
        index += len(table)
        assert episode["split"] == split_of[episode["asset"]]
        first, end = map(int, info["splits"][episode["split"]].split(":"))
        assert first <= number < end


def test_frames_are_the_clips(built: Workspace, exported: Path) -> None:
    episodes = pq.read_table(exported / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    for number, episode in enumerate(episodes):
        clip = read_clip(built, episode["tour"])
        assert clip is not None
        path = Path(built.location, clip.path(VIDEO))
        theirs = list(read_frames(exported / f"videos/{CAMERA}/chunk-000/file-{number:03d}.mp4"))
        ours = list(read_frames(path, episode["first_frame"], episode["length"]))
        np.testing.assert_array_equal(theirs, ours)


def test_an_action_leads_to_the_next_frame(exported: Path) -> None:
    episodes = pq.read_table(exported / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    for table, episode in zip(tables(exported), episodes, strict=True):
        R, P = poses_from_extrinsics(table["observation.state"].reshape(-1, 3, 4))
        actions = table["action"]
        assert actions[-1].tolist() == [0] * 12 + [1]
        R_found, P_found = integrate(
            np.vstack([actions[-1:], actions[:-1]]), R[0], P[0], unit_m=episode["unit_m"],
            unit_deg=episode["unit_deg"], rotation_frame=episode["rotation_frame"],
        )  # fmt: skip
        np.testing.assert_allclose(P_found, P, atol=1e-4)
        np.testing.assert_allclose(R_found, R, atol=1e-4)


def test_statistics_are_those_of_the_frames(exported: Path) -> None:
    stats = json.loads((exported / "meta/stats.json").read_text())
    actions = np.concatenate([table["action"] for table in tables(exported)])
    assert stats["action"]["count"] == [len(actions)]
    np.testing.assert_allclose(stats["action"]["mean"], actions.mean(0), atol=1e-6)
    np.testing.assert_allclose(stats["action"]["std"], actions.std(0), atol=1e-6)
    np.testing.assert_allclose(stats["action"]["max"], actions.max(0))
    mean = np.array(stats[CAMERA]["mean"])
    assert mean.shape == (3, 1, 1) and (mean > 0.2).all() and (mean < 0.8).all()


def test_tasks_are_the_captions_as_pandas_reads_them(exported: Path) -> None:
    tasks = pd.read_parquet(exported / "meta/tasks.parquet")
    assert tasks.index.tolist() == ["A room with a lamp.", "alpha-room", "beta-room"]
    assert tasks["task_index"].tolist() == [0, 1, 2]
    episodes = pq.read_table(exported / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    for table, episode in zip(tables(exported), episodes, strict=True):
        assert {tasks.iloc[number].name for number in table["task_index"]} == set(episode["tasks"])


def test_an_interrupted_export_goes_on(built: Workspace, exported: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stopped = mock.patch("dataset.lerobot.export.tasks_table", side_effect=KeyboardInterrupt)
    with stopped, pytest.raises(KeyboardInterrupt):
        export(built, out)
    assert not (out / "meta/info.json").exists()
    damaged, lost = (out / f"data/chunk-000/file-00{number}.parquet" for number in (0, 1))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    lost.unlink()
    (out / "data/chunk-000/file-007.parquet").write_bytes(b"of an earlier export")
    kept = (out / "data/chunk-000/file-002.parquet").stat().st_ino
    export(built, out)
    assert (out / "data/chunk-000/file-002.parquet").stat().st_ino == kept
    assert tree(Workspace(out), "") == tree(Workspace(exported), "")


def test_what_cannot_be_exported_is_one_line(built: Workspace, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OpenRelicError, match="holds thesis.tex and is no export of ours"):
        export(built, tmp_path)
    with pytest.raises(MissingInputError, match="python -m dataset.build"):
        export(Workspace(tmp_path), tmp_path / "out")


def test_runs_that_windows_cover(built: Workspace) -> None:
    rows = [row for row in read_manifest(built) if row.tour == "alpha-one-0a"]
    assert covered_runs(rows) == [(0, 177)]
    assert covered_runs([row for row in rows if row.first_frame]) == [(96, 81)]


READ_BY_LEROBOT = """
import importlib.util, json, pathlib, re, sys
import torch

# A torchvision that was built for another torch lacks its operators, which are not needed here.
package = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
text = (package / "_meta_registrations.py").read_text()
library = torch.library.Library("torchvision", "FRAGMENT")
for name in set(re.findall(r'register_(?:meta|fake)\\("(?:torchvision::)?(\\w+)"', text)):
    try:
        library.define(name + "(Tensor a) -> Tensor")
    except RuntimeError:
        pass
from lerobot.datasets.lerobot_dataset import LeRobotDataset

dataset = LeRobotDataset("openrelic/tours", root=sys.argv[1])
dataset.hf_dataset  # without pictures: how those are decoded is torchcodec's or torchvision's
items = dataset._ensure_hf_dataset_loaded() or dataset.hf_dataset
last = items[len(items) - 1]
print(json.dumps({
    "frames": dataset.num_frames,
    "episodes": dataset.num_episodes,
    "action": last["action"].tolist(),
    "tasks": list(dataset.meta.tasks.index),
    "video": str(dataset.meta.get_video_file_path(2, "observation.images.camera")),
    "stats": sorted(dataset.meta.stats),
}))
"""


@pytest.mark.skipif(not importlib.util.find_spec("lerobot"), reason="lerobot is not installed")
def test_lerobot_reads_it(exported: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_BY_LEROBOT, str(exported)], capture_output=True, text=True,
        check=False, env={"HF_HUB_OFFLINE": "1", "PATH": "", "HOME": str(exported.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    info = json.loads((exported / "meta/info.json").read_text())
    assert (found["frames"], found["episodes"]) == (info["total_frames"], 3)
    assert found["action"] == [0] * (len(ACTIONS) - 1) + [1]
    assert found["tasks"] == ["A room with a lamp.", "alpha-room", "beta-room"]
    assert (exported / found["video"]).exists()
    assert CAMERA in found["stats"]
