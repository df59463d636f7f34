"""What use cases tell, and which changes of servers are told."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.clients.notify import MemoryNotifier
from compute_service.control import aggregates, flavors, groups, hosts, keypairs, lock, power, update
from compute_service.control.notices import watch_changes
from compute_service.domain.errors import NotFound
from compute_service.domain.notices.events import EVENTS
from compute_service.domain.notices.notice import Form
from compute_service.domain.request_id import Asker, bound
from tests.fixtures.records import SMALL
from tests.unit.flows.kinds.world import ADMIN, MEMBER, World


@pytest.fixture
def world(world: World) -> World:
    world.replace(notify=MemoryNotifier(tuple(Form)))
    return world


@pytest.fixture(autouse=True)
def no_listener_stays(world: World) -> Any:
    yield
    world.store.listen(None)


def sent(world: World, form: Form = Form.VERSIONED) -> list[Any]:
    """Return what was told since the last look, in one form."""
    queue = world.svc.notify.sent  # type: ignore[attr-defined]
    found = [notice for notice in queue if notice.form is form]
    queue.clear()
    return found


def types(world: World, form: Form = Form.VERSIONED) -> list[str]:
    """Return the event types told since the last look."""
    return [notice.event_type for notice in sent(world, form)]


def listen(world: World, wanted: str | None) -> None:
    """Have changes of servers told as the option says."""
    world.with_settings("notifications", notify_on_state_change=wanted)
    world.store.listen(watch_changes(world.svc))


def updates(world: World) -> list[tuple[Any, ...]]:
    """Return old and new states of the updates told since the last look."""
    found = []
    for notice in sent(world):
        if notice.event_type == "instance.update":
            data = notice.payload["nova_object.data"]["state_update"]["nova_object.data"]
            found.append(tuple(data.values()))
    return found


def test_a_flavor_is_told_when_made_changed_and_removed(world: World) -> None:
    made = flavors.create_flavor(ADMIN, world.svc, SMALL.replace(flavorid="9", name="nine", is_public=False))
    flavors.set_extra_specs(ADMIN, world.svc, "9", {"hw:cpu_policy": "shared"})
    flavors.describe_flavor(ADMIN, world.svc, "9", "a nine")
    flavors.delete_extra_spec(ADMIN, world.svc, "9", "hw:cpu_policy")
    flavors.delete_flavor(ADMIN, world.svc, "9")
    notices = sent(world)
    assert [one.event_type for one in notices] == [
        "flavor.create",
        "flavor.update",
        "flavor.update",
        "flavor.update",
        "flavor.delete",
    ]
    first, specs, words, *_, gone = [one.payload["nova_object.data"] for one in notices]
    assert (first["flavorid"], first["name"]) == (made.flavorid, "nine")
    assert specs["extra_specs"] == {"hw:cpu_policy": "shared"}
    assert words["description"] == gone["description"] == "a nine"
    assert {one.publisher for one in notices} == {f"nova-api:{world.svc.settings.default.host}"}


def test_a_flavor_that_is_not_there_is_not_told(world: World) -> None:
    with pytest.raises(NotFound):
        flavors.delete_flavor(ADMIN, world.svc, "no such")
    assert types(world) == []


def test_a_key_pair_is_told_when_made_brought_along_and_removed(world: World) -> None:
    made = keypairs.create_keypair(MEMBER, world.svc, MEMBER.user_id, "mine")
    assert types(world, Form.UNVERSIONED) == ["keypair.create.start", "keypair.create.end"]
    keypairs.delete_keypair(MEMBER, world.svc, MEMBER.user_id, "mine")
    assert types(world) == ["keypair.delete.start", "keypair.delete.end"]
    public = made.keypair.public_key
    keypairs.create_keypair(MEMBER, world.svc, MEMBER.user_id, "theirs", public_key=public)
    start, end = sent(world)
    assert (start.event_type, end.event_type) == ("keypair.import.start", "keypair.import.end")
    assert start.payload["nova_object.data"]["fingerprint"] is None
    assert end.payload["nova_object.data"]["public_key"] == public
    assert "PRIVATE KEY" not in repr(end.payload)


def test_a_server_group_is_told_when_made_joined_and_removed(world: World) -> None:
    group = groups.create_group(MEMBER, world.svc, "pair", "soft-affinity")
    server = world.boot(hints={"group": group.uuid})
    groups.delete_group(MEMBER, world.svc, group.uuid)
    mine = [one for one in sent(world) if one.event_type.startswith("server_group")]
    assert [one.event_type for one in mine] == [
        "server_group.create",
        "server_group.add_member",
        "server_group.delete",
    ]
    assert mine[1].payload["nova_object.data"]["members"] == [server.instance.uuid]


def test_an_aggregate_is_told_at_both_ends_of_each_change(world: World) -> None:
    made = aggregates.create_aggregate(ADMIN, world.svc, "racks")
    aggregates.update_aggregate(ADMIN, world.svc, made.id, name="shelves", zone="north")
    aggregates.add_host(ADMIN, world.svc, made.id, "h1")
    flat = next(
        one
        for one in world.svc.notify.sent  # type: ignore[attr-defined]
        if one.event_type == "aggregate.addhost.end"
    )
    assert flat.payload["host_name"] == "h1"
    aggregates.remove_host(ADMIN, world.svc, made.id, "h1")
    aggregates.delete_aggregate(ADMIN, world.svc, made.id)
    verbs = ("create", "update_metadata", "update_prop", "add_host", "remove_host", "delete")
    assert types(world) == [f"aggregate.{verb}.{phase}" for verb in verbs for phase in ("start", "end")]


def test_a_service_is_told_when_changed_and_removed_in_its_own_name(world: World) -> None:
    service = hosts.find_service_of_host(ADMIN, world.svc, "h1", "nova-compute")
    hosts.update_service(ADMIN, world.svc, service, disabled=True, reason="broken fan")
    hosts.update_service(ADMIN, world.svc, service, forced_down=True)
    hosts.delete_service(ADMIN, world.svc, service)
    first, second, third = sent(world)
    assert [one.event_type for one in (first, second, third)] == [
        "service.update",
        "service.update",
        "service.delete",
    ]
    assert first.publisher == "nova-compute:h1"
    assert first.payload["nova_object.data"]["disabled_reason"] == "broken fan"
    assert second.payload["nova_object.data"]["forced_down"] is True


def test_locks_are_told_with_their_reason_and_only_in_the_newer_form(world: World) -> None:
    server = world.boot()
    sent(world)
    lock.lock(ADMIN, world.svc, server, "mine")
    lock.unlock(ADMIN, world.svc, world.see(server.instance.uuid))
    locked, unlocked = sent(world)
    assert (locked.event_type, unlocked.event_type) == ("instance.lock", "instance.unlock")
    assert locked.payload["nova_object.data"]["locked_reason"] == "mine"
    assert unlocked.payload["nova_object.data"]["locked"] is False
    assert EVENTS["instance.lock"].flat is None


def test_without_the_option_changes_are_not_listened_for(world: World) -> None:
    listen(world, None)
    assert watch_changes(world.svc) is None
    world.boot()
    assert updates(world) == []


def test_changes_of_the_servers_state_are_told(world: World) -> None:
    listen(world, "vm_state")
    server = world.boot()
    assert updates(world) == [
        (None, "building", None, "scheduling"),
        ("building", "active", "spawning", None),
    ]
    power.stop(ADMIN, world.svc, server)
    world.settle()
    assert updates(world) == [("active", "stopped", "powering-off", None)]


def test_changes_of_the_task_are_told_too_where_asked_for(world: World) -> None:
    listen(world, "vm_and_task_state")
    server = world.boot()
    updates(world)
    power.stop(ADMIN, world.svc, server)
    world.settle()
    assert updates(world) == [
        ("active", "active", None, "powering-off"),
        ("active", "stopped", "powering-off", None),
    ]


def test_a_rename_is_told_with_the_old_name(world: World) -> None:
    listen(world, "vm_state")
    server = world.boot(tags=("blue",))
    sent(world)
    update.update_server(ADMIN, world.svc, server, {"display_name": "other"})
    (notice,) = sent(world)
    data = notice.payload["nova_object.data"]
    assert (data["old_display_name"], data["display_name"]) == ("web", "other")
    assert data["tags"] == ["blue"]
    period = data["audit_period"]["nova_object.data"]
    assert period["audit_period_beginning"].endswith("-01T00:00:00Z")


def test_a_change_that_is_undone_is_not_told(world: World) -> None:
    server = world.boot()
    listen(world, "vm_state")
    sent(world)
    with pytest.raises(NotFound):
        update.tags_delete(ADMIN, world.svc, server, "no such tag")
    assert updates(world) == []


def test_who_asked_is_told(world: World) -> None:
    with bound(Asker("req-7", None, "alice", "project-a")):
        lock.lock(ADMIN, world.svc, world.boot(), None)
    notice = sent(world)[-1]
    assert notice.asker.request_id == "req-7"
    assert notice.payload["nova_object.data"]["action_initiator_user"] == "alice"


def test_the_default_level_is_an_option(world: World) -> None:
    world.with_settings("notifications", default_level="DEBUG")
    aggregates.create_aggregate(ADMIN, world.svc, "racks")
    assert {notice.priority for notice in sent(world)} == {"DEBUG"}


def test_a_change_that_cannot_be_told_does_not_harm_who_made_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("no clock")

    monkeypatch.setattr("compute_service.control.notices._update", broken)
    listen(world, "vm_state")
    assert world.boot().instance.vm_state == "active"
    assert {kind for kind, _ in world.svc.notify.given_up} == {"instance.update"}  # type: ignore[attr-defined]
