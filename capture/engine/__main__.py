"""The embedded engine as a program: it takes what a packaged Unreal Engine binary takes.

    OpenRelic MAP [-RenderOffScreen] [-graphicsadapter=N] [-notour] [...]

Port and image size come from `unrealcv.ini` beside the executable (`Port=`, `Width=`, `Height=`).
The executable is a script that `capture.engine.package` writes and that starts this module with
`--binary PATH`. Without a map the first generated home is shown. `--list-scenes` prints the scenes
as JSON and ends. With `-notour` the engine answers plain UnrealCV, without the `/tour` commands.
"""

import configparser
import json
import logging
import sys
from pathlib import Path

from dataset.errors import OpenRelicError, run_command

DEFAULT_MAP = "home:0"
DEFAULTS = {"Port": "9000", "Width": "640", "Height": "480"}


def main() -> None:
    """Serve the map named on the command line until the starting process ends."""
    arguments = sys.argv[1:]
    if "--list-scenes" in arguments:
        from capture.engine.scenes import list_scenes

        sys.stdout.write(json.dumps(list_scenes()) + "\n")
        return
    if "-h" in arguments or "--help" in arguments:
        sys.stdout.write(f"{__doc__}\n")
        return
    binary = _take_binary(arguments)
    # Unknown -switches are ignored, as Unreal does.
    maps = [argument for argument in arguments if not argument.startswith("-")]
    settings = read_ini(binary.with_name("unrealcv.ini"))
    serve(maps[0] if maps else DEFAULT_MAP, settings, tour="-notour" not in arguments)


def serve(scene_name: str, settings: dict[str, int], *, tour: bool = True) -> None:
    """Load the scene, then answer clients on the port of `settings`.

    Without `tour` there are no `/tour` commands, as with plain UnrealCV.
    """
    from capture.engine.collision import Collision
    from capture.engine.commands import bind_commands
    from capture.engine.game import Game
    from capture.engine.grammar import Dispatcher
    from capture.engine.renderer import Renderer
    from capture.engine.scenes import load_scene
    from capture.engine.server import Server
    from capture.engine.state import EngineState
    from capture.engine.tour_commands import bind_tour_commands

    scene = load_scene(scene_name)
    engine = EngineState(
        scene=scene,
        renderer=Renderer(scene),
        collision=Collision(scene),
        size=(settings["Width"], settings["Height"]),
    )
    dispatcher = Dispatcher()
    bind_commands(dispatcher, engine)
    if tour:
        bind_tour_commands(dispatcher, engine)
    try:
        server = Server(Game(engine, dispatcher), "OpenRelic", settings["Port"])
    except OSError as error:
        raise OpenRelicError(
            f"port {settings['Port']} cannot be opened ({error.strerror}); "
            "set another Port= in unrealcv.ini"
        ) from error
    logging.info("serving %s on port %d", scene_name, settings["Port"])
    server.serve_forever()


def read_ini(path: Path) -> dict[str, int]:
    """`Port`, `Width` and `Height` from an `unrealcv.ini`; a missing file gives the defaults."""
    parser = configparser.ConfigParser()
    try:
        parser.read(path)
        section = parser["UnrealCV.Core"] if parser.has_section("UnrealCV.Core") else {}
        return {key: int(section.get(key, default)) for key, default in DEFAULTS.items()}
    except (configparser.Error, ValueError) as error:
        raise OpenRelicError(
            f"{path} cannot be read ({error}); it needs [UnrealCV.Core] with Port=, Width=, "
            "Height= as whole numbers"
        ) from error


def _take_binary(arguments: list[str]) -> Path:
    """Remove `--binary PATH` from the arguments; the path of the executable."""
    if "--binary" not in arguments:
        return Path.cwd() / "OpenRelic"
    at = arguments.index("--binary")
    path = Path(arguments[at + 1])
    del arguments[at : at + 2]
    return path


if __name__ == "__main__":
    run_command(main)
