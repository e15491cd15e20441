import dataclasses
import functools
import itertools

import igl
import numpy as np
import pytest

from capture.engine.collision import Collision
from capture.engine.generate import generate
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.noise import NoiseBank
from capture.engine.generate.kit.rays import RayTracer
from capture.engine.generate.kit.spawns import settle_spawns
from capture.engine.generate.outdoor import desertland, forests, mountains
from capture.engine.generate.outdoor.nature import grounds, trees
from capture.engine.generate.outdoor.nature.daylight import draw_daylight
from capture.engine.generate.outdoor.nature.fields import Fields
from capture.engine.generate.outdoor.nature.finish import Outdoors, finish_outdoors
from capture.engine.generate.outdoor.nature.foliage import Foliage
from capture.engine.generate.outdoor.nature.land import Land
from capture.engine.generate.outdoor.nature.rocks import rock
from capture.engine.generate.outdoor.nature.scatter import Ground
from capture.engine.renderer import Renderer

QUICK = ("desert", "harbour")
SLOW = ("coast", "forest", "mountains", "park", "village")
DOWN = np.array([0, 0, -1.0])


@functools.cache
def cached(name, seed=1):
    return generate(name, seed)


@pytest.fixture(params=[*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def scene(request):
    return cached(request.param)


def arrays(scene):
    geometry = [getattr(scene.geometry, f.name) for f in dataclasses.fields(scene.geometry)]
    arrays = [*geometry, scene.textures, scene.spawns, scene.roam_cm]
    return [array for array in arrays if array is not None]


def tracer_of(geometry, which):
    return RayTracer(geometry.position_cm[geometry.triangles[which]])


def test_same_seed_same_bytes_and_another_seed_another_place():
    first, again, other = cached("harbour"), generate("harbour", 1), generate("harbour", 2)
    pairs = zip(arrays(first), arrays(again), strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in pairs)
    assert first.objects == again.objects and first.caption == again.caption
    assert first.sun == again.sun and first.fog == again.fog
    assert first.sun != other.sun
    assert first.geometry.position_cm.tobytes() != other.geometry.position_cm.tobytes()


@pytest.mark.parametrize("traits", [forests.traits, mountains.traits, desertland.traits])
def test_listed_places_of_a_kind_differ_in_two_traits_at_least(traits):
    listed = [traits(seed) for seed in range(24)]
    for first, second in itertools.combinations(listed, 2):
        assert sum(a != b for a, b in zip(first, second, strict=True)) >= 2


def test_arrays_follow_the_contract(scene):
    g, count = scene.geometry, len(scene.geometry.position_cm)
    for array in (g.position_cm, g.normal, g.uv, g.irradiance, g.emission):
        assert array.dtype == np.float32 and len(array) == count and np.isfinite(array).all()
    assert g.layer.dtype == g.triangles.dtype == g.object_id.dtype == np.int32
    assert g.triangles.min() >= 0 and g.triangles.max() < count
    assert (g.layer[g.triangles] == g.layer[g.triangles[:, :1]]).all()
    assert g.layer.min() >= 0 and g.layer.max() < len(scene.textures)
    assert np.allclose(np.linalg.norm(g.normal, axis=1), 1, atol=1e-3)
    assert 60_000 <= len(g.triangles) <= 300_000
    assert scene.gloss is None or scene.gloss.shape == (len(scene.textures),)


def test_every_object_has_a_name_of_its_own_and_something_to_show(scene):
    assert len(set(scene.objects)) == len(scene.objects)
    assert set(np.unique(scene.geometry.object_id)) == set(range(1, len(scene.objects) + 1))


def test_light_is_sensible(scene):
    light = scene.geometry.irradiance[scene.geometry.triangles[scene.geometry.drawn]]
    assert light.min() > 0
    assert 0.05 < np.median(light) < 2.5 and np.percentile(light, 99) < 8


def test_spawns_are_free_and_a_person_s_height_above_the_ground(scene):
    g, places = scene.geometry, np.ascontiguousarray(scene.spawns[:, :3])
    assert len(places) == 8
    assert ((places > scene.roam_cm[0]) & (places < scene.roam_cm[1])).all()
    vertices, faces = g.position_cm.astype(float), g.triangles[g.collides].astype(np.int64)
    tree = igl.AABB()
    tree.init(vertices, faces)
    assert np.sqrt(tree.squared_distance(vertices, faces, places)[0]).min() >= 50
    above = tracer_of(g, g.collides).distance(places, np.tile(DOWN, (len(places), 1)))
    assert (above > 60).all() and (above < 400).all()
    assert 100 < np.median(above) < 230


def test_there_is_ground_under_all_of_the_roam_box(scene):
    low, high = scene.roam_cm
    x, y = np.meshgrid(np.linspace(low[0], high[0], 70), np.linspace(low[1], high[1], 70))
    origins = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, high[2] + 9000)])
    g = scene.geometry
    distance = tracer_of(g, g.collides).distance(origins, np.tile(DOWN, (len(origins), 1)))
    assert (origins[:, 2] - distance > low[2] - 1000).all()


