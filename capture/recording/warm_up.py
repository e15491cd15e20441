"""Waiting until an engine's images are final: after start, and after every jump of the camera.

Streaming, shaders, exposure and temporal filters take a while to settle. Where the engine offers
`/tour/warmup` and `/tour/ready` it says itself what it waits for; and always images of the still
camera are drawn until they agree, one with the next and with those some frames before, so that a
slow change of brightness does not pass for rest.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capture.recording.agreement import drift_levels, levels_apart, sketch
from capture.sessions.client import EngineLostError, UnrealCVClient

FIRST_FRAMES = 32  # of a new engine; one published recipe
JUMP_FRAMES = 8  # after a jump in a running engine
MAX_FRAMES = 240
SPAN = 4  # an image must agree with those of this many frames before
AGREE_LEVELS = 1.0  # mean difference of 8-bit levels: what temporal filters leave of noise
DRIFT_LEVELS = 0.25  # change of brightness over those frames
READY_TIMEOUT_S = 600.0
POLL_S = (0.002, 0.25)  # first and longest pause between two questions


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """What a warm-up took."""

    frames: int  # drawn by the engine and by us before the images agreed
    noise_levels: float  # largest difference among the images that agreed


def warm_up(
    client: UnrealCVClient, draw: Callable[[], np.ndarray], at_least: int = JUMP_FRAMES
) -> WarmUp:
    """Wait until images of the still camera are final; `draw` brings the next one, (H,W,4).

    Raises `EngineLostError` if they never are.
    """
    frames = 0
    if client.offers("vset /tour/warmup"):
        draw()  # now the engine knows where to
        client.text(f"vset /tour/warmup {at_least}")
        frames = 1 + at_least
    await_ready(client)
    agreed = _draw_until_agreed(draw, max(SPAN + 1, at_least - frames))
    return WarmUp(frames=frames + agreed.frames, noise_levels=agreed.noise_levels)


def await_ready(client: UnrealCVClient) -> None:
    """Wait for `/tour/ready`, where it is offered."""
    if not client.offers("vget /tour/ready"):
        return
    deadline, pause = time.monotonic() + READY_TIMEOUT_S, POLL_S[0]
    while not (state := client.json("vget /tour/ready"))["ready"]:
        if time.monotonic() > deadline:
            raise EngineLostError(f"the engine is still waiting for {state['waiting_for']}")
        time.sleep(pause)
        pause = min(1.5 * pause, POLL_S[1])


def _draw_until_agreed(draw: Callable[[], np.ndarray], at_least: int) -> WarmUp:
    recent: deque[np.ndarray] = deque(maxlen=SPAN)
    apart = drift = float("inf")
    for number in range(1, MAX_FRAMES + 1):
        latest = sketch(draw())
        if len(recent) == SPAN:
            apart = max(levels_apart(latest, earlier) for earlier in recent)
            drift = max(drift_levels(latest, earlier) for earlier in recent)
            if apart <= AGREE_LEVELS and drift <= DRIFT_LEVELS and number >= at_least:
                return WarmUp(frames=number, noise_levels=apart)
        recent.append(latest)
    raise EngineLostError(
        f"{MAX_FRAMES} images of a still camera never came to rest: the last {SPAN + 1} are "
        f"{apart:.1f} levels apart and change by {drift:.1f} in brightness, {AGREE_LEVELS:g} and "
        f"{DRIFT_LEVELS:g} are allowed; tours need a scene in which nothing moves"
    )
