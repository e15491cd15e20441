"""What the exam found, as files to read: a page, tables and a plot.

    exam.html       opens offline: table, plot, strips
    exam.png        the plot
    exam.parquet    a row a subject, exam, contender and group (`SummaryRow`)
    exam.json       the same with what it was made of
    frames.parquet  a row a frame (`FrameScore`)

Public: `write_page`, `exam_section`.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataset.report import STYLE
from dataset.sections import figure_html, image_html, table_html
from dataset.workspace import json_bytes
from training.exam.figures import draw_exam
from training.exam.records import scores_table, write_parquet
from training.exam.scores import FrameScore
from training.exam.summary import SummaryRow, summarise

CONTENDERS = {
    "model": "",
    "coded": "the truth through its codec",
    "random memory": "random memory",
    "frozen": "frozen camera",
    "mean": "mean picture",
}
EXAMS = {
    "context": "Exam A, context: the memory is filled with the true way out",
    "own": "Exam B, self-consistency: the model made both ways",
}
NOTES = {
    "context": "Scored against the true pictures of the way back.",
    "own": "Its returning pictures against its own outgoing ones, where both move as commanded; "
    "passed says how many do.",
}
STRIPS = 24
"""Most strips on the page; the others lie in strips/."""


def write_page(
    out: Path, scores: list[FrameScore], strips: Sequence[Path], facts: dict[str, Any]
) -> list[SummaryRow]:
    """Write everything; returns the summary."""
    rows = summarise(scores)
    write_parquet(out / "frames.parquet", scores_table(scores))
    write_parquet(out / "exam.parquet", pa.Table.from_pylist([asdict(row) for row in rows]))
    _write(out / "exam.json", json_bytes({**facts, "rows": [_plain(row) for row in rows]}))
    figure = draw_exam(rows)
    part = out / "exam.part.png"
    figure.savefig(part, dpi=110)
    part.replace(out / "exam.png")
    _write(out / "exam.html", _page(rows, strips, facts).encode())
    return rows


def exam_section(rows: Sequence[SummaryRow], strips: Sequence[Path], facts: dict[str, Any]) -> str:
    """The body of the report's section."""
    return "\n".join([
        _introduction(facts),
        *(_exam_html(rows, exam) for exam in EXAMS),
        figure_html(draw_exam(rows), "Bars are 95 % intervals over places, where there are two or "
                    f"more; a perfect answer is drawn at the top. Controls are those of "
                    f"{rows[0].model if rows else 'nobody'}."),
        _tour_html(rows),
        "<h3>To look at</h3>",
        *(image_html(path.read_bytes(), path.stem) for path in strips[:STRIPS]),
    ])  # fmt: skip


def exam_text(rows: Sequence[SummaryRow]) -> str:
    """The main table for a terminal."""
    lines = []
    for exam, title in EXAMS.items():
        header, table = _table(rows, exam)
        lines += ["", title]
        widths = [max(len(str(row[i])) for row in [header, *table]) for i in range(len(header))]
        for row in [header, *table]:
            cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines).lstrip("\n") + "\n"


def _page(rows: Sequence[SummaryRow], strips: Sequence[Path], facts: dict[str, Any]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Memory exam</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Memory exam</h1>\n{exam_section(rows, strips, facts)}\n</main>\n</body>\n</html>\n"
    )


def _introduction(facts: dict[str, Any]) -> str:
    same = "; ".join(facts["same_weights"])
    note = (
        f"<p>{html.escape(same)}: the same weights with other memories at inference only; they "
        "were not trained with them.</p>\n"
        if len(facts["same_weights"]) > 1
        else ""
    )
    depth = "true depth, occlusion included" if facts["depth"] else "all depths alike"
    return (
        f"<p>{facts['videos']} videos at {facts['places']} places of "
        f"{html.escape(', '.join(facts['scenes']))}. A returning pixel counts only if what it "
        f"shows was seen on the way out, and by no frame of the last {facts['past_s']:g} s before "
        f"the step that makes it ({depth}).</p>\n{note}"
    )


def _exam_html(rows: Sequence[SummaryRow], exam: str) -> str:
    return f"<h3>{EXAMS[exam]}</h3>\n<p>{NOTES[exam]}</p>\n{table_html(*_table(rows, exam))}"


def _table(rows: Sequence[SummaryRow], exam: str) -> tuple[list[str], list[list[object]]]:
    """All frames of an exam: a row a subject and contender."""
    header = ["", "returning frames", "passed", "values", "places", "MSE", "PSNR, dB",
              "correlation with the place", "gain by its memory, dB"]  # fmt: skip
    table: list[list[object]] = []
    for row in rows:
        if (row.exam, row.by) != (exam, "all"):
            continue
        name = CONTENDERS[row.contender]
        table.append([
            f"{row.model}: {name}" if name else row.model,
            row.returning, row.moved, row.values, row.places, number(row.mse, 0),
            interval(row.psnr_db, row.psnr_low, row.psnr_high, 1),
            interval(row.correlation, row.correlation_low, row.correlation_high, 2),
            interval(row.gain_db, row.gain_low, row.gain_high, 1) if not name else "",
        ])  # fmt: skip
    return header, table


def _tour_html(rows: Sequence[SummaryRow]) -> str:
    """Correlation and PSNR of the subjects, tour by tour."""
    parts = []
    for exam, title in EXAMS.items():
        own = [
            row for row in rows
            if row.exam == exam and row.by == "tour" and row.contender == "model"
        ]  # fmt: skip
        tours = list(dict.fromkeys(row.group for row in own))
        table: list[list[object]] = [
            [
                model,
                *(
                    f"{number(row.psnr_db, 1)} dB, {number(row.correlation, 2)} ({row.moved})"
                    for tour in tours
                    for row in own
                    if (row.model, row.group) == (model, tour)
                ),
            ]
            for model in dict.fromkeys(row.model for row in own)
        ]
        parts.append(f"<h3>By tour: {title}</h3>\n{table_html(['', *tours], table)}")
    return (
        "\n".join(parts) + "<p>PSNR, correlation with the place, and in brackets the frames that "
        "count.</p>\n"
    )


def number(value: float, digits: int) -> str:
    """As text; a dash where there is none."""
    if math.isinf(value):
        return "perfect" if value > 0 else "none"
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def interval(value: float, low: float, high: float, digits: int) -> str:
    """A value with its interval, where there is one; on one line."""
    if math.isnan(low) or math.isnan(value) or math.isinf(value):
        return number(value, digits)
    text = f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _plain(row: SummaryRow) -> dict[str, Any]:
    """JSON knows neither NaN nor infinity."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(row).items()
    }


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
