import logging
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.training.tiny_model import relative_gap, tiny_conditions, tiny_latents, tiny_transformer
from training import acceleration
from training.acceleration import accelerate_kernels, flash_kernel
from training.attention import attend_tokens, use_kernel
from training.config import RunConfig
from training.rollout import predict_velocity

RUN = RunConfig(precision="float32", recompute=False, checkpoint_every=1, log_every=1)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_kernels_again():
    yield
    accelerate_kernels(RUN, CPU)


def forward_and_gradient() -> tuple[torch.Tensor, torch.Tensor]:
    model = tiny_transformer()
    sigma = torch.linspace(0, 1, 6).view(2, 3)
    out = predict_velocity(model, tiny_latents(3), sigma, tiny_conditions(3))
    out.square().mean().backward()
    grad = model.patch_embedding.weight.grad
    assert grad is not None
    return out.detach(), grad


def test_one_line_says_what_is_used(caplog) -> None:
    with caplog.at_level(logging.INFO):
        accelerate_kernels(RUN, CPU)
        accelerate_kernels(RUN, torch.device("cuda"))
        accelerate_kernels(replace(RUN, attention="torch"), torch.device("cuda"))
    assert caplog.messages == [
        "attention: PyTorch's, as FlashAttention needs a GPU; torch.compile: off",
        "attention: PyTorch's, as flash_attn is not installed; torch.compile: off",
        "attention: PyTorch's, as run.attention says; torch.compile: off",
    ]


def test_flash_attention_is_given_what_it_takes(monkeypatch, caplog) -> None:
    """It cannot run here; its stand-in has its layout, (batch, tokens, heads, channels)."""
    asked = []

    def flash_attn_func(q, k, v, softmax_scale):
        asked.append(q.dtype)
        weights = torch.einsum("blhd,bmhd->bhlm", q.float(), k.float()) * softmax_scale
        return torch.einsum("bhlm,bmhd->blhd", weights.softmax(-1), v.float()).to(q.dtype), None

    monkeypatch.setitem(sys.modules, "flash_attn", SimpleNamespace(flash_attn_func=flash_attn_func))
    monkeypatch.setattr(
        acceleration.importlib.util, "find_spec", lambda name: name == "flash_attn" or None
    )
    q, k, v = torch.randn(3, 2, 7, 3, 8).unbind(0)
    mask = torch.ones(7, 7, dtype=torch.bool)
    expected = attend_tokens(q, k, v, None, 0.3)
    with caplog.at_level(logging.INFO):
        accelerate_kernels(RUN, torch.device("cuda"))
    assert "FlashAttention 2 (flash_attn) in half precision" in caplog.text
    torch.testing.assert_close(attend_tokens(q, k, v, None, 0.3), expected)
    half = attend_tokens(q.bfloat16(), k.bfloat16(), v.bfloat16(), None, 0.3)
    torch.testing.assert_close(half.float(), expected, rtol=0.03, atol=0.03)
    torch.testing.assert_close(attend_tokens(q, k, v, mask, 0.3), expected)
    assert asked == [torch.bfloat16]
    use_kernel(flash_kernel(lambda q, k, v, softmax_scale: "no tensor"))
    with pytest.raises(TypeError, match="gave str"):
        attend_tokens(q.bfloat16(), k.bfloat16(), v.bfloat16(), None, 0.3)


def test_a_compiler_that_does_not_work_is_said_and_left_out(monkeypatch, caplog) -> None:
    before = forward_and_gradient()

    def broken(function):
        raise RuntimeError("no compiler found\nlong story")

    monkeypatch.setattr(torch, "compile", broken)
    with caplog.at_level(logging.INFO):
        accelerate_kernels(replace(RUN, compile=True), CPU)
    assert "torch.compile: off, it fails here (RuntimeError: no compiler found)" in caplog.text
    assert all(torch.equal(a, b) for a, b in zip(before, forward_and_gradient(), strict=True))


@pytest.mark.slow
def test_compiled_is_the_same_to_rounding(caplog) -> None:
    plain = forward_and_gradient()
    with caplog.at_level(logging.INFO):
        accelerate_kernels(replace(RUN, compile=True), CPU)
    assert "torch.compile: norms, modulation and rotation" in caplog.text
    compiled = forward_and_gradient()
    for a, b in zip(compiled, plain, strict=True):
        assert relative_gap(a, b) < 1e-5
