"""The file, the environment and the flags: who wins, and that every error says where it was made."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from relay.settings.config import SETTINGS, Namespace, Settings
from relay.settings.sources import MAX_FILE_BYTES, OTHER_VARIABLES, ConfigError, load_settings

from .conftest import WriteFile


def errors_of(
    path: str | None = None,
    environ: dict[str, str] | None = None,
    flags: dict[str, str] | None = None,
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ or {}, flags or {})
    assert str(caught.value) == "\n".join(caught.value.lines)
    return caught.value.lines


def test_nothing_given() -> None:
    loaded = load_settings(None, {}, {})
    assert (loaded.settings, loaded.origins) == (Settings(), {})


def test_the_later_wins(write_file: WriteFile) -> None:
    path = write_file("port = 1\nmessage_rate = 1\nkick_after = 1\n")
    environ = {"RELAY_MESSAGE_RATE": "2", "RELAY_KICK_AFTER": "2", "PATH": "x"}
    loaded = load_settings(path, environ, {"kick_after": "3"})
    settings = loaded.settings
    assert (settings.port, settings.message_rate, settings.kick_after) == (1, 2.0, 3)
    assert loaded.origins == {
        "port": "relay.toml line 1",
        "message_rate": "RELAY_MESSAGE_RATE",
        "kick_after": "--kick-after",
    }


def test_what_is_no_regular_file_is_read_once(tmp_path: Path) -> None:
    """A pipe is empty when it is read again, and who writes into it is gone: nothing may wait for that."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_text, args=("port = 1\n",), daemon=True)
    writer.start()
    assert load_settings(str(path), {}, {}).settings.port == 1
    writer.join()
    for name in (str(path), os.devnull):
        with pytest.raises(ConfigError) as caught:
            load_settings(name, {}, {}, again=True)
        assert caught.value.lines == [
            f"{name}: expected a regular file: nothing else is read again"
        ]


def test_a_regular_file_is_read_again(write_file: WriteFile) -> None:
    path = write_file("port = 1\n")
    os.symlink("relay.toml", "link.toml")
    for name in (path, "link.toml"):
        assert load_settings(name, {}, {}, again=True).settings.port == 1
    write_file("")
    assert load_settings(path, {}, {}, again=True).settings == Settings()


@pytest.mark.parametrize("again", [False, True])
def test_a_directory_is_no_file(tmp_path: Path, again: bool) -> None:
    with pytest.raises(ConfigError, match=r": cannot be read: Is a directory$"):
        load_settings(str(tmp_path), {}, {}, again=again)


def test_the_file_named_by_the_environment(write_file: WriteFile) -> None:
    path = write_file("port = 1\n")
    assert load_settings(None, {"RELAY_CONFIG": path}, {}).settings.port == 1
    assert load_settings(None, {"RELAY_CONFIG": ""}, {}).settings == Settings()
    assert load_settings(path, {"RELAY_CONFIG": "nowhere"}, {}).settings.port == 1


