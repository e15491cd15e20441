"""The report's section on latents: what was encoded, and what the tokenizer loses."""

import numpy as np

from dataset.config import LatentsConfig
from dataset.latents.encoding import load_stored_tokenizer
from dataset.latents.small_frames import SmallFrames
from dataset.latents.store import LatentRow, read_sample
from dataset.latents.tokenizers import video_to_frames
from dataset.resize import centre_crop
from dataset.sections import image_html, table_html, write_section
from dataset.shards.loader import read_sample as read_shard_sample
from dataset.shards.manifest import read_manifest
from dataset.workspace import Workspace

SHOWN = 4


def write_latents_section(
    workspace: Workspace, config: LatentsConfig, rows: list[LatentRow]
) -> None:
    """Write `report/latents.html`."""
    body = _summary(config, rows) + _pictures(workspace, config, rows)
    write_section(workspace, "latents", "Latents: the samples as the model sees them", body)


def _summary(config: LatentsConfig, rows: list[LatentRow]) -> str:
    table: list[list[object]] = []
    for split in ("train", "val"):
        chosen = [row for row in rows if row.split == split]
        psnr = [row.psnr_db for row in chosen if np.isfinite(row.psnr_db)]
        table.append(
            [
                split,
                len(chosen),
                sum(row.pivot >= 0 for row in chosen),
                f"{sum(row.bytes for row in chosen) / 1e6:.1f} MB",
                f"{np.mean(psnr):.2f} dB" if psnr else "not measured",
                f"{min(psnr):.2f} dB" if psnr else "",
            ]
        )
    header = ["split", "samples", "of them palindromes", "size", "PSNR, mean", "PSNR, worst"]
    return f"<p>{_sentence(config)}</p>\n{table_html(header, table)}"


def _sentence(config: LatentsConfig) -> str:
    crop = centre_crop(1280, 720, config.width, config.height)
    return (
        f"Tokenizer {config.tokenizer}: {config.channels} channels, 4x8x8 pixels a latent. Frames "
        f"of 1280x720 keep the middle {crop.width}x{crop.height} and become "
        f"{config.width}x{config.height}. PSNR is of encoded, stored and decoded frames against "
        "the resized ones, on held-out scenes (val)."
    )


def _pictures(workspace: Workspace, config: LatentsConfig, rows: list[LatentRow]) -> str:
    """Frames of one held-out sample above their reconstruction."""
    import cv2
    import torch

    held_out = [row for row in rows if row.split == "val"]
    if not held_out:
        return "<p>There is no held-out split, so there is nothing to compare.</p>"
    row = held_out[0]
    source = next(entry for entry in read_manifest(workspace) if entry.key == row.key)
    frames = SmallFrames(config.width, config.height).of(read_shard_sample(workspace, source))
    latents = torch.from_numpy(read_sample(workspace, row).latents)[None]
    decoded = video_to_frames(load_stored_tokenizer(workspace, config).decode(latents))
    shown = np.linspace(0, len(frames) - 1, SHOWN).astype(int)
    sheet = np.vstack([np.hstack(list(frames[shown])), np.hstack(list(decoded[shown]))])
    _, jpeg = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    caption = f"{row.key}: frames {', '.join(map(str, shown))} above, their reconstruction below"
    return image_html(jpeg.tobytes(), caption)
