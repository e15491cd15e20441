"""Which frames of a clip may become samples, and why the others may not.

QA measures clips and proposes (`dataset.qa.store`), reviewers decide (`dataset.qa.decisions`), and
a policy says what counts:

    accepted       what a reviewer accepted, and nothing else
    not-rejected   what no reviewer rejected, without the parts that QA found bad
    all            every frame, whatever QA and reviewers say

A reviewer's word stands above QA's: accepting a clip takes all its frames, unless its files are
damaged. A clip that QA has not seen yet is taken whole under `not-rejected`, and is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dataset.clip import Clip
from dataset.errors import MissingInputError
from dataset.qa.decisions import DECISIONS, Decision, read_decisions
from dataset.qa.store import METRICS, ClipMetrics, Segment, read_metrics
from dataset.workspace import Workspace

QA = "qa"

Policy = Literal["accepted", "not-rejected", "all"]


@dataclass(frozen=True, kw_only=True)
class Usable:
    """The usable parts of a clip in their order, and why the other frames are left out."""

    segments: tuple[Segment, ...]
    reason: str | None = None  # None: nothing is left out
    measured: bool = True  # whether QA has seen this very clip

    @property
    def frames(self) -> int:
        """Usable frames."""
        return sum(segment.frames for segment in self.segments)


class Verdicts:
    """What QA and reviewers said of a workspace's clips, read once."""

    def __init__(self, workspace: Workspace, policy: Policy | None, clips: Sequence[Clip]) -> None:
        """Read what is said of `clips`; None: `not-rejected` where anything is, else `all`.

        Raises `MissingInputError` where the policy needs what is not there.
        """
        there = any(workspace.exists(path) for path in (METRICS, DECISIONS))
        self.policy: Policy = policy or ("not-rejected" if there else "all")
        self._metrics: Mapping[str, ClipMetrics] = {}
        self._decisions: Mapping[str, Decision] = {}
        if self.policy == "all":
            return
        if not there:
            command = "qa" if self.policy == "not-rejected" else "dashboard"
            raise MissingInputError(
                f"{workspace.location}/{QA}, which the policy {self.policy!r} goes by",
                f"python -m dataset.{command} {workspace.location}",
            )
        found = read_metrics(workspace)
        self._metrics = {} if found is None else found.clips
        self._decisions = read_decisions(workspace, clips)

    def of(self, clip: Clip) -> Usable:
        """The usable parts of a committed clip."""
        everything = (Segment(first_frame=0, frames=clip.frames),)
        if self.policy == "all":
            return Usable(segments=everything)
        metrics = self._metrics.get(clip.tour_id)
        if metrics is not None and metrics.digest != clip.digest:
            metrics = None
        decision = self._decisions.get(clip.tour_id)
        verdict = decision.verdict if decision and decision.digest == clip.digest else None
        if metrics is not None and metrics.damaged:
            return Usable(segments=(), reason="its files are damaged")
        if verdict == "reject" and decision is not None:
            return Usable(segments=(), reason=_rejected(decision))
        if verdict == "accept":
            return Usable(segments=everything, measured=metrics is not None)
        if self.policy == "accepted":
            return Usable(segments=(), reason="no reviewer has accepted it")
        if metrics is None:
            return Usable(segments=everything, measured=False)
        return _proposed(metrics, clip)


def usable_segments(workspace: Workspace, clip: Clip, policy: Policy | None = None) -> Usable:
    """What `Verdicts` says of a single clip."""
    return Verdicts(workspace, policy, [clip]).of(clip)


def _rejected(decision: Decision) -> str:
    why = f": {decision.reason}" if decision.reason else ""
    return f"rejected by a reviewer{why}"


def _proposed(metrics: ClipMetrics, clip: Clip) -> Usable:
    """What QA would take: the runs without a failed second."""
    if sum(part.frames for part in metrics.segments) == clip.frames:
        return Usable(segments=metrics.segments)
    failed = ", ".join(metrics.failed) or metrics.proposed
    return Usable(segments=metrics.segments, reason=f"failed in QA: {failed}")
