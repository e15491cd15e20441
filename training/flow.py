"""Flow matching: x_t = (1 - s) x0 + s eps, v = eps - x0, with one table of levels in all stages.

A level `sigma` runs from 0 (clean) to 1 (noise); the networks take the timestep 1000·sigma. Every
level in the project is a grid point u warped by one shift: sigma = shift·u / (1 + (shift - 1)·u).
Levels are per latent, (B, T) or (T,): the image latent has level 0 in any of them. A step there
moves by sigma·v = 0, so no sampler needs a special case for it and no loss may count it.

Public: `FlowConfig` (`warp`, `table`, `levels`, `euler_sigmas`, `level_indices`), `draw_sigmas`,
`generated_latents`, `add_noise`, `velocity`, `predict_x0`, `latent_mse`, `flow_loss`,
`euler_sample`, `few_step_sample`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from dataset.errors import OpenRelicError

TIMESTEPS = 1000
"""Steps in the sigma table, and the factor from a level to the timestep a network takes (Wan)."""

VelocityFn = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(x_BCTHW, sigma_BT) -> velocity_BCTHW."""


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """The one warp, and the student's levels on it."""

    shift: float = 5.0
    """warp of all levels; 5 is Wan-2.1's for 720p, the paper does not state its own"""
    student_grid: tuple[float, ...] = (1.0, 0.75, 0.5, 0.25)
    """grid points of the few-step student, descending; at shift 5: 1, 0.9375, 0.8333, 0.625"""

    def __post_init__(self) -> None:
        if self.shift <= 0:
            raise OpenRelicError(f"shift {self.shift}: allowed are positive numbers")
        grid = self.student_grid
        descending = all(a > b for a, b in zip(grid, grid[1:], strict=False))
        if not grid or grid[0] != 1.0 or grid[-1] <= 0 or not descending:
            raise OpenRelicError(f"student grid {grid}: allowed is 1.0 and then descending above 0")

    def warp(self, u: torch.Tensor) -> torch.Tensor:
        """Levels of grid points: shift·u / (1 + (shift - 1)·u)."""
        return self.shift * u / (1 + (self.shift - 1) * u)

    def table(self) -> torch.Tensor:
        """The sigma table, float64 (1000,), ascending: entry i is the warped (i + 1) / 1000."""
        return self.warp(torch.arange(1, TIMESTEPS + 1, dtype=torch.float64) / TIMESTEPS)

    def levels(self) -> torch.Tensor:
        """The student's levels, float64, descending from 1."""
        return self.warp(torch.tensor(self.student_grid, dtype=torch.float64))

    def euler_sigmas(self, steps: int) -> torch.Tensor:
        """Levels of an Euler sampler, float64 (steps + 1,): linspace(1, 0) warped."""
        return self.warp(torch.linspace(1, 0, steps + 1, dtype=torch.float64))

    def level_indices(self, steps: int) -> list[int]:
        """Where the student's levels lie among `euler_sigmas(steps)`."""
        places = [(1 - u) * steps for u in self.student_grid]
        indices = [round(place) for place in places]
        if any(abs(place - index) > 1e-9 for place, index in zip(places, indices, strict=True)):
            raise OpenRelicError(
                f"{steps} Euler steps do not pass the student's grid {self.student_grid}: "
                "take a multiple of 4 for quarters"
            )
        return indices


def draw_sigmas(
    flow: FlowConfig,
    shape: tuple[int, ...],
    *,
    generator: torch.Generator | None = None,
    lowest: float = 0.0,
    highest: float = 1.0,
) -> torch.Tensor:
    """Draw levels uniformly from the table's grid, then clamp them (DMD: 0.02 to 0.98), float32.

    They are drawn where `generator` lives; `shape` is (B, 1) for one level a video.
    """
    device = generator.device if generator is not None else torch.device("cpu")
    index = torch.randint(TIMESTEPS, shape, generator=generator, device=device)
    return flow.table().to(device)[index].clamp(lowest, highest).float()


def generated_latents(count: int, first_latent: int = 0) -> torch.Tensor:
    """1 for every latent that is generated, 0 for the image latent: float32 (count,)."""
    return (torch.arange(first_latent, first_latent + count) > 0).float()


