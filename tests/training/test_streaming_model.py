"""Loading a student as a model that streams, from a workspace and a folder of weights."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dataset.errors import OpenRelicError
from dataset.video import read_frames
from dataset.workspace import Workspace
from tests.training.micro import make_latents, write_recipe
from tests.training.tiny_player import picture, random_rows, tiny_player
from training.checkpoint import LATEST, RECORD, save_model
from training.dmd import AVERAGE
from training.streaming.model import load_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Workspace, Path, Path]:
    """A workspace, its recipe, and weights that no run has made."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("model")
    recipe = write_recipe(folder / "recipe.yaml")
    workspace = make_latents(folder / "work", recipe, train=1, val=1)
    model = tiny_player(folder).model
    save_model(folder / "weights", model.state_dict(), model.config.to_json())
    return workspace, recipe, folder / "weights"


def test_weights_of_a_folder_stream(made) -> None:
    workspace, recipe, weights = made
    with pytest.raises(OpenRelicError, match=r"run `python -m training\.run"):
        load_model(recipe, workspace)
    model = load_model(recipe, workspace, weights)
    assert (model.name, model.width, model.height) == ("micro", 64, 32)
    stream = model.start(picture(), seed=1)
    shown = np.concatenate([stream.step(random_rows(n, seed=n)) for n in (13, 16)])
    assert shown.shape == (29, 32, 64, 3)
    np.testing.assert_array_equal(shown[0], model.player.fitted(picture()))


def test_the_recipes_play_section_is_heeded(made, tmp_path: Path) -> None:
    workspace, _, weights = made
    recipe = write_recipe(
        tmp_path / "narrow.yaml", play__precision="bfloat16", play__memory_storage="float8_e4m3",
        play__newest=26,
    )  # fmt: skip
    model = load_model(recipe, workspace, weights)
    stream = model.start(picture(), seed=1)
    stream.step(random_rows(13))
    memory = stream.session.player.new_memory()
    assert next(model.player.model.parameters()).dtype is torch.bfloat16
    assert (memory.storage, memory.config.newest) == ("float8_e4m3", 26)
    # A byte a value and one scale of two bytes a head of 12, against bfloat16's two bytes a value.
    wide = load_model(
        write_recipe(tmp_path / "wide.yaml", play__precision="bfloat16"), workspace, weights
    )
    twin = wide.start(picture(), seed=1)
    twin.step(random_rows(13))
    used = [one.session.standing.memory.used_bytes() for one in (stream, twin)]
    assert used[0] / used[1] == pytest.approx((12 + 2) / 24)
    text = write_recipe(tmp_path / "tiny.yaml", play__decoder="taehv")
    with pytest.raises(OpenRelicError, match="latents.tokenizer pca need play.decoder: tokenizer"):
        load_model(text, workspace, weights)


@pytest.mark.slow
def test_the_command_plays_in_two_processes(made, tmp_path: Path) -> None:
    """As `torchrun` starts it: one video, that of one process to a grey level."""
    workspace, _, weights = made
    checkpoint = Path(workspace.location) / "runs" / "micro" / "dmd-05s" / "step-000001"
    checkpoint.mkdir(parents=True)
    shutil.copytree(weights, checkpoint / AVERAGE)
    (checkpoint / RECORD).write_text("{}")
    (checkpoint.parent / LATEST).write_text(checkpoint.name)
    cv2.imwrite(str(tmp_path / "start.png"), picture())
    launched = {
        1: [sys.executable],
        2: [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    }
    shown = {}
    for count, command in launched.items():
        recipe = write_recipe(tmp_path / f"{count}.yaml", play__sequence_parallel=count)
        out = tmp_path / f"{count}.mp4"
        done = subprocess.run(
            [*command, "-m", "training.play", str(recipe), "--workspace", workspace.location,
             "--image", str(tmp_path / "start.png"), "--script", "W*20,right*20",
             "--out", str(out)],
            cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        shown[count] = np.array(list(read_frames(out))).astype(int)
    assert shown[1].shape == (41, 32, 64, 3)
    assert abs(shown[1] - shown[2]).mean() < 0.5
    assert shown[1].std() > 10
