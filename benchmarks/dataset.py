"""How fast shards are written and read, beside what others use for the same.

    python -m benchmarks.dataset [--rounds 7]

The lanes of a group take turns, and what is given is the median over the rounds of the ratio to the
lane that it is compared with, so a machine that is busy for a while hurts both. Files are read from
the page cache. mosaicml-streaming takes part if it is installed; it and webdataset check nothing
when they read, and are not durable when they write.
"""

import argparse
import functools
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import dataset_lanes as lanes
from benchmarks.results import write_results
from dataset.clip import VIDEO, Clip, require_clips
from dataset.shards.layout import plan_shards
from dataset.shards.planning import Recipe, plan_samples
from dataset.shards.samples import open_source
from dataset.shards.windows import with_palindromes
from dataset.video import VideoWriter
from dataset.workspace import Workspace

WIDTH, HEIGHT = 1280, 720
CLIP_FRAMES, CLIPS = 640, 2
WINDOW = 317
# The durable write is compared with the same bytes; the reads with webdataset and with each other.
TARGETS = {
    "write": ("ours", "plain tar, sha256, fsync", 0.9),
    "read": ("ours, unverified", "webdataset", 0.9),
    "read verified": ("ours, verified", "ours, unverified", 0.6),
    "decode": ("ours", "bare PyAV", 0.95),
}

Lanes = dict[str, Callable[[], Any]]


def main() -> None:
    """Make a workspace, measure, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="openrelic-benchmark-") as scratch:
        workspace, out = Workspace(Path(scratch) / "ws"), Path(scratch) / "out"
        out.mkdir()
        _make(workspace)
        figures = _measured(workspace, out, rounds)
    path = write_results(
        "dataset", figures, ["webdataset", "mosaicml-streaming", "av", "numpy", "pyarrow"]
    )
    sys.stdout.write(f"{path}\n")


def _make(workspace: Workspace) -> None:
    """Real clips of 40 s in 1280x720, with labels, and their shards."""
    from tests.dataset.scenes import add_clip, build

    video = Path(workspace.location).parent / "video.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    _write_video(video)
    for number in range(CLIPS):
        add_clip(
            workspace, f"tour-{number}", CLIP_FRAMES, asset=f"asset-{number}", video=video,
            size=(WIDTH, HEIGHT),
        )  # fmt: skip
    build(workspace, "--window", "81", "317", "--test-share", "0", "--workers", "1")


def _write_video(path: Path) -> None:
    """Something that compresses as rendered pictures do: smooth, textured, moving."""
    import cv2

    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, 2 * WIDTH, 3), np.uint8), (0, 0), 6)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    with VideoWriter(path, WIDTH, HEIGHT, pixels="rgb24") as writer:
        for frame in range(CLIP_FRAMES):
            writer.write(np.ascontiguousarray(np.roll(wide, -3 * frame, axis=1)[:, :WIDTH]))


def _measured(workspace: Workspace, out: Path, rounds: int) -> dict[str, Any]:
    samples = lanes.members_of(workspace)
    clip = require_clips(workspace)[0]
    video = Path(workspace.location, clip.path(VIDEO))
    firsts = np.random.default_rng(1).integers(0, CLIP_FRAMES - WINDOW, rounds + 1).tolist()

    def at_random(lane: Callable[[Path, int, int], int], number: list[int]) -> int:
        number[0] += 1
        return lane(video, firsts[number[0] % len(firsts)], WINDOW)

    def decoding(lane: Callable[[Path, int, int], int]) -> Callable[[], int]:
        return functools.partial(at_random, lane, [0])

    write: Lanes = {
        "ours": lambda: lanes.write_ours(samples, out),
        "plain tar, sha256, fsync": lambda: lanes.write_plain(samples, out),
        "webdataset (not durable, no digest)": lambda: lanes.write_webdataset(samples, out),
        **dict(lanes.optional("mosaicml-streaming", lambda: lanes.write_mosaic(samples, out))),
    }
    read: Lanes = {
        "ours, unverified": lambda: lanes.read_ours(workspace, check=False),
        "ours, verified": lambda: lanes.read_ours(workspace, check=True),
        "webdataset": lambda: lanes.read_webdataset(workspace),
        **dict(lanes.optional("mosaicml-streaming", lambda: lanes.read_mosaic(out))),
    }
    decode: Lanes = {
        "ours": decoding(lanes.decode_ours),
        "bare PyAV": decoding(lanes.decode_bare),
        "ours, palindrome": decoding(lanes.decode_palindrome),
    }
    groups = {
        "write": (write, "MB/s", 1e6),
        "read": (read, "MB/s", 1e6),
        "decode": (decode, "frames/s", 1.0),
    }
    times = {name: _timed(name, group, rounds) for name, (group, _, _) in groups.items()}
    figures = {
        name: {"unit": unit, **_rates(times[name], scale)}
        for name, (_, unit, scale) in groups.items()
    }
    figures["make"] = _making(workspace, clip, rounds)
    figures["targets"] = {
        name: _target(times[name.split()[0]], *target) for name, target in TARGETS.items()
    }
    return figures


def _timed(name: str, group: Lanes, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Amount and seconds of each lane in each round; the first round warms up."""
    taken: dict[str, list[tuple[float, float]]] = {lane: [] for lane in group}
    for number in range(rounds + 1):
        for lane, work in group.items():
            started = time.perf_counter()
            amount = work()
            seconds = time.perf_counter() - started
            if number:
                taken[lane].append((amount, seconds))
        sys.stderr.write(f"{name}: round {number} of {rounds}\n")
    return taken


def _rates(taken: dict[str, list[tuple[float, float]]], scale: float) -> dict[str, float]:
    return {
        lane: round(statistics.median(a / s for a, s in rounds) / scale, 1)
        for lane, rounds in taken.items()
    }


def _target(
    taken: dict[str, list[tuple[float, float]]], lane: str, peer: str, least: float
) -> dict[str, Any]:
    """The ratio to the peer, round by round: its median, least and most."""
    ratios = [
        (amount / seconds) / (peer_amount / peer_seconds)
        for (amount, seconds), (peer_amount, peer_seconds) in zip(
            taken[lane], taken[peer], strict=True
        )
    ]
    found = round(statistics.median(ratios), 3)
    spread = [round(min(ratios), 3), round(max(ratios), 3)]
    return {
        "lane": lane, "peer": peer, "target": least, "ratio": found, "spread": spread,
        "met": found >= least,
    }  # fmt: skip


def _making(workspace: Workspace, clip: Clip, rounds: int) -> dict[str, Any]:
    """Samples made of one clip, and whole shards, from clips to committed bytes."""
    plan = plan_samples(workspace, Recipe(lengths=(81, 317), balance=0, test_share=0))
    windows = [s.window for s in plan.samples if s.clip == clip and s.window.pivot is None]
    turned = [w for w in with_palindromes(windows, 1.0, 0) if w.pivot is not None]
    shard = plan_shards(plan.samples, plan.splits, 10**9)[0]
    copy = Workspace(f"{workspace.location}-copy")
    shutil.copytree(workspace.location, copy.location)
    with open_source(workspace, "default", clip) as source:
        group: Lanes = {
            "windows": lambda: lanes.build_palindromes(source, windows),
            "palindromes": lambda: lanes.build_palindromes(source, turned),
            "a shard": lambda: lanes.build_shard(copy, shard),
        }
        taken = _timed("make", group, max(1, rounds // 2))
    return {"unit": "MB/s", **_rates(taken, 1e6)}


if __name__ == "__main__":
    main()
