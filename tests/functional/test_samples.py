"""The published samples of the API, against the site: answers have their form, requests are accepted."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from compute_service.api.routes import ROUTES, TABLE
from compute_service.api.table import row_at
from compute_service.api.versions import minor
from tests.functional.caller import Reply
from tests.functional.likeness import differences
from tests.functional.sample_requests import ACCEPTED_LATE, SENT, acted, new_group, ours
from tests.functional.sampled import PICTURE, PUBLIC_KEY, Stage
from tests.functional.sampled_elsewhere import ELSEWHERE

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "api_samples"
SAMPLES = Path(os.environ.get("STRATUS_API_SAMPLES", BESIDE))
PAST, FUTURE = "2001-01-01T00:00:00Z", "2100-01-01T00:00:00Z"
Ask = Callable[[Stage], Reply]


class Sample(NamedTuple):
    """A row of the index."""

    path: str
    resource: str
    version: str
    kind: str
    route: str
    status: str
    note: str

    @property
    def key(self) -> tuple[str, str]:
        """The resource and the sample's name."""
        return self.resource, Path(self.path).stem


def index() -> list[Sample]:
    if not SAMPLES.is_dir():
        return []
    with (SAMPLES / "INDEX.tsv").open() as table:
        return [Sample(*row) for row in list(csv.reader(table, delimiter="\t"))[1:]]


def opened(stage: Stage, protocol: str, kind: str) -> Reply:
    """Open a console."""
    wanted = {"remote_console": {"protocol": protocol, "type": kind}}
    return stage.post(f"/servers/{stage.server()}/remote-consoles", wanted)


def old_console(stage: Stage, name: str, kind: str) -> Reply:
    """Open a console by an action."""
    return stage.post(f"/servers/{stage.server()}/action", {f"os-get{name}Console": {"type": kind}})


def connection(stage: Stage) -> Reply:
    """Ask where the token of a console leads."""
    kind = ("spice", "spice-direct") if stage.at_least(99) else ("serial", "serial")
    url = opened(stage, *kind).body["remote_console"]["url"]
    return stage.get(f"/os-console-auth-tokens/{url.partition('token=')[2]}")


def changed(stage: Stage, way: str) -> Reply:
    """Change a compute service, as the version does it, and change it back."""
    uuid, by_uuid = stage.service(), stage.at_least(53)
    named: dict[str, Any] = {"host": stage.host, "binary": "nova-compute"}
    new, old, back = {
        "enable": ({"status": "enabled"}, {}, {"status": "enabled"}),
        "disable": ({"status": "disabled"}, {}, {"status": "enabled"}),
        "disable-log-reason": (
            {"status": "disabled", "disabled_reason": "r"}, {"disabled_reason": "r"}, {"status": "enabled"},
        ),
        "force-down": ({"forced_down": True}, {"forced_down": True}, {"forced_down": False}),
    }[way]  # fmt: skip
    reply = (
        stage.put(f"/os-services/{uuid}", new) if by_uuid else stage.put(f"/os-services/{way}", named | old)
    )
    assert stage.admin.put(f"/os-services/{uuid}", back).status == 200
    return reply


def aggregate_act(stage: Stage, action: str, value: dict[str, Any], host: bool = False) -> Reply:
    path = stage.aggregate(host)
    reply = stage.post(f"{path}/action", {action: value})
    stage.admin.post(f"{path}/action", {"remove_host": {"host": stage.host}})
    return reply


def shown_aggregates(stage: Stage, one: bool) -> Reply:
    path = stage.aggregate(host=True)
    reply = stage.get(path if one else "/os-aggregates")
    stage.admin.post(f"{path}/action", {"remove_host": {"host": stage.host}})
    return reply


def new_server(stage: Stage, **more: Any) -> Reply:
    networks: Any = "none" if stage.at_least(37) else [{"uuid": stage.cloud.private_network}]
    server = {"name": "a", "flavorRef": "sampled", "imageRef": PICTURE, "networks": networks, **more}
    return stage.post("/servers", {"server": server})


def any_group(stage: Stage) -> Reply:
    wanted = {"policy": "anti-affinity", "rules": {"max_server_per_host": 3}}
    if not stage.at_least(64):
        wanted = {"policies": ["anti-affinity"]}
    return new_group(stage, {"server_group": {"name": "g", **wanted}})


