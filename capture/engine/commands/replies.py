"""How replies are written: UnrealCV's numbers, and JSON on one line."""

import json

import numpy as np

POINT = "[float] [float] [float]"


def vector_text(vector: tuple[float, ...] | np.ndarray) -> str:
    """Numbers as UnrealCV prints them."""
    return " ".join(f"{value:.3f}" for value in vector)


def one_line(value: object) -> str:
    """`value` as one line of JSON, numbers that are not whole as `%.6f`."""
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{one_line(k)}: {one_line(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(one_line, value))}]"
    return json.dumps(value, ensure_ascii=False)
