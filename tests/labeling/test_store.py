"""Label files: what is written is what is read, and foreign or damaged ones are refused."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataset.clip import CAMERA, Clip, committed_clips
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, Actions, Thresholds, poses_to_actions
from labeling.store import (
    check_set_name,
    clip_poses,
    label_path,
    labels_current,
    read_labels,
    require_labels,
    write_labels,
)
from tests.labeling.paths import commit_clip, smooth_ue


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def clip(workspace) -> Clip:
    return commit_clip(workspace, "tour-a", *smooth_ue(20, 1))


def labelled(workspace: Workspace, clip: Clip, **options) -> Actions:
    actions = poses_to_actions(*clip_poses(workspace, clip), **options)
    write_labels(workspace, "default", clip, actions)
    return actions


def test_labels_come_back_as_they_were(workspace, clip):
    thresholds = Thresholds(translation_on=0.2, rotation_on_deg=0.7)
    written = labelled(workspace, clip, rotation_frame="level", thresholds=thresholds)
    read = require_labels(workspace, "default", clip)
    np.testing.assert_array_equal(read.values, written.values)
    np.testing.assert_array_equal(read.active, written.active)
    for name in ("unit_m", "unit_deg", "rotation_frame", "thresholds"):
        assert getattr(read, name) == getattr(written, name)
    assert 0 < written.active[:, 0].sum() < len(written)


def test_the_file_has_13_float64_columns_and_the_clips_digest(workspace, clip, tmp_path):
    labelled(workspace, clip)
    table = pq.read_table(tmp_path / "labels/default/tour-a.parquet")
    assert tuple(table.column_names) == ACTIONS
    assert {str(kind) for kind in table.schema.types} == {"double"}
    assert table.schema.metadata is not None
    assert clip.digest in table.schema.metadata[b"openrelic"].decode()


def test_the_same_labels_are_the_same_bytes(workspace, clip):
    labelled(workspace, clip)
    first = workspace.read_bytes(label_path("default", "tour-a"))
    labelled(workspace, clip)
    assert workspace.read_bytes(label_path("default", "tour-a")) == first


def test_missing_labels_name_the_command(workspace, clip):
    with pytest.raises(MissingInputError, match=r"labeling\.poses_to_actions .* --set night"):
        require_labels(workspace, "night", clip)


def test_labels_of_another_clip_are_refused(workspace, clip):
    labelled(workspace, clip)
    other = dataclasses.replace(clip, retries=1)
    with pytest.raises(OpenRelicError, match="another clip"):
        require_labels(workspace, "default", other)
    assert labels_current(workspace, "default", clip, Thresholds())
    assert not labels_current(workspace, "default", other, Thresholds())
    assert not labels_current(workspace, "default", clip, Thresholds(jitter_m=1e-4))


def test_a_static_column_that_does_not_follow_is_refused(workspace, clip):
    actions = labelled(workspace, clip)
    actions.values[7, -1] = 1.0 - actions.values[7, -1]
    write_labels(workspace, "default", clip, actions)
    with pytest.raises(OpenRelicError, match="static column"):
        read_labels(workspace, "default", "tour-a")


def test_foreign_and_damaged_files_are_refused(workspace, clip):
    labelled(workspace, clip)
    path = label_path("default", "tour-a")
    table = workspace.read_table(path)
    workspace.write_table(path, table.replace_schema_metadata({}))
    with pytest.raises(OpenRelicError, match="label schema None"):
        read_labels(workspace, "default", "tour-a")
    workspace.write_table(path, table.drop_columns(["static"]))
    with pytest.raises(OpenRelicError, match="has the columns"):
        read_labels(workspace, "default", "tour-a")
    workspace.write_bytes(path, b"PAR1 cut short")
    assert not labels_current(workspace, "default", clip, Thresholds())


def test_a_clip_with_too_few_poses_is_refused(workspace, clip):
    with pytest.raises(OpenRelicError, match="tour-a has 21 frames but 20 poses"):
        clip_poses(workspace, dataclasses.replace(clip, frames=21))


def test_poses_that_are_not_the_committed_ones_are_refused(workspace, clip):
    path = clip.path(CAMERA)
    table = workspace.read_table(path)
    moved = table["ue_x_cm"].to_numpy() + 1.0
    workspace.write_table(path, table.set_column(2, "ue_x_cm", [moved]))
    with pytest.raises(OpenRelicError, match=r"camera\.parquet is damaged.* capture\.run"):
        clip_poses(workspace, clip)
    workspace.delete_file(path)
    with pytest.raises(OpenRelicError, match="missing from a committed clip"):
        clip_poses(workspace, clip)


@pytest.mark.parametrize("record", ["[]", '{"schema": 1}', '{"schema": 1, "files": {}}', "{"])
def test_a_commit_record_that_is_none_is_one_line(workspace, clip, record):
    workspace.write_bytes("clips/tour-a/clip.json", record.encode())
    with pytest.raises(OpenRelicError, match=r"clips/tour-a/clip\.json"):
        committed_clips(workspace)


def test_damage_anywhere_in_a_parquet_file_is_one_line_or_other_values(workspace, clip):
    path = clip.path(CAMERA)
    data, refused = workspace.read_bytes(path), 0
    for place in range(0, len(data), 101):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        workspace.write_bytes("copy.parquet", bytes(damaged))
        try:
            workspace.read_table("copy.parquet")
        except OpenRelicError as error:
            assert "copy.parquet is not a readable parquet file" in str(error)
            refused += 1
    assert refused


@pytest.mark.parametrize("name", ["", ".", "a.b", "../x", "a/b", "-x", " "])
def test_set_names_that_are_none(name):
    with pytest.raises(OpenRelicError, match="simple name"):
        check_set_name(name)
