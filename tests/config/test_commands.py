"""`relay check-config`, `relay serve --print-config` and the help, all made from the settings."""

from __future__ import annotations

import re
import tomllib

import pytest

from relay.settings.config import SETTINGS, Settings
from relay.settings.describe import settings_file
from relay.settings.sources import load_settings

from .conftest import RunCommand, WriteFile

EFFECTIVE = Settings(
    host="::",
    limits="dry-run",
    message_rate=0.25,
    byte_rate=1000,
    byte_burst=2**30,
    ping_interval=0.0,
    drain_time=0.5,
    limit_loopback=True,
    trusted_proxies=["10.0.0.0/8", "::1"],
    origins=["https://a"],
)


def assignments(text: str) -> str:
    """A printed file with its defaults taken in, and without the example at its end."""
    return re.sub(r"^#(?=\w)", "", text.partition("#[namespaces")[0], flags=re.MULTILINE)


def test_the_defaults_load_to_the_defaults(run: RunCommand, write_file: WriteFile) -> None:
    result = run("serve", "--print-config")
    assert (result.exit_code, result.stderr) == (0, "")
    assert tomllib.loads(result.stdout) == {}
    active = assignments(result.stdout)
    assert {*tomllib.loads(active)} == {*SETTINGS} - {"namespaces"}
    for text in (result.stdout, active):
        assert load_settings(write_file(text), {}, {}).settings == Settings()


def test_every_line_of_the_defaults_is_a_comment_and_each_setting_has_its_help(
    run: RunCommand,
) -> None:
    text = run("serve", "--print-config").stdout
    assert all(line.startswith("#") or not line for line in text.splitlines())
    words = " ".join(line.removeprefix("# ") for line in text.splitlines())
    assert all(setting.about.help in words for setting in SETTINGS.values())


def test_the_example_of_a_namespace_is_one(write_file: WriteFile) -> None:
    example = settings_file(Settings()).partition("#[")[2].replace("\n#", "\n")
    namespaces = load_settings(write_file(f"[{example}"), {}, {}).settings.namespaces
    assert {name: len(entry.send_keys) for name, entry in namespaces.items()} == {"team": 1}


def test_effective_values_load_to_themselves(run: RunCommand, write_file: WriteFile) -> None:
    first = run("serve", "--print-config", "--config", write_file(settings_file(EFFECTIVE))).stdout
    assert load_settings(write_file(first), {}, {}).settings == EFFECTIVE
    assert load_settings(write_file(assignments(first)), {}, {}).settings == EFFECTIVE


def test_variables_and_flags_are_printed_too(run: RunCommand, write_file: WriteFile) -> None:
    text = run("serve", "--print-config", "--port", "1", RELAY_KICK_AFTER="2").stdout
    assert tomllib.loads(text) == {"port": 1, "kick_after": 2}


def test_namespaces_are_left_out(run: RunCommand) -> None:
    text = run("serve", "--print-config", RELAY_NAMESPACES='{"s3c": {"join_keys": ["s3c"]}}').stdout
    assert "# Left out: 1 namespace with 1 join key and 0 send keys.\n" in text
    assert "s3c" not in text


def test_nothing_to_report(run: RunCommand) -> None:
    result = run("check-config")
    assert (result.exit_code, result.stdout) == (0, "ok, different from the defaults: 0\n")


def test_what_differs_and_where_it_comes_from(run: RunCommand, write_file: WriteFile) -> None:
    path = write_file(
        'message_rate = "15/m"\nkick_after = 3\n[namespaces."s3c"]\njoin_keys = ["s3c", "x"]\n'
    )
    arguments = ("--config", path, "--limit-loopback", "--origins", "null,https://a")
    result = run("check-config", *arguments, RELAY_LIMITS="off")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ok, different from the defaults: 5",
        'limits = "off"  (RELAY_LIMITS)',
        'message_rate = "15/m"  (relay.toml line 1)',
        "limit_loopback = true  (--limit-loopback)",
        'origins = ["null", "https://a"]  (--origins)',
        "namespaces: 1 namespace with 2 join keys and 0 send keys  (relay.toml line 3)",
    ]


def test_a_contradiction_is_a_warning(run: RunCommand) -> None:
    result = run("check-config", "--byte-burst", "512KiB")
    assert result.exit_code == 0
    [line] = result.stderr.splitlines()
    assert line.startswith("relay: warning: byte_burst (512KiB) is less than max_party_message")


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_all_errors_and_exit_2(run: RunCommand, write_file: WriteFile, command: str) -> None:
    path = write_file('message_rate = "fast"\nx = 1\n')
    result = run(command, "--config", path, "--port", "x", RELAY_PRT="1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        ["relay", "relay.toml line 1"],
        ["relay", "relay.toml line 2"],
        ["relay", "RELAY_PRT"],
        ["relay", "--port"],
    ]


@pytest.mark.parametrize(
    ("flags", "is_on"),
    [
        (["--limit-loopback"], True),
        (["--limit-loopback", "--port", "1"], True),
        (["--limit-loopback", "yes"], True),
        (["--limit-loopback=off"], False),
        (["--no-limit-loopback"], False),
        (["--no-limit-loopback", "--limit-loopback"], True),
        (["--limit-loopback", "--no-limit-loopback"], False),
    ],
)
def test_switches_as_flags(run: RunCommand, flags: list[str], is_on: bool) -> None:
    """The variable says the opposite: a flag that does nothing would show."""
    arguments = ("serve", "--print-config", *flags)
    text = run(*arguments, RELAY_LIMIT_LOOPBACK="false" if is_on else "true").stdout
    assert tomllib.loads(text).get("limit_loopback", False) is is_on


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_help_shows_every_setting_with_its_default(run: RunCommand, command: str) -> None:
    text = run(command, "--help", COLUMNS="200").stdout
    for setting in SETTINGS.values():
        found = re.search(rf"^  {setting.flag}\b(.*\n)(?:   .*\n)*", text, re.MULTILINE)
        if setting.about.is_secret:
            assert found is None
            continue
        assert found is not None, setting.name
        words = " ".join(found[0].split())
        assert setting.about.help in words
        assert words.endswith(f"[{setting.kind.show(setting.default) or 'none'}]")


def test_help_groups_the_settings(run: RunCommand) -> None:
    text = run("serve", "--help").stdout
    places = [
        text.index(f"\n{group}:\n")
        for group in dict.fromkeys(s.about.group for s in SETTINGS.values())
    ]
    assert places == sorted(places)
    assert text.index("--port ") < text.index("\nLimits:\n") < text.index("--message-rate ")


def test_keys_have_no_flag(run: RunCommand) -> None:
    result = run("serve", "--namespaces", "{}")
    assert result.exit_code == 2
    assert "--namespaces" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["serve", "--prot", "1"], "--prot"),
        (["serve", "--port"], "--port"),
        (["serve", "extra"], "extra"),
        (["serf"], "serf"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(
    run: RunCommand, arguments: list[str], what: str
) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("relay: ")
    assert result.stderr.count("\n") == 1
    assert what in result.stderr
    assert "--help" in result.stderr


def test_no_command_at_all_shows_the_help(run: RunCommand) -> None:
    result = run()
    assert result.exit_code == 2
    assert "serve" in result.stderr + result.stdout
