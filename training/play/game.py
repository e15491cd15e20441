"""One visitor's play: a session, its branches, its recording, its files.

All calls are made by the worker's thread, one at a time. What a visitor can mend raises
`OpenRelicError`, and leaves everything as it was.

Public: `Game`, `Wish`, `Files`.
"""

import datetime
import logging
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from training.play.lines import LAST_QUALITY, Kept, Line, forks, made_chunk
from training.play.pictures import Start, fitted, jpeg
from training.play.saves import read_save, write_save
from training.play.tape import Take, Tape, recorded_chunks, rows_of_chunks, take_of
from training.streaming.input import Gamma, chunk_rows_of
from training.streaming.player import Player
from training.streaming.session import WorldSession

log = logging.getLogger(__name__)

BRANCHES = 16  # kept at once


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the page asks the next chunk to be."""

    number: int
    """of the chunk"""
    held: dict[str, float] = field(default_factory=dict)
    """actions and how strongly, 0 to 1"""
    look_deg: tuple[float, float] = (0.0, 0.0)
    """of the mouse since the last chunk: right, up"""
    gamma: float = 1.0
    caption: str | None = None
    """from this chunk on; none: as before"""
    watch: bool = False
    """whether to see where the attention goes"""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where recordings and saved sessions go."""

    workspace: Workspace
    folder: str
    """below the workspace"""

    def new_name(self) -> str:
        """By time, and unlike any other."""
        return f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"

    def names(self, ending: str) -> list[str]:
        """Files of that ending, newest first, without it."""
        found = self.workspace.list_names(self.folder)
        return sorted((n[: -len(ending)] for n in found if n.endswith(ending)), reverse=True)


def action_rows(player: Player, wish: Wish, count: int) -> np.ndarray:
    """The action rows (count, 13) of what is held; gamma is times the recipe's own."""
    play = player.recipe.play
    gamma = Gamma(
        move=play.move * wish.gamma, turn_deg=play.turn_deg * wish.gamma, unit_deg=player.unit_deg
    )
    right, up = wish.look_deg
    return chunk_rows_of(
        wish.held, count, gamma, pan_right_deg=right, tilt_up_deg=up, first=wish.number == 0
    )


