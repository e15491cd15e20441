"""Start points of rooms."""

from math import atan2, degrees

from capture.engine.generate.indoor.placing import Floor

EYE_CM = 160.0


def views_across(floor: Floor, count: int, eye_cm: float = EYE_CM) -> list[list[float]]:
    """Free points of a room (x, y, z, yaw), each looking towards its farthest corner."""
    spawns = []
    x0, y0, x1, y1 = floor.room.inner()
    for x, y in floor.open_points(count):
        corners = [(a, c) for a in (x0, x1) for c in (y0, y1)]
        cx, cy = max(corners, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2)
        spawns.append([x, y, eye_cm, degrees(atan2(cy - y, cx - x))])
    return spawns
