"""The dashboard's HTTP interface, and the server.

    GET  /api/table                     every clip, in columns
    GET  /api/news?after=SEQ            decisions since, who else is there, what changed
    GET  /api/clips/TOUR                path, keys and measurements of a clip, and its history
    GET  /video/TOUR/DIGEST             the video, by ranges
    GET  /thumbnail/TOUR/DIGEST         a small picture of it
    POST /api/decisions                 {request, tour_id, digest, verdict, reason, reviewer}

No path of a request leads to a file: a tour's name is looked up among the clips that are known.
"""

import asyncio
import importlib.util
import json
import logging
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

from dataset.access import Access
from dataset.clip import VIDEO, Clip
from dataset.dashboard.desk import Desk, Stale
from dataset.dashboard.journal import NothingToUndo, Wish
from dataset.dashboard.media import Span, Unsatisfiable, parse_range, pieces, video_size
from dataset.errors import OpenRelicError
from dataset.qa.decisions import Entry
from dataset.web import LOOPBACK, PAGE_PARTS, address_of, listen

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
MAX_BODY = 16_384  # bytes
LENGTHS = {"request": 64, "tour_id": 300, "digest": 64, "reason": 2000, "reviewer": 60}  # most
NEEDS_REASON = ("reject", "look")
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}  # the digest is in the address
FRESH = {"cache-control": "no-cache"}


class Refused(Exception):
    """A request that gets a status and one line."""

    def __init__(self, status: int, said: str) -> None:
        """HTTP status, and what the page shows."""
        super().__init__(said)
        self.status = status


def make_app(desk: Desk) -> FastAPI:
    """The application that serves a desk; `Access` belongs around it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return JSONResponse({"problem": str(error)}, error.status)

    @app.exception_handler(OpenRelicError)
    async def failed(_: Request, error: OpenRelicError) -> Response:
        status = 409 if isinstance(error, Stale | NothingToUndo) else 500
        return JSONResponse({"problem": " ".join(str(error).split())}, status)

    @app.get("/api/table")
    def table() -> Response:
        return _json(desk.table())

    @app.get("/api/news")
    def news(after: int = 0, page: str = "", reviewer: str = "", clip: str = "") -> Response:
        return _json(desk.news(after, page[:64], reviewer[:60], clip[:300]))

    @app.get("/api/clips/{tour_id}")
    def view(tour_id: str) -> Response:
        return _json(desk.view(_clip(desk, tour_id)))

    @app.api_route("/video/{tour_id}/{digest}", methods=["GET", "HEAD"])
    def video(request: Request, tour_id: str, digest: str) -> Response:
        return _video(desk, _clip(desk, tour_id, digest), request)

    @app.get("/thumbnail/{tour_id}/{digest}")
    def thumbnail(tour_id: str, digest: str) -> Response:
        jpeg = desk.thumbnails.of(_clip(desk, tour_id, digest), digest)
        return Response(jpeg, media_type="image/jpeg", headers=FOREVER)

    @app.post("/api/decisions")
    async def decide(request: Request) -> Response:
        wish = read_wish(await _body(request))
        return JSONResponse(await asyncio.to_thread(desk.decide, wish))

    @app.get("/plotly.min.js")
    def plotly() -> Response:
        return FileResponse(plotly_file(), media_type="text/javascript", headers=FRESH)

    app.mount("/parts", StaticFiles(directory=PAGE_PARTS))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _json(data: bytes) -> Response:
    return Response(data, media_type="application/json", headers={"cache-control": "no-store"})


def _clip(desk: Desk, tour_id: str, digest: str | None = None) -> Clip:
    clip = desk.clip(tour_id)
    if clip is None or (digest is not None and desk.digest(tour_id) != digest):
        raise Refused(404, "there is no such clip, or it has been captured again")
    return clip


def _video(desk: Desk, clip: Clip, request: Request) -> Response:
    size = video_size(desk.workspace, clip)
    headers = {**FOREVER, "accept-ranges": "bytes", "content-type": "video/mp4"}
    try:
        asked = parse_range(request.headers.get("range"), size)
    except Unsatisfiable:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    span = asked or Span(first=0, end=size)
    headers["content-length"] = str(span.end - span.first)
    if asked:
        headers["content-range"] = f"bytes {span.first}-{span.end - 1}/{size}"
    status = 206 if asked else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    body = pieces(desk.workspace, clip.path(VIDEO), span)
    return StreamingResponse(body, status, headers)


async def _body(request: Request) -> bytes:
    """The body of a request, if it is of a sensible size."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Refused(413, f"a decision has at most {MAX_BODY} bytes")
    return body


def read_wish(body: bytes) -> Wish:
    """A decision as a page sends it; what cannot be one is `Refused`."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "this is no JSON") from error
    if not isinstance(said, dict):
        raise Refused(422, "a decision is an object")
    words = {name: _word(said, name, most) for name, most in LENGTHS.items()}
    verdict: Any = said.get("verdict")
    if verdict not in get_args(Entry):
        raise Refused(422, f"verdict is one of {', '.join(get_args(Entry))}")
    if verdict in NEEDS_REASON and not words["reason"]:
        raise Refused(422, "to reject a clip, or to have it looked at, give a reason")
    lacking = [name for name, word in words.items() if not word and name != "reason"]
    if lacking:
        raise Refused(422, f"{lacking[0]} is missing")
    return Wish(verdict=verdict, **words)


def _word(said: dict[str, Any], name: str, most: int) -> str:
    """A text of at most so many characters, all of which can be shown, on one line."""
    word = said.get(name, "")
    if not isinstance(word, str) or len(word) > most:
        raise Refused(422, f"{name} is a text of at most {most} characters")
    word = " ".join(word.split())
    if not all(letter.isprintable() for letter in word):
        raise Refused(422, f"{name} has characters in it that cannot be shown")
    return word


def plotly_file() -> Path:
    """`plotly.min.js` of the installed Python package, found without importing that."""
    found = importlib.util.find_spec("plotly")
    folders = found.submodule_search_locations if found else None
    file = Path(folders[0]) / "package_data" / "plotly.min.js" if folders else None
    if file is None or not file.exists():
        raise OpenRelicError("the dashboard needs plotly: run `pip install -e '.[dashboard]'`")
    return file


def serve(desk: Desk, host: str, port: int, token: str | None) -> None:
    """Serve the page until it is interrupted."""
    plotly_file()  # now, rather than when the first clip is opened
    listening = listen(host, port)
    server = make_server(desk, listening, token, only_here=host in LOOPBACK)
    address = address_of(listening, host) + (f"?token={token}" if token else "")
    with suppress(KeyboardInterrupt):
        log.info("%d clips: %s (Ctrl-C ends)", len(desk.catalogue.clips), address)
        log.info("decisions are kept in %s", desk.journal.path)
        server.run(sockets=[listening])


def make_server(
    desk: Desk, listening: socket.socket, token: str | None, *, only_here: bool
) -> uvicorn.Server:
    """The server of a desk on a socket that listens."""
    port = listening.getsockname()[1]
    access = Access(make_app(desk), only_here=only_here, token=token, port=port)
    config = uvicorn.Config(
        access, log_level="warning", access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    return uvicorn.Server(config)
