"""Run the real stages one after another on a small workspace, as a newcomer would by hand.

    python scripts/demo.py [WORKSPACE]

Started again it goes on where it was. At the end it prints the time and the peak memory of each
stage, and where the report is.
"""

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

SCENES, MINUTES = 5, 4.1
RECIPE = "configs/tiny.yaml"
SCRIPT = "W*32,W+right*32,static*16"
SAMPLE_SECONDS = 0.5


@dataclass
class StageRun:
    """What one stage took."""

    command: str
    seconds: float
    peak_gb: float


Stage = Callable[[Path], list[str]]

# Arguments after `python -m` of each stage, in order; made when the stage begins, because the last
# one starts from a clip that is not known before.
STAGES: tuple[Stage, ...] = (
    lambda w: ["capture.plan", str(w), "--scenes", str(SCENES), "--minutes", str(MINUTES)],
    lambda w: ["capture.run", str(w)],
    lambda w: ["labeling.poses_to_actions", str(w)],
    lambda w: ["labeling.captions", str(w)],
    lambda w: ["dataset.qa", str(w)],
    # Of five scenes one is held out, none is kept for tests.
    lambda w: ["dataset.build", str(w), "--test-share", "0"],
    lambda w: ["dataset.latents", str(w), "--config", RECIPE],
    lambda w: ["training.run", RECIPE, "--workspace", str(w)],
    lambda w: [
        "training.play", RECIPE, "--workspace", str(w), "--image", str(held_out_video(w)),
        "--script", SCRIPT, "--out", str(w / "play.mp4"),
    ],
    lambda w: ["dataset.report", str(w)],
)  # fmt: skip


def held_out_video(folder: Path) -> Path:
    """A clip of a scene that training has not seen."""
    from dataset.clip import VIDEO, committed_clips
    from dataset.shards.manifest import read_manifest
    from dataset.workspace import Workspace

    workspace = Workspace(folder)
    held_out = {row.scene for row in read_manifest(workspace) if row.split == "val"}
    clip = next(clip for clip in committed_clips(workspace) if clip.scene in held_out)
    return folder / clip.path(VIDEO)


def run_stage(arguments: list[str]) -> StageRun:
    """Run one stage; ends the demo with its exit code if it fails."""
    shown = shlex.join(["python", "-m", *arguments])
    sys.stdout.write(f"\n$ {shown}\n")
    sys.stdout.flush()
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", *arguments])
    peak = PeakMemory(process.pid)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = process.wait()
    finally:
        peak.stop()
    if code:
        sys.stderr.write(f"\nthe demo stopped at: {shown}\n`make demo` goes on from there\n")
        sys.exit(code)
    return StageRun(shown, time.monotonic() - started, peak.gigabytes)


class PeakMemory:
    """Samples the memory of a process and all its descendants, each shared page counted once."""

    def __init__(self, pid: int) -> None:
        """Watch `pid` from now on."""
        self.gigabytes = 0.0
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; `gigabytes` is final."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            self.gigabytes = max(self.gigabytes, tree_memory_bytes(self._pid) / 1e9)


def tree_memory_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return total


def main() -> None:
    """Run every stage, then print the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    runs = [run_stage(arguments(folder)) for arguments in STAGES]
    lines = ["", f"{'seconds':>8}  {'peak GB':>7}  stage"]
    lines += [f"{run.seconds:8.1f}  {run.peak_gb:7.2f}  {run.command}" for run in runs]
    total, peak = sum(run.seconds for run in runs), max(run.peak_gb for run in runs)
    lines += [f"{total:8.1f}  {peak:7.2f}  in all"]
    report = (folder / "report" / "index.html").absolute()
    lines += ["", f"open {report}", f"and  {(folder / 'play.mp4').absolute()}", ""]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
