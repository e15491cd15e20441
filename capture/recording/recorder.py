"""One tour in a running engine: compute its path, fly it, record it, commit it.

Every frame's image and pose come in one reply (`/tour/frame`), and the pose that was drawn is
compared with the one that was asked for, as a rotation and within UnrealCV's last printed digit.
"""

import logging
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from capture.recording.space import EngineSpace
from capture.sessions.client import EngineLostError, Frame, UnrealCVClient
from capture.tours.camera_operator import Operator, TourWish
from capture.tours.rows import PlanRow
from capture.tours.steering import Path, Style, looking_along
from dataset.clip import (
    CAMERA,
    FPS,
    HEIGHT,
    RECORD,
    SCENE_MANIFEST,
    VIDEO,
    WIDTH,
    CameraTrack,
    Clip,
    FileRecord,
    track_to_table,
)
from dataset.errors import OpenRelicError
from dataset.workspace import CLIPS, Workspace, json_bytes, sha256_file
from labeling.camera import camera_to_ue, rotation_distance_rad, ue_to_camera

log = logging.getLogger(__name__)

WARMUP_FRAMES = 32
READY_TIMEOUT_S = 600.0
READY_POLL_S = 0.05
PSNR_FRAMES = 4
# UnrealCV prints 0.001; half a digit more covers the rounding of both sides.
LOCATION_TOLERANCE_CM = 0.0015
ROTATION_TOLERANCE_RAD = np.deg2rad(0.003)
START_CANDIDATES = 64
REQUIRED_COMMANDS = (
    "vget /tour/frame", "vget /tour/sweep", "vget /tour/clearance", "vget /tour/freespace",
)  # fmt: skip

Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Station:
    """A camera made ready in a running engine."""

    client: UnrealCVClient
    camera: int
    engine: str
    warmup_frames: int
    manifest: dict[str, object]


def make_station(client: UnrealCVClient, scene: str, fov_deg: float) -> Station:
    """Spawn a camera (camera 0 may show the previous tick on real engines) and warm up."""
    client.require(*REQUIRED_COMMANDS)
    version = client.json("vget /tour/version")
    if not _same_map(version["scene"], scene):
        raise OpenRelicError(
            f"the engine shows {version['scene']}, but the tour is planned in {scene}; start the "
            "engine with that map, or let capture.run start it"
        )
    client.text("vset /cameras/spawn")
    camera = len(client.text("vget /cameras").split()) - 1
    client.text(f"vset /camera/{camera}/size {WIDTH} {HEIGHT}")
    client.text(f"vset /camera/{camera}/fov {fov_deg:.6f}")
    warmup_frames = _warm_up(client)
    manifest = {}
    if client.offers("vget /tour/manifest"):
        manifest = client.json("vget /tour/manifest")
    return Station(
        client=client,
        camera=camera,
        engine=version["engine"],
        warmup_frames=warmup_frames,
        manifest=manifest,
    )


def _same_map(shown: str, planned: str) -> bool:
    """Unreal takes `/Game/Maps/Flat` and `Flat` for the same map, and may report either."""
    return shown.rpartition("/")[2] == planned.rpartition("/")[2]


def _warm_up(client: UnrealCVClient) -> int:
    """Wait until captures are final: shaders, textures, exposure; the frames of warm-up drawn."""
    frames = WARMUP_FRAMES if client.offers("vset /tour/warmup") else 0
    if frames:
        client.text(f"vset /tour/warmup {frames}")
    if not client.offers("vget /tour/ready"):
        return frames
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not (state := client.json("vget /tour/ready"))["ready"]:
        if time.monotonic() > deadline:
            raise EngineLostError(f"the engine is still waiting for {state['waiting_for']}")
        time.sleep(READY_POLL_S)
    return frames


def compute_path(station: Station, row: PlanRow, progress: Progress = lambda _: None) -> Path:
    """Steer the row's tour with the engine's collision queries, before frame 0."""
    space = EngineSpace(station.client, row.clearance_cm)
    location_cm, yaw_deg = _start(station, space, row)
    _, start_m = ue_to_camera(location_cm[None], np.zeros((1, 3)))
    wish = TourWish(
        frames=row.frames,
        kind=row.kind,
        style=Style(motion=row.motion, rotation_frame=row.rotation_frame),
        mix=np.array(row.mix),
        translation_m_s=row.translation_m_s,
        rotation_deg_s=row.rotation_deg_s,
        seed=row.seed,
    )
    return Operator(wish, space, looking_along(yaw_deg), start_m[0]).drive(progress)


def _start(station: Station, space: EngineSpace, row: PlanRow) -> tuple[np.ndarray, float]:
    """A clear place to start from, and a yaw: a spawn point, else a point of the free space."""
    random = np.random.default_rng(row.seed)
    spawns = np.asarray(station.manifest.get("spawns", []), dtype=np.float64).reshape(-1, 4)
    for spawn in random.permutation(spawns):
        if space.is_free(spawn[:3]):
            return spawn[:3], float(spawn[3])
    wanted = f"{START_CANDIDATES} {row.clearance_cm:.6f} {row.seed}"
    points = station.client.json(f"vget /tour/freespace {wanted}")["points"]
    for point in points:
        if space.is_free(np.array(point)):
            return np.array(point), float(random.uniform(-180, 180))
    raise OpenRelicError(
        f"scene {row.scene} has no place with {row.clearance_cm:g} cm of clearance; "
        "plan with a smaller --clearance-cm"
    )


