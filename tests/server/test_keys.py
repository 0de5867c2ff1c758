"""Keys on the wire: namespaces of a file, the locks of first members, and what a connection without a send key may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.arrivals import SWITCHING, ask, try_until_let_in
from support.connection import Response
from support.fixtures import StartRelay, VisitAt
from support.member import Member, Visitors, new_channel
from support.process import RelayProcess
from support.websocket import BINARY, TEXT

# Every key begins with it, so that one look at the output tells whether one leaked.
KEY_MARK = "k7w"
JOIN, JOIN_TOO, SEND, WRONG = (f"{KEY_MARK}-{name}" for name in ("join", "too", "send", "wrong"))
NAMESPACES = f"""
[namespaces."{{name}}"]
join_keys = ["{JOIN}", "{JOIN_TOO}"]
send_keys = ["{SEND}"]

[namespaces."{{name}}:board"]
join_keys = ["{KEY_MARK}-board"]

[namespaces."{{name}}:lobby"]

[namespaces."{{name}}-news"]
send_keys = ["{SEND}"]

[namespaces."{{name}}-tree:"]
join_keys = ["{JOIN}"]

[namespaces."parties/main/{{name}}"]
join_keys = ["{JOIN}"]
send_keys = ["{SEND}"]
"""
DENIED = "this connection may listen only: its send key is missing or wrong"


@pytest.fixture(scope="module")
def name() -> str:
    """What the namespaces' names begin with."""
    return new_channel()


