"""Where a party's room is: the URL that PartySocket makes of host, party, room and the rest. Pure."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address, ip_network
from typing import Any, Final, Self, TypeAlias, TypedDict
from urllib.parse import quote, urlencode

from relay.client.checks import check_text
from relay.client.target import parse_place

Value: TypeAlias = str | int | float | bool | None
Query: TypeAlias = Mapping[str, Value]
QueryProvider: TypeAlias = Query | Callable[[], Query | Awaitable[Query]] | None

_SCHEME: Final = re.compile(r"(https?|wss?)://", re.IGNORECASE)
_LOCAL_NETWORKS: Final = tuple(
    ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
_SECURE: Final = {"ws": "wss", "http": "https"}
_KEPT_IN_SEGMENTS: Final = "!\"$%&'()*+,-./:;<=>@[\\]^_`{|}~ "


class AddressOptions(TypedDict, total=False):
    """The keywords that say where a room is."""

    host: str | None
    room: str | None
    party: str | None
    base_path: str | None
    prefix: str | None
    protocol: str | None
    path: str | None
    query: QueryProvider


@dataclass(frozen=True, kw_only=True)
class PartyAddress:
    """`base_path` stands for prefix, party and room. Raises TypeError or ValueError for what cannot be an address."""

    host: str = ""
    room: str = ""
    party: str = ""
    base_path: str = ""
    prefix: str = ""
    protocol: str = ""
    path: str = ""
    query: QueryProvider = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """From keywords, of which those that are None, or no part of an address, do not count."""
        known = (field.name for field in fields(cls))
        return cls(**{name: options[name] for name in known if options.get(name) is not None})

    def __post_init__(self) -> None:
        for name in ("host", "room", "party", "base_path", "prefix", "protocol", "path"):
            check_text(name, getattr(self, name))
        if self.path.startswith("/"):
            raise ValueError("path: expected no slash at its beginning")
        if self.protocol not in ("", "ws", "wss", "http", "https"):
            raise ValueError(f"protocol: expected ws or wss, not {self.protocol!r}")
        if not (self.query is None or callable(self.query) or isinstance(self.query, Mapping)):
            raise TypeError(
                f"query: expected a dict or a function, not {type(self.query).__name__}"
            )
        if isinstance(self.query, Mapping):
            with_query("", self.query)
        object.__setattr__(self, "host", _checked_host(self.host))

    @property
    def name(self) -> str:
        return self.party or "main"

    def require_room(self) -> None:
        """Raises ValueError when it leads nowhere."""
        if not self.host:
            raise ValueError(
                "host: expected a host, or start_closed=True and one before reconnect()"
            )
        if not (self.room or self.base_path):
            raise ValueError(
                "room: expected a room or a base_path, or start_closed=True and one before reconnect()"
            )

    def room_url(self, family: str = "ws") -> str:
        """Without the query; `family` is ws or http."""
        protocol = self.protocol or (family if is_local(self.host) else _SECURE[family])
        if family == "http":
            protocol = {"ws": "http", "wss": "https"}.get(protocol, protocol)
        return f"{protocol}://{self.host}/{self._room_path()}{self._sub_path()}"

    def _room_path(self) -> str:
        if self.base_path:
            return _segment(self.base_path)
        return f"{_segment(self.prefix or 'parties')}/{_segment(self.name)}/{_segment(self.room)}"

    def _sub_path(self) -> str:
        return f"/{_segment(self.path)}" if self.path else ""


async def resolve_query(query: QueryProvider) -> Query:
    """What a dict holds, or a function returns. Raises TypeError."""
    given = query() if callable(query) else query
    if inspect.isawaitable(given):
        given = await given
    return checked_query(given)


def checked_query(query: object) -> Query:
    if query is None:
        return {}
    if not isinstance(query, Mapping):
        raise TypeError(f"query: expected a dict, not {type(query).__name__}")
    return query


def with_query(url: str, query: Query, party_id: str | None = None) -> str:
    """`_pk` comes first, None is left out, and the question mark is always there."""
    own = [] if party_id is None else [("_pk", party_id)]
    pairs = [
        (_name(name), _text(name, value)) for name, value in query.items() if value is not None
    ]
    return f"{url}?{urlencode(own + pairs, safe='*').replace('~', '%7E')}"


def _checked_host(host: str) -> str:
    """Raises ValueError for what leads nowhere; none at all may still come."""
    bare = bare_host(host)
    if not host:
        return ""
    if "?" in bare:
        raise ValueError("host: expected no query in it; pass query instead")
    parse_place(f"ws://{bare}/", "host")
    return bare


def bare_host(host: str) -> str:
    """Without a scheme before it and one slash behind it."""
    scheme = _SCHEME.match(host)
    return (host[scheme.end() :] if scheme else host).removesuffix("/")


def is_local(host: str) -> bool:
    """Whether a host, with or without a port, is this machine or in a private network: there `ws` is the default."""
    name = host.partition("/")[0]
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in _LOCAL_NETWORKS)


def _segment(text: str) -> str:
    """As it is, but for what would end the path: `?` and `#`."""
    return quote(text, safe=_KEPT_IN_SEGMENTS)


def _name(name: object) -> str:
    check_text("query", name)
    return str(name)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        check_text("query", value)
        return value
    if isinstance(value, int | float):
        return str(value)
    raise TypeError(
        f"query: expected a string or a number for {name!r}, not {type(value).__name__}"
    )
