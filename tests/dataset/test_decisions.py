"""Which decisions count, and their published log."""

import datetime
import random
from pathlib import Path

import pyarrow as pa
import pytest

from dataset.errors import OpenRelicError
from dataset.qa.decisions import (
    DECISIONS,
    Decision,
    Entry,
    decisions_to_table,
    publish,
    read_decisions,
    read_log,
    standing,
)
from dataset.workspace import Workspace

START = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def entry(
    verdict: Entry, reviewer: str = "ada", *, tour_id: str = "a", digest: str = "1", minute: int = 0
) -> Decision:
    return Decision(
        tour_id=tour_id, digest=digest, verdict=verdict, reason="", reviewer=reviewer,
        time_utc=START + datetime.timedelta(minutes=minute),
    )  # fmt: skip


def verdict(*log: Decision) -> str | None:
    found = standing(log, {"a": "1"}).get("a")
    return found.verdict if found else None


def test_the_last_entry_counts() -> None:
    assert verdict() is None
    assert verdict(entry("accept"), entry("reject", "bob")) == "reject"
    assert verdict(entry("reject", "bob"), entry("look")) == "look"


def test_an_undo_takes_back_the_reviewers_own_latest_entry() -> None:
    assert verdict(entry("accept"), entry("undo")) is None
    assert verdict(entry("accept"), entry("reject"), entry("undo")) == "accept"
    assert verdict(entry("accept"), entry("reject"), entry("undo"), entry("undo")) is None
    assert verdict(entry("accept"), entry("reject", "bob"), entry("undo")) == "reject"
    assert verdict(entry("accept"), entry("undo", "bob")) == "accept"
    assert verdict(entry("undo"), entry("accept")) == "accept"


def test_a_decision_on_another_digest_is_stale() -> None:
    old = entry("reject", digest="0")
    assert verdict(old) is None
    assert verdict(entry("accept"), old) == "accept"
    assert verdict(entry("accept"), entry("undo", digest="0")) == "accept"
    assert standing([entry("accept", tour_id="gone")], {"a": "1"}) == {}


def test_undoing_everything_leaves_nothing_whatever_the_order() -> None:
    chance = random.Random(5)
    for _ in range(200):
        names = ["ada", "bob", "cy"]
        log = [entry(chance.choice(["accept", "look", "reject"]), chance.choice(names))
               for _ in range(chance.randrange(1, 9))]  # fmt: skip
        undone = [entry("undo", decision.reviewer) for decision in log]
        chance.shuffle(undone)
        assert verdict(*log, *undone[1:]) in {d.verdict for d in log}
        assert verdict(*log, *undone) is None


def test_the_log_is_read_as_it_was_published(fresh: Workspace) -> None:
    assert read_log(fresh) == [] and read_decisions(fresh) == {}
    log = [entry("accept"), entry("undo", minute=3), entry("reject", "Bjørk 🦉", minute=7)]
    publish(fresh, log)
    assert read_log(fresh) == log
    assert read_decisions(fresh) == {}  # none is on a clip that is there
    assert fresh.read_table(DECISIONS).schema.field("time_utc").type == pa.timestamp("us", "UTC")


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    table = decisions_to_table([entry("accept")])
    wrong = {
        "lacks the columns reason": table.drop_columns(["reason"]),
        "has maybe in it": table.set_column(2, "verdict", pa.array(["maybe"])),
        "empty cells": table.set_column(3, "reason", pa.array([None], pa.string())),
        "no log of decisions": table.set_column(5, "time_utc", pa.array(["noon"])),
    }
    for said, damaged in wrong.items():
        workspace.write_table(DECISIONS, damaged)
        with pytest.raises(OpenRelicError, match=said):
            read_log(workspace)
