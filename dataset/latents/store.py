"""What `dataset.latents` writes and training reads.

    latents/record.json                    written last: the configuration and all digests
    latents/manifest.parquet               one row a sample
    latents/tokenizer.safetensors          the components of a fitted tokenizer
    latents/<split>/<key>.safetensors      latents (C, L, h, w), actions (T, 13)

Latents are normalised: the tokenizer's own mean and standard deviation are taken out. A
palindrome's latents are those of its mapped frames, as flipped ones are not what a causal tokenizer
would give.
"""

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from dataset.config import LatentsConfig, fingerprint
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import Workspace

LATENTS = "latents"
RECORD = f"{LATENTS}/record.json"
MANIFEST = f"{LATENTS}/manifest.parquet"
TOKENIZER = f"{LATENTS}/tokenizer.safetensors"
SHARD_MANIFEST = "shards/manifest.parquet"


@dataclass(frozen=True, kw_only=True)
class LatentRow:
    """One sample of the manifest."""

    key: str
    split: str
    frames: int
    path: str
    bytes: int
    sha256: str
    sample_digest: str  # of the sample that was encoded, as the shards' manifest has it
    tokenizer: str  # its fingerprint
    caption: str
    scene: str
    pivot: int  # -1: an ordinary window
    unit_m: float
    unit_deg: float
    rotation_frame: str
    start_pitch_deg: float  # of the window's first camera; `level` poses start from it
    start_roll_deg: float
    psnr_db: float  # of encode and decode against the resized frames


@dataclass(frozen=True, kw_only=True)
class LatentSample:
    """An encoded window: `latents` (C, L, h, w) float32, `actions` (T, 13) float32."""

    row: LatentRow
    latents: np.ndarray
    actions: np.ndarray


def read_sample(workspace: Workspace, row: LatentRow) -> LatentSample:
    """The sample of a manifest row; damaged bytes raise `OpenRelicError` with its name."""
    from safetensors.torch import load  # numpy knows no bfloat16

    data = workspace.read_bytes(row.path)
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise OpenRelicError(
            f"{workspace.location}/{row.path} is damaged: its digest is not the manifest's; delete "
            f"it and run `python -m dataset.latents {workspace.location}` again"
        )
    tensors = load(data)
    return LatentSample(
        row=row, latents=tensors["latents"].float().numpy(), actions=tensors["actions"].numpy()
    )


def rows_to_table(rows: list[LatentRow]) -> pa.Table:
    """`latents/manifest.parquet`."""
    return pa.table(
        {field.name: [getattr(row, field.name) for row in rows] for field in fields(LatentRow)}
    )


def read_rows(workspace: Workspace) -> list[LatentRow]:
    """All rows of the manifest."""
    return [LatentRow(**row) for row in workspace.read_table(MANIFEST).to_pylist()]


def config_record(config: LatentsConfig) -> dict[str, Any]:
    """What of the configuration changes the latents, as `record.json` has it."""
    return {name: getattr(config, name) for name in LatentsConfig.__dataclass_fields__}


def require_latents(
    workspace: Workspace, config: LatentsConfig, config_path: str
) -> list[LatentRow]:
    """The manifest's rows, after checking that these latents are what the config asks for.

    Missing ones, ones made with another tokenizer or size, and ones of other shards each raise
    `OpenRelicError` with the command that mends it.
    """
    command = f"python -m dataset.latents {workspace.location} --config {config_path}"
    if not workspace.exists(SHARD_MANIFEST):
        raise MissingInputError(
            f"{workspace.location}/{SHARD_MANIFEST}",
            f"python -m dataset.build {workspace.location}",
        )
    if not workspace.exists(RECORD):
        raise MissingInputError(f"{workspace.location}/{RECORD}", command)
    record = workspace.read_json(RECORD)
    if record["config_fingerprint"] != fingerprint(config):
        raise OpenRelicError(_other_config(workspace, record["config"], config, command))
    if record["shards_sha256"] != shards_digest(workspace):
        raise OpenRelicError(
            f"{workspace.location}/{LATENTS} was made from other shards than those that are there "
            f"now: run `{command}`"
        )
    return read_rows(workspace)


def shards_digest(workspace: Workspace) -> str:
    """SHA-256 of the shards' manifest, which holds every sample's digest."""
    return hashlib.sha256(workspace.read_bytes(SHARD_MANIFEST)).hexdigest()


def _other_config(
    workspace: Workspace, made: dict[str, Any], wanted: LatentsConfig, command: str
) -> str:
    changes = [
        f"{name} is {made.get(name)!r} there and {value!r} in the config"
        for name, value in config_record(wanted).items()
        if made.get(name) != value
    ]
    return (
        f"{workspace.location}/{LATENTS} was made with another tokenizer or size "
        f"({'; '.join(changes)}): run `{command}`"
    )
