"""The page of an evaluation: the table, the scripts one by one, control, and videos side by side.

Public: `write_page`, `body_html`, `embedded_html`.
"""

import html
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from dataset.clip import FPS
from dataset.report import STYLE
from dataset.sections import figure_html, table_html, video_html
from training.evaluate.planning import Plan
from training.evaluate.scoring import STRIDE, Score
from training.evaluate.summary_text import Lookup, floor_of, lookup, shown_systems
from training.evaluate.table import (
    ALL_SCRIPTS,
    METRICS,
    PUBLISHED,
    Metric,
    Summary,
    failures,
)
from training.evaluate.vbench_scores import DIMENSIONS

if TYPE_CHECKING:
    from training.evaluate.__main__ import Settings
    from training.evaluate.control import Control

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenRELIC evaluation</title>
<style>{style}
body {{ max-width: 78rem; }}
table {{ font-size: .82rem; }}
td, th {{ vertical-align: top; padding: .3rem .55rem; }}
.videos {{ grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); }}
.videos video {{ aspect-ratio: auto; }}
td small {{ opacity: .7; }}
</style>
</head>
<body>
<h1>Evaluation of {names}</h1>
{body}
</body>
</html>
"""
WITH_FLOOR = ("rpe_translation", "rpe_rotation_deg")
EMBEDDED = 3
ROWS_OF_VBENCH = ("average", *DIMENSIONS)


def write_page(
    plan: Plan, settings: "Settings", scores: Sequence[Score], means: Sequence[Summary],
    beside: dict[str, Path], control: "Control | None", remarks: Sequence[str], out: Path,
) -> None:  # fmt: skip
    """Write `index.html`; videos are linked, as files below the same folder."""
    names = ", ".join(one.name for one in plan.systems)
    body = body_html(plan, settings, scores, means, remarks)
    if control is not None:
        body += control.html()
    body += _videos(beside, out)
    page = _PAGE.format(style=STYLE, names=html.escape(names), body=body)
    part = out / "index.html.part"
    part.write_text(page)
    part.replace(out / "index.html")


def body_html(
    plan: Plan, settings: "Settings", scores: Sequence[Score], means: Sequence[Summary],
    remarks: Sequence[str],
) -> str:  # fmt: skip
    """The tables, without videos."""
    found = lookup(means)
    return (
        _introduction(plan, settings, scores)
        + _main_table(plan, scores, found)
        + "".join(f"<p>{html.escape(line)}</p>\n" for line in remarks)
        + _curve_html(plan, scores)
        + _published_html()
        + _scripts_html(plan, scores, found)
    )


def _introduction(plan: Plan, settings: "Settings", scores: Sequence[Score]) -> str:
    names = {one.name for one in plan.systems}
    pictures = len({score.picture for score in scores if score.system in names})
    scripts = len({score.script for score in scores if score.system in names})
    if settings.images:
        where = f"the pictures of {settings.images}"
    elif plan.tasks:
        scenes = dict.fromkeys(str(task.scene) for task in plan.tasks)
        where = f"views that the engine rendered of {', '.join(scenes)}"
    else:
        where = "those of the videos"
    return (
        f"<p>Action scripts: {scripts}. Start pictures: {pictures}, {html.escape(where)}. "
        f"Camera paths by {html.escape(settings.estimator)}, errors over one frame after Sim(3) "
        f"alignment, pans in the {plan.rotation_frame} frame. PSNR and MS-SSIM are against the "
        f"engine's rendering, in every {STRIDE}th frame, only where the first picture saw the "
        "surface. In brackets: 95 % bootstrap intervals over pictures, which say how far a mean "
        "would move with other pictures; there is none for fewer than three."
        f"{_steps(scores)}</p>\n"
        "<p><b>engine</b> is the engine's own rendering of the scripts, sent through the same "
        "kind of video and the same estimator: its path errors are the floor, the least that can "
        "be told from no error at all. <b>still</b> is the start picture repeated.</p>\n"
    )


def _steps(scores: Sequence[Score]) -> str:
    """How long a usual step was."""
    found = sorted({score.unit_m for score in scores if score.unit_m is not None})
    if not found:
        return ""
    if len(found) == 1:
        return f" A usual step is {found[0]:.3g} m in the engine's scenes."
    return (
        f" A usual step is {found[0]:.3g} to {found[-1]:.3g} m in the engine's scenes: shorter "
        "where a script would not fit."
    )


def _main_table(plan: Plan, scores: Sequence[Score], means: Lookup) -> str:
    header = ["system"]
    columns = [metric for metric in METRICS if metric.name != "lpips" or _any(means, "lpips")]
    if not _any(means, "average"):
        columns = [metric for metric in columns if metric.name not in DIMENSIONS]
    for metric in columns:
        header.append(_heading(metric))
        if metric.name in WITH_FLOOR:
            header.append("its floor")
    header += ["camera lost", "pictures"]
    rows = []
    for system in shown_systems(plan, scores):
        cells = [html.escape(system)]
        for metric in columns:
            cells.append(_cell(means, system, ALL_SCRIPTS, metric))
            if metric.name in WITH_FLOOR:
                cells.append(metric.shown(floor_of(plan, scores, means, system, metric.name)))
        lost, videos = failures(scores, system)
        pictures = len({score.picture for score in scores if score.system == system})
        rows.append([*cells, f"{lost} of {videos}", str(pictures)])
    return "<h2>All scripts</h2>\n" + _raw_table(header, rows)


def _any(means: Lookup, metric: str) -> bool:
    return any(of == metric for _, _, of in means)


def _heading(metric: Metric) -> str:
    arrow = {"higher": " ↑", "lower": " ↓", "": ""}[metric.better]
    return f"{metric.label}{arrow}"


def _cell(means: Lookup, system: str, script: str, metric: Metric) -> str:
    one = means.get((system, script, metric.name))
    if one is None:
        return "n/a"
    text = metric.shown(one.mean)
    if one.low is None or one.high is None:
        return text
    low, high = metric.shown(one.low), metric.shown(one.high)
    return f"{text}<br><small style='white-space: nowrap'>[{low}, {high}]</small>"


def _raw_table(header: list[str], rows: list[list[str]]) -> str:
    """A table whose cells are HTML already."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{lines}</table>\n"


