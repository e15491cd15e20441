"""Runs of capture under scripted faults, and their judge: the engine's own private log.

The real worker records tours of an embedded engine through `WireProxy`, which spoils replies, while
the engine itself comes up dark and now and then kills itself. What the recorder put into the video
is digested as it is stored; the judge looks each digest up in the log that capture never sees,
which says with what pose those very pixels were drawn.
"""

import contextlib
import hashlib
import json
import random
import socket
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

from capture.crew.schedule import Idle, RetryPolicy, Schedule
from capture.crew.worker import CaptureWorker, WorkerSettings
from capture.engine.package import write_package
from capture.recording.frames import LIT
from capture.recording.store import ClipStore
from capture.sessions.client import Frame
from capture.tours.rows import PlanRow
from dataset.clip import committed_clips, read_track
from dataset.workspace import Workspace, sha256_file
from labeling.camera import rotation_distance_rad, ue_to_camera
from tests.capture.wire_proxy import FAULT_KINDS, Fault, WireProxy

SIZE = (64, 36)
REPLY_TIMEOUT_S, BOOT_TIMEOUT_S = 2.0, 20.0
# Beyond the client's patience, and well within it.
LATE_S, SLOW_S = 3.0, 0.05
DARK_IMAGES = 6
DIGEST_BYTES = 16
POLICY = RetryPolicy(attempts=12, losses=12, backoff_s=0.0)


class EngineHost:
    """An embedded engine on one port, started again when it ends; each with a script of its own."""

    def __init__(
        self, folder: Path, scene: str, crashes: list[int], script: dict[str, Any]
    ) -> None:
        """`crashes` are the images at which one engine after the other kills itself; `script` is
        what goes wrong in every one of them."""
        self.log = folder / "private.jsonl"
        self._scene, self._crashes, self._folder = scene, list(crashes), folder
        self._script = script
        self._binary = write_package(folder / "package")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._binary.with_name("unrealcv.ini").write_text(
            f"[UnrealCV.Core]\nPort={self.port}\nWidth={SIZE[0]}\nHeight={SIZE[1]}\n"
        )
        self.starts, self._closed = 0, False
        self._process = self._start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        script = dict(self._script)
        if self._crashes:
            script["crash"] = self._crashes.pop(0)
        faults = self._folder / f"faults-{self.starts}.json"
        faults.write_text(json.dumps(script))
        self.starts += 1
        command = [self._binary, self._scene, f"-faults={faults}", f"-privatelog={self.log}"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _watch(self) -> None:
        while not self._closed:
            self._process.wait()
            if not self._closed:
                self._process = self._start()

    def close(self) -> None:
        """End the engine for good."""
        self._closed = True
        self._process.kill()
        self._process.wait()


@dataclass
class Stored:
    """Digests of the frames that went into each attempt's video, by the folder it was made in."""

    frames: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))


@contextlib.contextmanager
def observed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """Digest every frame on its way into a video, without changing anything."""
    stored, add = Stored(), ClipStore.add

    def watched(self: ClipStore, number: int, frame: Frame) -> None:
        image = np.ascontiguousarray(frame.passes[LIT])
        digest = hashlib.blake2b(image.tobytes(), digest_size=DIGEST_BYTES).hexdigest()
        stored.frames[self._folder.name][number] = digest
        add(self, number, frame)

    with monkeypatch.context() as patch:
        patch.setattr(ClipStore, "add", watched)
        yield stored


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of the runs."""

    clips: int
    frames: int
    wrong_poses: list[str]  # what is wrong with each frame that is
    lost: list[str]  # planned tours without a clip
    damaged: list[str]  # files whose digest is not that of the record
    doubled: list[str]  # tours with more than one committed attempt, or frames
    injected: dict[str, int]  # faults that really happened, by kind
    crashes: int
    attempts: int


def script_for(seed: int, frames: int) -> list[Fault]:
    """One to three faults of a run: most hit frames, some any other reply."""
    draw = random.Random(seed)
    faults = []
    for _ in range(draw.choice([1, 1, 2, 3])):
        kind = draw.choice(FAULT_KINDS)
        on_frames = draw.random() < 0.75
        faults.append(
            Fault(
                kind=kind,
                at=draw.randrange(2 * frames if on_frames else 20),
                command="vget /tour/frame" if on_frames else "",
                seconds=LATE_S if kind == "late" else SLOW_S,
            )
        )
    return faults


def run_under_faults(
    rows: list[PlanRow], folder: Path, scene: str, crashes: list[int],
    monkeypatch: pytest.MonkeyPatch, engine_faults: dict[str, Any] | None = None,
) -> Verdict:  # fmt: skip
    """Capture every row, each under a script of its own, and judge the clips."""
    host = EngineHost(folder, scene, crashes, engine_faults or {"dark": DARK_IMAGES})
    proxy = WireProxy(("127.0.0.1", host.port))
    settings = WorkerSettings(
        workspace=str(folder / "ws"), engine=f"127.0.0.1:{proxy.port}", size=SIZE,
        boot_timeout_s=BOOT_TIMEOUT_S, reply_timeout_s=REPLY_TIMEOUT_S,
        recycle_frames=0, recycle_mb=0,
    )  # fmt: skip
    worker, injected, attempts = CaptureWorker(settings), defaultdict(int), 0
    try:
        with observed(monkeypatch) as stored:
            for index, row in enumerate(rows):
                proxy.play(script_for(index, row.frames))
                attempts += _capture(worker, row)
                for fault in proxy.injected:
                    injected[fault.kind] += 1
    finally:
        worker.close()
        proxy.close()
        host.close()
    return judge(Workspace(folder / "ws"), rows, host, stored, dict(injected), attempts)


def _capture(worker: CaptureWorker, row: PlanRow) -> int:
    """One tour under the driver's own policy, without its pauses; how many attempts it took."""
    schedule, attempts = Schedule([row], POLICY), 0
    while schedule.waiting:
        (given,) = schedule.assign([Idle(worker=0, scene=None, place="here")], float(attempts))
        result = worker.capture(row, given.retries)
        attempts += 1
        if result.fault is None:
            schedule.finished(0)
        else:
            schedule.failed(0, result.fault.reason, float(attempts))
    return attempts


