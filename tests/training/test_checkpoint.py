import pytest
import torch

from dataset.errors import OpenRelicError
from training import checkpoint
from training.checkpoint import (
    Ema,
    Trained,
    checkpoint_step,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from training.transformer import RelicTransformer, TransformerConfig
from training.weights import load_transformer

SIZES = TransformerConfig(
    num_layers=1, num_attention_heads=1, attention_head_dim=6, in_channels=2, out_channels=2,
    text_dim=4, freq_dim=4, ffn_dim=8,
)  # fmt: skip


def make(seed: int = 0) -> Trained:
    torch.manual_seed(seed)
    model = RelicTransformer(SIZES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    average = Ema(model, 0.5)
    return Trained(
        models={"transformer": model}, optimizers={"transformer": optimizer},
        averages={"transformer": average},
    )  # fmt: skip


def step(trained: Trained, number: int = 0) -> float:
    model, optimizer = trained.models["transformer"], trained.optimizers["transformer"]
    x = torch.randn(1, 2, 4, 2, 2, generator=torch.Generator().manual_seed(number))
    loss = model(x, torch.full((1, 4), 500.0), torch.ones(1, 3, 4)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    trained.averages["transformer"].update(model)
    return loss.item()


def test_going_on_from_a_checkpoint_is_going_on(tmp_path):
    trained = make()
    for number in range(3):
        step(trained, number)
    saved = save_checkpoint(tmp_path, 3, trained, "recipe")
    expected = [step(trained, number) for number in range(3, 6)]
    other = make(seed=9)
    assert load_checkpoint(saved, other, "recipe") == 3
    assert [step(other, number) for number in range(3, 6)] == expected
    weights, found = trained.averages["transformer"].weights, other.averages["transformer"].weights
    assert all(torch.equal(weights[name], found[name]) for name in weights)


def test_models_are_in_diffusers_layout_and_the_average_apart(tmp_path):
    trained = make()
    step(trained)
    saved = save_checkpoint(tmp_path, 1, trained, "recipe")
    plain, average = (load_transformer(saved / name) for name in ("transformer", "transformer_ema"))
    assert plain.config == SIZES
    torch.testing.assert_close(plain.proj_out.bias, trained.models["transformer"].proj_out.bias)
    assert not torch.equal(plain.proj_out.bias, average.proj_out.bias)


def test_an_average_moves_by_its_decay():
    trained = make()
    model, average = trained.models["transformer"], trained.averages["transformer"]
    before = average.weights["proj_out.bias"].clone()
    with torch.no_grad():
        model.proj_out.bias.add_(1.0)
    average.update(model)
    torch.testing.assert_close(average.weights["proj_out.bias"], before + 0.5)
    average.copy_to(model)
    torch.testing.assert_close(model.proj_out.bias.detach(), before + 0.5)


def test_a_kill_at_any_moment_leaves_the_one_before(tmp_path, monkeypatch):
    trained = make()
    first = save_checkpoint(tmp_path, 1, trained, "recipe")
    for name in ("save_model", "_sync_tree", "_write_latest"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, name, killed)
            with pytest.raises(KeyboardInterrupt):
                save_checkpoint(tmp_path, 2, trained, "recipe")
        assert latest_checkpoint(tmp_path) == first
        assert load_checkpoint(first, make(), "recipe") == 1
    second = save_checkpoint(tmp_path, 2, trained, "recipe")
    assert latest_checkpoint(tmp_path) == second
    assert not list(tmp_path.glob(".*.part"))


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_old_checkpoints_go(tmp_path):
    trained = make()
    for number in range(1, 6):
        save_checkpoint(tmp_path, number, trained, "recipe")
    assert sorted(p.name for p in tmp_path.glob("step-*")) == ["step-000004", "step-000005"]


def test_no_checkpoint_and_another_recipe(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    saved = save_checkpoint(tmp_path, 1, make(), "recipe")
    assert checkpoint_step(saved, "recipe") == 1
    with pytest.raises(OpenRelicError, match="made with another configuration"):
        load_checkpoint(saved, make(), "other")
