"""Joining a Ray cluster, or starting Ray on this machine."""

import logging
import os
from dataclasses import dataclass
from typing import Any

from capture.sessions.kept import take_all_along
from dataset.errors import OpenRelicError

log = logging.getLogger(__name__)

# Actors beyond what a cluster has room for wait, which makes an autoscaling one grow to its own
# limit; this bounds how many wait.
MOST_ENGINES = 512
OBJECT_STORE_BYTES = 100 * 2**20  # frames never pass through Ray: the smallest store does


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What each engine asks Ray for."""

    cpus: float = 1.0
    gpus: float = 0.0


def start_ray(address: str | None, engines: int | None, shares: Shares) -> int:
    """Join the cluster at `address`, or start Ray here; how many engines there may be at most."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray lowers its workers' priority by 15: rendering would wait for anything else that runs.
    os.environ.setdefault("RAY_worker_niceness", "0")
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address is not None:
            ray.init(address=address, **quiet)
            return engines or MOST_ENGINES
        # Ray's own monitors outlive a killed driver by a minute.
        take_all_along()
        cores = len(os.sched_getaffinity(0))
        room = engines or max(1, int(cores / max(shares.cpus, 1e-9)))
        ray.init(
            address="local", num_cpus=max(cores, int(room * shares.cpus + 1)),
            include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **quiet,
        )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OpenRelicError(f"Ray cannot be reached or started: {error}") from error
    gpus = ray.cluster_resources().get("GPU", 0.0)
    if shares.gpus > gpus:
        raise OpenRelicError(
            f"--gpus-per-engine is {shares.gpus:g}, but Ray sees {gpus:g} GPUs on this machine; "
            "give 0 to draw on the CPU, or join a cluster that has GPUs with --ray ADDRESS"
        )
    return room if engines or not shares.gpus else max(1, int(gpus / shares.gpus))
