"""Scenes from the levels of OpenArena, a free first-person game for engines of Quake 3's kind.

The levels are GPL data that Debian packages as `openarena-081-maps`, `openarena-081-textures` and
`openarena-data`; they are read at run time and are no part of this project. Another `baseoa` folder
is named by the environment variable OPENRELIC_OPENARENA. `available_maps` lists the levels,
`load_map` builds one.

A level's unit becomes `CM_PER_UNIT` (its player is 56 units or 168 cm tall, its eyes 150 cm above
the floor) and its right-handed axes become Unreal's by mirroring Y. Its light is baked (`q3light`).
Moving parts stand as they do before anybody comes; portals, flames and fog are not shown; liquids
are opaque and solid.
"""

import difflib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capture.engine.quake3.bsp import BspMap, parse_bsp
from capture.engine.quake3.image import Paks, texture_array
from capture.engine.quake3.light import (
    AMBIENT,
    EXPOSURE_EV,
    amplified,
    exposure_gain,
    triangle_light,
    used_lightmaps,
    vertex_light,
)
from capture.engine.quake3.objects import name_objects
from capture.engine.quake3.places import (
    CM_PER_UNIT,
    VerticalLines,
    describe,
    is_indoor,
    roam_box,
    spawn_points,
    to_ue,
)
from capture.engine.quake3.shader import Light, Look, Picture, Shader, surface_look
from capture.engine.quake3.sky import sky_of
from capture.engine.quake3.surface import PlacedModel, Surfaces, build_surfaces, drawn_models
from capture.engine.scene import Geometry, Scene, Sky
from dataset.errors import OpenRelicError

logger = logging.getLogger(__name__)

LICENCE = "GPL-2.0-or-later"
FOLDER_VARIABLE = "OPENRELIC_OPENARENA"
DEFAULT_FOLDER = Path("/usr/share/games/openarena/baseoa")
PACKAGES = "openarena-081-maps openarena-081-textures openarena-data"
# Detailed, well lit and roomy ones, in that order, come first in the list.
FEATURED = (
    "ctf_inyard",
    "oa_rpg3dm2",
    "oa_spirit3",
    "oa_koth2",
    "am_underworks2",
    "oasago2",
    "kaos2",
    "oa_minia",
    "oa_shouse",
    "blitzkrieg3",
    "czest3ctf",
    "oa_dm5",
    "aggressor",
    "oa_dm4",
    "ps9ctf",
    "ctf_compromise",
)

_TEXTURE_SIZES = (512, 256)
_TEXTURE_BYTES = 150e6
_DECAL_LIFT_UNITS = 0.35
_SHINE = {Light.FULL: 1.0, Light.DIM: 0.45}
_GLOW = 1.5


def available_maps() -> list[str]:
    """Names of the levels that are installed, the best-looking first; empty without the package."""
    paths = _pak_paths()
    if not paths:
        return []
    names = [Path(name).stem for name in Paks(paths).names("maps", ".bsp")]
    return [name for name in FEATURED if name in names] + [n for n in names if n not in FEATURED]


def load_map(name: str) -> Scene:
    """Build the level called `name`; raises `OpenRelicError` if it or the package is missing."""
    paths = _pak_paths()
    if not paths:
        raise OpenRelicError(
            f"no OpenArena data in {_folder()}: run `apt-get install {PACKAGES}` or let "
            f"{FOLDER_VARIABLE} name a baseoa folder"
        )
    paks = Paks(paths)
    data = paks.read(f"maps/{name}.bsp")
    if data is None:
        raise OpenRelicError(_unknown(name))
    return build_scene(name, parse_bsp(data, name), paks)


def _folder() -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


def _pak_paths() -> list[Path]:
    """Paks in the order in which they override each other."""
    folder = _folder()
    found = [path for path in folder.glob("*") if path.suffix.lower() == ".pk3"]
    return sorted(found, key=lambda path: path.name.lower())


