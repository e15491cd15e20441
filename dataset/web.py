"""What the project's own web pages share: where they listen, and whom they answer.

Only the standard library is imported: any stage may use it.
"""

import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dataset.errors import OpenRelicError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE_PARTS = Path(__file__).parent / "page_parts"  # every page that uses them has them at parts/


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise OpenRelicError(
            f"the page cannot be served on {host}:{port} ({error}); give another --port, or "
            "--port 0 for any that is free"
        ) from error


def address_of(listening: socket.socket, host: str) -> str:
    """The page's address, for a browser."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}/"


def is_for_this_machine(headers: Mapping[str, str]) -> bool:
    """Whether a request names this machine as its host: a name of another one that leads here is
    a page elsewhere that had its name point to us."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname in LOOPBACK
    except ValueError:
        return False


def is_from_own_page(headers: Mapping[str, str]) -> bool:
    """Whether our own page speaks, and not one of another site in the same browser."""
    host, origin = headers.get("host", ""), headers.get("origin", "")
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:
        return False
