"""What may be loaded, and from where."""

from __future__ import annotations

import socket

import pytest

from relay.bench.faults import PlanError, UnreachableError
from relay.bench.query import shown_query
from relay.bench.target import sources_of, target_of


def test_a_bare_url_gets_a_path_that_no_other_run_has() -> None:
    first, second = (target_of("ws://127.0.0.1:8787", "itty") for _ in range(2))
    assert first.path.startswith("/c/bench-")
    assert first.path.endswith("-{channel}")
    assert first.path != second.path
    assert (first.address, first.port, first.host) == ("127.0.0.1", 8787, "127.0.0.1:8787")
    assert target_of("ws://127.0.0.1", "party").path.startswith("/parties/main/bench-")


@pytest.mark.parametrize(
    ("url", "port", "host"),
    [
        ("ws://127.0.0.1", 80, "127.0.0.1"),
        ("ws://127.0.0.1:80/x", 80, "127.0.0.1"),
        ("http://localhost:65535/x", 65535, "localhost:65535"),
        ("ws://a.localhost:1/x", 1, "a.localhost:1"),
        ("ws://127.8.8.8:9/x", 9, "127.8.8.8:9"),
    ],
)
def test_this_machine(url: str, port: int, host: str) -> None:
    target = target_of(url, "itty")
    assert (target.port, target.host) == (port, host)
    assert target.address.startswith("127.")


def test_a_path_of_its_own_is_kept_and_no_key_in_its_query_is_shown() -> None:
    target = target_of("ws://127.0.0.1:8787/c/x-{channel}?joinKey=secret&announce&as=Ann", "itty")
    assert target.path == "/c/x-{channel}?joinKey=secret&announce&as=Ann"
    assert target.url == "ws://127.0.0.1:8787/c/x-{channel}?joinKey=***&announce&as=Ann"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("echo=true&list&alias=Ann+B", "echo=true&list&alias=Ann+B"),
        ("joinKey=k&sendKey=1&join_key=true", "joinKey=***&sendKey=***&join_key=***"),
        ("access_token=abc&Passw%6Frd=x&jwt=a.b.c", "access_token=***&Passw%6Frd=***&jwt=***"),
        ("room=lobby-{channel}&user=%7Bmember%7D", "room=lobby-{channel}&user=%7Bmember%7D"),
        ("token=t{channel}", "token=***"),
        ("v=13&on=yes&t=1234&x=correct+horse", "v=13&on=yes&t=***&x=***"),
        ("key=&x=", "key=&x="),
        ("correct-horse&a=b=c&echo=1;key=2", "***&a=***&echo=***"),
    ],
)
def test_of_a_query_only_what_can_be_no_secret_is_shown(query: str, shown: str) -> None:
    assert shown_query(query) == shown


@pytest.mark.parametrize(
    "url",
    [
        "ws://ann:secret@127.0.0.1/x?joinKey=secret",
        "//ann:secret@x",
        "x?secret=secret",
        "ws://127.0.0.1/c/x#key=secret",
        "ws://127.0.0.1/c/x?as=Ann#key=secret",
    ],
)
def test_a_url_that_is_refused_is_told_without_what_is_secret(url: str) -> None:
    with pytest.raises(PlanError, match="got") as refused:
        target_of(url, "itty")
    assert "=secret" not in str(refused.value)
    assert ":secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "ending"),
    [
        ("ws://127.0.0.1:1", "-{channel}?echo=true"),
        ("ws://127.0.0.1:1/c/x?a=b", "/c/x?a=b&echo=true"),
        ("ws://127.0.0.1:1/c/x?echo=1", "/c/x?echo=1"),
        ("ws://127.0.0.1:1/?joinKey=k", "-{channel}?joinKey=k&echo=true"),
    ],
)
def test_echo_is_asked_for(url: str, ending: str) -> None:
    assert target_of(url, "itty", has_echo=True).path.endswith(ending)
    assert "echo=true" not in target_of(url, "template", has_echo=True).path


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "expected ws://"),
        ("127.0.0.1:8787", "expected ws://"),
        ("ftp://127.0.0.1", "expected ws://"),
        ("ws://", "expected ws://"),
        ("ws://[", "expected ws://"),
        ("ws://u:p@127.0.0.1", "expected ws://"),
        ("ws://127.0.0.1/#x", "expected ws://"),
        ("wss://127.0.0.1", "expected ws://, got wss://: the generator speaks no TLS"),
        (
            "https://x.org/c/y",
            "got https://: the generator speaks no TLS, which would cost it more than the server; give the plain",
        ),
        ("ws://127.0.0.1:0", "port from 1"),
        ("ws://127.0.0.1:65536", "port from 1"),
        ("ws://127.0.0.1:x", "port from 1"),
        ("ws://[::1]:8787", "only IPv4"),
        ("ws://10.0.0.1", "--remote"),
        ("ws://128.0.0.1", "--remote"),
        ("ws://0.0.0.0", "--remote"),
        ("ws://example.org", "--remote"),
        ("ws://localhost.example.org", "--remote"),
    ],
)
def test_urls_that_are_refused(url: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(PlanError, match=f"^URL: .*{text}"):
        target_of(url, "itty")


def test_others_are_loaded_only_when_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert target_of("ws://10.0.0.1:5", "itty", is_remote=True).address == "10.0.0.1"
    target = target_of("ws://relay.example:5", "itty", is_remote=True)
    assert (target.address, target.host) == ("192.0.2.7", "relay.example:5")


def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(UnreachableError, match=r"no-such\.example has no IPv4 address"):
        target_of("ws://no-such.example", "itty", is_remote=True)


def test_ranges_of_addresses() -> None:
    assert sources_of(()) == ()
    assert sources_of(("127.0.0.9", "127.0.0.254-127.0.1.1")) == (
        "127.0.0.9",
        "127.0.0.254",
        "127.0.0.255",
        "127.0.1.0",
        "127.0.1.1",
    )
    assert sources_of(("127.0.0.1-127.0.0.1",)) == ("127.0.0.1",)
    assert len(sources_of(("127.0.0.0-127.0.255.255",))) == 65_536


@pytest.mark.parametrize(
    "value", ["", "x", "127.0.0.2-127.0.0.1", "127.0.0.1-", "::1", "127.0.0.0-127.1.0.0"]
)
def test_no_addresses(value: str) -> None:
    with pytest.raises(PlanError, match=r"^--source-address: expected"):
        sources_of((value,))
