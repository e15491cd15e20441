"""Known videos of the exam's tours, filmed by the engine in held-out scenes and kept.

    <folder>/<scene>-<place>/<tour>-<width>x<height>.npz

Public: `Films`, `place_name`.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dataset.errors import OpenRelicError
from labeling.actions import ROTATIONS, UNIT_DEG
from training.evaluate.films import cached_truth, depth_in_metres, is_film, read_truth
from training.evaluate.rendering import SceneRenderer, Start, View
from training.exam.tours import TOURS, Tour, make_tour
from training.exam.videos import KnownVideo

log = logging.getLogger(__name__)

MEASURED = ("walk", "loop-10s")
"""Filmed at every place, asked for or not."""
UNIT_M = 0.04
"""A usual step where no workspace says: planned tours walk 0.8 to 1.8 m/s, walls permitting."""


@dataclass(frozen=True, kw_only=True)
class Films:
    """Where and how tours are filmed: `tours` at each of `places` places of each scene."""

    folder: Path
    view: View
    scenes: tuple[str, ...]
    places: int
    tours: tuple[str, ...]
    engine: str = "embedded"
    unit_m: float = UNIT_M
    """metres of a usual step"""

    def complete(self) -> None:
        """Film what is missing; a scene whose films are all there needs no engine."""
        if self.places * len(self.scenes) < 2:
            raise OpenRelicError(
                "one place in one scene: at least two places are needed, as one's way out is "
                "another's random memory; give more --scenes or --places"
            )
        for scene in self.scenes:
            missing = [
                (place, tour)
                for place in range(self.places)
                for tour in self._tours()
                if not is_film(self.path_of(scene, place, tour), self.made_of(scene, place, tour))
            ]
            if missing:
                self._film(scene, missing)

    def of_tour(self, name: str, unit_deg: float = UNIT_DEG) -> list[KnownVideo]:
        """One tour's films at all places, a scene's side by side, for rows over `unit_deg`."""
        tour = make_tour(name, self.view.cropped_fov_deg)
        return [
            self._known(scene, place, tour, unit_deg)
            for scene in self.scenes
            for place in range(self.places)
        ]

    def measured(self) -> Iterator[KnownVideo]:
        """The films that measures are taken from, one after another.

        They are the same whatever tours are asked for, so that more tours leave what is known as it
        is; and they walk, without which depth in a motion's flow cannot be told.
        """
        for name in MEASURED:
            yield from self.of_tour(name)

    def with_depth(self) -> bool:
        """Whether depth was filmed, which makes the test of visibility exact."""
        return next(self.measured()).depth_m is not None

    def _tours(self) -> list[Tour]:
        wanted = dict.fromkeys((*self.tours, *MEASURED))
        return [make_tour(name, self.view.cropped_fov_deg) for name in wanted]

    def _film(self, scene: str, missing: Sequence[tuple[int, Tour]]) -> None:
        log.info("filming the exam's tours in %s", scene)
        frames = sum(len(tour.rows) for _, tour in missing)
        with (
            SceneRenderer.open(scene, self.view, engine=self.engine) as renderer,
            tqdm(total=frames, desc=scene, unit="frame") as progress,
        ):
            starts = self._starts(renderer, 1 + max(place for place, _ in missing))
            for place, tour in missing:
                cached_truth(
                    self.path_of(scene, place, tour),
                    self.made_of(scene, place, tour),
                    lambda tour=tour, start=starts[place]: renderer.film(tour.rows, start),
                )
                progress.update(len(tour.rows))

    def _starts(self, renderer: SceneRenderer, count: int) -> list[Start]:
        """Places from which all tours are clear; the same ones whenever they are asked for."""
        # Whatever tours are wanted now: a place holds for all that may be wanted later.
        paths = [make_tour(name, self.view.cropped_fov_deg).rows for name in TOURS]
        starts: list[Start] = []
        for place in range(count):
            start = renderer.choose_start(paths, unit_m=self.unit_m, seed=place, apart_from=starts)
            if not start.clear:
                log.warning(
                    "%s, place %d: some tours come too near to walls", renderer.scene, place
                )
            starts.append(start)
        return starts

    def path_of(self, scene: str, place: int, tour: Tour) -> Path:
        """The file of a film."""
        size = f"{self.view.width}x{self.view.height}"
        return self.folder / place_name(scene, place) / f"{tour.name}-{size}.npz"

    def made_of(self, scene: str, place: int, tour: Tour) -> dict[str, Any]:
        """What a film depends on: one of other things is filmed again."""
        view = self.view
        return {
            "scene": scene, "place": place, "unit_m": self.unit_m, "engine": self.engine,
            "tour": hashlib.sha256(tour.rows.tobytes()).hexdigest(),
            "view": [view.width, view.height, view.fov_deg],
        }  # fmt: skip

    def _known(self, scene: str, place: int, tour: Tour, unit_deg: float) -> KnownVideo:
        truth = read_truth(self.path_of(scene, place, tour), self.made_of(scene, place, tour))
        if truth is None:
            raise OpenRelicError(f"{self.path_of(scene, place, tour)} is gone; start again")
        rows = tour.rows.copy()
        rows[:, ROTATIONS] *= UNIT_DEG / unit_deg
        return KnownVideo(
            frames=truth.frames,
            camera_from_world=truth.camera_from_world,
            actions=rows.astype(np.float32),
            intrinsics=truth.intrinsics,
            unit_m=truth.unit_m,
            pivot=tour.pivot,
            mirror=tour.mirror,
            depth_m=None if truth.depth_cm is None else depth_in_metres(truth.depth_cm),
            name=f"{place_name(scene, place)}-{tour.name}",
            kind=tour.name,
            place=place_name(scene, place),
            scene=scene,
            caption=truth.caption,
        )


def place_name(scene: str, place: int) -> str:
    """As files and tables call it."""
    return "".join(one if one.isalnum() else "-" for one in scene) + f"-{place}"
