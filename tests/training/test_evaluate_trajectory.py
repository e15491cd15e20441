"""Alignment and errors of camera paths: against evo, by invariance, and where evo has no answer."""

import copy

import numpy as np
import pytest
from evo.core import geometry, metrics, trajectory
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.actions import integrate
from labeling.camera import camera_to_world
from training.evaluate.estimators import Path
from training.evaluate.scripts import SCRIPTS
from training.evaluate.trajectory import align, relative_errors, score_path, umeyama

SEEDS = st.integers(0, 2**32 - 1)


def walk(seed: int, frames: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A smooth path with all six motions."""
    random = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(np.cumsum(random.normal(0, 0.05, (frames, 3)), axis=0))
    return turns.as_matrix(), np.cumsum(random.normal(0, 1, (frames, 3)), axis=0)


def noisy(R: np.ndarray, P: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(random.normal(0, 0.02, (len(R), 3))).as_matrix()
    return turns @ R, P + random.normal(0, 0.2, P.shape)


def moved(R: np.ndarray, P: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same path in another world, at another scale."""
    random = np.random.default_rng(seed)
    turn = Rotation.random(rng=random).as_matrix()
    return R @ turn.T, random.uniform(0.1, 10.0) * P @ turn.T + random.normal(0, 5, 3)


def path(R: np.ndarray, P: np.ndarray, tracked: np.ndarray | None = None) -> Path:
    there = np.ones(len(P), bool) if tracked is None else tracked
    return Path(R_cam_from_world=R, position=P, tracked=there)


def evo_path(R: np.ndarray, P: np.ndarray) -> trajectory.PosePath3D:
    return trajectory.PosePath3D(poses_se3=list(camera_to_world(R, P)))


def evo_rms(reference, estimate, relation, delta: int | None = None) -> float:
    if delta is None:
        metric = metrics.APE(relation)
    else:
        metric = metrics.RPE(relation, delta=delta, delta_unit=metrics.Unit.frames, all_pairs=True)
    metric.process_data((reference, estimate))
    return metric.get_statistic(metrics.StatisticsType.rmse)


@pytest.mark.parametrize("delta", [1, 8])
@pytest.mark.parametrize("seed", range(4))
def test_scores_are_evos(seed: int, delta: int) -> None:
    R, P = walk(seed)
    R_found, P_found = moved(*noisy(R, P, seed + 1), seed + 2)
    scores = score_path(path(R_found, P_found), R, P, delta=delta)
    reference, estimate = evo_path(R, P), evo_path(R_found, P_found)
    estimate.align(reference, correct_scale=True)
    part = metrics.PoseRelation.translation_part
    angle = metrics.PoseRelation.rotation_angle_deg
    assert scores.aligned_by == "umeyama" and scores.pairs == len(P) - delta
    assert scores.ate == pytest.approx(evo_rms(reference, estimate, part), abs=1e-9)
    expected = evo_rms(reference, estimate, part, delta)
    assert scores.rpe_translation == pytest.approx(expected, abs=1e-9)
    expected = evo_rms(reference, estimate, angle, delta)
    assert scores.rpe_rotation_deg == pytest.approx(expected, abs=1e-9)


@given(seed=SEEDS, scaled=st.booleans(), mirrored=st.booleans(), flat=st.booleans())
@settings(max_examples=60, deadline=None)
def test_alignment_is_evos_also_of_mirrored_and_flat_points(
    seed: int, scaled: bool, mirrored: bool, flat: bool
) -> None:
    random = np.random.default_rng(seed)
    source = random.normal(size=(20, 3)) * [1.0, 1.0, 0.0 if flat else 1.0]
    target = moved(np.eye(3)[None], source, seed)[1] + random.normal(0, 0.05, source.shape)
    target *= [1.0, 1.0, -1.0 if mirrored else 1.0]
    rotation, translation, scale = geometry.umeyama_alignment(source.T, target.T, scaled)
    found = umeyama(source, target, with_scale=scaled)
    assert found is not None
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-9)
    np.testing.assert_allclose(found.translation, translation, atol=1e-9)
    assert found.scale == pytest.approx(scale, abs=1e-9)
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_estimates_world_and_scale_do_not_matter(seed: int) -> None:
    R, P = walk(seed % 1000)
    estimate = noisy(R, P, seed)
    here = score_path(path(*estimate), R, P)
    there = score_path(path(*moved(*estimate, seed + 1)), R, P)
    assert there.rpe_translation == pytest.approx(here.rpe_translation, rel=1e-9)
    assert there.rpe_rotation_deg == pytest.approx(here.rpe_rotation_deg, rel=1e-6)
    assert there.ate == pytest.approx(here.ate, rel=1e-9)
    exact = score_path(path(*moved(R, P, seed)), R, P)
    assert exact.rpe_translation is not None and exact.rpe_translation < 1e-9
    assert exact.rpe_rotation_deg is not None and exact.rpe_rotation_deg < 1e-9


def test_known_noise_gives_a_known_error() -> None:
    """Independent noise s an axis on every position: sqrt(6) s between two of them."""
    R, P = walk(0, frames=4000)
    sigma = 0.01
    random = np.random.default_rng(1)
    found = P + random.normal(0, sigma, P.shape)
    turned = Rotation.from_rotvec(np.deg2rad(random.normal(0, 0.1, P.shape))).as_matrix() @ R
    scores = score_path(path(turned, P), R, P)
    assert scores.rpe_rotation_deg == pytest.approx(0.1 * np.sqrt(6), rel=0.03)
    scores = score_path(path(R, found), R, P)
    assert scores.rpe_translation == pytest.approx(sigma * np.sqrt(6), rel=0.03)
    assert scores.ate == pytest.approx(sigma * np.sqrt(3), rel=0.03)


