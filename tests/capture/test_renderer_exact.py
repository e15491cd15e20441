"""Depth, flow and hidden surfaces of the renderer, against reprojection and against itself."""

import numpy as np
import pytest

pytest.importorskip("moderngl")

from capture.engine import renderer as renderer_module  # noqa: E402
from capture.engine.renderer import SKY_DEPTH_CM, Renderer  # noqa: E402
from capture.engine.scene import Sun, object_colours  # noqa: E402
from tests.capture.test_renderer import (  # noqa: E402
    ALL,
    FLOOR,
    QUADRANTS,
    WALL,
    YARD,
    camera_in_world,
    make_scene,
    octahedron,
    project,
    quad,
    rays,
)

SIZE = (320, 180)
FOV = 80.0
HALF_PRECISION = 2.0**-11
PARTS = [FLOOR, WALL, octahedron((420, -120, 90), 60), quad((300, 60, 0), (0, 90, 0), (40, 0, 160))]
BALL = 2
VIEWS = [((0.0, -40.0, 160.0), (-12.0, 4.0, 3.0)), ((70.0, 30.0, 120.0), (-4.0, -6.0, -5.0))]


@pytest.fixture
def make():
    made = []

    def build(*args, **settings):
        made.append(Renderer(make_scene(*args, **settings)))
        return made[-1]

    yield build
    for renderer in made:
        renderer.release()


def surface_points(depth, location, rotation):
    """World points (H,W,3) of a depth image."""
    return np.asarray(location) + rays(rotation, FOV, SIZE) * depth[..., None]


def bilinear(image, at):
    """Values of (H,W) between pixels' centres, at columns and rows (N,2)."""
    column, row = (at - 0.5).T
    first = np.floor([row, column]).astype(int)
    down, right = row - first[0], column - first[1]
    total = 0.0
    for i, weight_row in ((0, 1 - down), (1, down)):
        for j, weight_column in ((0, 1 - right), (1, right)):
            total = total + weight_row * weight_column * image[first[0] + i, first[1] + j]
    return total


def same_around(mask, at):
    """Whether the four pixels around places (N,2) show one object."""
    column, row = np.floor(at - 0.5).astype(int).T
    first = mask[row, column]
    return np.all(
        [(mask[row + i, column + j] == first).all(-1) for i in (0, 1) for j in (0, 1)], axis=0
    )


def test_depth_of_one_view_is_the_other_ones(make):
    """Points seen in one view lie where the other one sees a surface, or behind it."""
    renderer = make(PARTS)
    first, second = (renderer.render(*view, FOV, SIZE, ["depth_f32", "mask_u8"]) for view in VIEWS)
    points = surface_points(first["depth_f32"], *VIEWS[0]).reshape(-1, 3)
    seen = first["depth_f32"].ravel() < SKY_DEPTH_CM
    at, distance = project(points[seen], np.array(VIEWS[1][0]), VIEWS[1][1], FOV, SIZE)
    inside = (distance > 3) & (at > 1).all(1) & (at < np.array(SIZE) - 1).all(1)
    at, distance = at[inside], distance[inside]
    known = first["mask_u8"].reshape(-1, 3)[seen][inside]
    whole = same_around(second["mask_u8"], at)
    there = second["mask_u8"][at[:, 1].astype(int), at[:, 0].astype(int)]
    # On a plane the inverse of the depth is linear in the image.
    found = 1.0 / bilinear(1.0 / second["depth_f32"], at)
    same = whole & (there == known).all(1)
    flat = same & ~(known == object_colours(len(PARTS))[BALL]).all(1)
    error = np.abs(found / distance - 1.0)
    assert same.mean() > 0.8
    # The ball's faces meet at edges, where four pixels are no plane.
    assert np.quantile(error[same], 0.995) < HALF_PRECISION
    assert np.quantile(error[flat], 0.999) < HALF_PRECISION
    # What the second view does not show is behind what it shows.
    other = whole & ~same
    assert (distance[other] > found[other] * (1 - 1e-3)).all()


def reprojected_flow(image, view, previous):
    """Flow (H,W,2) by taking each pixel's surface point to the previous view."""
    depth = image["depth_f32"].astype(np.float64)
    points = surface_points(depth, *view)
    points[depth == SKY_DEPTH_CM] = (
        np.asarray(previous[0]) + 1e9 * rays(view[1], FOV, SIZE)[depth == SKY_DEPTH_CM]
    )
    before, distance = project(points.reshape(-1, 3), np.array(previous[0]), previous[1], FOV, SIZE)
    columns, rows = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    here = np.stack([columns.ravel(), rows.ravel()], 1)
    flow = np.where(distance[:, None] > 0, here - before, np.nan)
    return flow.reshape(SIZE[1], SIZE[0], 2)


