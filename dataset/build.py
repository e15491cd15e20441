"""Packs clips and labels into WebDataset shards, with palindromes, a manifest and a card.

An interrupted build goes on where it was when the same command runs again, and ends with the same
bytes, whatever the number of workers. Shards of earlier settings are removed.

    python -m dataset.build workspace --window 81 161 --palindromes 0.5
"""

import dataclasses
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tqdm import tqdm

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.shards.windows import WindowLength
from dataset.workspace import SHARDS, Workspace

if TYPE_CHECKING:
    from dataset.shards.planning import Recipe

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
    captions: str = "default"
    """The caption set; without one a sample has its scene's caption."""
    qa: Literal["accepted", "not-rejected", "all"] | None = None
    """Which footage is used: what reviewers accepted, what neither they nor QA rejected, or all.
    Not given: not-rejected where QA or reviewers have spoken, else all."""
    balance: float = 0.05
    """Share of the training frames that every action should have, reached by further windows that
    overlap; 0: no further windows."""
    balance_limit: float = 0.25
    """Most frames that balancing adds, as a share of those without it."""
    val_share: float = 0.1
    """Share of the assets that are kept for validation."""
    test_share: float = 0.1
    """Share of the assets that are kept for tests; there are none below three assets."""
    shard_mb: float = 1000
    """Megabytes a shard, about."""
    seed: int = 0
    """Seed of which windows are turned, and where."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Shards written at once; one a core if not given."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """A Ray cluster to join; "auto" on one of its machines."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("palindromes", "balance", "balance_limit"):
            if not 0 <= getattr(self, name) <= 1:
                option = name.replace("_", "-")
                raise OpenRelicError(f"--{option} is {getattr(self, name)}; allowed are 0 to 1")
        if not self.window or self.shard_mb <= 0:
            raise OpenRelicError("--window needs a length and --shard-mb a positive number")
        if self.workers is not None and self.workers < 1:
            raise OpenRelicError(f"--workers is {self.workers}; give 1 or more")


def main() -> None:
    """Build the shards of a workspace and prove them."""
    settings = parse_settings(Settings, __doc__)
    from capture.crew.lock import local_lock

    workspace = Workspace(settings.workspace)
    with local_lock(workspace, "build", "dataset.build"):
        build(workspace, settings)


def build(workspace: Workspace, settings: Settings) -> None:
    """The whole command, under its lock."""
    from dataset.shards.building import build_shards
    from dataset.shards.card import write_card
    from dataset.shards.layout import plan_shards
    from dataset.shards.planning import plan_samples
    from dataset.shards.section import write_dataset_section
    from dataset.shards.writing import write_manifest

    plan = plan_samples(workspace, _recipe(settings))
    for remark in plan.remarks:
        logger.warning("%s", remark)
    for entry in plan.left_out:
        logger.info("left out: %.1f min of %d clips: %s", entry.minutes, entry.clips, entry.reason)
    shards = plan_shards(plan.samples, plan.splits, round(settings.shard_mb * 1e6))
    with tqdm(total=len(plan.samples), desc="shards", unit="sample") as bar:
        rows, statistics = build_shards(
            workspace, shards, settings.set, bar.update,
            workers=settings.workers, ray_address=settings.ray,
        )  # fmt: skip
    workspace.write_json(f"{SHARDS}/settings.json", recorded(settings))
    write_card(workspace, rows, plan)
    write_manifest(workspace, rows)
    write_dataset_section(workspace, rows, statistics, plan)
    logger.info("%d samples in %d shards of %s", len(rows), len(shards), workspace.location)


def _recipe(settings: Settings) -> "Recipe":
    from dataset.shards.planning import Recipe

    return Recipe(
        lengths=settings.window, palindromes=settings.palindromes, label_set=settings.set,
        caption_set=settings.captions, qa=settings.qa, val_share=settings.val_share,
        test_share=settings.test_share, balance=settings.balance,
        balance_limit=settings.balance_limit, seed=settings.seed,
    )  # fmt: skip


def recorded(settings: Settings) -> dict:
    """The settings that the shards follow from: not where the workspace lies, nor who works."""
    values = dataclasses.asdict(settings)
    for name in ("workspace", "workers", "ray"):
        del values[name]
    return values


if __name__ == "__main__":
    run_command(main)
