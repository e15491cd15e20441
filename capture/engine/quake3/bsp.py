"""The compiled levels of Quake 3 engines (magic IBSP, version 46), parsed from bytes.

A file is a header of 17 (offset, length) pairs and as many lumps of fixed-size little-endian
records; `parse_bsp` hands those that matter to a picture over as numpy structured arrays and
checks that every index between them is in range, so that who builds geometry need not.
Everything here is in the level's own world: right-handed, X forward, Y left, Z up, in units
(a player is 56 units tall). The format: https://www.mralligator.com/q3/ (Unofficial Quake 3 Map
Specs), which agrees with id Software's published `qfiles.h`.
"""

import re
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError

MAGIC = b"IBSP"
VERSION = 46
LIGHTMAP_SIZE = 128

# Face types.
POLYGON, PATCH, MESH, FLARE = 1, 2, 3, 4

# Surface flags and contents of a texture record (id's surfaceflags.h).
SURFACE_SKY = 0x4
SURFACE_HINT = 0x100
SURFACE_SKIP = 0x200
SURFACE_NODRAW = 0x80
SURFACE_NONSOLID = 0x4000
CONTENTS_SOLID = 0x1
CONTENTS_LIQUID = 0x8 | 0x10 | 0x20  # lava, slime, water
CONTENTS_LAVA = 0x8
CONTENTS_FOG = 0x40
CONTENTS_GLASS = CONTENTS_SOLID | 0x20000000  # solid and translucent

TEXTURE = np.dtype([("name", "S64"), ("flags", "<i4"), ("contents", "<i4")])
MODEL = np.dtype(
    [
        ("mins", "<f4", 3),
        ("maxs", "<f4", 3),
        ("face", "<i4"),
        ("faces", "<i4"),
        ("brush", "<i4"),
        ("brushes", "<i4"),
    ]
)
VERTEX = np.dtype(
    [
        ("position", "<f4", 3),
        ("uv", "<f4", 2),
        ("lightmap_uv", "<f4", 2),
        ("normal", "<f4", 3),
        ("colour", "u1", 4),
    ]
)
FACE = np.dtype(
    [
        ("texture", "<i4"),
        ("effect", "<i4"),
        ("type", "<i4"),
        ("vertex", "<i4"),
        ("vertices", "<i4"),
        ("mesh_vertex", "<i4"),
        ("mesh_vertices", "<i4"),
        ("lightmap", "<i4"),
        ("lightmap_start", "<i4", 2),
        ("lightmap_extent", "<i4", 2),
        ("lightmap_origin", "<f4", 3),
        ("lightmap_axes", "<f4", (2, 3)),
        ("normal", "<f4", 3),
        ("size", "<i4", 2),
    ]
)
_MESH_VERTEX = np.dtype("<i4")
_LIGHTMAP = np.dtype(("u1", (LIGHTMAP_SIZE, LIGHTMAP_SIZE, 3)))

_LUMPS = 17
_HEADER_BYTES = 8 + 8 * _LUMPS
_ENTITIES, _TEXTURES, _MODELS, _VERTICES, _MESH_VERTICES, _FACES, _LIGHTMAPS = (
    0,
    1,
    7,
    10,
    11,
    13,
    14,
)


@dataclass(frozen=True, kw_only=True)
class BspMap:
    """What a level file says, unchanged; every index in it is in range."""

    entities: tuple[dict[str, str], ...]  # keys in lower case
    textures: np.ndarray  # (T,) TEXTURE
    models: np.ndarray  # (B,) MODEL; 0 is the world, the others belong to entities
    faces: np.ndarray  # (N,) FACE
    vertices: np.ndarray  # (V,) VERTEX
    mesh_vertices: np.ndarray  # (I,) int32, offsets from a face's first vertex
    lightmaps: np.ndarray  # (M,128,128,3) uint8, at a quarter of their brightness

    @property
    def texture_names(self) -> list[str]:
        """Shader names, in lower case, in the order of `textures`."""
        # Some compilers leave garbage behind the terminating zero.
        names = [name.split(b"\0")[0] for name in self.textures["name"].tolist()]
        return [name.decode("latin-1").lower() for name in names]


