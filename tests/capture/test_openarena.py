import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from capture.engine import openarena
from capture.engine.quake3.bsp import FACE, MODEL, TEXTURE, VERTEX, parse_bsp
from capture.engine.quake3.image import Paks, texture_array
from capture.engine.quake3.shader import Cut, Light, Picture, parse_shaders, surface_look
from capture.engine.quake3.sky import SIDE_PIXELS, cube_rays, sky_of
from capture.engine.quake3.surface import PATCH_STEPS, build_surfaces
from capture.engine.scene import Scene
from dataset.errors import OpenRelicError

INSTALLED = bool(openarena._pak_paths())
needs_levels = pytest.mark.skipif(not INSTALLED, reason="the OpenArena packages are not installed")
MAPS = openarena.available_maps()

ENTITIES = """{
"classname" "worldspawn"
}
{
"classname" "info_player_deathmatch"
"origin" "10 20 40"
"angle" "90"
}
{
"classname" "func_door"
"model" "*1"
"origin" "0 0 100"
}
{
"classname" "trigger_push"
"model" "*2"
}
"""
SCRIPT = """
// comment
textures/t/grate
{
    surfaceparm nonsolid
    { map textures/t/grate.tga
      alphaFunc GE128 }
    { map $lightmap
      blendFunc filter }
}
textures/t/flame { { animMap 10 flame1.tga flame2.tga
 blendFunc add } }
textures/t/sky { surfaceparm sky
 skyparms env/space - - }
textures/t/lava { surfaceparm lava
 { map lava.tga } }
"""


def _vertices(rows: list[tuple]) -> np.ndarray:
    """Rows of position, uv, lightmap uv, normal."""
    vertices = np.zeros(len(rows), VERTEX)
    for row, (position, uv, lightmap_uv, normal) in zip(vertices, rows, strict=True):
        row["position"], row["uv"], row["normal"] = position, uv, normal
        row["lightmap_uv"], row["colour"] = lightmap_uv, (255, 255, 255, 255)
    return vertices


def _quad(z: float) -> list[tuple]:
    corners = [(0, 0), (64, 0), (64, 32), (0, 32)]
    return [((x, y, z), (x / 64, y / 32), (x / 128, y / 128), (0, 0, 1)) for x, y in corners]


def _arch() -> list[tuple]:
    """A 3x3 patch: a parabola along x, straight along y."""
    return [
        ((x, y, 50 if x == 32 else 0), (x / 64, y / 64), (0, 0), (0, 0, 1))
        for y in (100, 132, 164)
        for x in (0, 32, 64)
    ]


def _face(kind: int, first: int, count: int, **fields: object) -> np.ndarray:
    face = np.zeros(1, FACE)
    face["type"], face["vertex"], face["vertices"], face["lightmap"] = kind, first, count, -1
    for name, value in fields.items():
        face[name] = value
    return face


def _level_bytes() -> bytes:
    """A floor of the world, an arch, a door 100 units up, a trigger and a sliver without area."""
    vertices = _vertices([*_quad(0), *_arch(), *_quad(0), *_quad(0)])
    faces = np.concatenate(
        [
            _face(1, 0, 4, mesh_vertex=0, mesh_vertices=9, lightmap=1),
            _face(2, 4, 9, size=(3, 3)),
            _face(1, 13, 4, mesh_vertex=0, mesh_vertices=6),
            _face(1, 17, 4, mesh_vertex=0, mesh_vertices=6),
        ]
    )
    models = np.zeros(3, MODEL)
    models["face"], models["faces"] = (0, 2, 3), (2, 1, 1)
    textures = np.zeros(1, TEXTURE)
    textures["name"] = b"textures/t/wall\0garbage"
    lightmaps = np.zeros((2, 128, 128, 3), np.uint8)
    lightmaps[1] = 40
    lumps = [b""] * 17
    lumps[0] = ENTITIES.encode()
    lumps[1], lumps[7] = textures.tobytes(), models.tobytes()
    lumps[10] = vertices.tobytes()
    lumps[11] = np.array([0, 1, 2, 0, 2, 3, 1, 1, 2], "<i4").tobytes()
    lumps[13], lumps[14] = faces.tobytes(), lightmaps.tobytes()
    header, body, start = b"IBSP" + struct.pack("<i", 46), b"", 8 + 17 * 8
    for lump in lumps:
        header += struct.pack("<ii", start + len(body), len(lump))
        body += lump
    return header + body


