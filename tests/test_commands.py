"""Every stage as a user meets it: help, wrong arguments, a workspace that lacks the input."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "av", "cv2", "diffusers", "fastapi", "matplotlib", "moderngl", "ray", "scipy", "torch",
    "webdataset",
}  # fmt: skip
RECIPE = "configs/tiny.yaml"

# What each command needs after its name, and the command that makes what it lacks.
STAGES = {
    "capture.plan": (["{w}", "--scenes", "1", "--minutes", "1"], None),
    "capture.run": (["{w}"], "python -m capture.plan {w}"),
    "capture.status": (["{w}"], "python -m capture.plan {w}"),
    "labeling.poses_to_actions": (["{w}"], "python -m capture.run {w}"),
    "dataset.qa": (["{w}"], "python -m capture.run {w}"),
    "dataset.dashboard": (["{w}"], "python -m capture.run {w}"),
    "dataset.build": (["{w}"], "python -m capture.run {w}"),
    "dataset.latents": (["{w}", "--config", RECIPE], "python -m dataset.build {w}"),
    "dataset.export_lerobot": (["{w}", "{w}-out"], "python -m dataset.build {w}"),
    "training.run": ([RECIPE, "--workspace", "{w}"], "python -m dataset.build {w}"),
    "dataset.report": (["{w}"], "python -m capture.plan {w}"),
}
OTHERS = [
    "capture.conformance", "training.estimate", "training.evaluate", "training.exam",
    "training.export",
    "training.initialisations", "training.learning", "training.memory", "training.play",
]  # fmt: skip
WITHOUT_INPUT = [module for module, (_, command) in STAGES.items() if command]


def run(module: str, *arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    command = [sys.executable, *python, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def assert_one_line(done: subprocess.CompletedProcess, *parts: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert all(part in done.stderr for part in parts), done.stderr


@pytest.mark.parametrize("module", [*STAGES, *OTHERS, "capture.engine"])
def test_help_comes_before_anything_heavy_is_imported(module: str) -> None:
    done = run(module, "--help", python=("-X", "importtime"))
    assert done.returncode == 0
    imported = {name.split(".")[0] for name in re.findall(r"\|\s+([\w.]+)$", done.stderr, re.M)}
    assert "dataset" in imported
    assert not imported & HEAVY
    if module != "capture.engine":
        assert done.stdout.startswith(f"usage: python -m {module} ")


@pytest.mark.parametrize("module", [*STAGES, *OTHERS])
def test_wrong_arguments_are_one_line(module: str) -> None:
    see = f"see `python -m {module} --help`"
    places = ("x", "y") if module == "dataset.export_lerobot" else ("x",)
    assert_one_line(run(module, *places, "--bogus", "3"), "--bogus", see)


def test_what_is_wrong_with_an_argument_is_said() -> None:
    assert_one_line(run("capture.plan", "x", "--scenes", "1"), "missing: --minutes")
    assert_one_line(run("capture.plan", "x", "--top-up", "--scenes", "1"), "only --minutes goes")
    wish = ("--scenes", "1", "--minutes", "1", "--speed-m-s", "2", "1")
    assert_one_line(run("capture.plan", "x", *wish), "--speed-m-s is 2 1", "not above the second")
    wanted = ("--minutes", "'abc'")
    assert_one_line(run("capture.plan", "x", "--scenes", "1", "--minutes", "abc"), *wanted)
    assert_one_line(run("dataset.build", "x", "--window", "80"), "'80'", "'81', '161', '317'")
    assert_one_line(run("dataset.build", "x", "--palindromes", "2"), "0 to 1")
    address = ("--engine", "127.0.0.1:9000")
    assert_one_line(run("capture.run", "x", *address, "--workers", "2"), "--workers 1")


@pytest.mark.parametrize("module", WITHOUT_INPUT)
def test_a_lacking_input_names_the_command(tmp_path: Path, module: str) -> None:
    workspace, (arguments, command) = tmp_path / "ws", STAGES[module]
    done = run(module, *(argument.format(w=workspace) for argument in arguments))
    assert_one_line(done, f"run `{str(command).format(w=workspace)}")
    assert not workspace.exists()  # nothing is made by accident
