"""nova.conf of a site: one for the API level, and one for each cell's hosts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from proving.infrastructure.wsgi import write_conf
from proving.plan import Plan

_CLIENTS = ("keystone_authtoken", "placement", "glance", "neutron", "keystone", "service_user")


def write_nova_conf(
    path: Path,
    plan: Plan,
    connections: Mapping[str, str],
    credentials: Mapping[str, str],
    tokens: Mapping[str, object],
) -> Path:
    """Write one. `connections` are `transport`, `api` and `cell`; hosts have no `api` and no `cell`.

    `credentials` sign in to the services around compute; `tokens` is the section that checks tokens.
    """
    state = path.with_suffix("")
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "host": "controller",
            "my_ip": "127.0.0.1",
            "state_path": state,
            "transport_url": connections["transport"],
            "compute_driver": "fake.FakeDriver",
            "periodic_fuzzy_delay": 2,
            "osapi_compute_listen": "127.0.0.1",
            "osapi_compute_workers": plan.api_workers,
            "rpc_response_timeout": 20,
            "report_interval": 2,
            "service_down_time": 12,
        },
        "quota": {"instances": -1, "cores": -1, "ram": -1},
        "stratus": {"flow_sweep_interval": 1, "resend_interval": 3, "flow_lease": 6, "cell_timeout": 5},
        **{name: dict(credentials) for name in _CLIENTS},
    }
    sections["keystone_authtoken"] = dict(tokens)
    sections["service_user"]["send_service_user_token"] = True
    if "api" in connections:
        sections["api_database"] = {"connection": connections["api"]}
        sections["database"] = {"connection": connections["cell"]}
    for name, options in plan.options.items():
        sections.setdefault(name, {}).update(options)
    state.mkdir(exist_ok=True)
    return write_conf(path, sections)
