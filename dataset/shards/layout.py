"""Which samples stand in which split and which shard, settled before anything is written.

A split is by asset: scenes that share an asset never stand in two splits. Clips follow one another
in the order of a hash of their tour, which mixes scenes within a shard, and the windows of a clip
stay together, so that a clip is read once.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from dataset.clip import VIDEO, Clip, require_clips
from dataset.errors import OpenRelicError
from dataset.shards.manifest import SPLITS, Split
from dataset.shards.samples import SAMPLE_SCHEMA
from dataset.shards.windows import Window, clip_samples
from dataset.workspace import Workspace, json_bytes
from labeling.store import label_path, require_labels

# Bytes of a sample beside its video: 96 + 52 + 8 a frame in the arrays, then tar headers and JSON.
BYTES_A_FRAME = 156
BYTES_A_SAMPLE = 8192


@dataclass(frozen=True, kw_only=True)
class PlannedSample:
    """A window, the clip that it is cut from, and the digest of that clip's label file."""

    window: Window
    clip: Clip
    label_digest: str

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
        inputs = [[s.window.key, s.clip.digest, s.label_digest] for s in self.samples]
        recipe = {"schema": SAMPLE_SCHEMA, "split": self.split, "samples": inputs}
        return hashlib.sha256(json_bytes(recipe)).hexdigest()


def plan_samples(
    workspace: Workspace, label_set: str, lengths: tuple[int, ...], palindromes: float, seed: int
) -> tuple[list[PlannedSample], list[str]]:
    """Every sample of every clip, and remarks on the clips that are left out.

    Raises `MissingInputError` where clips or labels are missing, and `OpenRelicError` where no
    clip is long enough.
    """
    samples: list[PlannedSample] = []
    short: list[str] = []
    for clip in require_clips(workspace):
        require_labels(workspace, label_set, clip)
        labels = workspace.read_bytes(label_path(label_set, clip.tour_id))
        digest = hashlib.sha256(labels).hexdigest()
        windows = clip_samples(clip.tour_id, clip.frames, lengths, palindromes, seed)
        samples += [PlannedSample(window=w, clip=clip, label_digest=digest) for w in windows]
        if not windows:
            short.append(f"{clip.tour_id} ({clip.frames} frames)")
    remark = f"Clips left out, shorter than {min(lengths)} frames: {', '.join(short)}."
    if not samples:
        raise OpenRelicError(f"{workspace.location} makes no sample. {remark}")
    return samples, [remark] if short else []


def split_assets(assets: Iterable[str], val_share: float) -> dict[str, Split]:
    """The split of each asset, by a hash of its name, so that it keeps it when others are added.

    With `val_share` > 0 and at least two assets neither split is empty: the asset with the lowest
    hash is moved to val, or the one with the highest to train.
    """
    if not 0 <= val_share < 1:
        raise OpenRelicError(f"the val share is {val_share}; it must be at least 0 and below 1")
    ranked = sorted(set(assets), key=_unit_hash)
    splits: dict[str, Split] = {
        asset: "val" if _unit_hash(asset) < val_share else "train" for asset in ranked
    }
    if len(ranked) == 1:
        return {ranked[0]: "train"}
    if ranked and val_share > 0:
        splits[ranked[0]], splits[ranked[-1]] = "val", "train"
    return splits


def _unit_hash(text: str) -> float:
    """A number in [0, 1) that follows from the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def plan_shards(
    samples: Sequence[PlannedSample], val_share: float, shard_bytes: int
) -> list[Shard]:
    """Deal the samples to shards of about `shard_bytes`; the order of `samples` does not matter."""
    splits = split_assets((sample.clip.asset for sample in samples), val_share)
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
