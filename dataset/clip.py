"""What a captured clip is: its commit record, and its pose track.

`clips/<tour_id>/clip.json` is written last and names the attempt that won; a clip without it does
not exist. A committed clip never changes: what is derived from it lives elsewhere and carries
`Clip.digest`.

The pose track `camera.parquet` has a row a frame: `frame` (int32), then float64 `time_s`,
`ue_x_cm`, `ue_y_cm`, `ue_z_cm`, `ue_pitch_deg`, `ue_yaw_deg`, `ue_roll_deg` (Unreal's axes, as read
back for that frame) and `fov_deg` (horizontal).
"""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import CLIPS, Workspace, json_bytes, sha256_file

CLIP_SCHEMA = 2
FPS = 16
GOP_FRAMES = 16
WIDTH, HEIGHT = 1280, 720
VIDEO = "video.mp4"
CAMERA = "camera.parquet"
SCENE_MANIFEST = "manifest.json"
RECORD = "clip.json"
READERS = 16  # records read side by side

LOCATION_COLUMNS = ("ue_x_cm", "ue_y_cm", "ue_z_cm")
ROTATION_COLUMNS = ("ue_pitch_deg", "ue_yaw_deg", "ue_roll_deg")

PoseProof = Literal["per_frame", "sampled"]
Collision = Literal["sweep", "depth"]

# Optional tracks beside the video (`dataset.tracks`), and what `/tour/frame` calls their pass.
TRACK_PASSES = {"depth": "depth_f32", "normal": "normal_u8", "mask": "mask_u8"}


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """Size and digest of one file of a clip."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The commit record of a clip."""

    tour_id: str
    row_hash: str  # of the plan's row
    attempt: str  # the folder that won
    scene: str
    asset: str  # what splits go by: scenes of one asset never stand in two splits
    licence: str
    frames: int
    fps: int
    width: int
    height: int
    fov_deg: float  # horizontal
    engine: str  # name and version
    files: dict[str, FileRecord]
    pose_proof: PoseProof  # per_frame: the pose came in the image's own reply
    audited_frames: int = 0  # sampled: frames whose pixels were proven to be of their pose
    rotation_frame: Literal["camera", "level"]
    kind: str  # of the tour: single, mixed, revisit
    motion: str  # fly or walk
    retries: int
    warmup_frames: int  # drawn before the first frame until images of the still camera agreed
    encoding_psnr_db: float  # luma and chroma of sampled frames, before against after H.264
    clearance_cm: float  # what the tour kept from every surface
    # How it was kept: by the engine's queries, by depth images, or by whoever recorded the path.
    collision: Literal["sweep", "depth", "recorded"]
    exposure_ev: float | None = None  # fixed, or left to the engine
    tracks: list[str] = field(default_factory=list)  # of TRACK_PASSES
    schema: int = CLIP_SCHEMA

    @property
    def folder(self) -> str:
        """The clip's folder in the workspace."""
        return f"{CLIPS}/{self.tour_id}"

    def path(self, name: str) -> str:
        """Workspace path of one of the clip's files."""
        return f"{self.folder}/{self.attempt}/{name}"

    @property
    def digest(self) -> str:
        """SHA-256 of the commit record, which holds the digest of every file."""
        return hashlib.sha256(json_bytes(dataclasses.asdict(self))).hexdigest()

    def to_json(self) -> bytes:
        """The bytes of `clip.json`."""
        return json_bytes(dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class CameraTrack:
    """Poses of a clip in Unreal's axes: `time_s` (N,), `location_cm` (N,3), `rotation_deg` (N,3)
    as pitch, yaw, roll, and `fov_deg` (N,), all float64."""

    time_s: np.ndarray
    location_cm: np.ndarray
    rotation_deg: np.ndarray
    fov_deg: np.ndarray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.time_s)


def track_file(track: str) -> str:
    """Name of the file of an optional track."""
    return f"{track}.parquet"


def track_to_table(track: CameraTrack) -> pa.Table:
    """`camera.parquet` of a track."""
    columns: dict[str, Any] = {
        "frame": np.arange(len(track), dtype=np.int32),
        "time_s": track.time_s,
    }
    for index, name in enumerate(LOCATION_COLUMNS):
        columns[name] = track.location_cm[:, index]
    for index, name in enumerate(ROTATION_COLUMNS):
        columns[name] = track.rotation_deg[:, index]
    columns["fov_deg"] = track.fov_deg
    return pa.table(columns)


