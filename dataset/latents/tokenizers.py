"""Video tokenizers: pixels to latents and back, by name, behind one interface.

Shapes follow diffusers' `AutoencoderKLWan`: a video is (B, 3, T, H, W) in [-1, 1] with T = 1 + 4n
frames, its latents are (B, C, 1 + n, H/8, W/8). Latent 0 is frame 0 alone and latent i is frames
4i-3 ... 4i; latents never look at later frames. Latents are normalised: their mean and standard
deviation (a tokenizer's own statistics) are taken out by `encode` and put back by `decode`.

`pca` keeps the leading principal components of 4x8x8 patches and fits in seconds; `wan` is
Wan-2.1's VAE. Both decode a stream latent by latent through `stream()`, with `decode`'s frames.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dataset.config import LatentsConfig
from dataset.errors import OpenRelicError

if TYPE_CHECKING:
    from torch import Tensor

TEMPORAL_FACTOR = 4
SPATIAL_FACTOR = 8
FIT_VERSION = 2
"""Of what `fit_tokenizer` makes of the same samples: another number fits again."""
PATCH_VALUES = 3 * TEMPORAL_FACTOR * SPATIAL_FACTOR**2
REPEATED = "Rep"
"""diffusers' word for a frame that is its own past."""


class StreamDecoder(Protocol):
    """Decodes latents in the order of time; what it has seen is its state."""

    def decode(self, latents: "Tensor") -> "Tensor":
        """The frames of the next latents: (B, C, L, h, w) to (B, 3, T, H, W) in [-1, 1].

        The first latent of a stream gives one frame, every other one four.
        """
        ...

    def state(self) -> "dict[str, Tensor]":
        """What has been seen, as tensors that do not change any more."""
        ...

    def restore(self, state: "dict[str, Tensor]") -> None:
        """Go on where a stream of the same tokenizer stood when it gave this state."""
        ...


class VideoTokenizer(Protocol):
    """What the pipeline asks of a video tokenizer."""

    channels: int
    fingerprint: str

    def encode(self, video: "Tensor") -> "Tensor":
        """Normalised latents of (B, 3, 1 + 4n, H, W)."""
        ...

    def decode(self, latents: "Tensor") -> "Tensor":
        """The video of normalised latents (B, C, 1 + n, h, w), within [-1, 1]."""
        ...

    def stream(self) -> StreamDecoder:
        """A decoder for one new stream."""
        ...

    def to_bytes(self) -> bytes | None:
        """What has to be stored to load it again; None where the config's name is enough."""
        ...


def frames_to_video(frames: np.ndarray) -> "Tensor":
    """(T, H, W, 3) uint8 to (1, 3, T, H, W) float32 in [-1, 1]."""
    import torch

    video = torch.from_numpy(np.ascontiguousarray(frames)).float() / 127.5 - 1.0
    return video.permute(3, 0, 1, 2)[None]


def video_to_frames(video: "Tensor") -> np.ndarray:
    """(1, 3, T, H, W) in [-1, 1] to (T, H, W, 3) uint8."""
    frames = ((video[0].float() + 1.0) * 127.5).round().clamp(0, 255)
    return frames.permute(1, 2, 3, 0).byte().cpu().numpy()


def fit_tokenizer(config: LatentsConfig, videos: Iterable["Tensor"]) -> VideoTokenizer:
    """The tokenizer that the config names, fitted to `videos` where it has something to fit."""
    if config.tokenizer == "pca":
        return PcaTokenizer.fit(videos, config.channels)
    return load_tokenizer(config, None)


def load_tokenizer(config: LatentsConfig, stored: bytes | None) -> VideoTokenizer:
    """The tokenizer that the config names, from what `to_bytes` gave."""
    if config.tokenizer == "pca":
        if stored is None:
            raise OpenRelicError("tokenizer pca has no stored components: fit it first")
        return PcaTokenizer.from_bytes(stored)
    tokenizer = WanTokenizer.load(config.pretrained)
    if tokenizer.channels != config.channels:
        raise OpenRelicError(
            f"latents.channels is {config.channels}, but the VAE in {config.pretrained} has "
            f"{tokenizer.channels}"
        )
    return tokenizer


def to_patches(video: "Tensor") -> "Tensor":
    """(B, 3, 1 + 4n, H, W) to patches (B, 1 + n, H/8, W/8, 768).

    Frame 0 stands four times in its patch: it then lies in the same space as the patches of a
    scene at rest, and latent 0 means what the later ones mean.
    """
    import torch

    batch, colours, frames, height, width = video.shape
    if frames % TEMPORAL_FACTOR != 1 or height % SPATIAL_FACTOR or width % SPATIAL_FACTOR:
        raise ValueError(f"video is {tuple(video.shape)}; T must be 1 + 4n, H and W multiples of 8")
    head = video[:, :, :1].expand(-1, -1, TEMPORAL_FACTOR - 1, -1, -1)
    grouped = torch.cat([head, video], dim=2)
    split = grouped.reshape(
        batch, colours, -1, TEMPORAL_FACTOR,
        height // SPATIAL_FACTOR, SPATIAL_FACTOR, width // SPATIAL_FACTOR, SPATIAL_FACTOR,
    )  # fmt: skip
    return split.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4)


