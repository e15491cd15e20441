"""The thresholds of QA as a YAML file: `configs/qa.yaml` shows every key.

thresholds:
speed_m_s: 5.0      # what is not named keeps the default of `dataset.qa.checks`
clearance_cm: null  # switched off
"""

import dataclasses
from typing import Any

from dataset.config import read_config
from dataset.errors import OpenRelicError
from dataset.qa.checks import CHECKS

DEFAULTS: dict[str, float | None] = {check.name: check.threshold for check in CHECKS}

_Thresholds: Any = dataclasses.make_dataclass(
    "Thresholds",
    [(name, float | None, dataclasses.field(default=value)) for name, value in DEFAULTS.items()],
    frozen=True,
    kw_only=True,
)
_Config: Any = dataclasses.make_dataclass(
    "QaConfig", [("thresholds", _Thresholds)], frozen=True, kw_only=True
)


def read_thresholds(path: str | None) -> dict[str, float | None]:
    """Threshold of every check, None where it is switched off; no path means the defaults."""
    if path is None:
        return dict(DEFAULTS)
    found = dataclasses.asdict(read_config(path, _Config))["thresholds"]
    for name, value in found.items():
        if value is not None and not abs(value) < float("inf"):
            raise OpenRelicError(f"{path}: 'thresholds.{name}' is {value}; give a number, or null")
    return found
