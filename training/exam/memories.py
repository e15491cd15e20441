"""Other memories for the same weights, as words on a command line.

    recipe                 the recipe's own
    window=16              more latents stay whole
    schedule=1             nothing is pooled; schedule=paper: the paper's; schedule=1,4,2: these
    older=drop             what leaves the window is forgotten
    newest=26              bounded: latent 0 and so many newest ones
    window=16+schedule=1   several changes

Public: `changed_memory`, `whole_memory`, `past_frames_of`.
"""

from dataclasses import replace
from typing import Any

from dataset.errors import OpenRelicError
from training.grid import FRAMES_PER_LATENT
from training.memory.schedule import PAPER_SCHEDULE, MemoryConfig

LONGEST_LATENTS = 80
"""Of the longest tour."""


def changed_memory(memory: MemoryConfig, words: str) -> MemoryConfig:
    """The memory with the changes that `words` say."""
    changes = {}
    for word in words.split("+"):
        if word == "recipe":
            continue
        name, equals, value = word.partition("=")
        if not equals or name not in ("window", "schedule", "older", "newest"):
            raise OpenRelicError(
                f"--memory {words}: {word!r} is no change; allowed are recipe, window=N, "
                "schedule=1 (or paper, or factors with commas), older=pool|drop, newest=N, joined "
                "by +"
            )
        changes[name] = _value(words, name, value)
    if "older" in changes and changes["older"] not in ("pool", "drop"):
        raise OpenRelicError(f"--memory {words}: older is pool or drop")
    return replace(memory, **changes)


def _value(words: str, name: str, value: str) -> Any:
    if name == "older":
        return value
    if name == "schedule" and value == "paper":
        return PAPER_SCHEDULE
    try:
        numbers = tuple(int(one) for one in value.split(","))
    except ValueError:
        raise OpenRelicError(f"--memory {words}: {name}={value} is no whole number") from None
    if name != "schedule" and len(numbers) != 1:
        raise OpenRelicError(f"--memory {words}: {name} takes one number")
    return numbers if name == "schedule" else numbers[0]


def whole_memory(memory: MemoryConfig) -> MemoryConfig:
    """The memory bounded beyond the longest tour, where it says nothing of bounds.

    A session's memory is bounded; this one is wide enough to keep every latent of a tour.
    """
    if memory.newest is not None or memory.older == "drop":
        return memory
    period = len(memory.schedule)
    beyond = -(-max(0, LONGEST_LATENTS - memory.window) // period) * period
    return replace(memory, newest=memory.window + beyond)


def past_frames_of(memory: MemoryConfig) -> int:
    """Frames before a chunk that its window shows."""
    return FRAMES_PER_LATENT * (memory.window - memory.chunk)
