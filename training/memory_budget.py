"""What a recipe's stages keep in memory, by counting.

Counted: weights, gradients, optimiser, averages, the graph that autograd keeps (every distinct
tensor that a forward of full size saves, on the meta device) and the student's memory of a whole
window. All blocks are alike, so networks of one and of two blocks tell what any number keeps.
By rule: what FSDP gathers (two blocks and what is outside of blocks, whole, in the arithmetic's
width) or what autocast copies; and backward's own temporaries, taken as one block's graph again.
Left out: the CUDA context and what the allocator wastes, a few GiB; the text encoder and the video
tokenizer, which do not run beside training.

Public: `Budget`, `budgets`, `budget_table`, `graph_bytes`, `check_memory`,
`available_memory`.
"""

import logging
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from dataset.errors import OpenRelicError
from training.attention import AttentionPath, use_kernel
from training.conditions import ACTION_DIM, POSE_DIM
from training.config import Phase, Recipe, Stage
from training.grid import frames_of_latents
from training.masks import ForcedAttention, hybrid_forcing, teacher_forcing
from training.memory.cache import KVMemory
from training.memory.reading import ChunkAttention
from training.replay import GraphMeter
from training.rollout import Conditions, predict_velocity, write_context
from training.transformer import RelicTransformer, TransformerConfig

WIDTHS = {"float32": 4, "bfloat16": 2}
GIB = 1 << 30
STAGES: tuple[Stage, ...] = ("teacher", "ode", "dmd")
NEAR = 0.9
"""Share of a device's memory beyond which its use is said: contexts and fragments need the rest."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Bytes on one GPU in one stage."""

    stage: str
    weights: float
    """of every network there, as it is stored"""
    training: float
    """gradients, both moments of AdamW, and averages"""
    gathered: float
    """whole blocks or narrow copies that are computed with"""
    graph: float
    """what is kept for the backward pass"""
    working: float
    """of the block that runs backward"""
    memory: float
    """keys and values of a rollout"""

    @property
    def total(self) -> float:
        """All of it."""
        parts = (self.weights, self.training, self.gathered, self.graph, self.working, self.memory)
        return sum(parts)


