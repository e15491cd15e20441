"""Scales of inputs and outputs against Karras et al.'s own formulas and a fitted linear guess."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from training.preconditioning import NoiseScales
from training.transformer import RelicTransformer, TransformerConfig
from training.weights import load_config

RMS = (0.05, 1.0, 4.0)
TINY = {
    "num_layers": 1, "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 3,
    "out_channels": 3, "text_dim": 8, "freq_dim": 8, "ffn_dim": 16,
}  # fmt: skip


def noisy(sigma: float, count: int = 200_000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clean values, noise and their mixture, (1, 3, 1, 1, count) float64."""
    random = torch.Generator().manual_seed(3)
    shape = (1, 3, 1, 1, count)
    clean = torch.randn(shape, generator=random, dtype=torch.float64)
    clean = clean * torch.tensor(RMS, dtype=torch.float64)[None, :, None, None, None]
    noise = torch.randn(shape, generator=random, dtype=torch.float64)
    return clean, noise, (1 - sigma) * clean + sigma * noise


@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_input_is_of_unit_size_and_silence_is_the_best_linear_guess(sigma: float) -> None:
    clean, noise, x = noisy(sigma)
    scales = NoiseScales(RMS, torch.tensor([[sigma]], dtype=torch.float64))
    assert scales.input(x).square().mean((2, 3, 4)).numpy() == pytest.approx(1.0, abs=0.02)
    guess = scales.velocity(torch.zeros_like(x), x)
    for channel in range(3):
        given, wanted = x[0, channel].ravel(), (noise - clean)[0, channel].ravel()
        slope = float(given @ wanted / (given @ given))
        assert guess[0, channel].ravel().numpy() == pytest.approx(
            slope * given.numpy(), abs=0.05 * max(1.0, RMS[channel])
        )
        # What is left for the network is of unit size, in the units that its output is scaled by.
        step = scales.velocity(torch.ones_like(x), x) - guess
        left = ((wanted - guess[0, channel].ravel()) / step[0, channel].ravel()).square().mean()
        assert float(left) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 0.8])
def test_clean_latents_are_those_of_edm_for_scaled_noise(sigma: float) -> None:
    # EDM has x = x0 + s n: ours over (1 - sigma), with s = sigma / (1 - sigma). Its Table 1.
    s, x, out = sigma / (1 - sigma), torch.randn(1, 3, 1, 2, 2), torch.randn(1, 3, 1, 2, 2)
    ours = NoiseScales(RMS, torch.tensor([[sigma]]))
    clean = x - sigma * ours.velocity(out, x)
    for channel, r in enumerate(RMS):
        skip = r**2 / (s**2 + r**2)
        scale = s * r / np.sqrt(r**2 + s**2)
        edm = skip * x[:, channel] / (1 - sigma) + scale * out[:, channel]
        torch.testing.assert_close(clean[:, channel], edm, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            ours.input(x)[:, channel], x[:, channel] / (1 - sigma) / np.sqrt(s**2 + r**2)
        )


def test_a_silent_network_guesses_linearly_and_its_folder_remembers_the_sizes(
    tmp_path: Path,
) -> None:
    config = TransformerConfig(**TINY, preconditioned=True, latent_rms=RMS)  # type: ignore[arg-type]
    model = RelicTransformer(config)
    torch.nn.init.zeros_(model.proj_out.weight)
    torch.nn.init.zeros_(model.proj_out.bias)
    x, level = torch.randn(1, 3, 2, 4, 4), torch.tensor([[0.0, 700.0]])
    found = model(x, level, torch.zeros(1, 1, 8))
    torch.testing.assert_close(found, NoiseScales(RMS, level / 1000).velocity(0 * x, x))
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    assert load_config(tmp_path) == config
