"""What a page may say, and how pictures go to it.

A page speaks JSON, one order a message; an uploaded picture is a binary message before the `start`
that names it. What goes to the page is JSON, or one binary message of figures and frames: the
length of the JSON (4 bytes, big endian), the JSON, the frames' JPEGs one after the other, whose
lengths are in the JSON's `frames`.

Public: `Order`, `read_order`, `read_wish`, `packed`, `BadMessage`.
"""

import json
import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from labeling.actions import KEYS
from training.play.game import Wish

MAX_TEXT = 16_384  # characters of a message
MAX_UPLOAD = 12 << 20  # bytes of a picture
MAX_CAPTION = 2_000
MAX_LOOK_DEG = 90.0  # a chunk
MAX_GAMMA = 10.0
ORDERS = (
    "hello", "start", "step", "go_to", "keep", "return", "drop", "record", "stop", "save", "load",
)  # fmt: skip


class BadMessage(Exception):
    """What is no message of the page."""


class Order(NamedTuple):
    """One thing that the page wants."""

    name: str
    value: Any


def read_order(text: str) -> Order:
    """The order in a message; `BadMessage` if there is none, or more than one."""
    if len(text) > MAX_TEXT:
        raise BadMessage(f"a message has at most {MAX_TEXT} characters")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage("this is no JSON") from error
    if not isinstance(said, dict) or len(said) != 1 or next(iter(said)) not in ORDERS:
        raise BadMessage(f"an order is an object with one of {', '.join(ORDERS)}")
    return Order(*next(iter(said.items())))


def read_wish(value: Any) -> Wish:
    """The next chunk as the page wants it."""
    said = fields(value, "number", "shown", "held", "look", "gamma", "caption", "watch")
    number, shown = whole(said.get("number"), "number"), said.get("shown")
    if not isinstance(shown, int) or shown < number - 1:
        raise BadMessage("a chunk is asked for when the one before it is being shown")
    held = said.get("held", {})
    if not isinstance(held, dict) or not held.keys() <= KEYS.keys():
        raise BadMessage(f"held are actions among {', '.join(KEYS)}")
    look = said.get("look", [0.0, 0.0])
    if not isinstance(look, list) or len(look) != 2:
        raise BadMessage("look is two numbers")
    right, up = (real(one, -MAX_LOOK_DEG, MAX_LOOK_DEG, "look") for one in look)
    caption = said.get("caption")
    return Wish(
        number=number,
        held={action: real(value, 0.0, 1.0, action) for action, value in held.items()},
        look_deg=(right, up),
        gamma=real(said.get("gamma", 1.0), 0.0, MAX_GAMMA, "gamma"),
        caption=None if caption is None else line(caption, MAX_CAPTION, "caption"),
        watch=said.get("watch") is True,
    )


def fields(value: Any, *names: str) -> dict[str, Any]:
    """An object with no other fields than these."""
    if not isinstance(value, dict) or not value.keys() <= set(names):
        raise BadMessage(f"expected an object of {', '.join(names)}")
    return value


def whole(value: Any, name: str) -> int:
    """A number of something."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise BadMessage(f"{name} is a whole number from 0 on")
    return value


def real(value: Any, least: float, most: float, name: str) -> float:
    """A finite number, brought into its range."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not _finite(value):
        raise BadMessage(f"{name} is a finite number")
    return min(most, max(least, float(value)))


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def line(value: Any, most: int, name: str) -> str:
    """A text on one line, of characters that can be shown."""
    if not isinstance(value, str) or len(value) > most:
        raise BadMessage(f"{name} is a text of at most {most} characters")
    text = " ".join(value.split())
    if not all(letter.isprintable() for letter in text):
        raise BadMessage(f"{name} has characters in it that cannot be shown")
    return text


def packed(facts: dict[str, Any], frames: Sequence[bytes]) -> bytes:
    """Figures and frames as one message."""
    head = json.dumps({**facts, "frames": [len(one) for one in frames]}).encode()
    return b"".join([struct.pack(">I", len(head)), head, *frames])
