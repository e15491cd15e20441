"""Decoding a stream is decoding the whole clip, with Wan's decoder and with the tiny one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from dataset.errors import OpenRelicError
from dataset.latents.tokenizers import WanTokenizer
from tests.training.tiny_player import SHORT_MEMORY, picture, random_rows, tiny_player
from training.streaming.player import Player
from training.streaming.session import WorldSession
from training.streaming.tiny_decoder import TinyDecoder, load_tiny_decoder

CHANNELS = 4


@pytest.fixture(scope="module")
def wan() -> WanTokenizer:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    torch.manual_seed(0)
    torch.set_num_threads(1)
    return WanTokenizer(
        AutoencoderKLWan(base_dim=4, z_dim=CHANNELS, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
                         latents_mean=[0.0] * CHANNELS, latents_std=[1.0] * CHANNELS)
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny() -> TinyDecoder:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    return TinyDecoder(CHANNELS).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(1, CHANNELS, 6, 2, 2, generator=generator)


class Published(nn.Module):
    """TAEHV's decoder for Wan-2.1 as its authors lay it out, a whole clip at once.

    Numbers are places in `decoder`, the names of the published weights.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = {3: 256, 4: 256, 5: 256, 9: 128, 10: 128, 11: 128, 15: 64, 16: 64, 17: 64}
        self.widths = widths
        self.decoder = nn.Module()

        def put(place: int, layer: nn.Module) -> None:
            self.decoder.add_module(str(place), layer)

        def inner(layer: nn.Module) -> nn.Module:
            outer = nn.Module()
            outer.add_module("conv", layer)
            return outer

        put(1, nn.Conv2d(CHANNELS, 256, 3, padding=1))
        for place, n in widths.items():
            convs = [nn.Conv2d(a, n, 3, padding=1) for a in (2 * n, n, n)]
            put(place, inner(nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), convs[2])))
        for place, n, out, grown in ((7, 256, 128, 1), (13, 128, 64, 2), (19, 64, 64, 2)):
            put(place, inner(nn.Conv2d(n, n * grown, 1, bias=False)))
            put(place + 1, nn.Conv2d(n, out, 3, padding=1, bias=False))
        put(22, nn.Conv2d(64, 3, 3, padding=1))

    def forward(self, x_TCHW: torch.Tensor) -> torch.Tensor:
        parts: dict[str, Any] = dict(self.decoder.named_children())
        x = parts["1"](torch.tanh(x_TCHW / 3) * 3).relu()
        for first in (3, 9, 15):
            for place in range(first, first + 3):
                past = functional.pad(x, (0, 0, 0, 0, 0, 0, 1, 0))[: len(x)]
                block = parts[str(place)].conv
                x = (block(torch.cat([x, past], 1)) + x).relu()
            x = functional.interpolate(x, scale_factor=2)
            x = parts[str(first + 4)].conv(x).reshape(-1, *x.shape[1:])
            x = parts[str(first + 5)](x)
        return parts["22"](x.relu()).clamp(0, 1)[3:]


@pytest.mark.parametrize("name", ["wan", "tiny"])
@pytest.mark.parametrize("parts", [(4, 2), (1, 1, 1, 1, 1, 1)])
def test_a_stream_is_the_whole_clip(name: str, parts: tuple, latents, request) -> None:
    decoder = request.getfixturevalue(name)
    whole = decoder.stream().decode(latents)
    assert whole.shape == (1, 3, 21, 16, 16)
    stream, shown = decoder.stream(), []
    for part in latents.split(list(parts), dim=2):
        shown.append(stream.decode(part))
        # Another stream takes over, from the state alone.
        state, stream = stream.state(), decoder.stream()
        stream.restore(state)
    torch.testing.assert_close(torch.cat(shown, dim=2), whole, atol=1e-5, rtol=0)
    assert whole.std() > 0.01


def test_the_tiny_decoder_is_the_published_one(tiny: TinyDecoder, latents: torch.Tensor) -> None:
    published = Published()
    published.load_state_dict(tiny.state_dict())
    expected = published(latents[0].transpose(0, 1)).detach().transpose(0, 1)[None] * 2 - 1
    torch.testing.assert_close(tiny.stream().decode(latents), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_published_files_load(tiny, latents, tmp_path: Path, suffix: str) -> None:
    stored = {**tiny.state_dict(), "encoder.0.weight": torch.zeros(64, 3, 3, 3)}
    # Such a file may make two frames where one is wanted: the later one is it.
    grow = stored["decoder.7.conv.weight"]
    stored["decoder.7.conv.weight"] = torch.cat([torch.randn_like(grow), grow])
    path = tmp_path / f"taew2_1.{suffix}"
    save_file(stored, path) if suffix == "safetensors" else torch.save(stored, path)
    loaded = load_tiny_decoder(str(path), CHANNELS)
    assert loaded.fingerprint == tiny.fingerprint
    assert torch.equal(loaded.stream().decode(latents), tiny.stream().decode(latents))


def test_other_files_are_one_line(tiny: TinyDecoder, tmp_path: Path) -> None:
    with pytest.raises(OpenRelicError, match="give TAEHV's file"):
        load_tiny_decoder("", CHANNELS)
    path = tmp_path / "x.safetensors"
    save_file(tiny.state_dict(), path)
    with pytest.raises(OpenRelicError, match=r"no TAEHV decoder of 16 .*decoder\.1\.weight"):
        load_tiny_decoder(str(path), 16)
    save_file({"decoder.1.weight": torch.zeros(1)}, path)
    with pytest.raises(OpenRelicError, match="no TAEHV decoder of 4"):
        load_tiny_decoder(str(path), CHANNELS)
    for damaged in (path, tmp_path / "x.pth"):
        damaged.write_bytes(b"words")
        with pytest.raises(OpenRelicError, match="cannot be read"):
            load_tiny_decoder(str(damaged), CHANNELS)


@pytest.mark.parametrize("name", ["wan", "tiny"])
def test_sessions_go_back_and_are_saved_with_it(name: str, tmp_path: Path, request) -> None:
    decoder = request.getfixturevalue(name)
    changes = {**SHORT_MEMORY, "play__undo_chunks": 2, "play__undo_mb": 0, "play__newest": 9}
    plain = tiny_player(tmp_path, **changes)
    player: Player = replace(
        plain, **({"tokenizer": decoder} if name == "wan" else {"tiny_decoder": decoder})
    )

    def walked(chunks: int, session: WorldSession | None = None) -> tuple[WorldSession, np.ndarray]:
        session = session or WorldSession.start(player, picture())
        shown = [
            session.step(random_rows(session.rows_needed, seed=session.chunk_index)).frames
            for _ in range(chunks)
        ]
        return session, np.concatenate(shown)

    session, shown = walked(4)
    assert shown.shape == (29, 32, 64, 3)
    session.save(tmp_path / "walk")
    loaded = WorldSession.load(player, tmp_path / "walk")
    assert loaded.earliest == session.earliest == 2
    for one in (session, loaded):
        one.undo()
        np.testing.assert_array_equal(walked(1, one)[1], shown[-8:])
    other = session.branch()
    np.testing.assert_array_equal(walked(1, other)[1], walked(1, session)[1])
    with pytest.raises(OpenRelicError, match="another recipe"):
        WorldSession.load(plain, tmp_path / "walk")
