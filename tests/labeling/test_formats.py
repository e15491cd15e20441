"""Pose files: golden files written by hand from the formats' definitions; independent readers."""

import itertools
import json
import struct
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from evo.tools import file_interface
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.camera import R_CAM_FROM_WORLD_LEVEL, relative_to_first, rotation_distance_rad
from labeling.formats import (
    FORMATS,
    Intrinsics,
    PoseFormat,
    Trajectory,
    guess_format,
    read_poses,
    write_poses,
)

HALF = float(np.sqrt(0.5))
SUFFIX: dict[PoseFormat, str] = {
    "tum": "poses.tum", "kitti": "poses.kitti", "nerfstudio": "transforms.json",
    "colmap": "model", "colmap-bin": "model", "realestate10k": "video.txt", "csv": "poses.csv",
    "camera-parquet": "camera.parquet",
}  # fmt: skip


def _random_poses(frames: int = 40) -> Trajectory:
    random = np.random.default_rng(5)
    R = Rotation.from_quat(random.normal(size=(frames, 4))).as_matrix()
    pinhole = Intrinsics(fx=640.0, fy=640.0, cx=640.0, cy=360.0, width=1280, height=720)
    return Trajectory(
        R_cam_from_world=R,
        position_m=random.normal(scale=20.0, size=(frames, 3)),
        time_s=np.arange(frames) / 16,
        intrinsics=pinhole,
    )


# Every golden file shows the same camera: at 1 m forward, 2 m left, 3 m up of our world's origin,
# first level and looking along X, then panned right by 90 degrees (along -Y), a step further on.
def _expected() -> tuple[np.ndarray, np.ndarray]:
    right_turned = np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]])  # rows right, down, forward
    return np.stack([R_CAM_FROM_WORLD_LEVEL, right_turned]), np.array([[1.0, 2, 3], [1.5, 2, 3]])


# Camera to world of the level camera: columns right = -Y, down = -Z, forward = X. As a quaternion
# that is (x, y, z, w) = (-1, 1, -1, 1) / 2: a third of a turn about (-1, 1, -1). After the pan the
# columns are -X, -Z, -Y: a half turn about (0, 1, -1).
TUM = f"""# made by hand
0.0 1 2 3 -0.5 0.5 -0.5 0.5
0.0625 1.5 2 3 0 {HALF!r} -{HALF!r} 0
"""
RE10K = """https://www.youtube.com/watch?v=made_by_hand
0 0.5 0.888888888888889 0.5 0.5 0 0 0 -1 0 2 0 0 -1 3 1 0 0 -1
62500 0.5 0.888888888888889 0.5 0.5 0 0 -1 0 0 1.5 0 0 -1 3 0 -1 0 2
"""
CSV = """time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg
0,100,-200,300,0,0,0
0.0625,150,-200,300,0,90,0
"""
NERF = {
    "w": 1280, "h": 720, "fl_x": 640.0, "fl_y": 640.0, "cx": 640.0, "cy": 360.0,
    "frames": [
        # Natural order, not the file's: frame_10 comes after frame_9.
        {"file_path": "frame_10.png",
         "transform_matrix": [[-1, 0, 0, 1.5], [0, 0, 1, 2], [0, 1, 0, 3], [0, 0, 0, 1]]},
        {"file_path": "frame_9.png",
         "transform_matrix": [[0, 0, -1, 1], [-1, 0, 0, 2], [0, 1, 0, 3], [0, 0, 0, 1]]},
    ],
}  # fmt: skip
# World to camera: the conjugates, w first, and t = -R P.
COLMAP_IMAGES = f"""# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME
7 0 0 -{HALF!r} {HALF!r} 1.5 3 2 1 frame_10.png
1.0 2.0 -1 3.0 4.0 55
3 0.5 0.5 -0.5 0.5 2 3 -1 1 frame_9.png

"""
COLMAP_CAMERAS = "1 OPENCV 1280 720 640 640 640 360 0.1 0 0 0\n"


def _golden(folder: Path, form: PoseFormat) -> Path:
    path = folder / SUFFIX[form]
    texts = {"tum": TUM, "realestate10k": RE10K, "csv": CSV, "nerfstudio": json.dumps(NERF)}
    if form in texts:
        path.write_text(texts[form])
    elif form == "colmap":
        path.mkdir()
        (path / "images.txt").write_text(COLMAP_IMAGES)
        (path / "cameras.txt").write_text(COLMAP_CAMERAS)
    elif form == "colmap-bin":
        path.mkdir()
        images = struct.pack("<Q", 2)
        images += struct.pack("<i7di", 7, 0, 0, -HALF, HALF, 1.5, 3, 2, 1) + b"frame_10.png\0"
        images += struct.pack("<Qddq", 1, 1.0, 2.0, -1)
        images += struct.pack("<i7di", 3, 0.5, 0.5, -0.5, 0.5, 2, 3, -1, 1) + b"frame_9.png\0"
        images += struct.pack("<Q", 0)
        (path / "images.bin").write_bytes(images)
        camera = struct.pack("<QiiQQ4d", 1, 1, 1, 1280, 720, 640, 640, 640, 360)
        (path / "cameras.bin").write_bytes(camera)
    return path


