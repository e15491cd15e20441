r"""Command templates and their dispatch, by UnrealCV's grammar.

A template such as `vset /camera/[uint]/fov [float]` is matched whole and case-sensitively, trailing
spaces allowed. `[str]` is `[^ ]*`, `[uint]` is `\d*`, `[float]` is `[-+]?\d*[.]?\d+`: so `1e-05`,
`1.`, `nan` and double spaces match nothing, here as in a packaged engine. The first template that
matches, in the order they were bound, takes the command.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

PLACEHOLDERS = {"str": "[^ ]*", "uint": r"\d*", "float": r"[-+]?\d*[.]?\d+"}

Handler = Callable[[list[str]], bytes | str]


class CommandError(Exception):
    """What a handler raises; the client gets `error <text>`."""


@dataclass(frozen=True)
class Command:
    """One bound template."""

    template: str
    pattern: re.Pattern[str]
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

    def bind(self, template: str, handler: Handler, help: str) -> None:
        """Add a template; `handler` gets the placeholders' texts and returns the reply's body."""
        self.commands.append(Command(template, template_pattern(template), handler, help))

    def run(self, text: str) -> bytes:
        """The reply's body for a command; it never raises."""
        for command in self.commands:
            match = command.pattern.fullmatch(text)
            if match is None:
                continue
            try:
                reply = command.handler(list(match.groups()))
            except CommandError as error:
                return f"error {error}".encode()
            return reply if isinstance(reply, bytes) else reply.encode()
        # Both phrases are looked for by UnrealCV's own tests.
        return (
            f"error No handler found for URI '{text}' (Can not find a handler for URI '{text}')"
        ).encode()
