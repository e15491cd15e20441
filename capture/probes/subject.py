"""The engine under examination: its connection, its cameras, and the time that is left."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from capture.recording.agreement import depth_sketch, levels_apart, sketch
from capture.recording.plain_frames import decode
from capture.sessions.address import Address
from capture.sessions.client import CommandFailedError, UnrealCVClient

AGREE_LEVELS = 1.0  # mean difference of 8-bit levels that counts as the same image
SPAN = 3  # a settled image agrees with this many before it


class OutOfTimeError(Exception):
    """The examination has used up its time."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where a camera is, in Unreal's units."""

    location_cm: np.ndarray  # (3,)
    rotation_deg: np.ndarray  # (3,) pitch, yaw, roll


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A still camera's image once it has come to rest."""

    image: np.ndarray  # its sketch
    frames: int  # drawn until it agreed with those before
    noise_levels: float
    at_rest: bool  # False: it never agreed


@dataclass(kw_only=True)
class Subject:
    """An engine that is being examined."""

    client: UnrealCVClient
    until: float  # on the monotonic clock
    timeout_s: float
    rate_seconds: float
    repeats: int = 4  # of each jump that is watched for staleness
    max_settling: int = 120  # images until a camera counts as restless
    spawned: int | None = None  # the camera that we have added
    # of camera 0 as we found it
    home: Pose = Pose(location_cm=np.zeros(3), rotation_deg=np.zeros(3))  # noqa: RUF009
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @property
    def address(self) -> Address:
        """Where the engine is."""
        return self.client.address

    def check_time(self) -> None:
        """Raise `OutOfTimeError` if none is left; bound the next replies by what is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise OutOfTimeError
        self.client.timeout_s = min(self.timeout_s, max(left, 1.0))

    def spawn(self) -> bool:
        """Add a camera, once; False if the engine cannot."""
        if self.spawned is None and self.client.offers("vset /cameras/spawn"):
            self.client.request("vset /cameras/spawn")
            self.spawned = len(self.client.text("vget /cameras").split()) - 1
        return self.spawned is not None

    @property
    def cameras(self) -> list[tuple[str, int]]:
        """Camera 0 and the spawned one, with their names in the table."""
        return [("camera 0", 0), *([("spawned camera", self.spawned)] if self.spawned else [])]

    @property
    def best_camera(self) -> int:
        """The spawned camera where there is one."""
        return self.spawned or 0

    def setting(self, camera: int, pose: Pose) -> list[str]:
        """The commands that put a camera somewhere."""
        location, rotation = numbers(pose.location_cm), numbers(pose.rotation_deg)
        if self.client.offers("vset /camera/[uint]/pose"):
            return [f"vset /camera/{camera}/pose {location} {rotation}"]
        return [
            f"vset /camera/{camera}/location {location}",
            f"vset /camera/{camera}/rotation {rotation}",
        ]

    def place(self, camera: int, pose: Pose) -> None:
        """Put a camera somewhere."""
        self.check_time()
        for command in self.setting(camera, pose):
            self.client.request(command)

    def read_pose(self, camera: int) -> Pose:
        """Where the engine says that a camera is."""
        self.check_time()
        if self.client.offers("vget /camera/[uint]/pose"):
            values = floats(self.client.text(f"vget /camera/{camera}/pose"), 6)
        else:
            location = floats(self.client.text(f"vget /camera/{camera}/location"), 3)
            values = [*location, *floats(self.client.text(f"vget /camera/{camera}/rotation"), 3)]
        return Pose(location_cm=np.array(values[:3]), rotation_deg=np.array(values[3:]))

    def lit(self, camera: int) -> np.ndarray:
        """The sketch of an image."""
        self.check_time()
        return lit_sketch(self.client.request(f"vget /camera/{camera}/lit bmp"))

    def settle(self, camera: int) -> Settled:
        """Draw a still camera until its images agree."""
        recent: list[np.ndarray] = []
        apart = float("inf")
        for number in range(1, self.max_settling + 1):
            latest = self.lit(camera)
            if len(recent) == SPAN:
                apart = max(levels_apart(latest, earlier) for earlier in recent)
                if apart <= AGREE_LEVELS:
                    return Settled(image=latest, frames=number, noise_levels=apart, at_rest=True)
            recent = [*recent, latest][-SPAN:]
        return Settled(
            image=recent[-1], frames=self.max_settling, noise_levels=apart, at_rest=False
        )

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Note the pose and fov of camera 0, and put them back at the end."""
        fov = floats(self.client.text("vget /camera/0/fov"), 1)[0]
        self.home = self.read_pose(0)
        try:
            yield
        finally:
            # Its time is its own: an examination that ran out of time tidies up as well.
            self.client.timeout_s = self.timeout_s
            for command in [*self.setting(0, self.home), f"vset /camera/0/fov {fov:.6f}"]:
                with contextlib.suppress(CommandFailedError):
                    self.client.request(command)


def numbers(values: Sequence[float] | np.ndarray) -> str:
    """As commands take them: never with an exponent."""
    return " ".join(f"{float(value):.6f}" for value in values)


def floats(text: str, count: int) -> list[float]:
    """The numbers of a reply; `CommandFailedError` if these are not `count` numbers."""
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if len(values) != count:
        raise CommandFailedError(f"the engine answered {text[:80]!r}, not {count} numbers")
    return values


def lit_sketch(reply: bytes) -> np.ndarray:
    """The sketch of a BMP or PNG reply."""
    return sketch(decode("lit_bgra", reply))


def depth_levels(reply: bytes) -> np.ndarray:
    """The sketch of an npy depth reply."""
    return depth_sketch(decode("depth_f32", reply))
