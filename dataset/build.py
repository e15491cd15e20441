"""Packs clips and labels into WebDataset shards, with palindromes, a manifest and a card.

An interrupted build goes on where it was when the same command runs again, and ends with the same
bytes. Shards of earlier settings are removed.

    python -m dataset.build workspace --window 81 161 --palindromes 0.5
"""

import dataclasses
import logging
from dataclasses import dataclass

from tqdm import tqdm

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.shards.windows import WindowLength
from dataset.workspace import SHARDS, Workspace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a build."""

    workspace: WorkspaceArgument
    """The workspace: a folder or a URI."""
    window: tuple[WindowLength, ...] = (81,)
    """Frames of a sample: 5, 10 or 20 s; several lengths may be given."""
    palindromes: float = 0.5
    """Share of the windows that become a palindrome as well, 0 to 1."""
    set: str = "default"
    """The label set."""
    val_share: float = 0.1
    """Share of the assets that are kept for validation, at least 0 and below 1."""
    shard_mb: float = 1000
    """Megabytes a shard, about."""
    seed: int = 0
    """Seed of which windows are turned, and where."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.palindromes <= 1:
            raise OpenRelicError(f"--palindromes is {self.palindromes}; allowed are 0 to 1")
        if not self.window or self.shard_mb <= 0:
            raise OpenRelicError("--window needs a length and --shard-mb a positive number")


def main() -> None:
    """Build the shards of a workspace and prove them."""
    from dataset.shards.card import write_card
    from dataset.shards.layout import plan_samples, plan_shards
    from dataset.shards.proof import verify
    from dataset.shards.section import write_dataset_section
    from dataset.shards.writing import write_manifest, write_shards

    settings = parse_settings(Settings, __doc__)
    workspace = Workspace(settings.workspace)
    samples, remarks = plan_samples(
        workspace, settings.set, settings.window, settings.palindromes, settings.seed
    )
    for remark in remarks:
        logger.warning("%s", remark)
    shards = plan_shards(samples, settings.val_share, round(settings.shard_mb * 1e6))
    with tqdm(total=len(samples), desc="write", unit="sample") as bar:
        rows = write_shards(workspace, shards, settings.set, bar.update)
    with tqdm(total=len(samples), desc="verify", unit="sample") as bar:
        statistics = verify(workspace, rows, bar.update)
    workspace.write_json(f"{SHARDS}/settings.json", recorded(settings))
    write_card(workspace, rows)
    write_manifest(workspace, rows)
    write_dataset_section(workspace, rows, statistics, remarks)
    logger.info("%d samples in %d shards of %s", len(rows), len(shards), workspace.location)


def recorded(settings: Settings) -> dict:
    """The settings that the shards follow from: all but where the workspace lies."""
    values = dataclasses.asdict(settings)
    del values["workspace"]
    return values


if __name__ == "__main__":
    run_command(main)
