"""Encode the shards' samples with the video tokenizer that a recipe names.

    python -m dataset.latents WORKSPACE --config configs/tiny.yaml

Each sample's frames are cropped around their centre to the recipe's shape, resized (1280x720 to
832x480 keeps the middle 1248x720), and encoded; a palindrome is encoded from its mapped frames. A
tokenizer that needs fitting is fitted to the training split first. What is there already and was
made the same way is kept, so an interrupted command goes on where it stopped.
"""

from dataclasses import dataclass

import tyro

from dataset.config import read_latents_config
from dataset.errors import parse_settings, run_command
from dataset.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    workspace: tyro.conf.Positional[str]
    """Folder or URI with `shards/`; `latents/` is written into it."""
    config: str = "configs/tiny.yaml"
    """Recipe; its section `latents` is used."""
    threads: int = 2
    """Samples that are decoded at once."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    config = read_latents_config(settings.config)
    workspace = Workspace(settings.workspace)
    from dataset.latents.encoding import encode_workspace
    from dataset.latents.section import write_latents_section

    rows = encode_workspace(workspace, config, settings.threads)
    write_latents_section(workspace, config, rows)


if __name__ == "__main__":
    run_command(main)
