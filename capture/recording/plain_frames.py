"""Frames from plain UnrealCV: pose, images and read-back as separate commands.

`vbatch` runs them in one game tick, so the pose that is read back is the one that the images were
drawn with, as far as the engine tells the truth; `capture.recording.proof` checks that it does.
Raw images (BMP) are asked for: a PNG costs more than drawing the frame.
"""

import io
import struct
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from capture.recording.agreement import depth_sketch, levels_apart, sketch
from capture.sessions.client import CommandFailedError, EngineLostError, Frame, UnrealCVClient
from dataset.clip import PoseProof
from dataset.errors import OpenRelicError

# Pass -> the command's last words for it, and those words in order of preference.
COMMANDS = {
    "lit_bgra": ("lit bmp", "lit png"),
    "depth_f32": ("depth npy",),
    "normal_u8": ("normal bmp", "normal png"),
    "mask_u8": ("object_mask bmp", "object_mask png"),
}
BATCH = 30  # UnrealCV runs at most 32 requests a tick
AHEAD = 1  # batches asked for before they are needed
SETTLE_REQUESTS = 16  # an image that still changes then never comes to rest
SETTLED_LEVELS = 1.0
UNDECODABLE = (ValueError, IndexError, EOFError, struct.error)


class _PlainCamera:
    """What both plain sources share: the words for a camera, and how replies are read."""

    pose_proof: PoseProof = "sampled"

    def __init__(self, client: UnrealCVClient, camera: int, passes: Sequence[str]) -> None:
        self._client, self._at = client, f"/camera/{camera}"
        whole = "vset /camera/[uint]/pose"
        self._whole_pose = client.offers(whole) and client.offers(whole.replace("vset", "vget"))
        self._words = {name: self._working_words(name) for name in passes}

    def _working_words(self, name: str) -> str:
        """The first command that brings the pass as an image that can be read."""
        tried = []
        for words in COMMANDS[name]:
            try:
                decode(name, self._client.request(f"vget {self._at}/{words}"))
                return words
            except CommandFailedError as error:
                tried.append(str(error))
            except UNDECODABLE as error:
                tried.append(f"{words} brings no image: {error}")
        raise OpenRelicError(f"the engine cannot draw {name}: {'; '.join(tried)}")

    def _setting(self, location_cm: np.ndarray, rotation_deg: np.ndarray) -> list[str]:
        location, rotation = _numbers(location_cm), _numbers(rotation_deg)
        if self._whole_pose:
            return [f"vset {self._at}/pose {location} {rotation}"]
        return [f"vset {self._at}/location {location}", f"vset {self._at}/rotation {rotation}"]

    def _asking(self, passes: Sequence[str]) -> list[str]:
        return [f"vget {self._at}/{self._words[name]}" for name in passes]

    def _reading(self) -> list[str]:
        """Read back where the camera is, and its fov."""
        pose = ["pose"] if self._whole_pose else ["location", "rotation"]
        return [f"vget {self._at}/{words}" for words in (*pose, "fov")]

    def _frame(self, number: int, passes: Sequence[str], replies: Sequence[bytes]) -> Frame:
        """A frame from the replies to `_asking` and `_reading`."""
        images = {}
        for name, reply in zip(passes, replies, strict=False):
            try:
                images[name] = decode(name, reply)
            except UNDECODABLE as error:
                raise EngineLostError(f"{name} of frame {number} is damaged: {error}") from error
        try:
            read = np.array(b" ".join(replies[len(passes) :]).split(), dtype=np.float64)
        except ValueError as error:
            raise EngineLostError(f"the pose of frame {number} is no numbers: {error}") from error
        if read.shape != (7,):
            raise EngineLostError(f"pose and fov of frame {number} are {len(read)} numbers, not 7")
        return Frame(
            number=number, location_cm=read[:3], rotation_deg=read[3:6], fov_deg=float(read[6]),
            passes=images,
        )  # fmt: skip


class BatchFrames(_PlainCamera):
    """One game tick a frame through `vbatch`."""

    def stream(
        self, location_cm: np.ndarray, rotation_deg: np.ndarray,
        passes: Callable[[int], tuple[str, ...]],
    ) -> Iterator[Frame]:  # fmt: skip
        """See `FrameSource`."""
        asked: list[list[int]] = []
        for number in range(len(location_cm)):
            while len(asked) < len(location_cm) and len(asked) <= number + AHEAD:
                at = len(asked)
                moving = self._setting(location_cm[at], rotation_deg[at])
                asked.append(
                    self._client.send_batch([*moving, *self._asking(passes(at)), *self._reading()])
                )
            replies = self._client.receive_batch(asked[number])
            _expect_ok(replies[: self._moves])
            yield self._frame(number, passes(number), replies[self._moves :])

    @property
    def _moves(self) -> int:
        return 1 if self._whole_pose else 2

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        """See `FrameSource`."""
        each = self._moves + 1
        commands = [
            command
            for location, rotation in zip(location_cm, rotation_deg, strict=True)
            for command in [*self._setting(location, rotation), *self._asking([name])]
        ]
        replies: list[bytes] = []
        together = BATCH // each * each
        for first in range(0, len(commands), together):
            replies += self._client.batch(commands[first : first + together])
        return np.stack([decode(name, reply) for reply in replies[each - 1 :: each]])


