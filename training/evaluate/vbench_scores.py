"""VBench's six dimensions of a folder of videos, where VBench and its weights are.

Their mean is the average score of the paper's table. VBench runs in the Python that `--vbench`
names, as it cannot share an environment with this project (`training.evaluate.vbench_runner`).
It would download missing weights by itself; that is not left to it: what is missing is said, and
the score is not there.

Public: `DIMENSIONS`, `WEIGHTS`, `vbench_problem`, `vbench_scores`.
"""

import json
import os
import subprocess
from pathlib import Path

from dataset.errors import OpenRelicError
from dataset.workspace import json_bytes, sha256_file
from training.evaluate.keys import VIDEO_SUFFIXES

VBENCH_VERSION = 1
"""Raise it when the same videos get other numbers, by `vbench_runner` or another vbench."""
DIMENSIONS = (
    "subject_consistency", "background_consistency", "motion_smoothness", "dynamic_degree",
    "aesthetic_quality", "imaging_quality",
)  # fmt: skip
RUNNER = Path(__file__).parent / "vbench_runner.py"

# Below VBENCH_CACHE_DIR, as vbench 0.1.5 names them.
WEIGHTS = (
    "dino_model/facebookresearch_dino_main",
    "dino_model/dino_vitbase16_pretrain.pth",
    "clip_model/ViT-B-32.pt",
    "clip_model/ViT-L-14.pt",
    "amt_model/amt-s.pth",
    "raft_model/models/raft-things.pth",
    "aesthetic_model/emb_reader/sa_0_4_vit_l_14_linear.pth",
    "pyiqa_model/musiq_spaq_ckpt-358bb6af.pth",
)
# Of these VBench gives 0 to 100 a video, though 0 to 1 for the whole.
_PERCENT = {"imaging_quality"}


def cache_folder() -> Path:
    """Where VBench keeps its weights."""
    given = os.environ.get("VBENCH_CACHE_DIR")
    return Path(given) if given else Path.home() / ".cache" / "vbench"


def vbench_problem(python: str) -> str | None:
    """Why VBench cannot run, in a line; None if it can."""
    if not python:
        return "VBench was not asked for: --vbench names the Python of an environment that has it"
    missing = [name for name in WEIGHTS if not (cache_folder() / name).exists()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"VBench's weights are not there: {cache_folder() / missing[0]}{more}"
    try:
        found = subprocess.run(
            [python, "-c", "import vbench"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"--vbench {python} cannot be started: {error.strerror}"
    if found.returncode:
        said = found.stderr.strip().splitlines()
        return f"--vbench {python} cannot import vbench: {said[-1] if said else 'no reason given'}"
    return None


def vbench_scores(python: str, videos: Path, out: Path) -> dict[str, dict[str, float]]:
    """Dimension -> video's name -> 0 to 1, and `average`, the mean of the six."""
    out.mkdir(parents=True, exist_ok=True)
    kept, record = out / "scores.json", out / "made_of.json"
    found = (one for one in sorted(videos.glob("*")) if one.suffix.lower() in VIDEO_SUFFIXES)
    digests = {one.name: sha256_file(one) for one in found}
    made_of = json_bytes({"version": VBENCH_VERSION, "of": DIMENSIONS, "videos": digests})
    if kept.exists() and record.exists() and record.read_bytes() == made_of:
        return normalised(json.loads(kept.read_text()))
    record.unlink(missing_ok=True)
    command = [python, str(RUNNER), str(videos), str(out), *DIMENSIONS]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise OpenRelicError(
            f"VBench failed with exit code {done.returncode}; its own messages stand above; leave "
            "--vbench out to go without it"
        )
    record.write_bytes(made_of)
    return normalised(json.loads(kept.read_text()))


def normalised(found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """VBench's numbers a video on its scale of 0 to 1, with their average."""
    scores = {
        dimension: {
            name: value / 100 if dimension in _PERCENT else value for name, value in rows.items()
        }
        for dimension, rows in found.items()
    }
    names = set.intersection(*(set(scores[dimension]) for dimension in DIMENSIONS))
    scores["average"] = {
        name: sum(scores[dimension][name] for dimension in DIMENSIONS) / len(DIMENSIONS)
        for name in names
    }
    return scores
