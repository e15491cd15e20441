"""Daylight: season, hour and weather as a sun, a sky, haze and brightness, drawn per seed."""

from dataclasses import dataclass, replace

import numpy as np

from capture.engine.generate.kit.pictures import pick
from capture.engine.scene import Sky, Sun

Rgb = tuple[float, float, float]
SEASONS = ("spring", "summer", "autumn", "winter")


@dataclass(frozen=True, kw_only=True)
class Daylight:
    """The light of an outdoor scene."""

    hour: str  # for a caption: "at noon", "on a misty morning"
    sun: Sun
    sky: Sky
    sky_gain: float  # for the bake: how bright the sky lights, against how bright it looks
    fog: tuple[float, float, float, float]
    brightness: float  # for the metering, 1 for ordinary days

    @property
    def ambient(self) -> Sky:
        """The sky as it lights things: paler than it looks, as eyes and cameras balance it."""
        return replace(self.sky, zenith=_greyer(self.sky.zenith), horizon=_greyer(self.sky.horizon))


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A kind of light; ranges are drawn from."""

    hours: tuple[str, ...]
    height_deg: tuple[float, float]
    sun: Rgb
    zenith: Rgb
    horizon: Rgb
    clouds: tuple[float, float]
    sky_gain: float
    sight_m: tuple[float, float]  # where haze has taken 63 %
    brightness: float


_KINDS = {
    "noon": _Kind(
        hours=("at noon", "in bright sunshine", "around midday"), height_deg=(48, 64),
        sun=(2.3, 2.15, 1.9), zenith=(0.14, 0.32, 0.72), horizon=(0.6, 0.74, 0.9),
        clouds=(0.1, 0.45), sky_gain=1.5, sight_m=(900, 2200), brightness=1.0,
    ),
    "morning": _Kind(
        hours=("in the morning", "on a fresh morning"), height_deg=(24, 36),
        sun=(2.4, 2.05, 1.6), zenith=(0.17, 0.34, 0.66), horizon=(0.8, 0.82, 0.82),
        clouds=(0.15, 0.5), sky_gain=1.5, sight_m=(500, 1400), brightness=1.0,
    ),
    "evening": _Kind(
        hours=("in the evening sun", "in late afternoon light"), height_deg=(13, 22),
        sun=(2.9, 1.85, 0.95), zenith=(0.2, 0.31, 0.56), horizon=(0.98, 0.72, 0.5),
        clouds=(0.2, 0.55), sky_gain=1.3, sight_m=(500, 1500), brightness=0.92,
    ),
    "sunset": _Kind(
        hours=("at sunset", "at dusk"), height_deg=(6, 10),
        sun=(2.6, 1.15, 0.42), zenith=(0.16, 0.2, 0.42), horizon=(1.0, 0.5, 0.26),
        clouds=(0.35, 0.6), sky_gain=1.7, sight_m=(500, 1300), brightness=0.72,
    ),
    "overcast": _Kind(
        hours=("under an overcast sky", "on a grey day"), height_deg=(40, 55),
        sun=(0.42, 0.42, 0.42), zenith=(0.46, 0.5, 0.56), horizon=(0.72, 0.75, 0.78),
        clouds=(0.85, 1.0), sky_gain=2.0, sight_m=(350, 1000), brightness=0.88,
    ),
    "mist": _Kind(
        hours=("in morning mist", "on a misty day"), height_deg=(18, 34),
        sun=(1.0, 0.86, 0.68), zenith=(0.5, 0.56, 0.64), horizon=(0.78, 0.78, 0.76),
        clouds=(0.55, 0.8), sky_gain=1.8, sight_m=(60, 130), brightness=1.0,
    ),
}  # fmt: skip


def draw_daylight(
    rng: np.random.Generator, kinds: tuple[str, ...] = tuple(_KINDS), sight_factor: float = 1.0
) -> Daylight:
    """Light of one of `kinds`; `sight_factor` above 1 clears the haze."""
    kind = _KINDS[pick(rng, kinds)]
    azimuth, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*kind.height_deg))
    flat = np.cos(height)
    direction = float(flat * np.cos(azimuth)), float(flat * np.sin(azimuth)), float(np.sin(height))
    horizon = _varied(rng, kind.horizon)
    sky = Sky(
        zenith=_varied(rng, kind.zenith),
        horizon=horizon,
        ground=_mixed(horizon, (0.3, 0.3, 0.28), 0.45),
        cloud_cover=float(rng.uniform(*kind.clouds)),
    )
    haze = _mixed(horizon, sky.zenith, 0.18)
    sight_cm = 100 * float(rng.uniform(*kind.sight_m)) * sight_factor
    return Daylight(
        hour=pick(rng, kind.hours),
        sun=Sun(direction=direction, colour=_varied(rng, kind.sun)),
        sky=sky,
        sky_gain=kind.sky_gain,
        fog=(*haze, 1 / sight_cm),
        brightness=kind.brightness,
    )


def draw_season(rng: np.random.Generator) -> str:
    """A season; summer a little more often than others."""
    return pick(rng, (*SEASONS, "summer"))


def _varied(rng: np.random.Generator, colour: Rgb) -> Rgb:
    r, g, b = (float(c * rng.uniform(0.93, 1.07)) for c in colour)
    return r, g, b


def _mixed(a: Rgb, b: Rgb, share: float) -> Rgb:
    r, g, b_ = (float(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return r, g, b_


def _greyer(colour: Rgb) -> Rgb:
    grey = 0.25 * colour[0] + 0.6 * colour[1] + 0.15 * colour[2]
    return _mixed(colour, (grey, grey, grey), 0.5)
