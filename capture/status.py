"""How far a capture is, what its clips achieved, which tours were given up and why.

    python -m capture.status WORKSPACE

Works at any time from any terminal, also while `capture.run` is at it.
"""

import sys
from dataclasses import dataclass

from dataset.arguments import WorkspaceArgument
from dataset.errors import parse_settings, run_command


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `capture.status`."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace that holds plan.parquet."""


def main() -> None:
    """Print the workspace's state."""
    settings = parse_settings(Settings, __doc__)
    from capture.crew.journal import read_progress
    from capture.tours.achieved import read_standing
    from capture.tours.rows import read_plan
    from capture.tours.status_text import status_text
    from dataset.workspace import Workspace

    workspace = Workspace(settings.workspace)
    rows = read_plan(workspace)
    standing = read_standing(workspace, rows)
    sys.stdout.write(status_text(standing, read_progress(workspace)))


if __name__ == "__main__":
    run_command(main)
