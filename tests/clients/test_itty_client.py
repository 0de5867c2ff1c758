"""What a user of the npm client gets from the relay, in each WebSocket implementation of Node.

tests/browser runs the same tests in Chromium: they use the fixtures `host` (where the clients
live) and `channel_url` (an empty channel), and nothing else of Node.
"""

from __future__ import annotations

import json

import pytest

PAYLOADS = [
    0,
    -1.5e-7,
    1e21,
    True,
    False,
    None,
    "",
    "text",
    [],
    [1, [2, None], {"three": 3}],
    {},
    {"nested": {"list": [1, 2]}},
]

TEXTS = [
    "naïve café",
    "日本語 العربية हिन्दी",
    "👩‍👩‍👧‍👦 \U0010ffff",
    "\u2028\u2029\u0000\u001f\u007f",
    "\ud83d",  # a lone surrogate: JSON.stringify escapes it, and the escape is valid JSON
    '@@someone@@"quoted" \\ \x1fsomeone\x1f',
]


@pytest.fixture
def peers(host, channel_url):
    """Two clients that joined the channel in turn and hear messages and errors."""
    pair = []
    for _ in range(2):
        client = host.connect(channel_url).on("message", "error")
        client.joins()
        pair.append(client)
    return pair


# opening and the queue


def test_nothing_opens_before_the_first_call(host, channel_url):
    host.connect(channel_url)
    assert host.connect(channel_url).joins()["total"] == 1


def test_own_join_is_the_first_frame_and_tells_the_uid(host, channel_url):
    join = host.connect(channel_url).on("join").hears("join")
    assert join.pop("date") > 0
    assert len(join.pop("uid")) >= 6
    assert join == {"type": "join", "self": True, "users": 1, "total": 1}


def test_queue_is_flushed_in_order_at_open(host, channel_url):
    listener = host.connect(channel_url).on("message")
    listener.joins()
    host.connect(channel_url).chain(*(("send", number) for number in range(1000)))
    assert listener.hears_messages(1000) == list(range(1000))


def test_messages_before_and_after_open_keep_their_order(host, channel_url):
    client = host.connect(channel_url, {"echo": True})
    client.chain(("on", "open"), ("on", "message"), ("send", "queued"))
    client.hears("open")
    client.send("open")
    assert client.hears_messages(2) == ["queued", "open"]


def test_every_method_is_chainable_and_open_is_idempotent(host, channel_url):
    client = host.connect(channel_url).on("join").open().open().remove("message").open()
    client.hears("join")
    assert host.connect(channel_url).joins()["total"] == 2


# options


def test_echo_returns_the_message_to_its_sender(host, channel_url):
    client = host.connect(channel_url, {"echo": True}).on("message")
    uid = client.joins()["uid"]
    message = client.send("hello").hears("message")
    assert message["uid"] == uid
    assert message["message"] == "hello"
    assert isinstance(message["id"], str)
    assert isinstance(message["date"], int)
    assert "alias" not in message
    assert "type" not in message


@pytest.mark.parametrize("options", [{}, {"echo": False}, {"echo": "undefined"}])
def test_without_echo_only_the_others_hear(host, channel_url, options):
    listener = host.connect(channel_url).on("message")
    listener.joins()
    sender = host.connect(channel_url, options).on("message").send("from sender")
    assert listener.hears("message")["message"] == "from sender"
    listener.send("from listener")
    assert sender.hears("message")["message"] == "from listener"


@pytest.mark.parametrize(
    ("options", "alias"),
    [
        ({"as": "Ada Lovelace"}, "Ada Lovelace"),
        ({"alias": "Ada"}, "Ada"),
        ({"alias": "loser", "as": "winner"}, "winner"),
        ({"as": "a+b&c=d%20 é日本👋"}, "a+b&c=d%20 é日本👋"),
        ({"as": 'quo"te\\'}, 'quo"te\\'),
        ({"as": "con\ttrol\n"}, "control"),
        ({"as": "x" * 65}, "x" * 64),
    ],
)
def test_alias_is_on_messages(host, channel_url, options, alias):
    client = host.connect(channel_url, {"echo": True, **options}).on("message").send(1)
    assert client.hears("message")["alias"] == alias


