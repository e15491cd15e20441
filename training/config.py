"""The recipe of a run: one YAML file, one frozen dataclass a section.

`configs/tiny.yaml`, `configs/wan-1.3b.yaml` and `configs/wan-14b.yaml` have the same keys and run
the same code; tokenizer and text encoder are chosen by name. Every field says where its value comes
from. "Self-Forcing" below is the public code of arXiv 2506.08009, "DMD2" that of arXiv 2405.14867,
"paper" is RELIC, arXiv 2512.04040.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dataset.config import LatentsConfig, fingerprint, read_config, read_latents_config
from dataset.errors import OpenRelicError
from training.flow import FlowConfig
from training.grid import WINDOW_FRAMES, latents_of_frames, student_latents
from training.memory.schedule import MemoryConfig
from training.transformer import TransformerConfig

Stage = Literal["teacher", "ode", "dmd"]
Initialisation = Literal["hybrid", "teacher_forcing", "diffusion_forcing", "causal_ode"]


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """The text encoder."""

    encoder: Literal["hash", "umt5"]
    """hash: fixed random vectors of words; umt5: Wan-2.1's"""
    pretrained: str
    """folder or hub name with tokenizer/ and text_encoder/; read by umt5 only"""
    length: int
    """tokens; 512 in Wan-2.1"""
    dim: int
    """channels; 4096 for umt5-xxl"""


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW."""

    learning_rate: float
    """after the warm-up, constant; the paper is silent"""
    warmup: int
    """iterations of linear rise from 0; ours"""
    betas: tuple[float, float]
    """the paper is silent; 0.9, 0.999 is AdamW's, 0.0, 0.999 Self-Forcing's for DMD"""
    weight_decay: float
    """0.01, as Self-Forcing and AdamW's default"""
    clip: float
    """largest norm of the gradient; 10 in Self-Forcing, 1 is usual for flow matching"""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a curriculum: windows of one length."""

    seconds: Literal[5, 10, 20]
    """81, 161 or 317 frames"""
    iterations: int
    """paper: teacher 5,000 / 1,000 / 4,000, DMD 250 / 150 / 150 for 5 / 10 / 20 s"""

    @property
    def latents(self) -> int:
        """Latents of the window, as the teacher sees it."""
        return latents_of_frames(WINDOW_FRAMES[self.seconds])

    def rollout(self, chunk: int) -> int:
        """Latents of the student's rollout in the window."""
        return student_latents(WINDOW_FRAMES[self.seconds], chunk)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What holds for every stage."""

    precision: Literal["float32", "bfloat16"]
    """of the networks' arithmetic; float32 is exact to resume, bfloat16 is what Wan trains in"""
    recompute: bool
    """run a block again in its backward pass instead of keeping its activations"""
    shard: Literal["none", "fsdp"] = "none"
    """several processes: whole copies of weights, gradients and optimiser, or FSDP2's shards"""
    sequence_parallel: int = 1
    """processes that share one window: its tokens, and in attention its heads (the paper's)"""
    compile: bool = False
    """torch.compile the blocks"""
    attention: Literal["auto", "torch"] = "auto"
    """auto: FlashAttention where it is installed and fits; torch: its own kernels always"""
    checkpoint_every: int
    """iterations between checkpoints; ours"""
    log_every: int
    """iterations between lines of metrics; ours"""


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """Stage 1: bidirectional flow matching with a clean first latent."""

    pretrained: str
    """diffusers folder `transformer/` to start from; empty: random weights"""
    phases: tuple[Phase, ...]
    """curriculum; at its changes the weights go on and a checkpoint of that length is kept"""
    batch: int
    """windows that a process takes at once; the paper is silent"""
    accumulate: int = 1
    """such batches an update, whose windows are batch x accumulate x processes, however split"""
    optimizer: OptimizerConfig
    ema_decay: float
    """of the weights that later stages and play use; ours"""
    text_dropout: float
    """share of windows with empty text, for guidance; 0.1 as Wan-2.1"""
    action_dropout: float = 0.0
    """share of windows whose actions add nothing; the paper is silent: none"""
    pose_dropout: float = 0.0
    """share of windows whose poses add nothing; the paper is silent: none"""
    held_out_batches: int
    """batches of the val split that score the teacher; ours"""


