"""Runs the probes one after another on one engine, and outlives whatever it does."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from capture.probes import pictures, poses, protocol, rates, staleness
from capture.probes.subject import OutOfTimeError, Subject
from capture.probes.table import Row, not_tried, row
from capture.sessions.client import CommandFailedError, EngineLostError, UnrealCVClient

log = logging.getLogger(__name__)

Probe = Callable[[Subject], Iterator[Row]]
RECONNECT_S = 20.0
WARM_UP = "warm-up"
AGAIN = "connected again"

# The warm-up comes first: what it looks at passes.
PROBES: dict[str, Probe] = {
    WARM_UP: pictures.warm_up,
    "identity": protocol.greeting,
    "commands": protocol.commands,
    "grammar": protocol.grammar,
    "pipelining": protocol.pipelining,
    "vbatch": protocol.batch,
    "poses": poses.read_back,
    "pose of /tour/frame": poses.tour_frame,
    "fov": poses.field_of_view,
    "formats": pictures.formats,
    "depth": pictures.depth,
    "passes of /tour/frame": pictures.tour_passes,
    "staleness": staleness.plain,
    "staleness of /tour/frame": staleness.tour_frame,
    "ticks": rates.ticks,
    "rates": rates.images,
    "next client": lambda subject: next_client(subject),
}


def examine(subject: Subject, only: frozenset[str] = frozenset()) -> Iterator[Row]:
    """The rows of every probe, or of those named; camera 0 is put back afterwards."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(EngineLostError))
        try:
            stack.enter_context(subject.restored())
        except CommandFailedError as error:
            yield row("camera 0", False, f"where it is cannot be read: {error}")
            return
        for name, probe in PROBES.items():
            if not only or name in only:
                yield from _rows_of(name, probe, subject)


def _rows_of(name: str, probe: Probe, subject: Subject) -> Iterator[Row]:
    try:
        subject.check_time()
        if name != WARM_UP:  # which looks at camera 0 as it was found, then spawns one itself
            subject.spawn()
        yield from probe(subject)
    except OutOfTimeError:
        yield not_tried(name, "no time was left")
    except CommandFailedError as error:
        yield row(name, False, str(error))
    except EngineLostError as error:
        yield row(name, False, f"{error}; {_reconnected(subject)}")
    except (KeyError, TypeError, ValueError) as error:
        yield row(name, False, f"a reply makes no sense: {error!r}")


def next_client(subject: Subject) -> Iterator[Row]:
    """Whether the engine serves another client after us, and over what."""
    before = subject.client.transport
    subject.client.close()
    told = _reconnected(subject)
    after = subject.client.transport
    yield row(
        "serves the next client", told == AGAIN,
        f"{told}, over {after}" + (f" instead of {before}" if after != before else ""),
        transport=after,
    )  # fmt: skip


def _reconnected(subject: Subject) -> str:
    """Connect again after the connection was lost, so that other probes can go on."""
    left = min(RECONNECT_S, subject.until - time.monotonic())
    if left <= 0:
        return "no time was left to connect again"
    address = subject.address
    try:
        subject.client = UnrealCVClient(
            address.host or address.socket_path, address.port,
            boot_timeout_s=left, timeout_s=subject.timeout_s,
        )  # fmt: skip
    except EngineLostError as error:
        return f"then {error}"
    return AGAIN
