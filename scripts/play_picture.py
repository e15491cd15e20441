"""Take the picture of the play page that docs/play.md shows: a walk in headless Chromium.

    python scripts/play_picture.py configs/tiny.yaml demo docs/play.jpg [WEIGHTS]

Needs a trained student in the workspace, playwright, and `apt-get install chromium`. The pace is
the machine's; the world is as good as the student.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

MOST_BYTES = 250_000
WAIT_MS = 300_000
# Chunks to reach with these keys held; then a branch is kept, or returned to.
KEPT = 3
WALK: tuple[tuple[int, tuple[str, ...], str], ...] = (
    (2, ("w",), ""),
    (KEPT, ("ArrowLeft",), "keep"),
    (5, ("ArrowRight",), "back"),
    (4, ("a",), ""),
    (5, ("s",), ""),
)


def main() -> None:
    """Serve the workspace, walk, save the picture."""
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    recipe, workspace, out, *weights = sys.argv[1:]
    command = ["-m", "training.play", recipe, "--workspace", workspace, "--port", "0"]
    command += ["--weights", *weights] if weights else []
    server = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    try:
        picture = take_picture(address_of(server))
    finally:
        server.terminate()
        server.wait()
    Path(out).write_bytes(picture)


def address_of(server: "subprocess.Popen[str]") -> str:
    """Where the page is served, once it is."""
    for line in server.stderr or ():
        sys.stderr.write(line)
        if found := re.search(r"play at (\S+)", line):
            return found[1]
    sys.exit(1)


def take_picture(address: str) -> bytes:
    """Walk from the first start picture; a JPEG of the page at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--enable-unsafe-swiftshader"],
        )
        page = browser.new_context(
            viewport={"width": 1440, "height": 900}, color_scheme="dark"
        ).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        page.click("#begin")
        wait(page, "document.body.dataset.states === '1'")
        page.click("#stage")
        for chunks, keys, then in WALK:
            walk(page, chunks, keys, last=(chunks, keys, then) == WALK[-1])
            if then == "keep":
                page.keyboard.press("b")
                page.wait_for_selector("[data-branch='1']")
            elif then == "back":
                page.click("[data-branch='1']")
                wait(page, f"document.body.dataset.chunks === '{KEPT}'")
        wait(page, "[...document.querySelectorAll('#strip img')].every((one) => one.complete)")
        return small_enough(page)


def walk(page: Page, chunks: int, keys: tuple[str, ...], *, last: bool) -> None:
    """Hold keys until there are so many chunks; those of the last walk stay held."""
    for key in keys:
        page.keyboard.down(key)
    wait(page, f"document.body.dataset.chunks >= {chunks}")
    if not last:
        for key in keys:
            page.keyboard.up(key)
        page.wait_for_timeout(500)


def wait(page: Page, expression: str) -> None:
    """Until it is true; the page's policy lets no polling script in."""
    while not page.evaluate(expression):
        page.wait_for_timeout(50)


def small_enough(page: Page) -> bytes:
    """The best JPEG that a repository should hold."""
    for quality in (90, 80, 70, 60):
        picture = page.screenshot(type="jpeg", quality=quality)
        if len(picture) < MOST_BYTES:
            break
    return picture


if __name__ == "__main__":
    main()
