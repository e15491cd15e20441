"""Replayed back-propagation beside full back-propagation: memory and time.

    python -m benchmarks.replay

For 5, 10, 20 and 40 blocks of a student's rollout: the bytes that graphs hold (each storage once,
weights apart), the growth of the process's resident memory, and processor time. Full
back-propagation keeps the graph of every block's exit step, which replay runs a second time; the
time of a whole step therefore counts the rollout before it, which full back-propagation needs no
second run for. Bounded memory is measured beside: there nothing may grow. Draws docs/replay.png.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.replay_lanes import (
    PLANS,
    Case,
    cpu_seconds,
    graph_bytes,
    make_case,
    rest_of_step_seconds,
)
from benchmarks.results import write_results
from training.grid import DEFAULT_CHUNK

BLOCKS = (5, 10, 20, 40)
BOUND = 26
"""Newest latents of the bounded memory: 8 whole, 18 in cells."""
TIMED, ROUNDS = 20, 5
PLOT = Path(__file__).parents[1] / "docs/replay.png"


def main() -> None:
    """Measure, print, draw and write the figures."""
    torch.set_num_threads(1)
    rows = [_row(blocks) for blocks in BLOCKS]
    times = _times(make_case(TIMED))
    for row in rows:
        sys.stdout.write(
            f"{row['blocks']:3} blocks: graphs {row['graph_mb']['replay']:8.1f} MB replayed, "
            f"{row['graph_mb']['full']:8.1f} MB full ({row['graph_ratio']:.1f} times); resident "
            f"{row['resident_mb']['replay']:8.1f} MB, {row['resident_mb']['full']:8.1f} MB; "
            f"bounded {row['graph_mb']['bounded']:.1f} MB\n"
        )
    sys.stdout.write(f"time at {TIMED} blocks: {times}\n")
    _draw(rows)
    write_results("replay", {"rows": rows, "times": times}, ("torch",))


def _row(blocks: int) -> dict[str, Any]:
    case, bounded = make_case(blocks), make_case(blocks, BOUND)
    graphs = {plan: graph_bytes(case, plan) / 1e6 for plan in PLANS}
    graphs["bounded"] = graph_bytes(bounded, "replay") / 1e6
    resident = {plan: _resident_mb(plan, blocks) for plan in PLANS}
    resident["bounded"] = _resident_mb("replay", blocks, BOUND)
    return {
        "blocks": blocks,
        "graph_mb": graphs,
        "graph_ratio": graphs["full"] / graphs["replay"],
        "resident_mb": resident,
    }


def _resident_mb(plan: str, blocks: int, newest: int | None = None) -> float:
    """Growth of a fresh process's peak resident memory during the backward pass."""
    command = [sys.executable, "-m", "benchmarks.replay_lanes", plan, str(blocks)]
    if newest is not None:
        command.append(str(newest))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["growth_bytes"] / 1e6


def _times(case: Case) -> dict[str, float]:
    """Medians of interleaved rounds: of the backward alone, and of a step with its rollout."""
    rounds = []
    for _ in range(ROUNDS):
        one = {plan: cpu_seconds(lambda plan=plan: case.run(plan)) for plan in PLANS}
        one["rollout"] = rest_of_step_seconds(case)
        # Full back-propagation's forward is the rollout's own exit step and context passes.
        one["forward"] = cpu_seconds(lambda: _forward_only(case))
        rounds.append(one)
    seconds = {name: float(np.median([one[name] for one in rounds])) for name in rounds[0]}
    step = seconds["rollout"] + seconds["full"] - seconds["forward"]
    return {
        **{f"{name}_cpu_s": value for name, value in seconds.items()},
        "replay_over_full": seconds["replay"] / seconds["full"],
        "replay_over_full_whole_step": (seconds["rollout"] + seconds["replay"]) / step,
    }


def _forward_only(case: Case) -> None:
    """The exit steps and context passes without any backward."""
    from training.rollout_backward import rollout_blocks

    with torch.no_grad():
        for block in rollout_blocks(case.model, case.made, case.conditions, case.memory):
            block()


def _draw(rows: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    blocks = [row["blocks"] for row in rows]
    seconds = [(4 * DEFAULT_CHUNK * count - 3) / 16 for count in blocks]
    axes = figure.subplots(1, 2)
    names = {"full": "full back-propagation", "replay": "replayed", "bounded": "replayed, bounded"}
    for axis, key, title in (
        (axes[0], "graph_mb", "graphs, MB"),
        (axes[1], "resident_mb", "growth of resident memory, MB"),
    ):
        for name, label in names.items():
            axis.plot(blocks, [row[key][name] for row in rows], "o-", label=label, linewidth=1.4)
        axis.set_yscale("log")
        axis.set_xticks(blocks, [f"{count}\n{length:.0f} s" for count, length in
                                 zip(blocks, seconds, strict=True)])  # fmt: skip
        axis.set_xlabel("blocks of 4 latents, seconds of video")
        axis.set_ylabel(title)
        axis.grid(alpha=0.3, which="both")
    axes[0].legend(fontsize=8)
    figure.savefig(PLOT, dpi=130)


if __name__ == "__main__":
    main()
