from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from compute_service.config.settings import Settings
from tests.unit.api.world import World, make_world
from tests.unit.api.wsgi import OTHER, OWN, Caller

NETWORK = {"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}
INJECTED = {"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"}
GROUPS = {"server_groups", "server_group_members"}
ALWAYS = {"instances", "cores", "ram", "metadata_items", "key_pairs"}
SET = f"/os-quota-sets/{OWN}"


class Projects:
    """Knows all projects but one."""

    def project_exists(self, project_id: str) -> bool | None:
        return project_id != "unknown"


@pytest.fixture
def world() -> Iterator[World]:
    made = make_world(identity=Projects())
    yield made
    made.store.close()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


def put(admin: Caller, path: str = SET, version: str = "2.104", **limits: Any) -> Any:
    return admin.put(path, {"quota_set": limits}, version)


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        ("2.35", ALWAYS | GROUPS | INJECTED | NETWORK),
        ("2.36", ALWAYS | GROUPS | INJECTED),
        ("2.56", ALWAYS | GROUPS | INJECTED),
        ("2.57", ALWAYS | GROUPS),
    ],
)
def test_a_set_shows_what_the_version_knows(
    admin: Caller, member: Caller, version: str, fields: set[str]
) -> None:
    for path in (SET, f"{SET}/detail", f"{SET}/defaults"):
        shown = member.get(path, version).body["quota_set"]
        assert shown.pop("id") == OWN
        assert shown.keys() == fields
    assert put(admin, version=version, cores=1).body["quota_set"].keys() == fields


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        ("2.49", ALWAYS | INJECTED | NETWORK),
        ("2.50", ALWAYS | GROUPS | INJECTED),
        ("2.56", ALWAYS | GROUPS | INJECTED),
        ("2.57", ALWAYS | GROUPS),
    ],
)
def test_a_class_shows_what_the_version_knows(admin: Caller, version: str, fields: set[str]) -> None:
    shown = admin.get("/os-quota-class-sets/default", version).body["quota_class_set"]
    assert shown.pop("id") == "default"
    assert shown.keys() == fields
    changed = admin.put("/os-quota-class-sets/default", {"quota_class_set": {"cores": 7}}, version)
    assert changed.body["quota_class_set"].keys() == fields


def test_limits_are_looked_for_at_the_user_the_project_the_class_and_the_options(
    admin: Caller, member: Caller
) -> None:
    def cores(query: str = "") -> int:
        return int(member.get(f"{SET}{query}").body["quota_set"]["cores"])

    assert cores() == 20
    admin.put("/os-quota-class-sets/default", {"quota_class_set": {"cores": 30}})
    assert (cores(), cores("/defaults")) == (30, 30)
    assert put(admin, cores=40).status == 200
    assert (cores(), cores("/defaults")) == (40, 30)
    assert put(admin, f"{SET}?user_id=alice", cores="25").body["quota_set"]["cores"] == 25
    assert (cores(), cores("?user_id=alice"), cores("?user_id=bob")) == (40, 25, 40)
    reply = admin.delete(f"{SET}?user_id=alice")
    assert (reply.status, reply.raw, cores("?user_id=alice")) == (202, b"", 40)
    assert admin.delete(SET).status == 202
    assert cores() == 30


def test_details_tell_what_is_in_use(world: World, member: Caller) -> None:
    world.server()
    world.server(user_id="bob")
    shown = member.get(f"{SET}/detail").body["quota_set"]
    assert shown["instances"] == {"limit": 10, "in_use": 2, "reserved": 0}
    assert shown["ram"] == {"limit": 51200, "in_use": 1024, "reserved": 0}
    assert shown["key_pairs"]["in_use"] == 0
    mine = member.get(f"{SET}/detail?user_id=bob").body["quota_set"]
    assert mine["cores"] == {"limit": 20, "in_use": 1, "reserved": 0}


def test_limits_may_not_be_below_what_is_in_use_unless_forced(world: World, admin: Caller) -> None:
    for _ in range(3):
        world.server()
    assert put(admin, instances=2).status == 400
    assert put(admin, instances=2, force="True").body["quota_set"]["instances"] == 2
    assert put(admin, instances=-1).body["quota_set"]["instances"] == -1


@pytest.mark.parametrize(
    ("version", "limits", "status"),
    [
        ("2.104", {}, 200),
        ("2.104", {"cores": -2}, 400),
        ("2.104", {"cores": 2**31}, 400),
        ("2.104", {"cores": "many"}, 400),
        ("2.104", {"disks": 1}, 400),
        ("2.104", {"force": "maybe"}, 400),
        ("2.35", {"fixed_ips": 5}, 200),
        ("2.36", {"fixed_ips": 5}, 400),
        ("2.56", {"injected_files": 5}, 200),
        ("2.57", {"injected_files": 5}, 400),
    ],
)
def test_what_can_be_set_by_version(admin: Caller, version: str, limits: dict[str, Any], status: int) -> None:
    assert put(admin, version=version, **limits).status == status


@pytest.mark.parametrize(
    ("version", "limits", "status"),
    [
        ("2.49", {"fixed_ips": 5}, 200),
        ("2.50", {"fixed_ips": 5}, 400),
        ("2.49", {"server_groups": 5}, 200),
        ("2.50", {"server_groups": 5}, 200),
        ("2.56", {"injected_files": 5}, 200),
        ("2.57", {"injected_files": 5}, 400),
        ("2.57", {"cores": -2}, 400),
        ("2.57", {"force": True}, 400),
    ],
)
def test_what_a_class_can_be_set_to_by_version(
    admin: Caller, version: str, limits: dict[str, Any], status: int
) -> None:
    reply = admin.put("/os-quota-class-sets/default", {"quota_class_set": limits}, version)
    assert reply.status == status


