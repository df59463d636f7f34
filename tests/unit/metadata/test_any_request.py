"""Whatever is asked is answered, and never by a fault."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compute_service.domain.instance import Instance
from compute_service.domain.metadata import ec2, openstack
from tests.unit.metadata.conftest import Site, signed

PARTS = st.sampled_from(
    [
        *openstack.VERSIONS,
        *ec2.VERSIONS,
        "latest",
        "openstack",
        "content",
        "0000",
        "meta-data",
        "public-keys",
        "0",
        "password",
        "meta_data.json",
        "",
        ".",
        "..",
    ]
)
ANY = st.text(st.characters(max_codepoint=255), max_size=20)
PATHS = st.lists(PARTS | ANY, max_size=6).map("/".join)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(path=PATHS, method=st.sampled_from(["GET", "HEAD"]))
def test_any_path_leads_somewhere_or_nowhere(site: Site, server: Instance, path: str, method: str) -> None:
    answer = site.ask(server, path, method=method)
    assert answer.status in (200, 404)
    assert method == "GET" or answer.body == b""


@QUICK
@given(
    name=st.sampled_from(["X-Instance-ID", "X-Tenant-ID", "X-Instance-ID-Signature", "X-Metadata-Provider"]),
    value=ANY,
    path=PATHS,
)
def test_any_header_that_is_not_the_proxys_is_refused(
    site: Site, server: Instance, name: str, value: str, path: str
) -> None:
    answer = site.call(path, signed(server.uuid, server.project_id) | {name: value})
    assert answer.status in (400, 403, 404)
    assert b"\n\n" in answer.body
    assert server.project_id.encode() not in answer.body


def test_a_request_is_logged_with_who_asked(
    site: Site, server: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "compute_service.metadata.access"):
        site.ask(server, "/openstack/latest/password", method="POST", body=b"c2VjcmV0")
    [line] = [record.getMessage() for record in caplog.records]
    assert f'server: {server.uuid} "POST /openstack/latest/password" status: 200' in line
    assert "c2VjcmV0" not in line
