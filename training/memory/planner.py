"""What a memory costs, chunk by chunk: tokens, bytes, arithmetic and predicted time.

A chunk is `steps` denoising evaluations and one context pass. Arithmetic counts multiply-adds of
all matrix products as two operations; time is the roofline of a machine: whichever takes longer,
the arithmetic or reading weights and memory once an evaluation.

The budget is what full attention over the base model's own 5 s window costs: 21 latents, 32,760
tokens at 480p. A memory within it lets a 20 s session run at the speed of a 5 s model.

Public: `Machine`, `ChunkCost`, `budget_tokens`, `plan`, `evaluation_flops`, `draw_plan`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.grid import FRAMES_PER_LATENT, WINDOW_FRAMES, latents_of_frames
from training.memory.schedule import MemoryConfig, visible_tokens

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from training.transformer import TransformerConfig

FLOAT8_SCALE_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a chunk runs on: sustained figures, of all its GPUs together."""

    flops_per_s: float
    bytes_per_s: float


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The model's sizes that costs depend on."""

    rows: int
    """tokens down a latent"""
    cols: int
    """tokens across a latent"""
    text_tokens: int
    steps: int
    """denoising evaluations a chunk"""
    bytes_per_value: int
    """of weights and memory: 4 float32, 2 bfloat16"""
    float8: bool = False
    """the memory is kept as E4M3 with one scale a token and head"""


@dataclass(frozen=True, kw_only=True)
class ChunkCost:
    """One chunk of a session."""

    end: int
    """latents so far, this chunk among them"""
    tokens: int
    """keys that it attends to, its own among them"""
    memory_bytes: int
    """keys and values of its past, all layers"""
    flops: float
    seconds: float

    @property
    def session_s(self) -> float:
        """Seconds of video so far."""
        return (FRAMES_PER_LATENT * self.end - 3) / 16


def budget_tokens(rows: int, cols: int) -> int:
    """Tokens of the 5 s window: 32,760 at 30 x 52."""
    return latents_of_frames(WINDOW_FRAMES[5]) * rows * cols


def plan(
    memory: MemoryConfig,
    model: "TransformerConfig",
    shape: Shape,
    latents: int,
    machine: Machine,
    parameters: int,
) -> list[ChunkCost]:
    """The cost of every chunk of a session of `latents` latents; batch 1."""
    return [
        _chunk_cost(memory, model, shape, end, machine, parameters)
        for end in range(memory.chunk, latents + 1, memory.chunk)
    ]


def _chunk_cost(
    memory: MemoryConfig,
    model: "TransformerConfig",
    shape: Shape,
    end: int,
    machine: Machine,
    parameters: int,
) -> ChunkCost:
    own = memory.chunk * shape.rows * shape.cols
    tokens = visible_tokens(memory, end, shape.rows, shape.cols)
    kept = token_bytes(model, shape) * (tokens - own)
    evaluations = shape.steps + 1
    flops = evaluations * evaluation_flops(model, memory.chunk, own, tokens, shape.text_tokens)
    read = evaluations * (parameters * shape.bytes_per_value + kept)
    return ChunkCost(
        end=end,
        tokens=tokens,
        memory_bytes=kept,
        flops=flops,
        seconds=max(flops / machine.flops_per_s, read / machine.bytes_per_s),
    )


def token_bytes(model: "TransformerConfig", shape: Shape) -> int:
    """Bytes of one token's keys and values in all layers."""
    width = model.dim * shape.bytes_per_value
    if shape.float8:
        width = model.dim + FLOAT8_SCALE_BYTES * model.num_attention_heads
    return 2 * model.num_layers * width


def evaluation_flops(
    model: "TransformerConfig", latents: int, own: int, keys: int, text_tokens: int
) -> float:
    """Operations of one forward of `own` tokens (of `latents` latents) that see `keys` keys."""
    dim, hidden = model.dim, model.condition_hidden_dim or model.dim
    layer = (
        4 * own * dim * dim  # self-attention's projections: Q, K, V, out
        + 2 * own * keys * dim  # logits and their sum over values
        + (2 * own + 2 * text_tokens) * dim * dim  # cross-attention's
        + 2 * own * text_tokens * dim
        + 2 * own * dim * model.ffn_dim
    )
    patch = model.patch_size[0] * model.patch_size[1] * model.patch_size[2]
    once = own * patch * dim * (model.in_channels + model.out_channels)
    once += latents * dim * (model.freq_dim + dim + 6 * dim)
    once += text_tokens * dim * (model.text_dim + dim)
    columns = FRAMES_PER_LATENT * (model.action_dim + model.pose_dim)
    once += latents * hidden * (columns + 2 * dim)
    return 2.0 * (model.num_layers * layer + once)


def draw_plan(plans: Mapping[str, Sequence[ChunkCost]], budget: int) -> "Figure":
    """Tokens, memory and time over a session, one line a memory."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    axes = figure.subplots(1, 3)
    shown = (
        ("tokens attended to", lambda cost: cost.tokens),
        ("memory, GB", lambda cost: cost.memory_bytes / 1e9),
        ("predicted seconds a chunk", lambda cost: cost.seconds),
    )
    for axis, (label, value) in zip(axes, shown, strict=True):
        for name, costs in plans.items():
            seconds = [cost.session_s for cost in costs]
            axis.plot(seconds, [value(cost) for cost in costs], label=name, linewidth=1.4)
        axis.set_xlabel("seconds of session")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[0].axhline(budget, color="black", linestyle="--", linewidth=0.8, label="5 s budget")
    axes[0].legend(fontsize=8)
    return figure
