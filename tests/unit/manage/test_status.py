from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from compute_service.domain.host import Service
from compute_service.manage import status
from compute_service.manage.tools import Tools
from compute_service.store.services import service_upsert
from tests.fixtures.records import new_uuid
from tests.unit.manage.shell import Shell


def check(shell: Shell) -> tuple[int, dict[str, tuple[str, str]]]:
    out = io.StringIO()
    code = status.main(["upgrade", "check", "--json"], shell.tools(out))
    return code, {row["check"]: (row["result"], str(row["details"])) for row in json.loads(out.getvalue())}


@pytest.fixture
def ready(shell: Shell) -> Shell:
    """A node on which everything is as it should be."""
    shell.sections["service_user"] = {"send_service_user_token": True}
    shell.versions["placement"] = "1.39"
    shell.register("cmp1")
    shell.run("cell_v2 discover_hosts")
    return shell


def test_a_sound_installation_passes_every_check_in_the_fields_frame(ready: Shell) -> None:
    out = io.StringIO()
    assert status.main(["upgrade", "check"], ready.tools(out)) == 0
    lines = out.getvalue().splitlines()
    width = len(lines[0])
    assert lines[0] == "+" + "-" * (width - 2) + "+"
    assert lines[1] == "| Upgrade Check Results".ljust(width - 2) + " |"
    assert lines[3:7] == [
        "| Check: Cells v2".ljust(width - 2) + " |",
        "| Result: Success".ljust(width - 2) + " |",
        "| Details: None".ljust(width - 2) + " |",
        lines[0],
    ]
    assert [line.split(": ")[1].rstrip(" |") for line in lines if line.startswith("| Check")] == [
        "Cells v2",
        "Placement API",
        "Cinder API",
        "Policy File JSON to YAML Migration",
        "Older than N-1 computes",
        "hw_machine_type unset",
        "Service User Token Configuration",
    ]
    assert all(len(line) == width for line in lines)


def test_services_that_are_not_used_pass_with_a_note(ready: Shell) -> None:
    code, found = check(ready)
    assert code == 0
    assert found["Cinder API"] == ("Success", "[cinder] has no credentials: the volume service is not used.")
    assert found["hw_machine_type unset"][0] == "Success"


def test_cells_must_be_mapped(fresh: Shell) -> None:
    fresh.run("api_db sync")
    code, found = check(fresh)
    assert (code, found["Cells v2"][0]) == (2, "Failure")
    fresh.run("cell_v2 map_cell0")
    assert check(fresh)[1]["Cells v2"][0] == "Failure"


def test_hosts_that_registered_must_be_mapped(shell: Shell) -> None:
    assert check(shell)[1]["Cells v2"][0] == "Success"
    shell.register("cmp1")
    result, details = check(shell)[1]["Cells v2"]
    assert result == "Failure"
    assert "discover_hosts" in details


@pytest.mark.parametrize(
    ("version", "result", "word"),
    [
        ("1.36", "Success", "None"),
        ("1.35", "Failure", "at least 1.36"),
        ("1.9", "Failure", "at least 1.36"),
        (None, "Failure", "connection refused"),
    ],
)
def test_placement_must_answer_and_be_new_enough(
    ready: Shell, version: str | None, result: str, word: str
) -> None:
    ready.versions = {} if version is None else {"placement": version}
    found = check(ready)[1]["Placement API"]
    assert found[0] == result
    assert word in found[1]


@pytest.mark.parametrize(("version", "result"), [("3.44", "Success"), ("3.27", "Failure")])
def test_cinder_is_checked_where_it_is_used(ready: Shell, version: str, result: str) -> None:
    ready.sections["cinder"] = {"auth_type": "password"}
    ready.versions["cinder"] = version
    assert check(ready)[1]["Cinder API"][0] == result


@pytest.mark.parametrize(
    ("name", "text", "result"),
    [
        ("policy.yaml", "", "Success"),
        ("policy.yaml", '"os_compute_api:servers:create": "role:member"\n', "Success"),
        ("policy.yaml", '{"os_compute_api:servers:create": "role:member"}', "Failure"),
        ("policy.json", "{}", "Failure"),
    ],
)
def test_a_policy_file_in_json_is_refused(
    ready: Shell, tmp_path: Path, name: str, text: str, result: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    ready.sections["oslo_policy"] = {"policy_file": str(path)}
    assert check(ready)[1]["Policy File JSON to YAML Migration"][0] == result


def test_compute_hosts_that_are_too_old_are_named(ready: Shell) -> None:
    with ready.store.database(ready.cell()).write() as tx:
        service_upsert(
            tx, Service(uuid=new_uuid(), host="ancient", binary="nova-compute", topic="compute", version=0)
        )
    code, found = check(ready)
    assert code == 2
    assert "ancient" in found["Older than N-1 computes"][1]


def test_service_tokens_must_be_sent(ready: Shell) -> None:
    ready.sections["service_user"] = {}
    assert check(ready)[1]["Service User Token Configuration"][0] == "Failure"


def test_a_database_that_is_away_fails_its_checks_and_no_more(ready: Shell) -> None:
    ready.sections["api_database"] = {"connection": None}
    code, found = check(ready)
    assert code == 2
    assert found["Cells v2"][0] == "Failure"
    assert found["Placement API"][0] == "Success"


def test_a_warning_is_the_code_when_nothing_is_worse(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(tools: Tools) -> status.Result:
        return status.Result(code=status.Code.WARNING, details="look " * 30)

    monkeypatch.setattr(status, "CHECKS", (("One", lambda tools: status.PASSED), ("Two", warn)))
    out = io.StringIO()
    assert status.main(["upgrade", "check"], ready.tools(out)) == 1
    assert "| Result: Warning" in out.getvalue()
    assert max(len(line) for line in out.getvalue().splitlines()) <= 64


def test_what_nobody_expected_gives_255(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tools: Tools) -> status.Result:
        raise ZeroDivisionError

    monkeypatch.setattr(status, "CHECKS", (("One", fail),))
    assert status.main(["upgrade", "check"], ready.tools(io.StringIO())) == 255
