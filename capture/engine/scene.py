"""What a scene is to the embedded engine: triangles with textures, light, names and start points.

Everything is in Unreal Engine's world: left-handed, X forward, Y right, Z up, centimetres.
Colours of light are linear, textures are sRGB. Front faces are not told from back faces: a loader
duplicates nothing, the renderer draws both sides and turns the normal towards the viewer.

How a pixel is lit (the renderer's contract):

    light  = irradiance_vertex  (+ lightmap texel * LIGHTMAP_SCALE, where the vertex has one)
           + sun.colour * max(0, n . sun.direction) * shadow_map     (where the scene has a sun)
    albedo = texture * tint
    colour = albedo * light + albedo * emission
    colour = mix(colour, reflection, mirror)          (where the texture's gloss is above 0)
    pixel  = sRGB(tonemap(colour * 2**exposure_ev))

`mirror = gloss * mix(fresnel, 1, gloss**2)` with Schlick's fresnel of a dielectric (0.04 seen head
on, 1 along the surface): a gloss of 0.1 is a painted wall, 0.3 a lacquered floor or wet asphalt,
0.6 a window pane or water, 1 a mirror. The reflection is that of the surroundings of the nearest
place where a camera may start, or of the sky outdoors.
"""

from dataclasses import dataclass, field

import numpy as np

# Quake 3 lightmaps are stored at a fraction of their brightness ("overbright bits").
LIGHTMAP_SCALE = 2.0


@dataclass(frozen=True, kw_only=True)
class Sun:
    """A directional light with a shadow map."""

    direction: tuple[float, float, float]  # unit vector from the scene towards the sun
    colour: tuple[float, float, float]  # linear RGB, times brightness


@dataclass(frozen=True, kw_only=True)
class Sky:
    """What is seen where there is no surface: a vertical gradient with clouds (linear RGB)."""

    zenith: tuple[float, float, float] = (0.18, 0.36, 0.72)
    horizon: tuple[float, float, float] = (0.65, 0.75, 0.85)
    ground: tuple[float, float, float] = (0.25, 0.23, 0.20)
    cloud_cover: float = 0.4  # 0 clear .. 1 overcast
    # (6,S,S,3) uint8 sRGB, a painted sky instead, as the sides of an OpenGL cube map whose axes are
    # the world's: +X, -X, +Y, -Y, +Z, -Z; shown as painted, whatever the exposure.
    painted: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Triangles of a scene. V vertices, F triangles."""

    position_cm: np.ndarray  # (V,3) float32, Unreal world
    normal: np.ndarray  # (V,3) float32, unit
    uv: np.ndarray  # (V,2) float32, in texture repeats
    layer: np.ndarray  # (V,) int32, index into Scene.textures; the same at a triangle's corners
    irradiance: np.ndarray  # (V,3) float32, linear light at the vertex, without sun and lightmap
    emission: np.ndarray  # (V,) float32, 0 for ordinary surfaces
    lightmap_uvl: np.ndarray  # (V,3) float32: u, v in 0..1 and the lightmap's layer, -1 for none
    triangles: np.ndarray  # (F,3) int32
    object_id: np.ndarray  # (F,) int32, 1-based index into Scene.objects
    drawn: np.ndarray  # (F,) bool: False for what only collides (clip walls, sky faces)
    collides: np.ndarray  # (F,) bool: False for what only is drawn (leaves, decals)
    tint: np.ndarray | None = None  # (V,3) float32 linear, times the texture's colour; None: white


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One static scene."""

    name: str  # as on the command line: "home:3", "openarena:oa_dm1"
    asset: str  # what dataset splits go by
    licence: str  # an SPDX expression
    caption: str  # static content, one sentence
    indoor: bool
    geometry: Geometry
    textures: np.ndarray  # (L,H,W,4) uint8, sRGB and alpha (alpha < 128 is cut out), H = W = 2**n
    lightmaps: np.ndarray | None  # (M,h,w,3) uint8 linear, or None
    objects: tuple[str, ...]  # names; object i has id i + 1
    sun: Sun | None
    sky: Sky = field(default_factory=Sky)
    exposure_ev: float = 0.0
    fog: tuple[float, float, float, float] | None = None  # linear RGB, extinction per cm
    gloss: np.ndarray | None = None  # (L,) float32 in 0..1 of each texture, see above; None: matt
    spawns: np.ndarray  # (N,4) float64: x, y, z in cm at eye height, yaw in degrees
    roam_cm: np.ndarray  # (2,3) float64: the box that a camera may be in, lowest and highest corner


def object_colours(count: int) -> np.ndarray:
    """Mask colours of `count` objects, (count, 3) uint8, all different and none black.

    Walks the RGB cube by a step that is coprime to 2**24, so neighbours differ clearly.
    """
    codes = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B1)) % np.uint64(1 << 24)
    return np.stack([(codes >> np.uint64(s)) & np.uint64(255) for s in (16, 8, 0)], 1).astype(
        np.uint8
    )