def track_from_table(table: pa.Table, where: str) -> CameraTrack:
    """The track in a `camera.parquet`; `where` names the file in errors."""
    needed = ["time_s", *LOCATION_COLUMNS, *ROTATION_COLUMNS, "fov_deg"]
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise OpenRelicError(
            f"{where} lacks the columns {', '.join(missing)}; it has "
            f"{', '.join(table.column_names)}, and {', '.join(needed)} are needed"
        )
    column = {name: table[name].to_numpy().astype(np.float64) for name in needed}
    return CameraTrack(
        time_s=column["time_s"],
        location_cm=np.stack([column[name] for name in LOCATION_COLUMNS], axis=1),
        rotation_deg=np.stack([column[name] for name in ROTATION_COLUMNS], axis=1),
        fov_deg=column["fov_deg"],
    )


@contextlib.contextmanager
def open_clip_file(workspace: Workspace, clip: Clip, name: str) -> Iterator[Path]:
    """A local path of one of the clip's files; one that is not what the record says is refused."""
    path = clip.path(name)
    where, remedy = f"{workspace.location}/{path}", _recapture(workspace, clip.tour_id)
    if name not in clip.files or not workspace.exists(path):
        raise OpenRelicError(f"{where} is missing from a committed clip; {remedy}")
    with workspace.reading(path) as local:
        if sha256_file(local) != clip.files[name].sha256:
            raise OpenRelicError(
                f"{where} is damaged: its SHA-256 is not that of the clip's record; {remedy}"
            )
        yield local


def _recapture(workspace: Workspace, tour_id: str) -> str:
    return (
        f"delete {workspace.location}/{CLIPS}/{tour_id} and run "
        f"`python -m capture.run {workspace.location}` again"
    )


def read_track(workspace: Workspace, clip: Clip) -> CameraTrack:
    """The pose track of a committed clip."""
    path = clip.path(CAMERA)
    with open_clip_file(workspace, clip, CAMERA):
        table = workspace.read_table(path)
    return track_from_table(table, f"{workspace.location}/{path}")


def read_clip(workspace: Workspace, tour_id: str) -> Clip | None:
    """The committed clip of a tour, or None."""
    path = f"{CLIPS}/{tour_id}/{RECORD}"
    try:
        record = workspace.read_json(path)
    except FileNotFoundError:
        return None
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != CLIP_SCHEMA:
        raise OpenRelicError(
            f"{workspace.location}/{path} has schema {schema}; this version reads "
            f"{CLIP_SCHEMA}: capture into a new workspace"
        )
    try:
        files = {name: FileRecord(**entry) for name, entry in record["files"].items()}
        return Clip(**{**record, "files": files})
    except (AttributeError, KeyError, TypeError) as error:
        raise OpenRelicError(
            f"{workspace.location}/{path} is not a clip's record ({error}); "
            f"{_recapture(workspace, tour_id)}"
        ) from error


def commit_clip(workspace: Workspace, clip: Clip, folder: Path) -> bool:
    """Bring an attempt's files from a local folder, then claim the record; False if another
    attempt has it already, whose clip this then is."""
    for name in clip.files:
        workspace.put_file(folder / name, clip.path(name))
    return workspace.claim_bytes(f"{clip.folder}/{RECORD}", clip.to_json())


def committed_clips(workspace: Workspace) -> list[Clip]:
    """Every committed clip, sorted by tour id; their records are read side by side."""
    tours = workspace.list_tree(CLIPS)
    recorded = sorted(name for name, entries in tours.items() if RECORD in entries)
    # On a disk a record is read before threads have taken turns.
    readers = 1 if workspace.local_root else READERS
    with ThreadPoolExecutor(readers) as pool:
        found = list(pool.map(lambda name: read_clip(workspace, name), recorded))
    return [clip for clip in found if clip is not None]


def require_clips(workspace: Workspace) -> list[Clip]:
    """Every committed clip; none at all raises the error that names the command to run."""
    clips = committed_clips(workspace)
    if not clips:
        raise MissingInputError(
            f"{workspace.location}/{CLIPS} with at least one committed clip",
            f"python -m capture.run {workspace.location}",
        )
    return clips
