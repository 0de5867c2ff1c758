"""Which origins a list allows: spelling, ports, wildcards, and what is no origin."""

from __future__ import annotations

import pytest

from relay.origins import MAX_ORIGIN_BYTES, Origins

LISTED = (
    "https://example.com",
    "http://localhost:8000",
    "HTTPS://Shop.Example.NET:443",
    "http://[2001:db8::1]:8080",
    "https://*.example.org",
    "https://*.example.org:8443",
    "chrome-extension://abcdef",
)


@pytest.mark.parametrize(
    "origin", [None, b"https://example.com", b"null", b"", b"nonsense", b"\xff"]
)
def test_an_empty_list_allows_any(origin: bytes | None) -> None:
    assert Origins([]).admits(origin)


@pytest.mark.parametrize("listed", ["https://example.com", "https://*.example.com", "null"])
def test_what_is_no_browser_sends_no_origin_and_may_connect(listed: str) -> None:
    assert Origins([listed]).admits(None)


@pytest.mark.parametrize(
    "origin",
    [
        b"https://example.com",
        b"https://example.com:443",
        b"HTTPS://EXAMPLE.com",
        b"https://shop.example.net",
        b"https://shop.example.net:443",
        b"http://localhost:8000",
        b"http://[2001:db8::1]:8080",
        b"http://[2001:DB8::1]:8080",
        b"https://a.example.org",
        b"https://a.b.c.example.org",
        b"https://A.Example.Org:443",
        b"https://a.example.org:8443",
        b"chrome-extension://abcdef",
    ],
)
def test_listed_origins(origin: bytes) -> None:
    assert Origins(LISTED).admits(origin)


@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b"null",
        b"http://example.com",
        b"https://example.com:80",
        b"https://example.com:8443",
        b"https://www.example.com",
        b"https://example.com.evil.net",
        b"https://evilexample.com",
        b"https://example.com/",
        b"https://example.com/path",
        b"https://example.com, https://evil.net",
        b"https://evil.net, https://example.com",
        b"https://user@example.com",
        b"https://example.com.",
        b"https:example.com",
        b"example.com",
        b"//example.com",
        b"http://localhost",
        b"http://localhost:80",
        b"http://localhost:8001",
        b"http://[2001:db8::2]:8080",
        b"https://example.org",
        b"https://.example.org",
        b"https://*.example.org",
        b"https://a..example.org",
        b"https://evil-example.org",
        b"https://evil.net/.example.org",
        b"https://evil.net#.example.org",
        b"https://evil.net:443.example.org",
        b"http://a.example.org",
        b"https://a.example.org:444",
        b"https://a.example.org:",
        b"https://a.example.org:99999",
        b"https://a.example.org.evil.net",
        b"https://a\x00.example.org",
        b"https://\xc3\xbc.example.org",
    ],
)
def test_other_origins(origin: bytes) -> None:
    assert not Origins(LISTED).admits(origin)


def test_null_must_be_listed() -> None:
    origins = Origins(["null"])
    assert origins.admits(b"null")
    assert origins.admits(b"NULL")
    assert not origins.admits(b"https://null")


def test_a_port_is_only_its_own_schemes_default() -> None:
    assert Origins(["http://a"]).admits(b"http://a:80")
    assert not Origins(["http://a"]).admits(b"http://a:443")
    assert not Origins(["https://a"]).admits(b"https://a:80")
    assert not Origins(["custom://a"]).admits(b"custom://a:80")


@pytest.mark.parametrize(("port", "is_port"), [(65534, True), (65535, True), (65536, False)])
def test_below_at_and_above_the_last_port(port: int, is_port: bool) -> None:
    if is_port:
        assert Origins([f"http://a:{port}"]).admits(b"http://a:%d" % port)
    else:
        with pytest.raises(ValueError, match="origins: expected"):
            Origins([f"http://a:{port}"])


@pytest.mark.parametrize("length", [MAX_ORIGIN_BYTES - 1, MAX_ORIGIN_BYTES, MAX_ORIGIN_BYTES + 1])
def test_below_at_and_above_the_length_of_an_origin(length: int) -> None:
    origin = b"https://" + b"a" * (length - 20) + b".example.org"
    assert len(origin) == length
    assert Origins(LISTED).admits(origin) is (length <= MAX_ORIGIN_BYTES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "example.com",
        "https://",
        "https://example.com/",
        "https://example.com/path",
        "https://*",
        "https://*.",
        "https://a.*.example.com",
        "https://*.*.example.com",
        "https://*example.com",
        "https://*.[::1]",
        "https://example.com:*",
        "https://example.com:0",
        "https://example.com:",
        "https://user@example.com",
        " https://example.com",
        "https://bücher.example",
        "https://\ud800.example",
        "null*",
        "ws://example.com",
        "wss://example.com:8443",
        "WSS://*.example.com",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="origins: expected null, or an origin such as") as caught:
        Origins(["https://example.com", text])
    assert repr(text) in str(caught.value)
