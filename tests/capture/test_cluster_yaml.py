"""The cluster files are what Ray's launcher takes, and bring all that capture needs."""

import copy
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[2]
CLOUD = ROOT / "capture_cluster.yaml"
OWN = ROOT / "capture_cluster.local.yaml"
SHARED = (
    "file_mounts", "rsync_exclude", "rsync_filter", "setup_commands",
    "head_start_ray_commands", "worker_start_ray_commands",
)  # fmt: skip

Config = dict[str, Any]


@pytest.fixture(params=[CLOUD, OWN], ids=["cloud", "own"])
def config(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(ROOT)
    return yaml.safe_load(request.param.read_text())


def cloud() -> Config:
    return yaml.safe_load(CLOUD.read_text())


def own() -> Config:
    return yaml.safe_load(OWN.read_text())


def test_ray_accepts_it(config: Config):
    validate_config(prepare_config(copy.deepcopy(config)))


def test_ray_refuses_a_spoilt_one(config: Config):
    with pytest.raises(Exception, match="max_wrkers"):
        validate_config(prepare_config({**config, "max_wrkers": 3}))


def test_both_are_set_up_alike():
    for key in SHARED:
        assert cloud()[key] == own()[key]


def test_the_cloud_grows_from_nothing_with_gpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    prepared = prepare_config(cloud())
    validate_config(prepared)
    head, worker = (prepared["available_node_types"][name] for name in ("head", "gpu_worker"))
    assert prepared["head_node_type"] == "head" and head["resources"]["CPU"] == 0
    assert worker["min_workers"] == 0 < worker["max_workers"] <= prepared["max_workers"]
    assert worker["resources"]["GPU"] >= 1
    # The YAML anchor shares all but what is overridden.
    assert worker["node_config"]["ImageId"] == head["node_config"]["ImageId"]
    assert worker["node_config"]["InstanceType"] != head["node_config"]["InstanceType"]


def test_the_cloud_installs_the_system_packages():
    script = (ROOT / "scripts" / "system_packages.sh").read_text()
    found = re.search(r'^NEEDED="(.*)"$', script, re.MULTILINE)
    assert found is not None
    (command,) = cloud()["initialization_commands"]
    assert set(found[1].split()) <= set(command.replace("'", " ").split())


def test_own_machines_are_placeholders(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    provider = own()["provider"]
    for address in (provider["head_ip"], *provider["worker_ips"]):
        assert address.startswith("192.0.2.")  # reserved for documentation
    (node_type,) = prepare_config(own())["available_node_types"].values()
    assert node_type["min_workers"] == node_type["max_workers"] == len(provider["worker_ips"])


def test_the_project_travels_and_is_installed_with_fixed_versions(config: Config):
    assert config["file_mounts"] == {"~/openrelic": "."}
    (install,) = [line for line in config["setup_commands"] if "pip install" in line]
    words = shlex.split(install)
    assert words[words.index("-c") + 1] == "~/openrelic/constraints.txt"
    assert (ROOT / "constraints.txt").exists()
    folder, _, extras = words[words.index("-e") + 1].partition("[")
    assert folder == "~/openrelic"
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {"capture", "cloud", "dataset", "engine"}
    assert set(extras.rstrip("]").split(",")) == wanted <= set(known)
    ignored = (ROOT / ".gitignore").read_text().split()
    for package in ("capture", "labeling", "dataset"):
        assert package not in config["rsync_exclude"] and package not in ignored


@pytest.mark.parametrize("role", ["head", "worker"])
def test_ray_starts_from_the_environment(config: Config, role: str):
    path = next(line for line in config["setup_commands"] if ".bashrc" in line)
    assert "~/openrelic-venv/bin:$PATH" in path
    starts = config[f"{role}_start_ray_commands"]
    assert starts[0] == "ray stop" and "ray start" in starts[1]
    assert ("--head" in starts[1]) is (role == "head")
