"""Distribution matching against distributions whose scores are known in closed form."""

import pytest
import torch
from torch import nn

from training.dmd import normalised_push
from training.flow import FlowConfig, add_noise, draw_sigmas, predict_x0, velocity
from training.replay import full_backward, replay_backward

torch.set_num_threads(1)


def gaussian_x0(
    x: torch.Tensor, sigma: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor
) -> torch.Tensor:
    """E[x0 | x] of x = (1 - s) x0 + s eps with x0 normal: the conditional of a joint Gaussian."""
    keep = 1 - sigma
    noisy = keep**2 * covariance + sigma**2 * torch.eye(len(mean), dtype=x.dtype)
    return mean + keep * torch.linalg.solve(noisy, x - keep * mean) @ covariance


def score_of(
    x: torch.Tensor, sigma: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor
) -> torch.Tensor:
    """d log p(x) / dx of the same, by automatic differentiation of PyTorch's own density."""
    keep = 1 - sigma
    noisy = keep**2 * covariance + sigma**2 * torch.eye(len(mean), dtype=x.dtype)
    x = x.detach().requires_grad_()
    density = torch.distributions.MultivariateNormal(keep * mean, noisy)
    return torch.autograd.grad(density.log_prob(x), x)[0]


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_the_push_is_the_difference_of_analytic_scores(level: float) -> None:
    """x0 = (x + s^2 score) / (1 - s), so fake minus real is a multiple of the scores' difference,
    the gradient of the divergence between the noisy distributions."""
    generator = torch.Generator().manual_seed(0)
    draw = {"generator": generator, "dtype": torch.float64}
    parts, sigma = [], torch.tensor(level, dtype=torch.float64)
    x = torch.randn(6, **draw)
    for _ in range(2):
        factor = torch.randn(6, 6, **draw)
        parts.append((torch.randn(6, **draw), factor @ factor.T + 0.1 * torch.eye(6)))
    predicted = [gaussian_x0(x, sigma, *part) for part in parts]
    scores = [score_of(x, sigma, *part) for part in parts]
    for x0, score in zip(predicted, scores, strict=True):
        torch.testing.assert_close(x0, (x + sigma**2 * score) / (1 - sigma), rtol=1e-10, atol=1e-10)

    # The project's push on a window of 7 latents, the first of which is the image.
    real, fake = (torch.cat([x[:1], one]).view(1, 1, 7, 1, 1) for one in predicted)
    clean = torch.randn(7, **draw).view(1, 1, 7, 1, 1)
    push = normalised_push(clean, real, fake)
    scale = (clean - real)[:, :, 1:].abs().mean()
    wanted = sigma**2 / (1 - sigma) * (scores[1] - scores[0]) / scale
    assert push[0, 0, 0] == 0
    torch.testing.assert_close(push.flatten()[1:], wanted, rtol=1e-10, atol=1e-10)


def test_the_loss_of_dmd_has_that_push_as_its_gradient() -> None:
    x = torch.randn(2, 3, 5, 2, 2, dtype=torch.float64, requires_grad=True)
    push = torch.randn_like(x)
    push[:, :, 0] = 0
    target = (x - push).detach()
    loss = 0.5 * (x - target)[:, :, 1:].square().mean()
    loss.backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, push / push[:, :, 1:].numel(), rtol=1e-12, atol=0)


