"""The embedded engine as a program: it takes what a packaged Unreal Engine binary takes.

    OpenRelic [MAP] [-switch] [-switch=value] ...

Port and image size come from `unrealcv.ini` beside the executable (`Port=`, `Width=`, `Height=`,
`FOV=`). The executable is a script that `capture.engine.package` writes and that starts this module
with `-binary=PATH`. Without a map the first generated home is shown. Switches that are not known
(`-RenderOffScreen`, `-graphicsadapter=N`) are ignored, as Unreal does.

    -cvport=N          another port than the ini's
    -multihome=ADDRESS listen on this address (127.0.0.1); 0.0.0.0 lets other machines in
    -cameras=N         how many cameras the level has (1)
    -saved=FOLDER      folder of the files that clients name (that of the ini)
    -list-scenes       print the scenes as JSON and end
    -notour            plain UnrealCV, without the /tour commands

To test what captures from engines:

    -quirks=ue5        do wrong what real Unreal Engines do wrong (docs/engine.md)
    -faults=FILE       scripted faults, as JSON (docs/engine.md)
    -privatelog=FILE   append one JSON line for every image drawn: what it really shows
"""

import json
import logging
import sys
from typing import TYPE_CHECKING

from capture.engine.options import PROJECT
from dataset.errors import OpenRelicError, run_command

if TYPE_CHECKING:
    from capture.engine.faults import Faults, PrivateLog
    from capture.engine.options import Options


def main() -> None:
    """Serve the map named on the command line until the starting process ends."""
    arguments = sys.argv[1:]
    names = {argument.lstrip("-").lower() for argument in arguments if argument.startswith("-")}
    if names & {"h", "help"}:
        sys.stdout.write(f"{__doc__}\n")
    elif "list-scenes" in names:
        from capture.engine.scenes import list_scenes

        sys.stdout.write(json.dumps(list_scenes()) + "\n")
    else:
        serve(arguments)


def serve(arguments: list[str]) -> None:
    """Open the port, load the scene, then answer clients."""
    from capture.engine.options import parse_options
    from capture.engine.server import Server

    options = parse_options(arguments)
    faults, log = _for_tests(options)
    try:
        server = Server(PROJECT, options.port, host=options.host, leaves_tcp=options.quirks)
    except OSError as error:
        raise OpenRelicError(
            f"port {options.port} cannot be opened on {options.host} ({error.strerror}); "
            "set another Port= in unrealcv.ini"
        ) from error
    from capture.engine.drawing import Drawing
    from capture.engine.game import Game
    from capture.engine.scenes import load_scene
    from capture.engine.state import EngineState

    drawing = Drawing(real_engine=options.quirks, faults=faults, log=log)
    game = Game(EngineState(options, load_scene(options.map), drawing))
    logging.info("serving %s on port %d", options.map, options.port)
    server.serve(game)


def _for_tests(options: "Options") -> tuple["Faults", "PrivateLog | None"]:
    """The scripted faults and the private log that were asked for."""
    from capture.engine.faults import PrivateLog, read_faults

    faults = read_faults(options.faults)
    if faults.exit_at_load is not None:
        sys.exit(faults.exit_at_load)
    return faults, PrivateLog(options.private_log) if options.private_log else None


if __name__ == "__main__":
    run_command(main)
