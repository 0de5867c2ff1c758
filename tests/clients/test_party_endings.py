"""PartySockets whose process does not read, which a page cannot be made to do."""

from __future__ import annotations

import json

import pytest
from support.member import Visitors
from support.process import UNLIMITED_BYTES

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("stops", [True, False])
def test_a_slow_consumer_is_closed_with_1013(host, start_relay, tmp_path, stops):
    """Posts go on until it is not among those they are delivered to; only then does its process go on."""
    relay = start_relay(*UNLIMITED_BYTES)
    client = host.party(relay, "x", neverAfter=[1013] if stops else []).on("open", "close")
    client.opens()
    with Visitors(relay.address) as visitors:
        caller = visitors.connect()
        go_on = tmp_path / "go-on"
        client.stall(str(go_on))
        while post(caller, bytes(MEBIBYTE)):
            pass
        go_on.touch()
        event = client.hears("close")
        assert (event["code"], event["goesOn"]) == (1013, not stops)
        if not stops:
            client.opens()
            assert post(caller, b"") == 1


def post(caller, body):
    """How many it was delivered to."""
    head = f"POST /party/x HTTP/1.1\r\nHost: relay.test\r\nContent-Length: {len(body)}\r\n\r\n"
    caller.send(head.encode() + body)
    return json.loads(caller.receive_response().body)["delivered"]