class Game:
    """A visitor's play-through; nothing in it is shared with others but the player."""

    def __init__(self, player: Player, files: Files) -> None:
        """Begin without a picture."""
        self.player, self.files = player, files
        self._start: Start | None = None
        self._line: Line | None = None
        self._kept: list[Kept] = []
        self._keys = self._numbers = 0
        self._tape: Tape | None = None

    @property
    def line(self) -> Line:
        """Where the visitor is."""
        return self._playing()[0]

    def _playing(self) -> tuple[Line, Start]:
        if self._line is None or self._start is None:
            raise OpenRelicError("nothing is played yet: choose a picture to start from")
        return self._line, self._start

    def start(self, start: Start) -> None:
        """Begin anew at a picture; branches of another one are gone."""
        if self._tape is not None:
            raise OpenRelicError("a recording is running: stop it before you start anew")
        size = self.player.recipe.latents
        own = fitted(start, size.width, size.height)
        session = WorldSession.start(
            self.player, own.picture, caption=own.caption, seed=own.seed,
            pitch_deg=own.pitch_deg, roll_deg=own.roll_deg,
        )  # fmt: skip
        self._start, self._line, self._kept = own, Line(session=session), []

    def step(self, wish: Wish) -> tuple[dict[str, Any], np.ndarray]:
        """Make the next chunk: figures for the page, and its frames."""
        line = self.line
        session = line.session
        if wish.number != session.chunk_index:
            raise OutOfStep(f"chunk {wish.number} is asked for, {session.chunk_index} comes next")
        if wish.caption is not None and wish.caption != session.caption:
            session.caption = wish.caption
        session.watch = wish.watch
        chunk = session.step(action_rows(self.player, wish, session.rows_needed))
        made = made_chunk(self._keys, session, chunk)
        self._keys += 1
        line.chunks.append(made)
        self._put_on_tape(made.key, chunk.frames)
        facts = {"kind": "chunk", "number": wish.number, "recorded": self._recorded()}
        return {**facts, **made.record()}, chunk.frames

    def go_to(self, chunk_index: int) -> None:
        """Take back the chunks from that one on."""
        if chunk_index > len(self.line.chunks):
            raise OpenRelicError(f"there is no chunk {chunk_index} yet")
        self.line.cut(chunk_index)

    def keep(self) -> None:
        """Make the present point a branch that one can return to."""
        line = self.line
        if any(kept.keys() == line.keys() for kept in self._kept):
            return
        if len(self._kept) >= BRANCHES:
            raise OpenRelicError(f"{BRANCHES} branches are kept, the most there can be: drop one")
        self._numbers += 1
        self._kept.append(Kept.of(line, self._numbers))

    def back_to(self, number: int) -> None:
        """Go on from a kept branch; the line that is left is kept, too."""
        found = self._branch(number)
        if not self._line_is_within_a_branch():
            self.keep()
        self._line = found.line(self.line.session)

    def drop(self, number: int) -> None:
        """Forget a kept branch."""
        self._kept.remove(self._branch(number))

    def _branch(self, number: int) -> Kept:
        for kept in self._kept:
            if kept.number == number:
                return kept
        raise OpenRelicError(f"there is no branch {number}")

    def _line_is_within_a_branch(self) -> bool:
        keys = self.line.keys()
        return any(kept.keys()[: len(keys)] == keys for kept in self._kept)

    # ---- files ----

    def record(self) -> None:
        """Record from the next chunk on."""
        self._playing()
        if self._tape is None:
            self._tape = Tape()

    def stop(self) -> Take | None:
        """End the recording; None if nothing was recorded of where the visitor is now."""
        tape, self._tape = self._tape, None
        if tape is None:
            return None
        line, start = self._playing()
        return take_of(tape, line, start, self.files.new_name())

    def _put_on_tape(self, key: int, frames: np.ndarray) -> None:
        tape = self._tape
        if tape is None or tape.full:
            return
        try:
            tape.add(key, frames)
        except OSError as error:
            self._tape = None
            tape.close()
            raise OpenRelicError(f"the recording is lost, play goes on: {error}") from error

    def _recorded(self) -> int | None:
        """Frames of the recording; None: none is running."""
        if self._tape is None:
            return None
        rows = rows_of_chunks(self.line, recorded_chunks(self._tape, self.line))
        return rows.stop - rows.start

    def save(self) -> str:
        """Write the session to a file that anybody with these weights can go on from."""
        line, start = self._playing()
        name = self.files.new_name()
        write_save(self.files.workspace, self.files.folder, name, line, start)
        return name

    def load(self, name: str) -> None:
        """Go on from a saved session."""
        if self._tape is not None:
            raise OpenRelicError("a recording is running: stop it before you load a session")
        workspace, folder = self.files.workspace, self.files.folder
        line, start = read_save(workspace, folder, name, self.player, self._keys)
        self._keys += len(line.chunks)
        self._line, self._start, self._kept = line, start, []

    # ---- what the page is told ----

    def thumbnail(self, key: int, at: int) -> bytes | None:
        """A picture of a chunk's latent, if it is still known."""
        lines = [*self._kept, *([self._line] if self._line else [])]
        for chunk in (chunk for line in lines for chunk in line.chunks):
            if chunk.key == key and at < len(chunk.thumbnails):
                return chunk.thumbnails[at]
        return None

    def state(self) -> tuple[dict[str, Any], bytes]:
        """All that the page shows of where the visitor is, and the frame to show."""
        facts: dict[str, Any] = {"kind": "state", "started": self._line is not None}
        if self._line is None or self._start is None:
            return facts, b""
        line = self._line
        last = line.chunks[-1] if line.chunks else None
        facts |= {
            "chunks": line.keys(),
            "path": [point for chunk in line.chunks for point in chunk.path],
            "earliest": line.session.earliest,
            "caption": line.session.caption,
            "last": last.record() if last else None,
            "recorded": self._recorded(),
            "branches": self._branches(),
        }
        if last is not None:
            return facts, last.last
        return facts, jpeg(self._start.picture, LAST_QUALITY)

    def _branches(self) -> list[dict[str, Any]]:
        """The kept branches, then where the visitor is (number 0)."""
        lines = [kept.keys() for kept in self._kept] + [self.line.keys()]
        numbers = [kept.number for kept in self._kept] + [0]
        return [
            {"number": number, "chunks": len(keys), "key": keys[-1] if keys else None,
             "from": numbers[other] if other >= 0 else None, "shared": count}
            for number, keys, (other, count) in zip(numbers, lines, forks(lines), strict=True)
        ]  # fmt: skip


class OutOfStep(OpenRelicError):
    """The page asked for another chunk than the one that comes next; it gets the state."""


def play_folder(recipe_name: str) -> str:
    """Where recordings and saved sessions of a run lie."""
    return str(Path("runs") / recipe_name / "play")
