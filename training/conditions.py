"""What steers the model: action and pose encoders, and poses integrated from action labels.

Both conditions are one row a frame and become one embedding a latent: four rows are patched
together (`training.grid.group_rows`) and go through an MLP whose last layer starts at zero, so that
a pretrained video model is unchanged at the start. A latent with rows of NaN is one whose
condition is not known: it gets an embedding of zeros, which is how conditions are dropped.

The pose that the model sees is integrated from the labels, because at inference there are no metres
and no engine. It is relative to the window's first camera, with translation in `unit_m`, and has 12
numbers: `R_cam_from_world` row by row (9), then the camera centre in the first camera's OpenCV axes
(3: right, down, forward).

Public: `ConditionEncoder`, `PoseState`, `integrate_actions`, `poses_from_actions`, `ACTION_DIM`,
`POSE_DIM`.
"""

from dataclasses import dataclass

import torch
from torch import nn

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, UNIT_DEG, RotationFrame
from training.grid import FRAMES_PER_LATENT, group_rows

ACTION_DIM = len(ACTIONS)
POSE_DIM = 12

_STEPS = (
    ("truck_right", "truck_left"),
    ("pedestal_down", "pedestal_up"),
    ("dolly_in", "dolly_out"),
)
"""Positive and negative column of a step along the camera's right, down and forward."""

_TURNS = (("pan_right", "pan_left"), ("tilt_up", "tilt_down"), ("roll_cw", "roll_ccw"))
"""Positive and negative column of yaw, pitch and roll."""


class ConditionEncoder(nn.Module):
    """Rows a frame (B, F, columns) -> embeddings a latent (B, T, dim), zero at the start."""

    def __init__(self, columns: int, hidden: int, dim: int) -> None:
        """Make the temporal patchify and the MLP."""
        super().__init__()
        self.linear_1 = nn.Linear(FRAMES_PER_LATENT * columns, hidden)
        self.linear_2 = nn.Linear(hidden, dim)
        nn.init.zeros_(self.linear_2.weight)
        nn.init.zeros_(self.linear_2.bias)

    def forward(self, rows_BFC: torch.Tensor) -> torch.Tensor:
        """Encode F = 4T - 3 rows (frame 0 among them) or 4T rows (a later chunk)."""
        grouped = group_rows(rows_BFC).to(self.linear_1.weight.dtype)
        known = ~grouped.isnan().any(-1, keepdim=True)
        hidden = nn.functional.silu(self.linear_1(grouped.nan_to_num()))
        return self.linear_2(hidden) * known


@dataclass(frozen=True, kw_only=True)
class PoseState:
    """Where an integration stands, so that a session can go on from it; all float64."""

    R_cam_from_world: torch.Tensor
    """(B, 3, 3), relative to the first camera"""
    position: torch.Tensor
    """(B, 3) camera centre in the first camera's axes, in `unit_m`"""
    yaw_pitch_roll_deg: torch.Tensor
    """(B, 3), in the levelled world; used where the rotation frame is `level`"""
    R_first: torch.Tensor
    """(B, 3, 3) the first camera from the levelled world"""

    @staticmethod
    def start(
        batch: int,
        *,
        pitch_deg: float | torch.Tensor = 0.0,
        roll_deg: float | torch.Tensor = 0.0,
        device: torch.device | str | None = None,
    ) -> "PoseState":
        """The first camera; its pitch and roll matter in the `level` frame only."""
        angles = torch.zeros(batch, 3, dtype=torch.float64, device=device)
        angles[:, 1] = torch.as_tensor(pitch_deg, dtype=torch.float64)
        angles[:, 2] = torch.as_tensor(roll_deg, dtype=torch.float64)
        return PoseState(
            R_cam_from_world=torch.eye(3, dtype=torch.float64, device=device).repeat(batch, 1, 1),
            position=torch.zeros(batch, 3, dtype=torch.float64, device=device),
            yaw_pitch_roll_deg=angles,
            R_first=_world_from_camera(angles).mT,
        )


