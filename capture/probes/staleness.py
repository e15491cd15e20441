"""Whether an image shows the pose that was set just before, and depth the same one.

A camera is brought to rest at two poses, which gives the pictures to compare with. Then it is put
from the first to the second and asked for an image at once: one after another, in one write, and
within a `vbatch`. An image that is nearer to the first picture than to the second is stale; images
are asked for until one is not, which says how late the engine is. Nearness is that of structure,
without brightness and contrast, since new images may be dark until exposure has caught up.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from capture.probes.subject import Pose, Subject, depth_levels, lit_sketch
from capture.probes.table import Row, not_tried, row
from capture.recording.agreement import depth_sketch, levels_apart, sketch

MAX_LATE = 8
DISTINCT_LEVELS = 4.0  # two pictures at least this far apart can be told from one another
DISTINCT_STRUCTURE = 0.2  # of two that have nothing in common it is about 1
CANDIDATES = 6
MOVE_CM = 120.0
TURN_DEG = (20.0, 40.0)  # less than what engines take for a jump, and loads afresh
TILT_DEG = 15.0
STILL_DEPTHS = 3
ALIKE = (
    f"{CANDIDATES} pairs of poses gave the same picture: it does not follow the pose, or there is "
    "nothing to see"
)


@dataclass(frozen=True, kw_only=True)
class View:
    """A pose and what it shows at rest."""

    pose: Pose
    lit: np.ndarray
    depth: np.ndarray | None


Change = Callable[[Subject, Pose], Pose]


def somewhere(subject: Subject) -> Pose:
    """Camera 0's place, any direction."""
    level = np.round([0.0, subject.random.uniform(-180, 180), 0.0], 3) + 0.0
    return Pose(location_cm=subject.home.location_cm, rotation_deg=level)


def turned(subject: Subject, pose: Pose) -> Pose:
    """The same place, another direction."""
    pan = subject.random.choice((-1, 1)) * subject.random.uniform(*TURN_DEG)
    tilt = subject.random.uniform(-TILT_DEG, TILT_DEG)
    pitch = np.clip(pose.rotation_deg[0] + tilt, -60, 60)
    yaw = (pose.rotation_deg[1] + pan + 180) % 360 - 180
    rotation = np.round([pitch, yaw, pose.rotation_deg[2]], 3)
    return Pose(location_cm=pose.location_cm, rotation_deg=rotation + 0.0)


def moved(subject: Subject, pose: Pose) -> Pose:
    """The same direction, another place."""
    by = subject.random.uniform(-MOVE_CM, MOVE_CM, 3) * (1, 1, 0.3)
    location = np.round(pose.location_cm + by, 3) + 0.0
    return Pose(location_cm=location, rotation_deg=pose.rotation_deg)


def plain(subject: Subject) -> Iterator[Row]:
    """Images and depth right after the pose, for each camera and kind of motion."""
    for name, camera in subject.cameras:
        for kind, change in (("turn", turned), ("move", moved)):
            yield _late_row(subject, f"{name}: image after a {kind}", camera, change)
    yield _same_tick_row(subject)


def _late_row(subject: Subject, name: str, camera: int, change: Change) -> Row:
    late: dict[str, int] = {}
    unrest = 0.0
    for _ in range(subject.repeats):
        pair = distinct_views(subject, camera, change)
        if pair is None:
            return row(name, False, ALIKE)
        for way, ask in ways(subject).items():
            subject.place(camera, pair[0].pose)
            subject.settle(camera)
            ticks, image = _late_ticks(subject, camera, pair, ask)
            late[way] = max(late.get(way, 0), ticks)
            unrest = max(unrest, levels_apart(image, pair[1].lit))
    worst = max(late.values())
    told = ", ".join(f"{way} {ticks}" for way, ticks in late.items())
    measured = f"images late: {told}; the first that is not is {unrest:.1f} levels from rest"
    return row(name, worst == 0, measured, late=late, unrest_levels=unrest)


def ways(subject: Subject) -> dict[str, Callable[[list[str]], list[bytes]]]:
    """The ways to send commands: one by one, in one write, and in a batch where that is known."""
    client = subject.client
    found: dict[str, Callable[[list[str]], list[bytes]]] = {
        "one by one": lambda commands: [client.request(command) for command in commands],
        "in one write": lambda commands: list(client.stream(commands)),
    }
    if client.takes_batches():
        found["in a vbatch"] = client.batch
    return found


def distinct_views(subject: Subject, camera: int, change: Change) -> tuple[View, View] | None:
    """Two poses of a camera whose pictures at rest can be told apart."""
    for _ in range(CANDIDATES):
        first = still_view(subject, camera, somewhere(subject))
        second = still_view(subject, camera, change(subject, first.pose))
        distinct = levels_apart(first.lit, second.lit) >= DISTINCT_LEVELS
        if distinct and structure_apart(first.lit, second.lit) >= DISTINCT_STRUCTURE:
            return first, second
    return None


