"""Encoding a workspace's samples: what `python -m dataset.latents` runs.

`latents/record.json` is removed before anything changes and written last. A sample's file carries a
digest of all that it is made from (the sample, the tokenizer, the configuration); one that has the
wanted digest is kept.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from dataset.colour import plane_psnr_db
from dataset.config import LatentsConfig, fingerprint
from dataset.errors import MissingInputError, OpenRelicError
from dataset.latents.small_frames import SmallFrames, video_of
from dataset.latents.store import (
    LATENTS,
    MANIFEST,
    RECORD,
    TOKENIZER,
    LatentRow,
    config_record,
    rows_to_table,
    shards_digest,
)
from dataset.latents.tokenizers import (
    FIT_VERSION,
    VideoTokenizer,
    fit_tokenizer,
    frames_to_video,
    load_tokenizer,
    video_to_frames,
)
from dataset.shards.loader import Sample, read_sample
from dataset.shards.manifest import SPLITS, SampleRow, read_manifest
from dataset.workspace import Workspace
from labeling.camera import camera_to_ue

METADATA_KEY = "openrelic"
TOKENIZER_RECORD = f"{LATENTS}/tokenizer.json"
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
log = logging.getLogger(__name__)


def encode_workspace(
    workspace: Workspace,
    config: LatentsConfig,
    threads: int = 2,
    crew: "EncodingCrew | None" = None,
) -> list[LatentRow]:
    """Bring `latents/` to what the config asks for; returns its manifest in the shards' order.

    `crew` encodes under Ray; without one, `threads` of this process do.
    """
    samples = read_manifest(workspace)
    if not samples:
        raise MissingInputError(
            f"{workspace.location}/shards with at least one sample",
            f"python -m dataset.build {workspace.location}",
        )
    shards = shards_digest(workspace)
    frames = SmallFrames(config.width, config.height)
    # Decoding, resizing and matrix products all release the interpreter's lock.
    with ThreadPoolExecutor(max(1, threads)) as pool:
        tokenizer = prepare_tokenizer(workspace, config, samples, frames, pool)
        groups = same_video(samples)
        if crew is None:
            encoder = Encoder(workspace, config, tokenizer, frames)
            made = pool.map(encoder.encoded, groups)
        else:
            made = crew.encoded(workspace, config, groups)
        done = list(tqdm(made, "latents", len(groups), unit="video"))
    by_key = {row.key: row for group in done for row in group.rows}
    written = sum(group.written for group in done)
    rows = [by_key[sample.key] for sample in samples]
    if shards_digest(workspace) != shards:
        raise OpenRelicError(
            f"{workspace.location}/shards were built anew meanwhile: run the same command again"
        )
    record = {
        "config": config_record(config),
        "config_fingerprint": fingerprint(config),
        "tokenizer": tokenizer.fingerprint,
        "shards_sha256": shards,
        "samples": len(rows),
        "normalised": "the tokenizer's own mean and standard deviation are taken out",
    }
    if not workspace.exists(RECORD) or workspace.read_json(RECORD) != record:
        _commit(workspace, rows, record)
    log.info("%d latents: %d encoded, %d kept", len(rows), written, len(rows) - written)
    return rows


def _commit(workspace: Workspace, rows: list[LatentRow], record: dict[str, object]) -> None:
    """Remove what is no longer wanted, then write the manifest and the record."""
    workspace.delete_file(RECORD)
    wanted = {row.path for row in rows}
    for split in SPLITS:
        for name in workspace.list_names(f"{LATENTS}/{split}"):
            if f"{LATENTS}/{split}/{name}" not in wanted:
                workspace.delete_file(f"{LATENTS}/{split}/{name}")
    workspace.write_table(MANIFEST, rows_to_table(rows))
    workspace.write_json(RECORD, record)


def same_video(samples: list[SampleRow]) -> list[list[SampleRow]]:
    """Samples whose pictures are the same ones, the longest video of them first."""
    groups: dict[tuple[str, str, int], list[SampleRow]] = {}
    for row in samples:
        groups.setdefault(video_of(row), []).append(row)

    def stored_frames(row: SampleRow) -> int:
        return row.length if row.pivot is None else row.pivot + 1

    return [sorted(group, key=stored_frames, reverse=True) for group in groups.values()]


def prepare_tokenizer(
    workspace: Workspace,
    config: LatentsConfig,
    samples: list[SampleRow],
    frames: SmallFrames,
    pool: ThreadPoolExecutor,
) -> VideoTokenizer:
    """The stored tokenizer if it was fitted to these samples, else one fitted and stored now."""
    chosen = fit_rows(samples, config.fit_samples) if config.tokenizer == "pca" else []
    made_from = fingerprint(
        [config_record(config), FIT_VERSION if chosen else 0, [row.blake3 for row in chosen]]
    )
    if workspace.exists(TOKENIZER_RECORD):
        record = workspace.read_json(TOKENIZER_RECORD)
        if record["made_from"] == made_from:
            return load_stored_tokenizer(workspace, config)

    def decoded(row: SampleRow) -> np.ndarray:
        return frames.of(read_sample(workspace, row))

    windows = tqdm(pool.map(decoded, chosen), "fit", len(chosen), unit="sample", disable=not chosen)
    tokenizer = fit_tokenizer(config, map(frames_to_video, windows))
    # Only now: a tokenizer that cannot be loaded leaves what is there as it is.
    workspace.delete_file(RECORD)
    workspace.delete_file(TOKENIZER_RECORD)
    stored = tokenizer.to_bytes()
    if stored is not None:
        workspace.write_bytes(TOKENIZER, stored)
    record = {"made_from": made_from, "fingerprint": tokenizer.fingerprint}
    workspace.write_json(TOKENIZER_RECORD, record)
    return tokenizer


def load_stored_tokenizer(workspace: Workspace, config: LatentsConfig) -> VideoTokenizer:
    """The tokenizer that made the workspace's latents; another one raises `OpenRelicError`."""
    stored = workspace.read_bytes(TOKENIZER) if workspace.exists(TOKENIZER) else None
    tokenizer = load_tokenizer(config, stored)
    expected = workspace.read_json(TOKENIZER_RECORD)["fingerprint"]
    if tokenizer.fingerprint != expected:
        raise OpenRelicError(
            f"the weights of tokenizer {config.tokenizer} are not those that made "
            f"{workspace.location}/{LATENTS}: delete {TOKENIZER_RECORD} there and run "
            f"`python -m dataset.latents {workspace.location}` again"
        )
    return tokenizer


