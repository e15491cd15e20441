"""The little of Quake 3's .shader scripts that matters to a static picture.

A script file is a list of `name { keywords, stages }`, a stage being `{ map IMAGE, blendFunc ..}`.
`parse_shaders` reads the text, `surface_look` boils a shader down to one image and a handful of
decisions: is it drawn, is it cut out, does it collide, where does its light come from. Animated,
scrolling and environment-mapped stages have no place in a static scene and are left out.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from capture.engine.quake3.bsp import (
    CONTENTS_FOG,
    CONTENTS_GLASS,
    CONTENTS_LAVA,
    CONTENTS_LIQUID,
    CONTENTS_SOLID,
    SURFACE_HINT,
    SURFACE_NODRAW,
    SURFACE_NONSOLID,
    SURFACE_SKIP,
    SURFACE_SKY,
)

WHITE_IMAGE = "$whiteimage"
LIGHTMAP_IMAGE = "$lightmap"

ADD = ("gl_one", "gl_one")

_BLENDS = {
    "add": ADD,
    "filter": ("gl_dst_color", "gl_zero"),
    "blend": ("gl_src_alpha", "gl_one_minus_src_alpha"),
}
_LIQUIDS = {"water", "slime", "lava"}
_VERTEX_LIT = {"vertex", "exactvertex", "oneminusvertex", "lightingdiffuse"}


@dataclass(kw_only=True)
class Stage:
    """One layer of a shader."""

    image: str = ""
    blend: tuple[str, str] | None = None  # OpenGL factors in lower case; None replaces
    alpha_test: str = ""  # "", "gt0", "lt128", "ge128"
    environment: bool = False  # mapped by reflection
    light: str = ""  # rgbGen, in lower case
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    scale: tuple[float, float] = (1.0, 1.0)  # of the texture coordinates


@dataclass(kw_only=True)
class Shader:
    """A script's entry of one name."""

    stages: list[Stage] = field(default_factory=list)
    parameters: set[str] = field(default_factory=set)  # of surfaceparm
    keywords: set[str] = field(default_factory=set)  # everything else that was said
    sky_box: str = ""  # the path before _up, _ft and so on; "" if the sky is clouds only
    cloud_height: float = 512.0  # of the sky's clouds


class Light(StrEnum):
    """Where a surface's light comes from."""

    BAKED = "baked"  # the lightmap, or the vertices where there is none
    VERTEX = "vertex"
    FULL = "full"  # it shines by itself
    DIM = "dim"  # so does it, less


class Cut(StrEnum):
    """Which texels of an image are holes."""

    NONE = "none"
    BELOW_HALF = "below half"
    ABOVE_HALF = "above half"
    ZERO = "zero"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What decides a surface's texture."""

    image: str
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    cut: Cut = Cut.NONE
    glow: str = ""  # an image that is added to the first and shines


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a surface of one shader is drawn."""

    picture: Picture
    light: Light = Light.BAKED
    drawn: bool = True
    collides: bool = True
    decal: bool = False  # lies on another surface
    sky: bool = False


def parse_shaders(text: str) -> dict[str, Shader]:
    """Shaders by name (lower case) of one script file; of two of a name the last one counts."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    lines = text.replace("{", "\n{\n").replace("}", "\n}\n").lower().splitlines()
    shaders: dict[str, Shader] = {}
    depth, name = 0, ""
    for words in map(str.split, lines):
        if not words:
            continue
        if words[0] == "{":
            depth += 1
            if depth == 1:
                shaders[name] = Shader()
            elif depth == 2:
                shaders[name].stages.append(Stage())
        elif words[0] == "}":
            depth = max(depth - 1, 0)
        elif depth == 0:
            name = words[0].strip('"')
        elif depth == 1:
            _read_keyword(shaders[name], words)
        elif depth == 2:
            _read_stage(shaders[name].stages[-1], words)
    return shaders


def _read_keyword(shader: Shader, words: list[str]) -> None:
    shader.keywords.add(words[0])
    if words[0] == "deformvertexes":
        shader.keywords.update(words[1:2])
    if words[0] == "surfaceparm":
        shader.parameters.update(words[1:])
    elif words[0] == "skyparms" and len(words) > 1:
        shader.sky_box = "" if words[1] in ("-", "full", "half") else words[1]
        heights = re.findall(r"\d+\.?\d*", " ".join(words[2:3]))
        shader.cloud_height = float(heights[0]) if heights and float(heights[0]) else 512.0


def _read_stage(stage: Stage, words: list[str]) -> None:
    key, values = words[0], words[1:]
    if not values:
        return
    if key in ("map", "clampmap"):
        stage.image = values[0]
    elif key == "animmap" and len(values) > 1:
        stage.image = values[1]
    elif key == "blendfunc":
        stage.blend = _BLENDS.get(values[0]) or (values[0], values[-1])
    elif key == "alphafunc":
        stage.alpha_test = values[0]
    elif key == "tcgen":
        stage.environment = values[0] == "environment"
    elif key == "tcmod" and values[0] == "scale" and len(values) > 2:
        stage.scale = _pair(values[1:3], stage.scale)
    elif key == "rgbgen":
        stage.light = values[0]
        if values[0] in ("const", "constant"):
            stage.tint = _tint(values[1:], stage.tint)


def _pair(words: list[str], otherwise: tuple[float, float]) -> tuple[float, float]:
    try:
        return float(words[0]), float(words[1])
    except ValueError:
        return otherwise


