"""The dashboard's page in a real browser, as reviewers use it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset.clip import FPS, committed_clips
from dataset.workspace import LABELS, Workspace
from tests.dataset.dashboards import Server, measure, serving

WAIT_MS = 60_000
FAILING = {
    "alpha-one-0a": {"flicker": 9.5, "blur_px": 4.0},
    "beta-0c": {"flicker": 3.0},
}  # fmt: skip


@pytest.fixture
def review(fresh: Workspace, tmp_path: Path) -> Iterator[tuple[Server, Workspace]]:
    """A workspace with measurements, served."""
    measure(fresh, FAILING)
    with serving(fresh, tmp_path / "state") as server:
        yield server, fresh


def visit(browser, server: Server, reviewer: str | None, path: str = "/"):
    """A reviewer's own browser, at the page; errors of its scripts are in `page.errors`."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(WAIT_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(server.origin + path)
    page.wait_for_selector("body[data-ready]")
    if reviewer is not None:
        page.fill("#reviewer-name", reviewer)
        page.keyboard.press("Enter")
    return page


def shown(page) -> list[str]:
    """The tours of the table, from top to bottom."""
    rows = page.locator(".rows .row")
    found = [
        (
            int(rows.nth(at).get_attribute("data-at")),
            rows.nth(at).locator(".tour").get_attribute("title"),
        )
        for at in range(rows.count())
    ]
    return [name for _, name in sorted(found)]


def until(page, expression: str) -> None:
    """Wait until an expression is true; the page's policy lets no polling script in."""
    ending = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < ending, expression
        page.wait_for_timeout(30)


def at_frame(page, frame: int) -> None:
    page.wait_for_selector(f".pane[data-frame='{frame}']")


@pytest.mark.timeout(400)
def test_a_review_from_the_list_to_the_decision_and_back(browser, review) -> None:
    server, workspace = review
    page = visit(browser, server, "ada")
    assert shown(page) == [clip.tour_id for clip in committed_clips(workspace)]

    # Filters: a check that failed, a text, a sort.
    page.click("[data-facet=failed][data-value=flicker]")
    page.wait_for_selector("body[data-shown='2']")
    assert shown(page) == ["alpha-one-0a", "beta-0c"]
    page.click(".row.head >> text=flicker")
    assert shown(page) == ["alpha-one-0a", "beta-0c"] and "9.5" in page.inner_text("[data-at='0']")
    page.click(".row.head >> text=flicker")
    assert shown(page) == ["beta-0c", "alpha-one-0a"]
    page.keyboard.press("/")
    page.keyboard.type("alpha")
    page.wait_for_selector("body[data-shown='1']")
    page.keyboard.press("Enter")
    page.click("text=Clear filters")
    page.wait_for_selector("body[data-shown='4']")
    page.click(".row.head >> text=Clip")
    until(page, "document.querySelector('[data-at=\"0\"] .tour').title === 'alpha-one-0a'")

    # A clip: its first frame, the frames that failed, single frames, and playing.
    page.click(".rows .row[data-at='0']")
    page.wait_for_selector(".pane[data-first-frame]")
    page.wait_for_selector(".pane[data-ready]")
    page.keyboard.press("n")
    at_frame(page, 20)
    assert page.inner_text(".banner").startswith("flicker: 9.5 levels")
    page.keyboard.press("n")
    at_frame(page, 40)
    assert page.inner_text(".banner").startswith("blur: 4 px")
    page.keyboard.press("p")
    at_frame(page, 20)
    page.keyboard.press("ArrowRight")
    at_frame(page, 21)
    page.keyboard.press("Shift+ArrowRight")
    at_frame(page, 21 + FPS)
    until(
        page,
        f"Math.abs(document.querySelector('video').currentTime - {(21 + FPS + 0.5) / FPS}) < 0.01",
    )
    page.keyboard.press(" ")
    until(page, "Number(document.querySelector('.pane').dataset.frame) > 45")
    page.keyboard.press(" ")
    assert page.evaluate("document.querySelector('video').paused")

    # A click in the timeline seeks to the time under it.
    box = page.locator(".timeline").bounding_box()
    plot = box["width"] - 104 - 14
    page.mouse.click(box["x"] + 104 + plot * (100.5 / 200), box["y"] + 60)
    at_frame(page, 100)

    # A decision by keyboard, with a reason by number; the page goes on to the next open clip.
    page.keyboard.press("r")
    page.wait_for_selector("dialog.reason")
    page.keyboard.press("2")
    page.wait_for_selector("body[data-clip='alpha-two-0b']")
    page.keyboard.press("a")
    page.wait_for_selector("body[data-clip='beta-0c']")
    page.keyboard.press("l")
    page.wait_for_selector("dialog.reason")
    page.keyboard.type("the light <b>jumps</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-clip='beta-short-0d']")
    page.keyboard.press("u")
    page.wait_for_selector("body[data-clip='beta-0c']")
    page.keyboard.press("Escape")

    # After a reload everything is as it was.
    page.reload()
    page.wait_for_selector("body[data-ready]")
    text = page.inner_text("[data-at='0']")
    assert "rejected" in text and "ada: blur" in text
    assert "accepted" in page.inner_text("[data-at='1']")
    assert "open" in page.inner_text("[data-at='2']")
    assert page.errors == []
    log = [(entry.tour_id, entry.verdict, entry.reason) for entry in server.desk.journal.log()]
    assert log == [
        ("alpha-one-0a", "reject", "blur"), ("alpha-two-0b", "accept", ""),
        ("beta-0c", "look", "the light <b>jumps</b>"), ("beta-0c", "undo", ""),
    ]  # fmt: skip
    page.context.close()