@pytest.fixture
def scene() -> Scene:
    return openarena.build_scene("tiny", parse_bsp(_level_bytes(), "tiny"), Paks([]))


def _check_contract(scene: Scene) -> None:
    geometry, count = scene.geometry, len(scene.geometry.position_cm)
    faces = len(geometry.triangles)
    expected = {
        "position_cm": ((count, 3), np.float32),
        "normal": ((count, 3), np.float32),
        "uv": ((count, 2), np.float32),
        "layer": ((count,), np.int32),
        "irradiance": ((count, 3), np.float32),
        "emission": ((count,), np.float32),
        "lightmap_uvl": ((count, 3), np.float32),
        "triangles": ((faces, 3), np.int32),
        "object_id": ((faces,), np.int32),
        "drawn": ((faces,), np.bool_),
        "collides": ((faces,), np.bool_),
    }
    for name, (shape, kind) in expected.items():
        array = getattr(geometry, name)
        assert (array.shape, array.dtype) == (shape, np.dtype(kind)), name
        assert np.isfinite(array).all(), name
    assert np.allclose(np.linalg.norm(geometry.normal, axis=1), 1, atol=1e-4)
    assert geometry.triangles.min() >= 0 and geometry.triangles.max() < count
    assert geometry.layer.min() >= 0 and geometry.layer.max() < len(scene.textures)
    assert geometry.object_id.min() >= 1 and geometry.object_id.max() == len(scene.objects)
    assert len(set(scene.objects)) == len(scene.objects)
    assert not any(" " in name for name in scene.objects)
    side = scene.textures.shape[1]
    assert scene.textures.dtype == np.uint8 and scene.textures.shape[2:] == (side, 4)
    pages = len(scene.lightmaps) if scene.lightmaps is not None else 0
    assert geometry.lightmap_uvl[:, 2].max() < max(pages, 1)
    assert scene.spawns.dtype == scene.roam_cm.dtype == np.float64 and scene.spawns.shape[1] == 4
    inside = (scene.spawns[:, :3] > scene.roam_cm[0]) & (scene.spawns[:, :3] < scene.roam_cm[1])
    assert inside.all()


def test_tiny_level_keeps_the_contract(scene: Scene) -> None:
    _check_contract(scene)
    assert scene.name == scene.asset == "openarena:tiny"
    assert scene.licence == "GPL-2.0-or-later" and scene.sun is None


def test_polygon_is_mirrored_and_scaled(scene: Scene) -> None:
    geometry = scene.geometry
    floor = geometry.position_cm[:4]
    assert floor.tolist() == [[0, 0, 0], [192, 0, 0], [192, -96, 0], [0, -96, 0]]
    assert geometry.uv[:4].tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    # The level's page 1 is the only one in use; the third triangle has no area.
    assert geometry.lightmap_uvl[2].tolist() == [0.5, 0.25, 0.0]
    assert scene.lightmaps is not None and scene.lightmaps.shape == (1, 128, 128, 3)
    assert geometry.triangles[:2].tolist() == [[0, 1, 2], [0, 2, 3]]
    assert (geometry.triangles < 4).all(1).sum() == 2


def test_patch_follows_its_parabola(scene: Scene) -> None:
    y = scene.geometry.position_cm[:, 1]
    arch = scene.geometry.position_cm[y <= -299]
    assert len(arch) == (PATCH_STEPS + 1) * 2
    t = arch[:, 0] / 192
    assert np.allclose(arch[:, 2], 3 * 50 * 2 * t * (1 - t), atol=1e-3)
    assert sorted(set(arch[:, 1].tolist())) == [-492, -300]
    assert np.allclose(scene.geometry.uv[y <= -299][:, 0], t)


def test_moving_parts_stand_at_their_origin_and_triggers_are_unseen(scene: Scene) -> None:
    door = scene.objects.index("door_1") + 1
    corners = scene.geometry.triangles[scene.geometry.object_id == door]
    assert (scene.geometry.position_cm[corners][..., 2] == 300).all()
    assert len(corners) == 2 and len(scene.geometry.position_cm) == 4 + 18 + 4
    assert sorted(scene.objects) == ["door_1", "t_wall_1", "t_wall_2"]


