"""Draws a scene as a camera sees it, with OpenGL on EGL: no window, and no GPU needed.

Everything is in Unreal Engine's world (left-handed, X forward, Y right, Z up, centimetres).

- Images have their first row at the top. A point is at column
  `width / 2 * (1 + y / (x * tan(fov / 2)))` in the camera's axes, where column c spans c .. c + 1.
- Textures: u grows with the columns and v with the rows of `Scene.textures`; (0, 0) is the outer
  corner of the first texel of the first row, the top left of the picture. Both repeat. Lightmaps
  the same, without repeating.
- Both sides of a triangle are drawn; its normal is turned towards the viewer.
- `flow_f32` is where the surface point of a pixel is in this image minus where it was in the
  previous one, in pixels to the right and down; NaN where it was behind the camera.
- The sky has depth `SKY_DEPTH_CM`, normal (128, 128, 128) and mask (0, 0, 0). That depth is the
  largest half-precision number; what is farther away than that is reported at it.

The same view drawn twice gives the same bytes on one Mesa and CPU model. A renderer belongs to the
thread that made it.
"""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator

import moderngl
import numpy as np
import numpy.typing as npt

from capture.engine.context import give_back_memory, make_context, texture_array
from capture.engine.kinds import CUTOUT, ONE_SIDED, Kind, Sunlight
from capture.engine.mesh import DrawableMesh, make_mesh
from capture.engine.occlusion import Occlusion
from capture.engine.programs import SKY_DEPTH_CM, UNITS, Programs
from capture.engine.reflections import (
    Surroundings,
    choose_places,
    most_open,
    places_above_water,
)
from capture.engine.scene import Geometry, Scene
from capture.engine.sky import SkyMap
from capture.engine.smoothing import smooth_edges
from capture.engine.sunlight import Casters, ShadowMap
from capture.engine.targets import PASSES, Targets
from capture.engine.uniforms import set_uniform, write_matrix
from capture.engine.visibility import View, make_view
from dataset.errors import OpenRelicError

__all__ = ["PASSES", "SKY_DEPTH_CM", "Renderer"]

SHADOW_REACH_CM = 5000.0  # no shadows are cast or seen farther than this outside the roam box
KEPT_TARGETS = 6  # a client may ask for the passes one by one
# Of the triangles in view, the share that looks largest is drawn first to see what it hides.
HIDING_SHARE = 0.15
WORTH_HIDING = 4000  # fewer triangles in view are drawn sooner than tested