def test_network_limits_are_taken_and_mean_nothing(admin: Caller) -> None:
    assert put(admin, version="2.1", fixed_ips=5, cores=3).body["quota_set"]["fixed_ips"] == -1
    assert admin.get(SET, "2.1").body["quota_set"]["cores"] == 3


def test_a_project_that_is_not_known_is_refused(admin: Caller) -> None:
    path = "/os-quota-sets/unknown"
    replies = [admin.get(path), admin.get(f"{path}/detail"), admin.get(f"{path}/defaults"), put(admin, path)]
    assert [reply.status for reply in replies] == [400] * 4


def test_who_may_see_and_set_quotas(world: World, admin: Caller, member: Caller) -> None:
    other = f"/os-quota-sets/{OTHER}"
    refused = {
        "os-quota-sets:show": member.get(other),
        "os-quota-sets:detail": member.get(f"{other}/detail"),
        "os-quota-sets:update": put(member),
        "os-quota-sets:delete": member.delete(SET),
        "os-quota-class-sets:show": member.get("/os-quota-class-sets/default"),
        "os-quota-class-sets:update": member.put("/os-quota-class-sets/default", {"quota_class_set": {}}),
        "limits:other_project": member.get(f"/limits?tenant_id={OTHER}"),
    }
    for rule, reply in refused.items():
        assert (reply.status, f"os_compute_api:{rule} " in reply.message) == (403, True), rule
    assert member.get(f"{other}/defaults").status == 200
    assert admin.get(other).status == admin.get(f"/limits?tenant_id={OTHER}").status == 200
    assert world.caller("rita", role="reader").get(SET).status == 200


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
@pytest.mark.parametrize("path", [SET, f"{SET}/detail", "/limits"])
def test_unknown_parameters_are_refused_from_2_75_on(
    member: Caller, path: str, version: str, status: int
) -> None:
    assert member.get(f"{path}?x=1", version).status == status


def test_without_quotas_nothing_is_limited() -> None:
    settings = Settings()
    noop = dataclasses.replace(settings.quota, driver="nova.quota.NoopQuotaDriver")
    world = make_world(dataclasses.replace(settings, quota=noop), identity=Projects())
    shown = world.caller().get(SET).body["quota_set"]
    assert {value for name, value in shown.items() if name != "id"} == {-1}
    world.store.close()


class TestLimits:
    LATEST = {
        "maxTotalInstances": 10,
        "maxTotalCores": 20,
        "maxTotalRAMSize": 51200,
        "maxTotalKeypairs": 100,
        "maxServerMeta": 128,
        "maxServerGroups": 10,
        "maxServerGroupMembers": 10,
        "totalInstancesUsed": 1,
        "totalCoresUsed": 1,
        "totalRAMUsed": 512,
        "totalServerGroupsUsed": 0,
    }

    def test_limits_tell_what_there_may_be_and_what_there_is(self, world: World, member: Caller) -> None:
        world.server()
        assert member.get("/limits").body == {"limits": {"absolute": self.LATEST, "rate": []}}

    @pytest.mark.parametrize(
        ("version", "more"),
        [
            (
                "2.35",
                {
                    "maxImageMeta": 128,
                    "maxPersonality": 5,
                    "maxPersonalitySize": 10240,
                    "maxSecurityGroups": -1,
                    "maxSecurityGroupRules": -1,
                    "maxTotalFloatingIps": -1,
                    "totalFloatingIpsUsed": 0,
                    "totalSecurityGroupsUsed": 0,
                },
            ),
            ("2.36", {"maxImageMeta": 128, "maxPersonality": 5, "maxPersonalitySize": 10240}),
            ("2.38", {"maxImageMeta": 128, "maxPersonality": 5, "maxPersonalitySize": 10240}),
            ("2.39", {"maxPersonality": 5, "maxPersonalitySize": 10240}),
            ("2.56", {"maxPersonality": 5, "maxPersonalitySize": 10240}),
            ("2.57", {}),
        ],
    )
    def test_limits_end_with_versions(
        self, world: World, member: Caller, version: str, more: dict[str, int]
    ) -> None:
        world.server()
        assert member.get("/limits", version).body["limits"]["absolute"] == {**self.LATEST, **more}


@pytest.mark.parametrize("version", ["2.1", "2.75", "2.102", "2.104"])
def test_the_defaults_take_any_parameter_at_every_version(admin: Caller, version: str) -> None:
    reply = admin.get(f"{SET}/defaults?anything=goes&user_id=u", version)
    assert reply.status == 200, reply.body


def test_a_class_keeps_limits_of_the_network_for_show(admin: Caller) -> None:
    limits = {"fixed_ips": 99, "security_groups": 98}
    path = "/os-quota-class-sets/default"
    assert (
        admin.put(path, {"quota_class_set": limits}, "2.1").body["quota_class_set"].items() >= limits.items()
    )
    assert admin.get(path, "2.1").body["quota_class_set"].items() >= limits.items()
    defaults = admin.get("/os-quota-sets/elsewhere/defaults", "2.1").body["quota_set"]
    assert defaults["fixed_ips"] == -1
