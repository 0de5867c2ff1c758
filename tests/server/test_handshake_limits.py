"""How large the head of a request may be, how long it may take, and how many may call at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from support.fixtures import VisitAt
from support.member import Bystanders, Visitors
from support.process import RelayProcess
from support.websocket import upgrade_head

HEAD_LIMIT = 16 * 1024


def head_of_size(target: str, size: int) -> bytes:
    bare = len(upgrade_head(target, headers={"X-Fill": ""}))
    return upgrade_head(target, headers={"X-Fill": "x" * (size - bare)})


@pytest.mark.parametrize("size", [HEAD_LIMIT - 1, HEAD_LIMIT])
def test_a_head_up_to_the_limit(visit: Visitors, channel: str, size: int) -> None:
    head = head_of_size(f"/c/{channel}", size)
    assert len(head) == size
    visit.call(head).expect_join(head)


@pytest.mark.parametrize("size", [HEAD_LIMIT + 1, 2 * HEAD_LIMIT, 200_000])
def test_a_head_above_the_limit(
    visit: Visitors, channel: str, bystanders: Bystanders, size: int
) -> None:
    caller = visit.call(head_of_size(f"/c/{channel}", size))
    assert caller.receive_response().status in (400, 431)
    caller.expect_end()


@pytest.mark.parametrize(("count", "status"), [(99, 101), (100, 101), (101, 431)])
def test_so_many_headers(visit: Visitors, channel: str, count: int, status: int) -> None:
    bare = upgrade_head(f"/c/{channel}")
    more = b"X-Fill:\r\n" * (count - (bare.count(b"\r\n") - 2))
    caller = visit.call(bare[:-2] + more + b"\r\n")
    assert caller.receive_response().status == status


def test_a_head_without_end(visit: Visitors, bystanders: Bystanders) -> None:
    """It is cut at the limit, not collected."""
    caller = visit.call(b"GET /c/x HTTP/1.1\r\nHost: relay.test\r\n")
    line = b"X-Line: " + b"x" * 1000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        for _ in range(10_000):
            caller.send(line)
    caller.receive_to_end()


def test_garbage_without_a_line_end_is_cut(visit: Visitors, bystanders: Bystanders) -> None:
    """Before the limit of a head, or at the latest there."""
    caller = visit.call(b"\x16\x03\x01" + b"\xfa" * 2 * HEAD_LIMIT)
    received = caller.receive_to_end_or_response()
    assert received == b"" or received.startswith(b"HTTP/1.1 4")


@pytest.fixture(scope="module")
def impatient() -> Iterator[RelayProcess]:
    with RelayProcess("--handshake-timeout", "1") as server:
        yield server


@pytest.fixture
def guests(impatient: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(impatient)


@pytest.mark.parametrize(
    "start", [b"", b"G", b"GET /c/x HTTP/1.1\r\nHost: relay.test\r\n", b"\x16\x03\x01"]
)
def test_a_caller_that_stops(guests: Visitors, start: bytes) -> None:
    """It is cut; those who were admitted before are not concerned."""
    pair = Bystanders(guests)
    rest = guests.call(start).receive_to_end()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 4")
    pair.exchange()


def test_a_caller_that_drips(guests: Visitors) -> None:
    """The limit is on the whole head: a byte now and then buys no time."""
    pair = Bystanders(guests)
    caller = guests.call(b"GET /c/x HTTP/1.1\r\nX-Drip: ")
    caller.socket.settimeout(0.05)
    for _ in range(400):
        try:
            caller.receive_more()
        except TimeoutError:
            try:
                caller.send(b"x")
            except ConnectionError:
                break
        except EOFError:
            break
    else:
        pytest.fail("still not cut")
    pair.exchange()


def test_many_callers_that_stop(guests: Visitors) -> None:
    pair = Bystanders(guests)
    callers = [guests.call(b"GET ") for _ in range(300)]
    for caller in callers:
        caller.receive_to_end()
        pair.exchange()


def test_a_queue_of_callers(visit: Visitors, bystanders: Bystanders) -> None:
    """A thousand connections before the first head: none is lost."""
    callers = [visit.connect() for _ in range(1000)]
    for caller in callers:
        caller.send(b"GET /health HTTP/1.1\r\nHost: relay.test\r\nConnection: close\r\n\r\n")
    bystanders.exchange()
    for caller in callers:
        assert caller.receive_response().status == 200
        caller.expect_end()
