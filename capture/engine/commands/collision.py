"""`/tour/{sweep,clearance,freespace}`: where a camera can be."""

import numpy as np

from capture.engine.commands.replies import POINT, one_line
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import EngineState

MAX_FREE_POINTS = 100_000


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""

    def sweep(args: list[str]) -> str:
        numbers = np.array([float(text) for text in args])
        if numbers[6] < 0:
            raise CommandError("Argument Invalid")
        hit = engine.world.collision.sweep(numbers[:3], numbers[3:6], float(numbers[6]))
        if hit is None:
            return one_line({"hit": False, "fraction": 1.0})
        normal = [float(value) for value in hit.normal]
        found = {"fraction": float(hit.fraction), "normal": normal, "object": hit.object}
        return one_line({"hit": True, **found})

    def clearance(args: list[str]) -> str:
        point = np.array([[float(text) for text in args]])
        distance, nearest, _ = engine.world.collision.nearest(point)
        where = [float(value) for value in nearest[0]]
        return one_line({"distance": float(distance[0]), "point": where})

    def freespace(args: list[str]) -> str:
        count, radius, seed = int(args[0] or 0), float(args[1]), int(args[2] or 0)
        if not 0 < count <= MAX_FREE_POINTS or radius <= 0:
            raise CommandError("Argument Invalid")
        points = engine.world.collision.free_points(count, radius, seed)
        return one_line({"points": points.tolist()})

    dispatcher.bind(
        f"vget /tour/sweep {POINT} {POINT} [float]", sweep, "Sphere from point to point, radius"
    )
    dispatcher.bind(f"vget /tour/clearance {POINT}", clearance, "Distance to the nearest surface")
    dispatcher.bind(
        "vget /tour/freespace [uint] [float] [uint]", freespace,
        "n, radius, seed: random points with that clearance, reachable from one another",
    )  # fmt: skip
