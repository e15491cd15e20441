"""The scripts of evaluation, a user's own, and what other systems' keys leave of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, STATIC, integrate
from training.evaluate.keys import KEY_SETS, key_set, reduced, shared, video_scripts
from training.evaluate.scripts import (
    FRAMES,
    MOTIONS,
    OPPOSITES,
    SCRIPTS,
    chosen,
    control_scripts,
    script_of,
    scripts_of,
)

LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def test_eleven_scripts_of_20_s_hold_all_motions_alone_and_mixed() -> None:
    assert len(SCRIPTS) == len({script.name for script in SCRIPTS}) == 11
    held = {}
    for script in SCRIPTS:
        assert script.rows.shape == (FRAMES, 13) and script.rows.dtype == np.float32
        assert script.rows[0].tolist() == [0.0] * 12 + [1.0]
        assert script.tests
        pressed = script.rows > 0
        assert not (pressed[:, 0:STATIC:2] & pressed[:, 1:STATIC:2]).any()  # no opposites
        for row in np.unique(pressed, axis=0):
            names = np.array(ACTIONS)[row]
            held.setdefault(len(names), set()).update(names)
    assert held[1] == set(ACTIONS)
    assert held[2] | held[3] == set(MOTIONS)  # each also together with others
    assert len(held[3]) >= 6


def test_scripts_come_back_and_stay_near() -> None:
    for script in SCRIPTS:
        _, P = integrate(script.rows, LEVEL, np.zeros(3), unit_m=1.0, rotation_frame="camera")
        assert np.linalg.norm(P, axis=1).max() < 75, script.name
        assert np.linalg.norm(P[-1]) < 3.0, script.name
        assert script.translates == bool(np.abs(P).max() > 0)


def test_units_of_rotation_are_the_models() -> None:
    script = script_of("both", "W*2,right*2", turn_deg=3.0)
    rows = script.in_units(1.5)
    assert rows[3, ACTIONS.index("pan_right")] == 2.0
    assert rows[1, ACTIONS.index("dolly_in")] == 1.0
    assert script.rows[3, ACTIONS.index("pan_right")] == 3.0


def test_control_holds_every_speed_and_every_pair() -> None:
    scripts = control_scripts()
    assert len({script.name for script in scripts}) == len(scripts) == 12 * 3 + 60
    for script in scripts:
        assert script.motions == set(script.held) and len(script) == 45
        assert frozenset(script.held) not in OPPOSITES
        (row,) = np.unique(script.rows[1:], axis=0)
        for motion in script.held:
            usual = 1.0 if ACTIONS.index(motion) < 6 else 1.25
            assert row[ACTIONS.index(motion)] == script.gamma * usual
    assert {s.gamma for s in scripts if len(s.held) == 2} == {1.0}


def test_a_users_scripts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        'stairs: W*4,R+W*4\nslow: {keys: "D*2,left*2", move: 0.5, turn_deg: 2, tests: speed}\n'
    )
    stairs, slow = scripts_of(path)
    assert (stairs.name, len(stairs)) == ("stairs", 9)
    assert stairs.motions == {"dolly_in", "pedestal_up"}
    assert slow.rows[1, ACTIONS.index("truck_right")] == 0.5
    assert slow.rows[4, ACTIONS.index("pan_left")] == 2.0 and slow.tests == "speed"
    (tmp_path / "mine.json").write_text(json.dumps({"stairs": "W*4,R+W*4"}))
    np.testing.assert_array_equal(scripts_of(tmp_path / "mine.json")[0].rows, stairs.rows)
    assert [script.name for script in chosen(["slow"], [stairs, slow])] == ["slow"]
    assert chosen([]) == list(SCRIPTS)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [W]", "mine.yaml, a: a script is keys"),
        ("a: {key: W*3}", "mine.yaml, a: a script is keys"),
        ("a: W*0", "mine.yaml, a: script 'W*0'"),
        ("a: W+S*3", "holds opposite keys"),
        ("a: {keys: W*3, move: -1}", "must be positive"),
        ("a: {keys: W*3, move: fast}", "mine.yaml, a: could not convert"),
        ("[W*3]", "must map names to scripts"),
        ("a: {", "no readable YAML"),
    ],
)
def test_what_is_wrong_with_a_script_is_said(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(OpenRelicError, match="mine.yaml") as error:
        scripts_of(path)
    assert line in " ".join(str(error.value).split())
    with pytest.raises(OpenRelicError, match="no script 'jump'; there are dolly, truck"):
        chosen(["jump"])


def test_action_sets_have_the_motions_that_their_names_count() -> None:
    for name, seventh in (("6T6R", 0), ("5T4R", 0), ("4T4R", 0), ("4T", 0), ("7T2R", 1)):
        found = KEY_SETS[name].motions
        turns = {motion for motion in found if motion.split("_")[0] in ("pan", "tilt", "roll")}
        digits = [int(digit) for digit in name if digit.isdigit()] + [0]
        assert (len(found - turns) + seventh, len(turns)) == tuple(digits[:2]), name
    assert KEY_SETS["matrix-game-2.0"].motions == KEY_SETS["4T4R"].motions


def test_systems_are_compared_on_what_all_can_do() -> None:
    common = shared([KEY_SETS["6T6R"], KEY_SETS["5T4R"], KEY_SETS["7T2R"]])
    assert common == {
        "dolly_in", "dolly_out", "truck_left", "truck_right", "pedestal_up", "pan_left",
        "pan_right",
    }  # fmt: skip
    scripts = {script.name: script for script in SCRIPTS}
    walk = KEY_SETS["4T4R"].motions
    crane = reduced(scripts["crane"], walk)
    assert crane is not None and crane.motions == {"tilt_up", "tilt_down"}
    assert reduced(scripts["roll"], walk) is None
    orbit = reduced(scripts["orbit"], KEY_SETS["4T"].motions)
    assert orbit is not None and orbit.motions == {"truck_left", "truck_right"}
    np.testing.assert_array_equal(orbit.rows[:, :6], scripts["orbit"].rows[:, :6])
    mixed = reduced(scripts["mixtures"], ["roll_cw"])
    assert mixed is not None
    resting = ~(mixed.rows[:, :STATIC] > 0).any(axis=1)
    np.testing.assert_array_equal(mixed.rows[:, STATIC] > 0, resting)
    full = reduced(scripts["mixtures"], KEY_SETS["6T6R"].motions)
    assert full is not None
    np.testing.assert_array_equal(full.rows, scripts["mixtures"].rows)


def test_a_folder_of_videos_is_read_in_its_own_keys(tmp_path: Path) -> None:
    for name in ("walk", "look", "turn"):
        (tmp_path / f"{name}.mp4").touch()
    (tmp_path / "walk.yaml").write_text("keys: forward+camera_r*8,left*4\nturn_deg: 0.5\n")
    (tmp_path / "scripts.yaml").write_text("look: camera_up*6\nturn: {keys: camera_l*6}\n")
    scripts = video_scripts(tmp_path, key_set("Matrix-Game-2.0"))
    assert [video.stem for video in scripts] == ["look", "turn", "walk"]
    walk = scripts[tmp_path / "walk.mp4"]
    assert walk.motions == {"dolly_in", "pan_right", "truck_left"}  # its left is a step
    assert walk.rows[1, ACTIONS.index("pan_right")] == 0.5
    assert scripts[tmp_path / "look.mp4"].motions == {"tilt_up"}
    with pytest.raises(OpenRelicError, match="the action set 4T has no 'camera_up'; it has w, s"):
        video_scripts(tmp_path, key_set("4t"))
    (tmp_path / "more.mp4").touch()
    with pytest.raises(OpenRelicError, match="more.mp4 has no script: write more.yaml"):
        video_scripts(tmp_path, key_set("Matrix-Game-2.0"))
    with pytest.raises(OpenRelicError, match="holds no video"):
        video_scripts(tmp_path / "nowhere", key_set("4T"))


def test_an_action_set_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "fly.yaml"
    path.write_text("fly: {W: dolly_in, q: pan_left, Space: pedestal_up}\n")
    fly = key_set(str(path))
    assert (fly.name, len(fly.motions)) == ("fly", 3)
    assert fly.ours("w+SPACE*3, q*2,static*1") == ("dolly_in+pedestal_up*3,pan_left*2,static*1")
    path.write_text("fly: {w: forward}\n")
    with pytest.raises(OpenRelicError, match="no motion 'forward'; there are dolly_in"):
        key_set(str(path))
    with pytest.raises(OpenRelicError, match="no action set '3T'; there are 6T6R"):
        key_set("3T")
