"""Capture's section of the report: what was recorded, frames of each clip, tracks from above."""

import html

import numpy as np

from capture.tours.achieved import read_standing
from capture.tours.rows import PlanRow
from capture.tours.section import durations_figure, shares_figure
from dataset.clip import VIDEO, CameraTrack, Clip, read_clip, read_track
from dataset.sections import figure_html, image_html, side_by_side, table_html, write_section
from dataset.workspace import Workspace
from labeling.camera import ue_axes

MAX_SHOWN = 12  # clips with frames and a track of their own
ROWS, COLUMNS, THUMBNAIL_HEIGHT = 4, 3, 135  # frames shown of a clip
ARROWS = 24
MOTIONS = {
    "fly": "flying: forward follows the view",
    "walk": "walking: forward stays level",
    "recorded": "as somebody moved the camera",
}


def write_capture_section(workspace: Workspace, rows: list[PlanRow]) -> None:
    """Write `report/capture.html` from the committed clips of the plan."""
    found = [read_clip(workspace, row.tour_id) for row in rows]
    clips = [clip for clip in found if clip is not None]
    body = f"<p>{len(clips)} of {len(rows)} tours captured.</p>"
    if clips:
        seconds = np.array([clip.frames / clip.fps for clip in clips])
        achieved = read_standing(workspace, rows).shares
        figures = [durations_figure(seconds, "captured clips"), shares_figure(rows, achieved)]
        body += side_by_side(figures) + _table(clips)
        body += "".join(_clip_html(workspace, clip) for clip in clips[:MAX_SHOWN])
    write_section(workspace, "capture", "Capture", body)


def _table(clips: list[Clip]) -> str:
    return table_html(
        ["clip", "engine", "licence", "frames", "MB", "pose proof", "kept clear by", "warm-up",
         "retries", "encoding PSNR dB"],
        [
            [
                clip.tour_id, clip.engine, clip.licence, clip.frames,
                f"{clip.files[VIDEO].bytes / 1e6:.1f}", clip.pose_proof, clip.collision,
                clip.warmup_frames, clip.retries, f"{clip.encoding_psnr_db:.1f}",
            ]
            for clip in clips
        ],
    )  # fmt: skip


def _clip_html(workspace: Workspace, clip: Clip) -> str:
    return (
        f"<h3>{html.escape(clip.tour_id)}</h3>\n"
        f"<p>{html.escape(clip.scene)}: a {clip.kind} tour of {clip.frames / clip.fps:.0f} s, "
        f"{MOTIONS[clip.motion]}.</p>\n"
    ) + side_by_side(
        [
            _contact_sheet(workspace, clip),
            track_figure(read_track(workspace, clip), "The camera's track from above"),
        ]
    )


def _contact_sheet(workspace: Workspace, clip: Clip) -> str:
    """Frames at even times, row by row, as one JPEG."""
    import cv2

    from dataset.video import read_frame_indices

    numbers = np.linspace(0, clip.frames - 1, ROWS * COLUMNS).astype(int).tolist()
    with workspace.reading(clip.path(VIDEO)) as path:
        frames = [frame[..., ::-1] for frame in read_frame_indices(path, numbers)]
    size = THUMBNAIL_HEIGHT * clip.width // clip.height, THUMBNAIL_HEIGHT
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    rows = [np.hstack(small[at : at + COLUMNS]) for at in range(0, len(small), COLUMNS)]
    jpeg = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    apart_s = clip.frames / clip.fps / (len(numbers) - 1)
    return image_html(jpeg, f"Frames from first to last, row by row, {apart_s:.1f} s apart")


def track_figure(track: CameraTrack, caption: str) -> str:
    """The path from above, coloured by time, with arrows that show where the camera looks.

    North is Unreal's X, east is Y: the map is not mirrored.
    """
    from matplotlib.figure import Figure

    x, y = track.location_cm[:, 1] / 100, track.location_cm[:, 0] / 100
    figure = Figure(figsize=(6, 4))
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
