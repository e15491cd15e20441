"""What the student's memory and few steps save, each beside what they replace.

    python -m benchmarks.memory          # or with the number of rounds, 3

- The last chunk of 20 s at 480p's 30 x 52 tokens a latent, over the pooled memory (31,512 tokens),
  over everything whole (124,800), over the bounded memory, and over float8 keys and values. One
  layer of width 128: what is compared is one attention over its memory with all that surrounds it.
- A rollout of 5 s over its cache, against one that computes the chunks before it anew in every
  evaluation; and four steps against the teacher's fifty guided ones, for the same window.
  8 x 14 tokens a latent, 2 layers of width 128.
- The error of float8: of keys and values as they are read, and of that chunk's output.
"""

import sys
from dataclasses import replace

import torch

from benchmarks.memory_lanes import (
    POOLED,
    WHOLE,
    guided_teacher,
    interleaved,
    last_chunk,
    recomputing,
    student,
)
from benchmarks.results import write_results

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
WINDOW = 20
TEACHER_STEPS = 50


def main() -> None:
    """Measure, print and write the figures."""
    torch.set_num_threads(1)
    figures = {"last_chunk_of_20_s": _last_chunk(), "window_of_5_s": _window(), "float8": _float8()}
    for name, part in figures.items():
        for key, value in part.items():
            sys.stdout.write(f"{name:20} {key:36} {value:12.4g}\n")
    write_results("memory", figures, ("torch",))


def _last_chunk() -> dict[str, float]:
    torch.manual_seed(1)
    lanes = {
        "pooled": last_chunk(POOLED),
        "whole": last_chunk(WHOLE),
        "bounded": last_chunk(replace(POOLED, newest=62)),
        "float8": last_chunk(POOLED, "float8_e4m3"),
    }
    seconds = interleaved({name: run for name, (run, _) in lanes.items()}, ROUNDS)
    own = POOLED.chunk * 30 * 52
    return {
        **{f"{name}_cpu_s": value for name, value in seconds.items()},
        **{f"{name}_tokens": float(view.used + own) for name, (_, view) in lanes.items()},
        **{f"{name}_mb": view.nbytes() / 1e6 for name, (_, view) in lanes.items()},
        "whole_over_pooled": seconds["whole"] / seconds["pooled"],
        "whole_over_bounded": seconds["whole"] / seconds["bounded"],
    }


def _window() -> dict[str, float]:
    seconds = interleaved(
        {
            "student": student(WINDOW),
            "recomputing": recomputing(WINDOW),
            "teacher": guided_teacher(WINDOW, TEACHER_STEPS),
        },
        ROUNDS,
    )
    return {
        **{f"{name}_cpu_s": value for name, value in seconds.items()},
        "recomputing_over_cached": seconds["recomputing"] / seconds["student"],
        "teacher_over_student": seconds["teacher"] / seconds["student"],
    }


def _float8() -> dict[str, float]:
    """Relative errors (root mean squares) on random normal keys and values."""
    outputs, tokens = [], []
    for storage in ("model", "float8_e4m3"):
        torch.manual_seed(2)
        run, view = last_chunk(replace(POOLED, newest=26), storage, latents=40)
        with torch.no_grad():
            outputs.append(run())
            tokens.append(view.keys_values(0))
    (exact_k, exact_v), (rough_k, rough_v) = tokens
    return {
        "keys_relative_error": float((rough_k - exact_k).norm() / exact_k.norm()),
        "values_relative_error": float((rough_v - exact_v).norm() / exact_v.norm()),
        "output_relative_error": float((outputs[1] - outputs[0]).norm() / outputs[0].norm()),
    }


if __name__ == "__main__":
    main()
