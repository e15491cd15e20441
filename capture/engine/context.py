"""Opening OpenGL through EGL, and textures in it."""

import contextlib
import ctypes
from typing import Any

import moderngl
import numpy as np

from dataset.errors import OpenRelicError


def make_context() -> moderngl.Context:
    """An OpenGL context of its own, or an error that says what to install."""
    try:
        # moderngl's annotation takes `**settings` for one argument that is a dict.
        backend: Any = "egl"
        return moderngl.create_context(standalone=True, require=430, backend=backend)
    except Exception as error:  # moderngl raises bare Exception for all of these
        raise OpenRelicError(
            f"the renderer cannot open OpenGL through EGL ({error}): install a driver with "
            "`apt-get install --no-install-recommends libegl1 libgl1 libgl1-mesa-dri`"
        ) from error


def give_back_memory() -> None:
    """Return to the system what the C library keeps for later: 130 MB after a scene was built."""
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def texture_array(context: moderngl.Context, layers: np.ndarray) -> moderngl.TextureArray:
    """Upload (L,H,W,C) uint8."""
    count, height, width, components = layers.shape
    return context.texture_array(
        (width, height, count), components, np.ascontiguousarray(layers), alignment=1
    )