@dataclass(frozen=True, kw_only=True)
class OdeConfig:
    """Stage 2: the student learns the teacher's ODE trajectories with causal attention."""

    initialisation: Initialisation
    """hybrid is the paper's; the others are its comparison, and a choice that users dispute"""
    pairs: int
    """trajectories of the teacher; Self-Forcing has 16,000"""
    pair_batch: int
    """trajectories solved at once; ours"""
    euler_steps: int
    """48: the trajectory must pass the student's levels, so a multiple of 4; ours"""
    guidance: float
    """scale of text guidance; that of DMD, so that both stages aim at one distribution"""
    iterations: int
    """the paper is silent; Self-Forcing's initialisation has 3,000"""
    batch: int
    """trajectories a rank and iteration"""
    noisy_blocks: int
    """K: noisy blocks at the end of the hybrid sequence; the paper is silent"""
    causal_iterations: int
    """causal_ode only: iterations that make the causal teacher its trajectories come from"""
    optimizer: OptimizerConfig


@dataclass(frozen=True, kw_only=True)
class DmdConfig:
    """Stage 3: distribution matching on the student's own rollouts."""

    phases: tuple[Phase, ...]
    """rollouts, each scored by the teacher of that length"""
    counts: Literal["generator", "critic"]
    """what an iteration of `phases` counts; the paper does not say"""
    critic_ratio: int
    """critic steps a generator step; 5 in DMD2 and Self-Forcing"""
    critic_warmup: int
    """critic steps before the first generator step of a phase; ours"""
    guidance: float
    """scale on the real score, drops text only: without + scale (with - without), so 1 is none;
    Self-Forcing's 3 is with + 3 (with - without), which is 4 here"""
    lowest_level: float
    """of the scores' noise; 0.02, DMD2's timestep 20"""
    highest_level: float
    """0.98, DMD2's timestep 980"""
    batch: int
    """rollouts a rank"""
    ema_decay: float
    """of the student; 0.99 in Self-Forcing"""
    generator: OptimizerConfig
    critic: OptimizerConfig


@dataclass(frozen=True, kw_only=True)
class PlayConfig:
    """How keys become actions when somebody plays."""

    move: float
    """gamma of translations, in `unit_m` a frame; 1 is a clip's usual step"""
    turn_deg: float
    """gamma of rotations, degrees a frame; 1.25 is 20 degrees a second"""
    start_pitch_deg: float
    """of the first camera; used in the `level` rotation frame"""
    start_roll_deg: float
    """of the first camera; used in the `level` rotation frame"""
    memory_storage: Literal["model", "float8_e4m3"] = "model"
    """of keys and values in a session; the paper plays with E4M3"""
    newest: int | None = None
    """latents that a long session remembers beside its first, where `memory.newest` is none; none:
    as many as the student's time axis was stretched to (80, 20 s, at a window of 8); ours"""
    undo_chunks: int = 120
    """chunks that can be taken back at least: 2 minutes; ours"""
    undo_mb: int = 1000
    """for copies of keys and values that make going back quick; two are kept anyway; ours"""
    precision: Literal["run", "float32", "bfloat16"] = "run"
    """of the network's weights and arithmetic; run: `run.precision`"""
    compile: bool = False
    """torch.compile norms, modulation and rotation, as the paper does"""
    sequence_parallel: int = 1
    """processes that play together, each with its share of tokens and heads (the paper's)"""
    decoder: Literal["tokenizer", "taehv"] = "tokenizer"
    """tokenizer: the latents' own; taehv: a tiny one for Wan's latents, as the paper plays with"""
    decoder_weights: str = ""
    """TAEHV's file, read by taehv only: taew2_1.safetensors or taew2_1.pth"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run."""

    name: str
    """folder below `runs/`"""
    seed: int
    """of weights, order and noise"""
    student_yarn_length: int
    """latents that the student's time axis is stretched to from its first stage on: 80 for 20 s"""
    latents: LatentsConfig
    text: TextConfig
    model: TransformerConfig
    memory: MemoryConfig
    flow: FlowConfig
    run: RunConfig
    teacher: TeacherConfig
    ode: OdeConfig
    dmd: DmdConfig
    play: PlayConfig

    def teacher_model(self, latents: int) -> TransformerConfig:
        """The teacher's network for windows of `latents`: YaRN stretched to that length."""
        return replace(self.model, yarn_target_length=latents)

    def student_model(self) -> TransformerConfig:
        """The student's network."""
        return replace(self.model, yarn_target_length=self.student_yarn_length)


def read_recipe(path: str | Path) -> Recipe:
    """The file as a recipe; keys that do not fit each other raise `OpenRelicError`."""
    read_latents_config(path)
    recipe = read_config(path, Recipe)
    for problem in _problems(recipe):
        raise OpenRelicError(f"{path}: {problem}")
    return recipe


