"""A tour as an operator would steer it: holds of keys, rests, returns to places seen before.

The operator never comes nearer to a surface than the tour's clearance. Before keys are held, the
whole way is swept, with the way that the camera still rolls on after all keys are released; so from
every pose that was taken, letting go is safe. What is held is drawn at random, weighted by what the
tour still lacks of its wanted mix of actions, by how far the way is open, and away from where the
camera has just been.

Returns come in two forms, both along positions that were clear before: `back` plays the way since
an earlier rest backwards, `turn` turns around by 180° and goes the same way with the eyes forward.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capture.tours.counting import ActionCount
from capture.tours.steering import (
    DOLLY,
    MEMORY,
    PAN,
    PEDESTAL,
    ROLL,
    TILT,
    TRUCK,
    Path,
    integrate,
    levelled,
    smoothed,
    tilt_and_roll_deg,
    turned_about,
)
from capture.tours.tour_wish import Space, TourKind, TourWish
from dataset.clip import FPS
from labeling.actions import ACTIONS, STATIC

__all__ = ["Operator", "Space", "TourKind", "TourWish"]

# Channel and sign of each motion action, in the order of `ACTIONS`.
ACTION_CHANNELS = (
    (DOLLY, 1), (DOLLY, -1), (TRUCK, -1), (TRUCK, 1), (PEDESTAL, 1), (PEDESTAL, -1),
    (TILT, 1), (TILT, -1), (PAN, -1), (PAN, 1), (ROLL, 1), (ROLL, -1),
)  # fmt: skip

MAX_TILT_DEG, MAX_ROLL_DEG = 45.0, 30.0
LEVEL_TILT_DEG, LEVEL_ROLL_DEG = 20.0, 10.0  # beyond these the operator brings the view back
MIN_HOLD_FRAMES, USUAL_HOLD_FRAMES, MAX_HOLD_FRAMES = 10, 28, 72
MAX_REST_FRAMES = 40
RETURN_FRAMES = (48, 240)  # shortest and longest way of a return
RETURN_EVERY_FRAMES = 160
RETURN_M = 0.6  # a return leads at least this far away
# A wall nearer than this in front: turn away, always if the camera touches it.
NEAR_VIEW_M = 1.2
ESCAPES_DEG = (-130.0, -90.0, -50.0, 50.0, 90.0, 130.0)
# A translation is as likely as its way is open: not at all up to the first, fully from the second.
OPEN_WAY_M = (0.4, 2.4)
LEAST_OPEN = 0.05
FORWARD_WEIGHT = 1.6
# In a tight place the camera moves as slowly as the hold takes to cross it, down to this share.
SLOWEST, KEPT_FREE_M = 0.35, 0.35
AWAY_FRAMES, AWAY_WEIGHT = 400, 1.5  # how long a place counts as seen; the urge to leave it
# Up and down, tilting and rolling are slower than walking and panning.
CHANNEL_SPEED = np.array([1.0, 0.8, 0.5, 0.6, 1.0, 0.6])
ATTEMPTS = 8


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Keys held for some frames."""

    frames: int
    command: np.ndarray  # (6,) metres and degrees a frame


