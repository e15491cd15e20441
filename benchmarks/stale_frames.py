"""How surely stale pixels are found where the pose does not come in the image's own reply.

    python -m benchmarks.stale_frames

Tours are drawn once by the embedded engine as plain UnrealCV (one tick a frame). Then the frames
are played again from memory to `capture.recording.proof.StaleWatch`, the code that guards a
recording, with pixels of other ticks put in their place, and with noise on every image, as temporal
filters leave it on a still camera. A few minutes of one core.

- single: one frame of a tour shows the tick before, or one five ticks before; all others are right;
- late: every image is one or two ticks late, always, those of the audits too; by light only, or by
  light and depth.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.results import write_results
from capture.recording.agreement import levels_apart, sketch
from capture.recording.frames import DEPTH, LIT
from capture.recording.path import compute_path, rounded_pose
from capture.recording.proof import StaleWatch, moving_frames
from capture.recording.station import make_station
from capture.sessions.client import EngineLostError, Frame
from capture.sessions.launcher import start_engine
from capture.tours.planning import WANTED_SHARES
from capture.tours.rows import PlanRow
from dataset.clip import PoseProof
from labeling.actions import ACTIONS
from labeling.camera import camera_to_ue

SCENES = ("home:0", "home:2", "street:1")
TOURS, FRAMES, SIZE = 2, 240, (160, 90)  # of each scene; an image is as large as its sketch
NOISE = (0.0, 1.0, 2.0)  # standard deviation in levels
SINGLES, SEEDS = 20, 5  # stale frames tried a tour; lots drawn for late and clean tours
OLDER = 5  # ticks of the other kind of single stale frame
FIELDS = 16  # of noise, used in turn


@dataclass(frozen=True, kw_only=True)
class Tour:
    """A tour and what each of its frames truly shows."""

    location_cm: np.ndarray
    rotation_deg: np.ndarray
    lit: np.ndarray  # (N,H,W,4)
    depth: np.ndarray  # (N,H,W)


def drawn_tours() -> Iterator[Tour]:
    """Tours in several scenes, drawn by the engine."""
    for scene in SCENES:
        with tempfile.TemporaryDirectory() as folder:
            engine = start_engine(
                "embedded", scene, Path(folder), size=SIZE, arguments=("-notour",)
            )
            try:
                station = make_station(engine.client, scene, 90.0, size=SIZE)
                for seed in range(TOURS):
                    path = compute_path(station, _row(scene, seed))
                    poses = rounded_pose(*camera_to_ue(path.R, path.position_m))
                    frames = station.source.stream(*poses, lambda _: (LIT, DEPTH))
                    images = [(f.passes[LIT].copy(), f.passes[DEPTH].copy()) for f in frames]
                    yield Tour(
                        location_cm=poses[0], rotation_deg=poses[1],
                        lit=np.stack([lit for lit, _ in images]),
                        depth=np.stack([depth for _, depth in images]),
                    )  # fmt: skip
            finally:
                engine.close()


def _row(scene: str, seed: int) -> PlanRow:
    return PlanRow(
        game="", scene=scene, asset=scene, licence="", seed=seed, frames=FRAMES, kind="mixed",
        motion="fly", rotation_frame="camera", mix=tuple(WANTED_SHARES[a] for a in ACTIONS),
        translation_m_s=1.3, rotation_deg_s=32.0, clearance_cm=25.0, fov_deg=90.0,
    )  # fmt: skip


Shown = Callable[[int], int]  # which of the images drawn so far an image request brings


class Played:
    """A `FrameSource` that plays a tour's images, some of them of other ticks than they claim."""

    pose_proof: PoseProof = "sampled"

    def __init__(self, tour: Tour, noise: np.ndarray, late: dict[str, int]) -> None:
        """`noise` (K,H,W,3) is added in turn; the passes in `late` come that many ticks late."""
        self._tour, self._noise, self._late = tour, noise, late
        self._number = {
            pose.tobytes(): number
            for number, pose in enumerate(np.hstack([tour.location_cm, tour.rotation_deg]))
        }
        self._ticks: list[int] = []
        self.single, self.single_late = -1, 1  # a tick that shows one so many ticks before

    def stream(
        self, location_cm: np.ndarray, rotation_deg: np.ndarray,
        passes: Callable[[int], tuple[str, ...]],
    ) -> Iterator[Frame]:  # fmt: skip
        """See `FrameSource`."""
        for number, pose in enumerate(np.hstack([location_cm, rotation_deg])):
            tick = len(self._ticks)
            self._ticks.append(self._number[pose.tobytes()])
            yield Frame(
                number=tick, location_cm=pose[:3], rotation_deg=pose[3:], fov_deg=90.0,
                passes={name: self._image(name, tick) for name in passes(number)},
            )  # fmt: skip

    def _image(self, name: str, tick: int) -> np.ndarray:
        late = self.single_late if tick == self.single else self._late.get(name, 0)
        truth = self._ticks[max(0, tick - late)]
        if name == DEPTH:
            return self._tour.depth[truth]
        noisy = self._tour.lit[truth][..., :3] + self._noise[tick % len(self._noise)]
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        """See `FrameSource`."""
        raise NotImplementedError("nobody looks around in this study")


