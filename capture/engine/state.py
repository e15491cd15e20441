"""The running engine: its scene, cameras, clock and what it draws."""

from dataclasses import dataclass, field

import numpy as np

from capture.engine.collision import Collision
from capture.engine.grammar import CommandError
from capture.engine.renderer import Renderer
from capture.engine.scene import Scene, object_colours

ENGINE_NAME = "openrelic-embedded"
ENGINE_VERSION = "0.1.0"
# Versions of 2.0.0 and more switch clients to another dialect.
UNREALCV_VERSION = "1.1.0"

Vector = tuple[float, float, float]


@dataclass
class Camera:
    """A camera: location in cm, rotation as pitch, yaw, roll in degrees, horizontal fov."""

    location: Vector
    rotation: Vector
    fov: float = 90.0
    size: tuple[int, int] = (640, 480)


@dataclass
class EngineState:
    """One scene being served."""

    scene: Scene
    renderer: Renderer
    collision: Collision
    size: tuple[int, int]
    frame: int = 0
    paused: bool = False
    ready_at_frame: int = 0
    cameras: list[Camera] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Camera 0 is the player's view, at the first spawn point."""
        x, y, z, yaw = (float(v) for v in self.scene.spawns[0])
        self.cameras.append(Camera((x, y, z), (0.0, yaw, 0.0), size=self.size))
        self.colours = object_colours(len(self.scene.objects))

    def tick(self) -> None:
        """Advance the clock by one frame."""
        self.frame += 1

    def camera(self, number: str) -> Camera:
        """The camera with that number; UnrealCV's error text if there is none."""
        index = int(number) if number else -1
        if not 0 <= index < len(self.cameras):
            raise CommandError("Invalid sensor id")
        return self.cameras[index]

    def spawn_camera(self) -> int:
        """Add a camera at camera 0's pose; its number."""
        first = self.cameras[0]
        self.cameras.append(Camera(first.location, first.rotation, first.fov, first.size))
        return len(self.cameras) - 1

    def object_index(self, name: str) -> int:
        """Index of a named object; UnrealCV's error text if there is none."""
        try:
            return self.scene.objects.index(name)
        except ValueError:
            raise CommandError("Cannot find object") from None

    def draw(self, camera: Camera, passes: list[str]) -> dict[str, np.ndarray]:
        """What `camera` sees, pass by pass (see `Renderer.render`)."""
        return self.renderer.render(
            np.array(camera.location), np.array(camera.rotation), camera.fov, camera.size, passes
        )

    def object_points(self, index: int) -> np.ndarray:
        """Vertices (N,3) of an object, in cm."""
        geometry = self.scene.geometry
        corners = np.unique(geometry.triangles[geometry.object_id == index + 1])
        return geometry.position_cm[corners].astype(np.float64)
