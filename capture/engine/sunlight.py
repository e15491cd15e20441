"""The sun's shadow map, and which triangles it tells nothing about.

The scene is static, so its shadow map is drawn once. Where a triangle lies wholly in the light or
wholly in shadow, nothing has to be looked up for its pixels: `sort_by_sunlight` tells those apart
by looking up all of a triangle's texels with a wider filter than a picture ever uses.
"""

import moderngl
import numpy as np

from capture.engine.kinds import Sunlight
from capture.engine.scene import Geometry, Sun
from capture.engine.shaders import SHADOW_FRAGMENT, SHADOW_VERTEX, SUNLIT_FRAGMENT, assemble
from capture.engine.uniforms import set_uniform, write_matrix

LARGEST_MAP = 4096
SMALLEST_MAP = 512
# As fine as this where the scene is small enough: four texels, over which the edge of a shadow is
# spread, are then about as wide as the sun makes it behind a window a few metres away.
TEXEL_CM = 1.5
# The place that is looked up lies this many texels off the surface, the flatter the light the more.
OFFSET_TEXELS = 2.5


# The driver keeps what it needed for its largest draw: 300 MB if all lines were drawn at once.
_DRAWN_AT_ONCE = 20_000

# Bit 0: some of it was seen in shadow, bit 1: some in the light.
_BY_BITS = np.array([Sunlight.PARTLY, Sunlight.NONE, Sunlight.FULL, Sunlight.PARTLY])


class Casters:
    """The triangles that throw shadows, in the graphics card's memory, in the scene's order."""

    def __init__(self, context: moderngl.Context, geometry: Geometry, cutout: np.ndarray) -> None:
        """Upload the drawn triangles of `geometry`; `cutout` (F,) says whose texture has holes."""
        self._context = context
        uvl = np.column_stack([geometry.uv, geometry.layer]).astype(np.float32)
        self._buffers = [
            context.buffer(np.ascontiguousarray(values, np.float32))
            for values in (geometry.position_cm, geometry.normal, uvl)
        ]
        self.faces = {
            kind: np.flatnonzero(geometry.drawn & (cutout == kind)) for kind in (False, True)
        }
        self._indices = {
            kind: context.buffer(np.ascontiguousarray(geometry.triangles[faces], np.uint32))
            for kind, faces in self.faces.items()
            if len(faces)
        }

    def draw(
        self,
        fragment: str,
        defines: dict[str, object],
        uniforms: dict,
        mode: int = moderngl.TRIANGLES,
    ) -> None:
        """Draw all with a program that `fragment` is part of; it numbers them in `faces` order."""
        for cutout, indices in self._indices.items():
            wanted = {**defines, "CUTOUT": 1} if cutout else defines
            program = self._context.program(
                vertex_shader=assemble(SHADOW_VERTEX, wanted),
                fragment_shader=assemble(fragment, wanted),
            )
            for name, value in uniforms.items():
                if isinstance(value, np.ndarray):
                    write_matrix(program, name, value)
                else:
                    set_uniform(program, name, value)
            names = ("in_position", "in_normal", "in_uvl")
            content = [
                (buffer, "3f", name)
                for buffer, name in zip(self._buffers, names, strict=True)
                if name in program
            ]
            array = self._context.vertex_array(program, content, indices)
            before = len(self.faces[False]) if cutout else 0
            for start in range(0, len(self.faces[cutout]), _DRAWN_AT_ONCE):
                count = min(_DRAWN_AT_ONCE, len(self.faces[cutout]) - start)
                set_uniform(program, "u_first", before + start)
                array.render(mode, vertices=3 * count, first=3 * start)
                self._context.finish()
            array.release()
            program.release()

    def release(self) -> None:
        """Give the memory back."""
        for buffer in (*self._buffers, *self._indices.values()):
            buffer.release()


