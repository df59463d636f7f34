"""Who may call what: every route, asked over HTTP by every kind of requester.

The tables state the reference's defaults: each permission by name, with the least role that it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from compute_service.api.policies import ALL
from compute_service.api.routes import ROUTES, TABLE
from tests.functional.caller import Caller
from tests.functional.cloud import Cloud
from tests.functional.permission_rows import ELSEWHERE, Row

ROLES = ("admin", "manager", "member", "reader", "service", "stranger")
"""admin; three of the project demo; a service's user; and a member of another project."""
NO_SERVER = "8c19174f-4220-44f0-824a-cd1eeef10287"
_C = "os_compute_api:"
_SRV = "/servers/{server_id}"
_ACT = f"{_SRV}/action"
_LOG = f"{_SRV}/os-instance-actions"
_FLAVOR = "/flavors/{flavor_id}"
_SPECS = f"{_FLAVOR}/os-extra_specs"
_AGG = "/os-aggregates/{aggregate_id}"
_HYPER = "/os-hypervisors/{hypervisor_id}"
_GROUP = "/os-server-groups/{group_id}"


NEW = {"name": "asked", "imageRef": "{image}", "flavorRef": "{flavor}", "networks": "none"}


def new(**more: Any) -> dict[str, Any]:
    """Return the body of a create."""
    return {"server": NEW | more}


