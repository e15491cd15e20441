"""A scene with what is derived from it: renderer, collision queries, bounds.

Each is built when it is first needed, and again when objects have changed since. So a hundred
changed objects cost no more than one.
"""

import dataclasses

import numpy as np

from capture.engine.collision import Collision
from capture.engine.grammar import CommandError
from capture.engine.objects import Objects
from capture.engine.renderer import Renderer
from capture.engine.scene import Geometry, Scene
from capture.engine.scene_edits import object_bounds_cm, with_cube, with_grey_texture

MAX_SPAWNED = 1000


class World:
    """The scene being served and its objects. Call `objects_changed` after changing these."""

    def __init__(self, scene: Scene) -> None:
        """Upload `scene` to a renderer; `OpenRelicError` where there is no OpenGL."""
        self.built = scene
        self.scene = scene  # with what was spawned
        self.objects = Objects(scene)
        self._renderer = self._make_renderer()
        self._drawn = scene.geometry
        self._cube_layer: int | None = None
        self._spawned = 0
        self.objects_changed()
        self._geometry: Geometry | None = scene.geometry

    def _make_renderer(self) -> Renderer:
        # Mask colours are the renderer's; it must know of objects that may be spawned later.
        spare = ("",) * MAX_SPAWNED
        return Renderer(dataclasses.replace(self.scene, objects=self.scene.objects + spare))

    def release(self) -> None:
        """Give the renderer's memory back; the world is of no use then."""
        self._renderer.release()

    def objects_changed(self) -> None:
        """Build what is derived from the objects again when it is next needed."""
        self._geometry = None
        self._collision: Collision | None = None
        self._bounds_cm: np.ndarray | None = None

    @property
    def geometry(self) -> Geometry:
        """The triangles with the objects as they are now."""
        if self._geometry is None:
            self._geometry = self.objects.geometry()
        return self._geometry

    @property
    def renderer(self) -> Renderer:
        """Draws the objects as they are now."""
        if self._drawn is not self.geometry:
            self._renderer.replace_geometry(self.geometry)
            self._drawn = self.geometry
        return self._renderer

    @property
    def collision(self) -> Collision:
        """Collision queries with the objects as they are now."""
        if self._collision is None:
            names = self.objects.names_by_id(len(self.scene.objects))
            scene = dataclasses.replace(self.scene, geometry=self.geometry, objects=names)
            self._collision = Collision(scene)
        return self._collision

    def bounds_cm(self, name: str) -> np.ndarray:
        """Lowest and highest corner (2,3) of an object as it is now."""
        found = self.objects[name]
        if self._bounds_cm is None:
            self._bounds_cm = object_bounds_cm(self.geometry, len(self.scene.objects))
        return self._bounds_cm[found.object_id - 1]

    def spawn_cube(self, name: str) -> None:
        """Add a cube of a metre at the origin, called `name`, which no other object is."""
        if self._spawned >= MAX_SPAWNED:
            raise CommandError(f"Failed to spawn actor: {MAX_SPAWNED} were spawned already")
        first = self._cube_layer is None
        if first:
            self.scene = with_grey_texture(self.scene)
            self._cube_layer = len(self.scene.textures) - 1
        self.scene = with_cube(self.scene, name, self._cube_layer or 0)
        self._spawned += 1
        self.objects.add_spawned(self.scene)
        self.objects_changed()
        if first:
            self._renderer.release()
            self._renderer = self._make_renderer()
            self._drawn = self.scene.geometry
