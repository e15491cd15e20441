"""What happens between a page and its game; lives in the server's event loop.

A page asks for one chunk after the other, and no sooner than it begins to show the last: the model
never runs more than a chunk ahead of what is seen, and a page that is slow, hidden or gone asks for
nothing. Orders of a page are followed one by one; while one is, further ones wait in the socket.

Public: `Desk`.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import WebSocket, WebSocketDisconnect

from dataset.clip import FPS
from dataset.errors import OpenRelicError
from labeling.actions import KEYS
from training.play import messages
from training.play.game import Files, Game, OutOfStep
from training.play.messages import BadMessage, Order
from training.play.pictures import Start, Starts, decode_image, jpeg
from training.play.saves import SESSION
from training.play.tape import Take, commit_take
from training.play.visitors import Full, Visitor, Visitors
from training.play.worker import Worker
from training.streaming.player import Player

log = logging.getLogger(__name__)

FRAME_QUALITY = 92
GREETING_S = 20.0
BAD_MESSAGES = 20  # of one page; then it is no page of ours
FULL, TAKEN_OVER, ENDED, NO_PAGE = 4409, 4408, 4410, 4400
Result = TypeVar("Result")


class Desk:
    """All visitors, the model's thread, and the files."""

    def __init__(
        self, player: Player, files: Files, starts: Starts, *, most: int, idle_s: float
    ) -> None:
        """Ready to be visited; `close` ends the thread."""
        self.player, self.files, self.starts = player, files, starts
        self.visitors = Visitors(lambda: Game(player, files), most, idle_s)
        self._idle_s = idle_s
        self._worker = Worker()
        self._commits: set[asyncio.Task[None]] = set()

    # ---- a visit ----

    async def visit(self, page: WebSocket) -> None:
        """Serve a page from its greeting until it leaves."""
        await page.accept()
        try:
            visitor = await self._greet(page)
        except (TimeoutError, BadMessage, KeyError):
            await _close(page, NO_PAGE)
            return
        except (WebSocketDisconnect, RuntimeError):
            return
        if visitor is None:
            return
        try:
            await self._listen(visitor, page)
        except (WebSocketDisconnect, RuntimeError) as error:
            log.debug("a page left: %s", error)
        finally:
            if visitor.page is page:
                visitor.page, visitor.gone = None, time.monotonic()

    async def _greet(self, page: WebSocket) -> Visitor | None:
        said = messages.read_order(await asyncio.wait_for(page.receive_text(), GREETING_S))
        if said.name != "hello":
            raise BadMessage("a page greets first")
        number = messages.line(said.value or "", 100, "hello")
        try:
            visitor, known = await self._enter(number)
        except Full as error:
            await page.send_json({"full": str(error)})
            await _close(page, FULL)
            return None
        before, visitor.page = visitor.page, page
        if before is not None:
            await _close(before, TAKEN_OVER)
        await page.send_json({"hello": self._facts(visitor, known)})
        async with visitor.turn:  # what was asked for before may still be under way
            await self._show_state(visitor, page)
        return visitor

    async def _enter(self, number: str) -> tuple[Visitor, bool]:
        try:
            return self.visitors.enter(number)
        except Full:
            gone = self.visitors.longest_gone()
            if gone is None or gone.turn.locked():
                raise
        await self._end(gone, "its page is gone, and somebody else came")
        return self.visitors.enter(number)

    def _facts(self, visitor: Visitor, known: bool) -> dict[str, Any]:
        recipe = self.player.recipe
        return {
            "session": visitor.number, "known": known, "recipe": recipe.name,
            "workspace": self.files.workspace.location, "width": recipe.latents.width,
            "height": recipe.latents.height, "fps": FPS, "keys": KEYS,
            "latents": recipe.memory.chunk, "starts": self.starts.list(),
            "saves": self.files.names(SESSION), "recordings": visitor.recordings,
        }  # fmt: skip

    async def _listen(self, visitor: Visitor, page: WebSocket) -> None:
        bad = 0
        while bad < BAD_MESSAGES:
            message = await page.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("bytes") is not None:
                    visitor.upload = _upload(message["bytes"])
                else:
                    await self._obey(visitor, page, messages.read_order(message["text"]))
            except BadMessage as error:
                bad += 1
                await page.send_json({"problem": f"not understood: {error}"})
        await _close(page, NO_PAGE)

    async def _obey(self, visitor: Visitor, page: WebSocket, order: Order) -> None:
        visitor.steered = time.monotonic()
        async with visitor.turn:
            try:
                await self._follow(visitor, page, order)
            except OutOfStep:
                await self._show_state(visitor, page)
            except OpenRelicError as error:
                await page.send_json({"problem": " ".join(str(error).split())})
            except MemoryError:
                await page.send_json({"problem": "there is not enough memory for that"})
            finally:
                visitor.steered = time.monotonic()

    # ---- orders ----

    async def _follow(self, visitor: Visitor, page: WebSocket, order: Order) -> None:
        name, value, game = order.name, order.value, visitor.game
        if name == "step":
            await self._step(visitor, page, value)
            return
        if name == "record":
            await self._run(visitor, game.record)
        elif name == "stop":
            self._commit(visitor, await self._run(visitor, game.stop))
        elif name == "save":
            saved = await self._run(visitor, game.save)
            await page.send_json({"saved": saved, "saves": self.files.names(SESSION)})
        else:
            await self._run(visitor, self._change(visitor, name, value))
        await self._show_state(visitor, page)

    def _change(self, visitor: Visitor, name: str, value: Any) -> Callable[[], None]:
        """What changes where the visitor is, for the model's thread."""
        game = visitor.game
        if name == "start":
            read = self._read_start(visitor, value)
            return lambda: game.start(read())
        if name == "load":
            word = messages.line(value, 100, "load")
            return lambda: game.load(word)
        if name == "keep":
            return game.keep
        if name in ("go_to", "return", "drop"):
            number = messages.whole(value, name)
            act = {"go_to": game.go_to, "return": game.back_to, "drop": game.drop}[name]
            return lambda: act(number)
        raise BadMessage("a page greets once")

    def _read_start(self, visitor: Visitor, value: Any) -> Callable[[], Start]:
        said = messages.fields(value, "picture", "caption", "seed")
        caption = messages.line(said.get("caption", ""), messages.MAX_CAPTION, "caption")
        seed = messages.whole(said.get("seed", 0), "seed")
        play = self.player.recipe.play
        if said.get("picture") == "upload":
            data, visitor.upload = visitor.upload, b""
            return lambda: Start(
                picture=decode_image(data, "the upload"), name="picture", caption=caption,
                seed=seed, pitch_deg=play.start_pitch_deg, roll_deg=play.start_roll_deg,
            )  # fmt: skip
        number = messages.whole(said.get("picture"), "picture")

        def chosen() -> Start:
            start = self.starts.start(number)
            return Start(
                picture=start.picture, name=start.name, caption=caption, seed=seed,
                pitch_deg=start.pitch_deg, roll_deg=start.roll_deg,
            )  # fmt: skip

        return chosen

    async def _step(self, visitor: Visitor, page: WebSocket, value: Any) -> None:
        wish = messages.read_wish(value)
        facts, frames = await self._run(visitor, lambda: visitor.game.step(wish))
        message = await asyncio.to_thread(
            lambda: messages.packed(facts, [jpeg(frame, FRAME_QUALITY) for frame in frames])
        )
        await page.send_bytes(message)

    async def _run(self, visitor: Visitor, work: Callable[[], Result]) -> Result:
        """Do it in the model's thread, when it is this visitor's turn."""
        future: Future[Result] = self._worker.submit(visitor.number, work)
        try:
            return await asyncio.wrap_future(future)
        except (OpenRelicError, MemoryError):
            raise
        except Exception as error:
            log.exception("a visitor's order failed")
            raise OpenRelicError(f"the server met an error, see its log: {error}") from error

    async def _show_state(self, visitor: Visitor, page: WebSocket) -> None:
        facts, frame = visitor.game.state()
        await page.send_bytes(messages.packed(facts, [frame] if frame else []))

    # ---- recordings ----

    def _commit(self, visitor: Visitor, take: Take | None) -> None:
        """Encode and write a recording, while the visitor plays on."""
        if take is not None:
            task = asyncio.create_task(self._write(visitor, take))
            self._commits.add(task)
            task.add_done_callback(self._commits.discard)

    async def _write(self, visitor: Visitor, take: Take) -> None:
        try:
            path = await asyncio.to_thread(
                commit_take, self.files.workspace, self.files.folder, take
            )
        except Exception as error:
            log.warning("a recording is lost", exc_info=error)
            news: dict[str, Any] = {"problem": " ".join(str(error).split())}
        else:
            log.info("recorded %d frames: %s", take.script.frames, path)
            news = {"recorded": take.name, "path": path, "frames": take.script.frames}
            visitor.recordings.append(news)
        if visitor.page is not None:
            with suppress(WebSocketDisconnect, RuntimeError):
                await visitor.page.send_json(news)

    # ---- ends ----

    async def end_idle(self) -> None:
        """Watch for ever over games that nobody steers."""
        while True:
            await asyncio.sleep(min(5.0, self._idle_s / 4))
            for visitor in self.visitors.idle():
                if not visitor.turn.locked():
                    with suppress(OpenRelicError):  # what failed is in the log
                        await self._end(visitor, f"idle for {self._idle_s:.0f} s")

    async def _end(self, visitor: Visitor, why: str) -> None:
        self.visitors.leave(visitor)
        log.info("a session ended: %s", why)
        take = await self._run(visitor, visitor.game.stop)
        if take is not None:
            await self._write(visitor, take)
        if visitor.page is not None:
            with suppress(WebSocketDisconnect, RuntimeError):
                await visitor.page.send_json({"ended": why})
            await _close(visitor.page, ENDED)

    async def settle(self) -> None:
        """Wait for recordings that are being written."""
        while self._commits:
            await asyncio.gather(*self._commits, return_exceptions=True)

    def close(self) -> None:
        """End the model's thread after its job, and write what was still being recorded."""
        self._worker.close()
        for visitor in self.visitors.all():
            self.visitors.leave(visitor)
            take = visitor.game.stop()
            if take is not None:
                log.info("recorded: %s", commit_take(self.files.workspace, self.files.folder, take))


def _upload(data: bytes) -> bytes:
    if len(data) > messages.MAX_UPLOAD:
        raise BadMessage(f"a picture has at most {messages.MAX_UPLOAD >> 20} MiB")
    return data


async def _close(page: WebSocket, code: int) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await page.close(code)
