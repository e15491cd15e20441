"""Tours that operators recorded: pose files as rows of the plan.

`--poses` names one pose file, whose scene `--scene` gives, or a YAML list:

    - {file: walk.csv, scene: home:0}      # paths are relative to the list
    - {file: ride.parquet, scene: /Game/Maps/Yard}
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from capture.tours.planning import MIN_TOUR_S, PlanWish
from capture.tours.pose_files import poses_path, read_pose_file, resampled, store_poses
from capture.tours.rows import PlanRow
from capture.tours.scene_lists import SceneChoice
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, poses_to_actions, usual_step_m
from labeling.camera import rotation_distance_rad

KEYS = {"file", "scene"}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A pose file and the scene that it was recorded in."""

    file: Path
    scene: str


def recordings(poses: Path, scene: str | None) -> list[Recording]:
    """What `--poses` and `--scene` name."""
    if poses.suffix.lower() not in (".yaml", ".yml"):
        if scene is None:
            raise OpenRelicError(f"--poses {poses} needs --scene NAME: where was it recorded?")
        return [Recording(file=poses, scene=scene)]
    if scene is not None:
        raise OpenRelicError(f"--poses {poses} is a list that names scenes; leave out --scene")
    return _from_list(poses)


def _from_list(path: Path) -> list[Recording]:
    try:
        entries = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OpenRelicError(f"--poses {path} is not a readable YAML file ({error})") from error
    if not isinstance(entries, list) or not entries:
        raise OpenRelicError(f"{path} must be a list of entries with file and scene")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or set(entry) != KEYS:
            raise OpenRelicError(f"{path}, entry {number} is {entry}; it needs file and scene")
    return [
        Recording(file=path.parent / str(entry["file"]), scene=str(entry["scene"]))
        for entry in entries
    ]


def recorded_rows(
    workspace: Workspace | None,
    found: list[Recording],
    scenes: list[SceneChoice],
    wish: PlanWish,
) -> list[PlanRow]:
    """Rows of the recordings; every file is read before any is copied into the workspace, if one
    is given."""
    read = [(_scene_of(one, scenes), one, read_pose_file(one.file)) for one in found]
    for _, one, poses in read:
        lasts_s = poses[-1, 0] - poses[0, 0]
        if lasts_s < MIN_TOUR_S:
            raise OpenRelicError(
                f"{one.file} lasts {lasts_s:.1f} s; a tour takes at least {MIN_TOUR_S:g} s"
            )
    if workspace is not None:
        for _, _, poses in read:
            store_poses(workspace, poses)
    return list(dict.fromkeys(_row(scene, poses, wish) for scene, _, poses in read))


def _scene_of(recording: Recording, scenes: list[SceneChoice]) -> SceneChoice:
    named = [choice for choice in scenes if choice.scene == recording.scene]
    if len(named) != 1:
        known = f"{len(scenes)} scenes, such as {scenes[0].scene}" if scenes else "no scenes"
        problem = "is not among" if not named else "is in several games of"
        raise OpenRelicError(
            f"{recording.file}: scene {recording.scene} {problem} the {known}, that the plan "
            "or --scenes name"
        )
    return named[0]


def _row(scene: SceneChoice, poses: np.ndarray, wish: PlanWish) -> PlanRow:
    path = resampled(poses)
    actions = poses_to_actions(path.R, path.position_m, rotation_frame=wish.rotation_frame)
    turns_deg = np.rad2deg(rotation_distance_rad(path.R[1:], path.R[:-1]))
    turning = turns_deg[turns_deg > actions.thresholds.rotation_on_deg]
    moves = actions.active[:, : ACTIONS.index("tilt_up")].any()
    speed_m_s = usual_step_m(path.position_m) * FPS if moves else 0.0
    return PlanRow(
        game=scene.game,
        scene=scene.scene,
        asset=scene.asset,
        licence=scene.licence,
        seed=0,
        frames=len(path),
        kind="recorded",
        motion="recorded",
        rotation_frame=wish.rotation_frame,
        mix=tuple(actions.active.mean(axis=0).round(4).tolist()),
        translation_m_s=round(speed_m_s, 3),
        rotation_deg_s=round(float(turning.mean()) * FPS if turning.size else 0.0, 3),
        clearance_cm=0.0,  # whoever recorded it may have touched something
        fov_deg=wish.fov_deg,
        pose_file=poses_path(poses),
    )
