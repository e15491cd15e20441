"""Inputs and outputs of a network scaled for the noise in them: EDM's preconditioning for flows.

A velocity eps - x0 contains the noise, so a network that gives it must carry the noise of every
token from its input to its end. One that is narrower than a token's numbers cannot: what does not
fit stays in the picture as blocks. Karras et al. 2022 (arXiv 2206.00364, Eq. 7 and Appendix B.6)
add the part of the answer that is linear in the input outside of the network, and scale the rest to
unit size. For x = (1 - s) x0 + s eps and a channel of root mean square r, with
q = (1 - s)^2 r^2 + s^2 the mean square of x, the best linear guess of the velocity, and what the
network's output F adds to it, are

    v = x (s - (1 - s) r^2) / q  -  F r / sqrt(q)

At s = 1 the network gives x0 / r, at s = 0 the negative noise; between, what x does not tell.
Channels differ in size where a tokenizer's components do, so r is one number a channel.

Public: `NoiseScales`.
"""

from collections.abc import Sequence

import torch


class NoiseScales:
    """The scales of one forward pass, for levels (B, T) and channels (C,)."""

    def __init__(self, rms_C: Sequence[float], sigma_BT: torch.Tensor) -> None:
        """`rms_C` is that of clean latents; computed in float32 at least."""
        wide = torch.promote_types(sigma_BT.dtype, torch.float32)
        s = sigma_BT.to(wide)[:, None, :, None, None]
        rms = torch.tensor(rms_C, dtype=wide, device=s.device)
        self._rms = rms.clamp(min=1e-6)[None, :, None, None, None]
        clean = (1 - s) * self._rms
        self._size = torch.sqrt(clean.square() + s.square())
        self._kept = (s - clean * self._rms) / self._size.square()

    def input(self, x_BCTHW: torch.Tensor) -> torch.Tensor:
        """Noisy latents at unit root mean square."""
        return x_BCTHW.to(self._size) / self._size

    def velocity(self, out_BCTHW: torch.Tensor, x_BCTHW: torch.Tensor) -> torch.Tensor:
        """The velocity that the network's output means, in its dtype."""
        given = out_BCTHW.to(self._size) * (self._rms / self._size)
        return (x_BCTHW.to(self._size) * self._kept - given).to(out_BCTHW.dtype)
