import math

import pytest
import torch

from dataset.errors import OpenRelicError
from training.attention import TokenGrid
from training.rope import Rope, RopeConfig, latent_positions, rotate


def angles_of(config: RopeConfig, positions: torch.Tensor, dtype=torch.float64):
    return Rope(config).angles(positions, dtype)


@pytest.mark.parametrize("head_dim", [12, 24, 128])
def test_without_yarn_the_angles_are_those_of_diffusers_wan(head_dim: int) -> None:
    from diffusers.models.transformers.transformer_wan import (  # type: ignore[import-not-found]
        WanRotaryPosEmbed,
    )

    cos, sin = WanRotaryPosEmbed(head_dim, (1, 2, 2), 64)(torch.zeros(1, 1, 7, 6, 10))
    grid = TokenGrid(7, 3, 5)
    ours = angles_of(RopeConfig(head_dim=head_dim), grid.positions(torch.arange(7)), torch.float32)
    torch.testing.assert_close(ours.cos_LE, cos[0, :, 0, 0::2], rtol=0, atol=1e-7)
    torch.testing.assert_close(ours.sin_LE, sin[0, :, 0, 1::2], rtol=0, atol=1e-7)


def test_a_head_of_128_splits_44_42_42() -> None:
    assert [2 * len(f) for f in Rope(RopeConfig(head_dim=128)).frequencies] == [44, 42, 42]


def test_a_rotation_is_a_complex_product_and_keeps_norms() -> None:
    positions = torch.tensor([[3.0, 1.5, 4.25]])
    rope = Rope(RopeConfig(head_dim=24))
    x = torch.randn(2, 1, 3, 24, dtype=torch.float64)
    angle = torch.cat([f * p for f, p in zip(rope.frequencies, positions[0], strict=True)])
    turned = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * torch.polar(
        torch.ones_like(angle), angle
    )
    got = rotate(x, rope.angles(positions, torch.float64))
    torch.testing.assert_close(got, torch.view_as_real(turned).flatten(-2))


def test_logits_depend_on_differences_of_position_only_even_late_in_a_session() -> None:
    config = RopeConfig(head_dim=24, yarn_target_length=80)
    q, k = torch.randn(2, 1, 1, 1, 24, dtype=torch.float64).unbind(0)

    def logit(shift: float) -> torch.Tensor:
        at = torch.tensor([[5.0 + shift, 2.5, 1.0], [1.0 + shift, 0.5, 4.0]], dtype=torch.float64)
        turned_q = rotate(q, angles_of(config, at[:1]))
        return (turned_q * rotate(k, angles_of(config, at[1:]))).sum()

    for shift in (0.5, 80.0, 1024.0, 60_000.0):
        torch.testing.assert_close(logit(shift), logit(0.0), rtol=1e-9, atol=1e-9)


def test_yarn_leaves_fast_frequencies_and_space_and_stretches_slow_ones() -> None:
    plain = Rope(RopeConfig(head_dim=128)).frequencies
    config = RopeConfig(head_dim=128, yarn_target_length=80)
    stretched = Rope(config).frequencies
    assert torch.equal(plain[1], stretched[1]) and torch.equal(plain[2], stretched[2])
    turns, ratio = plain[0] * 21 / (2 * math.pi), stretched[0] / plain[0]
    assert turns[0] == pytest.approx(3.342, abs=1e-3)
    assert (ratio[turns > 3] == 1).all() and (turns > 3).any()
    slow = ratio[turns < 1]
    torch.testing.assert_close(slow, torch.full_like(slow, 21 / 80))
    between = (turns > 1) & (turns < 3)
    ramp = (turns[between] - 1) / 2
    torch.testing.assert_close(ratio[between], ramp + (1 - ramp) * 21 / 80)
    assert between.sum() == 2


@pytest.mark.parametrize("head_dim", [24, 128])
@pytest.mark.parametrize("target", [41, 80, 200])
@pytest.mark.parametrize(("slow", "fast"), [(1.0, 3.0), (0.5, 2.0), (1.0, 32.0)])
def test_yarn_is_the_papers_formula_number_by_number(head_dim, target, slow, fast) -> None:
    """NTK-by-parts, equations 17 to 20 of arXiv 2309.00071, without arrays."""
    config = RopeConfig(
        head_dim=head_dim, yarn_target_length=target, yarn_slow_turns=slow, yarn_fast_turns=fast
    )
    channels = head_dim - 4 * (head_dim // 6)
    expected = []
    for pair in range(channels // 2):
        theta = 10_000.0 ** (-2 * pair / channels)
        wavelength = 2 * math.pi / theta
        turns = 21 / wavelength
        kept = 0.0 if turns < slow else 1.0 if turns > fast else (turns - slow) / (fast - slow)
        expected.append((1 - kept) * theta / (target / 21) + kept * theta)
    found = Rope(config).frequencies[0]
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0
    )


def test_yarns_limits_are_no_change_and_plain_interpolation() -> None:
    plain = Rope(RopeConfig(head_dim=128)).frequencies[0]
    limits = {"none": (1e-9, 2e-9), "all": (1e6, 2e6)}
    found = {
        name: Rope(
            RopeConfig(
                head_dim=128, yarn_target_length=80, yarn_slow_turns=slow, yarn_fast_turns=fast
            )
        ).frequencies[0]
        for name, (slow, fast) in limits.items()
    }
    torch.testing.assert_close(found["none"], plain, rtol=1e-12, atol=0)
    torch.testing.assert_close(found["all"], plain * 21 / 80, rtol=1e-12, atol=0)


def test_language_model_bounds_would_be_almost_plain_interpolation() -> None:
    config = RopeConfig(head_dim=128, yarn_target_length=80, yarn_fast_turns=32.0)
    ratio = Rope(config).frequencies[0] / Rope(RopeConfig(head_dim=128)).frequencies[0]
    assert ratio.max() < 0.32 and ratio.min() == pytest.approx(21 / 80)


def test_yarn_is_off_up_to_the_original_length() -> None:
    plain = Rope(RopeConfig(head_dim=24)).frequencies[0]
    assert torch.equal(plain, Rope(RopeConfig(head_dim=24, yarn_target_length=20)).frequencies[0])


def test_positions_run_through_columns_first() -> None:
    got = latent_positions(torch.tensor([4, 9]), torch.tensor([0, 1]), torch.tensor([0.5, 2]))
    expected = [(t, r, c) for t in (4, 9) for r in (0, 1) for c in (0.5, 2)]
    assert [tuple(row) for row in got.tolist()] == expected


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(OpenRelicError, match="even, 6 or more"):
        RopeConfig(head_dim=7)
    with pytest.raises(OpenRelicError, match="0 < slow < fast"):
        RopeConfig(head_dim=24, yarn_slow_turns=3.0)
