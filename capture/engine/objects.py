"""The named objects of the running scene: where they are, whether they are seen, their colours."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from capture.engine.camera import Vector
from capture.engine.grammar import CommandError
from capture.engine.scene import Geometry, Scene, object_colours
from capture.engine.scene_edits import (
    Placement,
    hidden,
    object_bounds_cm,
    removed,
    with_placements,
)

MIN_SCALE, MAX_SCALE = 1e-3, 1e3
COLOUR_MAX = 255


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """One object as it is now."""

    object_id: int  # 1-based, what its triangles carry
    placement: Placement
    colour: tuple[int, int, int]  # in masks
    spawned: bool = False
    shown: bool = True


class Objects:
    """Every object of a scene by name."""

    def __init__(self, scene: Scene) -> None:
        """The objects of `scene` as it was built."""
        self._built = scene.geometry
        self._built_colours = object_colours(len(scene.objects))
        middles = object_bounds_cm(scene.geometry, len(scene.objects)).mean(axis=1)
        self._objects: dict[str, SceneObject] = {}
        for number, name in enumerate(scene.objects):
            self._add(name, number + 1, _vector(middles[number]), spawned=False)
        self._removed: set[int] = set()

    def _add(self, name: str, object_id: int, pivot_cm: Vector, *, spawned: bool) -> None:
        red, green, blue = self._built_colours[object_id - 1].tolist()
        self._objects[name] = SceneObject(
            object_id=object_id,
            placement=Placement(pivot_cm=pivot_cm, location_cm=pivot_cm),
            colour=(red, green, blue),
            spawned=spawned,
        )

    def __contains__(self, name: str) -> bool:
        """Whether there is an object of that name."""
        return name in self._objects

    def __iter__(self) -> Iterator[str]:
        """The names, in the scene's order."""
        return iter(self._objects)

    def __getitem__(self, name: str) -> SceneObject:
        """The object of that name; UnrealCV's error text if there is none."""
        try:
            return self._objects[name]
        except KeyError:
            raise CommandError("Cannot find object") from None

    def add_spawned(self, scene: Scene) -> None:
        """Take in the object that was built into `scene` last, about the origin."""
        self._built = scene.geometry
        self._built_colours = object_colours(len(scene.objects))
        self._add(scene.objects[-1], len(scene.objects), (0.0, 0.0, 0.0), spawned=True)

    def place(self, name: str, **changes: Vector) -> None:
        """Change an object's `location_cm`, `rotation_deg` or `scale`."""
        found = self[name]
        for value in changes.get("scale", ()):
            if not MIN_SCALE <= abs(value) <= MAX_SCALE:
                raise CommandError("Argument Invalid")
        placement = dataclasses.replace(found.placement, **changes)
        self._objects[name] = dataclasses.replace(found, placement=placement)

    def show(self, name: str, shown: bool) -> None:
        """Draw an object or not."""
        self._objects[name] = dataclasses.replace(self[name], shown=shown)

    def destroy(self, name: str) -> None:
        """Take an object out of the scene for good."""
        self._removed.add(self[name].object_id)
        del self._objects[name]

    def rename(self, name: str, new_name: str) -> None:
        """Give an object a name that no other has."""
        self[name]
        self._objects = {
            new_name if old == name else old: found for old, found in self._objects.items()
        }

    def recolour(self, name: str, colour: tuple[int, int, int]) -> None:
        """Change an object's colour in masks."""
        if max(colour) > COLOUR_MAX:
            raise CommandError("Argument Invalid")
        self._objects[name] = dataclasses.replace(self[name], colour=colour)

    def geometry(self) -> Geometry:
        """The scene's triangles as the objects are now."""
        every = self._objects.values()
        moved = {found.object_id: found.placement for found in every if found.placement.moves}
        unseen = {found.object_id for found in every if not found.shown}
        geometry = self._built
        if self._removed:
            geometry = removed(geometry, self._removed)
        if moved:
            geometry = with_placements(geometry, moved)
        return hidden(geometry, unseen) if unseen else geometry

    def names_by_id(self, count: int) -> tuple[str, ...]:
        """Today's name of each of the scene's `count` objects; "" of a destroyed one."""
        names = [""] * count
        for name, found in self._objects.items():
            names[found.object_id - 1] = name
        return tuple(names)

    def painted(self, mask: np.ndarray) -> np.ndarray:
        """A mask (H,W,3) uint8 as drawn, in the colours that objects were given since."""
        painted = mask
        for found in self._objects.values():
            built = self._built_colours[found.object_id - 1]
            if tuple(built.tolist()) != found.colour:
                painted = painted.copy() if painted is mask else painted
                painted[(mask == built).all(axis=-1)] = found.colour
        return painted


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
