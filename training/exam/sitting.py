"""The exam from end to end: film, examine every subject on every tour, keep, sum up.

Public: `sit`, `Exam`.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dataset.errors import OpenRelicError
from training.exam.exams import Examiner
from training.exam.filming import Films
from training.exam.records import Records
from training.exam.scores import FrameScore
from training.exam.subjects import Subject, video_digest
from training.exam.tours import TURN_DEG
from training.exam.videos import KnownVideo
from training.learning.calibration import Calibration, calibrate
from training.learning.motion import GAP

log = logging.getLogger(__name__)

RULES = 4
"""Raised whenever what counts, or how it is scored, changes: older records are made again."""
PAST_FRAMES = 16
"""One second: the past in a window of 8 latents with chunks of 4."""


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What is asked of everybody."""

    out: Path
    films: Films
    """of the subjects' size"""
    past: int
    """frames before a step that a window may show: what they show does not count"""
    seed: int = 0


def sit(exam: Exam, subjects: Sequence[Subject]) -> list[FrameScore]:
    """Examine everybody; what was sat before is read."""
    exam.films.complete()
    calibration, means = _measures(exam.films)
    records, scores = Records(exam.out), []
    places = exam.films.places * len(exam.films.scenes)
    total = len(subjects) * len(exam.films.tours) * places
    with tqdm(total=total, desc="exam", unit="video") as progress:
        for tour in exam.films.tours:
            for subject in subjects:
                progress.set_postfix_str(f"{subject.name}, {tour}")
                videos = exam.films.of_tour(tour, subject.unit_deg)
                for own in _examined(exam, subject, videos, calibration, means, records):
                    scores.extend(own)
                    progress.update()
    order = [subject.name for subject in subjects]
    return sorted(scores, key=lambda score: order.index(score.model))


def _examined(
    exam: Exam,
    subject: Subject,
    videos: Sequence[KnownVideo],
    calibration: Calibration,
    means: dict[str, np.ndarray],
    records: Records,
) -> Iterable[list[FrameScore]]:
    """The scores of one subject on one tour, video by video."""
    digests = [video_digest(video) for video in videos]
    examiner: Examiner | None = None
    for number, video in enumerate(videos):
        following = _other(videos, number)
        made_of = {
            "rules": RULES, "subject": subject.fingerprint, "video": digests[number],
            "past": exam.past, "other": digests[following], "seed": exam.seed,
            "mean": int(means[video.place].sum()),
        }  # fmt: skip
        scores = records.read(subject.name, video.name, made_of)
        if scores is None:
            model = subject.model_for(video, videos[following])
            if examiner is None or examiner.model is not model:
                examiner = Examiner(
                    model, calibration, past=exam.past, coded=subject.coded, name=subject.name
                )  # fmt: skip
            sittings = examiner.examine(video, videos[following], means[video.place], exam.seed)
            scores = records.write(subject.name, video.name, made_of, sittings)
        yield scores


def _other(videos: Sequence[KnownVideo], number: int) -> int:
    """The next place of the same scene, which is the harder control; else the next of all."""
    scene = videos[number].scene
    same = [i for i, video in enumerate(videos) if video.scene == scene and i != number]
    after = [i for i in same if i > number] or same or [(number + 1) % len(videos)]
    return after[0]


def _measures(films: Films) -> tuple[Calibration, dict[str, np.ndarray]]:
    """The motion estimator for these pictures; for each place the mean (H, W, 3) of all others."""
    usual = GAP * np.array([1.0] * 3 + [TURN_DEG] * 3)
    calibration = calibrate(films.measured(), usual)
    means: dict[str, list[np.ndarray]] = {}
    for video in films.measured():
        means.setdefault(video.place, []).append(video.frames[::16].mean(0))
    own = {place: np.mean(pictures, axis=0) for place, pictures in means.items()}
    return calibration, {
        place: np.mean([own[one] for one in own if one != place], axis=0).round().astype(np.uint8)
        for place in own
    }


def common_past(subjects: Sequence[Subject], wanted_s: float | None, fps: int) -> int:
    """Frames of the window's past for all: what is wanted, or the smallest window's."""
    if wanted_s is not None:
        if wanted_s < 0:
            raise OpenRelicError(f"--past-s is {wanted_s:g}; allowed: 0 or more")
        return round(wanted_s * fps)
    known = [subject.past for subject in subjects if subject.past is not None]
    return min(known, default=PAST_FRAMES)
