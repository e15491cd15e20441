"""Objects moved, hidden, destroyed and spawned: against scipy, and in pictures and collisions."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from capture.engine.scene_edits import (
    Placement,
    hidden,
    object_bounds_cm,
    object_points_cm,
    removed,
    with_cube,
    with_grey_texture,
    with_placements,
)

from .tiny_scene import CRATES, TinyEngine, box_geometry, joined, tiny_scene


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[TinyEngine]:
    running = TinyEngine(tmp_path)
    yield running
    running.close()


def unreal_rotation(pitch: float, yaw: float, roll: float) -> Rotation:
    """Unreal's rotation by scipy: about Z, then Y the other way round, then X the other way."""
    return Rotation.from_euler("ZYX", [yaw, -pitch, -roll], degrees=True)


def test_placement_against_scipy():
    geometry = tiny_scene().geometry
    pivot, location = (450.0, 100.0, 50.0), (130.0, 220.0, 75.0)
    placement = Placement(
        pivot_cm=pivot, location_cm=location, rotation_deg=(20, 130, -40), scale=(1.5, 0.5, 2)
    )
    before = object_points_cm(geometry, 2)
    moved = with_placements(geometry, {2: placement})
    turn = unreal_rotation(20, 130, -40)
    expected = turn.apply((before - pivot) * [1.5, 0.5, 2]) + location
    assert np.allclose(object_points_cm(moved, 2), expected, atol=1e-3)
    for other in (1, 3):
        assert np.array_equal(object_points_cm(moved, other), object_points_cm(geometry, other))
    # Normals stay at right angles to the surface and keep their side.
    chosen = moved.triangles[moved.object_id == 2]
    a, b, c = (moved.position_cm[chosen[:, i]].astype(float) for i in range(3))
    normal = moved.normal[chosen[:, 0]]
    assert np.allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    for edge in (b - a, c - a):
        assert np.abs((edge * normal).sum(1)).max() < 1e-2
    middle = expected.mean(0)
    assert (((a - middle) * normal).sum(1) > 0).all()


def test_a_mirrored_object_keeps_its_outside():
    geometry = box_geometry(np.zeros(3), np.ones(3), 1, 0)
    mirror = Placement(pivot_cm=(0, 0, 0), location_cm=(0, 0, 0), scale=(-1, 1, 1))
    moved = with_placements(geometry, {1: mirror})
    corners = moved.position_cm[moved.triangles[:, 0]]
    outward = corners - moved.position_cm[moved.triangles].mean((0, 1))
    assert ((outward * moved.normal[moved.triangles[:, 0]]).sum(1) > 0).all()


def test_objects_that_share_vertices_part():
    one = box_geometry(np.zeros(3), np.ones(3), 1, 0)
    shared = dataclasses.replace(one, object_id=np.repeat([1, 2], 6).astype(np.int32))
    placement = Placement(pivot_cm=(0, 0, 0), location_cm=(10, 0, 0))
    moved = with_placements(shared, {2: placement})
    assert np.array_equal(object_points_cm(moved, 1), object_points_cm(shared, 1))
    assert np.allclose(object_points_cm(moved, 2), object_points_cm(shared, 2) + [10, 0, 0])


def test_bounds_against_a_loop():
    random = np.random.default_rng(3)
    parts = []
    for number in range(1, 8):
        low = random.uniform(-500, 500, 3)
        parts.append(box_geometry(low, low + random.uniform(1, 99, 3), number, 0))
    geometry = joined(parts)
    shuffled = random.permutation(len(geometry.triangles))
    geometry = dataclasses.replace(
        geometry, triangles=geometry.triangles[shuffled], object_id=geometry.object_id[shuffled]
    )
    bounds = object_bounds_cm(geometry, 9)
    for number in range(1, 8):
        points = object_points_cm(geometry, number)
        assert np.array_equal(bounds[number - 1], [points.min(0), points.max(0)])
    assert not bounds[7:].any()


def test_nothing_that_is_passed_in_is_written_to():
    scene = tiny_scene()
    names = [f.name for f in dataclasses.fields(scene.geometry)]
    for name in names:
        if (values := getattr(scene.geometry, name)) is not None:
            values.flags.writeable = False
    scene.textures.flags.writeable = False
    placement = Placement(pivot_cm=(0, 0, 0), location_cm=(1, 2, 3))
    with_placements(scene.geometry, {2: placement, 3: placement})
    hidden(scene.geometry, [1])
    assert not (removed(scene.geometry, {2, 3}).object_id > 1).any()
    with_cube(with_grey_texture(scene), "cube", 3)


