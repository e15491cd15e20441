"""The report's section on play: the student steered by a held-out sample's own actions.

It starts from the sample's first frame. Beside it stand the sample's frames and what the tokenizer
makes of them, which is the best that any student could show. Numbers are given for both, and for a
video that just repeats the first frame: a student below that has learned nothing yet.
"""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from dataset.clip import FPS
from dataset.colour import plane_psnr_db
from dataset.latents.small_frames import SmallFrames
from dataset.latents.store import LatentRow, read_sample
from dataset.latents.tokenizers import video_to_frames
from dataset.sections import figure_html, table_html, video_html, write_section
from dataset.shards.loader import read_sample as read_shard_sample
from dataset.shards.manifest import read_manifest
from dataset.video import encode_preview
from training.config import Recipe
from training.context import RunContext
from training.streaming.player import Player, load_player, token_grid
from training.streaming.session import Chunk, WorldSession

SCALE = 2  # the page shows small frames larger
LABEL_HEIGHT = 20
VALUE_BYTES = {"float32": 4, "bfloat16": 2, "float8_e4m3": 1}


@dataclass(frozen=True, kw_only=True)
class Played:
    """A sample and what was made of it; all frames (T, H, W, 3) uint8."""

    row: LatentRow
    truth: np.ndarray
    tokenizer: np.ndarray
    student: np.ndarray
    chunks: list[Chunk]


def write_play_section(context: RunContext, recipe_path: str) -> None:
    """Write `report/play.html`."""
    player = load_player(context.workspace, context.recipe, recipe_path, alone=True)
    row = choose_row(context)
    played = play_sample(context, player, row)
    body = _video(played) + _psnr(played) + memory_html(context, played.chunks)
    write_section(context.workspace, "play", "Play: the student under a sample's actions", body)


def choose_row(context: RunContext) -> LatentRow:
    """The first held-out sample (a training one where none is held out) of the rollout's length."""
    phase = max(context.recipe.dmd.phases, key=lambda phase: phase.seconds)
    frames = 4 * phase.rollout(context.recipe.memory.chunk) - 3
    usable = [row for row in context.rows if row.frames >= frames]
    return min(usable, key=lambda row: (row.split != "val", row.pivot >= 0, row.key))


def play_sample(context: RunContext, player: Player, row: LatentRow) -> Played:
    """Generate as many whole chunks as the sample's actions steer."""
    source = next(entry for entry in read_manifest(context.workspace) if entry.key == row.key)
    size = context.recipe.latents
    truth = SmallFrames(size.width, size.height).of(read_shard_sample(context.workspace, source))
    stored = read_sample(context.workspace, row)
    decoded = player.tokenizer.decode(torch.from_numpy(stored.latents)[None])
    session = WorldSession.start(
        player,
        truth[0],
        caption=row.caption,
        pitch_deg=row.start_pitch_deg,
        roll_deg=row.start_roll_deg,
    )
    rows, chunks = stored.actions, []
    while len(rows) >= session.rows_needed:
        needed = session.rows_needed
        chunks.append(session.step(rows[:needed]))
        rows = rows[needed:]
    student = np.concatenate([chunk.frames for chunk in chunks])
    count = len(student)
    return Played(
        row=row,
        truth=truth[:count],
        tokenizer=video_to_frames(decoded)[:count],
        student=student,
        chunks=chunks,
    )


def _video(played: Played) -> str:
    columns = [
        _labelled("engine", played.truth),
        _labelled("engine, through the tokenizer", played.tokenizer),
        _labelled("student", played.student),
    ]
    side_by_side = np.concatenate(columns, axis=2)
    _, height, width, _ = side_by_side.shape
    mp4 = encode_preview(side_by_side, FPS, width, height)
    held_out = "held-out" if played.row.split == "val" else "training (nothing is held out)"
    caption = (
        f"{held_out} sample {played.row.key}, from left to right: the engine's rendering, the same "
        "after the tokenizer, and the student's video from the first frame under the same actions"
    )
    return video_html(mp4, caption)


def _labelled(name: str, frames: np.ndarray) -> np.ndarray:
    """Enlarged frames under a strip that says what they are."""
    import cv2

    _, height, width, _ = frames.shape
    strip = np.zeros((LABEL_HEIGHT, SCALE * width, 3), np.uint8)
    cv2.putText(
        strip, name, (4, LABEL_HEIGHT - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    large = frames.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    strips = np.broadcast_to(strip, (len(frames), *strip.shape))
    return np.concatenate([strips, large], axis=1)


def _psnr(played: Played) -> str:
    """PSNR over time against the rendered frames."""
    still = np.broadcast_to(played.truth[:1], played.truth.shape)
    shown = {"tokenizer": played.tokenizer, "student": played.student, "first frame": still}
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axis = figure.subplots()
    rows: list[list[object]] = []
    for name, frames in shown.items():
        # Frame 0 is given; a repeated first frame is perfect there.
        values = [plane_psnr_db(a, b) for a, b in zip(frames[1:], played.truth[1:], strict=True)]
        axis.plot(np.arange(1, len(values) + 1) / FPS, values, label=name, linewidth=1)
        rows.append([name, f"{np.mean(values):.2f} dB", f"{np.mean(values[-FPS:]):.2f} dB"])
    axis.set_xlabel("seconds")
    axis.set_ylabel("PSNR, dB")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    table = table_html(["against the rendered frames", "mean", "last second"], rows)
    return figure_html(figure, "PSNR of each frame against the rendering") + table


def kept_as(recipe: Recipe) -> str:
    """The type that keys and values are kept in."""
    if recipe.play.memory_storage != "model":
        return recipe.play.memory_storage
    return recipe.run.precision if recipe.play.precision == "run" else recipe.play.precision


def memory_html(context: RunContext, chunks: list[Chunk]) -> str:
    """Tokens and bytes of the memory, chunk by chunk, beside a memory that keeps everything."""
    recipe = context.recipe
    rows_of_tokens, columns = token_grid(recipe)
    whole = rows_of_tokens * columns
    kept = kept_as(recipe)
    value_bytes = 2 * recipe.model.num_layers * recipe.model.dim * VALUE_BYTES[kept]
    table: list[list[object]] = []
    for number, chunk in enumerate(chunks):
        latents = (number + 1) * recipe.memory.chunk
        table.append(
            [
                number,
                f"{chunk.tokens:,}",
                f"{latents * whole:,}",
                f"{chunk.memory_bytes / 1e6:.2f} MB",
                f"{latents * whole * value_bytes / 1e6:.2f} MB",
                f"{len(chunk.frames) / chunk.seconds:.1f}",
            ]
        )
    header = [
        "chunk", "tokens attended to", "uncompressed", "memory after it", "uncompressed",
        "frames a second",
    ]  # fmt: skip
    return (
        f"<p>Memory: window {recipe.memory.window}, {whole} tokens a latent, keys and values of "
        f"{recipe.model.num_layers} layers in {kept}.</p>\n" + table_html(header, table)
    )
