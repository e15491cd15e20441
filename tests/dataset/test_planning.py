"""What samples are made of which footage: captions, QA's findings, reviewers' decisions."""

import dataclasses
import datetime

import pytest

from dataset.clip import Clip, read_clip
from dataset.errors import MissingInputError, OpenRelicError
from dataset.qa.checks import CHECKS, NAMES
from dataset.qa.decisions import Decision, Entry, publish
from dataset.qa.store import ClipMetrics, Segment, write_metrics
from dataset.qa.usable import usable_segments
from dataset.shards.loader import iterate_samples
from dataset.shards.manifest import read_manifest
from dataset.shards.planning import NO_WINDOW, Recipe, plan_samples
from dataset.workspace import Workspace
from labeling.captioning.store import ClipCaptions, segment_borders, write_captions
from labeling.captioning.store import Segment as CaptionSegment
from tests.dataset.conftest import SMALL_SHARDS
from tests.dataset.scenes import build

TOURS = ("alpha-one-0a", "alpha-two-0b", "beta-0c", "beta-short-0d")
PLAIN = Recipe(palindromes=0, balance=0, test_share=0)


def clip_of(workspace: Workspace, tour: str) -> Clip:
    clip = read_clip(workspace, tour)
    assert clip is not None
    return clip


def write_caption_set(workspace: Workspace, tours: tuple[str, ...] = TOURS, last: str = "") -> None:
    """Captions that name their segment; the second of each clip has failed."""
    for tour in tours:
        clip = clip_of(workspace, tour)
        segments = tuple(
            CaptionSegment(first_frame=first, frames=frames, caption=None, failure="blurred")
            if first == 80
            else CaptionSegment(first_frame=first, frames=frames, caption=f"{tour} {first}{last}")
            for first, frames in segment_borders(clip.frames)
        )
        captions = ClipCaptions(clip_digest=clip.digest, source="test", segments=segments)
        write_captions(workspace, "default", tour, captions)


def test_a_sample_has_the_caption_of_its_first_frames_segment(fresh: Workspace) -> None:
    write_caption_set(fresh)
    build(fresh, *SMALL_SHARDS)
    captions = {(s.row.tour, s.row.first_frame): s.caption for s in iterate_samples(fresh)}
    assert captions == {
        ("alpha-one-0a", 0): "alpha-one-0a 0",
        ("alpha-one-0a", 96): "A room with a lamp.",  # the segment's failed: its scene's
        ("alpha-two-0b", 0): "alpha-two-0b 0",
        ("beta-0c", 0): "beta-0c 0",
        ("beta-0c", 96): "",
    }
    assert "segments have no caption and get their scene's" in (
        fresh.read_bytes("shards/README.md").decode()
    )


def test_a_changed_caption_is_noticed(fresh: Workspace) -> None:
    write_caption_set(fresh)
    build(fresh, *SMALL_SHARDS)
    before = {row.key: row.blake3 for row in read_manifest(fresh)}
    write_caption_set(fresh, tours=("beta-0c",), last=" anew")
    build(fresh, *SMALL_SHARDS)
    after = {row.key: row.blake3 for row in read_manifest(fresh)}
    changed = {key for key in before if before[key] != after[key]}
    assert changed and all(key.startswith("beta-0c-f000000") for key in changed)
    captions = {s.row.tour: s.caption for s in iterate_samples(fresh) if not s.row.first_frame}
    assert captions["beta-0c"] == "beta-0c 0 anew"


def test_captions_that_are_missing_name_the_command(fresh: Workspace) -> None:
    write_caption_set(fresh, tours=TOURS[:2])
    with pytest.raises(MissingInputError, match="beta-0c.json .* -m labeling.captions .* --set d"):
        plan_samples(fresh, PLAIN)
    with pytest.raises(MissingInputError, match="captions/other .* --set other"):
        plan_samples(fresh, dataclasses.replace(PLAIN, caption_set="other"))
    with pytest.raises(OpenRelicError, match="not a simple name"):
        plan_samples(fresh, dataclasses.replace(PLAIN, caption_set="../x"))


def measured(
    clip: Clip, *failed: str, segments: tuple[tuple[int, int], ...] | None = None
) -> ClipMetrics:
    parts = ((0, clip.frames),) if segments is None else segments
    return ClipMetrics(
        tour_id=clip.tour_id, digest=clip.digest, scene=clip.scene, asset=clip.asset,
        frames=clip.frames, fps=clip.fps, proposed="look" if failed else "accept",
        failed=failed, values=dict.fromkeys(NAMES, 0.0), evidence=(),
        segments=tuple(Segment(first_frame=first, frames=frames) for first, frames in parts),
    )  # fmt: skip


def measure(workspace: Workspace, *metrics: ClipMetrics) -> None:
    write_metrics(workspace, metrics, {check.name: check.threshold for check in CHECKS}, "digest")