def new_key(stage: Stage, **more: Any) -> Reply:
    return stage.post("/os-keypairs", {"keypair": {"name": stage.unique("k"), **more}})


def new_flavor(stage: Stage) -> Reply:
    name = stage.unique("f")
    return stage.post("/flavors", {"flavor": {"name": name, "ram": 1, "vcpus": 1, "disk": 1, "id": name}})


def access(stage: Stage, action: str) -> Reply:
    path, named = "/flavors/sampled-private/action", {"tenant": stage.project}
    if action == "removeTenantAccess":
        other = stage.cloud.member_project
        stage.admin.post(path, {"addTenantAccess": {"tenant": other}})
        stage.admin.post(path, {"addTenantAccess": named})
        reply = stage.post(path, {action: {"tenant": other}})
        stage.admin.post(path, {"removeTenantAccess": named})
        return reply
    reply = stage.post(path, {action: named})
    stage.admin.post(path, {"removeTenantAccess": named})
    return reply


def with_access(stage: Stage) -> Reply:
    stage.admin.post("/flavors/sampled-private/action", {"addTenantAccess": {"tenant": stage.project}})
    reply = stage.get("/flavors/sampled-private/os-flavor-access")
    stage.admin.post("/flavors/sampled-private/action", {"removeTenantAccess": {"tenant": stage.project}})
    return reply


def marked(stage: Stage, path: str, items: str, key: str) -> Reply:
    """List what comes after the first of a list."""
    join = "&" if "?" in path else "?"
    first = stage.get(f"{path}{join}limit=1").body[items][0][key]
    return stage.get(f"{path}{join}marker={first}")


def of_host(stage: Stage, query: str, part: str) -> Reply:
    if stage.at_least(53):
        return stage.get(f"/os-hypervisors?{query}")
    return stage.get(f"/os-hypervisors/{stage.cloud.host_of(stage.admin, stage.server_id)}/{part}")


def at_root(stage: Stage, path: str) -> Reply:
    return type(stage.admin)(stage.admin.url.rsplit("/v2.1", 1)[0], "").get(path, None)


def logged(stage: Stage, query: str = "") -> Reply:
    return stage.get(f"{stage.url}/os-instance-actions{query}")


def fled(stage: Stage) -> Reply:
    """Return the answer to an evacuation."""
    return acted(stage, {"evacuate": {"adminPass": "MySecretPass", "onSharedStorage": "False"}})


def an_event(stage: Stage) -> Reply:
    event = {"name": "network-changed", "server_uuid": stage.server_id, "status": "completed", "tag": "foo"}
    return stage.post("/os-server-external-events", {"events": [event]})


SPECS = "/flavors/sampled/os-extra_specs"
QUOTA = {"quota_set": {"cores": 45}}
RENAME = {"server": {"name": "renamed"}}
IN_PERIOD = f"start={PAST[:-1]}&end={FUTURE[:-1]}"


def first_port(stage: Stage) -> str:
    """Return the port of an interface of the standing server."""
    port = stage.get(f"{stage.url}/os-interface").body["interfaceAttachments"][0]["port_id"]
    return str(port)


def one_interface_more(stage: Stage) -> Reply:
    wanted = {"net_id": stage.cloud.private_network} | ({"tag": "public"} if stage.at_least(49) else {})
    return stage.post(f"/servers/{stage.server()}/os-interface", {"interfaceAttachment": wanted})


