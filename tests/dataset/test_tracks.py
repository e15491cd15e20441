"""Tracks give back every bit, also of numbers that no depth image should hold."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataset.errors import OpenRelicError
from dataset.tracks import TrackWriter, delta, read_images, undo_delta


def strange_floats() -> np.ndarray:
    random = np.random.default_rng(0)
    image = random.integers(0, 2**32, (31, 47), dtype=np.uint64).astype(np.uint32)
    image[0, :8] = np.array(
        [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 65504.0, -1.0], np.float32
    ).view(np.uint32)
    return image.view(np.float32)


def test_differences_are_undone_to_the_bit():
    for image in (strange_floats(), np.zeros((1, 1), np.float32), strange_floats().T):
        assert delta(image).shape == (4, *image.shape)
        assert undo_delta(delta(image)).tobytes() == image.tobytes()


def test_a_written_track_is_read_back_by_frame(tmp_path: Path):
    images = [np.roll(strange_floats(), n) for n in range(5)]
    with TrackWriter(tmp_path / "depth.parquet") as writer:
        for image in images:
            writer.write(image)
    assert pq.ParquetFile(tmp_path / "depth.parquet").num_row_groups == 5
    for wanted in (None, [4, 0, 4]):
        back = list(read_images(tmp_path / "depth.parquet", wanted))
        expected = images if wanted is None else [images[n] for n in wanted]
        assert [image.tobytes() for image in back] == [image.tobytes() for image in expected]


def test_a_smooth_surface_takes_little_room(tmp_path: Path):
    """A tilted plane, whose inverse depth is linear in the image."""
    rows, columns = np.mgrid[:180, :320]
    depth = (1 / (1e-3 + 1e-6 * rows + 2e-6 * columns)).astype(np.float32)
    with TrackWriter(tmp_path / "depth.parquet") as writer:
        writer.write(depth)
    assert (tmp_path / "depth.parquet").stat().st_size < depth.nbytes / 4


def test_a_track_without_frames_is_refused(tmp_path: Path):
    with pytest.raises(OpenRelicError, match="at least one"), TrackWriter(tmp_path / "d.parquet"):
        pass


def test_nothing_is_left_after_an_exception(tmp_path: Path):
    with pytest.raises(RuntimeError), TrackWriter(tmp_path / "mask.parquet") as writer:
        writer.write(np.zeros((4, 4, 3), np.uint8))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_track_is_an_error_that_names_it(tmp_path: Path):
    path = tmp_path / "mask.parquet"
    with TrackWriter(path) as writer:
        writer.write(np.zeros((4, 4, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(OpenRelicError, match="mask.parquet is no readable track"):
        list(read_images(path))
