"""glTF scenes made with trimesh: places, colours, names, light and start points, and bad files."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.exchange.gltf import export_glb
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.material import PBRMaterial

from capture.engine.collision import Collision
from capture.engine.gltf import load_gltf
from capture.engine.scene import Scene
from capture.engine.scenes import load_scene
from capture.engine.tessellate import tessellate
from dataset.errors import OpenRelicError

QUAD = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
FACES = [[0, 1, 2], [0, 2, 3]]


def painted(mesh: trimesh.Trimesh, uv: np.ndarray | None = None, **material) -> trimesh.Trimesh:
    mesh.visual = TextureVisuals(uv=uv, material=PBRMaterial(**material))
    return mesh


def quad(**material) -> trimesh.Trimesh:
    """A square metre in glTF's X and Y, whose picture stands upright."""
    uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    return painted(trimesh.Trimesh(QUAD, FACES, process=False), uv, **material)


def moved(x: float, y: float, z: float) -> np.ndarray:
    return trimesh.transformations.translation_matrix([x, y, z])


def write(path: Path, parts: dict[str, tuple[trimesh.Trimesh, np.ndarray]], **asset) -> Path:
    """A .glb of named nodes; `asset` is added to the file's own."""
    scene = trimesh.Scene()
    for name, (mesh, transform) in parts.items():
        scene.add_geometry(mesh, node_name=name, transform=transform)

    def describe(tree: dict) -> None:
        tree["asset"].update(asset)

    path.write_bytes(export_glb(scene, tree_postprocessor=describe))
    return path


GROUND = painted(trimesh.creation.box((12.0, 0.2, 12.0)), baseColorFactor=[150, 150, 150, 255])


def of_object(scene: Scene, name: str) -> np.ndarray:
    """Corners (F,3,3) of an object's triangles in cm."""
    geometry = scene.geometry
    return geometry.position_cm[
        geometry.triangles[geometry.object_id == scene.objects.index(name) + 1]
    ]


def test_axes_units_and_transforms(tmp_path: Path):
    """Forward is +Z, left is +X, up is +Y; Unreal's Y is to the right, in cm."""
    turn = trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0])  # +Z goes to +X
    squash = np.diag([2.0, 0.5, -3.0, 1.0])  # mirrored, too
    ball = trimesh.creation.icosphere(radius=1.0, subdivisions=4)
    assert ball.vertex_normals is not None  # once asked for, they are written to the file
    parts = {
        "ground": (GROUND, moved(0, -0.1, 0)),
        "forward": (trimesh.creation.box((0.2, 0.2, 0.2)), moved(0, 1, 4)),
        "left": (trimesh.creation.box((0.2, 0.2, 0.2)), moved(3, 1, 0)),
        "up": (trimesh.creation.box((0.2, 0.2, 0.2)), moved(0, 2, 0)),
        "turned": (trimesh.creation.box((0.2, 0.2, 1.0)), moved(1, 1, 1) @ turn),
        "squashed": (ball, moved(-4, 2, -4) @ squash),
    }
    scene = load_scene(f"scene:{write(tmp_path / 'axes.glb', parts)}")
    assert set(scene.objects) == set(parts)
    middle = {name: of_object(scene, name).reshape(-1, 3) for name in parts}
    centre = {name: (p.min(0) + p.max(0)) / 2 for name, p in middle.items()}
    assert centre["forward"] == pytest.approx([400, 0, 100], abs=1e-3)
    assert centre["left"] == pytest.approx([0, -300, 100], abs=1e-3)
    assert centre["up"] == pytest.approx([0, 0, 200], abs=1e-3)
    assert np.ptp(middle["turned"], axis=0) == pytest.approx([20, 100, 20], abs=1e-3)
    assert np.ptp(middle["squashed"], axis=0) == pytest.approx([600, 400, 100], rel=0.01)
    # Normals point out of the squashed and mirrored ball, as the gradient of its ellipsoid does.
    chosen = scene.geometry.triangles[
        scene.geometry.object_id == scene.objects.index("squashed") + 1
    ].ravel()
    out = (scene.geometry.position_cm[chosen] - centre["squashed"]) / np.array([300, 200, 50]) ** 2
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    assert ((out * scene.geometry.normal[chosen]).sum(1) > 0.97).all()


