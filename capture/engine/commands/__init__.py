"""The engine's commands, by what they are about."""

from capture.engine.commands import (
    cameras,
    collision,
    console,
    game,
    images,
    objects,
    server,
    tour,
    tour_frame,
    tour_play,
    tour_record,
)
from capture.engine.grammar import Dispatcher
from capture.engine.state import EngineState


def bind_commands(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind every command that `engine` offers; the /tour commands only if it is to have them."""
    for part in (server, cameras, images, objects, game, console):
        part.bind(dispatcher, engine)
    if engine.options.tour:
        for part in (tour, tour_frame, collision, tour_play, tour_record):
            part.bind(dispatcher, engine)
