"""Shards: layout, determinism, going on after a kill, damage, other readers."""

import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from webdataset.compat import WebDataset

from dataset.errors import MissingInputError, OpenRelicError
from dataset.shards.loader import iterate_samples, read_sample
from dataset.shards.manifest import read_manifest
from dataset.shards.samples import MEMBERS
from dataset.shards.section import palindrome_strip
from dataset.workspace import Workspace
from tests.dataset.conftest import SMALL_SHARDS
from tests.dataset.scenes import add_clip, build, tree


def shard_paths(workspace: Workspace) -> list[Path]:
    return sorted(Path(workspace.location, "shards").glob("*.tar"))


def test_tars_are_plain_and_ordered(built: Workspace) -> None:
    names = []
    for path in shard_paths(built):
        with tarfile.open(path) as tar:
            for entry in tar:
                assert (entry.mtime, entry.uid, entry.gid, entry.mode) == (0, 0, 0, 0o644)
                assert entry.uname == entry.gname == ""
                names.append(entry.name)
    keys = [row.key for row in read_manifest(built)]
    assert names == [f"{key}.{member}" for key in keys for member in MEMBERS]


def test_webdataset_reads_the_shards(built: Workspace) -> None:
    urls = [str(path) for path in shard_paths(built)]
    found = {sample["__key__"]: sample for sample in WebDataset(urls, shardshuffle=False)}
    ours = list(iterate_samples(built))
    assert list(found) == [sample.key for sample in ours]
    for sample in ours:
        theirs = found[sample.key]
        assert sample.mp4 == theirs["mp4"]
        np.testing.assert_array_equal(np.load(io.BytesIO(theirs["index.npy"])), sample.index)
        np.testing.assert_array_equal(np.load(io.BytesIO(theirs["actions.npy"])), sample.actions)
        assert json.loads(theirs["json"]) == sample.facts


def test_two_builds_give_the_same_bytes(built: Workspace, fresh: Workspace) -> None:
    build(fresh, *SMALL_SHARDS)
    assert tree(fresh) == tree(built)
    assert tree(fresh, "report") == tree(built, "report")


def test_a_build_that_is_done_writes_no_shard_again(finished: Workspace) -> None:
    before = {path: path.stat().st_ino for path in shard_paths(finished)}
    build(finished, *SMALL_SHARDS)
    assert {path: path.stat().st_ino for path in shard_paths(finished)} == before


