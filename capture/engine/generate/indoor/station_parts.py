"""Parts of an underground station: trains, tracks, stairs and what stands on platforms. cm."""

import numpy as np
from PIL import Image, ImageDraw

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.pictures import INKS, pick, vary
from capture.engine.generate.kit.shapes import lathe, soft_box, tube


def carriage_inside(rng: np.random.Generator) -> np.ndarray:
    """What is seen through a lit carriage's windows, (256,512,3)."""
    image = Image.new("RGB", (512, 256), (246, 240, 224))
    draw = ImageDraw.Draw(image)
    seat = vary(rng, pick(rng, INKS), 20)
    draw.rectangle([0, 0, 512, 40], (214, 210, 200))
    for x in range(0, 512, 64):
        draw.rounded_rectangle([x + 6, 140, x + 56, 256], 10, seat)
        draw.rectangle([x + 30, 0, x + 34, 256], (226, 200, 90) if x % 128 else (180, 182, 186))
    draw.rectangle([0, 60, 512, 66], (180, 182, 186))
    return np.asarray(image)


def track(b: MeshBuilder, length: float, steel: Material, sleeper: Material) -> None:
    """Rails along x about the frame's origin, on sleepers."""
    xs = np.arange(30, length - 30, 70.0)
    low = np.column_stack([xs, np.full(len(xs), -125.0), np.zeros(len(xs))])
    with b.using(occludes=False):
        b.boxes(low, low + [24, 250, 12], [sleeper] * len(xs))
        for y in (-75, 70):
            b.box((0, y, 12), (length, y + 5, 26), steel, 300)
        b.box((0, 140, 20), (length, 152, 34), sleeper, 300)


def carriage(
    b: MeshBuilder, paint: Material, stripe: Material, dark: Material, lit: Material, length: float
) -> None:
    """A carriage along x, its floor at platform height; the frame lies on the rails' top."""
    half, floor, roof = 128.0, 96.0, 300.0
    b.box((0, -half, floor - 14), (length, half, roof), paint, 120)
    with b.using(collides=False):
        soft_box(b, (0, -half + 4, roof - 26), (length, half - 4, roof + 22), 22, paint, 4)
    b.box((60, -half + 30, 10), (length - 60, half - 30, floor - 14), dark, 200)
    doors = np.linspace(length * 0.12, length * 0.88, 4)
    for side in (-1, 1):
        y = side * (half + 0.6)
        with b.using(collides=False, occludes=False):
            _band(b, y, side, 0, length, floor + 4, floor + 26, stripe)
            for x in doors:
                _band(b, y + side, side, x - 66, x + 66, floor, roof - 22, dark)
                for left in (x - 62, x + 3):
                    _band(b, y + 2 * side, side, left, left + 59, floor + 4, roof - 28, paint)
                    with b.using(emission=0.7):
                        top = roof - 44
                        _band(b, y + 3 * side, side, left + 10, left + 49, floor + 92, top, lit)
            for a, c in zip(doors[:-1] + 90, doors[1:] - 90, strict=True):
                with b.using(emission=0.8):
                    _band(b, y + side, side, a, c, floor + 84, roof - 40, lit)
    for x, face in ((0.0, -1), (length, 1)):
        with b.using(collides=False, occludes=False):
            origin = (x + face * 0.6, face * 100.0, roof - 40)
            b.quad(origin, (0, -face * 200.0, 0), (0, 0, -90), dark)
            for y in (-90.0, 70.0):
                with b.using(emission=1.5):
                    b.quad((x + face * 0.8, y + (20 if face > 0 else 0), floor + 40),
                           (0, -face * 20.0, 0), (0, 0, -14), stripe)  # fmt: skip


def _band(b, y, side, x0, x1, z0, z1, m) -> None:
    """An upright rectangle on one side of a carriage."""
    if side > 0:
        b.quad((x0, y, z1), (x1 - x0, 0, 0), (0, 0, z0 - z1), m, 200)
    else:
        b.quad((x1, y, z1), (x0 - x1, 0, 0), (0, 0, z0 - z1), m, 200)


def stairs(b: MeshBuilder, stone: Material, rail: Material, wide: float, steps: int) -> None:
    """Steps that rise towards -x from the frame's origin, with railings."""
    for k in range(steps):
        b.box((-(k + 1) * 30, -wide / 2, 0), (-k * 30, wide / 2, (k + 1) * 16), stone, 90, "-z")
    for y in (-wide / 2 + 6, 0.0, wide / 2 - 6):
        line = [(10, y, 92), (-steps * 30, y, 92 + steps * 16)]
        tube(b, line, 2.6, rail, 8)
        for k in range(0, steps, 4):
            tube(
                b,
                [(-k * 30 - 15, y, (k + 1) * 16), (-k * 30 - 15, y, (k + 1) * 16 + 84)],
                1.8,
                rail,
                6,
            )


def seat_row(b: MeshBuilder, seat: Material, steel: Material, count: int) -> None:
    """Single seats on a beam along y that face +x."""
    half = count * 27.0
    b.box((-4, -half, 34), (4, half, 40), steel)
    for y in (-half + 20, half - 26):
        b.box((-5, y, 0), (5, y + 6, 34), steel)
    for k in range(count):
        y = -half + 27 + k * 54.0
        with b.at(0, y):
            soft_box(b, (-20, -22, 40), (22, 22, 45), 2, seat, 2)
            soft_box(b, (-25, -21, 48), (-20, 21, 84), 2, seat, 2)


def vending_machine(b: MeshBuilder, paint: Material, front: Material, dark: Material) -> None:
    """A lit machine with its back on x = 0."""
    b.box((0, -48, 0), (78, 48, 188), paint, 80)
    with b.using(emission=0.9, occludes=False):
        b.quad((78.6, 40, 178), (0, -62, 0), (0, 0, -128), front)
    b.box((78, -44, 92), (79.5, -24, 140), dark)
    b.box((78, -30, 14), (79.5, 36, 34), dark)


def litter_bin(b: MeshBuilder, paint: Material) -> None:
    """A round bin."""
    lathe(b, (0, 0, 0), [(3, 92), (24, 86), (26, 76), (22, 74), (22, 0)], paint, 14)


def hanging_sign(
    b: MeshBuilder, plate: Material, dark: Material, z: float, ceiling: float, wide: float = 260
) -> None:
    """A two-sided sign across the platform, facing both ways along x."""
    half = wide / 2
    with b.using(collides=False, occludes=False):
        b.box((-5, -half, z), (5, half, z + 34), dark, 200)
        b.quad((5.4, half, z + 33), (0, -wide, 0), (0, 0, -32), plate)
        b.quad((-5.4, -half, z + 33), (0, wide, 0), (0, 0, -32), plate)
        for y in (-half + 20, half - 20):
            tube(b, [(0, y, z + 34), (0, y, ceiling)], 1.5, dark, 6)
