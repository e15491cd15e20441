"""Writes the footage of the shards as a LeRobot dataset, version 3.0.

    python -m dataset.export_lerobot WORKSPACE OUT

OUT is a folder or a URI. An episode is a run of a clip that the shards show; videos are copied
without encoding them again. Interrupted, the same command goes on where it was: `meta/info.json`,
without which LeRobot reads nothing, is removed first and written last.

    from lerobot.datasets.lerobot_dataset import LeRobotDataset
    dataset = LeRobotDataset("openrelic/tours", root="OUT")
"""

import logging
from dataclasses import dataclass
from typing import Annotated

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import parse_settings, run_command
from dataset.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of the export."""

    workspace: WorkspaceArgument
    """The workspace with `shards/`: a folder or a URI."""
    out: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="OUT")]]
    """Where the dataset goes: an empty folder, or one of an earlier export."""


def main() -> None:
    """Export."""
    settings = parse_settings(Settings, __doc__)
    from dataset.lerobot.export import export

    episodes, frames = export(Workspace(settings.workspace), Workspace(settings.out))
    log.info("%d episodes of %d frames in %s", episodes, frames, settings.out)


if __name__ == "__main__":
    run_command(main)
