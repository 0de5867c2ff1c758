"""The background thread: jobs in order, errors that stay with their job, forks, and an exit that never hangs."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import Any

import pytest
import trio
from support.connection import LIMIT_SECONDS

from python_clients.programs import run_program
from relay.client import background, faults


def thread() -> threading.Thread | None:
    threads = [one for one in threading.enumerate() if one.name == background.THREAD_NAME]
    assert len(threads) <= 1
    return threads[0] if threads else None


def wait_for_its_end() -> None:
    if (running := thread()) is not None:
        running.join(LIMIT_SECONDS)
    assert thread() is None


def test_calls_run_in_order_in_one_thread() -> None:
    done: SimpleQueue[tuple[int, threading.Thread]] = SimpleQueue()
    for number in range(1000):
        background.call(lambda n=number: done.put((n, threading.current_thread())))
    got = [done.get(timeout=LIMIT_SECONDS) for _ in range(1000)]
    assert [number for number, _ in got] == list(range(1000))
    assert {one.name for _, one in got} == {background.THREAD_NAME}
    assert got[0][1].daemon
    wait_for_its_end()


def test_tasks_share_a_thread_that_ends_with_the_last() -> None:
    names: SimpleQueue[threading.Thread] = SimpleQueue()

    async def stay() -> None:
        names.put(threading.current_thread())
        await trio.sleep_forever()

    handles = [background.start(stay) for _ in range(3)]
    assert len({names.get(timeout=LIMIT_SECONDS) for _ in handles}) == 1
    for handle in handles:
        assert not handle.is_done
        assert not handle.wait(0)
        assert thread() is not None
        handle.cancel()
        assert handle.wait(LIMIT_SECONDS)
        assert handle.is_done
        handle.cancel()
    wait_for_its_end()


def test_task_that_fails_is_logged_and_disturbs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("the secret")

    async def stay() -> None:
        await trio.sleep_forever()

    other = background.start(stay)
    failed = background.start(fail)
    assert failed.wait(LIMIT_SECONDS)
    assert isinstance(failed.error, ValueError)
    assert not other.is_done
    other.cancel()
    assert other.wait(LIMIT_SECONDS)
    assert other.error is None
    wait_for_its_end()
    assert "ValueError in the background thread" in caplog.text
    assert "the secret" not in caplog.text


def test_call_that_fails_disturbs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()
    background.call(lambda: 1 / 0)
    background.call(done.set)
    assert done.wait(LIMIT_SECONDS)
    wait_for_its_end()
    assert "ZeroDivisionError" in caplog.text


def test_callbacks_may_start_call_and_not_wait() -> None:
    seen: SimpleQueue[Any] = SimpleQueue()

    async def inner() -> None:
        seen.put("inner")

    def callback() -> None:
        assert faults.is_background_thread()
        handle = background.start(inner)
        background.call(lambda: seen.put("called"))
        try:
            handle.wait()
        except RuntimeError as exc:
            seen.put(str(exc))

    background.call(callback)
    got = {seen.get(timeout=LIMIT_SECONDS) for _ in range(3)}
    assert got == {
        "inner",
        "called",
        "wait() in a callback would block the thread it waits for",
    }
    assert not faults.is_background_thread()
    wait_for_its_end()


def test_it_runs_beside_asyncio() -> None:
    async def add(numbers: list[int]) -> None:
        await trio.lowlevel.checkpoint()
        numbers.append(1)

    async def main() -> list[int]:
        numbers: list[int] = []
        handle = background.start(add, numbers)
        assert await asyncio.to_thread(handle.wait, LIMIT_SECONDS)
        return numbers

    assert asyncio.run(main()) == [1]
    wait_for_its_end()


PREAMBLE = """
import os, sys, threading
import trio
from relay.client import background

async def stay():
    await trio.sleep_forever()
"""
PROGRAMS: dict[str, tuple[str, str]] = {
    "a task that would never end": ("background.start(stay)", ""),
    "a flush that ends": (
        """
async def flush():
    await trio.sleep(0.01)
    print("flushed", flush=True)
background.flush_at_exit(flush)
background.start(stay)
""",
        "flushed\n",
    ),
    "a flush that never ends": ("background.flush_at_exit(stay); background.start(stay)", ""),
    "a flush that fails beside one that does not": (
        """
import logging
logging.disable()
async def fail():
    raise ValueError
async def flush():
    print("flushed", flush=True)
background.flush_at_exit(fail)
background.flush_at_exit(flush)
background.start(stay)
""",
        "flushed\n",
    ),
    "a flush that was forgotten": (
        """
async def flush():
    print("flushed")
background.flush_at_exit(flush)
background.forget_flush(flush)
background.start(stay)
""",
        "",
    ),
    "a task that ends cleanly when cancelled": (
        """
async def close():
    try:
        await trio.sleep_forever()
    finally:
        print("closed", flush=True)
started = threading.Event()
background.start(close)
background.call(started.set)
started.wait()
""",
        "closed\n",
    ),
    "sys.exit": ("background.start(stay); sys.exit(0)", ""),
    "a callback that blocks the thread": (
        "background.call(threading.Event().wait); print('end')",
        "end\n",
    ),
    "a start in an earlier exit handler": (
        """
import atexit
def late():
    try:
        background.start(stay)
    except RuntimeError as exc:
        print(exc)
# atexit runs the last registered first: this one comes after the module's own.
atexit.register(late)
atexit.register(background.finish)
background.start(stay)
""",
        "the interpreter is exiting\n",
    ),
    "a child after a fork": (
        """
done = threading.Event()
background.start(stay)
background.call(done.set)
done.wait()
if os.fork() == 0:
    def say():
        print("child", flush=True)
        done.set()
    done.clear()
    background.call(say)
    done.wait()
    sys.exit()
assert os.wait()[1] == 0
print("parent", flush=True)
""",
        "child\nparent\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_end(name: str) -> None:
    source, output = PROGRAMS[name]
    assert run_program(PREAMBLE + source) == output


def test_module_starts_no_thread_by_itself() -> None:
    assert run_program(PREAMBLE + "print(threading.active_count())") == "1\n"
