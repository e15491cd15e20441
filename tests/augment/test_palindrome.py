"""Palindromes: indices by hand and by loop, pivots, and labels from the reversed poses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.palindrome import draw_pivot, palindrome_indices, pivot_range
from dataset.errors import OpenRelicError
from labeling.actions import actions_to_poses, motion_to_values, poses_to_actions, window_actions
from labeling.camera import rotation_distance_rad
from tests.labeling.paths import smooth_poses

quick = settings(derandomize=True, max_examples=40, deadline=None)


def test_indices_by_hand():
    assert palindrome_indices(3, 1).tolist() == [0, 1, 0]
    assert palindrome_indices(7, 3).tolist() == [0, 1, 2, 3, 2, 1, 0]
    assert palindrome_indices(7, 5).tolist() == [0, 1, 2, 3, 4, 5, 4]
    assert palindrome_indices(8, 4).tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert palindrome_indices(81, 40).dtype == np.int64


@quick
@given(st.integers(3, 400), st.data())
def test_indices_are_those_of_the_walk(length, data):
    smallest, largest = pivot_range(length)
    pivot = data.draw(st.integers(smallest, largest))
    walk, at, step = [], 0, 1
    while len(walk) < length:
        walk.append(at)
        step = -1 if at == pivot else step
        at += step
    assert palindrome_indices(length, pivot).tolist() == walk
    assert min(walk) >= 0 and walk.count(pivot) == 1


@pytest.mark.parametrize(("length", "pivot"), [(81, 39), (81, 80), (81, -1), (8, 3), (8, 7)])
def test_pivots_outside_the_range(length, pivot):
    with pytest.raises(OpenRelicError, match="allowed are"):
        palindrome_indices(length, pivot)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_windows_too_short(length):
    with pytest.raises(OpenRelicError, match="at least 3"):
        palindrome_indices(length, 1)


def test_pivots_are_uniform_and_reproducible():
    rng = np.random.default_rng(0)
    drawn = np.array([draw_pivot(9, rng) for _ in range(4000)])
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [4, 5, 6, 7]
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(750))
    assert draw_pivot(81, np.random.default_rng(3)) == draw_pivot(81, np.random.default_rng(3))


@quick
@given(st.integers(0, 2**32 - 1), st.sampled_from(["camera", "level"]))
def test_labels_integrate_to_the_reversed_poses(seed, rotation_frame):
    R, P = smooth_poses(81, seed)
    unit_m = poses_to_actions(R, P).unit_m
    order = palindrome_indices(81, draw_pivot(81, np.random.default_rng(seed)))
    actions = window_actions(R[order], P[order], unit_m, rotation_frame)
    R_back, P_back = actions_to_poses(actions, R[0], P[0])
    np.testing.assert_allclose(P_back, P[order], atol=1e-9)
    assert rotation_distance_rad(R_back, R[order]).max() < 1e-9
    assert actions.unit_m == unit_m


def test_reversed_steps_are_turned_ones_not_swapped_columns():
    """`d' = -dR d` and `dR' = dR^T`, step by step."""
    R, P = smooth_poses(21, 4)
    order = palindrome_indices(21, 10)
    forward = window_actions(R, P, 0.05, "camera").values
    backward = window_actions(R[order], P[order], 0.05, "camera").values
    for t in range(1, 11):
        dR = R[t] @ R[t - 1].T
        d = R[t - 1] @ (P[t] - P[t - 1])
        expected = motion_to_values((-dR @ d)[None] / 0.05, np.zeros((1, 3)))[1, :6]
        np.testing.assert_allclose(backward[21 - t, :6], expected, atol=1e-9)
    swapped = forward[1:11, [1, 0, 3, 2, 5, 4]][::-1]
    assert np.abs(backward[11:, :6] - swapped).max() > 1e-2
