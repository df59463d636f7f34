"""Creates servers: all that is named is looked up and checked, all is written at once, and a bell is rung.

What takes time (finding hosts, making ports and guests) is done by the flows that are logged here.
"""

from __future__ import annotations

import base64
import binascii
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

from compute_service.control.bell import ring
from compute_service.control.disks import disks_of, own_copies
from compute_service.control.flavors import flavor_for
from compute_service.control.images import (
    disk_config_of,
    image_check,
    image_find,
    image_notes,
)
from compute_service.control.names import hostname_of, names_of, new_password, new_reservation_id
from compute_service.control.notices import tell_group
from compute_service.control.quota import budget, check_files, check_metadata, counted
from compute_service.control.sealing import seal
from compute_service.control.server_facts import BOOT_ROLES
from compute_service.control.services import Services
from compute_service.control.spec import ADMIN_PASSWORD
from compute_service.control.whereabouts import Whereabouts, whereabouts_of
from compute_service.domain.block_device import BlockDevice
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Forbidden, Invalid
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import FlowKey, FlowRecord
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance, ServerKeypair
from compute_service.domain.order import ServerOrder
from compute_service.domain.record import Record
from compute_service.domain.request import PlacementRequest
from compute_service.domain.states import TaskState
from compute_service.flows.kinds.build import BuildParams, build_id
from compute_service.flows.kinds.place import PlaceParams
from compute_service.flows.submit import Origin, new_flow
from compute_service.ports.network import NetworkPlan
from compute_service.store.database import Tx
from compute_service.store.flows import flows_insert
from compute_service.store.groups import group_add_members
from compute_service.store.instances import InstanceQuery, instances_insert
from compute_service.store.keypairs import keypair_get
from compute_service.store.mappings import InstanceMapping, Ordered, instance_mappings_insert
from compute_service.store.servers import server_page

MOST_AT_ONCE = 10_000
"""How many servers one request may make, whatever the quota: they are written in one transaction."""


class Created(Record):
    """What became of an order."""

    reservation_id: str
    servers: tuple[Instance, ...]
    admin_password: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """An order with everything it names found and checked."""

    order: ServerOrder
    flavor: Flavor
    image: Image | None
    networks: NetworkPlan
    disks: tuple[BlockDevice, ...]
    where: Whereabouts
    keypair: ServerKeypair | None
    auto_disk_config: bool
    reservation_id: str
    admin_password: str


def create_servers(
    ctx: Context, svc: Services, order: ServerOrder, zero_disk_allowed: bool | None = None
) -> Created:
    """Accept an order of equal servers, as many as quota allows between its least and most.

    `zero_disk_allowed`: whether a flavor without a disk may be used with a local root disk (the policy
    `servers:create:zero_disk_flavor`); by default an admin may. Raises Invalid for what cannot be found,
    Forbidden, OverQuota, Conflict, NetworkAmbiguous, PortInUse.
    """
    order = _bounded(order)
    plan = _resolve(ctx, svc, order, ctx.is_admin if zero_disk_allowed is None else zero_disk_allowed)
    _names_must_be_free(ctx, svc, order)
    seen = counted(svc, ctx.project_id, ctx.user_id)
    with svc.store.api.write() as tx:
        left = budget(tx, svc.settings, ctx.project_id, ctx.user_id, seen)
        check_metadata(left.limits["metadata_items"], order.metadata)
        check_files(left.limits, order.injected_files, injected_sizes(order.injected_files))
        number = left.fitting(plan.flavor, order.min_count, order.max_count)
        servers = _servers(ctx, svc, plan, number)
        if plan.where.group is not None:
            uuids = [one.uuid for one in servers]
            group_add_members(tx, plan.where.group.uuid, uuids, left.limits["server_group_members"])
        made, flows = _write(tx, ctx, plan, servers)
    if plan.where.group is not None:
        tell_group(svc, "add_member", plan.where.group, tuple(one.uuid for one in made))
    ring(svc, *(FlowKey(database=svc.store.api.name, flow_id=flow.id) for flow in flows[:1]))
    return Created(
        reservation_id=plan.reservation_id, servers=tuple(made), admin_password=plan.admin_password
    )


