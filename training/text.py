"""Text encoders by name: a caption becomes (length, dim) float32, zeros after its last token.

`hash` is small, deterministic and knows nothing of language: every word is a fixed random vector.
`umt5` is the encoder of Wan-2.1 (transformers' `UMT5EncoderModel`). Dropping the text, which
guidance needs, means encoding the empty string, as Wan does.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dataset.errors import OpenRelicError
from training.config import TextConfig

if TYPE_CHECKING:
    from torch import Tensor

END = "</s>"


class TextEncoder(Protocol):
    """What training asks of a text encoder."""

    def encode(self, texts: list[str]) -> "Tensor":
        """(B, length, dim) float32 embeddings; rows after a text's last token are 0."""
        ...


def load_text_encoder(config: TextConfig) -> TextEncoder:
    """The encoder that the config names."""
    if config.encoder == "hash":
        return HashEncoder(config.length, config.dim)
    return Umt5Encoder(config.pretrained, config.length, config.dim)


class HashEncoder:
    """Words as fixed random vectors of unit variance; the same text gives the same bits anywhere.

    Word order is kept as row order.
    """

    def __init__(self, length: int, dim: int) -> None:
        """Give `length` rows of `dim` values; longer texts are cut."""
        self._length, self._dim = length, dim

    def encode(self, texts: list[str]) -> "Tensor":
        """See `TextEncoder`."""
        import torch

        return torch.from_numpy(np.stack([self._encode_one(text) for text in texts]))

    def _encode_one(self, text: str) -> np.ndarray:
        words = [*text.lower().split()[: self._length - 1], END]
        rows = np.zeros((self._length, self._dim), np.float32)
        for index, word in enumerate(words):
            rows[index] = self._word(word)
        return rows

    def _word(self, word: str) -> np.ndarray:
        # Python's own hash changes from process to process.
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(self._dim, dtype=np.float32)


class Umt5Encoder:
    """Wan-2.1's text encoder; `pretrained` holds `tokenizer/` and `text_encoder/`."""

    def __init__(self, pretrained: str, length: int, dim: int) -> None:
        """Load tokenizer and model; a wrong folder or width raises `OpenRelicError`."""
        try:
            from transformers import AutoTokenizer, UMT5EncoderModel
        except ImportError as error:
            raise OpenRelicError(
                "text encoder umt5 needs transformers: pip install transformers"
            ) from error
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(pretrained, subfolder="tokenizer")
            model: Any = UMT5EncoderModel.from_pretrained(pretrained, subfolder="text_encoder")
        except (OSError, ValueError) as error:
            raise OpenRelicError(
                f"text.pretrained: {pretrained!r} cannot be read ({type(error).__name__}); give a "
                "folder or hub name that holds tokenizer/ and text_encoder/"
            ) from error
        if model.config.d_model != dim:
            raise OpenRelicError(f"text.dim is {dim}, but {pretrained} has {model.config.d_model}")
        self._model, self._length = model.eval().requires_grad_(False), length

    def encode(self, texts: list[str]) -> "Tensor":
        """See `TextEncoder`."""
        import torch

        tokens = self._tokenizer(
            texts, padding="max_length", max_length=self._length, truncation=True,
            return_tensors="pt",
        )  # fmt: skip
        with torch.no_grad():
            hidden = self._model(tokens.input_ids, tokens.attention_mask).last_hidden_state
        # Wan attends to zeros, not to the encoder's output for padding.
        return hidden.float() * tokens.attention_mask[..., None]


class TextCache:
    """Encodes each distinct caption once: a window's caption is asked for in every epoch."""

    def __init__(self, encoder: TextEncoder) -> None:
        """Wrap an encoder."""
        self._encoder = encoder
        self._known: dict[str, Tensor] = {}

    def encode(self, texts: list[str]) -> "Tensor":
        """See `TextEncoder`."""
        import torch

        missing = sorted(set(texts) - self._known.keys())
        if missing:
            self._known.update(zip(missing, self._encoder.encode(missing), strict=True))
        return torch.stack([self._known[text] for text in texts])
