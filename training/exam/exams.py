"""The two exams of one model on one known video.

Exam A, context: the memory is filled with the true way out, the model makes the way back, scored
against the true pictures. Exam B, self-consistency: the model makes both ways; its returning
pictures are scored against its own outgoing ones, where both move as commanded. Both count only
what the window cannot know (`training.exam.visibility`).

Controls, which must do worse, stand in for the model: `frozen`, the last picture of the way out (in
B the first one) repeated; `mean`, the mean picture; `random memory`, the same model over another
place's way out. `coded`, where the model offers it, is the best that can be had: the true pictures
through the model's own codec.

Public: `Examiner`, `Sitting`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dataset.clip import FPS
from labeling.camera import poses_from_extrinsics, rotation_distance_rad
from training.exam.moving import MotionCheck
from training.exam.playing import Played, given_frames, play
from training.exam.scores import FrameScore, score_frame
from training.exam.videos import KnownVideo
from training.exam.visibility import Counted, Views, past_frames, to_pixels
from training.learning.calibration import Calibration
from training.streaming.protocol import StreamingModel

CONTEXT, OWN = "context", "own"
KEPT = 3
"""Plays kept: another place's play may be what the next video needs."""


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """One exam of one video."""

    exam: str
    video: KnownVideo
    given: int
    """frames that the model's memory was filled with; 0 in exam B"""
    returning: int
    """frames of the way back that the model made, whether anything of them counts or not"""
    shown: Mapping[str, np.ndarray]
    """frames (T, H, W, 3) by contender"""
    counted: Mapping[int, Counted]
    """by returning frame; frames of which nothing counts are left out"""
    scores: list[FrameScore]