@pytest.mark.timeout(300)
def test_two_reviewers_see_one_another(browser, review) -> None:
    server, _ = review
    ada = visit(browser, server, "ada", "/#/clip/beta-0c")
    bob = visit(browser, server, "bob", "/#/clip/beta-0c")
    ada.wait_for_selector("text=bob is here, too")
    bob.wait_for_selector(".pane[data-ready]")
    bob.keyboard.press("r")
    bob.wait_for_selector("dialog.reason")
    bob.keyboard.type("it shakes")
    bob.keyboard.press("Enter")
    ada.wait_for_selector("#decision >> text=bob: it shakes")
    ada.keyboard.press("a")
    bob.keyboard.press("Escape")  # bob's page went on to the next clip
    bob.wait_for_selector(".rows .verdict.accept")
    assert [ada.errors, bob.errors] == [[], []]
    ada.context.close()
    bob.context.close()
    entries = [(entry.reviewer, entry.verdict) for entry in server.desk.journal.log()]
    assert entries == [("bob", "reject"), ("ada", "accept")]


@pytest.mark.timeout(300)
def test_two_clips_are_compared_at_one_time(browser, review) -> None:
    server, _ = review
    page = visit(browser, server, "ada", "/#/compare/alpha-one-0a/beta-0c")
    for at in (0, 1):
        page.locator(".pane").nth(at).locator("video").wait_for()
    until(page, "document.querySelectorAll('.pane[data-ready]').length === 2")
    page.keyboard.press("n")
    until(
        page, "[...document.querySelectorAll('.pane')].every(pane => pane.dataset.frame === '20')"
    )
    page.keyboard.press("Tab")
    page.keyboard.press("a")
    page.wait_for_selector("#decision >> text=accepted")
    page.keyboard.press("c")
    page.wait_for_selector("body[data-clip='beta-0c'] .panes.of1")
    assert page.errors == []
    page.context.close()


@pytest.mark.timeout(300)
def test_before_anything_is_measured_it_says_what_to_run(
    browser, fresh: Workspace, tmp_path: Path
) -> None:
    fresh.delete_folder(LABELS)
    with serving(fresh, tmp_path) as server:
        page = visit(browser, server, None)
        page.keyboard.press("Escape")  # no name is given
        said = page.inner_text("#notices")
        assert f"python -m dataset.qa {fresh.location}" in said
        assert f"python -m labeling.poses_to_actions {fresh.location}" in said
        page.click(".rows .row[data-at='1']")
        page.wait_for_selector(".pane[data-first-frame]")
        page.wait_for_selector("text=not measured yet")
        page.keyboard.press("?")
        assert "frame that failed a check" in page.inner_text("dialog.help")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog.help", state="detached")
        page.keyboard.press("a")  # who decides is asked first
        page.wait_for_selector("#reviewer-name")
        page.keyboard.press("Escape")
        assert page.errors == []
        page.context.close()
        assert server.desk is not None and server.desk.journal.log() == []
