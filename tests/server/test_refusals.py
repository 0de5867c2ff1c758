"""Every refusal is an answer: the status, and why in JSON, also where there is no room left."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.connection import Connection, Response
from support.fixtures import StartRelay, VisitAt
from support.member import Visitors
from support.process import RelayProcess, run_relay
from support.websocket import upgrade_head

FILE_LIMIT = 200
HEALTH = b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n"
MAX_HEAD = 16 * 1024


def reason(response: Response) -> str:
    return json.loads(response.body)["error"]


def head_of(size: int) -> bytes:
    """A request for /health whose head has `size` bytes, its empty line included."""
    start = b"GET /health HTTP/1.1\r\nHost: relay.test\r\nX-Fill: "
    return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"


@pytest.fixture
def small() -> Iterator[RelayProcess]:
    with RelayProcess(file_limit=FILE_LIMIT) as server:
        yield server


def fill(guests: Visitors, channel: str) -> None:
    """Join until there is no room."""
    while guests.call(upgrade_head(f"/c/{channel}")).receive_response().status == 101:
        pass


def test_an_upgrade_on_a_kept_connection_meets_a_full_house(
    small: RelayProcess, visit_at: VisitAt, channel: str
) -> None:
    guests = visit_at(small)
    kept = guests.connect()
    kept.send(HEALTH)
    assert kept.receive_response().status == 200
    fill(guests, channel)
    kept.send(upgrade_head(f"/c/{channel}"))
    response = kept.receive_response()
    assert response.status == 503
    assert int(response.headers["retry-after"]) > 0
    assert "all the connections" in reason(response)


def test_too_many_plain_connections(small: RelayProcess, visit_at: VisitAt, channel: str) -> None:
    """They may take a tenth of the descriptors; half of them may stay for another request."""
    guests = visit_at(small)
    kept = 0
    for _ in range(FILE_LIMIT // 10):
        caller = guests.connect()
        caller.send(HEALTH)
        response = caller.receive_response()
        assert response.status == 200
        kept += response.headers["connection"] == "keep-alive"
    assert kept == FILE_LIMIT // 20
    assert guests.join(channel).joined["total"] == 1


def test_bodies_that_do_not_come_leave_room(small: RelayProcess, visit_at: VisitAt) -> None:
    """They are waited for in half of the places; the rest is for requests that can be answered."""
    guests = visit_at(small)
    head = b"POST /party/x HTTP/1.1\r\nHost: relay.test\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    answers = []
    for _ in range(FILE_LIMIT // 10):
        caller = guests.connect()
        caller.send(head)
        answers.append(caller.receive_response().status)
    assert answers == [100] * (FILE_LIMIT // 20) + [503] * (FILE_LIMIT // 20)
    asker = guests.connect()
    asker.send(HEALTH)
    assert asker.receive_response().status == 200


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_HEAD - 1, 200), (MAX_HEAD, 200), (MAX_HEAD + 1, 431)]
)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "second"])
def test_the_head_has_one_limit(visit: Visitors, size: int, status: int, is_first: bool) -> None:
    caller = visit.connect()
    if not is_first:
        caller.send(HEALTH)
        assert caller.receive_response().status == 200
    caller.send(head_of(size))
    assert caller.receive_response().status == status


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "second"])
def test_half_a_head_is_answered_when_its_time_is_up(
    start_relay: StartRelay, visit_at: VisitAt, is_first: bool
) -> None:
    caller = visit_at(start_relay("--handshake-timeout", "300ms")).connect()
    if not is_first:
        caller.send(HEALTH)
        assert caller.receive_response().status == 200
    caller.send(HEALTH[:30])
    response = caller.receive_response()
    assert response.status == 408
    assert "in time" in reason(response)
    caller.expect_end()


def test_an_idle_connection_is_closed_without_a_word(
    start_relay: StartRelay, visit_at: VisitAt
) -> None:
    caller = visit_at(start_relay("--handshake-timeout", "300ms")).connect()
    caller.send(HEALTH)
    assert caller.receive_response().status == 200
    assert caller.receive_to_end() == b""


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2"])
def test_other_versions_of_http(visit: Visitors, version: str) -> None:
    caller = visit.connect()
    caller.send(HEALTH.replace(b"HTTP/1.1", version.encode()))
    assert caller.receive_response().status == 400


def test_the_root_tells_what_this_is(visit: Visitors) -> None:
    caller: Connection = visit.connect()
    caller.send(HEALTH.replace(b"/health", b"/"))
    response = caller.receive_response()
    assert response.status == 200
    assert b"/c/<channel>" in response.body


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test", "no-such-host.invalid"])
def test_a_bad_host_name_is_one_line(host: str) -> None:
    done = run_relay("serve", "--port", "0", "--host", host)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"relay: cannot listen on {host} port 0: ")


def test_a_busy_port_says_what_to_do(relay: RelayProcess) -> None:
    """The port of another relay, as of the one that a user forgot."""
    host, port = relay.address
    done = run_relay("serve", "--port", str(port), "--admin", "off")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"relay: cannot listen on {host} port {port}: Address already in use;"
        " choose another address with --host and --port\n"
    )
