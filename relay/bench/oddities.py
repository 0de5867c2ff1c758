"""What came, or ended, in another way than it should have: who did it, and what may help."""

from collections.abc import Iterator, Mapping
from typing import Final

from relay._load import RunReport
from relay.bench.words import counted, was

TOO_BIG: Final = 1009
"""The close code for a message that is larger than the server takes (RFC 6455 section 7.4.1)."""


def told_faults(faults: Mapping[str, int]) -> str:
    """Connections that the generator failed, by what had come on them."""
    return ", ".join(f"{count:,} for a {fault}" for fault, count in faults.items())


def told_refusals(refusals: Mapping[str, int]) -> str:
    """Opening handshakes that failed, by how."""
    return ", ".join(f"{count:,} {how}" for how, count in refusals.items())


def told_codes(codes: Mapping[int, int] | Mapping[str, int]) -> str:
    """Connections that were closed, by close code."""
    return ", ".join(f"{count:,} with {code}" for code, count in codes.items())


def too_big(message_bytes: int = 0) -> str:
    """What is behind a 1009, and what helps. Without a size it was the greeting: nothing else had been sent."""
    what = f"one of {counted(message_bytes, 'byte')}" if message_bytes else "--greeting"
    return (
        f"1009 means that a message was larger than the server takes, and {what} was;"
        f" start a relay with --max-message {message_bytes or 'SIZE'} (party rooms: --max-party-message), or send less"
    )


def oddities(report: RunReport, has_echo: bool, message_bytes: int = 0) -> Iterator[str]:
    """A note for each kind of frame that is known and not to be counted as a delivery, and for each way connections ended."""
    for count, one, many, advice in _strange(report, has_echo):
        yield f"{counted(count, one, many)}{advice}"
    if report.dropped:
        ended = counted(report.dropped, "connection")
        yield f"{ended} {was(report.dropped)} ended by the server"
    if TOO_BIG in report.close_codes:
        yield too_big(message_bytes)
    if report.faults:
        yield f"connections that the generator failed for what the server had sent: {told_faults(report.faults)}"
    if report.unsent:
        due = f"{counted(report.unsent, 'message')} {was(report.unsent)}"
        yield f"{due} due and not sent, for want of anybody to send or to get {'it' if report.unsent == 1 else 'them'}"


def why_nothing(report: RunReport, has_echo: bool, message_bytes: int = 0) -> str:
    """Of a run without any delivery: what came instead, as the end of a sentence; empty when there is nothing to say."""
    if report.sent == 0:
        return f": nothing was sent, for {_why_unsent(report)}"
    for _, _, many, advice in _strange(report, has_echo):
        return f"; what came were {many}{advice}"
    if report.faults:
        return f"; the generator failed connections: {told_faults(report.faults)}"
    if report.dropped:
        told = f"; the server ended {counted(report.dropped, 'connection')}"
        told += f": {told_codes(report.close_codes)}" if report.close_codes else ""
        return f"{told}; {too_big(message_bytes)}" if TOO_BIG in report.close_codes else told
    if report.unexpected or report.events:
        return "; what came holds nothing of what was sent"
    return ""


def _why_unsent(report: RunReport) -> str:
    return who_is_left(report) if report.unsent else "none was due"


def who_is_left(report: RunReport) -> str:
    """Of a run in which nothing more could be sent. Who only listens may be there still, or one that has nobody to listen."""
    return "nobody was left to send to anybody" if report.members_left else "all had gone"


def _strange(report: RunReport, has_echo: bool) -> list[tuple[int, str, str, str]]:
    """Frames that are known and no deliveries: how many, one of them and several in words, and what to do about them."""
    kinds = [
        (
            report.fragments,
            "message in fragments",
            "messages in fragments",
            ": the generator takes whole ones only, each in one frame",
        ),
        (
            report.reserved,
            "frame with RSV bits",
            "frames with RSV bits",
            ", as compressed ones have, which nobody agreed to: turn the server's compression off",
        ),
        (
            report.foreign,
            "message of another channel",
            "messages of other channels",
            ": the server does not keep them apart by what it is told; see where {channel} stands in the URL, --greeting and"
            " --template, or load the server as one channel, with --channels 1",
        ),
        (
            0 if has_echo else report.echoed,
            "message that came back to its sender",
            "messages that came back to their sender",
            ": when the server is to echo, --echo counts them",
        ),
    ]
    return [kind for kind in kinds if kind[0]]
