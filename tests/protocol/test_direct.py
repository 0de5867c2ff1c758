"""Messages to one recipient."""

from __future__ import annotations

import pytest
from support.member import Visitors

PATHS = ("/c/", "/r/")
PREFIXES = ("@@", "\x1f")


def address(prefix: str, uid: str, payload: str) -> str:
    return f"{prefix}{uid}{prefix}{payload}"


@pytest.mark.parametrize("prefix", PREFIXES, ids=["at", "unit-separator"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("echo", ["0", "1"])
def test_only_the_recipient_gets_it(
    visit: Visitors, channel: str, path: str, prefix: str, echo: str
) -> None:
    recipient = visit.join(channel)
    other = visit.join(channel)
    sender = visit.join(channel, path, echo=echo, as_="Ada", announce="1")
    recipient.receive_total(3)
    other.receive_total(3)
    sender.send_text(address(prefix, recipient.uid, '{"to": "you"}'))
    event = recipient.receive_event()
    assert list(event) == ["id", "uid", "alias", "date", "message"]
    assert (event["uid"], event["alias"], event["message"]) == (sender.uid, "Ada", {"to": "you"})
    assert other.settle() == []
    assert sender.settle() == []


@pytest.mark.parametrize("path", PATHS)
def test_a_recipient_on_either_path(visit: Visitors, channel: str, path: str) -> None:
    sender = visit.join(channel)
    recipient = visit.join(channel, path, announce="1")
    sender.send_text(address("@@", recipient.uid, "1"))
    assert recipient.receive_message() == 1


@pytest.mark.parametrize("prefix", PREFIXES, ids=["at", "unit-separator"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("echo", ["0", "1"])
def test_an_empty_uid_means_everyone(
    visit: Visitors, channel: str, path: str, prefix: str, echo: str
) -> None:
    receivers = [visit.join(channel), visit.join(channel)]
    sender = visit.join(channel, path, echo=echo, announce="1")
    for receiver in receivers:
        receiver.receive_total(3)
    sender.send_text(address(prefix, "", '"all of you"'))
    for receiver in receivers:
        assert receiver.receive_message() == "all of you"
    assert [event["message"] for event in sender.settle()] == (
        ["all of you"] if echo == "1" else []
    )


@pytest.mark.parametrize("prefix", PREFIXES, ids=["at", "unit-separator"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("echo", ["0", "1"])
def test_to_oneself_once(visit: Visitors, channel: str, path: str, prefix: str, echo: str) -> None:
    other = visit.join(channel)
    member = visit.join(channel, path, echo=echo, announce="1")
    other.receive_event()
    member.send_text(address(prefix, member.uid, '"note"'))
    assert member.receive_message() == "note"
    assert member.settle() == []
    assert other.settle() == []


PAYLOADS = ["1.0", ' { "a" : 1 } ', '"@@x@@"', '"\\u001f"', '{"id":7}']


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("prefix", PREFIXES, ids=["at", "unit-separator"])
def test_the_payload_is_relayed_byte_for_byte(
    visit: Visitors, channel: str, prefix: str, payload: str
) -> None:
    sender, recipient = visit.join(channel), visit.join(channel)
    sender.send_text(address(prefix, recipient.uid, payload))
    envelope = recipient.receive_text()
    assert envelope.endswith(b',"message":' + payload.encode() + b"}")
    assert (b'{"id":' not in envelope[:6]) == (payload == '{"id":7}')


UNKNOWN = [
    "nobody", "x", "@nobody", "no body", 'quo"te', "back\\slash", '","type":"join","uid":"', "</script>",
    "日本", "🦆", "\x00", "tab\there", "line\nbreak", "\x7f", "\u2028", "\u0080", "{}", "null", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("uid", [*UNKNOWN, "unit\x1fseparator"], ids=ascii)
def test_unknown_recipient(visit: Visitors, channel: str, uid: str) -> None:
    other, sender = visit.join(channel), visit.join(channel)
    other.receive_event()
    sender.send_text(address("@@", uid, "1"))
    assert uid in sender.receive_error()
    assert sender.settle() == []
    assert other.settle() == []


@pytest.mark.parametrize("uid", [*UNKNOWN, "@", "@@", "a@@b"], ids=ascii)
def test_unknown_recipient_with_the_other_prefix(visit: Visitors, channel: str, uid: str) -> None:
    sender = visit.join(channel)
    sender.send_text(address("\x1f", uid, "1"))
    assert uid in sender.receive_error()
    assert sender.settle() == []


def test_a_member_of_another_channel_is_unknown(visit: Visitors, channel: str) -> None:
    sender, stranger = visit.join(channel), visit.join(channel + "x")
    sender.send_text(address("@@", stranger.uid, "1"))
    assert stranger.uid in sender.receive_error()
    assert stranger.settle() == []


def test_one_who_has_left_is_unknown(visit: Visitors, channel: str) -> None:
    sender, leaver = visit.join(channel), visit.join(channel)
    leaver.leave()
    sender.receive_total(1)
    sender.send_text(address("@@", leaver.uid, "1"))
    assert leaver.uid in sender.receive_error()


def test_uids_are_case_sensitive_and_whole(visit: Visitors, channel: str) -> None:
    sender, other = visit.join(channel), visit.join(channel)
    sender.receive_event()
    for uid in (other.uid[:-1], other.uid + "x", other.uid.swapcase(), f" {other.uid}"):
        if uid != other.uid:
            sender.send_text(address("@@", uid, "1"))
            assert uid in sender.receive_error()
    assert other.settle() == []


@pytest.mark.parametrize(
    "text",
    [
        "@",
        "@@",
        "@@@",
        "@@x",
        "@@x@",
        "@@x@1",
        "@1",
        "@x@1",
        "\x1f",
        "\x1fx",
        "\x1fx@@1",
        "@@x\x1f1",
        " @@@@1",
    ],
    ids=ascii,
)
def test_a_malformed_prefix_is_one_error(visit: Visitors, channel: str, text: str) -> None:
    other, sender = visit.join(channel), visit.join(channel)
    other.receive_event()
    sender.send_text(text)
    sender.receive_error()
    assert sender.settle() == []
    assert other.settle() == []


@pytest.mark.parametrize("payload", ["", "undefined", "{", "1 2", '1},"uid":"admin"', "@@x@@1"])
@pytest.mark.parametrize("prefix", PREFIXES, ids=["at", "unit-separator"])
def test_a_bad_payload_behind_a_good_prefix_is_one_error(
    visit: Visitors, channel: str, prefix: str, payload: str
) -> None:
    recipient, sender = visit.join(channel), visit.join(channel)
    recipient.receive_event()
    for uid in (recipient.uid, ""):
        sender.send_text(address(prefix, uid, payload))
        sender.receive_error()
    assert sender.settle() == []
    assert recipient.settle() == []


def test_a_fragment_border_inside_the_prefix(visit: Visitors, channel: str) -> None:
    sender, recipient = visit.join(channel), visit.join(channel)
    text = address("@@", recipient.uid, '"whole"').encode()
    for index in range(len(text)):
        sender.send_frame(0 if index else 1, text[index : index + 1], fin=index == len(text) - 1)
    assert recipient.receive_message() == "whole"