def script_path(name: str) -> tuple[np.ndarray, np.ndarray]:
    (script,) = (one for one in SCRIPTS if one.name == name)
    start = Rotation.from_euler("xyz", [20, -30, 50], degrees=True).as_matrix()
    return integrate(
        script.rows, start, np.array([3.0, -2.0, 1.0]), unit_m=1.0, rotation_frame="camera"
    )


@pytest.mark.parametrize("name", ["dolly", "truck", "pedestal", "return"])
def test_a_straight_line_is_aligned_by_its_orientations(name: str) -> None:
    R, P = script_path(name)
    scores = score_path(path(*moved(R, P, 3)), R, P)
    assert scores.aligned_by == "orientations"
    assert scores.rpe_translation == pytest.approx(0.0, abs=1e-8)
    assert scores.ate == pytest.approx(0.0, abs=1e-7)
    # A camera that goes aside where it was told to go ahead is not turned until it fits.
    line = P[20] - P[0]
    across = np.cross(line, [0.3, 0.5, 0.8]) / np.linalg.norm(np.cross(line, [0.3, 0.5, 0.8]))
    aside = P @ Rotation.from_rotvec(np.pi / 2 * across).as_matrix().T
    wrong = score_path(path(R, aside), R, P)
    steps = np.linalg.norm(np.diff(P, axis=0), axis=1)
    assert wrong.rpe_translation == pytest.approx(np.sqrt(np.mean(steps**2)))
    # Backwards is no answer either: a scale is not negative.
    assert score_path(path(R, -P), R, P).scale == 0.0


def test_evo_has_no_alignment_where_ours_takes_orientations() -> None:
    for name in ("pan", "tilt", "roll"):
        R, P = script_path(name)
        estimate = evo_path(R, noisy(R, P, 1)[1])
        with pytest.raises(geometry.GeometryException):
            copy.deepcopy(estimate).align(evo_path(R, P), correct_scale=True)


@pytest.mark.parametrize("name", ["pan", "tilt", "roll"])
def test_a_camera_that_only_turns_has_a_drift_and_no_translation_error(name: str) -> None:
    R, P = script_path(name)
    R_found, P_found = moved(*noisy(R, P, 2), 3)
    scores = score_path(path(R_found, P_found), R, P)
    assert (scores.rpe_translation, scores.ate, scores.aligned_by) == (None, None, "orientations")
    assert scores.drift == pytest.approx(np.linalg.norm(P_found - P_found[0], axis=1).max())
    # The chordal mean takes the other world's orientation out.
    assert scores.rpe_rotation_deg == pytest.approx(
        score_path(path(noisy(R, P, 2)[0], P), R, P).rpe_rotation_deg, rel=1e-6
    )
    exact = score_path(path(*moved(R, P, 3)), R, P)
    assert exact.rpe_rotation_deg == pytest.approx(0.0, abs=1e-9)


def test_the_chordal_mean_is_scipys() -> None:
    R, P = script_path("roll")
    R_found = moved(*noisy(R, P, 5), 6)[0]
    fit, _ = align(R_found, np.zeros_like(P), R, P)
    expected = Rotation.from_matrix(np.swapaxes(R, 1, 2) @ R_found).mean().as_matrix()
    np.testing.assert_allclose(fit.rotation, expected, atol=1e-9)


def test_a_frozen_picture_has_every_step_wrong() -> None:
    R, P = script_path("curves")
    still = path(np.tile(np.eye(3), (len(P), 1, 1)), np.zeros_like(P))
    scores = score_path(still, R, P)
    steps = np.linalg.norm(np.diff(P, axis=0), axis=1)
    assert scores.rpe_translation == pytest.approx(np.sqrt(np.mean(steps**2)))
    assert scores.scale == 0.0


def test_lost_frames_are_left_out() -> None:
    R, P = walk(0)
    R_found, P_found = moved(R, P, 1)
    lost = np.zeros(len(P), bool)
    lost[10:20] = True
    P_found[10:20], R_found[10:20] = 99.0, R_found[9]
    scores = score_path(path(R_found, P_found, ~lost), R, P, delta=2)
    assert scores.rpe_translation == pytest.approx(0.0, abs=1e-9)
    assert scores.tracked == 0.75 and scores.pairs == len(P) - 2 - 12 and not scores.failed
    nothing = score_path(path(R_found, P_found, np.zeros(len(P), bool)), R, P)
    assert nothing.rpe_rotation_deg is None and nothing.failed and nothing.pairs == 0


def test_relative_errors_are_of_motions_not_of_poses() -> None:
    R, P = walk(4)
    length, angle_deg = relative_errors(R, P, *moved(R, P, 0), 1)
    assert angle_deg.max() < 1e-6  # another world is no rotation error
    assert length.max() > 0.1  # another scale is a translation error


def test_paths_that_do_not_fit_are_refused() -> None:
    R, P = walk(0)
    with pytest.raises(OpenRelicError, match="one length"):
        score_path(path(R[1:], P[1:]), R, P)
    with pytest.raises(OpenRelicError, match="delta 40"):
        score_path(path(R, P), R, P, delta=40)


def test_a_line_that_was_printed_is_still_a_line() -> None:
    """UnrealCV prints 0.001 cm: the bend that this leaves says nothing about the roll."""
    R, P = script_path("dolly")
    printed = np.round(P * 0.05, 5) / 0.05
    scores = score_path(path(*moved(R, P, 3)), R, printed)
    assert scores.aligned_by == "orientations"
    assert scores.rpe_translation == pytest.approx(0.0, abs=1e-3)
