"""How soon the dashboard answers on a workspace of the paper's size, in headless Chromium.

    python -m benchmarks.dashboard

1,400 clips, 1.7 million frames. Measured from the start of the command to a table that can be used,
without and with what an earlier visit has kept; from a filter to its drawn rows; from a click on a
clip, or the key for the next one, to its first frame on the screen, beside a bare <video> element
of the same server and file (what no page could beat). Writes `benchmarks/results/dashboard.json`.
"""

import logging
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.dashboard_lanes import make_workspace
from benchmarks.results import write_results

log = logging.getLogger(__name__)

STARTS, CLIPS_OPENED = 3, 15

# Two frames of the screen: the second begins after the first is drawn.
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
FILTERS = {
    "text": "const box = document.getElementById('search'); box.value = 'kind-3:1'; "
    "box.dispatchEvent(new Event('input'));",
    "check": "document.querySelector('[data-facet=failed]').click();",
    "sort": "const sort = document.getElementById('sort'); sort.value = 'check:flicker'; "
    "sort.dispatchEvent(new Event('change'));",
    "clear": "document.querySelector('#facets .clear').click();",
}
FIRST_FRAME = """async (hash) => {
  const began = performance.now();
  location.hash = hash;
  while (!document.querySelector('.pane[data-first-frame]'))
    await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""
NEXT = """async () => {
  const before = document.body.dataset.clip, began = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
  const shown = () => document.querySelector('.pane[data-first-frame]');
  while (document.body.dataset.clip === before || !shown())
    await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""
BARE = """(address) => new Promise((done) => {
  const began = performance.now(), video = document.createElement('video');
  video.muted = true;
  video.requestVideoFrameCallback(() => { done(performance.now() - began); video.remove(); });
  document.body.append(video);
  video.src = address;
})"""


@contextmanager
def command(workspace: Path, state: Path) -> Iterator[tuple[str, float]]:
    """The dashboard as a user starts it; its address, and the seconds until it named that."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "dataset.dashboard", str(workspace), "--port", "0",
         "--state", str(state)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found is not None
        yield found[0], time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def visit(browser: Any, address: str) -> tuple[Any, float]:
    """A new browser's page that can be used, and the seconds until then."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script("localStorage.setItem('reviewer', 'benchmark')")
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("body[data-ready] .rows .row")
    return page, time.perf_counter() - began


def starts(browser: Any, workspace: Path, folder: Path) -> dict[str, Any]:
    """Seconds of starts without and with an earlier visit's state."""
    cold, warm = [], []
    for number in range(STARTS):
        for times in (cold, warm):
            with command(workspace, folder / f"state-{number}") as (address, started_s):
                page, page_s = visit(browser, address)
                times.append(
                    {"command_s": started_s, "page_s": page_s, "ready_s": started_s + page_s}
                )
                if times is cold:
                    cold[-1]["all_labels_read_s"] = labels_read(page)
                page.context.close()
    return {"first": summary(cold), "again": summary(warm)}


def labels_read(page: Any) -> float:
    """Seconds until the shares of actions of all clips are shown."""
    began = time.perf_counter()
    waiting = "async () => (await (await fetch('api/news')).json()).labels_waiting"
    while page.evaluate(waiting):
        time.sleep(0.2)
    return time.perf_counter() - began


def filters(page: Any) -> dict[str, Any]:
    """Milliseconds of each filter: until its rows are in the page, and until they are drawn."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in FILTERS}
    for _ in range(7):
        for name, act in FILTERS.items():
            times = page.evaluate(
                f"async () => {{ const began = performance.now(); {act} "
                "document.getElementById('grid').offsetHeight; const made = performance.now(); "
                f"await {DRAWN}; return [made - began, performance.now() - began]; }}"
            )
            found[name].append({"made_ms": times[0], "drawn_ms": times[1]})
    return {name: summary(times) for name, times in found.items()}


def first_frames(page: Any) -> dict[str, Any]:
    """Milliseconds to a clip's first frame, interleaved with a bare video of the same server."""
    columns = page.evaluate("async () => (await (await fetch('api/table')).json()).columns")
    chosen = random.Random(5).sample(range(len(columns["tour_id"])), CLIPS_OPENED)
    opened, following, bare = [], [], []
    for row in chosen:
        tour_id, digest = columns["tour_id"][row], columns["digest"][row]
        page.evaluate("location.hash = '#/'")
        page.wait_for_selector("body[data-clip='']")
        bare.append({"ms": page.evaluate(BARE, f"video/{tour_id}/{digest}?bare")})
        opened.append({"ms": page.evaluate(FIRST_FRAME, f"#/clip/{tour_id}")})
        page.wait_for_timeout(1500)  # somebody watches; the next clip is fetched meanwhile
        following.append({"ms": page.evaluate(NEXT)})
    return {"opened": summary(opened), "next": summary(following), "bare_video": summary(bare)}


def summary(times: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Median and worst of each figure."""
    return {
        name: {
            "median": round(statistics.median(one[name] for one in times), 3),
            "worst": round(max(one[name] for one in times), 3),
        }
        for name in times[0]
    }


def main() -> None:
    """Make the workspace, measure, write the results."""
    from playwright.sync_api import sync_playwright

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        workspace, frames = make_workspace(Path(name))
        log.info("%d frames", frames)
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        figures: dict[str, Any] = {"frames": frames, "chromium": browser.version}
        figures["start"] = starts(browser, Path(workspace.location), Path(name))
        log.info("%s", figures["start"])
        with command(Path(workspace.location), Path(name) / "state-0") as (address, _):
            page, _ = visit(browser, address)
            figures["filter"] = filters(page)
            log.info("%s", figures["filter"])
            figures["first_frame"] = first_frames(page)
            log.info("%s", figures["first_frame"])
        browser.close()
    write_results("dashboard", figures, ["fastapi", "plotly", "playwright", "uvicorn"])


if __name__ == "__main__":
    main()