def found(tour: Tour, source: Played, noise_levels: float, seed: int) -> bool:
    """Whether a recording of the tour would be refused."""
    watch = StaleWatch(
        source, tour.location_cm, tour.rotation_deg,
        noise_levels=noise_levels, seed=seed, with_depth=True,
    )  # fmt: skip
    try:
        for number, frame in enumerate(
            source.stream(tour.location_cm, tour.rotation_deg, watch.passes)
        ):
            watch.look(number, frame)
        watch.audit()
    except EngineLostError:
        return True
    return False


def still_noise_levels(noise: np.ndarray) -> float:
    """What warm-up would measure between images of a still camera."""
    grey = np.full(noise.shape[1:], 128.0)
    images = [sketch(np.clip(grey + field, 0, 255).astype(np.uint8)) for field in noise[:5]]
    return max(levels_apart(images[-1], image) for image in images[:-1])


def _single(tour: Tour, noise: np.ndarray, levels: float, number: int, late: int) -> bool:
    """Whether one frame that many ticks late is found."""
    source = Played(tour, noise, {})
    source.single, source.single_late = number, late
    return found(tour, source, levels, number)


def study(tours: list[Tour], sigma: float, random: np.random.Generator) -> dict[str, float]:
    """Shares of refused recordings at one level of noise."""
    shape = (FIELDS, *tours[0].lit.shape[1:3], 3)
    noise = (sigma * random.standard_normal(shape)).astype(np.float32)
    levels = still_noise_levels(noise)
    singles, older, visible = [], [], []
    for tour in tours:
        for number in random.choice(moving_frames(tour.location_cm, tour.rotation_deg), SINGLES):
            singles.append(_single(tour, noise, levels, int(number), 1))
            older.append(_single(tour, noise, levels, int(number), OLDER))
            change = levels_apart(sketch(tour.lit[number]), sketch(tour.lit[number - 1]))
            visible.append(change > max(1.0, 3 * levels))

    def refused(late: dict[str, int]) -> float:
        return float(
            np.mean([
                found(tour, Played(tour, noise, late), levels, seed)
                for tour in tours
                for seed in range(SEEDS)
            ])
        )  # fmt: skip

    return {
        "noise_sigma_levels": sigma,
        "noise_levels": levels,
        "single": float(np.mean(singles)),
        "single_visible": float(np.mean(np.array(singles)[visible])),
        "older_visible": float(np.mean(np.array(older)[visible])),
        "visible_share": float(np.mean(visible)),
        "late_1_lit": refused({LIT: 1}),
        "late_1": refused({LIT: 1, DEPTH: 1}),
        "late_2": refused({LIT: 2, DEPTH: 2}),
        "clean_refused": refused({}),
    }


COLUMNS = {
    "noise_sigma_levels": "noise", "single": "one stale frame", "single_visible": "… that is seen",
    "older_visible": "… 5 ticks old",
    "late_1_lit": "light 1 late", "late_1": "all 1 late", "late_2": "all 2 late",
    "clean_refused": "nothing stale",
}  # fmt: skip


def main() -> None:
    """Run the study, print its table, write the results."""
    tours = list(drawn_tours())
    random = np.random.default_rng(0)
    rows = [study(tours, sigma, random) for sigma in NOISE]
    print(" | ".join(f"{title:>15}" for title in COLUMNS.values()))
    for row in rows:
        cells = [
            f"{row['noise_sigma_levels']:g}",
            *(f"{row[key]:.1%}" for key in list(COLUMNS)[1:]),
        ]
        print(" | ".join(f"{cell:>15}" for cell in cells))
    counts = {
        "tours": len(tours), "frames_each": FRAMES, "singles": SINGLES * len(tours),
        "late_and_clean_recordings_each": SEEDS * len(tours),
    }  # fmt: skip
    write_results("stale_frames", {**counts, "rows": rows}, ["numpy", "moderngl"])


if __name__ == "__main__":
    main()