def _curve_html(plan: Plan, scores: Sequence[Score]) -> str:
    """PSNR over time, the mean over videos."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axis = figure.subplots()
    for system in shown_systems(plan, scores):
        curves = [one.psnr_curve_db for one in scores if one.system == system and one.psnr_curve_db]
        known = [
            [value for value in column if value is not None] for column in zip_longest(*curves)
        ]
        seconds = [STRIDE * (n + 1) / FPS for n, values in enumerate(known) if values]
        if seconds:
            means = [sum(values) / len(values) for values in known if values]
            axis.plot(seconds, means, label=system, linewidth=1.2)
    if not axis.lines:
        return ""
    axis.set_xlabel("seconds")
    axis.set_ylabel("PSNR, dB")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    caption = (
        "PSNR over time where the first picture saw the surface, means over videos; scripts go "
        "there and back, so late frames show again what the first one did"
    )
    return figure_html(figure, caption)


def _published_html() -> str:
    metrics = [metric for metric in METRICS if metric.name in next(iter(PUBLISHED.values()))]
    rows: list[list[object]] = [
        [name, *(metric.shown(values[metric.name]) for metric in metrics)]
        for name, values in PUBLISHED.items()
    ]
    return (
        "<h2>Published figures, not comparable</h2>\n<p>As printed in arXiv 2512.04040: other "
        "start pictures (220, not published), other scripts, another estimator (ViPE), and neither "
        "interval nor unit of the path errors is stated. They stand here for reference; nothing "
        "above was measured on the same pictures.</p>\n"
        + table_html(["system", *(_heading(metric) for metric in metrics)], rows)
    )


def _scripts_html(plan: Plan, scores: Sequence[Score], means: Lookup) -> str:
    parts = ["<h2>Script by script</h2>\n"]
    names = list(dict.fromkeys(score.script for score in scores))
    tests = {script.name: script.tests for script in plan.scripts}
    metrics = [metric for metric in METRICS if metric.name not in ROWS_OF_VBENCH]
    metrics = [metric for metric in metrics if _any(means, metric.name)]
    for script in names:
        rows = []
        for system in shown_systems(plan, scores):
            lost, videos = failures(scores, system, script)
            if videos:
                cells = [_cell(means, system, script, metric) for metric in metrics]
                rows.append([html.escape(system), *cells, f"{lost} of {videos}"])
        parts.append(f"<h3>{html.escape(script)}</h3>\n")
        if tests.get(script):
            parts.append(f"<p>{html.escape(tests[script])}</p>\n")
        header = ["system", *(_heading(metric) for metric in metrics), "camera lost"]
        parts.append(_raw_table(header, rows))
    parts.append(
        "<p>Where a script commands no translation there is no scale, so RPE translation is n/a; "
        "how far the estimate drifted is in scores.parquet.</p>\n"
    )
    return "".join(parts)


def embedded_html(beside: dict[str, Path]) -> str:
    """Up to `EMBEDDED` side-by-side videos in the page itself."""
    figures = [
        video_html(path.read_bytes(), name) for name, path in list(beside.items())[:EMBEDDED]
    ]
    return "<h3>Side by side</h3>\n" + "".join(figures) if figures else ""


def _videos(beside: dict[str, Path], out: Path) -> str:
    if not beside:
        return ""
    figures = "".join(
        f'<figure><video controls loop muted playsinline preload="metadata" '
        f'src="{html.escape(path.relative_to(out).as_posix())}#t=0.01"></video>'
        f"<figcaption>{html.escape(name)}</figcaption></figure>\n"
        for name, path in beside.items()
    )
    return f'<h2>Side by side</h2>\n<div class="columns videos">{figures}</div>\n'
