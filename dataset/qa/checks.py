"""The checks of `dataset.qa`: names, groups, units, thresholds and what they mean. Pure data.

The first four groups are the paper's filters (arXiv 2512.04040), which it applies by hand and
without figures; `label_agreement` and `file_integrity` are ours. `docs/qa.md` has every formula.

A check of scope `second` has a value a second, and a second that fails is cut out; one of scope
`clip` speaks of the whole clip, and nothing of a clip that fails is usable. Thresholds here are
the defaults of `configs/qa.yaml`, which says how each was chosen.
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["above", "below"]
Group = Literal[
    "camera_motion", "viewpoint_stability", "exposure_lighting", "render_quality",
    "label_agreement", "file_integrity",
]  # fmt: skip
Scope = Literal["second", "clip"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: it fails where its value is `direction` its threshold."""

    name: str
    group: Group
    unit: str
    threshold: float
    direction: Direction
    meaning: str
    scope: Scope = "second"
    damages_files: bool = False  # failing it means that the files cannot be trusted

    def fails(self, value: float | None, threshold: float | None) -> bool:
        """Whether `value` fails; what was not measured and what is switched off (None) does not."""
        if value is None or threshold is None or value != value:
            return False
        return value > threshold if self.direction == "above" else value < threshold


def _check(
    name: str, group: Group, unit: str, threshold: float, meaning: str, *,
    below: bool = False, scope: Scope = "second", damages_files: bool = False,
) -> Check:  # fmt: skip
    return Check(
        name=name, group=group, unit=unit, threshold=threshold, meaning=meaning,
        direction="below" if below else "above", scope=scope, damages_files=damages_files,
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (
    _check("speed_m_s", "camera_motion", "m/s", 4.0, "fastest step of the camera"),
    _check("turn_deg_s", "camera_motion", "°/s", 100.0, "fastest turn of the camera"),
    _check("jerk_m_s3", "camera_motion", "m/s³", 120.0, "hardest start, stop or jump"),
    _check("turn_jerk_deg_s3", "camera_motion", "°/s³", 2500.0, "hardest start or stop of a turn"),
    _check(
        "uneven_speed", "camera_motion", "share", 0.2,
        "how far single steps stray from the smoothed speed, as a share of it",
    ),
    _check("shake_cm", "viewpoint_stability", "cm", 0.05, "trembling of the camera's position"),
    _check("shake_deg", "viewpoint_stability", "°", 0.025, "trembling of the camera's direction"),
    _check(
        "oscillation_per_s", "viewpoint_stability", "1/s", 1.75,
        "reversals of one motion of the camera, within two seconds",
    ),
    _check(
        "clearance_cm", "viewpoint_stability", "cm", 10.0,
        "distance to the nearest surface, as promised by the capture or seen in its depth track",
        below=True,
    ),
    _check("blown_share", "exposure_lighting", "share", 0.3, "pixels at full white"),
    _check("crushed_share", "exposure_lighting", "share", 0.4, "pixels at full black"),
    _check("brightness", "exposure_lighting", "share", 0.1, "mean luma", below=True),
    _check(
        "flicker", "exposure_lighting", "levels", 0.6,
        "unsteadiness of the light from frame to frame, of the same surfaces",
    ),
    _check(
        "frozen_frames", "render_quality", "frames", 0.0,
        "pictures that stand still while the pose moves",
    ),
    _check("blank_frames", "render_quality", "frames", 0.0, "pictures of a single colour"),
    _check(
        "missing_texture_share", "render_quality", "share", 0.001,
        "pixels of the magenta that engines draw where a texture is missing",
    ),
    _check(
        "popping_share", "render_quality", "share", 0.04,
        "picture area that changes at once without its surroundings",
    ),
    _check("blur_px", "render_quality", "px", 0.9, "width of the sharpest edges"),
    _check(
        "flow_error_deg", "label_agreement", "°", 0.3,
        "how far pictures move otherwise than the labels' motion allows",
    ),
    _check(
        "label_lag_frames", "label_agreement", "frames", 0.0,
        "shift of the labels that would fit the pictures better", scope="clip",
    ),
    _check(
        "label_pose_error", "label_agreement", "m or rad", 1e-6,
        "distance of the integrated labels from the poses", scope="clip",
    ),
    _check(
        "damaged_files", "file_integrity", "files", 0.0,
        "files that are missing, or not what was recorded when they were written",
        scope="clip", damages_files=True,
    ),
    _check(
        "undecodable_frames", "file_integrity", "frames", 0.0,
        "frames of the record that the video does not give", scope="clip", damages_files=True,
    ),
    _check(
        "track_gaps", "file_integrity", "frames", 0.0,
        "frames without a proper row in camera.parquet", scope="clip", damages_files=True,
    ),
)  # fmt: skip

BY_NAME: dict[str, Check] = {check.name: check for check in CHECKS}
NAMES: tuple[str, ...] = tuple(BY_NAME)
GROUPS: tuple[Group, ...] = tuple(dict.fromkeys(check.group for check in CHECKS))
