"""What `/api/stats`, `/api/channels` and `/metrics` tell, and what they never tell."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from support.arrivals import Client
from support.fixtures import StartRelay, VisitAt
from support.member import Visitors
from support.process import RelayProcess

from relay.admin import metrics

from .conftest import ADMIN, AskAt, Operator, error_of

STATS = {
    "version": str,
    "date": int,
    "started": int,
    "draining": bool,
    "limits": str,
    "workers": list,
}
GAUGES = [
    "connections", "handshakes", "channels", "streams", "http_connections", "blocked_addresses",
    "backlogged", "max_connections", "resident_bytes", "open_files", "file_limit",
]  # fmt: skip
ROOT = Path(__file__).parents[2]
OPENMETRICS = "Accept: application/openmetrics-text; version=1.0.0"


@pytest.fixture
def fresh(start_relay: StartRelay) -> RelayProcess:
    """A relay that nobody has counted on before."""
    return start_relay(*ADMIN, "--trusted-proxies", "127.0.0.1")


def worker_of(operator: Operator) -> dict[str, Any]:
    [worker] = operator.read("/api/stats")["workers"]
    assert isinstance(worker, dict)
    return worker


def scrape(operator: Operator) -> dict[str, float]:
    """Every sample, by its name and labels."""
    text = operator.ask("/metrics").body.decode()
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


# --- stats ---------------------------------------------------------------------------------------------------------------------


def test_the_shape_of_stats(operator: Operator) -> None:
    stats = operator.read("/api/stats")
    assert {name: type(value) for name, value in stats.items()} == STATS
    assert stats["started"] <= stats["date"]
    assert (stats["draining"], stats["limits"]) == (False, "on")
    [worker] = stats["workers"]
    assert list(worker) == [
        "worker",
        "pid",
        "counters",
        "gauges",
        "backlogs",
        "loop_utilisation",
        "headroom",
        "histograms",
    ]
    assert sorted(worker["gauges"]) == sorted(GAUGES)
    assert worker["worker"] == 0
    assert {"turn_seconds", "fanout_members"} == {*worker["histograms"]}
    for histogram in worker["histograms"].values():
        assert len(histogram["counts"]) == len(histogram["bounds"]) + 1


def test_what_is_counted(fresh: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str) -> None:  # fmt: skip
    operator, visitors = ask_at(fresh), visit_at(fresh)
    first, second, third = (visitors.join(channel) for _ in range(3))
    first.receive_total(3)
    first.send_text('"x"', '"y"')
    assert [third.receive_message() for _ in range(2)] == ["x", "y"]
    second.leave()
    first.receive_total(2)
    post = f"POST /c/{channel} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
    caller = visitors.connect()
    caller.send(post.encode())
    assert json.loads(caller.receive_response().body) == {"delivered": 2}
    worker = worker_of(operator)
    counters, gauges = worker["counters"], worker["gauges"]
    expected = {
        "accepted": 4, "admitted": 3, "messages": 2, "deliveries": 6, "published": 1, "errors": 0,
        "closed_1000": 1, "closed_1006": 0, "blocks": 0, "crashes": 0,
    }  # fmt: skip
    assert {name: counters[name] for name in expected} == expected
    assert counters["cpu_seconds"] > 0
    assert counters["bytes_out"] > counters["bytes_in"] > 0
    assert counters["busy_seconds"] > 0
    expected = {
        "connections": 2,
        "handshakes": 0,
        "channels": 1,
        "http_connections": 1,
        "backlogged": 0,
    }
    assert {name: gauges[name] for name in expected} == expected
    assert gauges["file_limit"] > gauges["open_files"] >= 6
    assert gauges["resident_bytes"] > 2**20
    assert worker["pid"] == fresh.pid
    assert worker["histograms"]["fanout_members"]["sum"] == 6
    assert sum(worker["histograms"]["turn_seconds"]["counts"]) <= counters["turns"]


def test_a_backlog_is_told_and_not_whose(
    fresh: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    operator, visitors = ask_at(fresh), visit_at(fresh)
    visitors.join(channel, receive_buffer_bytes=4096)
    sender = visitors.join(channel)
    payload = '"' + "x" * 90_000 + '"'
    backlogs: list[int] = []
    while not backlogs:
        sender.send_text(payload)
        sender.settle_by_ping()
        worker = worker_of(operator)
        backlogs = worker["backlogs"]
    assert worker["gauges"]["backlogged"] == len(backlogs) == 1
    assert backlogs[0] > 0
    found = scrape(operator)
    assert found["relay_worst_backlog_bytes"] == backlogs[0]
    assert found["relay_backlogged_members"] == 1


# --- metrics -------------------------------------------------------------------------------------------------------------------


def test_metrics_and_stats_agree(
    fresh: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    operator, visitors = ask_at(fresh), visit_at(fresh)
    member = visitors.join(channel, echo="true")
    for number in range(3):
        member.send_text(str(number))
        assert member.receive_message() == number
    visitors.join(channel).leave()
    worker, found = worker_of(operator), scrape(operator)
    for key, meaning in metrics.COUNTERS.items():
        if key not in ("turns", "sends"):  # which go on by themselves
            assert found[f"{meaning.name}_total"] == worker["counters"][key], key
    assert found["relay_closed_members_total/1000"] == 1
    assert found["relay_connections"] == 1
    assert found["relay_draining"] == 0
    assert found["relay_fanout_members_bucket/+Inf"] == found["relay_fanout_members_count"] == 3
    assert found["relay_fanout_members_bucket/1.0"] == found["relay_fanout_members_sum"] == 3
    assert found["process_start_time_seconds"] * 1000 == operator.read("/api/stats")["started"]


def test_every_figure_of_the_snapshot_has_a_metric(operator: Operator) -> None:
    """Those that others add to the core's, too."""
    worker = worker_of(operator)
    labelled = tuple(metrics.LABELLED)
    counters = {name for name in worker["counters"] if not name.startswith(labelled)}
    assert counters == {*metrics.COUNTERS, *metrics.PER_WORKER}
    assert {*worker["gauges"]} == {*metrics.GAUGES}
    assert {*worker["histograms"]} == {*metrics.HISTOGRAMS}


