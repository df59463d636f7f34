"""Alerts and dashboard by Prometheus' own word: they are understood, and alerts fire when they should."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ALERTS = ROOT / "etc/prometheus/stratus-alerts.yml"
PROMTOOL = os.environ.get("STRATUS_PROMTOOL") or shutil.which("promtool")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus"),
]

CALLS = 'stratus_rpc_calls_total{{instance="a",topic="conductor",verb="wake",outcome="{}"}}'
POOL = 'stratus_sql_pool_connections{{instance="a",database="api",state="{}"}}'
BAD: dict[str, dict[str, str]] = {
    "StratusFlowStuck": {'stratus_flows_now{state="stuck"}': "0 0 2x60"},
    "StratusStepOverdue": {"stratus_flow_steps_overdue": "0 1x60"},
    "StratusFlowOld": {'stratus_flow_oldest_seconds{state="running"}': "30000x60"},
    "StratusBuildsFail": {
        'stratus_flows_total{flow="build",state="failed"}': "0+3x60",
        'stratus_flows_total{flow="build",state="done"}': "0+3x60",
    },
    "StratusNoValidHost": {
        'stratus_scheduler_decisions_total{outcome="no valid host"}': "0+5x60",
        'stratus_scheduler_decisions_total{outcome="chosen"}': "0+5x60",
    },
    "StratusComputeDown": {'stratus_services{binary="nova-compute",state="down"}': "0 3x60"},
    "StratusDaemonDown": {'stratus_services{binary="nova-scheduler",state="down"}': "0 1x60"},
    "StratusNoConductor": {},
    "StratusRestarts": {'process_start_time_seconds{job="stratus",instance="a"}': "1 2 3 4 5 6x60"},
    "StratusBrokerTrouble": {CALLS.format("dropped"): "0+3x60"},
    "StratusCallsUnanswered": {CALLS.format("Timeout"): "0+3x60"},
    "StratusServiceTrouble": {
        'stratus_service_calls_total{service="glance",method="GET",status="unreachable"}': "0+1x60",
        'stratus_service_calls_total{service="glance",method="GET",status="200"}': "0+9x60",
    },
    "StratusNotificationsLost": {'stratus_notifications_total{outcome="overflow"}': "0 0 5 10 15 20+5x60"},
    "StratusDatabasePoolFull": {POOL.format("in use"): "54x60", POOL.format("most"): "55x60"},
    "StratusDatabaseSlow": {
        'stratus_sql_statement_seconds_sum{database="api"}': "0+20x60",
        'stratus_sql_statement_seconds_count{database="api"}': "0+100x60",
    },
    "StratusApiErrors": {
        'stratus_http_requests_total{status="500"}': "0+1x60",
        'stratus_http_requests_total{status="200"}': "0+50x60",
    },
    "StratusApiSlow": {
        'stratus_http_request_seconds_bucket{le="1"}': "0+1x60",
        'stratus_http_request_seconds_bucket{le="10"}': "0+10x60",
        'stratus_http_request_seconds_bucket{le="+Inf"}': "0+10x60",
    },
}
"""Alert → series in which it fires, a sample each half minute."""
GOOD: dict[str, str] = {
    'stratus_flows_now{state="stuck"}': "0x60",
    "stratus_flow_steps_overdue": "0x60",
    'stratus_flow_oldest_seconds{state="running"}': "4x60",
    'stratus_flows_total{flow="build",state="failed"}': "0x60",
    'stratus_flows_total{flow="build",state="done"}': "0+9x60",
    'stratus_scheduler_decisions_total{outcome="no valid host"}': "0x60",
    'stratus_scheduler_decisions_total{outcome="chosen"}': "0+9x60",
    'stratus_services{binary="nova-compute",state="down"}': "0x60",
    'process_start_time_seconds{job="stratus",instance="a"}': "1x60",
    CALLS.format("dropped"): "0x60",
    CALLS.format("ok"): "0+30x60",
    'stratus_notifications_total{outcome="sent"}': "0+30x60",
    'stratus_service_calls_total{service="glance",method="GET",status="200"}': "0+9x60",
    'stratus_service_calls_total{service="glance",method="GET",status="404"}': "0+9x60",
    POOL.format("in use"): "3x60",
    POOL.format("most"): "55x60",
    'stratus_sql_statement_seconds_sum{database="api"}': "0+0.1x60",
    'stratus_sql_statement_seconds_count{database="api"}': "0+100x60",
    'stratus_http_requests_total{status="500"}': "0x60",
    'stratus_http_requests_total{status="200"}': "0+50x60",
    'stratus_http_request_seconds_bucket{le="1"}': "0+10x60",
    'stratus_http_request_seconds_bucket{le="10"}': "0+10x60",
    'stratus_http_request_seconds_bucket{le="+Inf"}': "0+10x60",
}
"""Series of a site that is well."""


def promtool(*words: str) -> None:
    """Run promtool; its own words are the failure's."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def firing(folder: Path, series: Mapping[str, str], query: str, fires: bool) -> None:
    """Let promtool play series and look whether an alert fires in the end."""
    expected = [{"labels": "{}", "value": 1}] if fires else []
    test = {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'sum(ALERTS{{alertname{query},alertstate="firing"}}) > bool 0',
                "eval_time": "20m",
                "exp_samples": expected,
            }
        ],
    }
    path = folder / "test.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "30s", "tests": [test]})
    )
    promtool("test", "rules", str(path))


def test_the_alerts_are_understood() -> None:
    promtool("check", "rules", str(ALERTS))


def test_the_dashboards_queries_are_understood(tmp_path: Path) -> None:
    board = json.loads((ROOT / "etc/grafana/stratus.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    plain = [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in queries]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(plain)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    promtool("check", "rules", str(tmp_path / "board.yml"))


def test_every_alert_is_tried() -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} == set(BAD)


@pytest.mark.parametrize("alert", BAD)
def test_an_alert_fires_when_it_should(alert: str, tmp_path: Path) -> None:
    firing(tmp_path, BAD[alert], f'="{alert}"', fires=True)


def test_no_alert_fires_on_a_site_that_is_well(tmp_path: Path) -> None:
    firing(tmp_path, GOOD, '=~".+"', fires=False)
