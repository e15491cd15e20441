"""Cameras spawned in an engine, kept so that its next connection uses them again.

No client can remove a camera. One that connects anew to an engine that runs on, after every reply
that is lost, would fill it with cameras and with what they draw into.
"""

from capture.sessions.client import UnrealCVClient


class SpawnedCameras:
    """Numbers of the cameras that were spawned in one engine."""

    def __init__(self) -> None:
        """None has been spawned yet."""
        self._numbers: list[int] = []
        self._in_use = 0

    def connected(self, client: UnrealCVClient) -> None:
        """A new connection: none is in use; if the engine was started again, none is there."""
        self._in_use = 0
        if self._numbers:
            there = len(client.text("vget /cameras").split())
            self._numbers = [number for number in self._numbers if number < there]

    def take(self, client: UnrealCVClient) -> int:
        """The number of a camera that this connection does not use yet."""
        if self._in_use == len(self._numbers):
            client.text("vset /cameras/spawn")
            self._numbers.append(len(client.text("vget /cameras").split()) - 1)
        self._in_use += 1
        return self._numbers[self._in_use - 1]
