"""Sunlight and reflections of the renderer, against geometry by hand and the full look-up."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("moderngl")

from capture.engine import sunlight as sunlight_module  # noqa: E402
from capture.engine.renderer import Renderer  # noqa: E402
from capture.engine.scene import Sky, Sun, object_colours  # noqa: E402
from capture.engine.sunlight import Sunlight  # noqa: E402
from tests.capture.test_renderer import (  # noqa: E402
    GREY,
    QUADRANTS,
    SIZE,
    WALL,
    YARD,
    make_scene,
    octahedron,
    project,
    quad,
    rays,
)

SUN = Sun(direction=(0.36, 0.48, 0.8), colour=(2.0, 2.0, 2.0))
VIEW = ((-500.0, -60.0, 300.0), (-22.0, 4.0, 0.0))


def yard():
    """Slabs, balls and slivers on a tessellated floor, some of them in each other's shadow."""
    random = np.random.default_rng(5)
    tiles = [
        quad((x, y, 0), (100, 0, 0), (0, 100, 0))
        for x in range(-800, 800, 100)
        for y in range(-800, 800, 100)
    ]
    balls = [
        octahedron(p, 20.0) for p in random.uniform([-300, -300, 20], [300, 300, 120], (40, 3))
    ]
    slabs = [
        quad((0, 0, 220), (300, 0, 0), (0, 200, 60)),
        quad((-200, 0, 0), (0, 2, 0), (0, 0, 250)),
    ]
    return [*tiles, *balls, *slabs]


def lit(renderer, view=VIEW, size=(480, 270)):
    image = renderer.render(*view, 75, size, ["lit_bgra"])["lit_bgra"]
    renderer.release()
    return image.astype(int)


def test_what_is_not_looked_up_is_lit_the_same(monkeypatch):
    scene = make_scene(yard(), sun=SUN, irradiance=0.2)
    found = []
    sort = sunlight_module.ShadowMap.sort_by_sunlight

    def recorded(self, *args):
        found.append(sort(self, *args))
        return found[-1]

    monkeypatch.setattr(sunlight_module.ShadowMap, "sort_by_sunlight", recorded)
    sorted_picture = lit(Renderer(scene))
    monkeypatch.setattr(
        sunlight_module.ShadowMap,
        "sort_by_sunlight",
        lambda self, geometry, *args: np.full(len(geometry.triangles), Sunlight.PARTLY, np.int64),
    )
    full_picture = lit(Renderer(scene))
    counts = np.bincount(found[0], minlength=3)
    assert (counts > 20).all()
    different = np.abs(sorted_picture - full_picture).max(-1) > 1
    assert different.mean() < 1e-4
    assert np.abs(sorted_picture - full_picture).mean() < 0.01


def test_shadows_lie_where_the_sun_puts_them():
    """A slab above a floor: its shadow by projecting the floor's points to the slab's height."""
    slab = quad((-100, -100, 200), (200, 0, 0), (0, 200, 0))
    scene = make_scene([YARD, slab], sun=SUN, irradiance=0.2)
    renderer = Renderer(scene)
    image = renderer.render(*VIEW, 75, (480, 270), ["lit_bgra", "mask_u8"])
    renderer.release()
    ray = rays(VIEW[1], 75, (480, 270))
    point = np.array(VIEW[0]) - ray * (VIEW[0][2] / ray[..., 2:])
    above = point + np.array(SUN.direction) * (200 / SUN.direction[2])
    gap = np.maximum(np.abs(above[..., 0]), np.abs(above[..., 1])) - 100  # to the shadow's edge
    floor = (image["mask_u8"] == object_colours(2)[0]).all(-1) & (np.abs(point[..., :2]) < 700).all(
        -1
    )
    grey = image["lit_bgra"][..., 1]
    dark, bright = grey[floor & (gap < -8)], grey[floor & (gap > 8)]
    assert len(dark) > 200 and np.ptp(dark) <= 3 and np.ptp(bright) <= 3
    assert bright.min() > dark.max() + 40
    # The edge is soft: it has shades in between, in the order of the distance.
    edge = floor & (np.abs(gap) < 3)
    assert ((grey[edge] > dark.max() + 5) & (grey[edge] < bright.min() - 5)).mean() > 0.3