class Operator:
    """Steers one tour; `drive` returns its path."""

    def __init__(
        self, wish: TourWish, space: Space, R_start: np.ndarray, start_m: np.ndarray
    ) -> None:
        """Start at rest at a clear pose."""
        self._wish, self._space = wish, space
        self._random = np.random.default_rng(wish.seed)
        self._R, self._position = [R_start], [np.asarray(start_m, dtype=np.float64)]
        self._history = np.zeros((MEMORY, 6))
        self._count = ActionCount(wish)
        self._rests = [0]
        self._last_return = 0
        self._turns = bool(self._random.random() < 0.5)  # whether the last return was by turning
        self._escape = 0.0  # side of the pan away from a wall, while one is in front
        self._outlook = (-1, np.ones(6), np.ones(6))  # a frame, open metres and factors of ways

    def drive(self, progress: Callable[[int], None] = lambda _: None) -> Path:
        """Steer until the tour is full; `progress` is told the frames so far."""
        while len(self._R) < self._wish.frames:
            if self._wish.kind == "revisit" and self._wants_return():
                self._return()
            else:
                self._hold_something()
            progress(len(self._R))
        count = self._wish.frames
        return Path(R=np.stack(self._R[:count]), position_m=np.stack(self._position[:count]))

    @property
    def shares(self) -> np.ndarray:
        """Share of the frames so far with each action (13,), as labels count them."""
        return self._count.shares

    # Holding keys

    def _hold_something(self) -> None:
        for _ in range(ATTEMPTS):
            if self._try(self._next_hold()):
                return
        if not self._try(self._pan_hold()):
            self._rest(MIN_HOLD_FRAMES)

    def _try(self, hold: Hold) -> bool:
        """Hold the keys if the way is clear; a way that is clear at first is held for shorter."""
        while hold.frames >= MIN_HOLD_FRAMES:
            path = self._foresee(hold)
            tilt, roll = tilt_and_roll_deg(path.R)
            if np.abs(tilt).max() > MAX_TILT_DEG or np.abs(roll).max() > MAX_ROLL_DEG:
                return False
            way = np.concatenate([self._position[-1][None], path.position_m])
            clear = self._space.clear_steps(way)
            if clear == len(way) - 1:
                self._take(hold, path)
                return True
            hold = Hold(frames=min(clear, hold.frames) - MEMORY, command=hold.command)
        return False

    def _foresee(self, hold: Hold) -> Path:
        """Poses of the hold and of rolling to a stop after it."""
        commands = np.zeros((hold.frames + MEMORY, 6))
        commands[: hold.frames] = hold.command
        speeds = smoothed(self._history, commands)
        return integrate(self._R[-1], self._position[-1], speeds, self._wish.style)

    def _take(self, hold: Hold, path: Path) -> None:
        count = hold.frames
        self._extend(path.R[:count], path.position_m[:count])
        commands = np.broadcast_to(hold.command, (count, 6))
        self._history = np.concatenate([self._history, commands])[-MEMORY:]
        if not self._history.any():
            self._rests.append(len(self._R) - 1)

    def _extend(self, R: np.ndarray, position_m: np.ndarray) -> None:
        """Go along poses."""
        self._count.add(
            np.concatenate([self._R[-1][None], R]),
            np.concatenate([self._position[-1][None], position_m]),
        )
        self._R.extend(R)
        self._position.extend(position_m)

    def _rest(self, frames: int) -> None:
        """Let go of all keys; the way of rolling to a stop has been swept before."""
        hold = Hold(frames=frames, command=np.zeros(6))
        self._take(hold, self._foresee(hold))

    # Choosing keys

    def _next_hold(self) -> Hold:
        tilt, roll = (float(angle) for angle in tilt_and_roll_deg(self._R[-1]))
        frames = int(
            np.clip(
                USUAL_HOLD_FRAMES * np.exp(0.5 * self._random.normal()),
                MIN_HOLD_FRAMES,
                MAX_HOLD_FRAMES,
            )
        )
        if abs(roll) > LEVEL_ROLL_DEG and self._random.random() < 0.5:
            return self._levelling_hold(ROLL, roll, frames)
        if abs(tilt) > LEVEL_TILT_DEG and self._random.random() < 0.5:
            return self._levelling_hold(TILT, tilt, frames)
        facing_m = self._facing_m(self._R[-1])
        if facing_m >= NEAR_VIEW_M:
            self._escape = 0.0
        elif abs(tilt) > 1.0 and self._facing_m(levelled(self._R[-1][None])[0]) >= NEAR_VIEW_M:
            return self._levelling_hold(TILT, tilt, frames)  # it is the floor or the ceiling
        elif self._random.random() > facing_m / NEAR_VIEW_M:
            return self._pan_hold()
        first = self._draw_action(np.zeros(6, dtype=bool))
        if first == STATIC:
            frames = int(np.clip(frames, MEMORY + 12, MAX_REST_FRAMES))
            return Hold(frames=frames, command=np.zeros(6))
        return Hold(frames=frames, command=self._command([first, *self._companions(first)], frames))

    def _companions(self, first: int) -> list[int]:
        """Further actions on other axes, for tours that mix them."""
        if self._wish.kind == "single":
            return []
        used = np.zeros(6, dtype=bool)
        used[ACTION_CHANNELS[first][0]] = True
        chosen: list[int] = []
        for _ in range(int(self._random.choice([0, 1, 2], p=[0.35, 0.4, 0.25]))):
            action = self._draw_action(used, rest=False)
            used[ACTION_CHANNELS[action][0]] = True
            chosen.append(action)
        return chosen

    def _draw_action(self, used: np.ndarray, *, rest: bool = True) -> int:
        """An action, likelier the more the tour lacks of it; not on a channel in `used`."""
        lacking = self._wish.mix - self.shares
        weights = np.maximum(lacking, 0.01)
        weights[:6] *= self._ways()[1]
        for action, (channel, sign) in enumerate(ACTION_CHANNELS):
            if used[channel]:
                weights[action] = 0.0
            if channel == PEDESTAL:
                # Drifting up or down for a minute ends at the ceiling or in the sky.
                height = float(self._position[-1][2] - self._position[0][2])
                weights[action] *= np.exp(-sign * height)
        if not (rest and self._history.any()):
            weights[STATIC] = 0.0
        return int(self._random.choice(len(ACTIONS), p=weights / weights.sum()))

    def _ways(self) -> tuple[np.ndarray, np.ndarray]:
        """How far the ways of the six translations (6,) are open, and how inviting they are."""
        frame, open_m, factors = self._outlook
        if frame == len(self._R):
            return open_m, factors
        position = self._position[-1]
        axes = self._R[-1] if self._wish.style.motion == "fly" else levelled(self._R[-1][None])[0]
        right, down, forward = axes
        ways = np.stack([forward, -forward, -right, right, -down, down])
        open_m = np.array([self._space.view_distance_m(position, way) for way in ways])
        nearest_m, farthest_m = OPEN_WAY_M
        factors = np.clip((open_m - nearest_m) / (farthest_m - nearest_m), LEAST_OPEN, 1.0)
        away = position - np.mean(self._position[-AWAY_FRAMES:], axis=0)
        away[2] = 0.0
        factors *= np.exp(AWAY_WEIGHT * (ways @ away) / max(0.5, float(np.linalg.norm(away))))
        factors[0] *= FORWARD_WEIGHT  # people mostly go where they look
        self._outlook = (len(self._R), open_m, factors)
        return open_m, factors

    def _command(self, chosen: list[int], frames: int) -> np.ndarray:
        command = np.zeros(6)
        for action in chosen:
            channel, sign = ACTION_CHANNELS[action]
            speed = self._speed(channel)
            if channel < TILT:
                open_m, _ = self._ways()
                reach = (open_m[action] - KEPT_FREE_M) / frames
                speed = float(np.clip(reach, SLOWEST * speed, speed))
            command[channel] = sign * speed
        return command

    def _speed(self, channel: int) -> float:
        """A new speed for each hold: metres or degrees a frame."""
        usual = self._wish.translation_m_s if channel < TILT else self._wish.rotation_deg_s
        return float(usual * CHANNEL_SPEED[channel] * self._random.uniform(0.5, 1.5) / FPS)

    def _levelling_hold(self, channel: int, angle_deg: float, frames: int) -> Hold:
        """Bring tilt or roll back to level: speed times time is the angle, exactly."""
        frames = max(frames, int(np.ceil(abs(angle_deg) / self._speed(channel))))
        command = np.zeros(6)
        command[channel] = -angle_deg / min(frames, MAX_HOLD_FRAMES)
        return Hold(frames=min(frames, MAX_HOLD_FRAMES), command=command)

    def _facing_m(self, R: np.ndarray) -> float:
        """How far a camera `R` (3,3) here sees straight ahead."""
        return self._space.view_distance_m(self._position[-1], R[2])

    def _pan_hold(self) -> Hold:
        """Turn to the most open side, sometimes stepping back; in a corner keep the direction."""
        wanted_deg = self._most_open_deg()
        self._escape = float(np.sign(wanted_deg))
        command = np.zeros(6)
        command[PAN] = self._escape * self._speed(PAN)
        if self._wish.kind != "single" and self._random.random() < 0.4:
            command[DOLLY] = -self._speed(DOLLY)
        frames = int(np.clip(wanted_deg / command[PAN], MIN_HOLD_FRAMES, MAX_HOLD_FRAMES))
        return Hold(frames=frames, command=command)

    def _most_open_deg(self) -> float:
        """The pan of `ESCAPES_DEG`, in the direction of the last one, with the longest view."""
        pans = np.array([pan for pan in ESCAPES_DEG if pan * self._escape >= 0.0])
        turned = [turned_about(self._R[-1], pan, self._wish.style.rotation_frame) for pan in pans]
        views_m = np.array([self._facing_m(R) for R in turned])
        return float(self._random.choice(pans[views_m > views_m.max() - 0.1]))

    # Returning

    def _wants_return(self) -> bool:
        every = min(RETURN_EVERY_FRAMES, max(RETURN_FRAMES[0], self._wish.frames // 3))
        return len(self._R) - self._last_return >= every

    def _return(self) -> None:
        """Go back to an earlier rest, one way or the other."""
        if self._history.any():
            self._rest(MEMORY + int(self._random.integers(4, 12)))
        end = self._rests[-1]
        starts = [start for start in self._rests if self._is_way(start, end)]
        if not starts:
            # Before long this rest is one that can be returned to.
            self._last_return += RETURN_FRAMES[0]
            return
        backwards = np.arange(end - 1, int(self._random.choice(starts)) - 1, -1)
        R = np.stack([self._R[frame] for frame in backwards])
        self._turns = not self._turns  # one form after the other
        if self._turns and self._turn_around():
            R = turned_about(R, 180.0, self._wish.style.rotation_frame)
        self._extend(R, np.stack([self._position[frame] for frame in backwards]))
        self._rests.append(len(self._R) - 1)
        self._last_return = len(self._R)

    def _is_way(self, start: int, end: int) -> bool:
        """Whether going back from one rest to another returns to places, and in good time."""
        if not RETURN_FRAMES[0] <= end - start <= RETURN_FRAMES[1]:
            return False
        away_m = np.stack(self._position[start:end]) - self._position[end]
        return bool(np.linalg.norm(away_m, axis=1).max() >= RETURN_M)

    def _turn_around(self) -> bool:
        """Pan by exactly 180° and stop; only from and to a rest."""
        frames = int(np.ceil(180.0 / self._speed(PAN)))
        if len(self._R) + frames + MEMORY + RETURN_FRAMES[0] > self._wish.frames:
            return False  # the tour would end before the way back
        command = np.zeros(6)
        command[PAN] = float(self._random.choice([-1.0, 1.0])) * 180.0 / frames
        if not self._try(Hold(frames=frames, command=command)):
            return False
        self._rest(MEMORY + 2)
        return True
