"""Video files: structure, colours, exact cuts, determinism, damage."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from dataset.errors import OpenRelicError
from dataset.video import (
    VideoWriter,
    cut_packets,
    encode_preview,
    encoding_psnr_db,
    probe,
    psnr_db,
    read_frame_indices,
    read_frames,
)
from tests.dataset.scenes import moving_frames, write_video

FRAMES = 53
PATCHES = [
    (0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255),
    (255, 255, 0), (0, 255, 255), (255, 0, 255), (200, 30, 60), (30, 120, 200), (64, 64, 200),
    (20, 180, 90), (250, 128, 10), (90, 60, 30), (17, 17, 17),
]  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "video.mp4", FRAMES)


def patch_frame() -> np.ndarray:
    frame = np.full((256, 256, 4), 255, np.uint8)
    for number, rgb in enumerate(PATCHES):
        row, column = divmod(number, 4)
        frame[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64, :3] = rgb[::-1]
    return frame


def test_flat_colours_come_back_within_three_levels(tmp_path: Path) -> None:
    path = tmp_path / "patches.mp4"
    with VideoWriter(path, 256, 256) as writer:
        for _ in range(20):
            writer.write(patch_frame())
    for frame in read_frames(path):
        for number, rgb in enumerate(PATCHES):
            row, column = divmod(number, 4)
            # A macroblock in: 4:2:0 mixes the colours of neighbouring patches at their borders.
            patch = frame[row * 64 + 16 : row * 64 + 48, column * 64 + 16 : column * 64 + 48]
            assert np.abs(patch.astype(int) - np.array(rgb)).max() <= 3, rgb


def test_an_independent_decoder_sees_the_same_colours(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "patches.mp4"
    with VideoWriter(path, 256, 256) as writer:
        writer.write(patch_frame())
    _, bgr = cv2.VideoCapture(str(path)).read()
    centres = bgr[32::64, 32::64].reshape(-1, 3)[:, ::-1].astype(int)
    assert np.abs(centres - np.array(PATCHES)).max() <= 6


def test_structure_and_tags(video: Path) -> None:
    info = probe(video)
    assert (info.frames, info.fps, info.width, info.height) == (FRAMES, 16, 160, 96)
    assert (info.codec, info.profile, info.pixel_format) == ("h264", "High", "yuv420p")
    assert info.keyframes == tuple(range(0, FRAMES, 16))
    assert info.colorspace == info.color_primaries == info.color_trc == info.color_range == 1
    data = video.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(video)) as container:
        pictures = list(container.decode(video=0))
    kinds = [PictureType(picture.pict_type).name for picture in pictures]
    assert kinds == ["I" if number % 16 == 0 else "P" for number in range(FRAMES)]
    assert [round(16 * picture.time) for picture in pictures if picture.time is not None] == list(
        range(FRAMES)
    )


def test_same_frames_same_bytes(video: Path, tmp_path: Path) -> None:
    assert write_video(tmp_path / "again.mp4", FRAMES).read_bytes() == video.read_bytes()


@pytest.mark.parametrize(("first", "count"), [(0, 53), (16, 33), (32, 1), (48, 5)])
def test_a_cut_is_the_source_pixel_for_pixel(
    video: Path, tmp_path: Path, first: int, count: int
) -> None:
    cut, again = tmp_path / "cut.mp4", tmp_path / "again.mp4"
    cut_packets(video, cut, first, count)
    cut_packets(video, again, first, count)
    assert cut.read_bytes() == again.read_bytes()
    source = np.stack(list(read_frames(video)))[first : first + count]
    np.testing.assert_array_equal(np.stack(list(read_frames(cut))), source)
    info = probe(cut)
    assert (info.frames, info.fps, info.keyframes[0]) == (count, 16, 0)
    assert (info.colorspace, info.color_range, info.profile) == (1, 1, "High")
    data = cut.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_cuts_that_cannot_be_made_are_refused(video: Path, tmp_path: Path) -> None:
    with pytest.raises(OpenRelicError, match="GOP border"):
        cut_packets(video, tmp_path / "cut.mp4", 8, 10)
    with pytest.raises(OpenRelicError, match="ends at frame 53"):
        cut_packets(video, tmp_path / "cut.mp4", 48, 10)


def test_random_access(video: Path) -> None:
    everything = np.stack(list(read_frames(video)))
    assert everything.shape == (FRAMES, 96, 160, 3)
    np.testing.assert_array_equal(np.stack(list(read_frames(video, 21, 7))), everything[21:28])
    assert list(read_frames(video, 3, 0)) == []
    wanted = [40, 3, 4, 9, 9, 8, 52, 0]
    np.testing.assert_array_equal(
        np.stack(list(read_frame_indices(video, wanted))), everything[wanted]
    )
    palindrome = [*range(40), *range(38, -1, -1)]
    np.testing.assert_array_equal(
        np.stack(list(read_frame_indices(video.read_bytes(), palindrome))), everything[palindrome]
    )
    with pytest.raises(OpenRelicError, match="ends at frame 53"):
        list(read_frames(video, 50, 4))


def test_psnr(video: Path) -> None:
    sources = dict(enumerate(moving_frames(FRAMES)))
    assert encoding_psnr_db(video, {n: sources[n] for n in (0, 20, 52)}) > 30
    source = patch_frame()
    assert psnr_db(source, source[..., 2::-1]) == 100
    off = source.copy()
    off[..., 0] ^= 1  # one level in one of three channels
    assert psnr_db(off, source[..., 2::-1]) == pytest.approx(48.13 + 4.77, abs=0.01)


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with pytest.raises(RuntimeError), VideoWriter(path, 160, 96) as writer:
        for frame in moving_frames(20):
            writer.write(frame)
        raise RuntimeError("the engine died")
    assert list(tmp_path.iterdir()) == []


def test_wrong_frames_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(OpenRelicError, match="frame 0 is float64"),
        VideoWriter(tmp_path / "video.mp4", 160, 96) as writer,
    ):
        writer.write(np.zeros((96, 160, 4)))
    with pytest.raises(OpenRelicError, match="at least one"), VideoWriter(tmp_path / "v", 160, 96):
        pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OpenRelicError, match="even sides"):
        VideoWriter(tmp_path / "video.mp4", 161, 96)


def test_damaged_files_are_named(video: Path, tmp_path: Path) -> None:
    data = video.read_bytes()
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(OpenRelicError, match="truncated.mp4"):
        probe(truncated)
    with pytest.raises(OpenRelicError, match="truncated.mp4"):
        list(read_frames(truncated))
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(b"\0" * 100)
    with pytest.raises(OpenRelicError, match="headless.mp4"):
        probe(headless)
    with pytest.raises(OpenRelicError, match="absent.mp4"):
        probe(tmp_path / "absent.mp4")


def test_preview(tmp_path: Path) -> None:
    frames = [frame[..., 2::-1] for frame in moving_frames(12)]
    path = tmp_path / "preview.mp4"
    path.write_bytes(encode_preview(frames, 8, 80, 48))
    info = probe(path)
    assert (info.frames, info.fps, info.width, info.height) == (12, 8, 80, 48)
    assert info.pixel_format == "yuv420p"
    shown = np.stack(list(read_frames(path))).astype(float)
    assert np.abs(shown[3].mean((0, 1)) - frames[3].mean((0, 1))).max() < 4
