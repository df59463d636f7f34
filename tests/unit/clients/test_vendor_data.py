from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from compute_service.clients.vendor_data import VendorData, vendor_data_of
from compute_service.config.settings import settings_of
from compute_service.domain.errors import Unavailable
from tests.unit.domain.metadata.facts import bare, rich

AD, CMDB = "http://ad.invalid", "http://cmdb.invalid"


class Service:
    """An operator's service: what it was asked, and what it answers."""

    def __init__(self, body: bytes = b'{"token": "t"}', status: str = "200 OK") -> None:
        self.body, self.status = body, status
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.append(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        self.headers.append({k: v for k, v in environ.items() if isinstance(v, str)})
        start_response(
            self.status, [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))]
        )
        return [self.body]


def source(ad: Service, cmdb: Service | None = None, **api: Any) -> VendorData:
    given = {
        "vendordata_providers": ("StaticJSON", "DynamicJSON"),
        "vendordata_dynamic_targets": (f"ad@{AD}/v", f"cmdb@{CMDB}/x") if cmdb else (f"ad@{AD}/v",),
    } | api
    auth = {"auth_type": "admin_token", "token": "secret", "endpoint": AD}
    settings = settings_of({"api": given, "vendordata_dynamic_auth": auth})
    return vendor_data_of(settings, {AD: ad} | ({CMDB: cmdb} if cmdb else {}))


def test_a_service_is_told_which_server_and_with_whose_token() -> None:
    ad = Service()
    facts = rich().replace(short_hostname="web-one", boot_roles="member,reader")
    assert source(ad).dynamic(facts) == {"ad": {"token": "t"}}
    assert ad.asked == [
        {
            "project-id": "proj",
            "instance-id": facts.uuid,
            "image-id": facts.image_id,
            "user-data": facts.user_data,
            "hostname": "web-one",
            "metadata": {"role": "web"},
            "boot-roles": "member,reader",
        }
    ]
    assert ad.headers[0]["HTTP_X_AUTH_TOKEN"] == "secret"
    assert ad.headers[0]["CONTENT_TYPE"] == "application/json"


def test_without_a_way_to_sign_in_calls_carry_no_token() -> None:
    ad = Service()
    api = {"vendordata_providers": ("DynamicJSON",), "vendordata_dynamic_targets": (f"ad@{AD}",)}
    found = vendor_data_of(settings_of({"api": api}), {AD: ad})
    assert found.dynamic(bare()) == {"ad": {"token": "t"}}
    assert "HTTP_X_AUTH_TOKEN" not in ad.headers[0]
    assert found.static() is None


@pytest.mark.parametrize(
    "broken", [Service(status="500 Oh no"), Service(body=b"no json"), Service(body=b"[1]")]
)
def test_a_service_that_fails_says_nothing_and_the_others_speak(broken: Service) -> None:
    cmdb = Service(body=b'{"rack": 4}')
    assert source(broken, cmdb).dynamic(bare()) == {"ad": {}, "cmdb": {"rack": 4}}


def test_a_service_that_fails_is_fatal_where_that_is_wished() -> None:
    found = source(Service(status="503 Busy"), vendordata_dynamic_failure_fatal=True)
    with pytest.raises(Unavailable, match="ad"):
        found.dynamic(bare())


def test_an_empty_answer_is_empty() -> None:
    assert source(Service(body=b"")).dynamic(bare()) == {"ad": {}}


def test_targets_that_are_none_are_told_of_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    ad = Service()
    with caplog.at_level(logging.ERROR):
        found = source(
            ad, vendordata_dynamic_targets=(f"ad@{AD}", f"ad@{CMDB}", "static@http://x", "bare", "@u")
        )
    assert found.dynamic(bare()) == {"ad": {"token": "t"}}
    assert len(caplog.records) == 4


def test_nobody_is_asked_where_the_provider_is_off() -> None:
    ad = Service()
    assert source(ad, vendordata_providers=("StaticJSON",)).dynamic(bare()) == {}
    assert ad.asked == []


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "vendor.json"
    file.write_text('{"org": "us"}')
    found = source(Service(), vendordata_jsonfile_path=str(file))
    assert found.static() == {"org": "us"}
    file.write_text('{"org": "them"}')
    os.utime(file, (1, 1))
    assert found.static() == {"org": "them"}
    file.write_text("no json")
    assert found.static() == {}
    file.unlink()
    assert found.static() == {}


def test_without_a_file_all_servers_get_nothing() -> None:
    assert source(Service()).static() == {}
