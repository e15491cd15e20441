"""One tour in a running engine: compute its path, warm up, record it, prove it, commit it.

While the engine draws the next frames, this one is received and converted in the calling thread,
and encoded in another (`Conveyor`); each optional track has a thread of its own. Nothing but the
finished files touches the disk, and at most a few frames are held at a time.
"""

import contextlib
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import numpy as np

from capture.recording.conveyor import Conveyor
from capture.recording.frames import LIT
from capture.recording.path import (
    CollisionOrRecorded,
    compute_path,
    path_and_collision,
    rounded_pose,
)
from capture.recording.proof import StaleWatch, check_pose
from capture.recording.station import Station, make_station
from capture.recording.warm_up import warm_up
from capture.sessions.client import EngineLostError, Frame
from capture.tours.rows import PlanRow
from dataset.clip import (
    CAMERA,
    FPS,
    RECORD,
    SCENE_MANIFEST,
    TRACK_PASSES,
    VIDEO,
    CameraTrack,
    Clip,
    FileRecord,
    track_file,
    track_to_table,
)
from dataset.workspace import CLIPS, Workspace, json_bytes, sha256_file
from labeling.camera import camera_to_ue

if TYPE_CHECKING:
    pass

__all__ = ["Station", "compute_path", "make_station", "record_tour", "rounded_pose"]

PSNR_FRAMES = 4

Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Take:
    """What was recorded of one tour, besides the images."""

    track: CameraTrack
    collision: CollisionOrRecorded
    warmup_frames: int
    psnr_db: float
    audited_frames: int


def record_tour(
    station: Station, row: PlanRow, workspace: Workspace, retries: int,
    progress: Progress = lambda _: None, *, tracks: tuple[str, ...] = (),
) -> Clip | None:  # fmt: skip
    """Capture one tour into an attempt folder and commit it; None if another attempt won.

    `tracks` names what to store beside the video, of `dataset.clip.TRACK_PASSES`; the station must
    have been made for them. `progress` is told the frames recorded so far.
    """
    attempt = uuid.uuid4().hex[:12]
    with tempfile.TemporaryDirectory(prefix="openrelic-") as scratch:
        folder = FilePath(scratch)
        take = _record(station, row, workspace, folder, progress, tracks)
        _write_track(take.track, folder / CAMERA)
        if station.manifest:
            (folder / SCENE_MANIFEST).write_bytes(json_bytes(station.manifest))
        clip = _record_of(row, attempt, folder, station, retries, take, tracks)
        for name in clip.files:
            workspace.put_file(folder / name, clip.path(name))
    won = workspace.claim_bytes(f"{CLIPS}/{row.tour_id}/{RECORD}", clip.to_json())
    return clip if won else None


def _record(
    station: Station, row: PlanRow, workspace: Workspace, folder: FilePath, progress: Progress,
    tracks: tuple[str, ...],
) -> Take:  # fmt: skip
    from dataset.video import encoding_psnr_db

    path, collision = path_and_collision(station, row, workspace)
    location_cm, rotation_deg = rounded_pose(*camera_to_ue(path.R, path.position_m))
    warmed = warm_up(station.client, lambda: station.still(location_cm[0], rotation_deg[0]))
    watch = None
    if station.source.pose_proof == "sampled":
        watch = StaleWatch(
            station.source, location_cm, rotation_deg, noise_levels=warmed.noise_levels,
            seed=row.seed, with_depth=station.has_depth,
        )  # fmt: skip
    with contextlib.ExitStack() as sinks:
        store = _Store(station, folder, tracks, sinks, frames=len(path))
        drawn = _draw(station, location_cm, rotation_deg, watch, store, progress)
    if watch is not None:
        watch.audit()
    return Take(
        track=_track_of(drawn),
        collision=collision,
        warmup_frames=warmed.frames + _first_warm_up_frames(station),
        psnr_db=encoding_psnr_db(folder / VIDEO, store.samples),
        audited_frames=watch.audited if watch else 0,
    )


