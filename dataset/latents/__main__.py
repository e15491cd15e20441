"""Encode the shards' samples with the video tokenizer that a recipe names.

    python -m dataset.latents WORKSPACE --config configs/tiny.yaml

Each sample's frames are cropped around their centre to the recipe's shape, resized (1280x720 to
832x480 keeps the middle 1248x720), and encoded; a palindrome is encoded from its mapped frames. A
tokenizer that needs fitting is fitted to the training split first. What is there already and was
made the same way is kept, so an interrupted command goes on where it stopped.
"""

from dataclasses import dataclass
from typing import Annotated

import tyro

from dataset.config import read_latents_config
from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    workspace: tyro.conf.Positional[str]
    """Folder or URI with `shards/`; `latents/` is written into it."""
    config: str = "configs/tiny.yaml"
    """Recipe; its section `latents` is used."""
    threads: int = 2
    """Samples that are decoded at once, without Ray."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processes that encode under Ray, each with a tokenizer of its own; without it and --ray this
    process encodes alone."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """A Ray cluster to join; "auto" on one of its machines."""
    gpus_per_worker: float = 0.0
    """What each worker takes of a GPU; 0 computes on CPUs."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.threads < 1 or (self.workers is not None and self.workers < 1):
            raise OpenRelicError("--threads and --workers must be 1 or more")
        if self.gpus_per_worker < 0:
            raise OpenRelicError(f"--gpus-per-worker is {self.gpus_per_worker}; give 0 or more")


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    config = read_latents_config(settings.config)
    workspace = Workspace(settings.workspace)
    from capture.crew.lock import local_lock
    from dataset.latents.encoding import encode_workspace
    from dataset.latents.section import write_latents_section
    from dataset.latents.workers import RayCrew

    crew = None
    if settings.workers or settings.ray or settings.gpus_per_worker:
        crew = RayCrew(
            workers=settings.workers, address=settings.ray, gpus=settings.gpus_per_worker
        )
    with local_lock(workspace, "latents", "dataset.latents"):
        rows = encode_workspace(workspace, config, settings.threads, crew)
        write_latents_section(workspace, config, rows)


if __name__ == "__main__":
    run_command(main)
