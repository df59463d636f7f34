from __future__ import annotations

from typing import Any

import msgspec
import pytest

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.block_device import BlockDevice
from compute_service.domain.flow import Failure
from compute_service.domain.group import ServerGroup
from compute_service.domain.host import Service
from compute_service.domain.keypair import Keypair
from compute_service.domain.notices import flat, objects
from compute_service.domain.notices.events import EVENTS
from compute_service.domain.request_id import Asker
from compute_service.domain.states import PowerState, TaskState, VmState
from tests.fixtures.records import SMALL, a_full_instance, an_instance
from tests.fixtures.stores import EPOCH

ASKER = Asker("req-1", None, "alice", "project-a")

SERVER_FIELDS = {
    "action_initiator_project",
    "action_initiator_user",
    "architecture",
    "auto_disk_config",
    "availability_zone",
    "block_devices",
    "created_at",
    "deleted_at",
    "display_description",
    "display_name",
    "flavor",
    "host",
    "host_name",
    "image_uuid",
    "ip_addresses",
    "kernel_id",
    "key_name",
    "launched_at",
    "locked",
    "locked_reason",
    "metadata",
    "node",
    "os_type",
    "power_state",
    "progress",
    "ramdisk_id",
    "request_id",
    "reservation_id",
    "shares",
    "state",
    "task_state",
    "tenant_id",
    "terminated_at",
    "updated_at",
    "user_id",
    "uuid",
}


