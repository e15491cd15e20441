"""Images: how long they take to settle, and whether their formats agree."""

import io
from collections.abc import Iterator

import numpy as np

from capture.probes.subject import AGREE_LEVELS, Pose, Settled, Subject, lit_sketch
from capture.probes.table import Row, not_tried, row
from capture.recording.agreement import levels_apart, sketch
from capture.recording.plain_frames import UNDECODABLE, decode
from capture.sessions.client import CommandFailedError

JUMP_DEG = np.array([0.0, 170.0, 0.0])


def warm_up(subject: Subject) -> Iterator[Row]:
    """Images of a still camera until they agree: camera 0 as found, then a spawned one."""
    says_ready = _says_ready(subject)
    first = subject.lit(0)
    settled = subject.settle(0)
    yield _warm_up_row("camera 0", first, settled)
    jumped = levels_apart(first, settled.image)
    if says_ready is None:
        yield not_tried("/tour/ready tells the truth", "not offered")
    else:
        lied = says_ready and jumped > AGREE_LEVELS
        yield row(
            "/tour/ready tells the truth", not lied,
            f"it said {'ready' if says_ready else 'not ready'}, and the image changed by "
            f"{jumped:.1f} levels after that",
        )  # fmt: skip
    if not subject.spawn():
        yield not_tried("spawned camera: warm-up", "no camera can be spawned")
        return
    camera = subject.best_camera
    first = subject.lit(camera)
    yield _warm_up_row("spawned camera", first, subject.settle(camera))
    pose = subject.read_pose(camera)
    away = Pose(location_cm=pose.location_cm, rotation_deg=pose.rotation_deg + JUMP_DEG)
    subject.place(camera, away)
    first = subject.lit(camera)
    yield _warm_up_row("spawned camera, after a jump", first, subject.settle(camera))
    subject.place(camera, pose)


def _says_ready(subject: Subject) -> bool | None:
    if not subject.client.offers("vget /tour/ready"):
        return None
    return bool(subject.client.json("vget /tour/ready")["ready"])


def _warm_up_row(camera: str, first: np.ndarray, settled: Settled) -> Row:
    changed = levels_apart(first, settled.image)
    brighter = float(settled.image.mean() - first.mean())
    state = f"at rest after {settled.frames} images" if settled.at_rest else (
        f"not at rest after {settled.frames} images"
    )  # fmt: skip
    return row(
        f"{camera}: warm-up", settled.at_rest,
        f"{state}, {settled.noise_levels:.2f} levels of noise; {changed:.1f} levels from the first "
        f"({brighter:+.1f} brightness)",
        frames=settled.frames, noise_levels=settled.noise_levels, changed_levels=changed,
    )  # fmt: skip


def formats(subject: Subject) -> Iterator[Row]:
    """Whether BMP, PNG and npy of a still camera show the same picture, of the stated size."""
    camera, client = subject.best_camera, subject.client
    settled = subject.settle(camera)
    same = max(AGREE_LEVELS, 2 * settled.noise_levels)
    for kind in ("bmp", "png", "npy"):
        subject.check_time()
        name = f"image as {kind}"
        try:
            reply = client.request(f"vget /camera/{camera}/lit {kind}")
            image = _npy(reply) if kind == "npy" else decode("lit_bgra", reply)
        except (CommandFailedError, *UNDECODABLE) as error:
            yield row(name, False, str(error))
            continue
        apart = levels_apart(sketch(image), settled.image)
        height, width = image.shape[:2]
        exact = kind != "bmp" or len(reply) == 54 + 4 * width * height
        stated = _stated_size(subject, camera)
        yield row(
            name, apart <= same and exact and stated in (None, (width, height)),
            f"{width}x{height}, {len(reply)} bytes, {apart:.2f} levels from the BMP of before"
            + (f", but its size is said to be {stated}" if stated != (width, height) else ""),
            width=width, height=height, levels=apart,
        )  # fmt: skip


def _npy(reply: bytes) -> np.ndarray:
    """An RGBA npy as BGRA."""
    image = np.load(io.BytesIO(reply), allow_pickle=False)
    if image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        raise ValueError(f"npy is {image.dtype} {image.shape}, not uint8 (H,W,4)")
    return image[..., [2, 1, 0, 3]]


def _stated_size(subject: Subject, camera: int) -> tuple[int, int] | None:
    if not subject.client.offers("vget /camera/[uint]/size"):
        return None
    words = subject.client.text(f"vget /camera/{camera}/size").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else None


def depth(subject: Subject) -> Iterator[Row]:
    """Whether depth is usable: shape, type, centimetres above zero, and as precise as a half."""
    camera, client = subject.best_camera, subject.client
    if not client.takes("vget /camera/1/depth npy"):
        yield not_tried("depth as npy", "not offered")
        return
    reply = client.request(f"vget /camera/{camera}/depth npy")
    try:
        plane = decode("depth_f32", reply)
    except UNDECODABLE as error:
        yield row("depth as npy", False, str(error))
        return
    image = decode("lit_bgra", client.request(f"vget /camera/{camera}/lit bmp"))
    usable = bool((plane > 0).all() and np.isfinite(plane).any())
    yield row(
        "depth as npy", usable and plane.shape == image.shape[:2],
        f"{plane.shape[1]}x{plane.shape[0]}, {float(np.nanmin(plane)):.1f} to "
        f"{float(np.nanmax(plane)):.1f} cm",
    )  # fmt: skip


def tour_passes(subject: Subject) -> Iterator[Row]:
    """Whether `/tour/frame` shows what the plain commands show, in every pass that it has."""
    name, client, camera = "/tour/frame: passes", subject.client, subject.best_camera
    if not client.offers("vget /tour/frame"):
        yield not_tried(name, "not offered")
        return
    pose = subject.read_pose(camera)
    passes = "lit_bgra,depth_f32,normal_u8,mask_u8"
    frame = client.receive_frame(
        client.send_frame_request(camera, pose.location_cm, pose.rotation_deg, passes)
    )
    drawn = {key: image.copy() for key, image in frame.passes.items()}
    if sorted(drawn) != sorted(passes.split(",")):
        yield row(name, False, f"{', '.join(drawn)}; asked for were {passes}")
        return
    apart = levels_apart(
        sketch(drawn["lit_bgra"]), lit_sketch(client.request(f"vget /camera/{camera}/lit bmp"))
    )
    normals = drawn["normal_u8"].astype(np.float64) / 127.5 - 1
    lengths = np.linalg.norm(normals, axis=2)[drawn["depth_f32"] < drawn["depth_f32"].max()]
    unit = float(np.abs(lengths - 1).mean()) if lengths.size else 0.0
    told = f"{', '.join(drawn)}; {apart:.2f} levels from the BMP"
    good = apart <= AGREE_LEVELS and unit < 0.02
    yield row(name, good, f"{told}; normals of length 1 within {unit:.4f}")
