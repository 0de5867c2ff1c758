"""The file in which a calibration is kept. It may come from anywhere, and nothing of it is taken that no machine could be."""

import math
import re
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from relay.plan.prices import FORMAT, Calibration

_MOST_BYTES: Final = 1 << 20
_MOST_MICROSECONDS: Final = 1_000_000
_MOST_CORES: Final = 65_536
_LEAST_MEMORY: Final = 1 << 20
_MOST_MEMORY: Final = 1 << 60
_MOST_TEXT: Final = 200
_WHERE: Final = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)
_KINDS: Final = {"int": "a whole number", "float": "a number", "str": "text", "object": "an object"}
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")


class CalibrationError(Exception):
    """A calibration cannot be read; the text says which file, and why."""


class _Format(msgspec.Struct, frozen=True):
    """What every version of the file has."""

    format: int


def read_calibration(path: Path) -> Calibration:
    """Raises CalibrationError when there is none, or none that this version understands."""
    content = _content(path)
    try:
        if msgspec.json.decode(content, type=_Format).format != FORMAT:
            raise CalibrationError(f"{path} is of another version; measure again with --calibrate")
        calibration = msgspec.json.decode(content, type=Calibration)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise CalibrationError(f"{path} is no calibration: {_in_words(exc)}") from exc
    for fault in _faults(calibration):
        raise CalibrationError(f"{path} is no calibration: {fault}")
    return calibration


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(calibration), indent=2) + b"\n")


def _content(path: Path) -> bytes:
    """Raises CalibrationError. What is no file is never opened: a pipe would be waited for, a device may have no end."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise CalibrationError(f"{path} is no file; expected a calibration in JSON")
        if found.st_size > _MOST_BYTES:
            raise CalibrationError(f"{path} is no calibration: it has {found.st_size} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        text = f"{path} does not exist: measure this machine with relay plan --calibrate"
        raise CalibrationError(text) from None
    except OSError as exc:
        raise CalibrationError(f"{path} cannot be read: {exc.strerror}") from exc


def _in_words(error: Exception) -> str:
    """The field first, as in all other errors."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8"
    found = _WHERE.fullmatch(str(error))
    assert found is not None
    text, field = found[1], found[2]
    if (missing := _MISSING.fullmatch(text)) is not None:
        return f"{'.'.join(filter(None, (field, missing[1])))} is missing"
    for kind, words in _KINDS.items():
        text = text.replace(f"`{kind}`", words)
    text = text[:1].lower() + text[1:].replace("`", "")
    return f"{field}: {text}" if field else text


def _faults(calibration: Calibration) -> Iterator[str]:
    """What no machine can be, by the name of the field."""
    machine, memory = calibration.machine, calibration.memory
    yield from _outside("machine.cores", machine.cores, 1, _MOST_CORES)
    yield from _outside("machine.memory", machine.memory, _LEAST_MEMORY, _MOST_MEMORY)
    for name in calibration.prices.__struct_fields__:
        price = getattr(calibration.prices, name)
        yield from _outside(f"prices.{name}", price, 0, _MOST_MICROSECONDS)
    if not any(msgspec.structs.astuple(calibration.prices)):
        yield "prices: expected some above 0"
    for name in memory.__struct_fields__:
        yield from _outside(f"memory.{name}", getattr(memory, name), 0, _MOST_MEMORY)
    yield from _outside("misfit", calibration.misfit, 0, math.inf)
    yield from _outside("disturbance", calibration.disturbance, 0, 1)
    for name, text in (
        ("version", calibration.version),
        ("machine.processor", machine.processor),
        ("machine.kernel", machine.kernel),
    ):
        if len(text) > _MOST_TEXT or not text.isprintable():
            yield f"{name}: expected a line of at most {_MOST_TEXT} characters"
    try:
        datetime.fromisoformat(calibration.taken)
    except ValueError:
        yield "taken: expected a date and a time"


def _outside(name: str, value: float, least: float, most: float) -> Iterator[str]:
    if not least <= value <= most:
        end = f" to {most:,}" if most < math.inf else " or more"
        yield f"{name}: expected {least:,}{end}, got {value:.12g}"
