"""`connect`: a channel for programs that do not run trio themselves; after the client of the same name from npm.

The methods may be called in any thread; those of the network are handed to the background thread, where listeners run, too.
"""

from types import TracebackType
from typing import Any, Final, Self

import trio

from relay.client import background, faults
from relay.client.activity import Activity
from relay.client.address import Address
from relay.client.backoff import Backoff
from relay.client.checks import checked_timeout
from relay.client.conversation import Conversation
from relay.client.dispatch import Listener, Predicate
from relay.client.events import CloseEvent
from relay.client.payload import encode_message
from relay.client.transport import ConnectError
from relay.client.unsent import report_unsent

LEAVE_SECONDS: Final = 10.0
"""What the end of a `with` block gives the relay to take what is queued."""


def connect(
    channel: str,
    *,
    alias: str | None = None,
    as_: str | None = None,
    announce: bool = False,
    echo: bool = False,
    list_: bool = False,
    join_key: str | None = None,
    send_key: str | None = None,
    reconnect: bool | Backoff = False,
    base_url: str | None = None,
) -> "Channel":
    """A channel by its name below `base_url` (or else `RELAY_URL`, or ws://127.0.0.1:8787), or by its own ws:// or wss:// URL.

    It connects when `on`, `send`, `push` or `open` is called first. `as_` and `alias` are one option. `reconnect` says whether,
    and how, to connect again after any close but one's own. Raises TypeError and ValueError, which name the argument.
    """
    address = Address.of_channel(
        channel,
        base_url=base_url,
        alias=alias,
        as_=as_,
        announce=announce,
        echo=echo,
        list_=list_,
        join_key=join_key,
        send_key=send_key,
    )
    return Channel(address, Backoff.of(reconnect))


class Channel:
    """What `connect` returns. Methods return the channel, so that calls can be chained; listeners stay when it closes, and so
    does what is queued.

    Listeners run in one background thread that all channels share: they may call any method but `wait`, and must not block.
    """

    def __init__(self, address: Address, backoff: Backoff | None) -> None:
        self._conversation = Conversation(address, backoff)
        report_unsent(self, self._conversation.queue.__len__)
        self._activity = Activity()
        self._is_running = False
        self._is_wanted_again = self._closes_again = False
        self._stopped = trio.Event()
        self._handle: background.Handle | None = None

    def on(self, when: str | Predicate, listener: Listener) -> Self:
        """Run `listener(event)` for a type of event, for `*` (all that arrives), or where a function of the event holds; and
        open.

        Raises TypeError.
        """
        self._conversation.listeners.add(when, listener)
        return self._post(self._open)

    def remove(self, when: str | Predicate, listener: Listener) -> Self:
        """Undo one `on`. Raises TypeError."""
        self._conversation.listeners.remove(when, listener)
        return self

    def open(self) -> Self:
        """Connect, unless it is connected; after a `close` that is still under way, once more."""
        return self._post(self._open)

    def send(self, message: Any, uid: str | None = None) -> Self:
        """Send to everyone else, or to `uid` alone, now or when the channel is open; and open.

        Raises TypeError for what JSON cannot hold, bytes among it, and ValueError for a `uid` that is none.
        """
        return self._post(self._put, encode_message(message, uid))

    def push(self, message: Any, uid: str | None = None) -> Self:
        """`send`, then `close`."""
        return self.send(message, uid).close()

    def close(self) -> Self:
        """Send what is queued, then close; a channel that is not open stays so."""
        return self._post(self._end)

    def wait(self, timeout: float | None = None) -> CloseEvent | None:
        """Block until the channel is closed and will not reconnect; how it closed.

        None when `timeout` (seconds) is over before, or when nothing has ever opened it.

        Raises ConnectError when there was no connection, and RuntimeError in a listener, which would wait for itself.
        """
        limit = checked_timeout("timeout", timeout)
        if faults.is_background_thread():
            raise RuntimeError("wait() in a listener would block the thread it waits for")
        if not self._activity.wait(limit):
            return None
        if isinstance(self._conversation.failure, ConnectError):
            raise self._conversation.failure
        return self._conversation.ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, and wait until that is done.

        Raises ConnectError or Closed when something stays unsent, unless the block itself has raised.
        """
        self.close()
        if faults.is_background_thread():
            return
        if not self._activity.wait(LEAVE_SECONDS):
            self._cancel()
            self._activity.wait()
        if error is None and (loss := self._conversation.loss) is not None:
            raise loss

    def _post(self, function: Any, *args: Any) -> Self:
        self._activity.begin()
        try:
            background.call(self._run_posted, function, *args)
        except BaseException:
            self._activity.end()
            raise
        return self

    # What follows runs in the background thread.

    def _run_posted(self, function: Any, *args: Any) -> None:
        with self._activity.ending():
            function(*args)

    def _put(self, text: str) -> None:
        self._conversation.queue.put(text)
        self._open()

    def _open(self) -> None:
        """Now, or behind a close that is under way: what comes after a close must not end with it."""
        self._is_wanted_again = self._conversation.queue.is_ending and self._is_running
        self._closes_again = False
        self._start()

    def _end(self) -> None:
        queue = self._conversation.queue
        if (
            self._is_wanted_again and queue
        ):  # what has come since the last close may need another connection
            self._closes_again = True
            return
        self._is_wanted_again = False
        if self._is_running:
            queue.end()

    def _start(self) -> None:
        if self._is_running:
            return
        self._is_running = True
        self._stopped = trio.Event()
        self._conversation.queue.is_ending = False
        self._activity.begin()
        background.flush_at_exit(self._flush)
        self._handle = background.start(self._run)

    async def _run(self) -> None:
        with self._activity.ending():
            try:
                await self._conversation.run()
            finally:
                self._is_running = False
                self._stopped.set()
                background.forget_flush(self._flush)
            self._go_on()

    def _go_on(self) -> None:
        """Open again if that was asked for meanwhile."""
        is_wanted, closes = self._is_wanted_again, self._closes_again
        if is_wanted and (self._conversation.queue or not closes):
            self._open()
            if closes:
                self._end()

    async def _flush(self) -> None:
        """What the interpreter's exit waits for, up to a limit."""
        self._end()
        while self._is_running:
            await self._stopped.wait()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
