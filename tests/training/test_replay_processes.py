"""Replay on two processes, under DDP and with sharded weights (FSDP2), against one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.multiprocessing import spawn  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from tests.training.tiny_model import (
    MEMORY,
    relative_gap,
    tiny_conditions,
    tiny_latents,
    tiny_transformer,
    to_double,
)
from training.flow import FlowConfig
from training.ode import one_of
from training.rollout import rollout
from training.rollout_backward import rollout_backward

LATENTS = 8


def gradients(model: nn.Module, sample: int | None, **settings: Any) -> None:
    """Leave the mean gradient of one or both of two rollouts in the model."""
    conditions, image = to_double(tiny_conditions(LATENTS)), tiny_latents(1).double()
    parts = range(2) if sample is None else [sample]
    for number in parts:
        own, first = one_of(conditions, number), image[number : number + 1]
        made = rollout(
            model, first, own, latents=LATENTS, memory=MEMORY, levels_S=FlowConfig().levels(),
            exit_step=1, generator=torch.Generator().manual_seed(number),
        )  # fmt: skip
        grad = made.latents_BCTHW.tanh() / len(parts)
        rollout_backward(model, made, grad, own, MEMORY, **settings)


def named_gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    found = {}
    for name, value in model.named_parameters():
        assert value.grad is not None
        grad = value.grad.full_tensor() if isinstance(value.grad, DTensor) else value.grad
        found[name.removeprefix("module.")] = grad.clone()
    return found


def on_two(rank: int, folder: str) -> None:
    """One process of two, with a rollout of its own."""
    torch.set_num_threads(1)
    place = f"file://{folder}/meet"
    distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=2)
    found = {"ddp": under_ddp(rank), "fsdp": under_fsdp(rank)}
    if rank == 0:
        torch.save(found, Path(folder) / "found.pt")
    distributed.destroy_process_group()


def under_ddp(rank: int) -> dict[str, torch.Tensor]:
    wrapped = DistributedDataParallel(tiny_transformer().double())
    gradients(wrapped, rank, no_sync=wrapped.no_sync)
    return named_gradients(wrapped)


def under_fsdp(rank: int) -> dict[str, torch.Tensor]:
    model = tiny_transformer().double()
    model.gradient_checkpointing = True
    mesh = distributed.device_mesh.init_device_mesh("cpu", (2,))
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert all(isinstance(value, DTensor) for value in model.parameters())
    gradients(model, rank, no_sync=lambda: unsynchronised(model))
    return named_gradients(model)


@contextmanager
def unsynchronised(model: Any) -> Iterator[None]:
    """FSDP2's way not to exchange gradients."""
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    spawn(on_two, (str(tmp_path),), nprocs=2)
    alone = tiny_transformer().double()
    gradients(alone, None)
    wanted = named_gradients(alone)
    for found in torch.load(tmp_path / "found.pt").values():
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert value.abs().max() > 0
            assert relative_gap(found[name], value) < 1e-11, name
