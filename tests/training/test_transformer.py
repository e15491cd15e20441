import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset.errors import OpenRelicError
from tests.training.tiny_model import (
    TINY,
    relative_gap,
    tiny_conditions,
    tiny_latents,
    tiny_transformer,
)
from training.checkpoint import save_model
from training.rollout import Conditions, predict_velocity
from training.transformer import RelicTransformer, TransformerConfig
from training.weights import load_transformer

WAN: dict[str, Any] = {**TINY, "attention_head_dim": 24}


def wan_reference(**fields: Any):
    from diffusers import WanTransformer3DModel  # type: ignore[import-not-found]

    torch.manual_seed(5)
    return WanTransformer3DModel(**(WAN | fields)).eval()


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: value.grad.clone()
        for name, value in model.named_parameters()
        if value.grad is not None
    }


def levels_with_image(batch: int, latents: int) -> torch.Tensor:
    sigma = torch.rand(batch, latents, generator=torch.Generator().manual_seed(7))
    sigma[:, 0] = 0
    return sigma


@pytest.mark.parametrize("cross_attn_norm", [True, False])
def test_forward_equals_diffusers_wan_at_the_zero_start(cross_attn_norm: bool) -> None:
    reference = wan_reference(cross_attn_norm=cross_attn_norm)
    model = RelicTransformer(TransformerConfig(**WAN, cross_attn_norm=cross_attn_norm))
    missing, unexpected = model.load_state_dict(reference.state_dict(), strict=False)
    assert not unexpected
    assert all(name.split(".")[0] in ("action_encoder", "pose_encoder") for name in missing)

    x, sigma, conditions = tiny_latents(5), levels_with_image(2, 5), tiny_conditions(5)
    tokens = x.shape[3] * x.shape[4] // 4
    with torch.no_grad():
        expected = reference(
            x,
            (sigma * 1000).repeat_interleave(tokens, dim=1),
            conditions.text_BLD,
            return_dict=False,
        )[0]
        got = predict_velocity(model, x, sigma, conditions)
    assert relative_gap(got, expected) < 5e-5


def test_gradients_equal_those_of_diffusers_wan() -> None:
    reference = wan_reference()
    model = RelicTransformer(TransformerConfig(**WAN))
    model.load_state_dict(reference.state_dict(), strict=False)
    x, sigma, conditions = tiny_latents(3), levels_with_image(2, 3), tiny_conditions(3)
    tokens = x.shape[3] * x.shape[4] // 4
    level = (sigma * 1000).repeat_interleave(tokens, dim=1)
    reference(x, level, conditions.text_BLD, return_dict=False)[0].square().mean().backward()
    predict_velocity(model, x, sigma, conditions).square().mean().backward()
    ours = gradients(model)
    for name, grad in gradients(reference).items():
        torch.testing.assert_close(ours[name], grad, rtol=1e-4, atol=1e-6)


def save(model: RelicTransformer, folder: Path) -> None:
    save_model(folder, dict(model.named_parameters()), model.config.to_json())


def test_a_diffusers_folder_loads_and_ours_round_trips(tmp_path) -> None:
    reference = wan_reference()
    reference.save_pretrained(tmp_path / "wan", max_shard_size="20KB")
    assert (tmp_path / "wan/diffusion_pytorch_model.safetensors.index.json").is_file()
    model = load_transformer(tmp_path / "wan", yarn_target_length=80)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=0)

    torch.nn.init.normal_(model.action_encoder.linear_2.weight)
    save(model, tmp_path / "ours")
    again = load_transformer(tmp_path / "ours")
    assert again.config == model.config
    assert again.config.yarn_target_length == 80
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_a_folder_that_does_not_fit_is_refused(tmp_path) -> None:
    with pytest.raises(OpenRelicError, match=r"config\.json"):
        load_transformer(tmp_path)
    save(tiny_transformer(), tmp_path / "deeper")
    path = tmp_path / "deeper/config.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"num_layers": 3}))
    with pytest.raises(OpenRelicError, match=r"lacks \['blocks\.2"):
        load_transformer(tmp_path / "deeper")
    with pytest.raises(OpenRelicError, match="image-to-video"):
        TransformerConfig.from_json(record | {"image_dim": 1280})


def test_every_parameter_of_the_additions_has_an_effect_and_a_gradient() -> None:
    model = tiny_transformer()
    x, sigma, conditions = tiny_latents(3), levels_with_image(2, 3), tiny_conditions(3)
    predict_velocity(model, x, sigma, conditions).square().mean().backward()
    without = [name for name, grad in gradients(model).items() if not grad.any()]
    assert not without


