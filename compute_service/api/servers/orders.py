"""From a checked body to the order that is carried out; what a body alone tells to be wrong is told here."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from compute_service.api.servers.bodies import Disk, DiskV2, File, NetworkEntry, ServerCreate, ServerNew
from compute_service.api.shape import given
from compute_service.api.versions import change
from compute_service.domain.block_device import BlockDevice
from compute_service.domain.errors import Invalid
from compute_service.domain.order import ServerOrder
from compute_service.domain.vif import NetworkRequest, RequestedNetworks

DESCRIBED = change("2.19")
"""Below, a server's description is its name."""
NETWORKS_CHOSEN = change("2.37")


def server_order(body: ServerCreate, version: int) -> ServerOrder:
    """Return what a POST /servers orders. Raises Invalid."""
    server = body.server
    least, most = _counts(server)
    networks = requested_networks(server.networks)
    _check_place(server)
    hints = body.hints if not isinstance(body.hints, UnsetType) else body.old_hints
    return ServerOrder(
        name=server.name,
        flavor_ref=str(server.flavor_ref),
        image_ref=given(server.image_ref, ""),
        min_count=least,
        max_count=most,
        description=given(server.description, None) if version >= DESCRIBED else server.name,
        hostname=given(server.hostname, None),
        networks=networks,
        security_groups=_security_groups(server),
        block_devices=block_devices(server),
        metadata=given(server.metadata, {}),
        tags=tuple(dict.fromkeys(given(server.tags, []))),
        key_name=given(server.key_name, None),
        user_data=given(server.user_data, None),
        config_drive=given(server.config_drive, False),
        admin_password=given(server.admin_password, None),
        access_ip_v4=given(server.access_ip_v4, None),
        access_ip_v6=given(server.access_ip_v6, None),
        disk_config=given(server.disk_config, None),
        availability_zone=given(server.availability_zone, None),
        host=given(server.host, None),
        hypervisor_hostname=given(server.hypervisor_hostname, None),
        hints=given(hints, {}),
        injected_files=injected_files(server.personality),
        trusted_certs=certificates(server.trusted_image_certificates),
    )


def _counts(server: ServerNew) -> tuple[int, int]:
    least = given(server.min_count, 1)
    most = given(server.max_count, least)
    if least > most:
        raise Invalid("min_count must be <= max_count")
    return least, most


def _check_place(server: ServerNew) -> None:
    """A host is named in one way only."""
    zone = given(server.availability_zone, "")
    if ":" in zone and (server.host is not UNSET or server.hypervisor_hostname is not UNSET):
        raise Invalid(
            "host and hypervisor_hostname cannot be used together with an availability_zone of the form "
            "zone:host:node."
        )


def _security_groups(server: ServerNew) -> tuple[str, ...]:
    names = [given(group.name, "") for group in given(server.security_groups, [])]
    return tuple(dict.fromkeys(name for name in names if name))


def certificates(value: list[str] | UnsetType | None) -> tuple[str, ...] | None:
    """Return the certificates that were named, or None."""
    return tuple(value) if isinstance(value, list) else None


def injected_files(files: list[File] | UnsetType) -> tuple[tuple[str, str], ...]:
    """Return the files to inject as (path, base64 contents), without the blanks that these may have."""
    return tuple((file.path, "".join(file.contents.split())) for file in given(files, []))


def requested_networks(asked: list[NetworkEntry] | Literal["none", "auto"] | UnsetType) -> RequestedNetworks:
    """Return what a create asked of the network. Raises Invalid."""
    if isinstance(asked, UnsetType) or asked == []:
        return RequestedNetworks()
    if isinstance(asked, str):
        return RequestedNetworks(mode=asked)
    found = tuple(_network(entry) for entry in asked)
    ports = [network.port_id for network in found if network.port_id]
    if len(ports) != len(set(ports)):
        raise Invalid("A port may be given only once.")
    return RequestedNetworks(mode="list", networks=found)


def _network(entry: NetworkEntry) -> NetworkRequest:
    port, tag = given(entry.port, None), given(entry.tag, None)
    address = given(entry.fixed_ip, None)
    if port:
        if address is not None:
            raise Invalid(f"Specified Fixed IP '{address}' cannot be used with port '{port}'.")
        return NetworkRequest(port_id=port, tag=tag)
    network = given(entry.uuid, "")
    try:
        network_id = str(uuid.UUID(network))
    except ValueError:
        raise Invalid(f"Bad networks format: network uuid is not in proper format ({network})") from None
    return NetworkRequest(network_id=network_id, fixed_ip=address, tag=tag)


def block_devices(server: ServerNew) -> tuple[BlockDevice, ...]:
    """Return the block devices of a create, in either form of the request. Raises Invalid."""
    old, new = given(server.block_device_mapping, []), given(server.block_device_mapping_v2, [])
    if old and new:
        raise Invalid("Using different block_device_mapping syntaxes is not allowed in the same request.")
    return tuple(_old_device(disk) for disk in old if not _left_out(disk)) + tuple(
        _device(disk) for disk in new if not _left_out(disk)
    )


def _left_out(disk: Disk) -> bool:
    """Tell whether an entry only takes away a device that the image maps."""
    return disk.no_device is not UNSET and bool(disk.no_device)


def _common(disk: Disk) -> dict[str, Any]:
    return {
        "uuid": str(uuid.uuid4()),
        "size_gb": given(disk.volume_size, 0),
        "device_name": given(disk.device_name, None),
    }


def _old_device(disk: Disk) -> BlockDevice:
    volume, snapshot = given(disk.volume_id, None), given(disk.snapshot_id, None)
    if volume is None and snapshot is None:
        raise Invalid("Block Device Mapping is Invalid: a volume_id or snapshot_id is needed.")
    return BlockDevice(
        source_type="snapshot" if volume is None else "volume",
        destination_type="volume",
        volume_id=volume,
        snapshot_id=snapshot,
        delete_on_termination=given(disk.delete_on_termination, False),
        **_common(disk),
    )


def _device(disk: DiskV2) -> BlockDevice:
    source = given(disk.source_type, None)
    if source is None:
        raise Invalid("Block Device Mapping is Invalid: source_type is needed.")
    usual: Literal["local", "volume"] = "local" if source in ("image", "blank") else "volume"
    target = given(disk.destination_type, usual)
    reference = given(disk.uuid, None)
    return BlockDevice(
        source_type=source,
        destination_type=target,
        boot_index=_boot_index(disk),
        image_id=given(disk.image_id, None) or (reference if source == "image" else None),
        volume_id=given(disk.volume_id, None) or (reference if source == "volume" else None),
        snapshot_id=given(disk.snapshot_id, None) or (reference if source == "snapshot" else None),
        delete_on_termination=given(disk.delete_on_termination, target == "local"),
        guest_format=given(disk.guest_format, None),
        device_type=given(disk.device_type, None),
        disk_bus=given(disk.disk_bus, None),
        tag=given(disk.tag, None),
        volume_type=given(disk.volume_type, None),
        **_common(disk),
    )


def _boot_index(disk: DiskV2) -> int | None:
    """Return the place in the boot order; none or a negative one keeps a device out of it."""
    index = given(disk.boot_index, None)
    return None if index is None or index < 0 else index