def _draw(
    station: Station, location_cm: np.ndarray, rotation_deg: np.ndarray,
    watch: StaleWatch | None, store: "_Store", progress: Progress,
) -> np.ndarray:  # fmt: skip
    """Draw, check and store every frame; the poses as drawn (N,7), with the fov."""
    drawn = np.empty((len(location_cm), 7))

    def passes(number: int) -> tuple[str, ...]:
        audited = watch.passes(number) if watch else ()
        return tuple(dict.fromkeys((*store.passes, *audited)))

    for number, frame in enumerate(station.source.stream(location_cm, rotation_deg, passes)):
        check_pose(frame, location_cm[number], rotation_deg[number])
        store.add(number, frame)
        if watch is not None:
            watch.look(number, frame)
        drawn[number] = (*frame.location_cm, *frame.rotation_deg, frame.fov_deg)
        progress(number + 1)
    return drawn


class _Store:
    """The files of a tour while it is recorded; they are closed by `sinks`."""

    def __init__(
        self, station: Station, folder: FilePath, tracks: tuple[str, ...],
        sinks: contextlib.ExitStack, frames: int,
    ) -> None:  # fmt: skip
        from dataset.tracks import TrackWriter
        from dataset.video import VideoWriter

        width, height = station.size
        self._shape = (height, width)
        self._video: VideoWriter = sinks.enter_context(VideoWriter(folder / VIDEO, width, height))
        self._encoding = sinks.enter_context(Conveyor(self._video.encode, name="encode"))
        self._tracks = {}
        for track in tracks:
            writer = sinks.enter_context(TrackWriter(folder / track_file(track)))
            conveyor = sinks.enter_context(Conveyor(writer.write, name=track))
            self._tracks[TRACK_PASSES[track]] = conveyor
        self.passes = (LIT, *self._tracks)
        self._sampled = set(np.linspace(0, frames - 1, PSNR_FRAMES).astype(int).tolist())
        self.samples: dict[int, np.ndarray] = {}  # frames as drawn, for the PSNR

    def add(self, number: int, frame: Frame) -> None:
        """Hand a frame on; what it refers to may be overwritten afterwards."""
        for name in self.passes:
            shape = frame.passes[name].shape[:2]
            if shape != self._shape:
                raise EngineLostError(f"the engine drew {name} of {shape}, not {self._shape}")
        image = frame.passes[LIT]
        self._encoding.put(self._video.convert(image))
        for name, conveyor in self._tracks.items():
            conveyor.put(frame.passes[name].copy())
        if number in self._sampled:
            self.samples[number] = image.copy()


def _first_warm_up_frames(station: Station) -> int:
    """Those of a new engine count for the first tour that it records."""
    first, station.first_warm_up = station.first_warm_up, None
    return first.frames if first else 0


def _track_of(drawn: np.ndarray) -> CameraTrack:
    return CameraTrack(
        time_s=np.arange(len(drawn)) / FPS,
        location_cm=drawn[:, :3],
        rotation_deg=drawn[:, 3:6],
        fov_deg=drawn[:, 6],
    )


def _write_track(track: CameraTrack, path: FilePath) -> None:
    import pyarrow.parquet as pq

    pq.write_table(track_to_table(track), path, compression="zstd")


def _record_of(
    row: PlanRow, attempt: str, folder: FilePath, station: Station, retries: int, take: Take,
    tracks: tuple[str, ...],
) -> Clip:  # fmt: skip
    files = {
        path.name: FileRecord(bytes=path.stat().st_size, sha256=sha256_file(path))
        for path in sorted(folder.iterdir())
    }
    return Clip(
        tour_id=row.tour_id,
        row_hash=row.row_hash,
        attempt=attempt,
        scene=row.scene,
        asset=row.asset,
        licence=row.licence,
        frames=len(take.track),
        fps=FPS,
        width=station.size[0],
        height=station.size[1],
        fov_deg=row.fov_deg,
        engine=station.engine,
        files=files,
        pose_proof=station.source.pose_proof,
        audited_frames=take.audited_frames,
        rotation_frame=row.rotation_frame,
        kind=row.kind,
        motion=row.motion,
        retries=retries,
        warmup_frames=take.warmup_frames,
        encoding_psnr_db=round(take.psnr_db, 2),
        clearance_cm=row.clearance_cm,
        collision=take.collision,
        exposure_ev=station.exposure_ev,
        tracks=list(tracks),
    )
