"""The trajectories that the ODE initialisation learns from.

A trajectory starts at noise behind a clean image latent and follows the teacher's guided velocity
in Euler steps to its end. Of its states those at the student's levels are kept, and the end. The
teacher is that of the longest windows, on the student's shortest; for `causal_ode` it is a causal
network, which makes the window chunk by chunk over its own clean past.

    runs/<name>/ode/pairs/batch-NNNNNN.safetensors
        states (n, S + 1, C, L, h, w) float32, samples (n,) int64 (places in the training split);
        metadata made_with: trajectories of another configuration are made again
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from training.context import RunContext
from training.data import Batch
from training.flow import euler_sample, generated_latents
from training.memory.cache import KVMemory
from training.memory.reading import ChunkAttention
from training.rollout import Conditions, predict_velocity, write_context
from training.transformer import RelicTransformer

FOLDER = "ode/pairs"
Solver = Callable[[torch.Tensor, Conditions], list[torch.Tensor]]
"""(start (B, C, L, h, w), conditions) -> states at the student's levels and the end."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Trajectories with the windows whose conditions they follow."""

    states: torch.Tensor
    """(B, S + 1, C, L, h, w): at each of the student's levels, then the end"""
    batch: Batch


class PairStore:
    """The trajectories of a run, by number."""

    def __init__(self, context: RunContext, latents: int) -> None:
        """Trajectories of `latents` latents."""
        self._context, self._latents = context, latents
        self._folder = context.folder / FOLDER

    def complete(self, solver: Callable[[], Solver]) -> None:
        """Make what is missing; `solver` is asked for only if something is."""
        process = self._context.accelerator
        # By number, not among what is missing: another process may be writing already.
        own = range(process.process_index, self._batches(), process.num_processes)
        mine = [number for number in own if not self._made(number)]
        if mine:
            solve = solver()
            for number in tqdm(
                mine, "ode pairs", unit="batch", disable=not process.is_main_process
            ):
                self._make(number, solve)
        process.wait_for_everyone()

    def take(self, positions: list[int]) -> Pairs:
        """The trajectories at `positions` of an endless sequence of shuffled epochs."""
        states, samples = [], []
        for position in positions:
            number, place = divmod(self._index(position), self._context.recipe.ode.pair_batch)
            one, sample = self._load(number, place)
            states.append(one)
            samples.append(sample)
        data = self._context.data("train", self._latents)
        return Pairs(
            states=torch.stack(states).to(self._context.device), batch=data.samples(samples)
        )

    def _index(self, position: int) -> int:
        count = self._context.recipe.ode.pairs
        epoch, place = divmod(position, count)
        generator = torch.Generator().manual_seed(self._context.recipe.seed * 1_000_003 + epoch)
        return int(torch.randperm(count, generator=generator)[place])

    def _batches(self) -> int:
        config = self._context.recipe.ode
        return -(-config.pairs // config.pair_batch)

    def _path(self, number: int) -> Path:
        return self._folder / f"batch-{number:06d}.safetensors"

    def _made(self, number: int) -> bool:
        """Whether a batch is there and was made as this run would make it."""
        from safetensors import safe_open

        if not self._path(number).exists():
            return False
        with safe_open(str(self._path(number)), "pt") as stored:
            found = stored.metadata() or {}
        return found.get("made_with") == self._context.made_with("ode")

    def _load(self, number: int, place: int) -> tuple[torch.Tensor, int]:
        """One trajectory; thousands of them do not fit into memory."""
        from safetensors import safe_open

        with safe_open(str(self._path(number)), "pt") as stored:
            states = stored.get_slice("states")[place : place + 1][0]
            return states, int(stored.get_slice("samples")[place : place + 1][0])

    @torch.no_grad()
    def _make(self, number: int, solve: Solver) -> None:
        from safetensors.torch import save_file

        context, config = self._context, self._context.recipe.ode
        first = number * config.pair_batch
        data = context.data("train", self._latents)
        count = min(config.pair_batch, config.pairs - first)
        samples = [data.index(first + j) for j in range(count)]
        batch = data.samples(samples)
        clean = batch.latents.to(context.device)
        generator = context.generator("pairs", number, shared=True)
        noise = torch.randn(clean.shape, generator=generator, device=context.device)
        start = torch.cat([clean[:, :, :1], noise[:, :, 1:]], dim=2)
        states = torch.stack(solve(start, context.conditions(batch)), dim=1)
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._path(number).with_suffix(".part")
        record = {"states": states.float().cpu().contiguous(), "samples": torch.tensor(samples)}
        save_file(record, str(part), metadata={"made_with": context.made_with("ode")})
        part.replace(self._path(number))


def guided_velocity(
    model: RelicTransformer,
    x: torch.Tensor,
    sigma_BT: torch.Tensor,
    conditions: Conditions,
    empty: Conditions,
    scale: float,
) -> torch.Tensor:
    """Classifier-free guidance that drops text only; a scale of 1 costs one evaluation."""
    with_text = predict_velocity(model, x, sigma_BT, conditions).float()
    if scale == 1.0:
        return with_text
    without = predict_velocity(model, x, sigma_BT, empty).float()
    return without + scale * (with_text - without)


def bidirectional_solver(context: RunContext, teacher: RelicTransformer) -> Solver:
    """Whole windows by the bidirectional teacher."""
    config, flow = context.recipe.ode, context.recipe.flow
    sigmas = flow.euler_sigmas(config.euler_steps)
    kept = [*flow.level_indices(config.euler_steps), config.euler_steps]

    def solve(start: torch.Tensor, conditions: Conditions) -> list[torch.Tensor]:
        empty = context.without_text(conditions)

        def velocity_of(x: torch.Tensor, sigma_BT: torch.Tensor) -> torch.Tensor:
            with context.arithmetic():
                return guided_velocity(teacher, x, sigma_BT, conditions, empty, config.guidance)

        generated = generated_latents(start.shape[2]).to(context.device)
        trajectory = euler_sample(velocity_of, start, sigmas, generated)
        return [trajectory[index] for index in kept]

    return solve


def causal_solver(context: RunContext, teacher: RelicTransformer) -> Solver:
    """Chunk by chunk by a causal teacher; with and without text it remembers the same chunks."""
    config, flow, chunk = context.recipe.ode, context.recipe.flow, context.recipe.memory.chunk
    sigmas = flow.euler_sigmas(config.euler_steps)
    kept = [*flow.level_indices(config.euler_steps), config.euler_steps]

    def solve(start: torch.Tensor, conditions: Conditions) -> list[torch.Tensor]:
        both = [conditions, context.without_text(conditions)][: 1 if config.guidance == 1.0 else 2]
        memories = [KVMemory(context.recipe.memory) for _ in both]
        chunks = []
        for index in range(start.shape[2] // chunk):
            own = [one.of_chunk(index, chunk) for one in both]
            part = start[:, :, index * chunk : (index + 1) * chunk]
            velocity_of = _causal_velocity(context, teacher, memories, own)
            generated = generated_latents(chunk, index * chunk).to(context.device)
            trajectory = euler_sample(velocity_of, part, sigmas, generated)
            for memory, one in zip(memories, own, strict=True):
                with context.arithmetic():
                    write_context(teacher, memory, trajectory[-1], one)
            chunks.append([trajectory[place] for place in kept])
        return [torch.cat(states, dim=2) for states in zip(*chunks, strict=True)]

    return solve


def _causal_velocity(
    context: RunContext, teacher: RelicTransformer, memories: list[KVMemory], own: list[Conditions]
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    views = [memory.view() for memory in memories]

    def velocity_of(x: torch.Tensor, sigma_BT: torch.Tensor) -> torch.Tensor:
        with context.arithmetic():
            found = [
                predict_velocity(teacher, x, sigma_BT, one, ChunkAttention(view)).float()
                for one, view in zip(own, views, strict=True)
            ]
        if len(found) == 1:
            return found[0]
        return found[1] + context.recipe.ode.guidance * (found[0] - found[1])

    return velocity_of
