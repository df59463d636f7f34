from __future__ import annotations

from pathlib import Path

import pytest

from site_cli.reference import ROOT, main, options, page, variables

PAGE = ROOT / "docs/reference/site.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run: python -m site_cli.reference docs/reference/site.md"


def test_it_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    assert main([str(tmp_path / "site.md")]) == 0
    assert (tmp_path / "site.md").read_text() == page()


def test_every_playbook_role_and_secret_is_on_it() -> None:
    text = page()
    roles = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "meta").is_dir())
    assert [role for role in roles if f"### {role}\n" not in text] == []
    for word in ("site.yml", "verify.yml", "`rabbitmq_password` | password", "`nova_secret` | hmac"):
        assert word in text
    assert "playbooks/services.yml" not in text


@pytest.mark.parametrize("name", ["aio", "multinode"])
def test_each_variable_of_an_inventory_is_explained_where_it_stands(name: str) -> None:
    for path in (ROOT / "inventories" / name / "group_vars/all").glob("*.yml"):
        set_here = {
            line.split(":")[0] for line in path.read_text().splitlines() if line.startswith("stratus_")
        }
        assert {row[0].strip("`") for row in variables(path)} == set_here


def test_an_option_without_a_default_is_required_or_empty() -> None:
    rows = {row[0]: row for row in options("rabbitmq")}
    assert rows["`rabbitmq_password`"][2] == "required"
    assert rows["`rabbitmq_user`"][2] == "`stratus`"


def test_a_long_default_is_told_by_its_place() -> None:
    path = ROOT / "playbooks/group_vars/all/hosts.yml"
    defaults = {row[0]: row[1] for row in variables(path)}
    assert defaults["`stratus_ports`"] == "see `playbooks/group_vars/all/hosts.yml`"
    assert defaults["`stratus_most_skew`"] == "`5`"