def test_a_moved_object_is_seen_and_hit_where_it_is(engine: TinyEngine):
    colour = engine.state.world.objects["crate_1"].colour
    before = seen(engine, colour)
    assert before.any()
    assert "crate_1" in engine.text("vget /tour/sweep 100 100 50 550 100 50 10")
    assert engine.text("vset /object/crate_1/location 200 350 250") == "ok"
    assert engine.text("vget /object/crate_1/bounds") == "150.00 300.00 200.00 250.00 400.00 300.00"
    assert "crate_1" not in engine.text("vget /tour/sweep 100 100 50 550 100 50 10")
    assert "crate_1" in engine.text("vget /tour/sweep 100 350 150 200 350 250 10")
    engine.ask("vset /camera/0/pose 100 100 150 20 60 0")
    assert seen(engine, colour).any()
    engine.ask("vset /camera/0/pose 100 200 150 0 0 0")
    assert not seen(engine, colour)[:, :16].any()
    engine.ask("vset /object/crate_1/location 450 100 50")
    assert np.array_equal(seen(engine, colour), before)


def seen(engine: TinyEngine, colour: tuple[int, int, int]) -> np.ndarray:
    """Where an object is in camera 0's mask, (H,W) bool."""
    bmp = engine.ask("vget /camera/0/object_mask bmp")
    width, height = engine.state.cameras[0].size
    mask = np.frombuffer(bmp[54:], np.uint8).reshape(height, width, 4)[..., 2::-1]
    return (mask == colour).all(-1)


def test_hidden_is_not_seen_but_hit_destroyed_is_neither(engine: TinyEngine):
    colour = engine.state.world.objects["crate_1"].colour
    sweep = "vget /tour/sweep 100 100 50 550 100 50 10"
    before = engine.lit()
    engine.ask("vset /object/crate_1/hide")
    assert not seen(engine, colour).any() and "crate_1" in engine.text(sweep)
    engine.ask("vset /object/crate_1/show")
    assert np.array_equal(engine.lit(), before)
    engine.ask("vset /object/crate_1/destroy")
    assert not seen(engine, colour).any() and "crate_1" not in engine.text(sweep)
    assert engine.text("vget /objects") == "room crate_2"
    assert engine.text("vget /object/crate_1/color") == "error Cannot find object"
    assert engine.text("vget /object/crate_2/location") == "430.000 280.000 100.000"


def test_spawned_cubes_are_seen_named_and_hit(engine: TinyEngine):
    names = [engine.text("vset /objects/spawn_cube"), engine.text("vset /objects/spawn_cube box")]
    names.append(engine.text("vset /objects/spawn CubeActor near 300 200 150"))
    assert names == ["CubeActor_0", "box", "near"]
    assert engine.text("vget /objects").split() == ["room", *CRATES, *names]
    colour = engine.state.world.objects["near"].colour
    middle = seen(engine, colour)
    assert middle[9, 16] and not middle[0, 0]
    shown = engine.lit()[9, 16]
    assert (shown[:3] > 60).all() and np.ptp(shown[:3].astype(int)) < 20  # grey, and lit
    assert '"object": "near"' in engine.text("vget /tour/sweep 100 200 150 550 200 150 10")
    assert engine.text("vget /object/near/bounds") == "250.00 150.00 100.00 350.00 250.00 200.00"
    engine.ask("vset /object/near/scale 0.5 1 2")
    assert engine.text("vget /object/near/bounds") == "275.00 150.00 50.00 325.00 250.00 250.00"
    engine.ask("vset /object/near/rotation 0 90 0")
    assert engine.text("vget /object/near/bounds") == "250.00 175.00 50.00 350.00 225.00 250.00"
    assert engine.text("vget /object/near/rotation") == "0.000 90.000 0.000"
    assert engine.text("vget /object/near/mobility") == "Movable"
    assert engine.text("vset /objects/spawn_cube box").startswith("error Failed to spawn box")


def test_a_colour_that_was_set_is_the_masks(engine: TinyEngine):
    built = engine.state.world.objects["crate_1"].colour
    where = seen(engine, built)
    assert engine.text("vset /object/crate_1/color 1 2 3") == "ok"
    assert engine.text("vget /object/crate_1/color") == "(R=1,G=2,B=3,A=255)"
    assert np.array_equal(seen(engine, (1, 2, 3)), where) and not seen(engine, built).any()
    assert engine.text("vset /object/crate_1/color 256 0 0") == "error Argument Invalid"


def test_a_level_shown_anew_is_as_built(engine: TinyEngine):
    before = engine.lit()
    engine.ask("vset /object/crate_1/destroy")
    engine.ask("vset /objects/spawn CubeActor near 300 200 150")
    engine.ask("vset /cameras/spawn")
    assert not np.array_equal(engine.lit(), before)
    assert engine.text("vset /action/game/level tiny") == "ok"
    assert np.array_equal(engine.lit(), before)
    assert engine.text("vget /cameras") == "Camera_0"
    assert engine.text("vget /objects") == "room crate_1 crate_2"
