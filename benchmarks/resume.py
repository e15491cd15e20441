"""How long `capture.run` looks for what is left to do, with 1,400 clips captured.

    python -m benchmarks.resume

A workspace of 1,400 committed clips, in a folder and on a local S3 server (moto, a process of its
own): the search of `capture.run` (one listing, no clip is read), and the reading of all records,
with which later stages begin. Medians of some rounds; under a minute.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.results import write_results
from capture.crew.resume import find_work
from capture.tours.rows import PlanRow
from dataset.clip import CAMERA, RECORD, SCENE_MANIFEST, VIDEO, committed_clips
from dataset.workspace import CLIPS, Workspace
from tests.capture.small_tours import attempt_of, small_tour
from tests.s3 import CREDENTIALS, s3_server, workspace_uri

TOURS, ROUNDS = 1400, 5
PACKAGES = ["obstore", "moto", "pyarrow"]


def fill(workspace: Workspace, rows: list[PlanRow], scratch: Path) -> None:
    """Commit a clip of three small files for every row."""
    like = attempt_of(rows[0], "a" * 12, scratch)

    def commit(row: PlanRow) -> None:
        clip = dataclasses.replace(like, tour_id=row.tour_id, row_hash=row.row_hash)
        for name in (VIDEO, CAMERA, SCENE_MANIFEST):
            workspace.write_bytes(clip.path(name), b"x")
        workspace.write_bytes(f"{CLIPS}/{row.tour_id}/{RECORD}", clip.to_json())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(commit, rows))


def seconds(work: Callable[[], Any]) -> float:
    """Median wall time of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


@contextlib.contextmanager
def s3_process() -> Iterator[str]:
    """The endpoint of a server in another process, so that it does not share our interpreter."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    os.environ.update(CREDENTIALS)
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(pipe: Any) -> None:
    with s3_server() as endpoint:
        pipe.send(endpoint)
        pipe.recv()


def main() -> None:
    """Measure, print and write the figures."""
    rows = [small_tour(f"home:{number % 350}", number, 1200) for number in range(TOURS)]
    figures: dict[str, Any] = {"clips": TOURS}
    print(f"{'':8}{'search s':>10}{'records s':>11}")
    with tempfile.TemporaryDirectory() as folder, s3_process() as endpoint:
        places = {"folder": Path(folder) / "w", "s3": workspace_uri(endpoint, "w")}
        for name, location in places.items():
            workspace = Workspace(location)
            fill(workspace, rows, Path(folder) / "scratch")
            search = seconds(lambda w=workspace: find_work(w, rows, False))
            records = seconds(lambda w=workspace: committed_clips(w))
            figures[name] = {"search_s": round(search, 3), "records_s": round(records, 3)}
            print(f"{name:8}{search:10.3f}{records:11.3f}")
    print(write_results("resume", figures, PACKAGES))


if __name__ == "__main__":
    main()
