"""The proof from end to end: calibrate, train, examine, sum up; each step kept when done.

Public: `run_proof`.
"""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dataset.errors import OpenRelicError
from dataset.latents.encoding import load_stored_tokenizer
from dataset.latents.tokenizers import VideoTokenizer
from dataset.workspace import json_bytes
from training.context import RunContext
from training.learning.calibration import Calibration, accuracy, calibrate, confusion
from training.learning.exams import examine_student
from training.learning.following import Student, follow_actions
from training.learning.motion import GAP
from training.learning.summary import draw_curves, draw_summary, summary_text
from training.learning.variants import train_variant
from training.learning.windows import Window, WindowSource
from training.teacher import train_teacher

if TYPE_CHECKING:
    from training.learning.__main__ import Settings

FOLDER = "learning"
CALIBRATION_WINDOWS = 40
EXAMINED = 4
"""Of how students are examined: another number examines them again."""


def run_proof(context: RunContext, settings: "Settings") -> str:
    """Run or finish everything; the tables as text."""
    folder = context.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    latents = min(context.recipe.dmd.phases, key=lambda phase: phase.seconds).rollout(
        context.recipe.memory.chunk
    )
    source = WindowSource(context, latents)
    tokenizer = load_stored_tokenizer(context.workspace, context.recipe.latents)
    calibration = calibrated(context, source)
    floor = _kept(folder / "calibration.json", _stamp(context),
                  lambda: _floor(source, tokenizer, calibration))  # fmt: skip
    records: dict[str, dict[str, Any]] = {}
    stages: dict[str, Path] = {}
    if settings.only != "calibrate":
        teachers = train_teacher(context)
        for seed in settings.seeds:
            for variant in settings.variants:
                own, student, weights = train_variant(
                    context, teachers, variant, settings.students, seed
                )
                name = f"{settings.students}-{variant}-{seed}"
                stages[name] = weights.parents[1]
                if settings.only == "train":
                    continue
                stamp = f"{_stamp(context)} {weights.parent.name} {settings.sizes}"
                picture = folder / f"{name}.jpg"
                test = _test(own, settings, student, source, calibration, tokenizer, picture)
                records[name] = _kept(folder / f"{name}.json", stamp, test)
        draw_curves(
            teachers[max(teachers)].parents[1], stages, folder / f"curves-{settings.students}.png"
        )
    summary = {"calibration": floor, "students": records}
    _write(folder / f"summary-{settings.students}.json", summary)
    draw_summary(summary, folder / f"summary-{settings.students}.png")
    return summary_text(summary)


def calibrated(context: RunContext, source: WindowSource) -> Calibration:
    """The estimator, calibrated on the training split's first windows of all scenes in turn."""
    play = context.recipe.play
    usual = GAP * np.array([play.move] * 3 + [play.turn_deg] * 3)
    rows = source.rows("train", returning=False)
    spread = sorted(enumerate(rows), key=lambda item: (item[0] % 7, item[0]))
    windows = (source.read(row) for _, row in spread[:CALIBRATION_WINDOWS])
    return calibrate(windows, usual)


def _floor(
    source: WindowSource, tokenizer: VideoTokenizer, calibration: Calibration
) -> dict[str, Any]:
    """What the estimator reads of rendered held-out pictures, and of what the tokenizer leaves."""
    windows = list(source.all("val"))
    if not windows:
        raise OpenRelicError(
            f"{source.context.workspace.location} has no val split: plan more scenes, so that one "
            "can be held out"
        )
    rendered = confusion(windows, calibration)
    coded = confusion([one.through(tokenizer) for one in windows], calibration)
    train = confusion(islice(source.all("train", returning=False), 24), calibration)
    return {
        "gains": calibration.gain_6.tolist(),
        "mean_inverse_depth": float(calibration.inverse_depth_N.mean()),
        **{
            name: {"accuracy": accuracy(counts), "counts": counts.tolist()}
            for name, counts in (("rendered", rendered), ("tokenizer", coded), ("train", train))
        },
    }


def _test(
    context: RunContext,
    settings: "Settings",
    student: Student,
    source: WindowSource,
    calibration: Calibration,
    tokenizer: VideoTokenizer,
    picture: Path,
) -> Callable[[], dict[str, Any]]:
    """Both proofs of one student, to be run if they are not kept."""

    def test() -> dict[str, Any]:
        stills = _first_of_tours(source, settings.images)
        following = follow_actions(
            context, student, stills, calibration, tokenizer,
            latents=settings.play_latents, picture=picture,
        )  # fmt: skip
        returning = list(islice(source.all("val", returning=True), settings.windows))
        if not returning:
            raise OpenRelicError(
                f"{context.workspace.location} has no held-out window that turns back: run "
                f"`python -m dataset.build {context.workspace.location} --palindromes 0.5`"
            )
        memory = examine_student(
            context, student, calibration, tokenizer, _mean_picture(source), returning
        )
        return {"following": following.to_json(), "memory": memory}

    return test


def _first_of_tours(source: WindowSource, count: int) -> list[Window]:
    """Windows of the val split, spread over it."""
    rows = source.rows("val")
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return [source.read(rows[place]) for place in places]


def _mean_picture(source: WindowSource) -> np.ndarray:
    """The mean of the training split's pictures, (H, W, 3)."""
    windows = islice(source.all("train", returning=False), 16)
    return np.mean([window.frames[::16].mean(0) for window in windows], axis=0).round()


def _stamp(context: RunContext) -> str:
    """What all results depend on."""
    play = context.recipe.play
    return f"{context.made_with('dmd')} {play.move} {play.turn_deg} {EXAMINED}"


def _kept(path: Path, stamp: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A record from its file if it was made of the same things, else made now."""
    if path.exists():
        record = json.loads(path.read_text())
        if record.get("made_of") == stamp:
            return record["record"]
    record = make()
    _write(path, {"made_of": stamp, "record": record})
    return json.loads(path.read_text())["record"]


def _write(path: Path, record: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(json_bytes(record))
    part.replace(path)
