"""One tour in a running engine: compute its path, warm up, record it, prove it, commit it.

While the engine draws the next frames, this one is received, converted and encoded (see
`capture.recording.store`). Nothing but the finished files touches the disk.
"""

import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from capture.recording.frames import FrameSource
from capture.recording.path import (
    CollisionOrRecorded,
    compute_path,
    path_and_collision,
    rounded_pose,
)
from capture.recording.proof import StaleWatch, check_pose
from capture.recording.station import Station, make_station
from capture.recording.store import ClipStore, Store
from capture.recording.warm_up import warm_up
from capture.tours.rows import PlanRow
from dataset.clip import (
    CAMERA,
    FPS,
    SCENE_MANIFEST,
    VIDEO,
    CameraTrack,
    Clip,
    FileRecord,
    commit_clip,
    track_to_table,
)
from dataset.workspace import Workspace, json_bytes, sha256_file
from labeling.camera import camera_to_ue

__all__ = ["Station", "compute_path", "film", "make_station", "record_tour", "rounded_pose"]

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
        won = commit_clip(workspace, clip, folder)
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
    with ClipStore(folder, station.size, tracks, frames=len(path)) as store:
        drawn = film(
            station.source, location_cm, rotation_deg, store, watch=watch, progress=progress
        )
    if watch is not None:
        watch.audit()
    return Take(
        track=_track_of(drawn),
        collision=collision,
        warmup_frames=warmed.frames + _first_warm_up_frames(station),
        psnr_db=encoding_psnr_db(folder / VIDEO, store.samples),
        audited_frames=watch.audited if watch else 0,
    )


def film(
    source: FrameSource, location_cm: np.ndarray, rotation_deg: np.ndarray, store: Store,
    *, watch: StaleWatch | None = None, progress: Progress = lambda _: None,
) -> np.ndarray:  # fmt: skip
    """Draw, check and store a frame for each pose (N,3), (N,3) in order.

    The poses as drawn, (N,7), with the fov.
    """
    drawn = np.empty((len(location_cm), 7))

    def passes(number: int) -> tuple[str, ...]:
        audited = watch.passes(number) if watch else ()
        return tuple(dict.fromkeys((*store.passes, *audited)))

    for number, frame in enumerate(source.stream(location_cm, rotation_deg, passes)):
        check_pose(frame, location_cm[number], rotation_deg[number])
        store.add(number, frame)
        if watch is not None:
            watch.look(number, frame)
        drawn[number] = (*frame.location_cm, *frame.rotation_deg, frame.fov_deg)
        progress(number + 1)
    return drawn


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
