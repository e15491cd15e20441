"""The running game as the server sees it: ticks, and answers to requests."""

from capture.engine.grammar import Dispatcher
from capture.engine.request_queue import Request
from capture.engine.state import EngineState

TICK_SECONDS = 1 / 60


class Game:
    """One engine with its command table."""

    def __init__(self, engine: EngineState, dispatcher: Dispatcher) -> None:
        """Run `dispatcher`'s commands on `engine`."""
        self._engine, self._dispatcher = engine, dispatcher
        self.tick_s = TICK_SECONDS
        self.stopping = False

    def tick(self) -> bool:
        """Advance the clock by one frame; whether there is more to do at once."""
        self._engine.tick()
        return False

    def answer(self, request: Request) -> bytes:
        """The reply's body."""
        return self._dispatcher.run(request.command)
