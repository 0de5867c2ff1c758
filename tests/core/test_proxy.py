"""The PROXY protocol's header (HAProxy's proxy-protocol.txt) against lines and bytes made by hand."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay._core import parse_proxy_header

from .wire import refused, split_offsets

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
LINE_LIMIT = 107
BLOCK_LIMIT = 2048

V4 = socket.inet_pton(socket.AF_INET, "192.168.0.1")
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")


def binary(command: int, family: int, block: bytes, *, length: int | None = None) -> bytes:
    """A header of version 2; `length` is what it says of its block, when that is not the truth."""
    said = len(block) if length is None else length
    return SIGNATURE + bytes([command, family]) + said.to_bytes(2, "big") + block


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


PORTS = (56324).to_bytes(2, "big") + (443).to_bytes(2, "big")
BLOCK_4 = V4 + socket.inet_aton("192.168.0.11") + PORTS
BLOCK_6 = V6 + bytes(16) + PORTS
BLOCK_UNIX = b"/run/from".ljust(108, b"\0") + b"/run/to".ljust(108, b"\0")
TLVS = (
    tlv(0x02, b"relay.example")
    + tlv(0x04, b"")
    + tlv(0x20, b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.3"))
)

WIDE = "ffff:" * 7 + "ffff"

LINES = [
    (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", V4),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", b"\xff" * 4),
    (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", bytes(4)),
    (b"PROXY TCP4 10.9.8.7 1.2.3.4 1 65535\r\n", bytes([10, 9, 8, 7])),
    (b"PROXY TCP6 2001:db8::1 :: 56324 443\r\n", V6),
    (b"PROXY TCP6 2001:DB8:0::0001 ::1 56324 443\r\n", V6),
    (b"PROXY TCP6 :: ::1 0 0\r\n", bytes(16)),
    (
        b"PROXY TCP6 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:8 1 1\r\n",
        bytes.fromhex("00010002000300040005000600070008"),
    ),
    (f"PROXY TCP6 {WIDE} {WIDE} 65535 65535\r\n".encode(), b"\xff" * 16),
    (b"PROXY TCP6 ::ffff:192.168.0.1 ::1 1 2\r\n", bytes(10) + b"\xff\xff" + V4),
    (b"PROXY UNKNOWN\r\n", b""),
    (b"PROXY UNKNOWN \r\n", b""),
    (f"PROXY UNKNOWN {WIDE} {WIDE} 65535 65535\r\n".encode(), b""),
    (b"PROXY UNKNOWN  any \x00\xff thing\r\n", b""),
]

BINARY = [
    (binary(PROXY, 0x11, BLOCK_4), V4),
    (binary(PROXY, 0x12, BLOCK_4), V4),
    (binary(PROXY, 0x21, BLOCK_6), V6),
    (binary(PROXY, 0x22, BLOCK_6), V6),
    (binary(PROXY, 0x31, BLOCK_UNIX), b""),
    (binary(PROXY, 0x32, BLOCK_UNIX), b""),
    (binary(PROXY, 0x11, BLOCK_4 + TLVS), V4),
    (binary(PROXY, 0x21, BLOCK_6 + TLVS), V6),
    (binary(PROXY, 0x31, BLOCK_UNIX + TLVS), b""),
    # A family or a transport that is unspecified: what is there is skipped.
    (binary(PROXY, 0x00, b""), b""),
    (binary(PROXY, 0x00, TLVS), b""),
    (binary(PROXY, 0x01, BLOCK_4), b""),
    (binary(PROXY, 0x10, b"short"), b""),
    (binary(PROXY, 0x20, BLOCK_6), b""),
    # LOCAL: the family counts for nothing, and the length is believed all the same.
    (binary(LOCAL, 0x00, b""), b""),
    (binary(LOCAL, 0x11, BLOCK_4), b""),
    (binary(LOCAL, 0x21, b""), b""),
    (binary(LOCAL, 0xFF, b"x"), b""),
    (binary(LOCAL, 0x00, TLVS), b""),
]

GOOD = LINES + BINARY


@pytest.mark.parametrize(("header", "address"), GOOD)
def test_a_header(header: bytes, address: bytes) -> None:
    assert parse_proxy_header(header) == (len(header), address)


@pytest.mark.parametrize(("header", "address"), GOOD)
def test_what_follows_is_left(header: bytes, address: bytes) -> None:
    for rest in (b"G", b"GET / HTTP/1.1\r\n\r\n", b"\r\n", header, bytes(5000)):
        assert parse_proxy_header(header + rest) == (len(header), address)


@pytest.mark.parametrize(("header", "address"), GOOD)
def test_a_header_that_is_not_whole(header: bytes, address: bytes) -> None:
    for offset in [0, *split_offsets(len(header))]:
        assert parse_proxy_header(header[:offset]) is None, offset


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer(make: type) -> None:
    parsed = parse_proxy_header(make(LINES[0][0]))
    assert parsed == (47, V4)
    assert type(parsed[1]) is bytes


@pytest.mark.parametrize("value", ["PROXY UNKNOWN\r\n", 5, None])
def test_only_bytes_are_parsed(value: object) -> None:
    with pytest.raises(TypeError):
        parse_proxy_header(value)  # type: ignore[arg-type]


def test_the_error_tells_nothing_of_the_peer() -> None:
    with pytest.raises(ValueError, match=r"^data: expected a PROXY protocol header") as caught:
        parse_proxy_header(b"PROXY TCP4 10.11.12.13 256.0.0.1 1 1\r\n")
    assert "10.11" not in str(caught.value)


# What cannot become a header, up to and with the byte that shows it.
WRONG_AT_THE_LAST_BYTE = [
    b"G",
    b"\x16",
    b" ",
    b"\n",
    b"p",
    b"PROXX",
    b"PROXY\t",
    b"PROXY\r",
    b"PROXY  ",
    b"PROXY t",
    b"PROXY TCP5",
    b"PROXY TCP ",
    b"PROXY TCP4  ",
    b"PROXY TCP4\t",
    b"PROXY TCP44",
    b"PROXY TCP4\r",
    b"PROXY UD",
    b"PROXY UNKNOWNX",
    b"PROXY UNKNOWN\n",
    b"PROXY UNKNOWN\rX",
    b"PROXY UNKNOWN x\n",
    b"PROXY UNKNOWN x\r\r",
    # Addresses of version 4.
    b"PROXY TCP4 .",
    b"PROXY TCP4 -",
    b"PROXY TCP4 +",
    b"PROXY TCP4 a",
    b"PROXY TCP4 :",
    b"PROXY TCP4 01",
    b"PROXY TCP4 00",
    b"PROXY TCP4 256",
    b"PROXY TCP4 1000",
    b"PROXY TCP4 0x",
    b"PROXY TCP4 1..",
    b"PROXY TCP4 1.2 ",
    b"PROXY TCP4 1.2.3 ",
    b"PROXY TCP4 1.2.3.4.",
    b"PROXY TCP4 1.2.3.4\t",
    b"PROXY TCP4 1.2.3.4,",
    b"PROXY TCP4 1.2.3.4\r",
    b"PROXY TCP4 1.2.3.4  ",
    b"PROXY TCP4 1.2.3.4 5.6.7.256",
    b"PROXY TCP4 1.2.3.4 5.6.7.8  ",
    b"PROXY TCP4 1.2.3.4 5.6.7.8\r",
    b"PROXY TCP4 1.2.3.4 :",
    # Ports.
    b"PROXY TCP4 1.2.3.4 5.6.7.8 -",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 00",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 08",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 65536",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 99999",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 100000",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1  ",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 02",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 ",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rG",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r",
    # Addresses of version 6 are judged when they are whole; a byte that none can hold is judged at once.
    b"PROXY TCP6  ",
    b"PROXY TCP6 1.2.3.4 ",
    b"PROXY TCP6 : ",
    b"PROXY TCP6 1:2:3:4:5:6:7 ",
    b"PROXY TCP6 1:2:3:4:5:6:7:8:9 ",
    b"PROXY TCP6 1::2::3 ",
    b"PROXY TCP6 12345:: ",
    b"PROXY TCP6 g",
    b"PROXY TCP6 [",
    b"PROXY TCP6 ::1%",
    b"PROXY TCP6 ::1/",
    b"PROXY TCP6 ::1\0",
    b"PROXY TCP6 ::1\r",
    b"PROXY TCP6 ::1  ",
    b"PROXY TCP6 ::1 1.2.3.4 ",
    b"PROXY TCP6 ::ffff:256.0.0.1 ",
    b"PROXY TCP6 ::1 ::2 65536",
    b"PROXY TCP6 " + b"0" * 46,
    # Version 2.
    b"\r\r",
    b"\r\n\r\n\r",
    b"\r\n\r\n\x00\r\nQUIT\r",
    *(SIGNATURE + bytes([first]) for first in (0x00, 0x01, 0x10, 0x11, 0x22, 0x2F, 0x31, 0xFF)),
    *(SIGNATURE + bytes([PROXY, second]) for second in (0x03, 0x0F, 0x13, 0x1F, 0x23, 0x33)),
    *(SIGNATURE + bytes([PROXY, second]) for second in (0x40, 0x41, 0x42, 0xF1, 0xFF)),
    SIGNATURE + bytes([LOCAL, 0, 0x09]),
    SIGNATURE + bytes([LOCAL, 0, 0xFF]),
    SIGNATURE + bytes([PROXY, 0x11, 0x08, 0x01]),
]


@pytest.mark.parametrize("start", WRONG_AT_THE_LAST_BYTE)
def test_what_cannot_become_a_header(start: bytes) -> None:
    """It is refused at the first byte that shows it, and before that it was not."""
    assert parse_proxy_header(start[:-1]) is None
    for rest in (b"", b"\r\n", b" 1 1\r\n", bytes(5000)):
        with refused():
            parse_proxy_header(start + rest)


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        b"PROXY TCP4 9.9.9.9 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        b"PROXY TCP4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY\r\n",
        b"PROXY \r\n",
        b"PROXY TCP6 ::1 ::2 1 2 3\r\n",
        b"PROXY TCP4 ::1 ::2 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
        b" PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4\r\nPROXY TCP4 5.6.7.8 1.1.1.1 1 2\r\n",
    ],
)
def test_a_forged_line(line: bytes) -> None:
    with refused():
        parse_proxy_header(line)


@pytest.mark.parametrize(("excess", "is_good"), [(-1, True), (0, True), (1, False)])
def test_the_length_of_a_line(excess: int, is_good: bool) -> None:
    # Section 2.1: a receiver looks for the CRLF in the first 107 bytes.
    line = b"PROXY UNKNOWN ".ljust(LINE_LIMIT - 2 + excess, b"x") + b"\r\n"
    if is_good:
        assert parse_proxy_header(line) == (len(line), b"")
    else:
        with refused():
            parse_proxy_header(line)


def test_a_line_without_end() -> None:
    line = b"PROXY UNKNOWN ".ljust(LINE_LIMIT, b"x")
    assert parse_proxy_header(line[:-1]) is None
    with refused():
        parse_proxy_header(line)


def test_a_line_of_addresses_over_the_limit() -> None:
    mapped = "0000:0000:0000:0000:0000:ffff:255.255.255.255"
    line = f"PROXY TCP6 {mapped} {mapped} 1 1\r\n".encode()
    assert len(line) == LINE_LIMIT + 1
    with refused():
        parse_proxy_header(line)
    shorter = f"PROXY TCP6 {mapped} {mapped[1:]} 1 1\r\n".encode()
    assert parse_proxy_header(shorter) == (LINE_LIMIT, bytes(10) + b"\xff" * 6)


@pytest.mark.parametrize("command", [LOCAL, PROXY])
@pytest.mark.parametrize("excess", [-1, 0])
def test_a_block_up_to_the_limit(command: int, excess: int) -> None:
    header = binary(command, 0x11, BLOCK_4.ljust(BLOCK_LIMIT + excess, b"\0"))
    address = V4 if command == PROXY else b""
    assert parse_proxy_header(header) == (len(header), address)
    assert parse_proxy_header(header[:-1]) is None


@pytest.mark.parametrize("command", [LOCAL, PROXY])
@pytest.mark.parametrize("length", [BLOCK_LIMIT + 1, BLOCK_LIMIT + 256, 0xFFFF])
def test_a_block_above_the_limit(command: int, length: int) -> None:
    """It is refused by what it says, not collected."""
    with refused():
        parse_proxy_header(binary(command, 0x11, b"", length=length))


@pytest.mark.parametrize(
    ("family", "least"), [(0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216), (0x32, 216)]
)
def test_a_block_too_short_for_its_family(family: int, least: int) -> None:
    for length in range(least):
        with refused():
            parse_proxy_header(binary(PROXY, family, bytes(length)))
    for length in (least, least + 1):
        header = binary(PROXY, family, bytes(length))
        parsed = parse_proxy_header(header)
        assert parsed is not None
        assert parsed[0] == len(header)


@pytest.mark.parametrize("family", [0x11, 0x21, 0x31])
def test_the_length_counts_and_not_what_follows(family: int) -> None:
    header = binary(PROXY, family, b"", length=300)
    assert parse_proxy_header(header + bytes(299)) is None
    parsed = parse_proxy_header(header + bytes(301))
    assert parsed is not None
    assert parsed[0] == 316


PORT = st.integers(0, 65535)


@given(
    st.one_of(st.tuples(*[st.ip_addresses(v=4)] * 2), st.tuples(*[st.ip_addresses(v=6)] * 2)),
    PORT,
    PORT,
)
def test_every_address_and_port(
    ends: tuple[IPv4Address | IPv6Address, ...], source_port: int, destination_port: int
) -> None:
    source, destination = ends
    version = source.version
    line = (
        f"PROXY TCP{version} {source} {destination} {source_port} {destination_port}\r\n".encode()
    )
    assert parse_proxy_header(line + b"rest") == (len(line), source.packed)
    ports = source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    header = binary(
        PROXY, 0x11 if version == 4 else 0x21, source.packed + destination.packed + ports
    )
    assert parse_proxy_header(header + b"rest") == (len(header), source.packed)


def is_strict_ipv4(text: str) -> bool:
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False


@given(
    st.lists(st.sampled_from(["0", "1", "9", "25", "255", "256", ".", ".."]), max_size=8).map(
        "".join
    )
)
def test_version_4_addresses_as_python_reads_them(text: str) -> None:
    line = f"PROXY TCP4 {text} 1.1.1.1 1 1\r\n".encode()
    if is_strict_ipv4(text):
        assert parse_proxy_header(line) == (len(line), socket.inet_aton(text))
    else:
        with refused():
            parse_proxy_header(line)


@given(
    st.lists(
        st.sampled_from(["0", "1", "fFfF", "12345", ":", ":", "::", ".", "255"]), max_size=16
    ).map("".join)
)
@example("::1.2.3.4")
@example("::1.2.3.04")
@example("1:2:3:4:5:6:7:8")
def test_version_6_addresses_as_inet_pton_reads_them(text: str) -> None:
    line = f"PROXY TCP6 {text} ::1 1 1\r\n".encode()
    try:
        address = socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        with refused():
            parse_proxy_header(line)
    else:
        assert parse_proxy_header(line) == (len(line), address)


def judge(data: bytes) -> tuple[int, bytes] | str | None:
    try:
        return parse_proxy_header(data)
    except ValueError:
        return "bad"


GARBAGE = st.binary(max_size=300)


@given(
    st.one_of(
        GARBAGE,
        GARBAGE.map(lambda data: SIGNATURE + data),
        GARBAGE.map(lambda data: SIGNATURE + b"\x21" + data),
        GARBAGE.map(lambda data: b"PROXY " + data),
        st.text("0123456789abcf:. TCPUNKOW\r\n", max_size=110).map(
            lambda text: b"PROXY " + text.encode()
        ),
        st.tuples(
            st.sampled_from([header for header, _ in GOOD]), st.integers(0, 300), GARBAGE
        ).map(lambda parts: parts[0][: parts[1]] + parts[2]),
    )
)
def test_garbage(data: bytes) -> None:
    """Byte by byte: more is asked for until there is one verdict, which then stands, and no more is taken than came."""
    verdicts = [judge(data[:end]) for end in range(len(data) + 1)]
    first = next((end for end, verdict in enumerate(verdicts) if verdict is not None), None)
    if first is None:
        return
    assert all(verdict == verdicts[first] for verdict in verdicts[first:])
    verdict = verdicts[first]
    if isinstance(verdict, tuple):
        taken, address = verdict
        assert taken == first
        assert len(address) in (0, 4, 16)
