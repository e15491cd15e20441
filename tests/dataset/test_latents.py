import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from augment.palindrome import palindrome_indices
from dataset.config import LatentsConfig
from dataset.errors import OpenRelicError
from dataset.latents.encoding import encode_workspace, load_stored_tokenizer, same_video
from dataset.latents.section import write_latents_section
from dataset.latents.small_frames import SmallFrames, read_resized
from dataset.latents.store import RECORD, read_rows, read_sample, require_latents
from dataset.latents.tokenizers import PcaTokenizer, frames_to_video
from dataset.resize import centre_crop, resize_frame, resize_intrinsics
from dataset.shards.loader import iterate_samples
from dataset.shards.manifest import MANIFEST
from dataset.video import VideoWriter, read_frames
from dataset.workspace import Workspace
from tests.small_workspace import make_shards

CONFIG = LatentsConfig(
    tokenizer="pca", pretrained="", channels=8, height=32, width=64, fit_samples=3, dtype="float16"
)
RECIPE = """
latents: {tokenizer: pca, pretrained: "", channels: 8, height: 32, width: 64, fit_samples: 3,
  dtype: float16}
model: {anything: "this command leaves to training"}
"""


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> Workspace:
    torch.set_num_threads(1)
    workspace = make_shards(tmp_path_factory.mktemp("latents"))
    encode_workspace(workspace, CONFIG)
    return workspace


def test_every_sample_has_a_row_with_its_conditions(encoded):
    rows = {row.key: row for row in require_latents(encoded, CONFIG, "tiny.yaml")}
    samples = {sample.key: sample for sample in iterate_samples(encoded)}
    assert rows.keys() == samples.keys()
    for key, row in rows.items():
        stored = read_sample(encoded, row)
        assert stored.latents.shape == (8, 21, 4, 8)
        assert np.array_equal(stored.actions, samples[key].actions)
        assert row.caption == "a wall with coloured tiles"
        assert row.start_pitch_deg == pytest.approx(5.0)
        assert np.isfinite(row.psnr_db) == (row.split == "val")


def test_a_palindrome_is_encoded_from_its_mapped_frames(encoded):
    sample = next(one for one in iterate_samples(encoded, "train") if one.row.pivot is not None)
    row = next(one for one in read_rows(encoded) if one.key == sample.key)
    tokenizer = load_stored_tokenizer(encoded, CONFIG)
    frames = SmallFrames(64, 32).of(sample)
    by_frame = np.stack([resize_frame(frame, 64, 32) for frame in sample.frames()])
    assert np.abs(frames.astype(int) - by_frame).mean() < 3  # tiles of random colours
    expected = tokenizer.encode(frames_to_video(frames))[0].numpy().astype(np.float16)
    stored = read_sample(encoded, row).latents
    np.testing.assert_array_equal(stored, expected.astype(np.float32))
    turn = (sample.row.pivot or 0) // 4
    flipped = np.concatenate([stored[:, : turn + 1], stored[:, turn - 1 :: -1]], axis=1)
    assert not np.allclose(flipped[:, turn + 1 : 21], stored[:, turn + 1 :], atol=1e-2)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory) -> Path:
    """A video of 160x96 as smooth and as little saturated as most pictures are."""
    path = tmp_path_factory.mktemp("clouds") / "clouds.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, 160, 96, pixels="rgb24", crf=10) as writer:
        for _ in range(5):
            noise = cv2.GaussianBlur(rng.standard_normal((96, 160, 3)), (0, 0), 2)
            noise = 0.7 * noise[..., :1] + 0.3 * noise
            writer.write((128 + 100 * noise / np.abs(noise).max()).astype(np.uint8))
    return path


@pytest.mark.parametrize(
    ("width", "height"),
    # Kept whole; cut above and below; left and right; by a broken factor; grown.
    [(80, 48), (64, 32), (48, 32), (96, 64), (320, 192)],
)
def test_resized_pictures_are_those_of_the_full_size_way(clouds, width, height):
    fast = np.stack(list(read_resized(clouds, width, height))).astype(float)
    slow = np.stack([resize_frame(frame, width, height) for frame in read_frames(clouds)])
    difference = np.abs(fast - slow)
    assert difference.shape == (5, height, width, 3)
    assert difference.mean() < 0.5
    assert np.abs((fast - slow).mean((0, 1, 2))).max() < 0.2
    # Half a pixel aside would be another picture, and other intrinsics.
    aside = 0.5 * (slow[:, :, :-1].astype(float) + slow[:, :, 1:])
    assert difference.mean() < np.abs(aside - slow[:, :, 1:]).mean() / 3


