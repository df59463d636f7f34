"""Tells telemetry and others what happened. All notifications are put together here.

Where nobody listens nothing is computed. Whatever goes wrong here is counted and never fails the work that is
told of. Who asked is taken from `domain.request_id`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compute_service.control.keys import KeyType, fingerprint_of
from compute_service.control.services import Services
from compute_service.domain.aggregate import Aggregate
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import Failure
from compute_service.domain.group import ServerGroup
from compute_service.domain.host import Service
from compute_service.domain.instance import Instance, instance_name
from compute_service.domain.keypair import Keypair
from compute_service.domain.notices import flat, objects
from compute_service.domain.notices.events import EVENTS, Event
from compute_service.domain.notices.notice import Form, Notice
from compute_service.domain.notices.period import Period
from compute_service.domain.request_id import asker
from compute_service.store.database import Tx
from compute_service.store.flavors import flavor_get, flavor_projects_of

_WITHOUT_FAULT = ("InstanceUpdatePayload", "InstanceExistsPayload")

Payload = dict[str, Any]
Make = Callable[[Form], Payload]


@dataclass(frozen=True, slots=True)
class Source:
    """In whose name something is told, where the table does not say it."""

    host: str | None = None
    """None: this process's own."""
    binary: str | None = None


def tell(svc: Services, name: str, make: Make, phase: str = "", source: Source = Source()) -> None:
    """Tell one event in the forms that are wanted; `make` returns its payload in a form."""
    event = EVENTS[name]
    for form in svc.notify.forms:
        called = event.name if form is Form.VERSIONED else event.flat
        if called is None:
            continue
        kind = f"{called}.{phase}" if phase else called
        try:
            svc.notify.notify(
                Notice(
                    form=form,
                    event_type=kind,
                    publisher=_publisher(svc, event, form, source),
                    payload=make(form),
                    priority=_priority(svc, event, phase),
                    asker=asker(),
                )
            )
        except Exception as error:
            svc.notify.gave_up(kind, error)


def _publisher(svc: Services, event: Event, form: Form, source: Source) -> str:
    binary, host = source.binary or event.source, source.host or svc.settings.default.host
    return f"{binary}:{host}" if form is Form.VERSIONED else f"{binary.removeprefix('nova-')}.{host}"


def _priority(svc: Services, event: Event, phase: str) -> str:
    if phase == "error" or event.name == "compute.exception":
        return "ERROR"
    return svc.settings.notifications.default_level


# Servers


@dataclass(frozen=True, slots=True)
class About:
    """A server, and what else is to be told of it."""

    server: Instance
    failure: Failure | None = None
    where: str = ""
    """The kind of flow that failed."""
    more: Payload = field(default_factory=dict)
    """Fields of the payload with versions beside the server's own."""
    flat: Payload = field(default_factory=dict)
    """Fields of the flat payload beside the server's own."""


def tell_server(svc: Services, name: str, phase: str, about: About) -> None:
    """Tell that something begins, ends or failed on a server, in the name of its host."""

    def make(form: Form) -> Payload:
        if form is Form.UNVERSIONED:
            return _flat_server(svc, phase, about)
        return _server_object(svc, name, about)

    source = Source(host=about.server.host if EVENTS[name].source == "nova-compute" else None)
    tell(svc, name, make, phase, source)


def tell_failure(svc: Services, about: About) -> None:
    """Tell that an action failed that has no `.error` of its own."""
    failure = about.failure
    if failure is None:
        return

    def make(form: Form) -> Payload:
        if form is Form.VERSIONED:
            return objects.exception_object(failure, about.where)
        return {"exception": failure.message, "args": {"instance": {"uuid": about.server.uuid}}}

    tell(svc, "compute.exception", make, source=Source(host=about.server.host))


def tell_unplaced(svc: Services, about: About) -> None:
    """Tell that no host was found for a new server."""
    server, failure = about.server, about.failure
    if failure is None:
        return

    def make(form: Form) -> Payload:
        if form is Form.VERSIONED:
            data = {
                "instance_uuid": server.uuid,
                "request_spec": None,
                "state": server.vm_state.value,
                "reason": objects.exception_object(failure, about.where),
            }
            return objects.an_object("ComputeTaskPayload", data)
        return {
            "request_spec": {},
            "instance_properties": flat.server_payload(server, _image_service(svc)),
            "instance_id": server.uuid,
            "state": server.vm_state.value,
            "method": "build_instances",
            "reason": failure.message,
        }

    tell(svc, "compute_task.build_instances", make, "error")


def _server_object(svc: Services, name: str, about: About) -> Payload:
    server, payload = about.server, EVENTS[name].payload
    data = objects.server_data(server, asker(), svc.settings.notifications.bdms_in_notifications)
    if payload not in _WITHOUT_FAULT:
        failure = about.failure
        data["fault"] = None if failure is None else objects.exception_object(failure, about.where)
    if payload in ("InstanceCreatePayload", "InstanceActionRebuildPayload"):
        data["trusted_image_certificates"] = (
            None if server.trusted_certs is None else list(server.trusted_certs)
        )
    if payload == "InstanceCreatePayload":
        data["keypairs"] = _keys(server)
        data["tags"] = list(server.tags)
        data["instance_name"] = instance_name(server, svc.settings.default.instance_name_template)
    return objects.an_object(payload, {**data, **about.more})


