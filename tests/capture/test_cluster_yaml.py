"""`capture_cluster.yaml` is what Ray's launcher takes, and brings all that capture needs."""

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "capture_cluster.yaml"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return yaml.safe_load(CLUSTER.read_text())


def test_ray_accepts_it(config: dict[str, Any]):
    prepared = prepare_config(config)
    validate_config(prepared)
    (node_type,) = prepared["available_node_types"].values()
    machines = len(config["provider"]["worker_ips"])
    assert node_type["min_workers"] == node_type["max_workers"] == machines


def test_ray_refuses_a_spoilt_one(config: dict[str, Any]):
    with pytest.raises(Exception, match="max_wrkers"):
        validate_config(prepare_config({**config, "max_wrkers": 3}))


def test_the_machines_are_placeholders(config: dict[str, Any]):
    provider = config["provider"]
    for address in (provider["head_ip"], *provider["worker_ips"]):
        assert address.startswith("192.0.2.")  # reserved for documentation


def test_the_project_travels_and_is_installed_with_fixed_versions(config: dict[str, Any]):
    assert config["file_mounts"] == {"~/openrelic": "."}
    (install,) = [line for line in config["setup_commands"] if "pip install" in line]
    words = shlex.split(install)
    assert words[words.index("-c") + 1] == "~/openrelic/constraints.txt"
    assert (ROOT / "constraints.txt").exists()
    folder, _, extras = words[words.index("-e") + 1].partition("[")
    assert folder == "~/openrelic"
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.rstrip("]").split(",")) == {"capture", "dataset", "engine"} <= set(known)
    for package in ("capture", "labeling", "dataset"):
        assert package not in config["rsync_exclude"]


@pytest.mark.parametrize("role", ["head", "worker"])
def test_ray_starts_from_the_environment(config: dict[str, Any], role: str):
    path = next(line for line in config["setup_commands"] if ".bashrc" in line)
    assert "~/openrelic-venv/bin:$PATH" in path
    starts = config[f"{role}_start_ray_commands"]
    assert starts[0] == "ray stop" and "ray start" in starts[1]
    assert ("--head" in starts[1]) is (role == "head")
