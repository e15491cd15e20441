"""A page to watch, compare and judge the clips of a workspace, by one reviewer or several.

    python -m dataset.dashboard WORKSPACE

Decisions are kept in a local folder, on disk before the page says so, and published as
WORKSPACE/qa/decisions.parquet. It works before `dataset.qa` and labels are there, and shows what
they find as soon as they are.
"""

import logging
from dataclasses import dataclass
from typing import Annotated

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import MissingInputError, OpenRelicError, parse_settings, run_command
from dataset.web import LOOPBACK
from dataset.workspace import CLIPS, Workspace

Word = tyro.conf.arg


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `dataset.dashboard`."""

    workspace: WorkspaceArgument
    """The workspace: a folder or a URI."""
    state: Annotated[str | None, Word(metavar="FOLDER")] = None
    """Local folder for decisions and caches, not on a network drive; if not given,
    $XDG_STATE_HOME/openrelic or ~/.local/state/openrelic."""
    set: str = "default"
    """The label set."""
    host: str = "127.0.0.1"
    """Address to serve the page on; any other than this machine's own asks for a token."""
    port: int = 8012
    """Port of the page; 0: any that is free."""
    token: Annotated[str | None, Word(metavar="WORD")] = None
    """What a browser must know to be answered; if not given: nothing on this machine's own
    address, a new one on any other. It is part of the address that is printed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.port <= 65535:
            raise OpenRelicError(f"--port is {self.port}; 0 to 65535 are allowed")
        if self.token is not None and not self.token.isalnum():
            raise OpenRelicError("--token may hold letters and digits only")


def main() -> None:
    """Serve the page until Ctrl-C."""
    settings = parse_settings(Settings, __doc__)
    workspace = Workspace(settings.workspace)
    if not workspace.exists(CLIPS):
        raise MissingInputError(
            f"{workspace.location}/{CLIPS}", f"python -m capture.run {workspace.location}"
        )
    try:
        from dataset.dashboard.desk import open_desk
        from dataset.dashboard.serving import serve
    except ModuleNotFoundError as error:
        raise OpenRelicError(
            f"the dashboard needs {error.name}: run `pip install -e '.[dashboard]'` first"
        ) from error
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    with open_desk(workspace, settings.state, settings.set) as desk:
        serve(desk, settings.host, settings.port, token_for(settings))


def token_for(settings: Settings) -> str | None:
    """The token that a browser must know; None: none is needed."""
    if settings.token is not None or settings.host in LOOPBACK:
        return settings.token
    import secrets

    return secrets.token_hex(16)


if __name__ == "__main__":
    run_command(main)
