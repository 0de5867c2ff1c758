"""`relay plan`: how much of what a workload needs, by the prices of a machine that was measured."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from relay.plan.prices import Calibration, CalibrationError, read_calibration, write_calibration
from relay.plan.quantities import parse_count, parse_share, show_count
from relay.plan.show import Report, lines, to_json
from relay.plan.sizing import CannotFit, Goals, most_connections, size, sizing_of
from relay.plan.workload import Workload, check
from relay.settings.units import parse_duration, parse_rate, parse_size

_VARIABLE: Final = "RELAY_CALIBRATION"


class _Amount(click.ParamType):
    """A value with a unit, read as the settings are."""

    def __init__(self, name: str, parse: Callable[[str], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not isinstance(value, str):
            return float(value)
        try:
            return self._parse(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


def default_path() -> Path:
    """Where a calibration is kept when no other file is named."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "relay" / "calibration.json"
