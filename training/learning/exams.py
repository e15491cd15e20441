"""Memory, examined on held-out windows that turn back.

Exam A, context: the memory is filled with the true latents of the way out, the student makes the
way back, scored against the true pictures. Exam B, self-consistency: the student makes both ways;
its returning pictures are scored against its own outgoing ones, counted only where both move as
commanded. Both count only pixels that the window's past could not show
(`training.learning.visibility`). Scores are mean squared errors of 8-bit values, lower is better.

Controls, which must do worse: `frozen`, the last picture of the way out repeated; `mean`, the mean
picture of training; `random memory`, the same student over another window's way out.

Public: `ExamScores`, `examine`.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import torch

from dataset.latents.tokenizers import VideoTokenizer, video_to_frames
from training.context import RunContext
from training.learning.calibration import Calibration, signed_motions
from training.learning.following import Student
from training.learning.motion import GAP
from training.learning.visibility import counted_cells, to_pixels
from training.learning.windows import Window
from training.memory.cache import KVMemory
from training.rollout import Conditions, StudentStream

AGREES = 0.5
"""Least cosine between the motion read and the one commanded."""
MOVES = 0.25
"""Least length of the motion read, of the one commanded."""


@dataclass
class ExamScores:
    """Sums over windows, so that every counted pixel weighs the same."""

    errors: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    pixels: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    frames: int = 0
    passed: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, name: str, made: np.ndarray, wanted: np.ndarray, counted: np.ndarray) -> None:
        """Score one picture where `counted` (H, W)."""
        error = np.square(made.astype(np.float64) - wanted)[counted]
        self.errors[name] += float(error.sum())
        self.pixels[name] += error.size

    def to_json(self) -> dict[str, object]:
        """Mean squared errors; None where nothing counted."""
        names = sorted(self.pixels)
        return {
            "mse": {
                name: self.errors[name] / self.pixels[name] if self.pixels[name] else None
                for name in names
            },
            "values": {name: self.pixels[name] for name in names},
            "frames": self.frames,
            "passed": dict(self.passed),
        }


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """What both exams share."""

    context: RunContext
    student: Student
    calibration: Calibration
    tokenizer: VideoTokenizer
    mean_picture: np.ndarray
    """(H, W, 3)"""

    def examine(self, windows: list[Window]) -> dict[str, dict[str, object]]:
        """Scores of exams A and B, and how much there was to count."""
        context_exam, own_exam = ExamScores(), ExamScores()
        for number, window in enumerate(windows):
            other = windows[(number + 1) % len(windows)]
            masks = {
                frame: to_pixels(counted_cells(window, self.student.memory, frame))
                for frame in returning_frames(window)
            }
            self._context_exam(context_exam, window, other, masks, number)
            self._own_exam(own_exam, window, other, masks, number)
        return {"context": context_exam.to_json(), "own": own_exam.to_json()}

    def _context_exam(
        self,
        scores: ExamScores,
        window: Window,
        other: Window,
        masks: dict[int, np.ndarray],
        number: int,
    ) -> None:
        """Exam A."""
        true = torch.from_numpy(window.latents)[None]
        wrong = torch.from_numpy(other.latents)[None]
        given = self._chunks_out(window)
        made = {
            "student": self._finish(window, true, given, number),
            "random memory": self._finish(window, wrong, given, number),
            "tokenizer": self._frames(true),
        }
        first = 4 * given * self.student.memory.chunk - 3
        last_out = made["tokenizer"][window.row.pivot]
        for frame, counted in masks.items():
            if frame < first:  # its chunk still belongs to the way out, which was given
                continue
            scores.frames += 1
            for name, frames in made.items():
                scores.add(name, frames[frame], window.frames[frame], counted)
            scores.add("frozen", last_out, window.frames[frame], counted)
            scores.add("mean", self.mean_picture, window.frames[frame], counted)

    def _own_exam(
        self,
        scores: ExamScores,
        window: Window,
        other: Window,
        masks: dict[int, np.ndarray],
        number: int,
    ) -> None:
        """Exam B."""
        own = self._latents(window, None, 0, number)
        strange = self._latents(other, None, 0, number + 1)
        given = self._chunks_out(window)
        frames = self._frames(own)
        played = {
            "student": frames,
            "random memory": self._frames(
                torch.cat([own[:, :, : given * self.student.memory.chunk],
                           self._latents(window, strange, given, number)
                           [:, :, given * self.student.memory.chunk :]], dim=2)
            ),
            "frozen": np.repeat(frames[:1], len(frames), axis=0),
            "mean": np.repeat(self.mean_picture[None].astype(np.uint8), len(frames), axis=0),
        }  # fmt: skip
        for frame, counted in masks.items():
            mirror = 2 * window.row.pivot - frame
            scores.frames += 1
            for name, video in played.items():
                if self._moves(window, video, frame, mirror):
                    scores.passed[name] += 1
                    scores.add(name, video[frame], video[mirror], counted)

    def _moves(self, window: Window, video: np.ndarray, frame: int, mirror: int) -> bool:
        """Whether the pictures before both frames move as commanded there."""
        true = signed_motions(window) / self.calibration.usual_6
        for end in (frame, mirror):
            start = end - GAP
            if start < 0:
                return False
            wanted = true[start]
            read = self.calibration.motion(video[start], video[end])
            length, most = np.linalg.norm(read), np.linalg.norm(wanted)
            if most < MOVES or length < MOVES * most or read @ wanted < AGREES * length * most:
                return False
        return True

    def _chunks_out(self, window: Window) -> int:
        """Chunks that lie on the way out with all their frames; at least one."""
        chunk = self.student.memory.chunk
        return max(1, (window.row.pivot // 4 + 1) // chunk)

    def _finish(self, window: Window, out: torch.Tensor, given: int, number: int) -> np.ndarray:
        return self._frames(self._latents(window, out, given, number))

    @torch.no_grad()
    def _latents(
        self, window: Window, out: torch.Tensor | None, given: int, number: int
    ) -> torch.Tensor:
        """The window's latents (1, C, L, h, w): `given` chunks from `out`, the rest generated."""
        context, chunk = self.context, self.student.memory.chunk
        data = context.data("val", window.latents.shape[1])
        index = next(i for i, row in enumerate(data.rows) if row.key == window.row.key)
        conditions = context.conditions(data.samples([index]))
        if not self.student.poses:
            conditions = Conditions(
                text_BLD=conditions.text_BLD, actions_BFA=conditions.actions_BFA
            )
        stream = StudentStream(
            self.student.model,
            torch.from_numpy(window.latents[None, :, :1]).to(context.device),
            KVMemory(self.student.memory),
            context.recipe.flow.levels(),
            generator=context.generator("exam", number, shared=True),
        )
        parts = []
        for turn in range(window.latents.shape[1] // chunk):
            own = conditions.of_chunk(turn, chunk)
            with context.arithmetic():
                if out is not None and turn < given:
                    part = out[:, :, turn * chunk : (turn + 1) * chunk].to(context.device)
                    stream.feed(part, own)
                else:
                    part = stream.step(own).x0_BCTHW
            parts.append(part.float().cpu())
        return torch.cat(parts, dim=2)

    def _frames(self, latents: torch.Tensor) -> np.ndarray:
        return video_to_frames(self.tokenizer.decode(latents.float().cpu()))


def returning_frames(window: Window) -> range:
    """Frames after the pivot."""
    return range(window.row.pivot + 1, len(window.frames))
