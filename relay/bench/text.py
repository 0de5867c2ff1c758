"""The report as text: a line for each figure, the verdict last."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from relay.bench.oddities import told_codes, told_faults, told_refusals
from relay.bench.words import NOTHING, counted

_NAMES: Final = 13

Figures = Mapping[str, Any]


def text_of(figures: Figures) -> str:
    """What `relay bench` prints. `figures` are those of `figures_of`."""
    return "\n".join(lines(figures)) + "\n"


def lines(figures: Figures) -> Iterator[str]:
    yield f"{figures['plan']['url']}, {figures['started_at']}"
    yield f"{figures['machine']['hardware']}; {figures['machine']['system']}"
    yield ""
    for name, value in rows(figures):
        yield f"{name:<{_NAMES}} {value}"
    yield ""
    yield from (f"note: {note}" for note in figures["verdict"]["notes"])
    yield figures["verdict"]["text"]


def rows(figures: Figures) -> Iterator[tuple[str, str]]:
    """Name and value of what there is to tell, also for the page."""
    yield "load", load_text(figures["plan"])
    yield "connecting", connecting_text(figures["connecting"])
    if figures["messages"] is not None:
        yield from run_rows(figures)
    yield "close codes", codes_text(figures["connections"])
    if figures["churn"] is not None:
        yield "churn", churn_text(figures["churn"])
    if figures["slow_readers"] is not None:
        yield "slow readers", slow_reader_text(figures["slow_readers"])
    if figures["server"] is not None:
        yield "server", server_text(figures["server"])
    if figures["generator"] is not None:
        yield "generator", generator_text(figures["generator"], figures["plan"]["loop"] == "open")


def run_rows(figures: Figures) -> Iterator[tuple[str, str]]:
    yield "messages", messages_text(figures["messages"], figures["plan"])
    yield "deliveries", deliveries_text(figures["deliveries"])
    latency = figures["latency_ms"]
    yield "latency", latency_text(latency["all"])
    if latency["worst_receiver"] is not None:
        yield "  worst of all", latency_text(latency["worst_receiver"])
    yield "events", events_text(figures["events"])


def load_text(plan: Figures) -> str:
    members = f"{plan['channels']:,} x {counted(plan['members'], 'member')}"
    if plan["loop"] == "none":
        return f"{members}; no messages; {plan['protocol']}"
    loop = (
        f"open loop, {amount(plan['rate_per_second'])} {'message' if plan['rate_per_second'] == 1 else 'messages'}/s"
        if plan["loop"] == "open"
        else f"closed loop, {plan['in_flight_per_channel']:,} in flight per channel"
    )
    send = counted(plan["senders"], "of each sends", "of each send")
    return (
        f"{members}, {send}; {loop}; {counted(plan['payload_bytes'], 'byte')}; {plan['protocol']}"
    )


def connecting_text(connecting: Figures) -> str:
    latency = connecting["latency_ms"]
    text = (
        f"{connecting['opened']:,} opened, {connecting['per_second']:,.0f}/s,"
        f" p50 {ms(latency['p50'])}, p99 {ms(latency['p99'])}, max {ms(latency['max'])}"
    )
    if connecting["server_cpu_us_each"] is not None:
        text += f", server {amount(connecting['server_cpu_us_each'])} µs each"
    return text


def messages_text(messages: Figures, plan: Figures) -> str:
    achieved = f"{messages['sent']:,} sent, {amount(messages['sent_per_second'])}/s"
    if plan["loop"] == "closed":
        return achieved
    return f"{messages['offered']:,} offered, {amount(plan['rate_per_second'])}/s; {achieved}"


def deliveries_text(deliveries: Figures) -> str:
    ratio = deliveries["ratio"]
    return (
        f"{deliveries['delivered']:,}, {amount(deliveries['per_second'])}/s;"
        f" ratio {'none' if ratio is None else f'{ratio:.6f}'};"
        f" {deliveries['lost']:,} lost, {deliveries['duplicated']:,} duplicated,"
        f" {deliveries['reordered']:,} reordered"
    )


def latency_text(latency: Figures) -> str:
    if not latency["samples"]:
        return NOTHING
    names = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "max": "max"}
    return ", ".join(f"{shown} {ms(latency[name])}" for name, shown in names.items())


def events_text(events: Figures) -> str:
    return (
        f"{counted(events['joins'], 'join')}, {counted(events['leaves'], 'leave')},"
        f" {counted(events['errors'], 'error')}, {counted(events['pings'], 'ping')}"
    )


def codes_text(connections: Figures) -> str:
    during = told_codes(connections["close_codes"]) or "none"
    at_end = told_codes(connections["close_codes_at_end"]) or "none"
    text = f"while it ran {during}; at the end {at_end}"
    faults = told_faults(connections["failed_by_generator"])
    return f"{text}; the generator failed {faults}" if faults else text


def churn_text(churn: Figures) -> str:
    reasons = told_refusals(churn["refusals"])
    return (
        f"{churn['left']:,} left, {churn['returned']:,} returned, {churn['not_returned']:,} refused"
        + (f" ({reasons})" if reasons else "")
        + f", {churn['late']:,} late; {amount(churn['returned_per_second'])}/s,"
        f" connecting p50 {ms(churn['connect_ms']['p50'])}, p99 {ms(churn['connect_ms']['p99'])}"
    )


def slow_reader_text(slow: Figures) -> str:
    how = told_codes(slow["close_codes"])
    return (
        f"{slow['connections']:,}; closed by the server {slow['closed_by_server']:,}"
        + (f" ({how})" if how else "")
        + f", told of a gap {slow['told_of_gap']:,}"
    )


def server_text(server: Figures) -> str:
    parts = []
    if server["cpu_share"] is not None:
        parts.append(f"{server['cpu_share']:.0%} of a core")
    if server["cpu_us_per_delivery"] is not None:
        parts.append(f"{amount(server['cpu_us_per_delivery'])} µs per delivery")
    held = server["resident_bytes_per_connection"]
    # A server that has served as many before takes the memory that these left.
    parts.append(
        f"{counted(round(held), 'byte')} per connection"
        if held > 0
        else "no more memory than before"
    )
    return ", ".join(parts)


def generator_text(generator: Figures, is_open_loop: bool) -> str:
    text = f"{generator['cpu_share']:.0%} of a core, waited for one {generator['waited_share']:.0%}"
    if is_open_loop:
        late = generator["lateness_ms"]
        text += f"; late p50 {ms(late['p50'])}, p99 {ms(late['p99'])}, max {ms(late['max'])}"
    return text


def ms(value: float | None) -> str:
    """Milliseconds, three digits."""
    if value is None:
        return NOTHING
    if value and value < 0.001:
        return f"{value * 1e6:.0f} ns"
    if value and value < 1:
        return f"{value * 1e3:.3g} µs"
    if value >= 1000:
        return f"{value / 1e3:.3g} s"
    return f"{value:.3g} ms"


def amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