def fit_rows(samples: list[SampleRow], count: int) -> list[SampleRow]:
    """`count` ordinary training windows, spread evenly over the shards."""
    usable = [row for row in samples if row.split == "train" and row.pivot is None]
    places = np.linspace(0, len(usable), min(count, len(usable)), endpoint=False).astype(int)
    return [usable[place] for place in places]


@dataclass(frozen=True, kw_only=True)
class EncodedGroup:
    """Rows of samples of one video, and how many of them had to be encoded."""

    rows: list[LatentRow]
    written: int


class EncodingCrew(Protocol):
    """Encodes groups of samples, in any order (`dataset.latents.workers`)."""

    def encoded(
        self, workspace: Workspace, config: LatentsConfig, groups: list[list[SampleRow]]
    ) -> Iterator[EncodedGroup]:
        """The groups, as they are done; the tokenizer is the workspace's own."""
        ...


@dataclass
class Encoder:
    """Encodes one sample at a time, or finds that it is there already."""

    workspace: Workspace
    config: LatentsConfig
    tokenizer: VideoTokenizer
    frames: SmallFrames

    def __post_init__(self) -> None:
        # A VAE keeps convolution caches while it encodes.
        self._lock = threading.Lock()
        self._dtype = DTYPES[self.config.dtype]

    def encoded(self, sources: list[SampleRow]) -> EncodedGroup:
        """Several samples, one after another."""
        done = [self._row(source) for source in sources]
        return EncodedGroup(
            rows=[row for row, _ in done], written=sum(written for _, written in done)
        )

    def _row(self, source: SampleRow) -> tuple[LatentRow, bool]:
        """The manifest's row of a sample, whose file is there afterwards, and if it was not."""
        path = f"{LATENTS}/{source.split}/{source.key}.safetensors"
        made_from = fingerprint(
            [source.blake3, self.tokenizer.fingerprint, config_record(self.config)]
        )
        if self.workspace.exists(path):
            data = self.workspace.read_bytes(path)
            metadata = _metadata(data)
            if metadata.get("made_from") == made_from and _is_whole(metadata, data):
                return _row(metadata, path, data), False
        data = self._encode(source, made_from)
        self.workspace.delete_file(RECORD)
        self.workspace.write_bytes(path, data)
        return _row(_metadata(data), path, data), True

    def _encode(self, source: SampleRow, made_from: str) -> bytes:
        from safetensors.torch import save

        sample = read_sample(self.workspace, source)
        frames = self.frames.of(sample)
        with self._lock:
            latents = self.tokenizer.encode(frames_to_video(frames))[0].to(self._dtype)
            psnr = self._psnr(latents, frames) if source.split == "val" else float("nan")
        facts = _facts(sample, self.tokenizer.fingerprint, psnr)
        actions = torch.from_numpy(np.ascontiguousarray(sample.actions))
        tensors = {"latents": latents.contiguous(), "actions": actions}
        # One entry: safetensors writes several in an order that differs from run to run.
        record = {"made_from": made_from, "facts": facts}
        payload = hashlib.sha256(_payload(save(tensors))).hexdigest()
        noted = json.dumps({**record, "payload_sha256": payload}, sort_keys=True)
        return save(tensors, {METADATA_KEY: noted})

    def _psnr(self, latents: torch.Tensor, frames: np.ndarray) -> float:
        """What the tokenizer, and storing in half precision, leave of the frames."""
        decoded = self.tokenizer.decode(latents.float()[None])
        return plane_psnr_db(frames, video_to_frames(decoded))


