"""Starting from, and ending as, a diffusers folder of Wan-2.1; tiny ones, made by diffusers."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset.errors import OpenRelicError
from dataset.latents.tokenizers import WanTokenizer
from tests.training.micro import make_latents, write_recipe
from training.config import Recipe, read_recipe
from training.export import copy_parts, model_index, trained_weights, write_scheduler
from training.pretrained import check_pretrained, find_pretrained
from training.stages import open_run
from training.teacher import first_weights, train_teacher
from training.weights import TensorFiles, load_transformer

WAN: dict[str, Any] = {
    "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4,
    "out_channels": 4, "text_dim": 8, "freq_dim": 16, "ffn_dim": 32,
}  # fmt: skip


@pytest.fixture(scope="module")
def wan(tmp_path_factory) -> Path:
    """A whole folder: transformer in several files, VAE, scheduler."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("wan")
    model = WanTransformer3DModel(**WAN)
    model.save_pretrained(folder / "transformer", max_shard_size="20KB")
    vae = AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        latents_mean=[0.1] * 4, latents_std=[2.0] * 4,
    )  # fmt: skip
    vae.save_pretrained(folder / "vae")
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    scheduler.save_pretrained(folder / "scheduler")
    return folder


def recipe_of(folder: Path, pretrained: Path, **changes: Any) -> Recipe:
    path = write_recipe(folder / "recipe.yaml", teacher__pretrained=str(pretrained), **changes)
    return read_recipe(path)


def test_a_folder_is_found_by_itself_and_by_the_one_that_holds_it(wan, tmp_path) -> None:
    assert find_pretrained(str(wan)) == find_pretrained(str(wan / "transformer"))
    with pytest.raises(OpenRelicError, match=r"holds neither config\.json nor transformer/"):
        find_pretrained(str(tmp_path))


def test_a_hub_name_is_looked_up_in_the_local_cache(wan, tmp_path, monkeypatch) -> None:
    import huggingface_hub.constants as constants

    snapshot = tmp_path / "models--some--wan" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "transformer").symlink_to(wan / "transformer")
    (tmp_path / "models--some--wan" / "refs").mkdir()
    (tmp_path / "models--some--wan" / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert find_pretrained("some/wan") == snapshot / "transformer"
    with pytest.raises(OpenRelicError, match="cannot be had from the hub"):
        find_pretrained("some/other")


def test_what_does_not_fit_is_said_before_anything_is_loaded(wan, tmp_path) -> None:
    check_pretrained(recipe_of(tmp_path, wan), "camera")
    deeper = recipe_of(tmp_path, wan, model__num_layers=3, model__ffn_dim=64)
    with pytest.raises(OpenRelicError, match="num_layers is 2 there and 3 in the recipe; ffn_dim"):
        check_pretrained(deeper, "camera")


def test_a_cut_off_or_missing_file_is_said(wan, tmp_path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(wan / "transformer", broken)
    victim = sorted(broken.glob("*.safetensors"))[0]
    data = victim.read_bytes()
    victim.write_bytes(data[: len(data) // 2])
    with pytest.raises(OpenRelicError, match=f"{victim.name} is damaged"):
        check_pretrained(recipe_of(tmp_path, broken), "camera")
    victim.unlink()
    with pytest.raises(OpenRelicError, match=f"lacks {victim.name}"):
        check_pretrained(recipe_of(tmp_path, broken), "camera")


def test_another_shift_of_the_scheduler_is_said(wan, tmp_path, caplog) -> None:
    with caplog.at_level(logging.INFO):
        check_pretrained(recipe_of(tmp_path, wan), "camera")
    assert "samples with a shift of 3; all stages here use flow.shift, 5" in caplog.text


def test_the_folders_vae_gives_normalised_latents(wan) -> None:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    vae: Any = AutoencoderKLWan.from_pretrained(wan, subfolder="vae")
    with torch.no_grad():
        raw = vae.encode(video).latent_dist.mode()
    torch.testing.assert_close(WanTokenizer.load(str(wan)).encode(video), (raw - 0.1) / 2.0)


def test_a_teacher_trained_from_a_folder_ends_as_one(wan, tmp_path) -> None:
    """Load, train, write: diffusers reads its part again, we read all of it."""
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    torch.set_num_threads(1)
    recipe = recipe_of(
        tmp_path, wan, teacher__phases=[{"seconds": 5, "iterations": 2}], name="from-wan",
        model__pose_before_qk_norm=False,
    )  # fmt: skip
    workspace = make_latents(tmp_path / "work", tmp_path / "recipe.yaml", train=2, val=1)
    context = open_run(workspace, recipe, str(tmp_path / "recipe.yaml"), "teacher")
    start = first_weights(context, recipe.teacher.phases[0], None)
    reference: Any = WanTransformer3DModel.from_pretrained(wan, subfolder="transformer")
    for name, value in reference.state_dict().items():
        assert torch.equal(start.state_dict()[name], value)
    # What the folder cannot say is the recipe's and the workspace's.
    assert not start.config.pose_before_qk_norm and start.config.rotation_frame == "camera"
    train_teacher(context)

    out = tmp_path / "out"
    weights = trained_weights(context.folder, "", "train first")
    assert weights.name == "transformer_ema"
    assert copy_parts(str(weights.parent), ("transformer_ema",), out) == ["transformer_ema"]
    write_scheduler(out / "scheduler", 5.0)
    scheduler: Any = FlowMatchEulerDiscreteScheduler.from_pretrained(out, subfolder="scheduler")
    assert scheduler.config.shift == 5.0
    theirs: Any = WanTransformer3DModel.from_pretrained(out, subfolder="transformer_ema")
    ours = load_transformer(out / "transformer_ema")
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
    assert not torch.equal(ours.proj_out.weight, start.proj_out.weight)

    # Labels in another rotation frame than the network's are refused.
    other = replace(recipe, teacher=replace(recipe.teacher, pretrained=str(weights)))
    check_pretrained(other, "camera")
    with pytest.raises(OpenRelicError, match="rotation frame 'camera', the workspace's labels"):
        check_pretrained(other, "level")
    with pytest.raises(OpenRelicError, match="rotation frame 'camera'"):
        load_transformer(weights, rotation_frame="level")
    with pytest.raises(OpenRelicError, match=r"has teacher-05s"):
        trained_weights(context.folder, "dmd-05s", "train first")
    record = json.loads((weights / "config.json").read_text())
    assert record["rotation_frame"] == "camera"
    assert "action_encoder.linear_1.weight" in TensorFiles(weights).names

    # A network whose output is no velocity is not given out as Wan's.
    parts = ["transformer", "scheduler"]
    assert model_index(parts, weights)["transformer"] == ["diffusers", "WanTransformer3DModel"]
    (weights / "config.json").write_text(json.dumps({**record, "preconditioned": True}))
    assert model_index(parts, weights)["transformer"] == [
        "training.transformer",
        "RelicTransformer",
    ]
    with pytest.raises(OpenRelicError, match="preconditioned is True there and False in the"):
        check_pretrained(other, "camera")
