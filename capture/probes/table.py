"""Rows of the conformance table, and how they are printed and kept."""

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["pass", "fail", "na"]

NAME_WIDTH = 38


@dataclass(frozen=True, kw_only=True)
class Row:
    """One property of an engine."""

    name: str
    status: Status  # na: it could not be tried, or the engine does not offer it
    measured: str  # in words, with units
    values: dict[str, Any] = field(default_factory=dict)  # the same for machines

    def as_json(self) -> dict[str, Any]:
        """For the machine-readable copy."""
        return asdict(self)


def row(name: str, good: bool, measured: str, **values: Any) -> Row:
    """A row that passes or fails."""
    return Row(name=name, status="pass" if good else "fail", measured=measured, values=values)


def not_tried(name: str, why: str) -> Row:
    """A row that says nothing of the engine."""
    return Row(name=name, status="na", measured=why)


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    width = max(40, shutil.get_terminal_size((110, 24)).columns - NAME_WIDTH - 8)
    lines = []
    for entry in rows:
        measured = textwrap.wrap(entry.measured, width) or [""]
        names = textwrap.wrap(entry.name, NAME_WIDTH) or [""]
        height = max(len(measured), len(names))
        names += [""] * (height - len(names))
        measured += [""] * (height - len(measured))
        states = [entry.status, *[""] * (height - 1)]
        lines += [
            f"{name:<{NAME_WIDTH}} {state:<5} {text}".rstrip()
            for name, state, text in zip(names, states, measured, strict=True)
        ]
    counts = {status: sum(entry.status == status for entry in rows) for status in STATUSES}
    lines.append(", ".join(f"{count} {status}" for status, count in counts.items()))
    return "\n".join(lines) + "\n"


STATUSES: tuple[Status, ...] = ("pass", "fail", "na")