class _Counted(torch.autograd.Function):
    """Attention that saves what a flash kernel saves, and computes nothing."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(q)
        # Not an output, but saved all the same: the logarithm of each row's sum.
        sums = q.new_empty(q.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("a counted graph is never run backward")


def _counted(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float) -> torch.Tensor:
    return _Counted.apply(q, k, v)  # type: ignore[return-value]


def _network(recipe: Recipe, config: TransformerConfig) -> RelicTransformer:
    with torch.device("meta"):
        model = RelicTransformer(config)
    model.gradient_checkpointing = recipe.run.recompute
    return model.to(getattr(torch, recipe.run.precision))


def _conditions(recipe: Recipe, latents: int, batch: int) -> Conditions:
    rows = frames_of_latents(latents)
    return Conditions(
        text_BLD=torch.empty(batch, recipe.text.length, recipe.text.dim, device="meta"),
        actions_BFA=torch.empty(batch, rows, ACTION_DIM, device="meta"),
        poses_BFP=torch.empty(batch, rows, POSE_DIM, device="meta"),
    )


def _window(recipe: Recipe, latents: int, batch: int) -> torch.Tensor:
    size = recipe.latents
    return torch.empty(
        batch, size.channels, latents, size.height // 8, size.width // 8, device="meta"
    )


def _graph_of(
    model: RelicTransformer,
    x: torch.Tensor,
    conditions: Conditions,
    attention: AttentionPath | None = None,
) -> int:
    """Bytes of distinct tensors that one forward saves, the weights apart."""
    before = use_kernel(_counted)
    try:
        with GraphMeter(model.parameters()) as meter:
            sigma = torch.empty(x.shape[0], x.shape[2], device="meta")
            output = predict_velocity(model, x, sigma, conditions, attention)
        live = meter.live
        del output
        return live
    finally:
        use_kernel(before)


def _of_all_blocks(recipe: Recipe, counted: Callable[[RelicTransformer], int]) -> int:
    """What `counted` finds in the whole network, from networks of one and two blocks."""
    one, two = (
        counted(_network(recipe, replace(recipe.student_model(), num_layers=layers)))
        for layers in (1, 2)
    )
    return one + (recipe.model.num_layers - 1) * (two - one)


@cache
def graph_bytes(recipe: Recipe, latents: int, batch: int) -> int:
    """What a bidirectional window leaves for its backward pass."""
    x, conditions = _window(recipe, latents, batch), _conditions(recipe, latents, batch)
    return _of_all_blocks(recipe, lambda model: _graph_of(model, x, conditions))


@cache
def _block_bytes(recipe: Recipe, latents: int, batch: int) -> int:
    """What one block of a bidirectional window keeps while it runs backward."""
    model = replace(recipe.model, num_layers=1)
    kept = replace(recipe, run=replace(recipe.run, recompute=False), model=model)
    whole = graph_bytes(kept, latents, batch)
    model = replace(recipe.model, num_layers=2)
    return graph_bytes(replace(kept, model=model), latents, batch) - whole


@cache
def _forced_bytes(recipe: Recipe) -> int:
    """The graph of the longest sequence of the ODE initialisation: clean chunks and noisy ones."""
    chunk = recipe.memory.chunk
    shortest = min(recipe.dmd.phases, key=lambda phase: phase.seconds)
    chunks = shortest.rollout(chunk) // chunk
    if recipe.ode.initialisation in ("hybrid", "diffusion_forcing"):
        layout = hybrid_forcing(chunks, min(recipe.ode.noisy_blocks, chunks), chunk)
    else:
        layout = teacher_forcing(chunks, chunk)
    attention = ForcedAttention(layout, recipe.memory, "gather")
    x, conditions = _window(recipe, len(layout.times()), 1), _conditions(recipe, chunks * chunk, 1)
    return _of_all_blocks(recipe, lambda model: _graph_of(model, x, conditions, attention))


@cache
def _rollout_bytes(recipe: Recipe, latents: int) -> tuple[int, int]:
    """A rollout's memory before its last chunk, and that chunk's graph."""
    batch, chunk = recipe.dmd.batch, recipe.memory.chunk
    conditions, x = _conditions(recipe, latents, batch), _window(recipe, chunk, batch)
    found: list[int] = []

    def last_graph(model: RelicTransformer) -> int:
        view = _memory_of(model, recipe, x, conditions, latents // chunk - 1).view()
        found.append(sum(t.nbytes for layer in view.layers for pair in layer for t in pair))
        last = conditions.of_chunk(latents // chunk - 1, chunk)
        return _graph_of(model, x, last, ChunkAttention(view))

    graph = _of_all_blocks(recipe, last_graph)
    return found[0] * recipe.model.num_layers, graph


def _memory_of(
    model: RelicTransformer, recipe: Recipe, x: torch.Tensor, conditions: Conditions, chunks: int
) -> KVMemory:
    """The memory after some chunks of a rollout."""
    memory = KVMemory(recipe.memory)
    before = use_kernel(_counted)
    try:
        for index in range(chunks):
            write_context(model, memory, x, conditions.of_chunk(index, recipe.memory.chunk))
    finally:
        use_kernel(before)
    return memory


@dataclass(frozen=True)
class _Networks:
    """Sizes of a recipe's network."""

    all: int
    """parameters"""
    block: int
    outside: int
    """parameters that are in no block"""

    @staticmethod
    @cache
    def of(recipe: Recipe) -> "_Networks":
        """Count them."""
        model = _network(recipe, recipe.student_model())
        whole = sum(p.numel() for p in model.parameters())
        block = sum(p.numel() for p in model.blocks[0].parameters())
        return _Networks(whole, block, whole - block * len(model.blocks))


def _parts(
    recipe: Recipe, count: int, *, stored: int, trained: int, averaged: int
) -> dict[str, float]:
    """Weights, training state and gathered copies; arguments are numbers of networks."""
    size, split = _Networks.of(recipe), _split(recipe, count)
    width = WIDTHS[recipe.run.precision]
    narrow = width if width < 4 else 0
    if split > 1:
        gathered = (2 * size.block + size.outside) * width + size.block * 4
    else:
        gathered = size.all * narrow
    state = (2 * trained + averaged + min(trained, 1)) * size.all * 4
    return {
        "weights": stored * size.all * 4 / split, "training": state / split, "gathered": gathered,
    }  # fmt: skip


def _split(recipe: Recipe, count: int) -> int:
    """Processes that a network is split over."""
    return count if recipe.run.shard == "fsdp" else 1


def budgets(recipe: Recipe, count: int, stages: Collection[Stage] = STAGES) -> list[Budget]:
    """Some stages of a recipe on `count` GPUs; a window is shared by as many as there are."""
    group = min(recipe.run.sequence_parallel, count)
    found: list[Budget] = []
    if "teacher" in stages:
        found += [_teacher(recipe, count, group, phase) for phase in recipe.teacher.phases]
    if "ode" in stages:
        found += _ode(recipe, count, group)
    if "dmd" in stages:
        found += [_dmd(recipe, count, group, phase) for phase in recipe.dmd.phases]
    return found


