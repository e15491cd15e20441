"""Windows and palindromes as pure functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset.shards.windows import Window, draw_palindrome, window_starts, with_palindromes


@pytest.mark.parametrize(
    ("frames", "length", "starts"),
    [
        (80, 81, []), (81, 81, [0]), (176, 81, [0]), (177, 81, [0, 96]),
        (337, 161, [0, 176]), (636, 317, [0]), (637, 317, [0, 320]),
    ],
)  # fmt: skip
def test_window_starts(frames: int, length: int, starts: list[int]) -> None:
    assert window_starts(frames, length) == starts


@given(st.integers(0, 3000), st.sampled_from([81, 161, 317]))
def test_windows_fit_apart_and_on_borders(frames: int, length: int) -> None:
    starts = window_starts(frames, length)
    assert all(start % 16 == 0 and start + length <= frames for start in starts)
    ends = [start + length for start in starts]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    # Another one would not fit.
    assert not starts or starts[-1] + length + length > frames - 16


def test_a_segment_is_tiled_from_its_first_gop_border() -> None:
    assert window_starts(200, 81, first=20) == [32, 128]
    assert window_starts(92, 81, first=20) == []
    assert window_starts(93, 81, first=20) == [32]
    assert window_starts(129, 81, stride=16) == [0, 16, 32, 48]


def test_a_palindrome_does_not_hang_on_the_other_windows() -> None:
    windows = [Window(tour_id="t", first_frame=start, length=81) for start in (0, 96, 192)]
    whole = with_palindromes(windows, 0.5, 3)
    assert whole == [w for window in windows for w in with_palindromes([window], 0.5, 3)]
    keys = [window.key for window in whole]
    assert len(set(keys)) == len(keys)
    assert not any("." in key for key in keys)
    assert keys[0] == "t-f000000-n081"


def test_share_and_pivots_of_palindromes() -> None:
    windows = [Window(tour_id=f"t{i}", first_frame=0, length=81) for i in range(2000)]
    turned = [draw_palindrome(window, 0.3, 0) for window in windows]
    pivots = [window.pivot for window in turned if window is not None and window.pivot is not None]
    assert 0.25 < len(pivots) / 2000 < 0.35
    assert set(pivots) == set(range(40, 80))
    assert turned != [draw_palindrome(window, 0.3, 1) for window in windows]
    assert not any(draw_palindrome(window, 0, 0) for window in windows)
    assert all(draw_palindrome(window, 1, 0) for window in windows)


def test_a_palindrome_stores_its_way_out() -> None:
    window = Window(tour_id="t", first_frame=32, length=81, pivot=50)
    assert window.key == "t-f000032-n081-p050"
    assert window.stored_frames == 51 == window.indices.max() + 1
    assert window.indices.tolist() == [*range(51), *range(49, 19, -1)]