class SettledFrames(_PlainCamera):
    """Without `vbatch`: set the pose, ask for the images until two in a row agree, read back."""

    def stream(
        self, location_cm: np.ndarray, rotation_deg: np.ndarray,
        passes: Callable[[int], tuple[str, ...]],
    ) -> Iterator[Frame]:  # fmt: skip
        """See `FrameSource`."""
        for number in range(len(location_cm)):
            yield self._settled(number, location_cm[number], rotation_deg[number], passes(number))

    def _settled(
        self, number: int, location_cm: np.ndarray, rotation_deg: np.ndarray,
        passes: tuple[str, ...],
    ) -> Frame:  # fmt: skip
        _expect_ok(list(self._client.stream(self._setting(location_cm, rotation_deg))))
        before: list[np.ndarray] = []
        for _ in range(SETTLE_REQUESTS):
            asking = [*self._asking(passes), *self._reading()]
            frame = self._frame(number, passes, list(self._client.stream(asking)))
            sketches = [
                (depth_sketch if name == "depth_f32" else sketch)(image)
                for name, image in frame.passes.items()
            ]
            pairs = zip(before, sketches, strict=False)
            if before and all(levels_apart(a, b) <= SETTLED_LEVELS for a, b in pairs):
                return frame
            before = sketches
        raise EngineLostError(
            f"{SETTLE_REQUESTS} images of a still camera at frame {number} never agreed"
        )

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        """See `FrameSource`."""
        frames = self.stream(location_cm, rotation_deg, lambda _: (name,))
        return np.stack([frame.passes[name] for frame in frames])


def _numbers(vector: np.ndarray) -> str:
    return " ".join(f"{float(value):.6f}" for value in vector)


def _expect_ok(replies: Sequence[bytes]) -> None:
    wrong = [reply for reply in replies if reply != b"ok"]
    if wrong:
        raise EngineLostError(f"the engine answered {wrong[0][:60]!r} to a pose, not ok")


def decode(name: str, reply: bytes) -> np.ndarray:
    """The image of pass `name` in a BMP, PNG or npy reply; `ValueError` and alike if it is none.

    Shapes and types are those of `/tour/frame`: `lit_bgra` (H,W,4) uint8, `depth_f32` (H,W)
    float32, `normal_u8` and `mask_u8` (H,W,3) uint8 RGB.
    """
    if name == "depth_f32":
        depth = np.load(io.BytesIO(reply), allow_pickle=False)
        if depth.ndim == 3 and depth.shape[2] == 1:
            depth = depth[..., 0]
        if depth.ndim != 2 or depth.dtype.kind != "f":
            raise ValueError(f"depth is {depth.dtype} {depth.shape}, not float (H,W)")
        return depth.astype(np.float32, copy=False)
    bgra = _bmp(reply) if reply[:2] == b"BM" else _png(reply)
    return bgra if name == "lit_bgra" else np.ascontiguousarray(bgra[..., 2::-1])


def _bmp(reply: bytes) -> np.ndarray:
    """A 32-bit BMP as (H,W,4) BGRA, a view of the reply."""
    (offset,) = struct.unpack_from("<I", reply, 10)
    width, height = struct.unpack_from("<ii", reply, 18)
    (bits,) = struct.unpack_from("<H", reply, 28)
    if bits != 32 or width <= 0 or len(reply) != offset + 4 * width * abs(height):
        raise ValueError(f"a BMP of {width}x{height} with {bits} bits has {len(reply)} bytes")
    image = np.frombuffer(reply, np.uint8, offset=offset).reshape(abs(height), width, 4)
    return image if height < 0 else image[::-1]


def _png(reply: bytes) -> np.ndarray:
    """A PNG as (H,W,4) BGRA."""
    import cv2

    image = cv2.imdecode(np.frombuffer(reply, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.dtype != np.uint8:
        raise ValueError(f"{reply[:20]!r}… is no colour image")
    return image if image.shape[2] == 4 else cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
