"""Runs recipes one after another in whatever processes it is launched in: starting them is slow.

accelerate launch --multi_gpu --num_processes 2 -m tests.training.run_recipes \
        WORKSPACE UNTIL RECIPE ...
"""

import sys

import torch

from dataset.workspace import Workspace
from training.config import read_recipe
from training.stages import open_run, run_stages


def main(workspace: str, until: str, *recipes: str) -> None:
    torch.set_num_threads(1)
    for path in recipes:
        context = open_run(Workspace(workspace), read_recipe(path), path)
        run_stages(context, "teacher" if until == "teacher" else "dmd")


if __name__ == "__main__":
    main(*sys.argv[1:])
