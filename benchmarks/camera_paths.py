"""The floor of camera scores: visual odometry on the engine's own films of the scripts.

    python -m benchmarks.camera_paths FOLDER home:900 forest:900     # films are kept in FOLDER

Every script is filmed at 640x360 from a clear start, with steps as long as the scene has room for,
and the `opencv` estimator runs on it at that size and at what is left of it at 416x240 and 128x64.
Beside it, for some scripts at 416x240, COLMAP (pycolmap) on every 8th frame, since it is made for
photographs from places apart; both are then scored on these frames.
"""

import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.camera_paths_lanes import Colmap, Thinned, film, films, scores
from benchmarks.results import write_results
from training.evaluate.estimators import PathEstimator, make_estimator
from training.evaluate.films import EngineTruth
from training.evaluate.scripts import SCRIPTS
from training.evaluate.trajectory import PathScores

SIZES = ((640, 360), (416, 240), (128, 64))
PEER_SCRIPTS = ("pan", "orbit")
PEER_SIZE = (416, 240)
PEER_EVERY = 8


def main() -> None:
    """Film, estimate, print and write the figures."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder, *scenes = sys.argv[1:]
    figures: dict[str, Any] = {"scripts": [], "peers": []}
    for scene in scenes or ["home:900"]:
        paths = films(Path(folder), scene, SCRIPTS)
        figures["scripts"] += [row for name in paths for row in _rows(scene, name, paths[name])]
        for name in PEER_SCRIPTS if scene == scenes[0] else ():
            figures["peers"] += _peers(scene, name, paths[name])
    figures["summary"] = _summary(figures["scripts"])
    write_results("camera_paths", figures, ("opencv-python", "pycolmap", "numpy", "scipy"))


def _rows(scene: str, name: str, path: Path) -> list[dict[str, Any]]:
    truth, estimator = film(path), make_estimator("opencv")
    common = {"scene": scene, "script": name, "unit_m": truth.unit_m, "clear": truth.clear}
    return [{**common, **_scored(estimator, truth, size, 1, f"{scene} {name}")} for size in SIZES]


def _peers(scene: str, name: str, path: Path) -> list[dict[str, Any]]:
    truth = film(path)
    lanes: tuple[PathEstimator, ...] = (Thinned(make_estimator("opencv"), PEER_EVERY), Colmap())
    rows = []
    for lane in lanes:
        title = f"{scene} {name} {lane.name}"
        row = _scored(lane, truth, PEER_SIZE, PEER_EVERY, title)
        rows.append({"scene": scene, "script": name, "estimator": lane.name, **row})
    return rows


def _scored(
    estimator: PathEstimator, truth: EngineTruth, size: tuple[int, int], every: int, title: str
) -> dict[str, Any]:
    found, seconds = scores(estimator, truth, *size, every)
    sys.stdout.write(f"{title:28} {size[0]}x{size[1]:<4} {_line(found)}  {seconds:5.1f} s\n")
    sys.stdout.flush()
    return {
        "width": size[0], "height": size[1], "every": every, "cpu_s": round(seconds, 2),
        **asdict(found),
    }  # fmt: skip


def _line(found: PathScores) -> str:
    def number(value: float | None) -> str:
        return "    n/a" if value is None else f"{value:7.4f}"

    return (
        f"translation {number(found.rpe_translation)} steps, rotation "
        f"{number(found.rpe_rotation_deg)} deg, drift {found.drift:7.4f}, tracked "
        f"{found.tracked:4.0%}"
    )


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and worst cases a size."""
    found = {}
    for width, height in SIZES:
        own = [row for row in rows if row["width"] == width]
        moving = [row["rpe_translation"] for row in own if row["rpe_translation"] is not None]
        turning = [row["rpe_rotation_deg"] for row in own if row["rpe_rotation_deg"] is not None]
        found[f"{width}x{height}"] = {
            "videos": len(own),
            "rpe_translation_median": float(np.median(moving)),
            "rpe_translation_most": float(np.max(moving)),
            "rpe_rotation_deg_median": float(np.median(turning)),
            "rpe_rotation_deg_most": float(np.max(turning)),
            "turned_only_and_drifted": sum(
                row["drift"] > 0 for row in own if row["rpe_translation"] is None
            ),
            "frames_lost": float(1.0 - np.mean([row["tracked"] for row in own])),
            "videos_failed": sum(row["tracked"] < 0.5 for row in own),
            "cpu_s_median": float(np.median([row["cpu_s"] for row in own])),
        }
    return found


if __name__ == "__main__":
    main()
