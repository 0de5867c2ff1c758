"""The envelope of a relayed message: bytes equal to what msgspec encodes for the same event."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay._core import Stamper

from .wire import TEXT, refused, server_frame

BOOT = b"Ab3-_xY9"
DATE = 1_760_000_000_123

ALIASES = [
    None,
    "Ada",
    "",
    'say "hi"',
    "back\\slash",
    "tab\tand\nline",
    "\x00\x1f\x7f",
    "é 日本 😀",
    "\u2028\u2029",
    "</script>",
    "a" * 64,
]


class Message(msgspec.Struct, omit_defaults=True):
    """The event as the control plane would encode it; field order is wire order."""

    id: str | msgspec.UnsetType = msgspec.UNSET
    uid: str = ""
    alias: str | msgspec.UnsetType = msgspec.UNSET
    date: int | None = None
    message: msgspec.Raw | None = None


def prefix_of(uid: str, alias: str | None = None) -> bytes:
    encode = msgspec.json.encode
    middle = b"" if alias is None else b',"alias":' + encode(alias)
    return b'"uid":' + encode(uid) + middle + b',"date":'


def encoded(
    message_id: str | None, uid: str, alias: str | None, date: int, payload: bytes
) -> bytes:
    return msgspec.json.encode(
        Message(
            id=msgspec.UNSET if message_id is None else message_id,
            uid=uid,
            alias=msgspec.UNSET if alias is None else alias,
            date=date,
            message=msgspec.Raw(payload),
        )
    )


def id_in(frame: bytes) -> str | None:
    payload = frame[{126: 4, 127: 10}.get(frame[1], 2) :]
    found = re.match(rb'\{"id":"([^"]*)",', payload)
    return found[1].decode() if found else None


def check(payload: bytes, uid: str = "u1", alias: str | None = None, date: int = DATE) -> None:
    frame = Stamper(BOOT).stamp(prefix_of(uid, alias), payload, date)
    message_id = id_in(frame)
    assert (message_id is None) is (b'"id"' in payload)
    assert frame == server_frame(TEXT, encoded(message_id, uid, alias, date, payload))


@pytest.mark.parametrize("alias", ALIASES)
def test_every_kind_of_alias(alias: str | None) -> None:
    check(b'{"n":1}', alias=alias)


@pytest.mark.parametrize(
    "payload", [b"null", b"0", b"-1.50E+3", b'"text"', b"[ 1 , 2 ]", b'{"b":1,"a":2}']
)
def test_the_payload_keeps_its_bytes(payload: bytes) -> None:
    check(payload)


def test_every_short_length_of_payload() -> None:
    for length in range(131):
        check(b"7" * length)
        check(b"7" * length, alias="Ada")


def test_payload_lengths_around_the_two_byte_limit() -> None:
    # The frame's payload passes 65 535 bytes somewhere in here; section 5.2 changes the length form there.
    for length in range(65_400, 65_540):
        check(b"7" * length)


def test_both_sides_of_each_length_form_were_met() -> None:
    overhead = len(
        encoded(id_in(Stamper(BOOT).stamp(prefix_of("u1"), b"", DATE)), "u1", None, DATE, b"")
    )
    assert overhead < 125
    assert 65_400 + overhead < 65_536 <= 65_539 + overhead


@pytest.mark.parametrize("length", [65_536, 102_400, 1_048_576])
def test_long_payloads(length: int) -> None:
    check(b'"' + b"x" * length + b'"')


@pytest.mark.parametrize(
    "date", [0, 1, 9, 10, 99, 100, 10**9, 2**31, 2**32, 10**12, DATE, 2**53, 2**62]
)
def test_every_length_of_date(date: int) -> None:
    check(b"1", date=date)


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer(make: type) -> None:
    frame = Stamper(BOOT).stamp(prefix_of("u1"), make(b'{"id":1}'), DATE)
    assert frame == server_frame(TEXT, encoded(None, "u1", None, DATE, b'{"id":1}'))


@pytest.mark.parametrize(
    "payload", [b'{"id":1}', b'["id"]', b'"\\"id"', b'{"a":{"id":null}}', b'"id"']
)
def test_a_payload_with_an_id_gets_none(payload: bytes) -> None:
    frame = Stamper(BOOT).stamp(prefix_of("u1"), payload, DATE)
    assert id_in(frame) is None
    assert frame == server_frame(TEXT, encoded(None, "u1", None, DATE, payload))


@pytest.mark.parametrize("payload", [b'"i"', b'{"ids":1}', b'{"ID":1}', b'"id', b"null"])
def test_a_payload_without_an_id_gets_one(payload: bytes) -> None:
    assert id_in(Stamper(BOOT).stamp(prefix_of("u1"), payload, DATE))


def test_ids_are_unique_and_url_safe() -> None:
    stamper, prefixes = Stamper(BOOT), [prefix_of("u1"), prefix_of("u2", "Ada")]
    ids = [id_in(stamper.stamp(prefixes[i % 2], b"1", DATE)) for i in range(100_000)]
    assert len(set(ids)) == 100_000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", message_id or "") for message_id in ids)


def test_ids_of_two_processes_differ() -> None:
    one, other = Stamper(b"aaaaaaaa"), Stamper(b"aaaaaaab")
    ids = {
        id_in(stamper.stamp(prefix_of("u1"), b"1", DATE))
        for stamper in (one, other)
        for _ in range(5_000)
    }
    assert len(ids) == 10_000


def test_every_byte_of_the_boot_counts() -> None:
    boots = [b"aaaaaaaa"] + [b"a" * i + b"b" + b"a" * (7 - i) for i in range(8)]
    assert len({id_in(Stamper(boot).stamp(prefix_of("u1"), b"1", DATE)) for boot in boots}) == 9


@pytest.mark.parametrize("boot", [b"", b"a", b"aaaaaaa", b"aaaaaaaaa", b"a" * 16])
def test_a_boot_that_is_not_eight_characters(boot: bytes) -> None:
    with refused():
        Stamper(boot)


@pytest.mark.parametrize("value", ["text", 5, None])
def test_only_bytes_are_stamped(value: object) -> None:
    with pytest.raises(TypeError):
        Stamper(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Stamper(BOOT).stamp(value, b"1", DATE)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Stamper(BOOT).stamp(b'"uid":"u","date":', value, DATE)  # type: ignore[arg-type]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(
    uid=st.text(alphabet="abcXYZ019-_", min_size=6, max_size=40),
    alias=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=64),
    date=st.integers(0, 2**53),
    value=json_values,
)
def test_any_event_as_msgspec_encodes_it(
    uid: str, alias: str | None, date: int, value: object
) -> None:
    payload = json.dumps(value).encode()
    check(payload, uid, alias, date)
    frame = Stamper(BOOT).stamp(prefix_of(uid, alias), payload, date)
    event = json.loads(frame[frame.index(b'{"') :])
    assert (event["uid"], event.get("alias"), event["date"]) == (uid, alias, date)
    assert event["message"] == value
    assert list(event)[-1] == "message"
