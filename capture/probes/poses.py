"""Whether a camera is where it was put, to the last digit that is printed."""

from collections.abc import Iterator

import numpy as np

from capture.probes.subject import Pose, Subject, floats
from capture.probes.table import Row, not_tried, row
from capture.recording.proof import LOCATION_TOLERANCE_CM, ROTATION_TOLERANCE_RAD
from labeling.camera import rotation_distance_rad, ue_to_camera

POSES = 32
NEAR_CM = 100.0
FAR_CM = 100_000.0
FOVS_DEG = (60.0, 75.5, 120.0)
FOV_TOLERANCE_DEG = 1e-3


def random_poses(subject: Subject, count: int, reach_cm: float = NEAR_CM) -> list[Pose]:
    """Poses around camera 0's place, rounded to what UnrealCV prints; all angles are drawn."""
    offsets = subject.random.uniform(-reach_cm, reach_cm, (count, 3))
    angles = subject.random.uniform((-89, -180, -180), (89, 180, 180), (count, 3))
    return [
        Pose(
            location_cm=np.round(subject.home.location_cm + offset, 3) + 0.0,
            rotation_deg=np.round(angle, 3) + 0.0,
        )
        for offset, angle in zip(offsets, angles, strict=True)
    ]


def read_back(subject: Subject) -> Iterator[Row]:
    """Poses set and read back, of each camera; equivalent Euler angles count as equal."""
    for name, camera in subject.cameras:
        poses = random_poses(subject, POSES)
        # Pitches beyond the zenith have an equivalent that an engine may print instead.
        poses += [
            Pose(location_cm=p.location_cm, rotation_deg=p.rotation_deg + np.array([180.0, 0, 0]))
            for p in poses[:4]
        ]
        yield _row_of(f"{name}: poses read back", poses, _echoes(subject, camera, poses))
    far = random_poses(subject, 4, FAR_CM)
    yield _row_of(
        "poses read back, 1 km away", far, _echoes(subject, subject.best_camera, far)
    )  # fmt: skip


def _echoes(subject: Subject, camera: int, poses: list[Pose]) -> list[Pose]:
    echoes = []
    for pose in poses:
        subject.place(camera, pose)
        echoes.append(subject.read_pose(camera))
    return echoes


def _row_of(name: str, asked: list[Pose], found: list[Pose]) -> Row:
    off = [difference(a, f) for a, f in zip(asked, found, strict=True)]
    off_cm, off_rad = (max(values) for values in zip(*off, strict=True))
    angles = [
        float(np.abs(a.rotation_deg - f.rotation_deg).max())
        for a, f in zip(asked, found, strict=True)
    ]
    other = sum(angle > 0.01 for angle in angles) if off_rad < ROTATION_TOLERANCE_RAD else 0
    return row(
        name, off_cm <= LOCATION_TOLERANCE_CM and off_rad <= ROTATION_TOLERANCE_RAD,
        f"{len(asked)} poses, at most {off_cm:.4f} cm and {np.rad2deg(off_rad):.4f}° off"
        + (f"; {other} in other angles for the same rotation" if other else ""),
        off_cm=off_cm, off_deg=float(np.rad2deg(off_rad)),
    )  # fmt: skip


def difference(first: Pose, second: Pose) -> tuple[float, float]:
    """Largest difference of coordinates in cm, and the angle between the rotations in rad."""
    R_first, _ = ue_to_camera(first.location_cm, first.rotation_deg)
    R_second, _ = ue_to_camera(second.location_cm, second.rotation_deg)
    apart = float(np.abs(first.location_cm - second.location_cm).max())
    return apart, float(rotation_distance_rad(R_first, R_second))


def tour_frame(subject: Subject) -> Iterator[Row]:
    """The pose in the header of `/tour/frame`."""
    name, client = "/tour/frame: pose in its header", subject.client
    if not client.offers("vget /tour/frame"):
        yield not_tried(name, "not offered")
        return
    asked = random_poses(subject, POSES // 2)
    found = []
    for pose in asked:
        subject.check_time()
        identifier = client.send_frame_request(
            subject.best_camera, pose.location_cm, pose.rotation_deg, "lit_bgra"
        )
        frame = client.receive_frame(identifier)
        found.append(Pose(location_cm=frame.location_cm, rotation_deg=frame.rotation_deg))
    yield _row_of(name, asked, found)


def field_of_view(subject: Subject) -> Iterator[Row]:
    """The horizontal field of view set and read back."""
    camera, client = subject.best_camera, subject.client
    before = client.text(f"vget /camera/{camera}/fov")
    found = []
    for fov in FOVS_DEG:
        client.text(f"vset /camera/{camera}/fov {fov:.6f}")
        found.append(floats(client.text(f"vget /camera/{camera}/fov"), 1)[0])
    client.text(f"vset /camera/{camera}/fov {floats(before, 1)[0]:.6f}")
    off = max(abs(a - b) for a, b in zip(FOVS_DEG, found, strict=True))
    yield row("fov read back", off <= FOV_TOLERANCE_DEG, f"at most {off:.4f}° off", off_deg=off)
