from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from compute_service.cmd.stratus import parser
from site_cli import hosts, report
from site_cli.hosts import SiteHost, hosts_of
from site_cli.record import Check, Run, keep
from site_cli.run import site_folder

INVENTORY = {
    "_meta": {
        "hostvars": {
            "cloud": {"stratus_address": "{{ worked_out }}", "stratus_provider_interface": "prov0"},
            "w1": {"ansible_host": "10.0.0.2", "stratus_provider_interface": None},
        }
    },
    "all": {"children": ["ungrouped", "controller", "compute"]},
    "controller": {"hosts": ["cloud"]},
    "compute": {"hosts": ["cloud", "w1"]},
}
FACTS = {
    "ansible_default_ipv4": {"address": "10.0.0.1"},
    "ansible_distribution": "Debian",
    "ansible_distribution_version": "13.1",
    "ansible_processor_vcpus": 2,
    "ansible_memtotal_mb": 8192,
}


class Answer:
    """What a program of Ansible printed."""

    def __init__(self, text: str, code: int = 0) -> None:
        self.stdout, self.stderr, self.returncode = text, "it is broken", code


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Answer]:
    """What the programs of Ansible print, by name."""
    lines = {"stdout_lines": ["stratus 1.2", "keystone 2:27.0-3", "mariadb-server "]}
    asked = {"plays": [{"tasks": [{"hosts": {"cloud": lines, "w1": {"unreachable": True}}}]}]}
    given = {"ansible-inventory": Answer(json.dumps(INVENTORY)), "ansible": Answer(json.dumps(asked))}
    monkeypatch.setattr(hosts, "_ansible", lambda _inventory, program, *_words, **_more: given[program])
    return given


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "group_vars" / "all").mkdir(parents=True)
    (folder / "group_vars" / "all" / "secrets.yml").write_text("stratus_secrets: {a: hushhush}\n")
    kept = site_folder(folder) / "facts"
    kept.mkdir()
    (kept / "s1_cloud").write_text(json.dumps({"__payload__": json.dumps(FACTS)}))
    return folder


def options(*words: str) -> argparse.Namespace:
    return parser("report").parse_args(["report", *words])


@pytest.mark.usefixtures("answers")
def test_hosts_are_known_by_inventory_facts_and_what_they_answer(inventory: Path) -> None:
    assert hosts_of(inventory) == (
        SiteHost(
            "cloud",
            ("compute", "controller"),
            "10.0.0.1",
            "prov0",
            "Debian 13.1, 2 CPUs, 8 GB",
            {"stratus": "1.2", "keystone": "2:27.0-3"},
        ),
        SiteHost("w1", ("compute",), "10.0.0.2"),
    )


@pytest.mark.parametrize("said", ["", "no json", "{}", '{"plays": []}'])
def test_hosts_that_do_not_answer_have_no_versions(
    inventory: Path, answers: dict[str, Answer], said: str
) -> None:
    answers["ansible"] = Answer(said, 4)
    assert [host.versions for host in hosts_of(inventory)] == [{}, {}]


@pytest.mark.usefixtures("answers")
def test_the_report_is_written_for_its_owner_without_secrets(
    inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(
        inventory,
        Run("verify", "2026-01-02T03:04:05+00:00", 1.0, 2, checks=(Check("T", "cloud", "failed", 1.0, "x"),)),
    )
    for file in (site_folder(inventory) / "runs").iterdir():
        file.write_text(file.read_text().replace('"x"', '"told hushhush"'))
    assert report.run(options("-i", str(inventory), "-o", str(tmp_path / "out.html"))) == 0
    assert capsys.readouterr().out == f"report: {tmp_path / 'out.html'}\n"
    text = (tmp_path / "out.html").read_text()
    assert "told ********" in text
    assert "hushhush" not in text
    assert "<h1>mine</h1>" in text
    assert (site_folder(inventory) / "report.html").stat().st_mode & 0o777 == 0o600


def test_an_inventory_that_cannot_be_read_is_refused(
    inventory: Path, answers: dict[str, Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    answers["ansible-inventory"] = Answer("", 1)
    assert report.run(options("-i", str(inventory))) == 4
    assert "it is broken" in capsys.readouterr().err


def test_an_inventory_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.run(options("-i", str(tmp_path / "none"))) == 4
    assert "there is no inventory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "name"),
    [("inventories/aio", "aio"), ("labs/demo/inventory", "demo"), ("mine/hosts.yml", "mine"), ("a.ini", "a")],
)
def test_a_site_is_called_what_its_inventory_is(path: str, name: str) -> None:
    assert report.site_name(Path("/srv") / path) == name
