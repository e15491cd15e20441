"""Replayed and full back-propagation through one rollout, for `benchmarks.replay`.

One lane runs in a process of its own, so that the peak of its resident memory is its own:

    python -m benchmarks.replay_lanes replay 20
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from training.flow import FlowConfig
from training.grid import frames_of_latents
from training.memory.schedule import MemoryConfig
from training.replay import GraphMeter, full_backward, replay_backward
from training.rollout import Conditions, Rollout, rollout
from training.rollout_backward import rollout_blocks
from training.transformer import RelicTransformer, TransformerConfig

MODEL = TransformerConfig(
    num_layers=4, num_attention_heads=4, attention_head_dim=24, text_dim=32, freq_dim=64,
    ffn_dim=256, yarn_target_length=80,
)  # fmt: skip
"""The tiny recipe's network."""
ROWS, COLS = 8, 14
"""Tokens: more than the tiny recipe's 4 x 8, so that memory is that of tensors, not of objects."""
PLANS = {"replay": replay_backward, "full": full_backward}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A rollout and what its loss says."""

    model: RelicTransformer
    made: Rollout
    conditions: Conditions
    memory: MemoryConfig
    gradients: tuple[torch.Tensor, ...]

    def run(self, plan: str) -> None:
        """Leave the gradients in the model."""
        blocks = rollout_blocks(self.model, self.made, self.conditions, self.memory)
        PLANS[plan](blocks, self.gradients)


def make_case(blocks: int, newest: int | None = None) -> Case:
    """A rollout of `blocks` chunks of 4 latents, one denoising step each."""
    torch.manual_seed(0)
    memory = MemoryConfig(newest=newest)
    latents = blocks * memory.chunk
    model = RelicTransformer(MODEL)
    rows = frames_of_latents(latents)
    conditions = Conditions(
        text_BLD=torch.randn(1, 16, MODEL.text_dim),
        actions_BFA=torch.randn(1, rows, MODEL.action_dim),
        poses_BFP=torch.randn(1, rows, MODEL.pose_dim),
    )
    made = rollout(
        model, torch.randn(1, MODEL.in_channels, 1, 2 * ROWS, 2 * COLS), conditions,
        latents=latents, memory=memory, levels_S=FlowConfig().levels(), exit_step=0,
    )  # fmt: skip
    gradients = torch.randn_like(made.latents_BCTHW).split(memory.chunk, dim=2)
    return Case(model=model, made=made, conditions=conditions, memory=memory, gradients=gradients)


def graph_bytes(case: Case, plan: str) -> int:
    """Most bytes that graphs held at a time, weights apart."""
    with GraphMeter(case.model.parameters()) as meter:
        case.run(plan)
    case.model.zero_grad()
    return meter.peak


def cpu_seconds(work: Callable[[], None]) -> float:
    """Processor time, which other programs of the machine distort least."""
    began = time.process_time()
    work()
    return time.process_time() - began


def rest_of_step_seconds(case: Case) -> float:
    """What both ways do before: the rollout itself, leaving at the mean exit step of 4."""
    latents = case.made.latents_BCTHW
    levels = FlowConfig().levels()

    def work() -> None:
        for exit_step in (1, 2):
            rollout(
                case.model, latents[:, :, :1], case.conditions, latents=latents.shape[2],
                memory=case.memory, levels_S=levels, exit_step=exit_step,
            )  # fmt: skip

    return cpu_seconds(work) / 2


def main() -> None:
    """One lane: print the growth of this process's peak memory as JSON."""
    torch.set_num_threads(1)
    plan, blocks = sys.argv[1], int(sys.argv[2])
    case = make_case(blocks, int(sys.argv[3]) if len(sys.argv) > 3 else None)
    before = peak_bytes()
    case.run(plan)
    sys.stdout.write(json.dumps({"growth_bytes": peak_bytes() - before}) + "\n")


def peak_bytes() -> int:
    """Most resident memory so far; `getrusage` would begin at that of the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
