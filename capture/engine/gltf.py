"""A user's own scene from a glTF file, `scene:PATH.glb`.

glTF is right-handed in metres with +Y up and +Z forward (so +X points left): its forward, left and
up become those of `labeling.camera`'s world, which brings them to Unreal's. Every node that has
triangles becomes an object of its name; scale, mirroring and instancing of nodes count. Materials
are described in `gltf_materials`. Lights, cameras, skins and animations in the file are left out:
the scene gets a sun and a sky, and what they and the shining surfaces light up is baked.

The licence is the SPDX identifier or text in `asset.extras.license`, else `asset.copyright`.
"""

import json
import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from capture.engine.generate.kit.assemble import make_geometry
from capture.engine.generate.kit.bake import Quality, bake
from capture.engine.generate.kit.exposure import metered_ev
from capture.engine.generate.kit.mesh import Mesh
from capture.engine.gltf_materials import Materials
from capture.engine.places import find_places
from capture.engine.scene import Scene, Sky, Sun
from capture.engine.tessellate import tessellate
from dataset.errors import OpenRelicError
from labeling.camera import camera_to_ue

logger = logging.getLogger(__name__)

SUFFIXES = (".glb", ".gltf")
SMALLEST_M, LARGEST_M = 0.1, 5000.0
MOST_TRIANGLES = 3_000_000
SUN = Sun(direction=(0.44, 0.36, 0.823), colour=(2.4, 2.25, 2.0))
_EXTENSIONS_UNREADABLE = (
    "KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu",
    "EXT_texture_webp", "KHR_mesh_quantization",
)  # fmt: skip
_LONGEST_EDGE_CM = 120.0  # of triangles that light is baked on
_TESSELLATED = 250_000
_BAKED_RAYS = 25e6


@dataclass(frozen=True)
class _Soup:
    """Triangles of all nodes, corner by corner."""

    corners: np.ndarray  # (F,3,11): place in cm, normal, uv, tint
    layer: np.ndarray  # (F,)
    emission: np.ndarray  # (F,)
    drawn: np.ndarray  # (F,)
    object_id: np.ndarray  # (F,)


def load_gltf(path: Path) -> Scene:
    """Build the scene in the file at `path`; raises `OpenRelicError` where it cannot be."""
    described = _describe(path)
    materials = Materials()
    objects, soup = _read_nodes(path, materials)
    textures, gloss = materials.arrays()
    mesh, tint = _mesh(soup)
    _check_size(path, mesh.position_cm)
    spawns, indoor, roam = find_places(mesh.position_cm, mesh.normal, mesh.triangles)
    rays = int(np.clip(_BAKED_RAYS / len(mesh.position_cm), 8, 48))
    quality = Quality(rays=rays, detail_rays=min(rays, 12))
    coloured, shades = _coloured(mesh, tint, textures)
    irradiance = bake(coloured, shades, Sky(), SUN, [], quality)
    return Scene(
        name=f"scene:{path}",
        asset=f"scene:{path.stem}",
        licence=described["licence"],
        caption=described["caption"],
        indoor=indoor,
        geometry=make_geometry(mesh, irradiance, tint if (tint != 1.0).any() else None),
        textures=textures,
        lightmaps=None,
        objects=objects,
        sun=SUN,
        gloss=gloss,
        exposure_ev=metered_ev(coloured, shades, irradiance, SUN, Sky(), spawns, 1.0),
        spawns=spawns,
        roam_cm=roam,
    )


def _check_size(path: Path, position_cm: np.ndarray) -> None:
    longest_m = float(np.ptp(position_cm, axis=0).max()) / 100
    if not SMALLEST_M <= longest_m <= LARGEST_M:
        raise OpenRelicError(
            f"{path} is {longest_m:.3g} m long; glTF files are in metres and {SMALLEST_M} to "
            f"{LARGEST_M:.0f} m are drawn here: scale it"
        )


