"""A channel: who is in it and what they are told, around the log that moves the bytes.

Knows no HTTP and no command line. What takes time runs in the channel's own nursery, which is opened by the first member and
cancelled when the last has left: presence that is merged, and closing handshakes with their time limit. No task waits for an
idle connection.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import trio
from msgspec import UNSET

from relay import _core
from relay.faults import log_fault
from relay.keys import Lock
from relay.protocol import (
    ChannelKey,
    CloseCode,
    GapEvent,
    JoinEvent,
    LeaveEvent,
    ListedMember,
    alias_of,
    listed_member,
)
from relay.settings.config import Settings
from relay.wording import (
    epoch_milliseconds,
    error_event,
    frame_event,
    stream_preface,
    word_event,
)

CLOSE_TIMEOUT_SECONDS: Final = 5.0
MERGE_INTERVAL_SECONDS: Final = 1.0
_STREAM_COMMENT: Final = b":\n\n"


class Registry(Protocol):
    """What a channel needs of the hub."""

    settings: Settings

    def forget(self, channel: "Channel") -> None:
        """The channel has no member any more."""

    def note_streams(self, channel: "Channel") -> None:
        """The channel has a reader of its event stream."""

    def on_leave(self, member: _core.Member) -> None:
        """A member of some channel has left."""


class Channel:
    """One channel, or one party room, of one process."""

    def __init__(
        self,
        key: ChannelKey,
        hub: Registry,
        open_log: Callable[[Any], _core.Log],
        lock: Lock | None = None,
    ) -> None:
        self.key = key
        self.lock = lock
        self.log = open_log(self)
        self._open_log = open_log
        self._hub = hub
        self._nursery: trio.Nursery | None = None
        self._waiting_to_start: list[Callable[[], Awaitable[None]]] = []
        self._lingering: deque[tuple[float, _core.Member]] = deque()
        self._merged: type[JoinEvent] | type[LeaveEvent] | None = None
        self._is_merging = False
        self._is_silent = False
        self._has_ended = False

    async def run(self) -> None:
        """Hold the nursery until the channel has ended. Never raises: what fails in here ends this channel alone."""
        if not self._has_ended:
            try:
                await self._hold_nursery()
            except Exception as exc:
                self.crash(exc)
        # after a crash the members that were closed by it still have their time
        await self._cut_lingering()
        self._disown_logs()

    def _disown_logs(self) -> None:
        """The channel and its logs hold one another, and full collections are rare: see `relay.cycles`."""
        if self.member_count == 0:
            for log in filter(None, (self.log.streams, self.log)):
                log.disown()

    async def _hold_nursery(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for task in self._waiting_to_start:
                    nursery.start_soon(task)
                self._waiting_to_start.clear()
                await trio.sleep_forever()
        finally:
            self._nursery = None

    # --- members ---------------------------------------------------------------------------------------------------------------

    @property
    def member_count(self) -> int:
        """Everyone who is in it, readers of its event stream too."""
        streams = self.log.streams
        return self.log.member_count + (0 if streams is None else streams.member_count)

    @property
    def members(self) -> list[_core.Member]:
        """Everyone who is in it."""
        streams = self.log.streams
        return self.log.members + ([] if streams is None else streams.members)

    @property
    def is_late(self) -> bool:
        """Whether it must be sent what it has before it gets more: else healthy members would be taken for slow ones."""
        return self.log.is_late

    def join(
        self,
        member: _core.Member,
        response: bytes,
        *,
        is_legacy: bool = False,
        is_return: bool = False,
    ) -> None:
        """Take in a member: the response to its request and its self join go first, then everyone else is told. One that
        `is_return` is told that it may have missed something."""
        if member.verbatim:
            self.log.attach(member)
            member.enqueue(response)
            return
        total = self.member_count + 1
        date = epoch_milliseconds()
        self._tell_of(JoinEvent, member, total, date)
        self_join = self._self_join(member, total, date, is_legacy)
        if member.stream:
            self._stream_log().attach(member)
            response += stream_preface(member)
        else:
            self.log.attach(member)
        response += word_event(member, self_join)
        if is_return:
            response += word_event(member, GapEvent(missed=None, date=date))
        member.enqueue(response)

    def _stream_log(self) -> _core.Log:
        """The log of those who read the event stream; it comes with the first of them and stays as long as the channel."""
        if self.log.streams is None:
            self.log.streams = self._open_log(self)
            self._hub.note_streams(self)
        return self.log.streams

    def keep_streams_alive(self) -> None:
        """Send a comment to those who read the event stream, so that neither they nor a proxy take the silence for an end."""
        streams = self.log.streams
        if streams is not None:
            streams.append(_STREAM_COMMENT)

    def on_leave(self, member: _core.Member, is_lingering: bool) -> None:
        """Called by the core when a member has left, for whatever reason."""
        self._hub.on_leave(member)
        if is_lingering:
            self._linger(member)
        if self._has_ended:
            return
        total = self.member_count
        if total == 0:
            self._hub.forget(self)
            self._end_unless_lingering()
        elif not member.verbatim and not self._is_silent:
            self._tell_of(LeaveEvent, member, total, epoch_milliseconds())

    def on_error(self, member: _core.Member, kind: str, detail: Any) -> bytes:
        """Called by the core for a message that cannot be relayed; words it for the sender."""
        error = error_event(kind, detail)
        return word_event(member, error)

    def on_gap(self, member: _core.Member, missed: int) -> bytes:
        """Called by the core for a slow consumer that was spared some messages; words it for the consumer."""
        return word_event(member, GapEvent(missed=missed, date=epoch_milliseconds()))

    def publish(self, prefix: bytes, payload: bytes) -> int:
        """Relay a message that no member sent, in an envelope with this prefix, to every member; to how many. The payload must be
        exactly one JSON value in valid UTF-8: it is spliced in as it is."""
        self.log.post(prefix, payload)
        return self.member_count

    def publish_verbatim(self, payload: bytes, *, is_binary: bool) -> int:
        """Relay a message that no member sent to every member, as it is; to how many. Text must be valid UTF-8."""
        opcode = _core.OP_BINARY if is_binary else _core.OP_TEXT
        self.log.append(_core.encode_frame(opcode, payload), is_message=True)
        return self.member_count

    def close(self, code: CloseCode, reason: str) -> None:
        """Close every member. Their leaves are told to nobody: everyone is leaving."""
        self.fall_silent()
        for member in self.members:
            member.close(code, reason)

    def fall_silent(self) -> None:
        """Tell of no more leaves."""
        self._is_silent = True

    def crash(self, exc: BaseException) -> None:
        """Something in here failed: log it once, close the members, let nothing else know."""
        if self._has_ended:
            return
        self._has_ended = True
        log_fault("a channel failed and is closed", exc)
        self._hub.forget(self)
        self.close(CloseCode.INTERNAL_ERROR, "internal error")
        self._cancel()

    # --- presence --------------------------------------------------------------------------------------------------------------

    def _self_join(self, member: _core.Member, total: int, date: int, is_legacy: bool) -> JoinEvent:
        names_itself = member.announce or not is_legacy
        return JoinEvent(
            self_=True,
            uid=member.uid if names_itself else UNSET,
            alias=alias_of(member.prefix) if names_itself else UNSET,
            users=self._announced(member) if member.lists else total,
            total=total,
            date=date,
        )

    def _announced(self, newcomer: _core.Member) -> list[ListedMember]:
        announced = [m for m in self.members if m.announce]
        if newcomer.announce:
            announced.append(newcomer)
        return [listed_member(m.prefix, m is newcomer) for m in announced]

    def _tell_of(
        self, kind: type[JoinEvent] | type[LeaveEvent], member: _core.Member, total: int, date: int
    ) -> None:
        """Tell those in the channel that `member` has come or gone."""
        settings = self._hub.settings
        if settings.presence == "off" or self.member_count == 0:
            return
        if member.announce:
            self._append_event(
                kind(
                    uid=member.uid,
                    alias=alias_of(member.prefix),
                    users=total,
                    total=total,
                    date=date,
                )
            )
        elif settings.presence == "auto" and total > settings.presence_limit:
            self._merge(kind)
        else:
            self._merged = None
            self._append_event(kind(users=total, total=total, date=date))

    def _append_event(self, event: JoinEvent | LeaveEvent) -> None:
        """Members with `list` get the event without `users`."""
        streams = self.log.streams
        lists = self.log.list_count + (0 if streams is None else streams.list_count)
        counts = self.member_count - lists
        if counts:
            audience = _core.AUDIENCE_COUNT if lists else _core.AUDIENCE_ALL
            self.log.append(frame_event(event), None, audience)
        if lists:
            event.users = UNSET
            audience = _core.AUDIENCE_LIST if counts else _core.AUDIENCE_ALL
            self.log.append(frame_event(event), None, audience)

    def _merge(self, kind: type[JoinEvent] | type[LeaveEvent]) -> None:
        self._merged = kind
        if not self._is_merging:
            self._is_merging = True
            self._start(self._tell_merged)

    async def _tell_merged(self) -> None:
        """At most one event an interval, with the newest count, for as long as there is something to tell."""
        while (kind := self._merged) is not None:
            self._merged = None
            total = self.member_count
            if total:
                self._append_event(kind(users=total, total=total, date=epoch_milliseconds()))
            await trio.sleep(MERGE_INTERVAL_SECONDS)
        self._is_merging = False

    # --- closing handshakes ----------------------------------------------------------------------------------------------------

    def _linger(self, member: _core.Member) -> None:
        self._lingering.append((trio.current_time() + CLOSE_TIMEOUT_SECONDS, member))
        if len(self._lingering) == 1 and not self._has_ended:
            self._start(self._cut_lingering)

    async def _cut_lingering(self) -> None:
        """Give each closing handshake its time; most are over long before."""
        while self._lingering:
            deadline, member = self._lingering[0]
            await trio.sleep_until(deadline)
            member.abort()
            self._lingering.popleft()
        self._end_unless_lingering()

    def _end_unless_lingering(self) -> None:
        if self.member_count == 0 and not self._lingering:
            self._has_ended = True
            self._cancel()

    # --- the nursery -----------------------------------------------------------------------------------------------------------

    def _start(self, task: Callable[[], Awaitable[None]]) -> None:
        """Start a task in the nursery, or have it started when the nursery opens: members may join before it has."""
        if self._nursery is not None:
            self._nursery.start_soon(task)
        else:
            self._waiting_to_start.append(task)

    def _cancel(self) -> None:
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()
