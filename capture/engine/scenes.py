"""The embedded engine's scenes by name: `home:3`, `street:1`, `openarena:oa_dm1`."""

from itertools import zip_longest
from math import ceil
from pathlib import Path

from capture.engine import openarena
from capture.engine.generate import ARCHETYPES, generate
from capture.engine.gltf import load_gltf
from capture.engine.scene import Scene
from dataset.errors import OpenRelicError

# As many as the paper has, without OpenArena's levels.
GENERATED_SCENES = 350
# These kinds come first, in this order: a short list is varied and quick to build.
_FIRST = ("home", "openarena", "square", "office", "forest", "gallery", "street", "station", "park")


def load_scene(name: str) -> Scene:
    """Build or load the scene called `name`."""
    kind, _, rest = name.partition(":")
    if kind == "scene" and rest:
        return load_gltf(Path(rest))
    if kind == "openarena" and rest:
        return openarena.load_map(rest)
    if kind in ARCHETYPES and rest.isdigit():
        return generate(kind, int(rest))
    kinds = ", ".join(f"{archetype}:SEED" for archetype in sorted(ARCHETYPES))
    raise OpenRelicError(
        f"scene {name!r} is not known; allowed are {kinds}, openarena:MAP and scene:PATH.glb"
    )


def generated_scenes() -> list[str]:
    """Names of the listed generated scenes, the kinds taking turns."""
    kinds = _in_turn(list(ARCHETYPES))
    seeds = ceil(GENERATED_SCENES / len(kinds))
    return [f"{kind}:{seed}" for seed in range(seeds) for kind in kinds]


def list_scenes() -> list[dict[str, str]]:
    """Scenes as rows of `scene`, `asset` and `licence`, the kinds taking turns."""
    columns: dict[str, list[str]] = {}
    for name in generated_scenes():
        columns.setdefault(name.partition(":")[0], []).append(name)
    columns["openarena"] = [f"openarena:{name}" for name in openarena.available_maps()]
    rounds = zip_longest(*(columns[kind] for kind in _in_turn(list(columns))))
    names = [name for around in rounds for name in around if name is not None]
    return [{"scene": name, "asset": name, "licence": _licence(name)} for name in names]


def _in_turn(kinds: list[str]) -> list[str]:
    """The kinds in the order in which they take turns."""
    return [kind for kind in _FIRST if kind in kinds] + sorted(set(kinds) - set(_FIRST))


def _licence(name: str) -> str:
    return openarena.LICENCE if name.startswith("openarena:") else "Apache-2.0"