class Examiner:
    """Examines one model."""

    def __init__(
        self,
        model: StreamingModel,
        calibration: Calibration,
        *,
        past: int,
        coded: Callable[[np.ndarray], np.ndarray] | None = None,
        name: str | None = None,
    ) -> None:
        """`past` is how many frames before a step its window shows.

        `coded` takes frames (T, H, W, 3) through the model's codec.
        """
        self.model, self._calibration = model, calibration
        self._past, self._coded = past, coded
        self._name = name or model.name
        self._plays: OrderedDict[tuple[object, ...], Played] = OrderedDict()

    def examine(
        self, video: KnownVideo, other: KnownVideo, mean_picture: np.ndarray, seed: int = 0
    ) -> list[Sitting]:
        """Both exams.

        `other` is the place whose way out is the random memory, `mean_picture` (H, W, 3) the mean
        of pictures of other places.
        """
        views = Views(video)
        context = self._context(video, other, views, mean_picture, seed)
        return [context, self._own(video, other, views, mean_picture, seed)]

    def _context(
        self, video: KnownVideo, other: KnownVideo, views: Views, mean: np.ndarray, seed: int
    ) -> Sitting:
        """Exam A."""
        played = self._play(video, video, seed)
        counted = self._counted(video, views, played, range(played.given))
        shown = {
            "model": played.frames,
            "random memory": self._play(video, other, seed).frames,
            "frozen": _still(video.frames[max(0, played.given - 1)], len(video)),
            "mean": _still(mean, len(video)),
        }
        if self._coded is not None:
            shown["coded"] = self._coded(video.frames)
        return Sitting(
            exam=CONTEXT, video=video, given=played.given, shown=shown, counted=counted,
            returning=len(_returning(video, played)),
            scores=[
                self._score(CONTEXT, name, video, one, frames[frame], video.frames[frame], frame)
                for frame, one in counted.items()
                for name, frames in shown.items()
            ],
        )  # fmt: skip

    def _own(
        self, video: KnownVideo, other: KnownVideo, views: Views, mean: np.ndarray, seed: int
    ) -> Sitting:
        """Exam B."""
        played = self._play(video, None, seed)
        counted = {
            frame: one
            for frame, one in self._counted(video, views, played, range(video.pivot + 1)).items()
            if video.mirror_of(frame) >= 0
        }
        shown = {
            "model": played.frames,
            "random memory": self._with_strangers_past(video, other, played, seed),
            "frozen": _still(played.frames[0], len(video)),
            "mean": _still(mean, len(video)),
        }
        check, scores = MotionCheck(self._calibration, video), []
        for frame, one in counted.items():
            mirror = video.mirror_of(frame)
            for name, frames in shown.items():
                moved = check.moves(frames, frame, mirror)
                # A random memory is held to what the model itself showed on the way out.
                wanted = (played.frames if name == "random memory" else frames)[mirror]
                scores.append(self._score(OWN, name, video, one, frames[frame], wanted, frame,
                                          moved=moved))  # fmt: skip
        return Sitting(
            exam=OWN, video=video, given=0, shown=shown, counted=counted, scores=scores,
            returning=len(_returning(video, played)),
        )  # fmt: skip

    def _with_strangers_past(
        self, video: KnownVideo, other: KnownVideo, played: Played, seed: int
    ) -> np.ndarray:
        """The model's way out, and the way back over what it made of another place."""
        strange = self._play(other, None, seed)
        if _same_words(video, other):
            back, first = strange.frames, int(played.step_first[video.pivot])
        else:
            memory = strange.frames[: video.pivot + 1]
            one = play(self.model, video, memory=memory, seed=seed)
            back, first = one.frames, one.given
        return np.concatenate([played.frames[:first], back[first:]])

    def _play(self, video: KnownVideo, memory_of: KnownVideo | None, seed: int) -> Played:
        """Play a video over somebody's way out; lately made plays are taken again."""
        key = _words(video), seed, (video.name, None) if memory_of is None else memory_of.name
        if key not in self._plays:
            memory = None
            if memory_of is not None:
                memory = memory_of.frames[: len(given_frames(video))]
            self._plays[key] = play(self.model, video, memory=memory, seed=seed)
            while len(self._plays) > KEPT:
                self._plays.popitem(last=False)
        return self._plays[key]

    def _counted(
        self, video: KnownVideo, views: Views, played: Played, known: range
    ) -> dict[int, Counted]:
        found = {}
        for frame in _returning(video, played):
            window = past_frames(int(played.step_first[frame]), self._past)
            one = views.counted(frame, window, known)
            if one is not None:
                found[frame] = one
        return found

    def _score(
        self,
        exam: str,
        contender: str,
        video: KnownVideo,
        counted: Counted,
        made: np.ndarray,
        wanted: np.ndarray,
        frame: int,
        *,
        moved: bool = True,
    ) -> FrameScore:
        error = score_frame(made, wanted, to_pixels(counted.cells, len(wanted)))
        degrees, metres = farthest(video, counted.since, frame)
        return FrameScore(
            model=self._name, exam=exam, contender=contender, kind=video.kind, video=video.name,
            place=video.place, scene=video.scene, frame=frame, moved=moved, values=error.values,
            squared=error.squared, correlation=error.correlation,
            seconds_away=(frame - counted.since) / FPS, degrees_away=degrees, metres_away=metres,
        )  # fmt: skip


def _returning(video: KnownVideo, played: Played) -> range:
    """Frames after the way out that were not given."""
    return range(max(played.given, video.pivot + 1), len(video))


def farthest(video: KnownVideo, first: int, last: int) -> tuple[float, float]:
    """Degrees and metres that the camera was away from its pose at `last`, from `first` on."""
    R, position = poses_from_extrinsics(video.camera_from_world[first : last + 1])
    turned = rotation_distance_rad(R, R[-1])
    return float(np.rad2deg(turned.max())), float(
        np.linalg.norm(position - position[-1], axis=1).max()
    )


def _still(picture: np.ndarray, frames: int) -> np.ndarray:
    return np.broadcast_to(picture.astype(np.uint8), (frames, *picture.shape))


def _words(video: KnownVideo) -> tuple[object, ...]:
    """All that a model is told of a video, its first picture apart."""
    return video.actions.tobytes(), video.caption, video.pitch_deg, video.roll_deg, video.pivot


def _same_words(video: KnownVideo, other: KnownVideo) -> bool:
    return _words(video) == _words(other)
