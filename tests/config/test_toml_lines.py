"""Where things stand in a TOML document, whatever way they are written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.settings.toml_lines import find_lines, nearest_line

DOCUMENT = '''# settings
a = 1

"b" = "[x" # not a table
c.d = 2
e = [
  1, # ]
  2,
]
f = """
g = 1
"]"
"""
h = \'\'\'
[t]\'\'\'
i = { j = { k = 1 } }
[t."u.v"]
a = 5
[[w]]
x = 1
[[w]]
x = 2
'''
LINES = {
    ("a",): 2,
    ("b",): 4,
    ("c",): 5,
    ("c", "d"): 5,
    ("e",): 6,
    ("f",): 10,
    ("h",): 14,
    ("i",): 16,
    ("i", "j"): 16,
    ("i", "j", "k"): 16,
    ("t",): 17,
    ("t", "u.v"): 17,
    ("t", "u.v", "a"): 18,
    ("w",): 19,
    ("w", "x"): 20,
}


def test_every_key_and_table() -> None:
    tomllib.loads(DOCUMENT)
    assert find_lines(DOCUMENT) == LINES


@pytest.mark.parametrize(
    ("path", "line"),
    [(("i", "j", "z"), 16), (("t", "u.v", "z", "z"), 17), (("z",), None), ((), None)],
)
def test_the_nearest_around(path: tuple[str, ...], line: int | None) -> None:
    assert nearest_line(LINES, path) == line


values = st.sampled_from(
    ["1", '"x"', "[\n1,\n2\n]", '"""\n[a]\n"""', "{ k = [\n'''\nb = 1\n'''\n] }", "[[\n],\n[]]"]
)


@given(st.lists(values, min_size=1, max_size=8))
def test_statements_of_many_lines(statements: list[str]) -> None:
    text, expected = "", dict[str, Any]()
    for number, value in enumerate(statements):
        expected[f"k{number}"] = text.count("\n") + 1
        text += f"k{number} = {value}\n"
    found = find_lines(text)
    assert {path[0]: line for path, line in found.items() if len(path) == 1} == expected