@pytest.fixture(scope="module")
def reserving(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    path: Path = tmp_path_factory.mktemp("keys") / "relay.toml"
    path.write_text(NAMESPACES.format(name=name))
    with RelayProcess("--config", str(path)) as server:
        yield server
        assert server.stop() == 0
        assert KEY_MARK not in server.output + server.errors


@pytest.fixture
def guests(reserving: RelayProcess, visit_at: VisitAt) -> Visitors:
    return visit_at(reserving)


def assert_refused(response: Response) -> None:
    assert response.status == 403
    assert response.body == b'{"error":"the join key is missing or wrong"}'
    assert response.headers["access-control-allow-origin"] == "*"


# --- joining -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/c/{}", "/r/{}", "/c/{}:x", "/c/{}%3Ax", "/c/{}/x:y/z"])
def test_a_namespace_asks_for_its_join_key(guests: Visitors, name: str, path: str) -> None:
    target = path.format(name)
    for query in ("", "?joinKey=", f"?joinKey={WRONG}", f"?sendKey={SEND}", "?joinKey=undefined"):
        assert_refused(ask(guests, target + query))
    for key in (JOIN, JOIN_TOO):
        assert ask(guests, f"{target}?joinKey={key}").status == SWITCHING


@pytest.mark.parametrize("path", ["/c/{}s", "/c/my:{}", "/c/{}-tree", "/c/{}%", "/parties/{}/x"])
def test_what_it_does_not_own(guests: Visitors, name: str, path: str) -> None:
    assert ask(guests, path.format(name)).status == SWITCHING


def test_names_are_case_sensitive(guests: Visitors, name: str) -> None:
    assert ask(guests, f"/c/{name.upper()}").status == SWITCHING


@pytest.mark.parametrize("path", ["/c/{}-tree:", "/c/{}-tree:x"])
def test_a_name_that_ends_at_a_boundary(guests: Visitors, name: str, path: str) -> None:
    assert_refused(ask(guests, path.format(name)))
    assert ask(guests, f"{path.format(name)}?joinKey={JOIN}").status == SWITCHING


def test_the_longest_name_decides(guests: Visitors, name: str) -> None:
    assert_refused(ask(guests, f"/c/{name}:board:x?joinKey={JOIN}"))
    member = guests.enter(f"/c/{name}:board:x?joinKey={KEY_MARK}-board")
    member.send_text("1")  # it has no send keys, whatever the shorter name has
    assert member.settle() == []


def test_a_namespace_without_keys_is_open_and_stays_so(guests: Visitors, name: str) -> None:
    first = guests.enter(f"/c/{name}:lobby?joinKey={WRONG}&sendKey={WRONG}")
    second = guests.enter(f"/c/{name}:lobby")
    first.receive_total(2)
    second.send_text("1")
    assert first.receive_message() == 1


def test_party_rooms(guests: Visitors, name: str) -> None:
    for path in (f"/parties/main/{name}", f"/party/{name}", f"/parties/main/{name}:2/sub/path"):
        assert_refused(ask(guests, path))
        assert ask(guests, f"{path}?joinKey={JOIN}").status == SWITCHING
    for path in (f"/parties/main/{name}s", f"/parties/other/{name}"):
        assert ask(guests, path).status == SWITCHING


@pytest.mark.parametrize(
    ("query", "headers", "is_let_in"),
    [
        ("", {"x-join-key": JOIN}, True),
        ("", {"X-Join-Key": f"  {JOIN} "}, True),
        ("", {"x-join-key": WRONG}, False),
        ("", {"x-join-key": ""}, False),
        ("", {"x-send-key": JOIN}, False),
        (f"?joinKey={JOIN}", {"x-join-key": WRONG}, True),
        (f"?joinKey={WRONG}", {"x-join-key": JOIN}, False),
        ("?joinKey=undefined", {"x-join-key": JOIN}, True),
        (f"?joinKey={JOIN}&joinKey={WRONG}", {}, True),
        (f"?joinKey={WRONG}&joinKey={JOIN}", {}, False),
        (f"?joinkey={JOIN}", {}, False),
        (f"?joinKey={JOIN.replace('-', '%2D')}", {}, True),
        (f"?joinKey={JOIN.upper()}", {}, False),
        (f"?joinKey={JOIN}+", {}, False),
    ],
)
def test_where_a_key_is_shown(
    guests: Visitors, name: str, query: str, headers: Mapping[str, str], is_let_in: bool
) -> None:
    response = ask(guests, f"/c/{name}{query}", headers)
    assert response.status == (SWITCHING if is_let_in else 403)


# --- sending -------------------------------------------------------------------------------------------------------------------


def assert_may_listen_only(listener: Member, sender: Member) -> None:
    """Each message is answered with an error, and nobody else notices."""
    for message in ("1", f'@@{sender.uid}@@"direct"', f'@@{listener.uid}@@"to itself"', "{bad"):
        listener.send_text(message)
        assert listener.receive_error() == DENIED
    listener.send_frame(BINARY, b"1")
    assert listener.receive_error() == DENIED
    assert sender.settle() == []
    sender.send_text('"heard"')
    assert listener.receive_message() == "heard"


@pytest.mark.parametrize("query", ["", f"?sendKey={WRONG}", f"?joinKey={SEND}", "?sendKey=null"])
def test_without_the_send_key_one_listens(
    guests: Visitors, name: str, channel: str, query: str
) -> None:
    target = f"/c/{name}-news:{channel}"
    sender = guests.enter(f"{target}?sendKey={SEND}")
    listener = guests.enter(target + query)
    sender.receive_total(2)
    assert_may_listen_only(listener, sender)


def test_the_send_key_as_a_header(guests: Visitors, name: str, channel: str) -> None:
    member = guests.enter(f"/c/{name}-news/{channel}", headers={"x-send-key": SEND})
    assert member.settle() == []


def test_in_a_party_room_what_is_not_allowed_is_dropped_silently(
    guests: Visitors, name: str
) -> None:
    target = f"/parties/main/{name}?joinKey={JOIN}"
    listener, watcher = guests.open(target), guests.open(target)
    sender = guests.open(f"{target}&sendKey={SEND}")
    listener.send_text("not allowed")
    listener.ping()
    sender.send_text("allowed")
    assert listener.receive() == watcher.receive() == (TEXT, b"allowed")


def test_what_is_denied_counts_for_the_rate(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay("--message-rate", "0.001", "--message-burst", "3"))
    visitors.enter(f"/c/{channel}?sendKey={SEND}")
    listener = visitors.enter(f"/c/{channel}")
    listener.send_text(*["1"] * 5)
    errors = [event["message"] for event in listener.settle_by_ping()]
    assert errors[:3] == [DENIED] * 3
    assert len(errors) == 4
    assert errors[3].startswith("rate limit exceeded")


# --- the locks of first members ------------------------------------------------------------------------------------------------


def test_the_first_members_join_key_holds(visit: Visitors, channel: str) -> None:
    target = f"/c/{channel}"
    visit.enter(f"{target}?joinKey={JOIN}")
    for path in (target, f"/r/{channel}", f"{target}?joinKey={WRONG}", f"{target}?sendKey={JOIN}"):
        assert_refused(ask(visit, path))
    assert visit.enter(f"{target}?joinKey={JOIN}").joined["total"] == 2
    assert visit.enter(target, headers={"x-join-key": JOIN}).joined["total"] == 3
    assert visit.enter(f"{target}:x").joined["total"] == 1  # another channel


def test_it_holds_until_the_channel_is_empty(visit: Visitors, channel: str) -> None:
    target = f"/c/{channel}"
    first = visit.enter(f"{target}?joinKey={JOIN}")
    second = visit.enter(f"{target}?joinKey={JOIN}")
    first.leave()
    second.receive_total(1)
    assert_refused(ask(visit, target))
    third = visit.enter(f"{target}?joinKey={JOIN}")
    second.leave()
    third.receive_total(1)
    assert_refused(ask(visit, f"{target}?joinKey={WRONG}"))
    third.leave()
    fourth = visit.enter(f"{target}?joinKey={JOIN_TOO}")
    assert fourth.joined["total"] == 1
    assert_refused(ask(visit, f"{target}?joinKey={JOIN}"))


def test_it_ends_with_a_last_member_that_vanishes(visit: Visitors, channel: str) -> None:
    visit.enter(f"/c/{channel}?joinKey={JOIN}").reset()
    try_until_let_in(lambda: ask(visit, f"/c/{channel}"))


def test_a_last_member_in_its_closing_handshake_holds_nothing(
    visit: Visitors, channel: str
) -> None:
    first = visit.enter(f"/c/{channel}?joinKey={JOIN}")
    first.send_frame(0x3)
    assert first.receive_close()[0] == 1002  # and never answers
    assert visit.enter(f"/c/{channel}?joinKey={JOIN_TOO}").joined["total"] == 1
    assert_refused(ask(visit, f"/c/{channel}?joinKey={JOIN}"))


def test_the_first_members_send_key_holds(visit: Visitors, channel: str) -> None:
    sender = visit.enter(f"/c/{channel}?sendKey={SEND}")
    listener = visit.enter(f"/c/{channel}?sendKey={WRONG}")
    sender.receive_total(2)
    assert_may_listen_only(listener, sender)
    other = visit.enter(f"/c/{channel}?sendKey={SEND}")
    sender.leave()
    other.receive_total(2)
    listener.receive_total(2)
    listener.send_text("1")
    assert listener.receive_error() == DENIED


@pytest.mark.parametrize("query", ["", "?joinKey=undefined&sendKey=null", "?joinKey=&sendKey="])
def test_who_comes_first_without_keys_leaves_it_open(
    visit: Visitors, channel: str, query: str
) -> None:
    first = visit.enter(f"/c/{channel}{query}")
    visit.enter(f"/c/{channel}?joinKey={JOIN}&sendKey={SEND}")
    third = visit.enter(f"/c/{channel}")
    first.receive_total(3)
    third.send_text("1")
    assert first.receive_message() == 1


def test_party_rooms_are_locked_too(visit: Visitors, channel: str) -> None:
    target = f"/parties/main/{channel}"
    keys = f"?joinKey={JOIN}&sendKey={SEND}"
    sender = visit.open(target + keys)
    assert_refused(ask(visit, target))
    listener = visit.open(f"{target}/sub?joinKey={JOIN}")
    listener.send_text("not allowed")
    listener.ping()
    sender.send_text("allowed")
    assert listener.receive() == (TEXT, b"allowed")
    assert ask(visit, f"/parties/other/{channel}").status == SWITCHING
    assert ask(visit, f"/c/{channel}").status == SWITCHING
    sender.close()
    listener.close()
    try_until_let_in(lambda: ask(visit, target))


def test_without_ephemeral_keys_they_mean_nothing(
    start_relay: StartRelay, visit_at: VisitAt, channel: str
) -> None:
    visitors = visit_at(start_relay("--no-ephemeral-keys"))
    first = visitors.enter(f"/c/{channel}?joinKey={JOIN}&sendKey={SEND}")
    second = visitors.enter(f"/c/{channel}")
    first.receive_total(2)
    second.send_text("1")
    assert first.receive_message() == 1
