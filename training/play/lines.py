"""The chunks of a play-through, and the branches that were kept of it.

A line is a session with the chunks that led to it. A kept branch costs no keys and values: it holds
what these are made of (`training.streaming.history`), and they are made again on return.

Public: `MadeChunk`, `Line`, `Kept`, `top_down`, `forks`.
"""

from dataclasses import dataclass, field

import numpy as np

from training.grid import FRAMES_PER_LATENT, chunk_rows
from training.play.pictures import jpeg, thumbnail
from training.streaming.asleep import Asleep
from training.streaming.session import Chunk, WorldSession

LAST_QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class MadeChunk:
    """What is remembered of a chunk for the page."""

    key: int
    """unlike that of any other chunk of the visitor"""
    caption: str
    path: tuple[tuple[float, float, float, float], ...]
    """per frame as `top_down` has it"""
    thumbnails: tuple[bytes, ...]
    """one a latent"""
    last: bytes
    """JPEG of the last frame"""
    tokens: int
    memory_bytes: int
    seconds: float
    attention: tuple[tuple[int, float], ...] | None
    """remembered latents and the share of the attention that each got; None: not watched"""

    def record(self) -> dict[str, object]:
        """The figures for the page."""
        return {
            "key": self.key, "path": self.path, "tokens": self.tokens,
            "memory_bytes": self.memory_bytes, "seconds": self.seconds,
            "attention": self.attention,
        }  # fmt: skip


def made_chunk(key: int, session: WorldSession, chunk: Chunk) -> MadeChunk:
    """The chunk that the session has just made."""
    watched = chunk.attention
    shares = None
    if watched is not None:
        pairs = zip(watched.latents, watched.shares, strict=True)
        shares = tuple((int(latent), round(float(share), 5)) for latent, share in pairs)
    first = chunk_rows(session.chunk_index - 1, session.player.recipe.memory.chunk).start
    # Frame 4L is the one that latent L ends with; frame 0 has a latent of its own.
    at_latents = range(-first % FRAMES_PER_LATENT, len(chunk.frames), FRAMES_PER_LATENT)
    return MadeChunk(
        key=key,
        caption=session.caption,
        path=top_down(session.walked[-1][1]),
        thumbnails=tuple(thumbnail(chunk.frames[at]) for at in at_latents),
        last=jpeg(chunk.frames[-1], LAST_QUALITY),
        tokens=chunk.tokens,
        memory_bytes=chunk.memory_bytes,
        seconds=round(chunk.seconds, 4),
        attention=shares,
    )


def top_down(poses: np.ndarray) -> tuple[tuple[float, float, float, float], ...]:
    """Pose rows (T, 12) as seen from above: to the right and forward of the first camera in
    `unit_m`, heading in degrees to the right, and above the first camera."""
    forward = poses[:, 6:9]  # the third row of R_cam_from_world
    heading = np.degrees(np.arctan2(forward[:, 0], forward[:, 2]))
    seen = np.stack([poses[:, 9], poses[:, 11], heading, -poses[:, 10]], axis=1)
    return tuple(
        (round(right, 3), round(ahead, 3), round(turned, 1), round(up, 3))
        for right, ahead, turned, up in seen.tolist()
    )


@dataclass(kw_only=True)
class Line:
    """Where a visitor is."""

    session: WorldSession
    chunks: list[MadeChunk] = field(default_factory=list)

    def keys(self) -> list[int]:
        """Of its chunks."""
        return [chunk.key for chunk in self.chunks]

    def cut(self, chunk_index: int) -> None:
        """Go back to before a chunk."""
        self.session.go_to(chunk_index)
        del self.chunks[chunk_index:]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A branch that one can return to."""

    number: int
    chunks: tuple[MadeChunk, ...]
    asleep: Asleep

    @staticmethod
    def of(line: Line, number: int) -> "Kept":
        """The line as it is now."""
        session = line.session
        return Kept(
            number=number,
            chunks=tuple(line.chunks),
            asleep=session.asleep(),
        )

    def line(self, like: WorldSession) -> Line:
        """The line again, bit for bit; `like` is a session of the same player and picture."""
        session = self.asleep.awake()
        session.watch = like.watch
        return Line(session=session, chunks=list(self.chunks))

    def keys(self) -> list[int]:
        """Of its chunks."""
        return [chunk.key for chunk in self.chunks]


def forks(lines: list[list[int]]) -> list[tuple[int, int]]:
    """For each line of chunk keys: the earlier line that it shares most with, and how many chunks;
    -1 and 0 for the first."""
    found = []
    for number, keys in enumerate(lines):
        shared = [(_common(keys, lines[other]), -other) for other in range(number)]
        count, other = max(shared, default=(0, 1))
        found.append((-other, count))
    return found


def _common(one: list[int], other: list[int]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
