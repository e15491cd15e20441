"""Replayed back-propagation: the gradient of a long sequence with one block's graph at a time.

Needs nothing but PyTorch. Where a sequence is made block by block, and what a block reads of the
past is detached, the gradient of any loss on the whole sequence splits into a sum over blocks:

1. make the sequence without gradients, and keep what each block was given;
2. take dL/dx over the full sequence, once (a normaliser or a mean over all of it included);
3. `replay_backward`: run each block again with gradients, push its slice of dL/dx through it, and
   free its graph before the next one runs.

This equals one `.backward()` through the concatenated blocks (`full_backward`) to rounding, and at
no time does more than one block's graph live.

    def blocks():
        memory = Memory()
        for given in kept:
            yield lambda given=given, view=memory.view(): model(given, view)
            memory.write(...)                       # runs without gradients

    replay_backward(blocks(), dL_dx.split(4, dim=2))

Works inside gradient accumulation (it only adds to `.grad`), with activation checkpointing inside
a block, and with DDP or FSDP2: `no_sync` is entered for all blocks but the last, so that processes
exchange gradients once. `GraphMeter` measures what graphs hold.

Public: `replay_backward`, `full_backward`, `GraphMeter`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

Block = Callable[[], torch.Tensor]
"""Runs one block with gradients and returns its output."""


def replay_backward(
    blocks: Iterable[Block],
    gradients: Sequence[torch.Tensor],
    *,
    no_sync: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Add dL/dweights to `.grad`, given dL/doutput of each block in order.

    `blocks` is best a generator: what it does between two blocks (writing a cache) runs without
    gradients, after the block's backward, and after the last block it is not resumed.
    """
    last = len(gradients) - 1
    for index, (block, gradient) in enumerate(_paired(blocks, gradients)):
        with nullcontext() if index == last else no_sync(), torch.enable_grad():
            _checked(block(), gradient, index).backward(gradient)
        del block  # and with it what the closure holds of this block


def full_backward(blocks: Iterable[Block], gradients: Sequence[torch.Tensor]) -> None:
    """The same by definition: all graphs at once, one backward. For tests and comparisons."""
    outputs = []
    for index, (block, gradient) in enumerate(_paired(blocks, gradients)):
        with torch.enable_grad():
            outputs.append(_checked(block(), gradient, index))
    torch.autograd.backward(outputs, list(gradients))


def _paired(
    blocks: Iterable[Block], gradients: Sequence[torch.Tensor]
) -> Iterator[tuple[Block, torch.Tensor]]:
    iterator = iter(blocks)
    for index, gradient in enumerate(gradients):
        with torch.no_grad():
            block = next(iterator, None)
        if block is None:
            raise ValueError(f"{index} blocks for {len(gradients)} gradients: give one a block")
        yield block, gradient


def _checked(output: torch.Tensor, gradient: torch.Tensor, index: int) -> torch.Tensor:
    if output.shape != gradient.shape:
        raise ValueError(
            f"block {index} gives {tuple(output.shape)}, its gradient is {tuple(gradient.shape)}"
        )
    return output


class GraphMeter:
    """Bytes that live graphs keep for their backward, each storage counted once.

        with GraphMeter(model.parameters()) as meter:
            replay_backward(...)
        meter.peak

    Storages of `apart` (weights live with or without a graph) are not counted. Inside activation
    checkpointing only what the checkpoints keep is seen, which is what lives between blocks.
    """

    def __init__(self, apart: Iterable[torch.Tensor] = ()) -> None:
        """Count nothing yet."""
        self.live = 0
        self.peak = 0
        self._apart = {_storage(tensor) for tensor in apart}
        self._uses: Counter[int] = Counter()
        self._stack: list[AbstractContextManager[object]] = []

    def __enter__(self) -> "GraphMeter":
        """Begin to watch graphs that are built."""
        hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, _unpack)
        hooks.__enter__()
        self._stack.append(hooks)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop watching; graphs that were seen are still counted down."""
        self._stack.pop().__exit__(None, None, None)

    def _pack(self, tensor: torch.Tensor) -> "_Kept":
        return _Kept(self, tensor)

    def add(self, storage: int, size: int) -> None:
        """A graph holds a storage."""
        if storage in self._apart:
            return
        self._uses[storage] += 1
        if self._uses[storage] == 1:
            self.live += size
            self.peak = max(self.peak, self.live)

    def drop(self, storage: int, size: int) -> None:
        """A graph lets go of a storage."""
        if storage in self._apart:
            return
        self._uses[storage] -= 1
        if not self._uses[storage]:
            del self._uses[storage]
            self.live -= size


class _Kept:
    """A tensor that a graph keeps; its end is the graph's."""

    def __init__(self, meter: GraphMeter, tensor: torch.Tensor) -> None:
        # Detached: a node's own output would hold the node, and neither would ever be freed.
        self.meter, self.tensor = meter, tensor.detach()
        self.storage, self.size = _storage(tensor), tensor.untyped_storage().nbytes()
        meter.add(self.storage, self.size)

    def __del__(self) -> None:
        self.meter.drop(self.storage, self.size)


def _unpack(kept: _Kept) -> torch.Tensor:
    return kept.tensor


def _storage(tensor: torch.Tensor) -> int:
    """What identifies a storage as long as it lives."""
    return tensor.untyped_storage()._cdata
