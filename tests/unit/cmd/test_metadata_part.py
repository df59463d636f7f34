from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compute_service.cmd.metadata_part import metadata_application, metadata_parts, servers_of
from compute_service.cmd.metrics import Metrics
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import Invalid, Unavailable
from compute_service.metadata.servers import AllCells, OneCell


def call(settings: Settings, path: str, metrics: Metrics, **headers: str) -> str:
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": "10.0.0.1",
        **headers,
    }
    seen: list[str] = []
    app = metadata_application(metadata_parts(settings, metrics), metrics)
    list(app(environ, lambda status, *rest: seen.append(status)))
    return seen[0]


@pytest.mark.parametrize(
    ("per_cell", "kind", "given"), [(False, AllCells, "api_database"), (True, OneCell, "database")]
)
def test_it_needs_the_database_that_it_asks(per_cell: bool, kind: type, given: str) -> None:
    api = {"api": {"local_metadata_per_cell": per_cell}}
    with pytest.raises(Invalid, match=given):
        servers_of(settings_of(api), Metrics())
    found = servers_of(settings_of(api | {given: {"connection": "sqlite://"}}), Metrics())
    assert isinstance(found, kind)
    found.ping()
    found.close()


def test_health_is_that_of_the_database_and_guests_are_no_part_of_it(tmp_path: Path) -> None:
    here, gone = f"sqlite:///{tmp_path}/api", f"sqlite:///{tmp_path}/no/such/folder/api"
    for connection, status in ((here, "200 OK"), (gone, "503 Service Unavailable")):
        settings = settings_of({"api_database": {"connection": connection}})
        assert call(settings, "/healthcheck", Metrics()) == status
        assert call(settings, "/healthcheck/live", Metrics()) == "200 OK"


def test_requests_are_counted_by_what_is_asked_for() -> None:
    metrics = Metrics()
    proxied = {"service_metadata_proxy": True}
    settings = settings_of(
        {"api_database": {"connection": "sqlite://"}, "neutron": proxied, "stratus": {"metrics_port": 1}}
    )
    call(settings, "/openstack/latest/anything", metrics)
    call(settings, "/made/up", metrics)
    shown = metrics.text().decode()
    assert 'route="/openstack"' in shown
    assert 'route="/ec2"' in shown
    assert "made" not in shown


def test_a_proxy_without_a_secret_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    database = {"api_database": {"connection": "sqlite://"}}
    for secret, told in (("", 1), ("shared", 0)):
        caplog.clear()
        proxy = {"service_metadata_proxy": True, "metadata_proxy_shared_secret": secret}
        metadata_parts(settings_of(database | {"neutron": proxy}), Metrics())
        assert len(caplog.records) == told


def test_the_network_service_is_looked_for_only_when_it_is_needed() -> None:
    settings = settings_of({"api_database": {"connection": "sqlite://"}})
    parts = metadata_parts(settings, Metrics())
    with pytest.raises(Unavailable, match="auth_type"):
        parts.network()
    assert call(settings, "/openstack", Metrics()) == "503 Service Unavailable"
