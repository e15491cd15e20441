"""A minute of play: frames a second, what a chunk costs as the session goes on, and going back.

    python -m benchmarks.play

- `tiny`: the tiny recipe's session loop: time to the first frames (image encoded, first chunk
  made), frames a second, and key-to-frame latency: keys pressed at random moments are read when the
  next chunk begins and are seen when it is done.
- `minute`: 60 chunks at 8 x 14 tokens a latent, beside the same session with everything kept whole
  (taken in turns, chunk by chunk), and beside writing the whole past anew before a chunk, at three
  moments. Beyond 20 s the bounded memory's chunks should cost the same.
- `errors`: how far bfloat16 and float8 memories are from float32 after 20 s of the tiny recipe's
  sizes: root mean square of the latents' difference over that of the latents.
- `decoding`: a chunk of 16 frames by Wan's own decoder (diffusers) and by the tiny one, at 32 x 64.
- `going_back`: one chunk taken back after that minute, by copies of the memory and by context
  passes alone; and what either keeps.

Processor seconds of one core unless a name says wall; weights are random.
"""

import sys
import time
from dataclasses import replace

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.play_lanes import (
    forward,
    picture,
    player_of,
    recompute_prefix,
    timed,
    tiny_recipe,
    uncompressed,
    walked_latents,
    wan_decoder,
    wide_recipe,
)
from benchmarks.results import write_results
from training.streaming.session import WorldSession
from training.streaming.tiny_decoder import TinyDecoder

CHUNKS = 60
LATENTS = 4 * CHUNKS
BOUND = 20  # chunks, 20 s: from here on the memory is bounded
MOMENTS = (5, 20, 60)
PRESSES = 1000
LATENT_CHANNELS = 16


def main() -> None:
    """Measure, print and write the figures."""
    torch.set_num_threads(1)
    minute, session = _minute()
    figures = {
        "tiny": _tiny(),
        "minute": minute,
        "going_back": _going_back(session),
        "errors": _errors(),
        "decoding": _decoding(),
    }
    for name, part in figures.items():
        for key, value in part.items():
            sys.stdout.write(f"{name:12} {key:44} {value:12.5g}\n")
    write_results("play", figures, ("torch", "diffusers"))


def _tiny() -> dict[str, float]:
    player = player_of(tiny_recipe())
    image = picture()

    def first_frames() -> WorldSession:
        session = WorldSession.start(player, image)
        session.step(forward(session))
        return session

    first_frames()  # warm up
    first = [timed(first_frames) for _ in range(5)]
    session = WorldSession.start(player, image)
    borders, cpu = [time.perf_counter()], []
    for _ in range(CHUNKS):
        cpu.append(timed(lambda: session.step(forward(session)))[0])
        borders.append(time.perf_counter())
    latency = _latencies(np.array(borders))
    return {
        "first_frames_cpu_s": float(np.median([cpu for cpu, _ in first])),
        "first_frames_wall_s": float(np.median([wall for _, wall in first])),
        "chunk_cpu_s": float(np.median(cpu[BOUND:])),
        "frames_per_cpu_s": 16 / float(np.median(cpu[BOUND:])),
        "frames_per_wall_s": 16 / float(np.median(np.diff(borders)[BOUND:])),
        "key_to_frame_median_wall_s": float(np.median(latency)),
        "key_to_frame_95_percent_wall_s": float(np.percentile(latency, 95)),
        "key_to_frame_median_in_chunks": float(np.median(latency) / np.median(np.diff(borders))),
    }


def _latencies(borders: np.ndarray) -> np.ndarray:
    """Seconds from keys pressed at random moments of a loop to the end of the chunk they steer."""
    presses = np.random.default_rng(0).uniform(borders[0], borders[-2], PRESSES)
    read = np.searchsorted(borders, presses)
    return borders[read + 1] - presses


