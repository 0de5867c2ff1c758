"""Puts the relay together: listeners, the reactor's pump, channels, plain HTTP, signals."""

import contextlib
import logging
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
import trio

from relay import _core, systemd
from relay.admin.side import make_admin_side
from relay.admission import Admission, Upgrade
from relay.channel import CLOSE_TIMEOUT_SECONDS
from relay.cycles import collect_rarely
from relay.faults import FaultLog
from relay.hub import Hub
from relay.incoming import Exchange
from relay.limits import AddressLimits
from relay.listeners import ListenError, open_listeners, raise_file_limit, url_of
from relay.protocol import CloseCode, UidSource, envelope_prefix, party_prefix
from relay.public import MAX_CONNECTIONS, Origin, PublicSide
from relay.publish import Publisher
from relay.report import LimitsReport
from relay.requests import ANY_ORIGIN, MAX_HEAD_BYTES, Refusal, Response, parse_head
from relay.settings.config import Settings, changed, restart_only
from relay.settings.setting import SettingError
from relay.settings.sources import ConfigError
from relay.terminal import Terminal
from relay.wording import epoch_milliseconds

RESERVED_DESCRIPTORS: Final = 64
TURN_BUDGET_SECONDS: Final = 0.004
LINGER_SECONDS: Final = 0.0002
REPORT_INTERVAL_SECONDS: Final = 60.0

_log = logging.getLogger("relay")


