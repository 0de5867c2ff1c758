"""The report as one HTML file: nothing is fetched, no script runs, light or dark as the reader's system is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from typing import Any, Final

from relay.bench.plots import (
    latency_over_time_plot,
    latency_plot,
    rate_plot,
    spread_plot,
)
from relay.bench.style import STYLE
from relay.bench.svg import NARROW, Plot, legend
from relay.bench.text import amount, ms, rows

Figures = Mapping[str, Any]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(figures: Figures) -> str:
    """The whole document. `figures` are those of `figures_of`."""
    body = "\n".join(section for section in sections(figures) if section)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>relay bench: {escape(figures['plan']['url'])}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def sections(figures: Figures) -> Iterable[str]:
    yield heading(figures)
    yield tiles(figures)
    yield notes(figures["verdict"]["notes"])
    if figures["latency_ms"] is not None and figures["latency_ms"]["curve"]:
        yield latency_section(figures["latency_ms"])
    if figures["time_line"]:
        yield time_section(figures["time_line"])
    if len(figures["receivers_ms"]) > 1:
        yield spread_section(figures["receivers_ms"])
    yield details(figures)


def heading(figures: Figures) -> str:
    verdict = figures["verdict"]
    kind = "valid" if verdict["is_valid"] else "invalid"
    return (
        f"<header>\n<h1>{escape(figures['plan']['url'])}</h1>\n"
        f'<p class="verdict {kind}">{escape(verdict["text"])}</p>\n'
        f'<p class="quiet">{escape(_when(figures["started_at"]))} · {escape(figures["machine"]["hardware"])}'
        f" · {escape(figures['machine']['system'])} · relay {escape(figures['relay_version'])}</p>\n</header>"
    )


def _when(started_at: str) -> str:
    return started_at.replace("T", " ").replace("+00:00", " UTC")


def tiles(figures: Figures) -> str:
    """The few figures that are looked for first."""
    cells = "\n".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}'
        f"<small>{escape(more)}</small></dd></div>"
        for name, value, more in tile_values(figures)
    )
    return f'<dl class="tiles">\n{cells}\n</dl>'


def tile_values(figures: Figures) -> Iterable[tuple[str, str, str]]:
    connecting = figures["connecting"]
    if figures["deliveries"] is not None:
        deliveries, latency = figures["deliveries"], figures["latency_ms"]["all"]
        yield (
            "deliveries per second",
            amount(deliveries["per_second"]),
            f"{deliveries['delivered']:,} in all",
        )
        yield "latency p50", ms(latency["p50"]), f"p90 {ms(latency['p90'])}"
        yield (
            "latency p99",
            ms(latency["p99"]),
            f"p99.9 {ms(latency['p99_9'])}, max {ms(latency['max'])}",
        )
        ratio = deliveries["ratio"]
        yield (
            "delivered",
            "none" if ratio is None else percent(ratio),
            f"{deliveries['lost']:,} lost, {deliveries['duplicated']:,} twice, {deliveries['reordered']:,} out of order",
        )
    yield (
        "connections",
        f"{connecting['opened']:,}",
        f"{amount(connecting['per_second'])}/s, p99 {ms(connecting['latency_ms']['p99'])}",
    )
    server = figures["server"]
    if server is not None and server["cpu_us_per_delivery"] is not None:
        yield (
            "server CPU per delivery",
            f"{amount(server['cpu_us_per_delivery'])} µs",
            f"{server['cpu_share']:.0%} of a core",
        )


def percent(ratio: float) -> str:
    """All is 100 %, and only all."""
    return "100 %" if ratio >= 1 else f"{min(ratio * 100, 99.9999):.4f} %"


def notes(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="notes">{items}</ul>' if items else ""


def latency_section(latency: Figures) -> str:
    heads = "".join(f"<th>{name}</th>" for name in ("", "p50", "p90", "p99", "p99.9", "max"))
    table = "".join(
        latency_row(name, latency[key])
        for name, key in (("all receivers", "all"), ("worst receiver", "worst_receiver"))
        if latency[key] is not None
    )
    return section(
        "Latency by percentile",
        "From the instant a message was due to each of its deliveries. The axis widens towards 100 %, where the rare ones are;"
        " the worst receiver is the one with the highest p99.",
        [latency_plot(latency)],
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{table}</tbody></table></div>\n',
    )


def latency_row(name: str, latency: Figures) -> str:
    values = "".join(
        f"<td>{ms(latency[key])}</td>" for key in ("p50", "p90", "p99", "p99_9", "max")
    )
    return f"<tr><th>{name}</th>{values}</tr>"


def time_section(time_line: list[Figures]) -> str:
    return section(
        "Over time",
        "What arrived in each part of the run, and how late it was.",
        [rate_plot(time_line), latency_over_time_plot(time_line)],
    )


def spread_section(receivers: list[Figures]) -> str:
    return section(
        "By receiver",
        f"{len(receivers):,} receivers, the best at the left. A flat line says that all fared alike.",
        [spread_plot(receivers)],
    )


def section(title: str, text: str, plots: list[Plot], more: str = "") -> str:
    drawn = "\n".join(map(figure, plots))
    return f"<section>\n<h2>{escape(title)}</h2>\n<p>{escape(text)}</p>\n{drawn}\n{more}</section>"


def figure(plot: Plot) -> str:
    """Drawn twice: the page's style shows the one that suits the screen."""
    narrow = replace(plot, width=NARROW)
    return (
        f"<figure>{legend(plot.lines) if len(plot.lines) > 1 else ''}\n"
        f'<div class="wide">{plot.to_svg()}</div>\n<div class="narrow">{narrow.to_svg()}</div></figure>'
    )


def details(figures: Figures) -> str:
    lines = "".join(
        f"<tr><th>{escape(name.strip())}</th><td>{escape(value)}</td></tr>"
        for name, value in rows(figures)
    )
    return f'<section>\n<h2>All figures</h2>\n<table class="details"><tbody>{lines}</tbody></table>\n</section>'
