"""The game's clock: real time cut into steps of one fixed length.

What moves in the game moves by whole steps, so it moves the same way however fast ticks come. A
pause stops the clock, `slomo` stretches it, and a stall (a level load) is not caught up with.
"""

import time
from collections.abc import Callable

STEP_S = 1 / 60
LONGEST_CATCH_UP_S = 0.25


class Clock:
    """Counts steps of game time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start at 0; `now` gives real time in seconds."""
        self._now = now
        self._last = now()
        self._owed_s = 0.0
        self.dilation = 1.0
        self.paused = False

    def due_steps(self) -> int:
        """Steps of game time that have passed since the last call."""
        now = self._now()
        elapsed = min(now - self._last, LONGEST_CATCH_UP_S)
        self._last = now
        if self.paused:
            return 0
        self._owed_s += elapsed * self.dilation
        due = int(self._owed_s / STEP_S)
        self._owed_s -= due * STEP_S
        return due
