"""The loader for training: order, ranks, workers, resuming, and every kind of damage."""

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dataset.errors import MissingInputError, OpenRelicError
from dataset.resize import resize_frame
from dataset.shards.loader import (
    DamagedSampleError,
    check_sample_bytes,
    iterate_samples,
    read_sample,
)
from dataset.shards.manifest import SampleRow, read_manifest
from dataset.shards.order import EpochOrder
from dataset.shards.torch_loader import ShardBatch, ShardLoader
from dataset.workspace import Workspace
from tests.dataset.scenes import HEIGHT, WIDTH


def loader(workspace: Workspace, **settings) -> ShardLoader:
    given = {"batch": 2, "pictures": False, "seed": 5, **settings}
    return ShardLoader(workspace.location, "train", **given)


def keys(batches: list[ShardBatch]) -> list[tuple[str, ...]]:
    return [batch.keys for batch in batches]


@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 3), st.integers(0, 5))
def test_every_rank_takes_equally_many_and_nothing_is_left_out(
    count: int, ranks: int, seed: int, epoch: int
) -> None:
    parts = [
        EpochOrder(count=count, seed=seed, rank=rank, ranks=ranks).epoch(epoch)
        for rank in range(ranks)
    ]
    assert {len(part) for part in parts} == {-(-count // ranks)}
    taken = Counter(np.concatenate(parts).tolist())
    assert set(taken) == set(range(count))
    assert sum(taken.values()) - count < ranks
    again = EpochOrder(count=count, seed=seed, ranks=ranks).epoch(epoch)
    np.testing.assert_array_equal(parts[0], again)


def test_epochs_and_seeds_differ() -> None:
    order = EpochOrder(count=50)
    assert order.epoch(0).tolist() != order.epoch(1).tolist()
    assert order.epoch(0).tolist() != EpochOrder(count=50, seed=1).epoch(0).tolist()
    plain = EpochOrder(count=5, ranks=2, rank=1, shuffle=False)
    assert plain.epoch(3).tolist() == [1, 3, 0]
    with pytest.raises(OpenRelicError, match="rank 2 of 2"):
        EpochOrder(count=5, rank=2, ranks=2)


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_resuming_is_exact(built: Workspace, ranks: int, workers: int) -> None:
    seen = Counter()
    for rank in range(ranks):
        whole = loader(built, batch=1, rank=rank, ranks=ranks)
        epochs = [keys(list(whole)), keys(list(whole))]
        assert epochs[0] != epochs[1]
        assert len(epochs[0]) == len(epochs[1]) == len(whole)
        stopped = loader(built, batch=1, rank=rank, ranks=ranks, workers=workers)
        got: list[tuple[str, ...]] = []
        for batch in stopped:  # workers have read further ahead than this
            got.append(batch.keys)
            if len(got) == 1:
                break
        resumed = loader(built, batch=1, rank=rank, ranks=ranks, workers=workers)
        resumed.load_state_dict(stopped.state_dict())
        got += keys(list(resumed))
        assert got == epochs[0]
        assert (resumed.epoch, keys(list(resumed))) == (1, epochs[1])
        seen.update(key for (key,) in got)
    train = [row.key for row in read_manifest(built) if row.split == "train"]
    assert set(seen) == set(train)


def test_a_state_of_other_shards_or_settings_is_refused(built: Workspace) -> None:
    state = loader(built).state_dict()
    with pytest.raises(OpenRelicError, match="ranks was 1 and is 2"):
        loader(built, ranks=2).load_state_dict(state)
    with pytest.raises(OpenRelicError, match="manifest was 'other'"):
        loader(built).load_state_dict({**state, "manifest": "other"})


def test_batches_are_the_samples(built: Workspace) -> None:
    samples = {sample.key: sample for sample in iterate_samples(built, "train")}
    found = 0
    for batch in loader(built, pictures=True, size=(64, 32), workers=1):
        assert batch.frames is not None and batch.frames.dtype == torch.uint8
        for number, key in enumerate(batch.keys):
            sample = samples[key]
            np.testing.assert_array_equal(batch.index[number], sample.index)
            np.testing.assert_array_equal(batch.actions[number], sample.actions)
            np.testing.assert_array_equal(batch.camera_from_world[number], sample.camera_from_world)
            assert batch.captions[number] == sample.caption
            exact = np.stack([resize_frame(frame, 64, 32) for frame in sample.frames()])
            assert np.abs(batch.frames[number].numpy().astype(int) - exact).mean() < 3
            found += 1
        # 160x96 keeps its middle 160x80: fx of 80 becomes 32, and the centre stays.
        assert batch.intrinsics[0].tolist() == pytest.approx([32, 32, 32, 16])
    assert found == len(samples)
    [first, *_] = loader(built, pictures=True)
    assert first.frames is not None and first.frames.shape[2:] == (HEIGHT, WIDTH, 3)
    exact = np.stack(list(samples[first.keys[0]].frames()))
    np.testing.assert_array_equal(first.frames[0].numpy(), exact)


def shard_of(workspace: Workspace, row: SampleRow) -> Path:
    return Path(workspace.location, "shards", row.shard)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


def damage(workspace: Workspace, kind: str) -> tuple[set[str], str]:
    """Damage a shard of the training split: the keys that are hit, and what is said of one."""
    rows = [row for row in read_manifest(workspace) if row.split == "train"]
    hit = rows[0]
    path = shard_of(workspace, hit)
    inside = {row.key for row in rows if row.shard == hit.shard}
    other = next(row for row in rows if row.shard != hit.shard)
    if kind == "flipped bit":
        flip(path, hit.offset + 700)
        return {hit.key}, "is damaged, its digest"
    if kind == "damaged header":
        flip(path, hit.offset + 3)
        return {hit.key}, "its tar header cannot be read"
    if kind == "truncated":
        last = max((row for row in rows if row.shard == hit.shard), key=lambda row: row.offset)
        os.truncate(path, last.offset + 600)
        return {last.key}, "is cut off"
    if kind == "missing":
        path.unlink()
        return inside, "the shard is not there"
    assert kind == "swapped"
    shutil.copyfile(shard_of(workspace, other), path)
    return inside, f"holds '{other.key}' in its place|is cut off|digest|header"


KINDS = ["flipped bit", "damaged header", "truncated", "missing", "swapped"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [0, 2])
def test_damage_is_never_silent(finished: Workspace, kind: str, workers: int) -> None:
    train = [row for row in read_manifest(finished) if row.split == "train"]
    hit, said = damage(finished, kind)
    for row in train:
        if row.key not in hit:
            read_sample(finished, row)
            continue
        for read in (read_sample, check_sample_bytes):
            with pytest.raises(DamagedSampleError, match=rf"^sample {row.key} in shards/.*{said}"):
                read(finished, row)
    with pytest.raises(DamagedSampleError, match="|".join(hit)):
        list(loader(finished, workers=workers))
    with pytest.raises(DamagedSampleError, match="|".join(hit)):
        list(iterate_samples(finished))
    skipping = loader(finished, workers=workers, damaged="skip")
    got = [key for batch in skipping for key in batch.keys]
    assert set(skipping.damage) == hit
    assert all(key in text for key, text in skipping.damage.items())
    assert len(got) == len(train)  # counts stay equal on all ranks
    assert set(got) == {row.key for row in train} - hit


def test_iterating_past_damage_warns(finished: Workspace, caplog) -> None:
    hit, _ = damage(finished, "flipped bit")
    found = {sample.key for sample in iterate_samples(finished, damaged="skip")}
    assert found == {row.key for row in read_manifest(finished)} - hit
    assert [key for key in hit if f"skipped: sample {key} in" in caplog.text] == list(hit)


def test_nothing_but_damage_is_an_error(finished: Workspace) -> None:
    for path in Path(finished.location, "shards").glob("train-*.tar"):
        path.unlink()
    with pytest.raises(OpenRelicError, match="every sample is damaged"):
        list(loader(finished, damaged="skip"))


def test_reading_unchecked_still_refuses_what_is_no_sample(finished: Workspace) -> None:
    row = read_manifest(finished)[0]
    flip(shard_of(finished, row), row.offset + 700)
    assert read_sample(finished, row, check=False).key == row.key  # nobody looked
    flip(shard_of(finished, row), row.offset + 3)
    with pytest.raises(DamagedSampleError, match="cannot be parsed"):
        read_sample(finished, row, check=False)


def test_what_is_not_there_is_said(built: Workspace, tmp_path: Path) -> None:
    with pytest.raises(OpenRelicError, match="no train samples of 161 frames; it has train of 81"):
        loader(built, length=161)
    with pytest.raises(MissingInputError, match="python -m dataset.build"):
        loader(Workspace(tmp_path))