def still_view(subject: Subject, camera: int, pose: Pose) -> View:
    """What a pose shows at rest."""
    subject.place(camera, pose)
    lit = subject.settle(camera).image
    return View(pose=pose, lit=lit, depth=still_depth(subject, camera))


def still_depth(subject: Subject, camera: int) -> np.ndarray | None:
    """Depth of a still camera; the last of some, since an engine may be late with it."""
    if not subject.client.takes("vget /camera/1/depth npy"):
        return None
    depths = subject.client.stream([f"vget /camera/{camera}/depth npy"] * STILL_DEPTHS)
    return [depth_levels(reply) for reply in depths][-1]


def _late_ticks(
    subject: Subject, camera: int, pair: tuple[View, View],
    ask: Callable[[list[str]], list[bytes]],
) -> tuple[int, np.ndarray]:  # fmt: skip
    """Stale images before the first that is not, and that one."""
    subject.check_time()
    image = f"vget /camera/{camera}/lit bmp"
    replies = ask([*subject.setting(camera, pair[1].pose), image])
    latest = lit_sketch(replies[-1])
    for ticks in range(MAX_LATE):
        if not is_stale(latest, pair[0].lit, pair[1].lit):
            return ticks, latest
        latest = subject.lit(camera)
    return MAX_LATE, latest


def is_stale(image: np.ndarray, before: np.ndarray, after: np.ndarray) -> bool:
    """Whether an image is rather the picture of before."""
    return structure_apart(image, before) < structure_apart(image, after)


def structure_apart(first: np.ndarray, second: np.ndarray) -> float:
    """Mean difference of two sketches after each was brought to mean 0 and deviation 1."""
    return levels_apart(_structure(first), _structure(second))


def _structure(image: np.ndarray) -> np.ndarray:
    return (image - image.mean()) / (image.std() + 1.0)


def _same_tick_row(subject: Subject) -> Row:
    """Whether image and depth that are asked for together are of the same pose."""
    name, camera = "image and depth of one tick", subject.best_camera
    if not subject.client.takes("vget /camera/1/depth npy"):
        return not_tried(name, "no depth is offered")
    wanted = [f"vget /camera/{camera}/lit bmp", f"vget /camera/{camera}/depth npy"]
    apart: dict[str, int] = {}
    for _ in range(subject.repeats):
        pair = distinct_views(subject, camera, turned)
        if pair is None or pair[0].depth is None or pair[1].depth is None:
            return not_tried(name, "no two poses could be told apart")
        if levels_apart(pair[0].depth, pair[1].depth) < DISTINCT_LEVELS:
            continue
        for way, ask in ways(subject).items():
            still_view(subject, camera, pair[0].pose)
            replies = ask([*subject.setting(camera, pair[1].pose), *wanted])
            lit = is_stale(lit_sketch(replies[-2]), pair[0].lit, pair[1].lit)
            depth = is_stale(depth_levels(replies[-1]), pair[0].depth, pair[1].depth)
            apart[way] = apart.get(way, 0) + (lit != depth)
    if not apart:
        return not_tried(name, "no two poses could be told apart by depth")
    told = ", ".join(f"{way} {count}" for way, count in apart.items())
    return row(
        name, not any(apart.values()), f"of {subject.repeats} pairs, apart: {told}", apart=apart
    )


def tour_frame(subject: Subject) -> Iterator[Row]:
    """Whether `/tour/frame` shows the pose of its header, with frames asked for ahead."""
    name, client, camera = "/tour/frame: image of its pose", subject.client, subject.best_camera
    if not client.offers("vget /tour/frame"):
        yield not_tried(name, "not offered")
        return
    pair = distinct_views(subject, camera, turned)
    if pair is None:
        yield row(name, False, ALIKE)
        return
    views = [pair[number % 2] for number in range(2 * max(subject.repeats, 2))]
    sent = [
        client.send_frame_request(
            camera, view.pose.location_cm, view.pose.rotation_deg, "lit_bgra,depth_f32"
        )
        for view in views
    ]
    stale = {"image": 0, "depth": 0}
    for number, identifier in enumerate(sent):
        frame = client.receive_frame(identifier)
        own, other = pair[number % 2], pair[1 - number % 2]
        stale["image"] += is_stale(sketch(frame.passes["lit_bgra"]), other.lit, own.lit)
        if own.depth is not None and other.depth is not None:
            found = depth_sketch(frame.passes["depth_f32"])
            stale["depth"] += is_stale(found, other.depth, own.depth)
    yield row(
        name, not any(stale.values()),
        f"of {len(views)} alternating frames, stale: {stale['image']} images, "
        f"{stale['depth']} depths", stale=stale,
    )  # fmt: skip
