"""Runs VBench on a folder of videos; for the Python of an environment that has it.

    /path/to/vbench-env/bin/python training/evaluate/vbench_runner.py VIDEOS OUT DIMENSION ...

A program of its own that imports nothing of the project: vbench 0.1 asks for numpy below 2 and for
an old transformers, so it lives in a virtual environment of its own. Writes `OUT/scores.json`:
dimension -> video name without suffix -> number, as VBench gives them.
"""

import importlib
import json
import sys
from pathlib import Path


def main(videos: str, out: str, *dimensions: str) -> None:
    """Evaluate; VBench's own result file is read back and written anew by video."""
    # Python puts this file's folder first, whose modules are not those that VBench means.
    here = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != here]
    torch = importlib.import_module("torch")
    vbench = importlib.import_module("vbench")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    full_info = str(Path(str(vbench.__file__)).parent / "VBench_full_info.json")
    vbench.VBench(device, full_info, out).evaluate(
        videos_path=videos, name="run", dimension_list=list(dimensions), local=True,
        mode="custom_input",
    )  # fmt: skip
    found = json.loads((Path(out) / "run_eval_results.json").read_text())
    scores = {
        dimension: {Path(one["video_path"]).stem: float(one["video_results"]) for one in by_video}
        for dimension, (_, by_video) in found.items()
    }
    part = Path(out) / "scores.json.part"
    part.write_text(json.dumps(scores, indent=2))
    part.replace(Path(out) / "scores.json")


if __name__ == "__main__":
    main(*sys.argv[1:])
