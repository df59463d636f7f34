from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.cmd import manage, policy, status
from compute_service.cmd.operator import split


@pytest.fixture
def conf(tmp_path: Path) -> str:
    path = tmp_path / "nova.conf"
    path.write_text(
        f"[DEFAULT]\ntransport_url = rabbit://u:secret@h/\n[api_database]\nconnection = sqlite:///{tmp_path}/api\n"
        f"[database]\nconnection = sqlite:///{tmp_path}/nova\n"
    )
    return str(path)


def test_the_configurations_options_are_taken_from_anywhere_on_the_line() -> None:
    line = "--debug cell_v2 discover_hosts --config-file a --verbose --config-file=b --cell_uuid c"
    assert split(line.split()) == (
        ["--config-file", "a", "--config-file", "b", "--debug"],
        ["cell_v2", "discover_hosts", "--verbose", "--cell_uuid", "c"],
    )


def test_an_installers_steps_work_from_the_command_line(
    conf: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in (
        "api_db sync",
        "cell_v2 map_cell0",
        "cell_v2 create_cell --name=cell1 --verbose",
        "db sync",
        "cell_v2 list_cells",
        "cell_v2 discover_hosts --verbose",
        "cell_v2 list_hosts",
        "flow list",
        "db archive_deleted_rows",
    ):
        assert manage.main(["--config-file", conf, *line.split()]) == 0, line
    printed = capsys.readouterr().out
    assert "rabbit://u:****@h/" in printed
    assert "secret" not in printed


def test_a_configuration_that_cannot_be_read_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert manage.main(["--config-file", "/nowhere/nova.conf", "db", "version"]) == 1
    assert "/nowhere/nova.conf" in capsys.readouterr().err


def test_status_tells_of_services_that_cannot_be_reached(
    conf: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.main(["--config-file", conf, "upgrade", "check", "--json"]) == 2
    assert "auth_type is not set" in capsys.readouterr().out


def test_policy_goes_by_the_rules_of_the_api_and_of_the_operator(
    conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--config-file", conf, "--os-roles", "reader", "--os-tenant-id", "p", "policy", "check"]
    assert policy.main([*line, "--api-name", "servers:"]) == 0
    before = capsys.readouterr().out.split()
    assert "os_compute_api:servers:index" in before
    assert "os_compute_api:servers:create" not in before
    (tmp_path / "policy.yaml").write_text('"os_compute_api:servers:create": "role:reader"\n')
    assert policy.main([*line, "--api-name", "servers:create"]) == 0
    assert "os_compute_api:servers:create" in capsys.readouterr().out.split()


def test_policy_files_that_cannot_be_read_are_told(
    conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.yaml").write_text("- [")
    assert policy.main(["--config-file", conf, "policy", "check"]) == 1
    assert "policy.yaml" in capsys.readouterr().out
