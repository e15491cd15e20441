"""The play page's server, spoken to as a page does; and as no page would."""

import http.client
import json
import threading
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dataset.errors import OpenRelicError
from dataset.video import probe
from dataset.workspace import Workspace
from tests.training.micro import write_recipe
from tests.training.playing import FOLDER, Server, serving, small_workspace, visiting
from tests.training.tiny_player import SHORT_MEMORY, picture, tiny_player
from training.play import tape, visitors
from training.play.game import Wish, action_rows
from training.play.pictures import read_image
from training.play.script_file import PlayScript, read_script, rows_of, runs_of, write_script
from training.play.scripted import stream, write_frames
from training.play.worker import Worker
from training.streaming.player import Player
from training.streaming.session import WorldSession

START = {"picture": 0, "caption": "a hall", "seed": 4}
GIVEN = {"caption": "a hall", "seed": 4}
FORWARD, LEFT = {"dolly_in": 1.0}, {"pan_left": 0.5, "dolly_in": 1.0}


@pytest.fixture(scope="module")
def player(tmp_path_factory) -> Player:
    torch.set_num_threads(1)
    return tiny_player(tmp_path_factory.mktemp("player"), **SHORT_MEMORY)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    folder = tmp_path_factory.mktemp("page")
    return small_workspace(folder / "work", write_recipe(folder / "recipe.yaml"))


@pytest.fixture
def server(player: Player, workspace: Workspace):
    workspace.delete_folder(FOLDER)
    with serving(player, workspace, picture()) as found:
        yield found


def alone(player: Player, *held: dict[str, float], **settings) -> list:
    """Chunks of a session that nobody else knows of."""
    session = WorldSession.start(player, picture(), **{**GIVEN, **settings})
    made = []
    for number, keys in enumerate(held):
        wish = Wish(number=number, held=keys)
        made.append(session.step(action_rows(player, wish, session.rows_needed)))
    return made


def assert_shows(frames: list[np.ndarray], chunk) -> None:
    """JPEGs of these very frames."""
    assert len(frames) == len(chunk.frames)
    error = np.abs(np.array(frames).astype(int) - chunk.frames)
    assert error.mean() < 6  # coarse noise is the worst there is for a JPEG


