"""Students that differ in one part, each trained without it on the same budget.

- `full`: everything;
- `window`: what leaves the window is forgotten (`memory.older: drop`);
- `no-pose`: told actions, but never where it is.

All start from one shared teacher. A student is `distilled` (ODE initialisation, then DMD, as in the
recipe) or `causal` (flow matching by teacher forcing on the data's own latents for
`ode.causal_iterations`), which learns more from few scenes in little time.

Public: `VARIANTS`, `Variant`, `train_variant`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from training.context import RunContext
from training.dmd import train_dmd
from training.learning.following import Student
from training.ode import train_causal, train_ode
from training.rollout import Conditions

Variant = Literal["full", "window", "no-pose"]
Kind = Literal["distilled", "causal"]
VARIANTS: tuple[Variant, ...] = ("full", "window", "no-pose")


class PoselessContext(RunContext):
    """A run whose networks are never told poses."""

    def conditions(self, *batch: Any, **settings: Any) -> Conditions:
        """A batch's text and actions."""
        return replace(super().conditions(*batch, **settings), poses_BFP=None)


def variant_context(shared: RunContext, variant: Variant, kind: Kind, seed: int) -> RunContext:
    """The context of a variant's own run, `runs/<name>-<kind>-<variant>-<seed>/`."""
    recipe = shared.recipe
    memory = replace(recipe.memory, older="drop") if variant == "window" else recipe.memory
    own = replace(recipe, name=f"{recipe.name}-{kind}-{variant}-{seed}", seed=seed, memory=memory)
    make = PoselessContext if variant == "no-pose" else RunContext
    return make(own, shared.workspace, shared.rows, shared.accelerator)


def train_variant(
    shared: RunContext, teachers: dict[int, Path], variant: Variant, kind: Kind, seed: int
) -> tuple[RunContext, Student, Path]:
    """Train or finish a student; its context, itself, and where its weights are."""
    context = variant_context(shared, variant, kind, seed)
    context.folder.mkdir(parents=True, exist_ok=True)
    if kind == "causal":
        weights = train_causal(context, teachers[max(teachers)])
    else:
        weights = train_dmd(context, teachers, train_ode(context, teachers))
    model = context.load_model(weights, context.recipe.student_yarn_length).eval()
    student = Student(
        model=model.requires_grad_(False),
        memory=context.recipe.memory,
        poses=variant != "no-pose",
    )
    return context, student, weights