SERVERS = (
    Row(f"{_C}servers:index", "reader", "GET", "/servers", 200),
    Row(f"{_C}servers:index:get_all_tenants", "admin", "GET", "/servers", 200, query="?all_tenants=1",
        first=f"{_C}servers:index"),
    Row(f"{_C}servers:detail", "reader", "GET", "/servers/detail", 200),
    Row(f"{_C}servers:detail:get_all_tenants", "admin", "GET", "/servers/detail", 200,
        query="?all_tenants=1", first=f"{_C}servers:detail"),
    Row(f"{_C}servers:create", "member", "POST", "/servers", 202, new()),
    Row(f"{_C}servers:create:forced_host", "admin", "POST", "/servers", 400,
        new(availability_zone="nova:nowhere:nowhere"), first=f"{_C}servers:create"),
    Row("compute:servers:create:requested_destination", "admin", "POST", "/servers", 400,
        new(host="nowhere"), first=f"{_C}servers:create"),
    Row("network:attach_external_network", "admin", "POST", "/servers", 202,
        new(networks=[{"uuid": "{external}"}]), first=f"{_C}servers:create", says="External network "),
    Row(f"{_C}servers:create:zero_disk_flavor", "admin", "POST", "/servers", 202,
        new(flavorRef="{diskless}"), first=f"{_C}servers:create",
        says="Only volume-backed servers are allowed for flavors with zero disk."),
    Row(f"{_C}servers:show", "reader", "GET", _SRV, 200),
    Row(f"{_C}servers:update", "member", "PUT", _SRV, 200, {"server": {"name": "perm"}}),
    Row(f"{_C}servers:delete", "member", "DELETE", _SRV, 204, fresh=True),
)  # fmt: skip
ACTIONS = (
    Row(f"{_C}servers:confirm_resize", "member", "POST", _ACT, 409, {"confirmResize": None}),
    Row(f"{_C}servers:revert_resize", "member", "POST", _ACT, 409, {"revertResize": None}),
    Row(f"{_C}servers:reboot", "member", "POST", _ACT, 202, {"reboot": {"type": "SOFT"}}, fresh=True),
    Row(f"{_C}servers:resize", "member", "POST", _ACT, 202,
        {"resize": {"flavorRef": "{bigger}"}}, fresh=True),
    Row(f"{_C}servers:rebuild", "member", "POST", _ACT, 202,
        {"rebuild": {"imageRef": "{image}"}}, fresh=True),
    Row(f"{_C}servers:create_image", "member", "POST", _ACT, 202, {"createImage": {"name": "i"}}, fresh=True),
    Row(f"{_C}servers:start", "member", "POST", _ACT, 409, {"os-start": None}),
    Row(f"{_C}servers:stop", "member", "POST", _ACT, 202, {"os-stop": None}, fresh=True),
    Row(f"{_C}os-admin-actions:inject_network_info", "admin", "POST", _ACT, 202,
        {"injectNetworkInfo": None}),
    Row(f"{_C}os-admin-actions:reset_state", "admin", "POST", _ACT, 202,
        {"os-resetState": {"state": "active"}}),
    Row(f"{_C}os-console-output", "member", "POST", _ACT, 200, {"os-getConsoleOutput": {}}),
    Row(f"{_C}os-deferred-delete:restore", "member", "POST", _ACT, 409, {"restore": None}),
    Row(f"{_C}os-deferred-delete:force", "member", "POST", _ACT, 202, {"forceDelete": None}, fresh=True),
    Row(f"{_C}os-lock-server:lock", "member", "POST", _ACT, 202, {"lock": None}, fresh=True),
    Row(f"{_C}os-lock-server:unlock", "member", "POST", _ACT, 202, {"unlock": None}),
    Row(f"{_C}os-migrate-server:migrate", "manager", "POST", _ACT, 202, {"migrate": None}, fresh=True),
    Row(f"{_C}os-migrate-server:migrate:host", "admin", "POST", _ACT, 400, {"migrate": {"host": "nowhere"}},
        first=f"{_C}os-migrate-server:migrate"),
    Row(f"{_C}os-create-backup", "member", "POST", _ACT, 202,
        {"createBackup": {"name": "i", "backup_type": "daily", "rotation": 1}}, fresh=True),
    Row(f"{_C}os-shelve:shelve", "member", "POST", _ACT, 202, {"shelve": None}, fresh=True),
    Row(f"{_C}os-shelve:shelve_offload", "admin", "POST", _ACT, 409, {"shelveOffload": None}),
    Row(f"{_C}os-shelve:unshelve", "member", "POST", _ACT, 409, {"unshelve": None}),
    Row(f"{_C}os-shelve:unshelve_to_host", "admin", "POST", _ACT, 409, {"unshelve": {"host": "nowhere"}},
        first=f"{_C}os-shelve:unshelve"),
    Row(f"{_C}os-migrate-server:migrate_live", "manager", "POST", _ACT, 202,
        {"os-migrateLive": {"host": None, "block_migration": "auto"}}, fresh=True),
    Row(f"{_C}os-migrate-server:migrate_live:host", "admin", "POST", _ACT, 400,
        {"os-migrateLive": {"host": "nowhere", "block_migration": "auto"}},
        first=f"{_C}os-migrate-server:migrate_live"),
    Row(f"{_C}os-evacuate", "admin", "POST", _ACT, 400, {"evacuate": {}}),
    Row(f"{_C}os-pause-server:pause", "member", "POST", _ACT, 202, {"pause": None}, fresh=True),
    Row(f"{_C}os-pause-server:unpause", "member", "POST", _ACT, 409, {"unpause": None}),
    Row(f"{_C}os-suspend-server:suspend", "member", "POST", _ACT, 202, {"suspend": None}, fresh=True),
    Row(f"{_C}os-rescue", "member", "POST", _ACT, 200, {"rescue": None}, fresh=True),
    Row(f"{_C}os-unrescue", "member", "POST", _ACT, 409, {"unrescue": None}),
    Row(f"{_C}os-admin-password", "member", "POST", _ACT, 202, {"changePassword": {"adminPass": "new"}}),
    Row(f"{_C}servers:trigger_crash_dump", "member", "POST", _ACT, 202, {"trigger_crash_dump": None}),
    Row(f"{_C}os-suspend-server:resume", "member", "POST", _ACT, 409, {"resume": None}),
)  # fmt: skip
PARTS = (
    Row("compute:server:topology:index", "reader", "GET", f"{_SRV}/topology", 200),
    Row(f"{_C}server-metadata:index", "reader", "GET", f"{_SRV}/metadata", 200),
    Row(f"{_C}server-metadata:create", "member", "POST", f"{_SRV}/metadata", 200, {"metadata": {"a": "b"}}),
    Row(f"{_C}server-metadata:update_all", "member", "PUT", f"{_SRV}/metadata", 200,
        {"metadata": {"key": "v"}}),
    Row(f"{_C}server-metadata:show", "reader", "GET", f"{_SRV}/metadata/{{key}}", 200),
    Row(f"{_C}server-metadata:update", "member", "PUT", f"{_SRV}/metadata/{{key}}", 200,
        {"meta": {"key": "v"}}),
    Row(f"{_C}server-metadata:delete", "member", "DELETE", f"{_SRV}/metadata/{{key}}", 204, fresh=True),
    Row(f"{_C}os-server-password:show", "reader", "GET", f"{_SRV}/os-server-password", 200),
    Row(f"{_C}os-server-password:clear", "member", "DELETE", f"{_SRV}/os-server-password", 204),
    Row(f"{_C}os-server-tags:index", "reader", "GET", f"{_SRV}/tags", 200),
    Row(f"{_C}os-server-tags:show", "reader", "GET", f"{_SRV}/tags/{{tag}}", 204),
    Row(f"{_C}os-server-tags:update_all", "member", "PUT", f"{_SRV}/tags", 200, {"tags": ["blue"]}),
    Row(f"{_C}os-server-tags:update", "member", "PUT", f"{_SRV}/tags/{{tag}}", 204),
    Row(f"{_C}os-server-tags:delete", "member", "DELETE", f"{_SRV}/tags/{{tag}}", 204, fresh=True),
    Row(f"{_C}os-server-tags:delete_all", "member", "DELETE", f"{_SRV}/tags", 204, fresh=True),
    Row(f"{_C}os-remote-consoles", "member", "POST", f"{_SRV}/remote-consoles", 200,
        {"remote_console": {"protocol": "vnc", "type": "novnc"}}, fresh=True),
    *(
        Row(f"{_C}os-remote-consoles", "member", "POST", _ACT, 200, {f"os-get{name}Console": {"type": kind}},
            fresh=True, version="2.5")
        for name, kind in (("VNC", "novnc"), ("SPICE", "spice-html5"), ("Serial", "serial"))
    ),
    Row(f"{_C}os-console-auth-tokens", "admin", "GET", "/os-console-auth-tokens/{image}", 404),
    Row(f"{_C}os-attach-interfaces:list", "reader", "GET", f"{_SRV}/os-interface", 200),
    Row(f"{_C}os-attach-interfaces:show", "reader", "GET", f"{_SRV}/os-interface/{{port}}", 200),
    Row(f"{_C}os-attach-interfaces:create", "member", "POST", f"{_SRV}/os-interface", 200,
        {"interfaceAttachment": {}}, fresh=True),
    Row(f"{_C}os-attach-interfaces:delete", "member", "DELETE", f"{_SRV}/os-interface/{{image}}", 404),
    Row(f"{_C}ips:index", "reader", "GET", f"{_SRV}/ips", 200),
    Row(f"{_C}ips:show", "reader", "GET", f"{_SRV}/ips/{{network}}", 200),
    Row(f"{_C}os-instance-actions:list", "reader", "GET", _LOG, 200),
    Row(f"{_C}os-instance-actions:show", "reader", "GET", f"{_LOG}/{{request_id}}", 200),
    Row(f"{_C}servers:migrations:index", "manager", "GET", f"{_SRV}/migrations", 200),
    Row(f"{_C}servers:migrations:delete", "manager", "DELETE", f"{_SRV}/migrations/{{migration_id}}", 409),
    Row(f"{_C}servers:migrations:force_complete", "manager", "POST",
        f"{_SRV}/migrations/{{migration_id}}/action", 409, {"force_complete": None}),
    Row(f"{_C}servers:migrations:show", "admin", "GET", f"{_SRV}/migrations/{{migration_id}}", 404),
    Row(f"{_C}os-server-diagnostics", "admin", "GET", f"{_SRV}/diagnostics", 200),
)  # fmt: skip
FLAVORS = (
    Row(None, "any", "GET", "/flavors", 200),
    Row(None, "any", "GET", "/flavors/detail", 200),
    Row(None, "any", "GET", _FLAVOR, 200),
    Row(f"{_C}os-flavor-manage:create", "admin", "POST", "/flavors", 200,
        {"flavor": {"name": "perm-made", "ram": 1, "vcpus": 1, "disk": 1}}),
    Row(f"{_C}os-flavor-manage:update", "admin", "PUT", _FLAVOR, 200, {"flavor": {"description": "d"}}),
    Row(f"{_C}os-flavor-manage:delete", "admin", "DELETE", "/flavors/{doomed}", 202),
    Row(f"{_C}os-flavor-access", "admin", "GET", "/flavors/{private}/os-flavor-access", 200),
    Row(f"{_C}os-flavor-access:add_tenant_access", "admin", "POST", f"{_FLAVOR}/action", 409,
        {"addTenantAccess": {"tenant": "{project}"}}),
    Row(f"{_C}os-flavor-access:remove_tenant_access", "admin", "POST", f"{_FLAVOR}/action", 404,
        {"removeTenantAccess": {"tenant": "{project}"}}),
    Row(f"{_C}os-flavor-extra-specs:index", "reader", "GET", _SPECS, 200),
    Row(f"{_C}os-flavor-extra-specs:show", "reader", "GET", f"{_SPECS}/hw:cpu_policy", 200),
    Row(f"{_C}os-flavor-extra-specs:create", "admin", "POST", _SPECS, 200,
        {"extra_specs": {"hw:mem_page_size": "small"}}),
    Row(f"{_C}os-flavor-extra-specs:update", "admin", "PUT", f"{_SPECS}/hw:cpu_policy", 200,
        {"hw:cpu_policy": "shared"}),
    Row(f"{_C}os-flavor-extra-specs:delete", "admin", "DELETE", f"{_SPECS}/hw:none", 404),
)  # fmt: skip
OWN = (
    Row(f"{_C}os-keypairs:index", "owner", "GET", "/os-keypairs", 200, query="?user_id={user}"),
    Row(f"{_C}os-keypairs:create", "owner", "POST", "/os-keypairs", 400,
        {"keypair": {"name": "perm", "public_key": "no key", "user_id": "{user}"}}),
    Row(f"{_C}os-keypairs:show", "owner", "GET", "/os-keypairs/{keypair}", 200, query="?user_id={user}"),
    Row(f"{_C}os-keypairs:delete", "owner", "DELETE", "/os-keypairs/none", 404, query="?user_id={user}"),
    Row(f"{_C}os-server-groups:index", "reader", "GET", "/os-server-groups", 200),
    Row(f"{_C}os-server-groups:create", "member", "POST", "/os-server-groups", 200,
        {"server_group": {"name": "perm", "policy": "affinity"}}),
    Row(f"{_C}os-server-groups:show", "reader", "GET", _GROUP, 200),
    Row(f"{_C}os-server-groups:delete", "member", "DELETE", _GROUP, 204, fresh=True),
    Row(f"{_C}limits", "any", "GET", "/limits", 200),
    Row(f"{_C}os-quota-sets:show", "reader", "GET", "/os-quota-sets/{project}", 200),
    Row(f"{_C}os-quota-sets:detail", "reader", "GET", "/os-quota-sets/{project}/detail", 200),
    Row(f"{_C}os-quota-sets:defaults", "any", "GET", "/os-quota-sets/{project}/defaults", 200),
    Row(f"{_C}os-quota-sets:update", "admin", "PUT", "/os-quota-sets/{project}", 200,
        {"quota_set": {"key_pairs": 100}}),
    Row(f"{_C}os-quota-sets:delete", "admin", "DELETE", "/os-quota-sets/{project}", 202),
    Row(f"{_C}os-quota-class-sets:show", "admin", "GET", "/os-quota-class-sets/spare", 200),
    Row(f"{_C}os-quota-class-sets:update", "admin", "PUT", "/os-quota-class-sets/spare", 200,
        {"quota_class_set": {"key_pairs": 100}}),
    Row(f"{_C}os-simple-tenant-usage:list", "admin", "GET", "/os-simple-tenant-usage", 200),
    Row(f"{_C}os-simple-tenant-usage:show", "reader", "GET", "/os-simple-tenant-usage/{project}", 200),
)  # fmt: skip
SITE = (
    Row(f"{_C}os-aggregates:index", "admin", "GET", "/os-aggregates", 200),
    Row(f"{_C}os-aggregates:create", "admin", "POST", "/os-aggregates", 200,
        {"aggregate": {"name": "perm-a"}}),
    Row(f"{_C}os-aggregates:show", "admin", "GET", _AGG, 200),
    Row(f"{_C}os-aggregates:update", "admin", "PUT", _AGG, 200, {"aggregate": {"name": "perm"}}),
    Row(f"{_C}os-aggregates:delete", "admin", "DELETE", "/os-aggregates/999999", 404),
    Row(f"{_C}os-aggregates:add_host", "admin", "POST", f"{_AGG}/action", 404,
        {"add_host": {"host": "none"}}),
    Row(f"{_C}os-aggregates:remove_host", "admin", "POST", f"{_AGG}/action", 404,
        {"remove_host": {"host": "none"}}),
    Row(f"{_C}os-aggregates:set_metadata", "admin", "POST", f"{_AGG}/action", 200,
        {"set_metadata": {"metadata": {"a": "b"}}}),
    Row("compute:aggregates:images", "admin", "POST", f"{_AGG}/images", 202, {"cache": [{"id": "{image}"}]}),
    Row(f"{_C}os-availability-zone:list", "any", "GET", "/os-availability-zone", 200),
    Row(f"{_C}os-availability-zone:detail", "admin", "GET", "/os-availability-zone/detail", 200),
    Row(f"{_C}os-services:list", "admin", "GET", "/os-services", 200),
    Row(f"{_C}os-services:update", "admin", "PUT", "/os-services/{service_id}", 200, {"status": "enabled"}),
    Row(f"{_C}os-services:update", "admin", "PUT", "/os-services/enable", 200,
        {"host": "{host}", "binary": "nova-compute"}, "2.52"),
    Row(f"{_C}os-services:delete", "admin", "DELETE", f"/os-services/{NO_SERVER}", 404),
    Row(f"{_C}os-hypervisors:list", "admin", "GET", "/os-hypervisors", 200),
    Row(f"{_C}os-hypervisors:list-detail", "admin", "GET", "/os-hypervisors/detail", 200),
    Row(f"{_C}os-hypervisors:statistics", "admin", "GET", "/os-hypervisors/statistics", 200, version="2.87"),
    Row(f"{_C}os-hypervisors:show", "admin", "GET", _HYPER, 200),
    Row(f"{_C}os-hypervisors:uptime", "admin", "GET", f"{_HYPER}/uptime", 200, version="2.87"),
    Row(f"{_C}os-hypervisors:search", "admin", "GET", "/os-hypervisors/{host}/search", 200, version="2.52"),
    Row(f"{_C}os-hypervisors:servers", "admin", "GET", "/os-hypervisors/{host}/servers", 200, version="2.52"),
    Row(f"{_C}os-migrations:index:all_projects", "admin", "GET", "/os-migrations", 200,
        first=f"{_C}os-migrations:index"),
    Row(f"{_C}os-migrations:index", "manager", "GET", "/os-migrations", 200, query="?project_id={project}"),
    Row(f"{_C}os-server-external-events:create", "service", "POST", "/os-server-external-events", 207,
        {"events": [{"name": "network-changed", "server_uuid": NO_SERVER}]}),
    Row(f"{_C}extensions", "any", "GET", "/extensions", 200),
    Row(f"{_C}extensions", "any", "GET", "/extensions/os-agents", 200),
    Row(None, "any", "GET", "/", 200),
    Row(None, "any", "GET", "/versions/v2.1", 200),
)  # fmt: skip
ROWS = (*SERVERS, *ACTIONS, *PARTS, *FLAVORS, *OWN, *SITE, *ELSEWHERE)
OLD_NAME = tuple(
    row._replace(path=row.path.replace("/servers", "/os-volumes_boot"), version="2.102")
    for row in (*SERVERS, *ACTIONS)
    if row.path != _ACT
    or next(iter(row.body))
    in (
        "confirmResize",
        "revertResize",
        "reboot",
        "resize",
        "rebuild",
        "createImage",
        "os-start",
        "os-stop",
        "trigger_crash_dump",
    )
)
"""The servers' other name, with the same permissions."""


