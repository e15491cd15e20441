"""The thin layer over Unreal type-checks against our own small stand-ins for its headers.

That finds misspelt members, wrong types and forgotten includes of ours. It cannot find where the
stand-ins, which are written from public documentation, differ from the engine.
"""

import re
import subprocess
from pathlib import Path

import pytest

from .probe import CORE, MISSING, PLUGIN, WHY

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=WHY),
    pytest.mark.timeout(900),
]

LAYER = CORE.parent
SOURCES = sorted(LAYER.glob("*.cpp"))
STUBS = PLUGIN / "stubs"
OURS = {path.name for path in LAYER.glob("*.h")}
UNREALCV = {
    "CommandDispatcher.h", "ExecStatus.h", "FusionCamSensor.h", "SensorBPLib.h", "UnrealcvServer.h",
    "WorldController.h",
}  # fmt: skip
FLAGS = ["-fsyntax-only", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Wshadow", "-Werror"]


def includes(path: Path) -> set[str]:
    return set(re.findall(r'#include "([^"]+)"', path.read_text()))


@pytest.fixture(scope="session")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every header of Unreal and UnrealCV that is asked for is a stub."""
    folder = tmp_path_factory.mktemp("headers")
    asked = set().union(*(includes(path) for path in [*SOURCES, *LAYER.glob("*.h")]))
    for name in asked:
        if name.startswith("Core/") or name in OURS:
            continue
        stub = folder / name
        stub.parent.mkdir(parents=True, exist_ok=True)
        generated = name.endswith(".generated.h")
        which = "UnrealcvStub.h" if name in UNREALCV else "UnrealStub.h"
        stub.write_text("#pragma once\n" + ("" if generated else f'#include "{which}"\n'))
    return folder


@pytest.mark.parametrize("unrealcv", ["accessors", "members"])
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_the_layer_type_checks(headers: Path, standard: str, unrealcv: str) -> None:
    command = ["g++", f"-std={standard}", *FLAGS, f"-I{headers}", f"-I{LAYER}"]
    command += [f"-I{STUBS / 'unreal'}", f"-I{STUBS / 'unrealcv'}"]
    if unrealcv == "members":
        command += ["-DSTUB_OLD_UNREALCV", "-DWITH_EDITOR=0"]
    done = subprocess.run([*command, *SOURCES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_wrong_call_would_be_found(headers: Path, tmp_path: Path) -> None:
    """The stand-ins are strict: what Unreal's types do not have is an error."""
    source = (LAYER / "CaptureRig.cpp").read_text()
    broken = tmp_path / "CaptureRig.cpp"
    broken.write_text(source.replace("Lit->CaptureScene()", "Lit->CaptureScenes()"))
    command = ["g++", "-std=c++17", *FLAGS, f"-I{headers}", f"-I{LAYER}"]
    command += [f"-I{STUBS / 'unreal'}", f"-I{STUBS / 'unrealcv'}", broken]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0 and "CaptureScenes" in done.stderr


def test_a_header_that_a_class_is_generated_into_is_included_last() -> None:
    """Unreal's header tool wants it so, and the module's modules are those that are linked."""
    for path in LAYER.glob("*.h"):
        found = re.findall(r'#include "([^"]+)"', path.read_text())
        if "UCLASS(" in path.read_text():
            assert found[-1] == f"{path.stem}.generated.h"


def test_nothing_of_unreal_is_in_the_core() -> None:
    for path in CORE.iterdir():
        quoted = includes(path)
        assert quoted <= {header.name for header in CORE.glob("*.h")}, path.name
        assert not re.search(r"\b(throw|try|catch|dynamic_cast|typeid)\b\s*[({]", path.read_text())
