import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from dataset.config import (
    build_config,
    fingerprint,
    read_config,
    read_latents_config,
    read_section,
    read_yaml,
)
from dataset.errors import OpenRelicError


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float
    steps: tuple[int, ...]
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    kind: Literal["a", "b"]
    flag: bool
    inner: Inner
    phases: tuple[Inner, ...] = ()


GOOD = """
name: tiny
kind: a
flag: true
inner: {rate: 1e-4, steps: [1, 2]}
phases:
  - {rate: 1, steps: [], limit: 3}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return path


def test_a_good_file_becomes_nested_dataclasses(tmp_path):
    config = read_config(write(tmp_path, GOOD), Outer)
    assert config.inner == Inner(rate=1e-4, steps=(1, 2))
    assert config.phases == (Inner(rate=1.0, steps=(), limit=3),)
    assert isinstance(config.phases[0].rate, float)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "kind: a",
            "kid: a",
            ["unknown key 'kid'", "did you mean kind", "name, kind, flag, inner"],
        ),
        ("kind: a", "kind: c", ["'kind' is 'c'", "allowed: a, b"]),
        ("flag: true", "flag: 1", ["'flag' must be bool", "int 1"]),
        ("rate: 1e-4", "rate: fast", ["'inner.rate' must be float", "'fast'"]),
        ("rate: 1e-4", "rate: true", ["'inner.rate' must be float"]),
        ("[1, 2]", "[1, 2.5]", ["'inner.steps[1]' must be int"]),
        ("limit: 3", "limit: x", ["'phases[0].limit' must be int"]),
        ("limit: 3", "limits: 3", ["unknown key 'phases[0].limits'"]),
        ("name: tiny", "", ["the key 'name' is missing"]),
        ("name: tiny", "name: tiny\nname: big", ["'name' is given twice"]),
        ("inner: {", "inner: [{", ["not valid YAML"]),
    ],
)
def test_a_wrong_file_is_one_line_with_file_and_key(tmp_path, old, new, words):
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(OpenRelicError) as caught:
        read_config(path, Outer)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(OpenRelicError, match=r"absent\.yaml cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


def test_a_section_ignores_the_others(tmp_path):
    path = write(tmp_path, GOOD + "unknown: 3\n")
    assert read_section(path, "inner", Inner).steps == (1, 2)
    with pytest.raises(OpenRelicError, match="'latents' is missing"):
        read_section(path, "latents", Inner)


def test_equal_configs_have_equal_fingerprints():
    first, second = Inner(rate=1.0, steps=(1,)), Inner(rate=1.0, steps=(1,))
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first) != fingerprint(Inner(rate=1.0, steps=(2,)))


def test_build_config_wants_a_mapping():
    with pytest.raises(OpenRelicError, match="place: inner must hold keys and values"):
        build_config(Inner, 3, "place", "inner")


LATENTS = """
latents: {tokenizer: pca, pretrained: "", channels: 16, height: 64, width: 128, fit_samples: 4,
  dtype: float16}
"""


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("64", "60", "multiple of 16"),
        ("16,", "0,", "1 to 768"),
        ("samples: 4", "samples: 0", ">= 1"),
    ],
)
def test_sizes_that_the_tokenizer_cannot_hold(tmp_path, old, new, word):
    assert read_latents_config(write(tmp_path, LATENTS)).height == 64
    with pytest.raises(OpenRelicError, match=word):
        read_latents_config(write(tmp_path, LATENTS.replace(old, new, 1)))


def test_the_vocabulary_stays_light():
    code = "import sys, dataset.config, dataset.latents.store; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
