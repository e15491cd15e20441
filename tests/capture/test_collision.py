"""Collision queries against brute force over every triangle, and against rooms known exactly."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.engine.collision import BOUNDARY, CONTACT_TOLERANCE_CM, Collision, Hit
from capture.engine.scene import Geometry, Scene

FAR_CM = 10_000.0


def joined(meshes: dict[str, trimesh.Trimesh]) -> trimesh.Trimesh:
    whole = trimesh.util.concatenate(list(meshes.values()))
    assert isinstance(whole, trimesh.Trimesh)
    return whole


def scene_of(
    meshes: dict[str, trimesh.Trimesh],
    roam_cm: float | np.ndarray = FAR_CM,
    spawns: list[list[float]] | None = None,
    ghosts: tuple[str, ...] = (),
) -> Scene:
    """A scene of named meshes (cm); `roam_cm` is half of a cube, or the box itself; `ghosts` do
    not collide."""
    whole = joined(meshes)
    count, counts = len(whole.vertices), [len(mesh.faces) for mesh in meshes.values()]
    solid = [name not in ghosts for name in meshes]
    box = np.array([[-1.0] * 3, [1.0] * 3]) * roam_cm if np.ndim(roam_cm) == 0 else roam_cm
    geometry = Geometry(
        position_cm=np.asarray(whole.vertices, np.float32),
        normal=np.zeros((count, 3), np.float32),
        uv=np.zeros((count, 2), np.float32),
        layer=np.zeros(count, np.int32),
        irradiance=np.ones((count, 3), np.float32),
        emission=np.zeros(count, np.float32),
        lightmap_uvl=np.full((count, 3), -1, np.float32),
        triangles=np.asarray(whole.faces, np.int32),
        object_id=np.repeat(np.arange(len(meshes)) + 1, counts).astype(np.int32),
        drawn=np.ones(sum(counts), bool),
        collides=np.repeat(solid, counts),
    )
    return Scene(
        name="test:0",
        asset="test",
        licence="Apache-2.0",
        caption="",
        indoor=True,
        geometry=geometry,
        textures=np.zeros((1, 1, 1, 4), np.uint8),
        lightmaps=None,
        objects=tuple(meshes),
        sun=None,
        spawns=np.array(spawns or np.zeros((0, 4)), np.float64).reshape(-1, 4),
        roam_cm=np.asarray(box, np.float64),
    )


def box(extents: tuple[float, float, float], centre: tuple[float, float, float]) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(extents)
    mesh.apply_translation(centre)
    return mesh


def random_triangles(count: int, seed: int) -> trimesh.Trimesh:
    random = np.random.default_rng(seed)
    centres = random.uniform(-100, 100, (count, 1, 3))
    corners = (centres + random.normal(scale=30.0, size=(count, 3, 3))).astype(np.float32)
    return trimesh.Trimesh(
        corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), process=False
    )


def brute_force_cm(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """Distance of every point (N,) to the nearest of all triangles."""
    triangles = np.asarray(mesh.triangles)
    nearest = [
        np.linalg.norm(
            trimesh.triangles.closest_point(triangles, np.tile(point, (len(triangles), 1))) - point,
            axis=1,
        ).min()
        for point in points
    ]
    return np.array(nearest)


SOUP = {
    "triangles": random_triangles(60, 0),
    "ball": trimesh.creation.icosphere(subdivisions=2, radius=50.0),
    "box": box((80.0, 40.0, 20.0), (10.0, -20.0, 5.0)),
}


@pytest.mark.parametrize("name", SOUP)
def test_nearest_is_the_nearest_of_all_triangles(name: str):
    mesh = SOUP[name]
    points = np.random.default_rng(1).uniform(-120, 120, (150, 3))
    distance, closest, triangle = Collision(scene_of({name: mesh})).nearest(points)
    assert distance == pytest.approx(brute_force_cm(mesh, points), abs=1e-3)
    assert np.linalg.norm(points - closest, axis=1) == pytest.approx(distance, abs=1e-9)
    on_it = trimesh.triangles.closest_point(np.asarray(mesh.triangles)[triangle], closest)
    assert np.abs(on_it - closest).max() < 1e-3


def test_nearest_knows_the_walls_of_the_roam_box():
    collision = Collision(scene_of({"box": box((10, 10, 10), (0, 0, 0))}, roam_cm=100.0))
    points = np.array([[90.0, 0, 0], [0, -97, 20], [0, 0, 40], [120.0, 0, 0], [7.0, 0, 0]])
    distance, closest, triangle = collision.nearest(points)
    assert distance == pytest.approx([10, 3, 35, 0, 2])
    assert (triangle[[0, 1, 3]] == -1).all() and (triangle[[2, 4]] >= 0).all()
    assert closest[:2] == pytest.approx(np.array([[100.0, 0, 0], [0, -100, 20]]))


def test_what_only_is_drawn_does_not_collide():
    meshes = {"leaf": box((10, 10, 10), (0, 0, 0)), "wall": box((2, 200, 200), (50, 0, 0))}
    collision = Collision(scene_of(meshes, ghosts=("leaf",)))
    hit = collision.sweep(np.array([-50.0, 0, 0]), np.array([100.0, 0, 0]), 5.0)
    assert hit is not None and hit.object == "wall"


def first_contact(mesh: trimesh.Trimesh, start: np.ndarray, end: np.ndarray, radius: float):
    """Clearances (N,) at N fractions of the way."""
    fractions = np.linspace(0.0, 1.0, 200)
    return fractions, brute_force_cm(mesh, start + fractions[:, None] * (end - start)) - radius


@pytest.mark.parametrize("name", SOUP)
def test_sweeps_agree_with_dense_sampling(name: str):
    mesh, collision = SOUP[name], Collision(scene_of({name: SOUP[name]}))
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(16):
        start, end = random.uniform(-120, 120, (2, 3))
        radius = random.uniform(1.0, 12.0)
        fractions, clearance = first_contact(mesh, start, end, radius)
        hit = collision.sweep(start, end, radius)
        until = fractions <= (hit.fraction if hit else 1.0) - 1e-9
        assert (clearance[until] > 0.0).all()  # whatever is called clear is clear
        if hit is None:
            continue
        hits += 1
        where = start + hit.fraction * (end - start)
        left = brute_force_cm(mesh, where[None])[0] - radius
        assert left <= CONTACT_TOLERANCE_CM + 1e-3  # it stops only where there is something
        assert hit.fraction == 0.0 or left > -1e-3
        assert np.linalg.norm(hit.normal) == pytest.approx(1.0)
        assert hit.object == name
    assert 3 <= hits < 16


def sweep_at(
    collision: Collision, start: list[float], end: list[float], radius: float
) -> Hit | None:
    return collision.sweep(np.array(start), np.array(end), radius)


def test_nothing_passes_through_a_thin_triangle():
    corners = np.array([[0.0, -50, -50], [0, 50, -50], [0, 0, 80]], np.float32)
    collision = Collision(scene_of({"blade": trimesh.Trimesh(corners, [[0, 1, 2]], process=False)}))
    random = np.random.default_rng(4)
    for radius in (0.1, 1.0, 20.0):
        for _ in range(20):
            y, z = random.uniform(-10, 10, 2)
            start, end = np.array([-500.0, y, z]), np.array([3000.0, -y, -z])
            hit = collision.sweep(start, end, radius)
            assert hit is not None and hit.object == "blade"
            x = start[0] + hit.fraction * 3500.0
            assert x == pytest.approx(-radius, abs=2 * CONTACT_TOLERANCE_CM) and x <= -radius + 1e-6
            assert hit.normal == pytest.approx([-1, 0, 0], abs=1e-2)


def test_a_sphere_that_slides_along_a_wall_is_free_and_one_that_touches_is_not():
    collision = Collision(scene_of({"floor": box((1000, 1000, 2), (0, 0, -1))}))
    for height, free in ((10.2, True), (10.0, False), (9.0, False)):
        hit = sweep_at(collision, [-300, 0, height], [300, 0, height], 10.0)
        assert (hit is None) is free
    hit = sweep_at(collision, [-300, 0, 60], [300, 0, 5], 10.0)
    assert hit is not None
    assert hit.fraction == pytest.approx(50 / 55, abs=2e-3)
    assert hit.normal == pytest.approx([0, 0, 1], abs=1e-6)


def test_starting_in_contact_hits_at_once_even_without_moving():
    collision = Collision(scene_of({"box": box((20, 20, 20), (0, 0, 0))}))
    for start in ([0.0, 0, 7], [0.0, 0, 10], [0.0, 0, 13]):
        for end in (start, [500.0, 0, 0]):
            hit = sweep_at(collision, start, end, 4.0)
            assert hit is not None and hit.fraction == 0.0
            assert np.isfinite(hit.normal).all() and np.linalg.norm(hit.normal) == pytest.approx(1)
    assert sweep_at(collision, [0, 0, 15], [0, 0, 15], 4.0) is None


def test_sweeps_end_at_the_roam_box():
    collision = Collision(scene_of({"box": box((10, 10, 10), (0, 0, 0))}, roam_cm=100.0))
    hit = sweep_at(collision, [50, 50, 50], [250, 50, 50], 20.0)
    assert hit is not None and hit.object == BOUNDARY
    assert hit.fraction == pytest.approx(30 / 200, abs=1e-3)
    assert hit.normal == pytest.approx([-1, 0, 0])


def room(centre_x: float) -> trimesh.Trimesh:
    """A sealed room of 300 x 300 x 250 cm."""
    return box((300, 300, 250), (centre_x, 0, 125))


ROAM = np.array([[-400.0, -200, -50], [400, 200, 300]])
TWO_ROOMS = {"west": room(-200.0), "east": room(200.0)}


@pytest.mark.parametrize("side", [-1, 1])
def test_free_points_lie_with_clearance_in_the_room_of_the_spawns(side: int):
    spawns = [[side * 200.0, 0, 160, 0], [side * 250.0, 50, 160, 0], [-side * 200.0, 0, 160, 0]]
    scene = scene_of(TWO_ROOMS, roam_cm=ROAM, spawns=spawns)
    points = Collision(scene).free_points(300, 30.0, seed=5)
    assert points.shape == (300, 3)
    assert brute_force_cm(joined(TWO_ROOMS), points).min() >= 30.0 - 1e-6
    low, high = room(side * 200.0).bounds
    assert ((points > low) & (points < high)).all()
    assert (np.ptp(points, axis=0) > 0.6 * (high - low - 60.0)).all()  # from all over the room
    assert np.array_equal(points, Collision(scene).free_points(300, 30.0, seed=5))
    assert not np.array_equal(points, Collision(scene).free_points(300, 30.0, seed=6))


def test_free_points_go_through_a_door_only_if_they_fit():
    wall = {
        "left": box((10, 260, 500), (0, -170, 0)),  # leaves a gap of 80 cm, y from -40 to 40
        "right": box((10, 260, 500), (0, 170, 0)),
    }
    roam = np.array([[-200.0, -200, 0], [200, 200, 200]])
    collision = Collision(scene_of(wall, roam_cm=roam, spawns=[[100.0, 0, 100, 0]]))
    through = collision.free_points(300, 20.0, seed=0)
    assert (through[:, 0] < -30).any() and (through[:, 0] > 30).any()
    kept = collision.free_points(300, 45.0, seed=0)
    assert len(kept) == 300 and (kept[:, 0] > 0).all()


def test_free_points_of_a_scene_without_room():
    scene = scene_of({"room": room(0.0)}, roam_cm=np.array([[-20.0, -20, 0], [20, 20, 40]]))
    assert Collision(scene).free_points(10, 60.0, seed=0).shape == (0, 3)


# A closed cupboard with more room inside than there is about the only spawn, 30 cm before it.
CUPBOARD = {
    "hall": box((600, 600, 300), (0, 0, 150)),
    "cupboard": box((220, 220, 240), (0, 0, 120)),
}
HALL = np.array([[-300.0, -300, 0], [300, 300, 300]])


@pytest.mark.parametrize("spawn", [[-140.0, 0, 100, 0], [-112.0, 10, 120, 0], [0, 0, 270, 0]])
def test_no_tour_starts_inside_closed_furniture(spawn: list[float]):
    collision = Collision(scene_of(CUPBOARD, roam_cm=HALL, spawns=[spawn]))
    for radius in (15.0, 40.0):
        points = collision.free_points(400, radius, seed=2)
        inside = (np.abs(points - [0, 0, 120]) < [110, 110, 120]).all(1)
        assert len(points) == 400 and not inside.any()
        assert brute_force_cm(joined(CUPBOARD), points[:100]).min() >= radius - 1e-6


def test_free_points_are_reachable_from_one_another():
    """In a maze of one way, each two points are joined by a chain of free sweeps."""
    walls = {
        f"wall_{i}": box((10, 500, 300), (-150 + 100 * i, 50 * (-1) ** i, 150)) for i in range(4)
    }
    roam = np.array([[-250.0, -300, 0], [250, 300, 300]])
    collision = Collision(scene_of(walls, roam_cm=roam, spawns=[[-200.0, 0, 150, 0]]))
    radius = 20.0
    points = collision.free_points(400, radius, seed=4)
    assert (np.ptp(points, axis=0) > [400, 400, 150]).all()
    linked = np.zeros(len(points), bool)
    linked[0], fresh = True, [0]
    while fresh:
        here = fresh.pop()
        gap = np.linalg.norm(points - points[here], axis=1)
        for other in np.argsort(gap)[1:150]:
            if not linked[other] and collision.sweep(points[here], points[other], radius) is None:
                linked[other] = True
                fresh.append(int(other))
    assert linked.all()


def random_soup(seed: int) -> trimesh.Trimesh:
    """Triangles of all sizes, slivers and thin ones among them."""
    random = np.random.default_rng(seed)
    corners = random.uniform(-100, 100, (25, 1, 3)) + random.normal(
        scale=random.choice([2.0, 20.0, 80.0], (25, 1, 1)), size=(25, 3, 3)
    )
    corners[::5, 2] = corners[::5, 0] + (corners[::5, 1] - corners[::5, 0]) * 0.5 + 0.01
    return trimesh.Trimesh(
        corners.astype(np.float32).reshape(-1, 3), np.arange(75).reshape(-1, 3), process=False
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    start=st.tuples(*[st.floats(-150, 150)] * 3),
    end=st.tuples(*[st.floats(-150, 150)] * 3),
    radius=st.floats(0.0, 25.0),
)
def test_queries_agree_with_brute_force_whatever_the_triangles(seed, start, end, radius):
    mesh = random_soup(seed)
    collision = Collision(scene_of({"soup": mesh}))
    first, last = np.array(start), np.array(end)
    assert collision.nearest(first[None])[0] == pytest.approx(
        brute_force_cm(mesh, first[None]), abs=1e-3
    )
    hit = collision.sweep(first, last, radius)
    fraction = hit.fraction if hit else 1.0
    way = first + np.linspace(0.0, 1.0, 60)[:, None] * fraction * (last - first)
    clearance = brute_force_cm(mesh, way) - radius
    if fraction > 0:
        assert clearance.min() > -1e-3
    if hit:
        assert clearance[-1] <= CONTACT_TOLERANCE_CM + 1e-3
        assert np.linalg.norm(hit.normal) == pytest.approx(1.0)
