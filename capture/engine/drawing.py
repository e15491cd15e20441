"""Draws a camera's view, as honestly as the engine was told to.

Between the world's renderer and every command that answers with pixels: it applies Unreal's quirks
and scripted faults, and writes the private log.
"""

from dataclasses import dataclass

import numpy as np

from capture.engine import quirks
from capture.engine.camera import Camera, Pose, Vector
from capture.engine.faults import Faults, PrivateLog, rounded
from capture.engine.world import World

LIT = "lit_bgra"
MASK = "mask_u8"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Images of one camera in one tick."""

    passes: dict[str, np.ndarray]
    pose: Pose  # that they were drawn with; under a scripted fault, that they should have been


@dataclass
class _View:
    """What a camera has drawn so far."""

    tick: int = -1
    asked: Pose | None = None  # the last pose that an image was asked for with
    earlier: Pose | None = None  # the same, of the last tick before `tick` with an image
    images: int = 0  # since the start or the last jump; ticks of a warm-up count too
    turned: Vector | None = None  # its rotation at the start of this tick


class Drawing:
    """Draws for clients and keeps count."""

    def __init__(
        self,
        *,
        real_engine: bool = False,
        faults: Faults | None = None,
        log: PrivateLog | None = None,
    ) -> None:
        """`real_engine` turns Unreal's quirks on."""
        self.request: int | None = None  # the request that images are drawn for, for the log
        self._quirks = real_engine
        self._faults, self._log = faults or Faults(), log
        self._tick = self._level_tick = self._warm_until = 0
        self._images = 0
        self._views: dict[int, _View] = {}

    def begin_level(self, tick: int) -> None:
        """Forget every camera: a level begins."""
        self._views = {}
        self._tick = self._level_tick = self._warm_until = tick

    def begin_tick(self, tick: int, cameras: list[Camera]) -> None:
        """A tick begins: remember how cameras are turned now."""
        self._tick = tick
        for number, camera in enumerate(cameras if self._quirks else ()):
            view = self._views.setdefault(number, _View())
            view.turned = camera.rotation
            view.images += tick <= self._warm_until

    def warm_up(self, until_tick: int) -> None:
        """Let every tick until then do for every camera what drawing an image does."""
        self._warm_until = until_tick

    def waiting_for(self) -> list[str]:
        """What keeps captures from being final, as far as the engine says."""
        young = self._tick - self._level_tick < quirks.UNREADY_TICKS
        return ["shaders", "textures", "exposure"] if self._quirks and young else []

    def draw(
        self, world: World, camera: Camera, number: int, passes: list[str], exposure_ev: float
    ) -> Drawn:
        """Draw `passes` of a camera as it is now."""
        image = self._images
        self._images += 1
        self._faults.strike(image)
        view = self._views.setdefault(number, _View())
        pose = self._remember(view, self._pose(camera, number, view))
        shown = pose
        if self._faults.is_stale(image) and view.earlier is not None:
            shown = view.earlier
        late = [name for name in passes if shown != pose and self._faults.spoils(name)]
        world.renderer.exposure_ev = exposure_ev + camera.exposure_bias_ev
        rest = [name for name in passes if name not in late]
        drawn = _render(world, camera, shown, view.earlier, late)
        drawn |= _render(world, camera, pose, view.earlier, rest)
        if MASK in drawn:
            drawn[MASK] = world.objects.painted(drawn[MASK])
        converged = self._spoil(drawn, view, image)
        view.images += 1
        if self._log is not None:
            self._log.write(
                image, {name: drawn[name] for name in passes}, tick=self._tick,
                request=self.request, camera=number, asked=rounded(camera.pose),
                pose=rounded(shown if late else pose), stale=late, fov=camera.fov_deg,
                size=camera.size, converged=converged,
            )  # fmt: skip
        return Drawn(passes=drawn, pose=pose)

    def _pose(self, camera: Camera, number: int, view: _View) -> Pose:
        """The pose that the camera draws with, which a quirk may make another than it is told."""
        if self._quirks and number == 0 and view.turned is not None:
            return (*camera.location, *view.turned)
        return camera.pose

    def _remember(self, view: _View, pose: Pose) -> Pose:
        if view.asked is not None and quirks.is_jump(view.asked, pose):
            view.images = 0
        if self._tick != view.tick:
            view.tick, view.earlier = self._tick, view.asked
        view.asked = pose
        return pose

    def _spoil(self, drawn: dict[str, np.ndarray], view: _View, image: int) -> bool:
        """Make the lit picture preliminary if it is to be; whether it is final."""
        brightness = self._faults.brightness(image)
        if LIT in drawn and self._quirks:
            drawn[LIT] = quirks.unconverged(drawn[LIT], view.images)
        if LIT in drawn and brightness < 1:
            drawn[LIT] = quirks.darkened(drawn[LIT], brightness)
        return brightness == 1 and not (self._quirks and view.images < quirks.CONVERGED_AFTER)


def _render(
    world: World, camera: Camera, pose: Pose, earlier: Pose | None, passes: list[str]
) -> dict[str, np.ndarray]:
    """The images of a pose; optical flow is measured from the `earlier` one."""
    if not passes:
        return {}
    before = earlier or pose
    return world.renderer.render(
        np.array(pose[:3]), np.array(pose[3:]), camera.fov_deg, camera.size, passes,
        previous=(np.array(before[:3]), np.array(before[3:])),
    )  # fmt: skip
