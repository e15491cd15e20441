"""Whom a web page's server answers: who knows the token where one is needed, and its own page.

On this machine's own address only requests that name it as their host are answered, so that no
other site can have its name point here. Whatever is written, and every WebSocket, must come from
our own page; what is written is JSON.
"""

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dataset.web import is_for_this_machine, is_from_own_page

READING = ("GET", "HEAD")
KEEP_S = 30 * 86400
NOT_FROM_HERE = 4403  # closes a WebSocket that is not answered

# Plotly writes style attributes and draws snapshots from blobs; nothing comes from elsewhere.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Access:
    """Wraps the application; refused requests never reach it."""

    def __init__(self, app: ASGIApp, *, only_here: bool, token: str | None, port: int) -> None:
        """`only_here`: the socket is bound to this machine's own address."""
        self._app, self._only_here, self._token = app, only_here, token
        self._cookie = f"openrelic-{port}"  # cookies of a host are shared by its ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request, or one WebSocket."""
        if scope["type"] == "websocket":
            await self._link(scope, receive, send)
        elif scope["type"] == "http":
            refused = self._refusal(scope)
            answer = refused if refused is not None else self._app
            await answer(scope, receive, _with_headers(send))

    async def _link(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        for_here = not self._only_here or is_for_this_machine(headers)
        knows = self._token is None or self._knows(headers)
        if for_here and knows and is_from_own_page(headers):
            await self._app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": NOT_FROM_HERE})

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._only_here and not is_for_this_machine(headers):
            return PlainTextResponse("this page is served to its own machine only", 421)
        if self._token is not None and not self._knows(headers):
            return self._welcome(scope)
        if scope["method"] in READING:
            return None
        if not is_from_own_page(headers):
            return PlainTextResponse("only the page served here may write", 403)
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return PlainTextResponse("only application/json is taken", 415)
        return None

    def _knows(self, headers: Headers) -> bool:
        known = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        return self._is_token(known)

    def _is_token(self, word: str) -> bool:
        return secrets.compare_digest(word.encode(), (self._token or "").encode())

    def _welcome(self, scope: Scope) -> Response:
        """Let a browser in that comes with the printed address; it keeps the token as a cookie."""
        said = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] != "/" or scope["method"] != "GET" or not self._is_token(said):
            return PlainTextResponse(
                "open the address that was printed at the start: it holds a token", 401
            )
        response = RedirectResponse("/", 303)
        response.set_cookie(self._cookie, said, max_age=KEEP_S, httponly=True, samesite="strict")
        return response


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending
