"""The script that sets an Unreal project up, on projects as they lie on a disk."""

import configparser
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .probe import PLUGIN, ROOT

SCRIPT = PLUGIN / "OpenRelicTour/Content/Python/apply_settings.py"

ENGINE_INI = """\
; by hand
[/Script/Engine.RendererSettings]
r.GenerateMeshDistanceFields=True
r.DefaultFeature.AutoExposure=True

[/Script/LinuxTargetPlatform.LinuxTargetSettings]
+TargetedRHIs=SF_VULKAN_SM5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Harbour.uproject").write_text("{}")
    (tmp_path / "Config").mkdir()
    (tmp_path / "Config/DefaultEngine.ini").write_text(ENGINE_INI)
    return tmp_path


def apply(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_settings_are_changed_listed_and_kept_as_they_were(project: Path) -> None:
    caption = "A harbour at dusk."
    done = apply("--project", str(project), "--licence", "CC-BY-4.0", "--caption", caption)
    assert done.returncode == 0, done.stderr
    assert (
        "DefaultEngine.ini [/Script/Engine.RendererSettings] r.DefaultFeature.AutoExposure: "
        "True -> False" in done.stderr
    )
    text = (project / "Config/DefaultEngine.ini").read_text()
    assert text.startswith("; by hand\n") and "r.GenerateMeshDistanceFields=True" in text
    assert "+TargetedRHIs=SF_VULKAN_SM5\n+TargetedRHIs=SF_VULKAN_SM6\n" in text
    assert (project / "Config/DefaultEngine.ini.before_openrelic").read_text() == ENGINE_INI
    game = configparser.ConfigParser()  # an independent reader
    game.read(project / "Config/DefaultGame.ini")
    assert game["OpenRelic"]["Licence"] == '"CC-BY-4.0"'
    assert game["OpenRelic"]["Caption"] == f'"{caption}"'
    changes = [line for line in done.stderr.splitlines() if "->" in line]
    assert done.stderr.splitlines()[-1] == f"{len(changes)} settings changed; restart the editor"


def test_every_setting_stands_once_in_its_section(project: Path) -> None:
    apply("--project", str(project))
    spec = importlib.util.spec_from_file_location("apply_settings", SCRIPT)
    assert spec and spec.loader
    module = sys.modules["apply_settings"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for setting in module.SETTINGS:
        text = (project / "Config" / setting.file).read_text()
        body = re.search(rf"^\[{re.escape(setting.section)}\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)
        assert body
        assert body[1].splitlines().count(f"{setting.key}={setting.value}") == 1


def test_running_it_again_changes_nothing(project: Path) -> None:
    apply("--project", str(project))
    before = {path: path.stat().st_mtime_ns for path in (project / "Config").iterdir()}
    done = apply("--project", str(project))
    assert done.stderr == "0 settings changed\n"
    assert before == {path: path.stat().st_mtime_ns for path in (project / "Config").iterdir()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--project", "{w}"], "has no .uproject file; give the project's folder"),
        ([], "outside the editor say which project: --project FOLDER"),
        (["--project", "{w}", "--caption", 'a "b"'], "must be one line"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = apply(*(argument.format(w=tmp_path) for argument in arguments))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_script_type_checks_against_unreals_interface(tmp_path: Path) -> None:
    """Against the stub package of PyPI, half a million lines of it.

    It is kept out of the environment: there, `import unreal` would say that this is the editor.
    """
    stubs = ROOT / "build" / "unreal_stub"
    if not stubs.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", stubs]
        done = subprocess.run([*command, "unreal-stub==0.3"], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"unreal-stub cannot be had: {done.stderr[-200:]}")
    broken = SCRIPT.read_text().replace("unreal.log_error", "unreal.log_mistake")
    for name, text in (("good.py", SCRIPT.read_text()), ("broken.py", broken)):
        folder = tmp_path / name.removesuffix(".py")
        folder.mkdir()
        (folder / name).write_text(text)
        (folder / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(stubs)]}))
        command = [sys.executable, "-m", "pyright", "-p", folder]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode == 0) == (name == "good.py"), done.stdout
        assert ("log_mistake" in done.stdout) == (name == "broken.py")
    # Methods are not found missing that way: the stubs' classes have a base that is not known.
    paths = (stubs / "unreal/unreal.py").read_text().partition("\nclass Paths(")[2]
    members = paths.partition("\nclass ")[0]
    for name in re.findall(r"unreal\.Paths\.(\w+)\(", SCRIPT.read_text()):
        assert f"def {name}(" in members
