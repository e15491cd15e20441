"""Rotary position embedding over (time, row, column), with YaRN on the time axis.

Angles are computed from the positions, not looked up: positions may be fractional (the centre of a
pooled cell) and as large as a session is long. The split of a head and the frequencies are Wan's: a
head of 128 gives 44 / 42 / 42 channels to time, rows and columns, pairs (0, 1), (2, 3), ...

YaRN (Peng et al., arXiv 2309.00071, section 3.2) sorts frequencies by how often they turn within
the original length: those that turn less than `slow_turns` are interpolated, those that turn more
than `fast_turns` are left alone, with a linear ramp between. Its temperature is applied to the
attention logits by the caller.

Public: `RopeConfig`, `Rope` (`frequencies`, `angles`), `rotate`, `latent_positions`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

from dataset.errors import OpenRelicError
from training.fusing import fusible

YARN_ORIGINAL_LENGTH = 21
"""Latents of the 5 s window (81 frames) that Wan-2.1 was trained on."""


@dataclass(frozen=True, kw_only=True)
class RopeConfig:
    """Frequencies of the three axes."""

    head_dim: int
    """channels of an attention head, even"""
    theta: float = 10_000.0
    """base of the geometric frequencies (Wan-2.1)"""
    yarn_target_length: int = YARN_ORIGINAL_LENGTH
    """latents to stretch the time axis to; at most the original length: no YaRN"""
    yarn_original_length: int = YARN_ORIGINAL_LENGTH
    """latents that the base model was trained on"""
    yarn_slow_turns: float = 1.0
    """frequencies below this many turns in the original length never came round: interpolate"""
    yarn_fast_turns: float = 3.0
    """above this: leave alone. The fastest turns 3.3 times in 21 latents, so the 32 that language
    models use would leave none alone"""

    def __post_init__(self) -> None:
        if self.head_dim < 6 or self.head_dim % 2:
            raise OpenRelicError(f"a head of {self.head_dim} channels: allowed are even, 6 or more")
        if not 0 < self.yarn_slow_turns < self.yarn_fast_turns:
            raise OpenRelicError(
                f"YaRN bounds slow={self.yarn_slow_turns}, fast={self.yarn_fast_turns}: "
                "allowed are 0 < slow < fast"
            )


class RopeAngles(NamedTuple):
    """Cosines and sines of L tokens, each (L, head_dim / 2)."""

    cos_LE: torch.Tensor
    sin_LE: torch.Tensor

    def to(self, device: torch.device) -> "RopeAngles":
        """Move both."""
        return RopeAngles(self.cos_LE.to(device), self.sin_LE.to(device))


class Rope:
    """Turns token positions into rotation angles."""

    def __init__(self, config: RopeConfig) -> None:
        """Compute the frequencies, in radians a position, float64."""
        self.config = config
        side = 2 * (config.head_dim // 6)
        time = config.head_dim - 2 * side
        self.frequencies = (
            yarn_frequencies(_frequencies(time, config.theta), config),
            _frequencies(side, config.theta),
            _frequencies(side, config.theta),
        )

    def angles(self, positions_L3: torch.Tensor, dtype: torch.dtype) -> RopeAngles:
        """Cosines and sines at positions (time, row, column), in `dtype` but at least float32.

        The products are float64: a float32 angle is wrong by 1e-4 after a few thousand latents.
        """
        axes = [
            positions_L3[:, axis, None].double() * frequency.to(positions_L3.device)
            for axis, frequency in enumerate(self.frequencies)
        ]
        angles_LE = torch.cat(axes, dim=1)
        wide = torch.promote_types(dtype, torch.float32)
        return RopeAngles(angles_LE.cos().to(wide), angles_LE.sin().to(wide))


def _frequencies(channels: int, theta: float) -> torch.Tensor:
    # Never on the meta device, where a network may be made before its weights are read.
    exponent = torch.arange(0, channels, 2, dtype=torch.float64, device="cpu") / channels
    return theta**-exponent


def yarn_frequencies(frequencies_E: torch.Tensor, config: RopeConfig) -> torch.Tensor:
    """Stretch time frequencies (radians a latent) to `yarn_target_length` by parts."""
    stretch = config.yarn_target_length / config.yarn_original_length
    if stretch <= 1:
        return frequencies_E
    turns = frequencies_E * config.yarn_original_length / (2 * math.pi)
    span = config.yarn_fast_turns - config.yarn_slow_turns
    kept = ((turns - config.yarn_slow_turns) / span).clamp(0, 1)
    return kept * frequencies_E + (1 - kept) * frequencies_E / stretch


def rotate(x_BLHD: torch.Tensor, angles: RopeAngles) -> torch.Tensor:
    """Rotate the pairs (0, 1), (2, 3), ... of every head by the tokens' angles."""
    return _rotate(x_BLHD, angles.cos_LE, angles.sin_LE)


def _rotation_examples(device: torch.device) -> tuple[torch.Tensor, ...]:
    x, angles = torch.ones(1, 4, 2, 6, device=device), torch.ones(4, 3, device=device)
    return x, angles, angles


@fusible(_rotation_examples)
def _rotate(x_BLHD: torch.Tensor, cos_LE: torch.Tensor, sin_LE: torch.Tensor) -> torch.Tensor:
    cos, sin = cos_LE[:, None], sin_LE[:, None]
    even, odd = x_BLHD.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return turned.flatten(-2).type_as(x_BLHD)


def latent_positions(
    times_T: torch.Tensor, rows_H: torch.Tensor, cols_W: torch.Tensor
) -> torch.Tensor:
    """Positions (T·H·W, 3) of a token grid, float64, time slowest, columns fastest."""
    axes = torch.meshgrid(times_T.double(), rows_H.double(), cols_W.double(), indexing="ij")
    return torch.stack(axes, dim=-1).flatten(0, 2)
