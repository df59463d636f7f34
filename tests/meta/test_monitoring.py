"""The dashboard and the alerts ask for what the daemons show."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from compute_service.cmd.metrics import Metrics, with_process_figures

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "etc/grafana/stratus.json").read_text())
ALERTS = yaml.safe_load((ROOT / "etc/prometheus/stratus-alerts.yml").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUERIES = [
    *(pytest.param(target["expr"], id=panel["title"]) for panel in PANELS for target in panel["targets"]),
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
]
ADDED = {"instance", "job", "le"}
"""Labels that Prometheus adds."""
_METRIC = re.compile(r"\b((?:stratus|process)_[a-z_]+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")


def exposed() -> dict[str, set[str]]:
    """Return every name that can be asked for, with its labels."""
    names: dict[str, set[str]] = {}
    for name, kind, labels, _ in Metrics().rows():
        known = {label.strip() for label in labels.split(",") if label.strip()}
        suffixes = {"histogram": ("_bucket", "_sum", "_count")}.get(kind, ("",))
        names |= {f"{name}{suffix}": known for suffix in suffixes}
    text = with_process_figures(Metrics()).text().decode()
    return names | {name: set() for name in re.findall(r"^(process_[a-z_]+) ", text, re.MULTILINE)}


NAMES = exposed()


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_figures_and_labels_that_there_are(query: str) -> None:
    asked = _METRIC.findall(query)
    assert asked, "it asks for nothing of ours"
    labels: set[str] = set()
    for name, selectors in asked:
        assert name in NAMES, f"{name} is shown by no daemon"
        chosen = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
        assert chosen <= NAMES[name] | ADDED, f"{name} has no such label: {chosen - NAMES[name] - ADDED}"
        labels |= NAMES[name]
    for grouping in _GROUPING.findall(query):
        assert {label.strip() for label in grouping.split(",")} <= labels | ADDED


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_well_formed(query: str) -> None:
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing)
    assert query.count('"') % 2 == 0
    for name, _ in _METRIC.findall(query):
        if name.endswith("_total"):
            assert re.search(rf"(rate|increase)\({name}", query), f"{name} is a counter"
        if name.endswith("_bucket"):
            assert "histogram_quantile(" in query


def test_states_and_outcomes_that_are_asked_for_are_those_that_are_shown() -> None:
    metrics = Metrics()
    metrics.flows_are({}, {}, 0)
    metrics.services_are({("nova-compute", "up"): 1})
    metrics.pool_is("api", 0, 0, 1)
    metrics.decided(False, {})
    metrics.notification("sent")
    shown = metrics.text().decode()
    for query in (str(case.values[0]) for case in QUERIES):
        for name, selectors in _METRIC.findall(query):
            if name in ("stratus_flows_now", "stratus_services", "stratus_sql_pool_connections"):
                for state in re.findall(r'state="([^"]*)"', selectors):
                    assert re.search(rf'^{name}{{[^}}]*state="{state}"', shown, re.MULTILINE)
    assert 'outcome="no valid host"' in shown


def test_every_figure_of_ours_is_on_the_dashboard() -> None:
    asked = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    missing = [name for name, *_ in Metrics().rows() if name not in asked]
    assert missing == []


def test_panels_have_names_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert len({panel["title"] for panel in DASHBOARD["panels"]}) == len(ids)

    def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
        a, b = one["gridPos"], other["gridPos"]
        return (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        )

    assert not [
        (one["title"], other["title"])
        for one, other in combinations(DASHBOARD["panels"], 2)
        if overlap(one, other)
    ]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])


def test_alerts_say_what_is_wrong_how_bad_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    guide = (ROOT / "docs/how-to/monitor-a-site.md").read_text()
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert f"`{rule['alert']}`" in guide, f"{rule['alert']} is not in the guide"
