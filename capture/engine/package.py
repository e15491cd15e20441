"""Lays the embedded engine out as a packaged Unreal project, so one launcher serves both.

<folder>/OpenRelic/Binaries/Linux/OpenRelic       a script that starts `capture.engine`
<folder>/OpenRelic/Binaries/Linux/unrealcv.ini
"""

import shlex
import sys
from pathlib import Path

INI = "[UnrealCV.Core]\nPort=9000\nWidth=640\nHeight=480\n"


def write_package(folder: Path) -> Path:
    """Write the package below `folder`; the absolute path of the executable."""
    binary = folder.absolute() / "OpenRelic" / "Binaries" / "Linux" / "OpenRelic"
    binary.parent.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    binary.write_text(
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(root))}${{PYTHONPATH:+:$PYTHONPATH}} "
        f'exec {shlex.quote(sys.executable)} -m capture.engine -binary="$0" "$@"\n'
    )
    binary.chmod(0o755)
    binary.with_name("unrealcv.ini").write_text(INI)
    return binary
