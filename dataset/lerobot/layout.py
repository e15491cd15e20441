"""LeRobot's dataset layout, version 3.0: paths, features and the files of `meta/`.

    meta/info.json                                     what is there; written last
    meta/tasks.parquet  meta/stats.json
    meta/episodes/chunk-000/file-000.parquet           a row an episode
    data/chunk-NNN/file-NNN.parquet                    a row a frame
    videos/observation.images.camera/chunk-NNN/file-NNN.mp4

LeRobot allows several episodes a file; here each has its own, so videos are copied, not encoded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from labeling.actions import ACTIONS

VERSION = "v3.0"
CAMERA = "observation.images.camera"
POSE = "observation.state"
INTRINSICS = "observation.intrinsics"
ACTION = "action"

INFO = "meta/info.json"
TASKS = "meta/tasks.parquet"
STATS = "meta/stats.json"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNK_FILES = 1000

# World to camera [R | -R P] in metres, row by row.
POSE_NAMES = [name for r in "012" for name in (f"r{r}0", f"r{r}1", f"r{r}2", f"t{r}")]


def place(episode: int) -> tuple[int, int]:
    """Chunk and file number of an episode."""
    return divmod(episode, CHUNK_FILES)


def data_path(episode: int) -> str:
    """Where the frames' table of an episode is."""
    chunk, file = place(episode)
    return DATA_PATH.format(chunk_index=chunk, file_index=file)


def video_path(episode: int) -> str:
    """Where the video of an episode is."""
    chunk, file = place(episode)
    return VIDEO_PATH.format(video_key=CAMERA, chunk_index=chunk, file_index=file)


def features(width: int, height: int, fps: int) -> dict[str, Any]:
    """What a frame has."""
    video = {
        "video.height": height, "video.width": width, "video.codec": "h264",
        "video.pix_fmt": "yuv420p", "video.is_depth_map": False, "video.fps": fps,
        "video.channels": 3, "has_audio": False,
    }  # fmt: skip
    scalar = {"shape": [1], "names": None}
    return {
        CAMERA: {
            "dtype": "video", "shape": [height, width, 3],
            "names": ["height", "width", "channels"], "info": video,
        },
        POSE: {"dtype": "float32", "shape": [12], "names": POSE_NAMES},
        INTRINSICS: {"dtype": "float32", "shape": [4], "names": ["fx", "fy", "cx", "cy"]},
        ACTION: {"dtype": "float32", "shape": [len(ACTIONS)], "names": list(ACTIONS)},
        "timestamp": {"dtype": "float32", **scalar},
        **{
            name: {"dtype": "int64", **scalar}
            for name in ("frame_index", "episode_index", "index", "task_index")
        },
    }  # fmt: skip


def info(
    frame_features: dict[str, Any], fps: int, lengths: Sequence[int], tasks: int,
    splits: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """`meta/info.json`."""
    return {
        "codebase_version": VERSION,
        "robot_type": "camera",
        "total_episodes": len(lengths),
        "total_frames": sum(lengths),
        "total_tasks": tasks,
        "chunks_size": CHUNK_FILES,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": dict(splits),
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": frame_features,
    }


def tasks_table(tasks: Sequence[str]) -> pa.Table:
    """`meta/tasks.parquet`: LeRobot reads it with pandas and wants the texts as the index."""
    column = {"metadata": None, "numpy_type": "int64", "pandas_type": "int64"}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {**column, "name": "task_index", "field_name": "task_index"},
            {
                "metadata": None, "numpy_type": "object", "pandas_type": "unicode",
                "name": "task", "field_name": "task",
            },
        ],
        "pandas_version": "2.0.0",
    }  # fmt: skip
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": list(tasks)})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Least, largest, sum and sum of squares of columns (D,), over `count` rows."""

    count: int
    least: np.ndarray
    most: np.ndarray
    sum: np.ndarray
    square: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Moments":
        """Of rows (N, D)."""
        rows = np.asarray(values, np.float64)
        return cls(
            count=len(rows), least=rows.min(0), most=rows.max(0), sum=rows.sum(0),
            square=(rows**2).sum(0),
        )  # fmt: skip

    def with_others(self, other: "Moments") -> "Moments":
        """Of the rows of both."""
        return Moments(
            count=self.count + other.count,
            least=np.minimum(self.least, other.least),
            most=np.maximum(self.most, other.most),
            sum=self.sum + other.sum,
            square=self.square + other.square,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        arrays = {"least": self.least, "most": self.most, "sum": self.sum, "square": self.square}
        return {"count": self.count, **{name: array.tolist() for name, array in arrays.items()}}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Moments":
        """What `to_json` gave."""
        arrays = {name: np.array(value) for name, value in record.items() if name != "count"}
        return cls(count=record["count"], **arrays)

    def record(self, shape: tuple[int, ...] = (-1,)) -> dict[str, Any]:
        """What `meta/stats.json` has of a feature."""
        mean = self.sum / self.count
        std = np.sqrt(np.maximum(self.square / self.count - mean**2, 0))
        named = {"min": self.least, "max": self.most, "mean": mean, "std": std}
        values = {name: value.reshape(shape).tolist() for name, value in named.items()}
        return {**values, "count": [self.count]}
