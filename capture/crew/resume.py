"""What is left to do: the plan without committed clips and without tours in quarantine.

One listing of `clips/` tells which tours have a commit record. Files of an attempt that lost are
removed only once another one is committed: until then the attempt may still be at work, on a
machine that the driver has lost sight of, and win.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from capture.crew.journal import Quarantined, lift_quarantine, read_quarantine
from capture.tours.rows import PlanRow
from dataset.clip import CLIPS, RECORD, read_clip
from dataset.workspace import Workspace

READERS = 16


@dataclass(frozen=True, kw_only=True)
class Work:
    """A plan's rows by what became of them so far."""

    todo: list[PlanRow]
    committed: list[PlanRow]
    quarantined: list[PlanRow]  # not to be tried in this run
    failures: dict[str, Quarantined]  # what is known of tours that are tried once more
    untidy: frozenset[str]  # tours to do that earlier attempts have left files of

    @property
    def planned(self) -> int:
        """Tours of the plan."""
        return len(self.todo) + len(self.committed) + len(self.quarantined)


def find_work(workspace: Workspace, rows: list[PlanRow], retry_quarantined: bool) -> Work:
    """Sort the plan's rows; debris in the folders of committed tours is removed."""
    attempts = workspace.list_tree(CLIPS)
    given_up = {tour.tour_id: tour for tour in read_quarantine(workspace)}
    # A row's id is a digest of all that it holds: it is worked out once.
    ids = [row.tour_id for row in rows]
    todo, committed, quarantined, untidy, done = [], [], [], set(), []
    for tour_id, row in zip(ids, rows, strict=True):
        if RECORD in attempts.get(tour_id, ()):
            committed.append(row)
            done.append(tour_id)
        elif tour_id in given_up and not retry_quarantined:
            quarantined.append(row)
        else:
            todo.append(row)
            if tour_id in attempts:
                untidy.add(tour_id)
    for tour_id in done:
        if given_up.pop(tour_id, None) is not None:
            lift_quarantine(workspace, tour_id)
    _remove_debris(workspace, done, attempts)
    return Work(
        todo=todo,
        committed=committed,
        quarantined=quarantined,
        failures=given_up,
        untidy=frozenset(untidy),
    )


def remove_lost_attempts(workspace: Workspace, tour_id: str) -> None:
    """Remove what a committed tour's folder holds of attempts that lost."""
    clip = read_clip(workspace, tour_id)
    if clip is None:
        return
    for name in workspace.list_names(f"{CLIPS}/{tour_id}"):
        if name not in (RECORD, clip.attempt):
            workspace.delete_folder(f"{CLIPS}/{tour_id}/{name}")


def _remove_debris(
    workspace: Workspace, tour_ids: Iterable[str], attempts: dict[str, set[str]]
) -> None:
    untidy = [tour_id for tour_id in tour_ids if len(attempts[tour_id]) > 2]
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(lambda tour_id: remove_lost_attempts(workspace, tour_id), untidy))
