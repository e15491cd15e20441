"""The manifest of the shards: `shards/manifest.parquet`, a row a sample.

It is the build's commit record, written last and removed before any shard changes: what it lists
is there, and has the digests that it gives.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import SHARDS, Workspace

MANIFEST = f"{SHARDS}/manifest.parquet"

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class SampleRow:
    """A sample and where it lies: `size` bytes from byte `offset` of `shards/<shard>`.

    The range holds whole tar entries, header of the first to padding of the last; `blake3` is
    its BLAKE3 digest: SHA-256 would take longer than all else of reading a sample.
    """

    key: str
    split: Split
    shard: str
    offset: int
    size: int
    blake3: str
    tour: str
    clip_digest: str
    scene: str
    asset: str
    licence: str
    kind: str  # of the tour: single, mixed, revisit
    motion: str  # fly or walk
    first_frame: int
    length: int
    pivot: int | None  # of a palindrome
    fps: int


_INTEGERS = {"offset", "size", "first_frame", "length", "pivot", "fps"}
SCHEMA = pa.schema(
    [
        (field.name, pa.int64() if field.name in _INTEGERS else pa.string())
        for field in dataclasses.fields(SampleRow)
    ]
)


def rows_to_table(rows: list[SampleRow]) -> pa.Table:
    """The rows as a table."""
    return pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], SCHEMA)


def rows_from_table(table: pa.Table, where: str) -> list[SampleRow]:
    """The rows of a table; `where` names the file in errors."""
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise OpenRelicError(
            f"{where} lacks the columns {', '.join(missing)}: run `python -m dataset.build` again"
        )
    return [SampleRow(**entry) for entry in table.select(SCHEMA.names).to_pylist()]


def read_manifest(workspace: Workspace) -> list[SampleRow]:
    """Every sample of the workspace's shards, in the order of the shards.

    Raises `MissingInputError`, which names the command, where no build was finished.
    """
    if not workspace.exists(MANIFEST):
        raise MissingInputError(
            f"{workspace.location}/{MANIFEST}", f"python -m dataset.build {workspace.location}"
        )
    return rows_from_table(workspace.read_table(MANIFEST), f"{workspace.location}/{MANIFEST}")
