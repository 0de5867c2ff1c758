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
]


@pytest.mark.parametrize(("given", "text"), BAD)
def test_errors_say_where_and_tell_nothing(given: Any, text: str) -> None:
    with pytest.raises(SettingError) as caught:
        read(given)
    assert text in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_struct_is_checked_too() -> None:
    with pytest.raises(SettingError, match="join_keys: expected a list of keys"):
        Settings(namespaces={"team": Namespace(join_keys=[""])})


def test_neither_shown_nor_counted_wrong() -> None:
    namespaces = {"a": Namespace(join_keys=[SECRET, "b"]), "b": Namespace(send_keys=["c"])}
    assert count_keys(namespaces) == "2 namespaces with 2 join keys and 1 send key"
    assert SECRET not in repr(Settings(namespaces=namespaces))
