"""Processes that draw one scene for `benchmarks.engine`: our engine, and panda3d.

A lane loads a pickled scene, says when it is ready, and answers one request a line.
"""

import importlib
import importlib.util
import json
import os
import pickle
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SIZE = (1280, 720)
FOV_DEG = 90.0
CHUNK_TRIANGLES = 1500  # of a node that panda3d culls
PAN_DEG, PAN_FRAMES = 0.04, 8
SETTINGS = """
window-type offscreen
audio-library-name null
print-pipe-types false
notify-level-device fatal
notify-level-x11display fatal
sync-video false
"""
BRIGHTEST = 4.0  # light that panda3d's vertex colours hold


class Lane:
    """One process, on some cores."""

    def __init__(self, kind: str, scene: Path, cores: list[int]) -> None:
        """Start it and wait until it has loaded `scene`."""
        # One thread rasterises; on one core it is the one that asks.
        threads = {"LP_NUM_THREADS": "0"} if len(cores) == 1 else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engine_lanes", kind, str(scene),
             ",".join(map(str, cores))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | threads,
        )  # fmt: skip
        self._answer()

    @staticmethod
    def available(kind: str) -> bool:
        """Whether what it needs is installed."""
        return kind == "engine" or importlib.util.find_spec("panda3d") is not None

    def ask(self, what: str, views: list) -> Any:
        """Have it `draw` (seconds), or measure `readback`, `memory` (MB) or `shimmer`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, views]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer "))
        raise RuntimeError("the lane has ended: see what it printed above")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Engine:
    """Our renderer."""

    def __init__(self, scene: Any) -> None:
        from capture.engine.renderer import Renderer

        self._renderer = Renderer(scene)

    def draw(self, view: Any) -> np.ndarray:
        """The lit picture (H,W,4) BGRA of a view."""
        return self._renderer.render(view[0], view[1], FOV_DEG, SIZE, ["lit_bgra"])["lit_bgra"]

    def readback(self, views: list) -> float:
        """The share of a frame's time that its way to memory takes."""
        from capture.engine.targets import Targets

        spent, read = [], Targets.read

        def timed(targets: Targets) -> dict[str, np.ndarray]:
            self._renderer._context.finish()
            started = time.perf_counter()
            images = read(targets)
            spent.append(time.perf_counter() - started)
            return images

        Targets.read = timed  # pyright: ignore[reportAttributeAccessIssue]
        started = time.perf_counter()
        for view in views:
            self.draw(view)
        total = time.perf_counter() - started
        Targets.read = read
        return sum(spent) / total

    def memory(self, _: list) -> float:
        """The most memory of this process so far, MB."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def shimmer(self, views: list) -> dict[str, float]:
        """Mean change of surface points between the frames of slow pans, in 8-bit levels."""
        found = {}
        for name, samples in (("drawn", 1), ("nine samples", 3)):
            pans = [self._pan(view, samples) for view in views]
            found[name] = round(float(np.mean(pans)), 3)
        return found

    def _pan(self, view: Any, samples: int) -> float:
        import cv2

        location, (pitch, yaw, roll) = view
        size, changes, before, turned = (SIZE[0] * samples, SIZE[1] * samples), [], None, None
        columns, rows = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in SIZE))
        for frame in range(PAN_FRAMES):
            rotation = [pitch, yaw + frame * PAN_DEG, roll]
            image = self._renderer.render(location, rotation, FOV_DEG, size, ["lit_bgra"])
            shown = cv2.resize(image["lit_bgra"], SIZE, interpolation=cv2.INTER_AREA)[..., :3]
            flow = self._renderer.render(
                location, rotation, FOV_DEG, SIZE, ["flow_f32"], (location, turned or rotation)
            )["flow_f32"]
            if before is not None:
                warped = cv2.remap(
                    before, columns - flow[..., 0], rows - flow[..., 1], cv2.INTER_CUBIC
                )
                inner = slice(8, -8)
                changes.append(cv2.absdiff(warped, shown)[inner, inner].mean())
            before, turned = shown, rotation
        return float(np.mean(changes))


class Panda:
    """panda3d: a textured mesh with light at its vertices."""

    SHADE = """#version 150
    uniform sampler2D p3d_Texture0; in vec2 uv; in vec4 light; out vec4 colour;
    vec3 tonemap(vec3 c) {
        return clamp(c * (3.611 * c + 0.6) / (c * (3.506 * c + 0.758) + 1.0), 0.0, 1.0);
    }
    void main() {
        vec4 texel = texture(p3d_Texture0, uv);
        if (texel.a < 0.5) discard;
        colour = vec4(sqrt(tonemap(texel.rgb * texel.rgb * light.rgb * BRIGHTEST)), 1.0);
    }""".replace("BRIGHTEST", str(BRIGHTEST))
    PLACE = """#version 150
    uniform mat4 p3d_ModelViewProjectionMatrix; in vec4 p3d_Vertex; in vec2 p3d_MultiTexCoord0;
    in vec4 p3d_Color; out vec2 uv; out vec4 light;
    void main() {
        gl_Position = p3d_ModelViewProjectionMatrix * p3d_Vertex;
        uv = p3d_MultiTexCoord0; light = p3d_Color;
    }"""

    def __init__(self, scene: Any, display: str) -> None:
        core: Any = importlib.import_module("panda3d.core")

        core.loadPrcFileData("", f"load-display {display}\n{SETTINGS}")
        showbase: Any = importlib.import_module("direct.showbase.ShowBase")
        self._core: Any = core
        base: Any = showbase.ShowBase(windowType="offscreen")
        properties = core.FrameBufferProperties()
        properties.setRgbaBits(8, 8, 8, 8)
        properties.setDepthBits(24)
        self._buffer = base.graphicsEngine.makeOutput(
            base.pipe, "frame", 0, properties, core.WindowProperties.size(*SIZE),
            core.GraphicsPipe.BFRefuseWindow, base.win.getGsg(), base.win,
        )  # fmt: skip
        self._picture = core.Texture()
        self._buffer.addRenderTexture(self._picture, core.GraphicsOutput.RTMCopyRam)
        base.win.setActive(False)
        self._root = core.NodePath("scene")
        lens = core.PerspectiveLens()
        lens.setFov(FOV_DEG)
        lens.setAspectRatio(SIZE[0] / SIZE[1])
        lens.setNearFar(3.0, 200_000.0)
        self._camera = self._root.attachNewNode(core.Camera("camera", lens))
        self._buffer.makeDisplayRegion().setCamera(self._camera)
        self._buffer.setClearColor((0.6, 0.7, 0.85, 1))
        if display == "p3headlessgl":
            shader = core.Shader.make(core.Shader.SL_GLSL, self.PLACE, self.SHADE)
            self._root.setShader(shader)
        self._root.setTwoSided(True)
        self._engine = base.graphicsEngine
        self._fill(scene, plain=display != "p3headlessgl")

    def _fill(self, scene: Any, *, plain: bool) -> None:
        from capture.engine.visibility import split_into_clusters

        geometry = scene.geometry
        faces = np.flatnonzero(geometry.drawn)
        layer = geometry.layer[geometry.triangles[faces, 0]]
        colours = self._light(scene, plain)
        textures = {number: self._texture(scene.textures[number]) for number in np.unique(layer)}
        for number in textures:
            mine = geometry.triangles[faces[layer == number]]
            order, clusters = split_into_clusters(
                geometry.position_cm[mine], np.zeros(len(mine), int)
            )
            step = max(1, CHUNK_TRIANGLES // 128)
            for first in range(0, len(clusters.first), step):
                start = clusters.first[first]
                last = min(first + step, len(clusters.first)) - 1
                chosen = mine[order[start : clusters.first[last] + clusters.count[last]]]
                self._node(geometry, chosen, colours).setTexture(textures[number])

    def _light(self, scene: Any, plain: bool) -> np.ndarray:
        """Vertex colours (V,4) uint8: light over `BRIGHTEST`, or what the screen shows of it."""
        geometry = scene.geometry
        light = geometry.irradiance + geometry.emission[:, None]
        if scene.sun is not None:
            facing = np.maximum(geometry.normal @ np.asarray(scene.sun.direction), 0)
            light = light + facing[:, None] * np.asarray(scene.sun.colour)
        light = light * 2.0**scene.exposure_ev
        light = np.sqrt(np.clip(light, 0, 1)) if plain else np.clip(light / BRIGHTEST, 0, 1)
        return np.column_stack([light * 255, np.full(len(light), 255)]).astype(np.uint8)

    def _texture(self, pixels: np.ndarray) -> Any:
        core = self._core
        texture = core.Texture()
        height, width = pixels.shape[:2]
        texture.setup2dTexture(width, height, core.Texture.TUnsignedByte, core.Texture.FRgba)
        texture.setRamImageAs(np.ascontiguousarray(pixels).tobytes(), "RGBA")
        texture.setMinfilter(core.SamplerState.FT_linear_mipmap_linear)
        return texture

    def _node(self, geometry: Any, triangles: np.ndarray, colours: np.ndarray) -> Any:
        core = self._core
        vertices, indices = np.unique(triangles, return_inverse=True)
        kind = core.GeomVertexFormat.getV3c4t2()
        data = core.GeomVertexData("v", kind, core.Geom.UHStatic)
        data.uncleanSetNumRows(len(vertices))
        rows = np.zeros(len(vertices), [("p", "f4", 3), ("c", "u1", 4), ("t", "f4", 2)])
        rows["p"] = geometry.position_cm[vertices] * [1, -1, 1]  # panda3d is right-handed
        rows["c"], rows["t"] = colours[vertices], geometry.uv[vertices]
        view = memoryview(data.modifyArray(0)).cast("B").cast("B")
        view[:] = rows.tobytes()
        primitives = core.GeomTriangles(core.Geom.UHStatic)
        primitives.setIndexType(core.Geom.NTUint32)
        array = primitives.modifyVertices()
        array.uncleanSetNumRows(indices.size)
        memoryview(array).cast("B").cast("B")[:] = indices.astype(np.uint32).tobytes()
        geom = core.Geom(data)
        geom.addPrimitive(primitives)
        node = core.GeomNode("n")
        node.addGeom(geom)
        return self._root.attachNewNode(node)

    def draw(self, view: Any) -> np.ndarray:
        """The picture (H,W,4) BGRA of a view, bottom row first."""
        from capture.engine.visibility import camera_axes

        location, rotation = (np.asarray(values, float) for values in view)
        forward, _, up = camera_axes(rotation) * [1, -1, 1]
        self._camera.setPos(*(location * [1, -1, 1]))
        target = location * [1, -1, 1] + forward
        self._camera.lookAt(self._core.Point3(*target), self._core.Vec3(*up))
        self._engine.renderFrame()
        return np.frombuffer(self._picture.getRamImage(), np.uint8).reshape(*SIZE[::-1], 4).copy()


def main(kind: str, scene: str, cores: str) -> None:
    """Load, then answer."""
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    loaded = pickle.loads(Path(scene).read_bytes())
    display = {"panda3d": "p3headlessgl", "tinydisplay": "p3tinydisplay"}
    lane = Engine(loaded) if kind == "engine" else Panda(loaded, display[kind])
    print("answer null", flush=True)
    for line in sys.stdin:
        what, views = json.loads(line)
        if what == "draw":
            started = time.perf_counter()
            for view in views:
                lane.draw(view)
            answer: Any = time.perf_counter() - started
        else:
            answer = getattr(lane, what)(views)
        print(f"answer {json.dumps(answer)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