def _teacher(recipe: Recipe, count: int, group: int, phase: Phase) -> Budget:
    batch, latents = recipe.teacher.batch, phase.latents
    return Budget(
        stage=f"teacher {phase.seconds} s",
        **_parts(recipe, count, stored=1, trained=1, averaged=1),
        graph=graph_bytes(recipe, latents, batch) / group,
        working=_working(recipe, latents, batch, group),
        memory=0,
    )


def _working(recipe: Recipe, latents: int, batch: int, group: int) -> float:
    """One block's temporaries, and its graph again where it was not kept."""
    times = 2 if recipe.run.recompute else 1
    return times * _block_bytes(recipe, latents, batch) / group


def _ode(recipe: Recipe, count: int, group: int) -> list[Budget]:
    """Making the trajectories, each process with a whole teacher, and learning them."""
    chunk, size = recipe.memory.chunk, _Networks.of(recipe)
    shortest = min(recipe.dmd.phases, key=lambda phase: phase.seconds).rollout(chunk)
    pairs = Budget(
        stage="ODE pairs", weights=size.all * WIDTHS[recipe.run.precision], training=0, gathered=0,
        graph=0, working=_block_bytes(recipe, shortest, recipe.ode.pair_batch), memory=0,
    )  # fmt: skip
    ode = Budget(
        stage="ODE",
        **_parts(recipe, count, stored=1, trained=1, averaged=0),
        graph=_forced_bytes(recipe) / group,
        working=_working(recipe, shortest, 1, group),
        memory=0,
    )
    return [pairs, ode]


def _dmd(recipe: Recipe, count: int, group: int, phase: Phase) -> Budget:
    """The fake score's window is the larger graph, the student's memory lives beside its chunk."""
    latents, batch = phase.rollout(recipe.memory.chunk), recipe.dmd.batch
    memory, chunk_graph = _rollout_bytes(recipe, latents)
    critic = graph_bytes(recipe, latents, batch)
    return Budget(
        stage=f"DMD {phase.seconds} s",
        **_parts(recipe, count, stored=3, trained=2, averaged=1),
        graph=max(critic, chunk_graph) / group,
        working=_working(recipe, latents, batch, group),
        memory=memory / group,
    )


def budget_table(recipe: Recipe, count: int, found: list[Budget]) -> str:
    """GiB on one of `count` GPUs, a line a stage."""
    size, run = _Networks.of(recipe).all, recipe.run
    lines = [
        f"{recipe.name}: {size / 1e9:.2f} billion parameters, {run.precision}, {count} GPU"
        f"{'s' if count > 1 else ''}, shard {run.shard}, sequence_parallel "
        f"{min(run.sequence_parallel, count)}, recompute {str(run.recompute).lower()}",
        f"{'GiB a GPU':<14}{'weights':>9}{'training':>10}{'gathered':>10}{'graph':>9}"
        f"{'working':>9}{'memory':>8}{'total':>9}",
    ]
    for one in found:
        parts = (one.weights, one.training, one.gathered, one.graph, one.working, one.memory)
        w, t, g, a, b, m = (f"{part / GIB:.{2 if part < GIB else 1}f}" for part in parts)
        total = f"{one.total / GIB:.{2 if one.total < GIB else 1}f}"
        lines.append(f"{one.stage:<14}{w:>9}{t:>10}{g:>10}{a:>9}{b:>9}{m:>8}{total:>9}")
    return "\n".join(lines) + "\n"


def check_memory(
    recipe: Recipe, count: int, available: int, stages: Collection[Stage] = STAGES
) -> None:
    """Raise `OpenRelicError` if a stage cannot fit in `available` bytes a process."""
    for budget in budgets(recipe, count, stages):
        said = (
            f"{budget.stage} of {recipe.name} needs about {budget.total / GIB:.1f} GiB in each of "
            f"{count} process{'es' if count > 1 else ''}"
        )
        if budget.total > available:
            raise OpenRelicError(
                f"{said}, there are {available / GIB:.1f}: set run.recompute, run.shard or "
                "run.sequence_parallel, take more GPUs, or a smaller recipe (`python -m "
                "training.estimate` shows what each does)"
            )
        if budget.total > NEAR * available:
            log.warning("%s, of %.1f: it may not fit", said, available / GIB)


def available_memory(device: torch.device, processes: int) -> int | None:
    """Bytes that a process may use: its GPU's, or its share of what the host has free."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    local = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    return None if free is None else int(free) * 1024 // local