def test_a_mirror_shows_what_is_behind_the_camera():
    mirror = quad((300, -200, 250), (0, 400, 0), (0, 0, -250), layer=GREY)
    behind = quad((-300, 300, 400), (0, -600, 0), (0, 0, -400), layer=QUADRANTS)
    side = quad((-300, -300, 0), (600, 0, 0), (0, 600, 0), layer=QUADRANTS)
    scene = dataclasses.replace(
        make_scene([mirror, behind, side]),
        gloss=np.array([1.0, 0.0, 0.0], np.float32),
        spawns=np.array([[0.0, 0.0, 130.0, 0.0]]),
    )
    renderer = Renderer(scene)
    image = renderer.render((0, 0, 130), (0, 0, 0), 60, SIZE, ["lit_bgra", "mask_u8"])
    renderer.release()
    glass = (image["mask_u8"] == object_colours(3)[0]).all(-1)
    # Points of the board behind, mirrored at x = 300: seen as if at x = 900.
    for y, z, strong in ((150.0, 300.0, 2), (-150.0, 300.0, 1)):
        (at,), _ = project([(900.0, y, z)], np.array([0, 0, 130]), (0, 0, 0), 60, SIZE)
        column, row = at.astype(int)
        assert glass[row, column]
        colour = image["lit_bgra"][row, column, :3].astype(int)
        assert colour[strong] > 2 * max(colour[[i for i in range(3) if i != strong]])


def test_the_sea_mirrors_the_sky_and_nothing_that_stands_by_the_start():
    """Where only sky is to be mirrored, the lower half is about the upper one upside down."""
    steps = np.arange(-20000, 20000, 1000)
    sea = [quad((x, y, 0), (1000, 0, 0), (0, 1000, 0), layer=GREY) for x in steps for y in steps]
    cliff = quad((-900, -600, 350), (0, 1200, 0), (0, 0, -700), layer=QUADRANTS)
    island = quad((-900, -900, 5), (600, 0, 0), (0, 1800, 0), layer=QUADRANTS)
    scene = dataclasses.replace(
        make_scene([*sea, cliff, island]),
        gloss=np.array([1.0 if layer == GREY else 0.0 for layer in range(3)], np.float32),
        spawns=np.array([[-700.0, y, 160.0, 0.0] for y in (-500, 0, 500)]),
        roam_cm=np.array([[-900.0, -900, 10], [900.0, 900, 400]]),
    )
    image = lit(Renderer(scene), ((-250.0, 0.0, 160.0), (0.0, 30.0, 0.0)), (480, 270))
    sky, water = image[:130, :, :3], image[:-131:-1, :, :3]
    assert np.ptp(sky[:, 0, 1]) > 20  # the sky is not of one colour
    apart = np.abs(sky - water)  # clouds are blurred
    assert apart.mean() < 12 and apart.max() < 60


def test_a_painted_sky_is_shown_as_it_is():
    """Sides of an OpenGL cube map, in Unreal's axes: +X, -X, +Y, -Y, +Z, -Z."""
    colours = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 9, 0], [0, 9, 9], [9, 0, 9]]) * 25
    painted = np.repeat(colours.astype(np.uint8), 16 * 16, 0).reshape(6, 16, 16, 3)
    scene = dataclasses.replace(make_scene([YARD]), sky=Sky(painted=painted))
    renderer = Renderer(scene)
    turns = [(0, 0), (0, 180), (0, 90), (0, -90), (90, 0), (-90, 0)]
    for (pitch, yaw), colour in zip(turns, colours, strict=True):
        view = ((0.0, 0.0, -50.0), (pitch, yaw, 0.0))
        if pitch == 90:  # the yard is above
            view = ((0.0, 0.0, 50.0), (pitch, yaw, 0.0))
        for exposure_ev in (0.0, 1.0):
            renderer.exposure_ev = exposure_ev
            image = renderer.render(*view, 60, SIZE, ["lit_bgra"])["lit_bgra"]
            assert np.abs(image[48, 80, 2::-1] - colour).max() <= 1
    renderer.release()


def test_matt_things_do_not_reflect():
    plain = make_scene([YARD, WALL], sun=SUN, irradiance=0.3)
    glossy = dataclasses.replace(plain, gloss=np.zeros(3, np.float32))
    assert np.array_equal(lit(Renderer(plain)), lit(Renderer(glossy)))