def _unknown(name: str) -> str:
    maps = available_maps()
    near = difflib.get_close_matches(name, maps, n=4, cutoff=0.3) or maps[:4]
    return (
        f"OpenArena has no level {name!r}; near it are {', '.join(near) or 'none'}; "
        "`python -m capture.engine --list-scenes` lists all"
    )


@dataclass(frozen=True, kw_only=True)
class _Level:
    """A level's triangles and what they are made of, still in its own axes and units."""

    bsp: BspMap
    looks: list[Look]  # of each of bsp.textures
    placed: list[PlacedModel]
    surfaces: Surfaces
    vertex_material: np.ndarray  # (V,) index into looks
    material: np.ndarray  # (F,) the same
    model: np.ndarray  # (F,) index into placed
    area: np.ndarray  # (F,) square units

    def having(self, key: str) -> np.ndarray:
        """Triangles (F,) whose look is `drawn`, `collides` or `sky`."""
        return np.array([getattr(look, key) for look in self.looks], bool)[self.material]


def build_scene(name: str, bsp: BspMap, paks: Paks) -> Scene:
    """Build the scene of a parsed level with the textures and scripts in `paks`."""
    shaders = paks.shaders()
    level = _read_level(bsp, shaders)
    objects, object_id = name_objects(
        level.surfaces, level.material, bsp.texture_names, level.model, level.placed
    )
    layer, textures, shine = _textures(level, paks, name)
    geometry, lightmaps = _geometry(level, layer, textures, shine, object_id)
    corners = geometry.position_cm[geometry.triangles]
    solid = VerticalLines(corners[geometry.collides])
    spawns = spawn_points(bsp, solid)
    indoor = is_indoor(spawns[:, :3], solid, level.having("sky")[geometry.collides])
    covered = np.bincount(level.material, level.area * geometry.drawn, len(level.looks))
    seen_world = geometry.drawn & (level.model == 0)
    return Scene(
        name=f"openarena:{name}",
        asset=f"openarena:{name}",
        licence=LICENCE,
        caption=describe(bsp.texture_names, covered, indoor),
        indoor=indoor,
        geometry=geometry,
        textures=textures,
        lightmaps=lightmaps,
        objects=objects,
        sun=None,
        sky=_sky(level, paks, shaders),
        exposure_ev=EXPOSURE_EV,
        spawns=spawns,
        roam_cm=roam_box(bsp, corners[seen_world], spawns),
    )


def _read_level(bsp: BspMap, shaders: dict[str, Shader]) -> _Level:
    records = zip(
        bsp.texture_names,
        bsp.textures["flags"].tolist(),
        bsp.textures["contents"].tolist(),
        strict=True,
    )
    looks = [surface_look(name, shaders.get(name), flags, held) for name, flags, held in records]
    placed = drawn_models(bsp)
    face_model = np.full(len(bsp.faces), -1)
    for number, model in enumerate(placed):
        record = bsp.models[model.index]
        face_model[record["face"] : record["face"] + record["faces"]] = number
    matters = np.array([look.drawn or look.collides for look in looks])
    wanted = (face_model >= 0) & matters[bsp.faces["texture"]]
    origins = np.stack([model.origin for model in placed])
    surfaces = build_surfaces(bsp, wanted, origins[face_model])
    face = surfaces.vertex_face[surfaces.triangles[:, 0]]
    a, b, c = np.moveaxis(surfaces.position[surfaces.triangles], 1, 0)
    return _Level(
        bsp=bsp,
        looks=looks,
        placed=placed,
        surfaces=surfaces,
        vertex_material=bsp.faces["texture"][surfaces.vertex_face],
        material=bsp.faces["texture"][face],
        model=face_model[face],
        area=np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2,
    )


