"""PartySocket: a reconnecting socket that knows its room."""

import inspect
import logging
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypedDict, Unpack, cast

import trio

from relay.client import fetch as http
from relay.client.checks import check_flag, check_text
from relay.client.listeners import check_listener
from relay.client.outbox import Message
from relay.client.party_address import (
    AddressOptions,
    PartyAddress,
    checked_query,
    resolve_query,
    with_query,
)
from relay.client.policy import Policy, SocketOptions
from relay.client.providers import ProtocolsProvider
from relay.client.reconnecting import ReconnectingWebSocket
from relay.client.socket_events import CloseEvent, ErrorEvent, EventType, MessageEvent, OpenEvent
from relay.client.transport import NORMAL_CLOSURE

_logger: Final = logging.getLogger("relay.client")


class PartyOptions(SocketOptions, AddressOptions, total=False):
    """The keywords of a party socket: where its room is, who it is, and how it reconnects."""

    id: str | None
    protocols: ProtocolsProvider
    disable_name_validation: bool


class FetchOptions(TypedDict, total=False):
    """The keywords of a request to a room, beside those that say where it is."""

    method: str
    headers: Mapping[str, str] | None
    body: str | bytes | None
    timeout_seconds: float
    ssl_context: ssl.SSLContext | None


class PartyFetchOptions(AddressOptions, FetchOptions, total=False):
    """All keywords of a request to a room."""


