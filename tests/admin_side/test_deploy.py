"""What is shipped for Prometheus and Grafana, and the page on monitoring, speak of the metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .conftest import Operator

ROOT = Path(__file__).parents[2]
GRAFANA = json.loads((ROOT / "deploy" / "grafana.json").read_text())
PROMETHEUS = (ROOT / "deploy" / "prometheus.yml").read_text()
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
NAME = re.compile(r"\b(?:relay|process)_[a-z_]+\b")
SUFFIX = re.compile(r"_(?:total|bucket|count|sum|info)$")
# families without a sample before something has happened
EXPECTED_EMPTY = {"relay_refused_requests", "relay_spared_requests"}

NOT_AT_ONCE = {"relay_worker_loop_utilisation_ratio"}  # a moment is no share of a time


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in GRAFANA["panels"] if panel["type"] != "row"]


def families_of(operator: Operator) -> dict[str, Any]:
    text = operator.ask("/metrics").body.decode()
    found = {}
    for family in text_string_to_metric_families(text):
        found[SUFFIX.sub("", family.name)] = family
    return found


def samples_of(operator: Operator) -> set[str]:
    """The names that can be asked for; of families without a sample, what it would be called."""
    found = {f"{name}_total" for name in EXPECTED_EMPTY} | NOT_AT_ONCE
    for family in families_of(operator).values():
        found.update(sample.name for sample in family.samples)
    return found


def test_every_metric_that_the_dashboard_asks_for_is_there(operator: Operator) -> None:
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked - samples_of(operator) == set()


def test_every_metric_has_its_place_in_the_dashboard(operator: Operator) -> None:
    shown = {SUFFIX.sub("", name) for text in expressions() for name in NAME.findall(text)}
    assert {*families_of(operator)} - shown == set()


def test_every_expression_goes_by_the_variables() -> None:
    names = [variable["name"] for variable in GRAFANA["templating"]["list"]]
    assert names == ["datasource", "job", "instance"]
    for text in expressions():
        assert text.count("{job=~") == len(NAME.findall(text)), text
        assert text.count("(") == text.count(")")
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in GRAFANA["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in GRAFANA["panels"]]
    assert len(ids) == len({*ids})


def test_every_metric_of_an_alert_is_there(operator: Operator) -> None:
    asked = {
        name for line in PROMETHEUS.splitlines() if "expr:" in line for name in NAME.findall(line)
    }
    assert asked
    assert asked - samples_of(operator) == set()


def test_the_table_of_metrics_is_in_step(operator: Operator) -> None:
    rows = dict(
        re.findall(r"^\| `((?:relay|process)_\w+)(?:\{[\w,]+\})?` \| (.*) \|$", PAGE, re.MULTILINE)
    )
    expected = {}
    for family in families_of(operator).values():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        expected[name] = f"{family.type} | {family.documentation}"
    assert rows == expected


@pytest.mark.parametrize("path", ["/ready", "/health", "/version", "/metrics", "/api/stats", "/api/channels",
                                  "/api/blocks", "/api/kick", "/api/block", "/api/unblock", "/api/drain"])  # fmt: skip
def test_every_path_is_documented(operator: Operator, path: str) -> None:
    assert f"`{path}`" in PAGE or f"`GET {path}`" in PAGE or f"`POST {path}`" in PAGE
    assert operator.ask(path).status in (200, 405)
