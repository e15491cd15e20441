"""Several processes that play together: each has its share of tokens, heads and memory.

    torchrun --nproc-per-node 2 -m training.play RECIPE ...      # with play.sequence_parallel: 2

Every process has the weights (`training.parallel`: tokens are split for the linear layers, heads
for self-attention), and every session lives in all of them, each with its heads' keys and values.
The first process leads: what is asked of a session there is told to the others, which do the same
and throw the frames away. So whoever uses sessions needs to know nothing of this: in the other
processes `load_player` does not return.

Public: `Ranks`, `join_ranks`, `together`.
"""

import atexit
import contextlib
import functools
import logging
import os
import signal
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist

from dataset.errors import OpenRelicError
from training.config import Recipe
from training.parallel import Processes, SequenceGroup

if TYPE_CHECKING:
    from training.streaming.asleep import Asleep
    from training.streaming.player import Player
    from training.streaming.session import WorldSession

Made = TypeVar("Made")
PATIENCE = timedelta(days=30)
"""How long the others wait for the next thing to do: somebody may leave the page open."""
END = "end"
TORN = "a step was torn off while several processes played: start the command again"
HEADS = 2
"""Axis of keys and values (batch, tokens, heads, channels)."""
log = logging.getLogger(__name__)


def join_ranks(recipe: Recipe) -> "Ranks | None":
    """Join the processes that were launched with this one; None where it is the only one.

    Another number of them than `play.sequence_parallel` raises `OpenRelicError`.
    """
    launched, wanted = int(os.environ.get("WORLD_SIZE", "1")), recipe.play.sequence_parallel
    if launched != wanted:
        raise OpenRelicError(
            f"play.sequence_parallel is {wanted}, and {launched} processes were launched: start "
            f"with `torchrun --nproc-per-node {wanted} -m ...`, or change the recipe"
        )
    if wanted == 1:
        return None
    if dist.is_initialized():
        raise OpenRelicError(
            "several processes play one student, and one is loaded already: play the others with "
            "play.sequence_parallel 1"
        )
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    sequence = Processes(
        index=dist.get_rank(), count=launched, sequence_parallel=wanted
    ).sequence_group()
    if sequence is None:
        raise RuntimeError("a group of several processes is a group")
    return Ranks(sequence)


class Ranks:
    """Where this process stands among those that play together."""

    def __init__(self, sequence: SequenceGroup) -> None:
        """All processes make one at the same time."""
        self.sequence = sequence
        self.leads = sequence.rank == 0
        # Words go over a group of their own: tensors may go over one that only GPUs speak.
        words = dist.new_group(backend="gloo", timeout=PATIENCE)
        if not isinstance(words, dist.ProcessGroup):
            raise RuntimeError("this process is not in the group that it made")
        self._words = words
        self._lock = threading.RLock()
        self._telling = False
        self._sound = True
        self._numbers = 0
        self._dropped: list[int] = []
        if self.leads:
            atexit.register(self.close)

    def enrol(self, session: "WorldSession | Asleep") -> int:
        """Give a new session its number, the same in all processes."""
        self._numbers += 1
        if self.leads:  # what nobody holds any more need not live elsewhere
            weakref.finalize(session, self._dropped.append, self._numbers)
        return self._numbers

    def run(
        self, name: str, whose: int | Recipe, args: tuple, kwargs: dict, work: Callable[[], Made]
    ) -> Made:
        """Do `work` here while the others do the same.

        `whose` is a session's number, or the recipe of the player that makes one: somebody may have
        given it another memory.
        """
        with self._lock:
            if not self.leads or self._telling:
                return work()
            if not self._sound:  # the others wait in the middle of what was torn off
                raise OpenRelicError(TORN)
            gone = [self._dropped.pop() for _ in range(len(self._dropped))]
            self._say((name, whose, args, kwargs, gone))
            self._telling, self._sound = True, False
            try:
                made = work()
            except OpenRelicError:  # the others have found the same fault and go on
                self._sound = True
                raise
            finally:
                self._telling = False
            self._sound = True
            return made

    def follow(self, player: "Player") -> None:
        """Do what the first process says, until it ends."""
        from training.streaming.asleep import Asleep
        from training.streaming.session import WorldSession

        # Ctrl-C reaches all processes; the first one ends these in good order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        known: dict[int, WorldSession | Asleep] = {}
        while True:
            name, whose, args, kwargs, gone = self._hear()
            for one in gone:
                known.pop(one, None)
            if name == END:
                break
            if isinstance(whose, int):
                kind, first = type(known[whose]), known[whose]
            else:
                kind, first = WorldSession, replace(player, recipe=whose)
            try:
                made = getattr(kind, name)(first, *args, **kwargs)
            except OpenRelicError as error:
                log.debug("%s: %s", name, error)
                continue
            if isinstance(made, WorldSession | Asleep):
                known[made.number] = made
        dist.destroy_process_group()

    def close(self) -> None:
        """Let the others go."""
        # Where something broke in the middle they wait for this process in another place, and the
        # launcher ends them.
        if self._sound and dist.is_initialized():
            with contextlib.suppress(RuntimeError):  # the others may be gone already
                self._say((END, 0, (), {}, []))
            dist.destroy_process_group()

    def agreed(self, answer: bool) -> bool:
        """Take the first process's answer, in the middle of what all do."""
        words = [answer]
        dist.broadcast_object_list(words, src=0, group=self._words)
        return words[0]

    def whole(self, own_heads: torch.Tensor) -> torch.Tensor:
        """All heads of keys or values (B, N, own heads, d), on the CPU; all processes must ask."""
        # As bytes: not every backend knows every narrow type.
        mine = own_heads.cpu().contiguous()
        parts = [torch.empty_like(mine) for _ in range(self.sequence.size)]
        flat = [part.view(torch.uint8) for part in parts]
        dist.all_gather(flat, mine.view(torch.uint8), group=self._words)
        return torch.cat([part.view(torch.uint8) for part in parts], dim=HEADS).view(mine.dtype)

    def own(self, all_heads: torch.Tensor) -> torch.Tensor:
        """Take this process's heads of keys or values of all."""
        return all_heads.chunk(self.sequence.size, dim=HEADS)[self.sequence.rank].contiguous()

    def _say(self, words: tuple) -> None:
        dist.broadcast_object_list([words], src=0, group=self._words)

    def _hear(self) -> tuple[Any, ...]:
        heard: list[Any] = [None]
        dist.broadcast_object_list(heard, src=0, group=self._words)
        return heard[0]


def together(function: Callable[..., Made]) -> Callable[..., Made]:
    """Have a `WorldSession` method, or a way to make one from a player, done in all processes."""

    @functools.wraps(function)
    def call(first: "Player | WorldSession | Asleep", *args: Any, **kwargs: Any) -> Made:
        player: Any = getattr(first, "player", first)
        ranks = player.ranks
        if ranks is None:
            return function(first, *args, **kwargs)
        work = functools.partial(function, first, *args, **kwargs)
        whose = getattr(first, "number", player.recipe)
        return ranks.run(function.__name__, whose, args, kwargs, work)

    return call
