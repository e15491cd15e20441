"""Playing by a script: keys, or what was recorded on the page.

Public: `play_keys`, `play_recording`.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from dataset.errors import OpenRelicError
from dataset.video import VideoWriter
from dataset.workspace import Workspace
from training.config import Recipe, read_recipe
from training.play.pictures import read_image
from training.play.script_file import PlayScript, read_script
from training.streaming.player import Player, load_player
from training.streaming.script import parse_script, with_image_row
from training.streaming.session import WorldSession

if TYPE_CHECKING:
    from training.play.__main__ import Settings

log = logging.getLogger(__name__)


def play_keys(settings: "Settings", script: str) -> None:
    """Write the video of held keys, from a picture."""
    recipe = read_recipe(settings.recipe)
    image = read_image(settings.image or "")
    player = _player(settings, recipe)
    keys = parse_script(script, recipe.play.move, recipe.play.turn_deg, player.unit_deg)
    rows = with_image_row(keys, recipe.memory.chunk)
    session = WorldSession.start(
        player,
        image,
        caption=settings.caption,
        seed=settings.seed,
        pitch_deg=recipe.play.start_pitch_deg,
        roll_deg=recipe.play.start_roll_deg,
    )
    write_frames(stream(session, rows), 0, len(keys) + 1, player, Path(settings.out))


def _player(settings: "Settings", recipe: Recipe) -> Player:
    workspace = Workspace(settings.workspace)
    return load_player(workspace, recipe, settings.recipe, settings.weights)


def play_recording(settings: "Settings", script: str) -> None:
    """Write the video of a recording again: the same frames, from the same weights."""
    recorded = read_script(Path(script))
    recipe = read_recipe(settings.recipe)
    image = read_image(str(Path(script).parent / Path(recorded.image).name))
    player = _player(settings, recipe)
    if recorded.weights != player.weights_fingerprint:
        log.warning(
            "%s was recorded with other weights of %s: the video will be another",
            script, recorded.recipe,
        )  # fmt: skip
    session = WorldSession.start(
        player,
        image,
        caption=recorded.captions[0][1],
        seed=recorded.seed,
        pitch_deg=recorded.pitch_deg,
        roll_deg=recorded.roll_deg,
    )
    frames = stream(session, recorded.actions, recorded)
    write_frames(frames, recorded.first_frame, recorded.frames, player, Path(settings.out))


def stream(
    session: WorldSession, rows: np.ndarray, recorded: PlayScript | None = None
) -> Iterator[np.ndarray]:
    """The frames of action rows, whole chunks of them, under the recorded captions."""
    done = 0
    while done < len(rows):
        needed = session.rows_needed
        if done + needed > len(rows):
            raise OpenRelicError(
                f"{len(rows)} action rows end within a chunk: another recipe's script"
            )
        if recorded is not None and recorded.caption_at(done) != session.caption:
            session.caption = recorded.caption_at(done)
        yield from session.step(rows[done : done + needed]).frames
        done += needed


def write_frames(
    frames: Iterator[np.ndarray], first: int, count: int, player: Player, out: Path
) -> None:
    """Write `count` frames from `first` on."""
    size = player.recipe.latents
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        VideoWriter(out, size.width, size.height, pixels="rgb24") as writer,
        tqdm(total=first + count, desc="play", unit="frame") as progress,
    ):
        for number, frame in enumerate(frames):
            if first <= number < first + count:
                writer.write(frame)
            progress.update(number < first + count)
    log.info("%d frames in %s", count, out)
