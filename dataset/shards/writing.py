"""Writing shards, so that an interrupted build goes on and the same input gives the same bytes.

A shard is written under a temporary name, renamed, and then committed by its part of the manifest,
`shards/parts/<shard>.parquet`, which carries a fingerprint of all that the shard is made from. A
shard whose part has the wanted fingerprint is left alone; any other is written again, its part
removed first. `shards/manifest.parquet` joins the parts: it is removed before anything changes and
written when everything is there. Tar entries have mtime 0, no owner and the order of `MEMBERS`.

One build at a time writes to a workspace, by the lock of `python -m dataset.build`; its workers
write a shard each.
"""

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence

from blake3 import blake3

from dataset.errors import OpenRelicError
from dataset.shards.layout import PlannedSample, Shard, by_clip
from dataset.shards.manifest import MANIFEST, SampleRow, rows_from_table, rows_to_table
from dataset.shards.samples import open_source, sample_members
from dataset.workspace import SHARDS, Workspace

PARTS = f"{SHARDS}/parts"
METADATA_KEY = b"openrelic"
END_OF_ARCHIVE = bytes(2 * tarfile.BLOCKSIZE)

Progress = Callable[[int], object]  # is told of samples done


def prepare(workspace: Workspace, shards: Sequence[Shard]) -> list[list[SampleRow] | None]:
    """Remove what is not wanted, and find what is there: the rows of each shard, or None.

    The manifest goes first if anything is to change.
    """
    committed = [_committed_rows(workspace, shard) for shard in shards]
    stale = _unwanted(workspace, shards)
    if stale or None in committed:
        workspace.delete_file(MANIFEST)
    for path in stale:
        workspace.delete_file(path)
    return committed


def write_manifest(workspace: Workspace, rows: Sequence[SampleRow]) -> None:
    """Commit the build."""
    workspace.write_table(MANIFEST, rows_to_table(list(rows)))


def _unwanted(workspace: Workspace, shards: Sequence[Shard]) -> list[str]:
    """Shards and parts of other settings, and what a killed build left under temporary names.

    Parts come first: a part must never outlive its shard.
    """
    parts = {f"{shard.stem}.parquet" for shard in shards}
    tars = {shard.name for shard in shards}
    found = [f"{PARTS}/{n}" for n in workspace.list_names(PARTS) if n not in parts]
    for name in workspace.list_names(SHARDS):
        leftover = name.startswith(".") and name.endswith(".tmp")
        if leftover or (name.endswith(".tar") and name not in tars):
            found.append(f"{SHARDS}/{name}")
    return found


def _part_path(shard: Shard) -> str:
    return f"{PARTS}/{shard.stem}.parquet"


def _committed_rows(workspace: Workspace, shard: Shard) -> list[SampleRow] | None:
    """The rows of a shard that is there as wanted, else None."""
    path, tar = _part_path(shard), f"{SHARDS}/{shard.name}"
    if not (workspace.exists(path) and workspace.exists(tar)):
        return None
    wanted = {"fingerprint": shard.fingerprint, "bytes": workspace.size(tar)}
    try:
        table = workspace.read_table(path)
        metadata = json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
        return rows_from_table(table, path) if metadata == wanted else None
    except (OpenRelicError, json.JSONDecodeError):
        return None  # a part that is damaged commits nothing


def write_shard(
    workspace: Workspace, shard: Shard, label_set: str, progress: Progress
) -> list[SampleRow]:
    """Write a shard and commit it; a row a sample."""
    workspace.delete_file(_part_path(shard))
    rows: list[SampleRow] = []
    offset = 0
    with (
        workspace.writing(f"{SHARDS}/{shard.name}") as temporary,
        temporary.open("wb") as sink,
    ):
        for sample, entries in _encoded(workspace, shard, label_set):
            sink.write(entries)
            rows.append(_row(shard, sample, offset, entries))
            offset += len(entries)
            progress(1)
        sink.write(END_OF_ARCHIVE)
    metadata = {"fingerprint": shard.fingerprint, "bytes": offset + len(END_OF_ARCHIVE)}
    table = rows_to_table(rows).replace_schema_metadata({METADATA_KEY: json.dumps(metadata)})
    workspace.write_table(_part_path(shard), table)
    return rows


def _encoded(
    workspace: Workspace, shard: Shard, label_set: str
) -> Iterator[tuple[PlannedSample, bytes]]:
    """Each sample with its tar entries."""
    for clip, samples in by_clip(shard.samples):
        with open_source(workspace, label_set, clip) as source:
            for sample in samples:
                members = sample_members(source, sample.window, sample.caption)
                yield sample, tar_entries(sample.window.key, members)


def tar_entries(key: str, members: dict[str, bytes]) -> bytes:
    """The members as consecutive tar entries `<key>.<member>`, padded to whole blocks."""
    blocks = []
    for member, data in members.items():
        info = tarfile.TarInfo(f"{key}.{member}")
        info.size = len(data)
        padding = bytes(-len(data) % tarfile.BLOCKSIZE)
        blocks += [info.tobuf(tarfile.USTAR_FORMAT), data, padding]
    return b"".join(blocks)


def _row(shard: Shard, sample: PlannedSample, offset: int, entries: bytes) -> SampleRow:
    clip, window = sample.clip, sample.window
    return SampleRow(
        key=window.key,
        split=shard.split,
        shard=shard.name,
        offset=offset,
        size=len(entries),
        blake3=blake3(entries).hexdigest(),
        tour=clip.tour_id,
        clip_digest=clip.digest,
        scene=clip.scene,
        asset=clip.asset,
        licence=clip.licence,
        kind=clip.kind,
        motion=clip.motion,
        first_frame=window.first_frame,
        length=window.length,
        pivot=window.pivot,
        fps=clip.fps,
    )
