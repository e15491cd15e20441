from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from dataset.errors import OpenRelicError
from dataset.latents.store import read_rows, read_sample
from labeling.actions import Actions, Thresholds, actions_to_poses
from labeling.camera import ue_to_camera
from tests.training.micro import make_latents, write_recipe
from training.data import LatentData


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("data")
    recipe = write_recipe(folder / "recipe.yaml")
    return make_latents(folder / "work", recipe, train=5, val=1)


def make(workspace, split="train", latents=21, seed=0) -> LatentData:
    return LatentData(workspace, read_rows(workspace), split, latents, seed)


def test_every_epoch_has_every_sample_once_in_another_order(workspace):
    data = make(workspace)
    epochs = [[data.index(5 * epoch + n) for n in range(5)] for epoch in range(6)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 3
    other = make(workspace, seed=1)
    assert [other.index(n) for n in range(30)] != sum(epochs, [])


def test_a_batch_has_a_number_not_a_history(workspace):
    first, second = make(workspace), make(workspace)
    for number in range(7):
        first.batch(number, 2)
    again = second.batch(7, 2)
    assert first.batch(7, 2).keys == again.keys
    assert torch.equal(first.batch(7, 2).latents, again.latents)


def test_ranks_share_an_epoch_without_overlap(workspace):
    data = make(workspace)
    whole = [key for n in range(5) for key in data.batch(n, 2).keys]
    ranks = [[data.batch(n, 1, rank, 2).keys[0] for n in range(5)] for rank in range(2)]
    assert [key for pair in zip(*ranks, strict=True) for key in pair] == whole
    assert set(Counter(whole).values()) == {2}


def test_a_shorter_window_is_the_beginning(workspace):
    row = read_rows(workspace)[0]
    stored = read_sample(workspace, row)
    data = make(workspace, latents=20)
    place = [row.key for row in data.rows].index(row.key)
    batch = data.samples([place])
    assert batch.latents.shape == (1, 4, 20, 4, 8)
    assert batch.actions.shape == (1, 77, 13) and batch.poses.shape == (1, 77, 12)
    np.testing.assert_array_equal(batch.latents[0], stored.latents[:, :20])
    np.testing.assert_array_equal(batch.actions[0], stored.actions[:77])
    assert batch.texts == ("a wall with coloured tiles",)


def test_poses_are_the_labels_integrated_from_the_first_camera(workspace):
    batch = make(workspace).samples([0])
    expected = pan_only(batch.actions[0].numpy())
    np.testing.assert_allclose(batch.poses[0, :, :9].reshape(-1, 3, 3), expected, atol=1e-5)


def pan_only(actions: np.ndarray) -> np.ndarray:
    """Rotations from the identity, by the labels' own module."""
    active = actions > 0
    made = Actions(
        values=actions.astype(np.float64), active=active, unit_m=1.0, unit_deg=1.0,
        rotation_frame="camera", thresholds=Thresholds(),
    )  # fmt: skip
    R, _ = actions_to_poses(made, np.eye(3), np.zeros(3))
    return R


def test_level_poses_start_from_the_first_pitch(tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml")
    workspace = make_latents(tmp_path / "work", recipe, train=1, val=0, rotation_frame="level")
    data = make(workspace)
    batch = data.samples([0])
    yaw = (batch.actions[0, :, 9] - batch.actions[0, :, 8]).double().cumsum(0).numpy()
    rotation = np.stack([np.full_like(yaw, 5.0), yaw, np.zeros_like(yaw)], -1)
    R, _ = ue_to_camera(np.zeros((len(yaw), 3)), rotation)
    found = batch.poses[0, :, :9].reshape(-1, 3, 3).numpy()
    np.testing.assert_allclose(found, R @ R[0].T, atol=1e-4)
    assert data.rotation_frame == "level"


def test_no_window_is_long_enough(workspace):
    with pytest.raises(OpenRelicError, match="no train sample has 161 frames"):
        make(workspace, latents=41)
    with pytest.raises(OpenRelicError, match="no test sample"):
        make(workspace, split="test")


def test_two_rotation_frames_are_refused(workspace):
    rows = read_rows(workspace)
    mixed = [replace(rows[0], rotation_frame="level"), *rows[1:]]
    with pytest.raises(OpenRelicError, match="several rotation frames"):
        LatentData(workspace, mixed, "train", 21, 0)
