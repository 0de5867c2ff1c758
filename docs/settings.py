"""Writes the tables of settings into docs/operating.md, between its two marks: `make docs`."""

from pathlib import Path

from relay.settings.describe import settings_tables

PAGE = Path(__file__).parent / "operating.md"
BEGIN = "<!-- settings: made by make docs -->\n"
END = "<!-- end of settings -->\n"


def with_tables(page: str) -> str:
    """The page with the tables as they are now."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "the marks are missing"
    return f"{before}{BEGIN}\n{settings_tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
