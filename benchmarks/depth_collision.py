"""Measures collision from depth images beside exact sweeps: is it safe, and how cautious.

    python -m benchmarks.depth_collision

From free places of some scenes straight ways lead in random directions. `DepthSpace`, which sees
depth images only, says how far a camera may go; `/tour/sweep` says how far it could. About 2
minutes of one core.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.results import write_results
from capture.recording.depth_space import DepthSpace
from capture.recording.station import Station, make_station
from capture.sessions.launcher import start_engine
from labeling.camera import ue_to_camera

SCENES = ("home:0", "home:2", "street:1", "square:0")
PLACES = 60
WAY_CM, STEPS = 200.0, 40
CLEARANCE_CM = 25.0
COLUMNS = ("scene", "ways", "gone %", "collisions", "nearest cm", "ms a way", "exact ms")


def measure(scene: str) -> dict[str, object]:
    """One scene's row."""
    with tempfile.TemporaryDirectory() as folder:
        engine = start_engine("embedded", scene, Path(folder), size=(64, 36))
        try:
            station = make_station(engine.client, scene, 90.0, size=(64, 36))
            return {"scene": scene, **_ways(station)}
        finally:
            engine.close()


def _ways(station: Station) -> dict[str, float]:
    client, random = station.client, np.random.default_rng(0)
    wanted = f"{PLACES} {CLEARANCE_CM + 4:.6f} 0"
    places = np.array(client.json(f"vget /tour/freespace {wanted}")["points"])
    space = DepthSpace(station.depth_views(), CLEARANCE_CM)
    gone, could, nearest, spent = 0.0, 0.0, [], np.zeros(2)
    ways = 0
    for place in places:
        direction = random.normal(size=3) * [1, 1, 0.4]
        way = WAY_CM * direction / np.linalg.norm(direction)
        clock = [time.perf_counter()]
        text = " ".join(f"{value:.6f}" for value in (*place, *(place + way), CLEARANCE_CM))
        exact = client.json(f"vget /tour/sweep {text}")
        clock.append(time.perf_counter())
        points = place + np.linspace(0, 1, STEPS + 1)[:, None] * way
        _, positions_m = ue_to_camera(points, np.zeros((STEPS + 1, 3)))
        if exact.get("object") == "boundary" or not space.is_free(place):
            continue  # the edge of the world cannot be seen
        steps = space.clear_steps(positions_m)
        clock.append(time.perf_counter())
        spent += np.diff(clock)
        reached = points[: steps + 1 : 2]
        clear = [client.json(f"vget /tour/clearance {_text(point)}") for point in reached]
        nearest.append(min(float(one["distance"]) for one in clear))
        gone, could, ways = gone + steps / STEPS, could + float(exact["fraction"]), ways + 1
    return {
        "ways": ways,
        "gone_share": gone / could,
        "collisions": int(np.sum(np.array(nearest) < CLEARANCE_CM)),
        "nearest_cm": min(nearest),
        "ms_a_way": 1e3 * spent[1] / ways,
        "exact_ms_a_way": 1e3 * spent[0] / ways,
    }


def _text(vector: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)


def main() -> None:
    """Measure, print the table, write the results."""
    rows = [measure(scene) for scene in SCENES]
    print(" | ".join(f"{title:>10}" for title in COLUMNS))
    for row in rows:
        cells = [
            row["scene"], row["ways"], f"{100 * float(str(row['gone_share'])):.0f}",
            row["collisions"], *(f"{row[key]:.1f}" for key in list(row)[4:]),
        ]  # fmt: skip
        print(" | ".join(f"{cell!s:>10}" for cell in cells))
    write_results("depth_collision", {"clearance_cm": CLEARANCE_CM, "rows": rows}, ["moderngl"])


if __name__ == "__main__":
    main()