def _bounded(order: ServerOrder) -> ServerOrder:
    """Order no more than are made at once. Raises Forbidden when that is less than the least wanted."""
    if MOST_AT_ONCE < order.min_count <= order.max_count:
        raise Forbidden(f"No more than {MOST_AT_ONCE} servers can be ordered at once.")
    return order.replace(max_count=min(order.max_count, max(order.min_count, MOST_AT_ONCE)))


def _resolve(ctx: Context, svc: Services, order: ServerOrder, zero_disk_allowed: bool) -> _Plan:
    """Find and check what an order names; the image and the networks at the same time."""
    _check_counts(order)
    flavor = flavor_for(ctx, svc, order.flavor_ref)
    disks = disks_of(
        order.block_devices, order.image_ref, flavor, svc.settings.default.max_local_block_devices
    )
    if flavor.root_gb == 0 and not zero_disk_allowed:
        raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    with ThreadPoolExecutor(1) as pool:
        finding = pool.submit(_image, ctx, svc, order.image_ref, flavor)
        networks = svc.network.resolve(ctx, order.networks, order.security_groups, order.max_count)
        image = finding.result()
    where = whereabouts_of(ctx, svc, order)
    return _Plan(
        order=order,
        flavor=flavor,
        image=image,
        networks=networks,
        disks=disks,
        where=where,
        keypair=server_keypair(ctx, svc, order.key_name),
        auto_disk_config=disk_config_of(image, order.disk_config),
        reservation_id=new_reservation_id(),
        admin_password=order.admin_password or new_password(svc.settings.default.password_length),
    )


def _check_counts(order: ServerOrder) -> None:
    if order.min_count > order.max_count:
        raise Invalid("min_count must be <= max_count")
    if order.max_count == 1:
        return
    if any(one.port_id for one in order.networks.networks):
        raise Invalid(
            "Unable to launch multiple instances with a single configured port ID. "
            "Please launch your instance one by one with different ports."
        )
    if any(one.fixed_ip for one in order.networks.networks):
        raise Invalid("max_count cannot be greater than 1 if an fixed_ip is specified.")
    if order.hostname is not None:
        raise Invalid("A hostname cannot be given for more than one server.")


def _image(ctx: Context, svc: Services, image_ref: str, flavor: Flavor) -> Image | None:
    if not image_ref:
        return None
    image = image_find(ctx, svc, image_ref)
    image_check(image, flavor)
    return image


def server_keypair(ctx: Context, svc: Services, name: str | None) -> ServerKeypair | None:
    """Return the requester's key pair as a server keeps it; None for no name. Raises Invalid."""
    if name is None:
        return None
    with svc.store.api.read() as tx:
        found = keypair_get(tx, ctx.user_id, name)
    if found is None:
        raise Invalid("Invalid key_name provided.")
    return ServerKeypair(name=found.name, public_key=found.public_key, type=found.type)


def injected_sizes(files: tuple[tuple[str, str], ...]) -> list[int]:
    """Return the bytes of each injected file's contents. Raises Invalid for what is not base64."""
    try:
        return [len(base64.b64decode(contents, validate=True)) for _, contents in files]
    except (ValueError, binascii.Error) as error:
        raise Invalid("Personality content could not be decoded.") from error


def _names_must_be_free(ctx: Context, svc: Services, order: ServerOrder) -> None:
    scope = svc.settings.default.osapi_compute_unique_server_name_scope
    if not scope:
        return
    project = ctx.project_id if scope == "project" else None
    for name in names_of(order.name, order.max_count):
        pattern = f"^{re.escape(name)}$"
        query = InstanceQuery(project_id=project, filters={"name": pattern}, soft_deleted=True, limit=1)
        if server_page(svc.store, query).servers:
            raise Conflict(f"Instance {name} already exists.")


def _servers(ctx: Context, svc: Services, plan: _Plan, number: int) -> list[Instance]:
    now = svc.clock.now()
    names = names_of(plan.order.name, number)
    first = _server(ctx, svc, plan).replace(created_at=now, updated_at=now)
    servers = []
    for index, name in enumerate(names):
        uuid = str(uuid4())
        servers.append(
            first.replace(
                uuid=uuid,
                display_name=name,
                hostname=plan.order.hostname or hostname_of(name, uuid),
                launch_index=index,
                block_devices=own_copies(plan.disks),
            )
        )
    return servers


