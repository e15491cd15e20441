"""The renderer against geometry worked out independently: scipy's rotations and rays by hand."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from labeling.camera import intrinsics, ue_to_camera

moderngl = pytest.importorskip("moderngl")

from capture.engine.renderer import SKY_DEPTH_CM, Renderer  # noqa: E402
from capture.engine.scene import Geometry, Scene, Sun, object_colours  # noqa: E402
from dataset.errors import OpenRelicError  # noqa: E402

SIZE = (160, 96)
ALL = ("lit_bgra", "depth_f32", "normal_u8", "mask_u8")
GREY, QUADRANTS, HOLES = range(3)  # layers of the test's textures


def quad(corner, u, v, layer=GREY, drawn=True, lightmap=-1.0):
    """A parallelogram corner, +u, +u+v, +v with texture coordinates 0..1 along u and v."""
    corner, u, v = (np.asarray(a, np.float64) for a in (corner, u, v))
    normal = np.cross(u, v)
    return {
        "position": np.array([corner, corner + u, corner + u + v, corner + v]),
        "normal": np.tile(normal / np.linalg.norm(normal), (4, 1)),
        "uv": np.array([[0, 0], [1, 0], [1, 1], [0, 1]]),
        "triangles": np.array([[0, 1, 2], [0, 2, 3]]),
        "layer": layer,
        "drawn": drawn,
        "lightmap": lightmap,
    }


def octahedron(centre, radius):
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    faces = [[i, j, k] for i in (0, 3) for j in (1, 4) for k in (2, 5)]
    return quad((0, 0, 0), (1, 0, 0), (0, 1, 0)) | {
        "position": np.asarray(centre) + radius * axes,
        "normal": axes,
        "uv": np.zeros((6, 2)),
        "triangles": np.array(faces),
    }


def textures():
    layers = np.full((3, 64, 64, 4), 255, np.uint8)
    layers[GREY, ..., :3] = 118  # a linear 0.18
    top, bottom, left, right = slice(0, 32), slice(32, 64), slice(0, 32), slice(32, 64)
    layers[QUADRANTS, top, left, :3] = (200, 0, 0)
    layers[QUADRANTS, top, right, :3] = (0, 200, 0)
    layers[QUADRANTS, bottom, left, :3] = (0, 0, 200)
    layers[QUADRANTS, bottom, right, :3] = (200, 200, 200)
    layers[HOLES, :, left, 3] = 0
    return layers


def make_scene(parts, *, sun=None, fog=None, lightmaps=None, irradiance=1.0):
    """A scene in which part i is object i + 1."""
    starts = np.cumsum([0] + [len(p["position"]) for p in parts[:-1]])
    sizes = [len(p["position"]) for p in parts]
    faces = [len(p["triangles"]) for p in parts]
    uv = np.concatenate([p["uv"] for p in parts]).astype(np.float32)
    geometry = Geometry(
        position_cm=np.concatenate([p["position"] for p in parts]).astype(np.float32),
        normal=np.concatenate([p["normal"] for p in parts]).astype(np.float32),
        uv=uv,
        layer=np.repeat([p["layer"] for p in parts], sizes).astype(np.int32),
        irradiance=np.full((sum(sizes), 3), irradiance, np.float32),
        emission=np.zeros(sum(sizes), np.float32),
        lightmap_uvl=np.column_stack([uv, np.repeat([p["lightmap"] for p in parts], sizes)]).astype(
            np.float32
        ),
        triangles=np.concatenate(
            [p["triangles"] + s for p, s in zip(parts, starts, strict=True)]
        ).astype(np.int32),
        object_id=np.repeat(np.arange(1, len(parts) + 1), faces).astype(np.int32),
        drawn=np.repeat([p["drawn"] for p in parts], faces),
        collides=np.ones(sum(faces), bool),
    )
    return Scene(
        name="test", asset="test", licence="CC0-1.0", caption="", indoor=False,
        geometry=geometry, textures=textures(), lightmaps=lightmaps,
        objects=tuple(f"part_{i}" for i in range(len(parts))), sun=sun, fog=fog,
        spawns=np.zeros((1, 4)), roam_cm=np.zeros((2, 3)),
    )  # fmt: skip


@pytest.fixture
def renderer_of():
    made = []

    def make(*args, **settings):
        made.append(Renderer(make_scene(*args, **settings)))
        return made[-1]

    yield make
    for renderer in made:
        renderer.release()


def camera_in_world(rotation_deg):
    """Columns forward, right, up of a (pitch, yaw, roll).

    In Unreal's left-handed axes yaw turns X to Y as a right-handed turn about Z does; pitch turns X
    to +Z and roll Y to -Z, both against the right-handed sense about Y and X.
    """
    pitch, yaw, roll = rotation_deg
    return Rotation.from_euler("ZYX", [yaw, -pitch, -roll], degrees=True).as_matrix()


def project(points, location, rotation, fov, size):
    """Columns and rows of world points, and their distance along the view."""
    x, y, z = ((np.asarray(points) - location) @ camera_in_world(rotation)).T
    focal = size[0] / 2 / np.tan(np.deg2rad(fov) / 2)
    return np.stack([size[0] / 2 + focal * y / x, size[1] / 2 - focal * z / x], 1), x


def by_labeling(points, location, rotation, fov, size):
    """The same columns and rows by the project's own convention."""
    R_cam_from_world, position_m = ue_to_camera(np.array([location]), np.array([rotation]))
    points_m = ue_to_camera(np.asarray(points), np.zeros((len(points), 3)))[1]
    x, y, z = R_cam_from_world[0] @ (points_m - position_m).T
    fx, fy, cx, cy = intrinsics(fov, *size)
    return np.stack([cx + fx * x / z, cy + fy * y / z], 1)