def opened(payload: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the fields of a versioned object after a look at its envelope."""
    assert payload["nova_object.name"] == name
    assert payload["nova_object.namespace"] == "nova"
    assert payload["nova_object.version"] == objects.VERSIONS[name]
    assert set(payload) == {f"nova_object.{part}" for part in ("name", "namespace", "version", "data")}
    data: dict[str, Any] = payload["nova_object.data"]
    return data


def test_a_server_has_all_fields_of_the_shape_that_consumers_know() -> None:
    assert set(objects.server_data(a_full_instance(), ASKER)) == SERVER_FIELDS


def test_a_server_tells_states_owner_and_who_asked() -> None:
    server = a_full_instance(vm_state=VmState.SOFT_DELETED, task_state=TaskState.POWERING_OFF)
    data = objects.server_data(server, ASKER)
    assert (data["state"], data["task_state"]) == ("soft-delete", "powering-off")
    assert (data["tenant_id"], data["user_id"]) == (server.project_id, server.user_id)
    assert data["request_id"] == "req-1"
    assert (data["action_initiator_user"], data["action_initiator_project"]) == ("alice", "project-a")
    assert data["host_name"] == server.hostname


@pytest.mark.parametrize(
    ("power", "shown"),
    [
        (PowerState.NOSTATE, "pending"),
        (PowerState.RUNNING, "running"),
        (PowerState.PAUSED, "paused"),
        (PowerState.SHUTDOWN, "shutdown"),
        (PowerState.CRASHED, "crashed"),
        (PowerState.SUSPENDED, "suspended"),
    ],
)
def test_power_states_are_words(power: PowerState, shown: str) -> None:
    assert objects.server_data(an_instance(power_state=power), ASKER)["power_state"] == shown


def test_times_have_seconds_and_a_zone() -> None:
    data = objects.server_data(an_instance(created_at=EPOCH.replace(microsecond=123456)), ASKER)
    assert data["created_at"] == EPOCH.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert data["launched_at"] is None


def test_each_address_of_each_port_is_told() -> None:
    server = a_full_instance()
    found = [opened(one, "IpPayload") for one in objects.server_data(server, ASKER)["ip_addresses"]]
    assert [(ip["address"], ip["version"]) for ip in found] == [("10.0.0.5", 4), ("fd00::5", 6)]
    assert {ip["port_uuid"] for ip in found} == {server.vifs[0].port_id}
    assert found[0]["device_name"] == "tap" + server.vifs[0].port_id[:11]
    assert (found[0]["label"], found[0]["mac"]) == ("private", "fa:16:3e:00:00:01")


def test_volumes_are_told_only_where_asked_for() -> None:
    disk = BlockDevice(
        uuid="d", source_type="volume", destination_type="volume", volume_id="v-1", boot_index=0
    )
    local = BlockDevice(uuid="l", source_type="image", destination_type="local")
    server = an_instance(block_devices=(local, disk))
    assert objects.server_data(server, ASKER)["block_devices"] is None
    (told,) = objects.server_data(server, ASKER, volumes=True)["block_devices"]
    assert opened(told, "BlockDevicePayload")["volume_id"] == "v-1"


def test_no_secret_of_a_server_is_told() -> None:
    server = a_full_instance(
        user_data="c2VjcmV0",
        system_metadata={"admin_password": "sesame"},
        injected_files=(("/a", "c2VjcmV0"),),
    )
    told = msgspec.json.encode([objects.server_data(server, ASKER, True), flat.server_payload(server, "")])
    assert b"sesame" not in told
    assert b"c2VjcmV0" not in told


def test_a_flavor_within_a_server_does_not_say_who_may_use_it() -> None:
    inner = opened(objects.server_data(an_instance(), ASKER)["flavor"], "FlavorPayload")
    assert inner["projects"] is None
    assert (inner["flavorid"], inner["memory_mb"], inner["root_gb"]) == ("1", 512, 1)
    assert opened(objects.flavor_object(SMALL, ("p",)), "FlavorPayload")["projects"] == ["p"]


def test_a_failure_tells_kind_words_and_traceback() -> None:
    failure = Failure(kind="NoValidHost", message="none", details="Traceback …")
    data = opened(objects.exception_object(failure, "build"), "ExceptionPayload")
    assert (data["exception"], data["exception_message"]) == ("NoValidHost", "none")
    assert data["traceback"] == "Traceback …"
    assert set(data) == {"module_name", "function_name", "exception", "exception_message", "traceback"}


def test_a_change_of_states_tells_both_sides() -> None:
    before = an_instance(vm_state=VmState.ACTIVE, task_state=TaskState.PAUSING)
    now = before.replace(vm_state=VmState.PAUSED, task_state=None)
    data = opened(objects.state_object(before, now), "InstanceStateUpdatePayload")
    assert data == {
        "old_state": "active",
        "state": "paused",
        "old_task_state": "pausing",
        "new_task_state": None,
    }
    assert objects.state_object(None, now)["nova_object.data"]["old_state"] is None


def test_an_aggregate_a_service_a_key_and_a_group_have_their_fields() -> None:
    aggregate = Aggregate(id=4, uuid="a", name="racks", metadata={"availability_zone": "z"}, hosts=("h",))
    assert opened(objects.aggregate_object(aggregate), "AggregatePayload") == {
        "id": 4,
        "uuid": "a",
        "name": "racks",
        "hosts": ["h"],
        "metadata": {"availability_zone": "z"},
    }
    service = Service(
        uuid="s", host="h", binary="nova-compute", topic="compute", last_seen_up=EPOCH, disabled=True
    )
    data = opened(objects.service_object(service), "ServiceStatusPayload")
    assert (data["host"], data["binary"], data["disabled"], data["forced_down"]) == (
        "h",
        "nova-compute",
        True,
        False,
    )
    key = Keypair(user_id="u", name="k", public_key="", fingerprint="")
    assert opened(objects.keypair_object(key), "KeypairPayload")["public_key"] is None
    group = ServerGroup(
        uuid="g",
        project_id="p",
        user_id="u",
        name="n",
        policy="anti-affinity",
        rules={"max_server_per_host": 3},
    )
    data = opened(objects.group_object(group), "ServerGroupPayload")
    assert (data["policy"], data["policies"], data["rules"]) == (
        "anti-affinity",
        ["anti-affinity"],
        {"max_server_per_host": "3"},
    )


def test_every_payload_of_the_table_has_a_version() -> None:
    assert {event.payload for event in EVENTS.values()} <= set(objects.VERSIONS)


def test_the_flat_form_of_a_server_is_what_telemetry_reads() -> None:
    server = a_full_instance(launched_at=EPOCH, task_state=None)
    payload = flat.server_payload(server, "http://images")
    assert payload["instance_id"] == server.uuid
    assert payload["image_ref_url"] == f"http://images/images/{server.image_ref}"
    assert (payload["memory_mb"], payload["vcpus"], payload["disk_gb"]) == (512, 1, 1)
    assert (payload["instance_type"], payload["instance_flavor_id"]) == ("m1.small", "1")
    assert (payload["state"], payload["state_description"]) == ("active", "")
    assert payload["launched_at"] == EPOCH.strftime("%Y-%m-%dT%H:%M:%S.%f")
    assert payload["deleted_at"] == ""
    assert payload["image_meta"]["base_image_ref"] == server.image_ref
    (four, _) = flat.fixed_ips(server)
    assert (four["address"], four["floating_ips"], four["type"]) == ("10.0.0.5", ["203.0.113.7"], "fixed")
