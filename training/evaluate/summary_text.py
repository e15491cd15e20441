"""The evaluation's table for a terminal.

Public: `summary_text`, `shown_systems`, `floor_name`, `lookup`.
"""

from collections.abc import Sequence

from capture.tours.text import text_table
from training.evaluate.planning import Plan
from training.evaluate.scoring import Score
from training.evaluate.systems import ENGINE, STILL
from training.evaluate.table import ALL_SCRIPTS, METRICS, Metric, Summary, failures

Lookup = dict[tuple[str, str, str], Summary]
"""By system, script and metric."""


def lookup(means: Sequence[Summary]) -> Lookup:
    """The means by what they are of."""
    return {(one.system, one.script, one.metric): one for one in means}


def shown_systems(plan: Plan, scores: Sequence[Score]) -> list[str]:
    """The rows: the systems in the order given, then the still picture, then the engine."""
    present = list(dict.fromkeys(score.system for score in scores))
    systems = [one.name for one in plan.systems if one.name in present]
    stands = [STILL, *(name for name in present if name.split("-")[0] == ENGINE)]
    return systems + [name for name in stands if name in present and name not in systems]


def floor_name(plan: Plan, scores: Sequence[Score], system: str) -> str:
    """The engine's row at the system's size."""
    size = next((one.width, one.height) for one in scores if one.system == system)
    return ENGINE if size == plan.size else f"{ENGINE}-{size[0]}x{size[1]}"


def floor_of(
    plan: Plan, scores: Sequence[Score], means: Lookup, system: str, metric: str
) -> float | None:
    """The engine's mean over the scripts that the system played."""
    floor = floor_name(plan, scores, system)
    scripts = dict.fromkeys(score.script for score in scores if score.system == system)
    keys = [(floor, script, metric) for script in scripts]
    found = [means[key].mean for key in keys if key in means]
    return sum(found) / len(found) if found else None


def filled_metrics(means: Lookup) -> list[Metric]:
    """The metrics that any system has a value of."""
    names = {metric for _, _, metric in means}
    return [metric for metric in METRICS if metric.name in names]


def summary_text(
    plan: Plan, scores: Sequence[Score], means: Sequence[Summary], remarks: Sequence[str]
) -> str:
    """Means over all scripts, and what could not be measured."""
    found = lookup(means)
    metrics = filled_metrics(found)
    rows = []
    for system in shown_systems(plan, scores):
        lost, videos = failures(scores, system)
        of = [found.get((system, ALL_SCRIPTS, metric.name)) for metric in metrics]
        cells = [
            metric.shown(one.mean if one else None) for metric, one in zip(metrics, of, strict=True)
        ]
        rows.append([system, *cells, f"{lost}/{videos}"])
    header = ["", *(metric.label for metric in metrics), "camera lost"]
    return text_table(header, rows) + "".join(f"{line}\n" for line in remarks)
