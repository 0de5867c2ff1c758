"""What clients up to 0.4 send and expect, by the stand-in for them in node/legacy.mjs."""

from __future__ import annotations

import re

import pytest
from clients.hosts import websocket_url

PREFIXES = {"at signs": "@@", "unit separators": "\x1f"}


@pytest.fixture(params=["/r/", "/c/"])
def path_url(request, relay, channel):
    """The same channel under either path."""
    return websocket_url(relay, f"{request.param}{channel}")


@pytest.fixture
def old_url(relay, channel):
    return websocket_url(relay, f"/r/{channel}")


@pytest.fixture(params=PREFIXES.values(), ids=PREFIXES.keys())
def prefix(request):
    return request.param


def listener_at(host, url, options=None, *, legacy=True):
    client = host.connect(url, options, legacy=legacy).on("message", "error")
    client.joins()
    return client


def test_own_join_has_no_uid_unless_announced(host, old_url):
    join = host.connect(old_url, {"as": "Ada"}, legacy=True).joins()
    assert join.pop("date") > 0
    assert join == {"type": "join", "self": True, "users": 1, "total": 1}


def test_own_join_has_uid_and_alias_when_announced(host, old_url):
    options = {"as": "Ada", "announce": True}
    join = host.connect(old_url, options, legacy=True).joins()
    assert join.pop("date") > 0
    assert len(join.pop("uid")) >= 6
    assert join == {"type": "join", "self": True, "alias": "Ada", "users": 1, "total": 1}


def test_users_is_the_number_of_connections(host, old_url):
    witness = host.connect(old_url, legacy=True).on("join", "leave")
    assert witness.hears("join")["users"] == 1
    other = host.connect(old_url, {"announce": True, "as": "Ada"}, legacy=True)
    other.joins()
    join = witness.hears("join")
    assert (join["users"], join["alias"]) == (2, "Ada")
    other.close()
    leave = witness.hears("leave")
    assert (leave["users"], leave["uid"]) == (1, join["uid"])


def test_date_can_be_made_a_date(host, old_url):
    client = host.connect(old_url, {"echo": True}, legacy=True).on("message").send("hello")
    assert re.fullmatch(r"20\d\d-.*Z", client.hears("message")["date"])


def test_queue_and_push(host, path_url):
    witness = host.connect(path_url, legacy=True).on("join", "message", "leave")
    witness.hears("join")
    pusher = host.connect(path_url, legacy=True)
    pusher.chain(("send", 1), ("send", [2]), ("push", {"last": True}))
    assert witness.hears("join")["users"] == 2
    assert witness.hears_messages(3) == [1, [2], {"last": True}]
    assert witness.hears("leave")["users"] == 1


def test_direct_message(host, path_url, prefix):
    sender, bystander = (listener_at(host, path_url) for _ in range(2))
    recipient = listener_at(host, path_url, {"announce": True})
    sender.send_text(f'{prefix}{recipient.uid}{prefix}{{"kept": [1.50, "as is"]}}')
    sender.send("for all")
    assert recipient.hears_messages(2) == [{"kept": [1.5, "as is"]}, "for all"]
    assert '"message":{"kept": [1.50, "as is"]}}' in recipient.receives()
    assert bystander.hears("message")["message"] == "for all"


def test_reply_to_the_uid_of_a_message(host, path_url):
    ada, bob = (listener_at(host, path_url, {"as": name}) for name in ("Ada", "Bob"))
    ada.send("question")
    question = bob.hears("message")
    assert question["alias"] == "Ada"
    bob.send("answer", question["uid"])
    assert ada.hears("message")["message"] == "answer"


def test_unknown_recipient(host, path_url, prefix):
    sender, bystander = (listener_at(host, path_url) for _ in range(2))
    sender.send_text(f'{prefix}nobody@home{prefix}"lost"').send("found")
    assert "nobody@home" in sender.hears("error")["message"]
    assert bystander.hears("message")["message"] == "found"


def test_empty_recipient_is_everyone(host, path_url, prefix):
    sender, listener = (listener_at(host, path_url) for _ in range(2))
    sender.send_text(f'{prefix}{prefix}"for all"')
    assert listener.hears("message")["message"] == "for all"


@pytest.mark.parametrize(
    "text",
    [
        "undefined",
        "",
        "@@",
        '@@nobody"no end of the prefix"',
        '\x1fnobody"no end of the prefix"',
        "@@{uid}@@undefined",
        "\x1f{uid}\x1f",
        '@@{uid}\x1f"mixed"',
        '{"unfinished": ',
        '1},"uid":"admin"',
        '"one" "two"',
        "'single'",
    ],
)
def test_malformed_text_gets_one_error_and_stays_open(host, path_url, text):
    listener = listener_at(host, path_url, {"announce": True})
    sender = listener_at(host, path_url)
    sender.send_text(text.replace("{uid}", listener.uid)).send("still open")
    assert isinstance(sender.hears("error")["message"], str)
    assert listener.hears("message")["message"] == "still open"


def test_old_and_new_clients_share_the_channel(host, relay, channel):
    old = listener_at(host, websocket_url(relay, f"/r/{channel}"), {"announce": True})
    new = listener_at(host, websocket_url(relay, f"/c/{channel}"), legacy=False)
    old.send("from the old")
    assert new.hears("message")["message"] == "from the old"
    new.send("from the new")
    assert old.hears("message")["message"] == "from the new"
    new.send("for the old", old.uid)
    assert old.hears("message")["message"] == "for the old"
    old.send("for the new", new.uid)
    assert new.hears("message")["message"] == "for the new"
