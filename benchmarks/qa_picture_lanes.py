"""Damage of pictures for `benchmarks.qa`: each takes RGB frames (T,H,W,3) uint8 and a strength of
0, 1 or 2, weakest first, and returns damaged ones, of the same number.

`busy` is a frame in the middle of the clip's fastest second: what shows only while the camera moves
is put there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Frames = np.ndarray


@dataclass(frozen=True, kw_only=True)
class PictureDamage:
    """One kind: what it does at each strength in words, and the checks that may find it."""

    apply: Callable[[Frames, int, np.random.Generator, int], Frames]
    strengths: tuple[str, str, str]
    checks: tuple[str, ...]


def frozen(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """The picture stands still while the camera goes on."""
    count = (1, 4, 16)[strength]
    out, first = frames.copy(), min(max(1, busy - count // 2), len(frames) - count)
    out[first : first + count] = frames[first - 1]
    return out


def dropped(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """Frames are lost in the first third; the last one is repeated at the end."""
    count, first = (1, 2, 4)[strength], len(frames) // 4
    tail = np.repeat(frames[-1:], count, axis=0)
    return np.concatenate([frames[:first], frames[first + count :], tail])


def repeated(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """A frame of the first third is written several times; those at the end are lost."""
    count, first = (1, 2, 4)[strength], len(frames) // 4
    again = np.repeat(frames[first : first + 1], count, axis=0)
    return np.concatenate([frames[:first], again, frames[first:]])[: len(frames)]


def black(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """Black frames."""
    return _span(frames, random, (1, 3, 16)[strength], lambda part: np.zeros_like(part))


def flat_grey(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """Frames of a single grey."""
    return _span(frames, random, (1, 3, 16)[strength], lambda part: np.full_like(part, 128))


def overexposed(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """All of the clip by 1, 2, 3 stops too bright."""
    return _exposed(frames, (1.0, 2.0, 3.0)[strength])


def under_lit(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """All of the clip by 2, 4, 6 stops too dark."""
    return _exposed(frames, -(2.0, 4.0, 6.0)[strength])


def flicker(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """The light of every frame of two seconds changes at random."""
    spread = (0.01, 0.03, 0.1)[strength]
    first = len(frames) // 3

    def unsteady(part: Frames) -> Frames:
        factor = 1.0 + spread * random.standard_normal((len(part), 1, 1, 1))
        return np.clip(part * factor + 0.5, 0, 255).astype(np.uint8)

    return _span(frames, random, 32, unsteady, first)


def blurred(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """Two seconds out of focus."""
    import cv2

    sigma = (0.7, 1.2, 2.5)[strength]

    def soft(part: Frames) -> Frames:
        return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in part])

    return _span(frames, random, 32, soft, len(frames) // 3)


def missing_texture(
    frames: Frames, busy: int, random: np.random.Generator, strength: int
) -> Frames:
    """Surfaces of one brightness become magenta, shaded as they were, for two seconds: about a
    hundredth, a fiftieth or a tenth of the picture."""
    share = (0.005, 0.02, 0.1)[strength]
    first = len(frames) // 3
    luma = frames[first + 16].astype(np.float32).mean(axis=-1)
    bright = (
        np.sort(luma[luma > 90.0]) if (luma > 90.0).mean() > 2 * share else np.sort(luma.ravel())
    )
    at = int(random.uniform(0.1, 0.9) * (len(bright) - 1))
    half = max(1, int(share * luma.size / 2))
    low, high = bright[max(0, at - half)], bright[min(len(bright) - 1, at + half)]

    def painted(part: Frames) -> Frames:
        grey = part.astype(np.float32).mean(axis=-1)
        mask = (grey >= low) & (grey <= high)
        shade = np.maximum(grey, 90.0).astype(np.uint8)
        out = part.copy()
        out[mask] = np.stack([shade, np.zeros_like(shade), shade], axis=-1)[mask]
        return out

    return _span(frames, random, 32, painted, first)


def popping(frames: Frames, busy: int, random: np.random.Generator, strength: int) -> Frames:
    """A textured box appears and stays for a second: an eighth, a fifth, a third of the height."""
    side = int(frames.shape[1] * (0.125, 0.2, 0.33)[strength])
    top = int(random.integers(0, frames.shape[1] - side))
    left = int(random.integers(0, frames.shape[2] - side))
    coarse = random.integers(0, 256, (8, 8, 3), np.uint8)
    box = coarse.repeat(side // 8 + 1, 0).repeat(side // 8 + 1, 1)[:side, :side]

    def shown(part: Frames) -> Frames:
        out = part.copy()
        out[:, top : top + side, left : left + side] = box
        return out

    return _span(frames, random, 16, shown)


def _span(
    frames: Frames, random: np.random.Generator, count: int, change: Callable[[Frames], Frames],
    first: int | None = None,
) -> Frames:  # fmt: skip
    if first is None:
        first = int(random.integers(8, len(frames) - count - 8))
    out = frames.copy()
    out[first : first + count] = change(frames[first : first + count])
    return out


def _exposed(frames: Frames, stops: float) -> Frames:
    """From sRGB to light, times 2^stops, and back."""
    level = np.arange(256) / 255.0
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = np.clip(light * 2.0**stops, 0.0, 1.0)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (shown * 255.0 + 0.5).astype(np.uint8)[frames]


PICTURES: dict[str, PictureDamage] = {
    "frozen frames": PictureDamage(
        apply=frozen, strengths=("1 frame", "4 frames", "16 frames"),
        checks=("frozen_frames", "flow_error_deg"),
    ),
    "dropped frames": PictureDamage(
        apply=dropped, strengths=("1 frame", "2 frames", "4 frames"),
        checks=("label_lag_frames", "flow_error_deg", "frozen_frames"),
    ),
    "repeated frame": PictureDamage(
        apply=repeated, strengths=("once", "twice", "4 times"),
        checks=("label_lag_frames", "flow_error_deg", "frozen_frames"),
    ),
    "black frames": PictureDamage(
        apply=black, strengths=("1 frame", "3 frames", "16 frames"),
        checks=("blank_frames", "crushed_share", "brightness"),
    ),
    "flat grey frames": PictureDamage(
        apply=flat_grey, strengths=("1 frame", "3 frames", "16 frames"), checks=("blank_frames",)
    ),
    "overexposed": PictureDamage(
        apply=overexposed, strengths=("+1 stop", "+2 stops", "+3 stops"), checks=("blown_share",)
    ),
    "under-lit": PictureDamage(
        apply=under_lit, strengths=("-2 stops", "-4 stops", "-6 stops"),
        checks=("brightness", "crushed_share", "blank_frames"),
    ),
    "flicker": PictureDamage(
        apply=flicker, strengths=("1 %", "3 %", "10 %"), checks=("flicker", "popping_share")
    ),
    "blur": PictureDamage(
        apply=blurred, strengths=("0.7 px", "1.2 px", "2.5 px"), checks=("blur_px",)
    ),
    "missing texture": PictureDamage(
        apply=missing_texture, strengths=("about 0.5 %", "about 2 %", "about 10 %"),
        checks=("missing_texture_share",),
    ),
    "popping object": PictureDamage(
        apply=popping, strengths=("1/8 of the height", "1/5", "1/3"), checks=("popping_share",)
    ),
}  # fmt: skip
