"""A worker that does what a script says, for what real engines cannot be made to do on time."""

import os
import threading
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

from capture.crew.nodes import check_machine
from capture.crew.worker import Fault, Guilt, TourResult, WorkerState
from capture.tours.rows import PlanRow
from dataset.clip import RECORD
from dataset.workspace import Workspace
from tests.capture.small_tours import attempt_of

GUILTY: dict[str, Guilt] = {
    "attempt": "attempt", "tour": "tour", "scene": "scene", "machine": "machine",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Script:
    """What each attempt at a tour comes to: a guilt of `GUILTY`, or die, hang, deaf; then it
    succeeds."""

    location: str
    folder: Path  # counts attempts, whichever process makes them
    attempts: dict[str, list[str]] = field(default_factory=dict)
    engine: str = "embedded"


class ScriptedWorker:
    """Has the methods of `CaptureWorker`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._workspace = Workspace(script.location)
        self._killed = threading.Event()

    def check(self, path: str, token: str) -> str:
        return check_machine(self._workspace, path, token, self._script.engine)

    def state(self) -> WorkerState:
        return WorkerState(frames=0, images=0, engine_alive=True)

    def kill_engine(self) -> None:
        self._killed.set()

    def close(self) -> None:
        pass

    def capture(self, row: PlanRow, retries: int) -> TourResult:
        self._killed.clear()
        action = self._next_action(row.tour_id)
        if action == "die":
            os._exit(1)
        if action == "deaf":
            threading.Event().wait()
        if action == "hang":
            self._killed.wait()
        if action is not None:
            fault = Fault(guilt=GUILTY.get(action, "attempt"), reason=f"{action} it was")
            return TourResult(tour_id=row.tour_id, frames=0, fault=fault)
        scratch = self._script.folder / f"scratch-{os.getpid()}"
        clip = replace(attempt_of(row, uuid.uuid4().hex[:12], scratch), retries=retries)
        won = self._workspace.claim_bytes(f"{clip.folder}/{RECORD}", clip.to_json())
        return TourResult(
            tour_id=row.tour_id, frames=row.frames, committed=won, load_s=0.0, tour_s=0.01
        )

    def _next_action(self, tour_id: str) -> str | None:
        for number, action in enumerate(self._script.attempts.get(tour_id, [])):
            try:
                (self._script.folder / f"{tour_id}-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return action
        return None
