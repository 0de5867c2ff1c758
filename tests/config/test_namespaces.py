"""Namespaces as settings: tables of keys, neither names nor keys of which get into an error or a representation."""

from __future__ import annotations

from typing import Any

import pytest

from relay.settings.config import SETTINGS, Namespace, Settings
from relay.settings.namespaces import MAX_NAME_BYTES, count_keys
from relay.settings.setting import SettingError

SECRET = "s3cret"
read = SETTINGS["namespaces"].read


def test_from_tables_and_from_json() -> None:
    expected = {"team": Namespace(join_keys=["a", "b"], send_keys=[]), "x:y/z": Namespace()}
    assert read({"team": {"join_keys": ["a", "b"]}, "x:y/z": {}}) == expected
    assert read('{"team": {"join_keys": ["a", "b"], "send_keys": []}, "x:y/z": {}}') == expected
    assert Settings(namespaces=expected).namespaces == expected


@pytest.mark.parametrize("name", ["x", "x" * MAX_NAME_BYTES, "é" * (MAX_NAME_BYTES // 2)])
def test_names_of_1_to_512_bytes(name: str) -> None:
    assert list(read({name: {}})) == [name]


@pytest.mark.parametrize(
    "name", ["", "x" * (MAX_NAME_BYTES + 1), "é" * (MAX_NAME_BYTES // 2) + "x"]
)
def test_names_of_fewer_and_more(name: str) -> None:
    with pytest.raises(
        SettingError, match=r"^namespaces: namespace 2: expected a name of 1 to 512"
    ):
        read({"good": {}, name: {}})


BAD = [
    (SECRET, "as text in JSON"),
    (f'{{"{SECRET}"', "as text in JSON"),
    ([SECRET], "expected tables"),
    ({SECRET: SECRET}, "namespace 1: expected a table of join_keys and send_keys"),
    ({SECRET: [SECRET]}, "namespace 1: expected a table"),
    ({SECRET: {SECRET: []}}, "expected join_keys and send_keys and nothing else"),
    ({SECRET: {"port": 1}}, "and nothing else (settings stand above all tables)"),
    ({SECRET: {"joinkeys": [SECRET]}}, "did you mean join_keys?"),
    ({SECRET: {"join_keys": SECRET}}, "join_keys: expected a list of keys"),
    ({SECRET: {"send_keys": [SECRET, ""]}}, "send_keys: expected a list of keys"),
    ({SECRET: {"send_keys": [SECRET, 5]}}, "send_keys: expected a list of keys"),
    ({SECRET: {"send_keys": {SECRET: 1}}}, "send_keys: expected a list of keys"),
    (f'{{"{SECRET}": NaN}}', "as text in JSON"),
]


@pytest.mark.parametrize(("given", "text"), BAD)
def test_errors_say_where_and_tell_nothing(given: Any, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        read(given)
    assert text in str(caught.value)
    assert SECRET not in str(caught.value)


REPEATED = [
    ('{"s3cret": {}, "s3cret": {}}', "namespace 1: expected its name once, got it again"),
    ('{"a": {}, "s3cret": {}, "b": {}, "s3cret": {}, "s3cret": {}}', "namespace 2: expected its"),
    ('{"a": {}, "s3cret": 5, "\\u0061": {}}', "namespace 1: expected its name once"),
    (
        '{"a": {}, "b": {"join_keys": [], "send_keys": [], "join_keys": ["s3cret"]}}',
        "namespace 2: join_keys: expected once, got it again",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REPEATED)
def test_a_name_twice_in_json_is_an_error_and_not_the_last_one(text: str, expected: str) -> None:
    """As in a TOML file. What stands there the second time would open what the first one closed."""
    with pytest.raises(SettingError) as caught:
        read(text)
    assert str(caught.value).startswith(f"namespaces: {expected}")
    assert SECRET not in str(caught.value)


def test_the_same_name_in_two_tables_is_none_twice() -> None:
    keys = '{"join_keys": ["k"], "send_keys": ["k"]}'
    assert len(read(f'{{"a": {keys}, "join_keys": {keys}, "A": {keys}}}')) == 3


def test_a_struct_is_checked_too() -> None:
    with pytest.raises(SettingError, match="join_keys: expected a list of keys"):
        Settings(namespaces={"team": Namespace(join_keys=[""])})


def test_neither_shown_nor_counted_wrong() -> None:
    namespaces = {"a": Namespace(join_keys=[SECRET, "b"]), "b": Namespace(send_keys=["c"])}
    assert count_keys(namespaces) == "2 namespaces with 2 join keys and 1 send key"
    assert SECRET not in repr(Settings(namespaces=namespaces))
