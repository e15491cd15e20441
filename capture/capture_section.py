"""Capture's section of the report: what was recorded, frames of each clip, tracks from above."""

import numpy as np

from capture.plan_rows import PlanRow
from capture.plan_section import durations_figure
from dataset.clip import VIDEO, CameraTrack, Clip, read_clip, read_track
from dataset.sections import figure_html, image_html, table_html, write_section
from dataset.workspace import Workspace
from labeling.camera import ue_axes

MAX_SHOWN = 12  # clips with frames and a track of their own
STRIP_FRAMES, STRIP_HEIGHT = 6, 135
ARROWS = 24


def write_capture_section(workspace: Workspace, rows: list[PlanRow]) -> None:
    """Write `report/capture.html` from the committed clips of the plan."""
    found = [read_clip(workspace, row.tour_id) for row in rows]
    clips = [clip for clip in found if clip is not None]
    body = f"<p>{len(clips)} of {len(rows)} tours captured.</p>"
    if clips:
        seconds = np.array([clip.frames / clip.fps for clip in clips])
        body += durations_figure(seconds, "captured clips") + _table(clips)
        body += "".join(_clip_html(workspace, clip) for clip in clips[:MAX_SHOWN])
    write_section(workspace, "capture", "Capture", body)


def _table(clips: list[Clip]) -> str:
    return table_html(
        ["clip", "engine", "licence", "frames", "MB", "pose proof", "retries", "encoding PSNR dB"],
        [
            [
                clip.tour_id, clip.engine, clip.licence, clip.frames,
                f"{clip.files[VIDEO].bytes / 1e6:.1f}", clip.pose_proof, clip.retries,
                f"{clip.encoding_psnr_db:.1f}",
            ]
            for clip in clips
        ],
    )  # fmt: skip


def _clip_html(workspace: Workspace, clip: Clip) -> str:
    return (
        f"<h3>{clip.tour_id}</h3>\n"
        + _strip(workspace, clip)
        + track_figure(read_track(workspace, clip), f"Track of {clip.tour_id} from above")
    )


def _strip(workspace: Workspace, clip: Clip) -> str:
    """Frames at even times, side by side, as one JPEG."""
    import cv2

    from dataset.video import read_frame_indices

    numbers = np.linspace(0, clip.frames - 1, STRIP_FRAMES).astype(int).tolist()
    with workspace.reading(clip.path(VIDEO)) as path:
        frames = [frame[..., ::-1] for frame in read_frame_indices(path, numbers)]
    width = STRIP_HEIGHT * clip.width // clip.height
    small = [cv2.resize(frame, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
             for frame in frames]  # fmt: skip
    jpeg = cv2.imencode(".jpg", np.hstack(small), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    times = ", ".join(f"{number / clip.fps:.0f}" for number in numbers)
    return image_html(jpeg, f"Frames at {times} s")


def track_figure(track: CameraTrack, caption: str) -> str:
    """The path from above, coloured by time, with arrows that show where the camera looks.

    North is Unreal's X, east is Y: the map is not mirrored.
    """
    from matplotlib.figure import Figure

    x, y = track.location_cm[:, 1] / 100, track.location_cm[:, 0] / 100
    figure = Figure(figsize=(5, 4))
    axes = figure.add_subplot()
    path = axes.scatter(x, y, c=track.time_s, s=3, cmap="viridis", linewidths=0)
    shown = np.linspace(0, len(track) - 1, min(ARROWS, len(track))).astype(int)
    forward = ue_axes(track.rotation_deg[shown])[0]
    axes.quiver(x[shown], y[shown], forward[:, 1], forward[:, 0], width=0.004, color="#444444")
    axes.plot(x[0], y[0], "o", color="#cc3311", label="start")
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("Y (m, right)")
    axes.set_ylabel("X (m, forward)")
    axes.legend(frameon=False)
    figure.colorbar(path, label="time (s)")
    return figure_html(figure, caption)
