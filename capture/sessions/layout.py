"""A packaged Unreal project's layout, and private copies of it for each engine.

A project is `<root>/<Proj>/Binaries/Linux/<Proj>`. Instances that share a folder race on the
`unrealcv.ini` beside the executable and on the project's `Saved` folder, so each engine gets a tree
of its own, made of links. The executable is hard-linked or copied, since Unreal finds its folder by
resolving links.
"""

import os
import pwd
import shutil
from pathlib import Path
from typing import Any

from dataset.errors import OpenRelicError

OWN = ("unrealcv.ini", "Saved")  # written by each instance


def checked_binary(engine: str) -> Path:
    """The packaged binary that `engine` names; anything else is refused."""
    binary = Path(engine)
    if not binary.is_absolute() or not os.access(binary, os.X_OK) or binary.is_dir():
        raise OpenRelicError(
            f"engine {engine!r} is not one we can start; give 'embedded', HOST:PORT, the path of a "
            "Unix socket, or the absolute path of a packaged binary (…/Proj/Binaries/Linux/Proj)"
        )
    return binary


def private_copy(binary: Path, folder: Path) -> Path:
    """Mirror the project of `binary` below `folder` with links; the private executable's path.

    Only the executable, `unrealcv.ini` and `Saved` are our own.
    """
    if len(binary.parents) < 4 or binary.parents[1].name != "Binaries":
        raise OpenRelicError(
            f"{binary} is not laid out as a packaged project; …/Proj/Binaries/Linux/Proj is needed"
        )
    shutil.rmtree(folder, ignore_errors=True)
    original = binary.parents[3]
    here = folder
    for part in [*binary.relative_to(original).parts]:
        here.mkdir(parents=True)
        for entry in original.iterdir():
            if entry.name not in (part, *OWN):
                (here / entry.name).symlink_to(entry)
        here, original = here / part, original / part
    _link_or_copy(binary, here)
    return here


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def write_ini(binary: Path, port: int, size: tuple[int, int]) -> None:
    """Port, width and height for the engine at `binary`."""
    binary.with_name("unrealcv.ini").write_text(
        f"[UnrealCV.Core]\nPort={port}\nWidth={size[0]}\nHeight={size[1]}\n"
    )


def hand_over(folder: Path, user: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the private copy at `folder` to `user`; what `Popen` needs, and the environment."""
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise OpenRelicError(
            f"there is no user {user!r} on this machine; name one that is in /etc/passwd"
        ) from None
    if os.geteuid() not in (0, account.pw_uid):
        raise OpenRelicError(f"only root can start an engine as {user!r}; leave the user out")
    if os.geteuid() == account.pw_uid:
        return {}, {}
    for place, _, _ in os.walk(folder):
        os.chown(place, account.pw_uid, account.pw_gid)
    # A temporary folder is closed to others; passing through it must be possible.
    folder.parent.chmod(folder.parent.stat().st_mode | 0o011)
    groups = os.getgrouplist(user, account.pw_gid)
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    return identity, {"HOME": account.pw_dir, "USER": user, "LOGNAME": user}