@pytest.mark.parametrize("value", ["undefined", None, ""])
def test_no_alias_when_the_option_holds_none(host, channel_url, value):
    client = host.connect(channel_url, {"echo": True, "as": value}).on("message").send(1)
    assert "alias" not in client.hears("message")


def test_announced_client_is_named_in_join_and_leave(host, channel_url):
    witness = host.connect(channel_url).on("join", "leave")
    assert witness.hears("join")["self"] is True
    announced = host.connect(channel_url, {"announce": True, "as": "Ada"})
    uid = announced.joins()["uid"]
    join = witness.hears("join")
    announced.close()
    leave = witness.hears("leave")
    assert join.pop("date") <= leave.pop("date")
    named = {"uid": uid, "alias": "Ada"}
    assert join == {"type": "join", **named, "users": 2, "total": 2}
    assert leave == {"type": "leave", **named, "users": 1, "total": 1}


def test_quiet_client_is_counted_but_not_named(host, channel_url):
    witness = host.connect(channel_url).on("join", "leave")
    witness.hears("join")
    quiet = host.connect(channel_url, {"as": "Ada"})
    quiet.joins()
    join = witness.hears("join")
    quiet.close()
    leave = witness.hears("leave")
    assert join.pop("date") <= leave.pop("date")
    assert join == {"type": "join", "users": 2, "total": 2}
    assert leave == {"type": "leave", "users": 1, "total": 1}


def test_list_tells_the_announced_at_the_own_join(host, channel_url):
    ada = host.connect(channel_url, {"announce": True, "as": "Ada"}).joins()["uid"]
    anonymous = host.connect(channel_url, {"announce": True}).joins()["uid"]
    host.connect(channel_url, {"as": "quiet"}).joins()
    options = {"list": True, "announce": True, "as": "Bob"}
    join = host.connect(channel_url, options).joins()
    assert join["total"] == 4
    assert sorted(join["users"], key=lambda user: user["uid"]) == sorted(
        [
            {"uid": ada, "alias": "Ada"},
            {"uid": anonymous},
            {"uid": join["uid"], "alias": "Bob", "self": True},
        ],
        key=lambda user: user["uid"],
    )


def test_list_leaves_users_out_of_later_joins_and_leaves(host, channel_url):
    lister = host.connect(channel_url, {"list": True}).on("join", "leave")
    assert lister.hears("join")["users"] == []
    other = host.connect(channel_url, {"announce": True})
    other.joins()
    join = lister.hears("join")
    assert join["total"] == 2
    assert "users" not in join
    other.close()
    leave = lister.hears("leave")
    assert leave["total"] == 1
    assert "users" not in leave


# messages


def test_two_clients_chat(peers):
    ada, bob = peers
    for turn in range(10):
        ada.send({"turn": turn, "by": "ada"})
        assert bob.hears("message")["message"] == {"turn": turn, "by": "ada"}
        bob.send({"turn": turn, "by": "bob"})
        assert ada.hears("message")["message"] == {"turn": turn, "by": "bob"}


def test_both_members_see_one_order(host, channel_url):
    clients = [host.connect(channel_url, {"echo": True}).on("message") for _ in range(2)]
    for client in clients:
        client.joins()
    for number in range(50):
        for client in clients:
            client.send(number)
    first, second = (
        [(m["uid"], m["message"]) for m in (client.hears("message") for _ in range(100))]
        for client in clients
    )
    assert first == second


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_any_json_value_is_a_message(peers, payload):
    ada, bob = peers
    ada.send(payload)
    message = bob.hears("message")["message"]
    assert message == payload
    assert type(message) is type(payload) or payload == 1e21


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_text_of_every_kind_arrives_unchanged(peers, text):
    ada, bob = peers
    ada.send(text).send({text: text})
    assert bob.hears("message")["message"] == text
    assert bob.hears("message")["message"] == {text: text}


def test_large_payload(peers):
    ada, bob = peers
    payload = {"blob": "日本👋x" * 7000}
    assert 64_000 < len(json.dumps(payload, ensure_ascii=False).encode()) < 100_000
    ada.send(payload)
    assert bob.hears("message")["message"] == payload