def test_a_crop_on_odd_pixels_takes_the_full_size_way(clouds):
    assert centre_crop(160, 96, 79, 48).left == 1
    fast = np.stack(list(read_resized(clouds, 79, 48)))
    slow = np.stack([resize_frame(frame, 79, 48) for frame in read_frames(clouds)])
    np.testing.assert_array_equal(fast, slow)


def test_a_palindrome_is_not_decoded_again(encoded):
    sample = next(iterate_samples(encoded, "train"))
    pictures = SmallFrames(64, 32)
    forward = pictures.of(sample)
    index = palindrome_indices(81, 60)
    back = replace(sample, row=replace(sample.row, pivot=60), index=index, mp4=b"no video")
    np.testing.assert_array_equal(pictures.of(back), forward[index])
    assert same_video([back.row, sample.row]) == [[sample.row, back.row]]
    with pytest.raises(OpenRelicError, match="sample train-0: a video of 8 bytes"):
        SmallFrames(64, 32).of(back)
    elsewhere = replace(back, row=replace(back.row, first_frame=96))
    with pytest.raises(OpenRelicError, match="sample train-0"):
        pictures.of(elsewhere)


def test_a_second_run_keeps_everything(encoded, monkeypatch):
    before = encoded.read_bytes(RECORD)
    monkeypatch.setattr(SmallFrames, "of", None)
    encode_workspace(encoded, CONFIG)
    assert encoded.read_bytes(RECORD) == before


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    workspace = make_shards(tmp_path)
    whole, calls = SmallFrames.of, []

    def dies_late(frames, sample):
        calls.append(sample.key)
        if len(calls) == 6:  # three to fit, then in the middle of encoding
            raise KeyboardInterrupt
        return whole(frames, sample)

    monkeypatch.setattr(SmallFrames, "of", dies_late)
    with pytest.raises(KeyboardInterrupt):
        encode_workspace(workspace, CONFIG, threads=1)
    assert not workspace.exists(RECORD)
    with pytest.raises(OpenRelicError, match=r"python -m dataset\.latents"):
        require_latents(workspace, CONFIG, "tiny.yaml")
    calls.clear()
    monkeypatch.setattr(SmallFrames, "of", lambda f, s: calls.append(s.key) or whole(f, s))
    rows = encode_workspace(workspace, CONFIG, threads=1)
    assert 0 < len(calls) < len(rows) == 6
    fresh = encode_workspace(make_shards(tmp_path / "fresh"), CONFIG)
    assert [row.sha256 for row in rows] == [row.sha256 for row in fresh]


def test_another_config_or_other_shards_are_one_line(encoded, tmp_path):
    with pytest.raises(OpenRelicError, match="channels is 8 there and 16 in the config"):
        require_latents(encoded, replace(CONFIG, channels=16), "tiny.yaml")
    workspace = make_shards(tmp_path, train=2, val=0)
    with pytest.raises(OpenRelicError, match=r"record\.json is missing: run `python -m dataset"):
        require_latents(workspace, CONFIG, "tiny.yaml")
    encode_workspace(workspace, CONFIG)
    table = workspace.read_table(MANIFEST)
    workspace.write_table(MANIFEST, table.slice(0, 1))
    with pytest.raises(OpenRelicError, match="was made from other shards"):
        require_latents(workspace, CONFIG, "tiny.yaml")
    assert [row.key for row in encode_workspace(workspace, CONFIG)] == ["train-0"]
    require_latents(workspace, CONFIG, "tiny.yaml")
    assert workspace.list_names("latents/train") == ["train-0.safetensors"]


def test_a_tokenizer_of_another_way_to_fit_is_fitted_again(tmp_path, monkeypatch):
    workspace = make_shards(tmp_path)
    encode_workspace(workspace, CONFIG)
    before = load_stored_tokenizer(workspace, CONFIG).fingerprint
    fit = PcaTokenizer.fit.__func__

    def louder(cls, videos, channels):
        fitted = fit(cls, videos, channels)
        return cls(fitted.mean, fitted.basis, 2 * fitted.std)

    monkeypatch.setattr(PcaTokenizer, "fit", classmethod(louder))
    encode_workspace(workspace, CONFIG)
    assert load_stored_tokenizer(workspace, CONFIG).fingerprint == before
    monkeypatch.setattr("dataset.latents.encoding.FIT_VERSION", 99)
    rows = encode_workspace(workspace, CONFIG)
    assert before not in {row.tokenizer for row in rows}


