"""The running engine: its world, cameras and clock, and what goes on from tick to tick."""

from collections.abc import Callable

from capture.engine.camera import Camera
from capture.engine.clock import STEP_S, Clock
from capture.engine.drawing import Drawing, Drawn
from capture.engine.grammar import CommandError
from capture.engine.options import MAX_CAMERAS, Options
from capture.engine.scene import Scene
from capture.engine.scenes import load_scene
from capture.engine.world import World

ENGINE_NAME = "openrelic-embedded"
ENGINE_VERSION = "0.1.0"
# Versions of 2.0.0 and more switch clients to another dialect.
UNREALCV_VERSION = "1.1.0"

# Work that goes on from tick to tick: gets the steps of game time that have passed, says whether
# there is more to do at once.
TickWork = Callable[[int], bool]


class EngineState:
    """One scene being served."""

    def __init__(self, options: Options, scene: Scene, drawing: Drawing | None = None) -> None:
        """Show `scene`; `drawing` decides how honestly."""
        self.options = options
        self.drawing = drawing or Drawing()
        self.clock = Clock()
        self.frame = 0  # ticks since the start
        self.tick_s = STEP_S  # at most this long from one tick to the next
        self.stopping = False
        self.size = options.ini.width, options.ini.height  # of the player's window
        self.view_mode = "lit"
        self.exposure_ev = 0.0
        self.console_variables: dict[str, str] = {}
        self.every_tick: list[TickWork] = []
        self.world = World(scene)
        self._begin_level()

    @property
    def scene(self) -> Scene:
        """The scene, as it was built but for spawned objects."""
        return self.world.scene

    def load_level(self, name: str) -> None:
        """Show another scene, or this one as it was built. `OpenRelicError` if it is not known.

        Objects and cameras that were spawned are gone.
        """
        same = name == self.scene.name
        world = World(self.world.built if same else load_scene(name))
        self.world.release()
        self.world = world
        self._begin_level()

    def _begin_level(self) -> None:
        self.ready_at_frame = self.frame
        x, y, z, yaw = (float(v) for v in self.scene.spawns[0])
        # Camera 0 is the player's view, at the first spawn point.
        player = Camera((x, y, z), (0.0, yaw, 0.0), self.options.ini.fov_deg, self.size)
        self.cameras = [player]
        for _ in range(1, self.options.cameras):
            self.spawn_camera()
        self.drawing.begin_level(self.frame)

    def tick(self) -> bool:
        """Advance by one frame; whether there is more to do at once."""
        self.frame += 1
        self.drawing.begin_tick(self.frame, self.cameras)
        steps = self.clock.due_steps()
        # A list, so that none is left out.
        return any([work(steps) for work in self.every_tick])

    def camera(self, number: str) -> Camera:
        """The camera with that number; UnrealCV's error text if there is none."""
        return self.cameras[self.camera_index(number)]

    def camera_index(self, number: str) -> int:
        """A camera's number as it stands in a command; none at all is 0, as in UnrealCV."""
        index = int(number or 0)
        if index >= len(self.cameras):
            raise CommandError("Invalid sensor id")
        return index

    def spawn_camera(self) -> int:
        """Add a camera at camera 0's pose; its number."""
        if len(self.cameras) >= MAX_CAMERAS:
            raise CommandError(f"Failed to spawn actor: there are {MAX_CAMERAS} cameras already")
        first = self.cameras[0]
        self.cameras.append(Camera(first.location, first.rotation, first.fov_deg, first.size))
        return len(self.cameras) - 1

    def draw(self, index: int, passes: list[str]) -> Drawn:
        """What a camera sees, pass by pass, and the pose that it was drawn with."""
        return self.draw_with(self.cameras[index], index, passes)

    def draw_with(self, camera: Camera, number: int, passes: list[str]) -> Drawn:
        """The same for a camera that is not in the level; its `number` is negative."""
        return self.drawing.draw(self.world, camera, number, passes, self.exposure_ev)
