"""What the proofs of learning measure with, against scenes whose geometry is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, motion_to_values
from tests.training.micro import make_latents, write_recipe
from training.exam.memories import past_frames_of
from training.exam.visibility import DEPTHS_M, Views, outside_views, past_frames
from training.learning.__main__ import Settings
from training.learning.calibration import (
    CLASSES,
    Calibration,
    accuracy,
    calibrate,
    classify,
    confusion,
    signed_motions,
)
from training.learning.motion import (
    GAP,
    MotionFields,
    fit_each_alone,
    fit_motion,
    flow_certainty,
    optical_flow,
)
from training.learning.windows import Window
from training.memory.schedule import MemoryConfig

WIDTH, HEIGHT = 128, 64
LENS = np.array([64.0, 64.0, 64.0, 32.0])
WALL_M = 4.0
MOVE_M, TURN_DEG = 0.05, 1.0
USUAL = GAP * np.array([1.0] * 3 + [TURN_DEG] * 3)


def look_at_wall(R: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """What a camera sees of a smooth painted plane at z = WALL_M: exact, no renderer."""
    cols, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays = np.stack([(cols - 64) / 64, (rows - 32) / 64, np.ones_like(cols)], axis=-1) @ R
    hits = centre + rays * ((WALL_M - centre[2]) / rays[..., 2:])
    paint = np.random.default_rng(0).random((3, 160, 160))
    where = [(hits[..., 1] + 10) * 8 % 159, (hits[..., 0] + 10) * 8 % 159]
    picture = [map_coordinates(one, where, order=1) for one in paint]
    return (np.stack(picture, axis=-1) * 255).astype(np.uint8)


def wall_window(action: int, frames: int = 2 * GAP + 1) -> Window:
    """A camera that holds one action in front of the wall."""
    values = np.zeros((1, 13))
    values[0, action] = 1.0
    signed = motion_step(values[0])
    R, centre, cameras, pictures = np.eye(3), np.zeros(3), [], []
    for frame in range(frames):
        if frame:
            centre = centre + R.T @ (signed[:3] * MOVE_M)
            R = Rotation.from_euler("YXZ", signed[3:] * TURN_DEG, degrees=True).as_matrix().T @ R
        cameras.append(np.concatenate([R, (-R @ centre)[:, None]], axis=1))
        pictures.append(look_at_wall(R, centre))
    return Window(
        row=None, frames=np.stack(pictures), camera_from_world=np.stack(cameras),  # type: ignore[arg-type]
        actions=np.zeros((frames, 13)), latents=np.zeros((1, 1, 1, 1)), intrinsics=LENS,
        unit_m=MOVE_M,
    )  # fmt: skip


def motion_step(row: np.ndarray) -> np.ndarray:
    """Step right, down, forward and turn pan, tilt, roll of a row of actions, written out."""
    d = dict(zip(ACTIONS, row, strict=True))
    return np.array([
        d["truck_right"] - d["truck_left"], d["pedestal_down"] - d["pedestal_up"],
        d["dolly_in"] - d["dolly_out"], d["pan_right"] - d["pan_left"],
        d["tilt_up"] - d["tilt_down"], d["roll_cw"] - d["roll_ccw"],
    ])  # fmt: skip


@pytest.fixture(scope="module")
def walls() -> list[Window]:
    return [wall_window(action) for action in range(12)]


@pytest.fixture(scope="module")
def calibration(walls: list[Window]) -> Calibration:
    return calibrate(walls, USUAL)


def test_fields_are_the_derivative_of_projection() -> None:
    fields = MotionFields.of(LENS, WIDTH, HEIGHT)
    inverse_depth = np.random.default_rng(1).uniform(0.1, 1.0, len(fields.rotations_N23))
    rows, cols = np.mgrid[0:16, 0:32] * 4 + 2.0
    rays = np.stack([(cols.ravel() - 64) / 64, (rows.ravel() - 32) / 64, np.ones(512)], axis=-1)
    points, tiny = rays / inverse_depth[:, None], 1e-6
    for axis in range(6):
        motion = np.eye(6)[axis] * tiny
        step = np.array([motion[1], -motion[2], motion[0]])
        turned = Rotation.from_euler("YXZ", motion[3:], degrees=True).as_matrix()
        moved = (points - step) @ turned
        flow = 64 * (moved[:, :2] / moved[:, 2:] - rays[:, :2]) / tiny
        np.testing.assert_allclose(fields.basis(inverse_depth)[:, :, axis], flow, atol=2e-4)


def test_true_motions_are_the_labels_of_the_path(walls: list[Window]) -> None:
    for action, window in enumerate(walls):
        signed = motion_step(np.eye(13)[action]) * GAP
        wanted = motion_to_values(signed[None, :3], signed[None, 3:] * TURN_DEG)[1]
        found = signed_motions(window)[0]
        values = np.concatenate([wanted[:6:2] - wanted[1:6:2], np.zeros(3)])[:3]
        assert abs(found[0]) == pytest.approx(abs(values[0]), abs=1e-9)
        assert np.abs(found).max() == pytest.approx(GAP * (1.0 if action < 6 else TURN_DEG))


def test_a_fit_ignores_what_moves_by_itself() -> None:
    fields = MotionFields.of(LENS, WIDTH, HEIGHT)
    basis = fields.basis(np.full(len(fields.rotations_N23), 0.2))
    wanted = np.array([1.0, -2.0, 0.5, 3.0, -1.0, 2.0])
    flow = np.einsum("ncm,m->nc", basis, wanted)
    flow[::4] += 30.0
    np.testing.assert_allclose(fit_motion(basis, flow), wanted, atol=0.02)


def test_fields_fitted_alone_tell_which_one_moved() -> None:
    fields = MotionFields.of(LENS, WIDTH, HEIGHT)
    basis = fields.basis(np.random.default_rng(2).uniform(0.1, 0.4, len(fields.rotations_N23)))
    for axis in range(6):
        flow = -3.0 * basis[:, :, axis]
        flow[::4] += 30.0
        found, left = fit_each_alone(basis, flow, np.tile(np.eye(2), (len(flow), 1, 1)))
        assert left.argmin() == axis and found[axis] == pytest.approx(-3.0, rel=0.02)


def test_texture_tells_which_flow_counts() -> None:
    sky = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    assert np.abs(flow_certainty(sky)).max() == 0
    horizon = sky.copy()
    horizon[HEIGHT // 2 :] = 60
    near = flow_certainty(horizon).reshape(HEIGHT // 4, WIDTH // 4, 2, 2)[HEIGHT // 8, 5]
    assert near[1, 1] > 0.9 and np.abs(near[[0, 0, 1], [0, 1, 0]]).max() < 1e-6
    # A sky says nothing against a pan that everything else shows.
    fields = MotionFields.of(LENS, WIDTH, HEIGHT)
    basis = fields.basis(np.full(len(fields.rotations_N23), 0.2))
    flow, certain = 4.0 * basis[:, :, 3], np.tile(np.eye(2), (len(basis), 1, 1))
    flow[: len(flow) * 2 // 3] = certain[: len(flow) * 2 // 3] = 0
    found, left = fit_each_alone(basis, flow, certain)
    assert left.argmin() == 3 and found[3] == pytest.approx(4.0, rel=0.05)
    assert np.abs(fit_each_alone(basis, flow * 0 + 9, 0 * certain)[0]).max() == 0


def test_every_motion_before_the_wall_is_read_as_it_was(
    walls: list[Window], calibration: Calibration
) -> None:
    counts = confusion(walls, calibration)
    assert counts.sum() >= 12 and accuracy(counts) == 1.0
    assert (counts.sum(1) > 0).all()
    # The wall is at 4 m, a unit is 5 cm: inverse depth is known.
    assert calibration.inverse_depth_N.mean() == pytest.approx(MOVE_M / WALL_M, rel=0.2)
    still = walls[0].frames[:1].repeat(2, axis=0)
    assert classify(calibration.motion(*still)) == len(CLASSES)
    assert classify(calibration.one_motion([tuple(still)])) == len(CLASSES)
    for action, wall in enumerate(walls):
        pair = wall.frames[0], wall.frames[GAP]
        assert classify(calibration.motion(*pair)) == action
        assert classify(calibration.one_motion([pair, pair[::-1], pair])) == action


def test_flow_finds_a_shift() -> None:
    picture = look_at_wall(np.eye(3), np.zeros(3))
    flow = optical_flow(picture, np.roll(picture, (1, 3), axis=(0, 1)))
    assert np.median(flow, axis=0) == pytest.approx([3, 1], abs=0.15)


def camera(yaw_deg: float, centre: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    R = Rotation.from_euler("Y", yaw_deg, degrees=True).as_matrix().T
    return np.concatenate([R, (-R @ np.array(centre))[:, None]], axis=1)


@pytest.mark.parametrize("turn_deg", [0, 20, 45, 80, 120])
def test_after_a_turn_the_outside_is_what_the_angle_says(turn_deg: float) -> None:
    outside = outside_views(camera(turn_deg), camera(0)[None], LENS, WIDTH, HEIGHT)
    angles = turn_deg + np.rad2deg(np.arctan((np.arange(32) * 4 + 2 - 64) / 64))
    # On the middle rows a point is outside exactly where its bearing is beyond 45 degrees.
    clear = np.abs(np.abs(angles) - 45) > 2
    np.testing.assert_array_equal(outside[8][clear], (np.abs(angles) > 45)[clear])


def test_a_step_back_hides_nothing_and_depth_decides_after_a_step_aside() -> None:
    # From further back everything is seen that a nearer camera saw; not the other way round.
    near, far = camera(0, (0, 0, 1)), camera(0, (0, 0, 0))
    assert not outside_views(near, far[None], LENS, WIDTH, HEIGHT).any()
    aside = outside_views(camera(0, (2, 0, 0)), far[None], LENS, WIDTH, HEIGHT)
    assert not aside.any()  # at the horizon both see the same: never surely outside
    turned = outside_views(camera(60, (2, 0, 0)), far[None], LENS, WIDTH, HEIGHT)
    brute = np.zeros(32, bool)
    for cell in range(32):
        ray = np.array([(cell * 4 + 2 - 64) / 64, (8 * 4 + 2 - 32) / 64, 1.0])
        points = np.array([2, 0, 0]) + DEPTHS_M[:, None] * (ray @ camera(60)[:, :3])
        ahead = points[:, 2] > 0
        across = 64 * points[:, 0] / points[:, 2] + 64
        brute[cell] = not (ahead & (across >= 0) & (across <= 128)).any()
    np.testing.assert_array_equal(turned[8], brute)
    assert brute.any() and not brute.all()


def test_the_window_of_a_chunk_is_its_past_without_itself() -> None:
    yaw = np.concatenate([np.arange(41), np.arange(39, -1, -1)]) * 3.0
    cameras = np.stack([camera(angle) for angle in yaw])
    frames = np.zeros((81, HEIGHT, WIDTH, 3), np.uint8)
    window = Window(
        row=None, frames=frames, camera_from_world=cameras, actions=np.zeros((81, 13)),  # type: ignore[arg-type]
        latents=np.zeros((1, 21, 1, 1)), intrinsics=LENS, unit_m=1.0, pivot=40,
    )  # fmt: skip
    memory = MemoryConfig()
    # Frame 80 is latent 20, its chunk begins at 20, whose window's past is latents 16 ... 19.
    past = cameras[61:77]
    expected = outside_views(cameras[80], past, LENS, WIDTH, HEIGHT)
    found = Views(window).counted(80, past_frames(77, past_frames_of(memory)), range(41))
    assert found is not None and found.cells.any() and found.since == 0
    np.testing.assert_array_equal(found.cells, expected)
    whole = past_frames(77, past_frames_of(MemoryConfig(window=24)))
    assert Views(window).counted(80, whole, range(41)) is None


def test_the_whole_proof_runs_resumes_and_says_what_is_missing(tmp_path: Path) -> None:
    from dataset.workspace import Workspace
    from training.config import read_recipe
    from training.learning.proof import run_proof
    from training.stages import open_run

    recipe = write_recipe(
        tmp_path / "r.yaml", teacher__phases=[{"seconds": 5, "iterations": 2}],
        ode__causal_iterations=2, run__log_every=1,
    )  # fmt: skip
    make_latents(tmp_path / "ws", recipe, train=2, val=2)
    settings = Settings(
        recipe=str(recipe), workspace=str(tmp_path / "ws"), variants=("full", "no-pose"),
        seeds=(1,), students="causal", images=1, play_latents=4, windows=1,
    )  # fmt: skip

    def prove() -> str:
        context = open_run(Workspace(tmp_path / "ws"), read_recipe(recipe), str(recipe))
        return run_proof(context, settings)

    text = prove()
    folder = tmp_path / "ws/runs/micro/learning"
    summary = json.loads((folder / "summary-causal.json").read_text())
    assert set(summary["students"]) == {"causal-full-1", "causal-no-pose-1"}
    for record in summary["students"].values():
        following, memory = record["following"], record["memory"]
        assert np.sum(following["counts"]) == 12 and following["frozen"] == 0
        assert following["permuted"] == pytest.approx(1 / 12, abs=0.08)
        scores = memory["context"]
        assert scores["frames"] > 0
        assert set(scores["mse"]) == {"model", "random memory", "frozen", "mean", "coded"}
        assert (
            memory["own"]["passed"].get("frozen", 0) == memory["own"]["passed"].get("mean", 0) == 0
        )
    assert "causal-no-pose-1: follows" in text
    for name in ("summary-causal.png", "curves-causal.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    for name in summary["students"]:
        assert (folder / f"{name}.jpg").read_bytes().startswith(b"\xff\xd8")
    before = {path: path.stat().st_mtime_ns for path in folder.glob("causal-*.json")}
    assert prove() == text
    settings = replace(settings, variants=("full",))  # other company does not examine it again
    assert "no-pose" not in prove()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("causal-*.json")} == before
    bad = make_latents(tmp_path / "none", recipe, train=2, val=1)
    with pytest.raises(OpenRelicError, match="--palindromes"):
        run_proof(open_run(bad, read_recipe(recipe), str(recipe)), settings)