def test_a_tokenizer_that_cannot_be_loaded_leaves_the_latents(encoded):
    with pytest.raises(OpenRelicError, match=r"latents\.pretrained"):
        encode_workspace(encoded, replace(CONFIG, tokenizer="wan", pretrained="no/such/folder"))
    assert len(require_latents(encoded, CONFIG, "tiny.yaml")) == 6


def test_damaged_latents_name_their_file(tmp_path):
    workspace = make_shards(tmp_path, train=1, val=0)
    (row,) = encode_workspace(workspace, CONFIG)
    workspace.write_bytes(row.path, workspace.read_bytes(row.path)[:-1] + b"x")
    with pytest.raises(OpenRelicError, match=r"train-0\.safetensors is damaged"):
        read_sample(workspace, row)


@pytest.mark.parametrize(("dtype", "loses"), [("bfloat16", 2**-8), ("float32", 0.0)])
def test_other_dtypes(encoded, tmp_path, dtype, loses):
    shutil.copytree(encoded.local_root, tmp_path / "ws")
    workspace = Workspace(tmp_path / "ws")
    config = replace(CONFIG, dtype=dtype)
    with pytest.raises(OpenRelicError, match=f"dtype is 'float16' there and '{dtype}'"):
        require_latents(workspace, config, "tiny.yaml")
    row = encode_workspace(workspace, config)[0]
    stored = read_sample(workspace, row).latents
    sample = next(one for one in iterate_samples(workspace) if one.key == row.key)
    frames = frames_to_video(SmallFrames(64, 32).of(sample))
    exact = load_stored_tokenizer(workspace, config).encode(frames)[0].numpy()
    assert stored.dtype == np.float32
    np.testing.assert_allclose(stored, exact, rtol=loses, atol=1e-6)
    assert loses == 0 or not np.array_equal(stored, exact)


def test_damage_of_a_kept_file_is_not_taken_for_new(tmp_path):
    workspace = make_shards(tmp_path, train=2, val=0)
    rows = encode_workspace(workspace, CONFIG)
    data = bytearray(workspace.read_bytes(rows[0].path))
    data[-5] ^= 1
    workspace.write_bytes(rows[0].path, bytes(data))
    assert encode_workspace(workspace, CONFIG) == rows
    read_sample(workspace, rows[0])


@pytest.mark.slow
def test_workers_under_ray_give_the_same_files(encoded, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    workspace = make_shards(tmp_path / "work")
    done = run(workspace.location, "--config", str(recipe), "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert [row.sha256 for row in read_rows(workspace)] == [
        row.sha256 for row in read_rows(encoded)
    ]


def test_the_section_says_psnr(encoded):
    write_latents_section(encoded, CONFIG, read_rows(encoded))
    page = encoded.read_bytes("report/latents.html").decode()
    assert "dB" in page and "data:image/jpeg" in page and "1280x640" in page


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dataset.latents", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    missing = run(str(tmp_path / "none"), "--config", str(recipe))
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1].startswith("error: ")
    assert "python -m dataset.build" in missing.stderr
    make_shards(tmp_path / "work", train=2, val=1)
    done = run(str(tmp_path / "work"), "--config", str(recipe))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "report" / "latents.html").exists()


@pytest.mark.parametrize(
    ("size", "crop"),
    [((832, 480), (16, 0, 1248, 720)), ((128, 64), (0, 40, 1280, 640))],
)
def test_the_crop_is_centred_and_the_rays_stay(size, crop):
    found = centre_crop(1280, 720, *size)
    assert (found.left, found.top, found.width, found.height) == crop
    intrinsics = np.array([640.0, 640.0, 640.0, 360.0])
    fx, fy, cx, cy = resize_intrinsics(intrinsics, 1280, 720, *size)
    assert (cx, cy) == (size[0] / 2, size[1] / 2)
    left_edge = (crop[0] - 640.0) / 640.0
    assert (0 - cx) / fx == pytest.approx(left_edge)
    assert fx == pytest.approx(fy)


def test_a_picture_that_grows_is_interpolated():
    frame = np.zeros((18, 32, 3), np.uint8)
    frame[:, 16:] = 255
    grown = resize_frame(frame, 128, 64)
    assert grown.shape == (64, 128, 3)
    assert 0 < grown[32, 64, 0] < 255


def test_help_is_fast_and_light():
    code = (
        "import sys; sys.argv = ['x', '--help']\n"
        "from dataset.latents.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.exit(bool({'torch', 'av', 'cv2'} & sys.modules.keys()))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == 0
