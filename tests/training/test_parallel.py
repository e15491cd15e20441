"""Two gloo processes against one: the same losses and weights, however the work is split.

Sums are added up in another order, so float32 results agree to rounding: 1e-5 of a loss, 2e-4 of
the weights' moves (AdamW divides by small moments, which magnifies it).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate.utils import DistributedType

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from tests.training.micro import make_latents, write_recipe
from training.config import read_recipe
from training.context import RunContext
from training.parallel import Processes
from training.stages import _check_launch, open_run, run_stages
from training.weights import TensorFiles

ROOT = Path(__file__).parents[2]
STAGES = ("teacher-05s", "ode", "dmd-05s")
SHORT: dict[str, Any] = {
    "teacher__phases": [{"seconds": 5, "iterations": 5}],
    "teacher__held_out_batches": 1,
    "teacher__action_dropout": 0.3,
    "teacher__pose_dropout": 0.3,
    "run__checkpoint_every": 2,
    "ode__pairs": 3,
    "ode__iterations": 2,
    "dmd__phases": [{"seconds": 5, "iterations": 1}],
}

# Each is two windows an update of the teacher, split in another way.
TEACHERS: dict[str, dict[str, Any]] = {
    "copies": {"teacher__batch": 1},
    "shards": {"teacher__batch": 1, "run__shard": "fsdp"},
    "recomputed": {"teacher__batch": 1, "run__shard": "fsdp", "run__recompute": True},
    "sequence": {"run__sequence_parallel": 2},
}
# The whole chain: with one replica it must be one process's, with two that of two copies.
CHAINS: dict[str, dict[str, Any]] = {
    "chain-copies": {"teacher__batch": 1},
    "chain-shards": {"teacher__batch": 1, "run__shard": "fsdp"},
    "chain-both": {"run__shard": "fsdp", "run__sequence_parallel": 2},
}


# Not among the chains: a process has one precision.
NARROW: dict[str, dict[str, Any]] = {
    "chain-narrow": {
        "run__shard": "fsdp",
        "run__sequence_parallel": 2,
        "run__precision": "bfloat16",
        "run__recompute": True,
    },
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("parallel")
    recipe = write_recipe(folder / "micro.yaml")
    return make_latents(folder / "work", recipe, train=5)


def recipe_file(workspace: Workspace, name: str, changes: dict[str, Any]) -> Path:
    folder = Path(workspace.location).parent
    return write_recipe(folder / f"{name}.yaml", **{**SHORT, "name": name, **changes})


def launch(workspace: Workspace, until: str, *recipes: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "-m", "tests.training.run_recipes", workspace.location, until, *map(str, recipes),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def run_here(workspace: Workspace, name: str, until: str, changes: dict[str, Any]) -> RunContext:
    path = recipe_file(workspace, name, changes)
    context = open_run(workspace, read_recipe(path), str(path))
    run_stages(context, "teacher" if until == "teacher" else "dmd")
    return context


def folder_of(workspace: Workspace, name: str) -> Path:
    return Path(workspace.location) / "runs" / name


def losses(folder: Path, stage: str) -> list[dict[str, float]]:
    lines = [
        json.loads(line) for line in (folder / stage / "metrics.jsonl").read_text().splitlines()
    ]
    return [{key: v for key, v in line.items() if key != "seconds"} for line in lines]


def tensors(folder: Path, stage: str, kind: str) -> dict[str, torch.Tensor]:
    checkpoint = folder / stage / (folder / stage / "latest").read_text().strip()
    files = TensorFiles(checkpoint / kind)
    return {name: files.read(name) for name in files.names}


def assert_same_run(found: Path, expected: Path, stage: str) -> None:
    ours, theirs = losses(found, stage), losses(expected, stage)
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    for a, b in zip(ours, theirs, strict=True):
        assert a == pytest.approx(b, rel=2e-4), stage
    for kind in ("transformer", "transformer_optimizer"):
        ours, theirs = tensors(found, stage, kind), tensors(expected, stage, kind)
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            torch.testing.assert_close(
                ours[name],
                value,
                rtol=1e-3,
                atol=2e-5,
                msg=lambda m, n=f"{stage} {kind} {name}": f"{n}: {m}",
            )


@pytest.fixture(scope="module")
def one(workspace) -> Path:
    return run_here(workspace, "one", "teacher", {}).folder


@pytest.fixture(scope="module")
def two(workspace) -> None:
    run_in_two(workspace, "teacher", TEACHERS)


@pytest.fixture(scope="module")
def chains(workspace) -> None:
    run_in_two(workspace, "dmd", CHAINS)


def run_in_two(workspace: Workspace, until: str, recipes: dict[str, dict[str, Any]]) -> None:
    files = [recipe_file(workspace, name, changes) for name, changes in recipes.items()]
    done = launch(workspace, until, *files)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("name", TEACHERS)
def test_an_update_is_the_same_however_it_is_split(workspace, one, two, name) -> None:
    assert_same_run(folder_of(workspace, name), one, "teacher-05s")


def test_accumulation_is_one_large_batch(workspace, one) -> None:
    changes = {"teacher__batch": 1, "teacher__accumulate": 2}
    folder = run_here(workspace, "accumulated", "teacher", changes).folder
    assert_same_run(folder, one, "teacher-05s")


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_processes_that_share_a_window_are_one_process(workspace, chains, stage) -> None:
    whole = run_here(workspace, "chain-one", "dmd", {}).folder  # finished stages are kept
    assert_same_run(folder_of(workspace, "chain-both"), whole, stage)


def test_launches_that_cannot_work_are_refused() -> None:
    with pytest.raises(OpenRelicError, match="3 processes do not divide into groups"):
        Processes(index=0, count=3, sequence_parallel=2).check()
    for kind in (DistributedType.DEEPSPEED, DistributedType.FSDP):
        launched: Any = SimpleNamespace(distributed_type=kind)
        with pytest.raises(OpenRelicError, match=f"told to use {kind.value}: launch without it"):
            _check_launch(launched)


@pytest.mark.slow
def test_bfloat16_shards_follow_float32(workspace, one) -> None:
    """Eight bits of mantissa: losses within 2 %; what is stored stays float32."""
    run_in_two(workspace, "dmd", NARROW)
    narrow = folder_of(workspace, "chain-narrow")
    for ours, theirs in zip(losses(narrow, "teacher-05s"), losses(one, "teacher-05s"), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)
        assert ours["loss"] != theirs["loss"]
    for stage in STAGES:
        for kind in ("transformer", "transformer_optimizer"):
            values = tensors(narrow, stage, kind).values()
            assert {value.dtype for value in values} == {torch.float32}
            assert all(torch.isfinite(value).all() for value in values)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_shards_are_copies(workspace, chains, stage) -> None:
    copies, shards = (folder_of(workspace, f"chain-{name}") for name in ("copies", "shards"))
    assert_same_run(shards, copies, stage)
