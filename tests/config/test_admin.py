"""Where operators connect and the token they show, as settings; the token is in no error and no output."""

from __future__ import annotations

import pytest

from relay.settings.admin import MAX_TOKEN_CHARACTERS, MIN_TOKEN_CHARACTERS, parse_endpoint
from relay.settings.config import SETTINGS, Settings
from relay.settings.setting import SettingError
from relay.settings.sources import ConfigError, load_settings

from .conftest import RunCommand, WriteFile

TOKEN = "s3cret-s3cret-s3cret"

ENDPOINTS = [
    ("127.0.0.1:8788", ("127.0.0.1", 8788), True),
    ("127.9.9.9:0", ("127.9.9.9", 0), True),
    ("[::1]:65535", ("::1", 65535), True),
    ("localhost:1", ("localhost", 1), True),
    ("LocalHost:1", ("LocalHost", 1), True),
    ("0.0.0.0:1", ("0.0.0.0", 1), False),
    ("[::]:1", ("::", 1), False),
    ("10.0.0.1:1", ("10.0.0.1", 1), False),
    ("relay.internal:1", ("relay.internal", 1), False),
    ("localhost.example:1", ("localhost.example", 1), False),
    ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1), False),
]
NO_ENDPOINTS = [
    "", "on", "OFF", "8788", ":8788", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
    "127.0.0.1:65536", "127.0.0.1:100000", "127.0.0.1:٣", "::1:8788", "[::1]", "[127.0.0.1]:1",
    "[1::2::3]:1", "http://127.0.0.1:1", "a b:1", "*:1", "127.0.0.1:1/", "a:1:1", "a\n:1",
]  # fmt: skip


@pytest.mark.parametrize(("text", "endpoint", "is_loopback"), ENDPOINTS)
def test_endpoints(text: str, endpoint: tuple[str, int], is_loopback: bool) -> None:
    assert SETTINGS["admin"].read(text) == text
    parsed = parse_endpoint(text)
    assert parsed == endpoint
    assert parsed is not None
    assert parsed.is_loopback is is_loopback


def test_none_at_all() -> None:
    assert parse_endpoint(Settings(admin="off").admin) is None


@pytest.mark.parametrize("text", NO_ENDPOINTS)
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(SettingError, match=r"^admin: expected off, or an address and a port such"):
        SETTINGS["admin"].read(text)


@pytest.mark.parametrize("length", [0, MIN_TOKEN_CHARACTERS, MAX_TOKEN_CHARACTERS])
def test_tokens_of_a_good_length(length: int) -> None:
    assert Settings(admin_token="~" * length).admin_token == "~" * length


@pytest.mark.parametrize(
    "token",
    [
        "s" * (MIN_TOKEN_CHARACTERS - 1),
        "s" * (MAX_TOKEN_CHARACTERS + 1),
        TOKEN + " ",
        TOKEN + "é",
        TOKEN + "\n",
        TOKEN + "\udcff",
    ],
)
def test_what_is_no_token(token: str) -> None:
    for make in (lambda: Settings(admin_token=token), lambda: SETTINGS["admin_token"].read(token)):
        with pytest.raises(SettingError) as caught:
            make()
        assert str(caught.value) == (
            "admin_token: expected nothing, or 16 to 256 characters of ASCII without spaces"
        )


@pytest.mark.parametrize("value", [5, True, [TOKEN], {TOKEN: TOKEN}])
def test_a_token_is_text(value: object) -> None:
    with pytest.raises(SettingError, match=r"^admin_token: expected nothing, or 16") as caught:
        SETTINGS["admin_token"].read(value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(("admin", "_", "is_loopback"), ENDPOINTS)
def test_a_token_is_needed_where_others_can_connect(
    admin: str, _: object, is_loopback: bool
) -> None:
    assert Settings(admin=admin, admin_token=TOKEN).admin == admin
    if is_loopback:
        assert Settings(admin=admin).admin == admin
        return
    with pytest.raises(SettingError, match=r"^admin: expected admin_token beside it, because "):
        Settings(admin=admin)


def test_the_error_says_where_the_address_was_given(write_file: WriteFile) -> None:
    text = "expected admin_token beside it, because others can reach 0.0.0.0, got none"
    with pytest.raises(ConfigError) as caught:
        load_settings(write_file('port = 1\nadmin = "0.0.0.0:1"\n'), {}, {})
    assert caught.value.lines == [f"relay.toml line 2: admin: {text}"]
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {}, {"admin": "0.0.0.0:1"})
    assert caught.value.lines == [f"--admin: {text}"]
    environ = {"RELAY_ADMIN_TOKEN": TOKEN}
    assert load_settings(None, environ, {"admin": "0.0.0.0:1"}).settings.admin_token == TOKEN


def test_a_token_has_no_flag(run: RunCommand) -> None:
    result = run("serve", "--admin-token", TOKEN)
    assert result.exit_code == 2
    assert TOKEN not in result.output


def test_a_token_is_not_shown(run: RunCommand, write_file: WriteFile) -> None:
    path = write_file(f'admin_token = "{TOKEN}"\n')
    checked = run("check-config", "--config", path)
    assert "admin_token: it is set  (relay.toml line 1)" in checked.stdout.splitlines()
    printed = run("serve", "--print-config", "--config", path)
    assert '# Left out: it is set.\n#admin_token = ""\n' in printed.stdout
    refused = run("check-config", RELAY_ADMIN_TOKEN=TOKEN + " ")
    assert refused.exit_code == 2
    told = checked.output + printed.output + refused.output + repr(Settings(admin_token=TOKEN))
    assert TOKEN not in told
