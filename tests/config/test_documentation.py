"""The pages on operating and deploying are in step with the settings."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from relay.settings.config import SETTINGS, Settings, changed
from relay.settings.sources import OTHER_VARIABLES, load_settings
from relay.settings.units import parse_duration

from .conftest import RunCommand, WriteFile

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "operating.md").read_text()
DEPLOYING = (DOCS / "deploying.md").read_text()


def test_the_tables_are_in_step() -> None:
    with_tables = runpy.run_path(str(DOCS / "settings.py"))["with_tables"]
    assert with_tables(PAGE) == PAGE, "run make docs"


def test_every_setting_has_a_row() -> None:
    assert [name for name in SETTINGS if f"\n| `{name}` | " not in PAGE] == []


def test_every_variable_of_others_is_named() -> None:
    assert [name for name in OTHER_VARIABLES if f"`{name}`" not in PAGE] == []


def test_the_settings_for_a_public_relay(write_file: WriteFile, run: RunCommand) -> None:
    section = DEPLOYING.partition("\n## Settings for a public relay\n")[2].partition("\n## ")[0]
    path = write_file(section.partition("```toml\n")[2].partition("```")[0])
    result = run("check-config", "--config", path)
    assert (result.exit_code, result.stderr) == (0, "")
    settings = load_settings(path, {}, {}).settings
    assert settings.backlog_limit >= 4 * max(settings.max_message, settings.max_party_message)
    named = set(re.findall(r"`(\w+)`", section)) & set(SETTINGS)
    given = set(changed(Settings(), settings))
    assert named >= given - {"connection_burst", "message_burst", "max_message"}


SETTINGS_SHOWN = [
    (page.name, example)
    for page in sorted(DOCS.glob("*.md"))
    for example in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(
    ("page", "example"), SETTINGS_SHOWN, ids=[page for page, _ in SETTINGS_SHOWN]
)
def test_settings_that_are_shown_can_be_taken_over(
    write_file: WriteFile, run: RunCommand, page: str, example: str
) -> None:
    result = run("check-config", "--config", write_file(example))
    assert result.exit_code == 0, (page, result.stderr)


def test_proxies_wait_until_the_relay_has_decided() -> None:
    """The pages say the same, and both more than two ping intervals, after which the relay drops a silent connection."""
    pages = [DEPLOYING, (DOCS / "proxies.md").read_text()]
    timeouts = [re.findall(r"(?:timeout tunnel|proxy_read_timeout) +(\w+)", page) for page in pages]
    assert all(timeouts)
    (timeout,) = {parse_duration(text) for found in timeouts for text in found}
    assert timeout == 3 * Settings().ping_interval
