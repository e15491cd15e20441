"""The page's server.

    GET /                               the page
    WS  /play                           orders and chunks (`training.play.messages`)
    GET /starts/NUMBER.jpg              a picture to start from, small
    GET /frames/SESSION/CHUNK/N.jpg     a remembered key frame of a session
    GET /recordings/NAME                .mp4, .json or .png of a recording

No path of a request leads to a file: names are looked up among those that are known.

Public: `serve`, `make_app`, `make_server`.
"""

import asyncio
import logging
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import cv2
import uvicorn
from fastapi import FastAPI, WebSocket
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from dataset.access import Access
from dataset.errors import OpenRelicError
from dataset.web import LOOPBACK, PAGE_PARTS, address_of, listen
from training.play.desk import Desk
from training.play.messages import MAX_UPLOAD
from training.play.pictures import jpeg

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
START_WIDTH = 320  # pixels
KINDS = {".mp4": "video/mp4", ".json": "application/json", ".png": "image/png"}
KEPT = {"cache-control": "private, max-age=86400"}


def make_app(desk: Desk) -> FastAPI:
    """The application that serves a desk; `Access` belongs around it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.websocket("/play")
    async def play(page: WebSocket) -> None:
        await desk.visit(page)

    @app.get("/starts/{number}.jpg")
    def start(number: int) -> Response:
        try:
            picture = desk.starts.start(number).picture
        except OpenRelicError as error:
            return _missing(str(error))
        height = round(START_WIDTH * picture.shape[0] / picture.shape[1])
        small = cv2.resize(picture, (START_WIDTH, height), interpolation=cv2.INTER_AREA)
        return Response(jpeg(small, 85), media_type="image/jpeg", headers=KEPT)

    @app.get("/frames/{session}/{chunk}/{number}.jpg")
    def frame(session: str, chunk: int, number: int) -> Response:
        visitor = desk.visitors.find(session)
        found = visitor.game.thumbnail(chunk, number) if visitor and number >= 0 else None
        if found is None:
            return _missing("there is no such frame")
        return Response(found, media_type="image/jpeg", headers=KEPT)

    @app.get("/recordings/{name}")
    def recording(name: str) -> Response:
        stem, ending = Path(name).stem, Path(name).suffix
        if ending not in KINDS or stem not in desk.files.names(".mp4"):
            return _missing("there is no such recording")
        data = desk.files.workspace.read_bytes(f"{desk.files.folder}/{stem}{ending}")
        return Response(data, media_type=KINDS[ending], headers=KEPT)

    app.mount("/parts", StaticFiles(directory=PAGE_PARTS))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _missing(said: str) -> Response:
    return Response(said, 404, media_type="text/plain")


def make_server(
    desk: Desk, listening: socket.socket, token: str | None, *, only_here: bool
) -> uvicorn.Server:
    """The server of a desk on a socket that listens."""
    port = listening.getsockname()[1]
    access = Access(make_app(desk), only_here=only_here, token=token, port=port)
    config = uvicorn.Config(
        access, log_level="warning", access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=2, ws_max_size=MAX_UPLOAD + 1024, ws_max_queue=4,
    )  # fmt: skip
    return uvicorn.Server(config)


async def run(desk: Desk, server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until the server is told to end; recordings that are being written get written."""
    watching = asyncio.create_task(desk.end_idle())
    try:
        await server.serve(sockets=[listening])
    finally:
        watching.cancel()
        await desk.settle()


def serve(desk: Desk, host: str, port: int, token: str | None) -> None:
    """Serve the page until it is interrupted or told to end."""
    listening = listen(host, port)
    server = make_server(desk, listening, token, only_here=host in LOOPBACK)
    log.info(
        "play at %s (Ctrl-C ends)",
        address_of(listening, host) + (f"?token={token}" if token else ""),
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(run(desk, server, listening))
    finally:
        desk.close()
