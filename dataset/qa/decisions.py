"""Reviewers' decisions on clips: `qa/decisions.parquet`, and which of them count.

The file is an append-only log, oldest first: `tour_id`, `digest` (of the clip that was judged),
`verdict` (accept, reject, look, undo), `reason`, `reviewer`, `time_utc` (timestamp[us, UTC]). The
dashboard keeps the log in its state folder, where a decision is durable before the page says so,
and publishes it here as a whole.

For a clip the last entry counts that has the clip's present digest and that was not taken back. An
`undo` takes back its reviewer's latest entry on that clip that still stands, nobody else's. What
was said of another digest is stale: the clip has been captured again since.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pyarrow as pa

from dataset.clip import Clip, committed_clips
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

DECISIONS = "qa/decisions.parquet"

Verdict = Literal["accept", "reject", "look"]
Entry = Literal["accept", "reject", "look", "undo"]
ENTRIES: tuple[Entry, ...] = get_args(Entry)

SCHEMA = pa.schema(
    [
        ("tour_id", pa.string()),
        ("digest", pa.string()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("reviewer", pa.string()),
        ("time_utc", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One entry of the log."""

    tour_id: str
    digest: str  # `Clip.digest` of the clip that was judged
    verdict: Entry
    reason: str
    reviewer: str
    time_utc: datetime.datetime  # aware


def read_decisions(
    workspace: Workspace, clips: Iterable[Clip] | None = None
) -> dict[str, Decision]:
    """The decisions that count, by tour id; empty before anybody decided.

    `clips` are the committed ones, read here if they are not given.
    """
    log = read_log(workspace)
    if not log:
        return {}
    clips = committed_clips(workspace) if clips is None else clips
    return standing(log, {clip.tour_id: clip.digest for clip in clips})


def standing(log: Iterable[Decision], digests: Mapping[str, str]) -> dict[str, Decision]:
    """Which entries of a log, oldest first, count for clips of these digests, by tour id."""
    by_clip: dict[str, list[Decision]] = {}
    for entry in log:
        if digests.get(entry.tour_id) == entry.digest:
            by_clip.setdefault(entry.tour_id, []).append(entry)
    left = {tour_id: standing_entries(entries) for tour_id, entries in by_clip.items()}
    return {tour_id: entries[-1] for tour_id, entries in left.items() if entries}


def standing_entries(log: Iterable[Decision]) -> list[Decision]:
    """The entries of one clip's log, oldest first, that were not taken back; the last counts."""
    left: list[Decision] = []
    for entry in log:
        if entry.verdict != "undo":
            left.append(entry)
            continue
        own = [index for index, one in enumerate(left) if one.reviewer == entry.reviewer]
        if own:
            del left[own[-1]]
    return left


def read_log(workspace: Workspace) -> list[Decision]:
    """Every published entry, oldest first; empty before anybody decided."""
    try:
        table = workspace.read_table(DECISIONS)
    except FileNotFoundError:
        return []
    return decisions_from_table(table, f"{workspace.location}/{DECISIONS}")


def publish(workspace: Workspace, log: Iterable[Decision]) -> None:
    """Replace the published log by this one, atomically."""
    workspace.write_table(DECISIONS, decisions_to_table(log))


def decisions_to_table(log: Iterable[Decision]) -> pa.Table:
    """The log as a table."""
    entries = list(log)
    columns: dict[str, list[Any]] = {
        name: [getattr(entry, name) for entry in entries] for name in SCHEMA.names
    }
    return pa.table(columns, schema=SCHEMA)


def decisions_from_table(table: pa.Table, where: str) -> list[Decision]:
    """The log in a table; `where` names the file in errors."""
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise OpenRelicError(
            f"{where} lacks the columns {', '.join(missing)}; move it away, and the dashboard "
            "publishes what it knows again"
        )
    try:
        rows = table.select(SCHEMA.names).cast(SCHEMA).to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise OpenRelicError(f"{where} is no log of decisions ({error})") from error
    unknown = {str(row["verdict"]) for row in rows} - set(ENTRIES)
    if unknown or any(value is None for row in rows for value in row.values()):
        found = ", ".join(sorted(unknown)) or "empty cells"
        raise OpenRelicError(f"{where} has {found} in it; known verdicts are {', '.join(ENTRIES)}")
    return [Decision(**row) for row in rows]
