"""The GLSL programs of one renderer: compiled when first needed, with what never changes set."""

from dataclasses import replace

import moderngl

from capture.engine.kinds import Kind, Sunlight
from capture.engine.reflections import BRIGHTEST, Surroundings
from capture.engine.scene import LIGHTMAP_SCALE, Scene
from capture.engine.screen_shaders import (
    SKY_FRAGMENT,
    SKY_VERTEX,
)
from capture.engine.shaders import DEPTH_FRAGMENT, SCENE_FRAGMENT, SCENE_VERTEX, assemble
from capture.engine.sunlight import ShadowMap
from capture.engine.targets import PASSES
from capture.engine.uniforms import set_uniform, write_matrix

SKY_DEPTH_CM = 65504.0  # the largest half-precision number
UNITS = {
    "u_albedo": 0, "u_shadow": 1, "u_lightmaps": 2, "u_sky": 3, "u_image": 4, "u_surroundings": 5,
}  # fmt: skip


class Programs:
    """Programs by what they draw."""

    def __init__(self, context: moderngl.Context, scene: Scene) -> None:
        """Prepare for `scene`; nothing is compiled yet."""
        self._context = context
        self._scene = scene
        self._shadow: ShadowMap | None = None
        self.surroundings: Surroundings | None = None
        self.tinted = False  # whether the geometry has tints
        self._made: dict[tuple, moderngl.Program] = {}

    def use_shadow(self, shadow: ShadowMap | None) -> None:
        """Programs look sunlight up in `shadow` from now on."""
        for program in self._made.values():
            program.release()
        self._made.clear()
        self._shadow = shadow

    def depth_only(self) -> moderngl.Program:
        """Draws solid triangles into the depth buffer alone."""
        return self._program(("depth",), SCENE_VERTEX, DEPTH_FRAGMENT, {})

    def sky(self, passes: tuple[str, ...], *, stored: bool = False) -> moderngl.Program:
        """Draws what is seen where there is no surface; `stored` as in `surface`."""
        defines = _outputs(passes) | ({"STORED": BRIGHTEST} if stored else {})
        return self._program(("sky", passes, stored), SKY_VERTEX, SKY_FRAGMENT, defines)

    def surface(
        self, passes: tuple[str, ...], kind: Kind, *, stored: bool = False
    ) -> moderngl.Program:
        """Draws triangles of one kind; `stored` gives light as `reflections` stores it."""
        defines = _outputs(passes) | ({"STORED": BRIGHTEST} if stored else {})
        lit = "LIT" in defines
        if not lit:
            kind = Kind(cutout=kind.cutout)
        if stored:
            kind = replace(kind, glossy=False)
        if kind.cutout:
            defines["CUTOUT"] = 1
        if kind.cutout or lit:
            defines["TEXTURED"] = 1
        if kind.glossy:
            defines |= {"GLOSSY": 1} if self._scene.indoor else {"GLOSSY": 1, "OPEN_AIR": 1}
        if kind.sunlight is Sunlight.FULL:
            defines["FULL_SUN"] = 1
        if kind.sunlight is Sunlight.PARTLY and self._shadow is not None:
            defines |= {"PARTLY_SUNNY": 1, "SHADOW_SIZE": float(self._shadow.size)}
        if kind.sunlight is not Sunlight.NONE or kind.glossy or "NORMAL" in defines:
            defines["WITH_NORMAL"] = 1
        if lit and self._scene.lightmaps is not None:
            defines["LIGHTMAP_SCALE"] = LIGHTMAP_SCALE
        if lit and self.tinted:
            defines["TINTED"] = 1
        if lit and self._scene.fog is not None:
            defines["FOG"] = 1
        return self._program(
            ("surface", passes, kind, stored), SCENE_VERTEX, SCENE_FRAGMENT, defines
        )

    def _program(self, key: tuple, vertex: str, fragment: str, defines: dict) -> moderngl.Program:
        """Compile once per key and set what never changes."""
        if key not in self._made:
            program = self._context.program(
                vertex_shader=assemble(vertex, defines),
                fragment_shader=assemble(
                    fragment, defines, outputs=fragment in (SCENE_FRAGMENT, SKY_FRAGMENT)
                ),
            )
            for name, unit in UNITS.items():
                set_uniform(program, name, unit)
            self._set_light(program)
            self._made[key] = program
        return self._made[key]

    def _set_light(self, program: moderngl.Program) -> None:
        if self._scene.sun is not None:
            set_uniform(program, "u_sun_direction", self._scene.sun.direction)
            set_uniform(program, "u_sun_colour", self._scene.sun.colour)
        if self._scene.fog is not None:
            set_uniform(program, "u_fog", self._scene.fog)
        if self.surroundings is not None:
            set_uniform(program, "u_places_cm", list(map(tuple, self.surroundings.boxes_cm)))
        if self._shadow is not None:
            set_uniform(program, "u_shadow_offset_cm", self._shadow.offset_cm)
            write_matrix(program, "u_shadow_from_world", self._shadow.shadow_from_world)


def _outputs(passes: tuple[str, ...]) -> dict[str, object]:
    """Where each of `passes` goes, for the shaders."""
    defines: dict[str, object] = {PASSES[name][0]: number for number, name in enumerate(passes)}
    return defines | {"SKY_DEPTH_CM": SKY_DEPTH_CM}
