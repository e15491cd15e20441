"""LPIPS, where the package and its weights are: `pip install lpips`, AlexNet's from torchvision.

Of whole frames: LPIPS has no mask. Weights are never downloaded from here.

Public: `lpips_problem`, `Lpips`.
"""

import importlib
import importlib.util
import os
from pathlib import Path

import numpy as np
import torch

LPIPS_VERSION = 1
"""Raise it when the same pictures get another distance."""
TRUNK = "alexnet-owt-7be5be79.pth"
BATCH = 8


def trunk_file() -> Path:
    """Where torchvision keeps AlexNet."""
    home = os.environ.get("TORCH_HOME")
    root = Path(home) if home else Path.home() / ".cache" / "torch"
    return root / "hub" / "checkpoints" / TRUNK


def lpips_problem() -> str | None:
    """Why LPIPS cannot be computed, in a line; None if it can."""
    if importlib.util.find_spec("lpips") is None:
        return "the package lpips is not installed (extra `lpips`)"
    if not trunk_file().is_file():
        return f"AlexNet's weights are not there: {trunk_file()}"
    return None


class Lpips:
    """Distance of frames as AlexNet's features see it (Zhang 2018), version 0.1."""

    def __init__(self, **options: object) -> None:
        """Load the network; `options` go to `lpips.LPIPS`."""
        settings = {"net": "alex", "verbose": False, **options}
        self._network = importlib.import_module("lpips").LPIPS(**settings)

    @torch.no_grad()
    def __call__(self, frames: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """(T,) of (T, H, W, 3) uint8 frames."""
        found = []
        for start in range(0, len(frames), BATCH):
            pair = (_scaled(one[start : start + BATCH]) for one in (frames, truth))
            found.append(self._network(*pair).flatten().numpy())
        return np.concatenate(found)


def _scaled(frames: np.ndarray) -> torch.Tensor:
    """To [-1, 1], channels first."""
    return torch.from_numpy(frames.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
