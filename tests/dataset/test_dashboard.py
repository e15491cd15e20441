"""The dashboard's server: what it shows, that decisions last, and whom it refuses."""

import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from dataset.clip import RECORD, VIDEO, Clip, committed_clips
from dataset.dashboard.__main__ import Settings, token_for
from dataset.dashboard.desk import state_folder
from dataset.dashboard.journal import Journal, NothingToUndo, Wish
from dataset.dashboard.media import Span, Unsatisfiable, parse_range
from dataset.errors import OpenRelicError
from dataset.qa.decisions import DECISIONS, Decision, publish, read_decisions, read_log
from dataset.workspace import CLIPS, LABELS, Workspace
from labeling.actions import ACTIONS
from labeling.store import require_labels
from tests.dataset.dashboards import Server, measure, serving, wish
from tests.s3 import s3_server, workspace_uri

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shown(captured: Workspace, tmp_path_factory: pytest.TempPathFactory):
    """A server of the shared workspace, for tests that only read."""
    with serving(captured, tmp_path_factory.mktemp("state")) as server:
        yield server


def wait_for(done, seconds: float = 60.0) -> None:
    ending = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ending, "it did not happen"
        time.sleep(0.05)


# ---- what is shown ----


def test_the_table_has_what_records_and_labels_say(shown: Server, captured: Workspace) -> None:
    wait_for(lambda: not shown.ask("/api/news").json["labels_waiting"])
    table = shown.ask("/api/table").json
    clips = committed_clips(captured)
    assert table["columns"]["tour_id"] == [clip.tour_id for clip in clips]
    assert table["columns"]["digest"] == [clip.digest for clip in clips]
    assert table["columns"]["frames"] == [clip.frames for clip in clips]
    assert table["checks"] == [] and table["columns"]["proposed"] == [None] * len(clips)
    for at, clip in enumerate(clips):
        active = require_labels(captured, "default", clip).active
        found = [column[at] for column in table["shares"]]
        assert found == pytest.approx(active.mean(axis=0).tolist(), abs=1e-5)


def test_a_clip_shows_its_path_and_keys(shown: Server, captured: Workspace) -> None:
    clip = committed_clips(captured)[0]
    view = shown.ask(f"/api/clips/{clip.tour_id}").json
    active = require_labels(captured, "default", clip).active
    for name, runs in view["actions"]["runs"].items():
        drawn = np.zeros(clip.frames, bool)
        for first, count in zip(runs[::2], runs[1::2], strict=True):
            drawn[first : first + count] = True
        assert (drawn == active[:, ACTIONS.index(name)]).all()
    steps_m = np.linalg.norm(np.diff(view["track"]["position_m"]), axis=0)
    assert view["track"]["speed_m_s"][1:] == pytest.approx(steps_m * clip.fps, abs=0.05)
    assert (
        view["qa"]["problem"] == f"not measured yet: run `python -m dataset.qa {captured.location}`"
    )


def test_without_labels_the_rest_is_shown(fresh: Workspace, tmp_path: Path) -> None:
    fresh.delete_folder(LABELS)
    with serving(fresh, tmp_path) as server:
        table = server.ask("/api/table").json
        assert all(share is None for column in table["shares"] for share in column)
        view = server.ask(f"/api/clips/{table['columns']['tour_id'][0]}").json
        assert "labeling.poses_to_actions" in view["actions"]["problem"]
        assert view["track"]["position_m"]


def test_measurements_of_another_clip_are_not_shown(fresh: Workspace, tmp_path: Path) -> None:
    clips = measure(fresh, {"alpha-one-0a": {"flicker": 9.5, "blur_px": 4.0}})
    stale = clips[1]
    replace_record(fresh, stale, retries=3)
    with serving(fresh, tmp_path) as server:
        columns = server.ask("/api/table").json["columns"]
        assert columns["proposed"] == ["reject", None, "accept", "accept"]
        view = server.ask("/api/clips/alpha-one-0a").json["qa"]
        assert [one["check"] for one in view["findings"]] == ["flicker", "blur_px"]
        again = server.ask(f"/api/clips/{stale.tour_id}").json["qa"]["problem"]
        assert again.startswith("another clip of this tour was measured")


