"""Proof that a machine can take part: it sees the driver's workspace and has the engine.

The driver writes a token into the workspace; each machine reads it back before it gets a tour. A
folder that is not shared, or is mounted elsewhere, is found out here and not after an hour.
"""

import contextlib
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

TOKEN = "capture/token"
CHECK_TIMEOUT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Token:
    """What the driver wrote, and where."""

    path: str
    value: str


@contextlib.contextmanager
def written_token(workspace: Workspace) -> Iterator[Token]:
    """A token in the workspace, removed in the end."""
    value = secrets.token_hex(16)
    token = Token(path=f"{TOKEN}-{value[:8]}", value=value)
    workspace.write_bytes(token.path, value.encode())
    try:
        workspace.check_claims(token.path)
        yield token
    finally:
        with contextlib.suppress(OpenRelicError):
            workspace.delete_file(token.path)


def check_machine(workspace: Workspace, path: str, token: str, engine: str) -> str:
    """The name of this machine; one that cannot capture raises `OpenRelicError` with its name."""
    name = socket.gethostname()
    try:
        found = workspace.read_bytes(path).decode(errors="replace")
    except (OSError, OpenRelicError) as error:
        found = f"nothing ({error})"
    if found != token:
        raise OpenRelicError(
            f"machine {name} does not see the driver's workspace: {workspace.location}/{path} "
            f"holds {found} there; share that folder with every machine under the same path, or "
            "use object storage (s3://bucket/folder)"
        )
    try:
        check_engine(engine)
    except OpenRelicError as error:
        raise OpenRelicError(f"machine {name}: {error}") from error
    return name


def check_engine(engine: str) -> None:
    """Raise unless the engine could be started here; a running one is not asked."""
    from capture.sessions.launcher import EMBEDDED, running_address
    from capture.sessions.layout import checked_binary

    if engine != EMBEDDED and running_address(engine) is None:
        checked_binary(engine)


def check_nodes(workspace: str, token: Token, engine: str) -> None:
    """Check every machine of the cluster; the first that cannot capture is named."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task: Any = ray.remote(num_cpus=0, max_retries=1)(_checked)
    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            where: Any = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            options = task.options(scheduling_strategy=where)
            reference = options.remote(workspace, token.path, token.value, engine)
            asked[reference] = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    _, silent = ray.wait(list(asked), num_returns=len(asked), timeout=CHECK_TIMEOUT_S)
    for reference, name in asked.items():
        if reference in silent:
            raise OpenRelicError(
                f"machine {name} did not say in {CHECK_TIMEOUT_S:.0f} s whether it sees the "
                "workspace; look at it, or take it out of the cluster"
            )
        _raise_complaint(ray, reference, name)


def _checked(workspace: str, path: str, token: str, engine: str) -> str:
    """The complaint of a machine, or nothing."""
    try:
        check_machine(Workspace(workspace), path, token, engine)
    except OpenRelicError as error:
        return str(error)
    return ""


def _raise_complaint(ray: Any, reference: Any, name: str) -> None:
    try:
        complaint = ray.get(reference)
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[-1]
        raise OpenRelicError(f"machine {name} cannot run OpenRELIC: {first}") from error
    if complaint:
        raise OpenRelicError(complaint)
