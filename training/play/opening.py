"""Loads what the page needs, and serves it.

Public: `open_page`.
"""

import logging
from typing import TYPE_CHECKING

from dataset.workspace import Workspace
from training.config import read_recipe
from training.play.desk import Desk
from training.play.game import Files, play_folder
from training.play.pictures import Start, Starts, read_image
from training.play.serving import serve
from training.streaming.player import load_player

if TYPE_CHECKING:
    from training.play.__main__ import Settings

log = logging.getLogger(__name__)


def open_page(settings: "Settings", token: str | None) -> None:
    """Serve the page until Ctrl-C."""
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    workspace, recipe = Workspace(settings.workspace), read_recipe(settings.recipe)
    given = None
    if settings.image is not None:
        given = Start(
            picture=read_image(settings.image), name="your picture", caption=settings.caption,
            seed=settings.seed, pitch_deg=recipe.play.start_pitch_deg,
            roll_deg=recipe.play.start_roll_deg,
        )  # fmt: skip
    player = load_player(workspace, recipe, settings.recipe, settings.weights)
    files = Files(workspace=workspace, folder=play_folder(recipe.name))
    desk = Desk(
        player, files, Starts(workspace, given),
        most=settings.sessions, idle_s=60 * settings.idle_minutes,
    )  # fmt: skip
    log.info("recordings and saved sessions go to %s/%s", workspace.location, files.folder)
    serve(desk, settings.host, settings.port, token)
