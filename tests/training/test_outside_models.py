"""Our causal forward against other implementations of it, with the same weights."""

from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_anyflow_far import AnyFlowFARTransformer3DModel
from diffusers.models.transformers.transformer_skyreels_v2 import SkyReelsV2Transformer3DModel

from tests.training.tiny_model import MEMORY, TINY, relative_gap, tiny_latents
from training.flow import TIMESTEPS
from training.masks import ForcedAttention, diffusion_forcing, teacher_forcing
from training.memory.schedule import MemoryConfig
from training.rollout import Conditions, predict_velocity
from training.transformer import RelicTransformer, TransformerConfig

CHUNK, CHUNKS = 2, 4
LATENTS = CHUNK * CHUNKS
WHOLE = MemoryConfig(schedule=(1,), chunk=CHUNK, window=CHUNK)
SIZES: dict[str, Any] = {name: value for name, value in TINY.items() if name != "freq_dim"}


def ours_like(theirs: torch.nn.Module, freq_dim: int) -> RelicTransformer:
    """Our network with their weights; what is ours alone stays at its zero start."""
    model = RelicTransformer(TransformerConfig(**SIZES, freq_dim=freq_dim))
    known = dict(model.named_parameters())
    state = {name: value for name, value in theirs.state_dict().items() if name in known}
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert all(name.startswith(("action_encoder", "pose_encoder")) for name in missing)
    return model


def skyreels(block: int) -> SkyReelsV2Transformer3DModel:
    """SkyReels-V2 with attention causal over blocks of latents."""
    torch.manual_seed(0)
    model = SkyReelsV2Transformer3DModel(
        **{**SIZES, "qk_norm": "rms_norm_across_heads", "cross_attn_norm": True},
        freq_dim=16, inject_sample_info=False, num_frame_per_block=block,
    )  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


@pytest.mark.parametrize("block", [CHUNK, LATENTS])
def test_block_causal_attention_is_skyreels_v2s(block: int) -> None:
    theirs = skyreels(block)
    model, x = ours_like(theirs, 16), tiny_latents(LATENTS)
    text = torch.randn(2, 5, TINY["text_dim"])
    sigma = torch.rand(2, CHUNKS).repeat_interleave(CHUNK, dim=1)
    with torch.no_grad():
        wanted = theirs(
            x, timestep=sigma * TIMESTEPS, encoder_hidden_states=text, enable_diffusion_forcing=True
        ).sample
        memory = MemoryConfig(schedule=(1,), chunk=block, window=block)
        attention = ForcedAttention(diffusion_forcing(LATENTS // block, block), memory)
        found = predict_velocity(model, x, sigma, Conditions(text_BLD=text), attention)
    assert relative_gap(found, wanted) < 5e-5
    # The reference is causal: another block's future does not reach the first.
    changed = x.clone()
    changed[:, :, -1] += 1
    with torch.no_grad():
        again = theirs(
            changed, timestep=sigma * TIMESTEPS, encoder_hidden_states=text,
            enable_diffusion_forcing=True,
        ).sample  # fmt: skip
    assert torch.equal(again[:, :, 0], wanted[:, :, 0]) == (block == CHUNK)


@pytest.mark.filterwarnings("ignore:flex_attention called")
def test_teacher_forcing_is_anyflows() -> None:
    """AnyFlow trains causally on noisy chunks behind a clean copy of the window, as we do."""
    torch.manual_seed(0)
    theirs = AnyFlowFARTransformer3DModel(
        **SIZES, freq_dim=16, full_chunk_limit=CHUNKS, gate_value=0.0,
    ).eval()  # fmt: skip
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model = ours_like(theirs, 16)
    clean, noisy = tiny_latents(LATENTS, seed=5), tiny_latents(LATENTS, seed=6)
    text = torch.randn(2, 5, TINY["text_dim"])
    sigma = torch.rand(2, CHUNKS).repeat_interleave(CHUNK, dim=1)
    layout = teacher_forcing(CHUNKS, CHUNK)
    with torch.no_grad():
        wanted = theirs(
            noisy.transpose(1, 2), sigma * TIMESTEPS, sigma * TIMESTEPS, text,
            chunk_partition=[CHUNK] * CHUNKS, clean_hidden_states=clean.transpose(1, 2),
            clean_timestep=torch.zeros(2, LATENTS),
        ).sample.transpose(1, 2)  # fmt: skip
        found = predict_velocity(
            model, layout.join(clean, noisy), layout.join_levels(sigma),
            Conditions(text_BLD=text), ForcedAttention(layout, WHOLE),
        )  # fmt: skip
    assert relative_gap(layout.noisy_part(found), wanted) < 5e-5


def test_compression_would_be_noticed() -> None:
    theirs = skyreels(CHUNK)
    model, x = ours_like(theirs, 16), tiny_latents(LATENTS)
    text, sigma = torch.randn(2, 5, TINY["text_dim"]), torch.full((2, LATENTS), 0.5)
    with torch.no_grad():
        outputs = [
            predict_velocity(
                model, x, layout.join_levels(sigma) if name == "teacher" else sigma,
                Conditions(text_BLD=text), ForcedAttention(layout, memory),
            )
            for name, layout, memory in (
                ("whole", diffusion_forcing(CHUNKS, CHUNK), WHOLE),
                ("cells", diffusion_forcing(CHUNKS, CHUNK), MEMORY),
            )
        ]  # fmt: skip
    # Diffusion forcing has no clean group, which alone is compressed.
    assert relative_gap(outputs[0], outputs[1]) < 1e-6
    layout = teacher_forcing(CHUNKS, CHUNK)
    both, levels = layout.join(x, x), layout.join_levels(sigma)
    with torch.no_grad():
        whole, cells = (
            predict_velocity(model, both, levels, Conditions(text_BLD=text),
                             ForcedAttention(layout, memory))
            for memory in (WHOLE, MEMORY)
        )  # fmt: skip
    assert relative_gap(whole, cells) > 1e-3
