"""The thread that owns the engine: steps the session by the clock, draws, and publishes views.

The pilot's clock has 16 steps a second. A step is never left out: where the engine draws so slowly
that many are due at once, the clock falls behind and the flight is slower than life.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from capture.piloting.recordings import save_recording
from capture.piloting.session import RELEASED, Session
from capture.recording.path import find_start
from capture.recording.places import PlacedSpace
from capture.recording.station import Station
from capture.sessions.client import EngineLostError
from capture.tours.steering import Motion, Style, looking_along
from dataset.clip import FPS
from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import Workspace
from labeling.camera import ue_to_camera

log = logging.getLogger(__name__)

MOST_STEPS = 4  # made between two views
RESTING_S = 0.25  # a camera at rest is drawn four times a second: engines go on refining
JPEG_QUALITY = 85

Order = tuple[Literal["record", "stop", "motion", "place", "look", "leave"], str]


@dataclass(frozen=True, kw_only=True)
class View:
    """What the camera sees, and how it stands."""

    status: dict[str, Any]
    jpeg: bytes


class Cockpit:
    """A session in a running engine, in a thread of its own."""

    def __init__(
        self, station: Station, space: PlacedSpace, *, scene: str, clearance_cm: float,
        style: Style, workspace: Workspace,
    ) -> None:  # fmt: skip
        """Put the camera at a place where a tour could start."""
        self._station, self._space = station, space
        self._scene, self._clearance_cm = scene, clearance_cm
        self._workspace = workspace
        self._places = 0
        self._session = Session(space, *self._next_place(), style)
        self._orders: queue.Queue[Order] = queue.Queue()
        self._wanted = threading.Event()  # somebody looks
        self._ending = threading.Event()
        self._drawn_s = 0.0
        self._thread = threading.Thread(target=self._run, name="cockpit", daemon=True)
        self.held = RELEASED
        self.failure: OpenRelicError | None = None
        self.on_view: Callable[[View], None] = lambda _: None
        self.on_news: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_failure: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin; nothing is drawn until somebody looks."""
        self._thread.start()

    def close(self) -> None:
        """End after the step under way; what is being recorded is saved."""
        self._ending.set()
        self._wanted.set()
        self._thread.join(timeout=30.0)

    def look(self, looking: bool) -> None:
        """Draw from now on, or release all keys, save what is being recorded, and pause."""
        self.held = RELEASED
        self._orders.put(("look" if looking else "leave", ""))
        self._wanted.set()

    def order(self, what: Order) -> None:
        """Do something between two steps."""
        self._orders.put(what)

    def _run(self) -> None:
        try:
            self._fly()
        except OpenRelicError as error:
            self.failure = error
        except Exception as error:
            log.exception("the pilot's camera failed")
            self.failure = OpenRelicError(f"the pilot's camera failed: {error!r}")
        self._save_left_over()
        if self.failure is not None:
            self.on_failure()

    def _fly(self) -> None:
        due_s = time.monotonic()
        while not self._ending.is_set():
            if not self._wanted.is_set():
                self._wanted.wait()
                due_s = time.monotonic()
            time.sleep(max(0.0, due_s - time.monotonic()))
            self._follow_orders()
            steps = 1 + int((time.monotonic() - due_s) * FPS)
            for _ in range(min(steps, MOST_STEPS)):
                self._session.step(self.held)
            due_s += steps / FPS
            if not self._session.at_rest or time.monotonic() - self._drawn_s >= RESTING_S:
                self._draw()

    def _draw(self) -> None:
        pose = self._session.pose()
        image = self._station.still(pose[:3], pose[3:])
        self._drawn_s = time.monotonic()
        self.on_view(View(status=self._status(pose), jpeg=_jpeg(image)))

    def _status(self, pose: np.ndarray) -> dict[str, Any]:
        session = self._session
        return {
            "pose": [round(float(value), 2) for value in pose],
            "speed_m_s": round(session.speed_m_s, 2), "contact": session.contact,
            "motion": session.style.motion, "recorded_s": session.recorded_s,
            "at_rest": session.at_rest,
        }  # fmt: skip

    def _follow_orders(self) -> None:
        while not self._orders.empty():
            what, value = self._orders.get()
            if what == "record" and self._session.recorded_s is None:
                self._session.start_recording()
            elif what in ("stop", "leave"):
                self._stop_recording()
            elif what == "motion":
                motion: Motion = "walk" if value == "walk" else "fly"
                self._session.steer(motion)
            elif what == "place" and self._session.recorded_s is None:
                self._go_elsewhere()
            elif what == "look":
                self._wanted.set()
            if what == "leave":
                self._wanted.clear()
            self._drawn_s = 0.0

    def _go_elsewhere(self) -> None:
        try:
            self._session.place(*self._next_place())
        except EngineLostError:
            raise
        except OpenRelicError as error:
            self.on_news({"problem": str(error)})

    def _stop_recording(self) -> None:
        if self._session.recorded_s is None:
            return
        poses = self._session.stop_recording()
        try:
            path = save_recording(self._workspace, self._scene, poses)
        except StorageError as error:
            self.on_news({"problem": f"the recording could not be saved: {error}"})
            return
        log.info("recorded %.1f s: %s", poses[-1, 0], path)
        self.on_news({"saved": path, "seconds": float(poses[-1, 0])})

    def _save_left_over(self) -> None:
        self.held = RELEASED
        self._stop_recording()

    def _next_place(self) -> tuple[np.ndarray, np.ndarray]:
        location_cm, yaw_deg = find_start(
            self._station, self._space, self._scene, max(self._clearance_cm, 1.0),
            seed=self._places,
        )  # fmt: skip
        self._places += 1
        return looking_along(yaw_deg), ue_to_camera(location_cm[None], np.zeros((1, 3)))[1][0]


def _jpeg(bgra: np.ndarray) -> bytes:
    import cv2

    bgr = np.ascontiguousarray(bgra[..., :3])
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
