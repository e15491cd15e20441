import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from tests.training.micro import make_latents, write_recipe
from training.checkpoint import checkpoint_step
from training.config import Phase, read_recipe
from training.context import RunContext
from training.dmd import Models, critic_steps, normalised_push, student_gradient
from training.flow import generated_latents, latent_mse
from training.held_out import _residual, write_held_out
from training.ode import draw_layout
from training.pairs import PairStore
from training.play_section import write_play_section
from training.rollout import Conditions
from training.section import write_training_section
from training.stages import open_run, run_stages

STAGES = {"teacher-05s": 14, "ode": 14, "dmd-05s": 10}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> tuple[Workspace, Path]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    recipe = write_recipe(folder / "recipe.yaml")
    # Five windows in batches of two: every checkpoint lies within an epoch.
    return make_latents(folder / "work", recipe, train=5), recipe


@pytest.fixture(scope="module")
def whole(work) -> RunContext:
    """A run that nobody disturbed."""
    workspace, recipe = work
    context = open_run(workspace, read_recipe(recipe), str(recipe))
    run_stages(context)
    return context


def command(workspace: Workspace, recipe: Path, *more: str) -> list[str]:
    arguments = [str(recipe), "--workspace", workspace.location, *more]
    return [sys.executable, "-m", "training.run", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def run(workspace: Workspace, recipe: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(workspace, recipe, *more), env=environment(), cwd=ROOT, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def kill_within(workspace: Workspace, recipe: Path, metrics: Path, lines: int) -> None:
    """Start the command and kill -9 it once a stage has logged some lines."""
    with subprocess.Popen(
        command(workspace, recipe), env=environment(), cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 120
        while not metrics.exists() or len(metrics.read_text().splitlines()) < lines:
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)


def losses(folder: Path) -> dict[str, list[dict[str, float]]]:
    found = {}
    for stage in STAGES:
        lines = (folder / stage / "metrics.jsonl").read_text().splitlines()
        found[stage] = [json.loads(line) for line in lines]
        for line in found[stage]:
            del line["seconds"]
    return found


def weights(folder: Path) -> dict[str, str]:
    """Digests of the last checkpoints' weights."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for stage, steps in STAGES.items()
        for path in (folder / stage / f"step-{steps:06d}").rglob("*.safetensors")
    }


def test_killed_in_every_stage_it_goes_on_bit_for_bit(work, whole):
    workspace, recipe = work
    other = write_recipe(recipe.with_name("killed.yaml"), name="killed")
    folder = Path(workspace.location) / "runs" / "killed"
    for stage, lines in {"teacher-05s": 6, "ode": 6, "dmd-05s": 5}.items():
        kill_within(workspace, other, folder / stage / "metrics.jsonl", lines)
        steps = (folder / stage / "latest").read_text().strip()
        assert steps != f"step-{STAGES[stage]:06d}", "the stage was over before the kill"
    ended = run(workspace, other)
    assert ended.returncode == 0, ended.stderr
    assert "going on after iteration" in ended.stderr
    assert losses(folder) == losses(whole.folder)
    assert weights(folder) == weights(whole.folder)
    assert len(weights(folder)) == 10  # weights, averages, optimisers
    for section in ("training", "play"):
        assert (Path(workspace.location) / "report" / f"{section}.html").exists()


def test_a_finished_run_is_not_run_again(whole):
    before = losses(whole.folder)
    stamp = (whole.folder / "teacher-05s" / "held_out.json").stat().st_mtime_ns
    run_stages(whole)
    assert losses(whole.folder) == before
    assert (whole.folder / "teacher-05s" / "held_out.json").stat().st_mtime_ns == stamp


def test_every_number_is_logged_and_finite(whole):
    for stage, steps in STAGES.items():
        lines = losses(whole.folder)[stage]
        assert [line["step"] for line in lines] == list(range(1, steps + 1))
        values = torch.tensor([value for line in lines for value in line.values()])
        assert torch.isfinite(values).all()
    updates = [line["step"] for line in losses(whole.folder)["dmd-05s"] if "dmd_loss" in line]
    assert updates == [3, 5, 7, 9]  # after two critic steps, every second iteration


def test_the_students_updates_are_logged_whatever_the_interval(whole, tmp_path):
    """Its updates come every second iteration, which an interval of two never meets."""
    workspace = Workspace(shutil.copytree(whole.workspace.location, tmp_path / "copy"))
    run_config = replace(whole.recipe.run, log_every=2)
    context = replace(
        whole, workspace=workspace, recipe=replace(whole.recipe, run=run_config), _data={}
    )
    shutil.rmtree(context.folder / "dmd-05s")
    run_stages(context)
    assert losses(context.folder)["dmd-05s"] == losses(whole.folder)["dmd-05s"]


def test_every_process_waits_for_the_held_out_record(whole):
    """A later one must not take the file for a sign that nobody waits."""
    waits = []
    later = SimpleNamespace(is_main_process=False, wait_for_everyone=lambda: waits.append(1))
    phase = whole.recipe.teacher.phases[0]
    folder = whole.folder / "teacher-05s"
    weights_folder = folder / "step-000014" / "transformer_ema"
    write_held_out(replace(whole, accelerator=later), phase, weights_folder, folder)
    assert waits == [1]


def pair_context(whole: RunContext, folder: Path, rank: int = 0, **ode: object) -> RunContext:
    """A context with an empty folder of trajectories, as one of two processes."""
    workspace = Workspace(folder)
    if not workspace.exists("latents/record.json"):
        shutil.copytree(Path(whole.workspace.location) / "latents", folder / "latents")
    process = SimpleNamespace(
        process_index=rank, num_processes=2, is_main_process=rank == 0,
        device=torch.device("cpu"), wait_for_everyone=lambda: None,
    )  # fmt: skip
    recipe = replace(whole.recipe, ode=replace(whole.recipe.ode, **ode))  # type: ignore[arg-type]
    return replace(whole, workspace=workspace, recipe=recipe, accelerator=process, _data={})


def still(start: torch.Tensor, conditions: Conditions) -> list[torch.Tensor]:
    """A solver whose trajectories do not move."""
    return [start] * 5


def test_two_processes_share_the_trajectories_whoever_comes_first(whole, tmp_path):
    for rank in (0, 1):  # the second one finds what the first one wrote
        context = pair_context(whole, tmp_path, rank, pairs=5, pair_batch=1)
        PairStore(context, 20).complete(lambda: still)
    made = sorted(path.name for path in (context.folder / "ode" / "pairs").iterdir())
    assert made == [f"batch-{number:06d}.safetensors" for number in range(5)]


def test_trajectories_of_another_recipe_are_made_again(whole, tmp_path):
    for guidance, made in ((2.0, 1), (2.0, 0), (3.0, 1)):
        solvers: list[int] = []
        context = pair_context(whole, tmp_path, pairs=1, guidance=guidance)
        PairStore(context, 20).complete(lambda asked=solvers: asked.append(1) or still)
        assert len(solvers) == made


def test_the_held_out_record_has_all_predictors(whole):
    record = json.loads((whole.folder / "teacher-05s" / "held_out.json").read_text())
    assert record["samples"] == 2
    assert 0 < record["mean_linear"] <= record["mean_constant"]
    assert len(record["teacher"]) == len(record["levels"]) == 8


def test_the_best_fits_are_least_squares():
    generator = torch.Generator().manual_seed(0)
    target, given = torch.randn(2, 2, 3, 2, 4, 4, generator=generator)
    expected = []
    for channel in range(3):
        y, x = target[:, channel].flatten().double(), given[:, channel].flatten().double()
        design = torch.stack([x, torch.ones_like(x)], 1)
        fit = torch.linalg.lstsq(design, y[:, None]).solution
        expected.append(((design @ fit)[:, 0] - y).square().mean())
    assert _residual(target, given) == pytest.approx(float(torch.stack(expected).mean()))
    constant = target.double().var((0, 2, 3, 4), correction=0).mean()
    assert _residual(target, None) == pytest.approx(float(constant))


def test_the_sections_show_what_was_measured(whole, work):
    write_training_section(whole)
    write_play_section(whole, str(work[1]))
    report = Path(whole.workspace.location) / "report"
    training, play = (report / f"{name}.html" for name in ("training", "play"))
    record = json.loads((whole.folder / "teacher-05s" / "held_out.json").read_text())
    for word in (f"{record['mean_teacher']:.4f}", f"{record['mean_constant']:.4f}", "fake score"):
        assert word in training.read_text()
    for word in ("data:video/mp4", "held-out sample val-0", "memory after it", "first frame"):
        assert word in play.read_text()


@pytest.mark.parametrize("kind", ["teacher_forcing", "diffusion_forcing", "causal_ode"])
def test_every_initialisation_runs(work, whole, kind):
    workspace, recipe = work
    name = write_recipe(
        recipe.with_name(f"{kind}.yaml"), name=kind, ode__initialisation=kind, ode__iterations=2,
        ode__pairs=2, teacher__phases=[{"seconds": 5, "iterations": 1}],
    )  # fmt: skip
    context = open_run(workspace, read_recipe(name), str(name))
    run_stages(context, "ode")
    lines = [json.loads(line) for line in (context.folder / "ode/metrics.jsonl").open()]
    assert len(lines) == 2 and all(line["loss"] > 0 for line in lines)
    assert (context.folder / "ode-causal").exists() == (kind == "causal_ode")


def test_early_chunks_train_too(whole):
    drawn = [draw_layout(whole, 5, whole.generator("layout", n)) for n in range(60)]
    assert {layout.end for layout in drawn} == {4, 8, 12, 16, 20}
    assert {layout.end - layout.clean for layout in drawn} == {4, 8}


def test_the_push_is_the_gradient_of_the_dmd_loss():
    generator = torch.Generator().manual_seed(0)
    x, real, fake = torch.randn(3, 2, 4, 8, 2, 2, generator=generator, dtype=torch.float64)
    push = normalised_push(x, real, fake)
    assert (push[:, :, 0] == 0).all()
    scale = (x - real)[1, :, 1:].abs().mean()
    torch.testing.assert_close(push[1, :, 1:], (fake - real)[1, :, 1:] / scale)
    x.requires_grad_()
    loss = 0.5 * latent_mse(x, (x - push).detach(), generated_latents(8))
    (gradient,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(gradient, push / x[:, :, 1:].numel())


def test_the_student_follows_the_real_score(whole):
    """Equal scores give no gradient; a real score that differs gives one."""
    recipe = whole.recipe
    student = whole.new_model(recipe.student_model())
    real = whole.new_model(recipe.teacher_model(21))
    phase = recipe.dmd.phases[0]
    context = replace(whole, recipe=replace(recipe, dmd=replace(recipe.dmd, guidance=1.0)))
    student_gradient(context, Models(student=student, real=real, fake=real), phase, 0)
    assert all(p.grad is None or not p.grad.any() for p in student.parameters())
    fake = whole.new_model(recipe.teacher_model(21))
    with torch.no_grad():
        fake.proj_out.bias.add_(0.1)
    metrics = student_gradient(context, Models(student=student, real=real, fake=fake), phase, 0)
    assert metrics["dmd_loss"] > 0
    assert any(p.grad is not None and p.grad.any() for p in student.parameters())


def test_iterations_count_what_the_recipe_says(whole):
    phase = Phase(seconds=5, iterations=10)
    assert critic_steps(whole, phase) == 2 + 10 * 2
    dmd = replace(whole.recipe.dmd, counts="critic")
    assert critic_steps(replace(whole, recipe=replace(whole.recipe, dmd=dmd)), phase) == 12


def test_another_recipe_under_the_same_name_is_one_line(work, whole):
    workspace, recipe = work
    changed = write_recipe(recipe.with_name("changed.yaml"), teacher__ema_decay=0.5)
    context = open_run(workspace, read_recipe(changed), str(changed))
    with pytest.raises(OpenRelicError, match="made with another configuration"):
        run_stages(context)


def test_errors_before_the_first_step(work, tmp_path):
    workspace, recipe = work
    long = write_recipe(
        recipe.with_name("long.yaml"), teacher__phases=[{"seconds": 20, "iterations": 1}],
        dmd__phases=[{"seconds": 20, "iterations": 1}],
    )  # fmt: skip
    with pytest.raises(OpenRelicError, match="no train sample has 317 frames"):
        open_run(workspace, read_recipe(long), str(long))
    with pytest.raises(OpenRelicError, match=r"shards/manifest\.parquet is missing: run `python"):
        open_run(Workspace(tmp_path), read_recipe(recipe), str(recipe))


def test_accelerate_launches_it_in_two_processes(work, whole):
    workspace, recipe = work
    two = write_recipe(
        recipe.with_name("two.yaml"), name="two", teacher__phases=[{"seconds": 5, "iterations": 2}],
        ode__iterations=2, dmd__phases=[{"seconds": 5, "iterations": 1}],
    )  # fmt: skip
    launcher = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "-m", "training.run", str(two), "--workspace", workspace.location,
    ]  # fmt: skip
    done = subprocess.run(
        launcher, env=environment(), cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder = Path(workspace.location) / "runs" / "two"
    for stage, step in {"teacher-05s": 2, "ode": 2, "dmd-05s": 4}.items():
        assert (folder / stage / "latest").read_text() == f"step-{step:06d}\n"
    # Two that each took itself for the only one would have made something else.
    process = SimpleNamespace(process_index=0, num_processes=2)
    context = replace(whole, recipe=read_recipe(two), accelerator=process)
    checkpoint = folder / "teacher-05s" / "step-000002"
    assert checkpoint_step(checkpoint, context.made_with("teacher")) == 2


def test_help_is_fast_and_light():
    code = (
        "import sys; sys.argv = ['x', '--help']\n"
        "from training.{} import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.exit(bool({{'torch', 'av', 'cv2', 'matplotlib'}} & sys.modules.keys()))"
    )
    for name in ("run", "play.__main__"):
        asked = subprocess.run([sys.executable, "-c", code.format(name)], check=False, cwd=ROOT)
        assert asked.returncode == 0
