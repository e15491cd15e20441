import json
from pathlib import Path

import pytest
import torch

from dataset.workspace import Workspace
from tests.training.micro import make_latents, write_recipe
from tests.training.tiny_model import MEMORY, tiny_latents
from training.config import read_recipe
from training.initialisations import COLUMNS, compare, one_step, seam, table, variant
from training.loop import METRICS, read_metrics
from training.stages import open_run


def test_all_four_initialisations_get_the_same_updates_and_are_scored(tmp_path: Path) -> None:
    recipe = write_recipe(
        tmp_path / "r.yaml", teacher__phases=[{"seconds": 5, "iterations": 1}], ode__iterations=4,
    )  # fmt: skip
    make_latents(tmp_path / "ws", recipe, train=2, val=1)
    context = open_run(Workspace(tmp_path / "ws"), read_recipe(recipe), str(recipe))
    rows = compare(context, 1)
    assert set(rows) == {"hybrid", "teacher_forcing", "diffusion_forcing", "causal_ode"}
    values = {name: [row[column] for column in COLUMNS] for name, row in rows.items()}
    assert all(torch.tensor(one).isfinite().all() and min(one) > 0 for one in values.values())
    assert len({json.dumps(one) for one in values.values()}) == 4
    for name in rows:
        folder = variant(context, name).folder
        stages = ("ode", "ode-causal")
        steps = [len(read_metrics(folder / stage / METRICS)) for stage in stages]
        assert sum(steps) == 4 and (steps[1] == 2) == (name == "causal_ode")
    assert compare(context, 1) == rows
    assert len(table(rows).splitlines()) == 5


def test_a_seam_is_a_larger_change_at_a_border() -> None:
    steady = torch.arange(13.0).view(1, 1, 13, 1, 1)
    assert seam(steady, 4) == pytest.approx(1)
    jumping = steady + 2 * (torch.arange(13) // 4).view(1, 1, 13, 1, 1)
    assert seam(jumping, 4) == pytest.approx(3)


def test_one_step_over_its_own_result_is_one_step_over_that_past() -> None:
    from types import SimpleNamespace

    from tests.training.tiny_model import tiny_conditions, tiny_transformer

    context = SimpleNamespace(recipe=SimpleNamespace(memory=MEMORY))
    model, start, conditions = tiny_transformer(), tiny_latents(8), tiny_conditions(8)
    with torch.no_grad():
        own = one_step(context, model, start, conditions, None)  # type: ignore[arg-type]
        told = one_step(context, model, start, conditions, own)  # type: ignore[arg-type]
        other = one_step(context, model, start, conditions, start)  # type: ignore[arg-type]
    assert torch.equal(own, told)
    assert torch.equal(own[:, :, :2], other[:, :, :2]) and not torch.equal(own, other)
    assert torch.equal(own[:, :, 0], start[:, :, 0])