def parse_bsp(data: bytes, name: str) -> BspMap:
    """Parse a level file; `name` is what errors call it. Raises `OpenRelicError`."""
    _check_header(data, name)
    bsp = BspMap(
        entities=_parse_entities(_lump_bytes(data, _ENTITIES, name).decode("latin-1")),
        textures=_lump(data, _TEXTURES, TEXTURE, name),
        models=_lump(data, _MODELS, MODEL, name),
        faces=_lump(data, _FACES, FACE, name),
        vertices=_lump(data, _VERTICES, VERTEX, name),
        mesh_vertices=_lump(data, _MESH_VERTICES, _MESH_VERTEX, name),
        lightmaps=_lump(data, _LIGHTMAPS, _LIGHTMAP, name),
    )
    _check_indices(bsp, name)
    return bsp


def _check_header(data: bytes, name: str) -> None:
    if len(data) < _HEADER_BYTES or data[:4] != MAGIC:
        raise OpenRelicError(f"{name} is not a level: it must start with {MAGIC!r} and a header")
    version = int(np.frombuffer(data, "<i4", 1, 4)[0])
    if version != VERSION:
        raise OpenRelicError(f"{name} is a level of version {version}; only {VERSION} is read")


def _lump_bytes(data: bytes, index: int, name: str) -> bytes:
    offset, length = np.frombuffer(data, "<i4", 2, 8 + 8 * index).tolist()
    if offset < 0 or length < 0 or offset + length > len(data):
        raise OpenRelicError(
            f"{name} is damaged: lump {index} ends at byte {offset + length} of {len(data)}"
        )
    return data[offset : offset + length]


def _lump(data: bytes, index: int, record: np.dtype, name: str) -> np.ndarray:
    content = _lump_bytes(data, index, name)
    if len(content) % record.itemsize:
        raise OpenRelicError(
            f"{name} is damaged: lump {index} holds {len(content)} bytes, "
            f"not a multiple of {record.itemsize}"
        )
    return np.frombuffer(content, record)


def _parse_entities(text: str) -> tuple[dict[str, str], ...]:
    blocks = re.findall(r"\{([^{}]*)\}", text)
    return tuple(
        {key.lower(): value for key, value in re.findall(r'"([^"]*)"\s+"([^"]*)"', block)}
        for block in blocks
    )


def _check_indices(bsp: BspMap, name: str) -> None:
    faces, models = bsp.faces, bsp.models
    if not len(models):
        raise OpenRelicError(f"{name} is damaged: it has no world model")
    _check_range(faces["texture"], 1, len(bsp.textures), f"{name}: a face's texture")
    _check_range(faces["vertex"], faces["vertices"], len(bsp.vertices), f"{name}: a face's vertex")
    _check_range(models["face"], models["faces"], len(faces), f"{name}: a model's face")
    indexed = faces[np.isin(faces["type"], (POLYGON, MESH))]
    corners = indexed["mesh_vertices"]
    _check_range(
        indexed["mesh_vertex"], corners, len(bsp.mesh_vertices), f"{name}: a face's corner"
    )
    offsets = bsp.mesh_vertices[ranges(indexed["mesh_vertex"], corners)]
    limit = np.repeat(indexed["vertices"], corners)
    if np.any((offsets < 0) | (offsets >= limit)):
        raise OpenRelicError(f"{name} is damaged: a triangle leaves its face's vertices")
    patches = faces[faces["type"] == PATCH]
    sides = patches["size"].astype(np.int64)
    if np.any((sides < 3) | (sides % 2 == 0)) or np.any(sides.prod(1) > patches["vertices"]):
        raise OpenRelicError(f"{name} is damaged: a patch's sides must be odd numbers from 3")


def _check_range(first: np.ndarray, count: np.ndarray | int, limit: int, what: str) -> None:
    end = first.astype(np.int64) + count
    if np.any((first < 0) | (end < first) | (end > limit)):
        raise OpenRelicError(f"{what} is out of range: the file is damaged")


def ranges(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Concatenate `range(first[i], first[i] + count[i])` over all i."""
    before = np.cumsum(count) - count
    return np.arange(int(count.sum())) + np.repeat(first - before, count)
