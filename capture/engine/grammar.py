r"""Command templates and their dispatch, by UnrealCV's grammar.

A template such as `vset /camera/[uint]/fov [float]` is matched whole and case-sensitively, trailing
spaces allowed. `[str]` is `[^ ]*`, `[uint]` is `\d*`, `[float]` is `[-+]?\d*[.]?\d+`: so `1e-05`,
`1.`, `nan` and double spaces match nothing, here as in a packaged engine. The first template that
matches, in the order they were bound, takes the command.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

PLACEHOLDERS = {"str": "[^ ]*", "uint": r"\d*", "float": r"[-+]?\d*[.]?\d+"}

MAX_DIGITS = 64  # more would overflow a float, or stop Python from reading an integer

Handler = Callable[[list[str]], bytes | str]


class CommandError(Exception):
    """What a handler raises; the client gets `error <text>`."""


@dataclass(frozen=True)
class Command:
    """One bound template."""

    template: str
    pattern: re.Pattern[str]
    numeric: tuple[bool, ...]  # which placeholders are numbers
    handler: Handler
    help: str


def template_pattern(template: str) -> re.Pattern[str]:
    """The regular expression of a template."""
    parts = re.split(r"\[(\w+)\]", template)
    text = "".join(
        f"({PLACEHOLDERS[part]})" if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
    return re.compile(rf"{text} *")


class Dispatcher:
    """The command table of an engine."""

    def __init__(self) -> None:
        """Start with an empty table."""
        self.commands: list[Command] = []
        self._refused: list[tuple[str, str]] = []

    def refuse(self, prefix: str, reason: str) -> None:
        """Answer commands that begin with `prefix` with `error reason`; they are not listed."""
        self._refused.append((prefix, reason))

    def bind(self, template: str, handler: Handler, help: str) -> None:
        """Add a template; `handler` gets the placeholders' texts and returns the reply's body."""
        numeric = tuple(kind != "str" for kind in re.findall(r"\[(\w+)\]", template))
        self.commands.append(Command(template, template_pattern(template), numeric, handler, help))

    def run(self, text: str) -> bytes:
        """The reply's body for a command; it never raises, not even where a handler has a bug."""
        for command in self.commands:
            match = command.pattern.fullmatch(text)
            if match is None:
                continue
            arguments = list(match.groups())
            numbers = [
                text for text, is_one in zip(arguments, command.numeric, strict=True) if is_one
            ]
            if any(len(text) > MAX_DIGITS for text in numbers):
                return b"error Argument Invalid"
            try:
                reply = command.handler(arguments)
            except CommandError as error:
                return f"error {error}".encode()
            except Exception:
                log.exception("the handler of %s failed", command.template)
                return f"error Internal failure in {command.template}".encode()
            # UnrealCV says "ok" where it has nothing to say.
            return (reply if isinstance(reply, bytes) else reply.encode()) or b"ok"
        for prefix, reason in self._refused:
            if text.startswith(prefix):
                return f"error {reason}".encode()
        # Both phrases are looked for by UnrealCV's own tests.
        return (
            f"error No handler found for URI '{text}' (Can not find a handler for URI '{text}')"
        ).encode()
