"""Every setting of the server, once: its name, its unit, its range, its default, its meaning.

File, environment, flags, help and the documentation's table are all made from `Settings`. Knows no trio and no socket.
"""

from typing import Annotated, Final, Literal

import msgspec

from relay.settings.admin import ENDPOINT, Token, parse_endpoint
from relay.settings.namespaces import Namespace, Namespaces
from relay.settings.rules import Each, Fits, Range, check_network, check_origin, is_host
from relay.settings.setting import (
    About,
    Amount,
    Bytes,
    BytesPerSecond,
    Group,
    PerSecond,
    Seconds,
    Setting,
    SettingError,
    settings_of,
)
from relay.settings.units import show_size

__all__ = ["SETTINGS", "Namespace", "Settings", "changed", "find_contradictions", "restart_only"]

MAX_CONNECTIONS: Final = 10_000_000
MIN_RATE: Final = (
    1 / 3600
)  # one an hour: who is over a lower rate would be told to wait for longer than anyone does
MAX_RATE: Final = 1e9  # beyond what any machine relays; what is more is a mistake in the unit
MAX_BURST_BYTES: Final = 2**40

_RATE: Final = Range(MIN_RATE, MAX_RATE, zero="off")
_BURST: Final = Range(1, MAX_RATE)
_SWITCH: Final = Fits("true or false", lambda value: True)
_HOST: Final = Fits('a host name, or an address such as "127.0.0.1" or "::1"', is_host)
_NETWORKS: Final = Each(
    'addresses, networks such as "10.0.0.0/8", or "unix:" (whoever comes by a Unix socket)',
    check_network,
)
_ORIGINS: Final = Each(
    'origins such as "https://example.com", "https://*.example.com:8443" or "null"', check_origin
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `relay serve` runs with. Sizes are bytes, times are seconds, rates are per second."""

    host: Annotated[
        str,
        About(
            Group.LISTENING,
            "Address to listen on, or a name for all addresses it stands for; 0.0.0.0 or :: is every address of the machine.",
            _HOST,
            needs_restart=True,
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        About(Group.LISTENING, "TCP port.", Range(0, 65535, zero="a free one"), needs_restart=True),
    ] = 8787
    max_connections: Annotated[
        int,
        About(
            Group.LISTENING,
            "Connections at once; further ones are refused with 503.",
            Range(0, MAX_CONNECTIONS, zero="as many as the file limit allows"),
            needs_restart=True,
        ),
    ] = 0
    admin: Annotated[
        str,
        About(
            Group.LISTENING,
            "Address and port for operators: dashboard, metrics, readiness, API; port 0 is a free one.",
            ENDPOINT,
            needs_restart=True,
        ),
    ] = "127.0.0.1:8788"
    admin_token: Annotated[
        str,
        About(
            Group.LISTENING,
            "What operators must show (Authorization: Bearer); needed where admin is not a loopback address.",
            Token(),
            is_secret=True,
        ),
    ] = ""

    limits: Annotated[
        Literal["on", "dry-run", "off"],
        About(
            Group.LIMITS,
            "Hold everyone to the limits; or only count what would be dropped, kicked and refused; or have no limits.",
        ),
    ] = "on"
    message_rate: Annotated[
        PerSecond,
        About(
            Group.LIMITS,
            "Messages that one connection may send in the long run.",
            _RATE,
        ),
    ] = 250.0
    message_burst: Annotated[
        Amount,
        About(
            Group.LIMITS,
            "Messages that one connection may send at once, when it has been quiet.",
            _BURST,
        ),
    ] = 1000.0
    byte_rate: Annotated[
        BytesPerSecond,
        About(
            Group.LIMITS,
            "Bytes of messages that one connection may send in the long run.",
            Range(0, MAX_BURST_BYTES, zero="off"),
        ),
    ] = 256 * 1024
    byte_burst: Annotated[
        Bytes,
        About(
            Group.LIMITS,
            "Bytes of messages that one connection may send at once, when it has been quiet.",
            Range(1, MAX_BURST_BYTES),
        ),
    ] = 2 * 1024 * 1024
    kick_after: Annotated[
        int,
        About(
            Group.LIMITS,
            "Warnings, one a second at most, after which a connection over its rate is closed with 1008.",
            Range(0, 255, zero="never"),
        ),
    ] = 3
    max_message: Annotated[
        Bytes,
        About(
            Group.LIMITS,
            "Largest message in a channel (/c/, /r/), its address included.",
            Range(1, 2**30),
        ),
    ] = 100 * 1024
    max_party_message: Annotated[
        Bytes,
        About(
            Group.LIMITS,
            "Largest message in a party room (/parties/, /party/).",
            Range(1, 2**30),
        ),
    ] = 1024 * 1024

    block_time: Annotated[
        Seconds,
        About(
            Group.ADDRESSES,
            "Time for which the address of a kicked connection is refused with 429.",
            Range(0, 7 * 86400.0, zero="no block"),
        ),
    ] = 60.0
    connection_rate: Annotated[
        PerSecond,
        About(
            Group.ADDRESSES,
            "New connections from one address (IPv6: a /64) in the long run; further ones are refused with 429.",
            _RATE,
        ),
    ] = 20.0
    connection_burst: Annotated[
        Amount,
        About(Group.ADDRESSES, "New connections from one address at once.", _BURST),
    ] = 100.0
    max_connections_per_ip: Annotated[
        int,
        About(
            Group.ADDRESSES,
            "Connections of one address at once; further ones are refused with 429.",
            Range(0, MAX_CONNECTIONS, zero="off"),
        ),
    ] = 0
    limit_loopback: Annotated[
        bool,
        About(
            Group.ADDRESSES,
            "Hold peers on this machine, too, to the limits of addresses.",
            _SWITCH,
        ),
    ] = False
    trusted_proxies: Annotated[
        list[str],
        About(
            Group.ADDRESSES,
            "Proxies whose word on a client's address is believed.",
            _NETWORKS,
        ),
    ] = []
    proxy_protocol: Annotated[
        bool,
        About(
            Group.ADDRESSES,
            "Expect a PROXY protocol header (version 1 or 2) from trusted proxies.",
            _SWITCH,
            needs_restart=True,
        ),
    ] = False

    origins: Annotated[
        list[str],
        About(
            Group.ACCESS,
            "Origins whose pages may connect, *. for any subdomain; an empty list admits every page.",
            _ORIGINS,
        ),
    ] = []
    ephemeral_keys: Annotated[
        bool,
        About(
            Group.ACCESS,
            "Let the first member's keys hold in a channel until it is empty, where no namespace reserves it.",
            _SWITCH,
        ),
    ] = True
    namespaces: Annotated[
        dict[str, Namespace],
        About(
            Group.ACCESS,
            "Names whose channels ask for keys: join_keys to join, send_keys to send.",
            Namespaces(),
            is_secret=True,
        ),
    ] = {}

    backlog_limit: Annotated[
        Bytes,
        About(
            Group.BACKLOG,
            "Bytes that may wait for a slow reader.",
            Range(1024, 2**31),
        ),
    ] = 1024 * 1024
    slow_consumer: Annotated[
        Literal["disconnect", "drop"],
        About(
            Group.BACKLOG,
            "What becomes of a reader beyond that: it is closed with 1013, or misses the oldest messages.",
        ),
    ] = "disconnect"
    presence: Annotated[
        Literal["all", "auto", "off"],
        About(
            Group.BACKLOG,
            "Joins and leaves: tell of all; in large channels merge those without ?announce; or tell of none.",
        ),
    ] = "auto"
    presence_limit: Annotated[
        int,
        About(
            Group.BACKLOG,
            "Members above which a channel counts as large.",
            Range(0),
        ),
    ] = 1000

    handshake_timeout: Annotated[
        Seconds,
        About(
            Group.TIME,
            "Time a client has for the head of its request.",
            Range(0, 3600.0, above_low=True),
        ),
    ] = 10.0
    ping_interval: Annotated[
        Seconds,
        About(
            Group.TIME,
            "Time between pings; a connection without a sign of life for two of them is dropped.",
            Range(0.1, 3600.0, zero="off"),
        ),
    ] = 25.0
    drain_time: Annotated[
        Seconds,
        About(
            Group.TIME,
            "Time over which everyone is closed when the server ends, at least a thousand a second.",
            Range(0, 3600.0, zero="at once"),
        ),
    ] = 10.0

    def __post_init__(self) -> None:
        """Raises SettingError, a ValueError that names the setting and what was expected."""
        for setting in SETTINGS.values():
            value = getattr(self, setting.name)
            setting.settle(value, value)
        if self.proxy_protocol and not self.trusted_proxies:
            raise SettingError(
                "proxy_protocol",
                "expected trusted_proxies beside it, the only ones whose header is believed, got none",
            )
        endpoint = parse_endpoint(self.admin)
        if endpoint and not endpoint.is_loopback and not self.admin_token:
            raise SettingError(
                "admin",
                f"expected admin_token beside it, because others can reach {endpoint.host}, got none",
            )

    def __repr__(self) -> str:
        """Without the secrets: what is printed may end up in a log."""
        shown = (
            f"{name}={getattr(self, name)!r}"
            for name, setting in SETTINGS.items()
            if not setting.about.is_secret
        )
        return f"Settings({', '.join(shown)})"


SETTINGS: Final[dict[str, Setting]] = settings_of(Settings)


def changed(old: Settings, new: Settings) -> list[str]:
    """The names of the settings that differ."""
    return [name for name in SETTINGS if getattr(old, name) != getattr(new, name)]


def restart_only(old: Settings, new: Settings) -> list[str]:
    """The settings that differ and that a running server cannot change."""
    return [name for name in changed(old, new) if SETTINGS[name].about.needs_restart]


def find_contradictions(settings: Settings) -> list[str]:
    """What is allowed and surely not meant, one line each."""
    return [*_unsendable(settings), *_undeliverable(settings), *_trusted_by_all(settings)]


def _trusted_by_all(settings: Settings) -> list[str]:
    return [
        f"trusted_proxies ({network}) trusts every address: each client chooses whose it is taken for"
        for network in settings.trusted_proxies
        if network.endswith("/0")
    ]


def _undeliverable(settings: Settings) -> list[str]:
    limit = show_size(settings.backlog_limit)
    return [
        f"backlog_limit ({limit}) is less than {name} ({show_size(size)}): one such message can make any reader a slow one"
        for name in ("max_message", "max_party_message")
        if (size := getattr(settings, name)) > settings.backlog_limit
    ]


def _unsendable(settings: Settings) -> list[str]:
    if settings.byte_rate == 0 or settings.limits != "on":
        return []
    burst = show_size(settings.byte_burst)
    return [
        f"byte_burst ({burst}) is less than {name} ({show_size(size)}): a message of more than {burst} is always dropped"
        for name in ("max_message", "max_party_message")
        if (size := getattr(settings, name)) > settings.byte_burst
    ]