class Seen(NamedTuple):
    """What a permission shows: a key (of whatever depth) that answers have only for those who may see it."""

    rule: str
    least: str
    path: str
    key: str
    null: bool = True
    """Whether a null counts as seen."""


SEEN = (
    Seen(f"{_C}os-extended-server-attributes", "admin", _SRV, "OS-EXT-SRV-ATTR:host"),
    Seen(f"{_C}os-extended-server-attributes", "admin", "/servers/detail", "OS-EXT-SRV-ATTR:host"),
    Seen(f"{_C}servers:show:host_status", "admin", _SRV, "host_status"),
    Seen(f"{_C}servers:show:host_status", "admin", "/servers/detail", "host_status"),
    Seen(f"{_C}servers:show:flavor-extra-specs", "reader", _SRV, "extra_specs"),
    Seen(f"{_C}os-flavor-extra-specs:index", "reader", _FLAVOR, "extra_specs"),
    Seen(f"{_C}os-flavor-extra-specs:index", "reader", "/flavors/detail", "extra_specs"),
    Seen(f"{_C}os-instance-actions:events", "admin", f"{_LOG}/{{request_id}}", "traceback"),
    Seen(f"{_C}os-instance-actions:events:details", "admin", f"{_LOG}/{{request_id}}", "details"),
    Seen(
        f"{_C}os-migrations:index:host",
        "admin",
        "/os-migrations?project_id={project}",
        "dest_host",
        null=False,
    ),
)
WITH_ANOTHER = {
    f"{_C}servers:create:attach_volume": f"{_C}servers:create",
    f"{_C}servers:create:attach_network": f"{_C}servers:create",
    f"{_C}servers:create:trusted_certs": f"{_C}servers:create",
    f"{_C}servers:rebuild:trusted_certs": f"{_C}servers:rebuild",
    f"{_C}servers:create_image:allow_volume_backed": f"{_C}servers:create_image",
    f"{_C}servers:show:host_status:unknown-only": f"{_C}servers:show:host_status",
    f"{_C}servers:migrations:index:host": f"{_C}servers:migrations:show",
}
"""Permissions whose default lets in the same requesters as another that is asked first or shows more."""
BY_THEMSELVES = {
    f"{_C}servers:allow_all_filters",
    f"{_C}limits:other_project",
    f"{_C}os-server-groups:index:all_projects",
    f"{_C}os-lock-server:unlock:unlock_override",
}
"""Permissions with a test of their own below."""
NOBODYS = {"compute:servers:resize:cross_cell"}
"""Permissions that nobody has by default: resizes stay in their cell."""


