"""What the samples of each clip follow from, read before anything is written.

A clip gives its labels, its usable parts (`dataset.qa.usable`) and its captions: those of a caption
set, or the scene's own where there is no set.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dataset.clip import READERS, SCENE_MANIFEST, Clip, open_clip_file
from dataset.errors import MissingInputError
from dataset.qa.usable import Usable, Verdicts
from dataset.workspace import Workspace
from labeling.actions import STATIC
from labeling.captioning.store import CAPTIONS, ClipCaptions, caption_path, read_captions
from labeling.store import DEFAULT_SET, check_set_name, label_path, require_labels


@dataclass(frozen=True, kw_only=True)
class ClipInput:
    """A clip and what of it decides which samples there are."""

    clip: Clip
    label_digest: str  # SHA-256 of the label file
    pressed: np.ndarray  # int32 (T+1,13): frames with each action pressed, before each frame
    captions: ClipCaptions | None
    scene_caption: str
    usable: Usable

    def caption(self, frame: int) -> str:
        """The caption of the 5 s that hold `frame`; the scene's where that segment has none."""
        found = self.captions.at(frame) if self.captions is not None else None
        return self.scene_caption if found is None else found

    def action_counts(self, first: int, length: int) -> np.ndarray:
        """Frames of a window with each action pressed (13,); its row 0 is static."""
        counts = self.pressed[first + length] - self.pressed[first + 1]
        counts[STATIC] += 1
        return counts


def read_inputs(
    workspace: Workspace,
    clips: Sequence[Clip],
    label_set: str,
    caption_set: str,
    verdicts: Verdicts,
) -> list[ClipInput]:
    """The inputs of every clip, in their order.

    Raises `MissingInputError` where labels or, in a caption set that exists, captions are missing.
    """
    captioned = _has_captions(workspace, caption_set)

    def read(clip: Clip) -> ClipInput:
        actions = require_labels(workspace, label_set, clip)
        labels = workspace.read_bytes(label_path(label_set, clip.tour_id))
        pressed = np.zeros((clip.frames + 1, actions.active.shape[1]), np.int32)
        np.cumsum(actions.active, axis=0, out=pressed[1:])
        return ClipInput(
            clip=clip,
            label_digest=hashlib.sha256(labels).hexdigest(),
            pressed=pressed,
            captions=_captions(workspace, caption_set, clip) if captioned else None,
            scene_caption=scene_caption(workspace, clip),
            usable=verdicts.of(clip),
        )

    # On a disk a file is read before threads have taken turns.
    with ThreadPoolExecutor(1 if workspace.local_root else READERS) as pool:
        return list(pool.map(read, clips))


def _has_captions(workspace: Workspace, caption_set: str) -> bool:
    """Whether the set is there; only the default one may be missing."""
    if workspace.exists(f"{CAPTIONS}/{check_set_name(caption_set)}"):
        return True
    if caption_set != DEFAULT_SET:
        raise MissingInputError(
            f"{workspace.location}/{CAPTIONS}/{caption_set}",
            _caption_command(workspace, caption_set),
        )
    return False


def _captions(workspace: Workspace, caption_set: str, clip: Clip) -> ClipCaptions:
    found = read_captions(workspace, caption_set, clip)
    if found is None:
        raise MissingInputError(
            f"{workspace.location}/{caption_path(caption_set, clip.tour_id)} of the clip that is "
            "there now",
            _caption_command(workspace, caption_set),
        )
    return found


def _caption_command(workspace: Workspace, caption_set: str) -> str:
    return f"python -m labeling.captions {workspace.location} --set {caption_set}"


def scene_caption(workspace: Workspace, clip: Clip) -> str:
    """The caption that the scene's own manifest offers, or none."""
    if SCENE_MANIFEST not in clip.files:
        return ""
    with open_clip_file(workspace, clip, SCENE_MANIFEST):
        manifest = workspace.read_json(clip.path(SCENE_MANIFEST))
    return str(manifest.get("caption") or "") if isinstance(manifest, dict) else ""