ASKS: dict[str, dict[str, Ask]] = {
    "versions": {
        "v21-version-get-resp": lambda s: at_root(s, "/v2.1/"),
        "v2-version-get-resp": lambda s: at_root(s, "/v2/"),
        "versions-get-resp": lambda s: at_root(s, "/"),
    },
    "extension-info": {
        "extensions-get-resp": lambda s: s.get("/extensions/os-agents"),
        "extensions-list-resp": lambda s: s.get("/extensions"),
        "extensions-list-resp-v21-compatible": lambda s: s.get("/extensions"),
    },
    "servers": {
        "server-get-resp": lambda s: s.get(s.url),
        "servers-details-resp": lambda s: s.get("/servers/detail?limit=1"),
        "servers-details-with-changes-before": lambda s: s.get(f"/servers/detail?changes-before={FUTURE}"),
        "servers-list-resp": lambda s: s.get("/servers?limit=1"),
        "servers-list-status-resp": lambda s: s.get("/servers?limit=1&status=active&status=error"),
        "servers-list-with-changes-before": lambda s: s.get(f"/servers?changes-before={FUTURE}"),
        "server-create-resp": new_server,
        "server-update-resp": lambda s: s.put(f"/servers/{s.server()}", RENAME),
        "server-put-resp": lambda s: s.put(f"/servers/{s.server()}", RENAME),
        "server-action-rebuild-resp": lambda s: s.act("rebuild", {"imageRef": PICTURE}),
        "server-action-create-image-resp": lambda s: s.act("createImage", {"name": "i"}),
        "server-groups-post-resp": any_group,
    },
    "os-create-backup": {
        "create-backup-resp": lambda s: s.act(
            "createBackup", {"name": "i", "backup_type": "weekly", "rotation": 1}
        ),
    },
    "os-evacuate": {"server-evacuate-resp": fled, "server-evacuate-find-host-resp": fled},
    "servers-sort": {
        "server-sort-keys-list-resp": lambda s: s.get("/servers?sort_key=display_name&sort_dir=asc"),
    },
    "os-preserve-ephemeral-rebuild": {
        "server-action-rebuild-preserve-ephemeral-resp": lambda s: s.act("rebuild", {"imageRef": PICTURE}),
    },
    "os-multiple-create": {
        "multiple-create-no-resv-post-resp": lambda s: new_server(s, min_count=2),
        "multiple-create-post-resp": lambda s: new_server(s, min_count=2, return_reservation_id=True),
    },
    "os-server-tags": {
        "server-tags-index-resp": lambda s: s.get(f"{s.url}/tags"),
        "server-tags-put-all-resp": lambda s: s.put(f"{s.url}/tags", {"tags": ["blue"]}),
        "server-tags-show-details-resp": lambda s: s.get(s.url),
        "servers-tags-details-resp": lambda s: s.get("/servers/detail"),
    },
    "os-server-password": {"get-password-resp": lambda s: s.get(f"{s.url}/os-server-password")},
    "os-attach-interfaces": {
        "attach-interfaces-list-resp": lambda s: s.get(f"{s.url}/os-interface"),
        "attach-interfaces-show-resp": lambda s: s.get(f"{s.url}/os-interface/{first_port(s)}"),
        "attach-interfaces-create-resp": one_interface_more,
    },
    "os-server-topology": {
        "servers-topology-resp": lambda s: s.get(f"{s.url}/topology"),
        "servers-topology-resp-user": lambda s: s.get(f"{s.url}/topology"),
    },
    "server-ips": {
        "server-ips-resp": lambda s: s.get(f"{s.url}/ips"),
        "server-ips-network-resp": lambda s: s.get(f"{s.url}/ips/private"),
    },
    "server-metadata": {
        "server-metadata-all-resp": lambda s: s.get(f"{s.url}/metadata"),
        "server-metadata-resp": lambda s: s.get(f"{s.url}/metadata/foo"),
    },
    "server-migrations": {
        "migrations-index": lambda s: s.get(f"{s.url}/migrations"),
        "migrations-get": lambda s: s.get(f"{s.url}/migrations/{s.migration}"),
    },
    "os-migrations": {
        "migrations-get": lambda s: s.get("/os-migrations"),
        "migrations-get-with-limit": lambda s: s.get("/os-migrations?limit=1"),
        "migrations-get-with-marker": lambda s: marked(s, "/os-migrations", "migrations", "uuid"),
        "migrations-get-with-changes-since": lambda s: s.get(f"/os-migrations?changes-since={PAST}"),
        "migrations-get-with-changes-before": lambda s: s.get(f"/os-migrations?changes-before={FUTURE}"),
        "migrations-get-with-user-or-project-id": lambda s: s.get("/os-migrations?user_id=u&project_id=p"),
    },
    "os-server-diagnostics": {
        "server-diagnostics-get-resp": lambda s: s.get(f"{s.url}/diagnostics"),
    },
    "os-console-output": {
        "console-output-post-resp": lambda s: s.act("os-getConsoleOutput", {}),
    },
    "os-remote-consoles": {
        "get-vnc-console-post-resp": lambda s: old_console(s, "VNC", "novnc"),
        "get-spice-console-post-resp": lambda s: old_console(s, "SPICE", "spice-html5"),
        "get-serial-console-post-resp": lambda s: old_console(s, "Serial", "serial"),
        "create-vnc-console-resp": lambda s: opened(s, "vnc", "novnc"),
        "create-spice-direct-console-resp": lambda s: opened(s, "spice", "spice-direct"),
    },
    "os-console-auth-tokens": {
        "get-console-connect-info-get-resp": connection,
    },
    "os-instance-actions": {
        "instance-action-get-resp": lambda s: logged(s, f"/{s.request_id('stop')}"),
        "instance-action-get-non-admin-resp": lambda s: s.member.get(
            f"{s.url}/os-instance-actions/{s.request_id('stop')}", s.version
        ),
        "instance-actions-list-resp": logged,
        "instance-actions-list-with-limit-resp": lambda s: logged(s, "?limit=1"),
        "instance-actions-list-with-marker-resp": lambda s: marked(
            s, f"{s.url}/os-instance-actions", "instanceActions", "request_id"
        ),
        "instance-actions-list-with-changes-since": lambda s: logged(s, f"?changes-since={PAST}"),
        "instance-actions-list-with-changes-before": lambda s: logged(s, f"?changes-before={FUTURE}"),
    },
    "flavors": {
        "flavor-get-resp": lambda s: s.get("/flavors/sampled"),
        "flavors-detail-resp": lambda s: s.get("/flavors/detail"),
        "flavors-list-resp": lambda s: s.get("/flavors"),
    },
    "flavor-manage": {
        "flavor-create-post-resp": new_flavor,
        "flavor-update-resp": lambda s: s.put("/flavors/sampled", {"flavor": {"description": "d"}}),
    },
    "flavor-access": {
        "flavor-access-list-resp": with_access,
        "flavor-access-add-tenant-resp": lambda s: access(s, "addTenantAccess"),
        "flavor-access-remove-tenant-resp": lambda s: access(s, "removeTenantAccess"),
    },
    "flavor-extra-specs": {
        "flavor-extra-specs-list-resp": lambda s: s.get(SPECS),
        "flavor-extra-specs-get-resp": lambda s: s.get(f"{SPECS}/hw:numa_nodes"),
        "flavor-extra-specs-create-resp": lambda s: s.post(SPECS, {"extra_specs": {"hw:numa_nodes": "1"}}),
        "flavor-extra-specs-update-resp": lambda s: s.put(f"{SPECS}/hw:numa_nodes", {"hw:numa_nodes": "1"}),
    },
    "os-keypairs": {
        "keypairs-get-resp": lambda s: s.get("/os-keypairs/sampled"),
        "keypairs-list-resp": lambda s: s.get("/os-keypairs?limit=1"),
        "keypairs-list-user1-resp": lambda s: s.get(f"/os-keypairs?user_id={s.cloud.user_id('sampler')}"),
        "keypairs-list-user2-resp": lambda s: s.get(
            f"/os-keypairs?limit=1&user_id={s.cloud.user_id('sampler')}"
        ),
        "keypairs-post-resp": new_key,
        "keypairs-import-post-resp": lambda s: new_key(s, public_key=PUBLIC_KEY),
    },
    "os-server-groups": {
        "server-groups-get-resp": lambda s: s.get(f"/os-server-groups/{s.group()}"),
        "server-groups-list-resp": lambda s: s.get("/os-server-groups"),
        "server-groups-post-resp": any_group,
    },
    "os-rescue": {
        "server-rescue": lambda s: acted(s, {"rescue": {"adminPass": "to-mend-it"}}),
        "server-get-resp-rescue": lambda s: s.get(s.url),
        "server-get-resp-unrescue": lambda s: s.get(s.url),
    },
    "limits": {"limit-get-resp": lambda s: s.get("/limits")},
    "os-quota-class-sets": {
        "quota-classes-show-get-resp": lambda s: s.get("/os-quota-class-sets/sampled"),
        "quota-classes-update-post-resp": lambda s: s.put(
            "/os-quota-class-sets/sampled", {"quota_class_set": {"cores": 50}}
        ),
    },
    "os-quota-sets": {
        "quotas-show-get-resp": lambda s: s.get(f"/os-quota-sets/{s.project}"),
        "quotas-show-defaults-get-resp": lambda s: s.get(f"/os-quota-sets/{s.project}/defaults"),
        "quotas-show-detail-get-resp": lambda s: s.get(f"/os-quota-sets/{s.project}/detail"),
        "quotas-update-post-resp": lambda s: s.put(f"/os-quota-sets/{s.spare_project()}", QUOTA),
        "quotas-update-force-post-resp": lambda s: s.put(
            f"/os-quota-sets/{s.spare_project()}", {"quota_set": {"cores": 45, "force": True}}
        ),
        "user-quotas-show-get-resp": lambda s: s.get(f"/os-quota-sets/{s.project}?user_id=1"),
        "user-quotas-update-post-resp": lambda s: s.put(
            f"/os-quota-sets/{s.spare_project()}?user_id=1", QUOTA
        ),
    },
    "os-simple-tenant-usage": {
        "simple-tenant-usage-get": lambda s: s.get(f"/os-simple-tenant-usage?{IN_PERIOD}&limit=1"),
        "simple-tenant-usage-get-all": lambda s: s.get(f"/os-simple-tenant-usage?{IN_PERIOD}&detailed=1"),
        "simple-tenant-usage-get-detail": lambda s: s.get(
            f"/os-simple-tenant-usage?{IN_PERIOD}&detailed=1&limit=1"
        ),
        "simple-tenant-usage-get-specific": lambda s: s.get(
            f"/os-simple-tenant-usage/{s.project}?{IN_PERIOD}&limit=1"
        ),
    },
    "os-server-external-events": {"event-create-resp": an_event},
    "os-aggregates": {
        "aggregate-post-resp": lambda s: s.post("/os-aggregates", {"aggregate": {"name": s.unique("a")}}),
        "aggregate-update-post-resp": lambda s: s.put(s.aggregate(), {"aggregate": {"name": s.unique("a")}}),
        "aggregates-get-resp": lambda s: shown_aggregates(s, one=True),
        "aggregates-list-get-resp": lambda s: shown_aggregates(s, one=False),
        "aggregates-add-host-post-resp": lambda s: aggregate_act(s, "add_host", {"host": s.host}),
        "aggregates-remove-host-post-resp": lambda s: aggregate_act(
            s, "remove_host", {"host": s.host}, host=True
        ),
        "aggregates-metadata-post-resp": lambda s: aggregate_act(
            s, "set_metadata", {"metadata": {"key": "value"}}
        ),
    },
    "os-availability-zone": {
        "availability-zone-list-resp": lambda s: s.get("/os-availability-zone"),
        "availability-zone-detail-resp": lambda s: s.get("/os-availability-zone/detail"),
    },
    "os-services": {
        "services-list-get-resp": lambda s: s.get("/os-services"),
        "service-enable-put-resp": lambda s: changed(s, "enable"),
        "service-disable-put-resp": lambda s: changed(s, "disable"),
        "service-disable-log-put-resp": lambda s: changed(s, "disable-log-reason"),
        "service-force-down-put-resp": lambda s: changed(s, "force-down"),
    },
    "os-hypervisors": {
        "hypervisors-list-resp": lambda s: s.get("/os-hypervisors?limit=1"),
        "hypervisors-detail-resp": lambda s: s.get("/os-hypervisors/detail?limit=1"),
        "hypervisors-detail-with-servers-resp": lambda s: s.get("/os-hypervisors/detail?with_servers=1"),
        "hypervisors-search-resp": lambda s: of_host(s, f"hypervisor_hostname_pattern={s.host}", "search"),
        "hypervisors-with-servers-resp": lambda s: of_host(s, "with_servers=true", "servers"),
        "hypervisors-without-servers-resp": lambda s: of_host(s, "with_servers=true", "servers"),
        "hypervisors-show-resp": lambda s: s.get(s.hypervisor()),
        "hypervisors-show-with-servers-resp": lambda s: s.get(f"{s.hypervisor()}?with_servers=1"),
        "hypervisors-statistics-resp": lambda s: s.get("/os-hypervisors/statistics"),
        "hypervisors-uptime-resp": lambda s: s.get(f"{s.hypervisor()}/uptime"),
    },
}  # fmt: skip
ASKS["os-quota-sets-noop"] = ASKS["os-quota-sets"]
ASKS |= ELSEWHERE
WHOLE = {
    "server-ips/server-ips-network-resp.json",
    "flavor-extra-specs/flavor-extra-specs-get-resp.json",
    "flavor-extra-specs/flavor-extra-specs-update-resp.json",
    "os-server-diagnostics/server-diagnostics-get-resp.json",
}
"""Samples whose own keys are names that somebody gave."""
AUDITED = {
    "2aa90c00-23eb-4da6-aff9-eda66bb56182", "2c8ef37b-f0cc-4a9e-92a6-32df0095cb12",
    "60dbe74d-0cf3-419b-83f5-407e4b78c7b4",
}  # fmt: skip
"""Hosts of another site."""
MAY: dict[str, set[str]] = {
    "": {
        "security_groups", "adminPass", "progress", "fault", "private_key", "servers_links", "keypairs_links",
        "flavors_links", "hypervisors_links", "migrations_links", "tenant_usages_links", "tenant_usage_links",
        "links",
    },
    "server-groups-post-resp": {"max_server_per_host"},
    "server-groups-list-resp": {"max_server_per_host"},
    "hypervisors-without-servers-resp": {"servers"},
    "images-details-get-resp": {"server"},
    "inst-usage-audit-log-index-get-resp": AUDITED,
    "inst-usage-audit-log-show-get-resp": AUDITED,
}  # fmt: skip
"""What an answer has only sometimes, by sample ("": by any)."""