def _textures(level: _Level, paks: Paks, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texture layer of each look (T,), the textures, how much of each layer shines (L,)."""
    pictures: dict[Picture, int] = {}
    layer = np.zeros(len(level.looks), np.int32)
    for material in np.unique(level.material[level.having("drawn")]).tolist():
        picture = level.looks[material].picture
        layer[material] = pictures.setdefault(picture, len(pictures))
    fits = (s for s in _TEXTURE_SIZES if len(pictures) * s * s * 4 <= _TEXTURE_BYTES)
    textures, shine, missing = texture_array(paks, list(pictures), next(fits, _TEXTURE_SIZES[-1]))
    if missing:
        logger.info(
            "%s: %d of %d textures are in no pak, others stand for them",
            name,
            missing,
            len(pictures),
        )
    return layer, textures, shine


def _geometry(
    level: _Level, layer: np.ndarray, textures: np.ndarray, shine: np.ndarray, object_id: np.ndarray
) -> tuple[Geometry, np.ndarray | None]:
    """The scene's geometry, and its lightmaps."""
    surfaces, material = level.surfaces, level.vertex_material
    irradiance, lightmap_uvl, lightmaps = _baked_light(level, layer, textures)
    decal = np.array([look.decal for look in level.looks])[material]
    lifted = surfaces.position + surfaces.normal * (_DECAL_LIFT_UNITS * decal[:, None])
    geometry = Geometry(
        position_cm=(to_ue(lifted) * CM_PER_UNIT).astype(np.float32),
        normal=to_ue(surfaces.normal),
        uv=surfaces.uv,
        layer=layer[material],
        irradiance=irradiance,
        emission=_emission(level.looks, shine[layer])[material],
        lightmap_uvl=lightmap_uvl,
        triangles=surfaces.triangles.astype(np.int32),
        object_id=object_id,
        drawn=level.having("drawn"),
        collides=level.having("collides"),
    )
    return geometry, lightmaps


def _baked_light(
    level: _Level, layer: np.ndarray, textures: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Light at the vertices (V,3), their places in the lightmaps (V,3), and the lightmaps."""
    surfaces = level.surfaces
    light = np.array([look.light for look in level.looks])[level.vertex_material]
    lightmaps, face_page = used_lightmaps(level.bsp.lightmaps, level.bsp.faces["lightmap"])
    page = np.where(light == Light.BAKED, face_page[surfaces.vertex_face], -1)
    by_vertex = ((page < 0) & np.isin(light, (Light.BAKED, Light.VERTEX)))[:, None]
    uvl = np.concatenate([surfaces.lightmap_uv, page[:, None]], 1).astype(np.float32)
    stored = vertex_light(surfaces.colour, 1.0) * by_vertex
    seen = triangle_light(stored, uvl, lightmaps, surfaces.triangles)
    drawn_area = level.area * level.having("drawn")
    gain = exposure_gain(drawn_area, seen, layer[level.material], textures)
    if lightmaps is not None:
        lightmaps = amplified(lightmaps, gain).round().astype(np.uint8)
    irradiance = vertex_light(surfaces.colour, gain) * by_vertex + AMBIENT
    return irradiance.astype(np.float32), uvl, lightmaps


def _emission(looks: list[Look], shine: np.ndarray) -> np.ndarray:
    """What each look (T,) sends out by itself; the exposure, which is for baked light, undone."""
    own = [_SHINE.get(look.light, _GLOW * s) for look, s in zip(looks, shine.tolist(), strict=True)]
    return (np.array(own) * 2.0**-EXPOSURE_EV).astype(np.float32)


def _sky(level: _Level, paks: Paks, shaders: dict[str, Shader]) -> Sky:
    """The sky that most of the sky faces show."""
    is_sky = level.having("sky")
    if not is_sky.any():
        return Sky()
    share = np.bincount(level.material[is_sky], level.area[is_sky])
    return sky_of(paks, shaders.get(level.bsp.texture_names[int(share.argmax())]))