FILE_VALUES = [
    ('host = "::"', {"host": "::"}),
    ("port = 0", {"port": 0}),
    ("message_rate = 250", {"message_rate": 250.0}),
    ("message_rate = 0.5", {"message_rate": 0.5}),
    ('message_rate = "15/m"', {"message_rate": 0.25}),
    ("max_message = 65_536", {"max_message": 65536}),
    ('max_message = "64KiB"', {"max_message": 65536}),
    ("drain_time = 0", {"drain_time": 0.0}),
    ('drain_time = "100ms"', {"drain_time": 0.1}),
    ("limit_loopback = true", {"limit_loopback": True}),
    ('limit_loopback = "yes"', {"limit_loopback": True}),
    ('origins = ["null", "https://a"]', {"origins": ["null", "https://a"]}),
    ('origins = "null, https://a"', {"origins": ["null", "https://a"]}),
    ("origins = []", {"origins": []}),
    ('limits = "dry-run"', {"limits": "dry-run"}),
    ('[namespaces."team"]\njoin_keys = ["k"]', {"namespaces": {"team": Namespace(join_keys=["k"])}}),
    ('namespaces.team.send_keys = ["k"]', {"namespaces": {"team": Namespace(send_keys=["k"])}}),
    ("\ufeffport = 1\r\nkick_after = 2\r\n", {"port": 1, "kick_after": 2}),
    ("", {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FILE_VALUES)
def test_values_in_a_file(write_file: WriteFile, text: str, expected: dict[str, Any]) -> None:
    assert load_settings(write_file(text), {}, {}).settings == Settings(**expected)


TEXTS = [
    ("port", "9000", 9000),
    ("message_rate", "1000/h", 1000 / 3600),
    ("byte_rate", "1MiB/s", 2**20),
    ("connection_burst", "5", 5.0),
    ("block_time", "2m", 120.0),
    ("limit_loopback", "ON", True),
    ("ephemeral_keys", "0", False),
    ("trusted_proxies", "10.0.0.0/8,::1", ["10.0.0.0/8", "::1"]),
    ("origins", "", []),
    ("slow_consumer", "drop", "drop"),
]


@pytest.mark.parametrize(("name", "text", "value"), TEXTS)
def test_values_in_variables_and_flags(name: str, text: str, value: object) -> None:
    variable = load_settings(None, {SETTINGS[name].variable: text}, {}).settings
    flag = load_settings(None, {}, {name: text}).settings
    assert getattr(variable, name) == getattr(flag, name) == value


def test_namespaces_in_the_environment_replace_those_of_the_file(write_file: WriteFile) -> None:
    path = write_file("[namespaces.a]\n")
    loaded = load_settings(path, {"RELAY_NAMESPACES": '{"b": {"send_keys": ["k"]}}'}, {})
    assert loaded.settings.namespaces == {"b": Namespace(send_keys=["k"])}


RATE = 'expected 0 (off), or 1/h to 1000000000/s, such as "250/s", got'


def test_a_bad_value_wherever_it_stands(write_file: WriteFile) -> None:
    path = write_file('# rates\n\nmessage_rate = "fast"\n')
    lines = errors_of(path, {"RELAY_MESSAGE_RATE": "-1"}, {"message_rate": ""})
    assert lines == [
        f'relay.toml line 3: message_rate: {RATE} "fast"',
        f'RELAY_MESSAGE_RATE: {RATE} "-1"',
        f'--message-rate: {RATE} ""',
    ]


def test_a_bad_value_is_an_error_even_if_another_wins(write_file: WriteFile) -> None:
    [line] = errors_of(write_file("port = 70000\n"), {}, {"port": "1"})
    assert line == "relay.toml line 1: port: expected 0 (a free one) to 65535, got 70000"


def test_all_errors_of_a_file_with_their_lines(write_file: WriteFile) -> None:
    path = write_file(
        'kick_after = 256\norigins = [\n  "null",\n  "x",\n]\nmesage_rate = 5\n'
        '[server]\nport = 1\n[namespaces.a]\n[namespaces.b]\njoin_keys = [\n  "",\n]\n'
    )
    assert [line.split(": ")[:2] for line in errors_of(path)] == [
        ["relay.toml line 1", "kick_after"],
        ["relay.toml line 2", "origins"],
        ["relay.toml line 6", 'unknown setting "mesage_rate"; did you mean message_rate?'],
        ["relay.toml line 7", 'unknown setting "server"'],
        ["relay.toml line 11", "namespaces"],
    ]


@pytest.mark.parametrize("name", ["message-rate", "MESSAGE_RATE", "messagerate"])
def test_an_unknown_setting(write_file: WriteFile, name: str) -> None:
    [line] = errors_of(write_file(f"{name} = 1\n"))
    assert line == f'relay.toml line 1: unknown setting "{name}"; did you mean message_rate?'


def test_an_unknown_setting_is_named_without_its_value(write_file: WriteFile) -> None:
    [line] = errors_of(write_file('join_keys = ["s3cret"]\n'))
    assert "s3cret" not in line


def test_unknown_variables() -> None:
    assert errors_of(None, {"RELAY_PRT": "1", "RELAY_ZZZZZZ": "2", "RELAYS": "3"}) == [
        "RELAY_PRT: unknown setting; did you mean RELAY_PORT?",
        "RELAY_ZZZZZZ: unknown setting",
    ]


def test_the_prefix_is_no_likeness() -> None:
    assert errors_of(None, {"RELAY_FOO": "1", "RELAY_port": "2"}) == [
        "RELAY_FOO: unknown setting",
        "RELAY_port: unknown setting; did you mean RELAY_PORT?",
    ]


def test_variables_of_others() -> None:
    environ = dict.fromkeys(OTHER_VARIABLES - {"RELAY_CONFIG"}, "x")
    assert load_settings(None, environ, {}).settings == Settings()


def test_what_does_not_go_together(write_file: WriteFile) -> None:
    text = "expected trusted_proxies beside it, the only ones whose header is believed, got none"
    path = write_file("port = 1\nproxy_protocol = true\n")
    assert errors_of(path) == [f"relay.toml line 2: proxy_protocol: {text}"]
    assert errors_of(None, {"RELAY_PROXY_PROTOCOL": "1"}) == [f"RELAY_PROXY_PROTOCOL: {text}"]
    assert load_settings(path, {"RELAY_TRUSTED_PROXIES": "::1"}, {}).settings.proxy_protocol


SYNTAX = [
    ("port = 1\nport = 2\n", "line 2, column 9: expected TOML: this is there already"),
    ("[namespaces.s3cret]\n[namespaces.s3cret]\n", "line 2, column 19: expected TOML: this is there"),
    ("a = {s3cret = 1, s3cret = 2}\n", "column 28: expected TOML: this is there already"),
    ("port = \n", "line 1, column 8: expected TOML: invalid value"),
    ("port = 1\norigins = [\n", "line 3, column 1: expected TOML: invalid value"),
    ("port", "line 1, column 5: expected TOML: expected '=' after a key"),
    ('host = "a\x01"', "line 1, column 10: expected TOML: illegal character"),
    ('message_rate = s3cret/s\n', "line 1, column 16: expected TOML: invalid value"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SYNTAX)
def test_what_is_no_toml(write_file: WriteFile, text: str, expected: str) -> None:
    [line] = errors_of(write_file(text))
    assert line.startswith("relay.toml line ")
    assert expected in line
    assert "s3cret" not in line


def test_numbers_and_nesting_without_end(write_file: WriteFile) -> None:
    for text in ("port = " + "9" * 5000, "port = " + "[" * 5000 + "]" * 5000):
        [line] = errors_of(write_file(text))
        assert line.startswith("relay.toml: expected ")


def test_a_file_that_cannot_be_read(write_file: WriteFile) -> None:
    write_file("")
    assert errors_of("nowhere.toml") == ["nowhere.toml: cannot be read: No such file or directory"]
    assert errors_of(".") == [".: cannot be read: Is a directory"]
    assert errors_of("") == ['"": cannot be read: No such file or directory']


def test_a_file_that_is_no_text(write_file: WriteFile) -> None:
    path = write_file(b"port = 1\n# caf\xe9\n")
    assert errors_of(path) == ["relay.toml line 2: expected text in UTF-8"]


@pytest.mark.parametrize("length", [MAX_FILE_BYTES - 1, MAX_FILE_BYTES])
def test_a_file_of_at_most_a_mebibyte(write_file: WriteFile, length: int) -> None:
    path = write_file("port = 1\n".ljust(length, "#"))
    assert load_settings(path, {}, {}).settings.port == 1


def test_a_file_of_more(write_file: WriteFile) -> None:
    path = write_file("port = 1\n".ljust(MAX_FILE_BYTES + 1, "#"))
    assert errors_of(path) == ["relay.toml: expected at most 1MiB, got more"]


def test_an_error_of_the_file_does_not_hide_the_others() -> None:
    assert len(errors_of("nowhere.toml", {"RELAY_PORT": "x"}, {"port": "y"})) == 3


@pytest.mark.parametrize(
    "name",
    [n for n in SETTINGS if n not in ("namespaces", "origins", "trusted_proxies", "admin_token")],
)
def test_a_variable_that_is_no_text_in_utf_8(name: str) -> None:  # fmt: skip
    [line] = errors_of(None, {SETTINGS[name].variable: "\udcff"})
    assert line.endswith('got "\\udcff"')