def test_what_comes_later_appears_by_itself(
    fresh: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset.dashboard.desk.LOOK_S", {True: 0.05})
    with serving(fresh, tmp_path) as server:
        before = server.ask("/api/news").json["version"]
        measure(fresh, {})
        wait_for(lambda: server.ask("/api/news").json["version"] > before)
        wait_for(lambda: server.ask("/api/table").json["checks"])
        fresh.delete_folder(f"{CLIPS}/beta-0c")
        wait_for(lambda: "beta-0c" not in server.ask("/api/table").json["columns"]["tour_id"])


def test_label_shares_are_read_once(fresh: Workspace, tmp_path: Path) -> None:
    with serving(fresh, tmp_path) as server:
        wait_for(lambda: not server.ask("/api/news").json["labels_waiting"])
        first = server.ask("/api/table").json["shares"]
    with serving(fresh, tmp_path) as server:
        assert server.desk is not None and server.desk._new_labels == []
        assert server.ask("/api/table").json["shares"] == first


# ---- video ----


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-", Span(first=0, end=100)),
        ("bytes=10-19", Span(first=10, end=20)),
        ("bytes=90-500", Span(first=90, end=100)),
        ("bytes=-7", Span(first=93, end=100)),
        ("bytes=-700", Span(first=0, end=100)),
        ("bytes=20-10", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
        ("bytes=٣-٤", None),
        ("bytes=" + "9" * 400 + "-", None),
        ("bytes=100-", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
    ],
)
def test_ranges_are_read_as_the_standard_says(header: str | None, found: object) -> None:
    if found is Unsatisfiable:
        with pytest.raises(Unsatisfiable):
            parse_range(header, 100)
    else:
        assert parse_range(header, 100) == found


@pytest.mark.parametrize("where", ["folder", "object storage"])
def test_any_range_of_a_video_is_those_bytes(where: str, fresh: Workspace, tmp_path: Path) -> None:
    if where == "folder":
        check_ranges(fresh, tmp_path)
        return
    with s3_server() as endpoint:
        remote = Workspace(workspace_uri(endpoint, "ws"))
        for path in fresh.list_files(CLIPS):
            remote.write_bytes(f"{CLIPS}/{path}", fresh.read_bytes(f"{CLIPS}/{path}"))
        check_ranges(remote, tmp_path)


def check_ranges(workspace: Workspace, state: Path) -> None:
    clip = committed_clips(workspace)[0]
    data = workspace.read_bytes(clip.path(VIDEO))
    chance = random.Random(3)
    with serving(workspace, state) as server:
        path = f"/video/{clip.tour_id}/{clip.digest}"
        whole = server.ask(path)
        assert (whole.status, whole.body) == (200, data)
        assert whole.headers["accept-ranges"] == "bytes"
        for _ in range(12):
            first, last = sorted(chance.choices(range(len(data)), k=2))
            part = server.ask(path, range=f"bytes={first}-{last}")
            assert (part.status, part.body) == (206, data[first : last + 1])
            assert part.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"
        beyond = server.ask(path, range=f"bytes={len(data)}-")
        assert (beyond.status, beyond.body) == (416, b"")
        head = server.ask(path, "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(data))
        picture = server.ask(f"/thumbnail/{clip.tour_id}/{clip.digest}")
        assert picture.status == 200 and picture.body.startswith(b"\xff\xd8")
        # What is decided is published there, too.
        assert server.decide(clip, "accept").status == 200
    assert read_decisions(workspace)[clip.tour_id].verdict == "accept"


# ---- decisions ----


def test_a_decision_is_written_once_and_published(fresh: Workspace, tmp_path: Path) -> None:
    clip, other = committed_clips(fresh)[:2]
    with serving(fresh, tmp_path) as server:
        first = server.decide(clip, "reject", reason="  too   dark ", request="one")
        assert first.status == 200 and first.json["reason"] == "too dark"
        assert server.decide(clip, "reject", reason="too dark", request="one").json == first.json
        assert server.decide(other, "look", "bob").status == 200
        news = server.ask("/api/news?after=0").json
        assert {name: one["verdict"] for name, one in news["decisions"].items()} == {
            clip.tour_id: "reject", other.tour_id: "look",
        }  # fmt: skip
        assert server.ask(f"/api/news?after={news['seq']}").json["decisions"] == {}
        wait_for(lambda: len(read_log(fresh)) == 2)
        assert server.decide(clip, "undo", "bob").status == 409
        assert server.decide(clip, "undo").status == 200
        history = server.ask(f"/api/clips/{clip.tour_id}").json["history"]
        assert [one["verdict"] for one in history] == ["reject", "undo"]
    assert {name: one.verdict for name, one in read_decisions(fresh).items()} == {
        other.tour_id: "look"
    }


def test_reviewers_at_once_lose_nothing(fresh: Workspace, tmp_path: Path) -> None:
    clips, names = committed_clips(fresh), ["ada", "bob", "cy", "dee"]
    with serving(fresh, tmp_path) as one, serving(fresh, tmp_path) as two:

        def review(name: str) -> list[int]:
            servers, chance = (one, two), random.Random(name)
            verdicts = ["accept", "reject", "look", "undo"]
            return [
                chance.choice(servers).decide(clips[n % 4], chance.choice(verdicts), name).status
                for n in range(15)
            ]

        with ThreadPoolExecutor(len(names)) as pool:
            statuses = dict(zip(names, pool.map(review, names), strict=True))
        assert one.ask("/api/news").json["decisions"] == two.ask("/api/news").json["decisions"]
    log = read_log(fresh)
    for name, found in statuses.items():
        assert set(found) <= {200, 409}
        assert sum(entry.reviewer == name for entry in log) == found.count(200)
    times = [entry.time_utc for entry in log]
    assert times == sorted(set(times))


def test_reviewers_on_two_machines_see_one_another(
    fresh: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset.dashboard.publishing.LOOK_S", 0.05)
    clips = committed_clips(fresh)
    with serving(fresh, tmp_path / "a") as one, serving(fresh, tmp_path / "b") as two:
        for at in range(3):
            one.decide(clips[at], "accept", "ada")
            two.decide(clips[at + 1], "reject", "bob")
        both = (one, two)
        wait_for(lambda: all(server.ask("/api/news").json["seq"] >= 6 for server in both))
        assert one.ask("/api/news").json["decisions"] == two.ask("/api/news").json["decisions"]
        wait_for(lambda: len(read_log(fresh)) == 6)


def test_what_was_acknowledged_outlives_a_kill(fresh: Workspace, tmp_path: Path) -> None:
    clips = committed_clips(fresh)
    process, server = start_command(fresh, tmp_path / "state")
    acknowledged: list[tuple[str, str]] = []
    lock = threading.Lock()

    def review(name: str) -> None:
        for number in range(10_000):
            reason = f"{name} {number}"
            try:
                answer = server.decide(clips[number % 4], "look", name, reason=reason)
            except OSError:
                return
            if answer.status == 200:
                with lock:
                    acknowledged.append((name, reason))

    reviewers = [threading.Thread(target=review, args=[name]) for name in ("ada", "bob")]
    for reviewer in reviewers:
        reviewer.start()
    wait_for(lambda: len(acknowledged) > 20)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for reviewer in reviewers:
        reviewer.join()

    journal = Journal(state_folder(str(tmp_path / "state"), fresh))
    kept = [(entry.reviewer, entry.reason) for entry in journal.log()]
    journal.close()
    assert len(kept) == len(set(kept)) and set(acknowledged) <= set(kept)
    # The next one publishes what the killed one did not, and ends properly when asked to.
    process, server = start_command(fresh, tmp_path / "state")
    wait_for(lambda: {(one.reviewer, one.reason) for one in read_log(fresh)} == set(kept))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


def start_command(workspace: Workspace, state: Path) -> tuple[subprocess.Popen[str], Server]:
    """The command as a user starts it."""
    command = [sys.executable, "-m", "dataset.dashboard", workspace.location, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--state", str(state)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    found = re.search(r"http://127.0.0.1:(\d+)/", process.stderr.readline())
    assert found is not None
    return process, Server(int(found[1]))


def test_a_clip_that_is_captured_again_is_open_again(fresh: Workspace, tmp_path: Path) -> None:
    clip = committed_clips(fresh)[0]
    with serving(fresh, tmp_path) as server:
        assert server.decide(clip, "reject").status == 200
    replace_record(fresh, clip, retries=1)
    with serving(fresh, tmp_path) as server:
        assert server.ask("/api/news").json["decisions"] == {clip.tour_id: None}
        refused = server.decide(clip, "accept")
        assert refused.status == 409 and "captured again" in refused.json["problem"]
        assert server.ask(f"/video/{clip.tour_id}/{clip.digest}").status == 404
        assert server.ask(f"/api/clips/{clip.tour_id}").json["history"][0]["stale"] is True


def replace_record(workspace: Workspace, clip: Clip, **facts: object) -> None:
    record = {**dataclasses.asdict(clip), **facts}
    workspace.write_json(f"{CLIPS}/{clip.tour_id}/{RECORD}", record)


def test_what_cannot_be_published_is_kept_and_said(fresh: Workspace, tmp_path: Path) -> None:
    fresh.write_bytes(DECISIONS, b"no parquet")
    clip = committed_clips(fresh)[0]
    with serving(fresh, tmp_path) as server:
        assert server.decide(clip, "accept").status == 200
        assert "not a readable parquet file" in server.ask("/api/news").json["publishing"]
        assert fresh.read_bytes(DECISIONS) == b"no parquet"
        fresh.delete_file(DECISIONS)
    assert [entry.verdict for entry in read_log(fresh)] == ["accept"]


def test_the_journal_takes_in_what_was_published_once(tmp_path: Path) -> None:
    one, two = Journal(tmp_path / "one"), Journal(tmp_path / "two")
    said = Wish(request="r", tour_id="t", digest="d", verdict="accept", reason="", reviewer="ada")
    _, entry = one.append(said)
    assert two.merge([entry]) == 1 and two.merge([entry]) == 0
    future = dataclasses.replace(entry, time_utc=entry.time_utc.replace(year=2100))
    two.merge([future])
    _, later = two.append(dataclasses.replace(said, request="s", verdict="undo"))
    assert [found.verdict for found in two.log()] == ["accept", "accept", "undo"]
    assert later.time_utc > future.time_utc
    with pytest.raises(NothingToUndo):
        two.append(dataclasses.replace(said, request="t", reviewer="bob", verdict="undo"))


# ---- whom and what it refuses ----


def test_no_request_leads_out_of_the_workspace(shown: Server, captured: Workspace) -> None:
    clip = committed_clips(captured)[0]
    secret = Path(captured.location).parent / "secret.txt"
    secret.write_text("secret")
    ways = ["../secret.txt", "..%2fsecret.txt", "%2e%2e/%2e%2e/secret.txt", "..\\secret.txt",
            str(secret), quote(str(secret), safe=""), "....//secret.txt", "%00", "%7f",
            f"{clip.tour_id}/../../../../secret.txt"]  # fmt: skip
    for way in ways:
        for place in ("/", "/video/", "/thumbnail/", "/api/clips/", f"/video/{clip.tour_id}/"):
            answer = shown.ask(f"{place}{way}")
            assert answer.status in (400, 404, 405), (place, way, answer.status)
            assert b"secret" not in answer.body.replace(b"secret.txt", b"")


def test_hostile_records_do_not_open_other_files(fresh: Workspace, tmp_path: Path) -> None:
    clips = committed_clips(fresh)
    outside = Path(fresh.location).parent / "outside"
    outside.mkdir()
    video = Path(fresh.location) / clips[1].path(VIDEO)
    (outside / VIDEO).write_bytes(video.read_bytes())
    replace_record(fresh, clips[0], attempt="../../../outside")
    video.unlink()
    video.symlink_to(outside / VIDEO)
    replace_record(fresh, clips[2], frames="<script>")
    name = "<img src=x onerror=alert(1)>"
    (Path(fresh.location) / CLIPS / name).mkdir()
    fresh.write_bytes(f"{CLIPS}/{name}/{RECORD}", b"{}")
    with serving(fresh, tmp_path) as server:
        found = server.ask("/api/table").json["columns"]["tour_id"]
        assert found == [clips[1].tour_id, clips[3].tour_id]
        problems = server.ask("/api/news").json["problems"]
        assert len(problems) == 3 and any("no folder's name" in said for said in problems)
        linked = server.ask(f"/video/{clips[1].tour_id}/{clips[1].digest}")
        assert linked.status == 500 and "leads out of the workspace" in linked.json["problem"]


def test_only_the_own_page_may_write(fresh: Workspace, tmp_path: Path) -> None:
    clip = committed_clips(fresh)[0]
    with serving(fresh, tmp_path) as server:
        said = wish(clip, "accept")
        for origin in ("http://else.test", "null", "http://127.0.0.1:1", "", "http://[::1"):
            assert server.post(said, origin=origin).status == 403
        body = json.dumps(said)
        assert (
            server.ask("/api/decisions", "POST", body, content_type="application/json").status
            == 403
        )
        assert server.post(said, content_type="text/plain").status == 415
        assert server.post(said, content_type="multipart/form-data").status == 415
        away = {"host": f"else.test:{server.port}", "origin": f"http://else.test:{server.port}"}
        assert server.post(said, **away).status == 421
        assert server.ask("/api/table", host="else.test").status == 421
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            assert server.ask("/api/decisions", method, origin="http://else.test").status == 403
        assert server.ask("/api/news").json["seq"] == 0
        headers = server.ask("/").headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert read_log(fresh) == []


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"digest": "0" * 64}, 409),
        ({"tour_id": "no-such-tour"}, 409),
        ({"tour_id": "../../etc"}, 409),
        ({"verdict": "destroy"}, 422),
        ({"verdict": ["accept"]}, 422),
        ({"verdict": "reject", "reason": "   "}, 422),
        ({"reviewer": ""}, 422),
        ({"reviewer": "x" * 61}, 422),
        ({"reviewer": "ada\x00"}, 422),
        ({"reviewer": "\u202eada"}, 422),
        ({"reason": "\ud800"}, 422),
        ({"reason": {"a": 1}}, 422),
        ({"request": ""}, 422),
        ({"reason": "y" * 20_000}, 413),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    shown: Server, captured: Workspace, wrong: dict, status: int
) -> None:
    answer = shown.post({**wish(committed_clips(captured)[0], "accept"), **wrong})
    assert answer.status == status and answer.json["problem"]
    assert shown.ask("/api/news").json["seq"] == 0


def test_bodies_of_any_kind_are_survived(shown: Server) -> None:
    own = {"content_type": "application/json", "origin": shown.origin}
    bodies = {b"{": 400, b"[" * 16_000: 400, b"null": 422, b"[1]": 422, b"\xff\xfe": 400,
              b'"' + b"x" * 200_000 + b'"': 413}  # fmt: skip
    for body, status in bodies.items():
        assert shown.ask("/api/decisions", "POST", body, **own).status == status
    endless = (b"x" * 4096 for _ in range(1000))  # chunked: no length is given
    assert shown.ask("/api/decisions", "POST", endless, **own).status == 413
    assert shown.ask("/api/news?after=x").status == 422
    assert shown.ask("/api/table").status == 200


def test_a_token_is_asked_for_where_one_is_set(captured: Workspace, tmp_path: Path) -> None:
    with serving(captured, tmp_path, "abc123", only_here=False) as server:
        for path in (
            "/",
            "/api/table",
            "/style.css",
            "/?token=",
            "/?token=abc12",
            "/api/table?token=abc123",
        ):
            assert server.ask(path).status == 401, path
        welcome = server.ask("/?token=abc123", host="box.test")
        assert (welcome.status, welcome.headers["location"]) == (303, "/")
        cookie = welcome.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        kept = {"cookie": cookie.partition(";")[0], "host": "box.test"}
        assert server.ask("/api/table", **kept).status == 200
        assert server.ask("/api/table", cookie=kept["cookie"] + "4").status == 401
        said = wish(committed_clips(captured)[0], "accept")
        assert server.post(said, **kept).status == 403  # its origin is another
        assert server.post(said).status == 401


def test_other_addresses_get_a_token_unasked() -> None:
    assert token_for(Settings(workspace="w")) is None
    first, second = (token_for(Settings(workspace="w", host="0.0.0.0")) for _ in range(2))
    assert first and second and first != second and len(first) >= 32
    assert token_for(Settings(workspace="w", token="mine")) == "mine"
    with pytest.raises(OpenRelicError, match="letters and digits"):
        Settings(workspace="w", token="a b")


def test_published_entries_are_taken_in_by_a_new_machine(fresh: Workspace, tmp_path: Path) -> None:
    clip = committed_clips(fresh)[0]
    with serving(fresh, tmp_path / "old") as server:
        server.decide(clip, "reject")
    kept = read_log(fresh)
    foreign = dataclasses.replace(kept[0], reviewer="eve", verdict="accept")
    publish(fresh, [*kept, foreign])
    with serving(fresh, tmp_path / "new") as server:
        found = server.ask(f"/api/clips/{clip.tour_id}").json["history"]
        assert sorted(one["reviewer"] for one in found) == ["ada", "eve"]
    assert sorted(read_log(fresh), key=key) == sorted([*kept, foreign], key=key)


def key(entry: Decision) -> str:
    return entry.reviewer
