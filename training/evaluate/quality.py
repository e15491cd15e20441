"""PSNR and MS-SSIM of some pixels: those for which the rendering says what should be shown.

Both take a mask, and no other pixel has any influence: MS-SSIM's local means are of counted pixels
only (normalised convolution), and windows weigh as much as counted pixels lie under them. With all
pixels counted it is the usual MS-SSIM (Wang 2003; 11x11 Gaussian of 1.5 pixels, five scales, per
colour channel), which has a window only where the picture holds one. A picture too small for five
scales has as many as fit, with their weights scaled to sum to 1.

Public: `psnr_db`, `ms_ssim`, `scales_of`.
"""

import numpy as np
import torch
from torch.nn import functional

from dataset.colour import PSNR_CEILING_DB
from dataset.errors import OpenRelicError

QUALITY_VERSION = 1
"""Raise it when PSNR or MS-SSIM of the same pictures come out differently."""
WINDOW, SIGMA = 11, 1.5
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
FEWEST = 0.05
"""Of a window's weight: one that holds less counted pixels than that has no say."""


def psnr_db(frames: np.ndarray, truth: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(T,) in dB of the counted pixels of (T, H, W, 3) uint8 frames; NaN where none is counted."""
    squares = (frames.astype(np.float64) - truth).__pow__(2).mean(-1)
    pixels = counted.sum((1, 2))
    error = np.where(counted, squares, 0.0).sum((1, 2)) / np.maximum(pixels, 1)
    with np.errstate(divide="ignore"):
        found = np.minimum(10 * np.log10(255.0**2 / error), PSNR_CEILING_DB)
    return np.where(pixels > 0, found, np.nan)


def scales_of(height: int, width: int) -> int:
    """Scales of MS-SSIM that a picture holds: a window must fit the smallest."""
    scales = int(np.log2(min(height, width) / WINDOW)) + 1 if min(height, width) >= WINDOW else 0
    if scales < 1:
        raise OpenRelicError(
            f"frames of {width}x{height} are too small for SSIM, whose window is {WINDOW} pixels"
        )
    return min(scales, len(SCALE_WEIGHTS))


@torch.no_grad()
def ms_ssim(frames: np.ndarray, truth: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(T,) MS-SSIM of the counted pixels of (T, H, W, 3) uint8; NaN where no window counts."""
    scales = scales_of(*frames.shape[1:3])
    weights = torch.tensor(SCALE_WEIGHTS[:scales], dtype=torch.float64)
    weights /= weights.sum()
    mask = torch.from_numpy(counted[:, None].astype(np.float64))
    x, y = (_channels_first(one) for one in (frames, truth))
    product = torch.ones(len(frames), 3, dtype=torch.float64)
    for scale in range(scales):
        last = scale == scales - 1
        product *= _scale(x, y, mask, with_luminance=last).clamp(min=0) ** weights[scale]
        if not last:
            x, y, mask = _halved(x, y, mask)
    return product.mean(1).numpy()


def _channels_first(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames)).double().permute(0, 3, 1, 2)


def _scale(
    x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor, *, with_luminance: bool
) -> torch.Tensor:
    """(T, 3) contrast and structure, times luminance if asked for; the mean over windows."""
    weight = _blurred(mask)
    under = weight.clamp(min=1e-12)

    def local(values: torch.Tensor) -> torch.Tensor:
        return _blurred(values * mask) / under

    mean_x, mean_y = local(x), local(y)
    # Rounding must not make a variance negative.
    variance_x = (local(x * x) - mean_x**2).clamp(min=0)
    variance_y = (local(y * y) - mean_y**2).clamp(min=0)
    covariance = local(x * y) - mean_x * mean_y
    found = (2 * covariance + C2) / (variance_x + variance_y + C2)
    if with_luminance:
        found = found * (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    weight = torch.where(weight >= FEWEST, weight, 0.0)
    return (found * weight).sum((2, 3)) / weight.sum((2, 3))


def _blurred(values: torch.Tensor) -> torch.Tensor:
    """Gaussian means where the whole window lies in the picture."""
    at = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    kernel = torch.exp(-(at**2) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    channels = values.shape[1]
    across = kernel.expand(channels, 1, 1, WINDOW)
    down = kernel[:, None].expand(channels, 1, WINDOW, 1)
    return functional.conv2d(
        functional.conv2d(values, across, groups=channels), down, groups=channels
    )


def _halved(*images_and_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Means of 2x2 counted pixels; an odd row or column at the end is left out."""
    x, y, mask = images_and_mask
    share = functional.avg_pool2d(mask, 2)
    under = share.clamp(min=1e-12)
    return (
        functional.avg_pool2d(x * mask, 2) / under,
        functional.avg_pool2d(y * mask, 2) / under,
        share,
    )
