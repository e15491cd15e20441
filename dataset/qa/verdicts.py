"""From the parts of all clips to `qa/metrics.parquet` and `qa/seconds.parquet`."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from dataset.clip import Clip
from dataset.config import fingerprint
from dataset.qa.measure import SECOND_CHECKS, Measured
from dataset.qa.parts import VERSION, part_key, read_part
from dataset.qa.store import SECONDS, ClipMetrics, write_metrics
from dataset.qa.verdict import Thresholds, judge
from dataset.workspace import Workspace
from labeling.store import label_command, label_path

NAMED = 5  # clips named in a remark


@dataclass(kw_only=True)
class Verdicts:
    """What was written, for the report and for the command's last lines."""

    clips: list[ClipMetrics] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)

    def summary(self, workspace: Workspace) -> str:
        """One line: how many clips are proposed for what, and the usable minutes."""
        count = Counter(clip.proposed for clip in self.clips)
        all_s = sum(clip.frames / clip.fps for clip in self.clips)
        usable_s = sum(
            segment.frames / clip.fps for clip in self.clips for segment in clip.segments
        )
        return (
            f"{len(self.clips)} clips: accept {count['accept']}, look {count['look']}, reject "
            f"{count['reject']}; {usable_s / 60:.1f} of {all_s / 60:.1f} minutes are usable; "
            f"see {workspace.location}/qa/metrics.parquet"
        )

    def remarks(self, workspace: Workspace, label_set: str) -> list[str]:
        """Lines on what was found damaged, and on what could not be measured, and why."""
        lines = [
            f"{tour_id}: {note}"
            for tour_id, measured in sorted(self.measured.items())
            for note in measured.notes
        ]
        without = [
            tour_id
            for tour_id in sorted(self.measured)
            if not workspace.exists(label_path(label_set, tour_id))
        ]
        if without:
            named = ", ".join(without[:NAMED]) + (", …" if len(without) > NAMED else "")
            lines.append(
                f"{len(without)} clips have no labels in the set {label_set} ({named}): their "
                "pictures were compared with their poses; run "
                f"`{label_command(workspace, label_set)}`, then this again"
            )
        return lines


def write_verdicts(
    workspace: Workspace, clips: list[Clip], label_set: str, thresholds: Thresholds
) -> Verdicts:
    """Judge every clip that was measured, and write both files; the same bytes for the same parts
    and thresholds."""
    verdicts, tables = Verdicts(), []
    for clip in sorted(clips, key=lambda clip: clip.tour_id):
        measured = read_part(workspace, clip, part_key(workspace, clip, label_set))
        if measured is None:
            continue  # it could not be measured, which the command reports
        verdicts.clips.append(judge(clip, measured, thresholds))
        verdicts.measured[clip.tour_id] = measured
        tables.append(_seconds(clip, measured))
    workspace.write_table(SECONDS, pa.concat_tables(tables) if tables else _empty_seconds())
    digest = fingerprint([VERSION, label_set, thresholds])
    write_metrics(workspace, verdicts.clips, thresholds, digest)
    return verdicts


def _seconds(clip: Clip, measured: Measured) -> pa.Table:
    count = len(measured.seconds[SECOND_CHECKS[0].name])
    columns: dict[str, pa.Array] = {
        "tour_id": pa.array([clip.tour_id] * count, pa.string()),
        "second": pa.array(np.arange(count, dtype=np.int32)),
    }
    for check in SECOND_CHECKS:
        # NaN is what was not measured: null in the file.
        values = measured.seconds[check.name]
        columns[check.name] = pa.array(values, pa.float32(), mask=~np.isfinite(values))
    return pa.table(columns)


def _empty_seconds() -> pa.Table:
    schema = [("tour_id", pa.string()), ("second", pa.int32())]
    return pa.schema([*schema, *((c.name, pa.float32()) for c in SECOND_CHECKS)]).empty_table()
