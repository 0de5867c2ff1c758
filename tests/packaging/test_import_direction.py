"""Imports point one way: what decides knows no I/O, what owns channels knows no HTTP."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "relay"
ABOVE_CHANNELS = {"click", "httptools", "relay.cli", "relay.http", "relay.server"}
ABOVE_DECISIONS = {*ABOVE_CHANNELS, "relay.channel", "relay.hub", "socket", "trio"}
FORBIDDEN = {
    "protocol": ABOVE_DECISIONS,
    "config": ABOVE_DECISIONS,
    "admission": ABOVE_DECISIONS - {"httptools"},  # a parser of bytes
    "channel": ABOVE_CHANNELS,
    "hub": ABOVE_CHANNELS,
}


def imported_modules(source: str) -> Iterator[str]:
    """Every module a file imports, also inside functions; `from relay import x` counts as relay.x."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", FORBIDDEN)
def test_module_imports_nothing_from_above(module):
    imported = set(imported_modules((PACKAGE / f"{module}.py").read_text()))
    assert not imported & FORBIDDEN[module]


def test_every_form_of_import_is_seen():
    source = (
        "import a\ndef f():\n    import b.c\n    from relay import d\n    from relay.e import f\n"
    )
    assert set(imported_modules(source)) >= {"a", "b.c", "relay.d", "relay.e"}