def test_spawn_stands_on_the_floor_and_turns_as_unreal_does(scene: Scene) -> None:
    # 90 degrees to the left is -90 in Unreal's yaw; the eyes are 50 units above the floor.
    assert scene.spawns.tolist() == [[30, -60, 150, -90]]


def test_shader_scripts() -> None:
    shaders = parse_shaders(SCRIPT)
    grate = surface_look("textures/t/grate", shaders["textures/t/grate"], 0, 1)
    assert grate.picture.image == "textures/t/grate.tga" and grate.picture.cut is Cut.BELOW_HALF
    assert grate.drawn and not grate.collides and grate.light is Light.BAKED
    flame = surface_look("textures/t/flame", shaders["textures/t/flame"], 0, 1)
    assert flame.picture.image == "flame1.tga" and not flame.drawn and not flame.collides
    sky = surface_look("textures/t/sky", shaders["textures/t/sky"], 0, 1)
    assert sky.sky and sky.collides and not sky.drawn
    assert shaders["textures/t/sky"].sky_box == "env/space"
    lava = surface_look("textures/t/lava", shaders["textures/t/lava"], 0, 0x8)
    assert lava.drawn and lava.light is Light.FULL


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: b"RBSP" + data[4:], "is not a level"),
        (lambda data: data[:20], "is not a level"),
        (lambda data: data[:4] + struct.pack("<i", 47) + data[8:], "version 47"),
        (lambda data: data[:-1000], "lump 14"),
        (lambda data: data[:92] + struct.pack("<i", 43) + data[96:], "multiple of 44"),
        (lambda data: data[:92] + struct.pack("<i", 44) + data[96:], "out of range"),
    ],
)
def test_damaged_level_is_one_clear_line(damage, says: str) -> None:
    with pytest.raises(OpenRelicError, match=says) as caught:
        parse_bsp(damage(_level_bytes()), "tiny")
    assert "\n" not in str(caught.value) and "tiny" in str(caught.value)


