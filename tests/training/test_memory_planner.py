"""The planner's numbers against the paper's token counts, PyTorch's own counter and a session."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dataset.errors import OpenRelicError
from tests.training.tiny_model import (
    COLS,
    MEMORY,
    ROWS,
    TINY,
    tiny_conditions,
    tiny_latents,
    tiny_transformer,
)
from training.config import read_recipe
from training.flow import FlowConfig
from training.memory.__main__ import Settings, asked_memory
from training.memory.buffers import StreamMemory
from training.memory.planner import Machine, Shape, budget_tokens, draw_plan, plan
from training.memory.schedule import MemoryConfig
from training.rollout import StudentStream

ROOT = Path(__file__).parents[2]
UNIT = Machine(flops_per_s=1.0, bytes_per_s=1e9)
WAN = read_recipe(ROOT / "configs/wan-14b.yaml")
SHAPE = Shape(rows=30, cols=52, text_tokens=512, steps=4, bytes_per_value=2)


def tokens_of(memory: MemoryConfig, latents: int = 80) -> list[int]:
    costs = plan(memory, WAN.model, SHAPE, latents, UNIT, 1)
    return [cost.tokens for cost in costs]


def test_the_budget_of_5_seconds_holds_20_seconds_and_any_bounded_session() -> None:
    assert budget_tokens(30, 52) == 32_760
    assert tokens_of(WAN.memory)[-1] == max(tokens_of(WAN.memory)) == 31_512
    assert set(tokens_of(MemoryConfig(newest=62), 800)[16:]) == {28_314}
    assert tokens_of(MemoryConfig(window=12))[-1] > 32_760
    assert tokens_of(MemoryConfig(schedule=(1,)))[-1] == 124_800


def test_arithmetic_and_bytes_are_those_of_a_real_session() -> None:
    model, latents = tiny_transformer(), 10
    shape = Shape(rows=ROWS, cols=COLS, text_tokens=5, steps=4, bytes_per_value=4)
    parameters = sum(value.numel() for value in model.parameters())
    costs = plan(MEMORY, model.config, shape, latents, UNIT, parameters)
    memory = StreamMemory(MEMORY, longest=latents)
    stream = StudentStream(model, tiny_latents(1, batch=1), memory, FlowConfig().levels())
    conditions = tiny_conditions(latents, batch=1)
    for index, cost in enumerate(costs):
        used = memory.view().used * 2 * TINY["num_layers"] * model.config.dim * 4
        assert cost.memory_bytes == used
        counter = FlopCounterMode(display=False)
        # The fused CPU kernel is not in PyTorch's table of operations; its plain form is.
        with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            stream.step(conditions.of_chunk(index, 2))
        assert cost.flops == pytest.approx(counter.get_total_flops(), rel=1e-9)
        assert cost.seconds == cost.flops


def test_float8_and_a_slow_memory_change_bytes_and_time() -> None:
    machine = Machine(flops_per_s=1e15, bytes_per_s=1e9)
    wide, narrow = (
        plan(WAN.memory, WAN.model, shape, 80, machine, 14_000_000_000)[-1]
        for shape in (SHAPE, Shape(**{**vars(SHAPE), "float8": True}))
    )
    assert narrow.memory_bytes / wide.memory_bytes == pytest.approx((128 + 2) / 256)
    read = 5 * (14e9 * 2 + wide.memory_bytes)
    assert wide.seconds == pytest.approx(read / 1e9)


def test_the_plot_has_a_line_a_memory_and_the_budget() -> None:
    plans = {name: plan(MemoryConfig(schedule=s), WAN.model, SHAPE, 80, UNIT, 1)
             for name, s in (("pooled", (1, 4)), ("whole", (1,)))}  # fmt: skip
    axes = draw_plan(plans, 32_760).axes
    assert [len(axis.lines) for axis in axes] == [3, 2, 2]
    assert axes[0].lines[1].get_ydata()[-1] == 124_800  # type: ignore[index]


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "training.memory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_command_prints_the_plan_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "plan.png"
    speed = ("--tflops", "400", "--gb-per-s", "2500")
    done = run("configs/wan-14b.yaml", *speed, "--out", str(picture))
    assert done.returncode == 0, done.stderr
    assert "31,512" in done.stdout and "124,800" in done.stdout
    assert done.stdout.endswith("at most 31,512 tokens: within the budget of 32,760\n")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_impossible_plans_are_one_line() -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"window": 6}, "multiples of the chunk"),
        ({"newest": 64}, "a multiple of 18"),
        ({"schedule": "1,x"}, "whole numbers"),
    )
    for fields, message in cases:
        with pytest.raises(OpenRelicError, match=message):
            asked_memory(Settings(recipe="", **fields), WAN.memory)
    done = run("configs/wan-14b.yaml", "--seconds", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "above 0" in done.stderr
