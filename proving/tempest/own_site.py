"""The cloud that tempest is run against when none is named: real services around fake hypervisors."""

from __future__ import annotations

from proving.plan import Plan
from proving.tempest.conf import FILTERS

TITLE = "Fake hypervisors"
HOSTS = 3
_DEFAULT_QUOTAS = {"instances": 10, "cores": 20, "ram": 51200}


def plan() -> Plan:
    """Return it: hosts enough for moves and groups, all filters that tests have hints for."""
    options: dict[str, dict[str, object]] = {
        "filter_scheduler": {"enabled_filters": ",".join(FILTERS)},
        "quota": dict(_DEFAULT_QUOTAS),
        # Usage is told for the hours that are over.
        "DEFAULT": {"instance_usage_audit_period": "hour"},
    }
    return Plan(hosts=HOSTS, options=options)
