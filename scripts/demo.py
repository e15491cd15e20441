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
from dataclasses import dataclass
from pathlib import Path

import psutil

SCENES, MINUTES = 5, 4.2
SAMPLE_SECONDS = 0.5


@dataclass
class StageRun:
    """What one stage took."""

    command: str
    seconds: float
    peak_gb: float


def stages(workspace: str) -> list[list[str]]:
    """Arguments after `python -m`, in order."""
    return [
        ["capture.plan", workspace, "--scenes", str(SCENES), "--minutes", str(MINUTES)],
        ["capture.run", workspace],
        ["labeling.poses_to_actions", workspace],
        ["dataset.build", workspace],
        ["dataset.report", workspace],
    ]


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
    workspace = sys.argv[1] if len(sys.argv) > 1 else "demo"
    runs = [run_stage(arguments) for arguments in stages(workspace)]
    lines = ["", f"{'seconds':>8}  {'peak GB':>7}  stage"]
    lines += [f"{run.seconds:8.1f}  {run.peak_gb:7.2f}  {run.command}" for run in runs]
    total, peak = sum(run.seconds for run in runs), max(run.peak_gb for run in runs)
    lines += [f"{total:8.1f}  {peak:7.2f}  in all"]
    report = (Path(workspace) / "report" / "index.html").absolute()
    lines += ["", f"open {report}", ""]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
