"""Splits and the dealing of samples to shards."""

import dataclasses

import pytest

from dataset.errors import MissingInputError, OpenRelicError
from dataset.shards.layout import plan_samples, plan_shards, split_assets
from dataset.workspace import Workspace


def test_splits_of_assets() -> None:
    assets = [f"asset{i}" for i in range(400)]
    splits = split_assets(assets, 0.1)
    assert splits == split_assets(reversed(assets), 0.1)
    assert 20 < sum(split == "val" for split in splits.values()) < 60
    # An asset keeps its split when others are added.
    some = split_assets(assets[:200], 0.1)
    assert all(splits[asset] == split for asset, split in some.items())


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_neither_split_is_empty(share: float) -> None:
    for first in range(20):
        splits = split_assets([f"asset{first}", f"asset{first + 1}"], share)
        assert sorted(splits.values()) == ["train", "val"]
    assert split_assets(["only"], share) == {"only": "train"}


def test_no_validation_where_none_is_wanted() -> None:
    assert set(split_assets([f"asset{i}" for i in range(50)], 0).values()) == {"train"}
    with pytest.raises(OpenRelicError, match="val share is 1"):
        split_assets(["a"], 1)


def test_shards_do_not_hang_on_the_order_of_the_samples(captured: Workspace) -> None:
    samples, remarks = plan_samples(captured, "default", (81,), 1.0, 0)
    assert len(samples) == 10
    assert remarks == ["Clips left out, shorter than 81 frames: beta-short-0d (60 frames)."]
    shards = plan_shards(samples, 0.4, 300_000)
    assert shards == plan_shards(samples[::-1], 0.4, 300_000)
    assert len(shards) > 3
    assert len(plan_shards(samples, 0.4, 10**9)) == 2
    assert len(plan_shards(samples, 0.4, 1)) == 10


def test_fingerprints_follow_the_inputs(captured: Workspace) -> None:
    samples, _ = plan_samples(captured, "default", (81,), 1.0, 0)
    [shard, *_] = plan_shards(samples, 0.4, 10**9)
    first = shard.samples[0]
    relabelled = dataclasses.replace(first, label_digest="other")
    recaptured = dataclasses.replace(first, clip=dataclasses.replace(first.clip, retries=1))
    changed = [
        dataclasses.replace(shard, samples=(other, *shard.samples[1:])).fingerprint
        for other in (relabelled, recaptured)
    ]
    assert len({shard.fingerprint, *changed}) == 3


def test_missing_input_names_the_command(tmp_path) -> None:
    with pytest.raises(MissingInputError, match="python -m capture.run"):
        plan_samples(Workspace(tmp_path), "default", (81,), 1.0, 0)


def test_missing_labels_name_the_command(captured: Workspace) -> None:
    with pytest.raises(MissingInputError, match="python -m labeling.poses_to_actions .* --set o"):
        plan_samples(captured, "other", (81,), 1.0, 0)


def test_clips_that_are_all_too_short(captured: Workspace) -> None:
    with pytest.raises(OpenRelicError, match="makes no sample.*317 frames: alpha-one-0a"):
        plan_samples(captured, "default", (317,), 1.0, 0)
