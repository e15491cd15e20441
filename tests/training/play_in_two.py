"""A walk through everything that a session can do, for `test_streaming_ranks`.

torchrun --nproc-per-node 2 -m tests.training.play_in_two FOLDER
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dataset.errors import OpenRelicError
from tests.training.tiny_player import SHORT_MEMORY, picture, random_rows, tiny_player
from training.streaming.player import Player, lead_or_follow
from training.streaming.ranks import join_ranks
from training.streaming.session import WorldSession

CHANGES = {**SHORT_MEMORY, "play__newest": 9, "play__undo_chunks": 2, "play__undo_mb": 0}


def walk(session: WorldSession, chunks: int) -> None:
    for _ in range(chunks):
        session.step(random_rows(session.rows_needed, seed=session.chunk_index))


def scenario(player: Player, folder: Path) -> None:
    """Leaves the latents and shares that a session ends with in FOLDER/walked.npz."""
    session = WorldSession.start(player, picture(), caption="a hall", seed=4)
    walk(session, 3)
    gone = session.branch()
    gone.caption = "a forest"
    walk(gone, 1)
    gone = gone.asleep()
    walk(gone.awake(), 1)
    del gone
    session.caption = "a cellar"
    walk(session, 3)
    try:
        session.step(random_rows(3))
    except OpenRelicError:
        walk(session, 1)
    session.undo()
    session.save(folder / "walk.session")
    session = WorldSession.load(player, folder / "walk.session", watch=True)
    chunk = session.step(random_rows(session.rows_needed, seed=session.chunk_index))
    # The same weights with a shorter memory, from a video that is known.
    recipe = replace(player.recipe, play=replace(player.recipe.play, newest=4))
    shorter = WorldSession.start(replace(player, recipe=recipe), picture(), seed=4)
    shorter.remember(random_rows(13), chunk.frames[[*range(8), *range(5)]])
    walk(shorter, 3)
    latents = torch.cat([moment.latents for moment in session.history.moments], dim=2)
    assert chunk.attention is not None
    np.savez(
        folder / "walked.npz", latents=latents, shares=chunk.attention.shares,
        own=chunk.attention.own, bytes=chunk.memory_bytes, frames=chunk.frames,
        poses=session.poses, shorter=shorter.history.moments[-1].latents,
    )  # fmt: skip


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    import os

    own = folder / f"rank-{os.environ['RANK']}"
    own.mkdir()
    player = tiny_player(own, **CHANGES, play__sequence_parallel=2)
    ranks = join_ranks(player.recipe)
    assert ranks is not None
    scenario(lead_or_follow(replace(player, ranks=ranks), ranks), folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
