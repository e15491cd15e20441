"""The sky as a cube map."""

import moderngl
import numpy as np

from capture.engine.scene import Scene
from capture.engine.screen_shaders import SKY_FACE_FRAGMENT, SKY_VERTEX
from capture.engine.shaders import assemble
from capture.engine.uniforms import set_uniform, write_matrix

SKY_SIZE = 1024

# Ray = s * column 0 + t * column 1 + column 2 for s, t in -1..1 over each face, in OpenGL's order.
CUBE_FACES = [
    [[0, 0, -1], [0, -1, 0], [1, 0, 0]],
    [[0, 0, 1], [0, -1, 0], [-1, 0, 0]],
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    [[1, 0, 0], [0, 0, -1], [0, -1, 0]],
    [[1, 0, 0], [0, -1, 0], [0, 0, 1]],
    [[-1, 0, 0], [0, -1, 0], [0, 0, -1]],
]


class SkyMap:
    """The sky as a cube map of shown colours (blue, green, red), drawn anew per exposure."""

    def __init__(self, context: moderngl.Context, scene: Scene) -> None:
        """Prepare the sky of `scene`; nothing is drawn yet."""
        self._context = context
        self._scene = scene
        painted = scene.sky.painted
        self._size = SKY_SIZE if painted is None else painted.shape[1]
        self._exposure: float | None = None
        self._program: moderngl.Program | None = None
        self.texture = context.texture_cube((self._size, self._size), 4)
        self.texture.filter = (moderngl.LINEAR, moderngl.LINEAR)

    def ensure(self, exposure: float) -> None:
        """Draw the sky for a linear `exposure`, if that is not what is there."""
        if exposure == self._exposure:
            return
        self._exposure = exposure
        if self._scene.sky.painted is not None:
            self._write(self._scene.sky.painted)
            return
        program = self._program or self._compile()
        self._program = program
        set_uniform(program, "u_exposure", exposure)
        colour = self._context.renderbuffer((SKY_SIZE, SKY_SIZE), 4)
        face = self._context.framebuffer([colour])
        face.use()
        self._context.disable(moderngl.DEPTH_TEST)
        corners = self._context.vertex_array(program, [])
        for number, columns in enumerate(CUBE_FACES):
            write_matrix(program, "u_ray_from_screen", np.array(columns, np.float64).T)
            corners.render(moderngl.TRIANGLES, vertices=3)
            self.texture.write(number, face.read(components=4))
        self._context.enable(moderngl.DEPTH_TEST)
        corners.release()
        face.release()
        colour.release()

    def _write(self, painted: np.ndarray) -> None:
        """Take the sides as they are, as blue, green, red and 255."""
        for number, side in enumerate(painted):
            opaque = np.full((*side.shape[:2], 4), 255, np.uint8)
            opaque[..., :3] = side[..., ::-1]
            self.texture.write(number, opaque.tobytes())

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
