"""What is computed once for a scene's light: the sun's shadow map and the sky's cube map."""

from typing import cast

import moderngl
import numpy as np

from capture.engine.mesh import DrawableMesh
from capture.engine.scene import Scene, Sun
from capture.engine.screen_shaders import SKY_FACE_FRAGMENT, SKY_VERTEX
from capture.engine.shaders import (
    SHADOW_FRAGMENT,
    SHADOW_VERTEX,
    assemble,
)

SHADOW_SIZE = 4096
SKY_SIZE = 1024

# Ray = s * column 0 + t * column 1 + column 2 for s, t in -1..1 over each face, in OpenGL's order.
_CUBE_FACES = [
    [[0, 0, -1], [0, -1, 0], [1, 0, 0]],
    [[0, 0, 1], [0, -1, 0], [-1, 0, 0]],
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    [[1, 0, 0], [0, 0, -1], [0, -1, 0]],
    [[1, 0, 0], [0, -1, 0], [0, 0, 1]],
    [[-1, 0, 0], [0, -1, 0], [0, 0, -1]],
]


def set_uniform(program: moderngl.Program, name: str, value: object) -> None:
    """Set a uniform that the compiler may have found unused."""
    if name in program:
        cast(moderngl.Uniform, program[name]).value = value


def write_matrix(program: moderngl.Program, name: str, matrix: np.ndarray) -> None:
    """Write a matrix that acts on column vectors."""
    if name in program:
        cast(moderngl.Uniform, program[name]).write(np.ascontiguousarray(matrix.T, np.float32))


class ShadowMap:
    """The depth of a static scene as the sun sees it, drawn once."""

    def __init__(
        self,
        context: moderngl.Context,
        sun: Sun,
        corners_cm: np.ndarray,
        meshes: dict[bool, DrawableMesh],
    ) -> None:
        """Draw `meshes` (cut-out or not); the map covers the box with `corners_cm` (8,3).

        The albedo texture that cut-outs need is at texture unit 0.
        """
        clip = _sun_clip_from_world(np.asarray(sun.direction, np.float64), corners_cm)
        half = np.eye(4) * [0.5, 0.5, 0.5, 1.0]
        half[:3, 3] = 0.5
        self.shadow_from_world = half @ clip
        self.texel_cm = 2.0 / (SHADOW_SIZE * np.linalg.norm(clip[:2, :3], axis=1).min())
        self.texture = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self.texture.compare_func = "<="
        self.texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self.texture.repeat_x = self.texture.repeat_y = False
        target = context.framebuffer(depth_attachment=self.texture)
        target.use()
        target.clear(depth=1.0)
        # The outermost texels stay empty: what lies outside the map is looked up there, and lit.
        target.scissor = 1, 1, SHADOW_SIZE - 2, SHADOW_SIZE - 2
        context.polygon_offset = (1.5, 4.0)
        for cutout, mesh in meshes.items():
            defines: dict[str, object] = {"CUTOUT": 1} if cutout else {}
            program = context.program(
                vertex_shader=assemble(SHADOW_VERTEX, defines),
                fragment_shader=assemble(SHADOW_FRAGMENT, defines),
            )
            write_matrix(program, "u_clip_from_world", clip)
            mesh.draw(program, None)
        context.polygon_offset = (0.0, 0.0)
        target.release()


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


class SkyMap:
    """The sky as a cube map of shown colours (blue, green, red, luma), drawn anew per exposure."""

    def __init__(self, context: moderngl.Context, scene: Scene) -> None:
        """Prepare the sky of `scene`; nothing is drawn yet."""
        self._context = context
        self._scene = scene
        self._exposure: float | None = None
        self._program: moderngl.Program | None = None
        self.texture = context.texture_cube((SKY_SIZE, SKY_SIZE), 4)
        self.texture.filter = (moderngl.LINEAR, moderngl.LINEAR)

    def ensure(self, exposure: float) -> None:
        """Draw the sky for a linear `exposure`, if that is not what is there."""
        if exposure == self._exposure:
            return
        program = self._program or self._compile()
        self._program = program
        set_uniform(program, "u_exposure", exposure)
        face = self._context.simple_framebuffer((SKY_SIZE, SKY_SIZE), 4)
        face.use()
        self._context.disable(moderngl.DEPTH_TEST)
        corners = self._context.vertex_array(program, [])
        for number, columns in enumerate(_CUBE_FACES):
            write_matrix(program, "u_ray_from_screen", np.array(columns, np.float64).T)
            corners.render(moderngl.TRIANGLES, vertices=3)
            self.texture.write(number, face.read(components=4))
        self._context.enable(moderngl.DEPTH_TEST)
        corners.release()
        face.release()
        self._exposure = exposure

    def _compile(self) -> moderngl.Program:
        """The program that draws a face, with all but exposure set."""
        program = self._context.program(
            vertex_shader=assemble(SKY_VERTEX, {}), fragment_shader=assemble(SKY_FACE_FRAGMENT, {})
        )
        sky, sun, fog = self._scene.sky, self._scene.sun, self._scene.fog
        set_uniform(program, "u_zenith", sky.zenith)
        set_uniform(program, "u_horizon", sky.horizon)
        set_uniform(program, "u_ground", sky.ground)
        set_uniform(program, "u_cloud_cover", sky.cloud_cover)
        set_uniform(program, "u_sun_direction", sun.direction if sun else (0.0, 0.0, 1.0))
        set_uniform(program, "u_sun_colour", sun.colour if sun else (0.0, 0.0, 0.0))
        set_uniform(program, "u_fog", (*fog[:3], 1.0) if fog else (0.0, 0.0, 0.0, 0.0))
        return program
