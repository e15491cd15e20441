"""The embedded engine's scenes by name: `home:3`, `street:1`, `openarena:oa_dm1`."""

from capture.engine import openarena
from capture.engine.generate import ARCHETYPES, generate
from capture.engine.scene import Scene
from dataset.errors import OpenRelicError

# Of each generated kind: with OpenArena's levels more than the paper's 350 scenes.
LISTED_SEEDS = 100


def load_scene(name: str) -> Scene:
    """Build or load the scene called `name`."""
    kind, _, rest = name.partition(":")
    if kind == "openarena" and rest:
        return openarena.load_map(rest)
    if kind in ARCHETYPES and rest.isdigit():
        return generate(kind, int(rest))
    kinds = ", ".join(f"{archetype}:SEED" for archetype in sorted(ARCHETYPES))
    raise OpenRelicError(f"scene {name!r} is not known; allowed are {kinds} and openarena:MAP")


def list_scenes() -> list[dict[str, str]]:
    """Scenes as rows of `scene`, `asset` and `licence`, the kinds taking turns."""
    levels = [f"openarena:{name}" for name in openarena.available_maps()]
    columns = [[f"{kind}:{seed}" for seed in range(LISTED_SEEDS)] for kind in ARCHETYPES]
    columns.insert(1, levels)
    names = [
        column[row]
        for row in range(max(map(len, columns)))
        for column in columns
        if row < len(column)
    ]
    return [{"scene": name, "asset": name, "licence": _licence(name)} for name in names]


def _licence(name: str) -> str:
    return openarena.LICENCE if name.startswith("openarena:") else "Apache-2.0"
