"""Camera geometry: every axis, unit and handedness of the project; nothing else converts.

Unreal Engine is left-handed: X forward, Y right, Z up, centimetres. A rotation is (pitch, yaw,
roll) in degrees, in that order everywhere: positive pitch looks up, positive yaw turns right,
positive roll tilts the head clockwise (right ear down).

The project is right-handed: X forward, Y left, Z up, metres (Unreal's world with Y mirrored), and
OpenCV camera axes: x right, y down, z forward. A pose is `R_cam_from_world` (N,3,3), which takes
world directions to camera axes, and the camera centre in the world `position_m` (N,3), float64.

A camera's turn is written `Ry(pan) Rx(tilt) Rz(roll)` in OpenCV axes, Unreal's intrinsic order of
yaw, pitch, roll: positive pan turns right, positive tilt looks up, positive roll is clockwise.
"""

import numpy as np

from dataset.errors import OpenRelicError

CM_PER_M = 100.0

# The camera at rotation (0, 0, 0): its right, down and forward axes in our world, as rows.
R_CAM_FROM_WORLD_LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])

_MIRROR_Y = np.array([1.0, -1.0, 1.0])

# Below this cosine of the tilt, pan and roll turn about the same axis. Rounding leaves about 1e-16;
# the smallest tilt that Unreal prints short of 90 degrees (0.001) has a cosine of 1.7e-5.
_POLE_COSINE = 1e-12

# A rotation that float32 or nine printed digits have been through still passes.
_ORTHONORMAL_TOLERANCE = 1e-5


