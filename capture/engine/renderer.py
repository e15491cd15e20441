"""Draws a scene as a camera sees it, with OpenGL on EGL: no window, and no GPU needed.

Everything is in Unreal Engine's world (left-handed, X forward, Y right, Z up, centimetres).

- Images have their first row at the top. A point is at column
  `width / 2 * (1 + y / (x * tan(fov / 2)))` in the camera's axes, where column c spans c .. c + 1.
- Textures: u grows with the columns and v with the rows of `Scene.textures`; (0, 0) is the outer
  corner of the first texel of the first row, the top left of the picture. Both repeat. Lightmaps
  the same, without repeating.
- Both sides of a triangle are drawn; its normal is turned towards the viewer.
- The sky has depth `SKY_DEPTH_CM`, normal (128, 128, 128) and mask (0, 0, 0). That depth is the
  largest half-precision number; what is farther away than that is reported at it.

The same view drawn twice gives the same bytes on one Mesa and CPU model. A renderer belongs to the
thread that made it.
"""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt

from capture.engine.lighting import ShadowMap, SkyMap, set_uniform, write_matrix
from capture.engine.mesh import DrawableMesh, make_mesh
from capture.engine.scene import LIGHTMAP_SCALE, Geometry, Scene
from capture.engine.screen_shaders import FXAA_FRAGMENT, SKY_FRAGMENT, SKY_VERTEX
from capture.engine.shaders import (
    SCENE_FRAGMENT,
    SCENE_VERTEX,
    assemble,
)
from capture.engine.targets import PASSES, Targets
from capture.engine.visibility import View, make_view
from dataset.errors import OpenRelicError

SKY_DEPTH_CM = 65504.0
LOD_BIAS = -0.4  # FXAA softens, so textures may be a little sharper than the footprint asks for
SHADOW_REACH_CM = 5000.0  # no shadows are cast or seen farther than this outside the roam box
KEPT_TARGETS = 6  # a client may ask for the passes one by one

_ALBEDO, _SHADOW, _LIGHTMAPS, _SKY, _IMAGE = range(5)  # texture units


def _make_context() -> moderngl.Context:
    """An OpenGL context of its own, or an error that says what to install."""
    try:
        # moderngl's annotation takes `**settings` for one argument that is a dict.
        backend: Any = "egl"
        return moderngl.create_context(standalone=True, require=430, backend=backend)
    except Exception as error:  # moderngl raises bare Exception for all of these
        raise OpenRelicError(
            f"the renderer cannot open OpenGL through EGL ({error}): install a driver with "
            "`apt-get install --no-install-recommends libegl1 libgl1 libgl1-mesa-dri`"
        ) from error