@dataclass(frozen=True)
class Stage:
    """The requesters, and what calls are about."""

    callers: dict[str, Caller]
    names: dict[str, str]
    order: dict[str, Any]

    def server(self) -> str:
        """Return a server that runs, of the project demo."""
        owner = self.callers["member"]
        made = owner.post("/servers", self.order)
        assert made.status == 202, made
        return str(owner.settled(made.body["server"]["id"], "ACTIVE")["id"])

    def group(self) -> str:
        """Return a server group of the project demo."""
        body = {"server_group": {"name": "perm", "policy": "affinity"}}
        return str(self.callers["member"].post("/os-server-groups", body).body["server_group"]["id"])


def fill(value: Any, names: dict[str, str]) -> Any:
    """Put names in the place of `{name}` in a path or a body."""
    if isinstance(value, str):
        return value.format_map(names) if "{" in value else value
    if isinstance(value, dict):
        return {key: fill(inner, names) for key, inner in value.items()}
    return [fill(inner, names) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def stage(cloud: Cloud) -> Iterator[Stage]:
    """One of everything."""
    users = ("admin", "demo-manager", "demo", "demo-reader")
    callers = dict(zip(ROLES, map(cloud.caller, users), strict=False))
    callers["service"] = cloud.newcomer("servant", "service", "service")
    callers["stranger"] = cloud.newcomer("stranger", "elsewhere", "member", "reader")
    admin, member = callers["admin"], callers["member"]
    for name, more in (("perm-doomed", {}), ("perm-private", {"os-flavor-access:is_public": False}),
                       ("perm-flavor", {}), ("perm-diskless", {"disk": 0})):  # fmt: skip
        flavor = {"id": name, "name": name, "ram": 64, "vcpus": 1, "disk": 1, **more}
        assert admin.post("/flavors", {"flavor": flavor}).status == 200
    specs = {"extra_specs": {"hw:cpu_policy": "shared"}}
    assert admin.post("/flavors/perm-flavor/os-extra_specs", specs).status == 200
    external = cloud.external_network
    order = {
        "server": {
            "name": "perm", "imageRef": cloud.image, "flavorRef": "perm-flavor", "metadata": {"key": "v"},
            "tags": ["blue"], "networks": [{"uuid": cloud.private_network}],
        }
    }  # fmt: skip
    names = {
        "image": cloud.image, "flavor": cloud.small_flavor, "bigger": cloud.bigger_flavor,
        "host": cloud.hosts[0],
        "external": external, "diskless": "perm-diskless", "flavor_id": "perm-flavor",
        "doomed": "perm-doomed",
        "private": "perm-private", "project": cloud.member_project, "user": cloud.user_id("demo"),
        "key": "key",
        "tag": "blue", "network": "private", "migration_id": "999999", "keypair": "perm-key",
    }  # fmt: skip
    made = Stage(callers, names, order)
    names["server_id"] = made.server()
    names["group_id"] = made.group()
    log = member.get(f"/servers/{names['server_id']}/os-instance-actions").body["instanceActions"]
    names["request_id"] = log[0]["request_id"]
    assert member.post("/os-keypairs", {"keypair": {"name": "perm-key"}}, "2.91").status == 201
    aggregate = {"aggregate": {"name": "perm"}}
    names["aggregate_id"] = str(admin.post("/os-aggregates", aggregate).body["aggregate"]["id"])
    services = admin.get("/os-services?binary=nova-compute").body["services"]
    names["service_id"] = services[0]["id"]
    names["hypervisor_id"] = admin.get("/os-hypervisors").body["hypervisors"][0]["id"]
    ports = member.get(f"/servers/{names['server_id']}/os-interface").body["interfaceAttachments"]
    names["port"] = ports[0]["port_id"]
    yield made
    assert admin.delete(f"/os-aggregates/{names['aggregate_id']}").status == 200


def expected(row: Row, role: str) -> int:
    """Return the status that a requester is to get."""
    hidden = "{server_id}" in row.path or "{group_id}" in row.path
    if role == "admin":
        return row.status
    if hidden and role in ("service", "stranger"):
        return 404
    return row.status if may(row.least, role, "{project}" in row.path + row.query) else 403


def may(least: str, role: str, of_demo: bool) -> bool:
    """Tell whether a role has what a permission asks for; a stranger is a member at home only."""
    if role == "admin" or least in ("any", role):
        return True
    if least == "owner":
        return role == "member"
    if role == "stranger":
        return least in ("reader", "member") and not of_demo
    ladder = ("reader", "member", "manager")
    return least in ladder and role in ladder and ladder.index(role) >= ladder.index(least)


def refusals(row: Row) -> Iterator[str]:
    """Return how a refusal may begin."""
    yield from (f"Policy doesn't allow {rule} to be performed." for rule in (row.rule, row.first) if rule)
    if row.says is not None:
        yield row.says


def asked(stage: Stage, row: Row, role: str, status: int) -> str | None:
    """Make a row's call for a requester; return what was wrong, if anything."""
    names = dict(stage.names)
    if row.fresh and status == row.status:
        names["server_id"] = stage.server() if "{server_id}" in row.path else names["server_id"]
        names["group_id"] = stage.group() if "{group_id}" in row.path else names["group_id"]
    path, body = fill(row.path + row.query, names), fill(row.body, names)
    reply = stage.callers[role].call(row.method, path, body, row.version)
    if reply.status != status:
        return f"{role}: {reply.status} instead of {status} {reply.body if reply.status > 299 else ''}"
    if status == 403 and not reply.message.startswith(tuple(refusals(row))):
        return f"{role}: {reply.message}"
    return None


def named(row: Row) -> str:
    action = next(iter(row.body)) if row.path == _ACT and row.body else ""
    return f"{row.method} {row.path}{row.query} {action} {row.rule or ''}"


@pytest.mark.parametrize("row", [pytest.param(row, id=named(row)) for row in (*ROWS, *OLD_NAME)])
def test_a_route_lets_in_whom_its_permission_names(stage: Stage, row: Row) -> None:
    wrong = [asked(stage, row, role, expected(row, role)) for role in ROLES]
    assert [line for line in wrong if line] == []


def keys_of(value: Any, null: bool) -> set[str]:
    """Return the keys of all objects in a JSON value; those that hold a null only if asked."""
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item, null)}
    if not isinstance(value, dict):
        return set()
    own = {key for key, inner in value.items() if null or inner is not None}
    return own | {key for inner in value.values() for key in keys_of(inner, null)}


