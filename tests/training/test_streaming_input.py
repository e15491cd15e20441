import numpy as np
import pytest

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS
from training.streaming.input import Gamma, chunk_rows_of, held_row
from training.streaming.script import parse_script

GAMMA = Gamma(move=2.0, turn_deg=1.25)


def pressed(row: np.ndarray) -> dict[str, float]:
    return {ACTIONS[i]: float(row[i]) for i in np.flatnonzero(row)}


@pytest.mark.parametrize(
    ("held", "row"),
    [
        ({}, {"static": 1.0}),
        ({"w": 1.0}, {"dolly_in": 2.0}),
        ({"W": 0.25, "ArrowRight": 0.5, "r": 1.0},
         {"dolly_in": 0.5, "pan_right": 0.625, "pedestal_up": 2.0}),
        ({"w": 1.0, "s": 1.0}, {"static": 1.0}),
        ({"w": 1.0, "s": 0.25, "left": 0.5, "right": 1.0}, {"dolly_in": 1.5, "pan_right": 0.625}),
        ({"w": 0.5, "dolly_in": 0.75}, {"dolly_in": 1.5}),
        ({"static": 1.0}, {"static": 1.0}),
        ({"static": 1.0, "d": 1.0}, {"truck_right": 2.0}),
        ({"w": 0.0}, {"static": 1.0}),
    ],
    ids=str,
)  # fmt: skip
def test_held_keys_are_a_row(held: dict[str, float], row: dict[str, float]) -> None:
    assert pressed(held_row(held, GAMMA)) == pytest.approx(row)


def test_one_held_key_is_the_scripts_row() -> None:
    gamma = Gamma(move=1.5, turn_deg=3.0, unit_deg=2.0)
    for script in ("w*1", "s+left*1", "c+up+f*1", "static*1"):
        names = script.removesuffix("*1").split("+")
        held = {str(name): 1.0 for name in names}
        expected = parse_script(script, gamma.move, gamma.turn_deg, gamma.unit_deg)
        np.testing.assert_array_equal(held_row(held, gamma), expected[0])


def test_a_chunk_holds_its_keys_and_spreads_the_mouse_evenly() -> None:
    gamma = Gamma(move=1.0, turn_deg=2.0, unit_deg=0.5)
    rows = chunk_rows_of({"w": 1.0}, 16, gamma, pan_right_deg=-8.0, tilt_up_deg=4.0)
    assert rows.shape == (16, 13) and (rows == rows[0]).all()
    assert pressed(rows[0]) == {"dolly_in": 1.0, "pan_left": 1.0, "tilt_up": 0.5}
    # The mouse against the key: 2 degrees a frame to the left, 0.5 to the right.
    rows = chunk_rows_of({"left": 1.0}, 16, gamma, pan_right_deg=8.0)
    assert pressed(rows[3]) == {"pan_left": 3.0}
    turned_deg = (rows[:, ACTIONS.index("pan_left")] * gamma.unit_deg).sum()
    assert turned_deg == pytest.approx(2.0 * 16 - 8.0)


def test_the_first_chunk_begins_with_the_image() -> None:
    rows = chunk_rows_of({"d": 1.0}, 13, GAMMA, tilt_up_deg=-6.0, first=True)
    assert pressed(rows[0]) == {"static": 1.0}
    assert pressed(rows[1]) == {"truck_right": 2.0, "tilt_down": 0.5}
    assert (rows[1:] == rows[1]).all()


def test_wrong_input_is_one_line() -> None:
    with pytest.raises(OpenRelicError, match="unknown key 'q'; allowed: "):
        held_row({"q": 1.0}, GAMMA)
    for strength in (-0.1, 1.01, float("nan")):
        with pytest.raises(OpenRelicError, match="allowed: 0 to 1"):
            held_row({"w": strength}, GAMMA)
    with pytest.raises(OpenRelicError, match="numbers from 0 on"):
        Gamma(move=-1.0, turn_deg=1.0)
    with pytest.raises(OpenRelicError, match="mouse turned by"):
        chunk_rows_of({}, 16, GAMMA, pan_right_deg=float("inf"))