def pixel_colours(path: Path, location, rotation, columns_rows, parts, **asset) -> list[np.ndarray]:
    """Linear colours of some pixels of a view, divided by that of the white one among them."""
    renderer_module = pytest.importorskip("capture.engine.renderer")
    scene = load_gltf(write(path, parts, **asset))
    renderer = renderer_module.Renderer(scene)
    lit = renderer.render(location, rotation, 60, (320, 240), ["lit_bgra"])["lit_bgra"]
    renderer.release()
    return [lit[row, column, 2::-1].astype(float) for column, row in columns_rows]


def test_pictures_stand_upright_and_colours_multiply(tmp_path: Path):
    """Seen from in front (+Z), glTF's +X is to the right of a picture that faces +Z."""
    image = np.full((64, 64, 3), 255, np.uint8)
    image[:32, :32] = (255, 40, 40)  # top left of the picture
    image[32:, 32:] = (40, 40, 255)
    plain = Image.fromarray(image)
    red = quad(baseColorFactor=[255, 30, 30, 255])
    coloured = trimesh.Trimesh(QUAD, FACES, process=False)
    greens = np.tile([30, 255, 30, 255], (4, 1)).astype(np.uint8)
    coloured.visual = ColorVisuals(coloured, vertex_colors=greens)
    parts = {
        "ground": (GROUND, moved(0, -1.1, 0)),
        "picture": (quad(baseColorTexture=plain, roughnessFactor=1.0), moved(-0.5, 1, 0)),
        "red": (red, moved(-1.6, 1, 0)),
        "green": (coloured, moved(0.6, 1, 0)),
    }
    # The camera stands at +Z and looks to -Z: Unreal's yaw 180, left of the image is glTF's -X.
    where = ((136, 96), (184, 144), (70, 120), (250, 120))
    top_left, bottom_right, red_at, green_at = pixel_colours(
        tmp_path / "picture.glb", (300, 0, 150), (0, 180, 0), where, parts
    )
    assert top_left[0] > 1.5 * top_left[2] and bottom_right[2] > 1.5 * bottom_right[0]
    assert red_at[0] > 2 * red_at[1] and green_at[1] > 2 * green_at[0]


def test_alpha_emission_and_gloss(tmp_path: Path):
    half = np.full((32, 32, 4), 255, np.uint8)
    half[:, :16, 3] = 60
    cut = Image.fromarray(half)
    parts = {
        "ground": (GROUND, moved(0, -0.1, 0)),
        "mask": (quad(baseColorTexture=cut, alphaMode="MASK", alphaCutoff=0.5), moved(0, 1, 0)),
        "low": (quad(baseColorTexture=cut, alphaMode="MASK", alphaCutoff=0.1), moved(2, 1, 0)),
        "opaque": (quad(baseColorTexture=cut), moved(-2, 1, 0)),
        "pane": (quad(baseColorFactor=[200, 220, 255, 60], alphaMode="BLEND"), moved(0, 1, 2)),
        "lamp": (
            quad(baseColorFactor=[0, 0, 0, 255], emissiveFactor=[1.0, 0.5, 0]),
            moved(0, 1, 3),
        ),
        "metal": (quad(metallicFactor=1.0, roughnessFactor=0.1), moved(0, 1, 4)),
    }
    scene = load_gltf(write(tmp_path / "alpha.glb", parts))
    geometry = scene.geometry

    def first(name: str, values: np.ndarray) -> np.ndarray:
        chosen = geometry.object_id == scene.objects.index(name) + 1
        return (
            values[geometry.triangles[chosen][0, 0]]
            if len(values) != len(chosen)
            else values[chosen][0]
        )

    def holes(name: str) -> float:
        return float((scene.textures[first(name, geometry.layer)][..., 3] < 128).mean())

    assert holes("mask") == pytest.approx(0.5, abs=0.1)
    assert holes("low") == holes("opaque") == 0.0
    assert not first("pane", geometry.drawn) and first("pane", geometry.collides)
    assert first("lamp", geometry.emission) == 1.0 and first("mask", geometry.emission) == 0.0
    assert geometry.tint is not None
    assert first("lamp", geometry.tint) == pytest.approx([1.0, 0.5, 0.0], abs=0.01)
    assert scene.gloss is not None and scene.gloss[first("metal", geometry.layer)] > 0.6


