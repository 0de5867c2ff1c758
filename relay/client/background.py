"""One daemon thread per process that runs trio, for programs that do not.

It starts with the first job and ends with the last, so that nothing is left behind by a program that has closed its sockets.
After a fork the child has no thread; its first job starts one. At the interpreter's exit what was registered with
`flush_at_exit` gets EXIT_FLUSH_SECONDS; then everything is cancelled. atexit, where the package calls `finish`, is enough for
that: its handlers run after threading has waited for the other threads, and daemon threads are still alive then.
"""

import os
import threading
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVarTuple

import trio

from relay.client.faults import is_background_thread, log_error, mark_background_thread
from relay.client.resolver import Resolver
from relay.client.unsent import report_all

EXIT_FLUSH_SECONDS: Final = 2.0
EXIT_CANCEL_SECONDS: Final = 1.5
THREAD_NAME: Final = "relay-client"

Flush = Callable[[], Awaitable[object]]
Arguments = TypeVarTuple("Arguments")
Parameters = ParamSpec("Parameters")


class Handle:
    """A task in the background thread."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self._scope = trio.CancelScope()
        self._ended = threading.Event()

    @property
    def is_done(self) -> bool:
        return self._ended.is_set()

    def cancel(self) -> None:
        """Ask the task to end; does nothing when it has. From any thread."""
        if not self.is_done:
            call(self._scope.cancel)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until the task has ended, at most so long; whether it has.

        Raises RuntimeError in the background thread itself, where the task could never end meanwhile.
        """
        if is_background_thread() and not self.is_done:
            raise RuntimeError("wait() in a callback would block the thread it waits for")
        return self._ended.wait(timeout_seconds)

    async def _run(
        self, function: Callable[[*Arguments], Awaitable[object]], *args: *Arguments
    ) -> None:
        try:
            with self._scope:
                await function(*args)
        except Exception as exc:
            self.error = exc
            log_error(exc, "the background thread")
        finally:
            self._ended.set()


def start(function: Callable[[*Arguments], Awaitable[object]], *args: *Arguments) -> Handle:
    """Run an async function in the background thread, after what was asked for before. From any thread.

    An error that it raises is logged and kept in the handle; other tasks go on. Raises RuntimeError when the
    interpreter is exiting.
    """
    handle = Handle()
    _post(lambda loop: loop.spawn(handle._run, function, *args))
    return handle


def call(
    function: Callable[Parameters, object], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> None:
    """Run a function in the background thread soon, in the order of the calls. From any thread.

    An error that it raises is logged. Raises RuntimeError when the interpreter is exiting.
    """
    _post(lambda loop: loop.run(lambda: function(*args, **kwargs)))


def flush_at_exit(flush: Flush) -> None:
    """Run `flush` in the background thread when the interpreter exits, unless it is forgotten before."""
    _state.flushes[flush] = None


def forget_flush(flush: Flush) -> None:
    _state.flushes.pop(flush, None)


class _Loop:
    """A thread that runs trio until its jobs are done. `jobs` is guarded by the state's lock."""

    def __init__(self) -> None:
        self.jobs = 0
        self._is_ready = threading.Event()
        self.thread = threading.Thread(target=self._run_thread, name=THREAD_NAME, daemon=True)
        self.thread.start()
        self._is_ready.wait()

    def _run_thread(self) -> None:
        mark_background_thread()
        try:
            trio.run(self._main)
        finally:
            _state.drop(self)

    async def _main(self) -> None:
        trio.socket.set_custom_hostname_resolver(Resolver())
        self._token = trio.lowlevel.current_trio_token()
        self._done, self._exit = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._flush_at_exit)
            self._is_ready.set()
            await self._done.wait()
            nursery.cancel_scope.cancel()

    async def _flush_at_exit(self) -> None:
        await self._exit.wait()
        with trio.move_on_after(EXIT_FLUSH_SECONDS):
            async with trio.open_nursery() as nursery:
                for flush in list(_state.flushes):
                    nursery.start_soon(_logged, flush)
        self._nursery.cancel_scope.cancel()

    def post(self, job: "Callable[[_Loop], None]") -> None:
        self.jobs += 1
        self._token.run_sync_soon(job, self)

    def run(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as exc:
            log_error(exc, "the background thread")
        finally:
            self._end_job()

    def spawn(self, function: Callable[[*Arguments], Awaitable[object]], *args: *Arguments) -> None:
        self._nursery.start_soon(self._run_task, function, args)

    async def _run_task(
        self, function: Callable[..., Awaitable[object]], args: tuple[object, ...]
    ) -> None:
        try:
            await function(*args)
        finally:
            self._end_job()

    def _end_job(self) -> None:
        if _state.end_job(self):
            self._done.set()

    def end(self) -> None:
        """Flush, cancel, and wait for the thread, which a callback may have blocked: so not for ever."""
        try:
            self._token.run_sync_soon(self._exit.set)
        except trio.RunFinishedError:
            return
        self.thread.join(EXIT_FLUSH_SECONDS + EXIT_CANCEL_SECONDS)


class _State:
    """What the process shares. The lock may be entered again: a signal's handler may run anywhere."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.loop: _Loop | None = None
        self.flushes: dict[Flush, None] = {}
        self.is_exiting = False

    def end_job(self, loop: _Loop) -> bool:
        """Whether it was the last one; then the next job starts another thread."""
        with self.lock:
            loop.jobs -= 1
            if loop.jobs == 0 and self.loop is loop:
                self.loop = None
            return loop.jobs == 0

    def drop(self, loop: _Loop) -> None:
        with self.lock:
            if self.loop is loop:
                self.loop = None


def _post(job: Callable[[_Loop], None]) -> None:
    with _state.lock:
        if _state.loop is None:
            if _state.is_exiting:
                raise RuntimeError("the interpreter is exiting")
            _state.loop = _Loop()
        _state.loop.post(job)


async def _logged(function: Flush) -> None:
    try:
        await function()
    except Exception as exc:
        log_error(exc, "the background thread")


def finish() -> None:
    """The interpreter exits: send what is queued, for a limited time, and close."""
    with _state.lock:
        _state.is_exiting = True
        loop = _state.loop
    if loop is not None:
        loop.end()
    report_all()


def _forget_parent() -> None:
    """In a child after a fork, where the thread is not and its lock may be held for ever."""
    global _state
    _state = _State()


_state = _State()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
