"""Read a workspace again and prove every file: clips, labels, captions, shards, latents.

    python -m dataset.verify WORKSPACE

Whatever is there is looked at. Files with a recorded SHA-256 (those of clips, every sample of a
shard, latents) are hashed; labels must belong to the clip that is there and lead along its poses;
captions and plans must be readable. One line names each damaged file, and the
exit code is 1 if there is any.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from dataset.workspace import Workspace

log = logging.getLogger(__name__)

READERS = 8  # on object storage, where waiting is most of it
CAPTIONS = "captions"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `dataset.verify`."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace."""
    readers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Files read at once; one a core, and 8 at least on object storage, if not given."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One file, or one sample of a shard, and what proves it."""

    name: str
    prove: Callable[[], object]  # raises what is wrong


def main() -> None:
    """Prove every file and name the damaged ones."""
    settings = parse_settings(Settings, __doc__)
    if settings.readers is not None and settings.readers < 1:
        raise OpenRelicError(f"--readers is {settings.readers}; give 1 or more")
    from tqdm import tqdm

    from dataset.workspace import Workspace

    workspace = Workspace(settings.workspace)
    checks = list(checks_of(workspace))
    if not checks:
        raise OpenRelicError(f"{workspace.location} holds nothing that could be verified")
    readers = settings.readers or _readers(workspace)
    with tqdm(total=len(checks), unit="file", desc="verify") as bar:
        damaged = 0
        for complaint in complaints(checks, readers):
            bar.update()
            if complaint:
                damaged += 1
                bar.write(f"damaged: {complaint}", file=sys.stderr)
    if damaged:
        raise OpenRelicError(f"{damaged} of {len(checks)} files are damaged or missing (see above)")
    log.info("%d files are as they were written", len(checks))


def _readers(workspace: "Workspace") -> int:
    cores = len(os.sched_getaffinity(0))
    return cores if workspace.local_root is not None else max(READERS, cores)


def complaints(checks: list[Check], readers: int) -> Iterator[str | None]:
    """One for each check, in any order: a line about what is damaged, or None."""
    with ThreadPoolExecutor(readers) as pool:
        for ended in as_completed([pool.submit(_complaint, check) for check in checks]):
            yield ended.result()


def _complaint(check: Check) -> str | None:
    try:
        check.prove()
    except FileNotFoundError:
        return f"{check.name}: the file is missing"
    except (OpenRelicError, OSError, ValueError, KeyError, TypeError) as error:
        text = " ".join(str(error).split())
        return text if check.name in text else f"{check.name}: {text}"
    return None


def checks_of(workspace: "Workspace") -> Iterator[Check]:
    """Every proof that this workspace allows."""
    from dataset.workspace import PLAN

    if workspace.exists(PLAN):
        yield Check(name=PLAN, prove=lambda: workspace.read_table(PLAN))
    for stage in (_clip_checks, _label_checks, _caption_checks, _shard_checks, _latent_checks):
        yield from stage(workspace)


def _clip_checks(workspace: "Workspace") -> Iterator[Check]:
    from dataset.clip import CLIPS, RECORD, read_clip

    for tour_id, entries in sorted(workspace.list_tree(CLIPS).items()):
        if RECORD not in entries:
            continue
        record = f"{CLIPS}/{tour_id}/{RECORD}"
        try:
            clip = read_clip(workspace, tour_id)
        except OpenRelicError as error:
            yield Check(name=record, prove=_raising(error))
            continue
        if clip is not None:
            for name in clip.files:
                file = clip.files[name]
                yield _digest_check(workspace, clip.path(name), file.sha256)


def _label_checks(workspace: "Workspace") -> Iterator[Check]:
    from dataset.workspace import LABELS

    for label_set, names in workspace.list_tree(LABELS).items():
        for name in sorted(names):
            tour_id, _, ending = name.rpartition(".")
            if ending == "parquet" and not name.startswith("."):
                yield Check(
                    name=f"{LABELS}/{label_set}/{name}",
                    prove=lambda s=label_set, t=tour_id: _prove_labels(workspace, s, t),
                )


def _prove_labels(workspace: "Workspace", label_set: str, tour_id: str) -> None:
    """The labels are those of the committed clip, and lead along its poses."""
    from dataset.clip import read_clip
    from labeling.actions import integration_error
    from labeling.store import clip_poses, require_labels

    clip = read_clip(workspace, tour_id)
    if clip is None:
        raise OpenRelicError(f"labels of {tour_id}, which has no committed clip")
    actions = require_labels(workspace, label_set, clip)
    error_m, error_rad = integration_error(actions, *clip_poses(workspace, clip))
    if not (error_m < 1e-6 and error_rad < 1e-6):
        raise OpenRelicError(
            f"its actions end {error_m:.2g} m and {error_rad:.2g} rad off the clip's poses; delete "
            f"it and run `python -m labeling.poses_to_actions {workspace.location}` again"
        )


def _caption_checks(workspace: "Workspace") -> Iterator[Check]:
    for folder, names in workspace.list_tree(CAPTIONS).items():
        for name in sorted(names):
            path = f"{CAPTIONS}/{folder}/{name}"
            if name.endswith(".json") and not name.startswith("."):
                yield Check(name=path, prove=lambda p=path: workspace.read_json(p))


def _shard_checks(workspace: "Workspace") -> Iterator[Check]:
    from dataset.shards.loader import check_sample_bytes
    from dataset.shards.manifest import MANIFEST, read_manifest

    if not workspace.exists(MANIFEST):
        return
    try:
        rows = read_manifest(workspace)
    except OpenRelicError as error:
        yield Check(name=MANIFEST, prove=_raising(error))
        return
    for row in rows:
        yield Check(name=f"sample {row.key}", prove=lambda r=row: check_sample_bytes(workspace, r))


def _latent_checks(workspace: "Workspace") -> Iterator[Check]:
    from dataset.latents.store import MANIFEST, RECORD, read_rows

    if not workspace.exists(RECORD):
        return
    yield Check(name=RECORD, prove=lambda: workspace.read_json(RECORD))
    try:
        rows = read_rows(workspace)
    except (OpenRelicError, FileNotFoundError, TypeError) as error:
        yield Check(name=MANIFEST, prove=_raising(error))
        return
    for row in rows:
        yield _digest_check(workspace, row.path, row.sha256)


def _digest_check(workspace: "Workspace", path: str, sha256: str) -> Check:
    return Check(name=path, prove=lambda: _prove_digest(workspace, path, sha256))


def _prove_digest(workspace: "Workspace", path: str, sha256: str) -> None:
    from dataset.workspace import sha256_file

    with workspace.reading(path) as local:
        found = sha256_file(local)
    if found != sha256:
        raise OpenRelicError(f"its SHA-256 is {found[:12]}…, the record says {sha256[:12]}…")


def _raising(error: Exception) -> Callable[[], object]:
    def prove() -> object:
        raise error

    return prove


if __name__ == "__main__":
    run_command(main)