class Renderer:
    """Draws one scene from any camera."""

    exposure_ev: float  # added to the scene's own

    def __init__(self, scene: Scene) -> None:
        """Open an OpenGL context and upload `scene`; `OpenRelicError` where there is no OpenGL."""
        self.exposure_ev = 0.0
        self._scene = scene
        self._context = _make_context()
        with self._current():
            self._upload()

    def _upload(self) -> None:
        scene, context = self._scene, self._context
        context.enable_only(moderngl.DEPTH_TEST)
        self._albedo = _texture_array(context, scene.textures)
        self._albedo.build_mipmaps()
        self._albedo.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        self._albedo.use(_ALBEDO)
        self._lightmaps = None
        if scene.lightmaps is not None:
            self._lightmaps = _texture_array(context, scene.lightmaps)
            self._lightmaps.repeat_x = self._lightmaps.repeat_y = False
        self._programs: dict[tuple, moderngl.Program] = {}
        self._screens: dict[moderngl.Program, moderngl.VertexArray] = {}
        self._targets: dict[tuple, Targets] = {}
        self._sky = SkyMap(context, scene)
        self._upload_geometry()

    def _upload_geometry(self) -> None:
        """Upload the triangles and draw the shadows that they cast."""
        geometry = self._scene.geometry
        used = geometry.position_cm[geometry.triangles[geometry.drawn]].reshape(-1, 3)
        self._bounds_cm = np.zeros((2, 3))
        if len(used):
            self._bounds_cm = np.stack([used.min(0), used.max(0)]).astype(np.float64)
        self._meshes = self._make_meshes()
        self._shadow = None
        if self._scene.sun is not None:
            grid = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
            # Land that reaches to the horizon would leave no texels for what is near.
            reach = np.asarray(self._scene.roam_cm) + [[-SHADOW_REACH_CM], [SHADOW_REACH_CM]]
            corners = np.clip(self._bounds_cm, reach[0], reach[1])[grid, np.arange(3)]
            self._shadow = ShadowMap(self._context, self._scene.sun, corners, self._meshes)

    def replace_geometry(self, geometry: Geometry) -> None:
        """Show `geometry` from now on, with the scene's textures, objects, lightmaps and light.

        The same as a new renderer of the changed scene, without uploading its textures again.
        Takes about as long as drawing the shadow map and sorting the triangles: 0.5 s for 300,000.
        """
        self._scene = dataclasses.replace(self._scene, geometry=geometry)
        with self._current():
            for mesh in self._meshes.values():
                mesh.release()
            if self._shadow is not None:
                self._shadow.texture.release()
            self._albedo.use(_ALBEDO)
            self._upload_geometry()
            for program in self._programs.values():
                self._set_shadow(program)

    def _make_meshes(self) -> dict[bool, DrawableMesh]:
        """Solid triangles at False, those whose texture has holes at True; no empty ones."""
        geometry, textures = self._scene.geometry, self._scene.textures
        holes = np.array([bool((layer[..., 3] < 128).any()) for layer in textures])
        cutout = holes[geometry.layer[geometry.triangles[:, 0]]]
        return {
            kind: DrawableMesh(self._context, make_mesh(self._scene, chosen))
            for kind in (False, True)
            if (chosen := geometry.drawn & (cutout == kind)).any()
        }

    def render(
        self,
        location_cm: npt.ArrayLike,
        rotation_deg: npt.ArrayLike,
        fov_deg: float,
        size: tuple[int, int],
        passes: Collection[str],
    ) -> dict[str, np.ndarray]:
        """Draw the view of a camera and return the `passes` asked for, by name.

        `location_cm` is (x, y, z), `rotation_deg` (pitch, yaw, roll), `fov_deg` horizontal, `size`
        (width, height). `lit_bgra` is (H,W,4) uint8 with alpha 255, `depth_f32` (H,W) float32, the
        distance along the view direction in cm, `normal_u8` (H,W,3) uint8, round(127.5 (n + 1)) of
        the normal in the world, `mask_u8` (H,W,3) uint8 RGB, the object's colour.
        """
        wanted = tuple(name for name in PASSES if name in passes)
        if len(wanted) != len(set(passes)) or not wanted:
            raise OpenRelicError(f"passes are {', '.join(PASSES)}, not {', '.join(passes)}")
        view = make_view(
            np.asarray(location_cm), np.asarray(rotation_deg), fov_deg, size, self._bounds_cm
        )
        with self._current():
            targets = self._targets_for(size, wanted)
            exposure = 2.0 ** (self._scene.exposure_ev + self.exposure_ev)
            if "lit_bgra" in wanted:
                self._sky.ensure(exposure)
            self._bind_textures()
            targets.drawn.use()
            targets.drawn.clear(depth=1.0)
            for cutout, mesh in self._meshes.items():
                mesh.draw(self._scene_program(wanted, cutout, view, exposure), view)
            self._draw_sky(wanted, view)
            self._smooth(targets)
            return targets.read()

    def release(self) -> None:
        """Close the OpenGL context and give its memory back; the renderer is of no use then."""
        with self._current():
            for targets in self._targets.values():
                targets.release()
        self._context.release()

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
        self._albedo.use(_ALBEDO)
        self._sky.texture.use(_SKY)
        if self._shadow is not None:
            self._shadow.texture.use(_SHADOW)
        if self._lightmaps is not None:
            self._lightmaps.use(_LIGHTMAPS)

    def _defines(self, passes: tuple[str, ...], cutout: bool) -> dict[str, object]:
        """What specialises the scene's program for some passes."""
        defines: dict[str, object] = {PASSES[p][0]: i for i, p in enumerate(passes)}
        defines |= {"SKY_DEPTH_CM": SKY_DEPTH_CM, "LOD_BIAS": LOD_BIAS}
        if cutout:
            defines["CUTOUT"] = 1
        if cutout or "LIT" in defines:
            defines["TEXTURED"] = 1
        if self._shadow is not None:
            defines["SUN"] = 1
        if "NORMAL" in defines or ("LIT" in defines and self._shadow is not None):
            defines["WITH_NORMAL"] = 1
        if self._lightmaps is not None:
            defines["LIGHTMAP_SCALE"] = LIGHTMAP_SCALE
        if self._scene.fog is not None:
            defines["FOG"] = 1
        return defines

    def _program(self, key: tuple, vertex: str, fragment: str, defines: dict) -> moderngl.Program:
        """Compile once per key and set what never changes."""
        if key not in self._programs:
            program = self._context.program(
                vertex_shader=assemble(vertex, defines),
                fragment_shader=assemble(
                    fragment, defines, outputs=fragment in (SCENE_FRAGMENT, SKY_FRAGMENT)
                ),
            )
            units = {"u_albedo": _ALBEDO, "u_shadow": _SHADOW, "u_lightmaps": _LIGHTMAPS,
                     "u_sky": _SKY, "u_image": _IMAGE}  # fmt: skip
            for name, unit in units.items():
                set_uniform(program, name, unit)
            if self._scene.sun is not None:
                set_uniform(program, "u_sun_direction", self._scene.sun.direction)
                set_uniform(program, "u_sun_colour", self._scene.sun.colour)
            self._set_shadow(program)
            if self._scene.fog is not None:
                set_uniform(program, "u_fog", self._scene.fog)
            self._programs[key] = program
        return self._programs[key]

    def _set_shadow(self, program: moderngl.Program) -> None:
        if self._shadow is not None:
            set_uniform(program, "u_shadow_offset_cm", 1.5 * self._shadow.texel_cm)
            write_matrix(program, "u_shadow_from_world", self._shadow.shadow_from_world)

    def _scene_program(
        self, passes: tuple[str, ...], cutout: bool, view: View, exposure: float
    ) -> moderngl.Program:
        defines = self._defines(passes, cutout)
        program = self._program((passes, cutout), SCENE_VERTEX, SCENE_FRAGMENT, defines)
        write_matrix(program, "u_clip_from_relative", view.clip_from_relative)
        set_uniform(program, "u_camera_cm", tuple(view.location_cm))
        set_uniform(program, "u_exposure", exposure)
        return program

    def _draw_sky(self, passes: tuple[str, ...], view: View) -> None:
        program = self._program(
            ("sky", passes), SKY_VERTEX, SKY_FRAGMENT, self._defines(passes, False)
        )
        forward, right, up = view.axes
        ray = np.column_stack([right * view.slope[0], -up * view.slope[1], forward])
        write_matrix(program, "u_ray_from_screen", ray)
        self._context.depth_func = "<="
        self._cover(program)
        self._context.depth_func = "<"

    def _smooth(self, targets: Targets) -> None:
        if targets.image is None or targets.smoothed is None:
            return
        program = self._program(("fxaa",), SKY_VERTEX, FXAA_FRAGMENT, {})
        set_uniform(program, "u_texel", (1 / targets.size[0], 1 / targets.size[1]))
        targets.image.use(_IMAGE)
        targets.smoothed.use()
        self._context.disable(moderngl.DEPTH_TEST)
        self._cover(program)
        self._context.enable(moderngl.DEPTH_TEST)

    def _cover(self, program: moderngl.Program) -> None:
        """Draw one triangle over the whole image."""
        if program not in self._screens:
            self._screens[program] = self._context.vertex_array(program, [])
        self._screens[program].render(moderngl.TRIANGLES, vertices=3)


def _texture_array(context: moderngl.Context, layers: np.ndarray) -> moderngl.TextureArray:
    """Upload (L,H,W,C) uint8."""
    count, height, width, components = layers.shape
    return context.texture_array(
        (width, height, count), components, np.ascontiguousarray(layers), alignment=1
    )
