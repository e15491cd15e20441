"""Measure every clip of a workspace, and propose which parts of it are fit for training.

    python -m dataset.qa WORKSPACE
    python -m dataset.qa WORKSPACE --config configs/qa.yaml --workers 8

Writes `qa/metrics.parquet` (a row a clip), `qa/seconds.parquet` (a row a second) and the report's
section. Clips that were measured before are not measured again, whatever the thresholds; stopped at
any moment, killed or with Ctrl-C, the same command goes on. `docs/qa.md` explains every check.
"""

import logging
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from dataset.clip import Clip
    from dataset.workspace import Workspace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `dataset.qa`."""

    workspace: WorkspaceArgument
    """The workspace: a folder or a URI."""
    config: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """YAML file with thresholds, like configs/qa.yaml, which has the defaults."""
    set: str = "default"
    """The label set that pictures are compared with; without labels, the poses are."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Clips at once; one a core if not given. 1 measures in this process, without Ray."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Address of a Ray cluster to join (auto: the one on this machine); started here if absent."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.workers is not None and self.workers < 1:
            raise OpenRelicError(f"--workers is {self.workers}; give 1 or more")


def main() -> None:
    """Measure what has not been measured, judge everything, write the files and the section."""
    settings = parse_settings(Settings, __doc__)
    from dataset.clip import require_clips
    from dataset.qa.section import write_qa_section
    from dataset.qa.thresholds import read_thresholds
    from dataset.qa.verdicts import write_verdicts
    from dataset.workspace import Workspace
    from labeling.store import check_set_name

    check_set_name(settings.set)
    thresholds = read_thresholds(settings.config)
    workspace = Workspace(settings.workspace)
    clips = require_clips(workspace)
    troubled = _measure(settings, workspace, clips)
    verdicts = write_verdicts(workspace, clips, settings.set, thresholds)
    write_qa_section(workspace, clips, verdicts, thresholds)
    for line in verdicts.remarks(workspace, settings.set):
        logger.warning("%s", line)
    logger.info("%s", verdicts.summary(workspace))
    if troubled:
        raise OpenRelicError(
            f"{len(troubled)} of {len(clips)} clips could not be measured (see above); mend the "
            "cause, then run the same command again"
        )


def _measure(settings: Settings, workspace: "Workspace", clips: "list[Clip]") -> list[str]:
    """Measure the clips that have no part yet; those that could not be measured."""
    from tqdm import tqdm

    from dataset.qa.crew import measure_all
    from dataset.qa.parts import part_key, read_part

    todo = [
        clip
        for clip in tqdm(clips, desc="look", unit="clip", disable=None)
        if read_part(workspace, clip, part_key(workspace, clip, settings.set)) is None
    ]
    if not todo:
        logger.info("all %d clips were measured before", len(clips))
        return []
    frames, began = sum(clip.frames for clip in todo), time.monotonic()
    workers = settings.workers or (0 if settings.ray else len(os.sched_getaffinity(0)))
    troubled = []
    with tqdm(total=frames, desc="qa", unit="frame", mininterval=0.5) as bar:
        ended = measure_all(
            workspace, todo, settings.set, workers=min(workers, len(todo)),
            ray_address=settings.ray, progress=bar.update,
        )  # fmt: skip
        for count, done in enumerate(ended, 1):
            bar.set_postfix_str(f"{count}/{len(todo)} clips")
            if done.trouble is not None:
                troubled.append(done.tour_id)
                bar.clear()
                logger.warning("%s: %s", done.tour_id, done.trouble)
    _tell_speed(todo, frames, time.monotonic() - began)
    return troubled


def _tell_speed(clips: "list[Clip]", frames: int, took_s: float) -> None:
    length_s = sum(clip.frames / clip.fps for clip in clips)
    logger.info(
        "measured %d clips in %.0f s: %.2f clips and %.0f frames a second, %.1f times as fast as "
        "they play", len(clips), took_s, len(clips) / took_s, frames / took_s, length_s / took_s,
    )  # fmt: skip


if __name__ == "__main__":
    run_command(main)
