"""The block-causal forward of the student's training, on one sequence with one mask.

The input is a group of clean latents followed by a group of noisy ones, both on the same time grid.
A clean chunk is what the rollout's context pass is: it attends to the clean past as the memory
leaves it, and to itself. A noisy chunk is what a denoising step is. That gives four settings:

- `hybrid_forcing` (RELIC): the first B - K chunks clean, the last K noisy; a noisy chunk sees the
  clean group as the memory leaves it and the noisy chunks before it, those never compressed.
- `teacher_forcing`: every chunk noisy, each seeing only clean chunks before it.
- `diffusion_forcing`: every chunk noisy, each seeing the noisy chunks before it.

Compressed keys differ from whole ones, so a clean latent has both where both are seen. Two kernels
give the same numbers: `dense` builds one (queries, keys) mask, the reference; `gather` runs each
chunk over exactly the keys that it sees, without a mask, which is what fits at real sizes.

Public: `ForcingLayout`, `hybrid_forcing`, `teacher_forcing`, `diffusion_forcing`,
`ForcedAttention`.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from dataset.errors import OpenRelicError
from training.attention import Attend, TokenGrid, attend_tokens
from training.grid import DEFAULT_CHUNK, chunk_count
from training.memory.cache import LayerKV
from training.memory.pooling import cell_positions, cell_sizes, pool_keys, pool_tokens
from training.memory.schedule import MemoryConfig, kept_latents
from training.rope import Rope, rotate

Kernel = Literal["dense", "gather"]


@dataclass(frozen=True, kw_only=True)
class ForcingLayout:
    """Which latents the input holds: clean ones 0 ... clean - 1, then noisy ones."""

    clean: int
    """clean latents, from the window's start"""
    first_noisy: int
    """time of the first noisy latent"""
    end: int
    """time after the last noisy latent"""
    chunk: int
    """latents a chunk"""
    noisy_context: bool
    """a noisy chunk sees earlier noisy chunks; if not, the clean ones at their times"""

    def times(self) -> torch.Tensor:
        """Time of every latent of the input, int64: clean group, then noisy group."""
        return torch.cat([torch.arange(self.clean), torch.arange(self.first_noisy, self.end)])

    def join(self, clean_BCTHW: torch.Tensor, noisy_BCTHW: torch.Tensor) -> torch.Tensor:
        """Make the input from windows that both begin at latent 0 (axis 2 is time)."""
        noisy = noisy_BCTHW[:, :, self.first_noisy : self.end]
        return torch.cat([clean_BCTHW[:, :, : self.clean], noisy], dim=2)

    def join_levels(self, sigma_BT: torch.Tensor) -> torch.Tensor:
        """Levels of the input from the window's (B, T): 0 in the clean group."""
        clean = sigma_BT.new_zeros(sigma_BT.shape[0], self.clean)
        return torch.cat([clean, sigma_BT[:, self.first_noisy : self.end]], dim=1)

    def noisy_part(self, output_BCTHW: torch.Tensor) -> torch.Tensor:
        """The output's noisy group: latents first_noisy ... end - 1."""
        return output_BCTHW[:, :, self.clean :]


def hybrid_forcing(chunks: int, noisy: int, chunk: int = DEFAULT_CHUNK) -> ForcingLayout:
    """The first chunks clean, the last `noisy` ones noisy."""
    if not 0 < noisy <= chunks:
        raise OpenRelicError(f"{noisy} noisy chunks of {chunks}: allowed are 1 to {chunks}")
    clean, end = (chunks - noisy) * chunk, chunks * chunk
    return ForcingLayout(clean=clean, first_noisy=clean, end=end, chunk=chunk, noisy_context=True)


def teacher_forcing(chunks: int, chunk: int = DEFAULT_CHUNK) -> ForcingLayout:
    """Every chunk noisy, after clean chunks; the last one is nobody's past and not repeated."""
    end = chunks * chunk
    return ForcingLayout(
        clean=end - chunk, first_noisy=0, end=end, chunk=chunk, noisy_context=False
    )


def diffusion_forcing(chunks: int, chunk: int = DEFAULT_CHUNK) -> ForcingLayout:
    """Every chunk noisy, after noisy chunks: hybrid forcing without a clean group."""
    return hybrid_forcing(chunks, chunks, chunk)


class Piece(NamedTuple):
    """One latent as a key: whole (factor 1), or a clean one in cells."""

    place: int
    """index of the latent in the input"""
    factor: int


def visible_pieces(layout: ForcingLayout, memory: MemoryConfig, place: int) -> list[Piece]:
    """What the latent at index `place` of the input sees, in the input's order of time."""
    noisy = place >= layout.clean
    shift = layout.first_noisy - layout.clean if noisy else 0
    end = (place + shift) // layout.chunk * layout.chunk + layout.chunk
    pieces = []
    for latent, factor in kept_latents(memory, end):
        if noisy and layout.noisy_context and latent >= layout.first_noisy:
            pieces.append(Piece(latent - shift, 1))
        else:
            pieces.append(Piece(latent, factor))
    return pieces + [Piece(latent - shift, 1) for latent in range(end - layout.chunk, end)]


