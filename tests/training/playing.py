"""The play page's server in a thread, and a page that speaks to it as the real one does."""

import asyncio
import contextlib
import json
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from websockets.sync.client import ClientConnection, connect

from dataset.web import listen
from dataset.workspace import Workspace
from training.play.desk import Desk
from training.play.game import Files
from training.play.pictures import Start, Starts
from training.play.serving import make_server, run
from training.streaming.player import Player

FOLDER = "runs/micro/play"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers on a port of this machine."""

    port: int
    desk: Desk
    loop: asyncio.AbstractEventLoop

    def cut_links(self) -> None:
        """Lose all connections, as a network does."""
        for visitor in self.desk.visitors.all():
            if visitor.page is not None:
                asyncio.run_coroutine_threadsafe(visitor.page.close(1012), self.loop).result(20)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def files(self) -> list[str]:
        """Names of what was recorded and saved."""
        return self.desk.files.workspace.list_names(FOLDER)


@contextlib.contextmanager
def serving(
    player: Player,
    workspace: Workspace,
    picture: np.ndarray,
    *,
    token: str | None = None,
    **limits: Any,
) -> Iterator[Server]:
    """Serve a player until the block ends."""
    given = Start(picture=picture, name="given")
    starts = Starts(workspace, given)
    files = Files(workspace=workspace, folder=FOLDER)
    desk = Desk(player, files, starts, **{"most": 3, "idle_s": 60.0, **limits})
    listening = listen("127.0.0.1", 0)
    server = make_server(desk, listening, token, only_here=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=[run(desk, server, listening)])
    thread.start()
    try:
        yield Server(port=listening.getsockname()[1], desk=desk, loop=loop)
    finally:
        server.should_exit = True
        thread.join()
        loop.close()
        desk.close()


@dataclass(kw_only=True)
class Page:
    """A page: says orders, and takes what comes back one by one."""

    link: ClientConnection
    hello: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    news: list[dict[str, Any]] = field(default_factory=list)

    def say(self, name: str, value: Any = None) -> None:
        self.link.send(json.dumps({name: value}))

    def take(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The next message that is no news of a recording: figures and frames."""
        while True:
            message = self.link.recv(timeout=60)
            facts, frames = unpacked(message)
            if "recorded" in facts and "kind" not in facts:
                self.news.append(facts)
                continue
            if facts.get("kind") == "state":
                self.state = facts
            return facts, frames

    def order(self, name: str, value: Any = None) -> dict[str, Any]:
        """Say it, and take what comes back."""
        self.say(name, value)
        return self.take()[0]

    def step(self, **wish: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Ask for the next chunk."""
        number = wish.pop("number", len(self.state["chunks"]))
        self.say("step", {"number": number, "shown": number - 1, **wish})
        facts, frames = self.take()
        if facts.get("kind") == "chunk":
            self.state["chunks"].append(facts["key"])
        return facts, frames

    def recorded(self) -> dict[str, Any]:
        """News that a recording is written."""
        while not self.news:
            facts, _ = unpacked(self.link.recv(timeout=60))
            self.news += [facts] if "recorded" in facts and "kind" not in facts else []
        return self.news.pop()


@contextlib.contextmanager
def visiting(server: Server, number: str = "", **headers: str) -> Iterator[Page]:
    """Greet, as a new visitor or as a known one."""
    origin: Any = headers.pop("origin", server.origin)
    address = f"ws://127.0.0.1:{server.port}/play"
    with connect(address, origin=origin, max_size=None, additional_headers=headers) as link:
        page = Page(link=link)
        page.hello = page.order("hello", number)
        if "hello" in page.hello:
            page.hello = page.hello["hello"]
            page.take()
        yield page


def unpacked(message: str | bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What a message holds."""
    if isinstance(message, str):
        return json.loads(message), []
    (size,) = struct.unpack(">I", message[:4])
    facts, at, frames = json.loads(message[4 : 4 + size]), 4 + size, []
    for length in facts["frames"]:
        data = np.frombuffer(message[at : at + length], np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert image is not None
        frames.append(image[..., ::-1])
        at += length
    assert at == len(message)
    return facts, frames


def small_workspace(folder: Path, recipe: Path) -> Workspace:
    """A workspace with held-out samples to start from."""
    from tests.training.micro import make_latents

    return make_latents(folder, recipe, train=2, val=2)