class Walk(nn.Module):
    """A generator in blocks of one number, x_i = a + b z_i + c x_{i-1}, what it reads detached."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.scale = nn.Parameter(torch.tensor(0.3))
        self.memory = nn.Parameter(torch.tensor(0.3))

    def blocks(self, z_BL: torch.Tensor):
        past = torch.zeros(len(z_BL))
        for z in z_BL.unbind(1):
            yield lambda z=z, past=past: self.shift + self.scale * z + self.memory * past
            past = self.shift + self.scale * z + self.memory * past

    def rollout(self, z_BL: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.stack([block() for block in self.blocks(z_BL)], dim=1)


class GaussianScore(nn.Module):
    """x0 of a normal distribution of whole sequences whose parameters are trained."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(length))
        self.factor = nn.Parameter(torch.eye(length))

    def forward(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return batch_x0(x, sigma, self.mean, self.factor @ self.factor.T)


def batch_x0(
    x: torch.Tensor, sigma_B: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor
) -> torch.Tensor:
    keep, s = (1 - sigma_B)[:, None, None], sigma_B[:, None, None]
    noisy = keep**2 * covariance + s**2 * torch.eye(len(mean))
    off = x - keep[..., 0] * mean
    return mean + keep[..., 0] * (torch.linalg.solve(noisy, off[..., None])[..., 0] @ covariance)


def as_window(x_BL: torch.Tensor) -> torch.Tensor:
    """Behind an image latent, as a window (B, 1, L + 1, 1, 1)."""
    return torch.cat([torch.zeros(len(x_BL), 1), x_BL], dim=1)[:, None, :, None, None]


def test_a_generator_trained_by_dmd_with_replay_recovers_mean_and_variance() -> None:
    """Real sequences are x_i = 0.8 + 0.6 z_i + 0.6 x_{i-1}, whose score is known; the student must
    find them, while its fake score learns by flow matching from its rollouts."""
    torch.manual_seed(0)
    length, batch, flow = 5, 128, FlowConfig()
    shift, scale, memory = 0.8, 0.6, 0.6
    place = torch.arange(length)
    answer = torch.tril(memory ** (place[:, None] - place).clamp(min=0))
    real_mean, real_covariance = shift * answer.sum(1), scale**2 * answer @ answer.T
    mean, variance = float(real_mean[-1]), float(real_covariance[-1, -1])
    student, fake = Walk(), GaussianScore(length)
    generator = torch.optim.Adam(student.parameters(), 0.01, betas=(0.5, 0.999))
    critic = torch.optim.Adam(fake.parameters(), 0.02, betas=(0.5, 0.999))
    first = as_window(student.rollout(torch.randn(4, length)))

    def noisy(clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        noise = torch.randn_like(clean)
        sigma = draw_sigmas(flow, (len(clean), 1), lowest=0.02, highest=0.98)
        window = add_noise(clean[:, None, :, None, None], noise[:, None, :, None, None], sigma)
        return window[:, 0, :, 0, 0], noise, sigma[:, 0]

    for step in range(800):
        clean = student.rollout(torch.randn(batch, length))
        x, noise, sigma = noisy(clean)
        # The critic's loss is on the velocity, as in training: v = (x - x0) / sigma.
        predicted = (x - fake(x, sigma)) / sigma[:, None]
        loss = (predicted - velocity(clean, noise)).square().mean()
        critic.zero_grad()
        loss.backward()
        critic.step()
        if step < 100 or step % 2:
            continue
        z = torch.randn(batch, length)
        clean = student.rollout(z)
        x, _, sigma = noisy(clean)
        with torch.no_grad():
            real = batch_x0(x, sigma, real_mean, real_covariance)
            push = normalised_push(as_window(clean), as_window(real), as_window(fake(x, sigma)))
        generator.zero_grad()
        gradients = (push[:, 0, 1:, 0, 0] / batch).unbind(1)
        replay_backward(student.blocks(z), gradients)
        generator.step()

    made = student.rollout(torch.randn(20_000, length))
    assert first.abs().mean() < 1.0  # it began elsewhere
    assert float(made[:, -1].mean()) == pytest.approx(mean, abs=0.1)
    assert float(made[:, -1].var()) == pytest.approx(variance, rel=0.2)
    assert float(student.memory.detach()) == pytest.approx(memory, abs=0.12)


def test_replay_of_the_walk_is_its_full_backward() -> None:
    student, z = Walk().double(), torch.randn(16, 5, dtype=torch.float64)
    gradients = torch.randn(5, 16, dtype=torch.float64).unbind(0)
    found = []
    for backward in (replay_backward, full_backward):
        student.zero_grad()
        backward(student.blocks(z), gradients)
        found.append(torch.stack([p.grad for p in student.parameters()]))  # type: ignore[misc]
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=0)


def test_predicted_x0_is_the_analytic_one_through_its_velocity() -> None:
    x, sigma = torch.randn(3, 1, 4, 1, 1), torch.tensor([0.2, 0.5, 0.9])
    mean, covariance = torch.zeros(4), torch.eye(4)
    x0 = batch_x0(x[:, 0, :, 0, 0], sigma, mean, covariance)
    v = (x[:, 0, :, 0, 0] - x0) / sigma[:, None]
    found = predict_x0(x, v[:, None, :, None, None], sigma[:, None].expand(-1, 4))
    torch.testing.assert_close(found[:, 0, :, 0, 0], x0)
