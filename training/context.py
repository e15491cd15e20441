"""What every stage of a run shares: recipe, data, device, folders, and where its noise comes from.

Noise, order and dropout of an iteration are drawn from generators seeded by the recipe's seed, the
stage, the iteration and the rank. Nothing depends on what was drawn before, so a run that starts
again from a checkpoint goes on exactly.
"""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from dataset.config import fingerprint
from dataset.errors import OpenRelicError
from dataset.latents.store import RECORD, LatentRow
from dataset.workspace import Workspace
from training.config import Recipe, stage_fingerprint
from training.data import Batch, LatentData
from training.rollout import Conditions
from training.text import TextCache, load_text_encoder
from training.transformer import RelicTransformer, TransformerConfig
from training.weights import load_transformer

if TYPE_CHECKING:
    from accelerate import Accelerator

RUNS = "runs"
Stage = Literal["teacher", "ode", "dmd"]


def run_folder(workspace: Workspace, name: str) -> Path:
    """`runs/<name>` of a workspace, which must be a local folder: checkpoints are renamed."""
    if workspace.local_root is None:
        raise OpenRelicError(
            f"{workspace.location}: a run needs a local folder for its checkpoints; copy latents/ "
            "and shards/manifest.parquet to a local workspace"
        )
    return workspace.local_root / RUNS / name


@dataclass
class RunContext:
    """Made once a run."""

    recipe: Recipe
    workspace: Workspace
    rows: list[LatentRow]
    accelerator: "Accelerator"
    _data: dict[tuple[str, int], LatentData] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the run's files are."""
        return run_folder(self.workspace, self.recipe.name)

    @property
    def device(self) -> torch.device:
        """The device of this rank."""
        return self.accelerator.device

    @cached_property
    def texts(self) -> TextCache:
        """The recipe's text encoder."""
        return TextCache(load_text_encoder(self.recipe.text))

    def made_with(self, stage: Stage) -> str:
        """Fingerprint of all that a stage's weights depend on: recipe, latents, ranks."""
        latents = hashlib.sha256(self.workspace.read_bytes(RECORD)).hexdigest()
        ranks = self.accelerator.num_processes
        return fingerprint([stage_fingerprint(self.recipe, stage), latents, ranks])

    def data(self, split: str, latents: int) -> LatentData:
        """The windows of a split."""
        if (split, latents) not in self._data:
            self._data[split, latents] = LatentData(
                self.workspace, self.rows, split, latents, self.recipe.seed
            )
        return self._data[split, latents]

    def batch(self, split: str, latents: int, number: int, size: int) -> Batch:
        """Batch `number` of this rank."""
        process = self.accelerator
        return self.data(split, latents).batch(
            number, size, process.process_index, process.num_processes
        )

    def generator(self, *place: str | int, shared: bool = False) -> torch.Generator:
        """Noise of one place in the run, on this rank's device; `shared` by all ranks or not."""
        rank = "all" if shared else self.accelerator.process_index
        text = "/".join(map(str, (self.recipe.seed, *place, rank)))
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1
        return torch.Generator(self.device).manual_seed(seed)

    def conditions(
        self, batch: Batch, dropped: torch.Tensor | None = None, *, latents: int | None = None
    ) -> Conditions:
        """A batch's conditions on the device; text is left out where `dropped` (B,) is true."""
        leave_out = [False] * len(batch.texts) if dropped is None else dropped.tolist()
        texts = ["" if out else text for text, out in zip(batch.texts, leave_out, strict=True)]
        rows = None if latents is None else 4 * latents - 3
        return Conditions(
            text_BLD=self.texts.encode(texts).to(self.device),
            actions_BFA=batch.actions[:, :rows].to(self.device),
            poses_BFP=batch.poses[:, :rows].to(self.device),
        )

    def without_text(self, conditions: Conditions) -> Conditions:
        """The same conditions with empty text, which is all that guidance drops."""
        batch = conditions.text_BLD.shape[0]
        return Conditions(
            text_BLD=self.texts.encode([""] * batch).to(self.device),
            actions_BFA=conditions.actions_BFA,
            poses_BFP=conditions.poses_BFP,
        )

    def new_model(self, config: TransformerConfig) -> RelicTransformer:
        """A network with the run's first random weights, equal on all ranks."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            return self._placed(RelicTransformer(config))

    def load_model(self, folder: Path, yarn_length: int) -> RelicTransformer:
        """A stored network, its time axis stretched to `yarn_length` latents."""
        return self._placed(load_transformer(folder, yarn_target_length=yarn_length))

    def _placed(self, model: RelicTransformer) -> RelicTransformer:
        model.gradient_checkpointing = self.recipe.run.recompute
        return model.to(self.device)

    def arithmetic(self) -> AbstractContextManager[None]:
        """The recipe's precision, for forward passes."""
        return self.accelerator.autocast()

    def average_gradients(self, model: RelicTransformer) -> None:
        """The mean over ranks, once, after whatever backward passes a step has."""
        if self.accelerator.num_processes == 1:
            return
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad = self.accelerator.reduce(parameter.grad, "mean")  # type: ignore[assignment]