LEFT_ANSWERS = {
    "servers/v2.69/server-get-resp.json": "only while a cell does not answer",
    "servers/v2.69/servers-details-resp.json": "only while a cell does not answer",
    "servers/v2.69/servers-list-resp.json": "only while a cell does not answer",
    "servers/v2.71/server-get-down-cell-resp.json": "only while a cell does not answer",
    "os-services/v2.69/services-list-get-resp.json": "only while a cell does not answer",
    "os-remote-consoles/v2.8/create-mks-console-resp.json": "no hypervisor here has it",
    "os-hosts/host-get-reboot.json": "no hypervisor here turns its host's power",
    "os-hosts/host-get-shutdown.json": "no hypervisor here turns its host's power",
    "os-hosts/host-get-startup.json": "no hypervisor here turns its host's power",
    "os-hosts/host-put-maintenance-resp.json": "no hypervisor here has a maintenance mode",
}
"""Samples of answers of served routes that are not compared here, and why."""
ADMINS = 'OS-EXT-SRV-ATTR:host"'
"""What a sample holds of servers that an admin was shown."""


def answers() -> Iterator[Any]:
    for sample in index():
        known = sample.key[1] in ASKS.get(sample.resource, {})
        if sample.kind == "response" and known and sample.path not in LEFT_ANSWERS:
            yield pytest.param(sample, id=sample.path.removesuffix(".json"))


