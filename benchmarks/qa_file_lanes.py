"""Damage of a clip's files for `benchmarks.qa`, before or after they are recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from dataset.clip import CAMERA, VIDEO
from dataset.video import cut_packets, probe


@dataclass(frozen=True, kw_only=True)
class FileDamage:
    """One kind: what it does at each strength in words, and the checks that may find it. `apply`
    changes the files of a copy in `folder`; with `recorded`, the record is made after that."""

    apply: Callable[[Path, int, np.random.Generator], None]
    strengths: tuple[str, str, str]
    checks: tuple[str, ...]
    recorded: bool


def bit_flips(folder: Path, strength: int, random: np.random.Generator) -> None:
    """Turn bits of the video over, anywhere in its pictures."""
    data = bytearray((folder / VIDEO).read_bytes())
    first = data.find(b"mdat") + 4
    for _ in range((1, 8, 64)[strength]):
        data[int(random.integers(first, len(data)))] ^= 1 << int(random.integers(8))
    (folder / VIDEO).write_bytes(bytes(data))


def truncate(folder: Path, strength: int, random: np.random.Generator) -> None:
    """Cut the end of the video's file off."""
    data = (folder / VIDEO).read_bytes()
    (folder / VIDEO).write_bytes(data[: -max(1, int(len(data) * (0.001, 0.1, 0.5)[strength]))])


def shorten(folder: Path, strength: int, random: np.random.Generator) -> None:
    """A proper video, but of fewer frames than the record says."""
    keep = probe(folder / VIDEO).frames - (1, 8, 32)[strength]
    cut_packets(folder / VIDEO, folder / "short.mp4", 0, keep)
    (folder / "short.mp4").replace(folder / VIDEO)


def lose_rows(folder: Path, strength: int, random: np.random.Generator) -> None:
    """Rows are missing in the middle of the track."""
    table, lost = pq.read_table(folder / CAMERA), (1, 4, 16)[strength]
    first = int(random.integers(8, len(table) - lost - 8))
    keep = [row for row in range(len(table)) if not first <= row < first + lost]
    pq.write_table(table.take(keep), folder / CAMERA)


FILES: dict[str, FileDamage] = {
    "bits turned over": FileDamage(
        apply=bit_flips, strengths=("1 bit", "8 bits", "64 bits"), checks=("damaged_files",),
        recorded=False,
    ),
    "truncated file": FileDamage(
        apply=truncate, strengths=("0.1 %", "10 %", "50 %"), checks=("damaged_files",),
        recorded=False,
    ),
    "bits turned over before the commit": FileDamage(
        apply=bit_flips, strengths=("1 bit", "8 bits", "64 bits"),
        checks=("undecodable_frames", "popping_share", "flow_error_deg"), recorded=True,
    ),
    "too short a video": FileDamage(
        apply=shorten, strengths=("1 frame", "8 frames", "32 frames"),
        checks=("undecodable_frames",), recorded=True,
    ),
    "rows of the track lost": FileDamage(
        apply=lose_rows, strengths=("1 row", "4 rows", "16 rows"), checks=("track_gaps",),
        recorded=True,
    ),
}  # fmt: skip