def test_payload_is_the_last_member_of_the_envelope(peers):
    ada, bob = peers
    ada.send({"b": 1, "a": [1.5, "é"]})
    assert bob.receives().endswith(',"message":{"b":1,"a":[1.5,"é"]}}')


def test_members_of_the_payload_are_on_the_event(peers):
    ada, bob = peers
    ada.send({"text": "hi", "uid": "forged", "date": 1, "alias": "forged"})
    event = bob.hears("message")
    assert event["text"] == "hi"
    assert event["uid"] != "forged"
    assert event["date"] > 1
    assert event["alias"] == "forged"  # the envelope has no alias to put over it


def test_id_of_the_payload_is_not_hidden(peers):
    ada, bob = peers
    ada.send({"id": 7}).send({"text": "no id"})
    assert bob.hears("message")["id"] == 7
    assert isinstance(bob.hears("message")["id"], str)


def test_send_without_argument_gets_one_error_and_stays_open(peers):
    """In a page and in native Node this is the text `undefined`, from `ws` an empty binary."""
    ada, bob = peers
    error = ada.send().hears("error")
    assert error.keys() == {"type", "message", "date"}
    assert isinstance(error["message"], str)
    ada.send("still open")
    assert bob.hears("message")["message"] == "still open"


# listeners


def test_custom_type_reaches_its_listeners_and_message_listeners(peers):
    ada, bob = peers
    bob.on("chat", "other")
    ada.send({"type": "chat", "text": "hi"})
    chat = bob.hears("chat")
    assert (chat["type"], chat["text"]) == ("chat", "hi")
    assert bob.hears("message")["message"] == {"type": "chat", "text": "hi"}


def test_predicate_listener_hears_what_it_accepts(peers):
    ada, bob = peers
    bob.on_above("value", 20)
    ada.send({"value": 20}).send({"value": 21}).send("value")
    assert bob.hears("message")["value"] == 20
    assert bob.hears("message")["value"] == 21
    assert bob.hears("above")["value"] == 21
    assert bob.hears("message")["message"] == "value"


def test_removed_listener_hears_no_more(peers):
    ada, bob = peers
    bob.on("chat")
    ada.send({"type": "chat"})
    bob.hears("chat")
    bob.hears("message")
    bob.remove("message")
    ada.send({"type": "chat"})
    assert bob.hears("chat")["message"] == {"type": "chat"}
    ada.send({"type": "chat"})
    assert bob.hears("chat")["message"] == {"type": "chat"}


# direct messages


def test_direct_message_reaches_its_recipient_only(host, channel_url, peers):
    ada, bystander = peers
    recipient = host.connect(channel_url, {"echo": True}).on("message")
    uid = recipient.joins()["uid"]
    ada.send("secret", uid).send("for all")
    assert recipient.hears_messages(2) == ["secret", "for all"]
    assert bystander.hears("message")["message"] == "for all"


def test_direct_message_is_not_echoed(host, channel_url, peers):
    ada, _ = peers
    ada_uid = ada.uid
    sender = host.connect(channel_url, {"echo": True}).on("message")
    sender.send("secret", ada_uid).send("for all")
    assert sender.hears("message")["message"] == "for all"
    assert ada.hears_messages(2) == ["secret", "for all"]


@pytest.mark.parametrize("echo", [True, False])
def test_direct_message_to_oneself_arrives_once(host, channel_url, echo):
    client = host.connect(channel_url, {"echo": echo}).on("message")
    uid = client.joins()["uid"]
    client.send("note", uid).send("second note", uid)
    assert client.hears_messages(2) == ["note", "second note"]


def test_reply_to_the_uid_of_a_message(peers):
    ada, bob = peers
    ada.send("question")
    bob.send("answer", bob.hears("message")["uid"])
    assert ada.hears("message")["message"] == "answer"