def test_start_points_have_room_and_are_in_no_solid(tmp_path: Path):
    """A closed cupboard of 2 m has room inside, and nobody starts there."""
    parts = {
        "ground": (GROUND, moved(0, -0.1, 0)),
        "cupboard": (trimesh.creation.box((3.0, 3.0, 3.0)), moved(2, 1.5, 2)),
    }
    scene = load_gltf(write(tmp_path / "cupboard.glb", parts))
    inside = (np.abs(scene.spawns[:, :3] - [200, -200, 150]) < 150).all(1)
    assert len(scene.spawns) >= 6 and not inside.any() and not scene.indoor
    collision = Collision(scene)
    assert collision.nearest(scene.spawns[:, :3])[0].min() >= 34.9
    free = collision.free_points(300, 30.0, seed=1)
    assert len(free) == 300 and not (np.abs(free - [200, -200, 150]) < 150).all(1).any()


def test_a_closed_room_is_indoors(tmp_path: Path):
    room = trimesh.creation.box((6.0, 2.6, 5.0))
    room.invert()
    scene = load_gltf(write(tmp_path / "room.glb", {"room": (room, moved(0, 1.3, 0))}))
    assert scene.indoor and scene.objects == ("room",)
    low, high = np.array([-250, -300, 0]), np.array([250, 300, 260])
    assert ((scene.spawns[:, :3] > low) & (scene.spawns[:, :3] < high)).all()


def test_licence_caption_and_names_come_from_the_file(tmp_path: Path):
    extras = {"license": "CC-BY-4.0", "title": "The  old\nmill", "author": "A"}
    parts = {"a b/c": (GROUND, np.eye(4)), "a b c": (GROUND.copy(), moved(0, 3, 0))}
    scene = load_gltf(write(tmp_path / "mill.glb", parts, extras=extras))
    assert scene.licence == "CC-BY-4.0" and scene.caption == "A static scene: The old mill."
    assert len(set(scene.objects)) == 2 and all(" " not in name for name in scene.objects)
    assert scene.asset == "scene:mill"
    bare = load_gltf(write(tmp_path / "bare.glb", {"x": (GROUND, np.eye(4))}, copyright="(c) B"))
    assert bare.licence == "(c) B"


def bad_json(path: Path, tree: dict) -> Path:
    path.write_text(json.dumps(tree))
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "missing.glb", "cannot be read"),
        (lambda p: p / "scene.obj", r"\.glb or \.gltf"),
        (lambda p: (p / "x.glb", (p / "x.glb").write_bytes(b"no model"))[0], "GLB"),
        (lambda p: (p / "x.gltf", (p / "x.gltf").write_text("{"))[0], "cannot be read"),
        (
            lambda p: bad_json(p / "x.gltf", {"asset": {"version": "2.0"}}),
            "cannot be read|no triang",
        ),
        (
            lambda p: bad_json(
                p / "d.gltf",
                {"asset": {}, "extensionsRequired": ["KHR_draco_mesh_compression"]},
            ),
            "KHR_draco_mesh_compression",
        ),
        (
            lambda p: write(p / "tiny.glb", {"a": (trimesh.creation.box((1e-6,) * 3), np.eye(4))}),
            "in metres",
        ),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path: Path, make, says: str):
    with pytest.raises(OpenRelicError, match=says) as caught:
        load_gltf(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_an_error(tmp_path: Path):
    path = write(tmp_path / "whole.glb", {"ground": (GROUND, np.eye(4))})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OpenRelicError, match="cannot be read"):
        load_gltf(path)


def test_tessellation_keeps_surface_and_opens_no_cracks():
    mesh = trimesh.creation.cylinder(radius=100.0, height=700.0, sections=7)
    corners, source = tessellate(np.asarray(mesh.triangles), 60.0, 10**6)
    assert np.sqrt(((corners - np.roll(corners, -1, 1)) ** 2).sum(-1)).max() <= 60.0
    cut = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3))
    cut.merge_vertices()
    assert cut.is_watertight and cut.area == pytest.approx(mesh.area)
    assert cut.volume == pytest.approx(mesh.volume)
    assert set(source) == set(range(len(mesh.faces)))
    assert len(tessellate(np.asarray(mesh.triangles), 1.0, 5000)[0]) <= 5000