def test_at_the_zero_start_the_encoders_last_layers_already_learn() -> None:
    torch.manual_seed(0)
    model = RelicTransformer(TransformerConfig(**TINY))
    conditions = tiny_conditions(3)
    predict_velocity(model, tiny_latents(3), levels_with_image(2, 3), conditions).sum().backward()
    for encoder in ("action_encoder", "pose_encoder"):
        assert gradients(model)[f"{encoder}.linear_2.weight"].any()


def run(model: RelicTransformer, conditions: Conditions) -> torch.Tensor:
    with torch.no_grad():
        return predict_velocity(model, tiny_latents(3), levels_with_image(2, 3), conditions)


@pytest.mark.parametrize("before", [True, False])
def test_poses_reach_queries_and_keys_but_not_values(before: bool) -> None:
    model = tiny_transformer(num_layers=1, pose_before_qk_norm=before)
    conditions = tiny_conditions(3)
    seen: list[tuple[torch.Tensor, ...]] = []

    def attend(layer, q, k, v):
        seen.append((q, k, v))
        return torch.zeros_like(v.flatten(2))

    class Spy:
        def condition_index(self, latents):
            return None

        def prepare(self, rope, grid, dtype, device, scale):
            return attend

    for poses in (conditions.poses_BFP, None):
        with torch.no_grad():
            model(
                tiny_latents(3), levels_with_image(2, 3), conditions.text_BLD, None, poses,
                attention=Spy(),
            )  # fmt: skip
    with_pose, without = seen
    assert not torch.equal(with_pose[0], without[0])
    assert not torch.equal(with_pose[1], without[1])
    assert torch.equal(with_pose[2], without[2])
    norm = without[1].flatten(2).square().mean(-1)
    torch.testing.assert_close(norm, torch.ones_like(norm), rtol=1e-3, atol=1e-3)
    norm = with_pose[1].flatten(2).square().mean(-1)
    assert torch.allclose(norm, torch.ones_like(norm), rtol=1e-3) is before


def test_rows_of_nan_are_conditions_that_are_not_known() -> None:
    model, conditions = tiny_transformer(), tiny_conditions(3)
    actions, poses = conditions.actions_BFA, conditions.poses_BFP
    assert actions is not None and poses is not None

    def with_rows(actions: torch.Tensor | None, poses: torch.Tensor | None) -> torch.Tensor:
        given = Conditions(text_BLD=conditions.text_BLD, actions_BFA=actions, poses_BFP=poses)
        return run(model, given)

    nothing, everything = with_rows(None, None), with_rows(actions, poses)
    dropped = torch.tensor([True, False])[:, None, None]
    half = with_rows(actions.masked_fill(dropped, torch.nan), poses.masked_fill(dropped, torch.nan))
    torch.testing.assert_close(half[0], nothing[0])
    torch.testing.assert_close(half[1], everything[1])
    assert relative_gap(half[0], everything[0]) > 0.01
    only_poses = with_rows(torch.full_like(actions, torch.nan), poses)
    torch.testing.assert_close(only_poses, with_rows(None, poses))
    predict_velocity(
        model, tiny_latents(3), levels_with_image(2, 3),
        Conditions(text_BLD=conditions.text_BLD, actions_BFA=torch.full_like(actions, torch.nan)),
    ).sum().backward()  # fmt: skip
    assert all(torch.isfinite(grad).all() for grad in gradients(model).values())


def test_gradient_checkpointing_changes_nothing() -> None:
    model = tiny_transformer().double()
    x, sigma, conditions = tiny_latents(3).double(), levels_with_image(2, 3), tiny_conditions(3)
    grads = []
    for model.gradient_checkpointing in (False, True):
        model.zero_grad()
        predict_velocity(model, x, sigma, conditions).square().sum().backward()
        grads.append(gradients(model))
    for name, plain in grads[0].items():
        torch.testing.assert_close(plain, grads[1][name], rtol=0, atol=0)


def test_bfloat16_weights_take_float32_inputs() -> None:
    model = tiny_transformer().bfloat16()
    got = run(model, tiny_conditions(3))
    assert got.dtype == torch.bfloat16
    assert relative_gap(got.float(), run(tiny_transformer(), tiny_conditions(3))) < 0.1


def test_wrong_shapes_are_refused() -> None:
    model, text = tiny_transformer(), tiny_conditions(3).text_BLD
    x, t = tiny_latents(3), torch.zeros(2, 3)
    with pytest.raises(OpenRelicError, match="multiples of 2x2"):
        model(x[..., :-1], t, text)
    with pytest.raises(OpenRelicError, match="one per latent"):
        model(x, t[:, 0], text)
    with pytest.raises(OpenRelicError, match="conditions for 4 latents, 3 given"):
        model(x, t, text, tiny_conditions(4).actions_BFA)
    with pytest.raises(OpenRelicError, match="allowed is 1 along time"):
        TransformerConfig(patch_size=(2, 2, 2))
    with pytest.raises(OpenRelicError, match="qk_norm"):
        TransformerConfig(qk_norm="layer_norm")
