"""A room of six by four metres with two crates, and an engine that shows it, in this process."""

from pathlib import Path

import numpy as np

from capture.engine.drawing import Drawing
from capture.engine.game import Game
from capture.engine.options import Ini, Options
from capture.engine.request_queue import Request
from capture.engine.scene import Geometry, Scene, Sky
from capture.engine.state import EngineState

ROOM = np.array([[0.0, 0.0, 0.0], [600.0, 400.0, 300.0]])
CRATES = {"crate_1": [[400, 50, 0], [500, 150, 100]], "crate_2": [[400, 250, 0], [460, 310, 200]]}
SIZE = (32, 18)


def box_geometry(low: np.ndarray, high: np.ndarray, object_id: int, layer: int) -> Geometry:
    """A box's six sides, seen from outside or inside."""
    points, normals, uv, triangles = [], [], [], []
    for axis in range(3):
        for side in (0, 1):
            first, second = (axis + 1) % 3, (axis + 2) % 3
            for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)):
                corner = np.array([low, high])[side].astype(float)
                corner[first], corner[second] = [low, high][u][first], [low, high][v][second]
                points.append(corner)
                normals.append(np.eye(3)[axis] * (1 if side else -1))
                uv.append((u, v))
            at = len(points) - 4
            triangles += [[at, at + 1, at + 2], [at, at + 2, at + 3]]
    count, faces = len(points), len(triangles)
    return Geometry(
        position_cm=np.array(points, np.float32),
        normal=np.array(normals, np.float32),
        uv=np.array(uv, np.float32),
        layer=np.full(count, layer, np.int32),
        irradiance=np.full((count, 3), 0.6, np.float32),
        emission=np.zeros(count, np.float32),
        lightmap_uvl=np.tile(np.array([0, 0, -1], np.float32), (count, 1)),
        triangles=np.array(triangles, np.int32),
        object_id=np.full(faces, object_id, np.int32),
        drawn=np.ones(faces, bool),
        collides=np.ones(faces, bool),
    )


def joined(parts: list[Geometry]) -> Geometry:
    """Several geometries as one."""
    starts = np.cumsum([0, *(len(part.position_cm) for part in parts)])
    fields = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in Geometry.__dataclass_fields__
        if name != "triangles" and getattr(parts[0], name) is not None
    }
    triangles = [part.triangles + start for part, start in zip(parts, starts, strict=False)]
    return Geometry(triangles=np.concatenate(triangles).astype(np.int32), **fields)


def tiny_scene() -> Scene:
    """The room: objects `room`, `crate_1` and `crate_2`, each in a texture of its own."""
    random = np.random.default_rng(5)
    textures = random.integers(60, 255, (3, 8, 8, 4), np.uint8)
    textures[..., 3] = 255
    parts = [box_geometry(ROOM[0], ROOM[1], 1, 0)]
    for number, (low, high) in enumerate(CRATES.values(), 1):
        parts.append(box_geometry(np.array(low), np.array(high), number + 1, number))
    return Scene(
        name="tiny",
        asset="tiny",
        licence="Apache-2.0",
        caption="A room with two crates.",
        indoor=True,
        geometry=joined(parts),
        textures=textures,
        lightmaps=None,
        objects=("room", *CRATES),
        sun=None,
        sky=Sky(painted=np.zeros((6, 4, 4, 3), np.uint8)),
        spawns=np.array([[100.0, 200.0, 150.0, 0.0]]),
        roam_cm=ROOM,
    )


class TinyEngine:
    """The engine without a socket: `ask` is one request in a tick of its own."""

    def __init__(self, folder: Path, drawing: Drawing | None = None, **options: object) -> None:
        """Show the tiny scene; files that clients name are in `folder`."""
        ini = Ini(path=folder / "unrealcv.ini", width=SIZE[0], height=SIZE[1])
        settings = Options(map="tiny", ini=ini, saved=folder, **options)  # type: ignore[arg-type]
        self.state = EngineState(settings, tiny_scene(), drawing)
        self.game = Game(self.state)
        self._requests = 0

    def ask(self, command: str) -> bytes:
        """The reply's body."""
        self.game.tick()
        return self.in_same_tick(command)

    def in_same_tick(self, command: str) -> bytes:
        """The reply to a command in the tick of the last one, as in a batch."""
        self._requests += 1
        return self.game.answer(Request(identifier=self._requests, command=command))

    def text(self, command: str) -> str:
        """The reply as text."""
        return self.ask(command).decode()

    def lit(self, camera: int = 0) -> np.ndarray:
        """The lit picture (H,W,4) uint8 BGRA."""
        bmp = self.ask(f"vget /camera/{camera}/lit bmp")
        width, height = self.state.cameras[camera].size
        return np.frombuffer(bmp[54:], np.uint8).reshape(height, width, 4)

    def close(self) -> None:
        """Give the renderer's memory back."""
        self.state.world.release()
