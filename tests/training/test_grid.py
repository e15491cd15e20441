import pytest
import torch

from dataset.errors import OpenRelicError
from training.grid import (
    WINDOW_FRAMES,
    chunk_count,
    chunk_latents,
    chunk_rows,
    frames_of_latent,
    frames_of_latents,
    group_rows,
    latents_of_frames,
    palindrome_latents,
    student_latents,
)


@pytest.mark.parametrize(
    ("seconds", "frames", "latents", "student_frames", "student", "chunks"),
    [(5, 81, 21, 77, 20, 5), (10, 161, 41, 157, 40, 10), (20, 317, 80, 317, 80, 20)],
)
def test_the_windows(
    seconds: int, frames: int, latents: int, student_frames: int, student: int, chunks: int
) -> None:
    assert WINDOW_FRAMES[seconds] == frames
    assert latents_of_frames(frames) == latents
    assert student_latents(frames) == student
    assert frames_of_latents(student) == student_frames
    assert chunk_count(student) == chunks


def test_latents_tile_the_frames() -> None:
    frames = [frame for latent in range(80) for frame in frames_of_latent(latent)]
    assert frames == list(range(317))
    assert list(frames_of_latent(3)) == [9, 10, 11, 12]


@pytest.mark.parametrize("chunk", [1, 2, 4, 5])
def test_chunks_tile_rows_as_their_latents_do(chunk: int) -> None:
    for index in range(80 // chunk):
        rows = chunk_rows(index, chunk)
        frames = [
            frame for latent in chunk_latents(index, chunk) for frame in frames_of_latent(latent)
        ]
        assert list(range(rows.start, rows.stop)) == frames


def test_a_session_of_20_s_takes_316_rows_after_the_image() -> None:
    sizes = [chunk_rows(i).stop - chunk_rows(i).start for i in range(20)]
    assert sizes == [1 + 12] + [16] * 19
    assert sum(sizes) == 1 + 316


def test_rows_are_grouped_by_their_latents_frames() -> None:
    rows = torch.arange(13.0)[None, :, None]
    assert group_rows(rows)[0].tolist() == [
        [0, 0, 0, 0], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12],
    ]  # fmt: skip
    window = torch.randn(2, 77, 13)
    chunks = [group_rows(window[:, chunk_rows(i)]) for i in range(5)]
    assert torch.equal(torch.cat(chunks, 1), group_rows(window))
    assert group_rows(window).shape == (2, 20, 52)


@pytest.mark.parametrize("rows", [0, 2, 3, 15])
def test_rows_that_fit_no_latents_are_refused(rows: int) -> None:
    with pytest.raises(OpenRelicError, match="4T - 3"):
        group_rows(torch.zeros(1, rows, 13))


def test_a_palindrome_shares_the_latents_whose_frames_precede_the_pivot() -> None:
    for pivot in range(40, 80):
        shared = palindrome_latents(pivot)
        assert frames_of_latent(shared - 1)[-1] <= pivot < frames_of_latent(shared)[-1]


def test_impossible_grids_are_refused() -> None:
    for frames in (0, 80, 2):
        with pytest.raises(OpenRelicError, match="1 \\+ 4n"):
            latents_of_frames(frames)
    with pytest.raises(OpenRelicError, match="whole number of chunks"):
        chunk_count(21)
    with pytest.raises(OpenRelicError, match="do not hold one chunk"):
        student_latents(9)
    with pytest.raises(OpenRelicError, match="at least 1"):
        frames_of_latents(0)
