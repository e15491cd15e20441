"""Clips for `benchmarks.qa`: clean ones as the pipeline makes them, and damaged copies of them.

A set lives in two workspaces: `clean/`, captured by `capture.run` with the embedded engine, and
`judged/`, which holds copies of the clean clips and one damaged copy for every kind, strength and
source. A copy is named `<kind>--<strength>--<source>`; its record, digests and labels are made
anew, so that the damage is the only thing that is wrong with it.
"""

import contextlib
import dataclasses
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.qa_file_lanes import FILES, FileDamage
from benchmarks.qa_path_lanes import DENIED, RENDERED, PathDamage
from benchmarks.qa_picture_lanes import PICTURES, PictureDamage
from capture.tours.plan_file import StoredPlan, write_plan
from capture.tours.planning import PlanWish, make_plan
from capture.tours.pose_files import HEADER
from capture.tours.rows import read_plan
from capture.tours.scene_lists import embedded_scenes
from dataset.clip import (
    CAMERA,
    VIDEO,
    CameraTrack,
    Clip,
    FileRecord,
    commit_clip,
    read_clip,
    read_track,
    track_to_table,
)
from dataset.errors import OpenRelicError
from dataset.video import VideoWriter, read_frames
from dataset.workspace import CLIPS, Workspace, sha256_file
from labeling.actions import Thresholds, poses_to_actions
from labeling.camera import rotation_distance_rad, ue_to_camera, wrap_deg
from labeling.label_workspace import label_clip
from labeling.store import clip_poses, write_labels

SIZE = (320, 180)
FRAMES = 96  # of a clip: the shortest tour that there is
STRENGTHS = 3
NAMES_OF_STRENGTHS = ("weak", "middle", "strong")
# Makes the copy `name` of a clip in the judged workspace, damaged.
Maker = Callable[[Workspace, Clip, Workspace, str, int, np.random.Generator], None]


def plan_clean(folder: Path, seeds: set[str], tours: int, seed: int, arenas: slice) -> None:
    """Write a plan of short steered tours in the generated scenes of `seeds`, and in arenas."""
    scenes = embedded_scenes()
    generated = [one for one in scenes if one.scene.partition(":")[2] in seeds]
    levels = [one for one in scenes if one.scene.startswith("openarena:")][arenas]
    wish = PlanWish(
        minutes=len(generated + levels) * tours * 1.25, seed=seed, motion="both",
        rotation_frame="camera", clearance_cm=25.0, fov_deg=90.0,
    )  # fmt: skip
    rows = [dataclasses.replace(row, frames=FRAMES) for row in make_plan(generated + levels, wish)]
    write_plan(Workspace(folder), StoredPlan(rows=rows, wish=wish))


def capture(folder: Path, workers: int) -> None:
    """Capture what has been planned and is not there yet."""
    command = [
        sys.executable, "-m", "capture.run", str(folder), "--workers", str(workers),
        "--size", *map(str, SIZE),
    ]  # fmt: skip
    subprocess.run(command, check=True)


def plan_rendered(folder: Path, sources: list[Clip], clean: Workspace, each: int) -> None:
    """Write damaged paths as pose files, and plan them in the scenes that they are of."""
    poses = folder / "damaged"
    poses.mkdir(parents=True, exist_ok=True)
    entries = []
    for kind, damage in RENDERED.items():
        for strength in range(STRENGTHS):
            for clip in _sources(sources, kind, strength, each):
                random = _random(kind, strength, clip)
                track = damage.apply(read_track(clean, clip), random, strength)
                name = _name(kind, strength, clip)
                _write_poses(poses / f"{name}.csv", track)
                entries.append(f"- {{file: {name}.csv, scene: '{clip.scene}'}}\n")
    (poses / "list.yaml").write_text("".join(entries))
    command = [sys.executable, "-m", "capture.plan", str(folder), "--poses"]
    subprocess.run([*command, str(poses / "list.yaml"), "--replace"], check=True)


def _write_poses(path: Path, track: CameraTrack) -> None:
    """The path as a pose file, one frame longer, going on as it did: a tour lasts 6 s at least."""
    rows = np.concatenate([track.time_s[:, None], track.location_cm, track.rotation_deg], axis=1)
    step = rows[-1] - rows[-2]
    step[4:] = wrap_deg(step[4:])
    values = np.concatenate([rows, rows[-1:] + step])
    np.savetxt(path, values, fmt="%.6f", delimiter=",", header=HEADER, comments="")


