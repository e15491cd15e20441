"""Steer the student from one image by an action script, and write what it shows.

    python -m training.play configs/tiny.yaml --workspace WORKSPACE --image start.png \
        --script "W*32,W+right*32,static*16" --out out.mp4

Keys are w a s d (move), r f (up, down), the arrows as up, down, left, right (look), c z (roll), and
static; `+` holds several at once and `*` says for how many frames, 16 a second. The video is made
chunk by chunk, as it would be under a player's hands.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe of the run that trained the student."""
    workspace: str
    """Folder with `runs/` and `latents/`."""
    image: str
    """Picture (or MP4: its first frame) to start from; cropped and resized to the recipe's size."""
    script: str
    """What to press, for how many frames: "W*32,W+right*32,static*16"."""
    out: str = "out.mp4"
    """Video to write."""
    caption: str = ""
    """What the scene shows."""
    seed: int = 0
    """Of the noise."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    from training.config import read_recipe
    from training.streaming.player import load_player
    from training.streaming.script import parse_script, with_image_row
    from training.streaming.session import WorldSession

    recipe = read_recipe(settings.recipe)
    image = read_image(settings.image)
    player = load_player(Workspace(settings.workspace), recipe, settings.recipe)
    keys = parse_script(settings.script, recipe.play.move, recipe.play.turn_deg, player.unit_deg)
    rows = with_image_row(keys, recipe.memory.chunk)
    session = WorldSession.start(
        player,
        image,
        caption=settings.caption,
        seed=settings.seed,
        pitch_deg=recipe.play.start_pitch_deg,
        roll_deg=recipe.play.start_roll_deg,
    )
    play(session, rows, len(keys) + 1, Path(settings.out))


def play(session, rows, frames: int, out: Path) -> None:
    """Stream `rows` through a session into a video of `frames` frames."""
    from tqdm import tqdm

    from dataset.video import VideoWriter

    size = session.player.recipe.latents
    left = frames
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        VideoWriter(out, size.width, size.height, pixels="rgb24") as writer,
        tqdm(total=frames, desc="play", unit="frame") as progress,
    ):
        while left > 0:
            needed = session.rows_needed
            chunk, rows = session.step(rows[:needed]), rows[needed:]
            for frame in chunk.frames[:left]:
                writer.write(frame)
            progress.update(min(left, len(chunk.frames)))
            progress.set_postfix(tokens=chunk.tokens, memory=f"{chunk.memory_bytes / 1e6:.1f} MB")
            left -= len(chunk.frames)
    log.info("%d frames in %s", frames, out)


def read_image(path: str):
    """A picture file, or the first frame of an MP4, as RGB (H, W, 3) uint8."""
    import cv2

    if Path(path).suffix == ".mp4":
        from dataset.video import read_frames

        return next(read_frames(Path(path), 0, 1))
    image = cv2.imread(path, cv2.IMREAD_COLOR) if Path(path).is_file() else None
    if image is None:
        raise OpenRelicError(f"{path} is not a readable picture; give a PNG, JPEG or MP4 file")
    return image[..., ::-1].copy()


if __name__ == "__main__":
    run_command(main)
