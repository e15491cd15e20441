"""Which parts of which clips become episodes, and the files of one.

An episode is a run of a clip that the shards' windows cover; the frames between two neighbouring
windows, fewer than a GOP, belong to it. Its video is cut by copying packets.

LeRobot's action of a frame is what is done there, so row t is what leads to frame t + 1; the last
row is static. A task is the caption of the frame's 5 s.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from dataset.clip import GOP_FRAMES, VIDEO, Clip, open_clip_file
from dataset.errors import OpenRelicError
from dataset.lerobot.layout import (
    ACTION,
    CAMERA,
    INTRINSICS,
    POSE,
    Moments,
    data_path,
    place,
    video_path,
)
from dataset.shards.inputs import ClipInput
from dataset.shards.manifest import SPLITS, SampleRow, Split
from dataset.video import cut_packets, read_frame_indices
from dataset.workspace import Workspace, json_bytes
from labeling.actions import ACTIONS, STATIC, Actions
from labeling.camera import extrinsics, intrinsics
from labeling.store import clip_poses, require_labels

METADATA_KEY = b"openrelic"
SCHEMA = 1
SHOWN_FRAMES = 8  # of each episode, for the statistics of its pictures


@dataclass(frozen=True, kw_only=True)
class Episode:
    """`frames` frames of a clip from `first_frame`, and where they stand among all others."""

    number: int
    clip_input: ClipInput
    split: Split
    first_frame: int
    frames: int
    first_index: int  # frames of all episodes before

    @property
    def clip(self) -> Clip:
        """The clip."""
        return self.clip_input.clip

    @property
    def captions(self) -> list[str]:
        """The caption of each frame; the scene's name where there is none."""
        frames = range(self.first_frame, self.first_frame + self.frames)
        return [self.clip_input.caption(frame) or self.clip.scene for frame in frames]


def episodes_of(rows: Sequence[SampleRow], inputs: Sequence[ClipInput]) -> list[Episode]:
    """The episodes of a build's samples, split by split."""
    by_tour: dict[str, list[SampleRow]] = {}
    for row in rows:
        by_tour.setdefault(row.tour, []).append(row)
    episodes: list[Episode] = []
    index = 0
    for split in SPLITS:
        for clip_input in inputs:
            of = by_tour.get(clip_input.clip.tour_id, [])
            if not of or of[0].split != split:
                continue
            if of[0].clip_digest != clip_input.clip.digest:
                raise OpenRelicError(
                    f"clip {of[0].tour} is another one than the shards were made from: run "
                    "`python -m dataset.build` again"
                )
            for first, frames in covered_runs(of):
                episodes.append(
                    Episode(
                        number=len(episodes),
                        clip_input=clip_input,
                        split=split,
                        first_frame=first,
                        frames=frames,
                        first_index=index,
                    )  # fmt: skip
                )
                index += frames
    return episodes


def covered_runs(rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    """First frame and length of the runs of a clip that its windows cover."""
    runs: list[tuple[int, int]] = []
    for first, end in sorted((row.first_frame, row.first_frame + row.length) for row in rows):
        if runs and first - runs[-1][1] < GOP_FRAMES:
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((first, end))
    return [(first, end - first) for first, end in runs]


def write_episode(
    source: Workspace, out: Workspace, label_set: str, episode: Episode, tasks: dict[str, int]
) -> pa.Table:
    """Write the video, then the table of an episode, unless they are there; returns the table."""
    fingerprint = _fingerprint(episode, tasks)
    path = data_path(episode.number)
    if out.exists(path) and out.exists(video_path(episode.number)):
        try:
            table = out.read_table(path)
        except OpenRelicError:
            table = None
        if table is not None and _noted(table) == fingerprint:
            return table
    out.delete_file(path)
    actions = require_labels(source, label_set, episode.clip)
    table = frame_table(episode, *clip_poses(source, episode.clip), actions, tasks)
    with (
        open_clip_file(source, episode.clip, VIDEO) as video,
        out.writing(video_path(episode.number)) as sink,
        tempfile.TemporaryDirectory() as scratch,
    ):
        cut = Path(scratch) / "cut.mp4"
        cut_packets(video, cut, episode.first_frame, episode.frames)
        sink.write_bytes(cut.read_bytes())
        pictures = np.linspace(0, episode.frames - 1, SHOWN_FRAMES).astype(int)
        colours = _colours(cut, pictures)
    noted = {"fingerprint": fingerprint, "colours": colours.to_json()}
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(noted)})
    out.write_table(path, table)
    return table