@pytest.mark.parametrize("form", ["tum", "realestate10k", "csv", "nerfstudio", "colmap",
                                  "colmap-bin"])  # fmt: skip
def test_golden_file_gives_the_pose_it_was_written_for(tmp_path: Path, form: PoseFormat):
    path = _golden(tmp_path, form)
    assert guess_format(path) == form
    found = read_poses(path)
    R, P = _expected()
    np.testing.assert_allclose(found.R_cam_from_world, R, atol=1e-12)
    np.testing.assert_allclose(found.position_m, P, atol=1e-12)
    if found.time_s is not None:
        np.testing.assert_allclose(found.time_s, [0, 0.0625], atol=1e-12)
    if found.intrinsics is not None:
        pinhole = found.intrinsics
        assert (pinhole.fx, pinhole.cx, pinhole.cy) == (640.0, 640.0, 360.0)
        assert pinhole.fy == pytest.approx(640.0)
    if found.names is not None:
        assert found.names == ("frame_9.png", "frame_10.png")


def test_kitti_golden_file(tmp_path: Path):
    """In KITTI's world, x right, y down, z forward: half a metre forward, turned right by 90°."""
    path = tmp_path / "00.txt"
    path.write_text("1 0 0 0 0 1 0 0 0 0 1 0\n0 0 1 0 0 1 0 0 -1 0 0 0.5\n")
    assert guess_format(path) == "kitti"
    found = read_poses(path)
    R, P = _expected()
    np.testing.assert_allclose(found.R_cam_from_world, R, atol=1e-12)
    np.testing.assert_allclose(found.position_m, P - P[0], atol=1e-12)


@pytest.mark.parametrize(("first", "second"), [*itertools.product(FORMATS, FORMATS)])
def test_every_pair_of_formats_keeps_the_path(
    tmp_path: Path, first: PoseFormat, second: PoseFormat
):
    poses = _random_poses()
    a, b = tmp_path / "a" / SUFFIX[first], tmp_path / "b" / SUFFIX[second]
    write_poses(a, poses, first)
    write_poses(b, read_poses(a, first), second)
    found = read_poses(b, second)
    if "kitti" in (first, second):  # which knows its own first camera only
        R, P = relative_to_first(poses.R_cam_from_world, poses.position_m)
        R_found, P_found = relative_to_first(found.R_cam_from_world, found.position_m)
    else:
        R, P = poses.R_cam_from_world, poses.position_m
        R_found, P_found = found.R_cam_from_world, found.position_m
    assert rotation_distance_rad(R, R_found).max() < 1e-12
    np.testing.assert_allclose(P_found, P, atol=1e-11)
    if found.time_s is not None:
        np.testing.assert_allclose(found.time_s, np.arange(len(poses)) / 16, atol=1e-6)


def test_evo_reads_what_is_written(tmp_path: Path):
    poses = _random_poses()
    write_poses(tmp_path / "a.tum", poses, "tum")
    write_poses(tmp_path / "a.kitti", poses, "kitti")
    tum = file_interface.read_tum_trajectory_file(str(tmp_path / "a.tum"))
    camera_to_world = np.swapaxes(poses.R_cam_from_world, 1, 2)
    np.testing.assert_allclose(np.stack(tum.poses_se3)[:, :3, :3], camera_to_world, atol=1e-12)
    np.testing.assert_allclose(tum.positions_xyz, poses.position_m, atol=1e-12)
    kitti = file_interface.read_kitti_poses_file(str(tmp_path / "a.kitti"))
    R, P = relative_to_first(poses.R_cam_from_world, poses.position_m)
    np.testing.assert_allclose(np.stack(kitti.poses_se3)[:, :3, 3], P, atol=1e-11)
    np.testing.assert_allclose(
        np.stack(kitti.poses_se3)[:, :3, :3], np.swapaxes(R, 1, 2), atol=1e-12
    )


@pytest.mark.parametrize("form", ["colmap", "colmap-bin"])
def test_pycolmap_reads_what_is_written(tmp_path: Path, form: PoseFormat):
    poses = _random_poses()
    write_poses(tmp_path, poses, form)
    model = pycolmap.Reconstruction(str(tmp_path))
    assert model.num_images() == len(poses)
    for image in model.images.values():
        index = int(image.name.removeprefix("frame_").removesuffix(".png"))
        matrix = image.cam_from_world().matrix()
        np.testing.assert_allclose(matrix[:, :3], poses.R_cam_from_world[index], atol=1e-12)
        centre = image.projection_center()
        np.testing.assert_allclose(centre, poses.position_m[index], atol=1e-11)
    camera = next(iter(model.cameras.values()))
    assert (camera.width, camera.height) == (1280, 720)
    assert camera.calibration_matrix()[0, 0] == 640.0


