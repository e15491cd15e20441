"""Draw docs/scenes.jpg, all generated scenes, and docs/similar_scenes.jpg, the pairs most alike.

Run as `python scripts/contact_sheet.py`. Views are kept in folders (of `--views`) under a digest of
the code that makes scenes of their kind, so a run that was stopped goes on where it was, and a new
sort of forest renders forests only; about 6 s of one core a scene. How alike two scenes are is
measured on several views of each with histograms of gradient
directions in a grid (shapes, as HOG and GIST do) and of Lab colours: for each view the distance to
the other scene's nearest one, averaged both ways. 0 is the same, 1 has nothing in common.
"""

import ast
import ctypes
import hashlib
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
VIEW = (320, 180)
VIEWS = 4  # a scene, side by side in its file
FOV_DEG, PITCH_DEG = 90.0, -4.0
THUMB = (160, 90)
CAPTION = 14
PAIRS = 10
SCENES_A_WORKER = 20
# Modules of the engine that decide, with the generators, what is seen.
DRAWING = ("scene", "mesh", "renderer", "shaders", "screen_shaders", "sky", "smoothing",
           "sunlight", "reflections", "programs")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Draw all generated scenes and the pairs most alike."""

    views: Path = ROOT / ".views"
    """Folder where rendered views are kept."""
    out: Path = ROOT / "docs"
    """Folder of the two pictures."""
    workers: int = os.cpu_count() or 1
    """Processes that render."""
    kinds: tuple[str, ...] = ()
    """Only these kinds of scene; all where empty."""


def code_digest(kind: str) -> str:
    """Digest of the code that decides what generated scenes of a kind look like."""
    from capture.engine.generate import ARCHETYPES

    engine = ROOT / "capture" / "engine"
    drawing = [engine / f"{name}.py" for name in DRAWING]
    total = hashlib.sha256()
    for path in sorted({*drawing, *_generating(ROOT / _file(ARCHETYPES[kind].__module__))}):
        total.update(path.relative_to(engine).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:12]


def _generating(path: Path) -> set[Path]:
    """The file and those files of the generators that it imports, directly or not."""
    found, waiting = {path}, [path]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and ".generate." in node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                more = {ROOT / _file(name) for name in names} - found
                more = {file for file in more if file.exists()}
                found |= more
                waiting += more
    return found


def _file(module: str) -> str:
    return module.replace(".", "/") + ".py"


def render_views(name: str, path: Path) -> None:
    """Write `VIEWS` views of a scene, evenly chosen among its spawns, side by side as a PNG."""
    from capture.engine.renderer import Renderer
    from capture.engine.scenes import load_scene

    scene = load_scene(name)
    renderer = Renderer(scene)
    chosen = np.linspace(0, len(scene.spawns) - 1, VIEWS).round().astype(int)
    images = [
        renderer.render(spawn[:3], (PITCH_DEG, spawn[3], 0.0), FOV_DEG,
                        (VIEW[0] * 2, VIEW[1] * 2), ["lit_bgra"])["lit_bgra"][..., :3]
        for spawn in scene.spawns[chosen]
    ]  # fmt: skip
    renderer.release()
    small = [cv2.resize(image, VIEW, interpolation=cv2.INTER_AREA) for image in images]
    partial = path.with_name(f"{path.stem}.partial.png")
    cv2.imwrite(str(partial), np.hstack(small))
    partial.replace(path)


def view_files(names: list[str], folder: Path) -> dict[str, Path]:
    """Where the views of each scene are kept."""
    digests = {kind: code_digest(kind) for kind in {_kind(name) for name in names}}
    return {
        name: folder / f"{_kind(name)}-{digests[_kind(name)]}" / f"{name.partition(':')[2]}.png"
        for name in names
    }


def render_all(files: dict[str, Path], workers: int) -> None:
    """Render what is missing."""
    missing = [name for name, path in files.items() if not path.exists()]
    for name in missing:
        files[name].parent.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("LP_NUM_THREADS", "0")  # a core a worker, also for the rasteriser
    with tqdm(total=len(missing), unit="scene") as bar:
        # New processes now and then give memory back. Pools that replace their workers themselves
        # start them from threads, whose end is a parent's end to the kernel.
        for first in range(0, len(missing), SCENES_A_WORKER * workers):
            chosen = missing[first : first + SCENES_A_WORKER * workers]
            _render_some({name: files[name] for name in chosen}, workers, bar)


def _render_some(files: dict[str, Path], workers: int, bar: tqdm) -> None:
    context, parent = get_context("spawn"), (os.getpid(),)
    with ProcessPoolExecutor(workers, context, end_with_parent, parent) as pool:
        tasks = [pool.submit(render_views, name, path) for name, path in files.items()]
        for task in as_completed(tasks):
            task.result()
            bar.update()


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which started it, has ended (Linux)."""
    killed_then = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(killed_then, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before that was set
        os._exit(1)


def read_views(path: Path) -> np.ndarray:
    """Views of a scene (VIEWS,H,W,3) BGR."""
    strip = np.asarray(cv2.imread(str(path)))
    return np.stack(np.split(strip, VIEWS, axis=1))


def describe(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shapes (unit vector) and colours (square roots of a Lab histogram) of a view (H,W,3)."""
    shapes = _orientations(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.float32))
    lab = cv2.cvtColor(view, cv2.COLOR_BGR2LAB)
    colours, _ = np.histogramdd(lab.reshape(-1, 3), (8, 12, 12), ((0, 256), (64, 192), (64, 192)))
    colours = cv2.GaussianBlur(colours.reshape(8, -1), (3, 3), 0).ravel()
    return shapes, np.sqrt(colours / colours.sum())


def _orientations(grey: np.ndarray) -> np.ndarray:
    """Histograms of gradient directions over 8 x 4 cells at two scales, each root of a share."""
    parts = []
    for scale in (1.0, 0.4):
        image = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        dx, dy = cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)
        strength, angle = cv2.cartToPolar(dx, dy)
        slot = np.floor(angle % np.pi / np.pi * 8).astype(int).clip(0, 7)
        energy = [cv2.resize(strength * (slot == k), (8, 4), interpolation=cv2.INTER_AREA)
                  for k in range(8)]  # fmt: skip
        cells = np.stack(energy, -1) ** 0.5
        parts.append(cells / np.linalg.norm(cells))
    return np.concatenate(parts, -1).ravel() / 2**0.5


def distances(scenes: list[np.ndarray]) -> np.ndarray:
    """How unlike the scenes are, (N,N) in 0..1, from their views."""
    described = [describe(view) for views in scenes for view in views]
    shapes, colours = (np.stack(part) for part in zip(*described, strict=True))
    apart = 0.5 * (1 - shapes @ shapes.T) + 0.5 * np.sqrt(np.clip(1 - colours @ colours.T, 0, 1))
    apart = apart.reshape(len(scenes), VIEWS, len(scenes), VIEWS)
    nearest = apart.min(3).mean(1)
    return (nearest + nearest.T) / 2


def most_alike(apart: np.ndarray, count: int) -> list[tuple[int, int, float]]:
    """The `count` nearest pairs, no scene in more than one of them."""
    first, second = np.triu_indices(len(apart), 1)
    pairs, used = [], set()
    for k in np.argsort(apart[first, second], kind="stable"):
        a, b = int(first[k]), int(second[k])
        if not used & {a, b}:
            pairs.append((a, b, float(apart[a, b])))
            used |= {a, b}
        if len(pairs) == count:
            break
    return pairs


def _captioned(image: np.ndarray, text: str) -> np.ndarray:
    strip = np.full((CAPTION, image.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (30, 30, 30), 1, cv2.LINE_AA)
    return np.vstack([image, strip])


def draw_sheet(names: list[str], scenes: list[np.ndarray]) -> np.ndarray:
    """A row a kind, a column a seed: the second view of each scene with its name."""
    rows: dict[str, list[np.ndarray]] = {}
    for name, views in zip(names, scenes, strict=True):
        thumb = cv2.resize(views[1], THUMB, interpolation=cv2.INTER_AREA)
        rows.setdefault(name.partition(":")[0], []).append(_captioned(thumb, name))
    width = max(map(len, rows.values()))
    blank = np.full((THUMB[1] + CAPTION, THUMB[0], 3), 255, np.uint8)
    lines = [np.hstack(row + [blank] * (width - len(row))) for _, row in sorted(rows.items())]
    return np.vstack(lines)


def draw_pairs(
    names: list[str], scenes: list[np.ndarray], pairs: list[tuple[int, int, float]]
) -> np.ndarray:
    """A row a pair: the views of both scenes, in two lines, and their distance."""
    lines = []
    for a, b, distance in pairs:
        for index, text in ((a, f"{names[a]}   distance {distance:.3f}"), (b, names[b])):
            lines.append(_captioned(np.hstack(list(scenes[index])), text))
        lines.append(np.full((12, lines[-1].shape[1], 3), 160, np.uint8))
    return np.vstack(lines[:-1])


def main(arguments: Arguments) -> None:
    """Render what is missing, then draw both pictures."""
    from capture.engine.scenes import generated_scenes

    names = [n for n in generated_scenes() if not arguments.kinds or _kind(n) in arguments.kinds]
    files = view_files(names, arguments.views)
    render_all(files, arguments.workers)
    scenes = [read_views(path) for path in files.values()]
    pairs = most_alike(distances(scenes), PAIRS)
    for file, image in (
        ("scenes.jpg", draw_sheet(names, scenes)),
        ("similar_scenes.jpg", draw_pairs(names, scenes, pairs)),
    ):
        cv2.imwrite(str(arguments.out / file), image, [cv2.IMWRITE_JPEG_QUALITY, 82])


def _kind(name: str) -> str:
    return name.partition(":")[0]


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Arguments))
