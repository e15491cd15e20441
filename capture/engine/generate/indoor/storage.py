"""What stands in warehouses and factory halls, in local frames. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.shapes import cylinder, lathe, tube, wheel


def rack(
    b: MeshBuilder,
    rng: np.random.Generator,
    frame: Material,
    beam: Material,
    goods: list[Material],
    pallet: Material,
    bays: int,
    levels: int,
    fill: float,
) -> None:
    """A pallet rack along y with `bays` of 270 cm and `levels` of 190 cm, 110 cm deep about x."""
    length, step = bays * 270.0, 190.0
    posts = [(x, -length / 2 + k * 270, 0) for k in range(bays + 1) for x in (-52, 44)]
    low = np.array(posts, float)
    b.boxes(low, low + [8, 8, levels * step + 60], [frame] * len(posts))
    with b.using(occludes=False):
        for k in range(bays + 1):
            y = -length / 2 + k * 270 + 4
            zs = np.arange(0, levels * step, 95.0)
            lines = [((-48, y, z), (48, y, z + 95)) for z in zs[::2]]
            lines += [((48, y, z), (-48, y, z + 95)) for z in zs[1::2]]
            for line in lines:
                tube(b, line, 1.6, frame, 4)
    for level in range(levels):
        z = level * step
        if level:
            for x in (-50, 44):
                b.box((x, -length / 2, z), (x + 6, length / 2, z + 12), beam, 270)
        for k in range(bays * 2):
            if rng.random() < fill:
                place = -length / 2 + 10 + (k + 0.5) * (length - 20) / (bays * 2)
                with b.at(0, place, z + (12 if level else 0)):
                    load(b, rng, goods, pallet, float(rng.uniform(60, 150)))


def load(
    b: MeshBuilder, rng: np.random.Generator, goods: list[Material], pallet: Material, high: float
) -> None:
    """A pallet with boxes, one large case, drums or sacks."""
    lows = [(-50, -58, 10), *((-50, y, 0) for y in (-58, -6, 46))]
    highs = [(50, 58, 14), *((50, y + 12, 10) for y in (-58, -6, 46))]
    b.boxes(np.array(lows, float), np.array(highs, float), [pallet] * 4)
    kind, m = int(rng.integers(5)), goods[int(rng.integers(len(goods)))]
    if kind == 0:
        b.box((-46, -54, 14), (46, 54, 14 + high), m, 60)
    elif kind == 1:
        for x in (-24, 24):
            for y in (-28, 28):
                cylinder(b, (x, y, 14), 23, min(high, 88), m, 12)
    else:
        nx, ny, nz = int(rng.integers(2, 4)), int(rng.integers(2, 4)), int(rng.integers(1, 5))
        size = np.array([96 / nx, 112 / ny, min(high / nz, 48)])
        cells = np.array([(i, j, k) for k in range(nz) for i in range(nx) for j in range(ny)])
        kept = cells[(cells[:, 2] < nz - 1) | (rng.random(len(cells)) < 0.7)]
        low = np.array([-48, -56, 14]) + kept * size
        look = [m if rng.random() < 0.7 else goods[int(rng.integers(len(goods)))] for _ in kept]
        b.boxes(low + 0.4, low + size - 0.4, look)


def crate(b: MeshBuilder, wood: Material, dark: Material, size: tuple[float, float, float]) -> None:
    """A wooden case with a frame of battens, about the frame's origin."""
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    b.box((-x + 2, -y + 2, 2), (x - 2, y - 2, z - 2), wood, 60)
    lows, highs = _bars(x, y, z, 9.0)
    b.boxes(lows, highs, [dark] * len(lows))


