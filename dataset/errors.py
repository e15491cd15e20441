"""The exception root of the project, and how every command line reports an error.

A command's entry module ends with::

    if __name__ == "__main__":
        run_command(main)

`run_command` prints one line for an `OpenRelicError` (what was found, what is allowed, what to do
next) and exits with 1; anything else is a bug and keeps its traceback. `parse_settings` reads a
command line into a frozen dataclass whose field docstrings are the help text.
"""

import contextlib
import errno
import io
import logging
import re
import sys
from collections.abc import Callable
from typing import TypeVar

Settings = TypeVar("Settings")

EXIT_INTERRUPTED = 130


class OpenRelicError(Exception):
    """Something a user can mend; its text is the one line that the user sees."""


class MissingInputError(OpenRelicError):
    """A stage lacks what an earlier one writes."""

    def __init__(self, what: str, command: str) -> None:
        """Say what is missing and which command makes it."""
        super().__init__(f"{what} is missing: run `{command}` first")


# What does not pass by itself: who meets it has to free, mount or allow something first.
LASTING = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space or raise the quota",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "mount it for writing, or use another folder",
    errno.EACCES: "allow this user to use it, or use another folder",
    errno.EPERM: "allow this user to use it, or use another folder",
    errno.ENOTDIR: "move the file that stands in its way, or use another folder",
}


class StorageError(OpenRelicError):
    """A file cannot be read or written; `lasting` tells whether trying again is pointless."""

    def __init__(self, text: str, lasting: bool = False) -> None:
        """Say what failed, and whether that will pass by itself."""
        super().__init__(text, lasting)
        self.lasting = lasting

    def __str__(self) -> str:
        return str(self.args[0])

    @classmethod
    def of(cls, error: OSError, where: str) -> "StorageError":
        """The line for a system error that `where` met."""
        remedy = LASTING.get(error.errno or 0, "see that the storage is there")
        said = error.strerror or str(error)
        text = f"{where}: {said}; {remedy}, then run the same command again"
        return cls(text, error.errno in LASTING)


def parse_settings(settings_type: type[Settings], description: str | None) -> Settings:
    """Read `sys.argv` into `settings_type`; a wrong argument raises `OpenRelicError`.

    `description` is the entry module's docstring, shown by `--help`.
    """
    import tyro

    program, complaint = _program(), io.StringIO()
    try:
        # tyro prints a box of several lines and exits with 2; our contract is one line and 1.
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(settings_type, prog=program, description=description)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        found = _complaint_line(complaint.getvalue()) or "the command line cannot be read"
        raise OpenRelicError(f"{found}; see `{program} --help`") from None


def _program() -> str:
    """How this command was called: `python -m capture.plan`, or the script's own path."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return f"python {sys.argv[0]}"
    return f"python -m {spec.name.removesuffix('.__main__')}"  # a package's is named by the package


def _complaint_line(box: str) -> str:
    """What tyro's box complains of, as one line: without its title, its help texts and its rules.

    A box has parts with a rule of dashes between them. A list of arguments is indented by 4, and
    the help of each by 8.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    lines = [line[2:-1].rstrip() for line in plain.splitlines() if line.startswith("│")]
    parts = re.split(r"^─+$", "\n".join(lines), flags=re.MULTILINE)
    said = []
    for part in parts:
        if part.strip().startswith(("For full helptext", "Argument helptext")):
            continue
        part = re.sub(r"^ {8}.*$", "", part.partition("Got errors:")[0], flags=re.MULTILINE)
        said.append(re.sub(r"^Missing from .*?: ", "missing: ", " ".join(part.split())).rstrip("."))
    return "; ".join(said)


def run_command(main: Callable[[], None]) -> None:
    """Run a command's `main` and exit as the project's commands do: 0, 1 or 130."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Greets whoever imports pandas, which pyarrow does where it is installed.
    logging.getLogger("numexpr").setLevel(logging.WARNING)
    try:
        main()
    except OpenRelicError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: run the same command again to go on\n")
        sys.exit(EXIT_INTERRUPTED)
