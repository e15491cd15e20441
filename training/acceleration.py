"""Faster kernels where they are installed, and one line that says what is used.

- FlashAttention (`flash_attn`, or `flash_attn_interface` of version 3) takes attention without a
  mask on a GPU in half precision. Elsewhere PyTorch's own kernels do, which on such a GPU are a
  FlashAttention 2 as well.
- torch.compile takes what is between the matrix products: norms with modulation, and rotation. It
  needs a compiler (Triton on a GPU, C++ on a CPU); it is tried on a small input first.

Public: `accelerate_kernels`, `flash_kernel`.
"""

import importlib
import importlib.util
import logging
from collections.abc import Callable

import torch

from training.attention import Kernel, attend_with_torch, use_kernel
from training.config import RunConfig
from training.fusing import FUSIBLE

FLASH = {"flash_attn_interface": "FlashAttention 3", "flash_attn": "FlashAttention 2"}
HALF = (torch.float16, torch.bfloat16)
log = logging.getLogger(__name__)


def accelerate_kernels(run: RunConfig, device: torch.device, *, say: bool = True) -> None:
    """Choose the kernels of all networks of this process, and log what was chosen."""
    chosen = f"{_choose_attention(run, device)}; {_choose_compiler(run, device)}"
    if say:
        log.info(chosen)


def _choose_attention(run: RunConfig, device: torch.device) -> str:
    use_kernel(None)
    if run.attention == "torch":
        return "attention: PyTorch's, as run.attention says"
    if device.type != "cuda":
        return "attention: PyTorch's, as FlashAttention needs a GPU"
    name = next((name for name in FLASH if importlib.util.find_spec(name)), None)
    if name is None:
        return "attention: PyTorch's, as flash_attn is not installed"
    use_kernel(flash_kernel(importlib.import_module(name).flash_attn_func))
    return f"attention: {FLASH[name]} ({name}) in half precision, PyTorch's elsewhere"


def flash_kernel(flash_attn_func: Callable[..., object]) -> Kernel:
    """FlashAttention's function as a kernel; what it does not take goes to PyTorch."""

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float) -> torch.Tensor:
        if q.dtype not in HALF:
            return attend_with_torch(q, k, v, None, scale)
        out = flash_attn_func(q, k, v, softmax_scale=scale)
        # Some versions return the rows' logarithms of sums beside the output.
        first = out[0] if isinstance(out, tuple) else out
        if not isinstance(first, torch.Tensor):
            raise TypeError(f"flash_attn_func gave {type(first).__name__}, not a tensor")
        return first

    return attend


def _choose_compiler(run: RunConfig, device: torch.device) -> str:
    for one in FUSIBLE:
        one.use_compiled(False)
    if not run.compile:
        return "torch.compile: off"
    try:
        for one in FUSIBLE:
            one.use_compiled(True)
            one.try_on(device)
    except Exception as error:  # whatever a compiler or its backend raises
        for one in FUSIBLE:
            one.use_compiled(False)
        first = str(error).strip().splitlines() or [""]
        return f"torch.compile: off, it fails here ({type(error).__name__}: {first[0][:120]})"
    return "torch.compile: norms, modulation and rotation"