def stage_fingerprint(recipe: Recipe, stage: Stage) -> str:
    """What the weights of a stage depend on: its own section, those before it, the shared ones.

    Checkpoint and log intervals and how somebody plays may change between two runs.
    """
    later = {"teacher": ("ode", "dmd"), "ode": ("dmd",), "dmd": ()}[stage]
    record: dict[str, Any] = asdict(recipe)
    for name in ("run", "play", *later):
        del record[name]
    # How an update's windows are split over processes and passes changes its sum's order only; the
    # caller adds their number. Where a network is read from is not what is in it.
    for name in ("batch", "accumulate"):
        del record["teacher"][name]
    return fingerprint({**record, "precision": recipe.run.precision})


def _problems(recipe: Recipe) -> list[str]:
    """What no single field can see."""
    found = []
    if recipe.model.in_channels != recipe.latents.channels:
        found.append(
            f"model.in_channels is {recipe.model.in_channels}; it must be latents.channels, "
            f"{recipe.latents.channels}"
        )
    if recipe.model.out_channels != recipe.model.in_channels:
        found.append("model.out_channels must be model.in_channels")
    if recipe.model.text_dim != recipe.text.dim:
        found.append(f"model.text_dim is {recipe.model.text_dim}; it must be text.dim")
    if not recipe.teacher.phases or not recipe.dmd.phases:
        found.append("teacher.phases and dmd.phases need at least one phase")
    taught = {phase.seconds for phase in recipe.teacher.phases}
    for stage, phases in (("teacher", recipe.teacher.phases), ("dmd", recipe.dmd.phases)):
        seconds = [phase.seconds for phase in phases]
        if seconds != sorted(set(seconds)):
            found.append(f"{stage}.phases are {seconds} s; each length once, growing")
    for phase in recipe.dmd.phases:
        if phase.seconds not in taught:
            found.append(f"dmd.phases has {phase.seconds} s, for which there is no teacher phase")
    found.extend(_counts(recipe))
    found.extend(sequence_problems(recipe))
    recipe.flow.level_indices(recipe.ode.euler_steps)
    return found


def sequence_problems(recipe: Recipe) -> list[str]:
    """Whether heads and tokens divide by the processes that share a window or a session."""
    named = {"run": recipe.run.sequence_parallel, "play": recipe.play.sequence_parallel}
    return [problem for name, parts in named.items() for problem in _parts(recipe, name, parts)]


def _parts(recipe: Recipe, section: str, parts: int) -> list[str]:
    heads = recipe.model.num_attention_heads
    _, down, across = recipe.model.patch_size
    tokens = recipe.latents.height // (8 * down) * (recipe.latents.width // (8 * across))
    if parts > 1 and recipe.memory.renormalise_keys:
        return [
            "memory.renormalise_keys needs all heads in one place: "
            f"{section}.sequence_parallel is 1"
        ]
    if parts < 1 or (heads % parts == 0 and tokens % parts == 0):
        return []
    allowed = [n for n in range(1, heads + 1) if heads % n == 0 and tokens % n == 0]
    return [
        f"{section}.sequence_parallel is {parts}; {heads} heads and {tokens} tokens a latent allow "
        f"{', '.join(map(str, allowed))}"
    ]


def _counts(recipe: Recipe) -> list[str]:
    counts = {
        "run.checkpoint_every": recipe.run.checkpoint_every,
        "run.log_every": recipe.run.log_every,
        "run.sequence_parallel": recipe.run.sequence_parallel,
        "teacher.batch": recipe.teacher.batch,
        "teacher.accumulate": recipe.teacher.accumulate,
        "ode.pairs": recipe.ode.pairs,
        "ode.pair_batch": recipe.ode.pair_batch,
        "ode.batch": recipe.ode.batch,
        "ode.noisy_blocks": recipe.ode.noisy_blocks,
        "dmd.batch": recipe.dmd.batch,
        "dmd.critic_ratio": recipe.dmd.critic_ratio,
        "play.undo_chunks": recipe.play.undo_chunks,
        "play.sequence_parallel": recipe.play.sequence_parallel,
    }
    shares = {
        "teacher.text_dropout": recipe.teacher.text_dropout,
        "teacher.action_dropout": recipe.teacher.action_dropout,
        "teacher.pose_dropout": recipe.teacher.pose_dropout,
    }
    return [
        *(f"{name} is {value}; allowed: 1 or more" for name, value in counts.items() if value < 1),
        *(f"{name} is {s}; allowed: 0 to 1" for name, s in shares.items() if not 0 <= s <= 1),
    ]
