"""How much of an engine's speed reaches the clips: our recorder beside the engine and its peers.

    python -m benchmarks.capture

One scene, one tour, 1280x720, embedded engines; everything is measured in turn in the same run:

- the engine drawing alone, in its own process with nothing sent; the recorder without encoding;
  the recorder as it is;
- what a frame costs in CPU time on one core (draw, convert, encode), and the recorder on one core;
- the official client as its tutorials use it (set location, set rotation, `lit png`, one after
  another, cv2 writer), and the same with `lit bmp`;
- two workers on a core each beside one;
- memory of a worker and its engine, after recording.

A lane is a process with an engine of its own; lanes wait while others measure. About 4 minutes.
"""

import argparse
import os
import statistics
from typing import Any

from benchmarks.capture_lanes import SCENE, SIZE, Lane
from benchmarks.results import write_results

FRAMES, OFFICIAL_FRAMES = 96, 32
ROUNDS = 3
PACKAGES = ["av", "numpy", "moderngl", "opencv-python", "unrealcv"]


def measure(rounds: int, frames: int) -> dict[str, Any]:
    """All lanes, in turn; medians over the rounds."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    free, drawing, official = Lane("recorder"), Lane("drawing"), Lane("official")
    first, second = (Lane("recorder", core) for core in cores)
    alone = Lane("drawing", cores[0])
    poses = free.run("path", frames)
    short = poses[0][:OFFICIAL_FRAMES], poses[1][:OFFICIAL_FRAMES]
    for lane, name in ((free, "recorded"), (official, "bmp"), (first, "recorded"),
                       (second, "recorded"), (alone, "stages")):  # fmt: skip
        lane.run(name, (poses[0][:8], poses[1][:8]))  # textures, buffers, shaders
    fps: dict[str, list[float]] = {}
    stages: list[dict[str, float]] = []
    spent: list[float] = []  # CPU seconds a frame of a worker with its engine
    for _ in range(rounds):
        for name, lane, what, which in (
            ("engine drawing alone", drawing, "drawn", poses),
            ("recorder without encoding", free, "unencoded", poses),
            ("recorder", free, "recorded", poses),
            ("official client, png", official, "png", short),
            ("official client, bmp", official, "bmp", short),
            ("recorder on one core", first, "recorded", poses),
        ):
            measured = lane.run(what, which)
            fps.setdefault(name, []).append(measured.fps)
        spent.append(measured.extra["cpu_s_a_frame"])
        stages.append(alone.run("stages", poses).extra)
        first.begin("recorded", poses)
        second.begin("recorded", poses)
        both = [first.end(), second.end()]
        fps.setdefault("two workers", []).append(sum(one.fps for one in both))
    memory = {"unpinned": free.run("memory", poses), "one core": first.run("memory", poses)}
    for lane in (free, drawing, official, first, second, alone):
        lane.close()
    cost = {key: statistics.median(one[key] for one in stages) for key in stages[0]}
    cost["worker and engine"] = statistics.median(spent)
    return {
        "frames": frames, "rounds": rounds, "scene": SCENE, "size": list(SIZE),
        "fps": {name: statistics.median(values) for name, values in fps.items()},
        "fps_rounds": fps, "cpu_ms_a_frame": {key: 1e3 * value for key, value in cost.items()},
        "memory_mb": memory, "ratios": _ratios(fps, stages, spent),
    }  # fmt: skip


def _ratios(
    fps: dict[str, list[float]], stages: list[dict[str, float]], spent: list[float]
) -> dict[str, float]:
    """Medians of the ratios within each round: what slows the machine slows both sides."""

    def ratio(over: list[float], under: list[float]) -> float:
        return statistics.median(a / b for a, b in zip(over, under, strict=True))

    ideal = [1 / sum(one.values()) for one in stages]
    achieved = [1 / one for one in spent]
    return {
        "without encoding over drawing alone": ratio(
            fps["recorder without encoding"], fps["engine drawing alone"]
        ),
        "one core over 1 / (draw + convert + encode)": ratio(fps["recorder on one core"], ideal),
        # The same by CPU time, which other processes on the machine do not lengthen.
        "draw + convert + encode over all CPU spent": ratio(achieved, ideal),
        "recorder over official client, png": ratio(fps["recorder"], fps["official client, png"]),
        "recorder over official client, bmp": ratio(fps["recorder"], fps["official client, bmp"]),
        "two workers over one": ratio(fps["two workers"], fps["recorder on one core"]),
    }


TARGETS = {
    "without encoding over drawing alone": 0.85,
    "one core over 1 / (draw + convert + encode)": 0.9,
    "recorder over official client, png": 2.0,
    "two workers over one": 1.8,
}


def report(figures: dict[str, Any]) -> str:
    """The table."""
    lines = [f"{name:45} {value:7.1f} fps" for name, value in figures["fps"].items()]
    lines += [f"{name:45} {value:7.1f} ms" for name, value in figures["cpu_ms_a_frame"].items()]
    for name, value in figures["ratios"].items():
        target = f"  (at least {TARGETS[name]:g})" if name in TARGETS else ""
        lines.append(f"{name:45} {value:7.2f}{target}")
    for name, parts in figures["memory_mb"].items():
        text = " + ".join(f"{part} {value:.0f}" for part, value in parts.items())
        lines.append(f"memory, {name:37} {sum(parts.values()):7.0f} MB  ({text}; under 800)")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--frames", type=int, default=FRAMES)
    settings = parser.parse_args()
    figures = measure(settings.rounds, settings.frames)
    print(report(figures))
    write_results("capture", figures, PACKAGES)


if __name__ == "__main__":
    main()
