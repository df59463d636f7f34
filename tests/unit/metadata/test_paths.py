"""What a guest reads, path by path."""

from __future__ import annotations

import json

import pytest

from compute_service.domain.errors import Unavailable
from compute_service.domain.instance import Instance
from tests.unit.metadata.conftest import Site

TEXT, JSON, DATA = "text/plain; charset=UTF-8", "application/json", "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "first", "last"),
    [
        ("/", "1.0", "latest"),
        ("", "1.0", "latest"),
        ("/openstack", "2012-08-10", "latest"),
        ("/openstack/", "2012-08-10", "latest"),
        ("/openstack/2012-08-10", "meta_data.json", "user_data"),
        ("/openstack/latest/", "meta_data.json", "vendor_data2.json"),
        ("/latest", "meta-data/", "user-data"),
        ("/2009-04-04/meta-data", "ami-id", "security-groups"),
        ("/latest/meta-data/placement/", "availability-zone", "availability-zone"),
        ("/latest/meta-data/public-keys", "0=mine", "0=mine"),
        ("/latest/meta-data/public-keys/0/", "openssh-key", "openssh-key"),
    ],
)
def test_folders_are_listed_with_a_slash_at_the_end_or_without(
    site: Site, server: Instance, path: str, first: str, last: str
) -> None:
    answer = site.ask(server, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, TEXT)
    names = answer.text.split("\n")
    assert (names[0], names[-1]) == (first, last)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/openstack/latest/meta_data.json", JSON),
        ("/openstack/latest/network_data.json", JSON),
        ("/openstack/latest/vendor_data.json", JSON),
        ("/openstack/latest/vendor_data2.json", JSON),
        ("/openstack/latest/user_data", DATA),
        ("/latest/user-data", DATA),
        ("/latest/meta-data/instance-id", TEXT),
        ("/openstack/latest/password", TEXT),
    ],
)
def test_files_have_their_content_type(site: Site, server: Instance, path: str, kind: str) -> None:
    answer = site.ask(server, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_the_documents_are_of_the_server_that_asks(site: Site, server: Instance) -> None:
    other = site.add(display_name="other")
    told = json.loads(site.ask(server, "/openstack/latest/meta_data.json").body)
    assert (told["uuid"], told["hostname"]) == (server.uuid, f"{server.hostname}.novalocal")
    assert "admin_pass" not in told
    assert json.loads(site.ask(other, "/openstack/latest/meta_data.json").body)["name"] == "other"
    assert site.ask(server, "/latest/meta-data/instance-id").text == f"i-{server.id:08x}"
    assert site.ask(server, "/latest/meta-data/local-ipv4").text == "10.0.0.5"
    assert site.ask(server, "/latest/meta-data/public-ipv4").text == "203.0.113.7"
    assert site.ask(server, "/latest/user-data").body == b"#!/bin/sh\n"
    assert site.ask(server, "//openstack//latest/./user_data").body == b"#!/bin/sh\n"


@pytest.mark.parametrize(
    "path",
    [
        "/2020-01-01",
        "/2020-01-01/meta-data",
        "/openstack/2014-01-01/meta_data.json",
        "/openstack/2012-08-10/network_data.json",
        "/openstack/2012-08-10/password",
        "/openstack/latest/other.json",
        "/openstack/latest/meta_data.json/below",
        "/openstack/content",
        "/openstack/content/9999",
        "/openstack/content/0000/0000",
        "/latest/meta-data/none",
        "/latest/meta-data/ami-id/below",
        "/1.0/meta-data/placement",
        "/latest/dynamic/instance-identity/document",
        "/openstack/../../etc/passwd",
        "/favicon.ico",
    ],
)
def test_there_is_nothing_elsewhere(site: Site, server: Instance, path: str) -> None:
    answer = site.ask(server, path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, TEXT)


def test_without_user_data_there_is_no_such_path(site: Site) -> None:
    server = site.add(user_data=None)
    assert site.ask(server, "/latest/user-data").status == 404
    assert site.ask(server, "/openstack/latest/user_data").status == 404
    assert "user_data" not in site.ask(server, "/openstack/latest").text


def test_injected_files_are_read_by_number(site: Site) -> None:
    server = site.add(injected_files=(("/etc/motd", "aGVsbG8="),))
    [file] = json.loads(site.ask(server, "/openstack/latest/meta_data.json").body)["files"]
    answer = site.ask(server, f"/openstack{file['content_path']}")
    assert (answer.body, answer.headers["Content-Type"]) == (b"hello", DATA)


def test_head_tells_the_length_alone(site: Site, server: Instance) -> None:
    answer = site.ask(server, "/latest/user-data", method="HEAD")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "10")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_documents_cannot_be_changed(site: Site, server: Instance, method: str) -> None:
    answer = site.ask(server, "/openstack/latest/meta_data.json", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_services_are_asked_for_vendor_data_once_and_only_when_it_is_read(
    site: Site, server: Instance
) -> None:
    for name in ("meta_data.json", "vendor_data.json"):
        assert site.ask(server, f"/openstack/latest/{name}").status == 200
    assert site.operator.asked == 0
    for version in ("2016-10-06", "latest"):
        told = json.loads(site.ask(server, f"/openstack/{version}/vendor_data2.json").body)
        assert told == {"static": {"org": "us"}, "ad": {"for": server.uuid}}
    assert site.operator.asked == 1


def test_vendor_data_that_is_not_to_be_had_is_asked_for_again(site: Site, server: Instance) -> None:
    site.operator.error = Unavailable("The vendor data service ad failed.")
    assert site.ask(server, "/openstack/latest/vendor_data2.json").status == 503
    assert site.ask(server, "/openstack/latest/vendor_data.json").status == 200
    site.operator.error = None
    assert site.ask(server, "/openstack/latest/vendor_data2.json").status == 200