def _facts(sample: Sample, tokenizer: str, psnr_db: float) -> dict[str, object]:
    """What a row says beside file, size and digest."""
    camera = sample.camera_from_world[:1]
    R_cam_from_world = camera[:, :, :3]
    _, rotation_deg = camera_to_ue(R_cam_from_world, np.zeros((1, 3)))
    units = sample.facts["units"]
    return {
        "key": sample.key,
        "split": sample.row.split,
        "frames": sample.row.length,
        "sample_digest": sample.row.blake3,
        "tokenizer": tokenizer,
        "caption": sample.caption,
        "scene": sample.row.scene,
        "pivot": -1 if sample.row.pivot is None else sample.row.pivot,
        "unit_m": units["translation_m"],
        "unit_deg": units["rotation_deg"],
        "rotation_frame": sample.facts["rotation_frame"],
        "start_pitch_deg": float(rotation_deg[0, 0]),
        "start_roll_deg": float(rotation_deg[0, 2]),
        "psnr_db": psnr_db,
    }


def _metadata(data: bytes) -> dict[str, Any]:
    """What `_encode` noted in a file's header, which is its length and then JSON."""
    try:
        length = int.from_bytes(data[:8], "little")
        return json.loads(json.loads(data[8 : 8 + length])["__metadata__"][METADATA_KEY])
    except (KeyError, ValueError):
        return {}


def _payload(data: bytes) -> bytes:
    """The tensors' bytes of a safetensors file."""
    return data[8 + int.from_bytes(data[:8], "little") :]


def _is_whole(metadata: dict[str, Any], data: bytes) -> bool:
    """Whether the tensors are those that were written: a digest of damage would hide it."""
    return hashlib.sha256(_payload(data)).hexdigest() == metadata.get("payload_sha256")


def _row(metadata: dict[str, Any], path: str, data: bytes) -> LatentRow:
    return LatentRow(
        path=path,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        **metadata["facts"],
    )
