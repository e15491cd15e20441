"""`vrun` and `vcmd`: Unreal's console, as far as it means something here.

`setres WxH`, `slomo F`, `t.MaxFPS N` and `quit` do what they do in Unreal. A console variable that
is set is remembered, shown in `/tour/manifest`, and changes nothing else.
"""

import re

from capture.engine.camera import checked_size
from capture.engine.clock import STEP_S
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import EngineState

MAX_WORDS = 6
MAX_VARIABLES = 256
RESOLUTION = re.compile(r"(\d{1,5})x(\d{1,5})[wf]*", re.IGNORECASE)
NUMBER = re.compile(r"\d{0,6}\.?\d{1,6}")
SLOWEST, FASTEST = 0.0001, 20.0  # Unreal's limits of slomo
LONGEST_TICK_S = 1.0


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""

    def run(args: list[str]) -> str:
        return run_console(engine, args)

    dispatcher.bind("vrun [str]", _alias, "Run an alias (there are none)")
    dispatcher.bind("vcmd [str]", run, "Run a console command")
    for words in range(2, MAX_WORDS + 1):
        places = " ".join(["[str]"] * words)
        dispatcher.bind(f"vrun {places}", run, "Run a console command")
        dispatcher.bind(f"vcmd {places}", run, "Run a console command")
    dispatcher.refuse("vbp ", "Not Implemented: this engine has no blueprints")
    dispatcher.refuse("vexec ", "Not Implemented: this engine has no blueprints")


def _alias(args: list[str]) -> str:
    # As in UnrealCV, where `vrun` with one word means an alias of its own.
    raise CommandError(f"Unrecognised alias '{args[0]}'; use vcmd for a console command")


def run_console(engine: EngineState, words: list[str]) -> str:
    """Run a console command; unknown ones are variables, or change nothing."""
    name, value = words[0].lower(), words[1] if len(words) > 1 else ""
    if name in ("quit", "exit"):
        engine.stopping = True
    elif name == "setres":
        _set_resolution(engine, value)
    elif name == "slomo":
        engine.clock.dilation = min(max(_number(value), SLOWEST), FASTEST)
    elif name == "t.maxfps":
        fps = _number(value)
        engine.tick_s = min(1 / fps, LONGEST_TICK_S) if fps > 0 else STEP_S
    elif value:
        _remember(engine, name, " ".join(words[1:]))
    return "ok"


def _set_resolution(engine: EngineState, text: str) -> None:
    match = RESOLUTION.fullmatch(text)
    if match is None:
        raise CommandError(f"setres takes WIDTHxHEIGHT, as 1280x720w, not '{text}'")
    engine.size = engine.cameras[0].size = checked_size(int(match[1]), int(match[2]))


def _number(text: str) -> float:
    if not NUMBER.fullmatch(text):
        raise CommandError("Argument Invalid")
    return float(text)


def _remember(engine: EngineState, name: str, value: str) -> None:
    variables = engine.console_variables
    if name not in variables and len(variables) >= MAX_VARIABLES:
        raise CommandError(f"{MAX_VARIABLES} console variables are set already")
    variables[name] = value
