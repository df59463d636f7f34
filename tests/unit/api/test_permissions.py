"""Who may call what: each route with the least role that its reference names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from compute_service.api.policies import ALL
from compute_service.api.policies.rule import Grant
from compute_service.api.routes import ROUTES
from compute_service.domain.flavor import Flavor
from compute_service.store.flavors import flavor_insert
from tests.unit.api.world import World, make_world

UUID = "8c19174f-4220-44f0-824a-cd1eeef10287"
ROLES = ("nobody", "reader", "member", "manager", "admin")
S = f"/servers/{UUID}"
ACTION = f"{S}/action"
SPECS = "/flavors/1/os-extra_specs"

CASES: tuple[tuple[str, str, str, Any], ...] = (
    ("reader", "GET", "/servers", None),
    ("admin", "GET", "/servers?all_tenants=1", None),
    ("reader", "GET", "/servers/detail", None),
    ("admin", "GET", "/servers/detail?all_tenants=1", None),
    ("member", "POST", "/servers", {"server": {"name": "a", "flavorRef": "x", "networks": "none"}}),
    ("reader", "GET", S, None),
    ("member", "PUT", S, {"server": {"name": "a"}}),
    ("member", "DELETE", S, None),
    ("member", "POST", ACTION, {"confirmResize": None}),
    ("member", "POST", ACTION, {"revertResize": None}),
    ("member", "POST", ACTION, {"reboot": {"type": "SOFT"}}),
    ("member", "POST", ACTION, {"resize": {"flavorRef": "x"}}),
    ("member", "POST", ACTION, {"rebuild": {"imageRef": UUID}}),
    ("member", "POST", ACTION, {"createImage": {"name": "a"}}),
    ("member", "POST", ACTION, {"os-start": None}),
    ("member", "POST", ACTION, {"os-stop": None}),
    ("admin", "POST", ACTION, {"os-resetState": {"state": "active"}}),
    ("member", "POST", ACTION, {"os-getConsoleOutput": {}}),
    ("member", "POST", ACTION, {"restore": None}),
    ("member", "POST", ACTION, {"forceDelete": None}),
    ("member", "POST", ACTION, {"lock": None}),
    ("member", "POST", ACTION, {"unlock": None}),
    ("manager", "POST", ACTION, {"migrate": None}),
    ("admin", "POST", ACTION, {"migrate": {"host": "h"}}),
    ("member", "POST", ACTION, {"pause": None}),
    ("member", "POST", ACTION, {"unpause": None}),
    ("member", "POST", ACTION, {"suspend": None}),
    ("member", "POST", ACTION, {"resume": None}),
    ("member", "POST", ACTION, {"rescue": None}),
    ("member", "POST", ACTION, {"unrescue": None}),
    ("member", "POST", ACTION, {"changePassword": {"adminPass": "new"}}),
    ("member", "POST", ACTION, {"trigger_crash_dump": None}),
    ("reader", "GET", f"{S}/topology", None),
    ("reader", "GET", f"{S}/metadata", None),
    ("member", "POST", f"{S}/metadata", {"metadata": {}}),
    ("member", "PUT", f"{S}/metadata", {"metadata": {}}),
    ("reader", "GET", f"{S}/metadata/role", None),
    ("member", "PUT", f"{S}/metadata/role", {"meta": {"role": "x"}}),
    ("member", "DELETE", f"{S}/metadata/role", None),
    ("reader", "GET", f"{S}/tags", None),
    ("member", "PUT", f"{S}/tags", {"tags": []}),
    ("member", "DELETE", f"{S}/tags", None),
    ("reader", "GET", f"{S}/tags/blue", None),
    ("member", "PUT", f"{S}/tags/blue", None),
    ("member", "DELETE", f"{S}/tags/blue", None),
    ("reader", "GET", f"{S}/os-interface", None),
    ("reader", "GET", f"{S}/os-interface/port-1", None),
    ("member", "POST", f"{S}/os-interface", {"interfaceAttachment": {"port_id": UUID}}),
    ("member", "DELETE", f"{S}/os-interface/port-1", None),
    ("reader", "GET", f"{S}/ips", None),
    ("reader", "GET", f"{S}/ips/private", None),
    ("reader", "GET", f"{S}/os-instance-actions", None),
    ("reader", "GET", f"{S}/os-instance-actions/req-1", None),
    ("manager", "GET", f"{S}/migrations", None),
    ("admin", "GET", f"{S}/migrations/1", None),
    ("admin", "GET", f"{S}/diagnostics", None),
    ("nobody", "GET", "/flavors", None),
    ("nobody", "GET", "/flavors/detail", None),
    ("nobody", "GET", "/flavors/1", None),
    ("admin", "POST", "/flavors", {"flavor": {"name": "a", "ram": 1, "vcpus": 1, "disk": 1}}),
    ("admin", "PUT", "/flavors/1", {"flavor": {"description": None}}),
    ("admin", "DELETE", "/flavors/1", None),
    ("admin", "POST", "/flavors/1/action", {"addTenantAccess": {"tenant": "t"}}),
    ("admin", "POST", "/flavors/1/action", {"removeTenantAccess": {"tenant": "t"}}),
    ("admin", "GET", "/flavors/1/os-flavor-access", None),
    ("reader", "GET", SPECS, None),
    ("admin", "POST", SPECS, {"extra_specs": {}}),
    ("reader", "GET", f"{SPECS}/a", None),
    ("admin", "PUT", f"{SPECS}/a", {"a": "b"}),
    ("admin", "DELETE", f"{SPECS}/a", None),
    ("nobody", "GET", "/os-keypairs", None),
    ("admin", "GET", "/os-keypairs?user_id=bob", None),
    ("admin", "GET", "/os-keypairs/a?user_id=bob", None),
    ("admin", "DELETE", "/os-keypairs/a?user_id=bob", None),
    ("nobody", "GET", "/os-keypairs/a", None),
)


class Projects:
    def project_exists(self, project_id: str) -> bool | None:
        return True


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = make_world(identity=Projects())
    made.server(uuid=UUID, task_state=None)
    with made.store.api.write() as tx:
        flavor_insert(
            tx,
            Flavor(flavorid="1", name="f", vcpus=1, memory_mb=1, root_gb=1, extra_specs={"a": "b"}),
        )
    yield made
    made.store.close()


def name_of(case: Any) -> str:
    if isinstance(case, dict):
        return next(iter(case), "empty")
    return str(case).replace(UUID, "ID")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("least", "method", "path", "body"), CASES, ids=name_of)
def test_a_role_may_or_may_not(
    world: World, least: str, method: str, path: str, body: Any, role: str
) -> None:
    reply = world.caller(role=role).call(method, f"/v2.1{path}", body)
    may = ROLES.index(role) >= ROLES.index(least)
    assert (reply.status != 403) is may, reply
    if not may:
        assert reply.message.startswith("Policy doesn't allow ")


@pytest.mark.parametrize(("least", "method", "path", "body"), CASES, ids=name_of)
def test_nothing_is_answered_without_a_token(
    world: World, least: str, method: str, path: str, body: Any
) -> None:
    caller = world.caller()
    assert type(caller)(caller.app, None).call(method, f"/v2.1{path}", body).status == 401


def test_no_two_rules_have_one_name() -> None:
    assert len({rule.name for rule in ALL}) == len(ALL)


def test_every_rule_of_a_route_is_known() -> None:
    assert {route.rule for route in ROUTES if route.rule is not None} <= set(ALL)


def test_only_one_rule_is_for_nobody() -> None:
    assert [rule.name for rule in ALL if rule.grant is Grant.NOBODY] == ["compute:servers:resize:cross_cell"]