def copy_rendered(rendered: Workspace, judged: Workspace) -> None:
    """Bring the rendered clips into the judged workspace, under the names of their damage."""
    folder = Path(rendered.location) / "damaged"
    names = re.findall(r"file: (.+?)\.csv", (folder / "list.yaml").read_text())
    for name, row in zip(names, read_plan(rendered), strict=True):
        clip = read_clip(rendered, row.tour_id)
        if clip is not None and not judged.exists(f"{CLIPS}/{name}/clip.json"):
            add_copy(rendered, clip, judged, name, lambda _: None)


def add_damaged(clean: Workspace, sources: list[Clip], judged: Workspace, each: int) -> None:
    """Make every damaged copy that needs no engine and is not there yet."""
    makers: dict[str, Maker] = {
        **{kind: _picture_maker(damage) for kind, damage in PICTURES.items()},
        **{kind: _path_maker(damage) for kind, damage in DENIED.items()},
        **{kind: _file_maker(damage) for kind, damage in FILES.items()},
        EDITED: _add_edited,
    }
    for kind, make in makers.items():
        for strength in range(STRENGTHS):
            fits = _fits(clean, kind, strength)
            for clip in _sources(sources, kind, strength, each, fits):
                name = _name(kind, strength, clip)
                if not judged.exists(f"{CLIPS}/{name}/clip.json"):
                    make(clean, clip, judged, name, strength, _random(kind, strength, clip))


def _picture_maker(damage: PictureDamage) -> Maker:
    def make(
        clean: Workspace, clip: Clip, judged: Workspace, name: str, strength: int,
        random: np.random.Generator,
    ) -> None:  # fmt: skip
        busy = busy_frame(clean, clip)
        add_copy(
            clean, clip, judged, name,
            lambda folder: _redraw(folder, damage.apply, busy, strength, random),
        )  # fmt: skip

    return make


def _path_maker(damage: PathDamage) -> Maker:
    def make(
        clean: Workspace, clip: Clip, judged: Workspace, name: str, strength: int,
        random: np.random.Generator,
    ) -> None:  # fmt: skip
        track = damage.apply(read_track(clean, clip), random, strength)
        add_copy(clean, clip, judged, name, lambda folder: _rewrite_track(folder, track))

    return make


def _file_maker(damage: FileDamage) -> Maker:
    def make(
        clean: Workspace, clip: Clip, judged: Workspace, name: str, strength: int,
        random: np.random.Generator,
    ) -> None:  # fmt: skip
        add_copy(
            clean, clip, judged, name,
            lambda folder: damage.apply(folder, strength, random), recorded=damage.recorded,
        )  # fmt: skip

    return make


def _fits(clean: Workspace, kind: str, strength: int) -> Callable[[Clip], bool]:
    """Whether the damage changes anything of a clip: exchanging left and right does not, where the
    camera goes straight on."""
    if kind not in DENIED:
        return lambda clip: True

    def changes(clip: Clip) -> bool:
        before = read_track(clean, clip)
        after = DENIED[kind].apply(before, _random(kind, strength, clip), strength)
        R_before, P_before = ue_to_camera(before.location_cm, before.rotation_deg)
        R_after, P_after = ue_to_camera(after.location_cm, after.rotation_deg)
        turned_deg = np.rad2deg(rotation_distance_rad(R_before, R_after)).max()
        return bool(turned_deg > 0.1 or np.abs(P_before - P_after).max() > 0.005)

    return changes


def add_copy(
    source: Workspace, clip: Clip, judged: Workspace, name: str, change: Callable[[Path], object],
    *, recorded: bool = True,
) -> Clip:  # fmt: skip
    """Commit a copy of a clip, changed, with labels of the poses that it then has. The record is
    made after the change, or, if not `recorded`, before: then the change is noticed by it."""
    scratch = Path(judged.location) / "scratch" / name
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    shutil.copytree(Path(source.location) / clip.folder / clip.attempt, scratch)
    if recorded:
        change(scratch)
    files = {
        path.name: FileRecord(bytes=path.stat().st_size, sha256=sha256_file(path))
        for path in sorted(scratch.iterdir())
    }
    copy = dataclasses.replace(clip, tour_id=name, files=files)
    commit_clip(judged, copy, scratch)
    with contextlib.suppress(OpenRelicError):  # a damaged track has no labels
        label_clip(judged, "default", copy, Thresholds())
    if not recorded:
        change(Path(judged.location) / copy.folder / copy.attempt)
    shutil.rmtree(scratch)
    return copy