class PartySocket(ReconnectingWebSocket):
    """A ReconnectingWebSocket to `{protocol}://{host}/{prefix}/{party}/{room}/{path}?_pk={id}&{query}`.

    `protocol` is ws for this machine and private networks, otherwise wss; `base_path` replaces prefix, party and room. `id` is a
    UUID unless given, and stays the same. `query` may be a function, or an async one, that is asked before every attempt.
    Raises TypeError or ValueError for a bad option, and when neither room nor base_path is there, unless `start_closed`.
    """

    def __init__(self, **options: Unpack[PartyOptions]) -> None:
        self._id = _checked_id(options.get("id")) or str(uuid.uuid4())
        self._address = _socket_address(options)
        self._options: PartyOptions = options
        if not options.get("start_closed"):
            self._address.require_room()
        _warn_of_slashes(self._address, options)
        super().__init__(self._find_url, options.get("protocols"), **_socket_options(options))

    @property
    def id(self) -> str:
        return self._id

    @property
    def name(self) -> str:
        """The party: "main" unless given."""
        return self._address.name

    @property
    def room(self) -> str:
        return self._address.room

    @property
    def host(self) -> str:
        """Without a scheme."""
        return self._address.host

    @property
    def path(self) -> str:
        """Below the room, as it was given."""
        return self._address.path

    @property
    def base_path(self) -> str:
        return self._address.base_path

    @property
    def room_url(self) -> str:
        """Without the query. `url` is what is connected to."""
        return self._address.room_url()

    def update_properties(self, **options: Unpack[PartyOptions]) -> None:
        """Change some of the options, from the next attempt on; None takes one away. The others stay, the id too.

        Raises as the constructor does, and then changes nothing.
        """
        merged = cast(PartyOptions, {**self._options, **options})
        address = _socket_address(merged)
        policy = Policy.of(_socket_options(merged))
        party_id = _checked_id(options.get("id"))
        _warn_of_slashes(address, merged)
        with self._lock:
            self._options, self._address, self._policy = merged, address, policy
            self._protocols_provider = merged.get("protocols")
            self._id = party_id or self._id

    def reconnect(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """As ReconnectingWebSocket does. Raises ValueError when there is no host, or neither room nor base_path."""
        self._address.require_room()
        super().reconnect(code, reason)

    def move(
        self,
        *,
        transfer_enqueued_messages: bool | None = None,
        **options: Unpack[PartyOptions],
    ) -> None:
        """Change options and reconnect with them.

        Queued messages go with it when the room stays the same; to another one only if `transfer_enqueued_messages` is True,
        otherwise they are dropped with a warning.
        """
        if transfer_enqueued_messages is not None:
            check_flag("transfer_enqueued_messages", transfer_enqueued_messages)
        before = self.room_url
        self.update_properties(**options)
        is_kept = transfer_enqueued_messages
        if is_kept is None:
            is_kept = self.room_url == before
        dropped: list[Message] = [] if is_kept else self.drain_queued_messages()
        if dropped:
            _logger.warning(
                "%d queued messages were dropped, for the socket moves to another room;"
                " transfer_enqueued_messages=True would deliver them there",
                len(dropped),
            )
        self.reconnect()

    async def _find_url(self) -> str:
        address, party_id = self._address, self._id
        query = await resolve_query(address.query)
        return with_query(address.room_url(), query, party_id)

    @staticmethod
    def fetch(**options: Unpack[PartyFetchOptions]) -> http.Response:
        """A request over http or https to the URL that a socket would have, without `_pk`. Blocks.

        `method`, `headers`, `body` and `timeout_seconds` are those of the request. Raises ConnectError when there is no answer,
        TypeError or ValueError for a bad argument.
        """
        address, request = _split_fetch(options)
        query = address.query() if callable(address.query) else address.query
        if inspect.iscoroutine(query):
            query.close()
            raise TypeError("query: expected no async function; fetch_async() takes one")
        return http.fetch(with_query(address.room_url("http"), checked_query(query)), **request)

    @staticmethod
    async def fetch_async(**options: Unpack[PartyFetchOptions]) -> http.Response:
        """`fetch` under trio."""
        address, request = _split_fetch(options)
        url = with_query(address.room_url("http"), await resolve_query(address.query))
        return await trio.to_thread.run_sync(
            lambda: http.fetch(url, **request), abandon_on_cancel=True
        )


@asynccontextmanager
async def open_party_socket(
    *,
    on_open: Callable[[OpenEvent], object] | None = None,
    on_message: Callable[[MessageEvent], object] | None = None,
    on_close: Callable[[CloseEvent], object] | None = None,
    on_error: Callable[[ErrorEvent], object] | None = None,
    **options: Unpack[PartyOptions],
) -> AsyncIterator[PartySocket]:
    """A party socket for the length of a block of trio: what `usePartySocket` is in React.

    The handlers hear every event, the last close included; `move` changes the room within the block.
    """
    socket = PartySocket(**options)
    handlers: dict[EventType, Any] = {
        "open": on_open,
        "message": on_message,
        "close": on_close,
        "error": on_error,
    }
    for event_type, handler in handlers.items():
        if handler is not None:
            check_listener(f"on_{event_type}", handler)
            socket.add_event_listener(event_type, handler)
    async with socket:
        yield socket


_ADDRESS_KEYS: Final = frozenset(AddressOptions.__annotations__)
_FETCH_KEYS: Final = frozenset(FetchOptions.__annotations__)
_OWN_KEYS: Final = frozenset({"id", "protocols", "disable_name_validation"})


def _socket_address(options: Mapping[str, Any]) -> PartyAddress:
    """`protocol` may be one of http for requests alone. Raises as `PartyAddress.of` does."""
    address = PartyAddress.of(options)
    if address.protocol.startswith("http"):
        raise ValueError(f"protocol: expected ws or wss, not {address.protocol!r}")
    return address


def _socket_options(options: Mapping[str, Any]) -> SocketOptions:
    """What is left for the reconnecting socket; None means its default."""
    others = options.keys() - _ADDRESS_KEYS - _OWN_KEYS
    given = {key: options[key] for key in others if options[key] is not None}
    return cast(SocketOptions, given)


def _split_fetch(options: Mapping[str, Any]) -> tuple[PartyAddress, dict[str, Any]]:
    unknown = options.keys() - _ADDRESS_KEYS - _FETCH_KEYS
    if unknown:
        raise TypeError(f"{min(unknown)}: there is no such argument")
    address = PartyAddress.of(options)
    address.require_room()
    return address, {key: options[key] for key in _FETCH_KEYS & options.keys()}


def _checked_id(value: object) -> str | None:
    if value is None or value == "":
        return None
    check_text("id", value)
    return str(value)


def _warn_of_slashes(address: PartyAddress, options: Mapping[str, Any]) -> None:
    """Names stay out of the log: which of the two it is must do."""
    is_off = options.get("disable_name_validation")
    if is_off is not None:
        check_flag("disable_name_validation", is_off)
    if is_off:
        return
    for key in ("party", "room"):
        if "/" in getattr(address, key):
            _logger.warning(
                "the name of the %s contains a slash, which may lead elsewhere;"
                " disable_name_validation=True if that is meant",
                key,
            )
