"""Who plays: every visitor has a game of their own, found again by a secret number.

A page that reconnects gives its number and goes on; another page that gives it takes over. A game
that nobody has steered for a while ends, and gives its place to somebody else.

Public: `Visitor`, `Visitors`, `Full`.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import WebSocket

from dataset.errors import OpenRelicError
from training.play.game import Game

log = logging.getLogger(__name__)

GONE_S = 60.0  # a reload, or a lost connection, is over sooner


class Full(OpenRelicError):
    """As many visitors play as may."""


@dataclass(kw_only=True)
class Visitor:
    """Somebody with a game."""

    number: str
    game: Game
    page: WebSocket | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """held while a message of theirs is followed, also over a change of pages"""
    steered: float = field(default_factory=time.monotonic)
    gone: float = 0.0
    """when the last page left"""
    upload: bytes = b""
    """a picture to start from, until it is used"""
    recordings: list[dict[str, Any]] = field(default_factory=list)
    """what the page was told of those that are written"""


class Visitors:
    """All of them; lives in the server's event loop."""

    def __init__(self, new_game: Callable[[], Game], most: int, idle_s: float) -> None:
        """At most so many at once; a game unsteered for `idle_s` seconds ends."""
        self._new_game, self._most, self._idle_s = new_game, most, idle_s
        self._by_number: dict[str, Visitor] = {}

    def __len__(self) -> int:
        """How many games there are."""
        return len(self._by_number)

    def find(self, number: str) -> Visitor | None:
        """The visitor of that number."""
        return self._by_number.get(number)

    def enter(self, number: str) -> tuple[Visitor, bool]:
        """The visitor of that number, or a new one; and whether they were known."""
        known = self._by_number.get(number)
        if known is not None:
            known.steered = time.monotonic()
            return known, True
        if len(self._by_number) >= self._most:
            raise Full(
                f"{self._most} sessions are being played, the most that this server takes "
                "(--sessions): this page goes on as soon as one ends"
            )
        visitor = Visitor(number=secrets.token_urlsafe(18), game=self._new_game())
        self._by_number[visitor.number] = visitor
        return visitor, False

    def leave(self, visitor: Visitor) -> None:
        """End a visitor's game."""
        self._by_number.pop(visitor.number, None)

    def longest_gone(self) -> Visitor | None:
        """Somebody who left without coming back at once, to give their place to a new visitor."""
        gone = [one for one in self._by_number.values() if one.page is None]
        longest = min(gone, key=lambda one: one.gone, default=None)
        if longest is None or longest.gone > time.monotonic() - GONE_S:
            return None
        return longest

    def idle(self) -> list[Visitor]:
        """Those whom nothing was heard of for too long."""
        limit = time.monotonic() - self._idle_s
        return [one for one in self._by_number.values() if one.steered < limit]

    def all(self) -> list[Visitor]:
        """Everybody."""
        return list(self._by_number.values())