def _tint(words: list[str], otherwise: tuple[float, float, float]) -> tuple[float, float, float]:
    numbers = re.findall(r"[-+.\d]+", " ".join(words))
    try:
        red, green, blue = (float(number) for number in numbers[:3])
    except ValueError:
        return otherwise
    return red, green, blue


def surface_look(name: str, shader: Shader | None, flags: int, contents: int) -> Look:
    """Decide how surfaces of texture `name` look, from its script and compiled flags."""
    shader = shader or Shader()
    solid = not (flags & SURFACE_NONSOLID or "nonsolid" in shader.parameters)
    liquid = bool(contents & CONTENTS_LIQUID) or bool(shader.parameters & _LIQUIDS)
    if flags & SURFACE_SKY or "sky" in shader.parameters:
        return Look(picture=Picture(image=name), drawn=False, sky=True)
    if not liquid and (contents & CONTENTS_FOG or "fog" in shader.parameters):
        return Look(picture=Picture(image=name), drawn=False, collides=False)
    if _is_invisible(name, shader, flags):
        blocks = solid and bool(contents & CONTENTS_SOLID)
        return Look(picture=Picture(image=name), drawn=False, collides=blocks)
    stages = [stage for stage in shader.stages if stage.image]
    if "portal" in shader.keywords:
        return _portal_look(stages)
    if liquid and stages:
        return _liquid_look(stages, shines=bool(contents & CONTENTS_LAVA))
    glass = solid and contents & CONTENTS_GLASS == CONTENTS_GLASS
    return (
        _staged_look(shader, stages, solid=solid, glass=glass)
        if stages
        else Look(picture=Picture(image=name))
    )


def _is_invisible(name: str, shader: Shader, flags: int) -> bool:
    # Compilers also mark visible sides of half-caulked brushes "nodraw": as in the game, only what
    # the script says counts, and the flags for the editor's own textures.
    editor_only = name.startswith("textures/common/")
    return "nodraw" in shader.parameters or bool(
        editor_only and flags & (SURFACE_NODRAW | SURFACE_HINT | SURFACE_SKIP)
    )


def _portal_look(stages: list[Stage]) -> Look:
    """A view of elsewhere cannot be shown: a plate with the pattern of the portal's frame."""
    named = [stage for stage in stages if not stage.image.startswith("$")]
    visible = [stage for stage in named if "invisible" not in stage.image]
    if visible:
        return Look(picture=Picture(image=visible[-1].image), light=Light.FULL)
    return Look(picture=Picture(image=WHITE_IMAGE, tint=(0.2, 0.22, 0.28)), light=Light.FULL)


def _liquid_look(stages: list[Stage], *, shines: bool) -> Look:
    """Opaque and solid: a camera neither sees nor goes below the surface."""
    base = _base_stage(stages)
    light = _light(stages, base)
    if light is Light.FULL and not shines:
        light = Light.DIM
    return Look(picture=Picture(image=base.image), light=light)


def _staged_look(shader: Shader, stages: list[Stage], *, solid: bool, glass: bool) -> Look:
    base = _base_stage(stages)
    opaque = any(_replaces(stage) for stage in stages)
    sprite = not shader.keywords.isdisjoint({"autosprite", "autosprite2"})
    if not opaque and (sprite or base.environment or not _blends(base)):
        # Flames, beams, glows, stains and reflections in glass.
        return Look(picture=Picture(image=base.image), drawn=False, collides=glass)
    cut = _cut(stages, base)
    return Look(
        picture=Picture(image=base.image, tint=base.tint, cut=cut, glow=_glow(stages, base)),
        light=_light(stages, base),
        # What a camera could fly into must not be opaque: "nonsolid" counts where there are holes.
        collides=solid or cut is Cut.NONE,
        decal="polygonoffset" in shader.keywords or not opaque,
    )


def _base_stage(stages: list[Stage]) -> Stage:
    """The stage that carries the pattern: the first that is no lightmap and no reflection."""
    images = [stage for stage in stages if stage.image != LIGHTMAP_IMAGE] or stages
    patterns = [stage for stage in images if not stage.environment] or images
    named = [stage for stage in patterns if not stage.image.startswith("$")] or patterns
    covering = [stage for stage in named if _replaces(stage)]
    blending = [stage for stage in named if _blends(stage)]
    return (covering or blending or named)[0]


def _replaces(stage: Stage) -> bool:
    return stage.blend in (None, ("gl_one", "gl_zero")) or bool(stage.alpha_test)


def _blends(stage: Stage) -> bool:
    return stage.blend is not None and "gl_one_minus_src_alpha" in stage.blend


def _cut(stages: list[Stage], base: Stage) -> Cut:
    if any(_replaces(stage) and not stage.alpha_test for stage in stages):
        return Cut.NONE
    tests = {"gt0": Cut.ZERO, "lt128": Cut.ABOVE_HALF}
    return tests.get(base.alpha_test, Cut.BELOW_HALF)


def _glow(stages: list[Stage], base: Stage) -> str:
    lamps = [
        stage.image
        for stage in stages
        if stage is not base
        and stage.blend == ADD
        and not stage.environment
        and not stage.image.startswith("$")
    ]
    return lamps[-1] if lamps else ""


def _light(stages: list[Stage], base: Stage) -> Light:
    if any(stage.image == LIGHTMAP_IMAGE for stage in stages):
        return Light.BAKED
    return Light.VERTEX if base.light in _VERTEX_LIT else Light.FULL
