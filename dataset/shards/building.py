"""Writing and proving many shards, side by side under Ray.

A task is a shard: it is written unless it is there, then read back and proven. Tasks may run twice,
as Ray does when a machine is lost: the bytes are the same, and a shard takes its name whole. What a
worker returns is small; samples never pass through Ray.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from dataset.errors import OpenRelicError
from dataset.shards.layout import Shard
from dataset.shards.manifest import SampleRow
from dataset.shards.proof import Statistics, verify
from dataset.shards.writing import Progress, prepare, write_shard
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

RETRIES = 3

Built = tuple[list[SampleRow], Statistics]


def build_shards(
    workspace: Workspace,
    shards: Sequence[Shard],
    label_set: str,
    progress: Progress,
    *,
    workers: int | None = None,
    ray_address: str | None = None,
) -> Built:
    """Bring `shards/` to what is wanted and prove it; a row a sample, in the order of the shards.

    `workers` is one a core if not given; one worker, or one shard, needs no Ray. `progress` is told
    of samples proven.
    """
    committed = prepare(workspace, shards)
    at_once = min(workers or len(os.sched_getaffinity(0)), len(shards))
    if at_once == 1 and ray_address is None:
        made = _here(workspace, shards, committed, label_set, progress)
    else:
        made = _under_ray(workspace, shards, committed, label_set, progress, workers, ray_address)
    by_shard = dict(made)
    rows: list[SampleRow] = []
    statistics = Statistics()
    for number in range(len(shards)):
        of_shard, counted = by_shard[number]
        rows += of_shard
        statistics.add(counted)
    return rows, statistics


def build_shard(
    workspace: Workspace,
    shard: Shard,
    committed: list[SampleRow] | None,
    label_set: str,
    progress: Progress,
) -> Built:
    """Write a shard unless `committed` has its rows, and prove it."""
    rows = committed
    if rows is None:
        rows = write_shard(workspace, shard, label_set, lambda _: None)
    return rows, verify(workspace, rows, progress)


def _here(
    workspace: Workspace,
    shards: Sequence[Shard],
    committed: Sequence[list[SampleRow] | None],
    label_set: str,
    progress: Progress,
) -> Iterator[tuple[int, Built]]:
    for number, (shard, rows) in enumerate(zip(shards, committed, strict=True)):
        yield number, build_shard(workspace, shard, rows, label_set, progress)


def _under_ray(
    workspace: Workspace,
    shards: Sequence[Shard],
    committed: Sequence[list[SampleRow] | None],
    label_set: str,
    progress: Progress,
    workers: int | None,
    ray_address: str | None,
) -> Iterator[tuple[int, Built]]:
    from capture.crew.ray_start import Shares, start_ray

    at_once = start_ray(ray_address, workers, Shares())
    import ray
    from ray.exceptions import RayError

    task = ray.remote(num_cpus=1, max_retries=RETRIES)(_ray_task)
    location = workspace.location
    waiting = list(enumerate(zip(shards, committed, strict=True)))[::-1]
    running: dict[Any, int] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, (shard, rows) = waiting.pop()
                running[task.remote(location, shard, rows, label_set)] = number
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            number, built = running.pop(done), _result(ray.get(done))
            progress(len(built[0]))
            yield number, built
    except RayError as error:
        raise OpenRelicError(
            f"a worker was lost {RETRIES + 1} times ({str(error).splitlines()[0]}): run the same "
            "command again to go on, with fewer --workers if memory is short"
        ) from error
    finally:
        ray.shutdown()


def _ray_task(
    location: str, shard: Shard, rows: list[SampleRow] | None, label_set: str
) -> Built | str:
    """A built shard, or the line that a user sees: Ray would wrap the exception in pages."""
    try:
        return build_shard(Workspace(location), shard, rows, label_set, lambda _: None)
    except OpenRelicError as error:
        return str(error)


def _result(returned: Built | str) -> Built:
    if isinstance(returned, str):
        raise OpenRelicError(returned)
    return returned
