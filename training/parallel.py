"""Several processes: FSDP2's shards of a network, and windows that several processes share.

The processes of a run lie in a grid, replicas x sequence: `run.sequence_parallel` neighbours work
on one window, and every such group on its own windows.

- Sharded (`run.shard: fsdp`): weights, gradients and optimiser are split over all processes, block
  by block; a block is whole only while it runs. Not sharded: every process has all of it, and
  gradients are averaged.
- Sequence parallel (Ulysses, Jacobs et al., arXiv 2309.14509): a process has its share of every
  latent's tokens. In self-attention tokens are exchanged for heads: every process then has all
  tokens of its share of the heads, so any `AttentionPath` and its memory run there unchanged.

A process's gradient is that of its own tokens. The whole is their sum over a group and their mean
over replicas; both ways of exchanging gradients take the mean over all processes, so `join` makes
up for the group's size.

Public: `SequenceGroup`, `Processes`, `shard`, `whole`, `own_part`, `average_gradients`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.distributed as dist
from torch import nn

from dataset.errors import OpenRelicError
from training.attention import Attend

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from training.transformer import RelicTransformer

BUCKET_VALUES = 1 << 24
"""Gradient values that are averaged in one exchange."""


class _AllToAll(torch.autograd.Function):
    """Part i of axis 0 goes to process i of the group; its own backward."""

    @staticmethod
    def forward(ctx: Any, parts: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
        ctx.group = group
        out = torch.empty_like(parts, memory_format=torch.contiguous_format)
        dist.all_to_all_single(out, parts.contiguous(), group=group)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[torch.Tensor, None]:
        return _AllToAll.apply(grads[0], ctx.group), None  # type: ignore[return-value]


class _Gather(torch.autograd.Function):
    """All processes' parts, stacked on axis 0; each gets the gradient of its part, times size."""

    @staticmethod
    def forward(ctx: Any, part: torch.Tensor, group: "SequenceGroup") -> torch.Tensor:
        ctx.group = group
        out = part.new_empty(group.size, *part.shape)
        dist.all_gather_into_tensor(out.flatten(0, 1), part.contiguous(), group=group.group)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[torch.Tensor, None]:
        return grads[0][ctx.group.rank] * ctx.group.size, None


@dataclass(frozen=True)
class SequenceGroup:
    """The processes that share a window."""

    group: dist.ProcessGroup
    size: int
    rank: int

    def split(self, x_BTND: torch.Tensor) -> torch.Tensor:
        """Take this process's tokens of every latent."""
        return x_BTND.chunk(self.size, dim=2)[self.rank].contiguous()

    def join(self, x_BTND: torch.Tensor) -> torch.Tensor:
        """All tokens, on every process; all go on with them in the same way."""
        parts: Any = _Gather.apply(x_BTND, self)
        return torch.cat(parts.unbind(0), dim=2)

    def over_heads(self, attend: Attend, latents: int) -> Attend:
        """An `Attend` on this process's tokens by one on all tokens of its share of the heads."""

        def shared(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            q, k, v = self._to_heads(torch.stack([q, k, v]), latents).unbind(0)
            return self._to_tokens(attend(layer, q, k, v), latents)

        return shared

    def _to_heads(self, x_QBLHD: torch.Tensor, latents: int) -> torch.Tensor:
        """(3, B, own tokens, heads, d) -> (3, B, all tokens, own heads, d)."""
        parts = x_QBLHD.unflatten(3, (self.size, -1)).unflatten(2, (latents, -1))
        mine: Any = _AllToAll.apply(parts.movedim(4, 0), self.group)
        return mine.movedim(0, 3).flatten(2, 4)

    def _to_tokens(self, x_BLD: torch.Tensor, latents: int) -> torch.Tensor:
        """(B, all tokens, own heads · d) -> (B, own tokens, heads · d)."""
        parts = x_BLD.unflatten(1, (latents, self.size, -1))
        mine: Any = _AllToAll.apply(parts.movedim(2, 0), self.group)
        return mine.movedim(0, 3).flatten(3).flatten(1, 2)


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Where this process stands."""

    index: int
    count: int
    sequence_parallel: int = 1

    @property
    def replica(self) -> int:
        """Which windows are this process's."""
        return self.index // self.sequence_parallel

    @property
    def replicas(self) -> int:
        """Groups that work on windows of their own."""
        return self.count // self.sequence_parallel

    def check(self) -> None:
        """Raise `OpenRelicError` if the groups do not fill the processes."""
        if self.count % self.sequence_parallel:
            raise OpenRelicError(
                f"{self.count} processes do not divide into groups of run.sequence_parallel, "
                f"{self.sequence_parallel}: launch a multiple of it, or lower it"
            )

    def sequence_group(self) -> SequenceGroup | None:
        """Join this process's group; all processes must ask for it at once."""
        if self.sequence_parallel == 1:
            return None
        size = self.sequence_parallel
        ranks = [list(range(first, first + size)) for first in range(0, self.count, size)]
        group, _ = dist.new_subgroups_by_enumeration(ranks)
        if not isinstance(group, dist.ProcessGroup):
            raise RuntimeError(f"process {self.index} is in no group of {ranks}")
        return SequenceGroup(group, size, self.index % size)


def shard(
    model: "RelicTransformer", mesh: "DeviceMesh", precision: Literal["float32", "bfloat16"]
) -> None:
    """Split a network's parameters over `mesh`, in place: FSDP2, a unit a block.

    In bfloat16 blocks are gathered and computed so, while the shards, which the optimiser moves,
    and the sums of gradients stay float32.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    narrow = torch.bfloat16 if precision == "bfloat16" else None
    # Inputs are not cast: a timestep of 1000 levels does not fit bfloat16's 8 bits.
    policy = MixedPrecisionPolicy(
        param_dtype=narrow, reduce_dtype=torch.float32, cast_forward_inputs=False
    )
    for block in model.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    # By default the outermost unit stays whole and narrow after a forward that no backward follows,
    # such as a rollout's: then a checkpoint would find that in place of its shards.
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=True)


def whole(value: torch.Tensor) -> torch.Tensor:
    """All of a sharded tensor, on every process, which must all ask; others as they are."""
    gather = getattr(value, "full_tensor", None)
    return value.detach() if gather is None else gather().detach()


def own_part(value: torch.Tensor) -> torch.Tensor:
    """Get this process's part of a sharded tensor, sharing its memory; others as they are."""
    part = getattr(value, "to_local", None)
    return value if part is None else part()


def average_gradients(model: nn.Module, count: int) -> None:
    """The mean of every gradient over `count` processes, which FSDP has made where it shards."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    if count == 1 or not grads or hasattr(grads[0], "to_local"):
        return
    bucket: list[torch.Tensor] = []
    for place, grad in enumerate(grads):
        bucket.append(grad)
        if sum(one.numel() for one in bucket) >= BUCKET_VALUES or place + 1 == len(grads):
            _average(bucket, count)
            bucket = []


def _average(grads: list[torch.Tensor], count: int) -> None:
    """One exchange for many small tensors."""
    flat = torch.cat([grad.flatten() for grad in grads])
    dist.all_reduce(flat)
    flat /= count
    for grad, mean in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
        grad.copy_(mean.view_as(grad))