def rays(rotation, fov, size):
    """Directions (H,W,3) of the pixels' centres with unit length along the view."""
    slope = np.tan(np.deg2rad(fov) / 2) * 2 / size[0]
    right = (np.arange(size[0]) + 0.5 - size[0] / 2) * slope
    up = -(np.arange(size[1]) + 0.5 - size[1] / 2) * slope
    y, z = np.meshgrid(right, up)
    return np.stack([np.ones_like(y), y, z], -1) @ camera_in_world(rotation).T


def centroid(mask, number, count):
    """Mean column and row of an object's pixels."""
    rows, columns = np.nonzero((mask == object_colours(count)[number - 1]).all(-1))
    assert len(rows), f"object {number} is not in the picture"
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


CORNERS = np.array([[x, y, z] for x in (-400, 400) for y in (-400, 400) for z in (-400, 400)])


def test_points_are_where_the_conventions_put_them(renderer_of):
    renderer = renderer_of([octahedron(c, 12.0) for c in CORNERS])
    random = np.random.default_rng(1)
    checked = 0
    for _ in range(1000):
        location = random.uniform(-60, 60, 3)
        rotation = random.uniform([-89, -180, -180], [89, 180, 180])
        fov = random.uniform(50, 110)
        image = renderer.render(location, rotation, fov, SIZE, ["mask_u8"])["mask_u8"]
        wanted, distance = project(CORNERS, location, rotation, fov, SIZE)
        np.testing.assert_allclose(wanted, by_labeling(CORNERS, location, rotation, fov, SIZE))
        inside = (distance > 50) & (wanted > 12).all(1) & (wanted < np.array(SIZE) - 12).all(1)
        for number in np.flatnonzero(inside) + 1:
            found = centroid(image, number, len(CORNERS))
            assert np.abs(found - wanted[number - 1]).max() < 0.5
            checked += 1
    assert checked > 400


FLOOR = quad((-5000, -5000, 0), (10000, 0, 0), (0, 10000, 0))
YARD = quad((-800, -800, 0), (1600, 0, 0), (0, 1600, 0))
WALL = quad((600, -500, 0), (0, 1000, 0), (0, 0, 400))


def test_depth_mask_and_normals_are_those_of_the_surfaces(renderer_of):
    renderer = renderer_of([FLOOR, WALL])
    location = np.array([10.0, 20.0, 170.0])
    colours = object_colours(2)
    for rotation in ([-20, 10, 15], [5, -25, -40], [-60, 170, 3]):
        image = renderer.render(location, rotation, 85, SIZE, ALL)
        ray = rays(rotation, 85, SIZE)
        with np.errstate(divide="ignore", invalid="ignore"):
            floor = -location[2] / ray[..., 2]
            wall = (600 - location[0]) / ray[..., 0]
        on_floor = (image["mask_u8"] == colours[0]).all(-1)
        on_wall = (image["mask_u8"] == colours[1]).all(-1)
        sky = (image["mask_u8"] == 0).all(-1)
        assert (on_floor ^ on_wall ^ sky).all()
        assert on_floor.any()
        np.testing.assert_allclose(image["depth_f32"][on_floor], floor[on_floor], rtol=1e-3)
        np.testing.assert_allclose(image["depth_f32"][on_wall], wall[on_wall], rtol=1e-3)
        assert (image["depth_f32"][sky] == SKY_DEPTH_CM).all()
        assert (image["normal_u8"][on_floor] == (128, 128, 255)).all()
        assert (image["normal_u8"][on_wall] == (0, 128, 128)).all()
        assert (image["normal_u8"][sky] == 128).all()
    assert np.float16(SKY_DEPTH_CM) == SKY_DEPTH_CM


