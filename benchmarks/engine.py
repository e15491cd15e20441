"""How fast the embedded engine draws, beside panda3d on the same triangles and textures.

    python -m pip install --constraint constraints.txt panda3d
    python -m benchmarks.engine

1280 x 720 RGB, read back to memory, on one core and on two; the same views in turn within the same
run, medians over the rounds. The scenes are a home, a street, and squares side by side with about
300,000 triangles. The peers are panda3d on the same software OpenGL and its own software rasteriser
`tinydisplay`. Both draw textures times light that was worked out at the vertices; neither shadows,
reflections nor smoothed edges, which are in our figures. The readback's share is measured with all
drawing finished before it. Shimmer is how much a pixel's surface point changes from frame to frame
in a slow pan, in 8-bit levels, beside that of the same frames drawn with nine samples a pixel.
About 4 minutes.
"""

import argparse
import dataclasses
import os
import pickle
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine_lanes import SIZE, Lane
from benchmarks.results import write_results

ROUNDS, VIEWS = 3, 10
WANTED_TRIANGLES = 300_000
PACKAGES = ["moderngl", "numpy", "panda3d"]
LANES = ("engine", "panda3d", "tinydisplay")


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        scenes = {name: Path(folder) / f"{number}.pickle" for number, name in enumerate(SCENES)}
        figures = {name: measure(path, SCENES[name], rounds) for name, path in scenes.items()}
    path = write_results("engine", figures, PACKAGES)
    print(table(figures))
    print(f"written to {path}")


def measure(path: Path, build: Any, rounds: int) -> dict[str, Any]:
    """Frames a second of all lanes on one scene."""
    scene = build()
    path.write_bytes(pickle.dumps(scene))
    cores = sorted(os.sched_getaffinity(0))
    counts = [count for count in (1, 2) if count <= len(cores)]
    views = spread_views(scene.spawns)
    lanes = {
        (kind, count): Lane(kind, path, cores[:count])
        for kind in LANES
        for count in counts
        if Lane.available(kind) and (kind != "tinydisplay" or count == 1)  # it has one thread
    }
    for lane in lanes.values():
        lane.ask("draw", views)  # textures, buffers, shaders
    speeds: dict[tuple[str, int], list[float]] = {key: [] for key in lanes}
    for _ in range(rounds):
        for key, lane in lanes.items():
            speeds[key].append(len(views) / lane.ask("draw", views))
    engine = lanes["engine", 1]
    shares = engine.ask("readback", views)
    figures = {
        "triangles": len(scene.geometry.triangles),
        "fps": {f"{kind}, {count} core{'s' * (count > 1)}": round(statistics.median(fps), 2)
                for (kind, count), fps in speeds.items()},
        "readback_share_one_core": round(shares, 4),
        "engine_memory_mb": round(engine.ask("memory", views)),
        "shimmer_levels": engine.ask("shimmer", views[:3]),
    }  # fmt: skip
    for lane in lanes.values():
        lane.close()
    return figures


def spread_views(spawns: np.ndarray) -> list[tuple[list[float], list[float]]]:
    """Locations and rotations at the start points, looking about."""
    random = np.random.default_rng(0)
    chosen = spawns[np.arange(VIEWS) % len(spawns)]
    return [
        (spawn[:3].tolist(), [random.uniform(-15, 8), spawn[3] + random.uniform(-30, 30), 0.0])
        for spawn in chosen
    ]


def _home() -> Any:
    from capture.engine.scenes import load_scene

    return load_scene("home:0")


def _street() -> Any:
    from capture.engine.scenes import load_scene

    return load_scene("street:0")


def _squares() -> Any:
    """Copies of one square side by side, with about as many triangles as wanted."""
    from capture.engine.scenes import load_scene

    scene = load_scene("square:0")
    geometry = scene.geometry
    copies = max(1, round(WANTED_TRIANGLES / len(geometry.triangles)))
    width = float(np.ptp(geometry.position_cm[:, 1]))
    parts = {
        field.name: np.concatenate([getattr(geometry, field.name)] * copies)
        for field in dataclasses.fields(geometry)
        if getattr(geometry, field.name) is not None
    }
    vertices, faces = len(geometry.position_cm), len(geometry.triangles)
    copy_of_vertex, copy_of_face = (np.repeat(np.arange(copies), n) for n in (vertices, faces))
    parts["position_cm"][:, 1] += copy_of_vertex * width
    parts["triangles"] += (copy_of_face * vertices)[:, None].astype(np.int32)
    parts["object_id"] += (copy_of_face * len(scene.objects)).astype(np.int32)
    spawns = np.concatenate([scene.spawns + [0, number * width, 0, 0] for number in range(copies)])
    return dataclasses.replace(
        scene,
        geometry=dataclasses.replace(geometry, **parts),
        objects=tuple(f"{name}_{number}" for number in range(copies) for name in scene.objects),
        spawns=spawns[np.random.default_rng(1).permutation(len(spawns))],
        roam_cm=scene.roam_cm + [[0, 0, 0], [0, (copies - 1) * width, 0]],
    )


SCENES = {"home:0": _home, "street:0": _street, "squares": _squares}


def table(figures: dict[str, Any]) -> str:
    """A Markdown table of frames a second."""
    columns = list(dict.fromkeys(name for found in figures.values() for name in found["fps"]))
    lines = [f"Frames a second at {SIZE[0]} x {SIZE[1]}", ""]
    lines.append(f"| scene | triangles | {' | '.join(columns)} | readback | memory | shimmer |")
    lines.append("|---|---|" + "---|" * (len(columns) + 3))
    for name, found in figures.items():
        speeds = [f"{found['fps'][c]:.1f}" if c in found["fps"] else "" for c in columns]
        shimmer = found["shimmer_levels"]
        lines.append(
            f"| {name} | {found['triangles']:,} | {' | '.join(speeds)} "
            f"| {found['readback_share_one_core']:.1%} | {found['engine_memory_mb']} MB "
            f"| {shimmer['drawn']:.2f} / {shimmer['nine samples']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
