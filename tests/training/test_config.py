from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dataset.config import read_latents_config, read_yaml
from dataset.errors import OpenRelicError
from tests.training.micro import write_recipe
from training.config import read_recipe, stage_fingerprint
from training.memory.schedule import visible_tokens

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = ("tiny", "wan-1.3b", "wan-14b")


def keys(value: object, before: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {before}
    return {key for name, part in value.items() for key in keys(part, f"{before}.{name}")}


@pytest.mark.parametrize("name", NAMES)
def test_the_recipes_are_whole(name):
    recipe = read_recipe(CONFIGS / f"{name}.yaml")
    assert recipe.name == name
    assert recipe.latents == read_latents_config(CONFIGS / f"{name}.yaml")
    assert recipe.ode.guidance == recipe.dmd.guidance
    assert recipe.student_model().yarn_target_length == 80


def test_the_recipes_have_the_same_keys():
    tiny, *others = (keys(read_yaml(CONFIGS / f"{name}.yaml")) for name in NAMES)
    for other in others:
        assert other == tiny


@pytest.mark.parametrize("name", ["wan-1.3b", "wan-14b"])
def test_the_real_recipes_are_the_papers(name):
    recipe = read_recipe(CONFIGS / f"{name}.yaml")
    assert [(p.seconds, p.iterations) for p in recipe.teacher.phases] == [
        (5, 5000), (10, 1000), (20, 4000)
    ]  # fmt: skip
    assert [p.latents for p in recipe.teacher.phases] == [21, 41, 80]
    assert [p.rollout(recipe.memory.chunk) for p in recipe.dmd.phases] == [20, 40, 80]
    assert visible_tokens(recipe.memory, 80, 30, 52) == 31_512
    assert recipe.model.dim == {"wan-1.3b": 1536, "wan-14b": 5120}[name]


def test_tiny_has_a_grid_on_which_factors_mean_something():
    size = read_recipe(CONFIGS / "tiny.yaml").latents
    assert (size.height // 16, size.width // 16) == (4, 8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ode__pairz": 3}, "unknown key 'ode.pairz'"),
        ({"model__in_channels": 8}, "model.in_channels is 8"),
        ({"model__text_dim": 9}, "model.text_dim is 9"),
        ({"ode__initialisation": "self_forcing"}, "allowed: hybrid, teacher_forcing"),
        ({"ode__euler_steps": 6}, "multiple of 4"),
        ({"dmd__phases": [{"seconds": 10, "iterations": 1}]}, "no teacher phase"),
        ({"teacher__phases": []}, "at least one phase"),
        ({"teacher__phases": [{"seconds": 5, "iterations": 1}] * 2}, "each length once"),
        ({"teacher__phases": [{"seconds": 7, "iterations": 1}]}, "allowed: 5, 10, 20"),
        ({"memory__window": 6}, "multiples of the chunk"),
        ({"dmd__critic_ratio": 0}, "dmd.critic_ratio is 0"),
        ({"teacher__accumulate": 0}, "teacher.accumulate is 0"),
        ({"teacher__action_dropout": 1.5}, "teacher.action_dropout is 1.5; allowed: 0 to 1"),
        ({"run__sequence_parallel": 3}, "2 heads and 8 tokens a latent allow 1, 2"),
        ({"run__sequence_parallel": 0}, "run.sequence_parallel is 0"),
        (
            {"run__sequence_parallel": 2, "memory__renormalise_keys": True},
            "needs all heads in one place",
        ),
        ({"latents__height": 60}, "multiple of 16"),
    ],
)
def test_a_wrong_recipe_is_one_line(tmp_path, change, words):
    path = write_recipe(tmp_path / "recipe.yaml", **change)
    with pytest.raises(OpenRelicError) as caught:
        read_recipe(path)
    assert words in str(caught.value)


def test_a_stage_depends_on_what_came_before_it_only(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path / "recipe.yaml"))
    later = replace(recipe, dmd=replace(recipe.dmd, batch=2))
    assert stage_fingerprint(recipe, "ode") == stage_fingerprint(later, "ode")
    assert stage_fingerprint(recipe, "dmd") != stage_fingerprint(later, "dmd")
    logged = replace(recipe, run=replace(recipe.run, log_every=9, checkpoint_every=9))
    assert stage_fingerprint(recipe, "dmd") == stage_fingerprint(logged, "dmd")
    # The caller tells the number of windows an update; how they are split is free.
    split = replace(recipe, teacher=replace(recipe.teacher, batch=1, accumulate=2))
    assert stage_fingerprint(recipe, "teacher") == stage_fingerprint(split, "teacher")
    half = replace(recipe, run=replace(recipe.run, precision="bfloat16"))
    assert stage_fingerprint(recipe, "teacher") != stage_fingerprint(half, "teacher")
    assert "name" in asdict(recipe)