def ask(server: Server, path: str, **headers: str) -> tuple[int, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.putrequest("GET", path, skip_host="host" in headers)
    for name, value in headers.items():
        link.putheader(name, value)
    link.endheaders()
    answer = link.getresponse()
    found = answer.status, answer.read()
    link.close()
    return found


def test_a_page_gets_the_chunks_that_it_asks_for(server: Server, player: Player) -> None:
    with visiting(server) as page:
        assert (page.state["started"], page.hello["known"]) == (False, False)
        assert [one["name"] for one in page.hello["starts"]] == ["given", "wall"]
        assert page.order("start", START)["started"]
        expected = alone(player, FORWARD, LEFT, {})
        for number, held in enumerate((FORWARD, LEFT, {})):
            facts, frames = page.step(held=held, watch=number == 2)
            assert_shows(frames, expected[number])
            assert facts["tokens"] == expected[number].tokens
            assert facts["memory_bytes"] == expected[number].memory_bytes
            assert len(facts["path"]) == len(frames)
        latents, shares = zip(*facts["attention"], strict=True)
        assert latents == tuple(range(4)) and 0 < sum(shares) < 1
        # 12 steps forward with a turn to the left: forward, and to the left of the start.
        x, forward, heading_deg, up = facts["path"][-1]
        assert x < 0 < forward and -90 < heading_deg < 0 and up == 0
        status, data = ask(
            server, f"/frames/{page.hello['session']}/{page.state['chunks'][1]}/1.jpg"
        )
        small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert status == 200 and small is not None and small.shape == (64, 128, 3)


def test_undo_branches_and_a_recording_are_exact(
    server: Server, player: Player, tmp_path: Path
) -> None:
    with visiting(server) as page:
        page.order("start", START)
        page.step(held=FORWARD)
        page.order("record")
        first, shown = page.step(held=LEFT)
        page.order("keep")
        page.step(held={"dolly_out": 1.0}, caption="another hall")
        assert page.order("go_to", 2)["chunks"] == page.state["chunks"]
        _, again = page.step(held=FORWARD, caption="a hall", gamma=1.5, look=[8.0, -2.0])
        # From the branch the same keys give the same frames, whatever was played since.
        state = page.order("return", 1)
        assert [one["number"] for one in state["branches"]] == [1, 2, 0]
        assert [one["shared"] for one in state["branches"]] == [0, 2, 2]
        facts, once_more = page.step(held=FORWARD, gamma=1.5, look=[8.0, -2.0])
        np.testing.assert_array_equal(once_more, again)
        assert facts["recorded"] == 16
        assert [one["number"] for one in page.order("drop", 2)["branches"]] == [1, 0]
        page.order("stop")
        name = page.recorded()["recorded"]
        assert {Path(one).suffix for one in server.files} == {".mp4", ".json", ".png"}
        status, video = ask(server, f"/recordings/{name}.mp4")
        assert status == 200
    folder = Path(server.desk.files.workspace.location) / FOLDER
    script = read_script(folder / f"{name}.json")
    assert (script.first_frame, script.frames, script.actions.shape) == (5, 16, (21, 13))
    session = WorldSession.start(player, read_image(str(folder / script.image)), **GIVEN)
    frames = stream(session, script.actions, script)
    write_frames(frames, script.first_frame, script.frames, player, tmp_path / "again.mp4")
    assert (tmp_path / "again.mp4").read_bytes() == video


def test_a_full_tape_keeps_what_is_on_it(server: Server, monkeypatch) -> None:
    monkeypatch.setattr(tape, "MAX_BYTES", 1)
    with visiting(server) as page:
        page.order("start", START)
        assert page.order("stop")["recorded"] is None  # nothing was begun
        page.order("record")
        assert [page.step()[0]["recorded"] for _ in range(3)] == [5, 5, 5]
        page.order("stop")
        news = page.recorded()
        assert news["frames"] == 5
        folder = Path(server.desk.files.workspace.location) / FOLDER
        assert probe(folder / f"{news['recorded']}.mp4").frames == 5


def test_sessions_do_not_mix_and_take_turns(server: Server, player: Player) -> None:
    mine, other = alone(player, FORWARD, FORWARD), alone(player, LEFT, LEFT, seed=9)
    with visiting(server) as ada, visiting(server) as bob:
        ada.order("start", START)
        bob.order("start", {**START, "seed": 9})
        for number in range(2):
            ada.say("step", {"number": number, "shown": number, "held": FORWARD})
            bob.say("step", {"number": number, "shown": number, "held": LEFT})
            assert_shows(ada.take()[1], mine[number])
            assert_shows(bob.take()[1], other[number])
        # Nobody sees another's frames without knowing their number.
        assert ask(server, f"/frames/{'0' * 24}/0/0.jpg")[0] == 404


def test_the_worker_takes_lanes_in_turn() -> None:
    worker, gate, busy = Worker(), threading.Event(), threading.Event()
    done: list[str] = []
    first = worker.submit("z", lambda: busy.set() or gate.wait())
    assert busy.wait(20)
    wanted = [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("b", "b2"), ("c", "c1")]
    futures = [worker.submit(lane, partial(done.append, name)) for lane, name in wanted]
    gate.set()
    for future in [first, *futures]:
        future.result(timeout=20)
    assert done == ["a1", "b1", "c1", "a2", "b2", "a3"]
    worker.close()
    assert worker.submit("a", gate.wait).cancelled()


def test_a_page_that_comes_back_goes_on(server: Server, player: Player) -> None:
    expected = alone(player, FORWARD, LEFT, FORWARD)
    with visiting(server) as page:
        page.order("start", START)
        page.step(held=FORWARD)
        page.say("step", {"number": 1, "shown": 0, "held": LEFT})  # it leaves before the answer
        number = page.hello["session"]
    with visiting(server, number) as page:
        assert page.hello["known"] and page.hello["session"] == number
        assert len(page.state["chunks"]) in (1, 2)
        if len(page.state["chunks"]) == 1:
            page.step(held=LEFT)
        assert_shows(page.step(held=FORWARD)[1], expected[2])
        # A step that was made before is not made twice: the page gets the state instead.
        assert page.step(held=FORWARD, number=1)[0]["kind"] == "state"
        with visiting(server, number) as taker:  # the same tab, twice
            assert len(taker.state["chunks"]) == 3
            with pytest.raises(ConnectionClosed) as closed:
                page.link.recv(timeout=20)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 4408


def test_visitors_beyond_the_limit_wait_and_idle_ones_end(
    player: Player, workspace: Workspace
) -> None:
    workspace.delete_folder(FOLDER)
    with (
        serving(player, workspace, picture(), most=1, idle_s=1.5) as server,
        visiting(server) as ada,
    ):
        ada.order("start", START)
        ada.order("record")
        ada.step(held=FORWARD)
        with visiting(server) as bob:
            assert "1 sessions are being played" in bob.hello["full"]
        news = ada.recorded()  # what was recorded is not lost
        assert news["frames"] == 5
        deadline = time.monotonic() + 20
        while len(server.desk.visitors) and time.monotonic() < deadline:
            time.sleep(0.05)
        with visiting(server, ada.hello["session"]) as bob:
            assert bob.hello["known"] is False and bob.state["started"] is False


def test_whoever_is_gone_makes_room(player: Player, workspace: Workspace, monkeypatch) -> None:
    monkeypatch.setattr(visitors, "GONE_S", 0.3)
    with serving(player, workspace, picture(), most=1) as server:
        with visiting(server) as ada:
            ada.order("start", START)
        with visiting(server, ada.hello["session"]) as ada:  # a reload
            assert ada.hello["known"]
        time.sleep(0.5)
        with visiting(server) as bob, visiting(server) as carol:
            assert bob.state["started"] is False
            assert "full" in carol.hello


def test_a_session_is_saved_and_loaded_by_another(server: Server, player: Player) -> None:
    expected = alone(player, FORWARD, LEFT, FORWARD)
    with visiting(server) as ada:
        ada.order("start", START)
        ada.step(held=FORWARD)
        ada.step(held=LEFT)
        saved = ada.order("save")["saved"]
        ada.take()
    with visiting(server) as bob:
        assert bob.hello["saves"] == [saved]
        assert "no session is saved" in bob.order("load", "../../etc/passwd")["problem"]
        assert len(bob.order("load", saved)["path"]) == 5 + 8
        assert_shows(bob.step(held=FORWARD)[1], expected[2])
        key = bob.state["chunks"][0]
        assert ask(server, f"/frames/{bob.hello['session']}/{key}/0.jpg")[0] == 200


def test_an_uploaded_picture_starts_a_session(server: Server) -> None:
    with visiting(server) as page:
        image = cv2.imencode(".png", np.full((40, 60, 3), 90, np.uint8))[1].tobytes()
        assert "not a readable picture" in page.order("start", {"picture": "upload"})["problem"]
        page.link.send(b"GIF89a, or so")
        assert "not a readable picture" in page.order("start", {"picture": "upload"})["problem"]
        page.link.send(image)
        assert page.order("start", {"picture": "upload", "caption": "grey"})["started"]
        assert page.state["caption"] == "grey"
        assert page.step()[0]["kind"] == "chunk"


HOSTILE = [
    "", "[]", "null", "{", "[" * 50_000, '"step"', "{}", '{"step": {}, "keep": 1}', '{"fly": 1}',
    '{"hello": ""}', '{"step": null}', '{"step": {"number": -1}}', '{"step": {"number": 1e400}}',
    '{"step": {"number": true}}', '{"step": {"number": 0}}', '{"step": {"number": 3, "shown": 1}}',
    '{"step": {"number": 0, "shown": -1, "held": {"jump": 1}}}',
    '{"step": {"number": 0, "shown": -1, "held": {"dolly_in": "1"}}}',
    '{"step": {"number": 0, "shown": -1, "gamma": NaN}}',
    '{"step": {"number": 0, "shown": -1, "gamma": 1' + "0" * 400 + "}}",
    '{"step": {"number": 0, "shown": -1, "look": [1]}}',
    '{"step": {"number": 0, "shown": -1, "caption": 7}}',
    '{"go_to": "0"}', '{"start": {"picture": "../x"}}', '{"start": {"picture": 0, "x": 1}}',
    '{"load": {"a": 1}}', '{"start": {"picture": 0, "caption": "\\u0007"}}',
]  # fmt: skip


def test_what_no_page_says_is_refused_and_changes_nothing(server: Server, player: Player) -> None:
    expected = alone(player, FORWARD)
    number = ""
    for first in range(0, len(HOSTILE), 15):  # a page that goes on like this is thrown out
        with visiting(server, number) as page:
            number = page.hello["session"]
            if not first:
                page.order("start", START)
            for message in HOSTILE[first : first + 15]:
                page.link.send(message)
                assert "not understood" in page.take()[0]["problem"], message
    with visiting(server, number) as page:
        for order in ("keep", "return", "drop", "go_to"):
            assert page.order(order, 99 if order != "keep" else None)
        assert "0 to 1 are offered" in page.order("start", {"picture": 3})["problem"]
        assert_shows(page.step(held=FORWARD)[1], expected[0])
        for _ in range(20):
            page.say("fly")
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(40):
                page.link.recv(timeout=20)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4400


def test_only_its_own_page_is_answered_and_no_path_leads_out(server: Server) -> None:
    for headers in ({"origin": "http://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises(InvalidStatus), visiting(server, **headers):
            pass
    assert ask(server, "/", host="evil.example")[0] == 421
    for path in (
        "/../serving.py", "/%2e%2e/serving.py", "/recordings/..%2f..%2fmodel.mp4",
        "/recordings/x.session", "/parts/%2e%2e/errors.py", "/starts/-1.jpg", "/starts/9.jpg",
        "/frames/x/0/0.jpg",
    ):  # fmt: skip
        assert ask(server, path)[0] == 404, path
    assert ask(server, "/starts/1.jpg")[0] == 200


def test_a_token_is_asked_of_links_too(player: Player, workspace: Workspace) -> None:
    with serving(player, workspace, picture(), token="abc") as server:
        for headers in ({}, {"Cookie": f"openrelic-{server.port}=abd"}):
            with pytest.raises(InvalidStatus), visiting(server, **headers):
                pass
        assert ask(server, "/")[0] == 401 and ask(server, "/?token=abc")[0] == 303
        with visiting(server, Cookie=f"openrelic-{server.port}=abc") as page:
            assert page.hello["known"] is False


def test_runs_of_rows_are_exact(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((40, 13)).astype(np.float32)
    rows = np.repeat(values, 3, axis=0)
    np.testing.assert_array_equal(rows_of(json.loads(json.dumps(runs_of(rows)))), rows)
    script = PlayScript(
        recipe="micro", weights="0" * 64, image="x.png", seed=1, pitch_deg=0.5, roll_deg=0.0,
        first_frame=5, frames=100, captions=((0, "a"), (5, "b"), (13, "c")), actions=rows,
    )  # fmt: skip
    path = tmp_path / "x.json"
    path.write_bytes(write_script(script))
    again = read_script(path)
    assert [again.caption_at(at) for at in (0, 4, 5, 12, 40)] == list("aabbc")
    np.testing.assert_array_equal(again.actions, rows)
    for wrong in (b"", b"[]", path.read_bytes().replace(b'"version": 1', b'"version": 2')):
        path.write_bytes(wrong)
        with pytest.raises(OpenRelicError, match="no script of a recording"):
            read_script(path)
