import subprocess
import sys

import pytest
import torch

from dataset.errors import OpenRelicError
from training.config import TextConfig
from training.text import HashEncoder, TextCache, Umt5Encoder, load_text_encoder

HASH = TextConfig(encoder="hash", pretrained="", length=5, dim=8)


def test_shape_and_padding():
    encoded = load_text_encoder(HASH).encode(["a red door", "", "one two three four five six"])
    assert encoded.shape == (3, 5, 8) and encoded.dtype == torch.float32
    filled = encoded.abs().sum(-1) > 0
    assert filled.sum(1).tolist() == [4, 1, 5]  # words and the end
    assert torch.equal(encoded[0, 3], encoded[1, 0])


def test_words_count_case_does_not():
    encoder = HashEncoder(5, 8)
    one, same, other = encoder.encode(["a Red door", "A red  door", "a door red"])
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_the_same_bits_in_another_process():
    code = (
        "from training.text import HashEncoder; import hashlib\n"
        "data = HashEncoder(5, 8).encode(['a red door']).numpy().tobytes()\n"
        "print(hashlib.sha256(data).hexdigest())"
    )
    runs = {subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)}
    assert len(runs) == 1


def test_each_caption_is_encoded_once():
    asked = []

    class Counting(HashEncoder):
        def encode(self, texts):
            asked.extend(texts)
            return super().encode(texts)

    cache = TextCache(Counting(5, 8))
    first = cache.encode(["a", "b", "a"])
    assert torch.equal(cache.encode(["b"])[0], first[1])
    assert sorted(asked) == ["a", "b"]


def test_umt5_is_transformers_encoder_with_zeros_for_padding(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.UMT5Config(
        d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, vocab_size=32
    )
    torch.manual_seed(0)
    transformers.UMT5EncoderModel(config).save_pretrained(tmp_path / "text_encoder")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"<pad>": 0, "</s>": 1, "red": 2, "door": 3}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<pad>"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>")
    fast.save_pretrained(tmp_path / "tokenizer")
    encoder = Umt5Encoder(str(tmp_path), 4, 8)
    encoded = encoder.encode(["red door", "door"])
    assert encoded.shape == (2, 4, 8)
    assert (encoded[0, 2:] == 0).all() and (encoded[1, 1:] == 0).all()
    assert (encoded[0, :2] != 0).all()
    with pytest.raises(OpenRelicError, match=r"text\.dim is 9"):
        Umt5Encoder(str(tmp_path), 4, 9)


def test_a_missing_encoder_is_one_line():
    with pytest.raises(OpenRelicError, match="/nowhere/wan"):
        load_text_encoder(TextConfig(encoder="umt5", pretrained="/nowhere/wan", length=4, dim=8))
