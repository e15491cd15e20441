"""The whole export: every episode, then `meta/`, whose `info.json` commits it."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from dataset.clip import Clip, read_clip
from dataset.errors import MissingInputError, OpenRelicError
from dataset.lerobot.episodes import (
    Episode,
    colours_of,
    episode_rows,
    episodes_of,
    write_episode,
)
from dataset.lerobot.layout import (
    ACTION,
    CAMERA,
    EPISODES,
    INFO,
    INTRINSICS,
    POSE,
    STATS,
    TASKS,
    Moments,
    data_path,
    features,
    info,
    tasks_table,
    video_path,
)
from dataset.qa.usable import Verdicts
from dataset.shards.inputs import read_inputs
from dataset.shards.manifest import SPLITS, SampleRow, read_manifest
from dataset.workspace import SHARDS, Workspace
from labeling.store import require_labels

OURS = "meta/openrelic.json"


def export(source: Workspace, out: Workspace) -> tuple[int, int]:
    """Bring `out` to the footage of the shards of `source`; returns its episodes and frames."""
    rows = read_manifest(source)
    _check_target(out)
    settings = source.read_json(f"{SHARDS}/settings.json")
    clips = _clips(source, rows)
    inputs = read_inputs(
        source, clips, settings["set"], settings["captions"], Verdicts(source, "all", clips)
    )
    episodes = episodes_of(rows, inputs)
    _check_alike(episodes)
    texts = sorted({text for episode in episodes for text in episode.captions})
    tasks = {text: number for number, text in enumerate(texts)}
    out.delete_file(INFO)
    out.write_json(OURS, {"made_by": "dataset.export_lerobot"})
    _remove_unwanted(out, episodes)
    tables = [
        write_episode(source, out, settings["set"], episode, tasks)
        for episode in tqdm(episodes, desc="episodes", unit="episode")
    ]
    labels = [require_labels(source, settings["set"], episode.clip) for episode in episodes]
    out.write_table(TASKS, tasks_table(texts))
    out.write_table(EPISODES, episode_rows(episodes, labels))
    out.write_json(STATS, _statistics(tables))
    _write_info(out, episodes, len(texts))
    return len(episodes), sum(episode.frames for episode in episodes)


def _check_target(out: Workspace) -> None:
    """Refuse a folder that holds anything but an export of ours."""
    there = out.list_names("")
    if there and not out.exists(OURS):
        raise OpenRelicError(
            f"{out.location} holds {', '.join(there[:3])} and is no export of ours; give an empty "
            "folder"
        )


def _clips(source: Workspace, rows: Sequence[SampleRow]) -> list[Clip]:
    clips = []
    for tour in sorted({row.tour for row in rows}):
        clip = read_clip(source, tour)
        if clip is None:
            raise MissingInputError(
                f"clip {tour}, which the shards were made from",
                f"python -m dataset.build {source.location}",
            )
        clips.append(clip)
    return clips


def _check_alike(episodes: Sequence[Episode]) -> None:
    """One dataset has one size and one rate."""
    shapes = sorted({(e.clip.width, e.clip.height, e.clip.fps) for e in episodes})
    if len(shapes) > 1:
        found = ", ".join(f"{width}x{height} at {fps} fps" for width, height, fps in shapes)
        raise OpenRelicError(f"a LeRobot dataset has one size and one rate; the clips have {found}")


def _remove_unwanted(out: Workspace, episodes: Sequence[Episode]) -> None:
    wanted = {data_path(e.number) for e in episodes} | {video_path(e.number) for e in episodes}
    for folder in ("data", "videos"):
        for name in out.list_files(folder):
            if f"{folder}/{name}" not in wanted:
                out.delete_file(f"{folder}/{name}")


def _statistics(tables: Sequence[pa.Table]) -> dict:
    """`meta/stats.json`: exact for numbers, of sampled pictures for the camera."""
    names = (POSE, INTRINSICS, ACTION, "timestamp", "frame_index", "episode_index", "index",
             "task_index")  # fmt: skip
    numbers = {
        name: _together(Moments.of(_rows(table, name)) for table in tables) for name in names
    }
    pictures = _together(colours_of(table) for table in tables)
    records = {name: moments.record() for name, moments in numbers.items()}
    return {**records, CAMERA: pictures.record((3, 1, 1))}


def _together(parts: Iterable[Moments]) -> Moments:
    return functools.reduce(Moments.with_others, parts)


def _rows(table: pa.Table, name: str) -> np.ndarray:
    column = table[name].combine_chunks()
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy()[:, None]
    return column.flatten().to_numpy().reshape(len(column), -1)


def _write_info(out: Workspace, episodes: Sequence[Episode], tasks: int) -> None:
    splits = {}
    for split in SPLITS:
        numbers = [episode.number for episode in episodes if episode.split == split]
        if numbers:
            splits[split] = f"{numbers[0]}:{numbers[-1] + 1}"
    clip = episodes[0].clip
    described = features(clip.width, clip.height, clip.fps)
    lengths = [episode.frames for episode in episodes]
    out.write_json(INFO, info(described, clip.fps, lengths, tasks, splits))
