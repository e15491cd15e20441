"""Saved sessions: the session's own file, and beside it what the page shows of its past.

    NAME.json      the picture, captions, key frames and figures of every chunk
    NAME.session   `WorldSession.save`; written last, so that whoever sees it finds the other

Public: `write_save`, `read_save`, `SESSION`.
"""

import base64
import dataclasses
from typing import Any

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace, json_bytes
from training.play.lines import Line, MadeChunk
from training.play.pictures import Start, decode_image, png
from training.streaming.player import Player
from training.streaming.session import WorldSession

SESSION, BESIDE = ".session", ".json"


def write_save(workspace: Workspace, folder: str, name: str, line: Line, start: Start) -> None:
    """Write both files."""
    record = {
        "start": {**_fields(start), "picture": _text(png(start.picture))},
        "chunks": [_chunk_record(chunk) for chunk in line.chunks],
    }
    workspace.write_bytes(f"{folder}/{name}{BESIDE}", json_bytes(record))
    with workspace.writing(f"{folder}/{name}{SESSION}") as path:
        line.session.save(path)


def read_save(
    workspace: Workspace, folder: str, name: str, player: Player, first_key: int
) -> tuple[Line, Start]:
    """The line, its chunks numbered from `first_key`, and what it started from.

    Raises `OpenRelicError` for a name that was not saved, other weights or another recipe.
    """
    if f"{name}{SESSION}" not in workspace.list_names(folder):
        raise OpenRelicError(f"no session is saved as {name!r}")
    with workspace.reading(f"{folder}/{name}{SESSION}") as path:
        session = WorldSession.load(player, path)
    try:
        record = workspace.read_json(f"{folder}/{name}{BESIDE}")
        picture = decode_image(base64.b64decode(record["start"].pop("picture")), name)
        start = Start(picture=picture, **record["start"])
        chunks = [
            _read_chunk(one, first_key + number) for number, one in enumerate(record["chunks"])
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise OpenRelicError(f"{folder}/{name}{BESIDE} is damaged: {error!r}") from error
    return Line(session=session, chunks=chunks), start


def _fields(start: Start) -> dict[str, Any]:
    return {k: v for k, v in vars(start).items() if k != "picture"}


def _chunk_record(chunk: MadeChunk) -> dict[str, Any]:
    record = dataclasses.asdict(chunk)
    del record["key"]
    record["thumbnails"] = [_text(one) for one in chunk.thumbnails]
    record["last"] = _text(chunk.last)
    return record


def _read_chunk(record: dict[str, Any], key: int) -> MadeChunk:
    pairs = record["attention"]
    return MadeChunk(
        **{
            **record,
            "key": key,
            "path": tuple(tuple(point) for point in record["path"]),
            "attention": None if pairs is None else tuple((int(a), float(b)) for a, b in pairs),
            "thumbnails": tuple(base64.b64decode(one) for one in record["thumbnails"]),
            "last": base64.b64decode(record["last"]),
        }
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
