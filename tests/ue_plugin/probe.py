"""The plugin's engine-free core: built with CMake, and asked line by line."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "ue_plugin"
BUILD = ROOT / "build" / "ue_plugin"  # kept from run to run: only what changed is compiled again
CORE = PLUGIN / "OpenRelicTour/Source/OpenRelicTour/Private/Core"

MISSING = [tool for tool in ("cmake", "g++") if shutil.which(tool) is None]
WHY = f"{' and '.join(MISSING)} not installed (Debian: apt-get install cmake g++ doctest-dev)"


class CoreError(Exception):
    """A sentence that the core answered with."""


def build_core() -> Path:
    """Where the built programs are."""
    for command in (["-S", PLUGIN, "-B", BUILD], ["--build", BUILD, "--parallel", "2"]):
        done = subprocess.run(["cmake", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return BUILD


def hexed(value: str | bytes) -> str:
    """Text or bytes as a word."""
    return "=" + (value.encode() if isinstance(value, str) else value).hex()


class Probe:
    """`core_probe` running."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [folder / "core_probe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *words: object) -> list[str]:
        """The words of the reply; `CoreError` with the core's sentence."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        state, *rest = self._process.stdout.readline().split() or ["ended"]
        if state == "error":
            raise CoreError(bytes.fromhex(rest[0][1:]).decode())
        assert state == "ok", state
        return rest

    def numbers(self, *words: object) -> list[float]:
        """The reply as numbers."""
        return [float(word) for word in self.ask(*words)]

    def bytes(self, *words: object) -> bytes:
        """The reply as bytes."""
        (word,) = self.ask(*words)
        return bytes.fromhex(word[1:])

    def close(self) -> None:
        """End it; it must not have been ended by a sanitizer."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(60) == 0
