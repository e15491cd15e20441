"""A camera of the engine, and the poses and sizes that it may have."""

from dataclasses import dataclass, field

from capture.engine.grammar import CommandError

Vector = tuple[float, float, float]
Pose = tuple[float, float, float, float, float, float]

MAX_SIDE = 8192
MAX_PIXELS = 7680 * 4320
# Farther out, single precision has no centimetres left.
WORLD_CM = 1e8


@dataclass
class Camera:
    """Location in cm, rotation as pitch, yaw, roll in degrees, horizontal field of view."""

    location: Vector
    rotation: Vector
    fov_deg: float = 90.0
    size: tuple[int, int] = (640, 480)
    exposure_bias_ev: float = 0.0
    # Unreal's settings that change nothing in this renderer's picture, by command name.
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def pose(self) -> Pose:
        """Location and rotation."""
        return (*self.location, *self.rotation)


def checked_location(texts: list[str]) -> Vector:
    """A location from a command's numbers; `CommandError` where the world has ended."""
    x, y, z = (float(text) for text in texts)
    if max(abs(x), abs(y), abs(z)) > WORLD_CM:
        raise CommandError("Argument Invalid")
    return x, y, z


def checked_rotation(texts: list[str]) -> Vector:
    """Pitch, yaw, roll from a command's numbers."""
    pitch, yaw, roll = (float(text) for text in texts)
    return pitch, yaw, roll


def checked_size(width: int, height: int) -> tuple[int, int]:
    """An image size; `CommandError` where it has no pixels or too many."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise CommandError("Argument Invalid")
    return width, height