class ForcedAttention:
    """Block-causal attention over a clean and a noisy group: an `AttentionPath`."""

    def __init__(
        self, layout: ForcingLayout, memory: MemoryConfig, kernel: Kernel = "gather"
    ) -> None:
        """Work out what every chunk sees; `kernel` changes the cost, not the numbers."""
        if memory.chunk != layout.chunk:
            raise OpenRelicError(f"chunks of {layout.chunk} latents, the memory's {memory.chunk}")
        if memory.newest is not None and layout.end > memory.newest + 1:
            # A latent would lie at another time for every chunk that sees it.
            raise OpenRelicError(
                f"bounded memory of {memory.newest} latents in a window of {layout.end}: it has "
                "no one-sequence form, train on windows within its bound"
            )
        chunk_count(layout.end, layout.chunk)
        self.layout, self.memory, self.kernel = layout, memory, kernel
        places = range(0, len(layout.times()), layout.chunk)
        self.seen = [visible_pieces(layout, memory, place) for place in places]
        whole = [Piece(place, 1) for place in range(len(layout.times()))]
        cells = sorted({piece for seen in self.seen for piece in seen if piece.factor > 1})
        self.pieces = whole + cells

    def condition_index(self, latents: int) -> torch.Tensor | None:
        """Both groups share the window's conditions."""
        times = self.layout.times()
        if len(times) != latents:
            raise OpenRelicError(f"{latents} latents given, the layout has {len(times)}")
        return times

    def prepare(
        self, rope: Rope, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float
    ) -> Attend:
        """Place every piece, and build the mask or the gathering indices."""
        times = self.layout.times()
        query_angles = rope.angles(grid.positions(times), dtype).to(device)
        positions = [
            cell_positions(times[piece.place, None], grid.rows, grid.cols, piece.factor)
            for piece in self.pieces
        ]
        key_angles = rope.angles(torch.cat(positions), dtype).to(device)
        run = self._dense if self.kernel == "dense" else self._gather
        kernel = run(grid, dtype, device, scale)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            keys, values = self._with_cells(k, v, grid)
            return kernel(rotate(q, query_angles), rotate(keys, key_angles), values)

        return attend

    def _with_cells(self, k: torch.Tensor, v: torch.Tensor, grid: TokenGrid) -> LayerKV:
        """Append the cells to the whole keys and values."""
        size, rows, cols = grid.tokens_per_latent, grid.rows, grid.cols
        renormalise = self.memory.renormalise_keys
        keys, values = [k], [v]
        for place, factor in self.pieces[grid.latents :]:
            tokens = slice(place * size, (place + 1) * size)
            keys.append(pool_keys(k[:, tokens], rows, cols, factor, renormalise=renormalise))
            values.append(pool_tokens(v[:, tokens], rows, cols, factor))
        return torch.cat(keys, dim=1), torch.cat(values, dim=1)

    def _sizes(self, grid: TokenGrid) -> list[torch.Tensor]:
        """Tokens in each cell, per piece."""
        return [cell_sizes(grid.rows, grid.cols, piece.factor) for piece in self.pieces]

    def _dense(self, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float):
        """One mask for all chunks: minus infinity where a key is not seen."""
        sizes = self._sizes(grid)
        counts = torch.tensor([len(size) for size in sizes])
        open_QP = torch.zeros(len(self.seen), len(self.pieces), dtype=torch.bool)
        index = {piece: i for i, piece in enumerate(self.pieces)}
        for row, seen in enumerate(self.seen):
            open_QP[row, [index[piece] for piece in seen]] = True
        rows = self.layout.chunk * grid.tokens_per_latent
        mask = open_QP.repeat_interleave(counts, dim=1).repeat_interleave(rows, dim=0)
        if self.memory.log_size_bias:
            bias = torch.cat(sizes).double().log().expand(mask.shape)
            mask = bias.masked_fill(~mask, -torch.inf).to(dtype)
        mask = mask.to(device)
        return lambda q, k, v: attend_tokens(q, k, v, mask, scale)

    def _gather(self, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float):
        """Each chunk over the keys that it sees, without a mask."""
        sizes = self._sizes(grid)
        counts = [len(size) for size in sizes]
        tokens = dict(
            zip(self.pieces, torch.arange(sum(counts)).to(device).split(counts), strict=True)
        )
        log_sizes = torch.cat(sizes).double().log().to(device, dtype)
        indices = [torch.cat([tokens[piece] for piece in seen]) for seen in self.seen]
        rows = self.layout.chunk * grid.tokens_per_latent

        def run(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            outputs = []
            for chunk, index in zip(q.split(rows, dim=1), indices, strict=True):
                bias = log_sizes[index].expand(rows, -1) if self.memory.log_size_bias else None
                outputs.append(attend_tokens(chunk, k[:, index], v[:, index], bias, scale))
            return torch.cat(outputs, dim=1)

        return run
