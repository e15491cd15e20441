"""Samples as they come back from the shards, against the clips that they were made from."""

import functools
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset.clip import VIDEO, read_clip, read_track
from dataset.errors import OpenRelicError
from dataset.shards.loader import Sample, iterate_samples
from dataset.shards.manifest import read_manifest
from dataset.video import read_frames
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, integrate
from labeling.camera import poses_from_extrinsics
from labeling.store import read_labels
from tests.dataset.conftest import SMALL_SHARDS
from tests.dataset.scenes import HEIGHT, WIDTH, build


@pytest.fixture(scope="module")
def samples(built: Workspace) -> list[Sample]:
    return list(iterate_samples(built))


def source_frames(built: Workspace, sample: Sample) -> np.ndarray:
    """Frames of the clip that the sample should show, by the definition of a palindrome."""
    return clip_frames(built.location, sample.row.tour)[source_numbers(sample)]


@functools.cache
def clip_frames(location: str, tour_id: str) -> np.ndarray:
    workspace = Workspace(location)
    clip = read_clip(workspace, tour_id)
    assert clip is not None
    return np.stack(list(read_frames(Path(location, clip.path(VIDEO)))))


def source_numbers(sample: Sample) -> list[int]:
    pivot = sample.row.pivot if sample.row.pivot is not None else sample.row.length
    numbers = [*range(pivot + 1), *range(pivot - 1, -1, -1)][: sample.row.length]
    return [sample.row.first_frame + number for number in numbers]


def test_every_window_and_every_palindrome_is_there(samples: list[Sample]) -> None:
    assert len(samples) == 10
    assert sum(sample.row.pivot is not None for sample in samples) == 5
    assert all(sample.index.dtype == np.int64 for sample in samples)


def test_frames_are_the_clips_pixel_for_pixel(built: Workspace, samples: list[Sample]) -> None:
    for sample in samples:
        np.testing.assert_array_equal(np.stack(list(sample.frames())), source_frames(built, sample))
        stored = np.stack(list(sample.stored_frames()))
        assert len(stored) == sample.index.max() + 1
        np.testing.assert_array_equal(stored[sample.index], source_frames(built, sample))


def test_cameras_are_the_clips(built: Workspace, samples: list[Sample]) -> None:
    for sample in samples:
        clip = read_clip(built, sample.row.tour)
        assert clip is not None
        track, numbers = read_track(built, clip), source_numbers(sample)
        # By the convention's own words, not by labeling.camera: the centre with Unreal's y
        # mirrored, and the view direction of pitch and yaw.
        R, t = sample.camera_from_world[..., :3], sample.camera_from_world[..., 3]
        centre = -np.einsum("tij,ti->tj", R, t)
        np.testing.assert_allclose(centre, track.location_cm[numbers] / [100, -100, 100], atol=1e-9)
        pitch, yaw, _ = np.deg2rad(track.rotation_deg[numbers]).T
        view = [np.cos(pitch) * np.cos(yaw), -np.cos(pitch) * np.sin(yaw), np.sin(pitch)]
        np.testing.assert_allclose(R[:, 2], np.stack(view, axis=1), atol=1e-9)


def test_actions_of_a_window_are_the_clips(built: Workspace, samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.actions.dtype == np.float32
        assert sample.actions[0].tolist() == [0] * 12 + [1]
        assert (sample.actions >= 0).all()
        if sample.row.pivot is None:
            labels = read_labels(built, "default", sample.row.tour).values
            expected = labels[source_numbers(sample)].astype(np.float32)
            np.testing.assert_array_equal(sample.actions[1:], expected[1:])


def test_actions_lead_along_the_poses(samples: list[Sample]) -> None:
    for sample in samples:
        R, P = poses_from_extrinsics(sample.camera_from_world)
        units = sample.facts["units"]
        R_found, P_found = integrate(
            sample.actions, R[0], P[0], unit_m=units["translation_m"],
            unit_deg=units["rotation_deg"], rotation_frame=sample.facts["rotation_frame"],
        )  # fmt: skip
        np.testing.assert_allclose(P_found, P, atol=1e-6)
        turned = Rotation.from_matrix(R_found @ R.transpose(0, 2, 1)).magnitude()
        assert np.rad2deg(turned).max() < 1e-4


def test_a_palindromes_way_back_undoes_its_way_out(samples: list[Sample]) -> None:
    """d' = -dR d, checked on the stored rows of the way out and back."""
    sample = next(s for s in samples if s.row.pivot is not None and s.row.tour == "alpha-one-0a")
    pivot = sample.row.pivot
    assert pivot is not None
    R, _ = poses_from_extrinsics(sample.camera_from_world)
    for step in range(1, sample.row.length - pivot):
        out, back = pivot - step + 1, pivot + step
        dR = R[out] @ R[out - 1].T
        np.testing.assert_allclose(
            translation(sample, back), -dR @ translation(sample, out), atol=1e-6
        )


def translation(sample: Sample, row: int) -> np.ndarray:
    named = dict(zip(ACTIONS, sample.actions[row].astype(float), strict=True))
    return np.array([
        named["truck_right"] - named["truck_left"],
        named["pedestal_down"] - named["pedestal_up"],
        named["dolly_in"] - named["dolly_out"],
    ])  # fmt: skip


def test_facts(built: Workspace, samples: list[Sample]) -> None:
    by_tour = {sample.row.tour: sample for sample in samples}
    assert by_tour["alpha-one-0a"].caption == "A room with a lamp."
    assert by_tour["beta-0c"].caption == ""
    assert by_tour["alpha-two-0b"].facts["rotation_frame"] == "level"
    for sample in samples:
        facts, clip = sample.facts, read_clip(built, sample.row.tour)
        assert clip is not None
        assert facts["clip"] == {"tour_id": clip.tour_id, "digest": clip.digest}
        assert facts["intrinsics"] == {
            "fx": pytest.approx(WIDTH / 2), "fy": pytest.approx(WIDTH / 2),
            "cx": WIDTH / 2, "cy": HEIGHT / 2, "width": WIDTH, "height": HEIGHT,
        }  # fmt: skip
        assert (facts["fps"], facts["licence"], facts["asset"]) == (16, "CC0-1.0", clip.asset)
        assert (facts["pivot"], facts["length"]) == (sample.row.pivot, 81)
        labels = read_labels(built, "default", sample.row.tour)
        assert facts["units"] == {
            "camera": "metre", "translation_m": labels.unit_m, "rotation_deg": 1.0,
        }  # fmt: skip


def test_assets_stand_in_one_split(built: Workspace) -> None:
    splits: dict[str, set[str]] = {}
    for row in read_manifest(built):
        splits.setdefault(row.asset, set()).add(row.split)
    assert sorted(map(len, splits.values())) == [1, 1]
    assert {split for of in splits.values() for split in of} == {"train", "val"}
    trained = list(iterate_samples(built, "train"))
    assert 0 < len(trained) < 10
    assert {sample.row.split for sample in trained} == {"train"}
    assert list(iterate_samples(built, length=161)) == []


def test_a_clip_that_was_damaged_after_its_commit_is_refused(fresh: Workspace) -> None:
    clip = read_clip(fresh, "beta-0c")
    assert clip is not None and fresh.local_root is not None
    path = fresh.local_root / clip.path(VIDEO)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(OpenRelicError, match=r"clips/beta-0c/a1/video.mp4 is damaged"):
        build(fresh, *SMALL_SHARDS)
    assert not fresh.exists("shards/manifest.parquet")