def frame_table(
    episode: Episode, R_cam_from_world: np.ndarray, position_m: np.ndarray, actions: Actions,
    tasks: dict[str, int],
) -> pa.Table:  # fmt: skip
    """A row a frame of an episode."""
    clip, frames = episode.clip, np.arange(episode.frames)
    of_clip = slice(episode.first_frame, episode.first_frame + episode.frames)
    camera = extrinsics(R_cam_from_world[of_clip], position_m[of_clip])
    fixed = intrinsics(clip.fov_deg, clip.width, clip.height)
    done = np.vstack([actions.values[of_clip][1:], np.eye(len(ACTIONS))[STATIC]])
    columns = {
        POSE: _vectors(camera.reshape(-1, 12)),
        INTRINSICS: _vectors(np.tile(fixed, (episode.frames, 1))),
        ACTION: _vectors(done),
        "timestamp": pa.array((frames / clip.fps).astype(np.float32)),
        "frame_index": pa.array(frames, pa.int64()),
        "episode_index": pa.array(np.full(episode.frames, episode.number), pa.int64()),
        "index": pa.array(frames + episode.first_index, pa.int64()),
        "task_index": pa.array([tasks[text] for text in episode.captions], pa.int64()),
    }
    return pa.table(columns)


def episode_rows(episodes: Sequence[Episode], labels: Sequence[Actions]) -> pa.Table:
    """`meta/episodes`: LeRobot's columns, and after them what it does not know of."""
    rows = []
    for episode, actions in zip(episodes, labels, strict=True):
        chunk, file = place(episode.number)
        rows.append(
            {
                "episode_index": episode.number,
                "tasks": list(dict.fromkeys(episode.captions)),
                "length": episode.frames,
                "data/chunk_index": chunk,
                "data/file_index": file,
                f"videos/{CAMERA}/chunk_index": chunk,
                f"videos/{CAMERA}/file_index": file,
                f"videos/{CAMERA}/from_timestamp": 0.0,
                f"videos/{CAMERA}/to_timestamp": episode.frames / episode.clip.fps,
                "dataset_from_index": episode.first_index,
                "dataset_to_index": episode.first_index + episode.frames,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
                "split": episode.split,
                "tour": episode.clip.tour_id,
                "first_frame": episode.first_frame,
                "scene": episode.clip.scene,
                "asset": episode.clip.asset,
                "licence": episode.clip.licence,
                "rotation_frame": actions.rotation_frame,
                "unit_m": actions.unit_m,
                "unit_deg": actions.unit_deg,
            }
        )
    return pa.Table.from_pylist(rows)


def colours_of(table: pa.Table) -> Moments:
    """Of the colours, 0 to 1, of the episode's pictures, as its table notes them."""
    noted = json.loads((table.schema.metadata or {})[METADATA_KEY])
    return Moments.from_json(noted["colours"])


def _colours(video: Path, frames: np.ndarray) -> Moments:
    """Of every eighth pixel, both ways, of some frames."""
    pixels = [picture[::8, ::8].reshape(-1, 3) for picture in read_frame_indices(video, frames)]
    return Moments.of(np.concatenate(pixels) / 255)


def _vectors(values: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _fingerprint(episode: Episode, tasks: dict[str, int]) -> str:
    made_from = [
        SCHEMA, episode.number, episode.first_index, episode.clip.digest,
        episode.clip_input.label_digest, episode.first_frame, episode.frames,
        [tasks[text] for text in episode.captions],
    ]  # fmt: skip
    return hashlib.sha256(json_bytes(made_from)).hexdigest()


def _noted(table: pa.Table) -> str | None:
    noted = (table.schema.metadata or {}).get(METADATA_KEY)
    return json.loads(noted).get("fingerprint") if noted else None
