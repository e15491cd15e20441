"""What tests of several pages share: a real browser."""

import shutil

import pytest

LAUNCH_MS = 60_000


@pytest.fixture(scope="module")
def browser():
    """Chromium, headless; skips where there is none."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium, timeout=LAUNCH_MS,
            args=["--no-sandbox", "--enable-unsafe-swiftshader"],
        )  # fmt: skip
        yield found
        found.close()
