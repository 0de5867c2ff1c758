"""docs/load-testing.md is in step with the command and its report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay.bench.figures import figures_of
from relay.bench.text import text_of
from relay.cli import main

from .results import RESULT

PAGE = (Path(__file__).parents[2] / "docs" / "load-testing.md").read_text()
COMMANDS = re.findall(r"^relay bench .*$", PAGE, re.MULTILINE)


def options_of(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    return set(re.findall(r"(?<!\S)--[a-z-]+", capsys.readouterr().out))


def test_every_option_on_the_page_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    known = options_of("bench", capsys) | options_of("serve", capsys)
    assert named - known == set()
    assert named & options_of("bench", capsys)


def test_every_command_on_the_page_has_options_that_are_some(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = options_of("bench", capsys)
    assert len(COMMANDS) > 4
    for command in COMMANDS:
        assert set(re.findall(r"(?<!\S)--[a-z-]+", command.partition("|")[0])) <= known, command


def test_every_part_of_the_report_is_on_the_page() -> None:
    assert [name for name in figures_of(RESULT) if f"`{name}`" not in PAGE] == []


def skeleton(text: str) -> list[str]:
    """A report without its figures: what is left is the form."""
    numbers = re.sub(r"\d[\d,.e+]*", "#", text)
    return re.sub(r"# (?:ns|µs|ms|s)\b", "# time", numbers).rstrip().splitlines()[2:]


def test_the_report_on_the_page_has_the_form_of_a_real_one() -> None:
    """All but the first two lines, which tell of the run and the machine."""
    [example] = re.findall(r"```\n(ws://.*?)```", PAGE, re.DOTALL)
    assert skeleton(example) == skeleton(text_of(figures_of(RESULT)))
