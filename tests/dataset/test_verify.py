"""`dataset.verify` names every damaged file of a workspace, and no other."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dataset.latents.store import MANIFEST, RECORD, LatentRow, rows_to_table
from dataset.verify import checks_of, complaints
from dataset.workspace import Workspace, sha256_file
from labeling.actions import poses_to_actions
from labeling.camera import ue_to_camera
from labeling.store import write_labels
from tests.labeling.paths import commit_clip, printed, smooth_ue
from tests.small_workspace import make_shards

ROOT = Path(__file__).resolve().parents[2]
LATENT = "latents/train/train-0.safetensors"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = make_shards(tmp_path, train=2, val=1)
    for number in range(2):
        location_cm, rotation_deg = map(printed, smooth_ue(20, number))
        clip = commit_clip(workspace, f"tour-{number}", location_cm, rotation_deg)
        actions = poses_to_actions(*ue_to_camera(location_cm, rotation_deg))
        write_labels(workspace, "default", clip, actions)
    workspace.write_json("captions/small/tour-0.json", {"segments": []})
    workspace.write_bytes(LATENT, b"numbers" * 100)
    row = LatentRow(
        key="train-0", split="train", frames=81, path=LATENT, bytes=700,
        sha256=sha256_file(tmp_path / LATENT), sample_digest="", tokenizer="", caption="",
        scene="wall", pivot=-1, unit_m=1.0, unit_deg=1.0, rotation_frame="camera",
        start_pitch_deg=0.0, start_roll_deg=0.0, psnr_db=30.0,
    )  # fmt: skip
    workspace.write_table(MANIFEST, rows_to_table([row]))
    workspace.write_json(RECORD, {"samples": 1})
    return workspace


def damaged(workspace: Workspace) -> list[str]:
    return [line for line in complaints(list(checks_of(workspace)), 2) if line]


def test_whatever_is_there_is_proven(workspace: Workspace):
    names = {check.name for check in checks_of(workspace)}
    assert len(names) == 2 * 2 + 2 + 1 + 3 + 2
    assert damaged(workspace) == []


def flip(path: Path) -> None:
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def nudge_labels(path: Path) -> None:
    """Readable labels that lead elsewhere."""
    workspace = Workspace(path.parents[2])
    table = workspace.read_table("labels/default/tour-1.parquet")
    values = table["pan_right"].to_numpy().copy()
    values[np.argmax(values)] += 0.01
    index = table.column_names.index("pan_right")
    spoilt = table.set_column(index, "pan_right", [values])
    workspace.write_table("labels/default/tour-1.parquet", spoilt)


@pytest.mark.parametrize(
    ("file", "spoil", "said"),
    [
        ("clips/tour-0/a0/video.mp4", flip, "its SHA-256 is"),
        ("clips/tour-0/a0/camera.parquet", Path.unlink, "missing"),
        ("clips/tour-1/clip.json", lambda path: path.write_text("{"), "not valid JSON"),
        ("labels/default/tour-1.parquet", nudge_labels, "its actions end"),
        ("captions/small/tour-0.json", lambda path: path.write_text("?"), "not valid JSON"),
        ("shards/train-000000.tar", flip, "sample train-"),
        ("shards/val-000000.tar", Path.unlink, "the shard is not there"),
        (LATENT, flip, "its SHA-256 is"),
    ],
)
def test_a_damaged_file_is_named(
    workspace: Workspace, file: str, spoil: Callable[[Path], object], said: str
):
    spoil(Path(str(workspace.local_root)) / file)
    lines = damaged(workspace)
    assert any(file.partition(".")[0].rpartition("/")[2] in line and said in line for line in lines)
    # What is made from a damaged file may be doubted too, nothing else.
    tour = file.split("/")[1]
    assert all(file in line or tour in line or said in line for line in lines)


def test_the_command_says_it_in_lines(workspace: Workspace):
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dataset.verify", str(workspace.local_root)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    ended = run()
    assert ended.returncode == 0 and "12 files are as they were written" in ended.stderr
    flip(Path(str(workspace.local_root)) / LATENT)
    ended = run()
    assert ended.returncode == 1
    lines = [line for line in ended.stderr.splitlines() if line.startswith(("damaged", "error"))]
    assert lines == [
        next(line for line in lines if line.startswith(f"damaged: {LATENT}: its SHA-256 is")),
        "error: 1 of 12 files are damaged or missing (see above)",
    ]
