"""What grows low, and trees too far away to be more than pictures of themselves. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.outdoor.nature.foliage import Foliage


def tufts(
    f: Foliage, rng: np.random.Generator, places: np.ndarray, size: np.ndarray, material: Material
) -> None:
    """Grass or flowers on places (N,3): two crossed cards each, `size` (N) high."""
    count = len(places)
    if not count:
        return
    yaw = rng.uniform(0, np.pi, count)
    for turn in (0.0, np.pi / 2):
        angle = yaw + turn
        side = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
        face = np.stack([-side[:, 1], side[:, 0], np.zeros(count)], 1)
        lean = face * rng.normal(0, 0.16, (count, 1)) + [0, 0, 1.0]
        _upright(f, rng, places - [0, 0, 4.0], side, lean, face, size, size * 1.15, material)


def _upright(f, rng, foot, side, up, face, height, width, material) -> None:
    half = side * (width / 2)[:, None]
    top = foot + up * height[:, None]
    corners = np.stack([top - half, top + half, foot - half, foot + half], 1)
    normals = np.repeat(face[:, None], 4, 1)
    open_ = np.broadcast_to([1.05, 1.05, 0.62, 0.62], (len(foot), 4))
    f.add(corners, normals, material, open_, flat=True, flip=rng.random(len(foot)) < 0.5)


def far_trees(
    f: Foliage,
    rng: np.random.Generator,
    places: np.ndarray,
    height: np.ndarray,
    materials: list[Material],
    broad: float = 0.75,
    cards: int = 2,
) -> None:
    """Trees on places (N,3) as crossed pictures, each `height` (N) tall and `broad` as wide."""
    kind = rng.integers(len(materials), size=len(places))
    for number, material in enumerate(materials):
        chosen = kind == number
        foot, tall = places[chosen] - [0, 0, 20.0], height[chosen]
        yaw = rng.uniform(0, np.pi, len(foot))
        for k in range(cards if len(foot) else 0):
            angle = yaw + k * np.pi / cards
            side = np.stack([np.cos(angle), np.sin(angle), np.zeros(len(foot))], 1)
            face = np.stack([-side[:, 1], side[:, 0], np.zeros(len(foot))], 1)
            up = np.broadcast_to([0, 0, 1.0], face.shape)
            _upright(f, rng, foot, side, up, face, tall, tall * broad, material)


def ferns(
    f: Foliage, rng: np.random.Generator, places: np.ndarray, size: np.ndarray, material: Material
) -> None:
    """Ferns on places (N,3): seven bowed fronds each, `size` (N) long."""
    count = 7
    foot = np.repeat(places, count, 0)
    long = np.repeat(size, count)[:, None] * rng.uniform(0.75, 1.1, (len(foot), 1))
    angle = np.tile(np.arange(count) * 2 * np.pi / count, len(places))
    angle = angle + np.repeat(rng.uniform(0, 6.28, len(places)), count)
    angle += rng.normal(0, 0.2, len(foot))
    out = np.stack([np.cos(angle), np.sin(angle), np.zeros(len(foot))], 1)
    side = np.stack([-out[:, 1], out[:, 0], np.zeros(len(foot))], 1)
    bow = foot + (out * 0.5 + [0, 0, 0.5]) * long
    tip = bow + (out * 0.5 - [0, 0, 0.16]) * long
    for start, end, u0, u1 in ((foot, bow, 0.0, 0.5), (bow, tip, 0.5, 1.0)):
        half = side * long * 0.24
        corners = np.stack([start - half, end - half, start + half, end + half], 1)
        normals = np.repeat((out * 0.3 + [0, 0, 1.0])[:, None], 4, 1)
        part = Material(material.layer, rect=(u0, 0.0, u1, 1.0))
        shade = [0.5, 0.85, 0.5, 0.85] if u0 == 0 else [0.85, 1.05, 0.85, 1.05]
        f.add(corners, normals, part, np.broadcast_to(shade, (len(foot), 4)), flat=True)


def bush(
    f: Foliage,
    rng: np.random.Generator,
    material: Material,
    radius: float,
    height: float,
    cards: int = 36,
) -> None:
    """A bush at the frame's origin: a dome of leaf cards."""
    out = rng.normal(size=(cards, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    out[:, 2] = np.abs(out[:, 2])
    radii = np.array([radius, radius, height])
    centre = out * radii * rng.uniform(0.4, 0.85, (cards, 1)) + [0, 0, 0.06 * height]
    facing = out + rng.normal(0, 0.4, (cards, 3))
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    u = np.cross(facing, rng.normal(size=(cards, 3)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(facing, u)
    half = rng.uniform(0.3, 0.48, (cards, 1)) * (radius + height) / 2
    corners = np.stack(
        [centre + half * (a * u + c * v) for a, c in ((-1, -1), (1, -1), (-1, 1), (1, 1))], 1
    )
    corners[..., 2] = np.maximum(corners[..., 2], -8.0)
    spread = corners / radii
    depth = np.linalg.norm(spread, axis=-1)
    normals = spread / np.maximum(depth[..., None], 0.05) + [0, 0, 0.35]
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    open_ = np.clip(0.34 + 0.42 * depth + 0.3 * spread[..., 2], 0.3, 1.0)
    f.add(corners, normals, material, open_, flip=rng.random(cards) < 0.5)
    f.shade(np.array([0, 0, height * 0.4]), radii * [0.8, 0.8, 0.6], rng)
