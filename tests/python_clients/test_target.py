"""What a URL and the arguments beside it ask for."""

from __future__ import annotations

from typing import Any

import pytest

from relay.client.target import parse_target


@pytest.mark.parametrize(
    ("url", "host", "port", "host_header", "resource"),
    [
        ("ws://a.test", "a.test", 80, "a.test", "/"),
        ("wss://a.test", "a.test", 443, "a.test", "/"),
        ("ws://a.test:80/x", "a.test", 80, "a.test", "/x"),
        ("ws://a.test:443/x", "a.test", 443, "a.test:443", "/x"),
        ("wss://a.test:8443/x?", "a.test", 8443, "a.test:8443", "/x?"),
        ("ws://[::1]/x", "::1", 80, "[::1]", "/x"),
        ("ws://[::1]:9/x", "::1", 9, "[::1]:9", "/x"),
        ("ws://a.test?x=1", "a.test", 80, "a.test", "/?x=1"),
        ("ws://a.test/日?q=é ü", "a.test", 80, "a.test", "/%E6%97%A5?q=%C3%A9%20%C3%BC"),
        ("ws://a.test/a%3Ab//c", "a.test", 80, "a.test", "/a%3Ab//c"),
        ("WS://A.test/", "a.test", 80, "a.test", "/"),
        ("ws://a_b.test:1/", "a_b.test", 1, "a_b.test:1", "/"),
        ("ws://a.test:65535/", "a.test", 65535, "a.test:65535", "/"),
        ("ws://bücher.test/", "bücher.test", 80, "xn--bcher-kva.test", "/"),
    ],
)
def test_urls(url: str, host: str, port: int, host_header: str, resource: str) -> None:
    target = parse_target(url, (), ())
    assert (target.host, target.port) == (host, port)
    assert (target.host_header, target.resource) == (host_header, resource)
    assert target.is_secure == url.startswith("wss")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://a.test/", "expected the scheme ws or wss, not 'http'"),
        ("a.test/secret", "expected the scheme ws or wss, not ''"),
        ("ws:///secret", "expected a host"),
        ("ws://a.test:99999/secret", "a port up to 65535"),
        ("ws://a.test:x/secret", "a port up to 65535"),
        ("ws://me:secret@a.test/", "expected no user name"),
        (f"ws://{'a' * 64}.test/secret", "expected a host name"),
        ("ws://a .test/secret", "expected a host name"),
        ("ws://a%41.test/secret", "expected a host name"),
        ("ws://a.test:0/secret", "expected a port from 1"),
        ("ws://a.test:1 2/secret", "a port up to 65535"),
        ("ws://[::1/secret", "expected a ws:// or wss:// URL"),
        ("ws://[::1]x/secret", "expected a ws:// or wss:// URL"),
        ("ws://[v1.x]/secret", "expected a ws:// or wss:// URL"),
        ("ws://a.test/x#secret", "expected no fragment"),
        ("ws://a.test/secret\n", "without control characters"),
        (" ws://a.test/secret", "without control characters"),
        ("ws://a.test/secret\ud800", "expected text in Unicode"),
    ],
)
def test_urls_that_are_refused(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"^url: .*{text}") as caught:
        parse_target(url, (), ())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", [None, b"ws://a.test", 3])
def test_url_that_is_no_string(url: Any) -> None:
    with pytest.raises(TypeError, match=r"^url: expected a string"):
        parse_target(url, (), ())


@pytest.mark.parametrize("names", [("a b",), ("",), ("a", "a"), (3,)])
def test_subprotocols_that_are_refused(names: Any) -> None:
    with pytest.raises(ValueError, match=r"^subprotocols: "):
        parse_target("ws://a.test", names, ())


def test_one_string_is_not_several_subprotocols() -> None:
    with pytest.raises(TypeError, match=r"^subprotocols: "):
        parse_target("ws://a.test", "chat", ())


@pytest.mark.parametrize("headers", [{"x-a": " 1 "}, [("x-a", "1")]])
def test_headers(headers: Any) -> None:
    assert parse_target("ws://a.test", (), headers).headers == ((b"x-a", b"1"),)


@pytest.mark.parametrize(
    "header",
    [
        ("a b", "secret"),
        ("", "secret"),
        ("Host", "secret"),
        ("sec-websocket-key", "secret"),
        ("x-a", "secret\r\nx-b: 1"),
        ("x-a", "secreté"),
        ("x-a", b"secret"),
    ],
)
def test_headers_that_are_refused(header: Any) -> None:
    with pytest.raises(ValueError, match=r"^headers: ") as caught:
        parse_target("ws://a.test", (), [header])
    assert "secret" not in str(caught.value)
