"""Calibrations from files: what no machine can be is refused, by the name of the file and of the field."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from relay.plan.calibration_file import CalibrationError, read_calibration, write_calibration
from relay.plan.prices import FORMAT

from .machines import calibration


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    write_calibration(path, calibration())
    return path


def change(path: Path, field: str, value: Any) -> None:
    """`field` has dots; None takes it away."""
    plain = json.loads(path.read_text())
    *outer, name = field.split(".")
    table = plain
    for each in outer:
        table = table[each]
    table[name] = value
    if value is None:
        del table[name]
    path.write_text(json.dumps(plain))


def refusal(path: Path) -> str:
    with pytest.raises(CalibrationError) as raised:
        read_calibration(path)
    text = str(raised.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(str(path))


def test_what_was_written_is_read(path: Path) -> None:
    assert read_calibration(path) == calibration()


def test_an_older_file_says_nothing_of_disturbance(path: Path) -> None:
    change(path, "disturbance", None)
    assert read_calibration(path) == calibration()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("machine.cores", 0, "machine.cores: expected 1 to 65,536, got 0"),
        ("machine.cores", -2, "machine.cores: expected 1 to 65,536, got -2"),
        ("machine.cores", 2.5, "machine.cores: expected a whole number, got a number"),
        ("machine.cores", None, "machine.cores is missing"),
        ("machine.memory", 0, "machine.memory: expected 1,048,576 to"),
        ("machine.memory", -1, "machine.memory: expected 1,048,576 to"),
        ("machine.memory", 2**70, "machine.memory: "),
        ("machine.processor", 5, "machine.processor: expected text, got a whole number"),
        ("machine.processor", "\x1b[2J", "machine.processor: expected a line of at most 200"),
        ("machine.kernel", "a" * 201, "machine.kernel: expected a line of at most 200"),
        ("machine", None, "machine is missing"),
        ("machine", [], "machine: expected an object, got array"),
        ("prices.send", -0.001, "prices.send: expected 0 to 1,000,000, got -0.001"),
        ("prices.send", 1e7, "prices.send: expected 0 to 1,000,000, got 10000000"),
        ("prices.send", "dear", "prices.send: expected a number, got text"),
        ("prices.turn", None, "prices.turn is missing"),
        ("memory.connection", -1, "memory.connection: expected 0 to"),
        ("memory.base", 1e300, "memory.base: expected 0 to"),
        ("misfit", -0.1, "misfit: expected 0 or more, got -0.1"),
        ("misfit", None, "misfit is missing"),
        ("disturbance", 1.5, "disturbance: expected 0 to 1, got 1.5"),
        ("taken", "yesterday", "taken: expected a date and a time"),
        ("format", "two", "format: expected a whole number, got text"),
        ("surprise", 1, "object contains unknown field surprise"),
    ],
)
def test_what_no_machine_is(path: Path, field: str, value: Any, words: str) -> None:
    change(path, field, value)
    assert refusal(path).startswith(f" is no calibration: {words}")


def test_prices_that_are_all_nothing(path: Path) -> None:
    change(path, "prices.send", 0)
    assert "prices: expected some above 0" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"relay",
        b"[]",
        b"\xff\xfe",
        b'{"format": %d}' % FORMAT,
        b'{"format": %d, "taken": "\xff"}' % FORMAT,
        b"[" * 100_000,
        b'{"format": %d, "misfit": 1e999}' % FORMAT,
        b'{"format": %d, "misfit": NaN}' % FORMAT,
    ],
)
def test_what_is_no_calibration(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path).startswith(" is no calibration: ")


def test_another_version(path: Path) -> None:
    change(path, "format", 1)
    assert refusal(path).startswith(" is of another version")


def test_a_file_that_is_too_large(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate((1 << 20) + 1)
    assert refusal(path) == " is no calibration: it has 1048577 bytes"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refusal(pipe) == " is no file; expected a calibration in JSON"


@pytest.mark.parametrize("name", ["/dev/zero", "/"])
def test_devices_and_directories(name: str) -> None:
    assert refusal(Path(name)) == " is no file; expected a calibration in JSON"


def test_none_at_all(tmp_path: Path) -> None:
    assert "measure this machine with relay plan --calibrate" in refusal(tmp_path / "none")
