"""A session in two gloo processes against one, and the narrower ways to play against float32."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dataset.errors import OpenRelicError
from tests.training.micro import write_recipe
from tests.training.play_in_two import CHANGES, scenario
from tests.training.tiny_player import SHORT_MEMORY, picture, random_rows, tiny_player
from training.acceleration import accelerate_kernels
from training.config import read_recipe
from training.streaming.player import Player
from training.streaming.ranks import join_ranks
from training.streaming.session import WorldSession

ROOT = Path(__file__).parents[2]


def test_two_processes_play_what_one_plays(tmp_path: Path) -> None:
    """Sums are added up in another order: 1e-5 of the latents after seven chunks."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "tests.training.play_in_two", str(tmp_path / "two"),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "one").mkdir()
    player = tiny_player(tmp_path, **CHANGES)
    scenario(player, tmp_path / "one")
    two, one = (np.load(tmp_path / name / "walked.npz") for name in ("two", "one"))
    assert two["latents"].shape == one["latents"].shape
    np.testing.assert_allclose(
        two["latents"], one["latents"], atol=1e-5 * abs(one["latents"]).max()
    )
    np.testing.assert_allclose(two["shorter"], one["shorter"], atol=1e-4)
    np.testing.assert_allclose(two["shares"], one["shares"], atol=1e-6)
    assert two["own"] == pytest.approx(one["own"], abs=1e-6)
    np.testing.assert_array_equal(two["poses"], one["poses"])
    assert abs(two["frames"].astype(int) - one["frames"]).max() <= 1
    assert two["bytes"] * 2 == one["bytes"]
    # The file has all heads: one process goes on with what two have saved.
    loaded = WorldSession.load(player, tmp_path / "two" / "walk.session")
    shown = loaded.step(random_rows(loaded.rows_needed, seed=loaded.chunk_index)).frames
    assert abs(shown.astype(int) - one["frames"]).max() <= 1


def test_as_many_processes_as_the_recipe_says(tmp_path: Path, monkeypatch) -> None:
    recipe = read_recipe(write_recipe(tmp_path / "two.yaml", play__sequence_parallel=2))
    with pytest.raises(OpenRelicError, match="is 2, and 1 processes .*torchrun --nproc-per-node 2"):
        join_ranks(recipe)
    one = replace(recipe, play=replace(recipe.play, sequence_parallel=1))
    assert join_ranks(one) is None
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(OpenRelicError, match="is 1, and 2 processes"):
        join_ranks(one)
    path = write_recipe(tmp_path / "three.yaml", play__sequence_parallel=3)
    with pytest.raises(OpenRelicError, match=r"play.sequence_parallel is 3; 2 heads .* allow 1, 2"):
        read_recipe(path)


def latents_of(player: Player, chunks: int = 8) -> torch.Tensor:
    session = WorldSession.start(player, picture(), seed=4)
    for _ in range(chunks):
        session.step(random_rows(session.rows_needed, seed=session.chunk_index))
    return torch.cat([moment.latents.float() for moment in session.history.moments], dim=2)


def error(player: Player, exact: torch.Tensor) -> float:
    """Relative error (root mean square) of a walk's latents, beyond the image's."""
    return float((latents_of(player) - exact).norm() / exact.norm())


@pytest.fixture(scope="module")
def exact(tmp_path_factory) -> tuple[Player, torch.Tensor]:
    torch.set_num_threads(1)
    changes: dict[str, Any] = {**SHORT_MEMORY, "play__newest": 9}
    player = tiny_player(tmp_path_factory.mktemp("exact"), **changes)
    return player, latents_of(player)


def test_what_narrow_arithmetic_and_memory_cost(exact, tmp_path: Path) -> None:
    """Errors of latents of unit size, after eight chunks of random weights."""
    player, latents = exact
    recipe = player.recipe
    narrow = tiny_player(tmp_path, **SHORT_MEMORY, play__newest=9)
    narrow.model.bfloat16()
    rough = replace(
        recipe, play=replace(recipe.play, memory_storage="float8_e4m3", precision="float32")
    )
    found = {
        "bfloat16": error(narrow, latents),
        "float8 memory": error(replace(player, recipe=rough), latents),
    }
    limits = {"bfloat16": (1e-4, 0.02), "float8 memory": (1e-6, 0.02)}
    for name, (least, most) in limits.items():
        assert least < found[name] < most, found


@pytest.mark.slow
def test_what_compiling_costs(exact) -> None:
    player, latents = exact
    run, cpu = player.recipe.run, torch.device("cpu")
    accelerate_kernels(replace(run, compile=True), cpu)
    try:
        assert 0 < error(player, latents) < 1e-5
    finally:
        accelerate_kernels(run, cpu)
