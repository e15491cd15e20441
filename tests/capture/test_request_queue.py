"""`vbatch` and the 32 requests of a tick, as UnrealCV's server has them."""

import pytest

from capture.engine.request_queue import REQUESTS_PER_TICK, RequestQueue


def filled(*commands: str, first_id: int = 0) -> RequestQueue:
    queue = RequestQueue()
    for identifier, command in enumerate(commands, first_id):
        queue.add(f"{identifier}:{command}".encode())
    return queue


def taken(queue: RequestQueue) -> list[str]:
    return [request.command for request in queue.take()]


def test_a_tick_takes_32_requests():
    queue = filled(*map(str, range(70)))
    ticks = [len(queue.take()) for _ in range(4)]
    assert ticks == [32, 32, 6, 0]
    assert REQUESTS_PER_TICK == 32


def test_a_batch_runs_in_one_tick_and_waits_for_its_last_request():
    queue = filled("vbatch 3", "a", "b")
    assert taken(queue) == ["vbatch 3"]  # answered at once, nothing else is
    assert taken(queue) == []
    queue.add(b"3:c")
    queue.add(b"4:d")
    assert taken(queue) == ["a", "b", "c", "d"]


def test_a_batch_larger_than_a_tick_still_runs_in_one():
    queue = filled("vbatch 100", *map(str, range(100)))
    ticks = [taken(queue) for _ in range(5)]
    assert ticks == [["vbatch 100"], [], [], [str(i) for i in range(100)], []]


@pytest.mark.parametrize("size", ["vbatch", "vbatch 0", "vbatch -4", "vbatch x"])
def test_a_batch_of_nothing_is_answered_and_changes_nothing(size: str):
    assert taken(filled(size, "a", "b")) == [size, "a", "b"]


def test_a_second_vbatch_sets_the_number_that_is_missing():
    queue = filled("vbatch 5", "a", "vbatch 1", "b", "c")
    assert taken(queue) == ["vbatch 5", "vbatch 1", "a", "b", "c"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"7:vget /cameras", [(7, "vget /cameras")]),
        (b"007:a:b", [(7, "a:b")]),
        (b"  12:x\r\nrest", [(12, "x")]),
        (b"3:", [(3, "")]),
        (b"3:\xff\xfe", [(3, "��")]),
        (b"no number", []),
        (b":x", []),
    ],
)
def test_messages_are_read_as_unrealcv_reads_them(payload: bytes, expected: list):
    queue = RequestQueue()
    queue.add(payload)
    assert [(r.identifier, r.command) for r in queue.take()] == expected
