"""Say what is the matter with a camera path: axes, handedness, unit, labels, jitter, lost frames.

    python -m labeling.doctor FILE [--labels LABELS.parquet] [--plot FILE.png]

FILE is any pose file that `labeling.poses_to_actions` reads, such as a clip's camera.parquet;
LABELS is what that command wrote for it. Prints a table, a finding a line, and draws the path.
"""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dataset.errors import OpenRelicError, parse_settings, run_command

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line sets."""

    file: Positional[Annotated[Path, arg(metavar="FILE")]]
    """Pose file, or the folder of a COLMAP model."""
    format: str | None = None
    """tum, kitti, nerfstudio, colmap, colmap-bin, realestate10k, csv or camera-parquet; guessed if
    not given."""
    fps: float = 16.0
    """Frames a second where the file holds no times."""
    labels: Path | None = None
    """Label file to check against the poses by integrating it."""
    plot: Path | None = None
    """Where the picture goes; FILE.doctor.png if not given."""


def main() -> None:
    """Print the findings; exit code 1 if one is wrong."""
    settings = parse_settings(Settings, __doc__)
    if not 0 < settings.fps < float("inf"):
        raise OpenRelicError(f"--fps is {settings.fps:g}; give a number above 0")
    from labeling.findings import examine
    from labeling.formats import guess_format, named_format, read_poses, times_of
    from labeling.path_plot import plot_path

    form = named_format(settings.format) if settings.format else None
    poses = read_poses(settings.file, form)
    if len(poses) < 3:
        raise OpenRelicError(f"{settings.file} has {len(poses)} poses; 3 or more can be examined")
    time_s = times_of(poses, settings.fps)
    findings = examine(poses, time_s, form or guess_format(settings.file), settings.labels)
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        sys.stdout.write(f"{finding.verdict:5}  {finding.what:{width}}  {finding.why}\n")
    plot = settings.plot or settings.file.with_name(f"{settings.file.name}.doctor.png")
    plot_path(poses, time_s, plot)
    log.info("%s: the path, its speeds and its jitter", plot)
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if wrong:
        raise OpenRelicError(f"{wrong} of {len(findings)} findings are wrong (see above)")


if __name__ == "__main__":
    run_command(main)
