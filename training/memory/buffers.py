"""The memory of a session that streams: buffers made once, written in place, never grown.

The same latents in the same form as in `training.memory.cache.KVMemory`, at fixed places: first a
ring of whole latents, the window's past, then the cells of older ones. In bounded mode the latent
that is forgotten and the one that leaves the window lie a multiple of the schedule's length apart,
so they have equally many cells and one takes the other's place: nothing ever moves. What is in use
is always one range, so a read is a view, not a copy.

Writing in place would break a graph that still needs the old values, so reading with gradients
enabled is refused: training uses `KVMemory`.

Storage is the model's dtype, or float8 (E4M3) with one scale a token and head, which halves what
bfloat16 takes; its error is a test's and `benchmarks/memory.py`'s business.

Public: `StreamMemory`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from dataset.errors import OpenRelicError
from training.attention import TokenGrid
from training.memory.cache import LayerKV, MemoryView
from training.memory.pooling import pool_keys, pool_tokens
from training.memory.schedule import (
    KeptLatent,
    MemoryConfig,
    factor_at,
    kept_latents,
    latent_cells,
)

Storage = Literal["model", "float8_e4m3"]
FLOAT8 = torch.float8_e4m3fn
COUNTS = "counts"
"""The one of a memory's tensors that is no keys and no values."""


class Buffer:
    """Tokens of one layer's keys or values (B, capacity, heads, head_dim)."""

    def __init__(self, like_BNHD: torch.Tensor, capacity: int, storage: Storage) -> None:
        """Make room for `capacity` tokens shaped like the given ones."""
        batch, _, heads, width = like_BNHD.shape
        self.dtype = like_BNHD.dtype
        kept = FLOAT8 if storage == "float8_e4m3" else self.dtype
        shape = (batch, capacity, heads, width)
        self.values = torch.zeros(shape, dtype=kept, device=like_BNHD.device)
        self.scales = None
        if storage == "float8_e4m3":
            # As wide as bfloat16's exponent, so that no key is too small or too large for it.
            shape = (batch, capacity, heads, 1)
            self.scales = torch.ones(shape, dtype=torch.bfloat16, device=like_BNHD.device)

    def write(self, start: int, x_BNHD: torch.Tensor) -> None:
        """Put tokens at `start`."""
        place = slice(start, start + x_BNHD.shape[1])
        if self.scales is None:
            self.values[:, place] = x_BNHD
            return
        largest = x_BNHD.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(torch.bfloat16).tiny)
        self.scales[:, place] = largest / torch.finfo(FLOAT8).max
        limit = torch.finfo(FLOAT8).max
        scaled = (x_BNHD / self.scales[:, place].to(x_BNHD)).clamp(-limit, limit)
        self.values[:, place] = scaled.to(FLOAT8)

    def read(self, start: int, end: int) -> torch.Tensor:
        """Tokens start ... end - 1: a view, or dequantised."""
        values = self.values[:, start:end]
        if self.scales is None:
            return values
        return values.to(self.dtype) * self.scales[:, start:end].to(self.dtype)

    def copy(self, device: torch.device | str) -> "Buffer":
        """Equal values in a memory of their own."""
        # A new object without its constructor: there is nothing to shape it like.
        other = Buffer.__new__(Buffer)
        other.dtype = self.dtype
        other.values = self.values.to(device, copy=True)
        other.scales = None if self.scales is None else self.scales.to(device, copy=True)
        return other

    def nbytes(self) -> int:
        """Bytes of values and scales."""
        return self.values.nbytes + (0 if self.scales is None else self.scales.nbytes)