def record_tour(
    station: Station, row: PlanRow, workspace: Workspace, retries: int,
    progress: Progress = lambda _: None,
) -> Clip | None:  # fmt: skip
    """Capture one tour into an attempt folder and commit it; None if another attempt won."""
    path = compute_path(station, row)
    attempt = uuid.uuid4().hex[:12]
    with tempfile.TemporaryDirectory(prefix="openrelic-") as scratch:
        folder = FilePath(scratch)
        track, psnr_db = _record_frames(station, path, folder / VIDEO, row, progress)
        _write_track(track, folder / CAMERA)
        if station.manifest:
            (folder / SCENE_MANIFEST).write_bytes(json_bytes(station.manifest))
        clip = _record_of(row, attempt, folder, station, retries, psnr_db)
        for name in clip.files:
            workspace.put_file(folder / name, clip.path(name))
    won = workspace.claim_bytes(f"{CLIPS}/{row.tour_id}/{RECORD}", clip.to_json())
    return clip if won else None


def _record_frames(
    station: Station, path: Path, video: FilePath, row: PlanRow, progress: Progress
) -> tuple[CameraTrack, float]:
    from dataset.video import VideoWriter, encoding_psnr_db

    location_cm, rotation_deg = rounded_pose(*camera_to_ue(path.R, path.position_m))
    sampled = set(np.linspace(0, len(path) - 1, PSNR_FRAMES).astype(int).tolist())
    sources: dict[int, np.ndarray] = {}
    drawn = np.empty((len(path), 7))
    with VideoWriter(video, WIDTH, HEIGHT) as writer:
        for number, frame in enumerate(_frames(station, location_cm, rotation_deg)):
            _check_pose(frame, location_cm[number], rotation_deg[number])
            image = frame.passes["lit_bgra"]
            if image.shape != (HEIGHT, WIDTH, 4):
                raise OpenRelicError(f"the engine drew {image.shape}, not {(HEIGHT, WIDTH, 4)}")
            writer.write(image)
            if number in sampled:
                sources[number] = image.copy()
            drawn[number] = (*frame.location_cm, *frame.rotation_deg, frame.fov_deg)
            progress(number + 1)
    track = CameraTrack(
        time_s=np.arange(len(path)) / FPS,
        location_cm=drawn[:, :3],
        rotation_deg=drawn[:, 3:6],
        fov_deg=drawn[:, 6],
    )
    return track, encoding_psnr_db(video, sources)


def _frames(station: Station, location_cm: np.ndarray, rotation_deg: np.ndarray) -> Iterator[Frame]:
    """Frames in order, each valid until the next; that one is asked for before it is needed."""
    client, camera = station.client, station.camera

    def ask(number: int) -> int:
        return client.send_frame_request(
            camera, location_cm[number], rotation_deg[number], "lit_bgra"
        )

    identifier = ask(0)
    for number in range(len(location_cm)):
        following = ask(number + 1) if number + 1 < len(location_cm) else -1
        yield client.receive_frame(identifier)
        identifier = following


def rounded_pose(
    location_cm: np.ndarray, rotation_deg: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses to 0.001 cm and 0.001°, which is what UnrealCV prints (and without -0)."""
    return np.round(location_cm, 3) + 0.0, np.round(rotation_deg, 3) + 0.0


def _check_pose(frame: Frame, location_cm: np.ndarray, rotation_deg: np.ndarray) -> None:
    """The engine must have drawn the pose that was asked for; equivalent angles pass."""
    R_drawn, _ = ue_to_camera(frame.location_cm, frame.rotation_deg)
    R_asked, _ = ue_to_camera(location_cm, rotation_deg)
    off_cm = float(np.abs(frame.location_cm - location_cm).max())
    off_rad = float(rotation_distance_rad(R_drawn, R_asked))
    if off_cm > LOCATION_TOLERANCE_CM or off_rad > ROTATION_TOLERANCE_RAD:
        raise EngineLostError(
            f"the engine drew a pose {off_cm:.4f} cm and {np.rad2deg(off_rad):.4f}° off the one "
            "that was asked for"
        )


def _write_track(track: CameraTrack, path: FilePath) -> None:
    import pyarrow.parquet as pq

    pq.write_table(track_to_table(track), path, compression="zstd")


def _record_of(
    row: PlanRow, attempt: str, folder: FilePath, station: Station, retries: int, psnr_db: float
) -> Clip:
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
        frames=row.frames,
        fps=FPS,
        width=WIDTH,
        height=HEIGHT,
        fov_deg=row.fov_deg,
        engine=station.engine,
        files=files,
        pose_proof="per_frame",
        rotation_frame=row.rotation_frame,
        kind=row.kind,
        motion=row.motion,
        retries=retries,
        warmup_frames=station.warmup_frames,
        encoding_psnr_db=round(psnr_db, 2),
        clearance_cm=row.clearance_cm,
        collision="sweep",
    )