def _minute() -> tuple[dict[str, float], WorldSession]:
    recipe = wide_recipe()
    bounded = WorldSession.start(player_of(recipe), picture())
    whole = WorldSession.start(player_of(uncompressed(recipe, LATENTS)), picture())
    seconds, tokens, bytes_, anew = {"bounded": [], "whole": []}, {}, {}, {}
    for number in tqdm(range(1, CHUNKS + 1), "minute", unit="chunk"):
        if number in MOMENTS:
            anew[number] = timed(lambda: recompute_prefix(bounded))[0]
        for name, session in (("bounded", bounded), ("whole", whole)):
            began = time.process_time()
            chunk = session.step(forward(session))
            seconds[name].append(time.process_time() - began)
            tokens[name, number] = chunk.tokens
            bytes_[name, number] = chunk.memory_bytes
    figures = {}
    for name, values in seconds.items():
        for moment in MOMENTS:
            near = values[max(0, moment - 3) : moment + 2]
            figures[f"{name}_chunk_at_{moment}_s_cpu_s"] = float(np.median(near))
            figures[f"{name}_tokens_at_{moment}_s"] = float(tokens[name, moment])
            figures[f"{name}_memory_mb_at_{moment}_s"] = bytes_[name, moment] / 1e6
    steady = np.array(seconds["bounded"][BOUND:])
    third = len(steady) // 3
    figures["bounded_last_13_s_over_first_after_20_s"] = float(
        np.median(steady[-third:]) / np.median(steady[:third])
    )
    figures["whole_over_bounded_at_60_s"] = (
        figures["whole_chunk_at_60_s_cpu_s"] / figures["bounded_chunk_at_60_s_cpu_s"]
    )
    for moment, extra in anew.items():
        figures[f"anew_over_bounded_at_{moment}_s"] = (
            1 + extra / figures[f"bounded_chunk_at_{moment}_s_cpu_s"]
        )
    return figures, bounded


def _going_back(session: WorldSession) -> dict[str, float]:
    """After a minute; the session has copies as close as 1 GB allows."""
    player = session.player
    recipe = replace(player.recipe, play=replace(player.recipe.play, undo_mb=0))
    few = WorldSession.start(replace(player, recipe=recipe), picture())
    few.live_through(session.history.moments)
    copies = sum(anchor.nbytes() for anchor in session.history.anchors)
    latents = sum(moment.latents.nbytes for moment in session.history.moments)
    by_copies = timed(lambda: session.undo())[0]
    by_passes = timed(lambda: few.undo())[0]
    return {
        "undo_by_copies_cpu_s": by_copies,
        "undo_by_passes_cpu_s": by_passes,
        "copies_mb": copies / 1e6,
        "one_copy_mb": session.history.anchors[-1].nbytes() / 1e6,
        "latents_mb": latents / 1e6,
    }


def _errors() -> dict[str, float]:
    recipe = tiny_recipe()
    exact = walked_latents(player_of(recipe), BOUND)
    found = {}
    for name, play, narrow in (
        ("bfloat16", recipe.play, True),
        ("float8_memory", replace(recipe.play, memory_storage="float8_e4m3"), False),
        ("bfloat16_and_float8_memory", replace(recipe.play, memory_storage="float8_e4m3"), True),
    ):
        player = player_of(replace(recipe, play=play))
        if narrow:
            player.model.bfloat16()
        latents = walked_latents(player, BOUND)
        found[f"{name}_relative_error"] = float((latents - exact).norm() / exact.norm())
    return found


def _decoding() -> dict[str, float]:
    decoders = {"wan": wan_decoder(), "tiny": TinyDecoder(LATENT_CHANNELS).eval()}
    seconds: dict[str, list[float]] = {name: [] for name in decoders}
    streams = {name: decoder.stream() for name, decoder in decoders.items()}
    latents = torch.randn(1, LATENT_CHANNELS, 4, 4, 8, generator=torch.Generator().manual_seed(0))
    for _ in range(3):  # the first one is chunk 0, and warms up
        for name, stream in streams.items():
            seconds[name].append(timed(lambda stream=stream: stream.decode(latents))[0])
    found = {f"{name}_cpu_s": float(np.median(values[1:])) for name, values in seconds.items()}
    return {**found, "wan_over_tiny": found["wan_cpu_s"] / found["tiny_cpu_s"]}


if __name__ == "__main__":
    main()