def ue_axes(rotation_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forward, right and up of Unreal rotations, in Unreal's world axes.

    `rotation_deg` is (..., 3) pitch, yaw, roll; each result is (..., 3), of length 1. These are the
    rows of Unreal's `FRotationMatrix`.
    """
    pitch, yaw, roll = np.moveaxis(np.deg2rad(np.asarray(rotation_deg, np.float64)), -1, 0)
    sp, cp = np.sin(pitch), np.cos(pitch)
    sy, cy = np.sin(yaw), np.cos(yaw)
    sr, cr = np.sin(roll), np.cos(roll)
    forward = np.stack([cp * cy, cp * sy, sp], axis=-1)
    right = np.stack([sr * sp * cy - cr * sy, sr * sp * sy + cr * cy, -sr * cp], axis=-1)
    up = np.stack([-(cr * sp * cy + sr * sy), cy * sr - cr * sp * sy, cr * cp], axis=-1)
    return forward, right, up


def ue_to_camera(
    location_cm: np.ndarray, rotation_deg: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses from Unreal locations (N,3) in cm and rotations (N,3) as pitch, yaw, roll in degrees.

    Returns `R_cam_from_world` (N,3,3) and `position_m` (N,3).
    """
    forward, right, up = ue_axes(rotation_deg)
    R_cam_from_world = np.stack([right, -up, forward], axis=-2) * _MIRROR_Y
    return R_cam_from_world, np.asarray(location_cm, np.float64) * _MIRROR_Y / CM_PER_M


def camera_to_ue(
    R_cam_from_world: np.ndarray, position_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `ue_to_camera`: locations (N,3) in cm, rotations (N,3) pitch, yaw, roll.

    Yaw and roll are in (-180, 180], pitch in [-90, 90]. At a pitch of ±90° yaw and roll turn about
    one axis: there the roll is 0 and the yaw carries both, which is the same rotation.
    """
    location_cm = np.asarray(position_m, np.float64) * _MIRROR_Y * CM_PER_M
    yaw, pitch, roll = np.moveaxis(level_angles_deg(R_cam_from_world), -1, 0)
    return location_cm, np.stack([pitch, yaw, roll], axis=-1)


def level_angles_deg(R_cam_from_world: np.ndarray) -> np.ndarray:
    """Pan, tilt and roll (..., 3) in degrees that turn the level camera that looks along X into the
    given ones; they are Unreal's yaw, pitch and roll."""
    return turn_angles_deg(R_CAM_FROM_WORLD_LEVEL @ np.swapaxes(R_cam_from_world, -1, -2))


def level_turned(angles_deg: np.ndarray) -> np.ndarray:
    """The inverse of `level_angles_deg`: `R_cam_from_world` (..., 3, 3)."""
    return np.swapaxes(turn_matrix(angles_deg), -1, -2) @ R_CAM_FROM_WORLD_LEVEL


def turn_matrix(angles_deg: np.ndarray) -> np.ndarray:
    """`Ry(pan) Rx(tilt) Rz(roll)` (..., 3, 3) of pan, tilt, roll (..., 3) in degrees.

    Its columns are the turned camera's right, down and forward axes in those before the turn.
    """
    pan, tilt, roll = np.moveaxis(np.deg2rad(np.asarray(angles_deg, np.float64)), -1, 0)
    sp, cp = np.sin(pan), np.cos(pan)
    st, ct = np.sin(tilt), np.cos(tilt)
    sr, cr = np.sin(roll), np.cos(roll)
    right = np.stack([cp * cr + sp * st * sr, ct * sr, -sp * cr + cp * st * sr], axis=-1)
    down = np.stack([-cp * sr + sp * st * cr, ct * cr, sp * sr + cp * st * cr], axis=-1)
    forward = np.stack([sp * ct, -st, cp * ct], axis=-1)
    return np.stack([right, down, forward], axis=-1)


def turn_angles_deg(turn: np.ndarray) -> np.ndarray:
    """The inverse of `turn_matrix`: pan, tilt, roll (..., 3) in degrees.

    Pan and roll are in (-180, 180], tilt in [-90, 90]; at a tilt of ±90° the roll is 0.
    """
    turn = np.asarray(turn, np.float64)
    cos_tilt = np.hypot(turn[..., 0, 2], turn[..., 2, 2])
    at_pole = cos_tilt < _POLE_COSINE
    pan = np.where(
        at_pole,
        np.arctan2(-turn[..., 2, 0], turn[..., 0, 0]),
        np.arctan2(turn[..., 0, 2], turn[..., 2, 2]),
    )
    tilt = np.arctan2(-turn[..., 1, 2], cos_tilt)
    # Roll is what is left once the pan is undone. Near the pole a rounded pan may be off by much,
    # and this roll makes up for it: the three together stay exact as a rotation.
    sp, cp = np.sin(pan), np.cos(pan)
    roll = np.arctan2(
        sp * turn[..., 2, 1] - cp * turn[..., 0, 1], cp * turn[..., 0, 0] - sp * turn[..., 2, 0]
    )
    return wrap_deg(np.rad2deg(np.stack([pan, tilt, np.where(at_pole, 0.0, roll)], axis=-1)))


def wrap_deg(angle_deg: np.ndarray) -> np.ndarray:
    """The same angles in (-180, 180]; those already there keep every bit."""
    turned = np.where(np.abs(angle_deg) > 180.0, np.remainder(angle_deg, 360.0), angle_deg)
    turned = np.where(turned > 180.0, turned - 360.0, turned)
    return np.where(turned == -180.0, 180.0, turned)


def rotation_distance_rad(R_a: np.ndarray, R_b: np.ndarray) -> np.ndarray:
    """Angle (...,) between rotations (..., 3, 3), in radians; exact for tiny angles too."""
    # The chord |R_a - R_b| = 2 sqrt(2) sin(angle / 2): an arc cosine of the trace loses half of
    # the digits near zero.
    chord = np.linalg.norm(np.asarray(R_a) - np.asarray(R_b), axis=(-2, -1))
    return 2.0 * np.arcsin(np.clip(chord / np.sqrt(8.0), 0.0, 1.0))


def extrinsics(R_cam_from_world: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    """World-to-camera matrices [R | -R P] (N,3,4), in metres."""
    shift = -R_cam_from_world @ np.asarray(position_m)[..., None]
    return np.concatenate([R_cam_from_world, shift], axis=-1)


def poses_from_extrinsics(camera_from_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `extrinsics`: `R_cam_from_world` (N,3,3) and `position_m` (N,3)."""
    R_cam_from_world = camera_from_world[..., :3]
    position_m = -(np.swapaxes(R_cam_from_world, -1, -2) @ camera_from_world[..., 3:])[..., 0]
    return R_cam_from_world, position_m


def intrinsics(fov_deg: float, width: int, height: int) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in pixels of a horizontal field of view, with square pixels.

    The image's corner is (0, 0) and the centre of its first pixel is (0.5, 0.5), as in COLMAP and
    nerfstudio; where pixel centres are whole numbers (OpenCV), subtract 0.5 from cx and cy.
    """
    if not 0.0 < fov_deg < 180.0:
        raise OpenRelicError(f"a horizontal fov of {fov_deg}° has no pinhole; give 0 < fov < 180")
    focal = width / (2.0 * np.tan(np.deg2rad(fov_deg) / 2.0))
    return float(focal), float(focal), width / 2.0, height / 2.0


def check_poses(
    R_cam_from_world: np.ndarray, position_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The poses as float64; raises `OpenRelicError` unless they are (N,3,3) rotations and (N,3)."""
    R = np.asarray(R_cam_from_world, np.float64)
    P = np.asarray(position_m, np.float64)
    if R.shape[1:] != (3, 3) or P.shape[1:] != (3,) or len(R) != len(P) or len(R) == 0:
        raise OpenRelicError(
            f"poses have shapes {R.shape} and {P.shape}; (N,3,3) and (N,3) with N >= 1 are needed"
        )
    if not (np.isfinite(R).all() and np.isfinite(P).all()):
        raise OpenRelicError("poses hold values that are not finite")
    skew = np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max()
    if skew > _ORTHONORMAL_TOLERANCE or np.any(np.linalg.det(R) < 0.0):
        raise OpenRelicError(
            f"R_cam_from_world is not a rotation (off by {skew:.1e}, or a reflection); "
            f"at most {_ORTHONORMAL_TOLERANCE:.0e} is allowed"
        )
    return R, P


def camera_to_world(R_cam_from_world: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    """Camera-to-world matrices (N,4,4): columns right, down, forward and centre, in the world."""
    matrix = np.broadcast_to(np.eye(4), (len(position_m), 4, 4)).copy()
    matrix[:, :3, :3] = np.swapaxes(R_cam_from_world, 1, 2)
    matrix[:, :3, 3] = position_m
    return matrix


def poses_from_camera_to_world(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `camera_to_world`, of (N,3,4) or (N,4,4): `R_cam_from_world`, `position_m`."""
    return np.swapaxes(matrix[:, :3, :3], 1, 2).copy(), matrix[:, :3, 3].copy()


def opengl_camera(camera_to_world_matrix: np.ndarray) -> np.ndarray:
    """Camera-to-world matrices (N,4,4) with the camera's axes changed between OpenCV's (x right,
    y down, z forward) and OpenGL's (x right, y up, z backward); the change is its own inverse."""
    return camera_to_world_matrix * np.array([1.0, -1.0, -1.0, 1.0])


def relative_to_first(
    R_cam_from_world: np.ndarray, position_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same poses in the axes of the first camera (x right, y down, z forward), as KITTI has
    them: the first becomes the identity at the origin."""
    R = R_cam_from_world @ R_cam_from_world[0].T
    return R, (position_m - position_m[0]) @ R_cam_from_world[0].T


def from_first_camera(
    R_cam_from_world: np.ndarray, position_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses given in a world of x right, y down, z forward, in the project's world (X forward,
    Y left, Z up): as if the first camera had stood level."""
    return R_cam_from_world @ R_CAM_FROM_WORLD_LEVEL, position_m @ R_CAM_FROM_WORLD_LEVEL


def to_first_camera(
    R_cam_from_world: np.ndarray, position_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `from_first_camera`: poses in a world of x right, y down, z forward."""
    return R_cam_from_world @ R_CAM_FROM_WORLD_LEVEL.T, position_m @ R_CAM_FROM_WORLD_LEVEL.T
