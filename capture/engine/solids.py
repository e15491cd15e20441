"""Which triangles bound closed solids: their backs are never seen from outside."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

_WELD_PER_CM = 16  # corners nearer than about half a millimetre are one


def bound_solids(
    position_cm: np.ndarray, triangles: np.ndarray, places_cm: np.ndarray | None = None
) -> np.ndarray:
    """Whether each triangle (F,3) belongs to a closed surface whose fronts are all outside, (F,).

    Triangles hang together along edges; their surface is closed where every edge is passed as often
    one way as the other, and inside out where its volume is negative. One whose bounds hold any of
    `places_cm` (N,3), where cameras start, may be a room that was modelled as a box: it is none.
    """
    if not len(triangles):
        return np.zeros(0, bool)
    grid = np.rint(position_cm.astype(np.float64) * _WELD_PER_CM).astype(np.int64)
    low = grid.min(0)
    extent = grid.max(0) - low + 1
    place = ((grid - low) * [1, extent[0], extent[0] * extent[1]]).sum(1)
    welded = np.unique(place, return_inverse=True)[1].reshape(-1)[triangles]
    edges = np.concatenate([welded[:, [0, 1]], welded[:, [1, 2]], welded[:, [2, 0]]])
    count = len(triangles)
    owner = np.tile(np.arange(count), 3)
    key = edges.min(1).astype(np.int64) * (int(welded.max()) + 1) + edges.max(1)
    edge = np.unique(key, return_inverse=True)[1].reshape(-1)
    balance = np.bincount(edge, np.sign(edges[:, 1] - edges[:, 0]))
    size = count + int(edge.max()) + 1
    links = coo_matrix((np.ones(len(edge), np.int8), (owner, count + edge)), shape=(size, size))
    part = connected_components(links, directed=False)[1]
    open_ = np.zeros(int(part.max()) + 1, bool)
    open_[part[owner[balance[edge] != 0]]] = True
    a, b, c = (position_cm[triangles[:, corner]].astype(np.float64) for corner in range(3))
    middle = position_cm.mean(0, dtype=np.float64)
    volume = ((a - middle) * np.cross(b - middle, c - middle)).sum(1)
    outward = np.bincount(part[:count], volume, len(open_)) > 0
    solid = outward & ~open_
    if places_cm is not None:
        solid &= ~_holding(part[:count], position_cm[triangles], places_cm, len(open_))
    return solid[part[:count]]


def _holding(
    part: np.ndarray, corners_cm: np.ndarray, places_cm: np.ndarray, parts: int
) -> np.ndarray:
    """Which parts have a place within their bounds, (parts,)."""
    low, high = np.full((parts, 3), np.inf), np.full((parts, 3), -np.inf)
    np.minimum.at(low, part, corners_cm.min(1))
    np.maximum.at(high, part, corners_cm.max(1))
    holding = np.zeros(parts, bool)
    for place in places_cm:
        holding |= ((low <= place) & (place <= high)).all(1)
    return holding
