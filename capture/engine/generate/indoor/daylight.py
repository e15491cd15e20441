"""Times of day: sun, sky and how much the lamps matter indoors."""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.pictures import pick
from capture.engine.scene import Sky, Sun

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Daylight:
    """What comes in from outside, and how bright the pictures shall be."""

    name: str
    phrase: str  # for captions: "by day", "at night"
    sun: Sun | None
    sky: Sky
    lamps: float  # power of the lamps, 1 by night
    brightness: float  # of the pictures, see assemble.finish_scene


@dataclass(frozen=True)
class _Time:
    phrase: str
    height_deg: tuple[float, float]
    sun: Colour | None
    zenith: Colour
    horizon: Colour
    cloud: tuple[float, float]
    lamps: float
    brightness: float


_TIMES = {
    "morning": _Time(
        "in the morning", (14, 26), (2.5, 1.9, 1.25), (0.24, 0.42, 0.74), (0.92, 0.8, 0.66),
        (0.1, 0.5), 0.7, 1.0,
    ),
    "noon": _Time(
        "by day", (42, 60), (2.3, 2.15, 1.9), (0.18, 0.36, 0.72), (0.65, 0.75, 0.85),
        (0.1, 0.55), 0.7, 1.1,
    ),
    "afternoon": _Time(
        "in the afternoon", (26, 40), (2.4, 2.05, 1.6), (0.2, 0.38, 0.7), (0.75, 0.78, 0.8),
        (0.2, 0.6), 0.7, 1.05,
    ),
    "overcast": _Time(
        "on an overcast day", (30, 50), None, (0.5, 0.54, 0.6), (0.66, 0.69, 0.72),
        (0.9, 1.0), 0.9, 0.92,
    ),
    "sunset": _Time(
        "at sunset", (7, 13), (2.3, 1.15, 0.5), (0.2, 0.24, 0.46), (1.0, 0.56, 0.3),
        (0.2, 0.5), 0.9, 0.9,
    ),
    "dusk": _Time(
        "at dusk", (0, 0), None, (0.045, 0.07, 0.18), (0.3, 0.21, 0.26),
        (0.1, 0.3), 1.0, 0.8,
    ),
    "night": _Time(
        "at night", (0, 0), None, (0.006, 0.009, 0.022), (0.03, 0.03, 0.045),
        (0.0, 0.0), 1.0, 0.75,
    ),
}  # fmt: skip
DAY = ("morning", "noon", "afternoon", "overcast")
ANY = (*_TIMES, "noon", "afternoon")  # some twice: they are seen most often


def draw_daylight(
    rng: np.random.Generator, names: tuple[str, ...] = ANY, azimuth_deg: float | None = None
) -> Daylight:
    """One of the named times, with its sun somewhere, or about an azimuth (+X = 0, +Y = 90)."""
    name = pick(rng, names)
    time = _TIMES[name]
    azimuth = np.radians(rng.uniform(0, 360) if azimuth_deg is None else azimuth_deg)
    height = np.radians(rng.uniform(*time.height_deg))
    direction = np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)
    sun = None
    if time.sun is not None:
        x, y, z = (float(c) for c in direction)
        sun = Sun(direction=(x, y, z), colour=time.sun)
    ground = float(np.mean(time.horizon)) * 0.33
    return Daylight(
        name=name,
        phrase=time.phrase,
        sun=sun,
        sky=Sky(
            zenith=time.zenith,
            horizon=time.horizon,
            ground=(ground, ground * 0.94, ground * 0.84),
            cloud_cover=float(rng.uniform(*time.cloud)),
        ),
        lamps=time.lamps,
        brightness=time.brightness,
    )
