from __future__ import annotations

import timeit
from pathlib import Path

import pytest

from compute_service.api.policies.rule import Grant, Rule
from compute_service.api.policy import Policy
from compute_service.domain.context import Context

RULES = {grant: Rule(f"test:{grant.name.lower()}", grant, "Something.") for grant in Grant}
ROLES = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
    "nobody": (),
}
ALLOWED = {
    Grant.ADMIN: {"admin"},
    Grant.MANAGER: {"admin", "manager"},
    Grant.MEMBER: {"admin", "manager", "member"},
    Grant.READER: {"admin", "manager", "member", "reader"},
    Grant.SERVICE: {"admin", "service"},
    Grant.ANY: set(ROLES),
    Grant.NOBODY: set(),
    Grant.OWNER: set(ROLES),
}
OWN = {"project_id": "p", "user_id": "u"}


def context(role: str, **changes: object) -> Context:
    fields = {"request_id": "req-1", "user_id": "u", "project_id": "p", "roles": ROLES[role]}
    return Context(**{**fields, "is_admin": role == "admin", **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def overridden(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """A policy whose base rules are named in a file, as they are: everything goes through oslo.policy."""
    path: Path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text('"context_is_admin": "role:admin"\n')
    return Policy(RULES.values(), files=(str(path),))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("grant", Grant)
@pytest.mark.parametrize("slow", [False, True], ids=["fast", "oslo"])
def test_a_grant_lets_in_its_roles(grant: Grant, role: str, slow: bool, overridden: Policy) -> None:
    policy = overridden if slow else Policy(RULES.values())
    assert policy.allows(context(role), RULES[grant], OWN) is (role in ALLOWED[grant])


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "oslo"])
def test_project_roles_count_in_the_own_project_only(slow: bool, overridden: Policy) -> None:
    policy = overridden if slow else Policy(RULES.values())
    other = {"project_id": "q", "user_id": "v"}
    assert not policy.allows(context("manager"), RULES[Grant.READER], other)
    assert not policy.allows(context("manager"), RULES[Grant.OWNER], other)
    assert policy.allows(context("admin"), RULES[Grant.READER], other)


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "oslo"])
def test_a_system_token_has_the_wrong_scope(slow: bool, overridden: Policy) -> None:
    policy = overridden if slow else Policy(RULES.values())
    assert not policy.allows(context("admin", system_scope="all"), RULES[Grant.ADMIN], OWN)


def test_a_file_changes_one_rule_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"test:admin": "role:auditor or rule:context_is_admin"\n')
    policy = Policy(RULES.values(), files=(str(path),))
    auditor = context("reader", roles=("reader", "auditor"))
    assert policy.allows(auditor, RULES[Grant.ADMIN], OWN)
    assert policy.allows(context("admin"), RULES[Grant.ADMIN], OWN)
    assert not policy.allows(context("member"), RULES[Grant.ADMIN], OWN)
    assert not policy.allows(auditor, RULES[Grant.MANAGER], OWN)


def test_files_of_a_directory_add_to_the_first(tmp_path: Path) -> None:
    (tmp_path / "policy.d").mkdir()
    (tmp_path / "policy.d" / "a.yaml").write_text('"test:any": "!"\n')
    policy = Policy(RULES.values(), directories=(str(tmp_path / "policy.d"),))
    assert not policy.allows(context("admin"), RULES[Grant.ANY], OWN)


def test_context_is_admin_decides_who_is_admin(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"context_is_admin": "role:cloud_admin"\n')
    policy = Policy(RULES.values(), files=(str(path),))
    assert policy.is_admin(("cloud_admin",))
    assert not policy.is_admin(("admin",))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    policy = Policy(RULES.values(), files=(str(path),))
    assert policy.allows(context("member"), RULES[Grant.MEMBER], OWN)
    path.write_text('"test:member": "!"\n')
    policy.refresh()
    assert not policy.allows(context("member"), RULES[Grant.MEMBER], OWN)
    path.unlink()
    policy.refresh()
    assert policy.allows(context("member"), RULES[Grant.MEMBER], OWN)


def test_a_broken_file_stops_the_start_but_not_a_running_service(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"test:member": "!"\n')
    policy = Policy(RULES.values(), files=(str(path),))
    path.write_text('"test:member": [\n')
    policy.refresh()
    assert not policy.allows(context("member"), RULES[Grant.MEMBER], OWN)
    with pytest.raises(ValueError, match=r"policy\.yaml"):
        Policy(RULES.values(), files=(str(path),))


def test_a_default_is_decided_in_microseconds() -> None:
    policy, ctx = Policy(RULES.values()), context("member")
    once = timeit.timeit(lambda: policy.allows(ctx, RULES[Grant.MEMBER], OWN), number=10_000) / 10_000
    assert once < 20e-6