@pytest.fixture(scope="module")
def moved(stage: Stage) -> str:
    """A server that has migrated."""
    uuid = stage.server()
    assert stage.callers["admin"].act(uuid, "migrate").status == 202
    stage.callers["admin"].settled(uuid, "VERIFY_RESIZE")
    return uuid


@pytest.mark.parametrize("seen", [pytest.param(one, id=f"{one.path} {one.key}") for one in SEEN])
def test_a_field_is_shown_to_whom_its_permission_names(stage: Stage, moved: str, seen: Seen) -> None:
    shown = {}
    for role, caller in stage.callers.items():
        reply = caller.get(fill(seen.path, stage.names))
        if reply.status == 200 and role != "stranger":
            shown[role] = seen.key in keys_of(reply.body, seen.null)
    assert shown["admin"]
    assert shown == {role: may(seen.least, role, of_demo=True) for role in shown}
    assert {"admin", "manager"} <= shown.keys()


def test_a_filter_that_only_admins_have_is_passed_over_for_others(stage: Stage) -> None:
    for role, found in (("admin", False), ("manager", True), ("member", True), ("reader", True)):
        reply = stage.callers[role].get(
            f"/servers?host=nowhere&name=perm&project_id={stage.names['project']}"
        )
        assert reply.status == 200, reply
        assert (stage.names["server_id"] in [one["id"] for one in reply.body["servers"]]) is found, role


