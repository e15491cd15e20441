"""Steer the student on a web page, or by a script into a video.

    python -m training.play configs/tiny.yaml --workspace WORKSPACE
    python -m training.play configs/tiny.yaml --workspace WORKSPACE --image start.png \
        --script "W*32,W+right*32,static*16" --out out.mp4
    python -m training.play configs/tiny.yaml --workspace WORKSPACE --script RECORDING.json

Keys are w a s d (move), r f (up, down), the arrows as up, down, left, right (look), c z (roll), and
static; in a script `+` holds several at once and `*` says for how many frames, 16 a second. A
script may also be the .json beside a recording of the page, which it plays again. Either way the
video is made chunk by chunk.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.web import LOOPBACK

Word = tyro.conf.arg


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe of the run that trained the student."""
    workspace: str
    """Folder with `runs/` and `latents/`."""
    weights: Annotated[Path | None, Word(metavar="FOLDER")] = None
    """Transformer folder of another student of that recipe; none: the run's own student."""
    image: Annotated[str | None, Word(metavar="FILE")] = None
    """Picture (or MP4: its first frame) to start from; cropped and resized to the recipe's size.
    The page offers it beside first frames of the workspace's held-out samples."""
    script: Annotated[str | None, Word(metavar="KEYS")] = None
    """Write a video instead of serving the page: "W*32,W+right*32,static*16", or the .json file of
    a recording."""
    out: str = "out.mp4"
    """Video to write."""
    caption: str = ""
    """What the scene shows."""
    seed: int = 0
    """Of the noise."""
    host: str = "127.0.0.1"
    """Address to serve the page on; any other than this machine's own asks for a token."""
    port: int = 8013
    """Port of the page; 0: any that is free."""
    token: Annotated[str | None, Word(metavar="WORD")] = None
    """What a browser must know to be answered; if not given: nothing on this machine's own
    address, a new one on any other. It is part of the address that is printed."""
    sessions: int = 4
    """Visitors who play at once; each has keys and values of their own in memory."""
    idle_minutes: float = 15.0
    """A session that nobody steers for so long ends."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.port <= 65535:
            raise OpenRelicError(f"--port is {self.port}; 0 to 65535 are allowed")
        if self.token is not None and not self.token.isalnum():
            raise OpenRelicError("--token may hold letters and digits only")
        if self.sessions < 1 or not self.idle_minutes > 0:
            raise OpenRelicError("--sessions is 1 or more, --idle-minutes more than 0")
        if self.script is not None and not is_recording(self.script) and self.image is None:
            raise OpenRelicError("--script needs --image: the picture to start from")


def is_recording(script: str) -> bool:
    """Whether a script is a recording's file and not keys."""
    return script.endswith(".json")


def main() -> None:
    """Write the video, or serve the page until Ctrl-C."""
    settings = parse_settings(Settings, __doc__)
    if settings.script is not None:
        from training.play.scripted import play_keys, play_recording

        play = play_recording if is_recording(settings.script) else play_keys
        play(settings, settings.script)
        return
    try:
        from training.play.opening import open_page
    except ModuleNotFoundError as error:
        raise OpenRelicError(
            f"the page needs {error.name}: run `pip install -e '.[training,play]'` first"
        ) from error
    open_page(settings, token_for(settings))


def token_for(settings: Settings) -> str | None:
    """The token that a browser must know; None: none is needed."""
    if settings.token is not None or settings.host in LOOPBACK:
        return settings.token
    import secrets

    return secrets.token_hex(16)


if __name__ == "__main__":
    run_command(main)