@pytest.mark.parametrize("sample", list(answers()))
def test_an_answer_has_the_form_of_its_sample(stage: Stage, sample: Sample) -> None:
    text = (SAMPLES / sample.path).read_text()
    of_servers = sample.resource in ("servers", "os-server-tags", "os-rescue")
    stage.version, stage.asker = sample.version, stage.member if of_servers and ADMINS not in text else None
    reply = ASKS[sample.resource][sample.key[1]](stage)
    assert reply.status < 300, reply
    assert not sample.status.isdigit() or reply.status == int(sample.status)
    may = MAY[""] | MAY.get(sample.key[1], set())
    found = differences(reply.body, json.loads(text), may, free=int(sample.path in WHOLE))
    assert not found, "\n".join(found)


LEFT_REQUESTS = {
    "servers/v2.32/server-create-req.json": "boots from a volume",
    "servers/v2.42/server-create-req.json": "boots from a volume",
    "servers/v2.67/server-create-req.json": "boots from a volume",
    "os-remote-consoles/v2.8/create-mks-console-req.json": "no hypervisor here has it",
    "os-hosts/host-put-maintenance-req.json": "no hypervisor here has a maintenance mode",
}
"""Samples of requests to served routes that are not sent, and why."""
LATER = {"server-create-req-v237": "2.37", "server-create-req-v257": "2.57"}
"""Samples of a later version than their folder says."""
REFUSED = {
    "os-keypairs/v2.92/keypairs-post-req.json",
    "servers/v2.90/server-create-req.json",
    "servers/v2.94/server-create-req.json",
}
"""Samples that lack what their version requires, or have what it no longer takes."""


