"""The log of decisions in SQLite: an entry is on disk before `append` returns.

Write-ahead log and synchronous=FULL: what was acknowledged survives a killed process and a lost
power supply. Any number of dashboards on this machine may share the file. Rows are only added.

`seq` counts what this file has taken in; `time_utc` orders the log, also with what other machines
published, and grows with every entry that is made here.
"""

import contextlib
import datetime
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset.errors import OpenRelicError, StorageError
from dataset.qa.decisions import Decision, Entry, standing_entries

FILE = "decisions.sqlite"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
WAIT_S = 30.0  # for another dashboard that is writing

_TABLE = """
CREATE TABLE IF NOT EXISTS decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL UNIQUE,
    tour_id TEXT NOT NULL, digest TEXT NOT NULL, verdict TEXT NOT NULL,
    reason TEXT NOT NULL, reviewer TEXT NOT NULL, time_us INTEGER NOT NULL,
    UNIQUE (tour_id, digest, verdict, reason, reviewer, time_us)
)
"""
_COLUMNS = "tour_id, digest, verdict, reason, reviewer, time_us"


class NothingToUndo(OpenRelicError):
    """The reviewer has no decision on the clip that still stands."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A decision as a page asks for it; `request` is the same when it asks again."""

    request: str
    tour_id: str
    digest: str
    verdict: Entry
    reason: str
    reviewer: str


class Journal:
    """The log; for any number of threads."""

    def __init__(self, folder: Path) -> None:
        """Open the log in `folder`, or begin one."""
        self.path = folder / FILE
        self._lock = threading.Lock()
        self._entries: list[tuple[int, Decision]] = []  # rows never change, so each is read once
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(_TABLE)
        except OSError as error:
            raise StorageError.of(error, str(folder)) from error
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def append(self, wish: Wish) -> tuple[int, Decision]:
        """Write a decision; its number and the entry, once both are on disk.

        What was asked for before is not written again. `NothingToUndo` if that is so.
        """
        with self._writing():
            row = self._database.execute(
                f"SELECT seq, {_COLUMNS} FROM decisions WHERE request = ?", (wish.request,)
            ).fetchone()
            if row is None:
                row = self._insert(wish)
        return row[0], _decision(row[1:])

    def _insert(self, wish: Wish) -> tuple:
        if wish.verdict == "undo" and not self._stands(wish):
            raise NothingToUndo(f"{wish.reviewer} has no decision on {wish.tour_id} to take back")
        (latest,) = self._database.execute("SELECT max(time_us) FROM decisions").fetchone()
        # Clocks of reviewers' machines differ; what is said now comes after what was said before.
        time_us = max(_now_us(), (latest or 0) + 1)
        values = (
            wish.tour_id, wish.digest, wish.verdict, wish.reason, wish.reviewer, time_us
        )  # fmt: skip
        done = self._database.execute(
            f"INSERT INTO decisions (request, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (wish.request, *values),
        )
        return (done.lastrowid, *values)

    def _stands(self, wish: Wish) -> bool:
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM decisions WHERE tour_id = ? AND digest = ? ORDER BY time_us",
            (wish.tour_id, wish.digest),
        )
        entries = standing_entries(_decision(row) for row in rows)
        return any(entry.reviewer == wish.reviewer for entry in entries)

    def merge(self, entries: Iterable[Decision]) -> int:
        """Take in what was published elsewhere; how many entries were new."""
        added = 0
        with self._writing():
            for entry in entries:
                done = self._database.execute(
                    f"INSERT OR IGNORE INTO decisions (request, {_COLUMNS}) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (uuid.uuid4().hex, *_row(entry)),
                )
                added += done.rowcount
        return added

    def entries(self) -> list[tuple[int, Decision]]:
        """Everything with its number, in the order of numbers, by whichever dashboard."""
        with self._lock:
            last = self._entries[-1][0] if self._entries else 0
            try:
                rows = self._database.execute(
                    f"SELECT seq, {_COLUMNS} FROM decisions WHERE seq > ? ORDER BY seq", (last,)
                ).fetchall()
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            if rows:
                new = [(row[0], _decision(row[1:])) for row in rows]
                self._entries = [*self._entries, *new]
            return self._entries

    def log(self) -> list[Decision]:
        """Everything, oldest first."""
        ordered = sorted(self.entries(), key=lambda one: (one[1].time_utc, one[0]))
        return [entry for _, entry in ordered]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """All that the block writes is on disk at its end, or nothing of it."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._database.execute("COMMIT")
                finally:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> StorageError:
        return StorageError(
            f"{self.path}: {error}; decisions cannot be kept there: free space, allow writing, or "
            "give another folder on a local disk with --state"
        )


def _row(entry: Decision) -> tuple:
    time_us = (entry.time_utc - _EPOCH) // datetime.timedelta(microseconds=1)
    return entry.tour_id, entry.digest, entry.verdict, entry.reason, entry.reviewer, time_us


def _decision(row: tuple) -> Decision:
    *words, time_us = row
    names = ("tour_id", "digest", "verdict", "reason", "reviewer")
    time_utc = _EPOCH + datetime.timedelta(microseconds=time_us)
    return Decision(**dict(zip(names, words, strict=True)), time_utc=time_utc)


def _now_us() -> int:
    return (datetime.datetime.now(datetime.UTC) - _EPOCH) // datetime.timedelta(microseconds=1)