@pytest.mark.parametrize("uid", ["nobody", "nobody/é 日本", 'no"body\\'])
def test_unknown_recipient_gets_an_error_that_names_it(peers, uid):
    ada, bob = peers
    error = ada.send("lost", uid).hears("error")
    assert uid in error["message"]
    ada.send("found")
    assert bob.hears("message")["message"] == "found"


def test_empty_uid_addresses_everyone(peers):
    ada, bob = peers
    ada.send("for all", "")
    assert bob.hears("message")["message"] == "for all"


# push, close, reopen


def test_pushed_message_arrives_before_the_leave(host, channel_url):
    witness = host.connect(channel_url).on("join", "message", "leave")
    witness.hears("join")
    pusher = host.connect(channel_url)
    pusher.chain(("push", "parting words"), ("on", "open"), ("on", "close"))
    assert witness.hears("join")["total"] == 2
    assert witness.hears("message")["message"] == "parting words"
    assert witness.hears("leave")["total"] == 1
    pusher.hears("open")
    pusher.hears("close")
    assert pusher.closed() == {"code": 1005, "reason": "", "wasClean": True}


def test_push_behind_a_queue_sends_it_all(host, channel_url):
    witness = host.connect(channel_url).on("message", "leave")
    witness.joins()
    queued = (("send", number) for number in range(50))
    host.connect(channel_url).chain(*queued, ("push", "last"))
    assert witness.hears_messages(51) == [*range(50), "last"]
    witness.hears("leave")


def test_pushed_direct_message(host, channel_url, peers):
    ada, bob = peers
    host.connect(channel_url).push("secret", ada.uid)
    assert ada.hears("message")["message"] == "secret"
    ada.send("for all")
    assert bob.hears("message")["message"] == "for all"


def test_close_before_open_joins_and_leaves(host, channel_url):
    witness = host.connect(channel_url).on("join", "leave")
    witness.hears("join")
    host.connect(channel_url).chain(("close",), ("open",))
    assert witness.hears("join")["total"] == 2
    assert witness.hears("leave")["total"] == 1


def test_reopened_client_keeps_its_listeners_and_gets_a_new_uid(host, channel_url, peers):
    ada, _ = peers
    client = host.connect(channel_url).on("open", "message", "close")
    client.hears("open")
    first_uid = client.joins()["uid"]
    client.close().hears("close")
    client.open().hears("open")
    assert client.joins()["uid"] != first_uid
    ada.send("welcome back")
    assert client.hears("message")["message"] == "welcome back"


def test_send_after_close_reopens_and_flushes(host, channel_url, peers):
    _, bob = peers
    client = host.connect(channel_url).on("open", "close")
    client.hears("open")
    client.close().hears("close")
    client.chain(("send", "one"), ("send", "two")).hears("open")
    assert bob.hears_messages(2) == ["one", "two"]


def test_many_rounds_of_open_and_close_leave_no_member_behind(host, channel_url):
    witness = host.connect(channel_url).on("join", "leave")
    witness.hears("join")
    client = host.connect(channel_url).on("open", "close")
    for _ in range(10):
        client.open().hears("open")
        assert witness.hears("join")["total"] == 2
        client.close().hears("close")
        assert witness.hears("leave")["total"] == 1


def test_message_over_the_limit_closes_with_1009(host, channel_url):
    witness = host.connect(channel_url).on("join", "leave")
    witness.hears("join")
    client = host.connect(channel_url).on("join", "close")
    client.hears("join")
    witness.hears("join")
    client.send("x" * 200_000).hears("close")
    assert client.closed()["code"] == 1009
    assert witness.hears("leave")["total"] == 1


# channel names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a:b", "a%3Ab"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("with space", "with%20space"),
        ("slash/and//more/", "slash/and//more/"),
        ("100%", "100%25"),
    ],
)
def test_spellings_of_one_channel(host, channel_url, one, other):
    listener = host.connect(channel_url + one).on("message")
    listener.joins()
    host.connect(channel_url + other).push("hello")
    assert listener.hears("message")["message"] == "hello"


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("a", "a/"), ("a/b", "a//b"), ("", "a")])
def test_names_of_different_channels(host, channel_url, one, other):
    host.connect(channel_url + one).joins()
    assert host.connect(channel_url + other).joins()["total"] == 1
