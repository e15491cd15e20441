"""Cuts long edges, so that light stored at the vertices has enough of them. No cracks open."""

import numpy as np

_ROUNDS = 10
# For each set of cut edges (bit i: edge from corner i to i + 1), triangles of corners 0..2 and
# middles 3..5 of the edges.
_PATTERNS = {
    0: [(0, 1, 2)],
    1: [(0, 3, 2), (3, 1, 2)],
    2: [(0, 1, 4), (0, 4, 2)],
    4: [(0, 1, 5), (5, 1, 2)],
    3: [(0, 3, 2), (3, 4, 2), (3, 1, 4)],
    6: [(0, 1, 4), (0, 4, 5), (5, 4, 2)],
    5: [(0, 3, 5), (3, 1, 5), (1, 2, 5)],
    7: [(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)],
}


def tessellate(corners: np.ndarray, longest: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut triangles `corners` (F,3,K), whose first three values are places, until no edge is longer
    than `longest` or there are `most` triangles.

    Returns the corners (G,3,K) and the index (G,) of the triangle that each came from. Whether an
    edge is cut depends on its length alone, and where on its ends alone, so that triangles that
    share it agree; the other values are those of the middle.
    """
    source = np.arange(len(corners))
    for _ in range(_ROUNDS):
        ends = np.roll(corners, -1, axis=1)
        length = np.sqrt(((corners[..., :3] - ends[..., :3]) ** 2).sum(-1))
        case = (length > longest) @ np.array([1, 2, 4])
        extra = np.array([len(_PATTERNS[k]) for k in range(8)])[case].sum()
        if not case.any() or extra > most:
            break
        six = np.concatenate([corners, (corners + ends) / 2], axis=1)
        parts, sources = [], []
        for number, pattern in _PATTERNS.items():
            chosen = np.flatnonzero(case == number)
            parts.append(six[chosen][:, np.array(pattern)].reshape(-1, 3, corners.shape[2]))
            sources.append(np.repeat(source[chosen], len(pattern)))
        corners, source = np.concatenate(parts), np.concatenate(sources)
    return corners, source
