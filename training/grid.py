"""The one time grid: frames, latents, chunks and action rows.

Latent 0 is frame 0, the image; latent i >= 1 is frames 4i-3 ... 4i. A window of L latents therefore
has 4L - 3 frames and as many action rows. The student works in chunks of latents: chunk 0 is the
image latent and the first generated ones, every later chunk is generated whole.

| seconds | frames | latents | student: frames / latents / chunks of 4 |
|---|---|---|---|
| 5 | 81 | 21 | 77 / 20 / 5 |
| 10 | 161 | 41 | 157 / 40 / 10 |
| 20 | 317 | 80 | 317 / 80 / 20 |

Public: `WINDOW_FRAMES`, `latents_of_frames`, `frames_of_latents`, `frames_of_latent`,
`student_latents`, `chunk_count`, `chunk_latents`, `chunk_rows`, `group_rows`, `palindrome_latents`.
"""

import torch

from dataset.errors import OpenRelicError

FRAMES_PER_LATENT = 4
"""Temporal compression of Wan's VAE."""

DEFAULT_CHUNK = 4
"""Latents a student chunk: 16 frames, one second of control latency at 16 fps."""

WINDOW_FRAMES = {5: 81, 10: 161, 20: 317}
"""Frames of the curriculum's windows, by seconds."""


def latents_of_frames(frames: int) -> int:
    """Number of latents that a causal video VAE makes of `frames` frames (which must be 1 + 4n)."""
    if frames < 1 or (frames - 1) % FRAMES_PER_LATENT:
        raise OpenRelicError(f"{frames} frames are no latent grid: allowed are 1 + 4n")
    return 1 + (frames - 1) // FRAMES_PER_LATENT


def frames_of_latents(latents: int) -> int:
    """Number of frames (and action rows) that `latents` latents stand for: 4L - 3."""
    if latents < 1:
        raise OpenRelicError(f"{latents} latents are no window: at least 1 is needed")
    return FRAMES_PER_LATENT * latents - 3


def frames_of_latent(latent: int) -> range:
    """Frames that one latent stands for: 0 for the first, 4i-3 ... 4i for latent i."""
    if latent == 0:
        return range(0, 1)
    return range(FRAMES_PER_LATENT * latent - 3, FRAMES_PER_LATENT * latent + 1)


def student_latents(frames: int, chunk: int = DEFAULT_CHUNK) -> int:
    """Latents of the student's rollout in a window: the largest whole number of chunks."""
    latents = latents_of_frames(frames) // chunk * chunk
    if latents == 0:
        raise OpenRelicError(f"{frames} frames do not hold one chunk of {chunk} latents")
    return latents


def chunk_count(latents: int, chunk: int = DEFAULT_CHUNK) -> int:
    """Number of chunks in a rollout of `latents` latents, which they must fill exactly."""
    if latents < chunk or latents % chunk:
        raise OpenRelicError(f"{latents} latents are not a whole number of chunks of {chunk}")
    return latents // chunk


def chunk_latents(index: int, chunk: int = DEFAULT_CHUNK) -> range:
    """Latents of chunk `index`."""
    return range(index * chunk, (index + 1) * chunk)


def chunk_rows(index: int, chunk: int = DEFAULT_CHUNK) -> slice:
    """Action and pose rows of chunk `index`.

    Chunk 0 has 4·chunk - 3 rows, the static row 0 of the image among them (13 at a chunk of 4: a
    player gives 12 of them); every later chunk has 4·chunk.
    """
    latents = chunk_latents(index, chunk)
    return slice(frames_of_latent(latents[0])[0], frames_of_latent(latents[-1])[-1] + 1)


def group_rows(rows_BFC: torch.Tensor) -> torch.Tensor:
    """Gather a value per frame into a vector per latent: (B, F, C) -> (B, T, 4·C).

    F = 4T - 3 rows begin with frame 0, whose row is repeated three times in front; F = 4T rows are
    a later chunk. The two cannot be confused.
    """
    frames = rows_BFC.shape[1]
    if frames % FRAMES_PER_LATENT == 1:
        first = rows_BFC[:, :1].expand(-1, FRAMES_PER_LATENT - 1, -1)
        rows_BFC = torch.cat([first, rows_BFC], dim=1)
    elif frames == 0 or frames % FRAMES_PER_LATENT:
        raise OpenRelicError(f"{frames} rows: allowed are 4T - 3 (with frame 0) or 4T (without)")
    return rows_BFC.unflatten(1, (-1, FRAMES_PER_LATENT)).flatten(2)


def palindrome_latents(pivot: int) -> int:
    """Number of latents that a palindrome shares with its forward clip: 0 ... floor(pivot / 4).

    The VAE is causal, so all others must be encoded from the mapped frames, never flipped.
    """
    return pivot // FRAMES_PER_LATENT + 1
