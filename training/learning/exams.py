"""Memory, examined on held-out windows that turn back: `training.exam` for a student under test.

The exams, what counts and the controls are `training.exam.exams`'s; here a student of the proof
becomes a model that streams, and its scores become mean squared errors of 8-bit values, lower is
better. Samples carry no depth, so a pixel counts only if the window cannot have shown it at any
depth (`training.exam.visibility`).

Public: `examine_student`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from dataset.latents.tokenizers import VideoTokenizer
from training.attention import AttentionPath
from training.context import RunContext
from training.exam.exams import CONTEXT, OWN, Examiner, Sitting
from training.exam.memories import past_frames_of, whole_memory
from training.exam.scores import mean_error
from training.exam.subjects import coder
from training.learning.calibration import Calibration
from training.learning.following import Student
from training.learning.windows import Window
from training.streaming.model import StudentModel
from training.streaming.player import Player
from training.transformer import RelicTransformer


class Poseless(nn.Module):
    """A network that is never told poses."""

    def __init__(self, model: RelicTransformer) -> None:
        """Wrap the network."""
        super().__init__()
        self.model = model

    def forward(
        self,
        x_BCTHW: torch.Tensor,
        timestep_BT: torch.Tensor,
        text_BLD: torch.Tensor,
        actions_BFA: torch.Tensor | None = None,
        poses_BFP: torch.Tensor | None = None,
        attention: AttentionPath | None = None,
    ) -> torch.Tensor:
        """As the network's, without `poses_BFP`."""
        return self.model(x_BCTHW, timestep_BT, text_BLD, actions_BFA, None, attention=attention)


def examine_student(
    context: RunContext,
    student: Student,
    calibration: Calibration,
    tokenizer: VideoTokenizer,
    mean_picture: np.ndarray,
    windows: Sequence[Window],
) -> dict[str, dict[str, object]]:
    """Scores of exams A (`context`) and B (`own`), and how much there was to count."""
    player = _player(context, student, tokenizer, windows[0])
    examiner = Examiner(
        StudentModel(player=player, name="student"),
        calibration,
        past=past_frames_of(student.memory),
        coded=coder(player),
    )
    sittings: dict[str, list[Sitting]] = {CONTEXT: [], OWN: []}
    for number, window in enumerate(windows):
        other = windows[(number + 1) % len(windows)]
        for sitting in examiner.examine(window, other, mean_picture, seed=number):
            sittings[sitting.exam].append(sitting)
    return {exam: _record(own) for exam, own in sittings.items()}


def _player(
    context: RunContext, student: Student, tokenizer: VideoTokenizer, window: Window
) -> Player:
    model = student.model if student.poses else cast(RelicTransformer, Poseless(student.model))
    return Player(
        recipe=replace(context.recipe, memory=whole_memory(student.memory)),
        model=model,
        tokenizer=tokenizer,
        texts=context.texts,
        rotation_frame=context.data("val", window.latents.shape[1]).rotation_frame,
        unit_deg=window.row.unit_deg,
        device=context.device,
    )


def _record(sittings: Sequence[Sitting]) -> dict[str, Any]:
    """Mean squared errors; None where nothing counted."""
    scores = [score for sitting in sittings for score in sitting.scores if score.moved]
    names = sorted({name for sitting in sittings for name in sitting.shown})
    counted = {name: [one for one in scores if one.contender == name] for name in names}
    return {
        "mse": {name: mean_error(own).value if own else None for name, own in counted.items()},
        "values": {name: sum(one.values for one in own) for name, own in counted.items()},
        "frames": sum(sitting.returning for sitting in sittings),
        "passed": {name: len(own) for name, own in counted.items()},
    }