def said(clip: Clip, verdict: Entry, reason: str = "") -> Decision:
    return Decision(
        tour_id=clip.tour_id, digest=clip.digest, verdict=verdict, reason=reason, reviewer="r",
        time_utc=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    )  # fmt: skip


def spans(workspace: Workspace, clip: Clip, policy) -> list[tuple[int, int]]:
    usable = usable_segments(workspace, clip, policy)
    return [(part.first_frame, part.frames) for part in usable.segments]


def test_policies(fresh: Workspace) -> None:
    one, two, three, short = (clip_of(fresh, tour) for tour in TOURS)
    whole = [(0, 200)]
    assert spans(fresh, one, None) == whole  # nobody has spoken
    with pytest.raises(MissingInputError, match="-m dataset.dashboard"):
        usable_segments(fresh, one, "accepted")
    with pytest.raises(MissingInputError, match="-m dataset.qa"):
        usable_segments(fresh, one, "not-rejected")
    measure(
        fresh,
        measured(one, "flicker", segments=((0, 90), (110, 90))),
        measured(two),
        measured(three, "undecodable_frames", segments=()),
    )
    assert spans(fresh, one, None) == [(0, 90), (110, 90)]
    assert spans(fresh, one, "accepted") == []
    assert spans(fresh, one, "all") == whole
    assert spans(fresh, two, None) == [(0, 97)]
    assert spans(fresh, three, None) == []
    assert usable_segments(fresh, one).reason == "failed in QA: flicker"
    assert not usable_segments(fresh, short).measured
    publish(fresh, [said(one, "accept"), said(two, "reject", "dull"), said(three, "accept")])
    assert spans(fresh, one, None) == spans(fresh, one, "accepted") == whole
    assert spans(fresh, two, None) == []
    assert usable_segments(fresh, two).reason == "rejected by a reviewer: dull"
    assert usable_segments(fresh, three).reason == "its files are damaged"
    assert spans(fresh, three, "all") == [(0, 180)]
    stale = dataclasses.replace(said(one, "reject"), digest="of an earlier clip")
    publish(fresh, [stale, said(two, "look")])
    assert spans(fresh, one, None) == [(0, 90), (110, 90)]
    assert spans(fresh, two, None) == [(0, 97)]


def test_windows_are_cut_from_usable_footage_and_the_rest_is_told(fresh: Workspace) -> None:
    one, two, three, short = (clip_of(fresh, tour) for tour in TOURS)
    measure(
        fresh, measured(one, "flicker", segments=((0, 90), (110, 90))), measured(two),
        measured(three), measured(short),
    )  # fmt: skip
    publish(fresh, [said(three, "reject", "dull")])
    plan = plan_samples(fresh, PLAIN)
    assert [(s.clip.tour_id, s.window.first_frame) for s in plan.samples] == [
        ("alpha-one-0a", 0), ("alpha-one-0a", 112), ("alpha-two-0b", 0),
    ]  # fmt: skip
    found = {entry.reason: (entry.clips, round(entry.minutes * 60 * 16)) for entry in plan.left_out}
    assert found == {
        "rejected by a reviewer: dull": (1, 180),
        "failed in QA: flicker": (1, 20),
        NO_WINDOW: (3, 9 + 9 + 16 + 60),
    }
    total = sum(minutes for _, minutes in found.values())
    shown = sum(s.window.length for s in plan.samples)
    assert total + shown == one.frames + two.frames + three.frames + short.frames
    build(fresh, *SMALL_SHARDS)
    for page in ("shards/README.md", "report/dataset.html"):
        text = fresh.read_bytes(page).decode()
        assert "rejected by a reviewer: dull" in text and "failed in QA: flicker" in text


def test_clips_that_qa_has_not_seen_are_named(fresh: Workspace) -> None:
    measure(fresh, measured(clip_of(fresh, "beta-0c")))
    plan = plan_samples(fresh, PLAIN)
    assert len(plan.samples) == 5
    assert any("QA has not seen" in r and "alpha-two-0b" in r for r in plan.remarks)


def test_nothing_accepted_is_one_line(fresh: Workspace) -> None:
    measure(fresh, *(measured(clip_of(fresh, tour)) for tour in TOURS))
    with pytest.raises(OpenRelicError, match="no reviewer has accepted it: 4 clips"):
        plan_samples(fresh, dataclasses.replace(PLAIN, qa="accepted"))


def test_balancing_adds_training_windows_only(fresh: Workspace) -> None:
    plain = plan_samples(fresh, PLAIN)
    balanced = plan_samples(fresh, dataclasses.replace(PLAIN, balance=1.0, balance_limit=1.0))
    before = {s.window.key for s in plain.samples}
    added = [s for s in balanced.samples if s.window.key not in before]
    assert before < {s.window.key for s in balanced.samples}
    assert added and {balanced.splits[s.clip.asset] for s in added} == {"train"}
    assert any(r.startswith(f"Balance: {len(added)} further") for r in balanced.remarks)