@dataclass(frozen=True)
class BufferView(MemoryView):
    """What the next chunk sees; valid until the memory is written again."""

    buffers: tuple[tuple[Buffer, Buffer], ...] = ()
    used: int = 0

    def nbytes(self) -> int:
        """Bytes of the buffers."""
        return sum(one.nbytes() for pair in self.buffers for one in pair)

    def keys_values(self, layer: int) -> LayerKV:
        """All remembered keys and values of a layer."""
        if torch.is_grad_enabled():
            raise OpenRelicError(
                "a streaming memory read with gradients enabled: it is written in place; train "
                "with KVMemory, stream under torch.no_grad()"
            )
        keys, values = self.buffers[layer]
        return keys.read(0, self.used), values.read(0, self.used)


class StreamMemory:
    """Clean keys and values of a session, in buffers of fixed size; used as `KVMemory` is."""

    def __init__(
        self, config: MemoryConfig, *, longest: int | None = None, storage: Storage = "model"
    ) -> None:
        """Start empty; `longest` is the session's most latents, needed where nothing bounds it."""
        if longest is None and config.newest is None and config.older == "pool":
            raise OpenRelicError(
                "an unbounded memory has no fixed size: set memory.newest, or give the session's "
                "most latents"
            )
        self.config, self.longest = config, longest
        self.storage: Storage = storage
        self.written = 0
        """latents written so far"""
        self.ring = config.window - config.chunk
        self._buffers: list[tuple[Buffer, Buffer]] = []

    def view(self) -> BufferView:
        """What the next chunk sees, in the order of the buffers."""
        end = self.written + self.config.chunk
        kept = sorted(kept_latents(self.config, end), key=lambda item: self._place(item, end))
        used = sum(self._cells(item.factor) for item in kept) if kept else 0
        return BufferView(self.config, end, tuple(kept), (), tuple(self._buffers), used)

    def write(self, chunk: Sequence[LayerKV], grid: TokenGrid) -> None:
        """Put a chunk's keys and values, one pair a layer, and pool what leaves the window."""
        if not self._buffers:
            self._grid = grid
            self._slots = self._layout()
            self._buffers = [
                (Buffer(k, self._capacity, self.storage), Buffer(v, self._capacity, self.storage))
                for k, v in chunk
            ]
        if self.longest is not None and self.written + grid.latents > self.longest:
            raise OpenRelicError(f"a session of at most {self.longest} latents has used them up")
        # What leaves the window is in the ring, or, of a window of one chunk, in the chunk itself.
        for latent in range(self.written - self.ring, self.written):
            if latent >= 0 and latent < self.written + grid.latents - self.ring:
                self._pool_from_ring(latent)
        for offset in range(grid.latents):
            self._put(self.written + offset, chunk, offset)
        self.written += grid.latents

    def nbytes(self) -> int:
        """Bytes of all buffers, which never change after the first write."""
        return sum(one.nbytes() for pair in self._buffers for one in pair)

    def used_bytes(self) -> int:
        """Bytes of what the next chunk will see; constant once a bounded memory is full."""
        if not self._buffers:
            return 0
        return round(self.nbytes() * self.view().used / self._capacity)

    def copy(self, device: torch.device | str) -> "StreamMemory":
        """A memory of its own, on `device`, that goes on like this one."""
        other = StreamMemory(self.config, longest=self.longest, storage=self.storage)
        other.written = self.written
        if self._buffers:
            other._grid, other._slots, other._capacity = self._grid, self._slots, self._capacity
            other._buffers = [(k.copy(device), v.copy(device)) for k, v in self._buffers]
        return other

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that it holds, by name, for a file; see `fill`."""
        if not self._buffers:
            return {}
        counts = [self.written, *self._grid]
        found = {COUNTS: torch.tensor(counts)}
        for layer, pair in enumerate(self._buffers):
            for kind, buffer in zip(("keys", "values"), pair, strict=True):
                found[f"{kind}.{layer}"] = buffer.values
                if buffer.scales is not None:
                    found[f"{kind}.{layer}.scales"] = buffer.scales
        return found

    def fill(
        self, tensors: dict[str, torch.Tensor], dtype: torch.dtype, device: torch.device
    ) -> None:
        """Take over what `tensors` gave, of a model of `dtype`, into an empty memory."""
        if not tensors:
            return
        self.written, *grid = (int(count) for count in tensors[COUNTS])
        self._grid = TokenGrid(*grid)
        self._slots = self._layout()

        def buffer(name: str) -> Buffer:
            made = Buffer.__new__(Buffer)
            made.dtype, made.values = dtype, tensors[name].to(device)
            scales = tensors.get(f"{name}.scales")
            made.scales = None if scales is None else scales.to(device)
            return made

        layers = sum(name.startswith("keys.") and name[5:].isdigit() for name in tensors)
        self._buffers = [(buffer(f"keys.{i}"), buffer(f"values.{i}")) for i in range(layers)]

    def _cells(self, factor: int) -> int:
        return latent_cells(factor, self._grid.rows, self._grid.cols)

    def _layout(self) -> list[int]:
        """Where the cells of pooled latents begin: latent 0, then the others in their order."""
        begin, slots = self.ring * self._grid.tokens_per_latent, []
        for latent in range(self._pooled_latents()):
            slots.append(begin)
            begin += self._cells(self.config.schedule[latent % len(self.config.schedule)])
        self._capacity = begin
        return slots

    def _pooled_latents(self) -> int:
        """Most latents that are older than the window at a time."""
        if self.config.older == "drop":
            return 0
        if self.config.newest is not None:
            return 1 + self.config.newest - self.config.window
        return max(0, (self.longest or 0) - self.ring)

    def _slot(self, latent: int) -> int:
        """Of a pooled latent: its number, in bounded mode taken over from one that was dropped."""
        if self.config.newest is None or latent == 0:
            return latent
        return 1 + (latent - 1) % (len(self._slots) - 1)

    def _place(self, item: KeptLatent, end: int) -> int:
        """Where a latent's tokens begin."""
        if item.latent >= end - self.config.window:
            return item.latent % self.ring * self._grid.tokens_per_latent
        return self._slots[self._slot(item.latent)]

    def _kept_pooled(self, latent: int, end: int) -> bool:
        """Whether the chunk ending before `end` still sees a latent that left the window."""
        if self.config.older == "drop":
            return False
        newest = self.config.newest
        return latent == 0 or newest is None or latent >= end - newest

    def _pool_from_ring(self, latent: int) -> None:
        """Move a latent that leaves the window to its cells' place."""
        start = latent % self.ring * self._grid.tokens_per_latent
        whole = slice(start, start + self._grid.tokens_per_latent)
        for keys, values in self._buffers:
            pair = keys.read(whole.start, whole.stop), values.read(whole.start, whole.stop)
            self._write_pooled(latent, keys, values, pair)

    def _put(self, latent: int, chunk: Sequence[LayerKV], offset: int) -> None:
        """A new latent: into the ring, or pooled at once where the window is one chunk."""
        size = self._grid.tokens_per_latent
        tokens = slice(offset * size, (offset + 1) * size)
        end = self.written + self._grid.latents + self.config.chunk
        for (keys, values), (k, v) in zip(self._buffers, chunk, strict=True):
            if latent >= end - self.config.window:
                keys.write(latent % self.ring * size, k[:, tokens])
                values.write(latent % self.ring * size, v[:, tokens])
            else:
                self._write_pooled(latent, keys, values, (k[:, tokens], v[:, tokens]))

    def _write_pooled(self, latent: int, keys: Buffer, values: Buffer, pair: LayerKV) -> None:
        end = self.written + self._grid.latents + self.config.chunk
        if not self._kept_pooled(latent, end):
            return
        rows, cols = self._grid.rows, self._grid.cols
        factor = factor_at(self.config, latent, end)
        start = self._slots[self._slot(latent)]
        renormalise = self.config.renormalise_keys
        keys.write(start, pool_keys(pair[0], rows, cols, factor, renormalise=renormalise))
        values.write(start, pool_tokens(pair[1], rows, cols, factor))
