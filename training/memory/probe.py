"""How fast this machine multiplies and reads, for the planner's predictions.

Public: `machine_figures`.
"""

import time
from collections.abc import Callable

import torch

SIZE = 1536
ROUNDS = 5


def machine_figures(
    wide: bool, tflops: float | None, gb_per_s: float | None
) -> tuple[float, float]:
    """Operations and bytes a second: as given, or the best of a few rounds on this machine."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float32 if wide or device.type == "cpu" else torch.bfloat16
    flops = tflops * 1e12 if tflops else _flops(device, dtype)
    bandwidth = gb_per_s * 1e9 if gb_per_s else _bandwidth(device)
    return flops, bandwidth


def _flops(device: torch.device, dtype: torch.dtype) -> float:
    size = SIZE * (4 if device.type == "cuda" else 1)
    x = torch.randn(size, size, device=device, dtype=dtype)
    return 2 * size**3 / _best_seconds(lambda: x @ x, device)


def _bandwidth(device: torch.device) -> float:
    values = torch.zeros(64 << 20, dtype=torch.uint8, device=device)
    return 2 * values.nbytes / _best_seconds(lambda: values.clone(), device)


def _best_seconds(work: Callable[[], object], device: torch.device) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
