"""Frames of a recording while it runs, and how it becomes files.

Frames lie raw in an unnamed file, so that a killed process leaves nothing; chunks that are undone
are just not read. At the end the video is encoded in one go, exactly as a scripted one is, and
committed last: whoever sees the .mp4 finds its script and picture beside it.

Public: `Tape`, `Take`, `recorded_chunks`, `rows_of_chunks`, `take_of`, `commit_take`.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError
from dataset.video import VideoWriter
from dataset.workspace import Workspace
from training.grid import chunk_rows
from training.play.lines import Line
from training.play.pictures import Start, png
from training.play.script_file import PlayScript, write_script

MAX_BYTES = 16 << 30  # 14 minutes at 832x480


class Tape:
    """Raw frames of chunks, by the chunks' keys."""

    def __init__(self) -> None:
        """Begin an empty one."""
        self._file = tempfile.TemporaryFile(prefix="openrelic-play-")  # noqa: SIM115
        self._places: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._end = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should be put on it."""
        return self._end >= MAX_BYTES

    def add(self, key: int, frames: np.ndarray) -> None:
        """Put a chunk's frames (T, H, W, 3) uint8 on the tape."""
        self._file.seek(self._end)
        self._file.write(np.ascontiguousarray(frames).data)
        self._places[key] = (self._end, frames.shape)
        self._end += frames.nbytes

    def __contains__(self, key: int) -> bool:
        return key in self._places

    def frames(self, key: int) -> Iterator[np.ndarray]:
        """A chunk's frames again; may run in another thread."""
        offset, (count, *shape) = self._places[key]
        size = int(np.prod(shape))
        self._file.flush()
        for at in range(count):
            data = os.pread(self._file.fileno(), size, offset + at * size)
            yield np.frombuffer(data, np.uint8).reshape(shape)

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


@dataclass(frozen=True, kw_only=True)
class Take:
    """A finished recording that has no files yet."""

    name: str
    tape: Tape
    keys: tuple[int, ...]
    script: PlayScript
    picture: np.ndarray


def recorded_chunks(tape: Tape, line: Line) -> range:
    """The last chunks of a line that are on the tape without a gap; if the tape became full, those
    before that."""
    held = [chunk.key in tape for chunk in line.chunks]
    stop = len(held)
    while stop and not held[stop - 1]:
        stop -= 1
    first = stop
    while first and held[first - 1]:
        first -= 1
    return range(first, stop)


def rows_of_chunks(line: Line, chunks: range) -> slice:
    """The rows, one a frame, of chunks that follow one another."""
    size = line.session.player.recipe.memory.chunk
    if not chunks:
        return slice(0, 0)
    return slice(chunk_rows(chunks[0], size).start, chunk_rows(chunks[-1], size).stop)


def take_of(tape: Tape, line: Line, start: Start, name: str) -> Take | None:
    """What was recorded of a line, to be written under a name; None, and the tape is closed, if
    that is nothing."""
    chunks = recorded_chunks(tape, line)
    if not chunks:
        tape.close()
        return None
    rows, player = rows_of_chunks(line, chunks), line.session.player
    script = PlayScript(
        recipe=player.recipe.name,
        weights=player.weights_fingerprint,
        image=f"{name}.png",
        seed=start.seed,
        pitch_deg=start.pitch_deg,
        roll_deg=start.roll_deg,
        first_frame=rows.start,
        frames=rows.stop - rows.start,
        captions=_captions(line, chunks.stop),
        actions=line.session.actions[: rows.stop],
    )
    keys = tuple(line.chunks[at].key for at in chunks)
    return Take(name=name, tape=tape, keys=keys, script=script, picture=start.picture)


def _captions(line: Line, stop: int) -> tuple[tuple[int, str], ...]:
    """The caption of the first chunks, by the row that it begins with."""
    found: list[tuple[int, str]] = []
    for at, chunk in enumerate(line.chunks[:stop]):
        if not found or found[-1][1] != chunk.caption:
            found.append((rows_of_chunks(line, range(at, at + 1)).start, chunk.caption))
    return tuple(found)


def commit_take(workspace: Workspace, folder: str, take: Take) -> str:
    """Write the three files; returns the path of the video."""
    video = f"{folder}/{take.name}.mp4"
    try:
        workspace.write_bytes(f"{folder}/{take.name}.png", png(take.picture))
        workspace.write_bytes(f"{folder}/{take.name}.json", write_script(take.script))
        height, width, _ = take.picture.shape
        with (
            workspace.writing(video) as path,
            VideoWriter(path, width, height, pixels="rgb24") as writer,
        ):
            for key in take.keys:
                for frame in take.tape.frames(key):
                    writer.write(frame)
    except OSError as error:
        raise OpenRelicError(f"the recording {take.name} is lost: {error}") from error
    finally:
        take.tape.close()
    return video
