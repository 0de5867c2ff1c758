"""A server that has run out of connections or descriptors: it says so, keeps those it has, and recovers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.connection import Connection
from support.fixtures import VisitAt
from support.member import Bystanders, Visitors
from support.process import RelayProcess
from support.websocket import upgrade_head

FILE_LIMIT = 200


@pytest.fixture
def small() -> Iterator[RelayProcess]:
    with RelayProcess(file_limit=FILE_LIMIT) as server:
        yield server


@pytest.fixture
def guests(small: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(small)


def test_a_full_house(guests: Visitors, channel: str) -> None:
    pair = Bystanders(guests)
    head = upgrade_head(f"/c/{channel}")
    members, refusals = [], []
    for _ in range(FILE_LIMIT):
        caller = guests.call(head)
        response = caller.receive_response()
        if response.status == 101:
            members.append(caller)
        else:
            refusals.append(response)
            caller.close()
    assert members
    assert refusals
    for response in refusals:
        assert response.status == 503
        assert int(response.headers["retry-after"]) > 0
        assert json.loads(response.body)["error"]
    pair.exchange()
    members.pop().reset()
    pair.exchange()
    assert guests.join(channel).joined["total"] == len(members) + 1


def room_of(*flags: str) -> str:
    with RelayProcess(*flags, file_limit=FILE_LIMIT) as server:
        assert server.address
        [line] = [line for line in server.output.splitlines() if line.startswith("file limit")]
    return line.partition(", room for ")[2]


def test_room_for_fewer_than_asked_for() -> None:
    most = int(room_of().split()[0])
    assert room_of("--max-connections", str(most - 1)) == f"{most - 1} connections"
    assert room_of("--max-connections", str(most)) == f"{most} connections"
    assert room_of("--max-connections", str(most + 1)) == f"{most} connections, not {most + 1}"


def is_answered(caller: Connection) -> bool:
    caller.send(b"GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n")
    caller.socket.settimeout(0.2)
    try:
        return caller.receive_response().status == 200
    except (TimeoutError, EOFError, ConnectionError):
        return False


def test_idle_requests_hold_every_descriptor(guests: Visitors, channel: str) -> None:
    """Kept-alive connections by the hundred: members are served meanwhile, and newcomers afterwards."""
    pair = Bystanders(guests)
    idle = []
    for _ in range(2 * FILE_LIMIT):
        idle.append(guests.connect())
        if not is_answered(idle[-1]):
            break
    pair.exchange()
    for caller in idle:
        caller.close()
    pair.exchange()
    assert guests.join(channel).joined["total"] == 1