@pytest.mark.parametrize("previous", [VIEWS[1], ((0.0, 0.0, 160.0), (-12.0, 130.0, 3.0))])
def test_flow_is_that_of_the_surface_points(make, previous):
    renderer = make(PARTS)
    image = renderer.render(*VIEWS[0], FOV, SIZE, ["depth_f32", "flow_f32"], previous=previous)
    wanted = reprojected_flow(image, VIEWS[0], previous)
    flow = image["flow_f32"]
    assert flow.shape == (SIZE[1], SIZE[0], 2) and flow.dtype == np.float32
    known = np.isfinite(wanted).all(-1)
    near = known & (np.abs(wanted).max(-1) < 4 * SIZE[0])
    assert np.abs(flow - wanted)[near].max(initial=0.0) < 0.05
    assert (np.isnan(flow).all(-1) == ~known).mean() > 0.999
    assert near.mean() > 0.9 if previous is VIEWS[1] else (~known).mean() > 0.5


def test_flow_takes_one_picture_to_the_other(make):
    """A pattern that was photographed before is found again where the flow says."""
    board = quad((500, -400, 400), (0, 800, 0), (0, 0, -800), layer=QUADRANTS)
    renderer = make([board])
    before = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    after = ((60.0, 25.0, -10.0), (3.0, -4.0, 6.0))
    first = renderer.render(*before, FOV, SIZE, ["lit_bgra"])["lit_bgra"].astype(float)
    second = renderer.render(*after, FOV, SIZE, ["lit_bgra", "flow_f32"], previous=before)
    columns, rows = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    at = (np.stack([columns, rows], -1) - second["flow_f32"]).reshape(-1, 2)
    inside = ((at > 1) & (at < np.array(SIZE) - 1)).all(1)
    warped = np.stack([bilinear(first[..., i], at[inside]) for i in range(3)], 1)
    shown = second["lit_bgra"][..., :3].reshape(-1, 3)[inside].astype(float)
    moved = np.abs(warped - shown).max(1)
    stayed = np.abs(first[..., :3].reshape(-1, 3)[inside] - shown).max(1)
    assert inside.mean() > 0.8
    assert (moved > 30).mean() < 0.02 < 0.05 < (stayed > 30).mean()


def test_a_camera_that_did_not_move_has_no_flow(make):
    renderer = make(PARTS)
    flow = renderer.render(*VIEWS[0], FOV, SIZE, ["flow_f32"])["flow_f32"]
    assert np.abs(flow).max() < 0.01


def town():
    """Walls with hundreds of small things before, between and behind them."""
    random = np.random.default_rng(8)
    walls = [
        quad((x, -900 + 130 * i, 0), (0, 1500, 0), (0, 0, 300)) for i, x in enumerate((250, 500))
    ]
    places = random.uniform([60, -700, 0], [900, 700, 250], (700, 3))
    return [YARD, *walls, *(octahedron(place, 12.0) for place in places)]


def test_leaving_hidden_things_out_changes_nothing(make, monkeypatch):
    renderer = make(town(), sun=Sun(direction=(-0.6, 0.0, 0.8), colour=(2.0, 2.0, 2.0)))
    monkeypatch.setattr(renderer_module, "WORTH_HIDING", 100)
    random = np.random.default_rng(3)
    left_out = 0
    shown = renderer_module.Occlusion.shown

    def counting(self, clusters, chosen):
        nonlocal left_out
        kept = shown(self, clusters, chosen)
        left_out += len(chosen) - len(kept)
        return kept

    monkeypatch.setattr(renderer_module.Occlusion, "shown", counting)
    for _ in range(25):
        view = (
            random.uniform([-300, -500, 20], [200, 500, 280]),
            random.uniform([-30, -60, -20], [20, 60, 20]),
        )
        with_test = renderer.render(*view, FOV, SIZE, ALL)
        with monkeypatch.context() as patch:
            patch.setattr(renderer_module, "WORTH_HIDING", 10**9)
            without = renderer.render(*view, FOV, SIZE, ALL)
        for name in ALL:
            assert np.array_equal(with_test[name], without[name]), name
    assert left_out > 50


def test_camera_axes_are_those_of_the_convention():
    from capture.engine.visibility import camera_axes

    for rotation in np.random.default_rng(0).uniform(-180, 180, (50, 3)):
        np.testing.assert_allclose(camera_axes(rotation).T, camera_in_world(rotation), atol=1e-12)
