"""Exams that were sat, kept one file a subject and video, so that nothing is sat twice.

    <out>/records/<subject>--<video>.parquet   a row a frame, exam and contender (`FrameScore`)
    <out>/strips/<subject>--<video>.jpg        way out, way back and truth, to look at

Public: `Records`.
"""

import hashlib
import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.exam.exams import Sitting
from training.exam.scores import FrameScore
from training.exam.strips import draw_strips

MADE_OF = b"made_of"


class Records:
    """The records of one folder."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before the first record."""
        self.folder = folder

    def read(self, subject: str, video: str, made_of: dict[str, Any]) -> list[FrameScore] | None:
        """The scores, or None if they were not made yet, or of other things."""
        path = self._path(subject, video)
        if not path.exists():
            return None
        table = pq.read_table(path)
        if (table.schema.metadata or {}).get(MADE_OF) != _stamp(made_of):
            return None
        return [FrameScore(**row) for row in table.to_pylist()]

    def write(
        self, subject: str, video: str, made_of: dict[str, Any], sittings: list[Sitting]
    ) -> list[FrameScore]:
        """Keep scores and strips; the strips first, so that a record never lacks them."""
        scores = [score for sitting in sittings for score in sitting.scores]
        draw_strips(sittings, self.strip(subject, video))
        path = self._path(subject, video)
        write_parquet(path, scores_table(scores).replace_schema_metadata(
            {MADE_OF: _stamp(made_of)}
        ))  # fmt: skip
        return scores

    def strip(self, subject: str, video: str) -> Path:
        """The picture of a video's exams."""
        return self.folder / "strips" / f"{_name(subject, video)}.jpg"

    def _path(self, subject: str, video: str) -> Path:
        return self.folder / "records" / f"{_name(subject, video)}.parquet"


def scores_table(scores: list[FrameScore]) -> pa.Table:
    """A row a score; no scores give no rows."""
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(one.name, kinds[one.type]) for one in fields(FrameScore)])  # type: ignore[index]
    return pa.Table.from_pylist([asdict(score) for score in scores], schema=schema)


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    pq.write_table(table, part, compression="zstd")
    part.replace(path)


def _name(subject: str, video: str) -> str:
    """A file's name: words that one can read, and a digest that tells alike ones apart."""
    digest = hashlib.sha256(subject.encode()).hexdigest()[:6]
    return f"{re.sub('[^A-Za-z0-9]+', '-', subject).strip('-')}-{digest}--{video}"


def _stamp(made_of: dict[str, Any]) -> bytes:
    return json.dumps(made_of, sort_keys=True).encode()
