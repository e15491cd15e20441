import dataclasses
import functools

import igl
import numpy as np
import pytest

from capture.engine.collision import Collision
from capture.engine.generate import ARCHETYPES, generate
from capture.engine.generate.kit.rays import RayTracer

BUDGET = {"home": (50_000, 150_000), "station": (35_000, 250_000)}  # triangles
# Open country has a file of tests of its own.
COUNTRY = {"coast", "desert", "forest", "harbour", "mountains", "park", "village"}
CLEARANCE_CM = {True: 25.0, False: 40.0}  # indoors, outdoors


@functools.cache
def cached(name, seed=1):
    return generate(name, seed)


QUICK = {"home", "square", "station"}


def kinds():
    """Every kind but open country; those that take longer are for `make test-slow`."""
    return [
        kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow)
        for kind in sorted(set(ARCHETYPES) - COUNTRY)
    ]


@pytest.fixture(params=kinds())
def scene(request):
    return cached(request.param)


def arrays(scene):
    geometry = [getattr(scene.geometry, f.name) for f in dataclasses.fields(scene.geometry)]
    arrays = [*geometry, scene.textures, scene.spawns, scene.roam_cm]
    return [array for array in arrays if array is not None]


def area_cm2(geometry):
    a, b, c = geometry.position_cm[geometry.triangles].transpose(1, 0, 2).astype(float)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def test_same_seed_same_bytes():
    first, second, other = cached("station"), generate("station", 1), cached("station", 2)
    pairs = zip(arrays(first), arrays(second), strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in pairs)
    assert first.objects == second.objects and first.caption == second.caption
    assert first.geometry.position_cm.tobytes() != other.geometry.position_cm.tobytes()


def test_arrays_follow_the_contract(scene):
    g, count = scene.geometry, len(scene.geometry.position_cm)
    floats = [(g.position_cm, 3), (g.normal, 3), (g.uv, 2), (g.irradiance, 3), (g.lightmap_uvl, 3)]
    for array, width in floats:
        assert array.shape == (count, width) and array.dtype == np.float32
        assert np.isfinite(array).all()
    assert g.layer.dtype == g.triangles.dtype == g.object_id.dtype == np.int32
    assert g.drawn.dtype == g.collides.dtype == bool
    assert len(g.triangles) == len(g.object_id) == len(g.drawn) == len(g.collides)
    assert g.triangles.min() == 0 and g.triangles.max() < count
    assert g.layer.min() == 0 and g.layer.max() < len(scene.textures)
    if scene.indoor:
        assert len(np.unique(g.layer)) == len(scene.textures)
    assert (g.layer[g.triangles] == g.layer[g.triangles[:, :1]]).all()
    assert scene.textures.dtype == np.uint8 and scene.textures.shape[1:] == (512, 512, 4)


def test_normals_are_unit_and_match_their_triangles(scene):
    g = scene.geometry
    assert np.allclose(np.linalg.norm(g.normal, axis=1), 1, atol=1e-3)
    a, b, c = g.position_cm[g.triangles].transpose(1, 0, 2)
    facing = np.einsum("fi,fi->f", np.cross(b - a, c - a), g.normal[g.triangles].mean(1))
    solid = g.collides & (area_cm2(g) > 1)
    assert (facing[solid] > 0).mean() > 0.98


def test_objects_are_named_once_and_all_in_range(scene):
    assert len(set(scene.objects)) == len(scene.objects)
    assert not any(" " in name for name in scene.objects)
    assert scene.geometry.object_id.min() >= 1
    assert scene.geometry.object_id.max() <= len(scene.objects)


def test_size(scene):
    low, high = BUDGET.get(scene.name.split(":")[0], (35_000, 250_000))
    assert low <= len(scene.geometry.triangles) <= high


def test_light_is_sensible(scene):
    light = scene.geometry.irradiance
    assert light.min() > 0
    assert 0.05 < np.median(light) < 1.5
    assert np.percentile(light, 99) < 6


def test_textures_have_a_real_scale(scene):
    """A repeat of a texture is between 20 cm and 6 m, where it repeats on solid things at all."""
    g = scene.geometry
    a, b, c = g.uv[g.triangles].transpose(1, 0, 2).astype(float)
    u, v = b - a, c - a
    texels = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    repeating = (texels > 1e-3) & g.collides & (np.ptp(g.uv[g.triangles], 1).max(1) > 0.6)
    size_cm = np.sqrt(area_cm2(g)[repeating] / texels[repeating])
    assert np.percentile(size_cm, 2) > 20 and np.percentile(size_cm, 98) < 600


def test_spawns_are_free_and_inside(scene):
    assert len(scene.spawns) >= 6
    assert (scene.spawns[:, :3] > scene.roam_cm[0]).all()
    assert (scene.spawns[:, :3] < scene.roam_cm[1]).all()
    g = scene.geometry
    vertices, faces = g.position_cm.astype(float), g.triangles[g.collides].astype(np.int64)
    tree = igl.AABB()
    tree.init(vertices, faces)
    squared = tree.squared_distance(vertices, faces, np.ascontiguousarray(scene.spawns[:, :3]))[0]
    assert np.sqrt(squared).min() >= CLEARANCE_CM[scene.indoor]


def test_windows_and_walls_keep_the_camera_in(scene):
    """From a room no ray gets far without meeting something that collides."""
    if not scene.indoor:
        pytest.skip("under the sky")
    g = scene.geometry
    tracer = RayTracer(g.position_cm[g.triangles[g.collides]])
    directions = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    allowed = 1700 if scene.name.startswith("station") else 100  # tunnels reach beyond
    for spawn in scene.spawns:
        origins = np.tile(spawn[:3].astype(np.float32), (len(directions), 1))
        distance = tracer.distance(origins, directions)
        reached = origins + directions * distance[:, None]
        beyond = np.maximum(scene.roam_cm[0] - reached, reached - scene.roam_cm[1])[:, :2]
        assert beyond.max() < allowed


def test_a_camera_can_fly_through_most_of_the_place(scene):
    """From one connected free space an operator can dolly, truck and rise."""
    if not scene.indoor:
        pytest.skip("under the sky")
    points = Collision(scene).free_points(400, 25.0, 0)
    assert len(points) == 400
    extent = np.ptp(points, 0) / (scene.roam_cm[1] - scene.roam_cm[0])
    assert (extent[:2] > 0.8).all() and np.ptp(points[:, 2]) > 100


def test_captions_tell_what_is_there_and_nothing_else(scene):
    words = set(scene.caption.lower().replace(",", " ").replace(".", " ").split())
    assert scene.caption.endswith(".") and scene.caption[0].isupper()
    assert scene.caption.count(".") == 1
    assert not words & {"camera", "view", "moves", "moving", "walking", "flying", "pans", "shot"}
