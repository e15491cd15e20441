"""The loop of every stage: resume, iterate, log, save.

    runs/<name>/<stage>/step-NNNNNN, latest     checkpoints (`training.checkpoint`)
    runs/<name>/<stage>/metrics.jsonl           one line every `run.log_every` iterations
    runs/<name>/tensorboard/<stage>/            the same numbers for tensorboard

After a kill the run goes on from the latest checkpoint; lines that were logged after it are
dropped, because those iterations run again and log the same numbers.
"""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from training.checkpoint import (
    Trained,
    checkpoint_step,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from training.config import OptimizerConfig
from training.context import RunContext, Stage
from training.parallel import whole
from training.transformer import RelicTransformer

METRICS = "metrics.jsonl"
Metrics = dict[str, float]
log = logging.getLogger(__name__)


def adamw(model: RelicTransformer, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW with the recipe's numbers; the rate is set before every step by `optimize`."""
    return torch.optim.AdamW(
        model.parameters(),
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
    )


def optimize(
    context: RunContext,
    model: RelicTransformer,
    optimizer: torch.optim.Optimizer,
    config: OptimizerConfig,
    iteration: int,
) -> float:
    """One update from the gradients that are there; returns their norm before clipping."""
    context.average_gradients(model)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * min(1.0, (iteration + 1) / max(1, config.warmup))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(whole(norm))


def finished(context: RunContext, stage: Stage, name: str, iterations: int) -> Path | None:
    """The stage's last checkpoint if it is that of its last iteration, else None.

    A checkpoint of another configuration raises `OpenRelicError`.
    """
    checkpoint = latest_checkpoint(context.folder / name)
    if checkpoint is None:
        return None
    done = checkpoint_step(checkpoint, context.made_with(stage)) >= iterations
    return checkpoint if done else None


def run_stage(
    context: RunContext,
    stage: Stage,
    name: str,
    trained: Trained,
    iterations: int,
    step: Callable[[int], Metrics],
    *,
    log_every: int | None = None,
) -> Path:
    """Run `step` for every iteration that is not done yet; returns the last checkpoint's folder.

    `log_every` replaces the recipe's.
    """
    log_every = log_every or context.recipe.run.log_every
    folder = context.folder / name
    made_with = context.made_with(stage)
    checkpoint = latest_checkpoint(folder)
    first = load_checkpoint(checkpoint, trained, made_with) if checkpoint else 0
    if first:
        log.info("%s: going on after iteration %d of %d", name, first, iterations)
    main = context.accelerator.is_main_process
    recorder = Recorder(context.folder, name, first) if main else None
    progress = tqdm(
        range(first, iterations), name, iterations, initial=first, disable=not main, unit="it"
    )
    for number in progress:
        metrics = step(number)
        if recorder and (number + 1) % log_every == 0:
            recorder.write(number + 1, metrics)
            progress.set_postfix({key: f"{value:.4g}" for key, value in metrics.items()})
        if (number + 1) % context.recipe.run.checkpoint_every == 0 or number + 1 == iterations:
            save_checkpoint(folder, number + 1, trained, made_with)
    if recorder:
        recorder.close()
    return _last(folder)


def _last(folder: Path) -> Path:
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        raise RuntimeError(f"{folder} has no checkpoint after its stage ran")
    return checkpoint


class Recorder:
    """Writes a stage's numbers as JSON lines and for tensorboard."""

    def __init__(self, folder: Path, name: str, first: int) -> None:
        """Go on after iteration `first`."""
        from torch.utils.tensorboard.writer import SummaryWriter

        path = folder / name / METRICS
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in read_metrics(path) if line["step"] <= first]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self._file = path.open("a")
        self._board = SummaryWriter(str(folder / "tensorboard" / name), purge_step=first + 1)
        self._started = time.monotonic()

    def write(self, step: int, metrics: Metrics) -> None:
        """One line."""
        seconds = round(time.monotonic() - self._started, 3)
        self._file.write(json.dumps({"step": step, **metrics, "seconds": seconds}) + "\n")
        self._file.flush()
        for key, value in metrics.items():
            self._board.add_scalar(key, value, step)

    def close(self) -> None:
        """Flush both."""
        self._file.close()
        self._board.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics file; a last line that a kill cut off is left out."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines
