"""Tours through a room with exact distances: safe, smooth, varied, repeatable, and they return."""

from functools import cache
from itertools import product
from typing import get_args

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from capture.tours.camera_operator import (
    CHANNEL_SPEED,
    MAX_ROLL_DEG,
    MAX_TILT_DEG,
    RETURN_FRAMES,
    Operator,
    Space,
    TourKind,
    TourWish,
)
from capture.tours.planning import KINDS, WANTED_SHARES
from capture.tours.steering import (
    DOLLY,
    KERNEL,
    MEMORY,
    PAN,
    PEDESTAL,
    ROLL,
    TILT,
    TRUCK,
    Motion,
    Path,
    Style,
    integrate,
    looking_along,
    smoothed,
)
from dataset.clip import FPS
from labeling.actions import ACTIONS, STATIC, RotationFrame, poses_to_actions
from labeling.camera import camera_to_ue, ue_to_camera

MOTIONS, ROTATION_FRAMES = get_args(Motion), get_args(RotationFrame)
STYLES = list(product(KINDS, MOTIONS, ROTATION_FRAMES))
SEEDS = (0, 1)
FRAMES = 560
TRANSLATION_M_S, ROTATION_DEG_S = 1.3, 32.0
MIX = np.array([WANTED_SHARES[action] for action in ACTIONS])


class BoxRoom:
    """A box from 0 to `size_m` with an upright round pillar, and a camera that keeps `clear_m`."""

    def __init__(
        self,
        size_m: tuple[float, float, float] = (10.0, 8.0, 2.8),
        pillar_m: tuple[float, float, float] = (6.2, 3.4, 0.35),  # x, y, radius
        clear_m: float = 0.25,
    ) -> None:
        self.size_m, self.clear_m = np.array(size_m), clear_m
        self.pillar_m, self.pillar_radius_m = np.array(pillar_m[:2]), pillar_m[2]
        self.asked = 0

    def distance_m(self, points_m: np.ndarray) -> np.ndarray:
        """Distance of points (...,3) to the nearest surface; negative outside or in the pillar."""
        walls = np.minimum(points_m, self.size_m - points_m).min(axis=-1)
        around = np.linalg.norm(points_m[..., :2] - self.pillar_m, axis=-1) - self.pillar_radius_m
        return np.minimum(walls, around)

    def clear_steps(self, positions_m: np.ndarray) -> int:
        self.asked += 1
        start, way = positions_m[:-1], np.diff(positions_m, axis=0)
        inside = np.minimum(positions_m, self.size_m - positions_m).min(axis=1) >= self.clear_m
        # The point of each step that is nearest to the pillar's axis.
        length = np.maximum((way[:, :2] ** 2).sum(axis=1), 1e-30)
        along = ((self.pillar_m - start[:, :2]) * way[:, :2]).sum(axis=1) / length
        nearest = start[:, :2] + np.clip(along, 0, 1)[:, None] * way[:, :2]
        apart = np.linalg.norm(nearest - self.pillar_m, axis=1)
        clear = inside[:-1] & inside[1:] & (apart >= self.pillar_radius_m + self.clear_m)
        return len(clear) if clear.all() else int(clear.argmin())

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        """Sphere tracing: steps of the distance to the nearest surface, 4 m at most."""
        gone = 0.0
        while gone < 4.0:
            free = float(self.distance_m(position_m + gone * direction))
            if free < 1e-3:
                break
            gone += free
        return min(gone, 4.0)


HALL = BoxRoom(size_m=(24.0, 18.0, 6.0), pillar_m=(9.0, 9.0, 1.0))


def steer(
    kind: TourKind = "mixed", motion: Motion = "walk", rotation_frame: RotationFrame = "camera",
    seed: int = 0, frames: int = FRAMES, room: Space | None = None,
    start_m: tuple[float, float, float] = (3.0, 3.0, 1.5), yaw_deg: float = 30.0,
) -> Path:  # fmt: skip
    wish = TourWish(
        frames=frames,
        kind=kind,
        style=Style(motion=motion, rotation_frame=rotation_frame),
        mix=MIX,
        translation_m_s=TRANSLATION_M_S,
        rotation_deg_s=ROTATION_DEG_S,
        seed=seed,
    )
    operator = Operator(wish, room or BoxRoom(), looking_along(yaw_deg), np.array(start_m))
    return operator.drive()


@cache
def tour(kind: TourKind, motion: Motion, rotation_frame: RotationFrame, seed: int) -> Path:
    return steer(kind, motion, rotation_frame, seed)


