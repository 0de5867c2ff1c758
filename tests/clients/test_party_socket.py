"""What a user of PartySocket gets from the relay, in each WebSocket implementation of Node.

tests/browser runs the same tests in Chromium: they use the fixtures `host` (where the clients live), `relay`, `start_relay` and
`channel` (the name of an empty room), and nothing else of Node.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from clients.hosts import party_options, websocket_url

EVENTS = ("open", "message", "close")
MEBIBYTE = 1 << 20


@pytest.fixture
def join(host, relay, channel):
    """Opens a PartySocket of the room; it hears all that happens to it."""

    def join(room=channel, **options):
        client = host.party(relay, room, **options).on(*EVENTS)
        client.url = client.opens()["url"]
        return client

    return join


@pytest.fixture
def fetcher(host, relay, channel):
    """A PartySocket that never connects, for requests from where it lives."""
    return host.party(relay, channel, startClosed=True)


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query))


def post(client, relay, channel, body=b"", *, query=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    options = party_options(relay, channel, **({"query": query} if query else {}))
    return client.fetch(options, {"method": "POST", "headers": named}, body)


# rooms


def test_text_and_binary_both_ways(join):
    ada, bob = join(), join()
    for sender, receiver in ((ada, bob), (bob, ada)):
        for text in ("hello", "", "naïve 日本 🦆", '{"json": [1.50]}', "undefined"):
            sender.send(text)
            assert receiver.hears_data() == text
        for data in (b"\x00\xff", b"", bytes(range(256))):
            sender.send_bytes(data)
            assert receiver.hears_data() == data


def test_what_is_sent_before_it_is_open_is_flushed_in_order(host, relay, channel, join):
    listener = join()
    sender = host.party(relay, channel)
    sender.chain(*(("send", str(number)) for number in range(500)))
    assert [listener.hears_data() for _ in range(500)] == [str(number) for number in range(500)]


def test_nothing_comes_back_unless_echo_is_asked_for(join):
    loud, quiet = join(query={"echo": "true"}), join()
    quiet.send("from quiet")
    loud.send("from loud")
    assert [loud.hears_data(), loud.hears_data()] == ["from quiet", "from loud"]
    assert quiet.hears_data() == "from loud"


def test_other_rooms_and_parties_hear_nothing(join, channel):
    listener, sender = join(), join()
    for other in (join(channel + "x"), join(party="other"), join(channel.upper())):
        other.send("elsewhere")
    sender.send("here")
    assert listener.hears_data() == "here"


def test_custom_parties_and_sub_paths(join, channel):
    plain = join(party="chess", id="one")
    deep = join(party="chess", path="a/b/c", id="two")
    based = join(basePath=f"parties/chess/{channel}", id="three")
    assert urlsplit(deep.url).path == f"/parties/chess/{channel}/a/b/c"
    deep.send("from below")
    assert plain.hears_data() == based.hears_data() == "from below"


@pytest.mark.parametrize("suffix", ["with space", "日本", "a:b", "%41", "percent%"])
def test_names_of_rooms(join, channel, suffix):
    one, other = join(channel + suffix), join(channel + suffix)
    one.send("same room")
    assert other.hears_data() == "same room"


def test_the_party_called_main_has_a_short_path(join, channel):
    one, other = join(), join(basePath=f"party/{channel}")
    one.send("same room")
    assert other.hears_data() == "same room"


# identity and query


def test_the_id_stays_over_reconnects(join):
    client = join()
    key = query_of(client.url)["_pk"]
    for _ in range(3):
        client.reconnect()
        client.hears("close")
        event = client.opens()
        assert query_of(event["url"])["_pk"] == key == event["id"]


def test_two_sockets_may_have_one_id(join):
    first, second, other = join(id="same"), join(id="same"), join(id="other")
    other.send("to both")
    assert first.hears_data() == second.hears_data() == "to both"
    first.send("from one")
    assert second.hears_data() == other.hears_data() == "from one"
    first.close()
    assert first.hears("close")["code"] == 1000
    other.send("to who is left")
    assert second.hears_data() == "to who is left"


def test_a_query_that_is_asked_for_anew(join):
    client, listener = join(asksForQuery={"token": "a b&c"}), join()
    assert query_of(client.url)["token"] == "a b&c"
    assert query_of(client.url)["attempt"] == "1"
    client.reconnect()
    client.hears("close")
    assert query_of(client.opens()["url"])["attempt"] == "2"
    client.send("there again")
    assert listener.hears_data() == "there again"


def test_another_room_by_update(join, channel):
    """`path` is not kept when nothing was given for it, so a room can be changed."""
    client, listener = join(), join(channel + "/two", basePath=f"parties/main/{channel}-two")
    client.update(room=channel + "-two")
    client.reconnect()
    client.hears("close")
    client.opens()
    client.send("moved")
    assert listener.hears_data() == "moved"


def test_keys_in_the_query(host, relay, join, channel):
    keys = {"joinKey": "in & out", "sendKey": "100%"}
    owner = join(query=keys)
    refused = host.party(relay, channel, maxRetries=0).on("open", "error")
    refused.hears("error")
    listener = join(query={"joinKey": "in & out"})
    listener.send("dropped")
    owner.send("relayed")
    assert listener.hears_data() == "relayed"
    join(query=keys).send("from another")
    assert owner.hears_data() == "from another"


# endings


@pytest.mark.parametrize("code", [1000, 3000, 4999])
def test_close_by_the_client(join, code):
    client = join()
    client.close(code, "done")
    event = client.hears("close")
    assert (event["code"], event["reason"], event["goesOn"]) == (code, "done", False)


def test_what_is_sent_after_close_goes_out_when_it_reconnects(join):
    client, listener = join(), join()
    client.close()
    client.hears("close")
    client.chain(("send", "one"), ("send", "two"), ("reconnect",))
    client.opens()
    client.send("three")
    assert [listener.hears_data() for _ in range(3)] == ["one", "two", "three"]


@pytest.mark.parametrize("stops", [True, False])
def test_a_message_over_the_limit_closes_with_1009(join, stops):
    client, listener = join(neverAfter=[1009] if stops else []), join()
    client.send_zeros(MEBIBYTE)
    assert listener.hears_data() == bytes(MEBIBYTE)
    client.send_zeros(MEBIBYTE + 1)
    event = client.hears("close")
    assert (event["code"], event["goesOn"]) == (1009, not stops)
    if stops:
        client.reconnect()
    client.opens()
    client.send("back")
    assert listener.hears_data() == "back"


@pytest.mark.parametrize("stops", [True, False])
def test_a_kick_closes_with_1008(host, start_relay, stops):
    limits = ("--message-rate", "0.001", "--message-burst", "1", "--kick-after", "1")
    relay = start_relay(*limits)
    client = host.party(relay, "x", neverAfter=[1008] if stops else []).on("open", "close")
    client.opens()
    client.flood("x")
    event = client.hears("close")
    assert (event["code"], event["goesOn"]) == (1008, not stops)
    assert "rate" in event["reason"]
    if not stops:
        client.opens()


def test_the_end_of_the_relay_closes_with_1001(host, start_relay):
    relay = start_relay()
    client = host.party(relay, "x", neverAfter=[1001]).on("open", "close")
    client.opens()
    assert relay.stop() == 0
    event = client.hears("close")
    assert (event["code"], event["goesOn"]) == (1001, False)


@pytest.mark.parametrize("alone", [False, True])
def test_what_is_queued_while_the_relay_restarts_is_not_lost(host, start_relay, alone):
    relay = start_relay()
    if alone:
        client = host.reconnecting(websocket_url(relay, "/party/x?echo=true")).on(*EVENTS)
    else:
        client = host.party(relay, "x", query={"echo": "true"}).on(*EVENTS)
    client.opens()
    client.send("before")
    assert client.hears_data() == "before"
    _, port = relay.address
    assert relay.stop() == 0
    assert client.hears("close")["code"] == 1001
    client.chain(*(("send", str(number)) for number in range(100)))
    start_relay("--port", str(port))
    while (event := client.hears_any())[0] == "close":
        pass  # attempts that found nobody
    assert event[0] == "open"
    assert [client.hears_data() for _ in range(100)] == [str(number) for number in range(100)]


# ReconnectingWebSocket alone


def test_a_reconnecting_websocket_in_a_channel(host, relay, channel):
    client = host.reconnecting(websocket_url(relay, f"/c/{channel}?echo=true")).on(*EVENTS)
    client.opens()
    assert '"self":true' in client.hears_data()
    client.send('{"hello":1}')
    assert client.hears_data().endswith('"message":{"hello":1}}')
    client.reconnect(4000, "again")
    assert client.hears("close")["code"] == 4000
    client.opens()
    assert '"total":1' in client.hears_data()


# fetch


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        ("text/plain", "日本".encode(), "日本"),
        ("application/json", b"[1.50]", "[1.50]"),
        ("application/octet-stream", b"\x00\xff", b"\x00\xff"),
        ("application/octet-stream", b"text", b"text"),
    ],
)
def test_fetch_posts_to_the_room(fetcher, join, relay, channel, content_type, body, data):
    members = [join(), join()]
    sent = post(fetcher, relay, channel, body, content_type=content_type)
    assert sent == {"status": 200, "content": {"delivered": 2}}
    for member in members:
        assert member.hears_data() == data


def test_fetch_shows_keys(fetcher, join, relay, channel):
    keys = {"joinKey": "in", "sendKey": "out"}
    member = join(query=keys)
    for shown, status in (({}, 401), ({"x_join_key": "in", "x_send_key": "wrong"}, 403)):
        answer = post(fetcher, relay, channel, b"dropped", **shown)
        assert (answer["status"], list(answer["content"])) == (status, ["error"])
    for shown in ({"query": keys}, {"x_join_key": "in", "x_send_key": "out"}):
        assert post(fetcher, relay, channel, b"relayed", **shown)["status"] == 200
        assert member.hears_data() == "relayed"


def test_fetch_of_too_much(fetcher, relay, channel):
    answer = post(fetcher, relay, channel, bytes(MEBIBYTE + 1))
    assert (answer["status"], list(answer["content"])) == (413, ["error"])


def test_fetch_posts_to_nobody(fetcher, relay, channel):
    assert post(fetcher, relay, channel, b"x") == {"status": 200, "content": {"delivered": 0}}
