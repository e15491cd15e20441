"""What changed in a workspace, at the price of a listing: a stamp of each file.

In a local folder a stamp is size and time of change, on object storage the size alone: there a
listing has nothing else, and records and labels that differ nearly always differ in size.
"""

from dataset.clip import RECORD
from dataset.workspace import CLIPS, LABELS, Workspace

Stamp = tuple[int, int]  # bytes, time of change in ns (0 on object storage)


def record_stamps(workspace: Workspace) -> dict[str, Stamp]:
    """The stamp of every clip's record, by tour id, sorted."""
    return _stamps(workspace, CLIPS, f"/{RECORD}")


def label_stamps(workspace: Workspace, label_set: str) -> dict[str, Stamp]:
    """The stamp of every label file of a set, by tour id, sorted."""
    return _stamps(workspace, f"{LABELS}/{label_set}", ".parquet")


def _stamps(workspace: Workspace, folder: str, ending: str) -> dict[str, Stamp]:
    """Stamps of the files `<folder>/<name><ending>`, by name."""
    if workspace.local_root is None:
        names = {
            path.removesuffix(ending): (size, 0)
            for path, size in workspace.list_files(folder).items()
            if path.endswith(ending)
        }
        return {name: stamp for name, stamp in names.items() if "/" not in name}
    listed = [name.removesuffix(".parquet") for name in workspace.list_names(folder)]
    stamps = {name: file_stamp(workspace, f"{folder}/{name}{ending}") for name in listed}
    return {name: stamp for name, stamp in stamps.items() if stamp is not None}


def file_stamp(workspace: Workspace, path: str) -> Stamp | None:
    """The stamp of one file; None if it is not there."""
    root = workspace.local_root
    try:
        if root is None:
            return workspace.size(path), 0
        found = (root / path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size, found.st_mtime_ns