def _redraw(
    folder: Path, apply: Callable[..., np.ndarray], busy: int, strength: int,
    random: np.random.Generator,
) -> None:  # fmt: skip
    frames = apply(np.stack(list(read_frames(folder / VIDEO))), busy, random, strength)
    with VideoWriter(
        folder / VIDEO, frames.shape[2], frames.shape[1], pixels="rgb24"
    ) as writer:  # fmt: skip
        for frame in frames:
            writer.write(np.ascontiguousarray(frame))


def _rewrite_track(folder: Path, track: CameraTrack) -> None:
    import pyarrow.parquet as pq

    pq.write_table(track_to_table(track), folder / CAMERA, compression="zstd")


def busy_frame(workspace: Workspace, clip: Clip) -> int:
    """The middle of the 16 frames in which the camera turns and moves most."""
    R, P = clip_poses(workspace, clip)
    turn = np.rad2deg(rotation_distance_rad(R[1:], R[:-1]))
    step = np.linalg.norm(np.diff(P, axis=0), axis=1)
    busy = np.convolve(turn + 20.0 * step, np.ones(16), mode="valid")
    return int(np.argmax(busy)) + 8


EDITED = "labels of another path"
EDITED_STRENGTHS = ("0.01 % longer steps", "0.1 %", "1 %")
EDITED_CHECKS = ("label_pose_error",)


def _add_edited(
    clean: Workspace, clip: Clip, judged: Workspace, name: str, strength: int,
    random: np.random.Generator,
) -> None:  # fmt: skip
    """Labels of a path that is a little longer, beside the true poses and pictures."""
    copy = add_copy(clean, clip, judged, name, lambda _: None)
    R, P = clip_poses(judged, copy)
    factor = 1.0 + (1e-4, 1e-3, 1e-2)[strength]
    actions = poses_to_actions(R, P[0] + (P - P[0]) * factor, unit_m=1.0)
    write_labels(judged, "default", copy, actions)


def copy_clean(clean: Workspace, clips: list[Clip], judged: Workspace) -> None:
    """Bring the clean clips into the judged workspace."""
    for clip in clips:
        if not judged.exists(f"{CLIPS}/{clip.tour_id}/clip.json"):
            add_copy(clean, clip, judged, clip.tour_id, lambda _: None)


def kinds() -> dict[str, tuple[tuple[str, str, str], tuple[str, ...]]]:
    """Every kind of damage: what its strengths are, and the checks that may find it."""
    found = {
        kind: (damage.strengths, damage.checks)
        for table in (PICTURES, RENDERED, DENIED, FILES)
        for kind, damage in table.items()
    }
    return {**found, EDITED: (EDITED_STRENGTHS, EDITED_CHECKS)}


def slug(kind: str) -> str:
    """A kind as part of a tour's id."""
    return "".join(letter if letter.isalnum() else "-" for letter in kind)


def _name(kind: str, strength: int, clip: Clip) -> str:
    return f"{slug(kind)}--{NAMES_OF_STRENGTHS[strength]}--{clip.tour_id}"


def _random(kind: str, strength: int, clip: Clip) -> np.random.Generator:
    digest = hashlib.sha256(_name(kind, strength, clip).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


def _sources(
    clips: list[Clip], kind: str, strength: int, each: int,
    fits: Callable[[Clip], bool] = lambda clip: True,
) -> list[Clip]:  # fmt: skip
    """Other sources for every kind and strength, spread over the scenes, always the same ones."""
    ranked = sorted(
        clips, key=lambda clip: hashlib.sha256(_name(kind, strength, clip).encode()).digest()
    )
    taken: list[Clip] = []
    for clip in ranked:
        if clip.scene not in {one.scene for one in taken} and fits(clip):
            taken.append(clip)
        if len(taken) == each:
            break
    return taken