def from_patches(patches: "Tensor") -> "Tensor":
    """The inverse for every latent after the first: (B, L, h, w, 768) to (B, 3, 4L, H, W)."""
    batch, latents, height, width, _ = patches.shape
    split = patches.reshape(
        batch, latents, height, width, 3, TEMPORAL_FACTOR, SPATIAL_FACTOR, SPATIAL_FACTOR
    )
    video = split.permute(0, 4, 1, 5, 2, 6, 3, 7)
    return video.reshape(
        batch, 3, latents * TEMPORAL_FACTOR, height * SPATIAL_FACTOR, width * SPATIAL_FACTOR
    )


class PcaTokenizer:
    """Principal components of 4x8x8 patches, all divided by one number: unit variance on average.

    Noise then hides fine detail first and the layout last, and an error counts as it does in
    pixels. Divided each by its own deviation, every fine component would weigh as much as the
    layout.
    """

    def __init__(self, mean: "Tensor", basis: "Tensor", std: "Tensor") -> None:
        """`mean` (768,), orthonormal `basis` (768, C) of patches, `std` (C,) that divides."""
        self.mean, self.basis, self.std = mean, basis, std
        self.channels = basis.shape[1]
        self.fingerprint = _digest({"mean": mean, "basis": basis, "std": std})

    @classmethod
    def fit(cls, videos: Iterable["Tensor"], channels: int) -> "PcaTokenizer":
        """The `channels` leading components of all patches of `videos`."""
        import torch

        count = 0
        total = torch.zeros(PATCH_VALUES, dtype=torch.float64)
        square = torch.zeros(PATCH_VALUES, PATCH_VALUES, dtype=torch.float64)
        for video in videos:
            rows = to_patches(video).reshape(-1, PATCH_VALUES).double()
            count += len(rows)
            total += rows.sum(0)
            square += rows.T @ rows
        if count <= channels:
            raise OpenRelicError(f"{count} patches cannot fit {channels} components; add samples")
        mean = total / count
        values, vectors = torch.linalg.eigh(square / count - torch.outer(mean, mean))
        basis = vectors.flip(1)[:, :channels]
        # An eigenvector's sign is arbitrary; fixing it makes the same patches give the same basis.
        largest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
        scale = values.flip(0)[:channels].mean().clamp_min(1e-8).sqrt()
        std = scale.expand(channels).clone()
        return cls(mean.float(), (basis * largest.sign()).float().contiguous(), std.float())

    @classmethod
    def from_bytes(cls, stored: bytes) -> "PcaTokenizer":
        """Load what `to_bytes` gave."""
        from safetensors.torch import load

        return cls(**load(stored))

    def to_bytes(self) -> bytes:
        """Mean, basis and scales as safetensors."""
        from safetensors.torch import save

        return save({"mean": self.mean, "basis": self.basis, "std": self.std})

    def encode(self, video: "Tensor") -> "Tensor":
        """See `VideoTokenizer`."""
        components = (to_patches(video.float()) - self.mean) @ self.basis
        return (components / self.std).permute(0, 4, 1, 2, 3)

    def decode(self, latents: "Tensor") -> "Tensor":
        """See `VideoTokenizer`."""
        return self.stream().decode(latents)

    def stream(self) -> "PcaStream":
        """See `VideoTokenizer`."""
        return PcaStream(self)

    def reconstruct(self, latents: "Tensor") -> "Tensor":
        """Four frames for every latent: (B, C, L, h, w) to (B, 3, 4L, H, W) in [-1, 1]."""
        components = latents.float().permute(0, 2, 3, 4, 1) * self.std
        return from_patches(components @ self.basis.T + self.mean).clamp(-1, 1)


class PcaStream:
    """The patches know no neighbours, so all that a stream remembers is whether it has begun."""

    def __init__(self, tokenizer: PcaTokenizer) -> None:
        """Start a stream."""
        self._tokenizer = tokenizer
        self._begun = False

    def decode(self, latents: "Tensor") -> "Tensor":
        """See `StreamDecoder`."""
        import torch

        video = self._tokenizer.reconstruct(latents)
        if self._begun or not latents.shape[2]:
            return video
        self._begun = True
        first = video[:, :, :TEMPORAL_FACTOR].mean(2, keepdim=True)
        return torch.cat([first, video[:, :, TEMPORAL_FACTOR:]], dim=2)

    def state(self) -> "dict[str, Tensor]":
        """See `StreamDecoder`."""
        import torch

        return {"begun": torch.tensor(self._begun)}

    def restore(self, state: "dict[str, Tensor]") -> None:
        """See `StreamDecoder`."""
        self._begun = bool(state["begun"])


