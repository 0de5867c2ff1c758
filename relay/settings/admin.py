"""Where the operator's side listens, and the token that opens it: how both are spelt, and what they may be."""

import ipaddress
import re
from typing import Any, Final, NamedTuple

import msgspec

from relay.settings.rules import Fits, Unfit, is_host
from relay.settings.units import Kind

OFF: Final = "off"
MIN_TOKEN_CHARACTERS: Final = 16
MAX_TOKEN_CHARACTERS: Final = 256

_ENDPOINT: Final = re.compile(
    r"(?:\[(?P<ipv6>[^\]]*:[^\]]*)\]|(?P<name>[^:]+)):(?P<port>\d{1,5})", re.ASCII
)
_TOKEN: Final = re.compile(
    rf"[!-~]{{{MIN_TOKEN_CHARACTERS},{MAX_TOKEN_CHARACTERS}}}"
)  # what a header can carry


class Endpoint(NamedTuple):
    """A host, which is an address or a name, and a port; 0 is a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. Of names only localhost is believed."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in a URL or without its brackets, is this machine by its own word."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def parse_endpoint(text: str) -> Endpoint | None:
    """`HOST:PORT`, an IPv6 address in brackets; None for `off`. Raises ValueError."""
    if text == OFF:
        return None
    found = _ENDPOINT.fullmatch(text)
    if found is None or not is_host(host := found["ipv6"] or found["name"]):
        raise ValueError("expected HOST:PORT")
    port = int(found["port"])
    if port > 0xFFFF:
        raise ValueError("expected a port of at most 65535")
    return Endpoint(host, port)


def _is_endpoint(text: str) -> bool:
    try:
        parse_endpoint(text)
    except ValueError:
        return False
    return True


ENDPOINT: Final = Fits(
    'off, or an address and a port such as "127.0.0.1:8788" or "[::1]:8788"', _is_endpoint
)


class Token(msgspec.Struct, frozen=True):
    """The rule of a token: none, or so many characters. No error tells what was given."""

    def describe(self, kind: Kind) -> str:
        return (
            f"nothing, or {MIN_TOKEN_CHARACTERS} to {MAX_TOKEN_CHARACTERS} characters of ASCII"
            " without spaces"
        )

    def settle(self, value: Any, expected: str, given: object) -> Any:
        if value and not _TOKEN.fullmatch(value):
            raise Unfit(f"expected {expected}")
        return value
