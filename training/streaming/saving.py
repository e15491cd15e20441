"""A session in a file: what it was made of, from which it is made again when it is loaded.

One safetensors file: the image's latent, the latents, actions and noise states of the chunks that
can still be undone, all rows walked so far, and, for a session longer than that, a copy of the
oldest memory (`training.streaming.history`). Its metadata name the weights, the recipe and the
captions; a session goes on only under those it was made with.

Public: `save_session`, `load_session`.
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dataset.errors import OpenRelicError
from training.conditions import PoseState
from training.memory.buffers import COUNTS
from training.streaming.history import Anchor, History, Moment
from training.streaming.player import Player
from training.streaming.ranks import Ranks

if TYPE_CHECKING:
    from training.streaming.session import WorldSession

FORMAT = "openrelic-session-1"
POSE = [field.name for field in dataclasses.fields(PoseState)]


def save_session(session: "WorldSession", path: Path) -> None:
    """Write `path` under a temporary name, flush it, and rename it."""
    from safetensors.torch import save_file

    caption = session.caption  # asked for first: it makes a torn session whole
    history = session.history
    anchor, moments = history.anchors[0], history.moments
    ranks = session.player.ranks
    tensors = {"image": session.image_latent, **_anchor_tensors(anchor, ranks)}
    if ranks is not None and not ranks.leads:
        return
    for number, moment in enumerate(moments):
        tensors[f"moment.{number}.latents"] = moment.latents
        tensors[f"moment.{number}.actions"] = torch.from_numpy(moment.actions)
        tensors[f"moment.{number}.random"] = moment.random
    for number, (actions, poses) in enumerate(session.walked[: anchor.chunk_index]):
        tensors[f"walked.{number}.actions"] = torch.from_numpy(actions)
        tensors[f"walked.{number}.poses"] = torch.from_numpy(poses)
    record = {
        "format": FORMAT,
        "recipe": session.player.recipe.name,
        "fingerprint": session.player.fingerprint,
        "weights": session.player.weights_fingerprint,
        "chunk_index": anchor.chunk_index,
        "captions": [anchor.caption, *(moment.caption for moment in moments)],
        "caption": caption,
    }
    own = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file(own, str(part), metadata={"session": json.dumps(record)})
    with open(part, "rb") as written:
        os.fsync(written.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_session(player: Player, path: Path, *, watch: bool = False) -> "WorldSession":
    """The session as it was; see `WorldSession.load`."""
    from training.streaming.session import WorldSession

    record, tensors = _read(path)
    _check(player, path, record)
    anchor = _anchor(player, record, tensors)
    play = player.recipe.play
    history = History(anchor, play.undo_chunks, play.undo_mb * 1_000_000)
    image = tensors["image"].to(player.device)
    session = WorldSession(player, image, history, anchor, watch=watch)
    session.walked.extend(
        (_array(tensors, f"walked.{i}.actions"), _array(tensors, f"walked.{i}.poses"))
        for i in range(anchor.chunk_index)
    )
    session.live_through(
        Moment(
            latents=tensors[f"moment.{number}.latents"],
            actions=_array(tensors, f"moment.{number}.actions"),
            caption=caption,
            random=tensors[f"moment.{number}.random"],
        )
        for number, caption in enumerate(record["captions"][1:])
    )
    session.caption = record["caption"]
    return session


def _array(tensors: dict[str, torch.Tensor], name: str) -> np.ndarray:
    return tensors[name].numpy()


def _anchor_tensors(anchor: Anchor, ranks: Ranks | None) -> dict[str, torch.Tensor]:
    memory = {} if anchor.memory is None else anchor.memory.tensors()
    if ranks is not None:
        memory = {n: t if n == COUNTS else ranks.whole(t) for n, t in memory.items()}
    return {
        "anchor.random": anchor.random,
        **{f"anchor.pose.{name}": getattr(anchor.pose, name) for name in POSE},
        **{f"anchor.memory.{name}": tensor for name, tensor in memory.items()},
        **{f"anchor.decoder.{name}": tensor for name, tensor in anchor.decoder.items()},
    }


def _anchor(player: Player, record: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Anchor:
    kept = _below(tensors, "anchor.memory.")
    memory = None
    if kept:
        if player.ranks is not None:
            kept = {n: t if n == COUNTS else player.ranks.own(t) for n, t in kept.items()}
        memory = player.new_memory()
        memory.fill(kept, player.model.patch_embedding.weight.dtype, torch.device("cpu"))
    pose = _below(tensors, "anchor.pose.")
    return Anchor(
        chunk_index=record["chunk_index"],
        caption=record["captions"][0],
        random=tensors["anchor.random"],
        pose=PoseState(**{name: value.to(player.device) for name, value in pose.items()}),
        memory=memory,
        decoder=_below(tensors, "anchor.decoder."),
    )


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise OpenRelicError(f"{path} is not there; a session is saved by `WorldSession.save`")
    try:
        with safe_open(str(path), "pt") as stored:
            record = json.loads((stored.metadata() or {}).get("session", "{}"))
            names = list(stored.keys())
            tensors = {name: stored.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise OpenRelicError(f"{path} is damaged ({error}): take another copy of it") from error
    if record.get("format") != FORMAT:
        raise OpenRelicError(f"{path} is no saved session ({FORMAT}); give a file that play saved")
    return record, tensors


def _check(player: Player, path: Path, record: dict[str, Any]) -> None:
    """Another network or another memory would go on differently, or not at all."""
    if record["fingerprint"] != player.fingerprint:
        raise OpenRelicError(
            f"{path} was played under another recipe ({record['recipe']}): its model, memory, "
            f"flow, latents or text are not those of {player.recipe.name}; give that recipe"
        )
    if record["weights"] != player.weights_fingerprint:
        raise OpenRelicError(
            f"{path} was played with other weights ({record['weights'][:12]}, here "
            f"{player.weights_fingerprint[:12]}): give those, or start a new session"
        )
