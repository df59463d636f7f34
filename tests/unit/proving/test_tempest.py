"""What is told of a run of tempest, and what a cloud's tempest.conf says."""

from __future__ import annotations

import configparser
from pathlib import Path

from proving.tempest import table
from proving.tempest.cloud import Cloud
from proving.tempest.conf import conf_text
from proving.tempest.run import CUT, FAILED, PASSED, SKIPPED, Result

_TESTS = "tempest.api.compute.servers.test_one.OneTest"


def results() -> list[Result]:
    return [
        Result(f"{_TESTS}.test_good[id-1,smoke]", PASSED),
        Result(f"{_TESTS}.test_bad[id-2]", FAILED, "Traceback:\n  File\nfields.Conflict: no\nDetails: {}\n"),
        Result(f"{_TESTS}.test_late[id-3]", CUT),
        Result(f"tearDownClass ({_TESTS})", FAILED, "ValueError: a | b"),
        Result(f"setUpClass ({_TESTS})", PASSED),
        Result("tempest.api.compute.test_two.TwoTest.test_other[id-4]", SKIPPED, "no volumes"),
    ]


def test_results_are_counted_by_file() -> None:
    found = table.counts(results())
    assert {name: (row[PASSED], row[FAILED], row[SKIPPED]) for name, row in found.items()} == {
        "api.compute.servers.test_one": (1, 3, 0),
        "api.compute.test_two": (0, 0, 1),
    }


def test_the_page_names_what_failed_with_its_reason() -> None:
    told = table.told(results(), {"measured": "today"})
    assert "| **all** | 1 | 3 | 1 |" in told
    assert "| api.compute.servers.test_one.OneTest.test_bad | fields.Conflict: no Details: {} |" in told
    assert "OneTest.test_late | cut off by the limit of time |" in told
    assert "OneTest (tearDownClass) | ValueError: a \\| b |" in told
    assert "| 1 | no volumes |" in told


def test_a_section_is_written_anew_and_the_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "tempest.md"
    table.put(page, "One", "first\n")
    table.put(page, "Two", "second\n")
    table.put(page, "One", "third\n")
    text = page.read_text()
    assert text.startswith("# Tempest\n")
    assert text.index("## One\n\nthird") < text.index("## Two\n\nsecond")
    assert "first" not in text


def conf_of(cloud: Cloud, folder: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(conf_text(cloud, folder))
    return parser


CLOUD = Cloud(
    auth={
        "auth_url": "http://127.0.0.1:5000",
        "username": "admin",
        "password": "%s",
        "project_name": "admin",
    },
    region="RegionOne",
    certificates="",
    images=("i1", "i2"),
    flavors=("f1", "f2"),
    network="",
    outer="",
    services=frozenset({"compute", "image", "network"}),
    hosts=1,
    hypervisor="fake",
    microversion="2.104",
)


def test_the_file_says_what_a_cloud_lacks(tmp_path: Path) -> None:
    parser = conf_of(CLOUD, tmp_path)
    assert parser.getboolean("service_available", "nova")
    assert not parser.getboolean("service_available", "cinder")
    assert not parser.getboolean("compute-feature-enabled", "live_migration")
    assert not parser.getboolean("network-feature-enabled", "floating_ips")
    assert parser["auth"]["admin_password"] == "%s"
    assert parser["identity"]["uri_v3"] == "http://127.0.0.1:5000/v3"
    assert not parser.has_option("identity", "ca_certificates_file")
