"""The plan's expected shares against operators that steer; targets, kinds and speeds."""

import dataclasses
from itertools import product

import numpy as np
import pytest

from capture.tours.calibration import ROOMS_M, fitted_line, steered_shares
from capture.tours.expectation import (
    MANNERS,
    expected_error,
    expected_shares,
    operator_model,
    shares_of,
)
from capture.tours.planning import (
    ACTIONS_AT_ONCE,
    HIGHEST_SHARE,
    KINDS,
    LOWEST_SHARE,
    WANTED,
    make_plan,
)
from tests.capture.small_plans import WISH, scenes


def test_expected_shares_are_what_operators_do():
    """A plan that is really steered, with other seeds, mixes and lengths than were fitted to."""
    rows = make_plan(scenes(24), dataclasses.replace(WISH, minutes=24.0, seed=77))
    done = [
        steered_shares((row.kind, row.motion, row.rotation_frame), np.array(row.mix), room,
                       row.frames, row.seed)
        for row, room in zip(rows, ROOMS_M * 8, strict=True)
        if row.kind != "recorded" and row.motion != "recorded"
    ]  # fmt: skip
    frames = np.array([row.frames for row in rows], dtype=float)
    achieved = frames @ np.array(done) / frames.sum()
    assert np.abs(achieved - expected_shares(rows)).max() < 0.04
    off = (achieved - expected_shares(rows)) / expected_error(rows)
    assert np.sqrt((off**2).mean()) < 2.0  # the stated error is about the true one
    assert np.corrcoef(achieved, expected_shares(rows))[0, 1] > 0.9


def test_a_plan_aims_inside_the_limits():
    for motion, frame in product(("fly", "walk", "both"), ("camera", "level")):
        wish = dataclasses.replace(WISH, motion=motion, rotation_frame=frame, minutes=100.0)
        expected = expected_shares(make_plan(scenes(20), wish))
        assert expected.min() > LOWEST_SHARE and expected.max() < HIGHEST_SHARE
        assert expected == pytest.approx(WANTED, abs=0.04)


def test_aiming_at_more_of_an_action_gives_more_of_it():
    rows = make_plan(scenes(6), dataclasses.replace(WISH, minutes=30.0))
    mixes = np.array([row.mix for row in rows])
    rolls = WANTED * np.where(np.arange(13) == 10, 2.0, 1.0)
    more = make_plan(scenes(6), dataclasses.replace(WISH, minutes=30.0), rolls)
    assert expected_shares(more)[10] > 1.3 * expected_shares(rows)[10]
    assert (shares_of(rows, mixes * 1.2) >= shares_of(rows, mixes)).all()


def test_recorded_tours_are_expected_to_be_what_they_are():
    row = dataclasses.replace(
        make_plan(scenes(1), WISH)[0], kind="recorded", motion="recorded", mix=(0.5, *[0.0] * 12)
    )
    assert expected_shares([row]).tolist() == list(row.mix)
    assert expected_error([row]).max() == 0.0


def test_lines_are_fitted_as_numpy_does():
    random = np.random.default_rng(0)
    mixes, noise = random.uniform(size=(2, 50, 13))
    shares = 0.1 + 0.5 * mixes + 0.2 * noise
    line = fitted_line(mixes, shares)
    for column in range(13):
        gain, base = np.polyfit(mixes[:, column], shares[:, column], 1)
        assert (line.gain[column], line.base[column]) == pytest.approx((gain, base))
    # Aiming at more never gives less.
    flat = fitted_line(mixes, 1.0 - mixes)
    assert not flat.gain.any() and flat.base == pytest.approx(1.0 - mixes.mean(axis=0))


def test_the_model_knows_every_manner():
    model = operator_model()
    assert set(model) == set(MANNERS) and len(model) == 12
    assert all(
        (line.gain >= 0.0).all() and (line.gain > 0.1).mean() > 0.8 for line in model.values()
    )


@pytest.mark.parametrize(("single", "revisit"), [(0.0, 0.0), (1.0, 0.0), (0.2, 0.5), (0.0, 1.0)])
def test_kinds_have_the_shares_asked_for(single: float, revisit: float):
    wish = dataclasses.replace(WISH, minutes=250.0, single_share=single, revisit_share=revisit)
    rows = make_plan(scenes(10), wish)
    shares = {"single": single, "revisit": revisit, "mixed": 1 - single - revisit}
    for kind in KINDS:
        share, mine = shares[kind], [row for row in rows if row.kind == kind]
        assert len(mine) / len(rows) == pytest.approx(share, abs=0.01)
        walks = sum(row.motion == "walk" for row in mine)
        assert abs(2 * walks - len(mine)) <= 1
        assert all(sum(row.mix) == pytest.approx(ACTIONS_AT_ONCE[kind], abs=1e-3) for row in mine)


def test_speeds_come_from_the_ranges_asked_for():
    wish = dataclasses.replace(WISH, minutes=120.0, speed_m_s=(2.0, 3.0), turn_deg_s=(5.0, 6.0))
    rows = make_plan(scenes(3), wish)
    speeds = np.array([(row.translation_m_s, row.rotation_deg_s) for row in rows])
    assert (speeds >= [2.0, 5.0]).all() and (speeds <= [3.0, 6.0]).all()
    assert np.ptp(speeds, axis=0) == pytest.approx([1.0, 1.0], abs=0.15)