def test_no_edge_of_the_world_is_seen(scene):
    """Whoever looks below the horizon sees land or water, near or far."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    pitch = np.repeat([-0.05, -0.12, -0.5], len(angle))
    flat = np.tile(np.column_stack([np.cos(angle), np.sin(angle)]), (3, 1))
    directions = np.column_stack([flat, pitch])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins = np.repeat(scene.spawns[:, :3], len(directions), 0)
    tracer = tracer_of(scene.geometry, scene.geometry.drawn)
    assert (tracer.first_hit(origins, np.tile(directions, (len(scene.spawns), 1))) >= 0).all()


def test_captions_tell_what_is_there_and_nothing_else(scene):
    words = set(scene.caption.lower().replace(",", " ").replace(".", " ").split())
    assert scene.caption.endswith(".") and scene.caption[0].isupper()
    assert scene.caption.count(".") == 1
    assert not words & {"camera", "view", "moves", "moving", "walking", "flying", "pans", "shot"}


def test_a_camera_finds_room_to_fly():
    scene = cached("desert")
    points = Collision(scene).free_points(60, 25.0, 3)
    assert len(points) == 60
    g = scene.geometry
    above = tracer_of(g, g.collides).distance(points, np.tile(DOWN, (60, 1)))
    assert above.max() > 300 and above.min() >= 25


# The kit


def rolling_land():
    fields = Fields(np.random.default_rng(0))
    height = lambda x, y: 300 * fields.fractal(x, y, 1500, 3)  # noqa: E731
    return Land(height, 3000, 30000, (60, 30)), height


def test_land_is_one_closed_sheet_that_rays_agree_with():
    land, _ = rolling_land()
    edges = np.sort(land.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, shared = np.unique(edges, axis=0, return_counts=True)
    border = 4 * (len(land.x) - 1)
    assert (shared == 1).sum() == border and (shared <= 2).all()
    assert land.upness().min() > 0
    places = np.random.default_rng(1).uniform(-2900, 2900, (500, 2))
    origins = np.column_stack([places, np.full(500, 1e4)])
    distance = RayTracer(land.corners).distance(origins, np.tile(DOWN, (500, 1)))
    assert np.abs(1e4 - distance - land.height(*places.T)).max() < 0.05


def test_land_is_finest_where_the_camera_is_and_reaches_out():
    land, _ = rolling_land()
    area = np.linalg.norm(
        np.cross(land.corners[:, 1] - land.corners[:, 0], land.corners[:, 2] - land.corners[:, 0]),
        axis=1,
    )
    far = np.abs(land.middles()[:, :2]).max(1)
    assert np.median(area[far < 3000]) * 20 < np.median(area[far > 20000])
    assert np.abs(land.x).max() == pytest.approx(30000, rel=1e-3)


def test_fields_are_smooth_and_told_apart_by_salt():
    fields = Fields(np.random.default_rng(2))
    x, y = np.random.default_rng(3).uniform(-1e5, 1e5, (2, 2000))
    value = fields.noise(x, y, 1000)
    assert np.abs(value).max() < 1.6 and value.std() > 0.2
    assert np.abs(fields.noise(x + 1, y, 1000) - value).max() < 0.02
    assert np.corrcoef(value, fields.noise(x, y, 1000, 5))[0, 1] < 0.2


def test_steps_of_a_blend_only_ever_add_to_the_second_texture():
    m, noise = Materials(), NoiseBank(np.random.default_rng(4))
    black, white = np.zeros((512, 512, 3), np.float32), np.ones((512, 512, 3), np.float32)
    steps = [m.textures()[s.layer][..., 0] for s in grounds.blend(m, noise, black, white, 5)]
    assert (steps[0] == 0).all() and (steps[-1] == 255).all()
    for share, (less, more) in zip(
        (0.25, 0.5, 0.75, 1), zip(steps, steps[1:], strict=False), strict=True
    ):
        assert (more >= less).all()
        assert more.mean() / 255 == pytest.approx(share, abs=0.05)


def test_tubes_and_rocks_face_outwards():
    b, plain = MeshBuilder(), Material(0)
    way = np.linspace(0, 1, 6)[:, None]
    for end in ([0, 0, 300.0], [300.0, 0, 10], [-80.0, 200, -60]):
        trees.tube(b, way * end, np.full(6, 20.0), plain)
    count = len(b.build().position_cm)
    with b.at(1000, 0):
        rock(b, np.random.default_rng(5), (60, 80, 50), [plain, plain], 0.4)
    mesh = b.build()
    for start, part in enumerate(np.split(np.arange(count), 3)):
        line = way * ([0, 0, 300.0], [300.0, 0, 10], [-80.0, 200, -60])[start]
        away = mesh.position_cm[part][:, None] - line
        nearest = away[np.arange(len(part)), np.linalg.norm(away, axis=2).argmin(1)]
        assert (np.einsum("vi,vi->v", nearest, mesh.normal[part]) > 0).all()
    a, c, d = mesh.position_cm[mesh.triangles].transpose(1, 0, 2)
    facing = np.einsum("fi,fi->f", np.cross(c - a, d - a), mesh.normal[mesh.triangles].mean(1))
    assert (facing > -1e-3).all()
    stone = mesh.position_cm[count:]
    assert ((stone - stone.mean(0)) * mesh.normal[count:]).sum(1).mean() > 20


def test_a_start_point_in_a_rock_is_moved_out_of_it():
    b, plain = MeshBuilder(), Material(0)
    b.quad((-2000, -2000, 0), (4000, 0, 0), (0, 4000, 0), plain, 200)
    with b.at(0, 0, 100):
        rock(b, np.random.default_rng(5), (190, 180, 170), [plain, plain], 0.2)
    wanted = np.array([[0.0, 0, 160, 0], [900, 900, 160, 0]])
    roam_cm = np.array([[-1500.0, -1500, 30], [1500, 1500, 600]])
    place = settle_spawns(b.build(), wanted, 50.0, 300.0, roam_cm)[:, :3]
    assert np.linalg.norm(place[0, :2]) > 140  # the rock is 105 wide there
    assert np.allclose(place[1], wanted[1, :3])


def test_scattered_places_keep_their_distance():
    ground = Ground(np.random.default_rng(6))
    ground.claim(0, 0, 500)
    places = ground.scatter(80, (300, 2000), 150, lambda x, y: (x > -1000) * 1.0, 40, claim=10)
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(len(places))
    assert len(places) > 40 and apart.min() >= 150
    assert np.linalg.norm(places, axis=1).min() > 540 and places[:, 0].min() > -1000
    assert not ground.free(places[:1], 0)[0]


def test_daylight_differs_and_the_sun_is_up():
    lights = [draw_daylight(np.random.default_rng(seed)) for seed in range(40)]
    heights = np.array([light.sun.direction[2] for light in lights])
    assert (heights > 0.08).all() and np.ptp(heights) > 0.4
    assert len({light.hour for light in lights}) > 6
    for light in lights:
        assert np.linalg.norm(light.sun.direction) == pytest.approx(1)
        assert np.ptp(light.ambient.zenith) < np.ptp(light.sky.zenith) + 1e-9


def test_small_things_cast_shadows_on_land_that_reaches_to_the_horizon():
    """The shadow map is spent on what is near the roam box; beyond it all is in the light."""
    m, b = Materials(), MeshBuilder()
    grey = m.flat((128, 128, 128))
    foliage, daylight = Foliage(b), draw_daylight(np.random.default_rng(0), ("noon",))
    with b.object("ground"):
        b.quad((-2e5, -2e5, 0), (4e5, 0, 0), (0, 4e5, 0), grey, 4e4)
    for x in (0.0, 20000.0):
        with b.object("post"), b.at(x, 0):
            b.box((-12, -12, 0), (12, 12, 300), grey)
    with b.object("leaf"):
        corners = np.array([[[0, 5, 900], [1, 5, 900], [0, 5, 899], [1, 5, 899.0]]])
        foliage.add(corners, np.tile([0, -1.0, 0], (1, 4, 1)), grey, 1.0)
    scene = finish_outdoors(
        Outdoors(
            name="shadows", caption="Posts.", b=b, foliage=foliage, m=m,
            daylight=dataclasses.replace(daylight, fog=(0.5, 0.5, 0.5, 1e-9)),
            spawns=np.array([[400.0, 400, 160, 0]]),
            roam_cm=np.array([[-800.0, -800, 10], [800, 800, 900]]),
        )
    )  # fmt: skip
    flat = np.array(daylight.sun.direction[:2]) / daylight.sun.direction[2]
    renderer = Renderer(scene)

    def green_at(x: float, y: float) -> int:
        image = renderer.render((x, y, 400), (-90, 0, 0), 20, (33, 33), ["lit_bgra"])["lit_bgra"]
        return int(image[16, 16, 1])

    in_shadow, beside = -150 * flat, -150 * flat + 60 * np.array([-flat[1], flat[0]])
    assert green_at(*in_shadow) < green_at(*beside) - 25
    far = in_shadow + [20000, 0]
    assert abs(green_at(*far) - green_at(*beside)) < 6
    renderer.release()
