from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pytest

from compute_service.domain.context import Context
from compute_service.domain.errors import Unavailable
from compute_service.manage import app, policy
from compute_service.version import VERSION
from tests.unit.manage.shell import Shell


def test_every_command_explains_itself(fresh: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    for category in app.CATEGORIES:
        for command in app.commands_of(category):
            with pytest.raises(SystemExit) as left:
                fresh.run(f"{category} {command.name} --help")
            assert left.value.code == 0
            assert command.about[:30] in capsys.readouterr().out


@pytest.mark.parametrize("line", ["", "db", "cell_v2 fly", "cell_v2 delete_cell", "db purge --oops"])
def test_a_command_line_that_makes_no_sense_gives_2(fresh: Shell, line: str) -> None:
    with pytest.raises(SystemExit) as left:
        fresh.run(line)
    assert left.value.code == 2


def test_version_and_completion(fresh: Shell) -> None:
    assert fresh.run("version") == 0
    assert fresh.text == f"{VERSION}\n"
    fresh.run("bash-completion")
    assert fresh.text == "api_db cell_v2 db flow image_property libvirt placement\n"
    fresh.run("bash-completion flow")
    assert fresh.text == "abandon list retry show\n"


def test_a_database_that_is_away_is_told_without_a_trace(fresh: Shell) -> None:
    fresh.sections["api_database"] = {"connection": "sqlite:////nowhere/at/all"}
    assert fresh.run("cell_v2 list_cells") == 1
    assert fresh.text.startswith("ERROR: ")
    assert "Traceback" not in fresh.text


def test_an_operator_is_told_what_the_database_said(fresh: Shell) -> None:
    fresh.sections["api_database"] = {"connection": "sqlite:////nowhere/at/all"}
    fresh.run("flow list")
    assert "unable to open database file" in fresh.text


def test_what_nobody_expected_is_told_with_its_trace(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.placement.fail_next("providers", ZeroDivisionError("a bug"))
    assert shell.run("placement audit") == 255
    assert shell.text == "error: ZeroDivisionError: a bug\n"
    assert "Traceback" in capsys.readouterr().err


def allowed(ctx: Context, target: Mapping[str, str]) -> Sequence[str]:
    """Rules: anyone may list, an owner may show, an admin may all."""
    names = ["servers:index"]
    if target["project_id"] == ctx.project_id:
        names.append("servers:show")
    if "admin" in ctx.roles:
        names += ["servers:show", "services:list"]
    return sorted(set(names))


def ask(shell: Shell, *argv: str) -> tuple[int, list[str]]:
    out = io.StringIO()
    code = policy.main(list(argv), shell.tools(out), allowed)
    return code, out.getvalue().split()


def test_policy_check_prints_the_rules_that_pass(shell: Shell) -> None:
    me = ("--os-roles", "member, reader", "--os-user-id", "u", "--os-tenant-id", "p")
    assert ask(shell, *me, "policy", "check") == (0, ["servers:index", "servers:show"])
    assert ask(shell, *me, "policy", "check", "--target", "project_id=q") == (0, ["servers:index"])
    assert ask(shell, *me, "policy", "check", "--api-name", "show") == (0, ["servers:show"])
    assert ask(shell, "--os-roles", "admin", "policy", "check", "--api-name", "services")[1] == [
        "services:list"
    ]


def test_policy_check_with_no_rule_left_gives_1(shell: Shell) -> None:
    code, words = ask(shell, "policy", "check", "--api-name", "services")
    assert code == 1
    assert words


def test_policy_check_takes_its_user_from_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_ROLES", "admin")
    assert "services:list" in ask(shell, "policy", "check")[1]


def test_policy_check_of_a_server_takes_its_owner(shell: Shell) -> None:
    server = shell.server(project_id="p")
    check = ("--os-tenant-id", "p", "policy", "check", "--target", f"instance_id={server.uuid}")
    assert "servers:show" in ask(shell, *check)[1]
    assert "servers:show" not in ask(shell, "--os-tenant-id", "q", *check[2:])[1]
    assert ask(shell, "policy", "check", "--target", "instance_id=unknown")[0] == 1


@pytest.mark.parametrize("target", ["colour=red", "project_id"])
def test_policy_check_refuses_targets_it_does_not_know(shell: Shell, target: str) -> None:
    code, words = ask(shell, "policy", "check", "--target", target)
    assert code == 1
    assert "instance_id=…" in " ".join(words)


def test_a_failure_to_ask_is_told(shell: Shell) -> None:
    def fail(ctx: Context, target: Mapping[str, str]) -> Sequence[str]:
        raise Unavailable("the rules cannot be read")

    out = io.StringIO()
    assert policy.main(["policy", "check"], shell.tools(out), fail) == 1
    assert "cannot be read" in out.getvalue()