def _is_sent(sample: Sample) -> bool:
    return sample.key[1] in SENT.get(sample.resource, {})


def requests() -> Iterator[Any]:
    for sample in index():
        if sample.kind == "request" and _is_sent(sample) and sample.path not in LEFT_REQUESTS:
            yield pytest.param(sample, id=sample.path.removesuffix(".json"))


@pytest.mark.parametrize("sample", list(requests()))
def test_a_sample_of_a_request_is_accepted(stage: Stage, sample: Sample) -> None:
    stage.version, stage.asker = LATER.get(sample.key[1], sample.version), None
    body = ours(stage, json.loads((SAMPLES / sample.path).read_text()))
    reply = SENT[sample.resource][sample.key[1]](stage, body)
    if sample.path in REFUSED:
        assert reply.status == 400
        return
    made = (reply.body or {}).get("server", {}).get("id") if sample.resource == "servers" else None
    if made is not None:
        stage.made.append(made)
    expected = ACCEPTED_LATE.get(next(iter(body)))
    assert reply.status == expected if expected else reply.status < 300, (reply, body)


NOT_SERVED = {
    "os-assisted-volume-snapshots", "os-baremetal-nodes", "os-multinic", "os-server-shares",
    "os-snapshots", "os-volume_attachments", "os-volumes",
}  # fmt: skip
"""Resources of which no route is served."""