def speeds_of(path: Path, motion: Motion, rotation_frame: RotationFrame) -> np.ndarray:
    """The six speeds (N-1,6) of each step, from the poses alone."""
    _, angles = camera_to_ue(path.R, path.position_m)
    axes = path.R
    if motion == "walk":
        level = angles * [0.0, 1.0, 0.0]
        axes, _ = ue_to_camera(np.zeros_like(level), level)
    right, down, forward = np.einsum("nij,nj->in", axes[:-1], np.diff(path.position_m, axis=0))
    if rotation_frame == "camera":
        turn = Rotation.from_matrix(path.R[:-1] @ path.R[1:].transpose(0, 2, 1))
        pan, tilt, roll = turn.as_euler("YXZ", degrees=True).T
    else:
        tilt, pan, roll = ((np.diff(angles, axis=0) + 180.0) % 360.0 - 180.0).T
    return np.stack([forward, right, -down, tilt, pan, roll], axis=1)


def top_speeds() -> np.ndarray:
    usual = np.repeat([TRANSLATION_M_S, ROTATION_DEG_S], 3) / FPS
    return 1.5 * usual * CHANNEL_SPEED


@pytest.mark.parametrize("style", STYLES, ids="-".join)
def test_a_tour_is_full_proper_and_keeps_its_limits(style: tuple):
    for seed in SEEDS:
        path = tour(*style, seed)
        assert path.R.shape == (FRAMES, 3, 3) and path.position_m.shape == (FRAMES, 3)
        identity = path.R @ path.R.transpose(0, 2, 1)
        assert np.abs(identity - np.eye(3)).max() < 1e-9
        assert np.linalg.det(path.R) == pytest.approx(1.0)
        _, angles = camera_to_ue(path.R, path.position_m)
        assert np.abs(angles[:, 0]).max() <= MAX_TILT_DEG + 1e-6
        assert np.abs(angles[:, 2]).max() <= MAX_ROLL_DEG + 1e-6


@pytest.mark.parametrize("style", STYLES, ids="-".join)
def test_the_clearance_holds_at_frames_and_between_them(style: tuple):
    room = BoxRoom()
    for seed in SEEDS:
        position = tour(*style, seed).position_m
        between = np.linspace(0.0, 1.0, 21)[:, None, None]
        dense = position[:-1] + between * np.diff(position, axis=0)
        assert room.distance_m(dense).min() >= room.clear_m - 1e-9


class Grudging:
    """Room ahead, but never quite enough: some of the last steps of every way are not clear."""

    def __init__(self, blocked: int) -> None:
        self.blocked = blocked

    def clear_steps(self, positions_m: np.ndarray) -> int:
        return max(0, len(positions_m) - 1 - self.blocked)

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        return 4.0


@pytest.mark.parametrize("blocked", [1, 2, 3, MEMORY])
@pytest.mark.parametrize("kind", KINDS)
def test_a_way_on_which_it_could_not_stop_is_never_taken(kind: TourKind, blocked: int):
    path = steer(kind, frames=120, room=Grudging(blocked))
    assert np.ptp(path.position_m, axis=0).max() == 0.0
    assert np.ptp(path.R, axis=0).max() < 1e-12


