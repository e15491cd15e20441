"""UnrealCV's framing, the server's side: little-endian u32 magic, u32 length, payload.

Payloads are `<id>:<command>` and `<id>:<reply>`; the first message of a connection is the
unframed-id greeting `connected to <project>`. A wrong magic, a length of 0 or one above 256 MiB
ends the connection, as in UnrealCV's own server.
"""

import struct
from collections.abc import Iterator

MAGIC = 0x9E2B83C1
MAX_PAYLOAD = 256 * 1024 * 1024
HEADER = struct.Struct("<II")


class FramingError(Exception):
    """The peer sent something that is not a frame; the connection cannot be used any more."""


def frame_header(length: int) -> bytes:
    """The header of a payload of `length` bytes."""
    return HEADER.pack(MAGIC, length)


def frame(payload: bytes) -> bytes:
    """`payload` with its header in front."""
    return frame_header(len(payload)) + payload


class FrameReader:
    """Collects received bytes and yields whole payloads."""

    def __init__(self) -> None:
        """Start with nothing received."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add received bytes; yield the payloads that are complete now."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            magic, length = HEADER.unpack_from(self._buffer)
            if magic != MAGIC:
                raise FramingError(f"magic 0x{magic:08X} instead of 0x{MAGIC:08X}")
            if not 0 < length <= MAX_PAYLOAD:
                raise FramingError(f"payload length {length}; 1 to {MAX_PAYLOAD} are allowed")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield payload
