"""Batches of samples for training: checked, shuffled, shared out to ranks, resumed exactly.

    loader = ShardLoader("workspace", "train", batch=4, size=(832, 480), rank=rank, ranks=ranks,
                         workers=4)
    for batch in loader:       # one epoch; the next `for` is the next epoch
        ...
        state = loader.state_dict()     # what has been handed out so far

The order follows from the seed, the epoch, the rank and the manifest alone: any number of workers
gives the same batches, and a loader with a `state_dict` loaded goes on with the very next batch.
Every rank gets equally many. Each rank reads its own samples, so a launcher must not shard the
batches again (with accelerate: do not `prepare` this loader).
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from dataset.errors import OpenRelicError
from dataset.latents.small_frames import read_resized
from dataset.resize import resize_intrinsics
from dataset.shards.loader import DamagedSampleError, DamagePolicy, Sample, read_sample
from dataset.shards.manifest import MANIFEST, SampleRow, Split, read_manifest
from dataset.shards.order import EpochOrder
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

STATE_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class ShardBatch:
    """B samples of T frames each, on the CPU.

    `frames` (B,T,H,W,3) uint8 RGB as they are played, or None; `intrinsics` (B,4) float64, fx, fy,
    cx, cy in pixels of `frames`; `index` (B,T) int64; `camera_from_world` (B,T,3,4) float64 in
    metres; `actions` (B,T,13) float32, in the units of each sample's `facts`.
    """

    keys: tuple[str, ...]
    captions: tuple[str, ...]
    facts: tuple[dict[str, Any], ...]
    frames: torch.Tensor | None
    intrinsics: torch.Tensor
    index: torch.Tensor
    camera_from_world: torch.Tensor
    actions: torch.Tensor
    # Samples that are damaged, for each of which the next one in stored order stands here.
    damage: dict[str, str]


class ShardLoader:
    """Iterating it gives the rest of an epoch, as `ShardBatch`es; then comes the next epoch."""

    def __init__(
        self,
        workspace: str,
        split: Split,
        *,
        batch: int,
        length: int | None = None,
        size: tuple[int, int] | None = None,
        pictures: bool = True,
        rank: int = 0,
        ranks: int = 1,
        workers: int = 0,
        seed: int = 0,
        shuffle: bool = True,
        damaged: DamagePolicy = "raise",
        check: bool = True,
    ) -> None:
        """Read the manifest.

        `length` chooses samples of one window length, and must be given where there are several.
        `size` is (width, height) after the centre crop. `damaged` is `raise`, or `skip`: the next
        undamaged sample in stored order then stands in, so counts stay equal, and `damage` tells.
        """
        opened = Workspace(workspace)
        manifest = read_manifest(opened)
        rows = _chosen(manifest, split, length, workspace)
        if batch < 1 or workers < 0:
            raise OpenRelicError(f"a batch of {batch} with {workers} workers; 1 and 0 are least")
        self.damage: dict[str, str] = {}
        self._samples = _Samples(workspace, rows, size, pictures, damaged, check)
        self._order = EpochOrder(
            count=len(rows), seed=seed, rank=rank, ranks=ranks, shuffle=shuffle
        )
        self._batch, self._workers = batch, workers
        self._epoch, self._done = 0, 0
        self._recipe = {
            "schema": STATE_SCHEMA,
            "manifest": hashlib.sha256(opened.read_bytes(MANIFEST)).hexdigest(),
            "split": split,
            "length": rows[0].length,
            "batch": batch,
            "ranks": ranks,
            "seed": seed,
            "shuffle": shuffle,
        }

    def __len__(self) -> int:
        """Batches in a whole epoch; the last one may be smaller, on every rank alike."""
        return -(-len(self._order) // self._batch)

    @property
    def epoch(self) -> int:
        """The epoch that the next batch belongs to."""
        return self._epoch

    def __iter__(self) -> Iterator[ShardBatch]:
        """The batches of this epoch that have not been handed out yet."""
        numbers = self._order.epoch(self._epoch).tolist()
        batches = [numbers[i : i + self._batch] for i in range(0, len(numbers), self._batch)]
        source = DataLoader(
            self._samples,
            batch_sampler=batches[self._done :],
            num_workers=self._workers,
            collate_fn=_collate,
        )
        for batch in source:
            if isinstance(batch, OpenRelicError):
                raise batch
            self._report(batch.damage)
            self._done += 1
            if self._done == len(batches):
                self._epoch, self._done = self._epoch + 1, 0
            yield batch

    def _report(self, damage: dict[str, str]) -> None:
        for key, text in damage.items():
            if key not in self.damage:
                log.warning("skipped: %s", text)
        self.damage.update(damage)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is; of batches that workers have read ahead nothing counts."""
        return {**self._recipe, "epoch": self._epoch, "batches_done": self._done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was; another dataset or another order raises `OpenRelicError`."""
        changed = [
            f"{name} was {state.get(name)!r} and is {value!r}"
            for name, value in self._recipe.items()
            if state.get(name) != value
        ]
        if changed:
            raise OpenRelicError(
                f"this state is of another loader ({'; '.join(changed)}): use the settings and the "
                "shards that it was saved with, or begin a new epoch"
            )
        self._epoch, self._done = int(state["epoch"]), int(state["batches_done"])


def _chosen(
    manifest: list[SampleRow], split: Split, length: int | None, workspace: str
) -> list[SampleRow]:
    rows = [row for row in manifest if row.split == split and length in (None, row.length)]
    there = sorted({(row.split, row.length) for row in manifest})
    listed = ", ".join(f"{name} of {frames} frames" for name, frames in there)
    wanted = f"{split} samples" + (f" of {length} frames" if length else "")
    if not rows:
        raise OpenRelicError(f"{workspace} has no {wanted}; it has {listed}")
    if len({row.length for row in rows}) > 1:
        raise OpenRelicError(f"{workspace} has {listed}: a batch needs one length, give `length`")
    return rows


@dataclass(frozen=True, kw_only=True)
class _Item:
    """One sample of a batch; `damage` is what was damaged before one was not."""

    sample: Sample
    frames: np.ndarray | None
    intrinsics: np.ndarray
    damage: dict[str, str]


class _Samples(Dataset):
    """Samples by number; each process opens the workspace for itself."""

    def __init__(
        self,
        workspace: str,
        rows: list[SampleRow],
        size: tuple[int, int] | None,
        pictures: bool,
        damaged: DamagePolicy,
        check: bool,
    ) -> None:
        self._location, self._rows = workspace, rows
        self._size, self._pictures = size, pictures
        self._damaged, self._check = damaged, check
        self._workspace: Workspace | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> _Item | OpenRelicError:
        """A sample, or what is wrong: torch would wrap an exception in its worker's traceback."""
        try:
            return self._item(number)
        except OpenRelicError as error:
            return error

    def _item(self, number: int) -> _Item:
        if self._workspace is None:
            self._workspace = Workspace(self._location)
        damage: dict[str, str] = {}
        for step in range(len(self._rows)):
            row = self._rows[(number + step) % len(self._rows)]
            try:
                sample = read_sample(self._workspace, row, check=self._check)
                return _Item(
                    sample=sample,
                    frames=self._frames(sample),
                    intrinsics=self._intrinsics(sample),
                    damage=damage,
                )
            except DamagedSampleError as error:
                if self._damaged == "raise":
                    raise
                damage[row.key] = str(error)
        raise OpenRelicError(f"every sample is damaged; the first: {next(iter(damage.values()))}")

    def _frames(self, sample: Sample) -> np.ndarray | None:
        if not self._pictures:
            return None
        if self._size is None:
            return np.stack(list(sample.frames()))
        try:
            stored = np.stack(list(read_resized(sample.mp4, *self._size)))
        except OpenRelicError as error:
            raise OpenRelicError(f"sample {sample.key}: {error}") from error
        return stored[sample.index]

    def _intrinsics(self, sample: Sample) -> np.ndarray:
        facts = sample.facts["intrinsics"]
        values = np.array([facts[name] for name in ("fx", "fy", "cx", "cy")], np.float64)
        if self._size is None:
            return values
        return resize_intrinsics(values, facts["width"], facts["height"], *self._size)


def _collate(items: list[_Item | OpenRelicError]) -> ShardBatch | OpenRelicError:
    found: list[_Item] = []
    for item in items:
        if isinstance(item, OpenRelicError):
            return item
        found.append(item)
    samples = [item.sample for item in found]
    frames = [item.frames for item in found if item.frames is not None]
    return ShardBatch(
        keys=tuple(sample.key for sample in samples),
        captions=tuple(sample.caption for sample in samples),
        facts=tuple(sample.facts for sample in samples),
        frames=_stacked(frames) if frames else None,
        intrinsics=_stacked([item.intrinsics for item in found]),
        index=_stacked([sample.index for sample in samples]),
        camera_from_world=_stacked([sample.camera_from_world for sample in samples]),
        actions=_stacked([sample.actions for sample in samples]),
        damage={key: text for item in found for key, text in item.damage.items()},
    )


def _stacked(arrays: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))
