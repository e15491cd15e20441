"""The running game as the server sees it: ticks, and answers to requests."""

from capture.engine.commands import bind_commands
from capture.engine.grammar import Dispatcher
from capture.engine.request_queue import Request
from capture.engine.state import EngineState


class Game:
    """One engine with its command table."""

    def __init__(self, engine: EngineState) -> None:
        """Bind `engine`'s commands."""
        self.engine = engine
        self.dispatcher = Dispatcher()
        bind_commands(self.dispatcher, engine)

    @property
    def tick_s(self) -> float:
        """At most this long from one tick to the next."""
        return self.engine.tick_s

    @property
    def stopping(self) -> bool:
        """Whether the engine was told to end."""
        return self.engine.stopping

    def tick(self) -> bool:
        """Advance by one frame; whether there is more to do at once."""
        self.engine.drawing.request = None
        return self.engine.tick()

    def answer(self, request: Request) -> bytes:
        """The reply's body."""
        self.engine.drawing.request = request.identifier
        return self.dispatcher.run(request.command)
