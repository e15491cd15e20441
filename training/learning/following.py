"""Action following: whether what a student shows moves as the held key says.

From every held-out image all twelve actions are played, each held throughout. What is read from
the pictures, one motion alone (`training.learning.motion`), makes a 12 x 12 confusion matrix; what
the first ones became is drawn. Controls: the same videos scored against a random permutation of the
actions, which must fall to chance; and a frozen camera, the first picture repeated, in which
nothing may be read.

Public: `ActionScores`, `follow_actions`, `held_actions`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dataset.latents.tokenizers import VideoTokenizer, video_to_frames
from training.conditions import poses_from_actions
from training.config import Recipe
from training.context import RunContext
from training.grid import frames_of_latents
from training.learning.calibration import CLASSES, Calibration, accuracy, classify
from training.learning.motion import GAP
from training.learning.played import draw_played
from training.learning.windows import Window
from training.memory.schedule import MemoryConfig
from training.rollout import Conditions, rollout
from training.transformer import RelicTransformer

CHANCE = 1 / len(CLASSES)
PERMUTATIONS = 200
DRAWN = 2
"""Start pictures whose plays are drawn."""


@dataclass(frozen=True, kw_only=True)
class Student:
    """A student under test: its weights, its memory, and whether it is told poses."""

    model: RelicTransformer
    memory: MemoryConfig
    poses: bool = True


@dataclass(frozen=True, kw_only=True)
class ActionScores:
    """What was read from the student's videos."""

    counts: np.ndarray
    """(12, 13): the action held, the motion read; last: none"""
    permuted: float
    """accuracy against permuted actions, the mean of many permutations"""
    frozen: float
    """share of frozen videos in which a motion was read"""
    agreement: float
    """mean cosine between all six motions, read together, and the one held"""

    @property
    def accuracy(self) -> float:
        """Share of videos that move as was held."""
        return accuracy(self.counts)

    def to_json(self) -> dict[str, object]:
        """As plain numbers."""
        return {
            "accuracy": self.accuracy,
            "chance": CHANCE,
            "permuted": self.permuted,
            "frozen": self.frozen,
            "agreement": self.agreement,
            "counts": self.counts.tolist(),
        }


def held_actions(recipe: Recipe, frames: int, unit_deg: float) -> np.ndarray:
    """(12, frames, 13): every action held throughout, behind the image's static row."""
    rows = np.zeros((12, frames, 13), np.float32)
    rows[:, 0, 12] = 1.0
    for action in range(12):
        turn = recipe.play.turn_deg / unit_deg
        rows[action, 1:, action] = recipe.play.move if action < 6 else turn
    return rows


@torch.no_grad()
def follow_actions(
    context: RunContext,
    student: Student,
    windows: list[Window],
    calibration: Calibration,
    tokenizer: VideoTokenizer,
    *,
    latents: int,
    picture: Path,
) -> ActionScores:
    """Play all actions from each window's first picture for `latents` latents.

    What the first ones became is drawn to `picture`.
    """
    counts, readings, agreements, frozen = np.zeros((12, 13), np.int64), [], [], 0
    plays = []
    for number, window in enumerate(windows):
        videos = _play(context, student, window, tokenizer, latents, number)
        motions = np.stack([_mean_motion(calibration, frames) for frames in videos])
        read = [classify(calibration.one_motion(_pairs(frames))) for frames in videos]
        for held, found in enumerate(read):
            counts[held, found] += 1
        readings.append(read)
        plays.append(videos)
        agreements.extend(_agreement(motions))
        still = np.repeat(videos[0][:1], GAP + 1, axis=0)
        frozen += classify(calibration.one_motion(_pairs(still))) < 12
    draw_played(plays[:DRAWN], readings[:DRAWN], picture)
    return ActionScores(
        counts=counts,
        permuted=_permuted(np.array(readings), context.recipe.seed),
        frozen=frozen / max(1, len(windows)),
        agreement=float(np.mean(agreements)),
    )


def _play(
    context: RunContext,
    student: Student,
    window: Window,
    tokenizer: VideoTokenizer,
    latents: int,
    number: int,
) -> list[np.ndarray]:
    """Twelve videos (T, H, W, 3) uint8 from one picture, with the same noise for all."""
    recipe, row = context.recipe, window.row
    frames = frames_of_latents(latents)
    actions = torch.from_numpy(held_actions(recipe, frames, row.unit_deg)).to(context.device)
    poses = poses_from_actions(
        actions,
        rotation_frame=context.data("val", latents).rotation_frame,
        unit_deg=row.unit_deg,
        pitch_deg=row.start_pitch_deg,
        roll_deg=row.start_roll_deg,
    )
    image = torch.from_numpy(window.latents[None, :, :1]).to(context.device)
    with context.arithmetic():
        made = rollout(
            student.model,
            image.expand(12, -1, -1, -1, -1),
            Conditions(
                text_BLD=context.texts.encode([row.caption] * 12).to(context.device),
                actions_BFA=actions,
                poses_BFP=poses if student.poses else None,
            ),
            latents=latents,
            memory=student.memory,
            levels_S=recipe.flow.levels(),
            generator=context.generator("following", number, shared=True),
        )
    return [
        video_to_frames(tokenizer.decode(one[None].float().cpu())) for one in made.latents_BCTHW
    ]


def _pairs(frames: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures `GAP` frames apart, over the whole video."""
    return [(frames[t], frames[t + GAP]) for t in range(0, len(frames) - GAP, GAP)]


def _mean_motion(calibration: Calibration, frames: np.ndarray) -> np.ndarray:
    """The median over the video of each motion, in usual motions."""
    return np.median([calibration.motion(*pair) for pair in _pairs(frames)], axis=0)


def _agreement(motions: np.ndarray) -> list[float]:
    """Cosine of each action's motion with the one that was held."""
    found = []
    for action, motion in enumerate(motions):
        size = float(np.linalg.norm(motion))
        held = _unit_motion(action)
        found.append(float(motion @ held) / size if size > 0 else 0.0)
    return found


def _unit_motion(action: int) -> np.ndarray:
    from labeling.actions import signed_motion

    return signed_motion(np.eye(13)[[action]])[0]


def _permuted(read: np.ndarray, seed: int) -> float:
    """Accuracy of (images, 12) readings against actions permuted anew for every image."""
    random = np.random.default_rng(seed)
    hits = [np.mean([random.permutation(12) == row for row in read]) for _ in range(PERMUTATIONS)]
    return float(np.mean(hits))
