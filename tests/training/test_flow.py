from typing import Any

import pytest
import torch

from dataset.errors import OpenRelicError
from training.flow import (
    FlowConfig,
    add_noise,
    draw_sigmas,
    euler_sample,
    few_step_sample,
    flow_loss,
    generated_latents,
    latent_mse,
    predict_x0,
    velocity,
)

FLOW = FlowConfig()


def scheduler(shift: float) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler  # type: ignore[import-not-found]

    return FlowMatchEulerDiscreteScheduler(shift=shift)


@pytest.mark.parametrize("shift", [1.0, 3.0, 5.0, 8.0])
def test_levels_and_euler_grid_are_diffusers(shift: float) -> None:
    flow, reference = FlowConfig(shift=shift), scheduler(shift)
    reference.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25])
    torch.testing.assert_close(flow.levels().float(), reference.sigmas[:-1], rtol=0, atol=1e-7)
    torch.testing.assert_close(
        (1000 * flow.levels()).float(), reference.timesteps, rtol=1e-7, atol=1e-4
    )
    grid = torch.linspace(1, 0, 49)[:-1].tolist()
    reference.set_timesteps(sigmas=grid)
    torch.testing.assert_close(flow.euler_sigmas(48).float(), reference.sigmas, rtol=0, atol=1e-7)


@pytest.mark.parametrize("shift", [1.0, 3.0, 5.0])
def test_the_table_is_diffusers(shift: float) -> None:
    """What training draws from is the scheduler's own list, theirs descending."""
    theirs = scheduler(shift).sigmas.flip(0)
    torch.testing.assert_close(FlowConfig(shift=shift).table().float(), theirs, rtol=0, atol=1e-6)


def test_levels_at_shift_5() -> None:
    expected = torch.tensor([1, 0.9375, 5 / 6, 0.625], dtype=torch.float64)
    torch.testing.assert_close(FLOW.levels(), expected)


def test_levels_lie_on_the_euler_grid_and_in_the_table() -> None:
    indices = FLOW.level_indices(48)
    assert indices == [0, 12, 24, 36]
    torch.testing.assert_close(FLOW.euler_sigmas(48)[indices], FLOW.levels())
    table = FLOW.table()
    torch.testing.assert_close(table[[999, 749, 499, 249]], FLOW.levels())
    assert len(table) == 1000 and (table.diff() > 0).all()
    with pytest.raises(OpenRelicError, match="multiple of 4"):
        FLOW.level_indices(50)


def test_noise_velocity_and_x0_fit_each_other() -> None:
    x0, noise = torch.randn(2, 2, 3, 5, 4, 4, dtype=torch.float64).unbind(0)
    sigma = torch.rand(2, 5, dtype=torch.float64)
    x = add_noise(x0, noise, sigma)
    torch.testing.assert_close(predict_x0(x, velocity(x0, noise), sigma), x0)
    torch.testing.assert_close(
        x[1, :, 2], (1 - sigma[1, 2]) * x0[1, :, 2] + sigma[1, 2] * noise[1, :, 2]
    )
    # The velocity is the path's derivative by the level.
    step = 1e-6
    slope = (add_noise(x0, noise, sigma + step) - x) / step
    torch.testing.assert_close(slope, velocity(x0, noise), rtol=1e-6, atol=1e-6)


def test_draws_come_from_the_table_repeat_and_clamp() -> None:
    def draw(**limits: float) -> torch.Tensor:
        return draw_sigmas(FLOW, (4000, 1), generator=torch.Generator().manual_seed(3), **limits)

    drawn = draw()
    assert torch.isin(drawn, FLOW.table().float()).all()
    assert torch.equal(drawn, draw())
    torch.testing.assert_close(drawn.mean().double(), FLOW.table().mean(), rtol=0.02, atol=0)
    clamped = draw(lowest=0.02, highest=0.98)
    assert clamped.min() >= 0.02 and clamped.max() <= 0.98
    assert torch.equal(clamped, drawn.clamp(0.02, 0.98))