class Renderer:
    """Draws one scene from any camera."""

    exposure_ev: float  # added to the scene's own

    def __init__(self, scene: Scene) -> None:
        """Open an OpenGL context and upload `scene`; `OpenRelicError` where there is no OpenGL."""
        self.exposure_ev = 0.0
        self._scene = scene
        give_back_memory()
        self._context = make_context()
        with self._current():
            self._upload()
        give_back_memory()

    def _upload(self) -> None:
        scene, context = self._scene, self._context
        context.enable_only(moderngl.DEPTH_TEST)
        self._albedo = texture_array(context, scene.textures)
        self._albedo.build_mipmaps()
        self._albedo.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        self._lightmaps = None
        if scene.lightmaps is not None:
            self._lightmaps = texture_array(context, scene.lightmaps)
            self._lightmaps.repeat_x = self._lightmaps.repeat_y = False
        self._programs = Programs(context, scene)
        self._screens: dict[moderngl.Program, moderngl.VertexArray] = {}
        self._targets: dict[tuple, Targets] = {}
        self._sky = SkyMap(context, scene)
        self._holes = np.array([bool((layer[..., 3] < 128).any()) for layer in scene.textures])
        water = places_above_water(scene)
        reach = scene.roam_cm
        self._places_cm = water[:1] if len(water) else choose_places(scene.spawns, reach)
        self._upload_geometry()
        if scene.gloss is not None and (scene.gloss > 0).any() and self._mesh is not None:
            if len(water):
                open_ = most_open(water, self._take_surroundings)
                self._places_cm = open_ if len(open_) else choose_places(scene.spawns, reach)[:1]
            made = Surroundings(context, self._places_cm, self._take_surroundings)
            self._programs.surroundings = made

    def _take_surroundings(
        self, location_cm: np.ndarray, rotation_deg: tuple, pixels: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The stored light (H,W,3), red first, and the depth (H,W) in cm of a square view."""
        passes, size = ("lit_bgra", "depth_f32"), (pixels, pixels)
        view = make_view(location_cm, np.array(rotation_deg), 90.0, size, self._bounds_cm)
        targets = self._targets_for(size, passes)
        images = self._draw(targets, view, view, stored=True)
        return images["lit_bgra"][..., 2::-1], images["depth_f32"]

    def _upload_geometry(self) -> None:
        """Upload the triangles and draw the shadows that they cast."""
        geometry = self._scene.geometry
        used = geometry.position_cm[geometry.triangles[geometry.drawn]].reshape(-1, 3)
        self._bounds_cm = np.zeros((2, 3))
        if len(used):
            self._bounds_cm = np.stack([used.min(0), used.max(0)]).astype(np.float64)
        layer = geometry.layer[geometry.triangles[:, 0]]
        cutout = self._holes[layer]
        self._albedo.use(UNITS["u_albedo"])
        self._shadow, sunlight = self._cast_shadows(cutout)
        self._programs.use_shadow(self._shadow)
        self._programs.tinted = geometry.tint is not None
        kind = sunlight + Kind(cutout=True).number * cutout
        if self._scene.gloss is not None:
            kind += Kind(glossy=True).number * (self._scene.gloss[layer] > 0)
        self._mesh = None
        if geometry.drawn.any():
            mesh = make_mesh(self._scene, kind, self._places_cm)
            self._mesh = DrawableMesh(self._context, mesh)

    def _cast_shadows(self, cutout: np.ndarray) -> tuple[ShadowMap | None, np.ndarray]:
        """The sun's shadow map, and how the sun falls onto each triangle (F,)."""
        geometry, sun = self._scene.geometry, self._scene.sun
        if sun is None or not geometry.drawn.any():
            return None, np.full(len(geometry.triangles), Sunlight.NONE, np.int64)
        casters = Casters(self._context, geometry, cutout)
        # Land that reaches to the horizon would leave no texels for what is near.
        reach = np.asarray(self._scene.roam_cm) + [[-SHADOW_REACH_CM], [SHADOW_REACH_CM]]
        near_cm = np.clip(self._bounds_cm, reach[0], reach[1])
        shadow = ShadowMap(self._context, sun, near_cm, casters)
        sunlight = shadow.sort_by_sunlight(geometry, casters, UNITS["u_shadow"])
        casters.release()
        return shadow, sunlight

    def replace_geometry(self, geometry: Geometry) -> None:
        """Show `geometry` from now on, with the scene's textures, objects, lightmaps and light.

        The same as a new renderer of the changed scene, without uploading its textures again. Takes
        about as long as drawing the shadow map and sorting the triangles. What is reflected stays.
        """
        self._scene = dataclasses.replace(self._scene, geometry=geometry)
        with self._current():
            if self._mesh is not None:
                self._mesh.release()
            if self._shadow is not None:
                self._shadow.texture.release()
            for screen in self._screens.values():
                screen.release()
            self._screens.clear()
            self._upload_geometry()

    def render(
        self,
        location_cm: npt.ArrayLike,
        rotation_deg: npt.ArrayLike,
        fov_deg: float,
        size: tuple[int, int],
        passes: Collection[str],
        previous: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    ) -> dict[str, np.ndarray]:
        """Draw the view of a camera and return the `passes` asked for, by name.

        `location_cm` is (x, y, z), `rotation_deg` (pitch, yaw, roll), `fov_deg` horizontal, `size`
        (width, height); `previous` are the location and rotation that `flow_f32` is measured from,
        the same ones if left out. `lit_bgra` is (H,W,4) uint8 with alpha 255, `depth_f32` (H,W)
        float32, the distance along the view direction in cm, `normal_u8` (H,W,3) uint8,
        round(127.5 (n + 1)) of the normal in the world, `mask_u8` (H,W,3) uint8 RGB, the object's
        colour, `flow_f32` (H,W,2) float32 in pixels.
        """
        wanted = tuple(name for name in PASSES if name in passes)
        if len(wanted) != len(set(passes)) or not wanted:
            raise OpenRelicError(f"passes are {', '.join(PASSES)}, not {', '.join(passes)}")
        location, rotation = previous or (location_cm, rotation_deg)
        view, before = (
            make_view(np.asarray(at), np.asarray(turn), fov_deg, size, self._bounds_cm)
            for at, turn in ((location_cm, rotation_deg), (location, rotation))
        )
        with self._current():
            return self._draw(self._targets_for(size, wanted), view, before)

    def _draw(
        self, targets: Targets, view: View, before: View, *, stored: bool = False
    ) -> dict[str, np.ndarray]:
        """All passes of `targets`; `stored` draws light for reflections, not for eyes."""
        if "lit_bgra" in targets.passes:
            self._sky.ensure(self._exposure())
        self._bind_textures()
        targets.drawn.use()
        targets.drawn.clear(depth=1.0)
        self._draw_surfaces(targets, view, before, stored)
        self._draw_sky(targets, view, before, stored)
        images = targets.read()
        if "lit_bgra" in images:
            smooth_edges(images["lit_bgra"])
        return images

    def release(self) -> None:
        """Close the OpenGL context and give its memory back; the renderer is of no use then."""
        with self._current():
            for targets in self._targets.values():
                targets.release()
        self._context.release()

    def _exposure(self) -> float:
        return 2.0 ** (self._scene.exposure_ev + self.exposure_ev)

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        """Make this renderer's context the thread's: there may be others in the process."""
        with self._context:
            yield

    def _targets_for(self, size: tuple[int, int], passes: tuple[str, ...]) -> Targets:
        """Framebuffers, kept for the sizes and passes that were asked for last."""
        key = (int(size[0]), int(size[1])), passes
        targets = self._targets.pop(key, None) or Targets(self._context, *key)
        self._targets[key] = targets
        if len(self._targets) > KEPT_TARGETS:
            self._targets.pop(next(iter(self._targets))).release()
        return targets

    def _bind_textures(self) -> None:
        self._albedo.use(UNITS["u_albedo"])
        self._sky.texture.use(UNITS["u_sky"])
        if self._shadow is not None:
            self._shadow.texture.use(UNITS["u_shadow"])
        if self._lightmaps is not None:
            self._lightmaps.use(UNITS["u_lightmaps"])
        if self._programs.surroundings is not None:
            self._programs.surroundings.texture.use(UNITS["u_surroundings"])

    def _draw_surfaces(self, targets: Targets, view: View, before: View, stored: bool) -> None:
        if self._mesh is None:
            return
        chosen = self._without_hidden(targets, view, self._mesh.clusters.visible(view))
        kinds = self._mesh.clusters.kind[chosen]
        targets.drawn.use()
        # What the depth of the nearest clusters was drawn for is there already.
        self._context.depth_func = "<="
        programs: dict[moderngl.Program, list[int]] = {}
        for number in np.unique(kinds).tolist():
            program = self._programs.surface(targets.passes, Kind.of(number), stored=stored)
            programs.setdefault(program, []).append(number)
        for program, numbers in programs.items():
            self._set_view(program, view, before, targets)
            self._draw_clusters(program, chosen[np.isin(kinds, numbers)])
        self._context.depth_func = "<"

    def _without_hidden(self, targets: Targets, view: View, chosen: np.ndarray) -> np.ndarray:
        """Those of the clusters in view, nearest first, that nothing solid hides completely.

        Leaves the depth of the nearest ones behind.
        """
        assert self._mesh is not None
        clusters = self._mesh.clusters
        if clusters.count[chosen].sum() < WORTH_HIDING:
            return chosen
        solid = clusters.kind[chosen] & CUTOUT == 0
        near = np.zeros(len(chosen), bool)
        near[solid] = clusters.that_hide_most(view, chosen[solid], HIDING_SHARE)
        program = self._programs.depth_only()
        self._set_view(program, view, view, targets)
        targets.depth_only.use()
        self._draw_clusters(program, chosen[near])
        tiles = targets.farthest.read(targets.depth, UNITS["u_image"])
        return Occlusion(tiles, view, targets.size).shown(clusters, chosen)

    def _draw_clusters(self, program: moderngl.Program, chosen: np.ndarray) -> None:
        """Draw clusters by one program, without the backs of closed solids."""
        assert self._mesh is not None
        one_sided = self._mesh.clusters.kind[chosen] & ONE_SIDED != 0
        self._mesh.draw(program, chosen[~one_sided])
        self._context.enable(moderngl.CULL_FACE)
        self._mesh.draw(program, chosen[one_sided])
        self._context.disable(moderngl.CULL_FACE)

    def _set_view(
        self, program: moderngl.Program, view: View, before: View, targets: Targets
    ) -> None:
        write_matrix(program, "u_clip_from_relative", view.clip_from_relative)
        set_uniform(program, "u_camera_cm", tuple(view.location_cm))
        set_uniform(program, "u_exposure", self._exposure())
        write_matrix(program, "u_clip_from_previous", before.clip_from_relative)
        set_uniform(program, "u_previous_cm", tuple(before.location_cm))
        set_uniform(program, "u_half_size", tuple(side / 2 for side in targets.size))

    def _draw_sky(self, targets: Targets, view: View, before: View, stored: bool) -> None:
        program = self._programs.sky(targets.passes, stored=stored)
        set_uniform(program, "u_exposure", self._exposure())
        forward, right, up = view.axes
        ray = np.column_stack([right * view.slope[0], -up * view.slope[1], forward])
        write_matrix(program, "u_ray_from_screen", ray)
        write_matrix(program, "u_previous_from_ray", before.clip_from_relative[[0, 1, 3], :3])
        set_uniform(program, "u_half_size", tuple(side / 2 for side in targets.size))
        self._context.depth_func = "<="
        self._cover(program)
        self._context.depth_func = "<"

    def _cover(self, program: moderngl.Program) -> None:
        """Draw one triangle over the whole image."""
        if program not in self._screens:
            self._screens[program] = self._context.vertex_array(program, [])
        self._screens[program].render(moderngl.TRIANGLES, vertices=3)
