"""What came, or ended, in another way than it should have: who did it, and what may help."""

from collections.abc import Iterator, Mapping

from relay._load import RunReport

_FRAGMENTS = "messages in fragments: the generator takes whole ones only, each in one frame"
_RESERVED = "frames with RSV bits, as compressed ones have, which nobody agreed to: turn the server's compression off"
_ECHOED = "messages that came back to their sender: when the server is to echo, --echo counts them"


def told_faults(faults: Mapping[str, int]) -> str:
    """Connections that the generator failed, by what had come on them."""
    return ", ".join(f"{count:,} for a {fault}" for fault, count in faults.items())


def oddities(report: RunReport, has_echo: bool) -> Iterator[str]:
    """A note for each kind of frame that is known and not to be counted as a delivery, and for each way connections ended."""
    counts = {_FRAGMENTS: report.fragments, _RESERVED: report.reserved, _ECHOED: _echoed(report, has_echo)}  # fmt: skip
    yield from (f"{count:,} {what}" for what, count in counts.items() if count)
    if report.dropped:
        yield f"{report.dropped:,} connections were ended by the server"
    if report.faults:
        yield f"connections that the generator failed for what the server had sent: {told_faults(report.faults)}"
    if report.unsent:
        yield f"{report.unsent:,} messages were due in channels whose members had gone, and were not sent"


def why_nothing(report: RunReport, has_echo: bool) -> str:
    """Of a run without any delivery: what came instead, as the end of a sentence; empty when there is nothing to say."""
    if report.sent == 0:
        return ": nothing was sent, for " + ("all had gone" if report.unsent else "none was due")
    if report.fragments or report.reserved:
        return f"; what came were {_FRAGMENTS if report.fragments else _RESERVED}"
    if _echoed(report, has_echo):
        return f"; what came were {_ECHOED}"
    if report.faults:
        return f"; the generator failed connections: {told_faults(report.faults)}"
    if report.dropped:
        return f"; the server ended {report.dropped:,} connections"
    if report.unexpected or report.events:
        return "; what came holds nothing of what was sent"
    return ""


def _echoed(report: RunReport, has_echo: bool) -> int:
    return 0 if has_echo else report.echoed
