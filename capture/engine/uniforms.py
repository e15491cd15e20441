"""Writing to programs' uniforms, which the compiler may have found unused."""

from typing import cast

import moderngl
import numpy as np


def set_uniform(program: moderngl.Program, name: str, value: object) -> None:
    """Set a uniform, if the program has it."""
    if name in program:
        cast(moderngl.Uniform, program[name]).value = value


def write_matrix(program: moderngl.Program, name: str, matrix: np.ndarray) -> None:
    """Write a matrix that acts on column vectors, if the program has it."""
    if name in program:
        cast(moderngl.Uniform, program[name]).write(np.ascontiguousarray(matrix.T, np.float32))