def test_only_admins_see_the_limits_of_another_project(stage: Stage) -> None:
    path = f"/limits?tenant_id={stage.names['project']}"
    found = {role: caller.get(path).status for role, caller in stage.callers.items()}
    assert found == dict.fromkeys(("admin", "manager", "member", "reader"), 200) | {
        "service": 403,
        "stranger": 403,
    }


def test_only_admins_list_the_groups_of_all_projects(stage: Stage) -> None:
    stranger = stage.callers["stranger"]
    body = {"server_group": {"name": "theirs", "policy": "affinity"}}
    theirs = stranger.post("/os-server-groups", body).body["server_group"]["id"]
    for role in ("admin", "manager", "member", "reader", "stranger"):
        groups = stage.callers[role].get("/os-server-groups?all_projects=1").body["server_groups"]
        assert (theirs in [one["id"] for one in groups]) is (role in ("admin", "stranger")), role
    assert stranger.delete(f"/os-server-groups/{theirs}").status == 204


def test_what_an_admin_locked_only_an_admin_unlocks(stage: Stage) -> None:
    uuid = stage.names["server_id"]
    assert stage.callers["admin"].act(uuid, "lock").status == 202
    denied = f"Policy doesn't allow {_C}os-lock-server:unlock:unlock_override to be performed."
    for role in ("manager", "member"):
        refused = stage.callers[role].act(uuid, "unlock")
        assert (refused.status, refused.message) == (403, denied)
    assert stage.callers["admin"].act(uuid, "unlock").status == 202


def test_nobody_is_refused_without_a_token(stage: Stage) -> None:
    nobody = Caller(stage.callers["admin"].url, "")
    for row in ROWS:
        if row.path == "/":
            continue
        reply = nobody.call(row.method, fill(row.path, stage.names), fill(row.body, stage.names), row.version)
        assert reply.status == 401, row


def test_every_route_is_asked() -> None:
    told = set()
    for row in (*ROWS, *OLD_NAME):
        place = TABLE.find(row.path.lstrip("/").split("/"))
        assert place is not None, row.path
        rows = place[0].methods.get(row.method) or place[0].actions[next(iter(row.body))]
        told |= {(one.method, one.path, one.action) for one in rows}
    served = {(one.method, one.path, one.action) for one in ROUTES if one.handler is not None}
    assert served - told == set()


def test_every_permission_is_told() -> None:
    told = {one.rule for one in (*ROWS, *SEEN)} | WITH_ANOTHER.keys() | BY_THEMSELVES | NOBODYS
    assert {rule.name for rule in ALL} - told == set()
    assert told - {rule.name for rule in ALL} == {None}
