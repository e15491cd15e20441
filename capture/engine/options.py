"""The engine's command line, in Unreal's style, and its `unrealcv.ini`.

Switches are `-name` or `-name=value`, in any case, with one dash or two; `--name value` is taken
too. A switch that is not known is ignored, as Unreal does. The first argument that is no switch is
the map.
"""

import configparser
from dataclasses import dataclass, field
from pathlib import Path

from dataset.errors import OpenRelicError

PROJECT = "OpenRelic"
DEFAULT_MAP = "home:0"
LOOPBACK = "127.0.0.1"
SECTION = "UnrealCV.Core"
QUIRKS = ("none", "ue5")
TAKING_A_VALUE = (
    "binary", "cameras", "cvport", "faults", "multihome", "privatelog", "quirks", "saved",
)  # fmt: skip
MAX_CAMERAS = 64
MAX_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class Ini:
    """What `unrealcv.ini` says."""

    path: Path
    port: int = 9000
    width: int = 640
    height: int = 480
    fov_deg: float = 90.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to serve, and how."""

    map: str = DEFAULT_MAP
    ini: Ini = field(default_factory=lambda: Ini(path=Path("unrealcv.ini")))
    port: int = 9000
    host: str = LOOPBACK  # the address to listen on
    saved: Path = Path()  # the folder of files that clients name
    cameras: int = 1  # how many the level has
    quirks: bool = False  # behave as real Unreal Engines do
    tour: bool = True  # offer the /tour commands
    faults: Path | None = None
    private_log: Path | None = None


def parse_options(arguments: list[str]) -> Options:
    """Read the command line; `OpenRelicError` says which value is wrong."""
    switches, maps = _split(arguments)
    binary = Path(switches["binary"]) if "binary" in switches else Path.cwd() / "OpenRelic"
    ini = read_ini(binary.with_name("unrealcv.ini"))
    quirks = switches.get("quirks", "none").lower()
    if quirks not in QUIRKS:
        raise OpenRelicError(f"-quirks={quirks} is not known; allowed are {', '.join(QUIRKS)}")
    return Options(
        map=maps[0] if maps else DEFAULT_MAP,
        ini=ini,
        port=_whole(switches, "cvport", ini.port, MAX_PORT),
        host=switches.get("multihome", LOOPBACK),
        saved=Path(switches["saved"]) if "saved" in switches else ini.path.parent,
        cameras=_whole(switches, "cameras", 1, MAX_CAMERAS),
        quirks=quirks == "ue5",
        tour="notour" not in switches,
        faults=Path(switches["faults"]) if "faults" in switches else None,
        private_log=Path(switches["privatelog"]) if "privatelog" in switches else None,
    )


def _split(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Switches by lower-case name, and what is no switch."""
    switches: dict[str, str] = {}
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            others.append(argument)
            continue
        name, given, value = argument.lstrip("-").partition("=")
        name = name.lower()
        if name in TAKING_A_VALUE and not given:
            value = next(rest, "")
        if name in TAKING_A_VALUE and not value:
            raise OpenRelicError(f"-{name} needs a value: -{name}=...; see --help")
        switches[name] = value
    return switches, others


def _whole(switches: dict[str, str], name: str, default: int, highest: int) -> int:
    text = switches.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) <= highest:
        raise OpenRelicError(f"-{name}={text} is not allowed; it must be 1 to {highest}")
    return int(text)


def read_ini(path: Path) -> Ini:
    """Port, image size and field of view from an `unrealcv.ini`; no file gives the defaults."""
    parser = configparser.ConfigParser()
    try:
        parser.read(path)
        section = parser[SECTION] if parser.has_section(SECTION) else {}
        return Ini(
            path=path,
            port=int(section.get("Port", Ini.port)),
            width=int(section.get("Width", Ini.width)),
            height=int(section.get("Height", Ini.height)),
            fov_deg=float(section.get("FOV", Ini.fov_deg)),
        )
    except (configparser.Error, ValueError) as error:
        raise OpenRelicError(
            f"{path} cannot be read ({error}); it needs [{SECTION}] with Port=, Width=, "
            "Height= as whole numbers"
        ) from error