def test_what_pycolmap_writes_is_read(tmp_path: Path):
    poses = _random_poses(12)
    write_poses(tmp_path / "a", poses, "colmap")
    model = pycolmap.Reconstruction(str(tmp_path / "a"))
    (tmp_path / "text").mkdir()
    (tmp_path / "binary").mkdir()
    model.write_text(str(tmp_path / "text"))
    model.write_binary(str(tmp_path / "binary"))
    for name in ("text", "binary"):
        found = read_poses(tmp_path / name)
        np.testing.assert_allclose(found.position_m, poses.position_m, atol=1e-9)


BROKEN: list[tuple[str, PoseFormat, str, str]] = [
    ("seven numbers", "tum", "0 1 2 3 0 0 0 1\n1 1 2 3 0 0 0\n", "line 2"),
    ("a word", "tum", "0 1 2 3 0 0 0 one\n", "line 1"),
    ("not a number", "tum", "0 1 2 nan 0 0 0 1\n", "not finite"),
    ("long quaternion", "tum", "0 1 2 3 0 0 0 1\n1 1 2 3 0 0 1 1\n", "line 2: its quaternion"),
    ("time goes back", "tum", "1 1 2 3 0 0 0 1\n0 1 2 3 0 0 0 1\n", "line 2: times must increase"),
    ("no rotation", "kitti", "1 0 0 0 0 1 0 0 0 0 2 0\n", "line 1: its 3x3 part"),
    ("a mirror", "kitti", "1 0 0 0 0 1 0 0 0 0 -1 0\n", "determinant -1"),
    ("eleven numbers", "kitti", "1 0 0 0 0 1 0 0 0 0 1\n", "line 1"),
    ("no frames", "nerfstudio", "{}", "frames"),
    ("not JSON", "nerfstudio", '{"frames": [\n', "line 2"),
    ("3x4", "nerfstudio", '{"frames": [{"transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,0]]}]}',
     "frames[0]"),
    ("no matrix", "nerfstudio", '{"frames": [{"file_path": "a"}]}', "frames[0]"),
    ("eighteen", "realestate10k", "url\n0 .5 .5 .5 .5 0 0 1 0 0 0 0 1 0 0 0 0 1\n", "line 2"),
    ("no focal", "realestate10k", "url\n0 0 .5 .5 .5 0 0 1 0 0 0 0 1 0 0 0 0 1 0\n", "fx and fy"),
    ("no header", "csv", "0,1,2,3,4,5,6\n", "line 1: the header"),
    ("short row", "csv", "time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg\n0,1,2\n", "line 2"),
    ("nothing", "csv", "", "line 1"),
    ("no pose", "tum", "# only a comment\n", "holds no poses"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text", "says"), [b[1:] for b in BROKEN],
                         ids=[b[0] for b in BROKEN])  # fmt: skip
def test_malformed_file_is_named_with_its_line_and_rule(
    tmp_path: Path, form: PoseFormat, text: str, says: str
):
    path = tmp_path / SUFFIX[form]
    path.write_text(text)
    with pytest.raises(OpenRelicError) as error:
        read_poses(path, form)
    message = str(error.value)
    assert says in message and str(path) in message and "\n" not in message


@pytest.mark.parametrize("size", [0, 4, 8, 20, 60, 80, 100])
def test_truncated_binary_model_is_named(tmp_path: Path, size: int):
    path = _golden(tmp_path, "colmap-bin")
    whole = (path / "images.bin").read_bytes()
    (path / "images.bin").write_bytes(whole[:size])
    with pytest.raises(OpenRelicError, match="in the middle of an entry"):
        read_poses(path)
    (path / "images.bin").write_bytes(whole + b"\0")
    with pytest.raises(OpenRelicError, match="1 bytes follow"):
        read_poses(path)


def test_text_model_with_a_short_line(tmp_path: Path):
    path = _golden(tmp_path, "colmap")
    (path / "images.txt").write_text("1 1 0 0 0 0 0 0 1\n\n")
    with pytest.raises(OpenRelicError, match="line 1: a line must hold `IMAGE_ID"):
        read_poses(path)


def test_file_of_no_known_format(tmp_path: Path):
    (tmp_path / "a.txt").write_text("1 2 3\n")
    with pytest.raises(OpenRelicError, match="name its format"):
        read_poses(tmp_path / "a.txt")
    with pytest.raises(OpenRelicError, match="does not exist"):
        read_poses(tmp_path / "b.txt")
    with pytest.raises(OpenRelicError, match=r"images\.txt or images\.bin"):
        read_poses(tmp_path)
