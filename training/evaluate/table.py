"""Scores put together: means over pictures with bootstrap intervals, a system and script.

A picture's value is the mean over its videos, a mean is over pictures, and the interval is the
bootstrap's over pictures (BCa, 95 %; scipy): it says how far the mean would move with other
pictures, not with other noise or other weights. Videos in which the camera was lost have no path
error and are counted beside it.

Public: `Metric`, `METRICS`, `Summary`, `summaries`, `interval`, `write_tables`, `PUBLISHED`.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from training.evaluate.scoring import VALUES, Score
from training.evaluate.vbench_scores import DIMENSIONS

LEVEL = 0.95
RESAMPLES = 4000
ALL_SCRIPTS = "all"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A column."""

    name: str
    label: str
    better: str
    """higher, lower, or empty where neither is"""
    digits: int

    def shown(self, value: float | None) -> str:
        """The number as the table has it."""
        return "n/a" if value is None else f"{value:.{self.digits}f}"


METRICS = (
    Metric(name="average", label="VBench average", better="higher", digits=4),
    *(
        Metric(name=one, label=one.replace("_", " "), better="higher", digits=4)
        for one in DIMENSIONS
    ),
    Metric(name="rpe_translation", label="RPE translation, steps", better="lower", digits=4),
    Metric(name="rpe_rotation_deg", label="RPE rotation, °", better="lower", digits=3),
    Metric(name="psnr_db", label="PSNR, dB", better="higher", digits=2),
    Metric(name="ms_ssim", label="MS-SSIM", better="higher", digits=4),
    Metric(name="lpips", label="LPIPS", better="lower", digits=4),
    Metric(name="tracked", label="frames tracked", better="", digits=3),
    Metric(name="counted", label="pixels counted", better="", digits=3),
)

PUBLISHED: dict[str, dict[str, float]] = {
    "RELIC": {"average": 0.8015, "rpe_translation": 0.0906, "rpe_rotation_deg": 1.00},
    "Hunyuan-GameCraft": {"average": 0.7885, "rpe_translation": 0.1149, "rpe_rotation_deg": 1.23},
    "Matrix-Game-2.0": {"average": 0.7447, "rpe_translation": 0.1122, "rpe_rotation_deg": 1.48},
}
"""As printed in arXiv 2512.04040: 220 pictures that are not published, scripts and ViPE."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A mean of one metric of one system."""

    system: str
    script: str
    """a script's name, or `all`"""
    metric: str
    mean: float
    low: float | None
    high: float | None
    pictures: int
    videos: int
    """videos that have a value"""


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The bootstrap's interval of the mean; none of fewer than three values."""
    array = np.asarray(values, np.float64)
    if len(array) < 3:
        return None, None
    if np.ptp(array) == 0:
        return float(array[0]), float(array[0])
    with warnings.catch_warnings():
        # BCa has no acceleration where leaving any value out changes nothing.
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (array,), np.mean, confidence_level=LEVEL, n_resamples=RESAMPLES, method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def summaries(scores: Iterable[Score]) -> list[Summary]:
    """Means of every metric that has values, for each system, over all scripts and by script."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        for script in (ALL_SCRIPTS, score.script):
            groups.setdefault((score.system, script), []).append(score)
    return [
        found
        for (system, script), group in groups.items()
        for metric in METRICS
        if (found := _summary(system, script, metric.name, group)) is not None
    ]


def _summary(system: str, script: str, metric: str, group: list[Score]) -> Summary | None:
    by_picture: dict[str, list[float]] = {}
    for score in group:
        value = score.values.get(metric)
        if value is not None:
            by_picture.setdefault(score.picture, []).append(value)
    if not by_picture:
        return None
    means = [float(np.mean(values)) for values in by_picture.values()]
    low, high = interval(means)
    return Summary(
        system=system, script=script, metric=metric, mean=float(np.mean(means)), low=low,
        high=high, pictures=len(means), videos=sum(map(len, by_picture.values())),
    )  # fmt: skip


def failures(scores: Iterable[Score], system: str, script: str = ALL_SCRIPTS) -> tuple[int, int]:
    """Videos in which the camera was lost, and videos."""
    lost = [
        bool(score.values["failed"])
        for score in scores
        if score.system == system
        and script in (ALL_SCRIPTS, score.script)
        and score.values["failed"] is not None
    ]
    return sum(lost), len(lost)


def write_tables(scores: Sequence[Score], means: Sequence[Summary], folder: Path) -> None:
    """Write `table.parquet`, the means, and `scores.parquet`, a row a video."""
    names = [*VALUES, "average", *DIMENSIONS]
    flat = [
        {
            **{k: v for k, v in asdict(score).items() if k not in ("values", "psnr_curve_db")},
            **{name: score.values.get(name) for name in names},
        }
        for score in scores
    ]
    text = ["system", "task", "picture", "script"]
    columns = [(name, pa.string()) for name in text]
    columns += [(name, pa.int32()) for name in ("frames", "width", "height")]
    columns += [(name, pa.float64()) for name in ("unit_m", *names)]
    _write(pa.Table.from_pylist(flat, schema=pa.schema(columns)), folder / "scores.parquet")
    _write(
        pa.Table.from_pylist(
            [asdict(one) for one in means],
            schema=pa.schema([
                ("system", pa.string()), ("script", pa.string()), ("metric", pa.string()),
                ("mean", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
                ("pictures", pa.int32()), ("videos", pa.int32()),
            ]),
        ),
        folder / "table.parquet",
    )  # fmt: skip


def _write(table: pa.Table, path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    pq.write_table(table, part, compression="zstd")
    part.replace(path)
