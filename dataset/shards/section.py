"""The report's section on the shards: counts, action shares, and a palindrome that returns."""

import html
from collections.abc import Sequence

import numpy as np

from dataset.sections import (
    figure_html,
    image_html,
    side_by_side,
    table_html,
    video_html,
    write_section,
)
from dataset.shards.card import (
    LEFT_OUT_HEADER,
    SPLIT_HEADER,
    left_out_rows,
    minutes,
    split_rows,
)
from dataset.shards.loader import Sample, read_sample
from dataset.shards.manifest import SampleRow
from dataset.shards.planning import Plan
from dataset.shards.proof import Statistics
from dataset.video import encode_preview, read_frame_indices
from dataset.workspace import SHARDS, Workspace
from labeling.actions import ACTIONS, STATIC

STRIP_COLUMNS = 6
THUMBNAIL_WIDTH = 240
PREVIEW_WIDTH = 480
GAP = 3
CANDIDATES = 12
JPEG_QUALITY = 80


def write_dataset_section(
    workspace: Workspace, rows: Sequence[SampleRow], statistics: Statistics, plan: Plan
) -> None:
    """Write `report/dataset.html`."""
    palindromes = sum(row.pivot is not None for row in rows)
    summary = (
        f"{len(rows)} samples, {palindromes} of them palindromes, {minutes(rows) / 60:.3f} hours, "
        f"in {len({row.shard for row in rows})} shards. Every sample was read back after writing "
        "and compared with its digest, its video's frames were counted, and its float32 actions, "
        f"integrated from the first pose, stay within {statistics.position_error_m:.1e} m and "
        f"{statistics.rotation_error_deg:.1e}° of its poses."
    )
    body = "".join(f"<p>{html.escape(text)}</p>\n" for text in [summary, *plan.remarks])
    body += table_html(SPLIT_HEADER, split_rows(rows))
    body += _left_out_html(plan)
    body += table_html(["shard", "samples", "MB", "minutes"], _shard_rows(workspace, rows))
    body += _shares_figure(statistics) + _palindrome_html(workspace, rows)
    write_section(workspace, "dataset", "Dataset", body)


def _left_out_html(plan: Plan) -> str:
    if not plan.left_out:
        return "<p>Every frame of the clips is in some sample.</p>\n"
    return "<h3>Footage left out</h3>\n" + table_html(LEFT_OUT_HEADER, left_out_rows(plan))


def _shard_rows(workspace: Workspace, rows: Sequence[SampleRow]) -> list[list[object]]:
    shards: dict[str, list[SampleRow]] = {}
    for row in rows:
        shards.setdefault(row.shard, []).append(row)
    return [
        [name, len(of), f"{workspace.size(f'{SHARDS}/{name}') / 1e6:.1f}", f"{minutes(of):.2f}"]
        for name, of in shards.items()
    ]


def _shares_figure(statistics: Statistics) -> str:
    """Share of frames with each action, in ordinary samples and in palindromes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3))
    axes = figure.subplots()
    places = np.arange(len(ACTIONS))
    for kind, name in enumerate(("ordinary", "palindrome")):
        if statistics.frames[kind]:
            share = 100 * statistics.active[kind] / statistics.frames[kind]
            axes.bar(places + 0.4 * kind - 0.2, share, 0.4, label=name)
    axes.set_xticks(places, ACTIONS, rotation=45, ha="right")
    axes.set_ylabel("% of frames")
    axes.legend()
    return figure_html(
        figure, "Frames of the samples with each action pressed; a frame may have several."
    )


def _palindrome_html(workspace: Workspace, rows: Sequence[SampleRow]) -> str:
    """A palindrome that goes far back, as a strip and as a video."""
    turned = [row for row in rows if row.pivot is not None]
    if not turned:
        return "<p>There are no palindromes.</p>\n"
    sample = _most_travelled(workspace, turned)
    row = sample.row
    strip = image_html(
        palindrome_strip(sample),
        f"{row.key}: above, the way out to frame {row.pivot}; below, the same places on the way "
        "back, at the frame of the sample that each picture names.",
    )
    video = video_html(_preview(sample), f"{row.key}, played from frame 0 to the last.")
    return strip + side_by_side([video])


def _most_travelled(workspace: Workspace, turned: Sequence[SampleRow]) -> Sample:
    """Of the palindromes that return furthest, the one that sees most on its way: turns and steps.

    The smaller the pivot's share of the window, the further the camera returns.
    """
    ranked = sorted(turned, key=lambda row: ((row.pivot or 0) / row.length, row.key))
    samples = (read_sample(workspace, row) for row in ranked[:CANDIDATES])
    return max(samples, key=lambda sample: float(sample.actions[:, :STATIC].sum()))


def palindrome_strip(sample: Sample) -> bytes:
    """A JPEG of two rows: frames of the way out, and below each the frame that returns there."""
    pivot, last = int(sample.index.max()), int(sample.index[-1])
    places = np.linspace(last, pivot - 1, STRIP_COLUMNS).round().astype(int)
    out, back = places.tolist(), (2 * pivot - places).tolist()
    above = list(read_frame_indices(sample.mp4, sample.index[out].tolist()))
    below = list(read_frame_indices(sample.mp4, sample.index[back].tolist()))
    return _jpeg(np.concatenate([_titled_row(above, out), _titled_row(below, back)]))


def _titled_row(frames: list[np.ndarray], numbers: list[int]) -> np.ndarray:
    return np.concatenate(
        [_thumbnail(frame, f"t={number}") for frame, number in zip(frames, numbers, strict=True)],
        axis=1,
    )


def _thumbnail(frame: np.ndarray, title: str) -> np.ndarray:
    import cv2

    height = round(THUMBNAIL_WIDTH * frame.shape[0] / frame.shape[1])
    small = cv2.resize(frame, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(small, title, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness)
    small[-GAP:], small[:, -GAP:] = 255, 255
    return small


def _jpeg(rgb: np.ndarray) -> bytes:
    import cv2

    encoded, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return data.tobytes()


def _preview(sample: Sample) -> bytes:
    size = sample.facts["intrinsics"]
    height = round(PREVIEW_WIDTH * size["height"] / size["width"] / 2) * 2
    return encode_preview(sample.frames(), sample.row.fps, PREVIEW_WIDTH, height)
