"""A dashboard's server in a thread, asked over HTTP as a browser or anybody else would."""

import contextlib
import http.client
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset.clip import Clip, committed_clips
from dataset.dashboard.desk import Desk, open_desk
from dataset.dashboard.serving import make_server
from dataset.qa.checks import CHECKS, NAMES
from dataset.qa.store import ClipMetrics, Evidence, Proposed, Segment, write_metrics
from dataset.web import listen
from dataset.workspace import Workspace

_requests = itertools.count()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A server that answers on a port of this machine."""

    port: int
    desk: Desk | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """Send the path as it is, unlike clients that tidy it; `_` in header names is `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, fields, answer.read())
        finally:
            connection.close()

    def post(self, wish: Any, **headers: str) -> Answer:
        """Decide, as the page does."""
        own = {"content_type": "application/json", "origin": self.origin, **headers}
        return self.ask("/api/decisions", "POST", json.dumps(wish), **own)

    def decide(self, clip: Clip, verdict: str, reviewer: str = "ada", **words: str) -> Answer:
        """Decide on a clip."""
        return self.post(wish(clip, verdict, reviewer, **words))


def wish(clip: Clip, verdict: str, reviewer: str = "ada", **words: str) -> dict[str, str]:
    """The body of a decision; every one is another request unless `request` is given."""
    return {
        "request": f"request-{next(_requests)}", "tour_id": clip.tour_id, "digest": clip.digest,
        "verdict": verdict, "reviewer": reviewer, "reason": "as seen", **words,
    }  # fmt: skip


@contextlib.contextmanager
def serving(
    workspace: Workspace, state: Path, token: str | None = None, *, only_here: bool = True
) -> Iterator[Server]:
    """Serve a workspace, with `state` as its local folder."""
    with open_desk(workspace, str(state), "default") as desk:
        listening = listen("127.0.0.1", 0)
        server = make_server(desk, listening, token, only_here=only_here)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Server(listening.getsockname()[1], desk)
        finally:
            server.should_exit = True
            thread.join()


def measure(workspace: Workspace, failing: dict[str, dict[str, float]]) -> list[Clip]:
    """Write `metrics.parquet` as QA would: `failing` has checks and values by tour id."""
    clips = committed_clips(workspace)
    write_metrics(
        workspace, [measured(clip, failing.get(clip.tour_id, {})) for clip in clips],
        {check.name: check.threshold for check in CHECKS}, "0" * 64,
    )  # fmt: skip
    return clips


def measured(clip: Clip, failing: dict[str, float]) -> ClipMetrics:
    proposed: Proposed = "reject" if len(failing) > 1 else "look" if failing else "accept"
    evidence = [
        Evidence(check=check, first_frame=20 * at + 16, frames=16, frame=20 * at + 20, value=value)
        for at, (check, value) in enumerate(failing.items())
    ]
    return ClipMetrics(
        tour_id=clip.tour_id, digest=clip.digest, scene=clip.scene, asset=clip.asset,
        frames=clip.frames, fps=clip.fps, proposed=proposed, failed=tuple(failing),
        values={**dict.fromkeys(NAMES, 0.0), "clearance_cm": None, **failing},
        evidence=tuple(evidence), segments=(Segment(first_frame=0, frames=clip.frames),),
    )  # fmt: skip
