"""Splits and the dealing of samples to shards."""

import dataclasses

import pytest

from dataset.errors import MissingInputError, OpenRelicError
from dataset.shards.layout import plan_shards, split_assets
from dataset.shards.planning import Recipe, plan_samples
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


ALL_TURNED = Recipe(palindromes=1.0, balance=0, val_share=0.4, test_share=0)


def test_three_splits() -> None:
    assets = [f"asset{i}" for i in range(400)]
    splits = list(split_assets(assets, 0.1, 0.2).values())
    assert 20 < splits.count("val") < 60 < splits.count("test") < 100
    for first in range(20):
        few = [f"asset{first + i}" for i in range(3)]
        assert sorted(split_assets(few, 0.1, 0.1).values()) == ["test", "train", "val"]
        assert sorted(split_assets(few[:2], 0.1, 0.1).values()) == ["train", "val"]
    with pytest.raises(OpenRelicError, match="both together below 1"):
        split_assets(assets, 0.5, 0.5)


def test_shards_do_not_hang_on_the_order_of_the_samples(captured: Workspace) -> None:
    plan = plan_samples(captured, ALL_TURNED)
    samples = plan.samples
    assert len(samples) == 10
    assert plan.remarks == ["Clips left out, shorter than 81 frames: beta-short-0d (60 frames)."]
    shards = plan_shards(samples, plan.splits, 300_000)
    assert shards == plan_shards(samples[::-1], plan.splits, 300_000)
    assert len(shards) > 3
    assert len(plan_shards(samples, plan.splits, 10**9)) == 2
    assert len(plan_shards(samples, plan.splits, 1)) == 10


def test_fingerprints_follow_the_inputs(captured: Workspace) -> None:
    plan = plan_samples(captured, ALL_TURNED)
    [shard, *_] = plan_shards(plan.samples, plan.splits, 10**9)
    first = shard.samples[0]
    relabelled = dataclasses.replace(first, label_digest="other")
    recaptured = dataclasses.replace(first, clip=dataclasses.replace(first.clip, retries=1))
    captioned = dataclasses.replace(first, caption="another")
    changed = [
        dataclasses.replace(shard, samples=(other, *shard.samples[1:])).fingerprint
        for other in (relabelled, recaptured, captioned)
    ]
    assert len({shard.fingerprint, *changed}) == 4


def test_missing_input_names_the_command(tmp_path) -> None:
    with pytest.raises(MissingInputError, match="python -m capture.run"):
        plan_samples(Workspace(tmp_path), Recipe())


def test_missing_labels_name_the_command(captured: Workspace) -> None:
    with pytest.raises(MissingInputError, match="python -m labeling.poses_to_actions .* --set o"):
        plan_samples(captured, Recipe(label_set="other"))


def test_clips_that_are_all_too_short(captured: Workspace) -> None:
    with pytest.raises(OpenRelicError, match="makes no sample.*317 frames: alpha-one-0a"):
        plan_samples(captured, Recipe(lengths=(317,)))
