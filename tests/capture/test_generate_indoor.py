"""The kit of interiors: shapes, lamps, daylight, metering; and the list of scenes."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from capture.engine.generate import ARCHETYPES, generate
from capture.engine.generate.indoor.daylight import ANY, draw_daylight
from capture.engine.generate.indoor.interior import Finish, build_shell
from capture.engine.generate.indoor.plan import Room, add_door, connect, make_plan
from capture.engine.generate.indoor.sculpture import KINDS, sculpture
from capture.engine.generate.kit import shapes
from capture.engine.generate.kit.bake import Lamp, Quality, bake
from capture.engine.generate.kit.exposure import metered_ev
from capture.engine.generate.kit.materials import Material, Materials
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.rays import RayTracer
from capture.engine.scene import Sky
from capture.engine.scenes import GENERATED_SCENES, generated_scenes, list_scenes

PLAIN = Material(0)
INDOOR = ("church", "gallery", "home", "office", "station", "warehouse")
NIGHT = Sky(zenith=(0, 0, 0), horizon=(0, 0, 0), ground=(0, 0, 0), cloud_cover=0)


def built(draw):
    b = MeshBuilder()
    draw(b)
    return b.build()


def facing(mesh):
    """Of each triangle with an area: whether its winding agrees with its normals."""
    a, b, c = mesh.position_cm[mesh.triangles].transpose(1, 0, 2)
    cross = np.cross(b - a, c - a)
    large = np.linalg.norm(cross, axis=1) > 1
    return np.einsum("fi,fi->f", cross, mesh.normal[mesh.triangles].mean(1))[large] > 0


@pytest.mark.parametrize("kind", ["round", "pointed"])
def test_vaults_and_arches_are_seen_from_below(kind):
    mesh = built(lambda b: shapes.vault(b, (0, 500), 200, 300, 220, kind, PLAIN))
    inward = [0, 0, 300] - mesh.position_cm * [0, 1, 1]
    assert facing(mesh).all() and (np.einsum("vi,vi->v", mesh.normal, inward) > 0).all()
    assert mesh.position_cm[:, 2].max() == pytest.approx(520, abs=1)
    head = built(lambda b: shapes.arch_head(b, (-50, 0, 50, 200), 50, kind, 30, PLAIN))
    assert facing(head).all()
    soffit = head.normal[:, 0] < 0.5
    assert (head.normal[soffit][:, 2] < 0.1).all() and soffit.any()


def test_tubes_face_outwards_and_keep_their_radius():
    for line in ([(0, 0, 0), (0, 0, 100)], [(0, 0, 0), (100, 30, 50)]):
        mesh = built(lambda b, line=line: shapes.tube(b, line, 5, PLAIN, 8))
        way = np.subtract(line[1], line[0]) / np.linalg.norm(np.subtract(line[1], line[0]))
        across = mesh.position_cm - (mesh.position_cm @ way)[:, None] * way
        assert np.linalg.norm(across, axis=1) == pytest.approx(5, abs=1e-3)
        assert (np.einsum("vi,vi->v", mesh.normal, across) > 4.5).all() and facing(mesh).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_sculptures_stand_on_the_ground_as_tall_as_asked(kind):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        mesh = built(lambda b, rng=rng: sculpture(b, rng, kind, PLAIN, 100.0))
        low, high = mesh.position_cm.min(0), mesh.position_cm.max(0)
        assert -12 < low[2] < 8 and 60 < high[2] < 135
        assert np.isfinite(mesh.normal).all() and facing(mesh).mean() > 0.95


def room_mesh(skylights=(), height=300.0):
    room = Room(0, 0, 600, 500, height_cm=height)
    finish = Finish(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, None)
    return built(lambda b: build_shell(b, room, finish, "west", 50, skylights))


def test_a_room_is_closed_but_for_its_skylights():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(5000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins = np.tile([300.0, 250, 150], (5000, 1))
    for skylights, height in (((), 300.0), (((200, 150, 400, 350),), 420.0)):
        mesh = room_mesh(skylights, height)
        hit = RayTracer(mesh.position_cm[mesh.triangles]).first_hit(origins, directions) >= 0
        up = np.maximum(directions[:, 2], 1e-9)
        at = origins[:, :2] + directions[:, :2] / up[:, None] * (height - 150)
        through = (np.abs(at - [300, 250]) < 100).all(1) & (directions[:, 2] > 0)
        assert (hit == ~(through & bool(skylights))).mean() > 0.999


def lit(lamps):
    """Light baked at the middle of a dark floor, of a dark ceiling, and 3 m aside."""
    m = Materials()
    black = m.flat((0, 0, 0))

    def draw(b):
        b.quad((-400, -400, 0), (800, 0, 0), (0, 800, 0), black, 50)
        b.quad((-400, 400, 300), (800, 0, 0), (0, -800, 0), black, 50)

    mesh = built(draw)
    light = bake(mesh, m.textures(), NIGHT, None, lamps, Quality(rays=4, smoothing=0))[:, 0]
    places = [(0, 0, 0), (0, 0, 300), (300, 0, 0)]
    return [light[np.linalg.norm(mesh.position_cm - place, axis=1).argmin()] for place in places]


def test_lamps_shine_where_they_aim():
    place, white = (0.0, 0.0, 200.0), (1.0, 1.0, 1.0)
    bare = lit([Lamp(place, white, 2000)])
    assert bare[0] == pytest.approx(0.25, rel=0.06) and bare[1] == pytest.approx(1, rel=0.15)
    panel = lit([Lamp(place, white, 2000, aim=(0, 0, -1.0))])
    assert panel[0] == pytest.approx(bare[0], rel=0.06) and panel[1] == pytest.approx(0.004)
    spot = lit([Lamp(place, white, 2000, aim=(0, 0, -1.0), focus=10)])
    assert spot[2] < 0.3 * panel[2] and spot[0] > 0.9 * panel[0]


def test_metering_undoes_a_change_of_the_lamps():
    mesh = room_mesh()
    textures = np.full((1, 512, 512, 4), 128, np.uint8)
    spawns = np.array([[300.0, 250, 160, 0]])
    light = np.full((len(mesh.position_cm), 3), 0.8, np.float32)
    args = (None, NIGHT, spawns, 1.0)
    ev = metered_ev(mesh, textures, light, *args)
    assert metered_ev(mesh, textures, light / 4, *args) == pytest.approx(ev + 2)
    assert metered_ev(mesh, textures, light, None, NIGHT, spawns, 0.5) == pytest.approx(ev - 1)


def test_daylight_is_what_its_name_says():
    for name in set(ANY):
        day = draw_daylight(np.random.default_rng(1), (name,), azimuth_deg=90)
        assert (day.sun is None) == (name in ("overcast", "dusk", "night"))
        if day.sun is not None:
            assert np.linalg.norm(day.sun.direction) == pytest.approx(1)
            assert day.sun.direction[2] > 0 and day.sun.direction[1] > 0
    night, noon = (draw_daylight(np.random.default_rng(1), (n,)) for n in ("night", "noon"))
    assert sum(night.sky.zenith) < 0.1 * sum(noon.sky.zenith)


def test_plans_join_all_rooms_with_arches_of_the_size_asked():
    rng = np.random.default_rng(3)
    rooms = make_plan(rng, 2400, 1800, 5, 640)
    connect(rng, rooms, 0.5, (220.0, 300.0))
    holes = [o.hole for room in rooms for side in room.openings.values() for o in side]
    assert len(holes) >= 2 * (len(rooms) - 1)
    assert all(h[3] == 300 and h[2] - h[0] == pytest.approx(220) for h in holes)
    first, second = Room(0, 0, 500, 500), Room(500, 0, 900, 500)
    add_door(rng, first, second)
    assert [len(r.openings[s]) for r, s in ((first, "east"), (second, "west"))] == [1, 1]


def test_the_list_has_350_generated_scenes_spread_over_all_kinds():
    names = generated_scenes()
    assert len(names) == len(set(names)) >= GENERATED_SCENES == 350
    counts = {kind: sum(n.startswith(f"{kind}:") for n in names) for kind in ARCHETYPES}
    assert max(counts.values()) - min(counts.values()) <= 1 and len(counts) >= 8
    rows = list_scenes()
    listed = {row["scene"]: row for row in rows}
    assert set(names) <= set(listed) and len(listed) == len(rows)
    assert all(listed[name]["licence"] == "Apache-2.0" for name in names)
    assert len({row["scene"].partition(":")[0] for row in rows[:5]}) == 5


def sheet_module():
    path = Path(__file__).parents[2] / "scripts" / "contact_sheet.py"
    spec = importlib.util.spec_from_file_location("contact_sheet", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_most_similar_pair_is_the_scene_seen_twice():
    sheet = sheet_module()
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (6, sheet.VIEWS, 6, 10, 3), dtype=np.uint8)
    scenes = [v.repeat(30, 1).repeat(32, 2) for v in coarse]
    scenes[4] = scenes[1][::-1].copy()  # the same place, its views in another order
    apart = sheet.distances(scenes)
    assert np.allclose(apart, apart.T) and np.allclose(np.diag(apart), 0, atol=1e-3)
    pairs = sheet.most_alike(apart, 3)
    assert pairs[0][:2] == (1, 4) and pairs[0][2] < 1e-3 < pairs[1][2]
    assert len({index for pair in pairs for index in pair[:2]}) == 6


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_the_contact_sheet_started_ends_with_it(tmp_path):
    script = Path(__file__).parents[2] / "scripts" / "contact_sheet.py"
    sheet = subprocess.Popen(
        [sys.executable, script, "--kinds", "home", "--workers", "2", "--views", tmp_path]
    )
    try:
        until = time.monotonic() + 120
        # Two that render, and one of multiprocessing's own.
        while len(started := children_of(sheet.pid)) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        assert len(started) == 3
        time.sleep(5.0)  # they have begun
    finally:
        sheet.kill()
        sheet.wait()
    until = time.monotonic() + 60
    while any(map(is_running, started)) and time.monotonic() < until:
        time.sleep(0.2)
    assert not any(map(is_running, started))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", INDOOR)
def test_many_seeds_are_sound_and_differ(kind):
    shapes_seen = set()
    for seed in range(3, 9):
        scene = generate(kind, seed)
        g = scene.geometry
        assert np.isfinite(g.position_cm).all() and np.isfinite(g.irradiance).all()
        assert np.allclose(np.linalg.norm(g.normal, axis=1), 1, atol=1e-3)
        assert ((scene.spawns[:, :3] > scene.roam_cm[0]).all(1)).all()
        assert -2.5 < scene.exposure_ev < 4.5
        shapes_seen.add(tuple(np.rint(scene.roam_cm[1]).tolist()))
    assert len(shapes_seen) >= 5
