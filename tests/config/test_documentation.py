"""The page on operating is in step with the settings."""

from __future__ import annotations

import runpy
from pathlib import Path

from relay.settings.config import SETTINGS
from relay.settings.sources import OTHER_VARIABLES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "operating.md").read_text()


def test_the_tables_are_in_step() -> None:
    with_tables = runpy.run_path(str(DOCS / "settings.py"))["with_tables"]
    assert with_tables(PAGE) == PAGE, "run make docs"


def test_every_setting_has_a_row() -> None:
    assert [name for name in SETTINGS if f"\n| `{name}` | " not in PAGE] == []


def test_every_variable_of_others_is_named() -> None:
    assert [name for name in OTHER_VARIABLES if f"`{name}`" not in PAGE] == []