def _describe(path: Path) -> dict[str, str]:
    """Licence and caption that the file's `asset` gives."""
    if path.suffix.lower() not in SUFFIXES:
        raise OpenRelicError(f"{path} is no glTF file: its name must end in .glb or .gltf")
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".glb":
            if content[:4] != b"glTF" or content[16:20] != b"JSON":
                raise ValueError("it does not start as a GLB file")
            content = content[20 : 20 + int.from_bytes(content[12:16], "little")]
        head = json.loads(content)
        needed = set(head.get("extensionsRequired", [])) & set(_EXTENSIONS_UNREADABLE)
    except (OSError, ValueError, AttributeError) as error:
        raise OpenRelicError(f"{path} cannot be read as glTF: {error}") from None
    if needed:
        raise OpenRelicError(
            f"{path} needs {', '.join(sorted(needed))}, which is not read here: export it without"
        )
    asset = head.get("asset", {})
    extras = asset.get("extras") if isinstance(asset.get("extras"), dict) else {}
    title = extras.get("title") or (head.get("scenes") or [{}])[0].get("name") or path.stem
    caption = extras.get("caption") or f"A static scene: {_line(title)}."
    licence = extras.get("license") or extras.get("licence") or asset.get("copyright")
    return {"licence": _line(licence or "NOASSERTION"), "caption": _line(caption)}


def _line(text: object) -> str:
    return " ".join(str(text).split())


def _read_nodes(path: Path, materials: Materials) -> tuple[tuple[str, ...], _Soup]:
    """Names of the nodes that have triangles, and all triangles."""
    import trimesh

    try:
        loaded = trimesh.load_scene(path, process=False)
    except Exception as error:  # trimesh raises whatever the damage leads to
        raise OpenRelicError(f"{path} cannot be read as glTF: {error or type(error)}") from None
    names: list[str] = []
    parts: list[_Soup] = []
    for node in sorted(loaded.graph.nodes_geometry):
        transform, geometry = loaded.graph[node]
        mesh = loaded.geometry[geometry]
        if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
            names.append(_object_name(node, names))
            parts.append(_part(mesh, transform, len(names), materials))
    if not parts:
        raise OpenRelicError(f"{path} has no triangles; export meshes, not points or curves")
    soup = _Soup(*(np.concatenate([getattr(part, key) for part in parts]) for key in
                   ("corners", "layer", "emission", "drawn", "object_id")))  # fmt: skip
    if len(soup.corners) > MOST_TRIANGLES:
        raise OpenRelicError(
            f"{path} has {len(soup.corners):,} triangles; at most {MOST_TRIANGLES:,} are drawn here"
        )
    if not np.isfinite(soup.corners).all():
        raise OpenRelicError(f"{path} has places or normals that are no finite numbers")
    return tuple(names), soup


def _object_name(node: str, taken: list[str]) -> str:
    """A node's name without what UnrealCV's commands cannot hold, and unlike all others."""
    plain = re.sub(r"[^\w.-]+", "_", node).strip("_") or "object"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _part(mesh: Any, transform: np.ndarray, number: int, materials: Materials) -> _Soup:
    """The triangles of one node."""
    surface = materials.surface(getattr(mesh.visual, "material", None))
    linear = transform[:3, :3]
    place = np.asarray(mesh.vertices) @ linear.T + transform[:3, 3]
    to_ue_cm = _ue_from_gltf()
    faces = np.asarray(mesh.faces)
    # Normals turn with the inverse transpose; a node that is squashed flat has none.
    turned = _normals(mesh, faces) @ np.linalg.pinv(linear) @ to_ue_cm
    length = np.linalg.norm(turned, axis=2, keepdims=True)
    normal = np.where(length > 1e-12, turned / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])
    values = [_uv(mesh)[faces], (surface.tint * _vertex_colour(mesh))[faces]]
    corners = np.concatenate([(place @ to_ue_cm)[faces], normal, *values], axis=2)
    a, b, c = np.moveaxis(corners[..., :3], 1, 0)
    corners = corners[np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-9]
    count = len(corners)
    return _Soup(
        corners,
        np.full(count, surface.layer, np.int32),
        np.full(count, surface.emission, np.float32),
        np.full(count, surface.drawn),
        np.full(count, number, np.int32),
    )