def test_types_and_help(operator: Operator) -> None:
    families = list(parse_text(operator.ask("/metrics").body.decode()))
    names = [family.name for family in families]
    assert len(names) == len({*names})
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert family.name.startswith(("relay_", "process_"))
    types = {family.name: family.type for family in families}
    assert types["relay_messages"] == "counter"
    assert types["relay_connections"] == "gauge"
    assert types["relay_turn_seconds"] == "histogram"


def test_openmetrics_for_who_asks(operator: Operator) -> None:
    plain, fancy = operator.ask("/metrics"), operator.ask("/metrics", OPENMETRICS)
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert fancy.headers["content-type"].startswith("application/openmetrics-text; version=")
    assert fancy.body.endswith(b"# EOF\n")
    families = list(parse_openmetrics(fancy.body.decode()))
    [build] = [family for family in families if family.name == "relay_build"]
    assert build.type == "info"
    assert build.samples[0].labels == {"version": operator.read("/api/stats")["version"]}


@pytest.mark.parametrize(
    "accept", ["*/*", "", "text/html", "application/openmetrics-text;version=9", "\x7f", ";;,,;q="]
)
def test_whatever_is_accepted(operator: Operator, accept: str) -> None:  # fmt: skip
    response = operator.ask("/metrics", f"Accept: {accept}")
    assert response.status in (200, 400)
    assert operator.ask("/ready").status == 200


@pytest.mark.parametrize("version", ["x", "1.x.0", "zz", ".", "-"])
@pytest.mark.parametrize("media_type", ["text/plain", "application/openmetrics-text"])
def test_a_version_that_is_no_number(operator: Operator, media_type: str, version: str) -> None:
    response = operator.ask("/metrics", f"Accept: {media_type};version={version}")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert list(parse_text(response.body.decode()))


def test_only_codes_reasons_and_workers_are_labels(operator: Operator) -> None:
    operator.ask("/nope")
    allowed = {"code", "reason", "worker", "resource", "le", "version"}
    for family in parse_text(operator.ask("/metrics").body.decode()):
        for sample in family.samples:
            assert {*sample.labels} <= allowed


def test_every_reason_is_explained() -> None:
    """Those that the sources give when they refuse a request, and those that a limit of addresses has."""
    sources = "".join(path.read_text() for path in (ROOT / "relay").rglob("*.py"))
    report = (ROOT / "relay/report.py").read_text()
    reasons = {*re.findall(r'reason="(\w+)"', sources), *re.findall(r'"refused_(\w+)":', report)}
    assert {"json", "blocked", "published_rate", "admin_request"} <= reasons
    page = (ROOT / "docs/monitoring.md").read_text()
    table = page.partition("| reason | ")[2].partition("\n\n")[0]
    assert sorted(reasons - {*re.findall(r"`(\w+)`", table)}) == []