def start_build(workspace: Workspace, stderr: int = subprocess.DEVNULL) -> subprocess.Popen:
    command = [sys.executable, "-m", "dataset.build", workspace.location, *SMALL_SHARDS]
    # A shell's background job ignores Ctrl-C, and hands that on.
    return subprocess.Popen(
        command, stderr=stderr, cwd=Path(__file__).parents[2],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


@pytest.mark.parametrize("files_at_kill", [1, 2, 5])
def test_a_killed_build_goes_on_to_the_same_bytes(
    built: Workspace, fresh: Workspace, files_at_kill: int
) -> None:
    folder = Path(fresh.location, "shards")
    process = start_build(fresh)
    # Temporary files count too, so that kills fall within shards and between them.
    while len([p for p in folder.rglob("*") if p.is_file()]) < files_at_kill:
        assert process.poll() is None, "the build ended before it could be killed"
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(MissingInputError, match="python -m dataset.build"):
        read_manifest(fresh)
    done = {path: path.stat().st_ino for path in folder.glob("parts/*.parquet")}
    build(fresh, *SMALL_SHARDS)
    assert tree(fresh) == tree(built)
    assert all(path.stat().st_ino == inode for path, inode in done.items())


def test_an_interrupted_build_says_so_in_one_line(built: Workspace, fresh: Workspace) -> None:
    process = start_build(fresh, stderr=subprocess.PIPE)
    while not list(Path(fresh.location, "shards").rglob("*.tmp")):
        assert process.poll() is None, "the build ended before it could be interrupted"
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in said and said.endswith(
        b"\ninterrupted: run the same command again to go on\n"
    )
    build(fresh, *SMALL_SHARDS)
    assert tree(fresh) == tree(built)


def test_leftovers_are_cleared(built: Workspace, finished: Workspace) -> None:
    shards = Path(finished.location, "shards")
    (shards / ".train-000000.tar.0123abcd.tmp").write_bytes(b"half a shard")
    (shards / "train-000099.tar").write_bytes(b"of other settings")
    (shards / "parts" / "train-000099.parquet").write_bytes(b"of other settings")
    (shards / "parts" / "train-000000.parquet").write_bytes(b"PAR1 cut short")
    build(finished, *SMALL_SHARDS)
    assert tree(finished) == tree(built)


def test_other_settings_and_back(built: Workspace, finished: Workspace) -> None:
    build(finished, "--palindromes", "0", "--val-share", "0", "--balance", "0")
    assert len(shard_paths(finished)) == 1
    assert len(read_manifest(finished)) == 5
    build(finished, *SMALL_SHARDS)
    assert tree(finished) == tree(built)


def test_new_labels_and_clips_are_taken_in(finished: Workspace) -> None:
    before = {row.key: row.blake3 for row in read_manifest(finished)}
    add_clip(finished, "gamma-0e", 90, asset="gamma")
    build(finished, *SMALL_SHARDS)
    after = {row.key: row.blake3 for row in read_manifest(finished)}
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 2


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("part", ["header", "payload", "padding"])
def test_a_flipped_bit_is_named(finished: Workspace, part: str) -> None:
    rows = read_manifest(finished)
    row = rows[3]
    place = {"header": 10, "payload": 600, "padding": row.size - 1}[part]
    flip(Path(finished.location, "shards", row.shard), row.offset + place)
    with pytest.raises(OpenRelicError, match=f"sample {row.key} in shards/{row.shard} is damaged"):
        list(iterate_samples(finished))
    for other in rows[:3] + rows[4:]:
        read_sample(finished, other)
    # The remedy that the error names.
    Path(finished.location, "shards", row.shard).unlink()
    build(finished, *SMALL_SHARDS)
    assert read_sample(finished, row).key == row.key


def test_a_build_does_not_hide_damage_that_it_finds(finished: Workspace) -> None:
    row = read_manifest(finished)[0]
    flip(Path(finished.location, "shards", row.shard), row.offset + 600)
    with pytest.raises(OpenRelicError, match=f"{row.key} .* is damaged"):
        build(finished, *SMALL_SHARDS)


def test_a_truncated_shard_is_named(finished: Workspace) -> None:
    row = read_manifest(finished)[-1]
    path = Path(finished.location, "shards", row.shard)
    path.write_bytes(path.read_bytes()[: row.offset + row.size // 2])
    with pytest.raises(OpenRelicError, match=f"sample {row.key} in shards/{row.shard} is cut off"):
        list(iterate_samples(finished))
    path.unlink()
    with pytest.raises(OpenRelicError, match="the shard is not there"):
        read_sample(finished, row)


def test_several_lengths(fresh: Workspace) -> None:
    build(fresh, "--window", "81", "161", "--palindromes", "0", "--balance", "0", "--workers", "1")
    rows = read_manifest(fresh)
    assert sorted(row.length for row in rows) == [81] * 5 + [161] * 2
    assert len(list(iterate_samples(fresh, length=161))) == 2


def test_the_card(built: Workspace) -> None:
    card = built.read_bytes("shards/README.md").decode()
    assert "| alpha-room | alpha | CC0-1.0 |" in card
    assert "| train | " in card and "| val | " in card
    assert "dolly_in, dolly_out, truck_left" in card


def test_the_section(built: Workspace) -> None:
    section = built.read_bytes("report/dataset.html").decode()
    assert "10 samples, 5 of them palindromes" in section
    assert "beta-short-0d (60 frames)" in section
    assert section.count("data:image/jpeg;base64") == 1
    assert section.count("data:video/mp4;base64") == 1
    assert "<svg" in section


def test_the_strip_shows_that_a_palindrome_returns(built: Workspace) -> None:
    import cv2

    row = next(row for row in read_manifest(built) if row.pivot is not None)
    strip = palindrome_strip(read_sample(built, row))
    picture = cv2.imdecode(np.frombuffer(strip, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    half = len(picture) // 2
    # Below the titles, which name different frames.
    out, back = (rows[32:].astype(int) for rows in (picture[:half], picture[half:]))
    assert np.abs(out - back).mean() < 2
