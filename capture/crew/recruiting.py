"""Makes a crew of Ray actors, after every machine of a cluster has shown that it can take part."""

from typing import Any

from capture.crew.actors import Crew
from capture.crew.nodes import Token, check_nodes
from capture.crew.ray_start import Shares
from capture.crew.worker import CaptureWorker, WorkerSettings

# A worker captures, says how it is, has its engine killed and closes, at the same time.
CALLS_AT_ONCE = 4


def recruit(
    settings: WorkerSettings, token: Token, shares: Shares, *, stall_s: float, on_cluster: bool
) -> Crew:
    """A crew that has no workers yet; a machine that cannot take part is named and refused."""
    if on_cluster:
        check_nodes(settings.workspace, token, settings.engine)
    return crew_of(CaptureWorker, (settings,), token, shares, stall_s)


def crew_of(
    actor_class: type, arguments: tuple[Any, ...], token: Token, shares: Shares, stall_s: float
) -> Crew:
    """A crew whose actors are made of any class that has the methods of `CaptureWorker`."""
    import ray

    options: Any = {
        "num_cpus": shares.cpus, "num_gpus": shares.gpus, "max_concurrency": CALLS_AT_ONCE,
        "max_restarts": 0, "max_task_retries": 0,
    }  # fmt: skip
    actor: Any = ray.remote(**options)(actor_class)
    return Crew(
        hire=lambda: actor.remote(*arguments),
        check=lambda one: one.check.remote(token.path, token.value),
        stall_s=stall_s,
    )