def judge(
    workspace: Workspace, rows: list[PlanRow], host: EngineHost, stored: Stored,
    injected: dict[str, int], attempts: int,
) -> Verdict:  # fmt: skip
    """Compare the committed clips with the engine's private log."""
    drawn = DrawnImages(host.log)
    clips = committed_clips(workspace)
    by_frames = _stored_by_clip(stored)
    wrong, damaged, doubled = [], [], []
    for clip in clips:
        for name, record in clip.files.items():
            path = workspace.local_root / clip.path(name)  # type: ignore[operator]
            if sha256_file(path) != record.sha256:
                damaged.append(f"{clip.tour_id}/{name}")
        records = [n for n in workspace.list_names(clip.folder) if n.endswith(".json")]
        doubled += [clip.tour_id] if records != ["clip.json"] else []
        wrong += _wrong_frames(workspace, clip, by_frames, drawn)
    planned, captured = {row.tour_id for row in rows}, [clip.tour_id for clip in clips]
    doubled += [tour for tour in set(captured) if captured.count(tour) > 1]
    return Verdict(
        clips=len(clips),
        frames=sum(clip.frames for clip in clips),
        wrong_poses=wrong,
        lost=sorted(planned - set(captured)),
        damaged=damaged,
        doubled=doubled,
        injected=injected,
        crashes=host.starts - 1,
        attempts=attempts,
    )


class DrawnImages:
    """The engine's private log: which pixels it has drawn with which pose."""

    def __init__(self, log: Path) -> None:
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        entries = [entry for entry in entries if LIT in entry["digest"]]
        self._digests = np.array([entry["digest"][LIT] for entry in entries])
        poses = np.array([entry["pose"] for entry in entries], dtype=np.float64).reshape(-1, 6)
        self._places = KDTree(poses[:, :3])
        self._R, _ = ue_to_camera(poses[:, :3], poses[:, 3:])

    def with_pose(self, pose: np.ndarray) -> set[str]:
        """Digests of what was drawn with this pose, within the last printed digit."""
        near = self._places.query_ball_point(pose[:3], 0.0015, p=np.inf)
        R, _ = ue_to_camera(pose[None, :3], pose[None, 3:])
        turned = rotation_distance_rad(self._R[near], np.broadcast_to(R, (len(near), 3, 3)))
        return set(self._digests[near][turned <= np.deg2rad(0.003)])


def _stored_by_clip(stored: Stored) -> list[list[str]]:
    """The digests of every finished video, in the order of its frames."""
    return [[frames[i] for i in sorted(frames)] for frames in stored.frames.values()]


def _wrong_frames(
    workspace: Workspace, clip: Any, videos: list[list[str]], drawn: DrawnImages
) -> list[str]:
    """Frames of a clip whose pixels were never drawn with the pose that the clip gives them."""
    track = read_track(workspace, clip)
    poses = np.concatenate([track.location_cm, track.rotation_deg], axis=1)
    right = [drawn.with_pose(pose) for pose in poses]
    wrong = [
        [i for i, digest in enumerate(digests) if digest not in right[i]]
        for digests in videos
        if len(digests) == clip.frames
    ]
    if not wrong:
        return [f"{clip.tour_id}: no video of {clip.frames} frames was stored"]
    least = min(wrong, key=len)
    return [f"{clip.tour_id}: frames {least}"] if least else []
