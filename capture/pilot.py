"""Fly or walk the camera by hand in any engine, in a browser; record the way, put it in the plan.

    python -m capture.pilot WORKSPACE --scene home:0
    python -m capture.pilot WORKSPACE --engine /abs/…/Binaries/Linux/Proj --scene /Game/Maps/Yard
    python -m capture.pilot WORKSPACE --engine 127.0.0.1:9000     # one that runs already

Keys are those of `labeling.actions.KEYS`; a gamepad works, too. The camera keeps its clearance from
every surface, as on planned tours. Recordings go to WORKSPACE/recordings/.
"""

import logging
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

Word = tyro.conf.arg


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `capture.pilot`."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace; it is made if it is not there."""
    engine: str = "embedded"
    """embedded, or the absolute path of a packaged Unreal binary, …/Proj/Binaries/Linux/Proj, or
    HOST:PORT of an engine that runs already."""
    scene: Annotated[str | None, Word(metavar="NAME")] = None
    """Scene or map. If not given: home:0 of the embedded engine; what a running engine shows."""
    scenes: Annotated[str | None, Word(metavar="FILE")] = None
    """YAML list that names the scene, for plans of other games than the embedded engine."""
    motion: Literal["fly", "walk"] = "fly"
    """fly: forward follows the view; walk: forward stays level. The page can change it."""
    rotation_frame: Literal["camera", "level"] | None = None
    """Axes of pan, tilt and roll. If not given: those of the plan that is there, else camera."""
    clearance_cm: Annotated[float, Word(metavar="CM")] = 25.0
    """The camera never comes nearer to a surface, in cm; 0: it passes through everything."""
    fov_deg: Annotated[float, Word(metavar="DEG")] = 90.0
    """Horizontal field of view, in degrees."""
    size: tuple[int, int] = (960, 540)
    """Width and height of the live view; recordings do not depend on it."""
    host: str = "127.0.0.1"
    """Address to serve the page on; 0.0.0.0 lets everybody on the network steer."""
    port: int = 8011
    """Port of the page; 0: any that is free."""
    engine_arguments: str = ""
    """Further arguments of the engine, in one word: --engine-arguments="-nosound -dx12"."""
    engine_user: Annotated[str | None, Word(metavar="NAME")] = None
    """User to run the engine as; Unreal refuses to run as root."""
    boot_timeout_s: float = 900.0
    """Seconds to wait for an engine to load its map."""
    reply_timeout_s: float = 60.0
    """Seconds to wait for any one reply before the engine counts as hung."""


def main() -> None:
    """Start or reach the engine, then serve the page until Ctrl-C."""
    settings = parse_settings(Settings, __doc__)
    check(settings)
    try:
        from capture.piloting.visit import fly
    except ModuleNotFoundError as error:
        raise OpenRelicError(
            f"the pilot needs {error.name}: run `pip install -e '.[pilot]'` first"
        ) from error
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    fly(settings)


def check(settings: Settings) -> None:
    """Refuse values that no camera and no page can have."""
    limits = {"fov_deg": (5, 170), "clearance_cm": (0, 1000), "port": (0, 65535)}
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            option = name.replace("_", "-")
            raise OpenRelicError(f"--{option} is {value:g}; {low:g} to {high:g} are allowed")
    if not all(16 <= side <= 4096 for side in settings.size):
        raise OpenRelicError(f"--size is {settings.size}; 16 to 4096 are allowed")


if __name__ == "__main__":
    run_command(main)
