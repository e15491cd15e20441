"""Spatial pooling of a latent's tokens into square cells, the last ones cut off at the border.

Tokens are row-major, (B, rows·cols, heads, head_dim). A factor s gives ceil(rows / s) x
ceil(cols / s) cells: 30 x 52 does not divide by 4, and 8 x 13 cells come of it.

Public: `pool_tokens`, `pool_keys`, `cell_positions`, `cell_sizes`.
"""

import torch
from torch.nn.functional import avg_pool2d

from training.rope import latent_positions


def pool_tokens(x_BNHD: torch.Tensor, rows: int, cols: int, factor: int) -> torch.Tensor:
    """Mean over each cell's tokens: (B, cells, heads, head_dim)."""
    if factor == 1:
        return x_BNHD
    heads = x_BNHD.shape[2]
    image = x_BNHD.flatten(2).mT.unflatten(2, (rows, cols))
    pooled = avg_pool2d(image, factor, ceil_mode=True, count_include_pad=False)
    return pooled.flatten(2).mT.unflatten(2, (heads, -1))


def pool_keys(
    k_BNHD: torch.Tensor, rows: int, cols: int, factor: int, *, renormalise: bool
) -> torch.Tensor:
    """Pool keys; `renormalise` scales each mean to the RMS norm of the keys that it stands for.

    The norm is taken over all heads, as QK-norm's is.
    """
    pooled = pool_tokens(k_BNHD, rows, cols, factor)
    if factor == 1 or not renormalise:
        return pooled
    square = k_BNHD.square().sum((2, 3), keepdim=True)
    wanted = pool_tokens(square, rows, cols, factor)
    tiny = torch.finfo(pooled.dtype).tiny
    return pooled * (wanted / pooled.square().sum((2, 3), keepdim=True).clamp(min=tiny)).sqrt()


def _centres(length: int, factor: int) -> torch.Tensor:
    """Mean position of each cell's tokens along one axis, float64."""
    first = torch.arange(0, length, factor, dtype=torch.float64)
    last = (first + factor - 1).clamp(max=length - 1)
    return (first + last) / 2


def cell_positions(times_T: torch.Tensor, rows: int, cols: int, factor: int) -> torch.Tensor:
    """Positions (T·cells, 3) of the cells of latents at `times_T`, float64."""
    return latent_positions(times_T, _centres(rows, factor), _centres(cols, factor))


def cell_sizes(rows: int, cols: int, factor: int) -> torch.Tensor:
    """Tokens in each cell of one latent (cells,), int64; fewer at the border."""
    down, across = (
        (length - torch.arange(0, length, factor)).clamp(max=factor) for length in (rows, cols)
    )
    return (down[:, None] * across).flatten()