def _bars(x: float, y: float, z: float, w: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corners of a case's battens."""
    boxes = []
    for sx, sy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        ends_x, ends_y = sorted((sx * x, sx * (x - w))), sorted((sy * y, sy * (y - w)))
        boxes.append((ends_x[0], ends_y[0], 0, ends_x[1], ends_y[1], z))
    for low in (0.0, z - w):
        for side in (-1, 1):
            near_y, near_x = sorted((side * y, side * (y - 3))), sorted((side * x, side * (x - 3)))
            boxes.append((w - x, near_y[0], low, x - w, near_y[1], low + w))
            boxes.append((near_x[0], w - y, low, near_x[1], y - w, low + w))
    both = np.array(boxes, float)
    return both[:, :3], both[:, 3:]


def forklift(b: MeshBuilder, paint: Material, dark: Material, steel: Material) -> None:
    """A forklift truck, its fork towards +x."""
    b.box((-95, -50, 22), (30, 50, 78), paint, 60)
    b.box((-100, -50, 40), (-60, 50, 112), paint, 60)
    b.box((-50, -26, 78), (-10, 26, 90), dark)
    b.box((-58, -26, 90), (-48, 26, 130), dark)
    posts = np.array([(x, y, 78) for x in (-64, 24) for y in (-48, 42)], float)
    b.boxes(posts, posts + [6, 6, 134], [dark] * 4)
    b.box((-66, -50, 210), (32, 50, 215), dark)
    for y in (-30, 22):
        b.box((36, y, 8), (44, y + 8, 250), dark)
        b.box((44, y, 10), (150, y + 12, 14), steel)
    b.box((38, -36, 60), (46, 36, 66), dark)
    b.box((38, -36, 180), (46, 36, 186), dark)
    for x, radius in ((12, 28), (-72, 24)):
        for y in (-46, 46):
            wheel(b, (x, y, radius), radius, 16, dark, paint)


def machine(
    b: MeshBuilder, rng: np.random.Generator, paint: Material, dark: Material, steel: Material
) -> None:
    """A press, lathe or tank, about 2 m wide along y."""
    kind = int(rng.integers(3))
    if kind == 0:
        b.box((-70, -90, 0), (70, 90, 70), paint, 60)
        for y in (-90, 60):
            b.box((-50, y, 70), (50, y + 30, 250), paint, 60)
        b.box((-60, -95, 250), (60, 95, 320), paint, 60)
        b.box((-40, -40, 150), (40, 40, 200), steel, 60)
        cylinder(b, (0, 0, 200), 18, 50, steel, 12)
        b.box((70, -20, 30), (74, 20, 60), dark)
    elif kind == 1:
        b.box((-50, -160, 0), (50, 160, 60), paint, 60)
        b.box((-46, -160, 60), (46, -80, 150), paint, 60)
        b.box((46.5, -150, 90), (48, -110, 130), dark)
        for x in (-22, 22):
            b.box((x - 6, -80, 60), (x + 6, 150, 72), steel, 80)
        b.box((-36, -10, 72), (36, 40, 96), paint, 60)
        tube(b, [(0, -80, 106), (0, 120, 106)], 7, steel, 10)
        b.box((-24, 110, 72), (24, 150, 124), paint, 60)
    else:
        radius, high = float(rng.uniform(70, 110)), float(rng.uniform(220, 400))
        for k in range(4):
            with b.at(0, 0, 0, 45 + 90.0 * k), b.at(radius * 0.8, 0):
                b.box((-6, -6, 0), (6, 6, 60), dark)
        top = [(2.0, high + 30), (radius * 0.7, high + 18), (radius, high)]
        low = [(radius, 20.0), (radius * 0.6, 0.0), (4.0, -10.0)]
        lathe(b, (0, 0, 50), top + low, paint, 24)
        tube(b, [(0, 0, high + 70), (0, 0, high + 130), (radius + 60, 0, high + 130),
                 (radius + 60, 0, 0)], 6, steel, 8)  # fmt: skip


def conveyor(b: MeshBuilder, belt: Material, steel: Material, length: float) -> None:
    """A belt along y at working height."""
    b.box((-36, -length / 2, 72), (36, length / 2, 78), belt, 80)
    for x in (-40, 36):
        b.box((x, -length / 2, 66), (x + 4, length / 2, 84), steel, 120)
    for y in np.arange(-length / 2 + 20, length / 2, 150):
        for x in (-38, 34):
            b.box((x, y, 0), (x + 4, y + 4, 66), steel)