def _normals(mesh: Any, faces: np.ndarray) -> np.ndarray:
    """Normals (F,3,3) of the corners: the file's own; where it has none, the triangles'."""
    # trimesh would make up smooth ones, where glTF says flat.
    if "vertex_normals" in mesh._cache:
        return np.asarray(mesh.vertex_normals)[faces]
    a, b, c = np.moveaxis(np.asarray(mesh.vertices)[faces], 1, 0)
    return np.repeat(np.cross(b - a, c - a)[:, None], 3, axis=1)


def _ue_from_gltf() -> np.ndarray:
    """What glTF's axes (rows) are in Unreal's world: 3 x 3, cm for metres."""
    # Forward +Z, left +X, up +Y, as the canonical world's X, Y, Z.
    canonical = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    return camera_to_ue(np.tile(np.eye(3), (3, 1, 1)), canonical)[0]


def _uv(mesh: Any) -> np.ndarray:
    """Texture coordinates (V,2) with v downwards, as glTF has it; trimesh turns them upwards."""
    uv = getattr(mesh.visual, "uv", None)
    if uv is None or len(uv) != len(mesh.vertices):
        return np.zeros((len(mesh.vertices), 2))
    return np.asarray(uv, np.float64) * [1.0, -1.0] + [0.0, 1.0]


def _vertex_colour(mesh: Any) -> np.ndarray:
    """Linear colours (V,3) of the vertices; white where there are none."""
    if mesh.visual.kind == "vertex":
        return np.asarray(mesh.visual.vertex_colors)[:, :3] / 255.0
    colour = getattr(mesh.visual, "vertex_attributes", {}).get("color")
    if colour is None or len(colour) != len(mesh.vertices):
        return np.ones((len(mesh.vertices), 3))
    colour = np.asarray(colour)
    scale = np.iinfo(colour.dtype).max if colour.dtype.kind in "ui" else 1.0
    return colour[:, :3] / scale


def _mesh(soup: _Soup) -> tuple[Mesh, np.ndarray]:
    """Indexed triangles, cut where they are too large to be lit well, and tints (V,3)."""
    most = max(_TESSELLATED, len(soup.corners))
    corners, source = tessellate(soup.corners, _LONGEST_EDGE_CM, most)
    normal = corners[..., 3:6]
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-12)
    layer, emission = soup.layer[source], soup.emission[source]
    rows = np.column_stack([
        corners.reshape(-1, corners.shape[2]), np.repeat(layer, 3), np.repeat(emission, 3)
    ]).astype(np.float32)  # fmt: skip
    rows = np.ascontiguousarray(rows + np.float32(0))  # no negative zeros: they compare unlike
    _, first, index = np.unique(
        rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel(),
        return_index=True, return_inverse=True,
    )  # fmt: skip
    vertices = rows[first]
    shown = soup.drawn[source]
    mesh = Mesh(
        position_cm=vertices[:, :3],
        normal=vertices[:, 3:6],
        uv=vertices[:, 6:8],
        layer=vertices[:, 11].astype(np.int32),
        emission=vertices[:, 12],
        triangles=index.reshape(-1, 3).astype(np.int32),
        object_id=soup.object_id[source],
        drawn=shown,
        collides=np.ones(len(source), bool),
        occludes=shown,
    )
    return mesh, np.ascontiguousarray(vertices[:, 8:11])


def _coloured(mesh: Mesh, tint: np.ndarray, textures: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """The mesh with a small texture of its own for each tint: the bake knows no tints."""
    steps = np.round(tint.clip(0, 1) * 7).astype(np.int64)
    key = ((mesh.layer.astype(np.int64) * 8 + steps[:, 0]) * 8 + steps[:, 1]) * 8 + steps[:, 2]
    keys, first, layer = np.unique(key, return_index=True, return_inverse=True)
    step = max(textures.shape[1] // 32, 1)
    small = textures[:, ::step, ::step][:, :32, :32]
    shades = small[mesh.layer[first]].copy()
    factor = tint[first].clip(0, 1) ** (1 / 2.2)
    shades[..., :3] = shades[..., :3] * factor[:, None, None]
    return replace(mesh, layer=layer.astype(np.int32)), shades
