"""The pilot's page and its WebSocket.

The page sends what is held (`held`), orders (`do`) and how many views it has shown (`shown`);
it gets a JSON status and a JPEG for each view. At most two views are under way: a page that is slow
gets fewer of them, and always the latest. One page at a time steers.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.staticfiles import StaticFiles

from capture.piloting.cockpit import Cockpit, View
from capture.piloting.session import RELEASED, Held
from dataset.errors import OpenRelicError
from dataset.web import LOOPBACK, address_of, is_for_this_machine, is_from_own_page, listen
from labeling.actions import KEYS

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
UNDER_WAY = 2
SILENCE_S = 2.0  # the page speaks twice a second; if it hangs, its keys are released
MAX_SPEED_M_S, MAX_TURN_DEG_S = 20.0, 180.0
BUSY, NOT_FROM_HERE, ENDED = 4409, 4403, 4410
ORDERS = {"record", "stop", "motion", "place"}


class Desk:
    """Who steers, and what goes to their page; lives in the server's event loop."""

    def __init__(
        self, cockpit: Cockpit, facts: dict[str, Any], put_in_plan: Callable[[str], str],
        only_here: bool,
    ) -> None:  # fmt: skip
        """Serve `cockpit`; `facts` greet a page; `only_here` refuses names of other machines."""
        self._cockpit, self._facts, self._put_in_plan = cockpit, facts, put_in_plan
        self._only_here = only_here
        self._pilot: WebSocket | None = None
        self._changed = asyncio.Event()
        self._view: View | None = None
        self._news: list[dict[str, Any]] = []
        self._sent = self._shown = 0
        self._planning: set[asyncio.Task[None]] = set()

    def listen(self, ended: Callable[[], None]) -> None:
        """Take views and news from the cockpit's thread; `ended` is called if that fails."""
        loop = asyncio.get_running_loop()
        call = loop.call_soon_threadsafe
        self._cockpit.on_view = lambda view: _quietly(call, self._take_view, view)
        self._cockpit.on_news = lambda news: _quietly(call, self._take_news, news)
        self._cockpit.on_failure = lambda: _quietly(call, self._fail, ended)

    def _take_view(self, view: View) -> None:
        self._view = view
        self._changed.set()

    def _take_news(self, news: dict[str, Any]) -> None:
        self._news.append(news)
        self._changed.set()

    def _fail(self, ended: Callable[[], None]) -> None:
        self._take_news({"ended": _line(self._cockpit.failure)})
        asyncio.get_running_loop().call_later(0.5, ended)  # the page gets its line first

    async def serve(self, page: WebSocket) -> None:
        """A page's whole visit."""
        await page.accept()
        if not self._from_here(page):
            await page.close(NOT_FROM_HERE)
            return
        if self._pilot is not None:
            await page.send_json({"busy": True})
            await page.close(BUSY)
            return
        self._pilot, self._view, self._sent, self._shown = page, None, 0, 0
        self._cockpit.look(True)
        sender = asyncio.create_task(self._send(page))
        try:
            await self._receive(page)
        except (WebSocketDisconnect, RuntimeError):
            log.debug("the page left")
        finally:
            sender.cancel()
            self._pilot = None
            self._cockpit.look(False)

    def _from_here(self, page: WebSocket) -> bool:
        """Whether our own page speaks, and not one of another site in the same browser."""
        for_here = not self._only_here or is_for_this_machine(page.headers)
        return for_here and is_from_own_page(page.headers)

    async def _send(self, page: WebSocket) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            await page.send_json({"hello": self._facts})
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._news:
                    await page.send_json(self._news.pop(0))
                if self._view is not None and self._sent - self._shown < UNDER_WAY:
                    view, self._view = self._view, None
                    self._sent += 1
                    await page.send_json({"status": view.status})
                    await page.send_bytes(view.jpeg)

    async def _receive(self, page: WebSocket) -> None:
        while True:
            try:
                said = await asyncio.wait_for(page.receive_json(), SILENCE_S)
            except TimeoutError:
                self._cockpit.held = RELEASED
                said = await page.receive_json()
            try:
                self._follow(said)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                await page.send_json({"problem": f"the page said what is not known: {error!r}"})

    def _follow(self, said: dict[str, Any]) -> None:
        if "held" in said:
            self._cockpit.held = read_held(said["held"])
        if "shown" in said:
            self._shown = min(int(said["shown"]), self._sent)
            self._changed.set()
        if said.get("do") in ORDERS:
            self._cockpit.order((said["do"], str(said.get("value", ""))))
        elif said.get("do") == "plan":
            task = asyncio.create_task(self._plan(str(said["value"])))
            self._planning.add(task)
            task.add_done_callback(self._planning.discard)

    async def _plan(self, path: str) -> None:
        try:
            tour_id = await asyncio.to_thread(self._put_in_plan, path)
        except OpenRelicError as error:
            log.warning("%s is not in the plan: %s", path, _line(error))
            self._take_news({"problem": _line(error)})
        else:
            log.info("%s is tour %s of the plan", path, tour_id)
            self._take_news({"planned": path, "tour_id": tour_id})


def read_held(said: dict[str, Any]) -> Held:
    """What a page says is held; `ValueError` and alike if that cannot be."""
    sticks = tuple(min(1.0, max(-1.0, float(value))) for value in said.get("sticks", [0.0] * 6))
    speeds = float(said["speed_m_s"]), float(said["turn_deg_s"])
    if len(sticks) != 6 or not all(math.isfinite(value) for value in (*sticks, *speeds)):
        raise ValueError("sticks are six numbers, speeds are finite")
    return Held(
        actions=frozenset(said["actions"]) & frozenset(KEYS), sticks=sticks,
        speed_m_s=min(MAX_SPEED_M_S, max(0.0, speeds[0])),
        turn_deg_s=min(MAX_TURN_DEG_S, max(0.0, speeds[1])),
    )  # fmt: skip


def serve(
    cockpit: Cockpit, facts: dict[str, Any], put_in_plan: Callable[[str], str],
    host: str, port: int,
) -> None:  # fmt: skip
    """Serve the page until it is interrupted or the engine fails, which raises its error."""
    listening = listen(host, port)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3, lifespan="off")
    )
    desk = Desk(cockpit, facts, put_in_plan, only_here=host in LOOPBACK)

    @app.websocket("/pilot")
    async def pilot(page: WebSocket) -> None:
        await desk.serve(page)

    app.mount("/", StaticFiles(directory=PAGE, html=True))

    async def run() -> None:
        desk.listen(ended=lambda: setattr(server, "should_exit", True))
        cockpit.start()
        await server.serve(sockets=[listening])

    log.info("fly at %s (Ctrl-C ends)", address_of(listening, host))
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(run())
    finally:
        cockpit.close()
    if cockpit.failure is not None:
        raise cockpit.failure


def _line(error: Exception | None) -> str:
    return " ".join(str(error).split())


def _quietly(call: Callable[..., Any], *arguments: Any) -> None:
    """Call into the event loop, unless it has ended already."""
    with suppress(RuntimeError):
        call(*arguments)