def test_missing_package_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(openarena.FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    assert openarena.available_maps() == []
    with pytest.raises(OpenRelicError, match="apt-get install openarena-081-maps"):
        openarena.load_map("oa_dm1")


def test_later_paks_win_and_unknown_levels_are_named(monkeypatch, tmp_path) -> None:
    for pak, content in (("pak0.pk3", b"broken"), ("pak1.pk3", _level_bytes())):
        with zipfile.ZipFile(tmp_path / pak, "w") as archive:
            archive.writestr("maps/tiny.bsp", content)
    monkeypatch.setenv(openarena.FOLDER_VARIABLE, str(tmp_path))
    assert openarena.available_maps() == ["tiny"]
    assert len(openarena.load_map("tiny").objects) == 3
    with pytest.raises(OpenRelicError, match="'tinny'.*tiny.*--list-scenes"):
        openarena.load_map("tinny")


def _pak(path, images: dict[str, tuple]) -> Paks:
    """A pak of one-coloured pictures."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, colour in images.items():
            picture = io.BytesIO()
            Image.new("RGB", (8, 8), colour).save(picture, "PNG")
            archive.writestr(f"{name}.png", picture.getvalue())
    return Paks([path])


SIDES = {"rt": (200, 0, 0), "lf": (0, 200, 0), "bk": (0, 0, 200), "ft": (200, 200, 0),
         "up": (0, 200, 200), "dn": (200, 0, 200)}  # fmt: skip


def test_a_painted_sky_hangs_where_the_game_hangs_it(tmp_path) -> None:
    """The game's right is +X, its back is +Y, which is Unreal's -Y."""
    paks = _pak(tmp_path / "sky.pk3", {f"env/box_{side}": SIDES[side] for side in SIDES})
    shaders = parse_shaders("s { surfaceparm sky \n skyparms env/box - - }")
    sky = sky_of(paks, shaders["s"])
    assert sky.painted is not None and sky.painted.shape[1:] == (SIDE_PIXELS, SIDE_PIXELS, 3)
    rays = cube_rays(SIDE_PIXELS)
    for side, direction in (
        ("rt", [1, 0, 0]), ("lf", [-1, 0, 0]), ("bk", [0, -1, 0]), ("ft", [0, 1, 0]),
        ("up", [0, 0, 1]), ("dn", [0, 0, -1]),
    ):  # fmt: skip
        nearest = np.unravel_index((rays @ np.array(direction)).argmax(), rays.shape[:3])
        assert tuple(sky.painted[nearest]) == SIDES[side]


def test_clouds_are_blended_over_one_another(tmp_path) -> None:
    paks = _pak(tmp_path / "sky.pk3", {"a": (100, 50, 0), "b": (30, 60, 90), "c": (128, 255, 0)})
    script = "s { surfaceparm sky \n skyparms - 512 - \n { map a } { map b \n blendfunc add } "
    script += "{ map c \n blendfunc filter \n tcmod scale 3 2 } }"
    shader = parse_shaders(script)["s"]
    assert shader.cloud_height == 512 and shader.stages[2].scale == (3, 2)
    sky = sky_of(paks, shader)
    assert sky.painted is not None
    assert np.abs(sky.painted[4].astype(int) - [65, 110, 0]).max() <= 1


def test_another_image_stands_for_a_missing_one(tmp_path) -> None:
    paks = _pak(tmp_path / "walls.pk3", {"textures/a/trak_wall4": (200, 0, 0)})
    pictures = [Picture(image="textures/b/trak_wall4a"), Picture(image="textures/b/qqqq")]
    textures, _, missing = texture_array(paks, pictures, 16)
    assert missing == 2 and (textures[0, ..., :3] == (200, 0, 0)).all()
    assert len(np.unique(textures[1, ..., 0])) == 2  # grey tiles


@needs_levels
def test_there_are_as_many_levels_as_the_package_has() -> None:
    assert len(MAPS) >= 50
    assert len(set(MAPS)) == len(MAPS) and set(openarena.FEATURED) <= set(MAPS)


@needs_levels
def test_all_levels_parse_and_tessellate() -> None:
    paks = Paks(openarena._pak_paths())
    for name in MAPS:
        bsp = parse_bsp(paks.read(f"maps/{name}.bsp") or b"", name)
        wanted = np.ones(len(bsp.faces), bool)
        surfaces = build_surfaces(bsp, wanted, np.zeros((len(bsp.faces), 3), np.float32))
        assert len(surfaces.triangles) > 500 and surfaces.triangles.max() < len(surfaces.position)
        assert np.allclose(np.linalg.norm(surfaces.normal, axis=1), 1, atol=1e-4), name


def _build_bare(name: str, paks: Paks, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A level without its images, which take most of the time."""
    monkeypatch.setattr(Paks, "image", lambda self, name: None)
    monkeypatch.setattr(openarena, "_TEXTURE_SIZES", (16,))
    return openarena.build_scene(name, parse_bsp(paks.read(f"maps/{name}.bsp") or b"", name), paks)


@needs_levels
@pytest.mark.parametrize("name", MAPS[::8])
def test_levels_keep_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _check_contract(_build_bare(name, Paks(openarena._pak_paths()), monkeypatch))


@needs_levels
@pytest.mark.slow
@pytest.mark.parametrize("name", MAPS)
def test_all_levels_keep_the_contract(name: str) -> None:
    _check_contract(openarena.load_map(name))


@needs_levels
def test_eyes_are_at_eye_height(monkeypatch: pytest.MonkeyPatch) -> None:
    trimesh = pytest.importorskip("trimesh")
    embree = pytest.importorskip("trimesh.ray.ray_pyembree")
    scene = _build_bare("aggressor", Paks(openarena._pak_paths()), monkeypatch)
    geometry = scene.geometry
    mesh = trimesh.Trimesh(
        geometry.position_cm, geometry.triangles[geometry.collides], process=False
    )
    down = np.tile([0.0, 0.0, -1.0], (len(scene.spawns), 1))
    places, ray, _ = embree.RayMeshIntersector(mesh).intersects_location(
        scene.spawns[:, :3], down, multiple_hits=False
    )
    height = scene.spawns[ray, 2] - places[:, 2]
    assert len(ray) == len(scene.spawns) and np.allclose(height, 150, atol=0.5)


@needs_levels
def test_a_whole_level_has_its_textures_and_light() -> None:
    scene = openarena.load_map("aggressor")
    _check_contract(scene)
    assert scene.indoor and "wood" in scene.caption
    assert scene.lightmaps is not None and 20 < scene.lightmaps.mean() < 200
    assert all(layer[..., :3].std() > 1 for layer in scene.textures)