@pytest.mark.parametrize("style", STYLES, ids="-".join)
def test_speeds_are_bounded_and_change_smoothly(style: tuple):
    kind, motion, rotation_frame = style
    # A way played backwards has its axes at the other end of each step.
    slack = 1.25 if kind == "revisit" else 1.0 + 1e-9
    kernel = np.concatenate([[0.0], KERNEL, [0.0]])
    for seed in SEEDS:
        path = tour(*style, seed)
        speeds = speeds_of(path, motion, rotation_frame)
        speeds = np.concatenate([np.zeros((2, 6)), speeds])  # tours start at rest
        assert (np.abs(speeds).max(axis=0) <= top_speeds() * slack).all()
        # From full speed one way to full speed the other way, through the kernel.
        change, jerk = np.abs(np.diff(speeds, axis=0)), np.abs(np.diff(speeds, 2, axis=0))
        limits = 2 * top_speeds() * slack
        assert (change.max(axis=0) <= limits * kernel.max() + 1e-9).all()
        assert (jerk.max(axis=0) <= limits * np.abs(np.diff(kernel)).max() + 1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_steers_the_same_way(kind: TourKind):
    first, again = steer(kind, seed=5, frames=320), steer(kind, seed=5, frames=320)
    assert np.array_equal(first.R, again.R)
    assert np.array_equal(first.position_m, again.position_m)
    other = steer(kind, seed=6, frames=320)
    assert np.abs(other.position_m - first.position_m).max() > 0.1


def returns(path: Path) -> tuple[int, int]:
    """Frames whose place was seen, and left, `RETURN_FRAMES[0]` or more frames before: those with
    the same view as then, and those with the opposite one."""
    same = opposite = 0
    for earlier in range(len(path)):
        away = np.linalg.norm(path.position_m[earlier:] - path.position_m[earlier], axis=1)
        left = np.maximum.accumulate(away) > 0.3
        left[: RETURN_FRAMES[0]] = False
        for later in earlier + np.flatnonzero(left & (away < 1e-6)):
            facing = path.R[later, 2] @ path.R[earlier, 2]
            same += bool(np.abs(path.R[later] - path.R[earlier]).max() < 1e-9)
            opposite += bool(facing < -1 + 1e-9)
    return same, opposite


@pytest.mark.parametrize("rotation_frame", ROTATION_FRAMES)
@pytest.mark.parametrize("motion", MOTIONS)
def test_revisits_return_with_the_same_eyes_or_turned_around(
    motion: Motion, rotation_frame: RotationFrame
):
    found = [
        returns(steer("revisit", motion, rotation_frame, seed, frames=800)) for seed in range(6)
    ]
    assert all(same + opposite > 0 for same, opposite in found)
    same, opposite = np.sum(found, axis=0)
    assert same > RETURN_FRAMES[0]
    # A pan by 180 degrees about the world's up keeps the tilt, so the view is not quite opposite.
    assert rotation_frame == "level" or opposite > RETURN_FRAMES[0]


@pytest.mark.parametrize("seed", range(4))
def test_short_revisits_return_too(seed: int):
    assert sum(returns(steer("revisit", seed=seed, frames=240, room=HALL))) > 0


ANYWHERE = ue_to_camera(np.zeros((1, 3)), np.array([[25.0, 110.0, -12.0]]))[0][0]


@pytest.mark.parametrize("rotation_frame", ROTATION_FRAMES)
def test_walking_stays_level_and_flying_follows_the_view(rotation_frame: RotationFrame):
    speeds = np.random.default_rng(3).normal(size=(80, 6)) * [0.1, 0.1, 0.1, 0.3, 2.0, 0.3]
    speeds[:, PEDESTAL] = 0.0
    start = np.array([1.0, 2.0, 3.0])
    walked = integrate(ANYWHERE, start, speeds, Style(motion="walk", rotation_frame=rotation_frame))
    assert np.abs(walked.position_m[:, 2] - 3.0).max() < 1e-12
    ahead = np.zeros((1, 6))
    ahead[0, DOLLY] = 0.5
    rises: dict[Motion, float] = {"walk": 0.0, "fly": 0.5 * np.sin(np.deg2rad(25.0))}
    for motion, rise in rises.items():
        style = Style(motion=motion, rotation_frame=rotation_frame)
        moved = integrate(ANYWHERE, start, ahead, style).position_m[0] - start
        assert np.linalg.norm(moved) == pytest.approx(0.5)
        assert moved[2] == pytest.approx(rise, abs=1e-12)
    up = np.zeros((1, 6))
    up[0, PEDESTAL] = 0.5
    moved = integrate(ANYWHERE, start, up, Style(motion="walk", rotation_frame=rotation_frame))
    assert moved.position_m[0] - start == pytest.approx([0.0, 0.0, 0.5])


@pytest.mark.parametrize("channel", [DOLLY, TRUCK, PEDESTAL, TILT, PAN, ROLL])
def test_a_held_key_moves_speed_times_time_and_stops_exactly(channel: int):
    assert KERNEL.sum() == pytest.approx(1.0) and (KERNEL > 0).all()
    held, speed = 24, 0.7 if channel >= TILT else 0.08
    commands = np.zeros((held + MEMORY + 10, 6))
    commands[:held, channel] = speed
    speeds = smoothed(np.zeros((MEMORY, 6)), commands)
    assert speeds[:, channel].sum() == pytest.approx(held * speed)
    assert (speeds[:held] > 0).sum() == held and (speeds[held + MEMORY :] == 0).all()
    for motion, rotation_frame in product(MOTIONS, ROTATION_FRAMES):
        style = Style(motion=motion, rotation_frame=rotation_frame)
        path = integrate(looking_along(20.0), np.zeros(3), speeds, style)
        assert np.ptp(path.position_m[held + MEMORY - 1 :], axis=0).max() == 0.0
        labels = poses_to_actions(path.R, path.position_m, rotation_frame=rotation_frame)
        assert labels.active[held + MEMORY :, STATIC].all()
        assert not labels.active[1:held, STATIC].any()
        moved = np.linalg.norm(path.position_m[-1]) if channel < TILT else None
        assert moved is None or moved == pytest.approx(held * speed)


def test_smoothing_goes_on_over_holds():
    commands = np.random.default_rng(0).normal(size=(60, 6))
    whole = smoothed(np.zeros((MEMORY, 6)), commands)
    second = smoothed(commands[30 - MEMORY : 30], commands[30:])
    assert np.allclose(whole[30:], second, atol=1e-15)


def minute_tours(room: BoxRoom, count: int) -> list[tuple[Path, np.ndarray]]:
    """Tours of a minute in every style in turn, with the actions that are active (960,13)."""
    tours = []
    for seed in range(count):
        kind, motion, rotation_frame = STYLES[seed % len(STYLES)]
        path = steer(kind, motion, rotation_frame, seed, 960, room, yaw_deg=77.0 * seed)
        labels = poses_to_actions(path.R, path.position_m, rotation_frame=rotation_frame)
        tours.append((path, labels.active))
    return tours


def longest_run(flags: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


@pytest.fixture(scope="module")
def hall_tours() -> list[tuple[Path, np.ndarray]]:
    return minute_tours(HALL, 24)


def test_every_action_has_its_share(hall_tours: list[tuple[Path, np.ndarray]]):
    shares = np.mean([active.mean(axis=0) for _, active in hall_tours], axis=0)
    assert shares.min() >= 0.02
    assert shares.max() < 0.45
    assert shares[ACTIONS.index("dolly_in")] < 0.31
    sides = shares[[2, 3, 6, 7, 8, 9, 10, 11]].reshape(-1, 2)
    assert np.abs(np.diff(sides, axis=1)).max() < 0.06  # left as often as right, up as down


@pytest.mark.parametrize("motion", MOTIONS)
def test_it_counts_what_labels_count(motion: Motion):
    for rotation_frame in ROTATION_FRAMES:
        wish = TourWish(
            frames=1600, kind="mixed", style=Style(motion=motion, rotation_frame=rotation_frame),
            mix=MIX, translation_m_s=TRANSLATION_M_S, rotation_deg_s=ROTATION_DEG_S, seed=4,
        )  # fmt: skip
        operator = Operator(wish, HALL, looking_along(30.0), np.array([3.0, 3.0, 1.5]))
        path = operator.drive()
        labels = poses_to_actions(path.R, path.position_m, rotation_frame=rotation_frame)
        # It has steered a little beyond the end.
        assert operator.shares == pytest.approx(labels.active.mean(axis=0), abs=0.03)


def test_a_tiny_room_does_not_keep_it_from_going_forward():
    tiny = BoxRoom(size_m=(3.5, 3.0, 2.6), pillar_m=(50.0, 50.0, 0.1))
    shares = np.mean(
        [
            poses_to_actions(
                path.R, path.position_m, rotation_frame=style[2]
            ).active.mean(axis=0)
            for seed, style in enumerate(STYLES)
            for path in [steer(*style, seed, 960, tiny, (1.5, 1.2, 1.4), 77.0 * seed)]
        ],
        axis=0,
    )  # fmt: skip
    assert shares[ACTIONS.index("dolly_in")] > 0.13
    assert shares.min() > 0.05 and shares.max() < 0.31


def test_no_tour_stands_still_or_turns_on_the_spot(hall_tours: list[tuple[Path, np.ndarray]]):
    for path, active in hall_tours:
        assert longest_run(active[:, STATIC]) < 6 * FPS
        assert active[:, :6].any(axis=1).mean() > 0.2
        assert np.ptp(path.position_m[:, :2], axis=0).max() > 2.0


def test_tours_explore_the_room():
    areas = [
        np.ptp(path.position_m[:, :2], axis=0).prod() for path, _ in minute_tours(BoxRoom(), 24)
    ]
    assert np.mean(areas) > 24.0  # of the 71 square metres that a camera can be in
    assert min(areas) > 3.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("motion", MOTIONS)
def test_it_gets_out_of_a_corner(kind: TourKind, motion: Motion):
    for seed in range(3):
        start = (0.3, 0.3, 0.3)
        path = steer(kind, motion, seed=seed, frames=480, start_m=start, yaw_deg=135.0)
        assert np.linalg.norm(path.position_m - start, axis=1).max() > 1.0


def test_where_it_cannot_move_it_looks_around():
    closet = BoxRoom(size_m=(0.6, 0.6, 0.6), pillar_m=(5.0, 5.0, 0.1))
    path = steer("mixed", room=closet, start_m=(0.3, 0.3, 0.3), frames=320)
    assert closet.distance_m(path.position_m).min() >= closet.clear_m
    assert np.ptp([R[2] for R in path.R], axis=0).max() > 0.5


def test_mixed_tours_mix_and_single_tours_do_not(hall_tours: list[tuple[Path, np.ndarray]]):
    together = {kind: [] for kind in KINDS}
    for (_, active), (kind, _, frame) in zip(hall_tours, STYLES * 2, strict=True):
        if (
            frame == "level"
        ):  # in the camera's axes a pan alone is one key as well, but a walk is not
            keys = active[:, :STATIC].sum(axis=1)
            together[kind].append((keys[keys > 0] >= 2).mean())
    assert np.mean(together["mixed"]) > np.mean(together["single"]) + 0.2