class WanTokenizer:
    """Wan-2.1's causal video VAE, diffusers' `AutoencoderKLWan`."""

    def __init__(self, vae: Any) -> None:
        """Wrap a loaded VAE; its config holds the latents' mean and standard deviation."""
        import torch

        self._vae = vae.eval().requires_grad_(False)
        shape = (1, -1, 1, 1, 1)
        self._mean = torch.tensor(vae.config.latents_mean).view(shape)
        self._std = torch.tensor(vae.config.latents_std).view(shape)
        self.channels = int(vae.config.z_dim)
        # Another normalisation makes other latents of the same weights.
        scales = {"latents_mean": self._mean, "latents_std": self._std}
        self.fingerprint = _digest({**vae.state_dict(), **scales})

    @classmethod
    def load(cls, pretrained: str) -> "WanTokenizer":
        """From a folder or hub name with `vae/` below it."""
        try:
            from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
        except ImportError as error:
            raise OpenRelicError(
                "tokenizer wan needs diffusers: pip install 'openrelic[training]'"
            ) from error
        try:
            vae = AutoencoderKLWan.from_pretrained(pretrained, subfolder="vae")
        except (OSError, ValueError) as error:
            where = "is not there" if not Path(pretrained).exists() else "cannot be read"
            raise OpenRelicError(
                f"latents.pretrained: {pretrained!r} {where} ({type(error).__name__}); give a "
                "folder or hub name that holds vae/, such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
            ) from error
        return cls(vae)

    def to(self, device: str) -> "WanTokenizer":
        """Compute on `device`; videos and latents go in and come out on the CPU."""
        self._vae.to(device)
        return self

    def to_bytes(self) -> None:
        """The weights are the hub's; nothing is stored."""
        return None

    def encode(self, video: "Tensor") -> "Tensor":
        """See `VideoTokenizer`; the posterior's mode, as Wan trains on."""
        import torch

        with torch.no_grad():
            latents = self._vae.encode(self._placed(video)).latent_dist.mode()
        return (latents.float().cpu() - self._mean) / self._std

    def decode(self, latents: "Tensor") -> "Tensor":
        """See `VideoTokenizer`."""
        return self.stream().decode(latents)

    def stream(self) -> "WanStream":
        """See `VideoTokenizer`."""
        return WanStream(self)

    def denormalise(self, latents: "Tensor") -> "Tensor":
        """Latents in the VAE's own scale, dtype and place."""
        return self._placed(latents.float() * self._std + self._mean)

    def _placed(self, tensor: "Tensor") -> "Tensor":
        return tensor.to(self._vae.device, self._vae.dtype)


class WanStream:
    """The decoder's causal convolutions keep their last inputs; here they live with the stream.

    This is the loop of `AutoencoderKLWan._decode`, left open between latents.
    """

    def __init__(self, tokenizer: WanTokenizer) -> None:
        """Start a stream with empty convolution caches."""
        self._tokenizer = tokenizer
        self._vae = tokenizer._vae
        self._vae.clear_cache()
        self._features: list[Any] = list(self._vae._feat_map)
        self._begun = False

    def decode(self, latents: "Tensor") -> "Tensor":
        """See `StreamDecoder`."""
        import torch

        with torch.no_grad():
            hidden = self._vae.post_quant_conv(self._tokenizer.denormalise(latents))
            parts = [self._step(hidden[:, :, i : i + 1]) for i in range(latents.shape[2])]
        return torch.cat(parts, dim=2).float().cpu().clamp(-1, 1)

    def state(self) -> "dict[str, Tensor]":
        """See `StreamDecoder`; the decoder replaces what it remembers and never writes into it."""
        import torch

        kept = {f"features.{i}": x for i, x in enumerate(self._features) if torch.is_tensor(x)}
        # Before an upsampling in time has seen a second latent, a word stands in its place.
        marked = [i for i, feature in enumerate(self._features) if isinstance(feature, str)]
        return {"begun": torch.tensor(self._begun), "marked": torch.tensor(marked), **kept}

    def restore(self, state: "dict[str, Tensor]") -> None:
        """See `StreamDecoder`."""
        self._begun = bool(state["begun"])
        kept = {name: tensor.to(self._vae.device) for name, tensor in state.items()}
        self._features = [kept.get(f"features.{i}") for i in range(len(self._features))]
        for place in state["marked"].tolist():
            self._features[int(place)] = REPEATED

    def _step(self, hidden: "Tensor") -> "Tensor":
        first = not self._begun
        self._begun = True
        return self._vae.decoder(hidden, feat_cache=self._features, feat_idx=[0], first_chunk=first)


def _digest(tensors: dict[str, Any]) -> str:
    """SHA-256 over names, shapes and bytes of tensors."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