def _per_latent(sigma: torch.Tensor, like_BCTHW: torch.Tensor) -> torch.Tensor:
    """Shape levels (B, T) or (T,) to broadcast over (B, C, T, H, W)."""
    sigma = sigma.to(like_BCTHW)
    return sigma[None, None, :, None, None] if sigma.ndim == 1 else sigma[:, None, :, None, None]


def add_noise(x0: torch.Tensor, noise: torch.Tensor, sigma_BT: torch.Tensor) -> torch.Tensor:
    """x_t = (1 - sigma) x0 + sigma noise, all (B, C, T, H, W)."""
    sigma = _per_latent(sigma_BT, x0)
    return (1 - sigma) * x0 + sigma * noise


def velocity(x0: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """What a network is trained to predict: noise - x0."""
    return noise - x0


def predict_x0(x: torch.Tensor, v: torch.Tensor, sigma_BT: torch.Tensor) -> torch.Tensor:
    """Clean latents that a predicted velocity points at: x - sigma v."""
    return x - _per_latent(sigma_BT, x) * v


def latent_mse(pred: torch.Tensor, target: torch.Tensor, counted_T: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the latents where `counted_T` (T,) or (B, T) is not 0, float32 up."""
    counted = _per_latent(counted_T, pred)
    wide = torch.promote_types(pred.dtype, torch.float32)
    error = (pred.to(wide) - target.to(wide)).square() * counted.to(wide)
    # The mask broadcasts over the error, so count what it lets through there.
    return error.sum() / counted.to(wide).expand_as(error).sum().clamp(min=1)


def flow_loss(pred_BCTHW: torch.Tensor, x0: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Flow-matching loss of a window that begins with the image latent, which does not count."""
    return latent_mse(pred_BCTHW, velocity(x0, noise), generated_latents(x0.shape[2]))


def euler_sample(
    velocity_of: VelocityFn,
    x_BCTHW: torch.Tensor,
    sigmas_S: torch.Tensor,
    generated_T: torch.Tensor,
) -> list[torch.Tensor]:
    """Follow the velocity along `sigmas_S`; the trajectory of S states, the last one clean.

    Latents where `generated_T` is 0 keep level 0 and their value.
    """
    trajectory = [x_BCTHW]
    for here, there in zip(sigmas_S[:-1].tolist(), sigmas_S[1:].tolist(), strict=True):
        x = trajectory[-1]
        v = velocity_of(x, (here * generated_T).expand(x.shape[0], -1))
        trajectory.append(x + _per_latent((there - here) * generated_T, x) * v)
    return trajectory


class FewStepSample(NamedTuple):
    """What a few-step sampler made of a chunk, and what replay needs to make it again."""

    x0_BCTHW: torch.Tensor
    exit_input_BCTHW: torch.Tensor
    """what the network was given at the exit step"""
    exit_sigma_T: torch.Tensor
    """its level per latent"""


def few_step_sample(
    velocity_of: VelocityFn,
    x_BCTHW: torch.Tensor,
    levels_S: torch.Tensor,
    generated_T: torch.Tensor,
    renoise: Callable[[torch.Tensor], torch.Tensor],
    exit_step: int | None = None,
) -> FewStepSample:
    """Predict x0 at each level, re-noising it to the next with fresh noise: not an Euler step.

    `x_BCTHW` is the first level's input: noise, and the clean image where `generated_T` is 0.
    `renoise` gives fresh noise shaped like its argument. `exit_step` (0 ... S-1, default the last)
    is the step whose x0 is the result; later levels are not run.
    """
    last = len(levels_S) - 1 if exit_step is None else exit_step
    if not 0 <= last < len(levels_S):
        raise OpenRelicError(f"exit step {last}: allowed are 0 to {len(levels_S) - 1}")
    x = x_BCTHW
    for step, level in enumerate(levels_S[: last + 1].tolist()):
        sigma_T = level * generated_T
        if step:
            x = add_noise(x, renoise(x), sigma_T)
        exit_input = x
        x = predict_x0(x, velocity_of(x, sigma_T.expand(x.shape[0], -1)), sigma_T)
    return FewStepSample(x, exit_input, sigma_T)
