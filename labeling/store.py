"""Label files of a workspace: `labels/<set>/<tour_id>.parquet`.

Columns are the 13 `labeling.actions.ACTIONS`, float64, a row a frame. The schema's metadata has one
key, `openrelic`: JSON with the schema version, the digest of the clip's record, `unit_m`,
`unit_deg`, `rotation_frame` and the thresholds. `active` is not stored: it follows from the values
and the thresholds, and the `static` column proves that it still does.
"""

import dataclasses
import json
import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dataset.clip import Clip, read_track
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import LABELS, Workspace
from labeling.actions import ACTIONS, STATIC, Actions, Thresholds, pressed
from labeling.camera import check_poses, ue_to_camera

LABEL_SCHEMA = 1
DEFAULT_SET = "default"
METADATA_KEY = b"openrelic"

_SIMPLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """The actions of a clip, and the digest of the clip that they were made from."""

    actions: Actions
    clip_digest: str


def check_set_name(label_set: str) -> str:
    """The name of a label set, or `OpenRelicError` if it cannot be a folder's."""
    if not _SIMPLE_NAME.fullmatch(label_set):
        raise OpenRelicError(
            f"label set {label_set!r} is not a simple name; "
            "letters, digits, - and _ are allowed, and no dots"
        )
    return label_set


def clip_poses(workspace: Workspace, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """`R_cam_from_world` (T,3,3) and `position_m` (T,3) of a committed clip."""
    track = read_track(workspace, clip)
    if len(track) != clip.frames:
        raise OpenRelicError(
            f"clip {clip.tour_id} has {clip.frames} frames but {len(track)} poses: capture it again"
        )
    try:
        return check_poses(*ue_to_camera(track.location_cm, track.rotation_deg))
    except OpenRelicError as error:
        raise OpenRelicError(f"clip {clip.tour_id}: {error}") from error


def label_path(label_set: str, tour_id: str) -> str:
    """Workspace path of a clip's labels."""
    return f"{LABELS}/{check_set_name(label_set)}/{tour_id}.parquet"


def write_labels(workspace: Workspace, label_set: str, clip: Clip, actions: Actions) -> None:
    """Write a clip's labels, replacing those that are there."""
    table = label_table(actions, {"clip_digest": clip.digest})
    workspace.write_table(label_path(label_set, clip.tour_id), table)


def label_table(actions: Actions, origin: dict[str, str]) -> pa.Table:
    """Actions as a table with their metadata; `origin` says what they were made from."""
    metadata = {
        "schema": LABEL_SCHEMA,
        **origin,
        "unit_m": actions.unit_m,
        "unit_deg": actions.unit_deg,
        "rotation_frame": actions.rotation_frame,
        "thresholds": dataclasses.asdict(actions.thresholds),
    }
    encoded = json.dumps(metadata, sort_keys=True).encode()
    table = pa.table({name: actions.values[:, i] for i, name in enumerate(ACTIONS)})
    return table.replace_schema_metadata({METADATA_KEY: encoded})


def read_labels(workspace: Workspace, label_set: str, tour_id: str) -> Actions:
    """The labels of a tour, whichever clip they were made from; see `require_labels`."""
    return read_label_file(workspace, label_set, tour_id).actions


def read_label_file(workspace: Workspace, label_set: str, tour_id: str) -> LabelFile:
    """As `read_labels`, with the digest of the clip; a damaged file raises `OpenRelicError`."""
    path = label_path(label_set, tour_id)
    where = f"{workspace.location}/{path}"
    if not workspace.exists(path):
        raise MissingInputError(where, label_command(workspace, label_set))
    command = label_command(workspace, label_set)
    actions, metadata = actions_from_table(workspace.read_table(path), where, command)
    return LabelFile(actions=actions, clip_digest=metadata["clip_digest"])


def actions_from_table(table: pa.Table, where: str, command: str) -> tuple[Actions, dict]:
    """Actions and metadata of a label file; errors name it, and the command that makes it."""
    metadata = _metadata(table, where, command)
    if tuple(table.column_names) != ACTIONS:
        raise OpenRelicError(
            f"{where} has the columns {', '.join(table.column_names)}; "
            f"{', '.join(ACTIONS)} are needed"
        )
    values = np.stack([column.to_numpy() for column in table.columns], axis=1)
    return _actions(values, metadata, where), metadata


def _metadata(table: pa.Table, where: str, command: str) -> dict:
    """The JSON of a label file, of this version's schema."""
    encoded = (table.schema.metadata or {}).get(METADATA_KEY)
    metadata = json.loads(encoded) if encoded else {}
    if metadata.get("schema") != LABEL_SCHEMA:
        raise OpenRelicError(
            f"{where} has label schema {metadata.get('schema')}; this version reads "
            f"{LABEL_SCHEMA}: run `{command}` again"
        )
    return metadata


def _actions(values: np.ndarray, metadata: dict, where: str) -> Actions:
    thresholds = Thresholds(**metadata["thresholds"])
    active = pressed(values, thresholds, metadata["unit_m"], metadata["unit_deg"])
    if not np.array_equal(values[:, STATIC], active[:, STATIC]):
        raise OpenRelicError(f"{where}: its static column does not follow from its values")
    return Actions(
        values=values,
        active=active,
        unit_m=metadata["unit_m"],
        unit_deg=metadata["unit_deg"],
        rotation_frame=metadata["rotation_frame"],
        thresholds=thresholds,
    )


def require_labels(workspace: Workspace, label_set: str, clip: Clip) -> Actions:
    """The labels of a committed clip.

    Raises `MissingInputError` if there are none, and `OpenRelicError` if they were made from
    another clip; both name the command to run.
    """
    found = read_label_file(workspace, label_set, clip.tour_id)
    if found.clip_digest != clip.digest or len(found.actions) != clip.frames:
        raise OpenRelicError(
            f"{workspace.location}/{label_path(label_set, clip.tour_id)} labels another clip than "
            f"the committed one: run `{label_command(workspace, label_set)}` again"
        )
    return found.actions


def labels_current(
    workspace: Workspace, label_set: str, clip: Clip, thresholds: Thresholds
) -> bool:
    """Whether readable labels of this very clip, with its rotation frame and these thresholds, are
    there."""
    if not workspace.exists(label_path(label_set, clip.tour_id)):
        return False
    try:
        actions = require_labels(workspace, label_set, clip)
    except (OpenRelicError, OSError):  # pyarrow raises OSError for some kinds of damage
        return False
    return (actions.rotation_frame, actions.thresholds) == (clip.rotation_frame, thresholds)


def label_command(workspace: Workspace, label_set: str) -> str:
    """The command that writes a label set."""
    return f"python -m labeling.poses_to_actions {workspace.location} --set {label_set}"
