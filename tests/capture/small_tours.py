"""What tests of whole captures share: plans of a few short tours, and the proof of what came."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from capture.tours.planning import WANTED_SHARES
from capture.tours.rows import PlanRow, rows_to_table
from dataset.clip import CAMERA, VIDEO, Clip, FileRecord, open_clip_file
from dataset.workspace import PLAN, Workspace, sha256_file
from labeling.actions import ACTIONS

ROOT = Path(__file__).resolve().parents[2]


def small_tour(scene: str, seed: int, frames: int) -> PlanRow:
    """A flight of a second or so."""
    return PlanRow(
        game="", scene=scene, asset=scene, licence="Apache-2.0", seed=seed, frames=frames,
        kind="mixed", motion="fly", rotation_frame="camera",
        mix=tuple(WANTED_SHARES[action] for action in ACTIONS), translation_m_s=1.8,
        rotation_deg_s=40.0, clearance_cm=25.0, fov_deg=90.0,
    )  # fmt: skip


def planned_tours(location: str | Path, scenes: Sequence[str], frames: int) -> Workspace:
    """A workspace with a plan: a tour for each name in `scenes`, each with a seed of its own."""
    workspace = Workspace(location)
    rows = [small_tour(scene, seed, frames) for seed, scene in enumerate(scenes)]
    workspace.write_table(PLAN, rows_to_table(rows))
    return workspace


def attempt_of(row: PlanRow, name: str, folder: Path) -> Clip:
    """An attempt that has been recorded into a local folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (VIDEO, CAMERA):
        (folder / file).write_bytes(f"{file} of {name}".encode() * 100)
    return Clip(
        tour_id=row.tour_id, row_hash=row.row_hash, attempt=name, scene=row.scene, asset=row.asset,
        licence=row.licence, frames=row.frames, fps=16, width=64, height=36, fov_deg=90.0,
        engine="test 1", pose_proof="per_frame", rotation_frame="camera", kind="mixed",
        motion="fly", retries=0, warmup_frames=0, encoding_psnr_db=40.0, clearance_cm=30.0,
        collision="sweep",
        files={
            path.name: FileRecord(bytes=path.stat().st_size, sha256=sha256_file(path))
            for path in (folder / VIDEO, folder / CAMERA)
        },
    )  # fmt: skip


def open_clip_files(workspace: Workspace, clips: Sequence[Clip]) -> None:
    """Fails unless every file of every clip is there and has the digest of the record."""
    for clip in clips:
        assert clip.files
        for name in clip.files:
            with open_clip_file(workspace, clip, name) as path:
                assert path.stat().st_size == clip.files[name].bytes


@contextlib.contextmanager
def capture_running(location: str, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A capture.run in the background, its output kept; killed in the end if it still runs."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "capture.run", location, *options],
            cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            log.seek(0)
            sys.stdout.write(log.read()[-4000:])  # pytest shows it if the test fails


def wait_until(
    what: Callable[[], object], process: "subprocess.Popen[str]", seconds: float = 200
) -> None:
    """Poll `what` until it is true, while the process runs."""
    until = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "capture.run ended"
        assert time.monotonic() < until, "nothing came of it"
        time.sleep(0.05)