class Server:
    """One process of the relay. `run` serves until a signal, or `stop`, ends it.

    `load_settings` is called at SIGHUP for the settings to go on with; it may raise ConfigError, and then they stay.
    """

    def __init__(
        self, settings: Settings, load_settings: Callable[[], Settings] | None = None
    ) -> None:
        self.settings = settings
        self._load_settings = load_settings
        self.file_limit = raise_file_limit()
        max_http_connections = min(MAX_CONNECTIONS, self.file_limit // 10)
        self._admin = make_admin_side(settings, self.file_limit)
        reserved = RESERVED_DESCRIPTORS + (self._admin.max_connections if self._admin else 0)
        self.max_connections = max(self.file_limit - max_http_connections - reserved, 1)
        if settings.max_connections:
            self.max_connections = min(settings.max_connections, self.max_connections)
        self.started = epoch_milliseconds()
        self._refusals: Counter[str] = Counter()
        self._limits = AddressLimits(settings)
        self._admission = Admission(settings, self._limits)
        self._report = LimitsReport(self.stats)
        self._streams = 0
        self._waiting_for_turn = trio.lowlevel.ParkingLot()
        self._stopping = trio.Event()
        self._terminal = Terminal()
        self._drained = trio.Event()
        self._is_draining = False
        self._new_uid = UidSource().take
        self._connection_faults = FaultLog("a connection failed and is closed")
        self._public = PublicSide(
            max_http_connections,
            self._publish,
            self._refusals,
            self._connection_faults.note,
            self._stopping.is_set,
        )

    async def run(self, announce: Callable[[list[str]], None], signals: AsyncIterator[int]) -> None:
        """Serve; `announce` gets the URLs once connections are accepted.

        `signals` are those of the process, from a time before connections are accepted, so that none is missed. Raises
        ListenError when the address cannot be bound. Returns after `stop`, or after SIGINT or SIGTERM, once everyone has been
        closed with 1001; a second signal does not wait for them.
        """
        with contextlib.ExitStack() as stack:
            listeners = open_listeners(self.settings.host, self.settings.port)
            for listener in listeners:
                stack.enter_context(listener)
            if self._admin is not None:
                self._admin.open(stack)
            try:
                self._reactor = self._open_reactor()
                watchdog_interval = systemd.watchdog_interval()
            except (OSError, ValueError) as exc:
                raise ListenError(f"cannot start: {exc}") from exc
            stack.callback(self._reactor.close)
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self._hub = Hub(self.settings, nursery, self._reactor.open_log, self._on_leave)
                self._publisher = Publisher(
                    self.settings,
                    self._admission,
                    self._limits,
                    self._hub.channels,
                    self._waiting_for_turn.park,
                    trio.CapacityLimiter(1),
                )
                for listener in listeners:
                    self._reactor.add_listener(listener.fileno())
                nursery.start_soon(self._pump)
                nursery.start_soon(self._hub.keep_streams_alive)
                nursery.start_soon(collect_rarely, lambda: len(self._hub.channels))
                nursery.start_soon(self._report_limits)
                nursery.start_soon(self._watch_signals, signals)
                if self._admin is not None:
                    nursery.start_soon(
                        self._admin.serve, self, self._hub, self._limits, self._refusals, self.stop
                    )
                    nursery.start_soon(self._admin.watch, self)
                announce([url_of(listener) for listener in listeners])
                self._tell_systemd_ready()
                nursery.start_soon(_feed_watchdog, watchdog_interval)
                await self._stopping.wait()
                systemd.notify(f"{systemd.STOPPING}\nSTATUS=closing everyone")
                for listener in listeners:
                    self._reactor.remove_listener(listener.fileno())
                    listener.close()
                await self._close_members()
                if self._admin is not None:
                    await self._admin.finish()
                nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Begin to close down."""
        self._stopping.set()

    def reload(self) -> None:
        """Load the settings again and go on by them; nobody is disconnected. Bad ones are refused and logged.

        Does nothing once the server closes down: it must not tell systemd that it is ready then.
        """
        if self._load_settings is None or self._stopping.is_set():
            return
        systemd.notify(systemd.reloading())
        try:
            self._go_by(self._load_settings())
        except (ConfigError, SettingError) as exc:
            told = str(exc).replace("\n", "; ")
            _log.error("the new settings are refused, the old ones stay: %s", told)
        self._tell_systemd_ready()

    def _tell_systemd_ready(self) -> None:
        room = f"room for {self.max_connections} connections"
        systemd.notify(f"{systemd.READY}\nSTATUS=serving, {room}; limits {self.settings.limits}")

    def _go_by(self, settings: Settings) -> None:
        """Raises SettingError when they do not go together with those that need a restart; then nothing has changed."""
        fixed = restart_only(self.settings, settings)
        if fixed:
            unchanged = {name: getattr(self.settings, name) for name in fixed}
            settings = msgspec.structs.replace(settings, **unchanged)
            _log.warning("these settings change at the next start only: %s", ", ".join(fixed))
        names = ", ".join(changed(self.settings, settings)) or "none"
        if settings.limits != self.settings.limits:
            self._log_report()  # of what was counted by the old meaning
        self.settings = self._hub.settings = settings
        self._limits.configure(settings)
        self._admission = Admission(settings, self._limits)
        self._publisher.configure(settings, self._admission)
        self._reactor.configure(**_reactor_settings(settings))
        if self._admin is not None:
            self._admin.configure(settings)
        _log.warning("the settings were loaded again; changed: %s", names)

    def stats(self) -> dict[str, int]:
        """Plain counters since the start: those of the core, `blocks`, and by reason `refused_<reason>` and, for what a dry run
        let pass, `spared_<reason>`."""
        counts = self._reactor.stats()
        counts.update({f"refused_{reason}": n for reason, n in self._refusals.items()})
        counts.update({f"spared_{reason}": n for reason, n in self._limits.spared.items()})
        counts["blocks"] = self._limits.block_total
        return counts

    @property
    def admin_urls(self) -> list[str]:
        """Where operators connect; nowhere when there is no such listener."""
        return self._admin.urls if self._admin is not None else []

    def gauges(self) -> dict[str, int]:
        """What there is at present, as far as the reactor does not know it."""
        return {
            "channels": len(self._hub.channels),
            "streams": self._streams,
            "http_connections": self._public.connection_count,
            "blocked_addresses": self._limits.count_blocks(time.monotonic()),
        }

    @property
    def hub(self) -> Hub:
        """The channels, while `run` does."""
        return self._hub

    @property
    def reactor(self) -> _core.Reactor:
        """What moves the bytes, while `run` does."""
        return self._reactor

    @property
    def is_ending(self) -> bool:
        """Whether it closes down."""
        return self._stopping.is_set()

    def _open_reactor(self) -> _core.Reactor:
        return _core.Reactor(
            self._admit,
            boot=secrets.token_urlsafe(6).encode(),
            on_http=self._on_http,
            on_crash=self._on_crash,
            on_kick=lambda address: self._limits.block(address, time.monotonic()),
            max_head_bytes=MAX_HEAD_BYTES,
            max_connections=self.max_connections,
            proxy_protocol=self.settings.proxy_protocol,
            **_reactor_settings(self.settings),
        )

    async def _pump(self) -> None:
        """The one task that moves bytes: turn while there is work, wait for the reactor's epoll set otherwise."""
        reactor = self._reactor
        descriptor = reactor.fileno()
        while True:
            # who waits for an answer over HTTP is served by trio, and must not wait for the turn as well
            linger = 0.0 if self._public.connection_count else LINGER_SECONDS
            has_more = reactor.turn(TURN_BUDGET_SECONDS, linger)
            self._waiting_for_turn.unpark_all()
            if self._is_draining and not self._has_members():
                self._drained.set()
            if has_more:
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.wait_readable(descriptor)

    async def _report_limits(self) -> None:
        """Log what the limits did, once a minute and at the end."""
        while not self._stopping.is_set():
            with trio.move_on_after(REPORT_INTERVAL_SECONDS):
                await self._stopping.wait()
            self._log_report()

    def _log_report(self) -> None:
        for line in self._report.take(is_dry_run=self.settings.limits == "dry-run"):
            _log.warning("%s", line)

    async def _watch_signals(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number == signal.SIGHUP and not self._terminal.is_gone():
                self.reload()
                continue
            if self._stopping.is_set():
                self._nursery.cancel_scope.cancel()
            self.stop()

    async def _close_members(self) -> None:
        """Say goodbye to everyone, and give the closing handshakes their time."""
        self._is_draining = True
        members = self._reactor.connection_count - self._reactor.handshake_count
        if members:
            _log.warning("connections to close: %d; a second signal ends at once", members)
        await self._hub.close_members(
            CloseCode.GOING_AWAY, "the server is shutting down", self.settings.drain_time
        )
        if self._has_members():
            with trio.move_on_after(CLOSE_TIMEOUT_SECONDS):
                await self._drained.wait()

    def _has_members(self) -> bool:
        """Whether anyone is connected, be it only for the rest of a closing handshake."""
        return self._reactor.connection_count > self._reactor.handshake_count

    # --- called by the reactor -------------------------------------------------------------------------------------------------

    def _admit(self, head: bytes, peer: bytes, source: bytes) -> _core.Member | bytes | None:
        """What becomes of a request's connection: a member, a refusal, or (None) plain HTTP."""
        try:
            request = parse_head(head)
            if not request.wants_membership:
                self._admission.accept_plain(request, peer, source, time.monotonic())
                return None
            if self._stopping.is_set():
                raise _shutting_down()
            upgrade = self._admission.accept(
                request, peer, source, self._hub.channels, time.monotonic()
            )
        except Refusal as refusal:
            self._refusals[refusal.reason] += 1
            return refusal.response().render(ANY_ORIGIN)
        return self._join(upgrade)

    def _join(self, upgrade: Upgrade) -> _core.Member:
        options = upgrade.options
        is_party = isinstance(upgrade.key, tuple)
        member = _core.Member(
            party_prefix(options.party_id)
            if is_party
            else envelope_prefix(self._new_uid(), options.alias),
            echo=options.echo,
            announce=options.announce,
            lists=options.list,
            verbatim=is_party,
            mute=upgrade.is_mute,
            stream=upgrade.is_stream,
            address=upgrade.address,
        )
        self._hub.channel(upgrade.key, upgrade.lock).join(
            member, upgrade.response, is_legacy=upgrade.is_legacy, is_return=upgrade.is_return
        )
        self._limits.add(upgrade.address)
        self._streams += upgrade.is_stream
        return member

    def _on_leave(self, member: _core.Member) -> None:
        self._limits.remove(member.address)
        self._streams -= member.stream

    def _on_http(self, fileno: int, data: bytes, peer: bytes, source: bytes) -> None:
        """A request that asks for no membership."""
        origin = Origin(peer, source)
        timeout = self.settings.handshake_timeout
        self._public.take(fileno, data, origin, self._nursery, self._reactor, timeout)

    async def _publish(self, exchange: Exchange) -> Response:
        if self._stopping.is_set():
            raise _shutting_down()
        return await self._publisher.post(exchange)

    def _on_crash(self, owner: Any, exc: BaseException) -> None:
        """An exception that was contained: its channel ends, or, when it was one connection's, only that did."""
        if owner is not None:
            owner.crash(exc)
        else:
            self._connection_faults.note(exc)


async def _feed_watchdog(interval: float | None) -> None:
    """Tell systemd, when it asks for that, that this loop is alive."""
    while interval:
        systemd.notify(systemd.WATCHDOG)
        await trio.sleep(interval)


def _shutting_down() -> Refusal:
    return Refusal(503, "the server is shutting down", b"Retry-After: 5", reason="shutdown")


def _reactor_settings(settings: Settings) -> dict[str, Any]:
    """What the reactor may be told anew while it runs."""
    is_off = settings.limits == "off"
    return {
        "message_rate": 0.0 if is_off else settings.message_rate,
        "message_burst": settings.message_burst,
        "byte_rate": 0.0 if is_off else settings.byte_rate,
        "byte_burst": settings.byte_burst,
        "kick_after": settings.kick_after,
        "dry_run": settings.limits == "dry-run",
        "max_message_bytes": settings.max_message,
        "max_party_message_bytes": settings.max_party_message,
        "backlog_limit_bytes": settings.backlog_limit,
        "skip_for_slow": settings.slow_consumer == "drop",
        "handshake_timeout_seconds": settings.handshake_timeout,
        "ping_interval_seconds": settings.ping_interval,
    }
