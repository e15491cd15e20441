"""A workspace of the paper's size for the dashboard's benchmark, made in a minute.

Twelve real videos of the lengths that tours have, each a looped second of moving texture, stand for
all clips by hard links; records, labels and measurements are each clip's own.
"""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.tours.planning import KINDS, tour_durations_s
from dataset.clip import (
    CAMERA,
    FPS,
    GOP_FRAMES,
    HEIGHT,
    RECORD,
    VIDEO,
    WIDTH,
    CameraTrack,
    Clip,
    FileRecord,
    track_to_table,
)
from dataset.qa.checks import CHECKS, NAMES
from dataset.qa.store import SECONDS, ClipMetrics, Evidence, Segment, write_metrics
from dataset.video import MUXER_OPTIONS, VideoWriter
from dataset.workspace import CLIPS, LABELS, Workspace, sha256_file
from labeling.actions import Actions, poses_to_actions
from labeling.camera import ue_to_camera
from labeling.store import label_table

CLIP_COUNT, SCENES, MINUTES, LENGTHS = 1400, 350, 1563.0, 12
LOOP_FRAMES = 6 * GOP_FRAMES
FAILING_SHARE = 0.15


@dataclass(frozen=True, kw_only=True)
class Model:
    """The files that all clips of one length share."""

    frames: int
    folder: Path
    files: dict[str, FileRecord]
    actions: Actions


def make_workspace(root: Path) -> tuple[Workspace, int]:
    """Write the workspace; it and its frames in all."""
    random = np.random.default_rng(7)
    models = [
        make_model(root / "models" / str(number), frames, random)
        for number, frames in enumerate(model_lengths())
    ]
    workspace, clips = Workspace(root / "workspace"), []
    for number in range(CLIP_COUNT):
        clips.append(add_clip(workspace, number, models[number % LENGTHS], random))
    write_measurements(workspace, clips, random)
    return workspace, sum(clip.frames for clip in clips)


def model_lengths() -> list[int]:
    """Frames of the videos: means of the twelfths of the durations that a plan has."""
    durations = np.sort(tour_durations_s(SCENES, MINUTES))
    means_s = [part.mean() for part in np.array_split(durations, LENGTHS)]
    return [round(mean_s * FPS / GOP_FRAMES) * GOP_FRAMES for mean_s in means_s]


