"""The play page in a real browser: somebody walks through a tiny model's world."""

import time
from pathlib import Path

import pytest
import torch

from dataset.video import probe
from labeling.actions import ACTIONS
from tests.training.micro import write_recipe
from tests.training.playing import FOLDER, serving, small_workspace
from tests.training.tiny_player import SHORT_MEMORY, picture, tiny_player
from training.play.script_file import read_script

WAIT_MS = 60_000
CAPTION = "a wall with coloured tiles"
CHUNK = 8  # frames of all but the first, which has 5


def until(page, expression: str):
    """Wait until an expression is true; the page's policy lets no polling script in."""
    ending = time.monotonic() + WAIT_MS / 1000
    while not (found := page.evaluate(expression)):
        assert time.monotonic() < ending, expression
        page.wait_for_timeout(30)
    return found


def chunks(page) -> int:
    return int(page.evaluate("document.body.dataset.chunks"))


def shown(page) -> int:
    """Waits until all that was made is shown; chunks."""
    until(
        page, f"Number(document.body.dataset.frame) === {CHUNK} * document.body.dataset.chunks - 4"
    )
    return chunks(page)


def hold(page, *keys: str, until_chunk: int) -> None:
    for key in keys:
        page.keyboard.down(key)
    until(page, f"document.body.dataset.chunks >= {until_chunk}")
    for key in keys:
        page.keyboard.up(key)


@pytest.mark.timeout(400)
def test_somebody_walks_undoes_branches_records_and_comes_back(browser, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    player = tiny_player(tmp_path, **SHORT_MEMORY)
    workspace = small_workspace(tmp_path / "work", write_recipe(tmp_path / "recipe.yaml"))
    with serving(player, workspace, picture()) as server:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(WAIT_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_init_script("window.pad = null; navigator.getGamepads = () => [window.pad]")
        page.goto(server.origin)

        # A held-out picture with its caption, then keys, several at once, lit as they are held.
        page.click("dialog.begin .pictures button:nth-child(2)")
        assert page.input_value("#caption") == CAPTION
        page.click("#begin")
        until(page, "document.body.dataset.states === '1'")
        page.click("#stage")
        page.keyboard.down("w")
        page.keyboard.down("ArrowLeft")
        lit = "[...document.querySelectorAll('#keys .lit')].map(one => one.dataset.action).join()"
        assert page.evaluate(lit) == "dolly_in,pan_left"
        until(page, "document.body.dataset.chunks >= 4")
        page.keyboard.up("w")
        page.keyboard.up("ArrowLeft")
        assert page.evaluate(lit) == ""
        made = shown(page)
        right, forward, heading, _ = map(float, page.get_attribute("#map", "data-at").split())
        assert forward > 1 and right < 0 and heading < 0
        until(page, "Number(document.body.dataset.latency) > 0")
        assert page.inner_text("#tokens").isdigit() and "memory" in page.inner_text("#top")
        until(page, "document.querySelector('#strip img')?.naturalWidth === 128")
        assert "past" in page.inner_text("#shares")

        # Nothing is held: nothing is made. A drag on the picture looks, a tap counts.
        page.wait_for_timeout(200)
        assert chunks(page) == made
        page.mouse.move(500, 300)
        page.mouse.down()
        page.mouse.move(600, 300)
        page.mouse.up()
        until(page, f"document.body.dataset.chunks > {made}")
        made = shown(page)
        assert float(page.get_attribute("#map", "data-at").split()[2]) > heading + 5

        # A stick that is half out, by degrees.
        pad = "{connected: true, axes: [0, 0, 0.57, 0], buttons: []}"
        page.evaluate(f"window.pad = {pad}")
        until(page, f"({lit}) === 'pan_right' && document.body.dataset.chunks > {made}")
        page.evaluate("window.pad = null")
        until(page, f"({lit}) === ''")
        made = shown(page)

        # A branch, a recording, an undo, and back to the branch.
        page.keyboard.press("b")
        page.wait_for_selector(".lane [data-branch='1']")
        page.keyboard.press(" ")
        page.wait_for_selector("#record.on")
        page.fill("#words", "a longer wall")
        page.keyboard.press("Enter")
        hold(page, "d", until_chunk=made + 2)
        longer = shown(page)
        page.keyboard.press(" ")
        page.wait_for_selector("#recordings a")
        (video,) = (tmp_path / "work" / FOLDER).glob("*.mp4")
        assert probe(video).frames == CHUNK * (longer - made)
        script = read_script(video.with_suffix(".json"))
        assert [text for _, text in script.captions] == [CAPTION, "a longer wall"]
        stick = script.actions[script.first_frame - 1, ACTIONS.index("pan_right")]
        assert stick == pytest.approx(0.5)  # of turn_deg, behind the stick's dead zone
        page.keyboard.press("Backspace")
        until(page, f"document.body.dataset.chunks === '{longer - 1}'")
        page.click("[data-branch='1']")
        until(page, f"document.body.dataset.chunks === '{made}'")
        until(page, "document.querySelectorAll('.lane').length === 3")

        # A lost connection and a reload go on where it was.
        states = int(page.evaluate("document.body.dataset.states"))
        server.cut_links()
        until(page, f"document.body.dataset.states > {states}")
        hold(page, "w", until_chunk=made + 1)
        made = shown(page)
        page.reload()
        until(page, f"document.body.dataset.chunks === '{made}'")
        assert page.locator(".lane").count() == 3 and page.locator("dialog").count() == 0
        assert page.locator("#recordings a").count() == 2
        page.click("#stage")
        hold(page, "s", until_chunk=made + 1)
        assert len(server.desk.visitors) == 1 and errors == []
        page.context.close()