def test_no_sample_is_forgotten() -> None:
    forgotten = [sample.path for sample in index() if not _accounted(sample)]
    assert forgotten == []


def _accounted(sample: Sample) -> bool:
    if "removed" in sample.note:
        return True
    if sample.resource in NOT_SERVED:
        return not _served(sample)
    told = ASKS if sample.kind == "response" else SENT
    left = sample.path in {**LEFT_ANSWERS, **LEFT_REQUESTS}
    return left or sample.key[1] in told.get(sample.resource, {})


def _served(sample: Sample) -> bool:
    """Tell whether a route of the table serves what a sample is of."""
    method, _, path = sample.route.split(";")[0].partition(" ")
    found = TABLE.find(path.split("?")[0].split()[0].strip("/").split("/"))
    if found is None:
        return False
    if found[0].actions:
        body = json.loads((SAMPLES / sample.path).read_text() or "{}")
        return sample.kind == "request" and any(
            row.handler for row in found[0].actions.get(next(iter(body)), ())
        )
    rows = found[0].methods.get(method, [])
    row = row_at(rows, minor(sample.version))
    return row is not None and row.handler is not None


def test_every_route_with_a_body_has_a_sample() -> None:
    """The other way round: what is served and answers with a body is among what is compared."""
    if not index():
        pytest.skip("no samples here")
    compared = set()
    for sample in index():
        for route in sample.route.split(";"):
            method, _, path = route.strip().partition(" ")
            found = TABLE.find(path.split("?")[0].split()[0].strip("/").split("/")) if path else None
            if found is not None and (_is_sent(sample) or sample.key[1] in ASKS.get(sample.resource, {})):
                compared |= {(row.method, row.path) for row in found[0].methods.get(method, [])}
                compared |= {("POST", row.path) for rows in found[0].actions.values() for row in rows}
    served = {
        (row.method, row.path)
        for row in ROUTES
        if row.handler is not None and row.reply is not None and "volumes_boot" not in row.path
    }
    assert served - compared == WITHOUT_SAMPLE


WITHOUT_SAMPLE = {
    ("GET", "/versions/{version_id}"),
    ("GET", "/os-tenant-networks/{network_id}"),
    ("PUT", "/os-security-groups/{id}"),
}
"""Routes that answer with a body of which no sample was published."""