def make_model(folder: Path, frames: int, random: np.random.Generator) -> Model:
    """Write one video and its track."""
    folder.mkdir(parents=True)
    write_loop(folder / "loop.mp4", random)
    repeat(folder / "loop.mp4", folder / VIDEO, frames)
    holds = np.repeat(random.uniform(-1, 1, (frames // 24 + 1, 6)), 24, axis=0)[:frames]
    holds[np.repeat(random.random((frames // 24 + 1, 6)) < 0.7, 24, axis=0)[:frames]] = 0
    path = np.cumsum(holds * [8, 8, 3, 0.4, 2.0, 0.2], axis=0).round(3)
    track = CameraTrack(
        time_s=np.arange(frames) / FPS, location_cm=path[:, :3], rotation_deg=path[:, 3:],
        fov_deg=np.full(frames, 90.0),
    )  # fmt: skip
    pq.write_table(track_to_table(track), folder / CAMERA)
    files = {
        name: FileRecord(bytes=(folder / name).stat().st_size, sha256=sha256_file(folder / name))
        for name in (VIDEO, CAMERA)
    }
    R, P = ue_to_camera(track.location_cm, track.rotation_deg)
    return Model(frames=frames, folder=folder, files=files, actions=poses_to_actions(R, P))


def write_loop(path: Path, random: np.random.Generator) -> None:
    """A texture that moves, in the dataset's size."""
    coarse = random.integers(0, 256, (HEIGHT // 20 + 8, WIDTH // 20 + 8, 3), np.uint8)
    texture = coarse.repeat(20, 0).repeat(20, 1)
    with VideoWriter(path, WIDTH, HEIGHT, pixels="rgb24") as writer:
        for number in range(LOOP_FRAMES):
            shifted = texture[number : number + HEIGHT, number : number + WIDTH]
            writer.write(np.ascontiguousarray(shifted))


def repeat(source: Path, target: Path, frames: int) -> None:
    """Copy the packets of a video again and again: every second of it is a group by itself."""
    import av

    with av.open(str(source)) as given, av.open(str(target), "w", options=MUXER_OPTIONS) as made:
        stream = given.streams.video[0]
        copy = made.add_stream_from_template(stream)
        packets = [
            (bytes(packet), packet.is_keyframe)
            for packet in given.demux(stream)
            if packet.pts is not None
        ]
        copy.time_base = Fraction(1, FPS)
        for number in range(frames):
            data, is_key = packets[number % len(packets)]
            packet = av.Packet(data)
            packet.stream, packet.time_base = copy, Fraction(1, FPS)
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, is_key
            made.mux(packet)


def add_clip(workspace: Workspace, number: int, model: Model, random: np.random.Generator) -> Clip:
    """A record of its own, with the model's files and labels of its digest."""
    scene = f"kind-{number % SCENES % 15}:{number % SCENES // 15}"
    kind = KINDS[number % len(KINDS)]
    tour_id = f"{scene.replace(':', '-')}-{kind}-{random.bytes(5).hex()}"
    clip = Clip(
        tour_id=tour_id, row_hash="0" * 64, attempt="a1", scene=scene, asset=scene,
        licence="CC0-1.0", frames=model.frames, fps=FPS, width=WIDTH, height=HEIGHT,
        fov_deg=90.0, engine="benchmark", files=model.files, pose_proof="per_frame",
        rotation_frame="camera", kind=kind, motion=("fly", "walk")[number % 2], retries=0,
        warmup_frames=0, encoding_psnr_db=40.0, clearance_cm=25.0, collision="sweep",
    )  # fmt: skip
    root = Path(workspace.location)
    folder = root / CLIPS / tour_id / "a1"
    folder.mkdir(parents=True)
    for name in (VIDEO, CAMERA):
        os.link(model.folder / name, folder / name)
    (folder.parent / RECORD).write_bytes(clip.to_json())
    labels = root / LABELS / "default"
    labels.mkdir(parents=True, exist_ok=True)
    table = label_table(model.actions, {"clip_digest": clip.digest})
    pq.write_table(table, labels / f"{tour_id}.parquet", compression="zstd")
    return clip


def write_measurements(
    workspace: Workspace, clips: list[Clip], random: np.random.Generator
) -> None:
    """`metrics.parquet` and `seconds.parquet` with values of chance."""
    metrics = []
    for clip in clips:
        failed = [name for name in NAMES if random.random() < FAILING_SHARE / 4]
        evidence = [
            Evidence(check=name, first_frame=32 * at, frames=16, frame=32 * at + 5, value=9.9)
            for at, name in enumerate(failed)
        ]
        metrics.append(
            ClipMetrics(
                tour_id=clip.tour_id, digest=clip.digest, scene=clip.scene, asset=clip.asset,
                frames=clip.frames, fps=clip.fps,
                proposed="reject" if len(failed) > 1 else "look" if failed else "accept",
                failed=tuple(failed), values={name: float(random.random()) for name in NAMES},
                evidence=tuple(evidence), segments=(Segment(first_frame=0, frames=clip.frames),),
            )
        )  # fmt: skip
    write_metrics(workspace, metrics, {check.name: check.threshold for check in CHECKS}, "0" * 64)
    seconds = [clip.frames // clip.fps for clip in clips]
    tours = np.repeat([clip.tour_id for clip in clips], seconds)
    columns = {name: random.random(len(tours), np.float32) for name in NAMES}
    second = np.concatenate([np.arange(count, dtype=np.int32) for count in seconds])
    workspace.write_table(SECONDS, pa.table({"tour_id": tours, "second": second, **columns}))