def _world_from_camera(yaw_pitch_roll_deg: torch.Tensor) -> torch.Tensor:
    """Ry(yaw right) Rx(pitch up) Rz(roll clockwise) in OpenCV axes: (..., 3) -> (..., 3, 3)."""
    angles = torch.deg2rad(yaw_pitch_roll_deg)
    (sy, sp, sr), (cy, cp, cr) = angles.sin().unbind(-1), angles.cos().unbind(-1)
    rows = [
        [cy * cr + sy * sp * sr, sy * sp * cr - cy * sr, sy * cp],
        [cp * sr, cp * cr, -sp],
        [cy * sp * sr - sy * cr, sy * sr + cy * sp * cr, cy * cp],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _split(actions_BT13: torch.Tensor, unit_deg: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Signed steps (right, down, forward) in `unit_m` and turns (pan, tilt, roll) in degrees."""
    columns = dict(zip(ACTIONS, actions_BT13.double().unbind(-1), strict=True))
    step, turn = (
        torch.stack([columns[plus] - columns[minus] for plus, minus in pairs], dim=-1)
        for pairs in (_STEPS, _TURNS)
    )
    return step, turn * unit_deg


def integrate_actions(
    actions_BTA: torch.Tensor,
    state: PoseState,
    *,
    rotation_frame: RotationFrame = "camera",
    unit_deg: float = UNIT_DEG,
) -> tuple[torch.Tensor, PoseState]:
    """Go on from `state` by T action rows (columns as in `labeling.actions`).

    Per row, with d in the camera axes of the frame before: P[t] = P[t-1] + R[t-1]^T d[t], then
    R[t] = dR[t] R[t-1], dR^T = Ry(pan_right) Rx(tilt_up) Rz(roll_cw). In the `level` frame yaw,
    pitch and roll add up instead. Returns poses (B, T, 12) float32 and the state after the last.
    """
    if actions_BTA.ndim != 3 or actions_BTA.shape[-1] != ACTION_DIM or not actions_BTA.shape[1]:
        raise OpenRelicError(f"actions {tuple(actions_BTA.shape)}: allowed is (batch, rows, 13)")
    step, turn = _split(actions_BTA, unit_deg)
    angles = state.yaw_pitch_roll_deg[:, None] + turn.cumsum(1)
    if rotation_frame == "level":
        rotations = _world_from_camera(angles).mT @ state.R_first.mT[:, None]
    else:
        rotations = _chain(_world_from_camera(turn).mT, state.R_cam_from_world)
    before = torch.cat([state.R_cam_from_world[:, None], rotations[:, :-1]], dim=1)
    moves = (before.mT @ step[..., None]).squeeze(-1)
    positions = state.position[:, None] + moves.cumsum(1)
    end = PoseState(
        R_cam_from_world=rotations[:, -1],
        position=positions[:, -1],
        yaw_pitch_roll_deg=angles[:, -1],
        R_first=state.R_first,
    )
    return torch.cat([rotations.flatten(2), positions], dim=-1).float(), end


def _chain(turns_BT33: torch.Tensor, start_B33: torch.Tensor) -> torch.Tensor:
    """R[t] = dR[t] R[t-1]: a loop, as products do not commute."""
    rotations = [start_B33]
    for turn in turns_BT33.unbind(1):
        rotations.append(turn @ rotations[-1])
    return torch.stack(rotations[1:], dim=1)


def poses_from_actions(
    actions_BTA: torch.Tensor,
    *,
    rotation_frame: RotationFrame = "camera",
    unit_deg: float = UNIT_DEG,
    pitch_deg: float | torch.Tensor = 0.0,
    roll_deg: float | torch.Tensor = 0.0,
) -> torch.Tensor:
    """Poses (B, T, 12) float32 of a window; the first is the identity, as row 0 is not read.

    `pitch_deg` and `roll_deg` (numbers or (B,)) are the first camera's, for the `level` frame.
    """
    state = PoseState.start(
        actions_BTA.shape[0], pitch_deg=pitch_deg, roll_deg=roll_deg, device=actions_BTA.device
    )
    rows = torch.cat([torch.zeros_like(actions_BTA[:, :1]), actions_BTA[:, 1:]], dim=1)
    poses, _ = integrate_actions(rows, state, rotation_frame=rotation_frame, unit_deg=unit_deg)
    return poses