def test_normals_face_the_viewer_on_both_sides(renderer_of):
    renderer = renderer_of([WALL])
    for x, yaw, red in ((0, 0, 0), (1200, 180, 255)):
        image = renderer.render((x, 0, 200), (0, yaw, 0), 60, SIZE, ["normal_u8"])["normal_u8"]
        assert (image[48, 80] == (red, 128, 128)).all()


def test_turning_moves_the_picture_the_other_way(renderer_of):
    parts = [octahedron((500, 0, 0), 15), octahedron((500, 100, 0), 15)]
    renderer = renderer_of(parts)

    def seen(pitch, yaw, roll):
        mask = renderer.render((0, 0, 0), (pitch, yaw, roll), 60, SIZE, ["mask_u8"])["mask_u8"]
        return centroid(mask, 1, 2), centroid(mask, 2, 2)

    middle, beside = seen(0, 0, 0)
    assert np.abs(middle - np.array(SIZE) / 2).max() < 0.5
    assert beside[0] > middle[0] + 10
    assert seen(0, 5, 0)[0][0] < middle[0] - 5
    assert seen(5, 0, 0)[0][1] > middle[1] + 5
    assert seen(0, 0, 20)[1][1] < beside[1] - 5


def test_what_is_under_a_roof_is_in_shadow(renderer_of):
    roof = quad((200, -200, 300), (400, 0, 0), (0, 400, 0))
    sun = Sun(direction=(0.0, 0.0, 1.0), colour=(3.0, 3.0, 3.0))
    renderer = renderer_of([YARD, roof], sun=sun, irradiance=0.2)
    location, rotation = (0, 0, 150), (-20, 0, 0)
    lit = renderer.render(location, rotation, 90, SIZE, ["lit_bgra"])["lit_bgra"]

    def grey(point):
        (at,), _ = project([point], np.array(location), rotation, 90, SIZE)
        column, row = at.astype(int)
        return int(lit[row, column, 1])

    shaded, sunny = grey((400, 0, 0)), grey((400, 320, 0))
    assert sunny > shaded + 40
    # Nothing that the sun sees shades itself, and the shadow reaches its caster's outline.
    in_sun = [grey((x, 250, 0)) for x in range(250, 600, 10)]
    assert max(in_sun) - min(in_sun) <= 2
    assert abs(grey((400, 170, 0)) - shaded) <= 2
    assert abs(grey((400, 230, 0)) - sunny) <= 2


def test_textures_have_u_to_the_right_and_v_down(renderer_of):
    picture = quad((300, -100, 100), (0, 200, 0), (0, 0, -200), layer=QUADRANTS)
    renderer = renderer_of([picture])
    lit = renderer.render((0, 0, 0), (0, 0, 0), 60, SIZE, ["lit_bgra"])["lit_bgra"]
    blue, green, red = (lit[..., i].astype(int) for i in range(3))
    assert red[35, 65] > 150 > 60 > green[35, 65]
    assert green[35, 95] > 150 > 60 > red[35, 95]
    assert blue[60, 65] > 150 > 60 > red[60, 65]
    assert min(blue[60, 95], green[60, 95], red[60, 95]) > 150
    assert (lit[..., 3] == 255).all()


def test_a_mid_grey_stays_a_mid_grey(renderer_of):
    renderer = renderer_of([WALL])
    view = ((0, 0, 200), (0, 0, 0), 40, SIZE, ["lit_bgra"])
    first = renderer.render(*view)["lit_bgra"]
    assert np.abs(first[48, 80, :3].astype(int) - 118).max() <= 2
    renderer.exposure_ev = 1.0
    assert renderer.render(*view)["lit_bgra"][48, 80, 1] > 140


def test_lightmaps_and_fog_are_part_of_the_light(renderer_of):
    lightmaps = np.zeros((1, 16, 16, 3), np.uint8)
    lightmaps[0, 8:] = 255
    wall = quad((300, -400, 400), (0, 800, 0), (0, 0, -800), lightmap=0.0)
    view = ((0, 0, 0), (0, 0, 0), 60, SIZE, ["lit_bgra"])
    renderer = renderer_of([wall], lightmaps=lightmaps, irradiance=0.1)
    lit = renderer.render(*view)["lit_bgra"]
    assert lit[90, 80, 1] > lit[5, 80, 1] + 60
    foggy = renderer_of([wall], fog=(1.0, 0.0, 0.0, 0.01))
    blue, _, red, _ = foggy.render(*view)["lit_bgra"][48, 80].astype(int)
    assert red > blue + 80