def test_the_image_latent_is_in_no_loss() -> None:
    x0, noise, pred = torch.randn(3, 2, 3, 5, 4, 4).unbind(0)
    expected = (pred - velocity(x0, noise))[:, :, 1:].square().mean()
    torch.testing.assert_close(flow_loss(pred, x0, noise), expected)
    pred.requires_grad_()
    flow_loss(pred, x0, noise).backward()
    assert pred.grad is not None and pred.grad[:, :, 0].abs().sum() == 0
    counted = torch.tensor([[0, 1, 1, 0, 0], [0, 0, 0, 0, 1.0]])
    kept = (pred - x0).square().mean((1, 3, 4))[counted.bool()]
    torch.testing.assert_close(latent_mse(pred, x0, counted), kept.mean())


def test_generated_latents_are_all_but_the_image() -> None:
    assert generated_latents(4).tolist() == [0, 1, 1, 1]
    assert generated_latents(4, first_latent=4).tolist() == [1, 1, 1, 1]


def test_euler_agrees_with_diffusers_steps_and_leaves_the_image() -> None:
    reference = scheduler(5.0)
    reference.set_timesteps(sigmas=torch.linspace(1, 0, 9)[:-1].tolist())
    start = torch.randn(1, 3, 5, 4, 4)
    levels = []

    def field(x: torch.Tensor, sigma_BT: torch.Tensor) -> torch.Tensor:
        levels.append(sigma_BT)
        return torch.tanh(x) * 0.7

    trajectory = euler_sample(field, start, FLOW.euler_sigmas(8), generated_latents(5))
    x = start
    for t in reference.timesteps:
        x = reference.step(torch.tanh(x) * 0.7, t, x, return_dict=False)[0]
    torch.testing.assert_close(trajectory[-1][:, :, 1:], x[:, :, 1:], rtol=1e-5, atol=1e-5)
    assert all(torch.equal(state[:, :, 0], start[:, :, 0]) for state in trajectory)
    assert len(trajectory) == 9
    assert all(sigma[0, 0] == 0 and (sigma[0, 1:] > 0).all() for sigma in levels)


def test_the_few_step_sampler_renoises_and_exits_where_it_is_told() -> None:
    generator = torch.Generator().manual_seed(0)
    fresh = [torch.randn(1, 3, 4, 2, 2, generator=generator) for _ in range(4)]
    mask, levels = generated_latents(4), FLOW.levels()

    def sample(exit_step: int | None):
        noises = iter(fresh[1:])
        return few_step_sample(
            lambda x, sigma: torch.sin(x),
            fresh[0],
            levels,
            mask,
            lambda like: next(noises),
            exit_step,
        )

    x = fresh[0]
    for step, level in enumerate(levels.tolist()):
        if step:
            x = (1 - level) * x + level * fresh[step]
            x[:, :, 0] = fresh[0][:, :, 0]
        entered = x
        x = x - level * torch.sin(x)
        x[:, :, 0] = fresh[0][:, :, 0]
        got = sample(step)
        torch.testing.assert_close(got.exit_input_BCTHW, entered)
        torch.testing.assert_close(got.x0_BCTHW, x)
        assert torch.equal(got.x0_BCTHW[:, :, 0], fresh[0][:, :, 0])
        torch.testing.assert_close(got.exit_sigma_T, (level * mask))
    assert torch.equal(sample(None).x0_BCTHW, sample(3).x0_BCTHW)
    with pytest.raises(OpenRelicError, match="0 to 3"):
        sample(4)


@pytest.mark.parametrize("grid", [(), (0.9, 0.5), (1.0, 0.5, 0.5), (1.0, 0.0)])
def test_impossible_student_grids_are_refused(grid: tuple[float, ...]) -> None:
    with pytest.raises(OpenRelicError, match="student grid"):
        FlowConfig(student_grid=grid)


def test_impossible_shifts_are_refused() -> None:
    with pytest.raises(OpenRelicError, match="shift"):
        FlowConfig(shift=0)
