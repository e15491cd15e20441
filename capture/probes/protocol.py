"""Greeting, commands, grammar, requests in flight, and `vbatch`."""

import re
import time
from collections.abc import Iterator

from capture.probes.subject import Subject
from capture.probes.table import Row, not_tried, row
from capture.sessions.client import CommandFailedError

# What capture sends, and what it does where that is not offered ("": it cannot do without).
COMMANDS = (
    ("vset /cameras/spawn", ""),
    ("vset /camera/1/location 0 0 0", ""),
    ("vset /camera/1/rotation 0 0 0", ""),
    ("vget /camera/1/location", ""),
    ("vget /camera/1/rotation", ""),
    ("vset /camera/1/fov 90", ""),
    ("vset /camera/1/size 1280 720", ""),
    ("vget /camera/1/lit bmp", "PNG, at a fraction of the speed"),
    ("vget /camera/1/depth npy", "no depth track; without /tour/sweep no collision either"),
    ("vget /camera/1/normal bmp", "no normal track, unless /tour/frame brings it"),
    ("vget /camera/1/object_mask bmp", "no mask track, unless /tour/frame brings it"),
    ("vget /tour/frame 1 0 0 0 0 0 0 lit_bgra", "vbatch with read-back: pose_proof sampled"),
    ("vget /tour/sweep 0 0 0 0 0 0 1", "collision from depth images"),
    ("vget /tour/clearance 0 0 0", "collision from depth images"),
    ("vget /tour/freespace 1 25 0", "start areas of the scene list, or camera 0's place"),
    ("vget /tour/ready", "images of a still camera until they agree"),
    ("vset /tour/warmup 32", "images of a still camera until they agree"),
    ("vset /tour/exposure 0", "the engine's own exposure"),
    ("vget /tour/manifest", "no objects, bounds and caption beside the clip"),
    ("vget /tour/version", "the engine's name is not recorded"),
)
IN_FLIGHT = (32, 128, 512)
BATCH_SILENCE_S = 0.3


def greeting(subject: Subject) -> Iterator[Row]:
    """Who answers, over what, and which version."""
    client = subject.client
    project = client.greeting.removeprefix("connected to").strip()
    yield row(
        "greeting", bool(project), f"{client.greeting!r} over {client.transport}",
        transport=client.transport,
    )  # fmt: skip
    version = client.text("vget /unrealcv/version").strip()
    good = re.fullmatch(r"\d+\.\d+\.\d+\S*", version) is not None
    dialect = "" if not good or version < "2" else "; clients speak another dialect from 2.0.0 on"
    yield row("version", good, f"{version!r}{dialect}", version=version)


def commands(subject: Subject) -> Iterator[Row]:
    """Which of the commands that capture uses are listed, and what it does without them."""
    for command, fallback in COMMANDS:
        words = [word for word in command.split() if not word.isdigit()]
        name = " ".join(["lists", *words]).replace("/1/", "/N/")
        if subject.client.takes(command):
            yield row(name, True, "yes")
        elif fallback:
            yield not_tried(name, f"no: {fallback}")
        else:
            yield row(name, False, "no; capture needs it")


def grammar(subject: Subject) -> Iterator[Row]:
    """Edges of the grammar that decide whether a wrong command goes unnoticed."""
    plain = subject.client.text("vget /unrealcv/version")
    yield _answers(subject, "trailing spaces are allowed", "vget /unrealcv/version  ", plain)
    camera, pose = subject.best_camera, subject.read_pose(subject.best_camera)
    refused = _refusal(subject, f"vset /camera/{camera}/location 1e-05 0 0")
    subject.place(camera, pose)
    yield row(
        "1e-05 is refused", refused is not None,
        refused or "taken, so other clients' tiny numbers work; capture never sends them",
    )  # fmt: skip
    unknown = _refusal(subject, "vget /no/such/command")
    yield row("unknown commands are refused", unknown is not None, unknown or "answered")
    nobody = _refusal(subject, "vget /camera/99999/location")
    yield row("unknown cameras are refused", nobody is not None, nobody or "answered")


def _answers(subject: Subject, name: str, command: str, wanted: str) -> Row:
    try:
        answer = subject.client.text(command)
    except CommandFailedError as error:
        return row(name, False, str(error))
    return row(name, answer == wanted, f"{answer!r}")


def _refusal(subject: Subject, command: str) -> str | None:
    """The error text; None if the command was taken."""
    subject.check_time()
    try:
        subject.client.request(command)
    except CommandFailedError as error:
        return error.reply
    return None


def pipelining(subject: Subject) -> Iterator[Row]:
    """How many requests may be under way."""
    survived, seconds = 0, 0.0
    for count in IN_FLIGHT:
        subject.check_time()
        began = time.monotonic()
        sent = [subject.client.send("vget /unrealcv/version") for _ in range(count)]
        for identifier in sent:
            subject.client.receive(identifier)
        survived, seconds = count, time.monotonic() - began
    yield row(
        "requests in flight", survived >= min(IN_FLIGHT),
        f"{survived} answered in order in {1000 * seconds:.0f} ms", most=survived,
    )  # fmt: skip


def batch(subject: Subject) -> Iterator[Row]:
    """Whether `vbatch N` holds requests back until all have come, and runs them in one tick."""
    name, client = "vbatch collects its requests", subject.client
    if not client.takes_batches():
        yield row(name, False, "unknown; pose, image and read-back may come from different ticks")
        return
    early, replies = _half_a_batch(subject)
    measured = f"{replies} of 3 replies after the last request, {early} before"
    yield row(name, early == 0 and replies == 3, measured, early=early)
    if client.takes("vget /tour/ready"):
        frames = [client.json("vget /tour/ready")["frame"]]
        frames += _frames_of_batch(subject)
        apart = max(frames[1:]) - min(frames[1:])
        yield row("vbatch runs in one tick", apart == 0, f"{apart} ticks apart", ticks=apart)
    else:
        yield not_tried("vbatch runs in one tick", "the engine does not tell its tick")


def _half_a_batch(subject: Subject) -> tuple[int, int]:
    """Replies to the first two of three requests before the third is sent, and to all after it."""
    client = subject.client
    client.request("vbatch 3")
    sent = [client.send("vget /unrealcv/version") for _ in range(2)]
    early = int(client.replies_within(BATCH_SILENCE_S))
    sent.append(client.send("vget /unrealcv/version"))
    return early, sum(bool(client.receive(identifier)) for identifier in sent)


def _frames_of_batch(subject: Subject) -> list[int]:
    """The ticks in which the parts of a batch ran, more of them than one tick takes."""
    import json

    replies = subject.client.batch(["vget /tour/ready"] * 48)
    return [int(json.loads(reply)["frame"]) for reply in replies]
