"""Where frames come from: images, and the pose that each was drawn with.

There are three sources behind one interface; what the engine offers decides:

- `TourFrames`: `/tour/frame` answers image and pose in one reply (`pose_proof = per_frame`);
- `BatchFrames` (`capture.recording.plain_frames`): pose, images and read-back are one `vbatch`,
  which plain UnrealCV runs in one game tick (`sampled`);
- `SettledFrames`: without `vbatch` an image is asked for until two in a row agree (`sampled`).

A source owns one spawned camera: camera 0 may show the previous tick on real engines.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from capture.recording.cameras import SpawnedCameras
from capture.recording.plain_frames import BatchFrames, SettledFrames
from capture.sessions.client import Frame, UnrealCVClient
from dataset.clip import PoseProof

LIT, DEPTH = "lit_bgra", "depth_f32"
TOUR_FRAME = "vget /tour/frame"
AHEAD = 2  # frames asked for before they are needed, so that the engine never waits for us

Passes = Callable[[int], tuple[str, ...]]  # which passes the frame of that number needs


class FrameSource(Protocol):
    """Draws poses with one camera."""

    pose_proof: PoseProof

    def stream(
        self, location_cm: np.ndarray, rotation_deg: np.ndarray, passes: Passes
    ) -> Iterator[Frame]:
        """A frame for each of N poses, in order; each is valid until the next is taken.

        `location_cm` and `rotation_deg` are (N,3). Frames are asked for ahead, so a stream must be
        taken to its end before anything else is asked of the engine.
        """
        ...

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        """One pass of N poses at once, (N,H,W,...), in one game tick where the engine can."""
        ...


class TourFrames:
    """`/tour/frame`: image and pose in one reply."""

    pose_proof: PoseProof = "per_frame"

    def __init__(self, client: UnrealCVClient, camera: int) -> None:
        """Draw with the camera of that number."""
        self._client, self._camera = client, camera

    def stream(
        self, location_cm: np.ndarray, rotation_deg: np.ndarray, passes: Passes
    ) -> Iterator[Frame]:
        """See `FrameSource`."""
        asked: list[int] = []
        for number in range(len(location_cm)):
            while len(asked) < len(location_cm) and len(asked) <= number + AHEAD:
                at = len(asked)
                asked.append(
                    self._client.send_frame_request(
                        self._camera, location_cm[at], rotation_deg[at], ",".join(passes(at))
                    )
                )
            yield self._client.receive_frame(asked[number])

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        """See `FrameSource`."""
        frames = self.stream(location_cm, rotation_deg, lambda _: (name,))
        return np.stack([frame.passes[name].copy() for frame in frames])


def make_source(
    client: UnrealCVClient,
    size: tuple[int, int],
    fov_deg: float,
    passes: Sequence[str],
    cameras: SpawnedCameras | None = None,
) -> FrameSource:
    """Take a spawned camera, of that image size (width, height) and fov, and draw `passes`."""
    camera = (cameras or SpawnedCameras()).take(client)
    client.text(f"vset /camera/{camera}/size {size[0]} {size[1]}")
    client.text(f"vset /camera/{camera}/fov {fov_deg:.6f}")
    if client.offers(TOUR_FRAME):
        return TourFrames(client, camera)
    if client.takes_batches():
        return BatchFrames(client, camera, passes)
    return SettledFrames(client, camera, passes)
