"""What a running engine can be relied on for: a table of what was tried and measured.

    python -m capture.conformance HOST:PORT
    python -m capture.conformance /tmp/unrealcv_9000.socket --json engine.json
    python -m capture.conformance --start embedded --scene home:0

Any engine that speaks UnrealCV can be examined. It takes a minute or two, never longer than
`--limit-s`, and puts camera 0 back where it was; a camera that it spawns stays. The engine serves
one client at a time: stop others first. What each row means is in docs/conformance.md.
"""

import json
import logging
import shlex
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from capture.probes.table import Row
    from capture.sessions.launcher import Engine

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `capture.conformance`."""

    engine: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="ENGINE")]] = ""
    """HOST:PORT or the path of the Unix socket of a running engine."""
    start: str = ""
    """Start one instead: embedded, or the absolute path of a packaged binary."""
    scene: str = ""
    """Map to start it with."""
    size: tuple[int, int] = (1280, 720)
    """Width and height of the images of a started engine."""
    arguments: str = ""
    """Further arguments for it, as a shell splits them: --arguments="-nosound -unattended"."""
    user: str = ""
    """User to start it as; Unreal refuses to run as root."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where to write the table for machines."""
    limit_s: float = 300.0
    """Seconds that the whole may take, connecting aside."""
    timeout_s: float = 30.0
    """Seconds to wait for any one reply."""
    boot_timeout_s: float = 60.0
    """Seconds to wait for the engine to greet and to list its commands."""
    repeats: int = 4
    """Jumps to watch for a stale image, for each camera, motion and way of asking."""
    rate_seconds: float = 1.5
    """Seconds to measure each frame rate for."""


def main() -> None:
    """Examine an engine, print the table, write it."""
    settings = parse_settings(Settings, __doc__)
    check(settings)
    from capture.probes.table import as_text
    from capture.sessions.kept import ScratchFolder
    from capture.sessions.launcher import start_engine

    with ScratchFolder("openrelic-conformance-") as folder:
        engine = start_engine(
            settings.engine or settings.start, settings.scene, folder, size=settings.size,
            boot_timeout_s=settings.boot_timeout_s, timeout_s=settings.timeout_s,
            arguments=tuple(shlex.split(settings.arguments)), user=settings.user or None,
        )  # fmt: skip
        try:
            rows = examined(engine, settings)
        finally:
            engine.close()
    sys.stdout.write(as_text(rows))
    if settings.json is not None:
        write_json(settings.json, engine, rows)


def check(settings: Settings) -> None:
    """Refuse what cannot be meant."""
    from capture.sessions.address import running_address

    if bool(settings.engine) == bool(settings.start):
        raise OpenRelicError(
            "give either a running engine (HOST:PORT or the path of its Unix socket) or --start "
            "embedded|BINARY"
        )
    if settings.engine and running_address(settings.engine) is None:
        raise OpenRelicError(
            f"{settings.engine!r} is neither HOST:PORT nor the path of a Unix socket; to start a "
            f"binary, use --start {settings.engine}"
        )
    if settings.start and not settings.scene:
        raise OpenRelicError("--start needs --scene, the map to show")
    if settings.repeats < 1:
        raise OpenRelicError(f"--repeats is {settings.repeats}; give 1 or more")
    for name in ("limit_s", "timeout_s", "boot_timeout_s", "rate_seconds"):
        if not 0 < getattr(settings, name) < float("inf"):
            option = name.replace("_", "-")
            raise OpenRelicError(f"--{option} is {getattr(settings, name):g}; give more than 0")


def examined(engine: "Engine", settings: Settings) -> "list[Row]":
    """The rows of an engine."""
    from tqdm import tqdm

    from capture.probes.examine import examine
    from capture.probes.subject import Subject

    subject = Subject(
        client=engine.client,
        until=time.monotonic() + settings.limit_s,
        timeout_s=settings.timeout_s,
        rate_seconds=settings.rate_seconds,
        repeats=settings.repeats,
    )
    try:
        return list(tqdm(examine(subject), desc="conformance", unit="row", leave=False))
    finally:
        subject.client.close()


def write_json(path: Path, engine: "Engine", rows: "list[Row]") -> None:
    """The table, and everything that the engine lists, for whoever is to judge it elsewhere."""
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": str(engine.client.address),
        "greeting": engine.client.greeting,
        "commands": sorted(engine.client.commands),
        "rows": [row.as_json() for row in rows],
    }
    try:
        path.write_text(json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise OpenRelicError(f"{path} cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    run_command(main)
