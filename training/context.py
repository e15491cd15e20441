"""What every stage of a run shares: recipe, data, device, folders, and where its noise comes from.

Noise, order and dropout of an iteration are drawn from generators seeded by the recipe's seed, the
stage and the place in it. Nothing depends on what was drawn before, so a run that starts again from
a checkpoint goes on exactly. The processes that share a window draw the same; in the teacher's
training a window's draws are its own, so that they do not depend on who works on it either.
"""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dataset.config import fingerprint
from dataset.errors import OpenRelicError
from dataset.latents.store import RECORD, LatentRow
from dataset.workspace import Workspace
from training.conditions import RotationFrame
from training.config import Recipe, Stage, stage_fingerprint
from training.data import Batch, LatentData, one_rotation_frame
from training.parallel import Processes, SequenceGroup, average_gradients, shard
from training.rollout import Conditions
from training.text import TextCache, load_text_encoder
from training.transformer import RelicTransformer, TransformerConfig
from training.weights import Place, load_transformer, make_transformer

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch.distributed.device_mesh import DeviceMesh

RUNS = "runs"


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
    def processes(self) -> Processes:
        """Where this process stands among those of the run."""
        return Processes(
            index=self.accelerator.process_index,
            count=self.accelerator.num_processes,
            sequence_parallel=self.recipe.run.sequence_parallel,
        )

    @cached_property
    def _sequence(self) -> SequenceGroup | None:
        return self.processes.sequence_group()

    @cached_property
    def _mesh(self) -> "DeviceMesh":
        from torch.distributed.device_mesh import init_device_mesh

        return init_device_mesh(self.device.type, (self.processes.count,))

    @property
    def rotation_frame(self) -> RotationFrame:
        """That of the workspace's labels."""
        return one_rotation_frame(self.workspace, self.rows)

    @cached_property
    def texts(self) -> TextCache:
        """The recipe's text encoder."""
        return TextCache(load_text_encoder(self.recipe.text))

    def made_with(self, stage: Stage) -> str:
        """Fingerprint of what a stage's weights depend on: recipe, latents, windows an update."""
        latents = hashlib.sha256(self.workspace.read_bytes(RECORD)).hexdigest()
        teacher, replicas = self.recipe.teacher, self.processes.replicas
        windows = [teacher.batch * teacher.accumulate * replicas]
        if stage != "teacher":
            windows.append(replicas)
        return fingerprint([stage_fingerprint(self.recipe, stage), latents, *windows])

    def data(self, split: str, latents: int) -> LatentData:
        """The windows of a split."""
        if (split, latents) not in self._data:
            self._data[split, latents] = LatentData(
                self.workspace, self.rows, split, latents, self.recipe.seed
            )
        return self._data[split, latents]

    def batch(self, split: str, latents: int, number: int, size: int) -> Batch:
        """Batch `number` of this replica."""
        mine = self.processes
        return self.data(split, latents).batch(number, size, mine.replica, mine.replicas)

    def generator(self, *place: str | int, shared: bool = False) -> torch.Generator:
        """Noise of one place in the run, on the device; `shared` by all replicas or not."""
        replica = "all" if shared else self.processes.replica
        text = "/".join(map(str, (self.recipe.seed, *place, replica)))
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1
        return torch.Generator(self.device).manual_seed(seed)

    def conditions(
        self,
        batch: Batch,
        dropped: torch.Tensor | None = None,
        *,
        without_actions: torch.Tensor | None = None,
        without_poses: torch.Tensor | None = None,
        latents: int | None = None,
    ) -> Conditions:
        """A batch's conditions on the device; each kind is left out where its (B,) is true."""
        leave_out = [False] * len(batch.texts) if dropped is None else dropped.tolist()
        texts = ["" if out else text for text, out in zip(batch.texts, leave_out, strict=True)]
        rows = None if latents is None else 4 * latents - 3
        return Conditions(
            text_BLD=self.texts.encode(texts).to(self.device),
            actions_BFA=_drop(batch.actions[:, :rows].to(self.device), without_actions),
            poses_BFP=_drop(batch.poses[:, :rows].to(self.device), without_poses),
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
        """A network with the run's first random weights, equal on all processes."""
        known = replace(config, rotation_frame=self.rotation_frame)
        if config.preconditioned:
            shortest = min(phase.latents for phase in self.recipe.teacher.phases)
            known = replace(known, latent_rms=self.data("train", shortest).channel_rms())
        model = make_transformer(
            known,
            self.recipe.seed,
            place=self._placement(),
            device=self.device,
        )
        return self._placed(model)

    def load_model(
        self, folder: Path, yarn_length: int, *, alone: bool = False
    ) -> RelicTransformer:
        """A stored network, its time axis stretched to `yarn_length` latents.

        All processes load it at once, unless it is for this one `alone`: then it is whole, in the
        run's precision, and not to be trained.
        """
        narrow = alone and self.recipe.run.precision == "bfloat16"
        model = load_transformer(
            folder,
            place=None if alone else self._placement(),
            device=self.device,
            dtype=torch.bfloat16 if narrow else torch.float32,
            yarn_target_length=yarn_length,
            rotation_frame=self.rotation_frame,
            **self._additions,
        )
        return model if alone else self._placed(model)

    @property
    def _additions(self) -> dict[str, Any]:
        """RELIC's part of a network, which a plain Wan folder says nothing of."""
        names = (
            "condition_hidden_dim", "pose_translation_unit", "pose_before_qk_norm",
            "yarn_original_length", "yarn_slow_turns", "yarn_fast_turns", "yarn_temperature",
        )  # fmt: skip
        return {name: getattr(self.recipe.model, name) for name in names}

    def _placement(self) -> Place | None:
        """How the run splits a network over its processes."""
        if self.recipe.run.shard == "none" or self.processes.count == 1:
            return None
        return lambda model: shard(model, self._mesh, self.recipe.run.precision)

    def _placed(self, model: RelicTransformer) -> RelicTransformer:
        model.gradient_checkpointing = self.recipe.run.recompute
        model.sequence = self._sequence
        return model

    def arithmetic(self) -> AbstractContextManager[None]:
        """The recipe's precision, for forward passes."""
        return self.accelerator.autocast()

    def average_gradients(self, model: RelicTransformer) -> None:
        """The mean over processes, once, after whatever backward passes a step has."""
        average_gradients(model, self.processes.count)

    def mean(self, value: torch.Tensor) -> float:
        """The mean of a number over processes."""
        if self.processes.count == 1:
            return float(value.detach())
        total = value.detach().clone()
        torch.distributed.all_reduce(total)
        return float(total) / self.processes.count


def _drop(rows_BFC: torch.Tensor, dropped: torch.Tensor | None) -> torch.Tensor:
    """Rows of NaN, which add nothing, where `dropped` (B,) is true."""
    if dropped is None:
        return rows_BFC
    return rows_BFC.masked_fill(dropped.to(rows_BFC.device)[:, None, None], torch.nan)
