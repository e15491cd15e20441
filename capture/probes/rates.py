"""How fast an engine is: ticks, single commands, and images in every way that capture has."""

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from capture.probes.subject import Pose, Subject
from capture.probes.table import Row, not_tried, row
from capture.sessions.client import CommandFailedError

COMMANDS = 30
IDLE_S = 0.5
FEWEST = 3
AHEAD = 2
DEGREES_A_FRAME = 3.0


def ticks(subject: Subject) -> Iterator[Row]:
    """What a command costs, and how many ticks pass in a second without one."""
    seconds = []
    for _ in range(COMMANDS):
        subject.check_time()
        began = time.perf_counter()
        subject.client.request("vget /unrealcv/version")
        seconds.append(time.perf_counter() - began)
    middle = 1000 * statistics.median(seconds)
    yield row("one command", True, f"{middle:.2f} ms in the median", ms=middle)
    name = "ticks a second"
    if not subject.client.offers("vget /tour/ready"):
        yield not_tried(name, "the engine does not tell its tick")
        return
    first, began = _tick(subject), time.perf_counter()
    time.sleep(IDLE_S)
    rate = (_tick(subject) - first) / (time.perf_counter() - began)
    yield row(name, rate > 0, f"{rate:.1f} while idle", rate=rate)


def _tick(subject: Subject) -> int:
    return int(subject.client.json("vget /tour/ready")["frame"])


def images(subject: Subject) -> Iterator[Row]:
    """Images a second of a turning camera."""
    camera, client = subject.best_camera, subject.client
    at = f"/camera/{camera}"

    def asking(*words: str) -> Callable[[int], None]:
        def draw(number: int) -> None:
            for command in subject.setting(camera, _pose(subject, number)):
                client.request(command)
            for word in words:
                client.request(f"vget {at}/{word}")

        return draw

    def batch(number: int) -> None:
        setting = subject.setting(camera, _pose(subject, number))
        client.batch([*setting, f"vget {at}/lit bmp", f"vget {at}/location", f"vget {at}/rotation"])

    for kind in ("png", "bmp", "npy"):
        yield _rate(subject, f"images/s: pose, then {kind}", asking(f"lit {kind}"))
    yield _rate(subject, "images/s: pose, bmp, depth", asking("lit bmp", "depth npy"))
    if client.takes_batches():
        yield _rate(subject, "images/s: vbatch with read-back", batch)
    else:
        yield not_tried("images/s: vbatch with read-back", "no vbatch")
    yield from _tour_rates(subject, camera)


def _tour_rates(subject: Subject, camera: int) -> Iterator[Row]:
    client = subject.client
    if not client.offers("vget /tour/frame"):
        yield not_tried("images/s: /tour/frame", "not offered")
        return
    for ahead in (0, AHEAD):
        sent: list[int] = []

        def draw(number: int, ahead: int = ahead, sent: list[int] = sent) -> None:
            while len(sent) <= number + ahead:
                pose = _pose(subject, len(sent))
                sent.append(
                    client.send_frame_request(
                        camera, pose.location_cm, pose.rotation_deg, "lit_bgra"
                    )
                )
            client.receive_frame(sent[number])

        told = f", {ahead} asked for ahead" if ahead else ""
        yield _rate(subject, f"images/s: /tour/frame{told}", draw)


def _pose(subject: Subject, number: int) -> Pose:
    turn = np.array([0.0, DEGREES_A_FRAME * number % 360, 0.0])
    rotation = np.round(subject.home.rotation_deg + turn, 3)
    return Pose(location_cm=subject.home.location_cm, rotation_deg=rotation)


def _rate(subject: Subject, name: str, draw: Callable[[int], None]) -> Row:
    """Images a second, over the given seconds and at least a few images."""
    count, began = 0, time.perf_counter()
    try:
        while count < FEWEST or time.perf_counter() - began < subject.rate_seconds:
            subject.check_time()
            draw(count)
            count += 1
    except CommandFailedError as error:
        return row(name, False, str(error))
    rate = count / (time.perf_counter() - began)
    return row(name, True, f"{rate:.1f}", rate=rate)