class ShadowMap:
    """The depth of a static scene as the sun sees it, drawn once."""

    def __init__(
        self, context: moderngl.Context, sun: Sun, bounds_cm: np.ndarray, casters: Casters
    ) -> None:
        """Draw what of `casters` lies within `bounds_cm` (2,3); all else is in the light.

        The albedo texture that cut-outs need is at texture unit 0.
        """
        self._context = context
        grid = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
        corners = bounds_cm[grid, np.arange(3)]
        self._direction = np.asarray(sun.direction, np.float64)
        self._clip = _sun_clip_from_world(self._direction, corners)
        widest = 2.0 / np.linalg.norm(self._clip[:2, :3], axis=1).min()
        wanted = 2 ** int(np.ceil(np.log2(widest / TEXEL_CM)))
        self.size = int(np.clip(wanted, SMALLEST_MAP, LARGEST_MAP))
        half = np.eye(4) * [0.5, 0.5, 0.5, 1.0]
        half[:3, 3] = 0.5
        self.shadow_from_world = half @ self._clip
        self.offset_cm = OFFSET_TEXELS * widest / self.size
        self.texture = context.depth_texture((self.size, self.size))
        self.texture.compare_func = "<="
        self.texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self.texture.repeat_x = self.texture.repeat_y = False
        target = context.framebuffer(depth_attachment=self.texture)
        target.use()
        target.clear(depth=1.0)
        # The outermost texels stay empty: what lies outside the map is looked up there, and lit.
        target.scissor = 1, 1, self.size - 2, self.size - 2
        context.polygon_offset = (2.5, 4.0)
        casters.draw(SHADOW_FRAGMENT, {}, {"u_clip_from_world": self._clip})
        context.polygon_offset = (0.0, 0.0)
        target.release()

    def sort_by_sunlight(self, geometry: Geometry, casters: Casters, unit: int) -> np.ndarray:
        """How the sun falls onto each triangle, (F,) of `Sunlight`; the map is bound to `unit`."""
        context = self._context
        found = context.buffer(np.zeros(max(len(geometry.triangles), 1), np.uint32))
        found.bind_to_storage_buffer(0)
        # Every second texel is enough: the shader looks that much farther.
        target = context.simple_framebuffer((self.size // 2, self.size // 2), 1)
        target.use()
        context.disable(moderngl.DEPTH_TEST)
        self.texture.use(unit)
        uniforms = {
            "u_clip_from_world": self._clip,
            "u_shadow_from_world": self.shadow_from_world,
            "u_sun_direction": tuple(self._direction),
            "u_shadow_offset_cm": self.offset_cm,
            "u_shadow": unit,
        }
        # Their insides, edges and corners: no part of a triangle is two texels from all of these.
        defines: dict[str, object] = {"SUNLIT": 1, "SHADOW_SIZE": float(self.size)}
        casters.draw(SUNLIT_FRAGMENT, {**defines, "PRIMITIVES": 1}, uniforms)
        context.wireframe = True
        casters.draw(SUNLIT_FRAGMENT, {**defines, "PRIMITIVES": 1}, uniforms)
        context.wireframe = False
        casters.draw(SUNLIT_FRAGMENT, {**defines, "PRIMITIVES": 3}, uniforms, moderngl.POINTS)
        context.enable(moderngl.DEPTH_TEST)
        context.memory_barrier()
        context.finish()
        seen = np.frombuffer(found.read(), np.uint32)
        found.release()
        target.color_attachments[0].release()
        target.release()
        faces = np.concatenate([casters.faces[False], casters.faces[True]])
        sunlight = np.full(len(geometry.triangles), Sunlight.PARTLY, np.int64)
        sunlight[faces] = _BY_BITS[seen[: len(faces)]]
        return self._with_outside(sunlight, geometry)

    def _with_outside(self, sunlight: np.ndarray, geometry: Geometry) -> np.ndarray:
        """What lies outside the map is in the light; what crosses its border is looked up."""
        axes, origin = self.shadow_from_world[:2, :3], self.shadow_from_world[:2, 3]
        corners = (geometry.position_cm @ axes.T + origin)[geometry.triangles]
        low, high = corners.min(1), corners.max(1)
        crossing = ((low < 0) | (high > 1)).any(1)
        outside = ((high < 0) | (low > 1)).any(1)
        sunlight = np.where(crossing, Sunlight.PARTLY, sunlight)
        return np.where(outside, Sunlight.FULL, sunlight)


def _sun_clip_from_world(direction: np.ndarray, corners_cm: np.ndarray) -> np.ndarray:
    """A parallel projection along the sunlight that just holds `corners_cm`; depth grows away."""
    away = -direction / np.linalg.norm(direction)
    side = np.cross(away, [0.0, 0.0, 1.0] if abs(away[2]) < 0.99 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(side, away), away])
    low, high = (corners_cm @ axes.T).min(0) - 10.0, (corners_cm @ axes.T).max(0) + 10.0
    clip = np.eye(4)
    clip[:3, :3] = axes * (2.0 / (high - low))[:, None]
    clip[:3, 3] = -(high + low) / (high - low)
    return clip
