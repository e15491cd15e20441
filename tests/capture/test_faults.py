"""Capture under faults of the wire and of the engine: no wrong pose, no clip lost or doubled."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.capture import fault_runs
from tests.capture.conftest import SCENE
from tests.capture.fault_runs import Verdict, run_under_faults
from tests.capture.recording import tour
from tests.capture.wire_proxy import FAULT_KINDS

FRAMES = 12
RUNS, SLOW_RUNS = 6, 1000


def rows(count: int) -> list:
    # The path is computed anew in each attempt, so seeds differ and so do the poses.
    return [tour(seed, FRAMES) for seed in range(count)]


def assert_sound(verdict: Verdict, count: int) -> None:
    assert (verdict.lost, verdict.doubled, verdict.damaged) == ([], [], [])
    assert verdict.wrong_poses == []
    assert (verdict.clips, verdict.frames) == (count, count * FRAMES)


def test_no_frame_has_a_wrong_pose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    verdict = run_under_faults(rows(RUNS), tmp_path, SCENE, [120], monkeypatch)
    assert_sound(verdict, RUNS)
    assert sum(verdict.injected.values()) >= RUNS // 2 and verdict.crashes == 1
    assert verdict.attempts > RUNS


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_thousand_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    crashes = [int(image) for image in np.random.default_rng(0).integers(300, 2500, 12)]
    verdict = run_under_faults(rows(SLOW_RUNS), tmp_path, SCENE, crashes, monkeypatch)
    with capsys.disabled():
        print(f"\n{json.dumps(dataclasses.asdict(verdict))}")
    assert_sound(verdict, SLOW_RUNS)
    assert set(verdict.injected) == set(FAULT_KINDS) and verdict.crashes == len(crashes)


def test_the_judge_sees_pixels_that_are_not_of_their_pose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An engine that lies in the image's own reply is believed: only the judge finds it out."""
    monkeypatch.setattr(fault_runs, "script_for", lambda seed, frames: [])
    verdict = run_under_faults(rows(2), tmp_path, SCENE, [], monkeypatch, {"stale_from": 0})
    assert verdict.clips == 2
    assert len(verdict.wrong_poses) >= 1
