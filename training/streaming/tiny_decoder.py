"""A small decoder of Wan-2.1's latents, in the layout of TAEHV's published weights.

Wan's own decoder is a large part of a chunk's time. TAEHV (github.com/madebyollin/taehv) is a small
one of 2D convolutions, in which a block sees its own input of the frame before. Its file for
Wan-2.1, `taew2_1.safetensors` or `taew2_1.pth`, is not part of this project: give it as
`play.decoder_weights`, with `play.decoder: taehv`. It takes normalised latents, as ours are.

A stream's state is the last input of every block, so decoding latent by latent is decoding the
whole clip. The first latent gives four frames, of which the last is the picture.

Public: `TinyDecoder`, `TinyStream`, `load_tiny_decoder`.
"""

import hashlib
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from dataset.errors import OpenRelicError

WIDTHS = (256, 128, 64, 64)
GROWS = (1, 2, 2)
"""Frames that each of the three stages makes of one."""
BLOCKS = 3
SURPLUS = 3
"""Frames of the first latent that are not shown: a latent is four, the picture is one."""


def conv(channels: int, out: int, *, bias: bool = True) -> nn.Conv2d:
    """Three by three, of the same size."""
    return nn.Conv2d(channels, out, 3, padding=1, bias=bias)


class SoftClamp(nn.Module):
    """Within -3 to 3."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        return torch.tanh(x / 3) * 3


class MemoryBlock(nn.Module):
    """A residual block of a frame and the one before, whose inputs it is given."""

    def __init__(self, width: int) -> None:
        """Make the layers under TAEHV's names."""
        super().__init__()
        self.conv = nn.Sequential(
            conv(2 * width, width), nn.ReLU(), conv(width, width), nn.ReLU(), conv(width, width)
        )

    def forward(self, x_TCHW: torch.Tensor, before_TCHW: torch.Tensor) -> torch.Tensor:
        """Apply it to frames, each with its own past."""
        return torch.relu(self.conv(torch.cat([x_TCHW, before_TCHW], dim=1)) + x_TCHW)


class Grow(nn.Module):
    """Several frames of one."""

    def __init__(self, width: int, frames: int) -> None:
        """Make the layer under TAEHV's name."""
        super().__init__()
        self.conv = nn.Conv2d(width, frames * width, 1, bias=False)

    def forward(self, x_TCHW: torch.Tensor) -> torch.Tensor:
        """Frames in the order of time."""
        return self.conv(x_TCHW).reshape(-1, *x_TCHW.shape[1:])


class TinyDecoder(nn.Module):
    """The decoder; its state belongs to the streams."""

    def __init__(self, channels: int) -> None:
        """Make the layers for latents of `channels`, with random weights."""
        super().__init__()
        layers: list[nn.Module] = [SoftClamp(), conv(channels, WIDTHS[0]), nn.ReLU()]
        for width, following, frames in zip(WIDTHS, WIDTHS[1:], GROWS, strict=False):
            layers += [MemoryBlock(width) for _ in range(BLOCKS)]
            layers += [nn.Upsample(scale_factor=2), Grow(width, frames)]
            layers += [conv(width, following, bias=False)]
        layers += [nn.ReLU(), conv(WIDTHS[-1], 3)]
        self.decoder = nn.ModuleList(layers)
        self.channels = channels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the weights."""
        digest = hashlib.sha256()
        for name, value in self.state_dict().items():
            digest.update(name.encode())
            digest.update(value.float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def stream(self) -> "TinyStream":
        """Start a stream."""
        return TinyStream(self)


class TinyStream:
    """A `StreamDecoder` of one stream."""

    def __init__(self, decoder: TinyDecoder) -> None:
        """Start with nothing remembered, which is zeros."""
        self._decoder = decoder
        self._before: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """See `StreamDecoder`; one stream has a batch of one."""
        first = not self._before
        weight = next(self._decoder.parameters())
        x = latents[0].transpose(0, 1).to(weight)
        for place, layer in enumerate(self._decoder.decoder):
            x = self._remembering(str(place), layer, x) if self._remembers(layer) else layer(x)
        frames = x[SURPLUS:] if first else x
        video = frames.float().cpu().transpose(0, 1)[None]
        return (video * 2 - 1).clamp(-1, 1)

    def state(self) -> dict[str, torch.Tensor]:
        """See `StreamDecoder`."""
        return dict(self._before)

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """See `StreamDecoder`."""
        device = next(self._decoder.parameters()).device
        self._before = {name: tensor.to(device) for name, tensor in state.items()}

    @staticmethod
    def _remembers(layer: nn.Module) -> bool:
        return isinstance(layer, MemoryBlock)

    def _remembering(self, place: str, layer: nn.Module, x_TCHW: torch.Tensor) -> torch.Tensor:
        before = self._before.get(place, torch.zeros_like(x_TCHW[:1]))
        # A copy, so that the last frame does not keep all of them alive.
        self._before[place] = x_TCHW[-1:].clone()
        return layer(x_TCHW, torch.cat([before, x_TCHW[:-1]]))


def load_tiny_decoder(path: str, channels: int) -> TinyDecoder:
    """TAEHV's weights from a .safetensors or .pth file; others raise `OpenRelicError`."""
    if not path or not Path(path).is_file():
        raise OpenRelicError(
            f"play.decoder_weights: {path!r} is not there; give TAEHV's file for Wan-2.1, "
            "taew2_1.safetensors or taew2_1.pth, or set play.decoder: tokenizer"
        )
    found = {name: t for name, t in _read(path).items() if name.startswith("decoder.")}
    with torch.device("meta"):
        model = TinyDecoder(channels)
    wanted = model.state_dict()
    for name in wanted.keys() & found.keys():
        # A file that makes more frames of one than are wanted has them in the order of time.
        if name.endswith(".conv.weight") and found[name].shape[0] > wanted[name].shape[0]:
            found[name] = found[name][-wanted[name].shape[0] :]
    wrong = sorted(wanted.keys() ^ found.keys()) or sorted(
        name for name, value in wanted.items() if found[name].shape != value.shape
    )
    if wrong:
        raise OpenRelicError(
            f"{path} is no TAEHV decoder of {channels} channels (see {wrong[0]}): give the file "
            "for Wan-2.1, taew2_1"
        )
    model.load_state_dict({name: value.float() for name, value in found.items()}, assign=True)
    return model.eval().requires_grad_(False)


def _read(path: str) -> dict[str, torch.Tensor]:
    import pickle

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.endswith(".safetensors"):
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise OpenRelicError(f"{path} cannot be read ({error}): take another copy of it") from error
