"""A training step of the teacher and the rotary embedding, beside diffusers' and Wan's.

    python -m benchmarks.training

- One update (forward, backward, clipping, AdamW, average) of the tiny recipe's teacher at 5 s, with
  and without recomputation, and the same update of diffusers' `WanTransformer3DModel` of the same
  sizes, which has no actions and no poses. Seconds are CPU time where there is no GPU, so that
  other processes do not count.
- What each keeps for its backward pass (distinct tensors that autograd saves), beside what
  `training.estimate` counts for it on the meta device; on a GPU the peak of allocated memory too.
- Rotating Q and K of a 5 s window of Wan-2.1 1.3B (32,760 tokens, 12 heads of 128), forward and
  backward: ours in float32, Wan's own in complex float64 (its `rope_apply`), diffusers'.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.results import write_results
from training.attention import TokenGrid
from training.checkpoint import Ema
from training.conditions import poses_from_actions
from training.config import Recipe, read_recipe
from training.flow import TIMESTEPS, add_noise, flow_loss, generated_latents
from training.loop import adamw
from training.memory_budget import graph_bytes
from training.replay import GraphMeter
from training.rollout import Conditions, predict_velocity
from training.rope import Rope, RopeConfig, rotate
from training.weights import make_transformer

CONFIG = "configs/tiny.yaml"
LATENTS, BATCH = 21, 2
STEPS, ROPE_ROUNDS = 7, 5
WAN_GRID, WAN_HEADS, WAN_HEAD = TokenGrid(21, 30, 52), 12, 128


def main() -> None:
    """Measure, print and write the figures."""
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    figures = {"device": device.type, "step": steps(device), "rope": rotations(device)}
    path = write_results("training", figures, ["torch", "diffusers"])
    sys.stdout.write(f"{figures}\n{path}\n")


def steps(device: torch.device) -> dict[str, Any]:
    """Median seconds of an update and bytes of its graph, for each way."""
    recipe = read_recipe(CONFIG)
    inputs = _inputs(recipe, device)
    works = {
        "ours": _ours(recipe, inputs, device, recompute=False),
        "ours_recomputed": _ours(recipe, inputs, device, recompute=True),
        "diffusers": _diffusers(recipe, inputs, device),
    }
    seconds = interleaved({name: work.update for name, work in works.items()}, STEPS, device)
    graphs = {name: work.graph() for name, work in works.items()}
    found: dict[str, Any] = {
        name: {"seconds": seconds[name], "graph_MiB": graphs[name] / 2**20} for name in works
    }
    for name, recompute in (("ours", False), ("ours_recomputed", True)):
        counted = graph_bytes(
            replace(recipe, run=replace(recipe.run, recompute=recompute)), LATENTS, BATCH
        )
        found[name]["estimated_graph_MiB"] = counted / 2**20
    if device.type == "cuda":
        for name, work in works.items():
            found[name]["peak_MiB"] = _peak(work.update)
    found["ours_over_diffusers"] = seconds["ours"] / seconds["diffusers"]
    found["recomputed_over_ours"] = seconds["ours_recomputed"] / seconds["ours"]
    return found


class Step:
    """An update of one network."""

    def __init__(self, recipe: Recipe, model: torch.nn.Module, loss: Callable[[], Any]) -> None:
        """`loss` runs forward."""
        self.model, self.loss = model, loss
        self.config = recipe.teacher.optimizer
        self.optimizer = adamw(model, self.config)  # type: ignore[arg-type]
        self.average = Ema(model, recipe.teacher.ema_decay)

    def update(self) -> None:
        """Forward, backward, clip, step, average."""
        self.loss().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.model)

    def graph(self) -> int:
        """Bytes that a forward leaves for its backward."""
        with GraphMeter(self.model.parameters()) as meter:
            loss = self.loss()
        live = meter.live
        del loss
        return live


def _inputs(recipe: Recipe, device: torch.device) -> tuple[torch.Tensor, ...]:
    generator, size = torch.Generator().manual_seed(0), recipe.latents
    shape = (BATCH, size.channels, LATENTS, size.height // 8, size.width // 8)
    clean, noise = (torch.randn(shape, generator=generator) for _ in range(2))
    text = torch.randn(BATCH, recipe.text.length, recipe.text.dim, generator=generator)
    actions = torch.rand(BATCH, 4 * LATENTS - 3, 13, generator=generator)
    sigma = 0.7 * generated_latents(LATENTS).expand(BATCH, -1)
    return tuple(t.to(device) for t in (clean, noise, text, actions, sigma))


def _ours(
    recipe: Recipe, inputs: tuple[torch.Tensor, ...], device: torch.device, *, recompute: bool
) -> Step:
    clean, noise, text, actions, sigma = inputs
    model = make_transformer(recipe.teacher_model(LATENTS), 0, device=device)
    model.gradient_checkpointing = recompute
    conditions = Conditions(
        text_BLD=text, actions_BFA=actions, poses_BFP=poses_from_actions(actions)
    )

    def loss() -> torch.Tensor:
        noisy = add_noise(clean, noise, sigma)
        return flow_loss(predict_velocity(model, noisy, sigma, conditions), clean, noise)

    return Step(recipe, model, loss)


def _diffusers(recipe: Recipe, inputs: tuple[torch.Tensor, ...], device: torch.device) -> Step:
    from diffusers import WanTransformer3DModel  # type: ignore[import-not-found]

    clean, noise, text, _, sigma = inputs
    names = (
        "num_layers", "num_attention_heads", "attention_head_dim", "in_channels", "out_channels",
        "text_dim", "freq_dim", "ffn_dim",
    )  # fmt: skip
    torch.manual_seed(0)
    sizes: dict[str, Any] = {name: getattr(recipe.model, name) for name in names}
    model: Any = WanTransformer3DModel(**sizes)
    model.to(device)
    tokens = clean.shape[3] * clean.shape[4] // 4
    level = (sigma * TIMESTEPS).repeat_interleave(tokens, dim=1)

    def loss() -> torch.Tensor:
        noisy = add_noise(clean, noise, sigma)
        return flow_loss(model(noisy, level, text, return_dict=False)[0], clean, noise)

    return Step(recipe, model, loss)


def rotations(device: torch.device) -> dict[str, float]:
    """Seconds of rotating a window's queries, and how far each is from the complex result."""
    tokens = WAN_GRID.latents * WAN_GRID.tokens_per_latent
    x = torch.randn(1, tokens, WAN_HEADS, WAN_HEAD, generator=torch.Generator().manual_seed(0))
    x = x.to(device).requires_grad_()
    rope = Rope(RopeConfig(head_dim=WAN_HEAD))
    positions = WAN_GRID.positions(torch.arange(WAN_GRID.latents))
    angles = rope.angles(positions, torch.float32).to(device)
    wide = rope.angles(positions, torch.float64)
    complex_LE = torch.complex(wide.cos_LE, wide.sin_LE).to(device)

    def wan() -> torch.Tensor:
        pairs = torch.view_as_complex(x.to(torch.float64).unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * complex_LE[:, None]).flatten(-2).float()

    def diffusers() -> torch.Tensor:
        cos, sin = (t.repeat_interleave(2, dim=1)[None, :, None] for t in angles)
        first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
        out = torch.empty_like(x)
        out[..., 0::2] = first * cos[..., 0::2] - second * sin[..., 1::2]
        out[..., 1::2] = first * sin[..., 1::2] + second * cos[..., 0::2]
        return out

    works = {"ours": lambda: rotate(x, angles), "wan_complex": wan, "diffusers": diffusers}
    seconds = interleaved(
        {name: lambda work=work: work().sum().backward() for name, work in works.items()},
        ROPE_ROUNDS,
        device,
    )
    with torch.no_grad():
        exact = works["wan_complex"]()
        gaps = {name: float((work() - exact).abs().max()) for name, work in works.items()}
    return {
        **{f"{name}_s": value for name, value in seconds.items()},
        "wan_complex_over_ours": seconds["wan_complex"] / seconds["ours"],
        "diffusers_over_ours": seconds["diffusers"] / seconds["ours"],
        "largest_difference_from_complex": gaps["ours"],
    }


def interleaved(
    works: dict[str, Callable[[], object]], rounds: int, device: torch.device
) -> dict[str, float]:
    """Median seconds of each work, taken in turns after one turn that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            began = _clock(device)
            work()
            if turn:
                taken[name].append(_clock(device) - began)
    return {name: float(np.median(values)) for name, values in taken.items()}


def _clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _peak(work: Callable[[], object]) -> float:
    torch.cuda.reset_peak_memory_stats()
    work()
    return torch.cuda.max_memory_allocated() / 2**20


if __name__ == "__main__":
    main()
