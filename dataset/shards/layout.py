"""In which split and which shard each sample stands, settled before anything is written.

A split is by asset: scenes that share an asset never stand in two splits. Clips follow one another
in the order of a hash of their tour, which mixes scenes within a shard, and the windows of a clip
stay together, so that a clip is read once.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from dataset.clip import VIDEO, Clip
from dataset.errors import OpenRelicError
from dataset.shards.manifest import SPLITS, Split
from dataset.shards.samples import SAMPLE_SCHEMA
from dataset.shards.windows import Window
from dataset.workspace import json_bytes

# Bytes of a sample beside its video: 96 + 52 + 8 a frame in the arrays, then tar headers and JSON.
BYTES_A_FRAME = 156
BYTES_A_SAMPLE = 8192


@dataclass(frozen=True, kw_only=True)
class PlannedSample:
    """A window, the clip that it is cut from, the digest of that clip's label file, a caption."""

    window: Window
    clip: Clip
    label_digest: str
    caption: str

    @property
    def estimated_bytes(self) -> int:
        """About what the sample takes in a shard."""
        video = self.clip.files[VIDEO].bytes * self.window.stored_frames // self.clip.frames
        return video + BYTES_A_FRAME * self.window.length + BYTES_A_SAMPLE


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard that is to be, `shards/<split>-NNNNNN.tar`."""

    split: Split
    number: int
    samples: tuple[PlannedSample, ...]

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return f"{self.split}-{self.number:06d}"

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.stem}.tar"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that its bytes follow from."""
        inputs = [[s.window.key, s.clip.digest, s.label_digest, s.caption] for s in self.samples]
        recipe = {"schema": SAMPLE_SCHEMA, "split": self.split, "samples": inputs}
        return hashlib.sha256(json_bytes(recipe)).hexdigest()


def split_assets(
    assets: Iterable[str], val_share: float, test_share: float = 0.0
) -> dict[str, Split]:
    """The split of each asset, by a hash of its name, so that it keeps it when others are added.

    Hashes from 0 on are val, then test, the rest train. A split with a share of more than 0 is not
    empty, as far as there are assets: val comes before test, and train before both. What is lacking
    is taken from the ends of the ranking by hash.
    """
    if not (0 <= val_share < 1 and 0 <= test_share < 1 and val_share + test_share < 1):
        raise OpenRelicError(
            f"the val share is {val_share} and the test share {test_share}; each must be at least "
            "0, and both together below 1"
        )
    ranked = sorted(set(assets), key=_unit_hash)
    splits: dict[str, Split] = {
        asset: _split_of(_unit_hash(asset), val_share, test_share) for asset in ranked
    }
    if len(ranked) == 1:
        return {ranked[0]: "train"}
    if ranked:
        splits[ranked[-1]] = "train"
    if len(ranked) > 1 and val_share > 0:
        splits[ranked[0]] = "val"
    if len(ranked) > 2 and test_share > 0 and "test" not in splits.values():
        splits[ranked[1]] = "test"
    return splits


def _split_of(place: float, val_share: float, test_share: float) -> Split:
    if place < val_share:
        return "val"
    return "test" if place < val_share + test_share else "train"


def _unit_hash(text: str) -> float:
    """A number in [0, 1) that follows from the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def plan_shards(
    samples: Sequence[PlannedSample], splits: Mapping[str, Split], shard_bytes: int
) -> list[Shard]:
    """Deal the samples to shards of about `shard_bytes`; the order of `samples` does not matter."""
    ordered = sorted(samples, key=lambda s: (_unit_hash(s.clip.tour_id), s.window.key))
    shards: list[Shard] = []
    for split in SPLITS:
        chosen = [sample for sample in ordered if splits[sample.clip.asset] == split]
        shards += [
            Shard(split=split, number=number, samples=tuple(group))
            for number, group in enumerate(_groups(chosen, shard_bytes))
        ]
    return shards


def _groups(samples: list[PlannedSample], limit: int) -> list[list[PlannedSample]]:
    """Consecutive samples in groups of about `limit` bytes, never of none."""
    groups: list[list[PlannedSample]] = []
    filled = 0
    for sample in samples:
        if not groups or filled + sample.estimated_bytes > limit:
            groups.append([])
            filled = 0
        groups[-1].append(sample)
        filled += sample.estimated_bytes
    return groups


def by_clip(samples: Iterable[PlannedSample]) -> list[tuple[Clip, list[PlannedSample]]]:
    """The samples grouped by their clip, in their order."""
    groups = groupby(samples, key=lambda sample: sample.clip.tour_id)
    listed = [list(group) for _, group in groups]
    return [(group[0].clip, group) for group in listed]