def _keys(server: Instance) -> list[Payload]:
    key = server.keypair
    if key is None:
        return []
    kind: KeyType = "x509" if key.type == "x509" else "ssh"
    whole = Keypair(
        user_id=server.user_id,
        name=key.name,
        type=kind,
        public_key=key.public_key,
        fingerprint=fingerprint_of(key.public_key, kind),
    )
    return [objects.keypair_object(whole)]


def _flat_server(svc: Services, phase: str, about: About) -> Payload:
    payload = flat.server_payload(about.server, _image_service(svc))
    if phase == "end":
        payload["fixed_ips"] = flat.fixed_ips(about.server)
    if about.failure is not None:
        payload |= flat.failure_fields(about.failure)
    return payload | about.flat


def _image_service(svc: Services) -> str:
    glance = svc.settings.glance
    address = glance.endpoint_override or next(iter(glance.api_servers or ()), "")
    return address.rstrip("/")


def tell_existence(svc: Services, server: Instance, begin: datetime, end: datetime) -> None:
    """Tell that a server was there in an audit period."""
    more = {"audit_period": objects.period_object(begin, end), "bandwidth": []}
    plain = {
        "audit_period_beginning": flat.moment(begin),
        "audit_period_ending": flat.moment(end),
        "bandwidth": {},
    }
    tell_server(svc, "instance.exists", "", About(server, more=more, flat=plain))


# Changes of servers


def watch_changes(svc: Services) -> Callable[[Instance | None, Instance], None] | None:
    """Return what is to hear of each change of a server's row, or None when nobody wants to.

    Raises Invalid when the audit period, which goes along, is none.
    """
    wanted = svc.settings.notifications.notify_on_state_change
    if wanted is None or not svc.notify.forms:
        return None
    period = Period.parse(svc.settings.default.instance_usage_audit_period)

    def changed(before: Instance | None, now: Instance) -> None:
        try:
            if _counts(before, now, wanted):
                tell_server(svc, "instance.update", "", _update(svc, before, now, period))
        except Exception as error:
            svc.notify.gave_up("instance.update", error)

    return changed


def _counts(before: Instance | None, now: Instance, wanted: str) -> bool:
    """Tell whether a change is told: of states as configured, of anything else but progress always."""
    if before is None or before.vm_state is not now.vm_state:
        return True
    if before.task_state is not now.task_state:
        return wanted == "vm_and_task_state"
    alike = before.replace(generation=now.generation, updated_at=now.updated_at, progress=now.progress)
    return alike != now


def _update(svc: Services, before: Instance | None, now: Instance, period: Period) -> About:
    until = svc.clock.now()
    since = period.begun(until)
    renamed = before is not None and before.display_name != now.display_name
    old_name = before.display_name if before is not None and renamed else None
    states = objects.state_object(before, now)
    more = {
        "state_update": states,
        "audit_period": objects.period_object(since, until),
        "bandwidth": [],
        "old_display_name": old_name,
        "tags": list(now.tags),
    }
    plain = {
        **states["nova_object.data"],
        "audit_period_beginning": flat.moment(since),
        "audit_period_ending": flat.moment(until),
        "bandwidth": {},
        **({"old_display_name": old_name} if renamed else {}),
    }
    return About(now, more=more, flat=plain)


# Everything else


def tell_flavor(svc: Services, verb: str, flavor: Flavor) -> None:
    """Tell that a flavor was made (`create`) or removed (`delete`)."""
    tell(svc, f"flavor.{verb}", lambda form: objects.flavor_object(flavor, flavor.projects))


def tell_flavor_now(svc: Services, tx: Tx, flavorid: str, verb: str = "update") -> Callable[[], None]:
    """Return what tells of a flavor as it is in this transaction; to be called when that is committed."""
    if not svc.notify.forms:
        return lambda: None
    flavor = flavor_get(tx, flavorid)
    if flavor is None:
        return lambda: None
    whole = flavor.replace(projects=flavor_projects_of(tx, flavorid))
    return lambda: tell_flavor(svc, verb, whole)


def tell_aggregate(
    svc: Services, verb: str, phase: str, aggregate: Aggregate, host: str | None = None
) -> None:
    """Tell that an aggregate is changed; `host` is the one that it gets or loses."""

    def make(form: Form) -> Payload:
        if form is Form.VERSIONED:
            return objects.aggregate_object(aggregate)
        return flat.aggregate_payload(aggregate, host)

    tell(svc, f"aggregate.{verb}", make, phase)


def tell_service(svc: Services, verb: str, service: Service) -> None:
    """Tell that a daemon's service was made, changed or removed, in the name of that daemon."""
    source = Source(host=service.host, binary=service.binary)
    tell(svc, f"service.{verb}", lambda form: objects.service_object(service), source=source)


def tell_keypair(svc: Services, verb: str, phase: str, keypair: Keypair, project_id: str) -> None:
    """Tell that a key pair is made, brought along (`import`) or removed."""

    def make(form: Form) -> Payload:
        if form is Form.VERSIONED:
            return objects.keypair_object(keypair)
        return {"tenant_id": project_id, "user_id": keypair.user_id, "key_name": keypair.name}

    tell(svc, f"keypair.{verb}", make, phase)


def tell_group(svc: Services, verb: str, group: ServerGroup, added: tuple[str, ...] = ()) -> None:
    """Tell that a server group was made or removed, or that servers were `added` to it."""

    def make(form: Form) -> Payload:
        if form is Form.VERSIONED:
            return objects.group_object(group.replace(members=added) if added else group)
        if added:
            return {"server_group_id": group.uuid, "instance_uuids": list(added)}
        return flat.group_payload(group)

    tell(svc, f"server_group.{verb}", make)