def test_holes_show_what_is_behind_and_undrawn_triangles_are_not_there(renderer_of):
    grid = quad((300, -100, 100), (0, 200, 0), (0, 0, -200), layer=HOLES)
    hidden = quad((200, -100, 100), (0, 200, 0), (0, 0, -200), drawn=False)
    renderer = renderer_of([WALL | {"position": WALL["position"] - (0, 0, 200)}, grid, hidden])
    image = renderer.render((0, 0, 0), (0, 0, 0), 60, SIZE, ALL)
    colours = object_colours(3)
    assert (image["mask_u8"][48, 65] == colours[0]).all()
    assert (image["mask_u8"][48, 95] == colours[1]).all()
    np.testing.assert_allclose(image["depth_f32"][48, [65, 95]], [600, 300], rtol=1e-4)
    assert not (image["mask_u8"] == colours[2]).all(-1).any()


def digest():
    """Of everything that a small scene with a sun and holes shows from two places."""
    grid = quad((300, -100, 200), (0, 200, 0), (0, 0, -200), layer=HOLES)
    sun = Sun(direction=(0.48, 0.36, 0.8), colour=(2.0, 2.0, 2.0))
    renderer = Renderer(make_scene([YARD, WALL, grid], sun=sun, irradiance=0.3))
    digest = hashlib.sha256()
    for yaw in (0, 40, 0):
        image = renderer.render((0, 0, 170), (-10, yaw, 2), 90, SIZE, ALL)
        for name in ALL:
            digest.update(image[name].tobytes())
    renderer.release()
    return digest.hexdigest()


def test_the_same_view_gives_the_same_bytes_again_and_in_another_process():
    here = digest()
    assert digest() == here
    program = "from tests.capture.test_renderer import digest; print(digest())"
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == here


def test_passes_do_not_depend_on_what_else_is_asked(renderer_of):
    first, second = renderer_of([FLOOR, WALL]), renderer_of([WALL])
    view = ((0, 0, 170), (-10, 20, 2), 90, SIZE)
    together = first.render(*view, ALL)
    second.render(*view, ALL)
    for name in ALL:
        assert np.array_equal(first.render(*view, [name])[name], together[name])
    assert [(together[n].shape, together[n].dtype) for n in ALL] == [
        ((96, 160, 4), np.uint8),
        ((96, 160), np.float32),
        ((96, 160, 3), np.uint8),
        ((96, 160, 3), np.uint8),
    ]


def test_replaced_geometry_looks_as_if_it_had_been_there_from_the_start(renderer_of):
    sun = Sun(direction=(0.48, 0.36, 0.8), colour=(2.0, 2.0, 2.0))
    roof = quad((200, -200, 300), (400, 0, 0), (0, 400, 0))
    moved = roof | {"position": roof["position"] + (150, 100, 80)}
    changed = renderer_of([YARD, roof], sun=sun, irradiance=0.3)
    wanted = renderer_of([YARD, moved], sun=sun, irradiance=0.3)
    view = ((0, 0, 170), (-10, 20, 2), 90, SIZE, ALL)
    before = changed.render(*view)
    changed.replace_geometry(make_scene([YARD, moved], irradiance=0.3).geometry)
    after, expected = changed.render(*view), wanted.render(*view)
    for name in ALL:
        assert np.array_equal(after[name], expected[name])
        assert not np.array_equal(after[name], before[name])


def test_an_unknown_pass_and_a_missing_driver_are_explained(renderer_of, monkeypatch):
    renderer = renderer_of([WALL | {"drawn": False}])
    image = renderer.render((0, 0, 0), (0, 0, 0), 90, SIZE, ["mask_u8"])
    assert not image["mask_u8"].any()
    with pytest.raises(OpenRelicError, match="lit_bgra"):
        renderer.render((0, 0, 0), (0, 0, 0), 90, SIZE, ["flow"])

    def no_driver(**_):
        raise RuntimeError("libEGL.so not loaded")

    monkeypatch.setattr(moderngl, "create_context", no_driver)
    with pytest.raises(OpenRelicError, match="libegl1 libgl1 libgl1-mesa-dri"):
        Renderer(make_scene([WALL]))
