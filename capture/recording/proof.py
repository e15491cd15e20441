"""Proof that a frame's pixels belong to its pose.

The pose that comes back with every frame is compared with the one that was asked for, within
UnrealCV's last printed digit and as a rotation. Where it came in the image's own reply, that is all
(`per_frame`). In a batch of plain commands it says nothing about the pixels, which may be those of
an earlier tick (`sampled`); there `StaleWatch` looks at the images:

- every frame against those before: a stale one repeats one of them though the camera moved. Such
  suspects, and some frames drawn by lot in every tour, are audited after the last frame (a jump
  in between would disturb temporal filters in the frames that follow);
- an audit goes back to the frame's pose and to the one before, draws both with the camera still,
  and asks which of them the recorded frame shows, by its light and by its depth of the same tick.

What this detects, and what not, is measured by `benchmarks/stale_frames.py`.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from capture.recording.agreement import depth_sketch, levels_apart, sketch
from capture.recording.frames import DEPTH, LIT, FrameSource
from capture.sessions.client import EngineLostError, Frame
from labeling.camera import rotation_distance_rad, ue_to_camera

# UnrealCV prints 0.001; half a digit more covers the rounding of both sides.
LOCATION_TOLERANCE_CM = 0.0015
ROTATION_TOLERANCE_RAD = np.deg2rad(0.003)

AUDITS = 6  # frames of a tour that are audited without suspicion
SUSPECTS = 24  # audited of a tour, those that moved most: along a blank wall there are many
REMEMBERED = 8  # frames that a stale one may repeat
SAME_LEVELS = 0.1  # on top of the noise: images nearer than this count as the same
STILL_IMAGES = 4  # of a still camera; the last one counts, an engine may be some ticks late


def check_pose(frame: Frame, location_cm: np.ndarray, rotation_deg: np.ndarray) -> None:
    """The engine must have drawn the pose that was asked for; equivalent angles pass."""
    R_drawn, _ = ue_to_camera(frame.location_cm, frame.rotation_deg)
    R_asked, _ = ue_to_camera(location_cm, rotation_deg)
    off_cm = float(np.abs(frame.location_cm - location_cm).max())
    off_rad = float(rotation_distance_rad(R_drawn, R_asked))
    if not (off_cm <= LOCATION_TOLERANCE_CM and off_rad <= ROTATION_TOLERANCE_RAD):
        raise EngineLostError(
            f"the engine drew a pose {off_cm:.4f} cm and {np.rad2deg(off_rad):.4f}° off the one "
            "that was asked for"
        )


def moving_frames(location_cm: np.ndarray, rotation_deg: np.ndarray) -> np.ndarray:
    """Numbers of the frames whose pose differs from the one before."""
    still = (np.diff(location_cm, axis=0) == 0).all(1) & (np.diff(rotation_deg, axis=0) == 0).all(1)
    return 1 + np.flatnonzero(~still)


class StaleWatch:
    """Looks for stale pixels among the frames of one tour."""

    def __init__(
        self, source: FrameSource, location_cm: np.ndarray, rotation_deg: np.ndarray,
        *, noise_levels: float, seed: int, with_depth: bool,
    ) -> None:  # fmt: skip
        """Watch what `source` draws of poses (N,3), (N,3); `noise_levels` is that of a still
        camera, `seed` draws the lots, `with_depth` tells whether there is depth to look at."""
        self._source, self._with_depth = source, with_depth
        self._location_cm, self._rotation_deg = location_cm, rotation_deg
        self._same_levels = 1.5 * noise_levels + SAME_LEVELS
        moving = moving_frames(location_cm, rotation_deg)
        random = np.random.default_rng(seed)
        parts = np.array_split(moving, AUDITS)
        self._lots = {int(random.choice(part)) for part in parts if len(part)}
        self._recent: deque[tuple[int, np.ndarray]] = deque(maxlen=REMEMBERED)
        self._kept: dict[int, dict[str, np.ndarray]] = {}
        self.suspects: dict[int, float] = {}  # frame -> how far its camera moved
        self.audited = 0  # audits that could decide

    def passes(self, number: int) -> tuple[str, ...]:
        """What the frame needs for its audit."""
        return (LIT, DEPTH) if self._with_depth and number in self._lots else (LIT,)

    def look(self, number: int, frame: Frame) -> None:
        """Take note of a recorded frame, in order."""
        latest = sketch(frame.passes[LIT])
        if number in self._lots:
            self._kept[number] = _sketches(frame)
        if any(self._repeats(number, latest, *earlier) for earlier in self._recent):
            self._suspect(number, frame)
        self._recent.append((number, latest))

    def _repeats(self, number: int, latest: np.ndarray, earlier: int, then: np.ndarray) -> bool:
        """Whether a frame shows what an earlier one showed, from elsewhere."""
        poses = (self._location_cm, self._rotation_deg)
        if all(np.array_equal(values[number], values[earlier]) for values in poses):
            return False
        return levels_apart(latest, then) <= self._same_levels

    def _suspect(self, number: int, frame: Frame) -> None:
        steps = (self._location_cm, self._rotation_deg)
        self.suspects[number] = float(
            sum(np.linalg.norm(values[number] - values[number - 1]) for values in steps)
        )
        self._kept[number] = _sketches(frame)
        if len(self.suspects) > SUSPECTS:
            least = min(self.suspects, key=lambda suspect: self.suspects[suspect])
            del self.suspects[least]
            if least not in self._lots:
                del self._kept[least]

    def audit(self) -> None:
        """Audit what was noted, after the last frame; a stale one raises `EngineLostError`."""
        for number, recorded in self._kept.items():
            self._audit(number, recorded)

    def _audit(self, number: int, recorded: dict[str, np.ndarray]) -> None:
        names = tuple(recorded)
        before = self._still(number - 1, names)
        own = self._still(number, names)
        decided = False
        for name in names:
            motion = levels_apart(before[name], own[name])
            if motion <= 2 * self._same_levels:
                continue  # the two poses look alike: nothing can be told
            decided = True
            off = levels_apart(recorded[name], own[name])
            if off >= min(motion, levels_apart(recorded[name], before[name])):
                raise EngineLostError(
                    f"the engine drew frame {number} with an earlier pose: its {name} is "
                    f"{off:.1f} levels from what that pose shows, {motion:.1f} apart from the one "
                    "before"
                )
        self.audited += decided

    def _still(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """What the pose of a frame shows once the camera stands still."""
        poses = np.full(STILL_IMAGES, number)
        found: dict[str, np.ndarray] = {}
        for frame in self._source.stream(
            self._location_cm[poses], self._rotation_deg[poses], lambda _: tuple(names)
        ):
            found = _sketches(frame)
        return found


def _sketches(frame: Frame) -> dict[str, np.ndarray]:
    return {
        name: (depth_sketch if name == DEPTH else sketch)(image)
        for name, image in frame.passes.items()
        if name in (LIT, DEPTH)
    }