# --- channels ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def peopled(fresh: RelayProcess, visit_at: VisitAt) -> Visitors:
    visitors = visit_at(fresh)
    for name, size in (("zq7-a", 3), ("zq7-b/c", 1), ("zq7-日", 2)):
        for _ in range(size):
            visitors.join(name)
    for _ in range(4):
        visitors.open("/parties/zq7-game/zq7-room/sub")
    visitors.enter("/c/zq7-%ff")
    return visitors


def test_how_many_and_how_large(fresh: RelayProcess, ask_at: AskAt, peopled: Visitors) -> None:
    found = ask_at(fresh).read("/api/channels")
    assert (found["channels"], found["members"]) == (5, 11)
    assert found["largest"] == [{"members": size} for size in (4, 3, 2, 1, 1)]
    sizes = found["sizes"]
    assert (sizes["bounds"][:4], sizes["counts"][:4]) == ([1, 2, 5, 10], [2, 1, 2, 0])
    assert len(sizes["counts"]) == len(sizes["bounds"]) + 1
    assert sizes["sum"] == 11


def test_names_for_who_asks(fresh: RelayProcess, ask_at: AskAt, peopled: Visitors) -> None:
    largest = ask_at(fresh).read("/api/channels?names=true")["largest"]
    assert largest[:3] == [
        {"members": 4, "party": "zq7-game", "room": "zq7-room"},
        {"members": 3, "channel": "zq7-a"},
        {"members": 2, "channel": "zq7-日"},
    ]
    assert sorted(each["channel"] for each in largest[3:]) == ["zq7-b/c", "zq7-\ufffd"]


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (5, 5), (6, 5), (10_000, 5)])
def test_no_more_than_asked_for(
    fresh: RelayProcess, ask_at: AskAt, peopled: Visitors, limit: int, count: int
) -> None:
    found = ask_at(fresh).read(f"/api/channels?limit={limit}&names=false")
    assert found["largest"] == [{"members": size} for size in (4, 3, 2, 1, 1)][:count]
    assert found["channels"] == 5


@pytest.mark.parametrize(
    ("query", "text"),
    [("limit=-1", "limit: expected 0 to 10000"), ("limit=10001", "limit: expected 0 to 10000"),
     ("limit=x", "`$.limit`"), ("limit=1.5", "`$.limit`"), ("names=perhaps", "`$.names`"),
     ("name=true", "unknown field `name`"), ("names", "the query: "), ("limit=%ff", "`$.limit`"),
     ("limit=" + "9" * 5000, "limit")],
)  # fmt: skip
def test_what_cannot_be_asked(operator: Operator, query: str, text: str) -> None:
    response = operator.ask(f"/api/channels?{query}")
    assert response.status == 400
    assert error_of(response).startswith("the query: ")
    assert text in error_of(response)


# --- privacy -------------------------------------------------------------------------------------------------------------------


def test_nothing_of_anyone_is_told_unasked(
    fresh: RelayProcess, ask_at: AskAt, visit_at: VisitAt, channel: str
) -> None:
    operator, visitors = ask_at(fresh), visit_at(fresh)
    marks = {
        name: f"zq7{name}{secrets.token_hex(4)}" for name in ("alias", "key", "room", "pk", "text")
    }
    client = Client(visitors, "192.0.2.77")
    member = client.enter(f"/c/{channel}?as={marks['alias']}&joinKey={marks['key']}&announce=1")
    member.send_text(json.dumps(marks["text"]))
    member.settle()
    visitors.open(f"/party/{marks['room']}?_pk={marks['pk']}")
    refused = client.ask(f"/c/{channel}?joinKey=zq7wrong")
    assert refused.status == 403
    secret = [channel, member.uid, "192.0.2.77", "zq7wrong", *marks.values()]
    operator.order("/api/kick", {"channel": channel, "uid": member.uid, "reason": marks["text"]})
    operator.order("/api/block", {"address": "192.0.2.77"})
    targets = ["/metrics", "/api/stats", "/api/channels", "/api/blocks", "/nope?" + channel]
    told = b"".join(operator.ask(target).body for target in targets).decode()
    assert [mark for mark in secret if mark in told] == []
    assert fresh.stop() == 0
    logged = fresh.errors + fresh.output
    assert [mark for mark in secret if mark in logged] == []