def _server(ctx: Context, svc: Services, plan: _Plan) -> Instance:
    """Return what all servers of an order have in common."""
    order, image = plan.order, plan.image
    properties = {} if image is None else image.properties
    wants_drive = properties.get("img_config_drive") == "mandatory"
    root = next((disk.device_name for disk in plan.disks if disk.boot_index == 0), None)
    group = plan.where.group
    return Instance(
        uuid="",
        project_id=ctx.project_id,
        user_id=ctx.user_id,
        reservation_id=plan.reservation_id,
        created_at=svc.clock.now(),
        display_name=order.name,
        hostname="",
        flavor=plan.flavor.replace(projects=()),
        display_description=order.description,
        task_state=TaskState.SCHEDULING,
        pinned_availability_zone=plan.where.availability_zone,
        image_ref=order.image_ref,
        image_properties=properties,
        kernel_id=properties.get("kernel_id", ""),
        ramdisk_id=properties.get("ramdisk_id", ""),
        root_device_name=root or properties.get("root_device_name"),
        key_name=order.key_name,
        keypair=plan.keypair,
        user_data=order.user_data,
        config_drive=order.config_drive or svc.settings.default.force_config_drive or wants_drive,
        auto_disk_config=plan.auto_disk_config,
        access_ip_v4=order.access_ip_v4,
        access_ip_v6=order.access_ip_v6,
        metadata=order.metadata,
        tags=tuple(dict.fromkeys(order.tags)),
        security_groups=plan.networks.group_names
        or tuple(dict.fromkeys(order.security_groups))
        or ("default",),
        requested_networks=plan.networks.requested,
        scheduler_hints=order.hints,
        trusted_certs=order.trusted_certs or _default_certificates(svc),
        injected_files=order.injected_files,
        group_uuid=None if group is None else group.uuid,
        system_metadata={
            **image_notes(image),
            BOOT_ROLES: ",".join(ctx.roles),
            ADMIN_PASSWORD: seal(svc.settings, plan.admin_password),
        },
    )


def _default_certificates(svc: Services) -> tuple[str, ...] | None:
    glance = svc.settings.glance
    if glance.verify_glance_signatures and glance.enable_certificate_validation:
        return glance.default_trusted_certificate_ids or None
    return None


def _write(
    tx: Tx, ctx: Context, plan: _Plan, servers: list[Instance]
) -> tuple[list[Instance], list[FlowRecord]]:
    """Write the servers, what they count for, and the flows that will make them, the placing first."""
    made = instances_insert(tx, servers)
    for one in made:
        tx.changed(None, one)
    instance_mappings_insert(
        tx,
        [
            InstanceMapping(
                uuid=one.uuid,
                project_id=one.project_id,
                user_id=one.user_id,
                vcpus=plan.flavor.vcpus,
                memory_mb=plan.flavor.memory_mb,
                created_at=one.created_at,
            )
            for one in servers
        ],
        {one.uuid: Ordered.like(one) for one in servers},
    )
    uuids = tuple(one.uuid for one in servers)
    params = PlaceParams(servers=uuids, request=_request(ctx, plan), plan=plan.networks)
    place = new_flow("place", params, Origin.of(ctx))
    builds = [
        new_flow(
            "build",
            BuildParams(uuid=uuid, plan=plan.networks),
            Origin.of(ctx),
            instance_uuid=uuid,
            action="create",
            after=place.id,
            flow_id=build_id(uuid),
        )
        for uuid in uuids
    ]
    flows = [place, *builds]
    flows_insert(tx, flows)
    return made, flows


def _request(ctx: Context, plan: _Plan) -> PlacementRequest:
    return PlacementRequest(
        project_id=ctx.project_id,
        user_id=ctx.user_id,
        flavor=plan.flavor.replace(projects=()),
        image=plan.image,
        availability_zone=plan.where.availability_zone,
        hints=plan.order.hints,
        group=plan.where.group,
        force_host=plan.where.force_host,
        force_node=plan.where.force_node,
        requested_host=plan.where.requested_host,
        requested_node=plan.where.requested_node,
        request_id=ctx.request_id,
        is_admin=ctx.is_admin,
    )
