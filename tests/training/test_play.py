import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from websockets.sync.client import connect

from dataset.errors import OpenRelicError
from dataset.video import probe, read_frames
from dataset.workspace import Workspace
from labeling.actions import ACTIONS
from tests.training.micro import make_latents, write_recipe
from tests.training.playing import Page
from training.config import read_recipe
from training.play.__main__ import Settings
from training.play.pictures import read_image
from training.play.scripted import play_keys
from training.stages import open_run, run_stages
from training.streaming.player import load_player
from training.streaming.script import parse_script, with_image_row

ROOT = Path(__file__).parents[2]
SHORT = {
    "teacher__phases": [{"seconds": 5, "iterations": 1}],
    "ode__iterations": 1,
    "ode__pairs": 1,
    "dmd__phases": [{"seconds": 5, "iterations": 1}],
    "dmd__critic_warmup": 1,
}


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> tuple[Workspace, Path]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("play")
    recipe = write_recipe(folder / "recipe.yaml", **SHORT)
    workspace = make_latents(folder / "work", recipe, train=2, val=1)
    with pytest.raises(OpenRelicError, match=r"run `python -m training\.run"):
        load_player(workspace, read_recipe(recipe), str(recipe))
    run_stages(open_run(workspace, read_recipe(recipe), str(recipe)))
    return workspace, recipe


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "start.png"
    picture = np.random.default_rng(0).integers(0, 256, (9, 16, 3), np.uint8)
    cv2.imwrite(str(path), picture.repeat(20, 0).repeat(20, 1))
    return path


def pressed(row: np.ndarray) -> dict[str, float]:
    return {ACTIONS[i]: float(row[i]) for i in np.flatnonzero(row)}


def test_a_script_is_rows_of_held_keys():
    rows = parse_script("W*3, w+Right*2,STATIC*1,c*1,pedestal_up*1", move=1.5, turn_deg=2.0)
    assert rows.shape == (8, 13) and rows.dtype == np.float32
    assert pressed(rows[0]) == pressed(rows[2]) == {"dolly_in": 1.5}
    assert pressed(rows[3]) == {"dolly_in": 1.5, "pan_right": 2.0}
    assert pressed(rows[5]) == {"static": 1.0}
    assert pressed(rows[6]) == {"roll_cw": 2.0}
    assert pressed(rows[7]) == {"pedestal_up": 1.5}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("W", "no hold"), ("W*0", "no hold"), ("W*-3", "no hold"), ("", "no hold"),
        ("Q*3", "unknown key 'Q'"), ("W+S*3", "opposite"), ("static+W*3", "static and moves"),
    ],
)  # fmt: skip
def test_a_wrong_script_is_one_line(script, words):
    with pytest.raises(OpenRelicError, match=words):
        parse_script(script, 1.0, 1.0)


@pytest.mark.parametrize(("rows", "whole"), [(1, 13), (12, 13), (13, 29), (80, 93)])
def test_rows_fill_chunks(rows, whole):
    padded = with_image_row(parse_script(f"W*{rows}", 1.0, 1.0), 4)
    assert len(padded) == whole
    assert pressed(padded[0]) == {"static": 1.0}
    assert pressed(padded[rows]) == {"dolly_in": 1.0}
    assert all(pressed(row) == {"static": 1.0} for row in padded[rows + 1 :])


def test_the_command_writes_the_video(work, image, tmp_path):
    workspace, recipe = work
    out = tmp_path / "new" / "out.mp4"
    arguments = [
        str(recipe), "--workspace", workspace.location, "--image", str(image),
        "--script", "W*10,static*10", "--out", str(out),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "training.play", *arguments], cwd=ROOT, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    info = probe(out)
    assert (info.frames, info.width, info.height) == (21, 64, 32)
    frames = list(read_frames(out))
    assert len(frames) == 21
    np.testing.assert_array_equal(read_image(str(out)), frames[0])


def test_any_weights_of_the_recipe_can_be_played(work, image, tmp_path):
    workspace, recipe = work
    teacher = Path(workspace.location) / "runs/micro/teacher-05s/step-000001/transformer_ema"
    videos = {}
    for name, weights in {"own": None, "teacher": teacher, "again": teacher}.items():
        settings = Settings(
            recipe=str(recipe), workspace=workspace.location, weights=weights, image=str(image),
            script="W*10", out=str(tmp_path / f"{name}.mp4"),
        )  # fmt: skip
        play_keys(settings, "W*10")
        videos[name] = np.stack(list(read_frames(Path(settings.out))))
    np.testing.assert_array_equal(videos["teacher"], videos["again"])
    assert (videos["teacher"] != videos["own"]).any()
    with pytest.raises(OpenRelicError, match=r"holds no config\.json"):
        play_keys(replace(settings, weights=tmp_path), "W*10")


def test_a_wrong_picture_is_one_line(work, tmp_path):
    workspace, recipe = work
    text = tmp_path / "text.png"
    text.write_text("no picture")
    for path in (text, tmp_path / "absent.png"):
        done = subprocess.run(
            [sys.executable, "-m", "training.play", str(recipe), "--workspace", workspace.location,
             "--image", str(path), "--script", "W*3"],
            cwd=ROOT, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == (
            f"error: {path} is not a readable picture; give a PNG, JPEG or MP4 file"
        )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_recording_is_whole_or_not_there(work, tmp_path):
    """Killed, nothing is left; told to end, it is written; and it can be played again."""
    workspace, recipe = work
    folder = Path(workspace.location) / "runs/micro/play"
    for end, expected in ((signal.SIGKILL, set()), (signal.SIGTERM, {".png", ".json", ".mp4"})):
        server = subprocess.Popen(
            [sys.executable, "-m", "training.play", str(recipe), "--workspace",
             workspace.location, "--port", "0"],
            cwd=ROOT, text=True, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert server.stderr is not None
        line = next(line for line in server.stderr if "play at http" in line)
        port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
        origin: Any = f"http://127.0.0.1:{port}"
        with connect(f"ws://127.0.0.1:{port}/play", origin=origin, max_size=None) as link:
            page = Page(link=link)
            page.order("hello", "")
            page.take()
            page.order("start", {"picture": 0, "caption": "a wall"})
            page.order("record")
            page.step(held={"dolly_in": 1.0})
            page.step(held={"pan_left": 0.3}, caption="another wall")
            server.send_signal(end)
            server.wait(60)
        server.stderr.close()
        left = {path.suffix for path in folder.iterdir()} if folder.exists() else set()
        assert left == expected
    (script,) = folder.glob("*.json")
    play = [
        sys.executable, "-m", "training.play", str(recipe), "--workspace", workspace.location,
        "--script", str(script), "--out", str(tmp_path / "again.mp4"),
    ]  # fmt: skip
    subprocess.run(play, cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "again.mp4").read_bytes() == script.with_suffix(".mp4").read_bytes()
